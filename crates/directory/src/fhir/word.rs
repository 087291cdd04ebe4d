//! Names that the directory's implementation guides give to things.

/// Extension of a `telecom`: what is known of the mailbox.
pub(super) const METADATA: &str =
    "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/as-ext-mailbox-mss-metadata";
/// Extension of a `telecom`: that it is a secure mailbox, and no other address.
pub(super) const EMAIL_TYPE: &str = "https://hl7.fr/ig/fhir/core/StructureDefinition/fr-core-contact-point-email-type";

/// Terminology: kinds of mail service.
pub(super) const MAIL_SERVICES: &str =
    "https://mos.esante.gouv.fr/NOS/TRE_R256-TypeMessagerie/FHIR/TRE-R256-TypeMessagerie";
/// Of [`MAIL_SERVICES`]: the trust space's.
pub(super) const MSSANTE: &str = "MSSANTE";
/// Terminology: types of mailboxes.
pub(super) const MAILBOX_TYPES: &str = "https://mos.esante.gouv.fr/NOS/TRE_R257-TypeBAL/FHIR/TRE-R257-TypeBAL";
/// How the addresses of the terminologies of professions and of specialities begin.
pub(super) const PROFESSIONS: &str = "https://mos.esante.gouv.fr/NOS/TRE_G15";
pub(super) const SPECIALITIES: &str = "https://mos.esante.gouv.fr/NOS/TRE_R38";

/// Identifier system: a professional's national id, `8` and the RPPS number (spec §7.4).
pub(super) const PERSON: &str = "urn:oid:1.2.250.1.71.4.2.1";
/// Identifier system: a structure's national id, `1` and FINESS, `3` and SIRET (spec §7.4).
pub(super) const STRUCTURE: &str = "urn:oid:1.2.250.1.71.4.2.2";
/// Identifier system: FINESS numbers, as they are.
pub(super) const FINESS: &str = "https://finess.esante.gouv.fr";

/// Parts of [`METADATA`].
pub(super) const TYPE: &str = "type";
pub(super) const DESCRIPTION: &str = "description";
pub(super) const SERVICE: &str = "service";
pub(super) const RESPONSIBLE: &str = "responsible";
pub(super) const UNLISTED: &str = "listeRouge";
pub(super) const DIGITISATION: &str = "digitization";

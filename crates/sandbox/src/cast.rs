//! Who plays: the operators, mailboxes, patients and peers of every sandbox. Names, and nothing that is made or random.
//!
//! FINESS numbers are of a department that does not exist (99), with a right check digit; the patients are the
//! published test identities of spec §2.5.

use pli_store::MailboxKind;

use crate::manifest::Space;
use crate::pki::{Branch, Purpose};

/// An operator.
pub struct OperatorRole {
    /// Its name, and its folder's.
    pub name: &'static str,
    /// What it calls itself: the CN of its certificate.
    pub server_name: &'static str,
    /// Its FINESS, for the OU of its certificate.
    pub finess: &'static str,
    /// Its legal name.
    pub organisation: &'static str,
    /// The domains whose mailboxes it holds.
    pub domains: &'static [&'static str],
}

/// The hospital's domain: its mailboxes are on its own mail server, but for the program's.
pub const HOSPITAL_DOMAIN: &str = "ch-exemple.mssante.fr";
/// The domain that the listed peer speaks for.
pub const PEER_DOMAIN: &str = "peer.mssante.fr";
/// The domain that the "wrong-domain" peer is really listed for.
pub const OTHER_DOMAIN: &str = "autre-domaine.mssante.fr";
/// The two domains that the "listed-two-domains" peer speaks for, and nobody else.
pub const TWO_DOMAINS: [&str; 2] = ["laboratoire.mssante.fr", "radiologie.mssante.fr"];

/// The three operators.
pub const OPERATORS: [OperatorRole; 3] = [
    OperatorRole {
        name: "pro",
        server_name: "mss.pro.test",
        finess: "990000010",
        organisation: "OPERATEUR PRO DU BAC A SABLE",
        domains: &["pharmacie-du-pont.mssante.fr", HOSPITAL_DOMAIN, "pharmacie-de-la-gare.mssante.fr"],
    },
    OperatorRole {
        name: "patients",
        server_name: "mss.patients.test",
        finess: "990000028",
        organisation: "OPERATEUR DES PATIENTS DU BAC A SABLE",
        domains: &[pli_types::PATIENT_DOMAIN],
    },
    OperatorRole {
        name: "elsewhere",
        server_name: "mss.elsewhere.test",
        finess: "990000036",
        organisation: "OPERATEUR D'AILLEURS DU BAC A SABLE",
        domains: &["clinique-voisine.mssante.fr"],
    },
];

/// A professional's or a program's mailbox.
pub struct AccountRole {
    /// The mailbox.
    pub address: &'static str,
    /// Its kind.
    pub kind: MailboxKind,
    /// The structure of ORG and APP.
    pub finess: Option<&'static str>,
    /// The holder of PER.
    pub rpps: Option<&'static str>,
    /// Who holds it.
    pub operator: &'static str,
}

/// The pharmacy of the story, a second one that has dispensed to nobody, a doctor at another operator, and a program of
/// the hospital that signs in with a certificate. The doctor's number is one of the official samples (spec §7.4).
pub const ACCOUNTS: [AccountRole; 4] = [
    AccountRole { address: PHARMACY, kind: MailboxKind::Org, finess: Some("990000044"), rpps: None, operator: "pro" },
    AccountRole {
        address: OTHER_PHARMACY,
        kind: MailboxKind::Org,
        finess: Some("990000051"),
        rpps: None,
        operator: "pro",
    },
    AccountRole {
        address: DOCTOR,
        kind: MailboxKind::Per,
        finess: None,
        rpps: Some("10002345670"),
        operator: "elsewhere",
    },
    AccountRole {
        address: "resultats@ch-exemple.mssante.fr",
        kind: MailboxKind::App,
        finess: Some(HOSPITAL_FINESS),
        rpps: None,
        operator: "pro",
    },
];

/// Who reads what is written to an operator's postmasters: the first account that it has.
#[must_use]
pub fn postmaster(operator: &str) -> Option<&'static str> {
    ACCOUNTS.iter().find(|account| account.operator == operator).map(|account| account.address)
}

/// The pharmacy of the story: it has dispensed to the patient this year.
pub const PHARMACY: &str = "officine@pharmacie-du-pont.mssante.fr";
/// Another pharmacy, which has dispensed to nobody.
pub const OTHER_PHARMACY: &str = "officine@pharmacie-de-la-gare.mssante.fr";
/// The GP of the story.
pub const DOCTOR: &str = "medecin.exemple@clinique-voisine.mssante.fr";
/// The hospital of the story.
pub const HOSPITAL_FINESS: &str = "990000069";
/// Its legal name.
pub const HOSPITAL: &str = "CENTRE HOSPITALIER DU BAC A SABLE";
/// The patient of the story.
pub const PATIENT: &str = "279035121518989";

/// A patient.
pub struct PatientRole {
    /// A published test identity.
    pub ins: &'static str,
    /// May he be written to?
    pub space: Space,
    /// Is he under age?
    pub minor: bool,
}

/// The patient of the story, a Corsican, a minor, one who has closed his space, and one more.
pub const PATIENTS: [PatientRole; 5] = [
    PatientRole { ins: PATIENT, space: Space::Open, minor: false },
    PatientRole { ins: "297022A02077878", space: Space::Open, minor: false },
    PatientRole { ins: "110086322083060", space: Space::Open, minor: true },
    PatientRole { ins: "236066322083656", space: Space::Closed, minor: false },
    PatientRole { ins: "275126322074974", space: Space::Open, minor: false },
];

/// An operator that exists only as a certificate.
pub struct PeerRole {
    /// What is right or wrong with it.
    pub name: &'static str,
    /// Its FINESS, for the OU of its certificate.
    pub finess: &'static str,
    /// Who signs its certificate.
    pub branch: Branch,
    /// When its certificate holds.
    pub validity: Validity,
    /// What its certificate is for.
    pub purpose: Purpose,
    /// Is its certificate on the revocation list?
    pub revoked: bool,
    /// Does its certificate say where that list is?
    pub names_list: bool,
    /// The domains that it is listed for, if any. One fault each: whoever should fail for his certificate is listed.
    pub listed_for: &'static [&'static str],
    /// How the list writes its name.
    pub spelling: Spelling,
}

/// When a certificate holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// Now.
    Now,
    /// No longer.
    Past,
    /// Not yet.
    Future,
}

/// How the list writes a certificate's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As the certificate has it.
    Same,
    /// In another order, case and kind of apostrophe, and without accents (spec scenario 12).
    Other,
}

const fn peer(name: &'static str, finess: &'static str) -> PeerRole {
    PeerRole {
        name,
        finess,
        branch: Branch::Organisations,
        validity: Validity::Now,
        purpose: Purpose::Server,
        revoked: false,
        names_list: true,
        listed_for: &[PEER_DOMAIN],
        spelling: Spelling::Same,
    }
}

/// All write as the first domain that they are listed for, or as [`PEER_DOMAIN`]. The first eight are of the contract.
pub const PEERS: [PeerRole; 15] = [
    peer("listed", "990000077"),
    PeerRole { listed_for: &[], ..peer("unlisted", "990000085") },
    PeerRole { listed_for: &[OTHER_DOMAIN], ..peer("wrong-domain", "990000093") },
    PeerRole { validity: Validity::Past, ..peer("expired", "990000101") },
    PeerRole { validity: Validity::Future, ..peer("not-yet-valid", "990000119") },
    PeerRole { revoked: true, ..peer("revoked", "990000127") },
    PeerRole { branch: Branch::None, ..peer("self-signed", "990000135") },
    PeerRole { branch: Branch::People, ..peer("personne", "990000143") },
    peer("listed-second", "990000150"),
    PeerRole { listed_for: &TWO_DOMAINS, ..peer("listed-two-domains", "990000168") },
    PeerRole { spelling: Spelling::Other, ..peer("listed-otherwise-spelled", "990000176") },
    PeerRole { names_list: false, ..peer("no-crl-point", "990000184") },
    PeerRole { purpose: Purpose::ServerOnly, ..peer("server-auth-only", "990000192") },
    PeerRole { purpose: Purpose::Client, ..peer("client-auth-only", "990000200") },
    PeerRole { branch: Branch::Stranger, ..peer("public-ca", "990000218") },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn luhn(text: &str) -> bool {
        let sum: u32 = text
            .bytes()
            .rev()
            .enumerate()
            .map(|(index, byte)| {
                let digit = u32::from(byte - b'0') * if index % 2 == 1 { 2 } else { 1 };
                digit / 10 + digit % 10
            })
            .sum();
        sum.is_multiple_of(10)
    }

    #[test]
    fn every_finess_has_a_right_check_digit_and_a_department_that_does_not_exist() {
        let all: Vec<&str> = OPERATORS
            .iter()
            .map(|role| role.finess)
            .chain(ACCOUNTS.iter().filter_map(|role| role.finess))
            .chain(PEERS.iter().map(|role| role.finess))
            .collect();
        for finess in &all {
            assert!(luhn(finess) && finess.len() == 9 && finess.starts_with("99"), "{finess}");
        }
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn every_patient_has_a_well_formed_identifier() {
        for patient in &PATIENTS {
            pli_types::Ins::parse(patient.ins).unwrap();
        }
    }

    #[test]
    fn the_closed_space_the_minor_and_the_corsican_are_different_patients() {
        let one = |test: fn(&PatientRole) -> bool| {
            let mut found = PATIENTS.iter().filter(|patient| test(patient));
            (found.next().unwrap().ins, found.next().is_none())
        };
        let closed = one(|patient| patient.space == Space::Closed);
        let minor = one(|patient| patient.minor);
        let corsican = one(|patient| patient.ins.contains(['A', 'B']));
        assert!(closed.1 && minor.1 && corsican.1);
        assert!(closed.0 != minor.0 && minor.0 != corsican.0 && corsican.0 != closed.0);
    }
}

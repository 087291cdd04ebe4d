//! Documents that are made up: a CDA R2 about the published test identity of spec §2.5. Their author is an official sample
//! (spec §7.4), their hospital does not exist, and nobody was ever treated so.

use jiff::Timestamp;
use uuid::Uuid;

use crate::cast;
use crate::whitelist::escape;

/// What one says.
#[derive(Debug, Clone, Copy)]
pub struct MadeUp {
    /// Its kind, in LOINC.
    pub code: &'static str,
    /// How the kind is called.
    pub kind: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Its sections, as `component` elements.
    pub sections: &'static str,
}

impl MadeUp {
    /// The document, with a structured body, made at `made_at`.
    #[must_use]
    pub fn cda(&self, made_at: Timestamp) -> Vec<u8> {
        let made = made_at.strftime("%Y%m%d%H%M%S+0000").to_string();
        let day = made_at.strftime("%Y%m%d").to_string();
        TEMPLATE
            .replace("{code}", self.code)
            .replace("{kind}", self.kind)
            .replace("{title}", self.title)
            .replace("{sections}", self.sections)
            .replace("{id}", &Uuid::new_v4().as_u128().to_string())
            .replace("{set}", &Uuid::new_v4().as_u128().to_string())
            .replace("{made}", &made)
            .replace("{day}", &day)
            .replace("{patient}", cast::PATIENT)
            .replace("{structure}", &format!("1{}", cast::HOSPITAL_FINESS))
            .replace("{hospital}", &escape(cast::HOSPITAL))
            .into_bytes()
    }
}

/// An OID under 2.25 is made from a UUID (ITU-T X.667): unique without a register.
const TEMPLATE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">
  <realmCode code="FR"/>
  <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
  <templateId root="2.16.840.1.113883.2.8.2.1"/>
  <templateId root="1.2.250.1.213.1.1.1.1"/>
  <id root="2.25.{id}"/>
  <code code="{code}" codeSystem="2.16.840.1.113883.6.1" codeSystemName="LOINC" displayName="{kind}"/>
  <title>{title}</title>
  <effectiveTime value="{made}"/>
  <confidentialityCode code="N" codeSystem="2.16.840.1.113883.5.25" displayName="Normal"/>
  <languageCode code="fr-FR"/>
  <setId root="2.25.{set}"/>
  <versionNumber value="1"/>
  <recordTarget>
    <patientRole>
      <id root="1.2.250.1.213.1.4.10" extension="{patient}"/>
      <addr nullFlavor="NAV"/>
      <telecom nullFlavor="NAV"/>
      <patient>
        <name>
          <given>DOMINIQUE MARIE-LOUISE</given>
          <given qualifier="BR">DOMINIQUE</given>
          <family qualifier="BR">PAT-TROIS</family>
        </name>
        <administrativeGenderCode code="F" codeSystem="2.16.840.1.113883.5.1" displayName="Féminin"/>
        <birthTime value="19790328"/>
        <birthplace>
          <place><addr><county>51215</county></addr></place>
        </birthplace>
      </patient>
    </patientRole>
  </recordTarget>
  <author>
    <time value="{made}"/>
    <assignedAuthor>
      <id root="1.2.250.1.71.4.2.1" extension="810103441234"/>
      <code code="G15_10/SM26" codeSystem="1.2.250.1.213.1.1.4.5" displayName="Médecin - Qualifié en Médecine Générale (SM)"/>
      <addr nullFlavor="NAV"/>
      <telecom nullFlavor="NAV"/>
      <assignedPerson>
        <name><prefix>DR</prefix><given>Camille</given><family>EXEMPLE</family></name>
      </assignedPerson>
      <representedOrganization>
        <id root="1.2.250.1.71.4.2.2" extension="{structure}"/>
        <name>{hospital}</name>
      </representedOrganization>
    </assignedAuthor>
  </author>
  <custodian>
    <assignedCustodian>
      <representedCustodianOrganization>
        <id root="1.2.250.1.71.4.2.2" extension="{structure}"/>
        <name>{hospital}</name>
        <telecom nullFlavor="NAV"/>
        <addr nullFlavor="NAV"/>
      </representedCustodianOrganization>
    </assignedCustodian>
  </custodian>
  <legalAuthenticator>
    <time value="{made}"/>
    <signatureCode code="S"/>
    <assignedEntity>
      <id root="1.2.250.1.71.4.2.1" extension="810103441234"/>
      <assignedPerson>
        <name><prefix>DR</prefix><given>Camille</given><family>EXEMPLE</family></name>
      </assignedPerson>
      <representedOrganization>
        <id root="1.2.250.1.71.4.2.2" extension="{structure}"/>
        <name>{hospital}</name>
      </representedOrganization>
    </assignedEntity>
  </legalAuthenticator>
  <documentationOf>
    <serviceEvent>
      <code code="IMP" codeSystem="2.16.840.1.113883.5.4" displayName="Hospitalisation"/>
      <effectiveTime><low value="{day}"/></effectiveTime>
      <performer typeCode="PRF">
        <assignedEntity>
          <id root="1.2.250.1.71.4.2.1" extension="810103441234"/>
        </assignedEntity>
      </performer>
    </serviceEvent>
  </documentationOf>
  <componentOf>
    <encompassingEncounter>
      <effectiveTime><low value="{day}"/></effectiveTime>
      <location>
        <healthCareFacility>
          <code code="SA01" codeSystem="1.2.250.1.71.4.2.4" displayName="Etablissement public de santé"/>
        </healthCareFacility>
      </location>
    </encompassingEncounter>
  </componentOf>
  <component>
    <structuredBody>
{sections}    </structuredBody>
  </component>
</ClinicalDocument>
"#;

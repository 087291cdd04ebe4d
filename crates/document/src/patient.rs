//! Whom a document is about: [`PatientId`].

use std::fmt;

use pli_types::Ins;

/// The authorities that an INS comes from: NIR, NIA, and those of tests and demonstrations (spec §2.4).
pub const INS_OIDS: [&str; 4] =
    ["1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.9", "1.2.250.1.213.1.4.10", "1.2.250.1.213.1.4.11"];
/// Identifiers of one patient that are kept: an INS, and those of a few hospitals.
const IDS_MAX: usize = 10;

/// A patient, as a document names him. `Debug` shows nothing of him.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PatientId {
    /// His INS, if he is named by one whose key fits.
    pub ins: Option<Ins>,
    /// Is it a qualified one: its authority, and the four traits of ECO.2.4.2 beside it?
    pub qualified: bool,
    /// The authority of the INS; without one, of the first other identifier.
    pub oid: String,
    /// Identifiers of other authorities: OID and value.
    others: Vec<(String, String)>,
}

impl PatientId {
    /// Of the identifiers that a document has, as (OID, value). `None` if there are none.
    pub(crate) fn of(ids: &[(String, String)], has_traits: bool) -> Option<Self> {
        let named: Vec<_> = ids.iter().filter(|(_, value)| !value.trim().is_empty()).take(IDS_MAX).collect();
        let (first_oid, _) = named.first()?;
        let mut ins = named.iter().filter(|(oid, _)| INS_OIDS.contains(&oid.as_str()));
        let ins = ins.find_map(|(oid, value)| Some((oid, Ins::parse(value.trim()).ok()?)));
        let oid = ins.as_ref().map_or(first_oid, |(oid, _)| *oid).clone();
        let others = named.iter().filter(|(oid, _)| !INS_OIDS.contains(&oid.as_str()));
        Some(Self {
            qualified: ins.is_some() && has_traits,
            ins: ins.map(|(_, ins)| ins),
            oid,
            others: others.map(|(oid, value)| (oid.clone(), value.trim().to_owned())).collect(),
        })
    }

    /// Of an HL7 v2 identifier as METADATA.XML has it: `279…^^^&1.2.250.1.213.1.4.8&ISO^NH`.
    pub(crate) fn of_cx(text: &str) -> Option<Self> {
        let mut components = text.split('^');
        let value = components.next()?.to_owned();
        let oid = components.nth(2).and_then(|authority| authority.split('&').nth(1)).unwrap_or_default().to_owned();
        Self::of(&[(oid, value)], false)
    }

    /// Is he certainly another? Two INS that differ are two patients; else two numbers of one authority. Where nothing
    /// can be compared, nobody is said to be another.
    #[must_use]
    pub fn is_other_than(&self, other: &Self) -> bool {
        if let (Some(ours), Some(theirs)) = (&self.ins, &other.ins) {
            return ours != theirs;
        }
        let pairs = || {
            self.others.iter().flat_map(|(oid, value)| {
                other.others.iter().filter(move |(other_oid, _)| other_oid == oid).map(move |(_, other)| value == other)
            })
        };
        pairs().count() > 0 && !pairs().any(|same| same)
    }
}

impl fmt::Debug for PatientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientId(<hidden>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZOE: &str = "275126322074974";
    const CATARINA: &str = "236066322083656";

    fn patient(ids: &[(&str, &str)]) -> PatientId {
        let ids: Vec<_> = ids.iter().map(|(oid, value)| ((*oid).to_owned(), (*value).to_owned())).collect();
        PatientId::of(&ids, true).unwrap()
    }

    #[test]
    fn an_ins_is_one_by_its_authority_and_its_key() {
        let zoe = patient(&[("1.2.3", "77"), ("1.2.250.1.213.1.4.10", ZOE)]);
        assert_eq!(zoe.ins.as_ref().map(Ins::reveal), Some(ZOE));
        assert!(zoe.qualified && zoe.oid == "1.2.250.1.213.1.4.10");
        let number_of_a_hospital = patient(&[("1.2.3", ZOE)]);
        assert!(number_of_a_hospital.ins.is_none() && !number_of_a_hospital.qualified);
        let bad_key = patient(&[("1.2.250.1.213.1.4.8", "275126322074975")]);
        assert!(bad_key.ins.is_none() && !bad_key.qualified);
        let old_kind = patient(&[("1.2.250.1.213.1.4.2", "0462616033121323152832")]);
        assert!(old_kind.ins.is_none());
    }

    #[test]
    fn an_identifier_of_metadata_is_read() {
        let zoe = PatientId::of_cx(&format!("{ZOE}^^^&1.2.250.1.213.1.4.8&ISO^NH")).unwrap();
        assert_eq!(zoe.ins.as_ref().map(Ins::reveal), Some(ZOE));
        assert!(!zoe.qualified);
        for text in ["", "^^^&1.2.250.1.213.1.4.8&ISO^NH"] {
            assert!(PatientId::of_cx(text).is_none(), "{text}");
        }
        assert!(PatientId::of_cx("12^^^&1.2.3&ISO^PI").unwrap().ins.is_none());
        assert!(PatientId::of_cx(ZOE).unwrap().ins.is_none());
    }

    #[test]
    fn only_who_is_certainly_another_is_another() {
        let (nir, hospital) = ("1.2.250.1.213.1.4.8", "1.2.3");
        let zoe = patient(&[(nir, ZOE), (hospital, "7")]);
        assert!(zoe.is_other_than(&patient(&[(nir, CATARINA)])));
        assert!(zoe.is_other_than(&patient(&[(nir, CATARINA), (hospital, "7")])));
        assert!(zoe.is_other_than(&patient(&[(hospital, "8")])));
        assert!(!zoe.is_other_than(&patient(&[(hospital, "7")])));
        assert!(!zoe.is_other_than(&patient(&[("1.2.4", "8")])));
    }

    #[test]
    fn debug_shows_nobody() {
        assert_eq!(format!("{:?}", patient(&[("1.2.250.1.213.1.4.8", ZOE)])), "PatientId(<hidden>)");
    }
}

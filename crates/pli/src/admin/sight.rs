//! [`Sight`]: whether health identifiers are shown in clear.

use pli_types::{DistinguishedName, Ins, MailAddress, Marked, Masker, ReversePath};

/// How identifiers are shown.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    masker: Masker,
    clear: bool,
}

impl Sight {
    /// Nothing is shown in clear.
    pub(crate) fn masked(masker: Masker) -> Self {
        Self { masker, clear: false }
    }

    /// All is. For who has put it on record, and nobody else.
    pub(crate) fn in_clear(masker: Masker) -> Self {
        Self { masker, clear: true }
    }

    /// An address.
    pub(crate) fn address(&self, address: &MailAddress) -> String {
        if self.clear { address.reveal() } else { self.masker.address(address) }
    }

    /// A patient.
    pub(crate) fn patient(&self, patient: &Ins) -> String {
        if self.clear { patient.reveal().to_owned() } else { self.masker.ins(patient) }
    }

    /// A text in which identifiers may stand.
    pub(crate) fn text(&self, text: &str) -> String {
        if self.clear { text.to_owned() } else { self.masker.scrub(text) }
    }

    /// A name that an account signs in with, which may be a patient's address.
    pub(crate) fn account_name(&self, name: &str) -> String {
        MailAddress::parse(name).map_or_else(|_| self.text(name), |address| self.address(&address))
    }

    /// A certificate's name.
    pub(crate) fn certificate_name(&self, name: &DistinguishedName) -> String {
        if self.clear { name.to_string() } else { self.masker.certificate_name(name) }
    }

    /// A path: empty for that of a report.
    pub(crate) fn path(&self, path: &ReversePath) -> String {
        path.address().map(|address| self.address(address)).unwrap_or_default()
    }

    /// A text of the record.
    pub(crate) fn marked(&self, text: &Marked) -> String {
        if self.clear { text.reveal() } else { self.masker.show(text) }
    }

    /// A text of the record, in which addresses were masked when it was written: those of these that stand in it are
    /// shown as they are.
    pub(crate) fn recorded(&self, text: &str, known: &[MailAddress]) -> String {
        if !self.clear {
            return text.to_owned();
        }
        let shown =
            |text: String, address: &MailAddress| text.replace(&self.masker.address(address), &address.reveal());
        known.iter().fold(text.to_owned(), shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_shown_in_clear_as_far_as_addresses_are_known() {
        let patient = MailAddress::parse("279035121518989@patient.mssante.fr").unwrap();
        let masker = Masker::new(&[1; 32]);
        let text = format!("RCPT {} and ins-00000000@patient.mssante.fr", masker.address(&patient));
        let known = [patient.clone()];
        assert_eq!(Sight { masker: masker.clone(), clear: false }.recorded(&text, &known), text);
        let sight = Sight { masker, clear: true };
        assert_eq!(
            sight.recorded(&text, &known),
            "RCPT 279035121518989@patient.mssante.fr and ins-00000000@patient.mssante.fr"
        );
        assert_eq!(sight.address(&patient), "279035121518989@patient.mssante.fr");
        assert_eq!(sight.path(&ReversePath::Null), "");
    }
}

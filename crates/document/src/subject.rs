//! The subject of a message with an archive (ECO.2.1.3, spec §6.2).

use std::fmt;

const PREFIX: &str = "XDM/1.0/DDM+";
/// What announces a replacement, before the prefix (AMBU.MSS/va1.02), or behind it, as some write it.
const REPLACEMENT: &str = "[Annule et remplace]";

/// A subject that announces documents: `XDM/1.0/DDM+CR d'examens biologiques VIAL Paul 26/11/1978`.
///
/// It holds the patient's name and birth date: `Debug` shows nothing of them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct XdmSubject<'a> {
    /// Do the documents replace earlier ones?
    pub replaces: bool,
    /// What is shown to a reader: label, name, birth date. Health data.
    pub shown: &'a str,
    /// How many documents, if it says so (`3 documents …`). Several are announced by their number.
    pub documents: Option<u32>,
    /// The birth date at the end, `26/11/1978`: the only field that may be missing. Health data.
    pub birth_date: Option<&'a str>,
}

impl<'a> XdmSubject<'a> {
    /// Reads a subject, decoded. `None` if it is not of this form: one that begins with `Re:` announces no documents.
    #[must_use]
    pub fn parse(subject: &'a str) -> Option<Self> {
        let subject = subject.trim();
        let (before, rest) = without_replacement(subject);
        let (behind, shown) = without_replacement(strip_prefix(rest, PREFIX)?);
        let (first, _) = shown.split_once(' ').unwrap_or((shown, ""));
        let announces = |rest: &str| rest.split(' ').nth(1).is_some_and(|word| word.eq_ignore_ascii_case("documents"));
        let last = shown.rsplit(' ').next().unwrap_or_default();
        Some(Self {
            replaces: before || behind,
            shown,
            documents: first.parse().ok().filter(|_| announces(shown)),
            birth_date: Some(last).filter(|last| is_date(last)),
        })
    }
}

impl fmt::Debug for XdmSubject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XdmSubject").field("replaces", &self.replaces).finish_non_exhaustive()
    }
}

fn without_replacement(text: &str) -> (bool, &str) {
    match strip_prefix(text, REPLACEMENT) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    }
}

/// Without regard to case: people and programs write the mention as they like.
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// `JJ/MM/AAAA`
fn is_date(text: &str) -> bool {
    text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if [2, 5].contains(&at) { byte == b'/' } else { byte.is_ascii_digit() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::XdmSubject;

    #[test]
    fn the_example_of_the_requirement_is_read() {
        let subject = XdmSubject::parse("XDM/1.0/DDM+CR d'examens biologiques VIAL Paul 26/11/1978").unwrap();
        assert!(!subject.replaces);
        assert_eq!(subject.shown, "CR d'examens biologiques VIAL Paul 26/11/1978");
        assert_eq!((subject.documents, subject.birth_date), (None, Some("26/11/1978")));
        assert!(!format!("{subject:?}").contains("VIAL"));
    }

    #[test]
    fn a_replacement_is_announced_before_the_prefix_or_behind_it() {
        for text in [
            "[Annule et remplace] XDM/1.0/DDM+2 documents VIAL Paul",
            "XDM/1.0/DDM+[Annule et remplace] 2 documents VIAL Paul",
            " [ANNULE ET REMPLACE]XDM/1.0/DDM+2 documents VIAL Paul",
        ] {
            let subject = XdmSubject::parse(text).unwrap();
            assert!(subject.replaces, "{text}");
            assert_eq!((subject.shown, subject.documents), ("2 documents VIAL Paul", Some(2)), "{text}");
            assert_eq!(subject.birth_date, None, "{text}");
        }
    }

    #[test]
    fn other_subjects_announce_nothing() {
        for text in ["", "Re: XDM/1.0/DDM+CR VIAL Paul", "XDM/1.0/DDM CR", "[Annule et remplace] CR VIAL Paul", "é"] {
            assert_eq!(XdmSubject::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_subject_is_read_or_left(text: String) {
            let announced = format!("XDM/1.0/DDM+{text}");
            prop_assert!(XdmSubject::parse(&announced).is_some());
            let _ = XdmSubject::parse(&text);
        }
    }
}

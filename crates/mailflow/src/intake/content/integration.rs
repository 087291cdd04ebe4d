//! Why a recipient's program could not take a document into its record: [`IntegrationCode`] (spec §6.3).

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $meaning:literal;)*) => {
        /// The codes of the national specification (900 to 906), and those that it takes over from HL7 (table 0357).
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum IntegrationCode {
            $($(#[$doc])* $name,)*
            /// None of them, or none was given.
            Unknown,
        }

        impl IntegrationCode {
            #[cfg(test)]
            const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The code as it stands in reports; `error` where there is none that we know.
            pub(crate) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                    Self::Unknown => "error",
                }
            }

            /// What it means, in the words of the trace.
            pub(crate) fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                    Self::Unknown => "for a reason that is not among the codes",
                }
            }

            fn of(code: &str) -> Self {
                match code {
                    $($code => Self::$name,)*
                    _ => Self::Unknown,
                }
            }
        }
    };
}

codes! {
    /// HL7.
    SegmentSequence = "100", "the segments are not in order";
    /// HL7.
    FieldMissing = "101", "a required field is missing";
    /// HL7.
    DataType = "102", "a field is of the wrong type";
    /// HL7.
    ValueUnknown = "103", "a value is not in its table";
    /// HL7.
    Cardinality = "198", "a field stands too often or not often enough";
    /// HL7.
    OtherHl7 = "199", "another HL7 error";
    /// HL7.
    MessageType = "200", "this type of message is not supported";
    /// HL7.
    EventCode = "201", "this event is not supported";
    /// HL7.
    ProcessingId = "202", "this way of processing is not supported";
    /// HL7.
    VersionId = "203", "this version is not supported";
    /// HL7.
    Internal = "207", "an error within the program";
    /// The national specification.
    WrongVersion = "900", "replaces or deletes a version that is not the right one";
    /// The national specification.
    AuthorNotAllowed = "901", "its author may not do this";
    /// The national specification.
    PatientUnknown = "902", "the patient is not known there";
    /// The national specification.
    InsAbsent = "903", "the INS is absent";
    /// The national specification.
    InsDiffers = "904", "the INS differs";
    /// The national specification.
    InsIncomplete = "905", "the INS is incomplete";
    /// The national specification.
    Other = "906", "another reason";
}

/// What the subject of a mail begins with that says the same without a receipt having been asked for.
const KO: &str = "[KO Intégration système !]";

impl IntegrationCode {
    /// From `904^libellé`. The words behind the code are not kept: they may name the patient.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let code = text.split('^').next().unwrap_or_default().trim();
        (!code.is_empty()).then(|| Self::of(code))
    }

    /// From the subject of an error mail, decoded: `[KO Intégration système !][904] XDM/1.0/DDM+…`.
    pub(super) fn of_subject(subject: &str) -> Option<Self> {
        let rest = subject.trim_start().strip_prefix(KO)?.trim_start();
        let code = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(code, _)| code);
        Some(code.and_then(Self::read).unwrap_or(Self::Unknown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_specification_is_known_by_its_number() {
        let known: Vec<&str> = IntegrationCode::ALL.iter().map(|code| code.as_str()).collect();
        let hl7 = ["100", "101", "102", "103", "198", "199", "200", "201", "202", "203", "207"];
        let national = ["900", "901", "902", "903", "904", "905", "906"];
        assert_eq!(known, [&hl7[..], &national].concat());
        for code in IntegrationCode::ALL {
            assert_eq!(IntegrationCode::read(&format!(" {}^libellé", code.as_str())), Some(*code));
        }
        for odd in ["9040", "904 ", "^904", "", "９０４", "-1", "907^x"] {
            let known = IntegrationCode::read(odd).filter(|code| *code != IntegrationCode::Unknown);
            assert_eq!(known.is_some(), odd == "904 ", "{odd:?}");
        }
    }

    #[test]
    fn an_error_mail_is_one_by_its_subject() {
        let of = IntegrationCode::of_subject;
        assert_eq!(of("[KO Intégration système !][904] XDM/1.0/DDM+2"), Some(IntegrationCode::InsDiffers));
        assert_eq!(of("[KO Intégration système !] [902]"), Some(IntegrationCode::PatientUnknown));
        assert_eq!(of("[KO Intégration système !]["), Some(IntegrationCode::Unknown));
        for other in ["XDM/1.0/DDM+2", "Re: [KO Intégration système !][904]", "[KO Integration systeme !][904]", ""] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}

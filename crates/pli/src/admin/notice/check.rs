//! What of a notice can be wrong before it is begun. None of these sentences repeats a template or a value.

use pli_mailflow::campaign::template::{self, VALUE_CHARS_MAX, ValueFault};
use pli_mailflow::campaign::{Template, TemplateFault};
use pli_store::CampaignRecipient;
use pli_types::{Ins, InsError};

use crate::exit::{Exit, Failure};
use crate::words::Said;

/// A name is typed often, and stands in lists and on record; nothing of a person stands in it.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-_".contains(&b);
    let number = name.bytes().filter(u8::is_ascii_digit).count() >= 13;
    if (1..=64).contains(&name.len()) && name.bytes().all(fits) && !number {
        return Ok(());
    }
    Err(Failure::told(Exit::Usage, "notice-name", &[]))
}

/// Reads a template.
pub(crate) fn read_template(bytes: &[u8]) -> Result<Template, Failure> {
    Template::parse(bytes).map_err(|fault| {
        let (key, line) = match fault {
            TemplateFault::TooLarge => ("template-invalid.large", None),
            TemplateFault::NotUtf8 => ("template-invalid.not-utf-8", None),
            TemplateFault::Header(line) => ("template-invalid.header", Some(line)),
            TemplateFault::HeaderTwice(line) => ("template-invalid.header-twice", Some(line)),
            TemplateFault::NoSubject => ("template-invalid.no-subject", None),
            TemplateFault::NoBody => ("template-invalid.no-text", None),
            TemplateFault::Control(line) => ("template-invalid.control", Some(line)),
            TemplateFault::Brace(line) => ("template-invalid.brace", Some(line)),
            TemplateFault::Place(line) => ("template-invalid.place", Some(line)),
            TemplateFault::Places => ("template-invalid.places", None),
        };
        match line {
            Some(line) => Failure::told(Exit::Usage, key, &[("line", &line)]),
            None => Failure::told(Exit::Usage, key, &[]),
        }
    })
}

/// Whom a row names, and what it tells of him.
pub(crate) fn recipient(ins: &str, values: Vec<String>) -> Result<CampaignRecipient, Said> {
    let patient = Ins::parse(ins).map_err(|error| {
        let key = match error {
            InsError::Length => "row-invalid.ins-length",
            InsError::Syntax => "row-invalid.ins-syntax",
            InsError::Temporary => "row-invalid.ins-temporary",
            InsError::Key => "row-invalid.ins-key",
        };
        Said::new(key, &[])
    })?;
    for value in &values {
        template::check_value(value).map_err(|fault| match fault {
            ValueFault::Empty => Said::new("row-invalid.value-empty", &[]),
            ValueFault::TooLong => Said::new("row-invalid.value-long", &[("most", &VALUE_CHARS_MAX)]),
            ValueFault::Control => Said::new("row-invalid.value-control", &[]),
        })?;
    }
    Ok(CampaignRecipient { patient, values })
}

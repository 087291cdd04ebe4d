//! [`mistake()`]: what is wrong with a command line, as a [`Failure`] like all others.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Said, Value};
use crate::exit::{Exit, Failure};

/// A mistake that clap found. It repeats what was typed: whoever tells it hides identifiers.
pub(crate) fn mistake(error: &Error) -> Failure {
    let get = |kind| error.get(kind).map(text).unwrap_or_default();
    let argument = get(ContextKind::InvalidArg);
    let value = get(ContextKind::InvalidValue);
    let what = match error.kind() {
        ErrorKind::UnknownArgument => Said::new("usage-unknown", &[("argument", &argument)]),
        ErrorKind::InvalidSubcommand => {
            Said::new("usage-no-command", &[("word", &get(ContextKind::InvalidSubcommand))])
        }
        ErrorKind::MissingRequiredArgument => Said::new("usage-missing", &[("arguments", &argument)]),
        ErrorKind::InvalidValue if value.is_empty() => Said::new("usage-no-value", &[("argument", &argument)]),
        ErrorKind::InvalidValue => Said::new(
            "usage-value-of",
            &[("argument", &argument), ("value", &value), ("values", &get(ContextKind::ValidValue))],
        ),
        ErrorKind::ValueValidation => {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            Said::new("usage-value", &[("argument", &argument), ("value", &value), ("cause", &cause)])
        }
        ErrorKind::ArgumentConflict => {
            Said::new("usage-conflict", &[("argument", &argument), ("other", &get(ContextKind::PriorArg))])
        }
        // Rare ones, in clap's own words.
        _ => Said::new("usage-other", &[("what", &first_line(error))]),
    };
    let near = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    let near: Vec<String> = near.into_iter().filter_map(|kind| error.get(kind).map(text)).collect();
    let usage = get(ContextKind::Usage);
    let usage = usage.split_whitespace().skip(1).collect::<Vec<_>>().join(" ");
    let said = match (near.is_empty(), usage.is_empty()) {
        (false, _) => Said::new("usage.near", &[("near", &near.join(", "))]),
        (true, false) => Said::new("usage.so", &[("usage", &usage)]),
        (true, true) => Said::new("usage", &[]),
    };
    Failure::saying(Exit::Usage, "usage", said.with("what", Value::what(what)))
}

/// A name, or several, each between backticks unless clap has marked it already.
fn text(value: &ContextValue) -> String {
    match value {
        ContextValue::String(one) => format!("`{one}`"),
        ContextValue::Strings(several) => several.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn first_line(error: &Error) -> String {
    let text = error.render().to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

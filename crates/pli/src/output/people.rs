//! What only people see: headings and words of tables in their language, and colour on a terminal.

use std::io::IsTerminal;
use std::sync::OnceLock;

use serde_json::Value;

use super::cell;
use crate::words::{self, Language};

/// Columns that hold a stable word of ours and nothing else. Programs read the word itself.
const WORDS: &[&str] = &[
    "outcome",
    "state",
    "event",
    "change",
    "action",
    "in_outcome",
    "out_outcome",
    "life",
    "as_client",
    "as_server",
    "relation",
    "turn",
];

/// Where colours may be: on standard output, and on standard error.
static COLOURED: OnceLock<(bool, bool)> = OnceLock::new();

/// Colour is for terminals, unless `NO_COLOR` has a value (no-color.org), or the terminal is one that has none.
pub(crate) fn choose() {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let wanted = !set("NO_COLOR") && !dumb;
    let (out, err) = (std::io::stdout().is_terminal(), std::io::stderr().is_terminal());
    // It is chosen once, at the start.
    COLOURED.set((wanted && out, wanted && err)).ok();
}

/// A column's name above its column, or a member's beside it.
pub(super) fn heading(name: &str, language: Language) -> String {
    match language {
        Language::En => name.to_owned(),
        Language::Fr => words::translated(name).map_or_else(|| name.to_owned(), str::to_owned),
    }
}

/// A value in a table.
pub(super) fn told(column: &str, value: &Value, language: Language) -> String {
    let text = cell(value);
    match language {
        Language::Fr if WORDS.contains(&column) => words::translated(&text).map_or(text, str::to_owned),
        _ => text,
    }
}

/// A value in a table, padded already, in the colour of what it says.
pub(super) fn painted(column: &str, value: &Value, padded: String) -> String {
    let coloured = COLOURED.get().is_some_and(|(out, _)| *out) && WORDS.contains(&column);
    match value.as_str().and_then(colour).filter(|_| coloured) {
        Some(colour) => {
            let word = padded.trim_end();
            let (word, rest) = padded.split_at(word.len());
            format!("\u{1b}[{colour}m{word}\u{1b}[0m{rest}")
        }
        None => padded,
    }
}

/// A failure's first words, on standard error.
pub(crate) fn painted_failure(page: &str) -> String {
    let coloured = COLOURED.get().is_some_and(|(_, err)| *err);
    match page.split_once("]: ").filter(|(head, _)| coloured && head.starts_with("error[")) {
        Some((head, rest)) => format!("\u{1b}[1;31m{head}]\u{1b}[0m: {rest}"),
        None => page.to_owned(),
    }
}

/// Green: as it should be. Yellow: look at it. Red: it does not work.
fn colour(word: &str) -> Option<&'static str> {
    Some(match word {
        "ok" | "accept" | "accepted" | "delivered" | "relayed" | "believed" | "published" => "32",
        "warn" | "warning" | "waiting" | "due" | "defer" | "deferred" | "suspended" | "notice" => "33",
        "fail" | "failed" | "refuse" | "refused" | "deleted" | "removed" => "31",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_of_ours_are_told_in_french_and_names_are_not() {
        assert_eq!(heading("next_attempt_at", Language::Fr), "prochain essai");
        assert_eq!(heading("next_attempt_at", Language::En), "next_attempt_at");
        assert_eq!(told("state", &json!("waiting"), Language::Fr), "en attente");
        assert_eq!(told("state", &json!("waiting"), Language::En), "waiting");
        assert_eq!(told("name", &json!("waiting"), Language::Fr), "waiting");
    }

    #[test]
    fn nothing_is_coloured_before_it_is_chosen() {
        assert_eq!(painted("outcome", &json!("ok"), "ok  ".to_owned()), "ok  ");
        assert_eq!(painted_failure("error[usage]: no"), "error[usage]: no");
    }
}

//! CSV for people: `;` between cells, UTF-8, a header line, times as ISO 8601 writes them.

use super::shown::Shown;
use crate::cli::sheet;

/// What a cell begins with that a spreadsheet would take for a formula, and run.
const FORMULAS: [char; 4] = ['=', '+', '-', '@'];

/// The header line.
pub(super) const HEADER: &str =
    "entry;at;local;event;face;message;actor;remote;sender;recipient;mailbox;reason;count;detail";

/// An entry's line.
pub(super) fn line(shown: &Shown) -> String {
    let values = shown.members().into_iter().map(|(_, value)| harmless(&value.unwrap_or_default()));
    let cells: Vec<String> = std::iter::once(shown.index.to_string()).chain(values).collect();
    sheet::line(&cells).trim_end_matches('\n').to_owned()
}

/// Text that is shown as it is, and does nothing: control characters by their escapes, and a `'` before what would be a
/// formula.
fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    if text.trim_start().starts_with(FORMULAS) {
        out.push('\'');
    }
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests {
    use pli_audit::EventKind;

    use super::*;
    use crate::cli::audit::export::shown::tests::shown;

    #[test]
    fn a_line_has_the_headers_cells_and_none_is_a_formula() {
        let line = line(&shown(EventKind::Deferred));
        assert_eq!(line.lines().count(), 1);
        assert!(line.starts_with(
            "7;2026-03-14T12:00:00.25Z;2026-03-14T13:00:00.25+01:00;deferred;delivery;09090909090909090909090909090909;\"'=HYPERLINK(\"\"x\"\")\";"
        ));
        assert!(line.ends_with(";équipe@exemple.mssante.fr;peer-unreachable;12;\"550 <no>; \"\"é\"\" & ]]>\\r\\n\\u{1b}[2J\\u{0}\u{fffe}\""), "{line}");
        assert_eq!(HEADER.split(';').count(), 14);
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        for text in ["=1+1", "+1", "-1", "@SUM(1)", " =1", "\t=1"] {
            assert!(harmless(text).starts_with('\''), "{text}");
        }
        assert_eq!(harmless("\r=1"), "'\\r=1");
        assert_eq!(harmless("a=1"), "a=1");
    }
}

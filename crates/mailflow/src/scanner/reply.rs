//! What clamd answers, read strictly: whatever is not a known answer is none (clamd(8), "COMMANDS").

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use pli_policy::{ScanFacts, ScanFault};

/// The longest name of what was found that is told, in characters.
const NAME_MAX: usize = 128;

/// Which clamd, and how old its signatures are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// `ClamAV 1.4.6`.
    pub engine: String,
    /// When its daily signatures were made, to the day or so: clamd tells it in the machine's local time. `None` if it
    /// has only signatures of the admin's own.
    pub signatures_made: Option<Timestamp>,
}

/// The answer to `INSTREAM`, without its NUL. `all_shown`: it came after the last byte of the message.
pub(super) fn scanned(reply: &[u8], all_shown: bool) -> Result<ScanFacts, ScanFault> {
    match reply {
        b"INSTREAM size limit exceeded. ERROR" => return Ok(ScanFacts::TooLarge),
        // Said before the end, it is said of a message that nobody has seen.
        b"stream: OK" if all_shown => return Ok(ScanFacts::Clean),
        _ => {}
    }
    let name = reply.strip_prefix(b"stream: ").and_then(|rest| rest.strip_suffix(b" FOUND"));
    match name {
        // With AlertExceedsMax, clamd tells so of what it has not seen whole.
        Some(name) if name.starts_with(b"Heuristics.Limits.Exceeded") => Ok(ScanFacts::TooLarge),
        Some(name) => Ok(ScanFacts::Found(word(name))),
        None if reply.ends_with(b" ERROR") => Err(ScanFault::Failed),
        None => Err(ScanFault::Unreadable),
    }
}

/// The answer to `VERSION`, without its NUL: `ClamAV 1.4.6/27450/Sun Nov 22 08:26:22 2026`, or the first part of it.
pub(super) fn version(reply: &[u8]) -> Result<Version, ScanFault> {
    let mut parts = reply.split(|byte| *byte == b'/');
    let engine = parts.next().unwrap_or_default();
    if !engine.starts_with(b"ClamAV ") {
        return Err(ScanFault::Unreadable);
    }
    let made = parts.nth(1).and_then(|date| str::from_utf8(date).ok()).and_then(date);
    let engine = engine.split(|byte| *byte == b' ').map(word).collect::<Vec<_>>().join(" ");
    Ok(Version { engine, signatures_made: made })
}

/// As ctime(3) writes it.
fn date(text: &str) -> Option<Timestamp> {
    let text = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let date = DateTime::strptime("%a %b %d %H:%M:%S %Y", text).ok()?;
    date.to_zoned(TimeZone::UTC).ok().map(|date| date.timestamp())
}

/// A word of the scanner's: visible ASCII, cut.
fn word(bytes: &[u8]) -> String {
    let shown = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' };
    bytes.iter().take(NAME_MAX).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_known_answer_counts() {
        let found = |name: &str| Ok(ScanFacts::Found(name.to_owned()));
        for (reply, expected) in [
            ("stream: OK", Ok(ScanFacts::Clean)),
            ("stream: Win.Test.EICAR_HDB-1 FOUND", found("Win.Test.EICAR_HDB-1")),
            (
                "stream: Eicar(69630e4574ec6798239b091cda43dca0:69) FOUND",
                found("Eicar(69630e4574ec6798239b091cda43dca0:69)"),
            ),
            ("stream: two words\u{7f} FOUND", found("two?words?")),
            ("stream:  FOUND", found("")),
            ("stream: OK FOUND", found("OK")),
            ("stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND", Ok(ScanFacts::TooLarge)),
            ("INSTREAM size limit exceeded. ERROR", Ok(ScanFacts::TooLarge)),
            ("stream: Can't allocate memory ERROR", Err(ScanFault::Failed)),
            ("stream: FOUND OK", Err(ScanFault::Unreadable)),
            ("stream: ok", Err(ScanFault::Unreadable)),
            ("stream: OK\nstream: x FOUND", found("OK?stream:?x")),
            ("1: stream: OK", Err(ScanFault::Unreadable)),
            ("OK", Err(ScanFault::Unreadable)),
            ("UNKNOWN COMMAND", Err(ScanFault::Unreadable)),
            ("PONG", Err(ScanFault::Unreadable)),
            ("", Err(ScanFault::Unreadable)),
        ] {
            assert_eq!(scanned(reply.as_bytes(), true), expected, "{reply}");
        }
    }

    #[test]
    fn a_name_is_cut() {
        let reply = format!("stream: {} FOUND", "a".repeat(900));
        assert_eq!(scanned(reply.as_bytes(), true), Ok(ScanFacts::Found("a".repeat(NAME_MAX))));
    }

    #[test]
    fn a_message_that_was_not_shown_whole_is_never_clean() {
        assert_eq!(scanned(b"stream: OK", false), Err(ScanFault::Unreadable));
        assert_eq!(scanned(b"INSTREAM size limit exceeded. ERROR", false), Ok(ScanFacts::TooLarge));
        assert_eq!(scanned(b"stream: a FOUND", false), Ok(ScanFacts::Found("a".to_owned())));
    }

    #[test]
    fn the_version_tells_the_age_of_the_signatures() {
        let told = version(b"ClamAV 1.4.6/27450/Sun Nov  1 08:26:22 2026").unwrap();
        assert_eq!(told.engine, "ClamAV 1.4.6");
        assert_eq!(told.signatures_made, Some("2026-11-01T08:26:22Z".parse().unwrap()));
        for own_signatures in ["ClamAV 1.4.6", "ClamAV 1.4.6/27450", "ClamAV 1.4.6/x/soon"] {
            let told = version(own_signatures.as_bytes()).unwrap();
            assert_eq!((told.engine.as_str(), told.signatures_made), ("ClamAV 1.4.6", None), "{own_signatures}");
        }
        assert_eq!(version(b"UNKNOWN COMMAND"), Err(ScanFault::Unreadable));
        assert_eq!(version(b""), Err(ScanFault::Unreadable));
    }
}

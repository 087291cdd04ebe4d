//! Names of folders: modified UTF-7 on the wire (RFC 3501 §5.1.3), Unicode within.

use base64::Engine as _;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use imap_codec::imap_types::mailbox::Mailbox;

use crate::answer::Answer;

/// What parts the levels of a name.
pub(crate) const DELIMITER: char = '/';

/// The one name that is compared without case (RFC 3501 §5.1).
pub(crate) const INBOX: &str = "INBOX";

/// A folder's whole name, in UTF-8. Long enough for any tree that a person keeps.
const NAME_BYTES_MAX: usize = 255;

/// Levels of one name.
const LEVELS_MAX: usize = 16;

const MODIFIED: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// The name that a command gives, as the store keeps it.
pub(crate) fn read(mailbox: &Mailbox<'_>) -> Result<String, Answer> {
    match mailbox {
        Mailbox::Inbox => Ok(INBOX.to_owned()),
        Mailbox::Other(other) => {
            let name = decode(other.as_ref())
                .ok_or(Answer::no("CANNOT", "This name is not in modified UTF-7 (RFC 3501, 5.1.3)"))?;
            Ok(with_inbox(&name))
        }
    }
}

/// The name of a folder to make. A delimiter at its end only tells that children will follow (RFC 3501 §6.3.3).
pub(crate) fn read_new(mailbox: &Mailbox<'_>) -> Result<String, Answer> {
    let name = read(mailbox)?;
    let name = name.strip_suffix(DELIMITER).unwrap_or(&name);
    let levels_ok = name.split(DELIMITER).all(|level| !level.is_empty() && level.trim() == level);
    let characters_ok = !name.chars().any(|c| c.is_control() || c == '%' || c == '*');
    if !levels_ok || !characters_ok {
        return Err(Answer::no("CANNOT", "A name needs a text in every level, without controls, % or *"));
    }
    if name.len() > NAME_BYTES_MAX || name.split(DELIMITER).count() > LEVELS_MAX {
        return Err(Answer::no("LIMIT", "This name is too long"));
    }
    Ok(name.to_owned())
}

/// `inbox` in any case as the first level is `INBOX`.
pub(crate) fn with_inbox(name: &str) -> String {
    let (first, rest) = match name.split_once(DELIMITER) {
        Some((first, rest)) => (first, Some(rest)),
        None => (name, None),
    };
    match rest {
        _ if !first.eq_ignore_ascii_case(INBOX) => name.to_owned(),
        Some(rest) => format!("{INBOX}{DELIMITER}{rest}"),
        None => INBOX.to_owned(),
    }
}

/// To the wire: a folder's name in modified UTF-7 (RFC 3501 §5.1.3).
#[must_use]
pub fn encode(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut shifted: Vec<u8> = Vec::new();
    for c in name.chars() {
        if !matches!(c, ' '..='~') {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                shifted.extend_from_slice(&unit.to_be_bytes());
            }
            continue;
        }
        close_shift(&mut shifted, &mut out);
        out.push(c);
        if c == '&' {
            out.push('-');
        }
    }
    close_shift(&mut shifted, &mut out);
    out
}

fn close_shift(shifted: &mut Vec<u8>, out: &mut String) {
    if shifted.is_empty() {
        return;
    }
    out.push('&');
    MODIFIED.encode_string(&shifted, out);
    out.push('-');
    shifted.clear();
}

/// From the wire. `None` if it is not modified UTF-7.
#[must_use]
pub fn decode(wire: &[u8]) -> Option<String> {
    let wire = std::str::from_utf8(wire).ok()?;
    let mut out = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some(c) = rest.chars().next() {
        if !matches!(c, ' '..='~') {
            return None;
        }
        let after = rest.get(1..)?;
        if c != '&' {
            out.push(c);
            rest = after;
            continue;
        }
        let (shifted, after) = after.split_once('-')?;
        if shifted.is_empty() {
            out.push('&');
        } else {
            out.push_str(&decode_shifted(shifted)?);
        }
        rest = after;
    }
    Some(out)
}

fn decode_shifted(shifted: &str) -> Option<String> {
    let bytes = MODIFIED.decode(shifted).ok()?;
    let pairs = bytes.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    let units: Vec<u16> = pairs.map(|pair| pair.iter().fold(0, |unit, byte| (unit << 8) | u16::from(*byte))).collect();
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_rfc_3501_go_there_and_back() {
        for (name, wire) in [
            ("INBOX", "INBOX"),
            ("Envoyés", "Envoy&AOk-s"),
            ("Tom & Jerry", "Tom &- Jerry"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("coeur 💙", "coeur &2D3cmQ-"),
            ("été", "&AOk-t&AOk-"),
        ] {
            assert_eq!(encode(name), wire);
            assert_eq!(decode(wire.as_bytes()).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_is_not_modified_utf_7_is_no_name() {
        for wire in [
            "&",         // A shift that never ends.
            "&AOk",      // Nor this one.
            "&AO-",      // Half a character.
            "&2D0-",     // Half of a surrogate pair.
            "&AOl-",     // Bits left over that are not zero.
            "caf\u{e9}", // Not ASCII.
            "a\tb",      // A control.
            "&A/k-",     // `/` is `,` here.
        ] {
            assert_eq!(decode(wire.as_bytes()), None, "{wire}");
        }
    }

    #[test]
    fn inbox_has_no_case_as_a_first_level_only() {
        assert_eq!(with_inbox("inBox"), "INBOX");
        assert_eq!(with_inbox("Inbox/Labo"), "INBOX/Labo");
        assert_eq!(with_inbox("Labo/inbox"), "Labo/inbox");
        assert_eq!(with_inbox("Inboxes"), "Inboxes");
    }

    #[test]
    fn a_new_name_has_a_text_in_every_level() {
        let name = |text: &'static str| read_new(&Mailbox::try_from(text).unwrap()).ok();
        assert_eq!(name("Labo/").as_deref(), Some("Labo"));
        assert_eq!(name("Labo/2026").as_deref(), Some("Labo/2026"));
        for bad in ["", "/", "/Labo", "Labo//2026", "Labo/*", "100%", " Labo"] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }
}

//! What a recipient's program did with a message: a disposition notification (RFC 8098 §3.2), and the acknowledgement of
//! integration that is one (spec §6.3).

use super::integration::IntegrationCode;
use super::report::{News, Told, recipient_of};
use super::value_of;

/// The part that machines read.
pub(super) const MEDIA: &[&str] = &["message/disposition-notification", "message/global-disposition-notification"];

/// The longest value of a field that is read: a mode, a type, some modifiers and a few words.
const VALUE_OCTETS_MAX: usize = 2048;

/// Reads the fields of that part. `None` where nothing becomes of the message: it was deleted, sent on or kept from its
/// sender, and whether anybody has seen it is not told (RFC 8098 §3.2.6.2).
pub(super) fn read(fields: &[u8]) -> Option<Told> {
    let disposition = value_of(fields, "Disposition").filter(|value| value.len() <= VALUE_OCTETS_MAX)?;
    let error = value_of(fields, "Error").filter(|value| value.len() <= VALUE_OCTETS_MAX);
    Some(Told { about: recipient_of(fields), news: news(&disposition, error.as_deref())? })
}

/// `automatic-action/MDN-sent-automatically; processed/Error: 904^…`: the mode, then the type with its modifiers. Programs
/// of doctors write the code there; RFC 8098 §3.2.7 has a field of its own for it, which is read too.
fn news(disposition: &str, error: Option<&str>) -> Option<News> {
    let (_mode, what) = disposition.split_once(';')?;
    let (kind, modifiers) = what.split_once('/').map_or((what, None), |(kind, modifiers)| (kind, Some(modifiers)));
    let failed = modifiers.and_then(error_of);
    match (kind.trim().to_ascii_lowercase().as_str(), failed) {
        ("displayed", _) => Some(News::Opened),
        ("processed", None) => Some(News::Integrated),
        // RFC 3798 §3.2.6.2 still had `failed` as a type of its own.
        ("processed", Some(said)) => Some(News::NotIntegrated(code(said, error))),
        ("failed", said) => Some(News::NotIntegrated(code(said.unwrap_or_default(), error))),
        _ => None,
    }
}

/// What stands behind the modifier `error`, if it is one of them; empty if nothing does.
fn error_of(modifiers: &str) -> Option<&str> {
    let (name, said) = modifiers.split_once(':').unwrap_or((modifiers, ""));
    let is_error = |word: &str| ["error", "failure"].iter().any(|known| word.trim().eq_ignore_ascii_case(known));
    name.split(',').any(is_error).then_some(said)
}

fn code(said: &str, error: Option<&str>) -> IntegrationCode {
    let known = |text: &str| IntegrationCode::read(text).filter(|code| *code != IntegrationCode::Unknown);
    known(said).or_else(|| error.and_then(known)).unwrap_or(IntegrationCode::Unknown)
}

//! What a server did with a message: a delivery status notification (RFC 3464 §2).

use super::report::{News, TOLD_MAX, Told, recipient_of, split};
use super::value_of;

/// The part that machines read.
pub(super) const MEDIA: &[&str] = &["message/delivery-status", "message/global-delivery-status"];

/// Reads the groups of that part: the first is on the message, then comes one a recipient, an empty line between them.
pub(super) fn read(groups: &[u8]) -> Vec<Told> {
    let mut rest = groups;
    let each = std::iter::from_fn(|| {
        let (group, after) = split(rest);
        // A group that is empty (two empty lines) does not end them; the end does.
        let went_on = !rest.is_empty();
        rest = after;
        went_on.then_some(group)
    });
    each.take(2 * TOLD_MAX).filter_map(told).take(TOLD_MAX).collect()
}

fn told(group: &[u8]) -> Option<Told> {
    let news = match value_of(group, "Action")?.to_ascii_lowercase().as_str() {
        // One who stands for several got it (RFC 3464 §2.3.3).
        "delivered" | "expanded" => News::Delivered,
        "relayed" => News::Relayed,
        "failed" => News::Failed(value_of(group, "Status").and_then(|status| status_of(&status))),
        // "delayed" is no state: it is still where it was.
        _ => return None,
    };
    let about = recipient_of(group);
    (!about.is_empty()).then_some(Told { about, news })
}

/// `5.1.1 (no such user)`: the three numbers (RFC 3463 §2).
fn status_of(value: &str) -> Option<String> {
    let code = value.split_ascii_whitespace().next()?;
    let numbers: Vec<&str> = code.split('.').collect();
    let is_number = |text: &&str| (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    (numbers.len() == 3 && numbers.iter().all(is_number)).then(|| code.to_owned())
}

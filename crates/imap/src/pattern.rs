//! The wildcards of LIST and LSUB (RFC 3501 §6.3.8).

use crate::name::{DELIMITER, INBOX};

/// The longest pattern that is matched; no client writes one by hand.
pub(crate) const PATTERN_CHARS_MAX: usize = 512;

/// Does a folder's name fit? `*` stands for anything, `%` for anything within one level.
///
/// All ways to read the wildcards are followed side by side, so that no pattern takes more than its length times
/// the name's.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let caseless = inbox_length(name);
    // `open[i]`: the first `i` characters of the pattern fit what has been read of the name.
    let mut open = vec![false; pattern.len() + 1];
    if let Some(first) = open.first_mut() {
        *first = true;
    }
    skip_wildcards(&pattern, &mut open);
    for (index, c) in name.chars().enumerate() {
        let mut next = vec![false; open.len()];
        for (position, wanted) in pattern.iter().enumerate() {
            if !open.get(position).copied().unwrap_or(false) {
                continue;
            }
            let stays = *wanted == '*' || (*wanted == '%' && c != DELIMITER);
            let fits = *wanted == c || (index < caseless && wanted.eq_ignore_ascii_case(&c));
            let target = match *wanted {
                '*' | '%' if stays => position,
                '*' | '%' => continue,
                _ if fits => position + 1,
                _ => continue,
            };
            if let Some(slot) = next.get_mut(target) {
                *slot = true;
            }
        }
        skip_wildcards(&pattern, &mut next);
        open = next;
    }
    open.last().copied().unwrap_or(false)
}

/// A wildcard may stand for nothing.
fn skip_wildcards(pattern: &[char], open: &mut [bool]) {
    let mut reached = false;
    for (position, slot) in open.iter_mut().enumerate() {
        *slot |= reached;
        reached = *slot && matches!(pattern.get(position), Some('*' | '%'));
    }
}

/// How many characters of this name are compared without case.
fn inbox_length(name: &str) -> usize {
    let first = name.split(DELIMITER).next().unwrap_or_default();
    if first == INBOX { INBOX.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_stand_for_what_rfc_3501_says() {
        for (pattern, name, fits) in [
            ("*", "Labo/2026/Mars", true),
            ("%", "Labo", true),
            ("%", "Labo/2026", false),
            ("Labo/%", "Labo/2026", true),
            ("Labo/%", "Labo", false),
            ("Labo*", "Labo", true),
            ("%/%", "Labo/2026", true),
            ("%/%", "Labo/2026/Mars", false),
            ("*2026", "Labo/2026", true),
            ("*%*%*", "Labo/2026", true),
            ("inbox", "INBOX", true),
            ("inb%", "INBOX", true),
            ("Inbox/%", "INBOX/Labo", true),
            ("labo", "Labo", false),
            ("", "Labo", false),
            ("Envoy%", "Envoyés", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} on {name}");
        }
    }

    #[test]
    fn many_wildcards_cost_no_more_than_their_number() {
        let pattern = "*a".repeat(PATTERN_CHARS_MAX / 2);
        assert!(!matches(&pattern, &"a".repeat(250)));
    }
}

//! The nearest of some names to one that was mistyped.

/// The nearest of `known` to `wrong`, the first of those that are equally near.
pub(crate) fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    known.iter().copied().min_by_key(|name| distance(wrong, name))
}

/// Edits (insert, remove, replace, swap neighbours) that turn one text into the other.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    // Three rows of the table of distances between beginnings: two letters ago, one letter ago, now.
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&last, j) + usize::from(a != b)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && from.get(i - 1) == Some(b) && to.get(j - 1) == Some(a);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(from.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (from, to, edits) in [
            ("", "", 0),
            ("", "abc", 3),
            ("address", "address", 0),
            ("adress", "address", 1),
            ("addresss", "address", 1),
            ("adderss", "address", 1),
            ("kitten", "sitting", 3),
            ("été", "ete", 2),
        ] {
            assert_eq!(distance(from, to), edits, "{from} {to}");
            assert_eq!(distance(to, from), edits, "{to} {from}");
        }
    }

    #[test]
    fn a_slip_of_the_finger_finds_its_key() {
        let known = ["message_size", "recipients", "connections", "connections_per_address", "smtp_idle", "imap_idle"];
        for (wrong, right) in
            [("conections", "connections"), ("smpt_idle", "smtp_idle"), ("messagesize", "message_size")]
        {
            assert_eq!(nearest(wrong, &known), Some(right));
        }
        assert_eq!(nearest("x", &[]), None);
    }
}

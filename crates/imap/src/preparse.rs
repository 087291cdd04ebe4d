//! What imap-codec does not parse yet: the options of LIST that RFC 6154 adds.
//!
//! LIST-EXTENDED (RFC 5258) is not announced. But programs that read SPECIAL-USE in the capabilities ask
//! `LIST (SPECIAL-USE) "" "*"` or `LIST "" "*" RETURN (SPECIAL-USE)` all the same, and both are easily answered.

/// A LIST with its options taken off.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct List {
    /// The command as RFC 3501 has it.
    pub(crate) plain: Vec<u8>,
    /// Only folders with a special use.
    pub(crate) special_only: bool,
}

/// Takes the options off a LIST. `None` if it has none, or others: then it is for the parser to say.
pub(crate) fn list(command: &[u8]) -> Option<List> {
    let text = std::str::from_utf8(command).ok()?.strip_suffix("\r\n")?;
    let (tag, rest) = text.split_once(' ')?;
    let (verb, arguments) = rest.split_once(' ')?;
    if !verb.eq_ignore_ascii_case("LIST") {
        return None;
    }
    let (selected, arguments) = match arguments.strip_prefix('(') {
        Some(rest) => rest.split_once(") ").map(|(words, rest)| (Some(words), rest))?,
        None => (None, arguments),
    };
    let (returned, arguments) = match arguments.strip_suffix(')').and_then(split_return) {
        Some((arguments, words)) => (Some(words), arguments),
        None => (None, arguments),
    };
    if selected.is_none() && returned.is_none() {
        return None;
    }
    let special = |word: &str| word.eq_ignore_ascii_case("SPECIAL-USE");
    let selected = selected.unwrap_or_default();
    let known = selected.split_ascii_whitespace().all(special)
        // Both are in every answer anyway.
        && returned.unwrap_or_default().split_ascii_whitespace().all(|word| special(word) || word.eq_ignore_ascii_case("CHILDREN"));
    let special_only = !selected.trim().is_empty();
    known.then(|| List { plain: format!("{tag} {verb} {arguments}\r\n").into_bytes(), special_only })
}

/// `reference pattern RETURN (words`, apart.
fn split_return(arguments: &str) -> Option<(&str, &str)> {
    let (before, words) = arguments.rsplit_once('(')?;
    let before = before.strip_suffix(' ')?;
    let at = before.len().checked_sub(" RETURN".len())?;
    let (arguments, word) = before.split_at_checked(at)?;
    word.eq_ignore_ascii_case(" RETURN").then_some((arguments, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(command: &str) -> Option<(String, bool)> {
        list(command.as_bytes()).map(|list| (String::from_utf8(list.plain).unwrap(), list.special_only))
    }

    #[test]
    fn the_options_of_rfc_6154_are_taken_off() {
        let plain = |special_only| Some(("a LIST \"\" \"*\"\r\n".to_owned(), special_only));
        assert_eq!(taken("a LIST (SPECIAL-USE) \"\" \"*\"\r\n"), plain(true));
        assert_eq!(taken("a LIST () \"\" \"*\"\r\n"), plain(false));
        assert_eq!(taken("a LIST \"\" \"*\" RETURN (SPECIAL-USE children)\r\n"), plain(false));
        assert_eq!(taken("a LIST (special-use) \"\" \"*\" return ()\r\n"), plain(true));
    }

    #[test]
    fn what_is_not_known_is_left_to_the_parser() {
        for command in [
            "a LIST \"\" \"*\"\r\n",
            "a LIST (REMOTE) \"\" \"*\"\r\n",
            "a LIST \"\" \"*\" RETURN (STATUS (MESSAGES))\r\n",
            "a LIST \"\" \"x RETURN (SPECIAL-USE)\"\r\n",
            "a LSUB (SPECIAL-USE) \"\" \"*\"\r\n",
            "a LIST (",
            "a LIST (SPECIAL-USE\r\n",
            "a LIST RETURN ()\r\n",
        ] {
            assert_eq!(taken(command), None, "{command}");
        }
    }
}

//! Names in a Maildir++: of folders, and of files, which tell a message's flags.
//!
//! A folder below INBOX is `.Level.Level`, in the modified UTF-7 of IMAP (RFC 3501 §5.1.3). A file is
//! `UNIQUE,S=SIZE:2,FLAGS`: capital letters are the flags of RFC 3501, small ones are keywords, named by their place in
//! the folder's file `dovecot-keywords`.

use std::collections::BTreeSet;

use pli_imap::{decode_folder_name, encode_folder_name};
use pli_store::{Entry, Flags};
use pli_types::UidValidity;

/// The file in which a folder names its keywords: a number and a keyword a line.
pub(super) const KEYWORDS_FILE: &str = "dovecot-keywords";

/// One small letter each.
pub(super) const KEYWORDS_MAX: usize = 26;

/// The most bytes that a file system takes as a name.
const NAME_BYTES_MAX: usize = 255;

/// Where a folder's messages lie, below the folder of the mailbox: nothing for INBOX. `None` if its name is too long to
/// be a file's.
pub(super) fn directory(folder: &str) -> Option<String> {
    if folder == "INBOX" {
        return Some(String::new());
    }
    let levels = folder.split('/').map(|level| format!(".{}", encode_folder_name(level).replace('.', "&AC4-")));
    let name: String = levels.collect();
    (name.len() <= NAME_BYTES_MAX).then_some(name)
}

/// The folder whose messages lie there. `None` if the name is none of a Maildir++.
pub(super) fn folder(directory: &str) -> Option<String> {
    if directory.is_empty() {
        return Some("INBOX".to_owned());
    }
    let levels = directory.strip_prefix('.')?.split('.');
    let levels: Option<Vec<String>> = levels.map(|level| decode_folder_name(level.as_bytes())).collect();
    levels.filter(|levels| levels.iter().all(|level| !level.is_empty() && !level.contains('/'))).map(|l| l.join("/"))
}

/// The part of a file's name that stays as it is when flags change.
pub(super) fn unique(entry: &Entry, validity: UidValidity) -> String {
    let (second, uid) = (entry.internal_date.as_second(), entry.uid);
    format!("{second}.V{}U{}.{},S={}", validity.0, uid.0, entry.message, entry.size)
}

/// The flags, as the end of a file's name. Keywords beyond those of the list are left out.
pub(super) fn flags_text(flags: &Flags, keywords: &[String]) -> String {
    let letters =
        [(flags.draft, 'D'), (flags.flagged, 'F'), (flags.answered, 'R'), (flags.seen, 'S'), (flags.deleted, 'T')];
    let capitals = letters.into_iter().filter(|(is_set, _)| *is_set).map(|(_, letter)| letter);
    let small = ('a'..='z').zip(keywords).filter(|(_, keyword)| flags.keywords.contains(*keyword));
    format!(":2,{}", capitals.chain(small.map(|(letter, _)| letter)).collect::<String>())
}

/// Back from a file's name. What no flag stands for is passed over.
pub(super) fn flags(file_name: &str, keywords: &[Option<String>]) -> Flags {
    let letters = file_name.rsplit_once(":2,").map_or("", |(_, letters)| letters);
    let has = |letter: char| letters.contains(letter);
    let named = ('a'..='z').zip(keywords).filter(|(letter, _)| has(*letter));
    Flags {
        seen: has('S'),
        answered: has('R'),
        flagged: has('F'),
        deleted: has('T'),
        draft: has('D'),
        keywords: named.filter_map(|(_, keyword)| keyword.clone()).collect(),
    }
}

/// A folder's keywords in the order of their letters, and how many found no letter.
pub(super) fn keywords<'a>(flags: impl Iterator<Item = &'a Flags>) -> (Vec<String>, usize) {
    let all: BTreeSet<&String> = flags.flat_map(|flags| &flags.keywords).collect();
    let left_out = all.len().saturating_sub(KEYWORDS_MAX);
    (all.into_iter().take(KEYWORDS_MAX).cloned().collect(), left_out)
}

/// The content of [`KEYWORDS_FILE`].
pub(super) fn keywords_text(keywords: &[String]) -> String {
    let lines: Vec<String> = keywords.iter().enumerate().map(|(place, word)| format!("{place} {word}\n")).collect();
    lines.concat()
}

/// Back from [`KEYWORDS_FILE`]: by the numbers of its lines, of which some may be missing.
pub(super) fn read_keywords(text: &str) -> Vec<Option<String>> {
    let mut keywords = vec![None; KEYWORDS_MAX];
    for line in text.lines() {
        let Some((number, keyword)) = line.split_once(' ') else { continue };
        let place = number.parse::<usize>().ok().and_then(|number| keywords.get_mut(number));
        // An atom of RFC 3501 §9, or it cannot be shown to a mail program.
        let is_atom =
            !keyword.is_empty() && keyword.bytes().all(|b| b.is_ascii_graphic() && !b"(){%*\"\\]".contains(&b));
        if let Some(place) = place
            && is_atom
        {
            *place = Some(keyword.to_owned());
        }
    }
    keywords
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_go_there_and_back() {
        for (name, expected) in [
            ("INBOX", ""),
            ("Sent", ".Sent"),
            ("Envoyés/2026", ".Envoy&AOk-s.2026"),
            ("a.b/c & d", ".a&AC4-b.c &- d"),
            ("INBOX/Projets", ".INBOX.Projets"),
        ] {
            assert_eq!(directory(name).as_deref(), Some(expected));
            assert_eq!(folder(expected).as_deref(), Some(name));
        }
        assert_eq!(directory(&"é".repeat(127)), None, "too long for a file's name");
        for bad in ["cur", ".", "..", ".a..b", ".&", ".a&AC8-b"] {
            assert_eq!(folder(bad), None, "{bad}");
        }
    }

    #[test]
    fn flags_go_there_and_back() {
        let flags_set = Flags {
            seen: true,
            flagged: true,
            keywords: ["archive", "zèle"].map(str::to_owned).into(),
            ..Flags::default()
        };
        let (names, left_out) = keywords(std::iter::once(&flags_set));
        assert_eq!((names.as_slice(), left_out), (["archive".to_owned(), "zèle".to_owned()].as_slice(), 0));
        assert_eq!(flags_text(&flags_set, &names), ":2,FSab");
        let read = read_keywords("0 archive\nnonsense\n1 two words\n2 later\n99 x\n");
        let back = flags("1.x,S=1:2,FSabc", &read);
        assert!(back.seen && back.flagged && !back.draft);
        assert_eq!(back.keywords, ["archive", "later"].map(str::to_owned).into());
        assert_eq!(flags("1.x,S=1", &read), Flags::default());
    }
}

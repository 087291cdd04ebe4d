//! LIST (RFC 3501 §6.3.8, with RFC 3348 and RFC 6154) and LSUB (RFC 3501 §6.3.9).

use std::collections::BTreeSet;

use imap_codec::imap_types::mailbox::{ListMailbox, Mailbox};
use pli_store::{Folder, SpecialUse};

use crate::answer::{Answer, Fault};
use crate::pattern::{PATTERN_CHARS_MAX, matches};
use crate::session::Session;
use crate::{format, name};

pub(super) async fn list(
    session: &mut Session<'_>,
    reference: &Mailbox<'_>,
    wanted: &ListMailbox<'_>,
    special_only: bool,
) -> Result<Answer, Fault> {
    let holder = session.state.signed_in()?.mailbox.id;
    let Some(pattern) = pattern(reference, wanted)? else {
        // An empty pattern asks for the delimiter and the root (RFC 3501 §6.3.8).
        session.wire.say("* LIST (\\Noselect) \"/\" \"\"\r\n");
        return Ok(Answer::ok("Listed"));
    };
    let folders = session.context.store.folders(holder).await?;
    let asked = |folder: &&Folder| !special_only || folder.special_use.is_some();
    for folder in folders.iter().filter(asked).filter(|folder| matches(&pattern, &folder.name)) {
        write(session.wire.out(), "LIST", &attributes(folder, &folders), &folder.name);
    }
    Ok(Answer::ok("Listed"))
}

pub(super) async fn lsub(
    session: &mut Session<'_>,
    reference: &Mailbox<'_>,
    wanted: &ListMailbox<'_>,
) -> Result<Answer, Fault> {
    let holder = session.state.signed_in()?.mailbox.id;
    let Some(pattern) = pattern(reference, wanted)? else {
        session.wire.say("* LSUB (\\Noselect) \"/\" \"\"\r\n");
        return Ok(Answer::ok("Listed"));
    };
    let subscribed = session.context.store.subscriptions(holder).await?;
    let mut told = BTreeSet::new();
    for name in subscribed.iter().filter(|name| matches(&pattern, name)) {
        told.insert(name.clone());
        write(session.wire.out(), "LSUB", &[], name);
    }
    if pattern.ends_with('%') {
        // A level above a subscribed name, itself not subscribed, is shown as a way down.
        for name in subscribed.iter().flat_map(|name| levels_above(name)) {
            if matches(&pattern, name) && told.insert(name.to_owned()) {
                write(session.wire.out(), "LSUB", &["\\Noselect"], name);
            }
        }
    }
    Ok(Answer::ok("Listed"))
}

/// `a`, `a/b` for `a/b/c`.
fn levels_above(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices(name::DELIMITER).filter_map(|(end, _)| name.get(..end))
}

/// Reference and pattern, joined. `None` if the pattern is empty.
fn pattern(reference: &Mailbox<'_>, wanted: &ListMailbox<'_>) -> Result<Option<String>, Answer> {
    let wanted = match wanted {
        ListMailbox::Token(token) => token.as_ref(),
        ListMailbox::String(string) => string.as_ref(),
    };
    if wanted.is_empty() {
        return Ok(None);
    }
    let reference = name::read(reference)?;
    let wanted = name::decode(wanted).ok_or(Answer::no("CANNOT", "This pattern is not in modified UTF-7"))?;
    let pattern = format!("{reference}{wanted}");
    if pattern.chars().count() > PATTERN_CHARS_MAX {
        return Err(Answer::no("LIMIT", "This pattern is too long"));
    }
    Ok(Some(pattern))
}

fn attributes(folder: &Folder, folders: &[Folder]) -> Vec<&'static str> {
    let below = |other: &Folder| {
        other.name.strip_prefix(folder.name.as_str()).is_some_and(|rest| rest.starts_with(name::DELIMITER))
    };
    let mut attributes = Vec::new();
    if !folder.selectable {
        attributes.push("\\Noselect");
    }
    attributes.push(if folders.iter().any(below) { "\\HasChildren" } else { "\\HasNoChildren" });
    attributes.extend(folder.special_use.map(|special| match special {
        SpecialUse::Sent => "\\Sent",
        SpecialUse::Drafts => "\\Drafts",
        SpecialUse::Trash => "\\Trash",
        SpecialUse::Junk => "\\Junk",
    }));
    attributes
}

fn write(out: &mut Vec<u8>, word: &str, attributes: &[&str], name: &str) {
    out.extend_from_slice(format!("* {word} ({}) \"/\" ", attributes.join(" ")).as_bytes());
    format::astring(out, name::encode(name).as_bytes());
    out.extend_from_slice(b"\r\n");
}

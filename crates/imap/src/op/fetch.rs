//! FETCH (RFC 3501 §6.4.5).

use std::collections::BTreeSet;

use imap_codec::imap_types::fetch::{Macro, MacroOrMessageDataItemNames, MessageDataItemName, Part, Section};
use imap_codec::imap_types::sequence::SequenceSet;
use pli_audit::EventKind;
use pli_store::{Entry, FlagChange, Flags, StoreError};
use pli_types::{MessageId, Uid};

use super::{gone, no_such_number};
use crate::answer::{Answer, Fault};
use crate::format;
use crate::message::bodystructure;
use crate::message::budget::Budget;
use crate::message::envelope::Envelope;
use crate::message::section::{self, Bytes, Needs};
use crate::record;
use crate::session::Session;
use crate::source::Source;
use crate::state::{Selected, State};
use crate::view::Picked;
use crate::wire::{Wire, WireError};

/// What is asked of each message.
struct Plan<'a> {
    items: Vec<MessageDataItemName<'a>>,
    /// What must be read before anything is said. `None`: nothing of the message itself.
    needs: Option<Needs>,
    /// Somebody reads: `\Seen` is set.
    reads: bool,
    /// What the message says is given out, not only who wrote it about what.
    shows: bool,
}

pub(super) async fn run(
    session: &mut Session<'_>,
    set: &SequenceSet,
    items: MacroOrMessageDataItemNames<'_>,
    uid: bool,
) -> Result<Answer, Fault> {
    let plan = plan(items, uid)?;
    let selected = session.state.selected()?;
    let pick = selected.view.pick(set, uid).map_err(|_| no_such_number())?;
    let now_seen = if plan.reads { mark_seen(session, &pick.messages).await? } else { BTreeSet::new() };
    if plan.shows {
        let now_seen = |picked: &&Picked| now_seen.contains(&picked.entry.uid);
        let opened: Vec<MessageId> = pick.messages.iter().filter(now_seen).map(|picked| picked.entry.message).collect();
        record::fetched(session, &pick.messages, &opened).await?;
    }
    let mut some_gone = pick.some_gone && !uid;
    for picked in &pick.messages {
        let mut with_flags = false;
        let mut picked = picked.clone();
        if now_seen.contains(&picked.entry.uid) {
            picked.entry.flags.seen = true;
            with_flags = !plan.items.contains(&MessageDataItemName::Flags);
        }
        match fetch_one(session, &plan, &picked, with_flags).await {
            // Removed by another session a moment ago.
            Err(Fault::Store(StoreError::NotFound(_))) => some_gone = true,
            outcome => outcome?,
        }
        session.wire.relieve().await?;
    }
    if some_gone { Err(gone().into()) } else { Ok(Answer::ok("Fetched")) }
}

fn plan(items: MacroOrMessageDataItemNames<'_>, uid: bool) -> Result<Plan<'_>, Answer> {
    let mut items = match items {
        MacroOrMessageDataItemNames::Macro(Macro::All) => Macro::All.expand(),
        MacroOrMessageDataItemNames::Macro(Macro::Full) => Macro::Full.expand(),
        MacroOrMessageDataItemNames::Macro(_) => Macro::Fast.expand(),
        MacroOrMessageDataItemNames::MessageDataItemNames(items) => items,
    };
    if uid && !items.contains(&MessageDataItemName::Uid) {
        items.insert(0, MessageDataItemName::Uid);
    }
    let (mut needs, mut reads, mut shows) = (None, false, false);
    for item in &items {
        needs = needs.max(match item {
            MessageDataItemName::Flags
            | MessageDataItemName::InternalDate
            | MessageDataItemName::Rfc822Size
            | MessageDataItemName::Uid => None,
            MessageDataItemName::Body | MessageDataItemName::BodyStructure => Some(Needs::Structure),
            MessageDataItemName::BodyExt { section, .. } => Some(section::needs(section.as_ref())),
            MessageDataItemName::Rfc822 => Some(Needs::Size),
            MessageDataItemName::Envelope => Some(Needs::Beginning),
            MessageDataItemName::Rfc822Header | MessageDataItemName::Rfc822Text => Some(Needs::Header),
            MessageDataItemName::Binary { .. } | MessageDataItemName::BinarySize { .. } => {
                return Err(Answer::bad("BINARY is not offered"));
            }
        });
        shows |= match item {
            MessageDataItemName::BodyExt { section, .. } => !is_header(section.as_ref()),
            MessageDataItemName::Rfc822 | MessageDataItemName::Rfc822Text => true,
            _ => false,
        };
        reads |= matches!(
            item,
            MessageDataItemName::BodyExt { peek: false, .. }
                | MessageDataItemName::Rfc822
                | MessageDataItemName::Rfc822Text
        );
    }
    Ok(Plan { items, needs, reads, shows })
}

/// Is it of the message's own header?
fn is_header(section: Option<&Section<'_>>) -> bool {
    matches!(section, Some(Section::Header(None) | Section::HeaderFields(None, _) | Section::HeaderFieldsNot(None, _)))
}

/// Sets `\Seen` where it is not, and records that these were read, before anything of them is shown. Gives those
/// that had not been seen.
async fn mark_seen(session: &mut Session<'_>, messages: &[Picked]) -> Result<BTreeSet<Uid>, Fault> {
    let selected = session.state.selected()?;
    let unseen: Vec<Entry> =
        messages.iter().map(|picked| &picked.entry).filter(|entry| !entry.flags.seen).cloned().collect();
    if selected.read_only || unseen.is_empty() {
        return Ok(BTreeSet::new());
    }
    let folder = selected.folder.id;
    let uids: Vec<Uid> = unseen.iter().map(|entry| entry.uid).collect();
    let seen = Flags { seen: true, ..Flags::default() };
    let opened = record::event(session, EventKind::Opened);
    let now = session.context.store.set_flags(folder, &uids, FlagChange::Add, &seen, vec![opened]).await?;
    session.state.selected()?.view.agree(&now);
    Ok(uids.into_iter().collect())
}

/// Answers for one message. What can fail is done before the first word.
async fn fetch_one(session: &mut Session<'_>, plan: &Plan<'_>, picked: &Picked, with_flags: bool) -> Result<(), Fault> {
    let context = session.context;
    let Session { state: State::Selected(_, selected), wire, .. } = session else { return Ok(()) };
    let mut source = Source::new(&*context.store, &picked.entry).with_structure(known_structure(selected, picked));
    match plan.needs {
        None => {}
        Some(Needs::Size) => source.open().await?,
        Some(Needs::Beginning) => {
            source.beginning().await?;
        }
        Some(Needs::Header) => {
            source.header_length().await?;
        }
        Some(Needs::Structure) => {
            source.open().await?;
            source.structure().await?;
        }
    }
    wire.say(&format!("* {} FETCH (", picked.sequence));
    for (index, item) in plan.items.iter().enumerate() {
        if index > 0 {
            wire.say(" ");
        }
        write_item(wire, &mut source, picked, item).await.map_err(cut_short)?;
    }
    if with_flags {
        wire.say(&format!(" FLAGS {}", format::entry_flags(&picked.entry)));
    }
    wire.say(")\r\n");
    if let Some(structure) = source.known_structure() {
        selected.structure = Some((picked.entry.message, structure));
    }
    Ok(())
}

fn known_structure(selected: &Selected, picked: &Picked) -> Option<std::sync::Arc<crate::message::structure::Part>> {
    let (message, structure) = selected.structure.as_ref()?;
    (*message == picked.entry.message).then(|| structure.clone())
}

/// Half a line is out: the client can only be told by hanging up.
fn cut_short(fault: Fault) -> Fault {
    match fault {
        Fault::Wire(error) => error.into(),
        Fault::Store(error) => {
            tracing::error!(%error, "a message could not be read to its end");
            WireError::Broken("A message could not be read to its end").into()
        }
        Fault::Refused(_) => WireError::Broken("A message could not be shown").into(),
    }
}

async fn write_item(
    wire: &mut Wire<'_>,
    source: &mut Source<'_>,
    picked: &Picked,
    item: &MessageDataItemName<'_>,
) -> Result<(), Fault> {
    let entry = &picked.entry;
    match item {
        MessageDataItemName::Uid => wire.say(&format!("UID {}", entry.uid.0)),
        MessageDataItemName::Flags => wire.say(&format!("FLAGS {}", format::entry_flags(entry))),
        MessageDataItemName::InternalDate => {
            wire.say(&format!("INTERNALDATE {}", format::date_time(entry.internal_date)));
        }
        MessageDataItemName::Rfc822Size => wire.say(&format!("RFC822.SIZE {}", entry.size)),
        MessageDataItemName::Envelope => {
            let header = source.beginning().await?;
            wire.say("ENVELOPE ");
            Envelope::read(&header, &mut Budget::envelopes()).write(wire.out());
        }
        MessageDataItemName::Body | MessageDataItemName::BodyStructure => {
            let structure = source.structure().await?;
            let extended = matches!(item, MessageDataItemName::BodyStructure);
            wire.say(if extended { "BODYSTRUCTURE " } else { "BODY " });
            bodystructure::write(wire.out(), &structure, extended);
        }
        MessageDataItemName::BodyExt { section, partial, .. } => {
            let partial = partial.map(|(origin, count)| (origin, count.get()));
            section::write_name(wire.out(), section.as_ref(), partial.map(|(origin, _)| origin));
            wire.say(" ");
            send(wire, source, section.as_ref(), partial).await?;
        }
        MessageDataItemName::Rfc822 => {
            wire.say("RFC822 ");
            send(wire, source, None, None).await?;
        }
        MessageDataItemName::Rfc822Header => {
            wire.say("RFC822.HEADER ");
            send(wire, source, Some(&Section::Header(None::<Part>)), None).await?;
        }
        MessageDataItemName::Rfc822Text => {
            wire.say("RFC822.TEXT ");
            send(wire, source, Some(&Section::Text(None)), None).await?;
        }
        // Refused by `plan`.
        MessageDataItemName::Binary { .. } | MessageDataItemName::BinarySize { .. } => {}
    }
    Ok(())
}

/// Sends the bytes of a section.
async fn send(
    wire: &mut Wire<'_>,
    source: &mut Source<'_>,
    section: Option<&Section<'_>>,
    partial: Option<(u32, u32)>,
) -> Result<(), Fault> {
    let bytes = match section::needs(section) {
        Needs::Size => Bytes::Range(0..source.size()),
        Needs::Beginning | Needs::Header => section::find_at_top(section, source.header_length().await?, source.size()),
        Needs::Structure => section::find(&*source.structure().await?, section),
    };
    match bytes {
        Bytes::Range(range) => source.send(wire, section::window(range, partial)).await?,
        Bytes::Fields { header, names, except } => {
            let header = source.bytes(header).await?;
            let chosen = section::filter(&header, &names, except);
            let window = section::window(0..chosen.len(), partial);
            format::literal(wire.out(), chosen.get(window).unwrap_or_default());
        }
        Bytes::Nothing => wire.say("NIL"),
    }
    Ok(())
}

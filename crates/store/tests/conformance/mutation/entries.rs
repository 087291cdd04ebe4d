//! Changes of entries, of the messages beside them, and of whom they are about.

use pli_audit::Column;

use super::rows::{AboutRow, Edit, EntryRow, Row, Rows};
use super::{Change, Named, beside, entry};

fn events(gone: EntryRow, event: Vec<u8>) -> Edit {
    Edit::of(Row::Entry(gone.clone()), Row::Entry(EntryRow { event, ..gone }))
}

fn messages(gone: EntryRow, message: Option<Vec<u8>>) -> (Edit, Named) {
    let named = beside(gone.seq, Column::Message);
    (Edit::of(Row::Entry(gone.clone()), Row::Entry(EntryRow { message, ..gone })), named)
}

pub(super) const OF_ENTRIES: &[(&str, Change)] = &[
    ("flip a bit of an event", |rows, dice| {
        let row = dice.some(&rows.kept());
        let event = dice.flipped(&row.event);
        Some((events(row.clone(), event), (entry(row.seq), None)))
    }),
    ("truncate an event", |rows, dice| {
        let row = dice.some(&rows.kept());
        let event = dice.cut(&row.event, 1);
        Some((events(row.clone(), event), (entry(row.seq), None)))
    }),
    ("empty an event, as if it were pruned", |rows, dice| {
        let row = dice.some(&rows.entries);
        let is_about = |seq| rows.about.iter().any(|about| about.seq == seq);
        let named = match &row.message {
            _ if row.event.is_empty() => return None,
            // Behind what pruning has looked at, none is.
            _ if row.seq > rows.pruned_to => (entry(row.seq), None),
            Some(_) => beside(row.seq, Column::Message),
            None if is_about(row.seq) => beside(row.seq, Column::About),
            None => return None,
        };
        Some((events(row, Vec::new()), named))
    }),
    ("drop an entry", |rows, dice| {
        // The last one nobody has signed.
        let row = dice.some(&rows.entries[..rows.entries.len() - 1]);
        Some((Edit::drop(Row::Entry(row.clone())), (entry(row.seq), None)))
    }),
    ("swap two events", |rows, dice| {
        let (left, right) = dice.two(&rows.kept());
        let edit = events(left.clone(), right.event.clone()).and(events(right, left.event));
        Some((edit, (entry(left.seq), None)))
    }),
    ("swap two rows", |rows, dice| {
        let (left, right) = dice.two(&rows.kept());
        let come = [EntryRow { seq: right.seq, ..left.clone() }, EntryRow { seq: left.seq, ..right.clone() }];
        let seq = left.seq;
        let edit = Edit { gone: vec![Row::Entry(left), Row::Entry(right)], come: come.map(Row::Entry).into() };
        Some((edit, (entry(seq), None)))
    }),
    ("duplicate an event over another", |rows, dice| {
        let from = dice.some(&rows.kept());
        // Over one that is pruned as well.
        let to = dice.some(&rows.entries[..usize::try_from(rows.sealed()).unwrap()]);
        (from.seq != to.seq).then(|| (events(to.clone(), from.event), (entry(to.seq), None)))
    }),
    ("move the first or the last row by one", |rows, dice| {
        let (first, last) = (rows.entries[0].clone(), rows.entries.last().unwrap().clone());
        let (row, seq) = if dice.either() { (first, 0) } else { (last.clone(), last.seq + 1) };
        let edit = Edit::of(Row::Entry(row.clone()), Row::Entry(EntryRow { seq, ..row.clone() }));
        Some((edit, (entry(row.seq), None)))
    }),
    ("insert a copy behind the last row", |rows, dice| {
        // Not right behind it: there anything may be recorded.
        let last = rows.entries.last().unwrap().seq;
        let seq = last + 2 + i64::try_from(dice.below(1000)).unwrap();
        let copy = EntryRow { seq, ..dice.some(&rows.entries) };
        Some((Edit::add(Row::Entry(copy)), (entry(last + 1), None)))
    }),
    ("insert a copy in front of the first row", |rows, dice| {
        let seq = -i64::try_from(dice.below(1000)).unwrap();
        let copy = EntryRow { seq, ..dice.some(&rows.entries) };
        Some((Edit::add(Row::Entry(copy)), (entry(1), None)))
    }),
    ("flip a bit of a message's id", |rows, dice| {
        let row = dice.some(&rows.with_message());
        let message = dice.flipped(row.message.as_ref()?);
        Some(messages(row, Some(message)))
    }),
    ("truncate a message's id", |rows, dice| {
        let row = dice.some(&rows.with_message());
        let message = dice.cut(row.message.as_ref()?, 0);
        Some(messages(row, Some(message)))
    }),
    ("drop a message's id", |rows, dice| Some(messages(dice.some(&rows.with_message()), None))),
    ("duplicate a message's id over another, or where none was", |rows, dice| {
        let (from, to) = (dice.some(&rows.with_message()), dice.some(&rows.entries));
        (from.message != to.message).then(|| messages(to, from.message))
    }),
    ("swap two messages' ids", |rows, dice| {
        let (left, right) = dice.two(&rows.entries);
        let named = beside(left.seq, Column::Message);
        let edit = messages(left.clone(), right.message.clone()).0.and(messages(right.clone(), left.message.clone()).0);
        (left.message != right.message).then_some((edit, named))
    }),
];

/// An entry of another number is about this person: the first of both that does not fit any more is named.
fn moved(rows: &Rows, row: &AboutRow, seq: i64) -> Option<(Edit, Named)> {
    let last = rows.entries.last()?.seq;
    let first = if (1..=last).contains(&seq) { seq.min(row.seq) } else { row.seq };
    let edit = Edit::of(Row::About(row.clone()), Row::About(AboutRow { seq, ..row.clone() }));
    (!rows.is_told(&row.subject, seq)).then_some((edit, beside(first, Column::About)))
}

fn of_other(row: &AboutRow, subject: Vec<u8>) -> Edit {
    Edit::of(Row::About(row.clone()), Row::About(AboutRow { subject, seq: row.seq }))
}

pub(super) const OF_ABOUT: &[(&str, Change)] = &[
    ("flip a bit of a person", |rows, dice| {
        let row = dice.some(&rows.about);
        let subject = dice.flipped(&row.subject);
        Some((of_other(&row, subject), beside(row.seq, Column::About)))
    }),
    ("truncate a person", |rows, dice| {
        let row = dice.some(&rows.about);
        let subject = dice.cut(&row.subject, 0);
        Some((of_other(&row, subject), beside(row.seq, Column::About)))
    }),
    ("drop a row", |rows, dice| {
        let row = dice.some(&rows.about);
        Some((Edit::drop(Row::About(row.clone())), beside(row.seq, Column::About)))
    }),
    ("set a number off by one", |rows, dice| {
        let row = dice.some(&rows.about);
        let seq = row.seq + dice.one_off();
        moved(rows, &row, seq)
    }),
    ("move a row to where no entry is", |rows, dice| {
        let (row, last) = (dice.some(&rows.about), rows.entries.last()?.seq);
        let far = i64::try_from(dice.below(1000)).unwrap();
        let seq = if dice.either() { -far } else { last + 1 + far };
        moved(rows, &row, seq)
    }),
    ("swap two persons", |rows, dice| {
        let (left, right) = dice.two(&rows.about);
        let told = rows.is_told(&left.subject, right.seq) || rows.is_told(&right.subject, left.seq);
        let edit = of_other(&left, right.subject.clone()).and(of_other(&right, left.subject.clone()));
        (!told).then_some((edit, beside(left.seq, Column::About)))
    }),
    ("insert a copy at another entry", |rows, dice| {
        let (row, seq) = (dice.some(&rows.about), dice.some(&rows.entries).seq);
        let edit = Edit::add(Row::About(AboutRow { seq, ..row.clone() }));
        (!rows.is_told(&row.subject, seq)).then_some((edit, beside(seq, Column::About)))
    }),
    ("insert a copy where no entry is", |rows, dice| {
        let (row, last) = (dice.some(&rows.about), rows.entries.last()?.seq);
        let far = i64::try_from(dice.below(1000)).unwrap();
        let (seq, named) = if dice.either() { (-far, 1) } else { (last + 1 + far, last + 1 + far) };
        Some((Edit::add(Row::About(AboutRow { seq, ..row })), beside(named, Column::About)))
    }),
];

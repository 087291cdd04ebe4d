//! Changes of what is kept around the entries: persons, tiles, checkpoints.

use pli_audit::{Column, Place};

use super::rows::{CheckpointRow, Edit, Row, Rows, SubjectRow, TileRow};
use super::{Change, Dice, Named, beside};

/// A person's row becomes another: the first entry about him is named.
fn person(rows: &Rows, row: SubjectRow, come: SubjectRow) -> (Edit, Named) {
    let named = beside(rows.first_about(&row.subject), Column::Subjects);
    (Edit::of(Row::Subject(row), Row::Subject(come)), named)
}

/// Two persons' rows become others: of their first entries the first is named.
fn persons(rows: &Rows, of: [SubjectRow; 2], come: [SubjectRow; 2]) -> (Edit, Named) {
    let first = of.iter().map(|row| rows.first_about(&row.subject)).min().unwrap();
    let edit = Edit { gone: of.map(Row::Subject).into(), come: come.map(Row::Subject).into() };
    (edit, beside(first, Column::Subjects))
}

fn some_column<'r>(row: &'r mut SubjectRow, dice: &mut Dice) -> &'r mut Vec<u8> {
    match dice.below(4) {
        0 => &mut row.digest,
        1 => &mut row.subject,
        2 => &mut row.key_id,
        _ => &mut row.key,
    }
}

pub(super) const OF_SUBJECTS: &[(&str, Change)] = &[
    ("flip a bit", |rows, dice| {
        let row = dice.some(&rows.told());
        let mut come = row.clone();
        let column = some_column(&mut come, dice);
        *column = dice.flipped(column);
        Some(person(rows, row, come))
    }),
    ("truncate", |rows, dice| {
        let row = dice.some(&rows.told());
        let mut come = row.clone();
        let column = some_column(&mut come, dice);
        *column = dice.cut(column, 0);
        Some(person(rows, row, come))
    }),
    ("drop a row", |rows, dice| {
        let row = dice.some(&rows.told());
        let named = beside(rows.first_about(&row.subject), Column::Subjects);
        Some((Edit::drop(Row::Subject(row)), named))
    }),
    ("duplicate a key over another", |rows, dice| {
        let (left, right) = dice.two(&rows.told());
        Some(person(rows, left.clone(), SubjectRow { key: right.key, ..left }))
    }),
    ("swap two of the columns of two persons", |rows, dice| {
        let (left, right) = dice.two(&rows.told());
        let come = match dice.below(3) {
            0 => [
                SubjectRow { digest: right.digest.clone(), ..left.clone() },
                SubjectRow { digest: left.digest.clone(), ..right.clone() },
            ],
            1 => [
                SubjectRow { subject: right.subject.clone(), ..left.clone() },
                SubjectRow { subject: left.subject.clone(), ..right.clone() },
            ],
            _ => [
                SubjectRow { key: right.key.clone(), ..left.clone() },
                SubjectRow { key: left.key.clone(), ..right.clone() },
            ],
        };
        Some(persons(rows, [left, right], come))
    }),
];

pub(super) fn tile(row: &TileRow) -> Named {
    let (level, index) = (u8::try_from(row.level).unwrap(), u64::try_from(row.number).unwrap());
    (Place::Tile { level, index }, None)
}

pub(super) fn hashes(row: &TileRow, hashes: Vec<u8>) -> (Edit, Named) {
    let come = TileRow { hashes, ..*row };
    (Edit::of(Row::Tile(row.clone()), Row::Tile(come)), tile(row))
}

fn has_tile(rows: &Rows, level: i64, number: i64) -> bool {
    rows.tiles.iter().any(|tile| (tile.level, tile.number) == (level, number))
}

pub(super) const OF_TILES: &[(&str, Change)] = &[
    ("flip a bit", |rows, dice| {
        let row = dice.some(&rows.tiles);
        let flipped = dice.flipped(&row.hashes);
        Some(hashes(&row, flipped))
    }),
    ("truncate", |rows, dice| {
        let row = dice.some(&rows.tiles);
        let cut = dice.cut(&row.hashes, 0);
        Some(hashes(&row, cut))
    }),
    ("drop", |rows, dice| {
        let row = dice.some(&rows.tiles);
        Some((Edit::drop(Row::Tile(row.clone())), tile(&row)))
    }),
    ("swap two hashes", |rows, dice| {
        let row = dice.some(&rows.tiles);
        let mut all: Vec<[u8; 32]> = row.hashes.chunks_exact(32).map(|hash| hash.try_into().unwrap()).collect();
        let (left, right) = dice.two(&(0..all.len()).collect::<Vec<_>>());
        all.swap(left, right);
        Some(hashes(&row, all.concat()))
    }),
    ("duplicate a hash at the end", |rows, dice| {
        let row = dice.some(&rows.tiles);
        let at = 32 * dice.below(row.hashes.len() / 32);
        let longer = [&row.hashes[..], &row.hashes[at..at + 32]].concat();
        Some(hashes(&row, longer))
    }),
    ("swap two tiles", |rows, dice| {
        // Of two that are not as long, either may be named.
        let full: Vec<TileRow> = rows.tiles.iter().filter(|row| row.hashes.len() == 256 * 32).cloned().collect();
        let (left, right) = dice.two(&full);
        let named = tile(&left);
        let edit = hashes(&left, right.hashes.clone()).0.and(hashes(&right, left.hashes.clone()).0);
        Some((edit, named))
    }),
    ("duplicate a tile over another", |rows, dice| {
        let (left, right) = dice.two(&rows.tiles);
        let (from, to) = if dice.either() { (left, right) } else { (right, left) };
        Some(hashes(&to, from.hashes))
    }),
    ("set a number off by one", |rows, dice| {
        let row = dice.some(&rows.tiles);
        let off = dice.one_off();
        let (level, number) = if dice.either() { (row.level + off, row.number) } else { (row.level, row.number + off) };
        let edit = Edit::of(Row::Tile(row.clone()), Row::Tile(TileRow { level, number, ..row.clone() }));
        (!has_tile(rows, level, number)).then(|| (edit, tile(&row)))
    }),
    ("insert a copy", |rows, dice| {
        let row = dice.some(&rows.tiles);
        let (level, number) = (i64::try_from(dice.below(200)).unwrap(), i64::try_from(dice.below(1000)).unwrap());
        let copy = TileRow { level, number, ..row };
        (!has_tile(rows, level, number)).then(|| (Edit::add(Row::Tile(copy.clone())), tile(&copy)))
    }),
];

fn kept(size: i64) -> Named {
    (Place::Kept(u64::try_from(size).unwrap()), None)
}

fn kept_under(size: i64) -> Named {
    (kept(size).0, Some(Column::Size))
}

fn note(row: &CheckpointRow, note: Vec<u8>) -> Edit {
    Edit::of(Row::Checkpoint(row.clone()), Row::Checkpoint(CheckpointRow { note, ..*row }))
}

fn has_checkpoint(rows: &Rows, size: i64) -> bool {
    rows.checkpoints.iter().any(|row| row.size == size)
}

pub(super) const OF_CHECKPOINTS: &[(&str, Change)] = &[
    ("flip a bit", |rows, dice| {
        let row = dice.some(&rows.checkpoints);
        let flipped = dice.flipped(&row.note);
        Some((note(&row, flipped), kept(row.size)))
    }),
    ("truncate", |rows, dice| {
        let row = dice.some(&rows.checkpoints);
        let cut = dice.cut(&row.note, 0);
        Some((note(&row, cut), kept(row.size)))
    }),
    // The file outside knows of it.
    ("drop the last", |rows, _| {
        Some((Edit::drop(Row::Checkpoint(rows.checkpoints.last()?.clone())), (Place::Checkpoint, None)))
    }),
    ("set a size off by one", |rows, dice| {
        let row = dice.some(&rows.checkpoints);
        let size = row.size + dice.one_off();
        let edit = Edit::of(Row::Checkpoint(row.clone()), Row::Checkpoint(CheckpointRow { size, ..row }));
        Some((edit, kept_under(size)))
    }),
    ("duplicate one over the other, or swap them", |rows, dice| {
        let (left, right) = dice.two(&rows.checkpoints);
        Some(match dice.below(3) {
            0 => (note(&left, right.note), kept_under(left.size)),
            1 => (note(&right, left.note), kept_under(right.size)),
            // The newest is read first.
            _ => {
                let edit = note(&left, right.note.clone()).and(note(&right, left.note.clone()));
                (edit, kept_under(right.size))
            }
        })
    }),
    ("insert a copy", |rows, dice| {
        let size = i64::try_from(dice.below(5000)).unwrap();
        let copy = CheckpointRow { size, ..dice.some(&rows.checkpoints) };
        (!has_checkpoint(rows, size)).then(|| (Edit::add(Row::Checkpoint(copy)), kept_under(size)))
    }),
];

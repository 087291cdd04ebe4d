//! The catalogue: every sentence, in every language, compiled in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde::Deserialize;

use super::Language;

/// The files, one a subject.
pub(super) const FILES: &[(&str, &str)] = &[
    ("account.toml", include_str!("../../words/account.toml")),
    ("alarms.toml", include_str!("../../words/alarms.toml")),
    ("audit.toml", include_str!("../../words/audit.toml")),
    ("certificate.toml", include_str!("../../words/certificate.toml")),
    ("cli.toml", include_str!("../../words/cli.toml")),
    ("common.toml", include_str!("../../words/common.toml")),
    ("config.toml", include_str!("../../words/config.toml")),
    ("connector.toml", include_str!("../../words/connector.toml")),
    ("directory.toml", include_str!("../../words/directory.toml")),
    ("dispensation.toml", include_str!("../../words/dispensation.toml")),
    ("doctor.toml", include_str!("../../words/doctor.toml")),
    ("entries.toml", include_str!("../../words/entries.toml")),
    ("incidents.toml", include_str!("../../words/incidents.toml")),
    ("mailbox.toml", include_str!("../../words/mailbox.toml")),
    ("message.toml", include_str!("../../words/message.toml")),
    ("notice.toml", include_str!("../../words/notice.toml")),
    ("net.toml", include_str!("../../words/net.toml")),
    ("patient.toml", include_str!("../../words/patient.toml")),
    ("peer.toml", include_str!("../../words/peer.toml")),
    ("queue.toml", include_str!("../../words/queue.toml")),
    ("relation.toml", include_str!("../../words/relation.toml")),
    ("report.toml", include_str!("../../words/report.toml")),
    ("sandbox.toml", include_str!("../../words/sandbox.toml")),
    ("store.toml", include_str!("../../words/store.toml")),
    ("tables.toml", include_str!("../../words/tables.toml")),
    ("trust.toml", include_str!("../../words/trust.toml")),
];

/// What other crates say, in English there and in French here. Our own files have phrases too: English that stands in the
/// code, as help does.
pub(super) const PHRASES: &str = include_str!("../../words/phrases.toml");

/// A sentence, and what to do next where it tells of something that is amiss.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Entry {
    pub(super) what: Text,
    pub(super) next: Option<Text>,
}

/// A text in each language. Its places are written `{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Text {
    pub(super) en: String,
    pub(super) fr: String,
}

impl Text {
    pub(super) fn text(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::Fr => &self.fr,
        }
    }
}

impl Entry {
    /// The names of its places.
    pub(super) fn places(&self) -> BTreeSet<String> {
        let texts = [Some(&self.what), self.next.as_ref()].into_iter().flatten();
        texts.flat_map(|text| places(&text.en)).collect()
    }
}

/// A part of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    /// `{name}`.
    Place(&'a str),
}

/// The parts of a text, in order.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, name, after)) =
        rest.split_once('{').and_then(|(before, rest)| rest.split_once('}').map(|(name, after)| (before, name, after)))
    {
        parts.extend([Piece::Text(before), Piece::Place(name)]);
        rest = after;
    }
    parts.push(Piece::Text(rest));
    parts
}

/// The names of a text's places.
pub(super) fn places(text: &str) -> BTreeSet<String> {
    let names = pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Place(name) => Some(name.to_owned()),
        Piece::Text(_) => None,
    });
    names.collect()
}

/// The sentence of this key.
pub(super) fn find(key: &str) -> Option<&'static Entry> {
    ALL.get(key)
}

/// Every sentence, by its key. What could not be read is missing: the tests read all files, and these are the same.
pub(super) static ALL: LazyLock<BTreeMap<String, Entry>> = LazyLock::new(|| {
    let mut all = BTreeMap::new();
    for (_, text) in FILES {
        gather("", &text.parse().unwrap_or_default(), &mut all);
    }
    all
});

/// A table with a `what` is an entry; the tables in it, and in tables without one, have longer keys.
pub(super) fn gather(key: &str, table: &toml::Table, all: &mut BTreeMap<String, Entry>) {
    if let Ok(entry) = toml::Value::Table(table.clone()).try_into() {
        all.insert(key.to_owned(), entry);
    }
    for (word, value) in table {
        let longer = if key.is_empty() { word.clone() } else { format!("{key}.{word}") };
        if let toml::Value::Table(table) = value
            && !["what", "next"].contains(&word.as_str())
        {
            gather(&longer, table, all);
        }
    }
}

/// The French of another crate's words.
pub(crate) fn translated(english: &str) -> Option<&'static str> {
    TRANSLATIONS.get(&in_one_line(english)).map(String::as_str)
}

/// English, then French.
pub(super) static TRANSLATIONS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let files = FILES.iter().map(|(_, text)| *text).chain([PHRASES]);
    files.flat_map(phrases).map(|text| (in_one_line(&text.en), text.fr)).collect()
});

/// Where a text is broken into lines makes no other text of it.
pub(super) fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The phrases of a file.
pub(super) fn phrases(file: &str) -> Vec<Text> {
    #[derive(Default, Deserialize)]
    struct Phrases {
        #[serde(default)]
        phrase: Vec<Text>,
    }
    toml::from_str::<Phrases>(file).unwrap_or_default().phrase
}

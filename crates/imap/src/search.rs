//! SEARCH keys (RFC 3501 §6.4.4), made into tests that ask for as little of a message as they can.

use imap_codec::imap_types::core::AString;
use imap_codec::imap_types::datetime::NaiveDate;
use imap_codec::imap_types::search::SearchKey;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use pli_store::{Entry, Flags};

use crate::answer::Answer;
use crate::message::field;
use crate::message::structure::Part;
use crate::message::text::{any_part_holds, fold, header_texts};
use crate::set::Numbers;
use crate::view::{Picked, View};

/// Keys of one command: each may have to read every message.
const KEYS_MAX: usize = 100;

/// A test on one message.
#[derive(Debug)]
pub(crate) enum Test {
    Is(bool),
    All(Vec<Test>),
    Either(Box<Test>, Box<Test>),
    Not(Box<Test>),
    Sequence(Numbers),
    Uid(Numbers),
    Flag(fn(&Entry) -> bool),
    Keyword(String),
    Came(When),
    Sent(When),
    Larger(u64),
    Smaller(u64),
    /// A field of this name holds this text.
    Header(String, String),
    Body(String),
    Text(String),
}

/// A span of days. Times and zones are disregarded (RFC 3501 §6.4.4).
#[derive(Debug)]
pub(crate) enum When {
    Before(Date),
    On(Date),
    Since(Date),
}

impl When {
    fn holds(&self, day: Date) -> bool {
        match self {
            Self::Before(date) => day < *date,
            Self::On(date) => day == *date,
            Self::Since(date) => day >= *date,
        }
    }
}

/// What is known of a message so far: header and body are read when a test cannot do without.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    pub(crate) picked: &'a Picked,
    pub(crate) header: Option<&'a Header>,
    pub(crate) whole: Option<(&'a [u8], &'a Part)>,
}

/// A header, made ready for being searched.
#[derive(Debug)]
pub(crate) struct Header {
    texts: Vec<(String, String)>,
    sent: Option<Date>,
}

impl Header {
    pub(crate) fn read(header: &[u8]) -> Self {
        let date = field::find(header, "Date").map(|field| field::unfold(field.value));
        let date = date.and_then(|date| String::from_utf8(date).ok());
        let sent = date.and_then(|date| mail_parser::DateTime::parse_rfc822(&date)).and_then(|date| {
            let year = i16::try_from(date.year).ok()?;
            Date::new(year, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?).ok()
        });
        Self { texts: header_texts(header), sent }
    }
}

impl Test {
    /// Makes a test of the keys of a command, all of which must hold.
    pub(crate) fn of(keys: &[SearchKey<'_>], view: &View) -> Result<Self, Answer> {
        if keys.iter().map(count).sum::<usize>() > KEYS_MAX {
            return Err(Answer::no("LIMIT", "Search for less at once"));
        }
        Self::all(keys, view)
    }

    fn all(keys: &[SearchKey<'_>], view: &View) -> Result<Self, Answer> {
        keys.iter().map(|key| Self::new(key, view)).collect::<Result<_, _>>().map(Self::All)
    }

    fn new(key: &SearchKey<'_>, view: &View) -> Result<Self, Answer> {
        let numbers =
            |set, uid| view.numbers(set, uid).map_err(|_| Answer::bad("There is no message with such a number"));
        Ok(match key {
            SearchKey::All => Self::Is(true),
            SearchKey::And(keys) => Self::all(keys.as_ref(), view)?,
            SearchKey::Or(a, b) => Self::Either(Box::new(Self::new(a, view)?), Box::new(Self::new(b, view)?)),
            SearchKey::Not(key) => Self::Not(Box::new(Self::new(key, view)?)),
            SearchKey::SequenceSet(set) => Self::Sequence(numbers(set, false)?),
            SearchKey::Uid(set) => Self::Uid(numbers(set, true)?),
            SearchKey::Answered => Self::Flag(|entry| entry.flags.answered),
            SearchKey::Deleted => Self::Flag(|entry| entry.flags.deleted),
            SearchKey::Draft => Self::Flag(|entry| entry.flags.draft),
            SearchKey::Flagged => Self::Flag(|entry| entry.flags.flagged),
            SearchKey::Seen => Self::Flag(|entry| entry.flags.seen),
            SearchKey::Unanswered => Self::Flag(|entry| !entry.flags.answered),
            SearchKey::Undeleted => Self::Flag(|entry| !entry.flags.deleted),
            SearchKey::Undraft => Self::Flag(|entry| !entry.flags.draft),
            SearchKey::Unflagged => Self::Flag(|entry| !entry.flags.flagged),
            SearchKey::Unseen => Self::Flag(|entry| !entry.flags.seen),
            SearchKey::New => Self::Flag(|entry| entry.recent && !entry.flags.seen),
            SearchKey::Old => Self::Flag(|entry| !entry.recent),
            SearchKey::Recent => Self::Flag(|entry| entry.recent),
            SearchKey::Keyword(word) => Self::Keyword(word.as_ref().to_owned()),
            SearchKey::Unkeyword(word) => Self::Not(Box::new(Self::Keyword(word.as_ref().to_owned()))),
            SearchKey::Before(date) => Self::Came(When::Before(day(date)?)),
            SearchKey::On(date) => Self::Came(When::On(day(date)?)),
            SearchKey::Since(date) => Self::Came(When::Since(day(date)?)),
            SearchKey::SentBefore(date) => Self::Sent(When::Before(day(date)?)),
            SearchKey::SentOn(date) => Self::Sent(When::On(day(date)?)),
            SearchKey::SentSince(date) => Self::Sent(When::Since(day(date)?)),
            SearchKey::Larger(size) => Self::Larger(u64::from(*size)),
            SearchKey::Smaller(size) => Self::Smaller(u64::from(*size)),
            SearchKey::Bcc(text) => Self::Header("bcc".to_owned(), wanted(text)?),
            SearchKey::Cc(text) => Self::Header("cc".to_owned(), wanted(text)?),
            SearchKey::From(text) => Self::Header("from".to_owned(), wanted(text)?),
            SearchKey::Subject(text) => Self::Header("subject".to_owned(), wanted(text)?),
            SearchKey::To(text) => Self::Header("to".to_owned(), wanted(text)?),
            SearchKey::Header(name, text) => Self::Header(wanted(name)?, wanted(text)?),
            SearchKey::Body(text) => Self::Body(wanted(text)?),
            SearchKey::Text(text) => Self::Text(wanted(text)?),
        })
    }

    /// Does it hold? `None` if more of the message must be known.
    pub(crate) fn holds(&self, known: &Known<'_>) -> Option<bool> {
        let entry = &known.picked.entry;
        match self {
            Self::Is(holds) => Some(*holds),
            Self::All(tests) => every(tests.iter().map(|test| test.holds(known))),
            Self::Either(a, b) => every([a.holds(known), b.holds(known)].into_iter().map(not)).map(|neither| !neither),
            Self::Not(test) => not(test.holds(known)),
            Self::Sequence(numbers) => Some(numbers.contains(known.picked.sequence)),
            Self::Uid(numbers) => Some(numbers.contains(entry.uid.0)),
            Self::Flag(test) => Some(test(entry)),
            Self::Keyword(word) => Some(has_keyword(&entry.flags, word)),
            Self::Came(when) => Some(when.holds(entry.internal_date.to_zoned(TimeZone::UTC).date())),
            Self::Larger(size) => Some(entry.size > *size),
            Self::Smaller(size) => Some(entry.size < *size),
            Self::Sent(when) => known.header.map(|header| header.sent.is_some_and(|day| when.holds(day))),
            Self::Header(name, text) => known
                .header
                .map(|header| header.texts.iter().any(|(field, value)| field == name && value.contains(text.as_str()))),
            Self::Body(text) => known.whole.map(|(bytes, part)| text.is_empty() || any_part_holds(bytes, part, text)),
            Self::Text(text) => {
                let in_header = known.header.map(|header| {
                    header.texts.iter().any(|(name, value)| {
                        value.contains(text.as_str()) || format!("{name}: {value}").contains(text.as_str())
                    })
                });
                if in_header == Some(true) || text.is_empty() {
                    return Some(true);
                }
                known.whole.map(|(bytes, part)| any_part_holds(bytes, part, text))
            }
        }
    }
}

fn count(key: &SearchKey<'_>) -> usize {
    match key {
        SearchKey::And(keys) => keys.as_ref().iter().map(count).sum(),
        SearchKey::Or(a, b) => count(a) + count(b),
        SearchKey::Not(key) => count(key),
        _ => 1,
    }
}

fn not(holds: Option<bool>) -> Option<bool> {
    holds.map(|holds| !holds)
}

/// One that fails decides, whatever is not known yet.
fn every(tests: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for test in tests {
        match test {
            Some(false) => return Some(false),
            Some(true) => {}
            None => all = None,
        }
    }
    all
}

fn has_keyword(flags: &Flags, word: &str) -> bool {
    flags.keywords.iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
}

fn wanted(text: &AString<'_>) -> Result<String, Answer> {
    let text = std::str::from_utf8(text.as_ref()).map_err(|_| Answer::bad("This text is not UTF-8"))?;
    Ok(fold(text))
}

fn day(date: &NaiveDate) -> Result<Date, Answer> {
    date.as_ref().to_string().parse().map_err(|_| Answer::bad("There is no such date"))
}

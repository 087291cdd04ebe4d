//! The bytes of an event in the record: [`Draft`] writes them, [`Leaf`] reads them. Versioned: old versions are never
//! changed, since their bytes are what is proven.
//!
//! ```json
//! {"version":2,"salt":"…","at":"2026-03-14T12:00:00Z","kind":"relayed","face":"delivery","message":"0190…",
//!  "sender":"dr.martin@exemple.mssante.fr","recipient":"⟦0⟧@patient.mssante.fr",
//!  "subjects":[{"id":"5d0c…","sealed":"…"}]}
//! ```
//!
//! Where a person's identifier stood stands `⟦0⟧`: the first of `subjects`. That names him by 16 random bytes, and holds his
//! identifier under a key of his own (AES-256-GCM), which lies outside of the record. Once the key is destroyed nobody can
//! tell whom the event was about, and its bytes, so its place in the tree, are what they were. Nothing here is computed
//! from an identifier: all NIRs there are can be tried out in hours, under any key that is still there to be found. The
//! salt keeps an event whose bytes were taken away, but not their hash, from being guessed.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use pli_types::marked::hide_masks;
use pli_types::{Marked, MessageId, Person, Piece, Secret};
use serde::{Deserialize, Serialize};

use crate::bundle::ENTRY_BYTES_MAX;
use crate::event::{Event, EventKind, Face};
use crate::usage::Usage;

/// The version that is written.
pub const VERSION: u32 = 2;

const OPENS: char = '⟦';
const CLOSES: char = '⟧';

/// Who it is, to those who cannot see more: 16 random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectId(pub [u8; 16]);

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl SubjectId {
    /// From 32 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32)?;
        Some(Self(number.to_be_bytes()))
    }
}

/// The key under which one person's identifiers are sealed.
#[derive(Debug, Clone)]
pub struct SubjectKey(Secret<[u8; 32]>);

impl SubjectKey {
    /// From 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Secret::new(bytes))
    }

    fn aead(&self) -> Option<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, self.0.reveal()).ok().map(LessSafeKey::new)
    }
}

/// A person as the record knows him.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The name that the record has for him.
    pub id: SubjectId,
    /// What opens what is sealed of him.
    pub key: SubjectKey,
}

/// An event that wants nothing more than its persons' seals.
#[derive(Debug, Clone)]
pub struct Draft {
    members: Members,
    salt: [u8; 16],
    persons: Vec<Person>,
}

impl Draft {
    /// `salt` is random, and never used again.
    #[must_use]
    pub fn new(event: &Event, salt: [u8; 16]) -> Self {
        let mut persons = Vec::new();
        let mut text = |text: &Option<Marked>| text.as_ref().map(|text| place(text, &mut persons));
        let members = Members {
            version: VERSION,
            salt: Some(BASE64.encode(salt)),
            at: event.at.clone(),
            kind: event.kind,
            face: event.face,
            message: event.message,
            actor: text(&event.actor),
            remote: event.remote.clone(),
            sender: text(&event.sender),
            recipient: text(&event.recipient),
            reason: event.reason.clone(),
            detail: text(&event.detail),
            mailbox: text(&event.mailbox),
            usage: event.usage.clone(),
            subjects: Vec::new(),
            offset: event.offset.clone(),
            count: event.count,
        };
        Self { members, salt, persons }
    }

    /// The same, saying how far local time was from UTC, if the event did not.
    #[must_use]
    pub fn at_offset(mut self, offset: impl FnOnce() -> String) -> Self {
        self.members.offset.get_or_insert_with(offset);
        self
    }

    /// Whose seals are wanted, each once.
    #[must_use]
    pub fn persons(&self) -> &[Person] {
        &self.persons
    }

    /// The bytes. `subjects` are the persons in their order; for one that is missing there stands that he is not known.
    #[must_use]
    pub fn seal(&self, subjects: &[Subject]) -> Vec<u8> {
        let mut members = self.members.clone();
        members.subjects = self
            .persons
            .iter()
            .enumerate()
            .map(|(position, person)| subjects.get(position).map_or_else(Sealed::nobody, |to| self.sealed(person, to)))
            .collect();
        members.encode()
    }

    fn sealed(&self, person: &Person, subject: &Subject) -> Sealed {
        let mut bytes = person.reveal().as_bytes().to_vec();
        let closed = subject.key.aead().is_some_and(|key| {
            let nonce = nonce(&self.salt);
            key.seal_in_place_append_tag(nonce, aad(&self.salt, subject.id), &mut bytes).is_ok()
        });
        // Sealing fails only where the library is broken. Then nobody reads it, whoever asks.
        if closed { Sealed { id: subject.id.to_string(), sealed: BASE64.encode(bytes) } } else { Sealed::nobody() }
    }
}

/// A key seals at most one text a leaf, and the salt is the leaf's own: no nonce comes twice under one key.
fn nonce(salt: &[u8; 16]) -> Nonce {
    let mut nonce = [0; 12];
    nonce.iter_mut().zip(salt).for_each(|(to, from)| *to = *from);
    Nonce::assume_unique_for_key(nonce)
}

/// What is sealed opens in its own leaf only.
fn aad(salt: &[u8; 16], subject: SubjectId) -> Aad<[u8; 32]> {
    let mut both = [0; 32];
    both.iter_mut().zip(salt.iter().chain(&subject.0)).for_each(|(to, from)| *to = *from);
    Aad::from(both)
}

/// The text with a place for each person, who is added to these if he is not among them.
fn place(text: &Marked, persons: &mut Vec<Person>) -> String {
    let mut out = String::new();
    for piece in text.pieces() {
        match piece {
            // A mask could be tried out by who has its key: none gets in.
            Piece::Plain(text) | Piece::Erased(text) => out.push_str(&hide_masks(text).replace(OPENS, "[")),
            Piece::Person(person) => {
                let known = persons.iter().position(|other| other.known() == person.known());
                let position = known.unwrap_or_else(|| {
                    persons.push(person.clone());
                    persons.len() - 1
                });
                out.extend([OPENS.to_string(), position.to_string(), CLOSES.to_string()]);
            }
        }
    }
    out
}

/// A leaf, read, with its seals closed.
#[derive(Debug, Clone)]
pub struct Leaf(Members);

/// These bytes are no event.
#[derive(Debug, thiserror::Error)]
#[error("a row of the record is no event that this version knows: {0}")]
pub struct LeafError(#[from] serde_json::Error);

impl Leaf {
    /// Reads it. A member that this version does not know is passed over: a newer one may have written it.
    pub fn parse(bytes: &[u8]) -> Result<Self, LeafError> {
        Ok(Self(serde_json::from_slice(bytes)?))
    }

    /// The persons it is about, as far as it tells.
    pub fn subjects(&self) -> impl Iterator<Item = SubjectId> {
        self.0.subjects.iter().filter_map(|sealed| SubjectId::parse(&sealed.id))
    }

    /// The persons whom it names and whose key there is, as far as that opens what is sealed of them.
    pub fn persons<'l>(
        &'l self,
        key: impl Fn(SubjectId) -> Option<SubjectKey> + 'l,
    ) -> impl Iterator<Item = (SubjectId, Option<Person>)> + 'l {
        let salt = self.salt();
        self.0.subjects.iter().filter_map(move |sealed| {
            let subject = SubjectId::parse(&sealed.id)?;
            let key = key(subject)?;
            Some((subject, sealed.opened(&salt, subject, &key)))
        })
    }

    /// The message that it is about.
    #[must_use]
    pub fn message(&self) -> Option<MessageId> {
        self.0.message
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> EventKind {
        self.0.kind
    }

    /// When it happened, as it tells: RFC 3339.
    #[must_use]
    pub fn at(&self) -> &str {
        &self.0.at
    }

    /// The event, with the persons that these keys open; where there is none, he was erased.
    #[must_use]
    pub fn open(self, key: impl Fn(SubjectId) -> Option<SubjectKey>) -> Event {
        let salt = self.salt();
        let persons: Vec<Piece> = self.0.subjects.iter().map(|sealed| sealed.open(&salt, &key)).collect();
        let text = |text: Option<String>| text.map(|text| fill(&text, &persons));
        let Members {
            at,
            kind,
            face,
            message,
            actor,
            remote,
            sender,
            recipient,
            reason,
            detail,
            mailbox,
            offset,
            count,
            usage,
            ..
        } = self.0;
        Event {
            at,
            kind,
            face,
            message,
            actor: text(actor),
            remote,
            sender: text(sender),
            recipient: text(recipient),
            reason,
            detail: text(detail),
            mailbox: text(mailbox),
            offset,
            count,
            usage,
        }
    }
}

impl Leaf {
    fn salt(&self) -> [u8; 16] {
        self.0.salt.as_deref().and_then(decoded).and_then(|salt| salt.try_into().ok()).unwrap_or_default()
    }
}

/// The text with each person in his place.
fn fill(text: &str, persons: &[Piece]) -> Marked {
    let mut pieces = Vec::new();
    for (position, part) in text.split(OPENS).enumerate() {
        let placed = part.split_once(CLOSES).filter(|_| position > 0);
        let placed = placed.and_then(|(number, rest)| Some((persons.get(number.parse::<usize>().ok()?)?, rest)));
        let rest = placed.map_or(part, |(person, rest)| {
            pieces.push(person.clone());
            rest
        });
        pieces.push(Piece::Plain(rest.to_owned()));
    }
    Marked::from_pieces(pieces)
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}

/// The members in the order in which they are written. New ones come at the end, and are left out where they say nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Members {
    version: u32,
    /// Since version 2.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    salt: Option<String>,
    at: String,
    kind: EventKind,
    face: Face,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    message: Option<MessageId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    remote: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    sender: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    recipient: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    mailbox: Option<String>,
    /// Since version 2.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    subjects: Vec<Sealed>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    offset: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    usage: Option<Usage>,
}

impl Members {
    /// JSON, in [`ENTRY_BYTES_MAX`] bytes: what is too long is cut, the longest text first, and says so by its last character.
    fn encode(mut self) -> Vec<u8> {
        loop {
            // A struct of strings always encodes.
            let bytes = serde_json::to_vec(&self).unwrap_or_default();
            if bytes.len() <= ENTRY_BYTES_MAX || !self.shorten() {
                return bytes;
            }
        }
    }

    /// Halves the longest text; false if there is nothing to halve. A person who is not named any more is not told of.
    fn shorten(&mut self) -> bool {
        let longest = self.texts().into_iter().flatten().max_by_key(|text| text.len()).filter(|text| text.len() > 16);
        let Some(longest) = longest else { return false };
        let half: String = longest.chars().take(longest.chars().count() / 2).collect();
        // A place for a person is whole or not there.
        let open = half.rfind(OPENS).filter(|at| half.get(*at..).is_some_and(|tail| !tail.contains(CLOSES)));
        *longest = format!("{}…", open.and_then(|at| half.get(..at)).unwrap_or(&half));
        let named = self.texts().into_iter().flatten().flat_map(|text| places(text)).max();
        self.subjects.truncate(named.map_or(0, |last| last + 1));
        true
    }

    fn texts(&mut self) -> [&mut Option<String>; 5] {
        [&mut self.actor, &mut self.sender, &mut self.recipient, &mut self.detail, &mut self.mailbox]
    }
}

/// The numbers of the persons who have a place in a text.
fn places(text: &str) -> impl Iterator<Item = usize> {
    text.split(OPENS).skip(1).filter_map(|part| part.split_once(CLOSES)?.0.parse().ok())
}

/// One of the persons of a leaf.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Sealed {
    id: String,
    sealed: String,
}

impl Sealed {
    fn nobody() -> Self {
        Self { id: SubjectId([0; 16]).to_string(), sealed: String::new() }
    }

    fn open(&self, salt: &[u8; 16], key: impl Fn(SubjectId) -> Option<SubjectKey>) -> Piece {
        let erased = || Piece::Erased(format!("erased-{}", self.id.get(..8).unwrap_or_default()));
        let Some(id) = SubjectId::parse(&self.id) else { return erased() };
        key(id).and_then(|key| self.opened(salt, id, &key)).map_or_else(erased, Piece::Person)
    }

    fn opened(&self, salt: &[u8; 16], id: SubjectId, key: &SubjectKey) -> Option<Person> {
        let mut bytes = decoded(&self.sealed)?;
        let plain = key.aead()?.open_in_place(nonce(salt), aad(salt, id), &mut bytes).ok()?;
        Some(Person::parse(str::from_utf8(plain).ok()?))
    }
}

#[cfg(test)]
mod tests;

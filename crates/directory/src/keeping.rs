//! [`Keeping`]: the lists that were in force, the one that is held, and what an admin set aside. One file, the ledger,
//! says what counts; it is renamed into place, so a power cut leaves the old state or the new one.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::check::{Checked, ListRules, Signature, SignerJudge, check, digest_of};
use crate::history::History;
use crate::list_fault::ListFault;
use crate::place::Place;
use crate::trust_list::TrustList;

/// The most lists that are kept, each once.
pub(crate) const LISTS_MAX: usize = 30;

/// The most lists that stay set aside.
const SET_ASIDE_MAX: usize = 100;

const LEDGER: &str = "ledger.json";
const LEDGER_BYTES_MAX: u64 = 1 << 20;
const SCHEMA_VERSION: u32 = 1;
const HELD: &str = "held.xml";

/// A list that was in force.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Record {
    pub(crate) digest: String,
    pub(crate) generated_at: Timestamp,
    pub(crate) installed_at: Timestamp,
    pub(crate) confirmed_at: Timestamp,
    pub(crate) source: String,
    pub(crate) signature: Signature,
}

/// A list that waits for an admin, since it lost too many domains.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct Held {
    /// SHA-256 of its bytes, in hexadecimal.
    pub digest: String,
    /// `DateDeGeneration`.
    pub generated_at: Timestamp,
    /// How many domains of the list in force it lacks.
    pub lost: usize,
    /// How many domains the list in force had.
    pub of: usize,
    /// Since when it waits.
    pub since: Timestamp,
    /// Where it came from.
    pub source: String,
}

/// What counts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Ledger {
    schema_version: u32,
    /// The digest of the list in force.
    pub(crate) in_force: Option<String>,
    /// The lists, the one that came into force last first.
    pub(crate) kept: Vec<Record>,
    /// Digests of the lists that an admin went back from, the latest first.
    pub(crate) set_aside: Vec<String>,
    pub(crate) held: Option<Held>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self { schema_version: SCHEMA_VERSION, in_force: None, kept: Vec::new(), set_aside: Vec::new(), held: None }
    }
}

impl Ledger {
    /// This list is in force now, and no other waits.
    pub(crate) fn put(&mut self, record: Record) {
        self.in_force = Some(record.digest.clone());
        self.kept.retain(|kept| kept.digest != record.digest);
        self.kept.insert(0, record);
        self.kept.truncate(LISTS_MAX);
        self.held = None;
    }

    /// An offer of this list is refused from now on.
    pub(crate) fn set_aside(&mut self, digest: &str) {
        self.set_aside.retain(|other| other != digest);
        self.set_aside.insert(0, digest.to_owned());
        self.set_aside.truncate(SET_ASIDE_MAX);
    }

    /// The lists that were in force before the one that is, the latest first, without those set aside.
    pub(crate) fn before(&self) -> impl Iterator<Item = &Record> {
        let at = self.kept.iter().position(|record| Some(&record.digest) == self.in_force.as_ref());
        let after = at.map_or(0, |at| at + 1);
        self.kept.iter().skip(after).filter(|record| !self.set_aside.contains(&record.digest))
    }
}

/// The ledger, the history, and the place of both.
#[derive(Debug)]
pub(crate) struct Keeping {
    pub(crate) ledger: Ledger,
    pub(crate) history: History,
    pub(crate) place: Place,
}

/// A list that is in force again.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) list: Arc<TrustList>,
    pub(crate) record: Record,
}

impl Keeping {
    /// With nothing in it.
    pub(crate) fn empty(place: Place) -> Self {
        Self { ledger: Ledger::default(), history: History::default(), place }
    }

    /// Reads what is kept. The list to put in force again is the one that was, or, where its copy is damaged or against
    /// the rules of today, the latest before it. What is told is why it is not the first.
    pub(crate) fn open(
        place: Place,
        rules: &ListRules,
        signers: &dyn SignerJudge,
        now: Timestamp,
    ) -> (Self, Option<Restored>, Vec<String>) {
        let mut warnings = Vec::new();
        let history = History::read(&place, &mut warnings);
        let ledger = read_ledger(&place, rules, signers, now, &mut warnings);
        let mut keeping = Self { ledger, history, place };
        if let Some(held) = keeping.ledger.held.as_ref().filter(|held| keeping.read_held(held).is_err()) {
            warnings.push(format!("the held list {} is damaged; its publisher will bring it again", held.digest));
            keeping.ledger.held = None;
        }
        let restored = keeping.restore(rules, signers, now, &mut warnings);
        keeping.ledger.in_force = restored.as_ref().map(|restored| restored.record.digest.clone());
        (keeping, restored, warnings)
    }

    fn restore(
        &self,
        rules: &ListRules,
        signers: &dyn SignerJudge,
        now: Timestamp,
        warnings: &mut Vec<String>,
    ) -> Option<Restored> {
        let first = self.ledger.kept.iter().filter(|record| Some(&record.digest) == self.ledger.in_force.as_ref());
        for record in first.chain(self.ledger.before()) {
            match self.fit(record, rules, signers, now) {
                Ok(checked) => {
                    let record = Record { signature: checked.signature, ..record.clone() };
                    return Some(Restored { list: Arc::new(checked.list), record });
                }
                Err(fault) => warnings.push(format!("the kept list {} is not put in force: {fault}", record.digest)),
            }
        }
        None
    }

    /// A kept list, as long as its copy is sound and today's rules allow it. Its signature was verified when it came; its
    /// signer's certificate may have ended since, and the list stays what it was.
    pub(crate) fn fit(
        &self,
        record: &Record,
        rules: &ListRules,
        signers: &dyn SignerJudge,
        now: Timestamp,
    ) -> Result<Checked, ListFault> {
        let bytes = self.read_sound(&file_of(&record.digest), &record.digest)?;
        if record.signature == Signature::Unchecked {
            return check(&bytes, rules, signers, now);
        }
        rules.allow(&record.signature)?;
        let digest = record.digest.clone();
        Ok(Checked { list: TrustList::parse(&bytes)?, signature: record.signature.clone(), digest })
    }

    /// A kept list as it is, whatever today's rules say of it: to be looked at.
    pub(crate) fn sound(&self, record: &Record) -> Result<TrustList, ListFault> {
        TrustList::parse(&self.read_sound(&file_of(&record.digest), &record.digest)?)
    }

    /// The bytes of the held list.
    pub(crate) fn read_held(&self, held: &Held) -> Result<Vec<u8>, ListFault> {
        self.read_sound(HELD, &held.digest)
    }

    fn read_sound(&self, name: &str, digest: &str) -> Result<Vec<u8>, ListFault> {
        read_sound(&self.place, name, digest)
    }

    /// Keeps a list and the ledger that puts it in force. Once this is done, it is in force, power cut or not; if it
    /// fails, nothing has changed.
    pub(crate) fn put(&mut self, ledger: Ledger, digest: &str, bytes: Option<&[u8]>) -> io::Result<()> {
        let name = file_of(digest);
        if let Some(bytes) = bytes {
            self.place.write(&name, bytes)?;
        }
        if let Err(error) = self.commit(ledger) {
            if !self.ledger.kept.iter().any(|record| record.digest == digest) {
                self.place.remove(&name);
            }
            return Err(error);
        }
        self.tidy();
        Ok(())
    }

    /// Keeps a list for an admin to look at.
    pub(crate) fn hold(&mut self, held: Held, bytes: &[u8]) -> io::Result<()> {
        self.place.write(HELD, bytes)?;
        let ledger = Ledger { held: Some(held), ..self.ledger.clone() };
        self.commit(ledger)
    }

    /// Makes this ledger the one that counts.
    pub(crate) fn commit(&mut self, ledger: Ledger) -> io::Result<()> {
        self.place.write(LEDGER, &serde_json::to_vec_pretty(&ledger)?)?;
        self.ledger = ledger;
        Ok(())
    }

    /// Removes lists that no ledger names.
    fn tidy(&mut self) {
        if self.ledger.held.is_none() {
            self.place.remove(HELD);
        }
        for name in self.place.names().unwrap_or_default() {
            if digest_in(&name).is_some_and(|digest| !self.ledger.kept.iter().any(|kept| kept.digest == digest)) {
                self.place.remove(&name);
            }
        }
    }
}

fn file_of(digest: &str) -> String {
    format!("list-{digest}.xml")
}

fn digest_in(name: &str) -> Option<&str> {
    name.strip_prefix("list-")?.strip_suffix(".xml")
}

/// A file that still is what it was.
fn read_sound(place: &Place, name: &str, digest: &str) -> Result<Vec<u8>, ListFault> {
    let bytes =
        place.read(name, TrustList::BYTES_MAX).map_err(|error| ListFault::Unreadable(format!("{name}: {error}")))?;
    if digest_of(&bytes) == digest {
        Ok(bytes)
    } else {
        Err(ListFault::Unreadable(format!("{name}: the copy is damaged, its digest is another")))
    }
}

fn read_ledger(
    place: &Place,
    rules: &ListRules,
    signers: &dyn SignerJudge,
    now: Timestamp,
    warnings: &mut Vec<String>,
) -> Ledger {
    let what = match place.read(LEDGER, LEDGER_BYTES_MAX) {
        Ok(bytes) => match serde_json::from_slice::<Ledger>(&bytes) {
            Ok(ledger) if ledger.schema_version == SCHEMA_VERSION => return ledger,
            Ok(ledger) => format!("it is of version {}", ledger.schema_version),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    };
    let ledger = ledger_of_lists(place, rules, signers, now);
    if ledger.kept.is_empty() && matches!(place.read(LEDGER, 0), Err(error) if error.kind() == io::ErrorKind::NotFound)
    {
        // A new folder.
        return ledger;
    }
    warnings.push(format!(
        "{LEDGER} cannot be read ({what}): the newest kept list counts, and no list is set aside any more"
    ));
    ledger
}

/// Without a ledger: all lists whose copy is sound and that would be taken today, the newest first.
fn ledger_of_lists(place: &Place, rules: &ListRules, signers: &dyn SignerJudge, now: Timestamp) -> Ledger {
    let mut kept = Vec::new();
    for name in place.names().unwrap_or_default() {
        let Some(digest) = digest_in(&name) else { continue };
        let Ok(checked) = read_sound(place, &name, digest).and_then(|bytes| check(&bytes, rules, signers, now)) else {
            continue;
        };
        let generated_at = checked.list.generated_at();
        kept.push(Record {
            digest: checked.digest,
            generated_at,
            installed_at: generated_at,
            confirmed_at: generated_at,
            source: "kept".to_owned(),
            signature: checked.signature,
        });
    }
    kept.sort_by_key(|record| std::cmp::Reverse(record.generated_at));
    kept.truncate(LISTS_MAX);
    Ledger { in_force: kept.first().map(|record| record.digest.clone()), kept, ..Ledger::default() }
}

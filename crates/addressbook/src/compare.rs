//! [`Difference`]: where the national directory does not say of our mailboxes what we do.

use std::collections::BTreeMap;

use pli_directory::extraction::{Column, Entry};
use pli_store::national::same_words;
use pli_store::{MailboxFilter, Result};
use pli_types::{Domain, MailAddress};

use crate::book::{AddressBook, Pages, hidden, parse};
use crate::ours::{ENTRY_COLUMNS, Hidden, Own};

/// A difference between ours and the copy, at one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// We show it, and the copy does not have it.
    Missing(MailAddress),
    /// The copy has it, and we do not show it: why, or `None` if there is no such mailbox here.
    Extra(MailAddress, Option<Hidden>),
    /// Both have it, and do not say the same. One or more.
    Different(MailAddress, Vec<Differing>),
}

/// Where two lines differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differing {
    /// Our line's number.
    pub line: u16,
    /// The column.
    pub column: Column,
    /// What ours says.
    pub ours: String,
    /// What the copy says; nothing where it has no line for ours.
    pub theirs: String,
}

impl AddressBook {
    /// Compares our mailboxes at a hosted domain with the copy's lines of it: ours in order of their addresses, then what
    /// only the copy has. Ends early when `take` says `false`. Nothing differs without a copy.
    ///
    /// What a mailbox itself says must be there. What an entry of ours leaves out may be anything: much of a line is
    /// written by the state's registers. Case, accents and signs are not looked at.
    pub async fn compare(&mut self, domain: &Domain, mut take: impl FnMut(Difference) -> bool) -> Result<()> {
        let Some(copy) = &mut self.copy else { return Ok(()) };
        let mut national: BTreeMap<String, (MailAddress, Vec<String>)> = BTreeMap::new();
        let mut lines = copy.of_domain(domain).await?;
        while let Some(line) = lines.next().await? {
            let address = parse(line)?.address().clone();
            national.entry(address.key()).or_insert_with(|| (address, Vec::new())).1.push(line.to_owned());
        }
        let filter = MailboxFilter { domain: Some(domain.clone()), ..MailboxFilter::default() };
        let mut pages = Pages::new(&*self.store, filter);
        while let Some(page) = pages.next().await? {
            for own in page.iter().filter(|own| own.hidden().is_none()) {
                let address = &own.record.mailbox.address;
                let difference = match national.remove(&address.key()) {
                    None => Some(Difference::Missing(address.clone())),
                    Some((_, theirs)) => differing(own, &theirs)?,
                };
                if !difference.is_none_or(&mut take) {
                    return Ok(());
                }
            }
        }
        for (address, _) in national.into_values() {
            let why = hidden(&*self.store, &self.hosted, &address).await?;
            if !take(Difference::Extra(address, why)) {
                break;
            }
        }
        Ok(())
    }
}

/// Where a professional works need not be known here: then the register's word stands.
const OF_A_PLACE: &[Column] = &[Column::StructureIdType, Column::StructureId];

/// What differs between our lines and theirs: each of ours beside the one of theirs that is most like it.
fn differing(own: &Own, theirs: &[String]) -> Result<Option<Difference>> {
    let mut left = theirs.iter().map(|line| parse(line)).collect::<Result<Vec<_>>>()?;
    let mut all = Vec::new();
    for (number, line) in own.lines() {
        let ours = parse(&line)?;
        let differences = |theirs: &Entry<'_>| between(own, number, &ours, Some(theirs));
        let nearest =
            left.iter().enumerate().min_by_key(|(_, theirs)| differences(theirs).len()).map(|(place, _)| place);
        match nearest {
            Some(place) => all.extend(differences(&left.swap_remove(place))),
            None => all.extend(between(own, number, &ours, None)),
        }
    }
    let address = own.record.mailbox.address.clone();
    Ok((!all.is_empty()).then_some(Difference::Different(address, all)))
}

fn between(own: &Own, line: u16, ours: &Entry<'_>, theirs: Option<&Entry<'_>>) -> Vec<Differing> {
    let column = |column: &Column| {
        let (ours, theirs) = (ours.get(*column), theirs.map(|entry| entry.get(*column)).unwrap_or_default());
        let silent = ours.is_empty() && (ENTRY_COLUMNS.contains(column) || OF_A_PLACE.contains(column));
        let same = match column {
            // It differs in case at most.
            Column::Address => true,
            // Nothing said of it means no.
            Column::Digitisation => own.record.details.digitisation == (theirs == "O"),
            _ => silent || same_words(ours, theirs),
        };
        (!same).then(|| Differing { line, column: *column, ours: ours.to_owned(), theirs: theirs.to_owned() })
    };
    Column::ALL.iter().filter_map(column).collect()
}

//! `pli report incidents`, at the desk: the register of spec §8.4. Whoever must be told of an incident is told by people; the
//! register remembers when.

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Event, EventKind};
use pli_store::{Incident, IncidentState, IncidentVersion, Store};
use pli_types::{Marked, hide_identifiers};
use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::effect::Effect;
use super::rows::Warning;
use crate::exit::{Exit, Failure};
use crate::trust::Author;

/// Incidents that are told at once.
const INCIDENTS_MAX: usize = 10_000;
/// The longest text, in characters.
const TEXT_CHARS_MAX: usize = 10_000;
/// The longest title.
const TITLE_CHARS_MAX: usize = 200;
/// How long the CNIL may be told after it is known that data of persons are concerned (RGPD, article 33).
const CNIL_WITHIN: SignedDuration = SignedDuration::from_hours(72);
/// Where the ANS is told, without delay (CSP, D.1111-16-2).
const ANS_PORTAL: &str = "https://signalement.social-sante.gouv.fr";

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub(crate) enum Ask {
    /// The last version of each.
    List,
    /// One with all its versions.
    Show { incident: u64 },
    /// A new one.
    Open { change: Change, dry_run: bool },
    /// A new version of one.
    Update { incident: u64, change: Change, dry_run: bool },
}

/// What shall stand there. What is not given stays as it was; an empty text takes away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Change {
    pub(crate) title: Option<String>,
    pub(crate) state: Option<IncidentState>,
    pub(crate) detected_at: Option<Timestamp>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) facts: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) mailboxes: Option<u64>,
    pub(crate) persons: Option<u64>,
    pub(crate) measures: Option<String>,
    pub(crate) compromise: Option<String>,
    pub(crate) cnil_told_at: Option<Timestamp>,
    pub(crate) ans_told_at: Option<Timestamp>,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "told", rename_all = "kebab-case")]
pub(crate) enum Told {
    /// To [`Ask::List`], the newest first.
    List { rows: Vec<VersionTold> },
    /// To [`Ask::Show`]: the versions, the first first, and who is still to be told.
    Shown { versions: Vec<VersionTold>, due: Vec<Warning> },
    /// To what changes it.
    Done { outcome: Effect, version: Box<VersionTold>, due: Vec<Warning> },
}

/// A version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct VersionTold {
    pub(crate) incident: u64,
    pub(crate) version: u64,
    pub(crate) written_at: Timestamp,
    pub(crate) author: String,
    #[serde(flatten)]
    pub(crate) content: Incident,
    /// Until when the CNIL is to be told.
    pub(crate) cnil_until: Timestamp,
}

impl Ask {
    /// Does it change anything?
    pub(crate) fn writes(&self) -> bool {
        match self {
            Self::List | Self::Show { .. } => false,
            Self::Open { dry_run, .. } | Self::Update { dry_run, .. } => !dry_run,
        }
    }
}

impl Desk {
    /// Answers about the register.
    pub(super) async fn incident(&self, ask: Ask, actor: &str) -> Result<Told, Failure> {
        let (store, _) = self.store_and_house()?;
        match ask {
            Ask::List => {
                let rows = store.incidents(INCIDENTS_MAX).await?.into_iter().map(told).collect();
                Ok(Told::List { rows })
            }
            Ask::Show { incident } => {
                let versions = versions(store, incident).await?;
                let due = versions.last().map(|last| self.due(&last.content)).unwrap_or_default();
                Ok(Told::Shown { versions: versions.into_iter().map(told).collect(), due })
            }
            Ask::Open { change, dry_run } => {
                let number = store.incidents(1).await?.first().map_or(1, |last| last.incident + 1);
                let title = change.title.clone().unwrap_or_default();
                let before = new_one(title, change.detected_at.unwrap_or_else(|| self.clock.now()));
                let content = changed(&before, change)?;
                let version = self.version(number, 1, content, actor);
                self.write(store, version, Effect::Created, dry_run).await
            }
            Ask::Update { incident, change, dry_run } => {
                let before = versions(store, incident).await?.pop().ok_or_else(|| unknown(incident))?;
                let content = changed(&before.content, change)?;
                if content == before.content {
                    let due = self.due(&content);
                    let outcome = Effect::Unchanged.tried_if(dry_run);
                    return Ok(Told::Done { outcome, version: Box::new(told(before)), due });
                }
                let version = self.version(incident, before.version + 1, content, actor);
                self.write(store, version, Effect::Changed, dry_run).await
            }
        }
    }

    fn version(&self, incident: u64, version: u64, content: Incident, actor: &str) -> IncidentVersion {
        IncidentVersion { incident, version, written_at: self.clock.now(), author: actor.to_owned(), content }
    }

    async fn write(
        &self,
        store: &dyn Store,
        version: IncidentVersion,
        effect: Effect,
        dry_run: bool,
    ) -> Result<Told, Failure> {
        let due = self.due(&version.content);
        if !dry_run {
            let number = version.incident;
            if !store.write_incident(version.clone(), vec![event(&version)]).await? {
                return Err(Failure::told(Exit::Conflict, "incident-changed", &[("incident", &number)]));
            }
            tracing::info!(incident = number, version = version.version, "the register of incidents is changed");
        }
        Ok(Told::Done { outcome: effect.tried_if(dry_run), version: Box::new(told(version)), due })
    }

    /// Who is still to be told, and until when.
    fn due(&self, incident: &Incident) -> Vec<Warning> {
        let mut due = Vec::new();
        if incident.ans_told_at.is_none() {
            due.push(Warning::told("incident-ans-due", &[("portal", &ANS_PORTAL)]));
        }
        if incident.cnil_told_at.is_none() && incident.persons != Some(0) {
            let until = cnil_until(incident);
            let key = if self.clock.now() > until { "incident-cnil-overdue" } else { "incident-cnil-due" };
            due.push(Warning::told(key, &[("until", &until)]));
        }
        due
    }
}

async fn versions(store: &dyn Store, incident: u64) -> Result<Vec<IncidentVersion>, Failure> {
    let versions = store.incident(incident).await?;
    if versions.is_empty() { Err(unknown(incident)) } else { Ok(versions) }
}

fn unknown(incident: u64) -> Failure {
    Failure::told(Exit::NotFound, "incident-unknown", &[("incident", &incident)])
}

fn cnil_until(incident: &Incident) -> Timestamp {
    incident.detected_at.checked_add(CNIL_WITHIN).unwrap_or(Timestamp::MAX)
}

fn told(version: IncidentVersion) -> VersionTold {
    let IncidentVersion { incident, version, written_at, author, content } = version;
    let cnil_until = cnil_until(&content);
    VersionTold { incident, version, written_at, author, content, cnil_until }
}

/// On record stand the number and the title; the register has the rest.
fn event(version: &IncidentVersion) -> Event {
    let IncidentVersion { incident, version: number, written_at, author, content } = version;
    let what = format!("incident {incident}, version {number}, {}: {}", content.state.as_str(), content.title);
    Event { detail: Some(Marked::text(&what)), ..Author::Admin(author.clone()).event(EventKind::Changed, *written_at) }
}

fn new_one(title: String, detected_at: Timestamp) -> Incident {
    Incident {
        title,
        state: IncidentState::Open,
        detected_at,
        started_at: None,
        ended_at: None,
        facts: String::new(),
        scope: String::new(),
        mailboxes: None,
        persons: None,
        measures: String::new(),
        compromise: String::new(),
        cnil_told_at: None,
        ans_told_at: None,
    }
}

/// As it shall be. An identifier of a person that slipped into a text is hidden: persons are counted.
fn changed(before: &Incident, change: Change) -> Result<Incident, Failure> {
    let kept = |text: Option<String>, before: &str| {
        text.map_or_else(|| Ok(before.to_owned()), |text| checked(&text, TEXT_CHARS_MAX))
    };
    let title = change.title.as_deref().unwrap_or(&before.title);
    let title = checked(title, TITLE_CHARS_MAX)?;
    if title.is_empty() || title.contains('\n') {
        return Err(Failure::told(Exit::Usage, "incident-title", &[("most", &TITLE_CHARS_MAX)]));
    }
    let after = Incident {
        title,
        state: change.state.unwrap_or(before.state),
        detected_at: change.detected_at.unwrap_or(before.detected_at),
        started_at: change.started_at.or(before.started_at),
        ended_at: change.ended_at.or(before.ended_at),
        facts: kept(change.facts, &before.facts)?,
        scope: kept(change.scope, &before.scope)?,
        mailboxes: change.mailboxes.or(before.mailboxes),
        persons: change.persons.or(before.persons),
        measures: kept(change.measures, &before.measures)?,
        compromise: kept(change.compromise, &before.compromise)?,
        cnil_told_at: change.cnil_told_at.or(before.cnil_told_at),
        ans_told_at: change.ans_told_at.or(before.ans_told_at),
    };
    match (after.started_at, after.ended_at) {
        (Some(started), Some(ended)) if ended < started => Err(Failure::told(Exit::Usage, "incident-ends-early", &[])),
        _ => Ok(after),
    }
}

/// Lines are kept, other control characters are not.
fn checked(text: &str, most: usize) -> Result<String, Failure> {
    if text.chars().count() > most {
        return Err(Failure::told(Exit::Usage, "incident-text-long", &[("most", &most)]));
    }
    let text = text.replace("\r\n", "\n");
    let shown = text.trim().chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect::<String>();
    Ok(hide_identifiers(&shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before() -> Incident {
        new_one("Boîte compromise".to_owned(), "2026-10-01T08:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_person_is_never_named() {
        let written = |text: &str| Some(text.to_owned());
        let change = Change {
            title: written("Accès par 279035121518989"),
            facts: written("2 79 03 51 215 189 89 et\r\n279035121518989@patient.mssante.fr\u{7}"),
            scope: written("1 79 03 51 215 189"),
            compromise: written("192.0.2.7 x2790351215189y"),
            persons: Some(1),
            ..Change::default()
        };
        let after = changed(&before(), change).unwrap();
        let text = serde_json::to_string(&after).unwrap();
        assert!(!text.contains("215") && text.contains("192.0.2.7") && text.contains("ins-hidden"), "{text}");
        assert!(after.facts.contains("et\n"), "{text}");
        let version = IncidentVersion {
            incident: 1,
            version: 1,
            written_at: before().detected_at,
            author: "admin".to_owned(),
            content: after,
        };
        assert!(!event(&version).detail.unwrap().reveal().contains("27903"));
    }

    #[test]
    fn what_is_not_given_stays_and_an_empty_text_takes_away() {
        let full = Incident { facts: "x".to_owned(), persons: Some(3), ..before() };
        assert_eq!(changed(&full, Change::default()).unwrap(), full);
        let change = Change { facts: Some(String::new()), ..Change::default() };
        assert_eq!(changed(&full, change).unwrap(), Incident { facts: String::new(), ..full });
    }

    #[test]
    fn a_title_has_one_line_and_an_end_does_not_come_first() {
        let failed = |change: Change| changed(&before(), change).unwrap_err().code;
        for title in ["", " ", "a\nb"] {
            assert_eq!(failed(Change { title: Some(title.to_owned()), ..Change::default() }), "incident-title");
        }
        let at = before().detected_at;
        let earlier = Some(at - SignedDuration::from_hours(1));
        let change = Change { started_at: Some(at), ended_at: earlier, ..Change::default() };
        assert_eq!(failed(change), "incident-ends-early");
        let long = Some("x".repeat(TEXT_CHARS_MAX + 1));
        assert_eq!(failed(Change { measures: long, ..Change::default() }), "incident-text-long");
    }
}

//! What is said on the admin socket: one line of JSON each way, one request a connection. Members are only ever added.

use jiff::Timestamp;
use pli_directory::{HistoryRow, Installed, Signature};
use pli_mailflow::PeerRecord;
use serde::{Deserialize, Serialize};

use super::{
    account, connector, directory, dispensation, incident, mailbox, notice, patient, queue, record, relation, report,
    reveal,
};
use crate::alarms::Alarm;
use crate::exit::{Exit, Failure};
use crate::words::Said;

/// The most bytes of a line, its end included.
pub(crate) const REQUEST_BYTES_MAX: u64 = 64 << 10;

/// The first line that a client sends.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// What is asked.
    pub(crate) request: Request,
    /// How many bytes follow the line: the list that the request is about.
    #[serde(default)]
    pub(crate) attached: u64,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "ask", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub(crate) enum Request {
    /// Is there a node, and which?
    Ping,
    /// Which list is in force, and which one waits?
    TrustShow,
    /// What happened to lists?
    TrustHistory,
    /// What stands between two lists?
    TrustDiff { from: Side, to: Side },
    /// Look at the source now.
    TrustFetch,
    /// Put the attached list in force, or the held one if none is attached.
    TrustInstall { reason: String, dry_run: bool },
    /// Go back to the list before, or to the one whose digest begins so.
    TrustRollback { to: Option<String>, reason: String, dry_run: bool },
    /// Do this to rows of the queue.
    Queue(queue::Ask),
    /// Put the copy of the national directory that lies prepared in the state folder, and is of this text, in place.
    DirectoryInstall { digest: String },
    /// Have the state's directory told of these mailboxes now, or of all that wait if none is named.
    Publish { addresses: Vec<String> },
    /// About mailboxes.
    Mailbox(mailbox::Ask),
    /// About accounts.
    Account(account::Ask),
    /// What must somebody look at? Only a running node knows.
    Alarms,
    /// What was seen of other operators?
    PeerList,
    /// About hospitals' own servers.
    Connector(connector::Ask),
    /// Our own entries of the directory.
    Directory(directory::Ask),
    /// About patients' spaces.
    Patient(patient::Ask),
    /// About patients' contacts.
    Relation(relation::Ask),
    /// What pharmacies have dispensed, and which structures are pharmacies.
    Dispensation(dispensation::Ask),
    /// Notices to many patients.
    Notice(notice::Ask),
    /// Put on record that an admin is shown health identifiers in clear.
    Reveal(reveal::Ask),
    /// What is counted of a month.
    Report(report::Ask),
    /// The register of incidents.
    Incident(incident::Ask),
    /// About whom the record knows.
    Audit(record::Ask),
}

/// One of the lists that are compared.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Side {
    /// The list in force.
    InForce,
    /// The one that waits for an admin.
    Held,
    /// The attached one.
    Attached,
    /// One that is or was in force: its digest begins so.
    Kept(String),
}

/// The line that comes back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// It is done, or this is what was asked for.
    Done(Answer),
    /// It is not done.
    Failed(FailureTold),
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// To [`Request::Ping`].
    Pong(Pong),
    /// To [`Request::TrustShow`].
    Standing(Box<Standing>),
    /// To [`Request::TrustHistory`], oldest first.
    History {
        /// The rows.
        rows: Vec<HistoryRow>,
    },
    /// To [`Request::TrustDiff`].
    Differences {
        /// By domain.
        rows: Vec<Difference>,
    },
    /// To what changes the list, or would.
    Change(ListChange),
    /// To [`Request::Queue`].
    Queue(queue::Told),
    /// To [`Request::DirectoryInstall`]: how many lines it has, and how many were not taken.
    Directory { taken: u64, refused: u64 },
    /// To [`Request::Publish`].
    Published {
        /// How many are told of now.
        mailboxes: usize,
    },
    /// To [`Request::Mailbox`].
    Mailbox(mailbox::Told),
    /// To [`Request::Account`].
    Account(account::Told),
    /// To [`Request::Alarms`], the most urgent first.
    Alarms {
        /// Those that are on.
        rows: Vec<AlarmTold>,
        /// How far the record is sealed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sealed: Option<SealedTold>,
    },
    /// To [`Request::Connector`].
    Connector(connector::Told),
    /// To [`Request::Directory`].
    DirectoryEntry(directory::Told),
    /// To [`Request::Patient`].
    Patient(patient::Told),
    /// To [`Request::Relation`].
    Relation(relation::Told),
    /// To [`Request::Dispensation`].
    Dispensation(dispensation::Told),
    /// To [`Request::Notice`].
    Notice(notice::Told),
    /// To [`Request::Reveal`].
    OnRecord,
    /// To [`Request::Report`].
    Report(report::Told),
    /// To [`Request::Incident`].
    Incident(incident::Told),
    /// To [`Request::Audit`].
    Audit(record::Told),
    /// To [`Request::PeerList`], in order of names.
    Peers {
        /// The peer book.
        rows: Vec<PeerRecord>,
    },
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Pong {
    pub(crate) version: String,
    pub(crate) pid: u32,
}

/// How lists stand.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Standing {
    pub(crate) in_force: Option<ListTold>,
    /// When it came into force.
    pub(crate) installed_at: Option<Timestamp>,
    /// When its source last said that it is the list.
    pub(crate) confirmed_at: Option<Timestamp>,
    /// Where it came from.
    pub(crate) source: Option<String>,
    pub(crate) held: Option<pli_directory::Held>,
}

/// A list, counted.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct ListTold {
    pub(crate) digest: String,
    pub(crate) generated_at: Timestamp,
    pub(crate) entries: usize,
    pub(crate) domains: usize,
    pub(crate) certificate_names: usize,
    pub(crate) signature: Signature,
}

/// What was done to the list in force, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct ListChange {
    pub(crate) outcome: Outcome,
    /// The list in force afterwards; `None` if there is none.
    pub(crate) list: Option<ListTold>,
    /// How many domains came.
    pub(crate) added: usize,
    /// How many left.
    pub(crate) removed: usize,
    /// How many have other certificate names.
    pub(crate) changed: usize,
}

/// What became of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Installed,
    Unchanged,
    RolledBack,
    WouldBeInstalled,
    WouldBeUnchanged,
    WouldBeRolledBack,
}

/// A domain that two lists do not say the same of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Difference {
    pub(crate) change: Kind,
    pub(crate) domain: String,
    /// Its certificate names in the first list, sorted.
    pub(crate) before: Vec<String>,
    /// And in the second.
    pub(crate) after: Vec<String>,
}

/// What became of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Removed,
    Changed,
    Added,
}

/// How far a node has sealed its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct SealedTold {
    /// Entries under the last checkpoint.
    pub(crate) size: u64,
    /// When it was signed; none if that was before the node's start.
    pub(crate) at: Option<Timestamp>,
}

/// An alarm.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct AlarmTold {
    pub(crate) code: String,
    pub(crate) subject: String,
    pub(crate) stage: Option<String>,
    pub(crate) stops_mail: bool,
    pub(crate) what: String,
    pub(crate) next: String,
    /// The sentence, for the command to say in the language of the person who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) said: Option<Said>,
}

impl From<&Alarm> for AlarmTold {
    fn from(alarm: &Alarm) -> Self {
        Self {
            code: alarm.code.as_str().to_owned(),
            subject: alarm.subject.clone(),
            stage: alarm.stage.map(|stage| stage.as_str().to_owned()),
            stops_mail: alarm.stops_mail,
            what: alarm.what.clone(),
            next: alarm.next.clone(),
            said: Some(alarm.said.clone()),
        }
    }
}

/// A [`Failure`], on its way to the command that it is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct FailureTold {
    exit: u8,
    code: String,
    /// In English, for programs and for commands whose catalogue lacks the key.
    what: String,
    next: String,
    /// The sentence, for the command to say in the language of the person who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    said: Option<Said>,
}

impl From<Failure> for FailureTold {
    fn from(failure: Failure) -> Self {
        let said = failure.said().cloned();
        Self { exit: failure.exit as u8, code: failure.code.to_owned(), what: failure.what, next: failure.next, said }
    }
}

impl From<FailureTold> for Failure {
    fn from(told: FailureTold) -> Self {
        let exits = [Exit::Refused, Exit::Usage, Exit::NotFound, Exit::Conflict, Exit::Remote, Exit::Integrity];
        let exit = exits.into_iter().find(|exit| *exit as u8 == told.exit).unwrap_or(Exit::Defect);
        // One short word in a process that ends with it.
        let failure = Self::new(exit, told.code.leak(), told.what, told.next);
        match told.said {
            Some(said) => failure.also_said(said),
            None => failure,
        }
    }
}

impl Request {
    /// The word for it on the wire, for messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::TrustShow => "trust-show",
            Self::TrustHistory => "trust-history",
            Self::TrustDiff { .. } => "trust-diff",
            Self::TrustFetch => "trust-fetch",
            Self::TrustInstall { .. } => "trust-install",
            Self::TrustRollback { .. } => "trust-rollback",
            Self::Queue(_) => "queue",
            Self::DirectoryInstall { .. } => "directory-install",
            Self::Publish { .. } => "publish",
            Self::Mailbox(_) => "mailbox",
            Self::Account(_) => "account",
            Self::Alarms => "alarms",
            Self::PeerList => "peer-list",
            Self::Connector(_) => "connector",
            Self::Directory(_) => "directory",
            Self::Patient(_) => "patient",
            Self::Relation(_) => "relation",
            Self::Dispensation(_) => "dispensation",
            Self::Notice(_) => "notice",
            Self::Reveal(_) => "reveal",
            Self::Report(_) => "report",
            Self::Incident(_) => "incident",
            Self::Audit(_) => "audit",
        }
    }

    /// Is its answer in the store, for one that changes nothing?
    pub(crate) fn looks_into_store(&self) -> bool {
        matches!(
            self,
            Self::Queue(_)
                | Self::Connector(_)
                | Self::Directory(_)
                | Self::Mailbox(_)
                | Self::Account(_)
                | Self::Notice(_)
                | Self::Patient(_)
                | Self::Relation(_)
                | Self::Incident(_)
                | Self::Audit(_)
        )
    }

    /// Does it change anything?
    pub(crate) fn writes(&self) -> bool {
        match self {
            Self::Ping
            | Self::TrustShow
            | Self::TrustHistory
            | Self::TrustDiff { .. }
            | Self::Alarms
            | Self::PeerList => false,
            Self::Connector(ask) => ask.writes(),
            Self::Directory(ask) => ask.writes(),
            Self::Notice(ask) => ask.writes(),
            Self::Mailbox(ask) => ask.writes(),
            Self::Account(ask) => ask.writes(),
            Self::Patient(ask) => ask.writes(),
            Self::Relation(ask) => ask.writes(),
            Self::Incident(ask) => ask.writes(),
            Self::Audit(ask) => ask.writes(),
            Self::TrustFetch
            | Self::DirectoryInstall { .. }
            | Self::Publish { .. }
            | Self::Dispensation(_)
            | Self::Reveal(_)
            // What is recorded and not counted yet is counted first.
            | Self::Report(_) => true,
            Self::TrustInstall { dry_run, .. }
            | Self::TrustRollback { dry_run, .. }
            | Self::Queue(queue::Ask { dry_run, .. }) => !dry_run,
        }
    }
}

impl From<&Installed> for ListTold {
    fn from(installed: &Installed) -> Self {
        Self {
            digest: installed.digest.clone(),
            generated_at: installed.generated_at,
            entries: installed.entries,
            domains: installed.domains,
            certificate_names: installed.certificate_names,
            signature: installed.signature.clone(),
        }
    }
}

impl From<&pli_directory::InForce> for ListTold {
    fn from(in_force: &pli_directory::InForce) -> Self {
        Self {
            digest: in_force.digest.clone(),
            generated_at: in_force.generated_at,
            entries: in_force.list.entries(),
            domains: in_force.list.domains(),
            certificate_names: in_force.list.certificate_names(),
            signature: in_force.signature.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requests_have_the_shape_of_the_page_for_people() {
        let rollback = Request::TrustRollback { to: Some("1a2b".to_owned()), reason: "why".to_owned(), dry_run: false };
        for (request, text) in [
            (Request::Ping, json!({"ask": "ping"})),
            (
                Request::DirectoryInstall { digest: "1a2b".to_owned() },
                json!({"ask": "directory-install", "digest": "1a2b"}),
            ),
            (rollback, json!({"ask": "trust-rollback", "to": "1a2b", "reason": "why", "dry_run": false})),
            (
                Request::TrustDiff { from: Side::InForce, to: Side::Kept("1a2b".to_owned()) },
                json!({"ask": "trust-diff", "from": "in-force", "to": {"kept": "1a2b"}}),
            ),
        ] {
            assert_eq!(serde_json::to_value(&request).unwrap(), text);
            assert_eq!(text["ask"], request.name());
            assert_eq!(serde_json::from_value::<Request>(text).unwrap(), request);
        }
    }

    #[test]
    fn a_failure_arrives_as_it_was_sent() {
        let sent = Failure::new(Exit::Integrity, "list-older", "what", "next");
        assert_eq!(Failure::from(FailureTold::from(sent.clone())), sent);
        for exit in [Exit::Refused, Exit::Usage, Exit::NotFound, Exit::Conflict, Exit::Remote, Exit::Integrity] {
            let sent = Failure::told(exit, "queue-row-unknown", &[("id", &"7")]);
            let told = serde_json::to_value(FailureTold::from(sent.clone())).unwrap();
            assert_eq!(told["said"], json!({"key": "queue-row-unknown", "values": {"id": "7"}}));
            assert_eq!(Failure::from(serde_json::from_value::<FailureTold>(told).unwrap()), sent);
        }
        let reply = serde_json::to_value(Reply::Failed(sent.into())).unwrap();
        assert_eq!(reply, json!({"failed": {"exit": 6, "code": "list-older", "what": "what", "next": "next"}}));
    }
}

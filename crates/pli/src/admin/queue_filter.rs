//! [`QueueFilter`]: which rows of the queue are meant. One grammar for all verbs of `pli queue`: terms, all of which must
//! hold. Parsing knows no queue and no clock, and its mistakes repeat no health identifier.

use jiff::{SignedDuration, Timestamp};
use pli_policy::Reason;
use pli_store::QueueRow;
use pli_types::{Domain, MailAddress, MessageId, QueueId, ReversePath, hide_identifiers};

use crate::exit::{Exit, Failure};

/// What a term says of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    /// The row's id, or its message's.
    Id(QueueId, MessageId),
    Message(MessageId),
    Domain(Domain),
    From(ReversePath),
    FromDomain(Domain),
    To(MailAddress),
    Reason(Reason),
    State(RowState),
    Older(SignedDuration),
    All,
}

/// What a row waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowState {
    /// Nothing: it is its turn, or somebody is trying right now.
    Due,
    /// Its next try.
    Waiting,
    /// An admin.
    Held,
    /// The report to its sender.
    Returned,
}

impl RowState {
    const ALL: [Self; 4] = [Self::Due, Self::Waiting, Self::Held, Self::Returned];

    /// How a row stands at this time.
    pub(crate) fn of(row: &QueueRow, now: Timestamp) -> Self {
        if row.held.is_some() {
            Self::Held
        } else if row.returned.is_some() {
            Self::Returned
        } else if row.leased || row.next_attempt_at <= now {
            Self::Due
        } else {
            Self::Waiting
        }
    }

    /// The word for it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Returned => "returned",
        }
    }
}

/// Terms, all of which must hold. None at all: every row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueFilter {
    terms: Vec<Term>,
}

impl QueueFilter {
    /// Reads the terms. A word that is none of them may have been meant as an id: then nothing has it.
    pub(crate) fn parse(words: &[String]) -> Result<Self, Failure> {
        let terms = words.iter().map(|word| term(word)).collect::<Result<_, _>>()?;
        Ok(Self { terms })
    }

    /// Is this row meant?
    pub(crate) fn matches(&self, row: &QueueRow, now: Timestamp) -> bool {
        self.terms.iter().all(|term| term.matches(row, now))
    }

    /// The one id that was named, and nothing else: who names it means one row.
    pub(crate) fn only_id(&self) -> Option<QueueId> {
        match self.terms.as_slice() {
            [Term::Id(row, _)] => Some(*row),
            _ => None,
        }
    }

    /// Of these, the rows that are meant. An id that nothing has is a mistake; that nothing else matches is none.
    pub(crate) fn pick(&self, rows: Vec<QueueRow>, now: Timestamp) -> Result<Vec<QueueRow>, Failure> {
        let picked: Vec<_> = rows.into_iter().filter(|row| self.matches(row, now)).collect();
        match self.only_id() {
            Some(id) if picked.is_empty() => Err(unknown(&id.to_string())),
            _ => Ok(picked),
        }
    }
}

impl Term {
    fn matches(&self, row: &QueueRow, now: Timestamp) -> bool {
        match self {
            Self::Id(id, message) => row.id == *id || row.message == *message,
            Self::Message(message) => row.message == *message,
            Self::Domain(domain) => row.destination == *domain,
            Self::From(path) => match (path, &row.sender) {
                (ReversePath::Address(wanted), ReversePath::Address(sender)) => wanted.key() == sender.key(),
                (wanted, sender) => wanted == sender,
            },
            Self::FromDomain(domain) => row.sender.address().is_some_and(|sender| sender.domain() == domain),
            Self::To(wanted) => row.recipient.key() == wanted.key(),
            Self::Reason(reason) => {
                let codes = [&row.last_reason, &row.held, &row.returned];
                codes.into_iter().any(|code| code.as_deref() == Some(reason.code()))
            }
            Self::State(state) => RowState::of(row, now) == *state,
            Self::Older(age) => now.duration_since(row.accepted_at) >= *age,
            Self::All => true,
        }
    }
}

fn term(word: &str) -> Result<Term, Failure> {
    let Some((name, value)) = word.split_once(':') else {
        return match (word, QueueId::parse(word), MessageId::parse(word)) {
            ("all", ..) => Ok(Term::All),
            (_, Ok(row), Ok(message)) => Ok(Term::Id(row, message)),
            _ => Err(unknown(word)),
        };
    };
    let wrong = |key| move || Failure::told(Exit::Usage, key, &[]);
    match name {
        "message" => MessageId::parse(value).map(Term::Message).map_err(|_| wrong("queue-filter.message")()),
        "domain" => Domain::parse(value).map(Term::Domain).map_err(|_| wrong("queue-filter.domain")()),
        "from" => sender(value).ok_or_else(wrong("queue-filter.from")),
        "to" => MailAddress::parse(value).map(Term::To).map_err(|_| wrong("queue-filter.to")()),
        "reason" => Reason::from_code(value).map(Term::Reason).ok_or_else(wrong("queue-filter.reason")),
        "state" => {
            let state = RowState::ALL.into_iter().find(|state| state.as_str() == value);
            state.map(Term::State).ok_or_else(wrong("queue-filter.state"))
        }
        "older" => age(value).map(Term::Older).ok_or_else(wrong("queue-filter.older")),
        _ => Err(wrong("queue-filter.unknown")()),
    }
}

fn unknown(id: &str) -> Failure {
    Failure::told(Exit::NotFound, "queue-row-unknown", &[("id", &hide_identifiers(id))])
}

/// An address, `@` and a domain, or `<>`.
fn sender(value: &str) -> Option<Term> {
    if value == "<>" {
        return Some(Term::From(ReversePath::Null));
    }
    match value.strip_prefix('@') {
        Some(domain) => Domain::parse(domain).ok().map(Term::FromDomain),
        None => MailAddress::parse(value).ok().map(|address| Term::From(ReversePath::Address(address))),
    }
}

/// A number and its unit: `90s`, `30m`, `2h`, `5d`.
fn age(value: &str) -> Option<SignedDuration> {
    let (number, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let number = number.parse::<u32>().ok()?;
    Some(SignedDuration::from_secs(i64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    fn row() -> QueueRow {
        QueueRow {
            id: QueueId::from_bytes([7; 16]),
            message: MessageId::from_bytes([9; 16]),
            sender: ReversePath::Address(MailAddress::parse("dr.durand@cabinet.mssante.fr").unwrap()),
            recipient: MailAddress::parse("279035121518989@patient.mssante.fr").unwrap(),
            destination: Domain::parse("patient.mssante.fr").unwrap(),
            attempts: 2,
            next_attempt_at: "2026-11-22T12:00:01Z".parse().unwrap(),
            leased: false,
            last_reason: Some("peer-unreachable".to_owned()),
            last_detail: None,
            returned: None,
            held: None,
            expires_at: "2026-11-27T10:00:00Z".parse().unwrap(),
            accepted_at: "2026-11-22T10:00:00Z".parse().unwrap(),
        }
    }

    fn is_meant(text: &str, row: &QueueRow) -> bool {
        QueueFilter::parse(&words(text)).unwrap().matches(row, now())
    }

    #[test]
    fn each_term_narrows_and_all_of_them_must_hold() {
        let row = row();
        let (id, message) = ("07".repeat(16), "09".repeat(16));
        let meant = [
            "",
            "all",
            id.as_str(),
            message.as_str(),
            &format!("message:{message}"),
            "domain:PATIENT.mssante.fr",
            "from:Dr.Durand@cabinet.mssante.fr",
            "from:@cabinet.mssante.fr",
            "to:279035121518989@patient.mssante.fr",
            "reason:peer-unreachable",
            "state:waiting",
            "older:2h",
            "older:7200s state:waiting domain:patient.mssante.fr",
        ];
        for text in meant {
            assert!(is_meant(text, &row), "{text}");
        }
        let not = [
            &format!("message:{id}"),
            "domain:mssante.fr",
            "from:<>",
            "from:@mssante.fr",
            "to:dr.durand@cabinet.mssante.fr",
            "reason:peer-tls",
            "state:due",
            "older:121m",
            "older:2h state:held",
        ];
        for text in not {
            assert!(!is_meant(text, &row), "{text}");
        }
    }

    #[test]
    fn a_row_is_due_when_its_time_has_come_or_somebody_tries_it() {
        let state = |row: &QueueRow| RowState::of(row, now()).as_str();
        assert_eq!(state(&row()), "waiting");
        assert_eq!(state(&QueueRow { next_attempt_at: now(), ..row() }), "due");
        assert_eq!(state(&QueueRow { leased: true, ..row() }), "due");
        assert_eq!(state(&QueueRow { returned: Some("patient-unknown".to_owned()), ..row() }), "returned");
        let held = QueueRow { held: Some("document-other-patient".to_owned()), ..row() };
        assert_eq!(state(&held), "held");
        assert!(is_meant("reason:document-other-patient state:held", &held));
    }

    #[test]
    fn a_mistake_is_told_and_repeats_no_identifier() {
        let mistakes = [
            ("domain:a..b", "queue-filter", Exit::Usage),
            ("domain:", "queue-filter", Exit::Usage),
            ("from:279035121518989", "queue-filter", Exit::Usage),
            ("to:279035121518989", "queue-filter", Exit::Usage),
            ("reason:what", "queue-filter", Exit::Usage),
            ("state:lost", "queue-filter", Exit::Usage),
            ("older:2", "queue-filter", Exit::Usage),
            ("older:h", "queue-filter", Exit::Usage),
            ("older:é", "queue-filter", Exit::Usage),
            ("older:-2h", "queue-filter", Exit::Usage),
            ("message:07", "queue-filter", Exit::Usage),
            ("patient:279035121518989", "queue-filter", Exit::Usage),
            ("279035121518989", "queue-row-unknown", Exit::NotFound),
            ("nonsense", "queue-row-unknown", Exit::NotFound),
        ];
        for (text, code, exit) in mistakes {
            let failure = QueueFilter::parse(&words(text)).unwrap_err();
            assert_eq!((failure.code, failure.exit), (code, exit), "{text}");
            for language in [Language::En, Language::Fr] {
                assert!(!failure.page(language).contains("279035121518989"), "{}", failure.page(language));
            }
        }
    }

    #[test]
    fn an_id_that_nothing_has_is_a_mistake_and_a_filter_that_nothing_matches_is_none() {
        let pick = |text: &str| QueueFilter::parse(&words(text)).unwrap().pick(vec![row()], now());
        assert_eq!(pick(&"08".repeat(16)).unwrap_err().code, "queue-row-unknown");
        assert_eq!(pick(&"07".repeat(16)).unwrap().len(), 1);
        assert!(pick("state:held").unwrap().is_empty());
    }
}

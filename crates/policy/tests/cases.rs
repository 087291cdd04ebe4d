//! The golden cases: each file of `tests/cases/` is about the rule of its name. A case states what differs from an
//! ordinary letter, and what must be decided; a refusal must come from that very rule.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pli_policy::{
    Authorship, CertificateFacts, Decision, Facts, HeaderMailbox, HeaderSender, Listing, MailboxFacts, MaySendAs,
    NameShows, Origin, Reason, RecipientFacts, Ruleset, ScanFacts, ScanFault, SenderField, Stage, VirusRules, decide,
    decide_by_rule, explain,
};
use pli_types::{CertificateFault, DistinguishedName, Domain, MailAddress, Masker, ReversePath};
use serde::Deserialize;

#[path = "support/documents.rs"]
mod documents;
#[path = "support/patients.rs"]
mod patients;

use documents::DocumentsCase;
use patients::{LetterCase, RelationCase, Rules};

const PEER_ADDRESS: &str = "dr.martin@clinique-voisine.mssante.fr";
const CONNECTOR_ADDRESS: &str = "urgences@ch-exemple.mssante.fr";
const ACCOUNT_ADDRESS: &str = "officine@pharmacie-du-pont.mssante.fr";

#[test]
fn every_case_is_decided_as_written() {
    let mut wrong = Vec::new();
    for (rule, case) in all_cases() {
        let (decision, decided_by) = decide_by_rule(&case.facts(), &case.ruleset());
        let expected = case.expected();
        if decision != expected {
            wrong.push(format!("{rule}: {}: {decision:?} by {decided_by:?}, not {expected:?}", case.name));
        } else if !decision.accepts() && decided_by != Some(&rule) {
            wrong.push(format!("{rule}: {}: decided by {decided_by:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_names_the_facts_that_it_looked_at() {
    for (rule, case) in all_cases() {
        let (_, trace) = explain(&case.facts(), &case.ruleset(), &masker());
        for outcome in trace {
            assert!(!outcome.facts.is_empty(), "{rule}: {}: {} names none", case.name, outcome.rule);
        }
    }
}

/// Reads the rules' own source: a reason that no case shows is a refusal that nobody has thought through.
#[test]
fn every_reason_that_a_rule_gives_has_a_case() {
    let shown: BTreeSet<Reason> = all_cases().iter().filter_map(|(_, case)| case.expected().reason()).collect();
    let mut given = BTreeSet::new();
    for path in files("src/rules") {
        let source = fs::read_to_string(&path).expect("a rule's source");
        let names: BTreeSet<&str> = source
            .split("Reason::")
            .skip(1)
            .map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default())
            .collect();
        given.extend(Reason::ALL.iter().filter(|reason| names.contains(format!("{reason:?}").as_str())));
    }
    assert!(given.len() > 20, "found the reasons in the source: {given:?}");
    let missing: Vec<_> = given.difference(&shown).collect();
    assert!(missing.is_empty(), "no case shows {missing:?}");
}

#[test]
fn every_rule_has_a_file_of_cases() {
    let stems = |folder: &str| -> BTreeSet<String> {
        let stem = |path: PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().replace('_', "-"));
        files(folder).into_iter().filter_map(stem).collect()
    };
    assert_eq!(stems("src/rules"), stems("tests/cases"));
}

/// Who may write to whom (spec §1.4), row by row.
#[test]
fn every_row_of_who_may_write_to_whom_is_named_by_a_case() {
    let rows = ["1", "2", "3", "4", "4b", "5", "6", "7", "8", "9", "10", "11", "12", "13"];
    let cases = all_cases();
    for row in rows.map(|row| format!("R-WHO-{row}:")) {
        assert!(cases.iter().any(|(_, case)| case.name.starts_with(&row)), "no case begins with {row}");
    }
}

/// A refusal must not depend on the order in which a caller comes to know things: what is refused with good facts
/// about the recipient is refused with none.
#[test]
fn a_stage_without_its_facts_is_refused() {
    let ruleset = Ruleset { virus: Some(VirusRules::default()), ..Ruleset::default() };
    for stage in [Stage::Recipient, Stage::Content, Stage::Scan] {
        for origin in ["peer", "connector", "account"] {
            let case = Case { origin: origin.to_owned(), ..Case::default() };
            let facts = Facts { stage, recipient: None, authorship: None, letter: None, scan: None, ..case.facts() };
            assert!(!decide(&facts, &ruleset).accepts(), "{origin} {stage:?}");
        }
    }
}

fn masker() -> Masker {
    Masker::new(&[1; 32])
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<_> =
        fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

/// Every case, with the name of the rule that its file is about.
fn all_cases() -> Vec<(String, Case)> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        case: Vec<Case>,
    }
    let mut out = Vec::new();
    for path in files("tests/cases") {
        let text = fs::read_to_string(&path).expect("a file of cases");
        let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let rule = path.file_stem().expect("a name").to_string_lossy().into_owned();
        out.extend(file.case.into_iter().map(|case| (rule.clone(), case)));
    }
    out
}

/// What differs from an ordinary letter: of another operator, of a connector or of an account.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Case {
    name: String,
    stage: String,
    origin: String,
    tls: bool,
    certificate: String,
    certificate_listing: String,
    connector_domains: Vec<String>,
    connector_addresses: Vec<String>,
    addresses: Vec<String>,
    sender: Option<String>,
    sender_listing: String,
    recipient: RecipientCase,
    header_from: Option<String>,
    header_from_listing: String,
    header_from_name: String,
    header_senders: Vec<SenderCase>,
    letter: LetterCase,
    scan: Option<String>,
    rules: Rules,
    documents: DocumentsCase,
    decision: String,
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SenderCase {
    field: String,
    address: String,
    #[serde(default = "listed")]
    listing: String,
    #[serde(default = "no_address")]
    name: String,
}

fn listed() -> String {
    "listed".into()
}

fn no_address() -> String {
    "no-address".into()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RecipientCase {
    address: String,
    hosted: bool,
    connector_domain: bool,
    listing: String,
    mailbox: String,
    relation: Option<RelationCase>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            name: String::new(),
            stage: "mail".into(),
            origin: "peer".into(),
            tls: true,
            certificate: "proven".into(),
            certificate_listing: "listed".into(),
            connector_domains: vec!["ch-exemple.mssante.fr".into()],
            connector_addresses: Vec::new(),
            addresses: vec![ACCOUNT_ADDRESS.into()],
            sender: None,
            sender_listing: "listed".into(),
            recipient: RecipientCase::default(),
            header_from: None,
            header_from_listing: listed(),
            header_from_name: no_address(),
            header_senders: Vec::new(),
            letter: LetterCase::default(),
            scan: None,
            rules: Rules::default(),
            documents: DocumentsCase::default(),
            decision: String::new(),
            reason: None,
        }
    }
}

impl Default for RecipientCase {
    fn default() -> Self {
        Self {
            address: ACCOUNT_ADDRESS.into(),
            hosted: true,
            connector_domain: false,
            listing: "listed".into(),
            mailbox: "open".into(),
            relation: None,
        }
    }
}

impl Case {
    fn facts(&self) -> Facts {
        let stages = [
            ("mail", Stage::Mail),
            ("recipient", Stage::Recipient),
            ("content", Stage::Content),
            ("scan", Stage::Scan),
        ];
        let stage = lookup(&self.stage, &stages);
        Facts {
            stage,
            tls: self.tls,
            origin: self.origin(),
            sender: self.sender(),
            sender_listing: listing(&self.sender_listing),
            recipient: (stage == Stage::Recipient).then(|| self.recipient.facts()),
            patient: self.patient(),
            authorship: (stage == Stage::Content).then(|| self.authorship()),
            letter: (stage == Stage::Content).then(|| self.letter.facts()),
            documents: self.documents.facts(),
            scan: self.scan.as_deref().map(scan),
        }
    }

    fn ruleset(&self) -> Ruleset {
        Ruleset { documents: self.documents.rules(), ..self.rules.ruleset() }
    }

    fn origin(&self) -> Origin {
        let domain = |text: &String| Domain::parse(text).expect("a domain");
        let may_send_as = || MaySendAs {
            domains: self.connector_domains.iter().map(domain).collect(),
            addresses: self.connector_addresses.iter().map(|text| address(text)).collect(),
        };
        match self.origin.as_str() {
            "peer" | "connector" => Origin::Peer {
                certificate: certificate(&self.certificate),
                certificate_listing: listing(&self.certificate_listing),
                connector: (self.origin == "connector").then(may_send_as),
            },
            "account" => Origin::Account { addresses: self.addresses.iter().map(|text| address(text)).collect() },
            "nobody" => Origin::Unauthenticated,
            "relay" => Origin::Relay,
            other => panic!("{}: no such origin: {other}", self.name),
        }
    }

    /// A patient whose mail an account or a connector here brings is a patient of ours.
    fn patient(&self) -> Option<pli_types::Ins> {
        self.sender().address().filter(|_| matches!(self.origin.as_str(), "account" | "connector"))?.ins()
    }

    fn usual_address(&self) -> &'static str {
        match self.origin.as_str() {
            "connector" => CONNECTOR_ADDRESS,
            "account" => ACCOUNT_ADDRESS,
            _ => PEER_ADDRESS,
        }
    }

    fn sender(&self) -> ReversePath {
        match self.sender.as_deref().unwrap_or(self.usual_address()) {
            "" => ReversePath::Null,
            text => ReversePath::Address(address(text)),
        }
    }

    fn authorship(&self) -> Authorship {
        let from = self.header_from.as_deref().unwrap_or(self.usual_address());
        Authorship {
            from: header_mailbox(from, &self.header_from_listing, &self.header_from_name),
            senders: self.header_senders.iter().map(SenderCase::facts).collect(),
        }
    }

    fn expected(&self) -> Decision {
        let reason = self.reason.as_deref().map(|code| Reason::from_code(code).expect("a reason's code"));
        match (self.decision.as_str(), reason) {
            ("accept", None) => Decision::Accept,
            ("return", Some(reason)) => Decision::Return(reason),
            ("defer", Some(reason)) => Decision::Defer(reason),
            ("hold", Some(reason)) => Decision::Hold(reason),
            ("refuse", Some(reason)) => Decision::Refuse(reason),
            other => panic!("{}: no such decision: {other:?}", self.name),
        }
    }
}

impl SenderCase {
    fn facts(&self) -> HeaderSender {
        let field = lookup(
            &self.field,
            &[
                ("Sender", SenderField::Sender),
                ("Resent-From", SenderField::ResentFrom),
                ("Resent-Sender", SenderField::ResentSender),
            ],
        );
        HeaderSender { field, mailbox: header_mailbox(&self.address, &self.listing, &self.name) }
    }
}

fn header_mailbox(text: &str, listed: &str, name: &str) -> HeaderMailbox {
    if text == "malformed" {
        return HeaderMailbox::Malformed;
    }
    let names = [
        ("no-address", NameShows::NoAddress),
        ("this-address", NameShows::ThisAddress),
        ("another-address", NameShows::AnotherAddress),
    ];
    HeaderMailbox::Address { address: address(text), listing: listing(listed), name: lookup(name, &names) }
}

impl RecipientCase {
    fn facts(&self) -> RecipientFacts {
        RecipientFacts {
            address: address(&self.address),
            hosted: self.hosted,
            connector_domain: self.connector_domain,
            listing: listing(&self.listing),
            mailbox: lookup(
                &self.mailbox,
                &[
                    ("none", MailboxFacts::None),
                    ("open", MailboxFacts::Open),
                    ("suspended", MailboxFacts::Suspended),
                    ("closed", MailboxFacts::Closed),
                    ("full", MailboxFacts::Full),
                ],
            ),
            relation: self.relation.as_ref().map(RelationCase::facts),
        }
    }
}

fn scan(word: &str) -> ScanFacts {
    match word {
        "clean" => ScanFacts::Clean,
        "found" => ScanFacts::Found("Test.Signature".into()),
        "too-large" => ScanFacts::TooLarge,
        fault => ScanFacts::Unanswered(lookup(fault, &ScanFault::ALL.map(|fault| (fault.as_str(), fault)))),
    }
}

fn certificate(word: &str) -> CertificateFacts {
    match word {
        "missing" => CertificateFacts::Missing,
        "proven" => CertificateFacts::Proven(DistinguishedName::parse("CN=mss.exemple.fr,C=FR").expect("a name")),
        fault => CertificateFacts::Faulty(lookup(
            fault,
            &[
                ("untrusted", CertificateFault::Untrusted),
                ("expired", CertificateFault::Expired),
                ("not-yet-valid", CertificateFault::NotYetValid),
                ("revoked", CertificateFault::Revoked),
                ("wrong-use", CertificateFault::WrongUse),
                ("revocation-unknown", CertificateFault::RevocationUnknown),
            ],
        )),
    }
}

fn listing(word: &str) -> Listing {
    lookup(
        word,
        &[
            ("listed", Listing::Listed),
            ("not-listed", Listing::NotListed),
            ("other-certificate", Listing::OtherCertificate),
            ("unavailable", Listing::Unavailable),
        ],
    )
}

fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn lookup<T: Copy>(word: &str, words: &[(&str, T)]) -> T {
    let known: BTreeMap<&str, T> = words.iter().copied().collect();
    *known.get(word).unwrap_or_else(|| panic!("no such word: {word}"))
}

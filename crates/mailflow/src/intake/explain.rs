//! [`explain`]: what would become of a message, and why. Asks the same questions as a [`super::Transaction`], in the
//! same order, of the same code; sends nothing, keeps nothing, records nothing.

mod contacts;

use pli_directory::TrustList;
use pli_document::Finding;
use pli_policy::{Decision, Facts, Reason, RecipientFacts, RuleOutcome, Stage};
use pli_store::StoreError;
use pli_types::{MailAddress, PresentedCertificate, ReversePath};

use super::contacts::Turn;
use super::content::{self, HeaderFacts, OWN_TRACES_MAX, RECEIVED_MAX};
use super::evidence::{Shown, revocation_lists};
use super::facts::Way;
use super::header_block::{Found, HEADER_BYTES_MAX, HeaderBlock};
use super::{Client, Intake, documents, facts, relation, scan};
use crate::scanner::Matter;

/// A message that might be brought.
#[derive(Debug)]
pub struct Question {
    /// Who brings it.
    pub client: Client,
    /// The path of `MAIL`.
    pub sender: ReversePath,
    /// The one recipient.
    pub recipient: MailAddress,
    /// Its content; without it, the answer ends with the recipient.
    pub letter: Option<Letter>,
}

/// The content of a message that might be brought.
#[derive(Debug)]
pub struct Letter {
    /// As it would be after `DATA`, dots unstuffed.
    pub bytes: Vec<u8>,
    /// What the protocol machine finds wrong with it first. From there on it hands nothing over.
    pub fault: Option<LineFault>,
}

/// A line that no message may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineFault {
    /// What is wrong with it.
    pub reason: Reason,
    /// Which line, from 1.
    pub line: usize,
    /// Where it begins.
    pub offset: usize,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What would be decided.
    pub decision: Decision,
    /// The rules that were asked, in order, with what they looked at. One that refuses or puts off is the last; behind the
    /// others stands what the message would change between a patient and his contacts.
    pub rules: Vec<RuleOutcome>,
}

/// Judges a message as [`Intake`] would at this instant. An error only if the store cannot say what it knows of
/// the recipient. A virus scanner, if there is one, is asked about the content.
pub async fn explain(intake: &Intake, question: Question) -> Result<Explanation, StoreError> {
    let Question { client, sender, recipient, letter } = question;
    let list = intake.trust.current();
    let list = list.as_deref();
    let recipient = intake.config.ruleset.patient.whole(recipient);
    let facts = facts::at_mail(intake, list, &client, intake.whole_path(sender));
    let certificate = client.certificate();
    let mut story =
        Story { intake, list, facts, certificate, history: Vec::new(), rules: Vec::new(), findings: Vec::new() };
    let decision = story.tell(&recipient, letter.as_ref()).await?;
    Ok(Explanation { decision, rules: story.rules })
}

/// The answer, as far as it has come.
struct Story<'a> {
    intake: &'a Intake,
    list: Option<&'a TrustList>,
    facts: Facts,
    certificate: Option<&'a PresentedCertificate>,
    /// Of what lies between the patient who writes and the recipient.
    history: Vec<(&'static str, String)>,
    rules: Vec<RuleOutcome>,
    /// What is unusual about its documents.
    findings: Vec<Finding>,
}

impl Story<'_> {
    async fn tell(&mut self, recipient: &MailAddress, letter: Option<&Letter>) -> Result<Decision, StoreError> {
        let decision = self.ask();
        if !decision.takes() {
            return Ok(decision);
        }
        let patient = self.facts.patient.clone();
        let (known, way) = facts::of_recipient(self.intake, self.list, recipient, patient.as_ref()).await?;
        if let (Some(patient), Some(_)) = (&patient, &known.relation) {
            self.history = contacts::history(self.intake, patient, recipient).await?;
        }
        self.facts.stage = Stage::Recipient;
        self.facts.recipient = Some(known.clone());
        let decision = self.ask();
        self.facts.recipient = None;
        match letter {
            Some(letter) if decision.takes() => {
                let way = decision.reason().map_or(way, Way::Back);
                let content = self.content(letter, known, &way).await?;
                // What is returned already is neither returned nor held for the content's sake.
                Ok(if content.takes() && !decision.accepts() { decision } else { content })
            }
            _ => Ok(decision),
        }
    }

    /// Asks policy. What holds at every stage is told once.
    fn ask(&mut self) -> Decision {
        let (decision, trace) = pli_policy::explain(&self.facts, &self.intake.config.ruleset, &self.intake.masker);
        for mut outcome in trace {
            if outcome.decision.accepts() && self.rules.iter().any(|told| told.rule == outcome.rule) {
                continue;
            }
            self.add_evidence(&mut outcome);
            self.rules.push(outcome);
        }
        decision
    }

    /// Which certificate, and which dates: policy knows neither.
    fn add_evidence(&mut self, outcome: &mut RuleOutcome) {
        match outcome.rule {
            "client-certificate" => {
                if let Some(certificate) = self.certificate {
                    outcome.facts.extend(certificate_facts(&Shown::of(&self.intake.masker, certificate)));
                    outcome.facts.push(("revocation", revocation_lists(&self.intake.pki)));
                    outcome.facts.push(("judged-at", self.intake.clock.now().to_string()));
                }
            }
            "relation" => outcome.facts.append(&mut self.history),
            "certificate-listed" | "sender-domain" | "recipient-domain" => {
                outcome.facts.push(("trust-list-of", date_of(self.list)));
            }
            "document-readable" if !self.findings.is_empty() => {
                let codes: Vec<&str> = self.findings.iter().map(|finding| finding.code()).collect();
                outcome.facts.push(("findings", codes.join(", ")));
            }
            _ => {}
        }
    }

    /// In the order of [`super::Transaction::write`] and [`super::Transaction::commit`].
    async fn content(&mut self, letter: &Letter, known: RecipientFacts, way: &Way) -> Result<Decision, StoreError> {
        let (checks, mut header) = self.checks(letter);
        for check in checks {
            let decision = check.decision;
            self.rules.push(check);
            if !decision.takes() {
                return Ok(decision);
            }
        }
        let fields = &header.documents;
        let examined = documents::in_memory(letter.bytes.clone(), fields).await;
        let addressed = documents::addressed(&known.address, &self.intake.config.hosted_domains);
        self.facts.documents = documents::facts(&examined, fields.headers.clone(), addressed);
        self.findings = examined.documents.findings;
        if let Some(kind) = header.thread.report.filter(|_| relation::is_report_of_account(&self.facts)) {
            let body = header_end(&letter.bytes).and_then(|end| letter.bytes.get(end..)).unwrap_or_default();
            header.thread.answers = content::reported_on(kind, body).map_or(header.thread.answers, |id| vec![id]);
        }
        let patient = known.address.ins().filter(|_| matches!(way, Way::Mailbox(_) | Way::Space(_)));
        let asked = relation::of_letter(self.intake, &self.facts, &header.thread, vec![known]).await?;
        self.facts.stage = Stage::Content;
        self.facts.letter = Some(asked);
        self.facts.authorship = Some(facts::of_header(self.list, &self.facts.origin, &header));
        let decision = self.ask();
        if !decision.takes() {
            return Ok(decision);
        }
        self.facts.stage = Stage::Scan;
        self.facts.scan = scan::facts(self.intake, &self.facts.origin, Matter::Letter(&letter.bytes)).await?;
        let scanned = self.ask();
        if !scanned.accepts() {
            return Ok(scanned);
        }
        if let (Some(patient), Some(from), true) = (patient, &header.from, decision.accepts()) {
            let hosted = &self.intake.config.hosted_domains;
            let turn = Turn::of(&self.facts.sender, &from.address, &header.thread, self.list, hosted);
            self.rules.push(contacts::change(self.intake, &patient, turn.as_ref()).await?);
        }
        Ok(decision)
    }

    /// What no rule of policy sees: it lies in the bytes. And what the header says.
    fn checks(&self, letter: &Letter) -> ([RuleOutcome; 4], HeaderFacts) {
        let config = &self.intake.config;
        let (bytes, bytes_max) = (letter.bytes.len() as u64, config.message_bytes_max);
        let handed_over = letter.fault.and_then(|fault| letter.bytes.get(..fault.offset)).unwrap_or(&letter.bytes);
        let end = header_end(handed_over);
        let header = letter.bytes.get(..end.unwrap_or_default()).unwrap_or_default();
        let header = content::read(header, &config.server_name);
        let checks = [
            check(
                "message-header",
                end.is_none().then_some(Reason::MessageMalformed),
                vec![
                    ("header-bytes", end.map_or_else(|| "more".to_owned(), |end| end.to_string())),
                    ("header-bytes-max", HEADER_BYTES_MAX.to_string()),
                ],
            ),
            check(
                "message-lines",
                letter.fault.map(|fault| fault.reason),
                vec![(
                    "first-faulty-line",
                    letter.fault.map_or_else(|| "none".to_owned(), |fault| fault.line.to_string()),
                )],
            ),
            check(
                "message-size",
                (bytes > bytes_max).then_some(Reason::MessageTooBig),
                vec![("bytes", bytes.to_string()), ("bytes-max", bytes_max.to_string())],
            ),
            check(
                "mail-loop",
                header.goes_round().then_some(Reason::MailLoop),
                vec![
                    ("received", header.received.to_string()),
                    ("received-max", RECEIVED_MAX.to_string()),
                    ("through-here", header.own_traces.to_string()),
                    ("through-here-max", OWN_TRACES_MAX.to_string()),
                ],
            ),
        ];
        (checks, header)
    }
}

/// Where the header ends; `None` if it is too long.
fn header_end(message: &[u8]) -> Option<usize> {
    match HeaderBlock::default().push(message) {
        Found::End(end) => Some(end),
        // No empty line came: all of it is header (RFC 5322 §2.1).
        Found::More => Some(message.len()),
        Found::TooLong => None,
    }
}

fn check(rule: &'static str, fault: Option<Reason>, facts: Vec<(&'static str, String)>) -> RuleOutcome {
    RuleOutcome { rule, decision: fault.map_or(Decision::Accept, Decision::Refuse), facts }
}

fn certificate_facts(shown: &Shown) -> [(&'static str, String); 5] {
    [
        ("subject", shown.name.clone()),
        ("serial", shown.serial.clone()),
        ("issuer", shown.issuer.clone()),
        ("valid-from", shown.not_before.to_string()),
        ("valid-until", shown.not_after.to_string()),
    ]
}

fn date_of(list: Option<&TrustList>) -> String {
    list.map_or_else(|| "no list in force".to_owned(), |list| list.generated_at().to_string())
}

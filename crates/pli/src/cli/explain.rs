//! `pli explain`: the very rules that the server runs, on a message that nobody has sent.

mod answer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use pli_mailflow::intake::StoreHandle;
use pli_mailflow::{
    Client, Explanation, Guesses, Intake, Letter, PeerBook, PeerOnWire, Question, Strangers, Traffic, explain,
};
use pli_net::TlsFacts;
use pli_policy::{Decision, Reason, RuleOutcome};
use pli_store::{Account, Mailbox, MailboxState};
use pli_types::{Clock, MailAddress, ManualClock, PresentedCertificate, ReversePath};
use rustls_pki_types::CertificateDer;

use super::Globals;
use super::looking::{self, bounded};
use super::reading::{Reading, masker, read};
use super::reveal::{Reveal, Sight};
use crate::config::{Settings, VirusConfig};
use crate::connectors::ConnectorBook;
use crate::exit::{Exit, Failure};
use crate::organisations::OrganisationBook;
use crate::output;
use crate::words::{Said, Value};
use answer::Answer;

/// What is asked.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// The sender of the envelope; `<>` for a report
    #[arg(long, value_name = "ADDRESS", value_parser = sender)]
    from: ReversePath,
    /// The recipient
    #[arg(long, value_name = "ADDRESS", value_parser = recipient)]
    to: MailAddress,
    /// Brought by a server that shows this certificate (PEM or DER)
    #[arg(long, value_name = "FILE", conflicts_with = "account")]
    peer_cert: Option<PathBuf>,
    /// Brought by whoever signed in to this mailbox
    #[arg(long, value_name = "ADDRESS", value_parser = recipient)]
    account: Option<MailAddress>,
    /// Judge this content too, byte for byte as it stands in the file
    #[arg(long, value_name = "FILE")]
    eml: Option<PathBuf>,
    /// Judge dates at this instant (2026-03-14T12:00:00Z); lists are those in force now
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    #[command(flatten)]
    reveal: Reveal,
}

const NOTES: &str = "\
Without --peer-cert and --account, a sender with a mailbox here is taken to have signed in.
Exit status: 0 if the message would be taken, 1 if it would be refused or put off.";

fn sender(text: &str) -> Result<ReversePath, String> {
    match text {
        "" | "<>" => Ok(ReversePath::Null),
        address => recipient(address).map(ReversePath::Address),
    }
}

fn recipient(text: &str) -> Result<MailAddress, String> {
    MailAddress::parse(text).map_err(|error| error.to_string())
}

/// Does it.
pub(crate) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let settings = globals.settings()?;
    let sight = args.reveal.sight(globals, "explain", None, masker(globals)?)?;
    let answer = read(globals, |reading| ask(reading, &settings, args, &sight))?;
    output::print(&answer.print(globals.format()))?;
    answer.verdict()
}

async fn ask(reading: Reading, settings: &Settings, args: &Args, sight: &Sight) -> Result<Answer, Failure> {
    let letter = args.eml.as_deref().map(|path| letter(path, settings)).transpose()?;
    let with_letter = letter.is_some();
    let client = client(&reading, args).await?;
    let intake = intake(reading, settings, args.at).await?;
    let mut explanation = if let Some(explanation) = locked_out(&client) {
        explanation
    } else {
        let (sender, recipient) = (args.from.clone(), args.to.clone());
        explain(&intake, Question { client, sender, recipient, letter }).await?
    };
    let known: Vec<MailAddress> = args.from.address().into_iter().chain([&args.to]).cloned().collect();
    for (_, told) in explanation.rules.iter_mut().flat_map(|outcome| &mut outcome.facts) {
        *told = sight.recorded(told, &known);
    }
    Ok(Answer {
        from: sight.path(&args.from),
        to: sight.address(&args.to),
        at: intake.clock.now(),
        explanation,
        with_letter,
    })
}

/// The way in, as a node would have it: the store is open for reading only, so that nothing can come of it.
async fn intake(reading: Reading, settings: &Settings, at: Option<Timestamp>) -> Result<Intake, Failure> {
    // One instant for all that is judged.
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(at.unwrap_or_else(|| reading.clock.now())));
    let pki = looking::pki(settings)?;
    let connectors = ConnectorBook::open(settings, &*reading.store).await?;
    let organisations = OrganisationBook::new(Arc::clone(&reading.store), settings.config.server.state.clone());
    let organisations = Arc::new(organisations);
    Ok(Intake {
        config: Arc::new(crate::wiring::intake_config(settings)),
        store: StoreHandle(reading.store),
        trust: looking::trust_in_force(settings, &pki, clock.now())?,
        pki,
        routes: connectors.in_force().clone(),
        masker: reading.masker,
        clock,
        // Nothing is noted of a certificate that nobody has shown.
        peers: PeerBook::default(),
        guesses: Guesses::default(),
        strangers: Strangers::default(),
        traffic: Traffic::default(),
        organisations,
        scanner: settings.config.virus.as_ref().map(VirusConfig::scanner),
    })
}

async fn client(reading: &Reading, args: &Args) -> Result<Client, Failure> {
    if let Some(path) = &args.peer_cert {
        let certificate = certificate(path)?;
        return Ok(Client::Peer(PeerOnWire::new(Some(under_tls(Some(certificate))))));
    }
    let mailbox = match (&args.account, args.from.address()) {
        (Some(address), _) => reading.store.mailbox(address).await?.ok_or_else(|| {
            Failure::told(Exit::NotFound, "account-unknown", &[("address", &reading.masker.address(address))])
        })?,
        (None, Some(address)) => reading.store.mailbox(address).await?.ok_or_else(nobody)?,
        (None, None) => return Err(nobody()),
    };
    Ok(signed_in(mailbox))
}

fn nobody() -> Failure {
    Failure::told(Exit::Usage, "usage.nobody-brings-it", &[])
}

fn signed_in(mailbox: Mailbox) -> Client {
    let (name, writes_as) = (mailbox.address.key(), vec![mailbox.address.clone()]);
    let account = Account { id: None, name, credential: None, mailbox, writes_as, helps: Vec::new() };
    Client::Submitter { tls: Some(under_tls(None)), account: Some(account) }
}

/// What a handshake would tell.
fn under_tls(certificate: Option<PresentedCertificate>) -> TlsFacts {
    TlsFacts { version: "TLSv1.3".to_owned(), cipher: "TLS13_AES_256_GCM_SHA384".to_owned(), certificate }
}

/// Before any rule is asked: nobody signs in to a mailbox that is suspended.
fn locked_out(client: &Client) -> Option<Explanation> {
    let Client::Submitter { account: Some(account), .. } = client else { return None };
    let decision = Decision::Refuse(Reason::AuthenticationFailed);
    let facts = vec![("mailbox", "suspended".to_owned())];
    (account.mailbox.state == MailboxState::Suspended)
        .then(|| Explanation { decision, rules: vec![RuleOutcome { rule: "authentication", decision, facts }] })
}

/// The first certificate of the file.
fn certificate(path: &Path) -> Result<PresentedCertificate, Failure> {
    let none = || Said::new("file-unusable.certificate", &[("path", &path.display())]);
    let unreadable = || Failure::saying(Exit::Usage, "file-unusable", none());
    File::open(path).map_err(|error| Failure::file(path, &error))?;
    let chain = pli_net::certificates_in(path).map_err(|error| Failure::from(error).advising(Value::next(none())))?;
    pli_net::peer::presented(&chain.into_iter().map(CertificateDer::from).collect::<Vec<_>>()).ok_or_else(unreadable)
}

/// Of a message over the limit, as much as shows that it is.
fn letter(path: &Path, settings: &Settings) -> Result<Letter, Failure> {
    let bytes_max = settings.config.limits.message_size.bytes();
    bounded(path, bytes_max.saturating_add(1)).map(pli_smtp::letter)
}

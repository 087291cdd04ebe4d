//! `pli trust check FILE`: would this list be put in force?
//!
//! With a configuration it is judged as the node would judge it, and compared with the list in force. Without one, a
//! signature is verified, and its signer judged under `--anchor` and `--organisations` if these are given.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use pli_directory::{Checked, ListFault, ListRules, Signature, SignerJudge};
use pli_net::{Pki, PkiConfig};
use pli_types::DistinguishedName;
use serde_json::{Value, json};

use super::{Globals, ask, members, signature};
use crate::admin::{Answer, Request, pki, read_file};
use crate::exit::{Exit, Failure};
use crate::output::{self, Format, SCHEMA_VERSION};
use crate::trust::Signers;

/// What `check` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The list, as published
    file: PathBuf,
    /// Without a configuration: PEM file with the root that the signer's certificate must chain to
    #[arg(long, value_name = "FILE", requires = "organisations")]
    anchor: Option<PathBuf>,
    /// Without a configuration: PEM file with the authority that the chain must go through
    #[arg(long, value_name = "FILE", requires = "anchor")]
    organisations: Option<PathBuf>,
    /// Without a configuration: PEM file with the revocation lists of both
    #[arg(long, value_name = "FILE", requires = "anchor")]
    crl: Option<PathBuf>,
}

/// By whose rules the list is judged.
struct Judge {
    rules: ListRules,
    signers: Arc<dyn SignerJudge>,
    /// The signer was not judged: a signature that holds proves only that the list is whole.
    believes_anyone: bool,
    configured: bool,
}

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let bytes = read_file(&args.file)?;
    let judge = judge(globals, args)?;
    let now = crate::clock::clock().now();
    let verdict = pli_directory::check(&bytes, &judge.rules, &*judge.signers, now)
        .map_err(Failure::from)
        .and_then(|checked| Ok(fit(&args.file, &checked, &judge, compared(globals, &judge, bytes)?)));
    tell(globals.format(), &args.file, verdict)
}

/// The configuration's rules where there is a configuration; a missing one is only a mistake if it was named.
fn judge(globals: &Globals, args: &Args) -> Result<Judge, Failure> {
    if let (Some(anchor), Some(organisations)) = (&args.anchor, &args.organisations) {
        let config = PkiConfig::new(anchor, organisations);
        let config = if let Some(crl) = &args.crl { config.with_crl(crl) } else { config };
        // Lists are given here, or the signer's own are not asked for: nothing is fetched, nothing kept.
        let pki = Pki::load(&config, Path::new(""))?;
        pki.refresh()?;
        let (rules, signers) = (ListRules::default(), Arc::new(Signers(pki)));
        return Ok(Judge { rules, signers, believes_anyone: false, configured: false });
    }
    if globals.has_configuration() {
        let settings = globals.settings()?;
        let (rules, signers) = (settings.config.trust.rules(), Arc::new(Signers(pki(&settings)?)));
        return Ok(Judge { rules, signers, believes_anyone: false, configured: true });
    }
    Ok(Judge { rules: ListRules::default(), signers: Arc::new(AnySigner), believes_anyone: true, configured: false })
}

/// Believes whoever signed: tells a list that was tampered with, not one that a stranger made.
#[derive(Debug)]
struct AnySigner;

impl SignerJudge for AnySigner {
    fn judge(&self, der: &[u8], _: Timestamp) -> Result<DistinguishedName, String> {
        let details = pli_net::certificate_details(der).ok_or("its certificate cannot be read")?;
        Ok(details.subject)
    }
}

/// What it would change, as far as the node can be asked; a failure if it would be refused or held for that.
fn compared(globals: &Globals, judge: &Judge, bytes: Vec<u8>) -> Result<Option<Value>, Failure> {
    if !judge.configured {
        return Ok(None);
    }
    let request = Request::TrustInstall { reason: String::new(), dry_run: true };
    let change = match ask(globals, request, Some(bytes)) {
        Ok(Answer::Change(change)) => change,
        Ok(_) => return Err(super::beside_the_point()),
        Err(failure) if failure.exit == Exit::Integrity => return Err(failure),
        Err(failure) => return Ok(Some(json!({ "not_compared": failure.code }))),
    };
    let (lost, domains) = (change.removed, change.list.map_or(0, |list| list.domains));
    let of = (domains + lost).saturating_sub(change.added);
    if lost * 100 > usize::from(judge.rules.lost_domains_max) * of {
        return Err(ListFault::LostDomains { lost, of }.into());
    }
    Ok(Some(json!({ "added": change.added, "removed": lost, "changed": change.changed })))
}

fn fit(path: &Path, checked: &Checked, judge: &Judge, compared: Option<Value>) -> Value {
    let (mut word, signer) = signature(&checked.signature);
    if judge.believes_anyone && matches!(checked.signature, Signature::Valid { .. }) {
        word = "unchecked";
    }
    let mut verdict = json!({
        "schema_version": SCHEMA_VERSION,
        "file": path,
        "ok": true,
        "entries": checked.list.entries(),
        "domains": checked.list.domains(),
        "certificate_names": checked.list.certificate_names(),
        "generated_at": checked.list.generated_at().to_string(),
        "signature": word,
        "signer": signer,
        "digest": checked.digest,
    });
    if let (Some(compared), Value::Object(verdict)) = (compared, &mut verdict) {
        verdict.extend(members(compared));
    }
    verdict
}

fn refusal(path: &Path, failure: &Failure) -> Value {
    let signature = match failure.code {
        "list-signature-missing" => Some("none"),
        "list-signature-invalid" | "list-signer-untrusted" => Some("invalid"),
        _ => None,
    };
    json!({
        "schema_version": SCHEMA_VERSION,
        "file": path,
        "ok": false,
        "reason": failure.code,
        "detail": failure.what,
        "signature": signature,
    })
}

/// A program reads the verdict, good or bad, on standard output. People read why not on standard error.
fn tell(format: Format, path: &Path, verdict: Result<Value, Failure>) -> Result<(), Failure> {
    let (verdict, failure) = match verdict {
        Ok(verdict) => (verdict, None),
        Err(failure) => (refusal(path, &failure), Some(failure)),
    };
    if failure.is_none() || matches!(format, Format::Json | Format::Jsonl) {
        output::print(&format.object(&members(verdict)))?;
    }
    let named = |failure: Failure| failure.about(&path.display());
    failure.map(named).map_or(Ok(()), Err)
}

//! `pli trust install`, `pli trust rollback` and `pli trust fetch`.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Globals, Why, ask, beside_the_point, members, signature};
use crate::admin::protocol::{ListChange, Outcome};
use crate::admin::{Answer, Request, read_file};
use crate::exit::Failure;
use crate::output::{self, SCHEMA_VERSION};

pub(super) fn install(globals: &Globals, file: Option<&Path>, why: Why) -> Result<(), Failure> {
    let attached = file.map(read_file).transpose()?;
    tell(globals, Request::TrustInstall { reason: why.reason, dry_run: why.dry_run }, attached)
}

pub(super) fn roll_back(globals: &Globals, to: Option<String>, why: Why) -> Result<(), Failure> {
    tell(globals, Request::TrustRollback { to, reason: why.reason, dry_run: why.dry_run }, None)
}

pub(super) fn fetch(globals: &Globals) -> Result<(), Failure> {
    tell(globals, Request::TrustFetch, None)
}

fn tell(globals: &Globals, request: Request, attached: Option<Vec<u8>>) -> Result<(), Failure> {
    let Answer::Change(change) = ask(globals, request, attached)? else { return Err(beside_the_point()) };
    output::print(&globals.format().object(&shown(&change)))
}

fn shown(change: &ListChange) -> Map<String, Value> {
    let list = change.list.as_ref();
    let signature = list.map(|list| signature(&list.signature));
    members(json!({
        "schema_version": SCHEMA_VERSION,
        "outcome": change.outcome,
        "dry_run": matches!(
            change.outcome,
            Outcome::WouldBeInstalled | Outcome::WouldBeUnchanged | Outcome::WouldBeRolledBack
        ),
        "digest": list.map(|list| &list.digest),
        "generated_at": list.map(|list| list.generated_at),
        "entries": list.map(|list| list.entries),
        "domains": list.map(|list| list.domains),
        "certificate_names": list.map(|list| list.certificate_names),
        "signature": signature.as_ref().map(|(word, _)| word),
        "signer": signature.as_ref().and_then(|(_, signer)| signer.as_ref()),
        "added": change.added,
        "removed": change.removed,
        "changed": change.changed,
    }))
}

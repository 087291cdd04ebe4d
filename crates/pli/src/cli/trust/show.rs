//! `pli trust show`.

use serde_json::{Map, Value, json};

use super::{Globals, ask, beside_the_point, members, signature};
use crate::admin::protocol::Standing;
use crate::admin::{Answer, Request, no_list};
use crate::exit::Failure;
use crate::output::{self, SCHEMA_VERSION};

pub(super) fn run(globals: &Globals) -> Result<(), Failure> {
    let Answer::Standing(standing) = ask(globals, Request::TrustShow, None)? else { return Err(beside_the_point()) };
    output::print(&globals.format().object(&shown(&standing)?))
}

fn shown(standing: &Standing) -> Result<Map<String, Value>, Failure> {
    let list = standing.in_force.as_ref().ok_or_else(no_list)?;
    let (signature, signer) = signature(&list.signature);
    let held = standing.held.as_ref();
    Ok(members(json!({
        "schema_version": SCHEMA_VERSION,
        "digest": list.digest,
        "generated_at": list.generated_at,
        "entries": list.entries,
        "domains": list.domains,
        "certificate_names": list.certificate_names,
        "signature": signature,
        "signer": signer,
        "source": standing.source,
        "installed_at": standing.installed_at,
        "confirmed_at": standing.confirmed_at,
        "held_digest": held.map(|held| &held.digest),
        "held_generated_at": held.map(|held| held.generated_at),
        "held_since": held.map(|held| held.since),
        "held_lost": held.map(|held| held.lost),
        "held_of": held.map(|held| held.of),
    })))
}

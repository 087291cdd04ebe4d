//! `pli connector`: hospitals' own mail servers.

mod add;
mod certificate;
mod list;
mod rm;
mod set;
mod show;

use pli_types::Domain;
use serde_json::{Map, Value, json};

use super::{Globals, runtime};
use crate::admin::connector::{Ask, Row, Told};
use crate::admin::effect::Effect;
use crate::admin::{self, Answer, Request};
use crate::exit::Failure;
use crate::output::{self, Format, SCHEMA_VERSION};

/// What can be done with connectors.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// All of them: those added by command, and those of the configuration
    List,
    /// How one stands; with --probe, whether mail for it passes now
    Show(show::Args),
    /// Let a hospital's server send as domains and addresses of this operator, at once
    Add(add::Args),
    /// Change one, at once; a list that is given is the whole new list
    Set(set::Args),
    /// Take one away, at once
    Rm(rm::Args),
}

/// Does it.
pub(crate) fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::List => list::run(globals),
        Command::Show(args) => show::run(globals, &args),
        Command::Add(args) => add::run(globals, args),
        Command::Set(args) => set::run(globals, args),
        Command::Rm(args) => rm::run(globals, args),
    }
}

/// Asks the node, or does it without one.
fn ask(globals: &Globals, ask: Ask) -> Result<Told, Failure> {
    let settings = globals.settings()?;
    let asked = admin::ask(&settings, Request::Connector(ask), None);
    match runtime::one_thread()?.block_on(asked)? {
        Answer::Connector(told) => Ok(told),
        _ => Err(beside_the_point()),
    }
}

/// Asks for one.
fn one(globals: &Globals, name: &str) -> Result<Row, Failure> {
    match ask(globals, Ask::Show { name: name.to_owned() })? {
        Told::One(row) => Ok(row),
        _ => Err(beside_the_point()),
    }
}

/// Asks for a change, and prints what became of it.
fn change(globals: &Globals, name: &str, wish: Ask) -> Result<(), Failure> {
    let Told::Done { effect, row } = ask(globals, wish)? else { return Err(beside_the_point()) };
    let format = globals.format();
    output::print(&format.object(&done(name, effect, row.as_ref(), format)))
}

/// An answer to another question.
fn beside_the_point() -> Failure {
    Failure::defect("the node answers another question than was asked")
}

/// What became of a wish, and how the connector stands.
fn done(name: &str, effect: Effect, row: Option<&Row>, format: Format) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("schema_version".to_owned(), json!(SCHEMA_VERSION));
    members.insert("outcome".to_owned(), json!(effect));
    members.insert("dry_run".to_owned(), json!(effect.is_tried()));
    members.insert("name".to_owned(), json!(name));
    members.extend(row.map(|row| members_of(row, format)).unwrap_or_default());
    members
}

/// A connector, as it is printed.
fn members_of(row: &Row, format: Format) -> Map<String, Value> {
    let warnings: Vec<Value> = row
        .warnings
        .iter()
        .map(|warning| json!({"code": warning.code, "what": warning.said.what(format.language())}))
        .collect();
    let connector = &row.connector;
    let members = json!({
        "schema_version": SCHEMA_VERSION,
        "name": connector.name,
        "source": row.source,
        "certificate_name": connector.certificate_name,
        "domains": connector.domains,
        "addresses": connector.addresses,
        "host": connector.host,
        "port": connector.port,
        "added_at": row.added_at,
        "changed_at": row.changed_at,
        "warnings": warnings,
    });
    members.as_object().cloned().unwrap_or_default()
}

/// A domain, as written on the command line.
fn domain(text: &str) -> Result<String, String> {
    Domain::parse(text).map(|domain| domain.to_string()).map_err(|error| error.to_string())
}

/// An address. What is wrong is told; what was typed is not.
fn address(text: &str) -> Result<String, String> {
    pli_types::MailAddress::parse(text).map(|address| address.reveal().clone()).map_err(|error| error.to_string())
}

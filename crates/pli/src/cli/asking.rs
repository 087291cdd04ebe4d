//! What the nouns share that ask the node about mailboxes and accounts: pages of lists, and what became of a wish.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Globals, runtime};
use crate::admin::effect::Effect;
use crate::admin::rows::Warning;
use crate::admin::{self, Answer, Request, Visit};
use crate::config::Settings;
use crate::exit::Failure;
use crate::output::{self, Format, Rows, SCHEMA_VERSION};

/// Rows that are asked for at a time.
pub(super) const PAGE: usize = 500;

/// What every write takes.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Trial {
    /// Tell what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// What a write takes that may be explained.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Because {
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// What a write takes that must be explained.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Why {
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
    /// Tell what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// Asks the node, or does it without one.
pub(super) fn ask(globals: &Globals, request: Request, attached: Option<Vec<u8>>) -> Result<Answer, Failure> {
    let settings = globals.settings()?;
    runtime::one_thread()?.block_on(admin::ask(&settings, request, attached))
}

/// Asks more than once; with `changes`, no node starts in between.
pub(super) fn visit<T>(
    globals: &Globals,
    changes: bool,
    work: impl AsyncFnOnce(&Settings, &Visit<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let settings = globals.settings()?;
    runtime::one_thread()?.block_on(async {
        let visit = Visit::begin(&settings, changes).await?;
        let outcome = work(&settings, &visit).await;
        visit.end().await;
        outcome
    })
}

/// What a list shows: to a person, and to a program that reads CSV.
pub(super) struct Columns {
    pub(super) table: &'static [&'static str],
    pub(super) widths: &'static [usize],
    pub(super) csv: &'static [&'static str],
}

/// Prints a list page by page, as it comes: in the memory of one page. `changes`: something is put on record with it.
pub(super) fn pages<T: Serialize>(
    globals: &Globals,
    columns: &Columns,
    changes: bool,
    request: impl Fn(Option<String>) -> Request,
    page: impl Fn(Answer) -> Option<(Vec<T>, Option<String>)>,
    row: impl Fn(&T) -> Map<String, Value>,
) -> Result<(), Failure> {
    let format = globals.format();
    visit(globals, changes, async |_, visit| {
        let (names, widths) =
            if format == Format::Table { (columns.table, columns.widths) } else { (columns.csv, &[][..]) };
        let (mut shown, mut after) = (None, None);
        loop {
            let answer = visit.ask(request(after), None).await?;
            let (page, next) = page(answer).ok_or_else(beside_the_point)?;
            // Not before there is something to show: a command that fails prints nothing.
            let begin = || Rows::begin(std::io::stdout().lock(), format, names, widths);
            let rows = shown.get_or_insert_with(begin);
            let wanted = page.iter().all(|one| rows.row(&row(one)));
            after = next;
            if after.is_none() || !wanted {
                return shown.map_or(Ok(()), Rows::end);
            }
        }
    })
}

/// Prints what became of a wish: its outcome, what it was about, and the warnings.
pub(super) fn print_effect(
    globals: &Globals,
    outcome: Effect,
    changed: &[String],
    warnings: &[Warning],
    about: Map<String, Value>,
) -> Result<(), Failure> {
    let mut shown = Map::new();
    shown.insert("schema_version".to_owned(), SCHEMA_VERSION.into());
    shown.insert("outcome".to_owned(), outcome.as_str().into());
    shown.insert("dry_run".to_owned(), (outcome.is_tried()).into());
    shown.extend(about);
    shown.insert("changed".to_owned(), changed.into());
    let language = globals.format().language();
    let told = |warning: &Warning| json!({"code": warning.code, "text": warning.text(language)});
    shown.insert("warnings".to_owned(), warnings.iter().map(told).collect());
    output::print(&globals.format().object(&shown))
}

/// The members of an object, `schema_version` first.
pub(super) fn members(value: &impl Serialize) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("schema_version".to_owned(), SCHEMA_VERSION.into());
    members.extend(plain_members(value));
    members
}

/// The members of an object.
pub(super) fn plain_members(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// An answer to another question.
pub(super) fn beside_the_point() -> Failure {
    Failure::defect("the node answers another question than was asked")
}

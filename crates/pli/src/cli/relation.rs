//! `pli relation`: what lies between a patient and those who have written to him.

use serde_json::{Map, Value};

use super::Globals;
use super::asking::{Columns, PAGE, Why, ask, beside_the_point, members, pages, plain_members, print_effect};
use super::patient::typed;
use super::reveal::Reveal;
use crate::admin::relation::{Ask, RelationTold, Shown, Told};
use crate::admin::{Answer, Request};
use crate::exit::Failure;
use crate::output::{self, Format, Listing};

/// What can be done with contacts.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// All contacts of a patient, by address: to whom he may write, and to whom no longer
    List {
        /// His INS, all 15 characters; `-`: read it from standard input
        #[arg(long, value_name = "INS")]
        patient: String,
        #[command(flatten)]
        reveal: Reveal,
    },
    /// Why a patient may write to an address, or may not: the relation, its history, and a pharmacy's dispensings
    #[command(after_help = NOTES)]
    Show {
        /// His INS, all 15 characters; `-`: read it from standard input
        #[arg(value_name = "INS")]
        patient: String,
        /// The other one's address
        #[arg(value_name = "ADDRESS")]
        contact: String,
        #[command(flatten)]
        reveal: Reveal,
    },
    /// Let a patient write to an address no longer, until it writes to him again
    Close {
        /// His INS, all 15 characters; `-`: read it from standard input
        #[arg(value_name = "INS")]
        patient: String,
        /// The other one's address
        #[arg(value_name = "ADDRESS")]
        contact: String,
        #[command(flatten)]
        why: Why,
    },
}

const NOTES: &str = "\
`may_write` is the rule's answer for today, and `reason` what a refusal would say. It holds for a message that answers
nothing, or something that may be answered: an answer to a message with `X-MSS-MES: FIN` is refused whatever the relation.
Where nothing ever lay between the two, the relation is `none` and the history empty.";

const COLUMNS: Columns = Columns {
    table: &["contact", "relation", "since", "opened_by", "unanswerable_at"],
    widths: &[40, 9, 20, 40, 0],
    csv: &["patient", "contact", "relation", "since", "opened_by", "unanswerable_at"],
};

/// Does it.
pub(crate) fn run(globals: &Globals, command: Command) -> Result<(), Failure> {
    match command {
        Command::List { patient, reveal } => list(globals, &typed(&patient)?, &reveal),
        Command::Show { patient, contact, reveal } => show(globals, typed(&patient)?, contact, &reveal),
        Command::Close { patient, contact, why } => close(globals, typed(&patient)?, contact, why),
    }
}

fn list(globals: &Globals, patient: &str, reveal: &Reveal) -> Result<(), Failure> {
    let reveal = reveal.why();
    let request = |after| {
        let (patient, reveal) = (patient.to_owned(), reveal.clone());
        Request::Relation(Ask::List { patient, after, limit: PAGE, reveal })
    };
    let page = |answer| match answer {
        Answer::Relation(Told::Page { rows, next }) => Some((rows, next)),
        _ => None,
    };
    pages(globals, &COLUMNS, reveal.is_some(), request, page, |relation: &RelationTold| members(relation))
}

fn show(globals: &Globals, patient: String, contact: String, reveal: &Reveal) -> Result<(), Failure> {
    let request = Request::Relation(Ask::Show { patient, contact, reveal: reveal.why() });
    let Answer::Relation(Told::Shown(shown)) = ask(globals, request, None)? else { return Err(beside_the_point()) };
    output::print(&print(globals.format(), &shown))
}

/// For programs one object; for people the history as a timeline below it, for CSV nothing but that.
fn print(format: Format, shown: &Shown) -> String {
    let history: Vec<Map<String, Value>> = shown.history.iter().map(plain_members).collect();
    let timeline = Listing { columns: &["at", "turn", "by", "relation", "message"], rows: history };
    match format {
        Format::Json | Format::Jsonl => format.object(&members(shown)),
        Format::Csv => format.list(&timeline),
        Format::Table => {
            let mut object = members(shown);
            object.retain(|member, value| member != "history" && !value.is_null());
            format!("{}\n{}", format.object(&object), format.list(&timeline))
        }
    }
}

fn close(globals: &Globals, patient: String, contact: String, why: Why) -> Result<(), Failure> {
    let Why { reason, dry_run } = why;
    let request = Request::Relation(Ask::Close { patient, contact, reason, dry_run });
    let Answer::Relation(Told::Change { outcome, relation }) = ask(globals, request, None)? else {
        return Err(beside_the_point());
    };
    let changed: &[String] = if outcome.is_unchanged() { &[] } else { &["relation".to_owned()] };
    print_effect(globals, outcome, changed, &[], plain_members(&relation))
}

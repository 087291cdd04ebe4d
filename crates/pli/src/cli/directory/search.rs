//! `pli directory search`.

use std::io::Write;

use pli_directory::extraction::MailboxType;
use pli_store::national::{Search, WORDS_MAX};

use super::{COLUMNS, Globals, TABLE_COLUMNS, members, no_copy, read};
use crate::exit::{Exit, Failure};
use crate::output::{self, Format, Listing};
use crate::words::{Said, language};

/// What is looked for. Each word must be there; one of three letters or more finds what begins with it.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Words of the name, profession, structure, town or department; a professional's or a structure's number
    words: Vec<String>,
    /// In the profession or the speciality
    #[arg(long, value_name = "WORDS")]
    profession: Option<String>,
    /// In the town, or its postal code
    #[arg(long, value_name = "WORDS")]
    town: Option<String>,
    /// In the department's name, or its number
    #[arg(long, value_name = "WORDS")]
    department: Option<String>,
    /// In the structure's name, sign or service, or its number
    #[arg(long, value_name = "WORDS")]
    structure: Option<String>,
    /// Of this type only: PER, ORG, APP or CAB
    #[arg(long = "type", value_name = "TYPE", value_parser = kind)]
    kind: Option<MailboxType>,
    /// Show so many at most
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
}

fn kind(text: &str) -> Result<MailboxType, String> {
    let found = MailboxType::ALL.iter().copied().find(|kind| kind.as_str().eq_ignore_ascii_case(text));
    found.ok_or_else(|| "one of PER, ORG, APP and CAB".to_owned())
}

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let search = asked(args)?;
    let limit = usize::from(args.limit);
    // One more, to know whether there are more.
    let (mut lines, has_copy) =
        read(globals, async |book| Ok((book.search(&search, limit + 1).await?, book.about().is_some())))?;
    if lines.is_empty() && !has_copy {
        return Err(no_copy());
    }
    let more = lines.len() > limit;
    lines.truncate(limit);
    let rows = lines.iter().map(|line| members(line.source, &line.text)).collect::<Result<_, _>>()?;
    let format = globals.format();
    let columns = if format == Format::Table { TABLE_COLUMNS } else { COLUMNS };
    output::print(&format.list(&Listing { columns, rows }))?;
    // Beside the list: a program that reads it must not stumble. Nobody there to read it is no failure.
    if !has_copy {
        writeln!(std::io::stderr(), "{}", Said::new("directory-no-copy", &[]).what(language())).ok();
    }
    if more {
        let text = format!("there are more than these {limit}: add a word, or raise --limit");
        writeln!(std::io::stderr(), "{text}").ok();
    }
    Ok(())
}

fn asked(args: &Args) -> Result<Search, Failure> {
    let text = |option: &Option<String>| option.clone().unwrap_or_default();
    let search = Search {
        words: args.words.join(" "),
        profession: text(&args.profession),
        town: text(&args.town),
        department: text(&args.department),
        structure: text(&args.structure),
        kind: args.kind.map(|kind| kind.to_string()).unwrap_or_default(),
    };
    match search.words() {
        0 => Err(Failure::told(Exit::Usage, "search-empty", &[])),
        count if count > WORDS_MAX => {
            Err(Failure::told(Exit::Usage, "search-too-long", &[("count", &count), ("most", &WORDS_MAX)]))
        }
        _ => Ok(search),
    }
}

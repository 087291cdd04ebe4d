//! `pli man`: the manual pages, made from the command line itself, so that neither knows more than the other.

use std::path::{Path, PathBuf};

use clap_mangen::Man;

use super::command;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::words::{Language, language};

/// Which.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Of this command: `pli man queue list`
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    command: Vec<String>,
    /// Write all of them below this folder: man1/ in English, fr/man1/ in French
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints one page, or writes all.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if let Some(dir) = &args.dir {
        return write(dir);
    }
    let pages = pages(language());
    let name = ["pli"].into_iter().chain(args.command.iter().map(String::as_str)).collect::<Vec<_>>().join("-");
    let page = pages.into_iter().find(|page| page.name == name);
    let unknown = || Failure::told(Exit::NotFound, "man-unknown", &[("command", &args.command.join(" "))]);
    output::print(&page.ok_or_else(unknown)?.roff)
}

/// A file of the same name is written over: pages of another version are of no use.
fn write(dir: &Path) -> Result<(), Failure> {
    for (language, folder) in [(Language::En, dir.join("man1")), (Language::Fr, dir.join("fr/man1"))] {
        std::fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, &error))?;
        for page in pages(language) {
            let path = folder.join(format!("{}.1", page.name));
            std::fs::write(&path, page.roff).map_err(|error| Failure::file(&path, &error))?;
        }
    }
    Ok(())
}

/// A manual page.
struct Page {
    /// `pli-queue-list`.
    name: String,
    roff: String,
}

/// One of each command, in the order of the help.
fn pages(language: Language) -> Vec<Page> {
    let mut root = command(language).disable_help_subcommand(true);
    // Only then the commands below know the options of every command, and their own full names.
    root.build();
    let mut found = Vec::new();
    gather(&root, "pli", language, &mut found);
    found
}

fn gather(command: &clap::Command, name: &str, language: Language, found: &mut Vec<Page>) {
    let mut roff = Vec::new();
    // Clap takes a borrowed name for its own only.
    let shown = command.clone().display_name(name.to_owned());
    // Writing into memory does not fail.
    Man::new(shown).manual("Pli").source(crate::clock::VERSION).render(&mut roff).ok();
    let roff = String::from_utf8_lossy(&roff);
    found.push(Page {
        name: name.to_owned(),
        roff: if language == Language::Fr { in_french(&roff) } else { roff.into() },
    });
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        gather(below, &format!("{name}-{}", below.get_name()), language, found);
    }
}

/// The headings, as French manual pages have them.
fn in_french(roff: &str) -> String {
    let heading = |line: &str| match line {
        ".SH NAME" => ".SH NOM".to_owned(),
        ".SH SYNOPSIS" => ".SH SYNOPSIS".to_owned(),
        ".SH SUBCOMMANDS" => ".SH COMMANDES".to_owned(),
        ".SH EXTRA" => ".SH NOTES".to_owned(),
        line => line.to_owned(),
    };
    roff.lines().map(|line| heading(line) + "\n").collect()
}

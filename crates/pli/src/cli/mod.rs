//! The command line: a noun, then a verb; one file a noun.

mod account;
mod asking;
mod audit;
mod bulk;
mod certificate;
mod completions;
mod config;
mod connector;
mod directory;
mod dispensation;
pub(crate) mod doctor;
mod explain;
mod looking;
mod mailbox;
mod man;
mod message;
mod notice;
mod patient;
mod peer;
mod progress;
mod queue;
mod reading;
mod refused_lines;
mod relation;
mod report;
mod reveal;
mod runtime;
mod sandbox;
mod serve;
mod sheet;
mod trust;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use pli_types::{Masker, hide_identifiers};

use crate::config::{ConfigFault, Settings, read_key};
use crate::exit::{Exit, Failure};
use crate::output::{Format, people};
use crate::words::{self, Language, language};

/// Pli, a secure health messaging relay.
#[derive(Debug, Parser)]
#[command(name = "pli", version = crate::clock::VERSION, disable_help_subcommand = true, after_help = EXITS)]
pub(crate) struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

const EXITS: &str = "\
Exit status: 0 done, 1 refused by a rule, 2 usage or configuration, 3 not found, 4 conflict, 5 a peer or remote
service failed, 6 integrity failure, 70 a defect in pli itself.";

/// Where the configuration is, unless it is named.
const DEFAULT_CONFIG: &str = "/etc/pli/pli.toml";

/// What every command takes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Globals {
    /// The configuration file
    #[arg(
        long,
        global = true,
        env = "PLI_CONFIG",
        hide_env_values = true,
        value_name = "FILE",
        default_value = DEFAULT_CONFIG
    )]
    config: PathBuf,
    /// How to print: a table on a terminal, JSON elsewhere, unless said here
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
    /// The language of messages, tables and help; without it, that of the environment (`LC_ALL`, `LC_MESSAGES`, `LANG`)
    #[arg(long, global = true, value_enum, value_name = "LANGUAGE")]
    lang: Option<Language>,
}

impl Globals {
    /// The configuration, checked.
    fn settings(&self) -> Result<Settings, ConfigFault> {
        let config = crate::config::load(&self.config)?;
        Settings::new(config)
            .map_err(|fault| ConfigFault { place: format!("{}: {}", self.config.display(), fault.place), ..fault })
    }

    /// Is there one? The default one may be missing, where a command needs none; one that was named may not.
    fn has_configuration(&self) -> bool {
        self.config != std::path::Path::new(DEFAULT_CONFIG) || self.config.exists()
    }

    /// A name as it may be shown: an identifier in it is masked under the node's key, or hidden where there is none.
    fn scrubber(&self) -> impl Fn(&str) -> String + use<> {
        let key = self.settings().ok().and_then(|settings| read_key(&settings.config.server.masking_key).ok());
        let masker = key.map(|key| Masker::new(key.reveal()));
        move |text| masker.as_ref().map_or_else(|| hide_identifiers(text), |masker| masker.scrub(text))
    }

    fn format(&self) -> Format {
        Format::or_default(self.output)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the relay
    Serve(serve::Args),
    /// The configuration file
    #[command(subcommand)]
    Config(config::Command),
    /// The mailboxes of professionals, teams, programs and practices
    #[command(subcommand)]
    Mailbox(mailbox::Command),
    /// Who signs in, by what, and which mailboxes that opens
    #[command(subcommand)]
    Account(account::Command),
    /// Patients' spaces: who may be written to
    #[command(subcommand)]
    Patient(patient::Command),
    /// The list of the trust space's domains
    #[command(subcommand)]
    Trust(trust::Command),
    /// Notices to many patients: reminders of examinations, of vaccinations
    #[command(subcommand)]
    Notice(notice::Command),
    /// Other operators
    #[command(subcommand)]
    Peer(peer::Command),
    /// Look at the whole node and tell what must be done; also with no node running
    Doctor,
    /// Certificates: ours, those we believe by, and any in a file
    #[command(subcommand)]
    Certificate(certificate::Command),
    /// Hospitals' own mail servers
    #[command(subcommand)]
    Connector(connector::Command),
    /// The national directory, by its local copy
    #[command(subcommand)]
    Directory(directory::Command),
    /// What lies between a patient and those who have written to him
    #[command(subcommand)]
    Relation(relation::Command),
    /// What pharmacies have dispensed: it opens their doors to patients
    #[command(subcommand)]
    Dispensation(dispensation::Command),
    /// What waits to be delivered elsewhere
    #[command(subcommand)]
    Queue(queue::Command),
    /// Messages that were taken in
    #[command(subcommand)]
    Message(message::Command),
    /// The record of all that happens: checked, handed out, proven
    #[command(subcommand)]
    Audit(audit::Command),
    /// What an operator reports of his service: the indicators of a month, the register of incidents
    #[command(subcommand)]
    Report(report::Command),
    /// Tell whether a message would be taken, and why; sends nothing
    Explain(explain::Args),
    /// Make and run a whole trust space on loopback, for tests and for trying out
    Sandbox(pli_sandbox::cli::SandboxArgs),
    /// Show the main job end to end on loopback
    Demo(pli_sandbox::cli::DemoArgs),
    /// Print a shell's completion script
    Completions(completions::Args),
    /// Print a manual page, or write them all
    Man(man::Args),
}

/// Parses the arguments, does what they ask, tells how it ended.
pub(crate) fn main() -> ExitCode {
    words::choose(std::env::args_os());
    people::choose();
    let matches = command(language()).try_get_matches();
    let cli = match matches.and_then(|mut matches| Cli::from_arg_matches_mut(&mut matches)) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    // A panic has already told its story on standard error; what is left is to end with the right code.
    let outcome = std::panic::catch_unwind(|| run(cli))
        .unwrap_or_else(|_| Err(Failure::defect("pli has met a state that it does not know")));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure.page(language()));
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let globals = &cli.globals;
    match cli.command {
        Command::Serve(args) => serve::run(globals, &args),
        Command::Config(command) => config::run(globals, &command),
        Command::Mailbox(command) => mailbox::run(globals, command),
        Command::Account(command) => account::run(globals, command),
        Command::Patient(command) => patient::run(globals, &command),
        Command::Trust(command) => trust::run(globals, command),
        Command::Notice(command) => notice::run(globals, command),
        Command::Peer(command) => peer::run(globals, &command),
        Command::Doctor => doctor::run(globals),
        Command::Certificate(command) => certificate::run(globals, &command),
        Command::Connector(command) => connector::run(globals, command),
        Command::Directory(command) => directory::run(globals, &command),
        Command::Relation(command) => relation::run(globals, command),
        Command::Dispensation(command) => dispensation::run(globals, &command),
        Command::Queue(command) => queue::run(globals, command),
        Command::Message(command) => message::run(globals, &command),
        Command::Audit(command) => audit::run(globals, &command),
        Command::Report(command) => report::run(globals, command),
        Command::Explain(args) => explain::run(globals, &args),
        Command::Sandbox(args) => sandbox::run(&args),
        Command::Demo(args) => sandbox::demo(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}

/// The command line, with its help in this language.
pub(crate) fn command(language: Language) -> clap::Command {
    words::in_language(Cli::command(), language)
}

/// Help and version go to standard output and are no failure; a mistake gets a stable code as all others do.
fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        // Nothing was asked: help is what tells most.
        let page = match error.kind() {
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => text,
            _ => words::mistake(error).page(language()),
        };
        // It repeats what was typed, and no configuration is read yet.
        tell(hide_identifiers(&page).trim_end());
        return ExitCode::from(Exit::Usage as u8);
    }
    crate::output::print(&text).map_or(ExitCode::from(Exit::Usage as u8), |()| ExitCode::SUCCESS)
}

#[expect(clippy::print_stderr, reason = "the one place where a command tells why it failed")]
fn tell(text: &str) {
    eprintln!("{}", people::painted_failure(text));
}

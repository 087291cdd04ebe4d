//! `pli message`: where messages are, and what happened to them.

mod find;

use pli_types::{MailAddress, MessageId, Span};

use self::find::Wanted;
use super::Globals;
use super::reading::{Reading, masker, read};
use super::reveal::Reveal;
use crate::admin::Sight;
use crate::exit::{Exit, Failure};
use crate::output;
use crate::story::{Own, Told, asked};

/// What can be done with messages.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Tell what happened to a message, or find messages; health identifiers are masked
    Trace(Trace),
    /// Tell where a message is, recipient by recipient; health identifiers are masked
    Show {
        /// The message: the `id=` of the reply that accepted it
        id: String,
        #[command(flatten)]
        reveal: Reveal,
    },
}

/// One message, or those to which all applies that is said.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("which").required(true).multiple(true)
    .args(["id", "from", "to", "message_id", "since", "until"])))]
pub(crate) struct Trace {
    /// The message: the `id=` of the reply that accepted it
    #[arg(conflicts_with_all = ["from", "to", "message_id", "since", "until", "limit"])]
    id: Option<String>,
    #[command(flatten)]
    wanted: Wanted,
    /// Show the last so many; 100 without it
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// Show what the sender of this address is shown of his message
    #[arg(long = "as", value_name = "ADDRESS", value_parser = asked::address, requires = "id")]
    sender: Option<MailAddress>,
    #[command(flatten)]
    reveal: Reveal,
}

/// Does it.
pub(crate) fn run(globals: &Globals, command: &Command) -> Result<(), Failure> {
    match command {
        Command::Trace(trace) => trace.run(globals),
        Command::Show { id, reveal } => {
            let sight = reveal.sight(globals, "message show", Some(id.clone()), masker(globals)?)?;
            let kept = globals.settings()?.config.story.kept;
            let told = read(globals, |reading| async move { whole(&reading, id, kept, &sight).await })?;
            output::print(&told.print_parties(globals.format()))
        }
    }
}

impl Trace {
    fn run(&self, globals: &Globals) -> Result<(), Failure> {
        let kept = globals.settings()?.config.story.kept;
        let sight = self.reveal.sight(globals, "message trace", self.id.clone(), masker(globals)?)?;
        let format = globals.format();
        let Some(id) = &self.id else {
            let found = read(globals, |reading| async move { self.wanted.find(&reading, self.limit, &sight).await })?;
            return match <[Told; 1]>::try_from(found) {
                Ok([one]) => output::print(&one.print(format)),
                Err(several) => output::print(&format.list(&find::listing(&several, format))),
            };
        };
        let told = read(globals, |reading| async move {
            let Some(sender) = &self.sender else { return whole(&reading, id, kept, &sight).await };
            let own = Own::new(&*reading.store, [reading.masker.lookup_address(sender)], sight);
            own.one(message(id)?).await?.ok_or_else(|| unknown(id))
        })?;
        output::print(&told.print(format))
    }
}

/// All that is known of a message.
async fn whole(reading: &Reading, id: &str, kept: Span, sight: &Sight) -> Result<Told, Failure> {
    let told = Told::of(&*reading.store, message(id)?, kept, reading.clock.now(), sight).await?;
    told.ok_or_else(|| unknown(id))
}

fn message(id: &str) -> Result<MessageId, Failure> {
    MessageId::parse(id).map_err(|_| unknown(id))
}

fn unknown(id: &str) -> Failure {
    Failure::told(Exit::NotFound, "message-unknown", &[("id", &id)])
}

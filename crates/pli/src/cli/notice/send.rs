//! `pli notice send`: checks the template and the list, begins the notice, and gives it its recipients. The node sends.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pli_mailflow::campaign::Template;
use pli_mailflow::campaign::template::{TEMPLATE_BYTES_MAX, is_place_name};
use pli_types::{Ins, MailAddress, Masker, Pace};
use serde_json::{Value, json};

use super::report::Report;
use super::{Globals, beside_the_point, done, members_of};
use crate::admin::effect::Effect;
use crate::admin::notice::{Ask, Recipient, Row, State, Told, check_name, read_template, recipient};
use crate::admin::rows::Warning;
use crate::admin::{Answer, Numbered, Request, Visit};
use crate::cli::asking::{Trial, visit};
use crate::cli::progress::Progress;
use crate::cli::{looking, sheet};
use crate::config::{Settings, read_key};
use crate::exit::{Exit, Failure};
use crate::output;
use crate::words::Said;

/// Lines that are sent to the node at a time.
const BATCH: usize = 1000;
/// How often it is looked whether all have it.
const LOOK: Duration = Duration::from_millis(300);
/// Stands for a value where the first message is shown.
const COVERED: &str = "\u{2022}\u{2022}\u{2022}";

/// What is sent, and to whom.
#[derive(Debug, clap::Args)]
#[command(after_help = NOTES)]
pub(crate) struct Args {
    /// What is said to each, with places for what the list tells of him
    #[arg(long, value_name = "FILE")]
    template: PathBuf,
    /// The patients: UTF-8, `;` between the cells, the first line names the columns: ins, then the template's places
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// The name by which it is known; without it, that of the template's file, as far as its last dot
    #[arg(long)]
    name: Option<String>,
    /// The most messages in a second, a minute or an hour: 50/s, 600/min, 20000/h
    #[arg(long, value_name = "PACE", default_value = "50/s", value_parser = pace)]
    pace: Pace,
    /// Write each line that is refused to this file: its number, a code, why; nothing of what stands there
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Wait until nobody waits for it any more
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    trial: Trial,
}

const NOTES: &str = "\
A patient gets a notice once: template and name say which it is. Whatever broke off, the command or the node, is gone on
with by the same command; the same list again sends nothing, and a longer one to those who are new. Another template needs
another name. The node sends; without one, the notice waits until it starts. Closed and unknown spaces are counted, and
nobody is told of them. Of a list with bad lines the good ones are done, and the exit status is 1.";

fn pace(text: &str) -> Result<Pace, String> {
    text.parse().map_err(|error: pli_types::PaceError| error.to_string())
}

pub(super) fn run(globals: &Globals, args: &Args) -> Result<(), Failure> {
    let bytes = looking::bounded(&args.template, TEMPLATE_BYTES_MAX + 1)?;
    let template = read_template(&bytes)?;
    let name = args.name.clone().unwrap_or_else(|| stem(&args.template));
    check_name(&name)?;
    let list = List::open(&args.to, &template)?;
    let mut report = Report::into(args.report.as_deref(), globals.format())?;
    visit(globals, !args.trial.dry_run, async |settings, visit| {
        let sending = Sending { settings, visit, name: &name, args, template: &template };
        sending.run(globals, bytes, list, &mut report).await
    })
}

/// `examen-24-mois` of `/a/Examen-24-mois.txt`.
fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// The list of patients.
struct List {
    sheet: sheet::Sheet<BufReader<File>>,
    bytes: u64,
}

impl List {
    /// Every place of the template has its column, before anything is done.
    fn open(path: &Path, template: &Template) -> Result<Self, Failure> {
        let failed = |error| Failure::file(path, &error);
        let file = File::open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let sheet = sheet::Sheet::begin_naming(BufReader::new(file), "ins", is_place_name);
        let sheet = sheet.map_err(|fault| fault.about(path))?;
        match template.places().iter().find(|place| *place == "ins" || !sheet.has(place)) {
            Some(place) => Err(Failure::told(Exit::Usage, "notice-place-unknown", &[("place", place)])),
            None => Ok(Self { sheet, bytes }),
        }
    }
}

/// What is being sent.
struct Sending<'a> {
    settings: &'a Settings,
    visit: &'a Visit<'a>,
    name: &'a str,
    args: &'a Args,
    template: &'a Template,
}

/// How the lines were.
#[derive(Default)]
struct Tally {
    lines: u64,
    bytes: u64,
    added: u64,
    known: u64,
    /// The first patient of the list.
    first: Option<Ins>,
}

impl Sending<'_> {
    async fn run(
        &self,
        globals: &Globals,
        template: Vec<u8>,
        mut list: List,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let (name, dry_run) = (self.name.to_owned(), self.args.trial.dry_run);
        let begin = Ask::Begin { name, pace: self.args.pace.to_string(), dry_run };
        let Told::Done { effect, .. } = self.ask(begin, Some(template)).await? else { return Err(beside_the_point()) };
        let (mut tally, mut progress) = (Tally::default(), Progress::of(list.bytes));
        while let Some(batch) = self.batch(&mut list, &mut tally, report)? {
            if !batch.is_empty() {
                self.enlist(&batch, &mut tally).await?;
            }
            progress.at(tally.bytes, tally.lines);
        }
        progress.end();
        report.end()?;
        let row = if self.args.wait && !dry_run { Some(self.wait().await?) } else { self.row(dry_run).await? };
        self.tell(globals, effect, &tally, row.as_ref(), report)?;
        report.verdict(&self.args.to, tally.lines)
    }

    async fn ask(&self, ask: Ask, attached: Option<Vec<u8>>) -> Result<Told, Failure> {
        match self.visit.ask(Request::Notice(ask), attached).await? {
            Answer::Notice(told) => Ok(told),
            _ => Err(beside_the_point()),
        }
    }

    /// The good ones of the next lines; `None` if there are no lines left.
    fn batch(
        &self,
        list: &mut List,
        tally: &mut Tally,
        report: &mut Report,
    ) -> Result<Option<Vec<Numbered<Recipient>>>, Failure> {
        let mut batch = Vec::new();
        for read in 0..BATCH {
            let (line, wish) = match list.sheet.next() {
                Ok(Some(row)) => {
                    tally.bytes += row.bytes();
                    (row.line, self.recipient(&row, tally))
                }
                Ok(None) if read == 0 => return Ok(None),
                Ok(None) => break,
                Err(sheet::Fault::Row { line, said }) => (line, Err(said)),
                Err(fault) => return Err(fault.about(&self.args.to)),
            };
            tally.lines += 1;
            match wish {
                Ok(row) => batch.push(Numbered { line, row }),
                Err(said) => report.line(line, &said)?,
            }
        }
        Ok(Some(batch))
    }

    fn recipient(&self, row: &sheet::Row<'_>, tally: &mut Tally) -> Result<Recipient, Said> {
        let ins = row.cell("ins").unwrap_or_default();
        let values: Vec<_> = self.template.places().iter().map(|place| row.cell(place).unwrap_or_default()).collect();
        let checked = recipient(&ins, values)?;
        tally.first.get_or_insert(checked.patient);
        Ok(Recipient { ins, values: checked.values })
    }

    async fn enlist(&self, batch: &[Numbered<Recipient>], tally: &mut Tally) -> Result<(), Failure> {
        let attached = serde_json::to_vec(batch).map_err(|error| Failure::defect(error.to_string()))?;
        let ask = Ask::Enlist { name: self.name.to_owned(), dry_run: self.args.trial.dry_run };
        let Told::Enlisted { added, known } = self.ask(ask, Some(attached)).await? else {
            return Err(beside_the_point());
        };
        tally.added += added;
        tally.known += known;
        Ok(())
    }

    /// How it stands; `None` of one that is only tried and not there.
    async fn row(&self, dry_run: bool) -> Result<Option<Row>, Failure> {
        match self.ask(Ask::Show { name: self.name.to_owned() }, None).await {
            Ok(Told::One(row)) => Ok(Some(row)),
            Err(failure) if dry_run && failure.code == "notice-unknown" => Ok(None),
            Ok(_) => Err(beside_the_point()),
            Err(failure) => Err(failure),
        }
    }

    /// Looks until nobody waits, or it is paused, or there is no node that would send.
    async fn wait(&self) -> Result<Row, Failure> {
        let mut progress: Option<Progress> = None;
        loop {
            let row = self.row(false).await?.ok_or_else(beside_the_point)?;
            let ended = row.sent + row.returned;
            let shown = progress.get_or_insert_with(|| Progress::of(ended + row.waiting));
            shown.at(ended, ended);
            if row.state != State::Sending || !self.visit.is_of_node() {
                shown.end();
                return Ok(row);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn tell(
        &self,
        globals: &Globals,
        effect: Effect,
        tally: &Tally,
        row: Option<&Row>,
        report: &Report,
    ) -> Result<(), Failure> {
        let dry_run = self.args.trial.dry_run;
        let effect = match effect {
            Effect::Unchanged if tally.added > 0 => Effect::Changed,
            Effect::WouldBeUnchanged if tally.added > 0 => Effect::WouldBeChanged,
            effect => effect,
        };
        let mut members = done(effect);
        members.insert("name".to_owned(), self.name.into());
        members.insert("lines".to_owned(), tally.lines.into());
        members.insert("added".to_owned(), tally.added.into());
        members.insert("known".to_owned(), tally.known.into());
        members.insert("refused".to_owned(), report.refused.into());
        members.insert("refused_lines".to_owned(), Value::Array(report.told.clone()));
        members.extend(row.map(members_of).unwrap_or_default());
        if dry_run {
            members.insert("first_message".to_owned(), self.first_message(tally)?);
        }
        let waits = !dry_run && !self.visit.is_of_node() && row.is_some_and(|row| row.waiting > 0);
        let warnings: Vec<Warning> = waits.then(|| Warning::told("notice-waits", &[])).into_iter().collect();
        let language = globals.format().language();
        let told = |warning: &Warning| json!({"code": warning.code, "text": warning.text(language)});
        members.insert("warnings".to_owned(), warnings.iter().map(told).collect());
        output::print(&globals.format().object(&members))
    }

    /// The first message; what is told of the patient is covered.
    fn first_message(&self, tally: &Tally) -> Result<Value, Failure> {
        let Some(patient) = &tally.first else { return Ok(Value::Null) };
        let masker = Masker::new(read_key(&self.settings.config.server.masking_key)?.reveal());
        let sender = self.settings.config.patient.service_address()?.reveal();
        let values: Vec<String> = self.template.places().iter().map(|_| COVERED.to_owned()).collect();
        let from = self.template.from_name().map(|name| format!("{name} <{sender}>"));
        Ok(json!({
            "from": masker.scrub(&from.unwrap_or(sender)),
            "to": masker.address(&MailAddress::of_patient(patient)),
            "subject": masker.scrub(&self.template.subject(&values)),
            "text": masker.scrub(&self.template.body(&values)),
        }))
    }
}

//! `cargo xtask bench directory`: how long a country takes, by the commands that an admin types.
//!
//! An extraction of the national directory's size and shape (`extraction.rs`) is imported by `pli directory import`, as
//! text and from a ZIP archive, then searched by `pli directory search`. What a search costs includes the process: its
//! start, its configuration, opening the copy, printing.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::extraction;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Lines of the extraction.
    #[arg(long, default_value_t = extraction::LINES)]
    lines: usize,
    /// Imports; the median is reported.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Times that each search is made; the median and the slowest are reported.
    #[arg(long, default_value_t = 21)]
    searches: usize,
}

/// From what finds one line to what finds nearly all, and what finds nothing after a long look.
const SEARCHES: &[(&str, &[&str])] = &[
    ("nothing: a word that nobody has", &["introuvable"]),
    ("a rare name", &["lhermite", "zoe"]),
    ("a name with accents, typed with and without", &["lefèvre", "helene"]),
    ("a professional's number", &["10000123469"]),
    ("a word that half of all lines have", &["médecin"]),
    ("three letters", &["mar"]),
    ("four common words", &["medecin", "docteur", "cabinet", "marie"]),
    ("four common words that no line has together", &["medecin", "infirmier", "pharmacien", "sage"]),
    ("by town and profession", &["--town", "angouleme", "--profession", "cardiologie"]),
    ("by department", &["--department", "2B", "martin"]),
    ("by structure and type", &["--structure", "pharmacie eglise", "--type", "ORG"]),
    ("digits that every professional's number begins with", &["100"]),
    ("32 words that all are common", &[COMMON]),
];

const COMMON: &str = "mar ber tin gau che val lan bou rou sel gué rin per car nie fon tai gra bri ver die col let pis son \
                      ray mon jou bla cha tel med";

pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.runs > 0 && options.searches > 0, "--runs, --searches: at least one");
    ensure!(options.lines >= 10_000, "--lines: at least 10000");
    let built = Command::new(env!("CARGO")).args(["build", "--release", "--package", "pli"]).status()?;
    ensure!(built.success(), "pli could not be built");
    let pli = Pli::new(crate::target_folder()?.join("release/pli"))?;
    let text = pli.folder.path().join("extraction.txt");
    let bytes = extraction::write(&text, options.lines)?;
    let archive = pli.folder.path().join("extraction.zip");
    pack(&text, &archive)?;

    println!("| {} lines, {} MB | time | processor | memory, at most |", options.lines, bytes / 1_000_000);
    println!("| --- | ---: | ---: | ---: |");
    for (what, file) in [("import of the text", &text), ("import of the archive", &archive)] {
        let mut runs = Vec::new();
        for _ in 0..options.runs {
            pli.forget()?;
            runs.push(pli.import(file, "imported")?);
        }
        tell(what, runs);
    }
    tell("the same again: unchanged", vec![pli.import(&text, "unchanged")?]);
    println!("\nThe copy on the disk: {} MB.\n", pli.copy().metadata()?.len() / 1_000_000);

    println!("| `pli directory search`, the process and all | median | slowest |");
    println!("| --- | ---: | ---: |");
    for (what, words) in SEARCHES {
        let mut times = Vec::new();
        for _ in 0..options.searches {
            times.push(pli.search(words)?);
        }
        times.sort_unstable();
        println!("| {what} | {} | {} |", shown(times.get(times.len() / 2)), shown(times.last()));
    }
    Ok(())
}

/// What an import took.
struct Import {
    time: Duration,
    processor: Duration,
    memory_kib: u64,
}

fn tell(what: &str, mut runs: Vec<Import>) {
    runs.sort_unstable_by_key(|run| run.time);
    if let Some(run) = runs.get(runs.len() / 2) {
        let (time, processor) = (run.time.as_secs_f64(), run.processor.as_secs_f64());
        println!("| {what} | {time:.1} s | {processor:.1} s | {} MB |", run.memory_kib * 1024 / 1_000_000);
    }
}

fn shown(time: Option<&Duration>) -> String {
    time.map(|time| format!("{:.1} ms", time.as_secs_f64() * 1_000.0)).unwrap_or_default()
}

/// As the country's is published.
fn pack(text: &Path, archive: &Path) -> Result<()> {
    let mut writer = ZipWriter::new(File::create(archive)?);
    writer.start_file("Extraction_Correspondance_MSSante.txt", SimpleFileOptions::default())?;
    std::io::copy(&mut File::open(text)?, &mut writer)?;
    writer.finish()?;
    Ok(())
}

/// The program as it is built for use, and an operator's folder, with nothing running.
struct Pli {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Pli {
    fn new(program: PathBuf) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("pli-bench-").tempdir()?;
        let mut made = Command::new(&program);
        made.args(["sandbox", "--seed-only", "--dir"]).arg(folder.path()).stdout(Stdio::null());
        ensure!(made.status()?.success(), "{made:?}");
        Ok(Self { program, folder })
    }

    fn copy(&self) -> PathBuf {
        self.folder.path().join("pro/state/directory.db")
    }

    fn forget(&self) -> Result<()> {
        let copy = self.copy();
        if copy.exists() { Ok(std::fs::remove_file(copy)?) } else { Ok(()) }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["directory", "--output", "json", "--config"]).arg(self.folder.path().join("pro/pli.toml"));
        command.stdout(Stdio::piped());
        command
    }

    fn import(&self, file: &Path, expected: &str) -> Result<Import> {
        let begin = Instant::now();
        let mut child = self.command().arg("import").arg(file).spawn()?;
        let (mut processor, mut memory_kib) = (Duration::ZERO, 0);
        while child.try_wait()?.is_none() {
            // What is seen last holds: neither ever grows less.
            if let Some((spent, most)) = looked(child.id()) {
                (processor, memory_kib) = (spent, most);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let time = begin.elapsed();
        let output = child.wait_with_output()?;
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).context("no outcome")?;
        ensure!(told.get("outcome").is_some_and(|outcome| outcome == expected), "{told}");
        Ok(Import { time, processor, memory_kib })
    }

    fn search(&self, words: &[&str]) -> Result<Duration> {
        let begin = Instant::now();
        let output = self.command().arg("search").args(words).stderr(Stdio::null()).output()?;
        ensure!(output.status.success(), "search {words:?}: {}", output.status);
        Ok(begin.elapsed())
    }
}

/// The processor time that a process has spent, and the most memory that it has had, in KiB (proc(5)).
fn looked(pid: u32) -> Option<(Duration, u64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = stat.rsplit_once(')')?.1.split_whitespace();
    // utime and stime, in hundredths of a second.
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some((Duration::from_millis(ticks * 10), most.split_whitespace().next()?.parse().ok()?))
}

//! A whole server, but for the binary: dialogues with a real store, bodies to the byte, and a real client over TLS.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test that fails panics")]

mod bodies;
mod clients;
mod patience;
mod script;
mod sessions;
mod stage;
mod tokens;

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> std::process::ExitCode {
    let mut trials: Vec<Trial> = scripts().into_iter().map(dialogue).collect();
    trials.extend(bodies::trials());
    trials.extend(clients::trials());
    trials.extend(patience::trials());
    trials.extend(sessions::trials());
    trials.extend(tokens::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn scripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let entries = std::fs::read_dir(folder).expect("the folder of dialogues");
    let mut scripts: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    scripts.retain(|path| path.extension().is_some_and(|extension| extension == "imap"));
    scripts.sort();
    scripts
}

fn dialogue(path: PathBuf) -> Trial {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Trial::test(format!("dialogues::{name}"), move || {
        let text = std::fs::read_to_string(&path)?;
        play(script::play(&text))
    })
}

/// Runs a test to its end.
fn play(test: impl Future<Output = anyhow::Result<()>>) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(test).map_err(|error| format!("{error:#}").into())
}

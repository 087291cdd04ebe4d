//! Dialogues: what clients say and what they hear, one file a promise, against a real store and without a socket.
//!
//! A script is read line by line:
//!
//! ```text
//! # The promise, in a sentence.
//! message letter            a message, its lines follow, each behind `|`
//! | Subject: Bonjour
//! |
//! | Docteur
//! deliver letter            puts it into INBOX, as a message that has just come
//! open 1 clear              opens a session: `clear`, `tls` or `certificate`
//! C: A NOOP                 session 1 says this, and CR LF
//! S: A OK <any>             and hears this line; <any> stands for anything
//! 2C: …  2S: …              the same for session 2
//! ended 1 closed            the session ended: `closed` or `starttls`
//! trace letter: delivered opened      the record of this message, in order
//! ```
//!
//! A session that is not opened is opened under TLS and signed in when it first speaks. In what is said, `%{00}` is a
//! byte, and `%{open}` at the end of a line leaves CR LF away.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, reason = "a test that fails panics")]
#![expect(clippy::panic, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> std::process::ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of dialogues")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "imap"))
        .collect();
    scripts.sort();
    let trials = scripts.into_iter().map(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(name, move || play(&path))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn play(path: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(support::script::play(&text)).map_err(|error| format!("{error:#}").into())
}

//! A `clamd` of the test's own, with a signature that the test makes: its configuration, its signatures and its socket lie in a
//! temporary folder.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::command::fed;
use crate::sandbox::signal;
use crate::{Outcome, need, wait};

/// The MD5 of the harmless test file that every scanner knows, as a `.hdb` has it: of the file alone, so that it is
/// found only where clamd has unpacked what it lies in.
const SIGNATURE: &str = "44d88612fea8a8f36de82e1278abb02f:68:Pli.Test.Eicar\n";

/// What clamd calls it.
pub const NAME: &str = "Pli.Test.Eicar.UNOFFICIAL";

/// The test file (eicar.org). Its two halves stand apart, lest people's scanners take this source away.
#[must_use]
pub fn test_file() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat().into_bytes()
}

/// An archive with these files in it, compressed, as anybody's program makes one.
pub fn archive(files: &[(&str, &[u8])]) -> Result<Vec<u8>> {
    const PROGRAM: &str = "import io,json,sys,zipfile
made=io.BytesIO()
with zipfile.ZipFile(made,'w',zipfile.ZIP_DEFLATED) as archive:
    for name,content in json.load(sys.stdin): archive.writestr(name,bytes(content))
sys.stdout.buffer.write(made.getvalue())";
    Ok(fed(Command::new("python3").args(["-c", PROGRAM]), &serde_json::to_vec(files)?)?.stdout)
}

/// A clamd, killed when dropped.
#[derive(Debug)]
pub struct Clamav {
    folder: TempDir,
    child: Child,
}

impl Clamav {
    /// Starts it with these further lines of `clamd.conf`, and waits until it answers.
    pub fn start(settings: &str) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("pli-clamav-").tempdir()?;
        let at = folder.path().display();
        std::fs::create_dir(folder.path().join("signatures"))?;
        std::fs::write(folder.path().join("signatures/test.hdb"), SIGNATURE)?;
        let config = format!(
            "Foreground yes\nDatabaseDirectory {at}/signatures\nTemporaryDirectory {at}\nLocalSocket {at}/clamd.ctl\n\
             LocalSocketMode 600\nFixStaleSocket yes\nLogFile {at}/clamd.log\n{settings}\n"
        );
        std::fs::write(folder.path().join("clamd.conf"), config)?;
        let child = begin(&folder)?;
        let clamav = Self { folder, child };
        clamav.await_answer()?;
        Ok(clamav)
    }

    /// `[virus] scanner`.
    #[must_use]
    pub fn place(&self) -> String {
        format!("unix:{}", self.socket().display())
    }

    /// Kills it, as a lack of memory would.
    pub fn kill(&mut self) -> Outcome {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again.
    pub fn restart(&mut self) -> Outcome {
        self.child = begin(&self.folder)?;
        self.await_answer()
    }

    /// Lets it hang: it is there, and answers nothing.
    pub fn hang(&self) -> Outcome {
        signal("STOP", self.child.id())
    }

    /// Lets it go on.
    pub fn go_on(&self) -> Outcome {
        signal("CONT", self.child.id())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("clamd.ctl")
    }

    fn await_answer(&self) -> Outcome {
        wait::until("clamd to answer", Duration::from_mins(1), || Ok(self.ping().ok().filter(|told| told == b"PONG\0")))
            .map(drop)
            .with_context(|| std::fs::read_to_string(self.folder.path().join("clamd.log")).unwrap_or_default())
    }

    fn ping(&self) -> std::io::Result<Vec<u8>> {
        let mut stream = UnixStream::connect(self.socket())?;
        stream.write_all(b"zPING\0")?;
        let mut told = Vec::new();
        stream.read_to_end(&mut told)?;
        Ok(told)
    }
}

fn begin(folder: &TempDir) -> Result<Child> {
    let mut command = Command::new(need::program("clamd").context("no clamd")?);
    command.arg("--config-file").arg(folder.path().join("clamd.conf"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().context("starting clamd")
}

impl Drop for Clamav {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("clamd did not end: {error:#}");
        }
    }
}

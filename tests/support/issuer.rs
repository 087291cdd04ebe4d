//! An `OpenID` Connect issuer for sign-in by token: npm's `oidc-provider` (`tests/issuer`), over HTTPS on loopback.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::Outcome;
use crate::authority::{Authority, Issued, Use};
use crate::command::{fed, said, succeed};

/// Whom its tokens are meant for, and the program that they are given to.
const AUDIENCE: &str = "https://mail.test/";
const PROGRAM: &str = "a-program-of-a-practice";
/// By which a program gets tokens.
const PROGRAM_PASSWORD: &str = "kept by the program";
/// The audience again, in a token that is no JWT.
const OPAQUE: &str = "https://mail.test/opaque";

/// As whom the mail server asks about tokens (`the-mail-server` in `issuer.mjs`).
pub const SERVER_PASSWORD: &str = "asks:about+tokens%2F";

/// A running issuer; ended when dropped.
#[derive(Debug)]
pub struct Issuer {
    process: Child,
    /// Its end is the issuer's.
    _stdin: ChildStdin,
    authority: Authority,
    port: u16,
}

/// Its folder, once `tests/run` has fetched the packages of it.
#[must_use]
pub fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("issuer");
    folder.join("node_modules/oidc-provider").is_dir().then_some(folder)
}

impl Issuer {
    /// With these holders: the name of each one's program, and his national identifier.
    pub fn start(holders: &[(&str, &str)]) -> Result<Self> {
        let folder = folder().context("the packages of tests/issuer are missing")?;
        let authority = Authority::foreign("AC des jetons")?;
        let server = authority.issue("issuer", "/C=FR/CN=localhost", Use::Web)?;
        let holders: serde_json::Map<_, _> =
            holders.iter().map(|(program, identifier)| ((*program).to_owned(), (*identifier).into())).collect();
        let mut process = Command::new(folder.join("node_modules/.bin/node"))
            .arg(folder.join("issuer.mjs"))
            .args([&server.certificate, &server.key])
            .arg(serde_json::Value::Object(holders).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdin = process.stdin.take().context("no input")?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().context("no output")?).read_line(&mut line)?;
        let port = line.trim().strip_prefix("issuer ready ").with_context(|| format!("the issuer said {line:?}"))?;
        Ok(Self { process, _stdin: stdin, authority, port: port.parse()? })
    }

    /// `[signin.psc]` of an operator that takes its tokens.
    pub fn settings(&self, folder: &Path) -> Result<toml::Table> {
        std::fs::copy(self.authority.certificate(), folder.join("issuer.pem"))?;
        Ok(toml::toml! {
            issuer = (format!("https://localhost:{}", self.port))
            anchors = "issuer.pem"
            audiences = [AUDIENCE]
            authorized_parties = [PROGRAM]
            discovery = "/.well-known/openid-configuration"
        })
    }

    /// `[signin.psc.introspection]` beside it, with this password.
    pub fn introspection(&self, folder: &Path, password: &str) -> Result<toml::Table> {
        let file = folder.join("issuer-password");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        writeln!(options.open(file)?, "{password}")?;
        Ok(toml::toml! {
            url = (format!("https://localhost:{}/token/introspection", self.port))
            client_id = "the-mail-server"
            client_secret = "issuer-password"
        })
    }

    /// A token of whoever signed in to this program, as Pli takes it.
    pub fn token(&self, program: &str) -> Result<String> {
        self.token_for(program, AUDIENCE)
    }

    /// A token that is wrong in this way (a key of `faults` in `issuer.mjs`), and signed all the same.
    pub fn faulty_token(&self, program: &str, fault: &str) -> Result<String> {
        self.token_for(program, &format!("{AUDIENCE}{fault}"))
    }

    /// A token that says nothing by itself.
    pub fn opaque_token(&self, program: &str) -> Result<String> {
        self.token_for(program, OPAQUE)
    }

    /// The program's user has signed out of it: from now on its issuer says that the token does not count (RFC 7009).
    pub fn withdraw(&self, program: &str, token: &str) -> Outcome {
        let mut curl = self.curl("token/revocation");
        curl.args(["--fail", "--user", &format!("{program}:{PROGRAM_PASSWORD}"), "--data-urlencode"]);
        succeed(curl.arg(format!("token={token}"))).map(drop)
    }

    /// A token meant for whom `resource` names.
    pub fn token_for(&self, program: &str, resource: &str) -> Result<String> {
        self.ask_token(program, resource, None)
    }

    /// A token that counts only with this certificate (RFC 8705).
    pub fn bound_token(&self, program: &str, certificate: &Issued) -> Result<String> {
        self.ask_token(&format!("{program}-bound"), AUDIENCE, Some(certificate))
    }

    /// The same, and it says nothing by itself.
    pub fn bound_opaque_token(&self, program: &str, certificate: &Issued) -> Result<String> {
        self.ask_token(&format!("{program}-bound"), OPAQUE, Some(certificate))
    }

    fn ask_token(&self, program: &str, resource: &str, certificate: Option<&Issued>) -> Result<String> {
        let mut curl = self.curl("token");
        curl.args(["--user", &format!("{program}:{PROGRAM_PASSWORD}"), "--data", "grant_type=client_credentials"]);
        curl.args(["--data", "scope=mail", "--data-urlencode", &format!("resource={resource}")]);
        if let Some(shown) = certificate {
            curl.arg("--cert").arg(&shown.certificate).arg("--key").arg(&shown.key);
        }
        let answer: serde_json::Value = serde_json::from_slice(&succeed(&mut curl)?)?;
        Ok(answer
            .get("access_token")
            .and_then(serde_json::Value::as_str)
            .with_context(|| format!("no token: {answer}"))?
            .to_owned())
    }

    /// What an attacker makes of a good token (a key of `forgeries` in `issuer.mjs`).
    pub fn forge(&self, token: &str, forgery: &str) -> Result<String> {
        let mut curl = self.curl(&format!("forge?{forgery}"));
        let output = fed(curl.args(["--data-binary", "@-"]), token.as_bytes())?;
        ensure!(output.status.success() && !output.stdout.is_empty(), "no forgery: {}", said(&output));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// From now on it signs with another key, and publishes no other.
    pub fn rotate(&self) -> Result<()> {
        succeed(self.curl("rotate").args(["--data", ""])).map(drop)
    }

    fn curl(&self, path: &str) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--max-time", "30", "--cacert"]).arg(self.authority.certificate());
        curl.arg(format!("https://localhost:{}/{path}", self.port));
        curl
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

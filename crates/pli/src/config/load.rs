//! [`load()`]: the file, read and parsed; what it cannot accept is told with its line.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use super::Config;
use super::nearest::nearest;
use crate::words::{Language, Said};

/// A configuration file is a page; anything larger is another file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigFault {
    /// The file and, where it is known, the line; or the key.
    pub(crate) place: String,
    /// What is wrong, and what to do next.
    pub(crate) said: Said,
}

impl ConfigFault {
    /// A fault that the catalogue has words for; the code is the key, as far as its first full stop.
    pub(crate) fn new(key: &'static str, place: impl Into<String>, values: &[(&'static str, &dyn Display)]) -> Self {
        let said = Said::new(key, values);
        said.check();
        Self { place: place.into(), said }
    }

    /// What is wrong, in English, for logs.
    pub(crate) fn what(&self) -> String {
        self.said.what(Language::En)
    }

    /// What to do next, in English.
    pub(crate) fn next(&self) -> String {
        self.said.next(Language::En)
    }

    /// Stable.
    pub(crate) fn code(&self) -> &'static str {
        self.said.code()
    }
}

impl Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what())
    }
}

/// Reads a configuration; paths in it come back absolute.
pub(crate) fn load(path: &Path) -> Result<Config, ConfigFault> {
    let unreadable =
        |error: std::io::Error| ConfigFault::new("config-unreadable", path.display().to_string(), &[("cause", &error)]);
    let absolute = std::path::absolute(path).map_err(unreadable)?;
    if std::fs::metadata(&absolute).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(unreadable(std::io::Error::other("too large for a configuration")));
    }
    let text = std::fs::read_to_string(&absolute).map_err(unreadable)?;
    let mut config = parse(&text, path)?;
    if let Some(folder) = absolute.parent() {
        anchor(&mut config, folder);
    }
    Ok(config)
}

/// Parses the text of a configuration. `path` is only for the message.
pub(crate) fn parse(text: &str, path: &Path) -> Result<Config, ConfigFault> {
    toml::from_str(text).map_err(|error| explain(&error, text, path))
}

/// Makes every path absolute.
fn anchor(config: &mut Config, folder: &Path) {
    let paths: [&mut PathBuf; 7] = [
        &mut config.server.masking_key,
        &mut config.server.state,
        &mut config.tls.certificate,
        &mut config.tls.key,
        &mut config.pki.anchor,
        &mut config.pki.organisations,
        &mut config.store.master_key,
    ];
    for path in paths {
        *path = folder.join(&*path);
    }
    if let Some(path) = &mut config.pki.crl {
        *path = folder.join(&*path);
    }
    config.trust.anchor(folder);
    config.mailbox.anchor(folder);
    config.audit.anchor(folder);
    if let Some(psc) = &mut config.signin.psc {
        psc.anchors = folder.join(&psc.anchors);
        if let Some(asked) = &mut psc.introspection {
            asked.client_secret = folder.join(&asked.client_secret);
        }
    }
    if let Some(telemetry) = &mut config.telemetry {
        telemetry.anchor(folder);
    }
    if let Some(annuaire) = &mut config.annuaire {
        annuaire.api_key = folder.join(&annuaire.api_key);
        annuaire.anchors = folder.join(&annuaire.anchors);
    }
    if let Some(file) = config.store.url.strip_prefix("sqlite://") {
        config.store.url = format!("sqlite://{}", folder.join(file).display());
    }
}

/// A parser's error as a fault with its line, and with the nearest key where one is unknown.
fn explain(error: &toml::de::Error, text: &str, path: &Path) -> ConfigFault {
    let place = match error.span() {
        Some(span) => format!("{}:{}", path.display(), line_of(text, span.start)),
        None => path.display().to_string(),
    };
    let message = error.message();
    let mut quoted = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown field") {
        let wrong = quoted.next().unwrap_or_default();
        let known: Vec<&str> = quoted.collect();
        return match nearest(wrong, &known) {
            Some(near) => {
                let values: [(_, &dyn Display); 3] = [("key", &wrong), ("near", &near), ("known", &known.join(", "))];
                ConfigFault::new("config-unknown-key.near", place, &values)
            }
            None => ConfigFault::new("config-unknown-key", place, &[("key", &wrong)]),
        };
    }
    if message.starts_with("missing field") {
        let key = quoted.next().unwrap_or_default();
        return ConfigFault::new("config-missing-key", place, &[("key", &key)]);
    }
    ConfigFault::new("config-invalid", place, &[("cause", &message.replace('\n', " "))])
}

/// The line that a byte is on, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A whole file, with one line replaced.
    fn with(line: &str, by: &str) -> String {
        let text = include_str!("../../../../deploy/pli.toml");
        assert_eq!(text.lines().filter(|l| *l == line).count(), 1, "{line}");
        text.lines().map(|l| if l == line { by } else { l }).fold(String::new(), |text, line| text + line + "\n")
    }

    fn fault(text: &str) -> ConfigFault {
        parse(text, "pli.toml".as_ref()).unwrap_err()
    }

    fn line(text: &str, line: &str) -> String {
        format!("pli.toml:{}", 1 + text.lines().position(|l| l == line).unwrap())
    }

    #[test]
    fn an_unknown_key_names_its_line_and_the_nearest_known_key() {
        for (good, bad, near) in [
            ("recipients = 1000", "recipient = 1000", "recipients"),
            (r#"certificate = "tls/server.pem""#, r#"certifcate = "tls/server.pem""#, "certificate"),
            ("[listener.smtp]", "[listener.smpt]", "smtp"),
            ("[limits]", "[limit]", "limits"),
            ("[[connector]]", "[[conector]]", "connector"),
        ] {
            let text = with(good, bad);
            let fault = fault(&text);
            assert_eq!(fault.code(), "config-unknown-key", "{fault}");
            assert_eq!(fault.place, line(&text, bad), "{fault}");
            assert!(fault.what().ends_with(&format!("the nearest known key is `{near}`")), "{fault}");
        }
    }

    #[test]
    fn a_wrong_value_names_its_line() {
        for (good, bad, told) in [
            (r#"message_size = "25MiB""#, "message_size = 25", "as in \"25MiB\""),
            (r#"message_size = "25MiB""#, r#"message_size = "25MB""#, "as in \"25MiB\""),
            (r#"smtp_idle = "5m""#, r#"smtp_idle = "5 minutes""#, "as in \"30s\""),
            (r#"name = "mss.example.fr""#, r#"name = "mss..example.fr""#, "not a valid host name"),
            (r#"address = "[::]:25""#, r#"address = "localhost:25""#, "socket address"),
            ("recipients = 1000", r#"recipients = "many""#, "expected usize"),
            ("recipients = 1000", "recipients 1000", "="),
        ] {
            let text = with(good, bad);
            let fault = fault(&text);
            assert_eq!(fault.code(), "config-invalid", "{fault}");
            assert_eq!(fault.place, line(&text, bad), "{fault}");
            assert!(fault.what().contains(told), "{fault}");
        }
    }

    #[test]
    fn a_missing_key_is_named_with_its_table() {
        let text = with(r#"certificate = "tls/server.pem""#, "");
        let fault = fault(&text);
        assert_eq!((fault.code(), fault.what().as_str()), ("config-missing-key", "the key `certificate` is missing"));
        assert_eq!(fault.place, line(&text, "[tls]"));
    }

    #[test]
    fn paths_are_relative_to_the_files_own_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pli.toml");
        std::fs::write(&file, with(r#"list = "whitelist.xml""#, r#"list = "../whitelist.xml""#)).unwrap();
        let config = load(&file).unwrap();
        assert_eq!(config.tls.key, folder.path().join("tls/server.key"));
        assert_eq!(config.trust.list, Some(folder.path().join("../whitelist.xml")));
        assert_eq!(config.store.url, "sqlite:///var/lib/pli/pli.db", "an absolute path stays");

        std::fs::write(&file, with(r#"url = "sqlite:///var/lib/pli/pli.db""#, r#"url = "sqlite://store/pli.db""#))
            .unwrap();
        let config = load(&file).unwrap();
        assert_eq!(config.store.url, format!("sqlite://{}/store/pli.db", folder.path().display()));
    }

    #[test]
    fn a_file_that_is_not_there_says_how_to_name_one() {
        let fault = load("/nowhere/pli.toml".as_ref()).unwrap_err();
        assert_eq!(fault.code(), "config-unreadable");
        assert!(fault.next().contains("--config"), "{}", fault.next());
    }
}

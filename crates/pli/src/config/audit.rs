//! `[audit]`: how the record is sealed. That it is sealed is no setting.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use pli_audit::{Class, WitnessKey};
use pli_types::Span;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ConfigFault;
use crate::syslog::{ENTERPRISE_OF_EXAMPLES, SiemAt};

/// What waits for longer raises an alarm.
pub(crate) const SEAL_EVERY_MAX: Duration = Duration::from_secs(30);

/// How seldom checkpoints may be taken elsewhere.
const TOLD_EVERY_MAX: Duration = Duration::from_mins(10);
/// Less is no record that anybody could read.
const KEPT_MIN: Duration = Duration::from_hours(24);

/// `[audit]`. All have defaults.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuditConfig {
    /// How long what is recorded waits at most before it is sealed.
    pub(crate) seal_every: Span,
    /// How long it is kept what became of messages; at least a day.
    pub(crate) mail_kept: Span,
    /// And who came in, and what he did there.
    pub(crate) access_kept: Span,
    /// And what those who run the node changed, and what they were shown.
    pub(crate) admin_kept: Span,
    /// File with the key that signs the record; `audit.key` in the state folder if it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<PathBuf>,
    /// File that each signed checkpoint is appended to; `checkpoints` in the state folder if it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checkpoints: Option<PathBuf>,
    /// File that each checkpoint is appended to with a witness's signature; `witnessed` in the state folder if it is not
    /// said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) witnessed: Option<PathBuf>,
    /// The operator's private enterprise number (IANA), under which syslog messages name what they tell.
    pub(crate) enterprise_number: u32,
    /// `[[audit.witness]]`: who else signs checkpoints.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) witness: Vec<WitnessConfig>,
    /// `[audit.syslog]`: who is told of checkpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) syslog: Option<SyslogConfig>,
}

/// `[[audit.witness]]`: one that speaks C2SP tlog-witness.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WitnessConfig {
    /// Its address, `https` only; `add-checkpoint` is below it.
    pub(crate) url: String,
    /// Its public key: NAME+ID+KEY.
    pub(crate) key: WitnessKeyText,
    /// PEM file with the authorities that its certificate must chain to; the system's if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
    /// It is asked no more often than this.
    #[serde(default = "minutely")]
    pub(crate) every: Span,
}

/// `[audit.syslog]`: a receiver of syslog over TLS.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SyslogConfig {
    /// Where it listens.
    pub(crate) to: SiemAt,
    /// PEM file with the authorities that its certificate must chain to; the system's if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
    /// PEM file with the certificate that it is shown if it asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate: Option<PathBuf>,
    /// PEM file with that certificate's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<PathBuf>,
    /// It is told no more often than this.
    #[serde(default = "minutely")]
    pub(crate) every: Span,
}

fn minutely() -> Span {
    Span::minutes(1)
}

/// A witness's public key, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WitnessKeyText(pub(crate) WitnessKey);

impl<'de> Deserialize<'de> for WitnessKeyText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        WitnessKey::parse(&String::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

impl Serialize for WitnessKeyText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Default for AuditConfig {
    fn default() -> Self {
        // Six months (R-TRC-4), whichever they are.
        let kept = Span::hours(184 * 24);
        Self {
            seal_every: Span::seconds(1),
            mail_kept: kept,
            access_kept: kept,
            admin_kept: kept,
            key: None,
            checkpoints: None,
            witnessed: None,
            enterprise_number: ENTERPRISE_OF_EXAMPLES,
            witness: Vec::new(),
            syslog: None,
        }
    }
}

impl AuditConfig {
    /// Checks what no single line can tell.
    pub(super) fn check(&self) -> Result<(), ConfigFault> {
        let every = self.seal_every.get();
        if every.is_zero() || every > SEAL_EVERY_MAX {
            return Err(ConfigFault::new("config-invalid.seal-every", "[audit] seal_every", &[]));
        }
        let kept = [("mail_kept", self.mail_kept), ("access_kept", self.access_kept), ("admin_kept", self.admin_kept)];
        if let Some((key, _)) = kept.into_iter().find(|(_, kept)| kept.get() < KEPT_MIN) {
            return Err(ConfigFault::new("config-invalid.audit-kept", format!("[audit] {key}"), &[]));
        }
        for (at, witness) in self.witness.iter().enumerate() {
            witness.check()?;
            if self.witness.iter().skip(at + 1).any(|other| other.key == witness.key) {
                let name = witness.key.0.name();
                return Err(ConfigFault::new(
                    "config-invalid.witness-twice",
                    "[[audit.witness]] key",
                    &[("name", &name)],
                ));
            }
        }
        self.syslog.as_ref().map_or(Ok(()), SyslogConfig::check)
    }

    /// Up to when what is of this class need not be kept any more at `now`.
    pub(crate) fn over_before(&self, class: Class, now: Timestamp) -> Timestamp {
        let kept = match class {
            Class::Mail => self.mail_kept,
            Class::Access => self.access_kept,
            Class::Admin => self.admin_kept,
        };
        let kept = SignedDuration::try_from(kept.get()).unwrap_or(SignedDuration::MAX);
        now.saturating_sub(kept).unwrap_or(Timestamp::MIN)
    }

    /// Makes its paths absolute.
    pub(super) fn anchor(&mut self, folder: &Path) {
        let own = [&mut self.key, &mut self.checkpoints, &mut self.witnessed];
        let witnesses = self.witness.iter_mut().map(|witness| &mut witness.ca);
        let syslog =
            self.syslog.iter_mut().flat_map(|syslog| [&mut syslog.ca, &mut syslog.certificate, &mut syslog.key]);
        for path in own.into_iter().chain(witnesses).chain(syslog).flatten() {
            *path = folder.join(&*path);
        }
    }

    /// Where the key lies, of a node with this state folder.
    pub(crate) fn key_in(&self, state: &Path) -> PathBuf {
        self.key.clone().unwrap_or_else(|| state.join("audit.key"))
    }

    /// Where checkpoints are handed out to, of a node with this state folder.
    pub(crate) fn checkpoints_in(&self, state: &Path) -> PathBuf {
        self.checkpoints.clone().unwrap_or_else(|| state.join("checkpoints"))
    }

    /// Where checkpoints with witnesses' signatures are kept, of a node with this state folder.
    pub(crate) fn witnessed_in(&self, state: &Path) -> PathBuf {
        self.witnessed.clone().unwrap_or_else(|| state.join("witnessed"))
    }
}

impl WitnessConfig {
    fn check(&self) -> Result<(), ConfigFault> {
        let host = self.url.strip_prefix("https://").unwrap_or_default();
        if host.is_empty() || host.starts_with('/') || host.contains(['?', '#', '@', ' ']) || host.ends_with('/') {
            return Err(ConfigFault::new("config-invalid.witness", "[[audit.witness]] url", &[]));
        }
        check_every(self.every, "[[audit.witness]] every")
    }
}

impl SyslogConfig {
    fn check(&self) -> Result<(), ConfigFault> {
        if self.certificate.is_some() != self.key.is_some() {
            return Err(ConfigFault::new("config-invalid.syslog-key", "[audit.syslog] certificate, key", &[]));
        }
        check_every(self.every, "[audit.syslog] every")
    }
}

/// Often enough that the alarm, which bears a quarter of an hour, is not raised between two.
fn check_every(every: Span, place: &str) -> Result<(), ConfigFault> {
    if every.get().is_zero() || every.get() > TOLD_EVERY_MAX {
        return Err(ConfigFault::new("config-invalid.witness-every", place, &[]));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "witness.example/w1+eb762cc2+BNdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";

    fn config(text: &str) -> Result<AuditConfig, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_receiver_of_syslog_shows_a_whole_pair_or_nothing() {
        let with = |more: &str| config(&format!("[syslog]\nto = \"siem.example:6514\"\n{more}")).unwrap().check();
        with("").unwrap();
        with("certificate = \"a\"\nkey = \"b\"").unwrap();
        for (wrong, place) in [
            ("key = \"b\"", "[audit.syslog] certificate, key"),
            ("every = \"0s\"", "[audit.syslog] every"),
            ("every = \"11m\"", "[audit.syslog] every"),
        ] {
            assert_eq!(with(wrong).unwrap_err().place, place, "{wrong}");
        }
        assert!(config("[syslog]\nto = \"siem.example\"").unwrap_err().contains("HOST:PORT"));
    }

    #[test]
    fn a_witness_is_an_https_address_and_a_witnesss_key() {
        let with = |url: &str| {
            let table = format!("[[witness]]\nurl = \"{url}\"\nkey = \"{KEY}\"\n");
            config(&table).unwrap().check()
        };
        with("https://witness.example/pli").unwrap();
        for wrong in ["http://witness.example", "https://", "https://a.example/", "https://a.example/?x"] {
            assert_eq!(with(wrong).unwrap_err().place, "[[audit.witness]] url", "{wrong}");
        }
        let twice = format!("[[witness]]\nurl = \"https://a\"\nkey = \"{KEY}\"\n").repeat(2);
        assert_eq!(config(&twice).unwrap().check().unwrap_err().place, "[[audit.witness]] key");
        // That of a log is none.
        let log = "[[witness]]\nurl = \"https://a\"\nkey = \"mss.example.org/audit+2e6fe511+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs\"";
        assert!(config(log).is_err());
    }
}

//! `[trust]`: where the national list of domains comes from, and what it must meet.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pli_directory::{ListRules, SignatureRule};
use serde::{Deserialize, Serialize};

use super::{ConfigFault, Span};

/// `[trust]`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustConfig {
    /// The list's file, as published. Read again when it changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) list: Option<PathBuf>,
    /// The list's address, `https` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    /// PEM file with the authorities that the certificate of `url` must chain to. No other is believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) anchors: Option<PathBuf>,
    /// How often the list is fetched from `url`.
    #[serde(default = "hourly")]
    pub(crate) every: Span,
    /// How long one fetch may take, from the first packet to the last byte.
    #[serde(default = "two_minutes")]
    pub(crate) fetch_timeout: Span,
    /// Must the list be signed?
    #[serde(default)]
    pub(crate) signature: SignatureRule,
    /// The CN that the signer's certificate must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signer_cn: Option<String>,
    /// One of the OUs that the signer's certificate must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signer_ou: Option<String>,
    /// How many of a hundred domains in force a new list may lack before it is held for an admin.
    #[serde(default = "a_tenth")]
    pub(crate) lost_domains_max: u8,
    /// How old the last word from the source may be before an alarm begins.
    #[serde(default = "a_day")]
    pub(crate) stale_after: Span,
}

fn hourly() -> Span {
    Span::hours(1)
}

fn two_minutes() -> Span {
    Span::minutes(2)
}

fn a_tenth() -> u8 {
    10
}

fn a_day() -> Span {
    Span::hours(24)
}

/// Where the list comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ListOrigin {
    /// A file that somebody else keeps.
    File(PathBuf),
    /// Its publisher.
    Publisher {
        /// The address.
        url: String,
        /// Whose certificate the publisher must have.
        anchors: PathBuf,
    },
}

impl ListOrigin {
    /// As logs and history name it.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Publisher { url, .. } => url.clone(),
        }
    }
}

impl TrustConfig {
    /// Holds the keys against each other. Opens no file.
    pub(crate) fn origin(&self) -> Result<ListOrigin, ConfigFault> {
        match (&self.list, &self.url, &self.anchors) {
            (Some(path), None, None) => Ok(ListOrigin::File(path.clone())),
            (None, Some(url), Some(anchors)) if is_https(url) => {
                Ok(ListOrigin::Publisher { url: url.clone(), anchors: anchors.clone() })
            }
            (None, Some(_), Some(_)) => Err(fault("url", "config-invalid.not-https")),
            (None, Some(_), None) => Err(fault("anchors", "config-invalid.no-anchors")),
            (Some(_), None, Some(_)) => Err(fault("anchors", "config-invalid.anchors-of-a-file")),
            (Some(_), Some(_), _) => Err(fault("url", "config-invalid.two-lists")),
            (None, None, _) => Err(fault("list", "config-invalid.no-list")),
        }
    }

    /// Checks what [`Self::origin`] does not look at.
    pub(crate) fn check(&self) -> Result<(), ConfigFault> {
        for (key, span) in
            [("every", self.every), ("fetch_timeout", self.fetch_timeout), ("stale_after", self.stale_after)]
        {
            if span.get() < Duration::from_secs(1) {
                return Err(fault(key, "config-invalid.short"));
            }
        }
        if self.lost_domains_max > 100 {
            return Err(fault("lost_domains_max", "config-invalid.percentage"));
        }
        if self.signature == SignatureRule::Required {
            for (key, value) in [("signer_cn", &self.signer_cn), ("signer_ou", &self.signer_ou)] {
                if value.as_deref().is_none_or(|value| value.trim().is_empty()) {
                    return Err(fault(key, "config-invalid.any-signer"));
                }
            }
        }
        Ok(())
    }

    /// What a list must meet.
    pub(crate) fn rules(&self) -> ListRules {
        ListRules {
            signature: self.signature,
            signer_cn: self.signer_cn.clone(),
            signer_ou: self.signer_ou.clone(),
            lost_domains_max: self.lost_domains_max,
        }
    }

    /// Makes its paths absolute.
    pub(super) fn anchor(&mut self, folder: &Path) {
        for path in [&mut self.list, &mut self.anchors].into_iter().flatten() {
            *path = folder.join(&*path);
        }
    }
}

/// With a host, and nothing that a request line must not hold. Credentials in an address would end up in logs.
fn is_https(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    scheme.eq_ignore_ascii_case("https")
        && !authority.is_empty()
        && !authority.contains('@')
        && url.chars().all(|c| c.is_ascii_graphic())
}

fn fault(key: &str, sentence: &'static str) -> ConfigFault {
    ConfigFault::new(sentence, format!("[trust] {key}"), &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> TrustConfig {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_list_comes_from_one_place() {
        let published = "url = \"https://a.fr/l.xml\"\nanchors = \"a.pem\"";
        for (text, place) in [
            ("", "[trust] list"),
            ("url = \"https://a.fr/l.xml\"", "[trust] anchors"),
            ("list = \"l.xml\"\nanchors = \"a.pem\"", "[trust] anchors"),
            (&format!("list = \"l.xml\"\n{published}"), "[trust] url"),
            (&published.replace("https", "http"), "[trust] url"),
            (&published.replace("a.fr", "me:secret@a.fr"), "[trust] url"),
            (&published.replace("a.fr", ""), "[trust] url"),
            (&published.replace("l.xml", "l xml"), "[trust] url"),
        ] {
            assert_eq!(parsed(text).origin().unwrap_err().place, place, "{text}");
        }
        assert_eq!(parsed("list = \"l.xml\"").origin(), Ok(ListOrigin::File("l.xml".into())));
        assert_eq!(parsed(published).origin().unwrap().name(), "https://a.fr/l.xml");
    }

    #[test]
    fn a_value_that_would_undo_its_purpose_is_refused() {
        for (text, place) in [
            ("every = \"999ms\"", "[trust] every"),
            ("fetch_timeout = \"0s\"", "[trust] fetch_timeout"),
            ("stale_after = \"10ms\"", "[trust] stale_after"),
            ("lost_domains_max = 101", "[trust] lost_domains_max"),
            ("signature = \"required\"", "[trust] signer_cn"),
            ("signature = \"required\"\nsigner_cn = \"list\"\nsigner_ou = \" \"", "[trust] signer_ou"),
        ] {
            assert_eq!(parsed(text).check().unwrap_err().place, place, "{text}");
        }
        parsed("every = \"1s\"\nlost_domains_max = 100").check().unwrap();
        parsed("signature = \"required\"\nsigner_cn = \"list\"\nsigner_ou = \"3187\"").check().unwrap();
    }
}

//! A sandbox that an earlier version made is taken up as it is: its certificates name no revocation list, and some peers
//! of today are not there. Only what today's operators cannot start without is added to their configuration.

use std::path::Path;

use anyhow::Context;

use crate::config::{LOST_DOMAINS_MAX, STATE};
use crate::files;
use crate::manifest::Manifest;

/// Adds the keys that are missing. A configuration that has them stays as somebody may have changed it.
pub(crate) fn complete(dir: &Path, manifest: &Manifest) -> anyhow::Result<()> {
    for operator in &manifest.operators {
        let path = dir.join(&operator.config);
        let mut config: toml::Table =
            files::read(&path)?.parse().with_context(|| format!("{} cannot be read", path.display()))?;
        let Some(server) = config.get_mut("server").and_then(toml::Value::as_table_mut) else { continue };
        if server.contains_key("state") {
            continue;
        }
        server.insert("state".to_owned(), STATE.into());
        if let Some(trust) = config.get_mut("trust").and_then(toml::Value::as_table_mut) {
            trust.insert("lost_domains_max".to_owned(), i64::from(LOST_DOMAINS_MAX).into());
        }
        files::write(&path, toml::to_string(&config)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Operator, Ports};

    fn manifest() -> Manifest {
        let mut manifest = Manifest::empty();
        manifest.operators.push(Operator {
            name: "pro".into(),
            pid: None,
            config: "pro/pli.toml".into(),
            server_name: "mss.pro.test".into(),
            domains: Vec::new(),
            ports: Ports { smtp: 1, submission: 2, submissions: 3, imap: 4, imaps: 5, http: 6 },
            certificate: "pro/tls/server.pem".into(),
            key: "pro/tls/server.key".into(),
        });
        manifest
    }

    #[test]
    fn a_configuration_of_an_earlier_version_gains_what_is_required_and_keeps_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pro/pli.toml");
        files::write(&path, "[server]\nname = \"mss.pro.test\"\n[trust]\nlist = \"../whitelist.xml\"\n").unwrap();
        complete(dir.path(), &manifest()).unwrap();
        let config: toml::Table = files::read(&path).unwrap().parse().unwrap();
        assert_eq!(config["server"]["name"].as_str(), Some("mss.pro.test"));
        assert_eq!(config["server"]["state"].as_str(), Some("state"));
        assert_eq!(config["trust"]["list"].as_str(), Some("../whitelist.xml"));
        assert_eq!(config["trust"]["lost_domains_max"].as_integer(), Some(40));
    }

    #[test]
    fn a_configuration_that_lacks_nothing_is_not_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pro/pli.toml");
        let text = "# Mine.\n[server]\nstate = \"elsewhere\"\n[trust]\nlost_domains_max = 0\n";
        files::write(&path, text).unwrap();
        complete(dir.path(), &manifest()).unwrap();
        assert_eq!(files::read(&path).unwrap(), text);
    }
}

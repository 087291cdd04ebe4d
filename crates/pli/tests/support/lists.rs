//! Trust lists to try things with, and the commands that ask about them.

use std::path::PathBuf;

use serde_json::Value;

use super::node::Operator;
use super::{assert_fails, exit, pli, stderr, stdout};

/// A list of this day of January 2026, whose domains are all of one operator.
pub(crate) fn list(day: u8, domains: &[&str]) -> String {
    let entry = |domain: &&str| {
        format!(
            "<Domaine><Nom>{domain}</Nom><Description>d</Description>\
             <DNCertificatOperateur>CN=mss.un.fr,O=Un,C=FR</DNCertificatOperateur>\
             <ResponsableContact>r</ResponsableContact><SupportContact>s</SupportContact>\
             <DateMAJ>2026-01-01T00:00:00Z</DateMAJ></Domaine>\n"
        )
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ListeBlancheMSSante xmlns=\"https://listeblanche.mssante.fr/schema\">\n\
         <DateDeGeneration>2026-01-{day:02}T08:00:00Z</DateDeGeneration>\n<ListeDomaines>\n{}</ListeDomaines>\n\
         </ListeBlancheMSSante>\n",
        domains.iter().map(entry).collect::<String>()
    )
}

/// Four domains, of which a list may lose one in a sandbox, and not two.
pub(crate) const FOUR: &[&str] = &["a.mssante.fr", "b.mssante.fr", "c.mssante.fr", "d.mssante.fr"];

impl Operator {
    /// An operator whose list is this one.
    pub(crate) fn with_list(list: &str) -> Self {
        let operator = Self::new();
        operator.replace("whitelist.xml", list);
        operator
    }

    /// `pli … --config ITS -o json`.
    pub(crate) fn ask(&self, arguments: &[&str]) -> std::process::Output {
        let config = self.config();
        pli(&[arguments, &["--config", &config, "-o", "json"]].concat())
    }

    /// What a command prints that does what it is asked.
    #[track_caller]
    pub(crate) fn told(&self, arguments: &[&str]) -> Value {
        let output = self.ask(arguments);
        assert_eq!(exit(&output), 0, "{arguments:?}: {}", stderr(&output));
        serde_json::from_str(stdout(&output)).unwrap()
    }

    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str], code: i32, stable: &str) {
        assert_fails(&self.ask(arguments), code, stable);
    }

    /// How many domains the list in force has.
    #[track_caller]
    pub(crate) fn domains_in_force(&self) -> u64 {
        self.told(&["trust", "show"]).get("domains").and_then(Value::as_u64).unwrap()
    }

    pub(crate) fn put(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Does the record hold these words? The store is not running.
    pub(crate) fn is_on_record(&self, words: &str) -> bool {
        let holds = |path: PathBuf| {
            let bytes = std::fs::read(path).unwrap_or_default();
            bytes.windows(words.len()).any(|window| window == words.as_bytes())
        };
        ["pro/store/pli.db", "pro/store/pli.db-wal"].iter().any(|name| holds(self.path(name)))
    }
}

pub(crate) fn last(rows: &Value) -> &Value {
    rows.as_array().unwrap().last().unwrap()
}

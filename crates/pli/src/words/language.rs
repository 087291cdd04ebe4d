//! [`Language`]: which one the person at the terminal reads.

use std::ffi::{OsStr, OsString};
use std::sync::OnceLock;

/// A language of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    // Plain comments: documentation would be printed with the help of every verb.
    // English.
    En,
    // French.
    Fr,
}

static CHOSEN: OnceLock<Language> = OnceLock::new();

/// The language of this process; English until one is chosen.
pub(crate) fn language() -> Language {
    CHOSEN.get().copied().unwrap_or(Language::En)
}

/// Chooses: `--lang`, or else what the environment says. Before the command line is parsed, for help and mistakes are told in
/// that language too.
pub(crate) fn choose(arguments: impl Iterator<Item = OsString>) {
    let chosen = asked(arguments).unwrap_or_else(|| of_environment(|name| std::env::var_os(name)));
    // It is chosen once, at the start.
    CHOSEN.set(chosen).ok();
}

/// `--lang fr` or `--lang=fr`, wherever it stands among the options. A value that is none is for clap to refuse.
fn asked(arguments: impl Iterator<Item = OsString>) -> Option<Language> {
    let words = arguments.skip(1).take_while(|word| word != "--").map(|word| word.to_string_lossy().into_owned());
    let words: Vec<String> = words.collect();
    let apart = words.windows(2).find_map(|pair| match pair {
        [name, value] if name == "--lang" => Language::parse(value),
        _ => None,
    });
    apart.or_else(|| words.iter().find_map(|word| Language::parse(word.strip_prefix("--lang=")?)))
}

/// The first of these that is set and not empty decides (POSIX.1-2017 XBD §8.2).
fn of_environment(get: impl Fn(&str) -> Option<OsString>) -> Language {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(get).find(|value| value != OsStr::new(""));
    match set {
        Some(locale) if locale.to_string_lossy().starts_with("fr") => Language::Fr,
        _ => Language::En,
    }
}

impl Language {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::En, Self::Fr];

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == word)
    }

    /// Its code (ISO 639-1).
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_decides_wherever_it_stands() {
        let asked = |line: &str| asked(line.split(' ').map(OsString::from));
        assert_eq!(asked("pli --lang fr queue list"), Some(Language::Fr));
        assert_eq!(asked("pli queue list --lang=en"), Some(Language::En));
        assert_eq!(asked("pli queue list --lang de"), None);
        assert_eq!(asked("pli queue list -- --lang fr"), None);
        assert_eq!(asked("pli queue list"), None);
    }

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let with = |set: &[(&str, &str)]| {
            of_environment(|name| set.iter().find(|(of, _)| *of == name).map(|(_, value)| value.into()))
        };
        assert_eq!(with(&[]), Language::En);
        assert_eq!(with(&[("LANG", "fr_FR.UTF-8")]), Language::Fr);
        assert_eq!(with(&[("LANG", "de_DE.UTF-8")]), Language::En);
        assert_eq!(with(&[("LANG", "fr_FR.UTF-8"), ("LC_ALL", "C")]), Language::En);
        assert_eq!(with(&[("LANG", "en_GB.UTF-8"), ("LC_MESSAGES", "fr_CA.UTF-8")]), Language::Fr);
        assert_eq!(with(&[("LANG", "fr_FR.UTF-8"), ("LC_ALL", "")]), Language::Fr);
    }
}

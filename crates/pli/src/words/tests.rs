//! The catalogue against itself, and against the code that speaks by it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pli_mailflow::delivery::probe::Fault;
use pli_policy::{Reason, ScanFault};

use super::catalogue::{ALL, FILES, PHRASES, gather, in_one_line, phrases, places, translated};
use super::*;

/// Keys that code puts together from the words of other crates, by how they begin. A test beside that code tells that
/// each has its sentence.
const PUT_TOGETHER: &[&str] = &["list-", "annuaire-"];

#[test]
fn every_file_is_read_and_no_key_stands_twice() {
    let mut seen = BTreeMap::new();
    for (name, text) in FILES {
        let table: toml::Table = text.parse().unwrap_or_else(|error| panic!("words/{name}: {error}"));
        let mut entries = BTreeMap::new();
        gather("", &table, &mut entries);
        assert_eq!(
            leaves(&toml::Value::Table(table)),
            entries.values().map(texts).sum::<usize>(),
            "words/{name}: some \
            table is no entry: each has `what`, and perhaps `next`, with `en` and `fr`"
        );
        for key in entries.keys() {
            assert_eq!(seen.insert(key.clone(), name), None, "`{key}` of words/{name} stands elsewhere too");
        }
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("words");
    let on_disk: BTreeSet<String> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let compiled_in = FILES.iter().map(|(name, _)| *name).chain(["phrases.toml"]).map(str::to_owned).collect();
    assert_eq!(on_disk, compiled_in, "the files of words/, and those that catalogue.rs names");
}

fn leaves(value: &toml::Value) -> usize {
    match value {
        toml::Value::Table(table) => table.values().map(leaves).sum(),
        // Phrases.
        toml::Value::Array(_) => 0,
        _ => 1,
    }
}

fn texts(entry: &catalogue::Entry) -> usize {
    if entry.next.is_some() { 4 } else { 2 }
}

#[test]
fn both_languages_have_the_same_places_and_say_something() {
    for (key, entry) in ALL.iter() {
        for text in [Some(&entry.what), entry.next.as_ref()].into_iter().flatten() {
            assert!(!text.en.trim().is_empty() && !text.fr.trim().is_empty(), "`{key}` is empty");
            assert_eq!(places(&text.en), places(&text.fr), "the places of `{key}`");
        }
    }
}

#[test]
fn every_key_that_is_said_is_in_the_catalogue() {
    for (path, source) in sources() {
        for (call, argument) in [
            ("Failure::told(", 1),
            ("Self::told(", 1),
            ("Warning::told(", 0),
            ("Said::new(", 0),
            ("ConfigFault::new(", 0),
        ] {
            for (at, _) in source.match_indices(call) {
                let (before, after) = source.split_at(at + call.len());
                // A variable stands for keys that are written elsewhere; these are looked at when they are said.
                let named = after.split(',').nth(argument).unwrap_or_default().trim();
                let Some(key) = named.strip_prefix('"').and_then(|rest| rest.split('"').next()) else { continue };
                let line = before.lines().count();
                assert!(ALL.contains_key(key), "{}:{line}: words/ lacks `{key}`", path.display());
            }
        }
    }
}

#[test]
fn no_failure_has_words_of_its_own() {
    for (path, source) in sources() {
        // What another process told has come with words.
        if !path.ends_with("admin/protocol.rs") {
            assert!(
                !source.contains("Failure::new("),
                "{}: say it by Failure::told, with words of words/",
                path.display()
            );
        }
    }
}

#[test]
fn every_key_of_the_catalogue_is_said() {
    let all: String = sources().into_iter().map(|(_, source)| source).collect();
    for key in ALL.keys() {
        let put_together = PUT_TOGETHER.iter().any(|beginning| key.starts_with(beginning));
        assert!(put_together || all.contains(&format!("\"{key}\"")), "nobody says `{key}`: take it out of words/");
    }
}

/// Our sources, each without its tests.
fn sources() -> Vec<(PathBuf, String)> {
    sources_in(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn sources_in(folder: PathBuf) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name != "tests.rs") {
                let source = std::fs::read_to_string(&path).unwrap();
                found.push((path, source.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned()));
            }
        }
    }
    found
}

#[test]
fn a_value_is_put_in_as_it_is() {
    let said = Said::new("queue-row-unknown", &[("id", &"{id} {next}")]);
    said.check();
    assert_eq!(said.what(Language::En), "nothing in the queue has the id `{id} {next}`");
    assert_eq!(said.what(Language::Fr), "rien dans la file d'attente n'a l'identifiant `{id} {next}`");
    assert_eq!(said.next(Language::Fr), "prendre l'`id` que donne `pli queue list`");
}

#[test]
fn what_this_catalogue_does_not_have_is_known_to_be_missing() {
    let said = Said::new("of-a-newer-node", &[]);
    assert!(!said.is_known());
    assert_eq!(said.what(Language::Fr), "of-a-newer-node");
}

#[test]
fn every_phrase_is_one_of_another_crate() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let all: String = ["policy", "types", "mailflow", "signin"]
        .into_iter()
        .flat_map(|name| sources_in(crates.join(name).join("src")))
        // As the compiler joins a string that goes on in the next line; and documentation that is a text too.
        .map(|(_, source)| source.replace("\\\n", "\u{1}").replace("\\\"", "\""))
        .map(|source| source.split('\u{1}').map(str::trim_start).collect::<String>())
        .collect();
    let mut seen = BTreeSet::new();
    for phrase in phrases(PHRASES) {
        assert!(all.contains(&phrase.en), "no other crate says {:?}", phrase.en);
        assert!(!phrase.fr.is_empty() && seen.insert(phrase.en.clone()), "{:?} is there twice", phrase.en);
    }
}

#[test]
fn what_other_crates_say_is_said_in_french_too() {
    let certificates = [
        CertificateFault::Untrusted,
        CertificateFault::Expired,
        CertificateFault::NotYetValid,
        CertificateFault::Revoked,
        CertificateFault::WrongUse,
        CertificateFault::RevocationUnknown,
    ];
    let mut said: Vec<String> = certificates.iter().map(ToString::to_string).collect();
    assert_eq!(certificates.map(|fault| certificate_fault(fault).text(Language::En).into_owned()).to_vec(), said);
    said.extend(Reason::ALL.iter().flat_map(|reason| [reason.meaning(), reason.advice()]).map(str::to_owned));
    let met = [
        Fault::NoList,
        Fault::NotListed,
        Fault::NoMailHost,
        Fault::DnsSilent,
        Fault::NoConnection,
        Fault::NoGreeting,
        Fault::NoStarttls,
        Fault::NoHandshake,
        Fault::OtherName,
        Fault::OtherCertificate,
        Fault::OursNotTaken,
        Fault::NoAnswer,
        Fault::MailRefused(None),
        Fault::NotAsked,
        Fault::HintsWithoutOurs,
        Fault::NoTls12,
        Fault::FormNotTaken,
        Fault::LetsAnybodyIn,
    ];
    let met = met.into_iter().chain(certificates.map(Fault::Certificate));
    said.extend(met.flat_map(|fault| [fault.means(), fault.next()]).map(str::to_owned));
    said.extend(ScanFault::ALL.map(|fault| fault.told().to_owned()));
    for english in said {
        assert!(translated(&english).is_some(), "words/phrases.toml lacks the French of {english:?}");
    }
}

#[test]
fn every_command_and_argument_has_help_in_both_languages() {
    let texts = help::texts(&crate::cli::command(Language::En));
    let mut missing: Vec<String> = Vec::new();
    for (at, english) in &texts {
        if translated(english).is_none() {
            missing.push(format!("[[phrase]] # {at}\nen = {english:?}\nfr = \"\"\n"));
        }
    }
    missing.sort();
    missing.dedup();
    assert!(
        missing.is_empty(),
        "add the French of these to the noun's file in crates/pli/words/:\n\n{}",
        missing.join("\n")
    );
}

#[test]
fn every_phrase_of_our_own_files_is_one_of_the_help() {
    let help: BTreeSet<String> =
        help::texts(&crate::cli::command(Language::En)).into_iter().map(|(_, text)| in_one_line(&text)).collect();
    let mut seen = BTreeSet::new();
    for (file, text) in FILES.iter().filter(|(file, _)| *file != "tables.toml") {
        for phrase in phrases(text) {
            assert!(help.contains(&in_one_line(&phrase.en)), "words/{file}: no help says {:?}", phrase.en);
            assert!(
                !phrase.fr.is_empty() && seen.insert(phrase.en.clone()),
                "words/{file}: {:?} is there twice",
                phrase.en
            );
        }
    }
}

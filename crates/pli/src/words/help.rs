//! Help in the language of the reader: clap's pages, with our texts and clap's own words said again in French.
//!
//! English help is what stands beside the code. Its French is a `[[phrase]]` of the noun's file in `crates/pli/words/`.

use clap::builder::PossibleValue;
use clap::{Arg, ArgAction, Command};

use super::{Language, catalogue};

/// The whole command line, as it is shown to a reader of this language.
pub(crate) fn in_language(command: Command, language: Language) -> Command {
    match language {
        Language::En => command,
        Language::Fr => in_french(command),
    }
}

/// As clap's own page, with its one word for usage written the French way.
const FRENCH_PAGE: &str = "{before-help}{about-with-newline}\nUsage : {usage}\n\n{all-args}{after-help}";

fn in_french(command: Command) -> Command {
    let versioned = command.get_version().is_some();
    let about = command.get_about().map(|text| french(&text.to_string()));
    let after = command.get_after_help().map(|text| french(&text.to_string()));
    let mut command = command
        .help_template(FRENCH_PAGE)
        .subcommand_help_heading("Commandes")
        .subcommand_value_name("COMMANDE")
        .mut_args(arg)
        // Or else what follows would stand below the heading of the last ones.
        .next_help_heading(None)
        .mut_subcommands(in_french)
        .disable_help_flag(true)
        .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help).help("Afficher l'aide"));
    if versioned {
        let version = Arg::new("version").short('V').long("version").action(ArgAction::Version);
        command = command.disable_version_flag(true).arg(version.help("Afficher la version"));
    }
    if let Some(about) = about {
        command = command.about(about);
    }
    if let Some(after) = after {
        command = command.after_help(after);
    }
    command
}

fn arg(arg: Arg) -> Arg {
    let mut help = arg.get_help().map(|text| french(&text.to_string())).unwrap_or_default();
    let heading = arg.get_help_heading().and_then(catalogue::translated);
    let names: Option<Vec<&str>> =
        arg.get_value_names().and_then(|names| names.iter().map(|name| catalogue::translated(name)).collect());
    let takes_values = arg.get_action().takes_values();
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    if takes_values && !defaults.is_empty() && !arg.is_hide_default_value_set() {
        help = format!("{help} [par défaut : {}]", defaults.join(" "));
    }
    let values = arg.get_possible_values();
    let values: Vec<&str> = values.iter().filter(|value| !value.is_hide_set()).map(PossibleValue::get_name).collect();
    if takes_values && !values.is_empty() && !arg.is_hide_possible_values_set() {
        help = format!("{help} [valeurs : {}]", values.join(", "));
    }
    let mut arg = arg.help(help);
    if takes_values {
        arg = arg.hide_default_value(true).hide_possible_values(true);
        if let Some(names) = names {
            arg = arg.value_names(names);
        }
    }
    match heading {
        Some(heading) => arg.help_heading(heading),
        None => arg,
    }
}

fn french(english: &str) -> String {
    catalogue::translated(english).unwrap_or(english).to_owned()
}

/// Every English text of the command line that a reader meets, with the command that it stands at.
#[cfg(test)]
pub(super) fn texts(command: &Command) -> Vec<(String, String)> {
    let at = command.get_name();
    let mut found = Vec::new();
    let mut add = |text: String| found.push((at.to_owned(), text));
    command.get_about().into_iter().chain(command.get_after_help()).for_each(|text| add(text.to_string()));
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
        arg.get_help().into_iter().for_each(|text| add(text.to_string()));
        arg.get_help_heading().into_iter().for_each(|text| add(text.to_owned()));
        if arg.get_action().takes_values() {
            arg.get_value_names().unwrap_or_default().iter().for_each(|name| add(name.to_string()));
        }
    }
    found.extend(command.get_subcommands().flat_map(|below| {
        texts(below).into_iter().map(|(path, text)| (format!("{at} {path}"), text)).collect::<Vec<_>>()
    }));
    found
}

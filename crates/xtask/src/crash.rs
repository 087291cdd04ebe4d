//! `cargo xtask crash`: ends a node at point after point, and writes down what became of every `250`.

use std::fs;
use std::time::Instant;

use anyhow::{Context, ensure};

use crate::root;

const PAGE: &str = "docs/durability.md";
/// What stands between these two is the table.
const BEGINNING: &str = "<!-- Made by `cargo xtask crash --write`. -->\n";
const END: &str = "<!-- End of what was made. -->\n";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many rounds: a kill, a start and a reckoning each.
    #[arg(long, default_value_t = 1_000)]
    points: usize,
    /// Repeats a run: the same points, the same number of passes, the same sectors.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Writes the table into `docs/durability.md`.
    #[arg(long)]
    write: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    ensure!(cfg!(target_os = "linux"), "the disk that forgets needs Linux");
    let began = Instant::now();
    let table = campaign(args)?;
    println!("{table}\n{} rounds in {} s, seed {}", args.points, began.elapsed().as_secs(), args.seed);
    if args.write {
        let page = fs::read_to_string(root().join(PAGE)).with_context(|| format!("{PAGE} cannot be read"))?;
        fs::write(root().join(PAGE), with_table(&page, args, &table)?)?;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn campaign(args: &Args) -> anyhow::Result<String> {
    ensure!(e2e::disk::Disk::can_be(), "the disk that forgets needs root and /dev/fuse");
    let tell = |number: usize, round: &e2e::crash::Round| println!("{number} of {}: {}", args.points, round.name());
    Ok(e2e::crash::campaign(args.points, args.seed, tell)?.page())
}

#[cfg(not(target_os = "linux"))]
fn campaign(_: &Args) -> anyhow::Result<String> {
    Ok(String::new())
}

/// The page with another table.
fn with_table(page: &str, args: &Args, table: &str) -> anyhow::Result<String> {
    let (before, rest) = page.split_once(BEGINNING).with_context(|| format!("{PAGE} has no place for the table"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{PAGE} has no end of the table"))?;
    let Args { points, seed, .. } = args;
    let command = format!("`cargo xtask crash --points {points} --seed {seed} --write`");
    Ok(format!("{before}{BEGINNING}\n{command}:\n\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_table_takes_the_place_of_the_old_one_only() {
        let page = format!("before\n{BEGINNING}old\n{END}after\n");
        let args = Args { points: 5, seed: 2, write: true };
        let new = with_table(&page, &args, "| new |\n").unwrap();
        assert!(new.starts_with("before\n") && new.ends_with("after\n"), "{new}");
        assert!(new.contains("| new |") && new.contains("--seed 2") && !new.contains("old"), "{new}");
    }
}

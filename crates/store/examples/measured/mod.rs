//! What the examples that measure have in common.

#![allow(dead_code, reason = "each takes its part")]

pub(crate) mod seals;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use pli_store::{Config, Store};
use pli_types::SystemClock;

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A folder of this name in the one that the first argument names: the disk that is meant, or the system's temporary one.
pub(crate) fn folder(name: &str) -> PathBuf {
    std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into).join(name)
}

/// A store with nothing in it, in a folder that is made anew.
pub(crate) async fn empty_store(folder: &Path) -> Outcome<Arc<dyn Store>> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder)?;
    open_store(folder).await
}

/// The store in this folder, made if there is none.
pub(crate) async fn open_store(folder: &Path) -> Outcome<Arc<dyn Store>> {
    let master_key = folder.join("master.key");
    std::fs::write(&master_key, "5a".repeat(32))?;
    #[cfg(unix)]
    std::fs::set_permissions(&master_key, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let url = format!("sqlite://{}", folder.join("pli.db").display());
    Ok(pli_store::open(&Config { url, master_key }, Arc::new(SystemClock)).await?)
}

/// The store of a sandbox's operator, in this folder.
pub(crate) fn store_of(node: &Path) -> Config {
    let url = format!("sqlite://{}", node.join("store/pli.db").display());
    Config { url, master_key: node.join("keys/master.key") }
}

/// A line of figures.
pub(crate) fn tell(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    println!("{what:<22} median {:>8.0?}  p99 {:>8.0?}", at(50), at(99));
}

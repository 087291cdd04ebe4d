//! Which real peers are on this machine.

use std::path::{Path, PathBuf};

/// Where `tests/scripts/exim` puts what cannot be installed beside Postfix, and `tests/scripts/promtool` what would start a
/// server.
const UNPACKED: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/.peers/exim4/usr/sbin"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/.peers/prometheus"),
];

/// The program's place in the path (the system's folders too, which a plain user's path may lack).
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/bin", "/usr/lib/postfix/sbin"].map(PathBuf::from))
        .chain(UNPACKED.map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// The folder with the reference data (a real trust list, official CDA samples), if `PLI_REFERENCE_DATA` names one.
pub fn reference_data() -> Option<PathBuf> {
    std::env::var_os("PLI_REFERENCE_DATA").map(PathBuf::from).filter(|folder| folder.is_dir())
}

/// Is this process root's? (Postfix starts for nobody else.)
#[must_use]
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(Path::new("/proc/self")).is_ok_and(|meta| meta.uid() == 0)
}

//! What a server gives as a revocation list, or a peer as a certificate: never a panic, never long.

#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pli_net::{Pki, PkiConfig, certificate_details};

static PKI: LazyLock<Pki> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pki");
    let config = PkiConfig::new(folder.join("root.pem"), folder.join("organisations.pem"));
    Pki::load(&config, &folder.join("no-state")).expect("the authorities are good")
});

fuzz_target!(|bytes: &[u8]| {
    let signer = PKI.signer_of_list(bytes);
    let certificate = certificate_details(bytes);
    assert!(signer.is_err() || certificate.is_none(), "a list and a certificate at once");
});

//! What a seeded folder holds, short of the stores.

use std::sync::OnceLock;

use pli_net::{Pki, PkiConfig};
use pli_types::{CertificateFault, CertificateUse};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::*;

/// One folder for all tests that only look: its two dozen RSA keys take a while.
fn made() -> (&'static Path, &'static Manifest) {
    static MADE: OnceLock<(tempfile::TempDir, Manifest)> = OnceLock::new();
    let (dir, manifest) = MADE.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let now = "2026-03-14T09:00:00Z".parse().unwrap();
        let mut ports = Reserved::default();
        let manifest = Maker::new(dir.path(), &mut ports, now).unwrap().make(&mut ports).unwrap();
        (dir, manifest)
    });
    (dir.path(), manifest)
}

#[test]
fn the_whitelist_names_every_operator_and_leaves_each_bad_peer_its_own_fault_only() {
    let of = |domain: &str| -> Vec<String> {
        entries().into_iter().filter(|entry| entry.domain == domain).map(|entry| entry.certificate_name).collect()
    };
    assert_eq!(of(cast::HOSPITAL_DOMAIN), [operator_subject(&cast::OPERATORS[0]).text()]);
    assert_eq!(of(cast::OTHER_DOMAIN).len(), 1);
    let listed: Vec<_> = of(cast::PEER_DOMAIN);
    for role in &cast::PEERS {
        let expected = !matches!(role.name, "unlisted" | "wrong-domain" | "listed-two-domains");
        assert_eq!(listed.contains(&listed_name(role)), expected, "{}", role.name);
    }
    let two = cast::PEERS.iter().find(|role| role.name == "listed-two-domains").unwrap();
    for domain in cast::TWO_DOMAINS {
        assert_eq!(of(domain), [listed_name(two)]);
    }
}

#[test]
fn one_entry_is_spelled_otherwise_than_its_certificate_and_means_the_same_name() {
    let role = cast::PEERS.iter().find(|role| role.spelling == Spelling::Other).unwrap();
    let (certificate, list) = (peer_subject(role).text(), listed_name(role));
    assert_ne!(certificate.to_lowercase(), list.to_lowercase());
    let name = |text: &str| pli_types::DistinguishedName::parse(text).unwrap();
    assert_eq!(name(&certificate), name(&list));
}

#[test]
fn a_relay_finds_in_each_bad_certificate_the_fault_that_it_is_named_after() {
    let (dir, manifest) = made();
    let config = PkiConfig::new(dir.join("pki/root.pem"), dir.join("pki/organisations.pem"));
    let pki = Pki::load(&config.with_crl(dir.join("pki/crl.pem")), &dir.join("state")).unwrap();
    let now = "2026-03-14T09:00:00Z".parse().unwrap();
    let judge = |path: &str, usage| {
        let chain = CertificateDer::pem_file_iter(dir.join(path)).unwrap().map(Result::unwrap).collect::<Vec<_>>();
        pki.judge(&pli_net::peer::presented(&chain).unwrap(), usage, now)
    };
    for (name, expected) in [
        ("listed", Ok(())),
        ("unlisted", Ok(())),
        ("wrong-domain", Ok(())),
        ("expired", Err(CertificateFault::Expired)),
        ("not-yet-valid", Err(CertificateFault::NotYetValid)),
        ("revoked", Err(CertificateFault::Revoked)),
        ("self-signed", Err(CertificateFault::Untrusted)),
        ("personne", Err(CertificateFault::Untrusted)),
        ("listed-second", Ok(())),
        ("listed-two-domains", Ok(())),
        ("listed-otherwise-spelled", Ok(())),
        ("no-crl-point", Ok(())),
        ("public-ca", Err(CertificateFault::Untrusted)),
    ] {
        for usage in [CertificateUse::Client, CertificateUse::Server] {
            assert_eq!(judge(&manifest.peers[name].certificate, usage), expected, "{name} as {usage:?}");
        }
    }
    for (name, good, bad) in [
        ("server-auth-only", CertificateUse::Server, CertificateUse::Client),
        ("client-auth-only", CertificateUse::Client, CertificateUse::Server),
    ] {
        let certificate = &manifest.peers[name].certificate;
        assert_eq!(judge(certificate, good), Ok(()), "{name}");
        assert_eq!(judge(certificate, bad), Err(CertificateFault::WrongUse), "{name}");
    }
    let program = manifest.accounts.iter().find_map(|account| account.certificate.as_deref()).unwrap();
    assert_eq!(judge(program, CertificateUse::Client), Ok(()));
    assert_eq!(judge(program, CertificateUse::Server), Err(CertificateFault::WrongUse));
    for operator in &manifest.operators {
        assert_eq!(judge(&operator.certificate, CertificateUse::Server), Ok(()));
    }
}

#[test]
fn every_path_of_the_manifest_exists_and_keys_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, manifest) = made();
    let mut paths = vec![manifest.ca.clone(), manifest.crl.clone(), manifest.whitelist.clone()];
    let mut keys = vec!["pki/root.key".to_owned(), "pro/keys/master.key".to_owned(), "pro/keys/masking.key".to_owned()];
    for operator in &manifest.operators {
        paths.extend([operator.config.clone(), operator.certificate.clone()]);
        keys.push(operator.key.clone());
    }
    for peer in manifest.peers.values() {
        paths.push(peer.certificate.clone());
        keys.push(peer.key.clone());
    }
    for connector in &manifest.connectors {
        paths.push(connector.certificate.clone());
        keys.push(connector.key.clone());
    }
    for account in &manifest.accounts {
        paths.extend(account.certificate.clone());
        keys.extend(account.key.clone());
    }
    for path in &paths {
        assert!(dir.join(path).is_file(), "{path}");
    }
    for key in &keys {
        let mode = fs::metadata(dir.join(key)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
}

#[test]
fn no_two_listeners_have_the_same_port() {
    let (_, manifest) = made();
    let mut ports: Vec<u16> = manifest.operators.iter().flat_map(|operator| operator.ports.all()).collect();
    ports.extend(manifest.peers.values().filter_map(|peer| peer.port));
    ports.extend(manifest.connectors.iter().map(|connector| connector.port));
    let crl_url = manifest.crl_url.as_deref().unwrap();
    ports.push(crl_url.strip_prefix("http://127.0.0.1:").unwrap().strip_suffix("/crl").unwrap().parse().unwrap());
    let count = ports.len();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!((count, ports.len()), (21, 21));
}

#[test]
fn an_operator_has_a_route_to_every_domain_of_the_list_but_its_own() {
    let (dir, manifest) = made();
    let text = files::read(&dir.join("pro/pli.toml")).unwrap();
    let config: toml::Table = text.parse().unwrap();
    let mut routed: Vec<&str> =
        config["route"].as_array().unwrap().iter().map(|route| route["domain"].as_str().unwrap()).collect();
    routed.sort_unstable();
    let [first, second] = cast::TWO_DOMAINS;
    let others =
        [cast::OTHER_DOMAIN, "clinique-voisine.mssante.fr", first, "patient.mssante.fr", cast::PEER_DOMAIN, second];
    assert_eq!(routed, others);
    assert_eq!(config["connector"][0]["domains"][0].as_str(), Some(cast::HOSPITAL_DOMAIN));
    assert_eq!(
        config["listener"]["smtp"]["address"].as_str().unwrap(),
        format!("127.0.0.1:{}", manifest.operators[0].ports.smtp)
    );
}

#[test]
fn a_folder_with_something_else_in_it_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    files::write(&dir.path().join("thesis.txt"), "years of work").unwrap();
    assert!(refuse_other_peoples_folder(dir.path()).unwrap_err().to_string().contains("neither empty"));
}

#[test]
fn the_manifest_reads_back_and_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let (_, manifest) = made();
    assert!(Manifest::load(dir.path()).unwrap().is_none());
    manifest.save(dir.path()).unwrap();
    let back = Manifest::load(dir.path()).unwrap().unwrap();
    assert_eq!(serde_json::to_value(&back).unwrap(), serde_json::to_value(manifest).unwrap());
    let path = dir.path().join(crate::manifest::FILE);
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    let json = serde_json::to_value(manifest).unwrap();
    assert_eq!(json["accounts"][0]["type"], "ORG");
    assert_eq!(json["patients"][0]["space"], "open");
    assert!(json["peers"]["listed"]["port"].is_u64() && json["peers"]["expired"].get("port").is_none());
    assert_eq!(json["peers"]["listed-two-domains"]["domain"], cast::TWO_DOMAINS[0]);
    assert_eq!(json["peers"]["listed-two-domains"]["domains"], serde_json::json!(cast::TWO_DOMAINS));
    assert!(json["peers"]["listed"].get("domains").is_none());
}

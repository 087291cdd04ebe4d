//! What a seeded folder holds, short of the stores.

use super::*;

fn make(dir: &Path) -> Manifest {
    let now = "2026-03-14T09:00:00Z".parse().unwrap();
    Maker { dir, now, pki: TestPki::generate(now).unwrap() }.make(&mut Reserved::default()).unwrap()
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
        let expected = !matches!(role.name, "unlisted" | "wrong-domain");
        assert_eq!(listed.contains(&peer_subject(role).text()), expected, "{}", role.name);
    }
}

#[test]
fn every_path_of_the_manifest_exists_and_keys_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let manifest = make(dir.path());
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
        assert!(dir.path().join(path).is_file(), "{path}");
    }
    for key in &keys {
        let mode = fs::metadata(dir.path().join(key)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
}

#[test]
fn no_two_listeners_have_the_same_port() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = make(dir.path());
    let mut ports: Vec<u16> = manifest.operators.iter().flat_map(|operator| operator.ports.all()).collect();
    ports.extend(manifest.peers.values().filter_map(|peer| peer.port));
    ports.extend(manifest.connectors.iter().map(|connector| connector.port));
    let count = ports.len();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!((count, ports.len()), (20, 20));
}

#[test]
fn an_operator_has_a_route_to_every_domain_of_the_list_but_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = make(dir.path());
    let text = files::read(&dir.path().join("pro/pli.toml")).unwrap();
    let config: toml::Table = text.parse().unwrap();
    let mut routed: Vec<&str> =
        config["route"].as_array().unwrap().iter().map(|route| route["domain"].as_str().unwrap()).collect();
    routed.sort_unstable();
    assert_eq!(routed, [cast::OTHER_DOMAIN, "clinique-voisine.mssante.fr", "patient.mssante.fr", cast::PEER_DOMAIN]);
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
    assert!(Manifest::load(dir.path()).unwrap().is_none());
    let manifest = make(dir.path());
    manifest.save(dir.path()).unwrap();
    let back = Manifest::load(dir.path()).unwrap().unwrap();
    assert_eq!(serde_json::to_value(&back).unwrap(), serde_json::to_value(&manifest).unwrap());
    let path = dir.path().join(crate::manifest::FILE);
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    let json = serde_json::to_value(&manifest).unwrap();
    assert_eq!(json["accounts"][0]["type"], "ORG");
    assert_eq!(json["patients"][0]["space"], "open");
    assert!(json["peers"]["listed"]["port"].is_u64() && json["peers"]["expired"].get("port").is_none());
}

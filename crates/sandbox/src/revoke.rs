//! `pli sandbox --revoke`: puts a certificate on its authority's revocation list, as the authority would.

use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;
use pli_types::DistinguishedName;

use crate::crl::{BACKDATED, Lists, Revoked};
use crate::fault::Fault;
use crate::files;
use crate::manifest::Manifest;
use crate::pki::{TestPki, later};

/// Revokes the first certificate of a PEM file; gives its subject. One that is revoked already stays so.
///
/// Works beside a running sandbox: what is served, and read by the operators, is the file that is replaced here.
pub fn revoke(dir: &Path, certificate: &Path, now: Timestamp) -> anyhow::Result<String> {
    let manifest = Manifest::load(dir)?.ok_or_else(|| Fault::Usage(format!("{} is no sandbox", dir.display())))?;
    let pki = TestPki::load(&dir.join("pki"))?;
    let (entry, subject) = read(certificate, now)?;
    if !pki.has_authority(&entry.issuer)? {
        return Err(
            Fault::Usage(format!("{} was signed by no authority of this sandbox", certificate.display())).into()
        );
    }
    let path = dir.join(&manifest.crl);
    let mut lists = Lists::parse(&files::read(&path)?).with_context(|| format!("{} cannot be read", path.display()))?;
    if !lists.revoked.iter().any(|known| (&known.issuer, &known.serial) == (&entry.issuer, &entry.serial)) {
        lists.revoked.push(entry);
    }
    // Never before the lists that these replace, whoever made those: relays keep the younger ones.
    let now = now.max(later(lists.this_update, BACKDATED));
    files::write(&path, pki.revocation_lists(&lists.revoked, now)?)?;
    Ok(subject)
}

fn read(certificate: &Path, now: Timestamp) -> anyhow::Result<(Revoked, String)> {
    let no_certificate = || Fault::Usage(format!("{} does not begin with a certificate", certificate.display()));
    let text = files::read(certificate)?;
    let (_, pem) = x509_parser::pem::parse_x509_pem(text.as_bytes()).map_err(|_| no_certificate())?;
    let leaf = pem.parse_x509().map_err(|_| no_certificate())?;
    let mut attributes: Vec<_> = leaf
        .subject()
        .iter_attributes()
        .filter_map(|attribute| Some((attribute.attr_type().to_id_string(), attribute.as_str().ok()?.to_owned())))
        .collect();
    // RFC 4514 §2.1 begins with the last.
    attributes.reverse();
    let subject = DistinguishedName::from_attributes(attributes).map(|name| name.to_string()).unwrap_or_default();
    let (issuer, serial) = (leaf.issuer().as_raw().to_vec(), leaf.raw_serial().to_vec());
    Ok((Revoked { issuer, serial, since: now }, subject))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::pki::{Branch, DEPARTMENT, Leaf, Purpose, Subject};

    fn now() -> Timestamp {
        "2026-03-14T09:00:00Z".parse().unwrap()
    }

    /// A folder with authorities, their lists as of `now`, and a leaf in `leaf.pem`.
    fn folder(branch: Branch) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let pki = TestPki::generate(now()).unwrap();
        pki.write(&dir.path().join("pki")).unwrap();
        Manifest::empty().save(dir.path()).unwrap();
        files::write(&dir.path().join("pki/crl.pem"), pki.revocation_lists(&[], now()).unwrap()).unwrap();
        let subject = Subject {
            common_name: "mss.pro.test".into(),
            structure: "1990000010".into(),
            organisation: "OPERATEUR".into(),
            department: DEPARTMENT.into(),
        };
        let issued = pki.issue(&Leaf { branch, ..Leaf::now(&subject, Purpose::Server, now()) }).unwrap();
        issued.write(&dir.path().join("leaf.pem"), &dir.path().join("leaf.key")).unwrap();
        dir
    }

    fn lists(dir: &Path) -> Lists {
        Lists::parse(&files::read(&dir.join("pki/crl.pem")).unwrap()).unwrap()
    }

    #[test]
    fn a_certificate_is_revoked_once_and_never_by_an_older_list() {
        let dir = folder(Branch::Organisations);
        let certificate = dir.path().join("leaf.pem");
        let before = lists(dir.path());
        let subject = revoke(dir.path(), &certificate, now()).unwrap();
        assert_eq!(subject, "CN=mss.pro.test,OU=1990000010,O=OPERATEUR,ST=Paris (75),C=FR");
        let first = lists(dir.path());
        assert_eq!((before.revoked.len(), first.revoked.len()), (0, 1));

        // A clock that goes back makes no list that is older than the one there.
        revoke(dir.path(), &certificate, later(now(), SignedDuration::from_hours(-10))).unwrap();
        let second = lists(dir.path());
        assert_eq!(second.revoked, first.revoked);
        assert!(before.this_update <= first.this_update && first.this_update <= second.this_update);
    }

    #[test]
    fn what_no_authority_of_the_sandbox_signed_is_refused() {
        let dir = folder(Branch::Stranger);
        for file in ["leaf.pem", "leaf.key"] {
            let error = revoke(dir.path(), &dir.path().join(file), now()).unwrap_err();
            assert!(matches!(error.downcast_ref(), Some(Fault::Usage(_))), "{error:#}");
        }
        let elsewhere = tempfile::tempdir().unwrap();
        let error = revoke(elsewhere.path(), &dir.path().join("leaf.pem"), now()).unwrap_err();
        assert!(error.to_string().ends_with("is no sandbox"), "{error:#}");
    }
}

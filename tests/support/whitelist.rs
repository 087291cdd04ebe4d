//! Trust lists: a sandbox's own, changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};

use crate::authority::{Issued, replace};
use crate::command::succeed;

/// The text of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whitelist(pub String);

impl Whitelist {
    /// As it stands in a file.
    pub fn read(file: &Path) -> Result<Self> {
        Ok(Self(std::fs::read_to_string(file)?))
    }

    /// Its `DateDeGeneration`.
    pub fn date(&self) -> Result<Timestamp> {
        let date = between(&self.0, "<DateDeGeneration>", "</DateDeGeneration>").context("no date")?;
        Ok(date.parse()?)
    }

    /// Made so many seconds later, or earlier.
    pub fn later(&self, seconds: i64) -> Result<Self> {
        let (old, new) = (self.date()?, self.date()?.checked_add(SignedDuration::from_secs(seconds))?);
        self.replaced(&format!("<DateDeGeneration>{old}<"), &format!("<DateDeGeneration>{new}<"))
    }

    /// Another text in one place at least.
    pub fn replaced(&self, old: &str, new: &str) -> Result<Self> {
        let changed = self.0.replace(old, new);
        ensure!(changed != self.0, "the list does not hold {old:?}");
        Ok(Self(changed))
    }

    /// The entries, each a `<Domaine>` element.
    pub fn entries(&self) -> impl Iterator<Item = &str> {
        self.0.split_inclusive("</Domaine>").filter_map(|part| part.find("<Domaine>").and_then(|at| part.get(at..)))
    }

    /// Each domain once.
    #[must_use]
    pub fn domains(&self) -> BTreeSet<&str> {
        self.entries().filter_map(|entry| between(entry, "<Nom>", "</Nom>")).collect()
    }

    /// Without any entry of this domain.
    pub fn without(&self, domain: &str) -> Result<Self> {
        let name = format!("<Nom>{domain}</Nom>");
        let entries: Vec<&str> = self.entries().filter(|entry| entry.contains(&name)).collect();
        ensure!(!entries.is_empty(), "{domain} is not listed");
        Ok(Self(entries.into_iter().fold(self.0.clone(), |list, entry| list.replace(entry, ""))))
    }

    /// With one more entry.
    pub fn with(&self, domain: &str, certificate_name: &str) -> Result<Self> {
        let entry = format!(
            "<Domaine><Nom>{domain}</Nom><Description>ESSAI</Description><DNCertificatOperateur>{}</DNCertificatOperateur>\
             <ResponsableContact>00 00 00 00 00, contact@example.org</ResponsableContact>\
             <SupportContact>00 00 00 00 00, support@example.org</SupportContact><DateMAJ>2026-01-01T00:00:00Z</DateMAJ></Domaine>",
            certificate_name.replace('&', "&amp;").replace('<', "&lt;")
        );
        self.replaced("</ListeDomaines>", &format!("{entry}</ListeDomaines>"))
    }

    /// The name that is listed for a domain, the first of them.
    pub fn name_of(&self, domain: &str) -> Result<&str> {
        let name = format!("<Nom>{domain}</Nom>");
        let entry = self.entries().find(|entry| entry.contains(&name)).with_context(|| format!("no entry {domain}"))?;
        between(entry, "<DNCertificatOperateur>", "</DNCertificatOperateur>").context("an entry without a name")
    }

    /// Puts it in the place of the file.
    pub fn publish(&self, file: &Path) -> Result<()> {
        replace(file, &self.0)
    }

    /// Signed as a whole by xmlsec1: enveloped, exclusive C14N, RSA and SHA-256 (XML Signature 1.1, spec §3.3).
    pub fn signed(&self, signer: &Issued) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (template, out): (PathBuf, PathBuf) =
            (folder.path().join("template.xml"), folder.path().join("signed.xml"));
        let unsigned = self.replaced("</ListeBlancheMSSante>", &format!("{SIGNATURE}</ListeBlancheMSSante>"))?;
        std::fs::write(&template, unsigned.0)?;
        let leaf = leaf_of(&signer.certificate, folder.path())?;
        let key = format!("{},{}", signer.key.display(), leaf.display());
        succeed(Command::new("xmlsec1").args(["--sign", "--privkey-pem", &key, "--output"]).arg(&out).arg(&template))?;
        Self::read(&out)
    }
}

/// xmlsec1 takes one certificate with a key.
fn leaf_of(chain: &Path, folder: &Path) -> Result<PathBuf> {
    let leaf = folder.join("leaf.pem");
    succeed(Command::new("openssl").arg("x509").arg("-in").arg(chain).arg("-out").arg(&leaf))?;
    Ok(leaf)
}

/// What xmlsec1 fills in.
const SIGNATURE: &str = "<Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><SignedInfo>\
<CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
<SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>\
<Reference URI=\"\"><Transforms>\
<Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>\
<Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></Transforms>\
<DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><DigestValue/></Reference></SignedInfo>\
<SignatureValue/><KeyInfo><X509Data><X509Certificate/></X509Data></KeyInfo></Signature>";

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(found, _)| found)
}

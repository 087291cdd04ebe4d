//! Trust lists made for measuring: as large as asked for, in the shape of the national one, unsigned or signed.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use pli_directory::SignerJudge;
use pli_net::{Pki, PkiConfig};
use pli_sandbox::pki::{DEPARTMENT, Leaf, Purpose, Subject, TestPki};
use pli_types::{DistinguishedName, Domain};

/// One domain in so many entries has a second name.
const SECOND_NAMES: usize = 6;
/// Entries that share a certificate name, as in the list of the field (R-SMTP-4).
const ENTRIES_A_NAME: usize = 20;
/// From one list to the next, one entry in so many moves to another operator.
const MOVES: usize = 10;

/// The list number `edition`, of this date.
pub(crate) fn xml(entries: usize, edition: usize, at: Timestamp) -> Result<String> {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ListeBlancheMSSante xmlns=\"https://listeblanche.mssante.fr/schema\">\n\
         \x20   <DateDeGeneration>{at:.0}</DateDeGeneration>\n    <ListeDomaines>\n"
    );
    for entry in 0..entries {
        let (domain, name) = (domain(entries, entry), name(entries, entry, edition));
        write!(
            out,
            "        <Domaine>\n\
             \x20           <Nom>{domain}</Nom>\n\
             \x20           <Description>Etablissement de sante numero {entry}</Description>\n\
             \x20           <DNCertificatOperateur>{name}</DNCertificatOperateur>\n\
             \x20           <ResponsableContact>00 00 00 00 00, responsable.securite@etablissement.example.org</ResponsableContact>\n\
             \x20           <SupportContact>00 00 00 00 00, support.messagerie@etablissement.example.org</SupportContact>\n\
             \x20           <DateMAJ>{at:.0}</DateMAJ>\n\
             \x20       </Domaine>\n"
        )?;
    }
    out.push_str("    </ListeDomaines>\n</ListeBlancheMSSante>\n");
    Ok(out)
}

fn domain(entries: usize, entry: usize) -> String {
    // The last entries name domains of the first ones once more.
    let distinct = entries - entries / SECOND_NAMES;
    format!("etablissement-{}.mssante.fr", entry % distinct)
}

fn name(entries: usize, entry: usize, edition: usize) -> String {
    let moved = if entry.is_multiple_of(MOVES) { edition } else { 0 };
    // A second name is another than the first.
    let second = usize::from(entry >= entries - entries / SECOND_NAMES);
    let number = (entry + moved + second) % (entries / ENTRIES_A_NAME).max(2);
    format!(
        "CN=mss{number}.operateur.example,OU=1{number:09},O=L'OPERATEUR NUMERO {number},ST=Bouches-du-Rhône (13),C=FR"
    )
}

/// What a relay asks at each `MAIL`: domains with a name that speaks for them, or with one that speaks for others.
pub(crate) fn questions(entries: usize, count: usize, listed: bool) -> Result<Vec<(Domain, DistinguishedName)>> {
    let distinct = entries - entries / SECOND_NAMES;
    (0..count)
        .map(|number| {
            // Spread over the whole list, so that no processor cache answers.
            let entry = number * 7_919 % distinct;
            let named = if listed { entry } else { entry + 2 };
            Ok((Domain::parse(&domain(entries, entry))?, DistinguishedName::parse(&name(entries, named, 0))?))
        })
        .collect()
}

/// A publisher's key, and the authorities that its certificate chains to, in a folder.
pub(crate) struct Signer<'a> {
    folder: &'a Path,
}

impl<'a> Signer<'a> {
    pub(crate) fn new(folder: &'a Path, now: Timestamp) -> Result<Self> {
        let pki = TestPki::generate(now)?;
        pki.write(folder)?;
        let subject = Subject {
            common_name: "cachet.example".to_owned(),
            structure: "1990000010".to_owned(),
            organisation: "QUI PUBLIE LA LISTE".to_owned(),
            department: DEPARTMENT.to_owned(),
        };
        let issued = pki.issue(&Leaf::now(&subject, Purpose::Server, now))?;
        issued.write(&folder.join("signer.pem"), &folder.join("signer.key"))?;
        std::fs::write(folder.join("crl.pem"), pki.revocation_lists(&[], now)?)?;
        Ok(Self { folder })
    }

    /// Judges as the relay does: chain, dates, revocation.
    pub(crate) fn judge(&self) -> Result<Judge> {
        let file = |name: &str| self.folder.join(name);
        let config = PkiConfig::new(file("root.pem"), file("organisations.pem")).with_crl(file("crl.pem"));
        Ok(Judge(Pki::load(&config, &file("state"))?))
    }

    /// Signed by `xmlsec1`: enveloped, exclusive C14N, RSA with SHA-256.
    pub(crate) fn sign(&self, list: &str) -> Result<String> {
        let file = self.folder.join("template.xml");
        let end = "</ListeBlancheMSSante>";
        std::fs::write(&file, list.replacen(end, &format!("{TEMPLATE}{end}"), 1))?;
        let output = Command::new("xmlsec1")
            .current_dir(self.folder)
            .args(["--sign", "--privkey-pem", "signer.key,signer.pem"])
            .arg(&file)
            .output()
            .context("xmlsec1")?;
        ensure!(output.status.success(), "xmlsec1: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?)
    }

    /// What verifies a signed list as we do, the revocation list apart, which `xmlsec1` is not told.
    pub(crate) fn verifier(&self) -> Command {
        let mut command = Command::new("xmlsec1");
        command.current_dir(self.folder).args(["--verify", "--enabled-key-data", "x509"]);
        command.args(["--trusted-pem", "root.pem", "--untrusted-pem", "organisations.pem"]);
        command
    }
}

/// The relay's own judgement of a signer.
#[derive(Debug)]
pub(crate) struct Judge(Pki);

impl SignerJudge for Judge {
    fn judge(&self, der: &[u8], now: Timestamp) -> Result<DistinguishedName, String> {
        self.0.judge_signer(der, now).map(|certificate| certificate.subject).map_err(|fault| fault.to_string())
    }
}

/// A list is so much younger than the one before.
pub(crate) const BETWEEN_EDITIONS: SignedDuration = SignedDuration::from_mins(1);

const TEMPLATE: &str = r#"<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>
<CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>
<Reference URI=""><Transforms>
<Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>
<Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>
</Transforms><DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue/></Reference>
</SignedInfo><SignatureValue/><KeyInfo><X509Data><X509Certificate/></X509Data></KeyInfo></Signature>"#;

//! The verdicts on signed lists beside those of `xmlsec1`, the program that the field uses. Without it, these tests are
//! listed as ignored.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]
#![allow(clippy::similar_names, reason = "who signs, and what is signed")]

#[path = "support/lists.rs"]
mod lists;
#[path = "support/signer.rs"]
#[expect(dead_code, reason = "shared with the tests of signatures, which use more of it")]
mod signer;

use std::path::Path;
use std::process::{Command, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use pli_directory::{ListFault, ListRules, Signature, SignatureRule, check};
use tempfile::TempDir;

use crate::lists::{at, list, list_of};
use crate::signer::{Believed, Signer, Template, append, publisher, transform};

fn main() {
    let absent = Command::new("xmlsec1").arg("--version").output().is_err();
    let trial = |name: &str, test: fn() -> Result<(), Failed>| {
        Trial::test(name, test).with_ignored_flag(absent).with_kind("needs xmlsec1")
    };
    let trials = vec![
        trial("both_say_the_same_of_each_list", both_say_the_same),
        trial("a_list_that_xmlsec1_signed_is_taken", made_elsewhere_is_taken),
        trial("a_list_that_xmlsec1_signed_with_sha_1_is_not_taken", sha_1_is_not_taken),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// A signer, with its key and certificate in files.
struct Bench {
    folder: TempDir,
    signer: Signer,
}

impl Bench {
    fn new(signer: Signer) -> Result<Self, Failed> {
        let folder = TempDir::new()?;
        std::fs::write(folder.path().join("certificate.pem"), signer.certificate_pem())?;
        std::fs::write(folder.path().join("key.pem"), signer.key_pem())?;
        Ok(Self { folder, signer })
    }

    fn xmlsec1(&self, arguments: &[&str], text: &str) -> Result<Output, Failed> {
        let file = self.folder.path().join("list.xml");
        std::fs::write(&file, text)?;
        let mut command = Command::new("xmlsec1");
        command
            .current_dir(self.folder.path())
            .args(arguments)
            .arg("--id-attr:Id")
            .arg("https://listeblanche.mssante.fr/schema:ListeBlancheMSSante");
        Ok(command.arg(Path::new("list.xml")).output()?)
    }

    /// Does it verify with this certificate's key?
    fn theirs(&self, text: &str) -> Result<bool, Failed> {
        let verify = ["--verify", "--enabled-key-data", "x509", "--pubkey-cert-pem", "certificate.pem"];
        Ok(self.xmlsec1(&verify, text)?.status.success())
    }

    fn ours(&self, text: &str) -> Result<Signature, ListFault> {
        let rules = ListRules { signature: SignatureRule::Required, ..ListRules::default() };
        check(text.as_bytes(), &rules, &Believed::only(&self.signer), at(0)).map(|checked| checked.signature)
    }

    fn made_by_xmlsec1(&self, template: &str) -> Result<String, Failed> {
        let output = self.xmlsec1(&["--sign", "--privkey-pem", "key.pem,certificate.pem"], template)?;
        if output.status.success() {
            Ok(String::from_utf8(output.stdout)?)
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
        }
    }
}

fn both_say_the_same() -> Result<(), Failed> {
    for signer in [Signer::ecdsa("a"), Signer::rsa("b")] {
        let bench = Bench::new(signer)?;
        let signed = bench.signer.sign(&list(8, 0..50));
        let accents =
            list_of("2026-03-14T08:00:00Z", &[("a.fr", "CN=a,O=L&apos;H&#244;pital &amp; Cie,ST=Rhône (69)")]);
        let template = Template { uri: "#list".into(), ..Template::new(&bench.signer) };
        let with_id =
            list(8, 0..5).replace("<ListeBlancheMSSante ", "<ListeBlancheMSSante Id=\"list\" xmlns:x=\"urn:x\" ");
        let by_id = bench.signer.fill(&template.enclosed_by(&with_id));
        let good = [
            signed.clone(),
            bench.signer.sign(&accents),
            bench.signer.sign(&accents.replace('\n', "\r\n").replace("a.fr", "<![CDATA[a]]>.fr")),
            by_id.clone(),
            signed.replacen("<ListeDomaines>", "<ListeDomaines ><!-- a remark -->", 1),
        ];
        let bad = [
            signed.replacen("d7.", "d8.", 1),
            signed.replacen("<ListeDomaines>", "<ListeDomaines> ", 1),
            signed.replacen("08:00:00Z", "09:00:00Z", 1),
            append(&list(9, 0..3), by_id.split_once("?>").unwrap().1.trim()),
            Signer::ecdsa("a").sign(&list(8, 0..50)),
        ];
        for text in good {
            assert!(bench.theirs(&text)?, "xmlsec1 takes it:\n{text}");
            assert_eq!(bench.ours(&text), Ok(Signature::Valid { signer: publisher() }), "{text}");
        }
        for (number, text) in bad.iter().enumerate() {
            // The fourth, a signed list within another, it takes: it says that a signature holds, not for what.
            assert_eq!(bench.theirs(text)?, number == 3, "xmlsec1 on the bad list {number}");
            assert!(bench.ours(text).is_err(), "bad list {number}");
        }
    }
    Ok(())
}

fn made_elsewhere_is_taken() -> Result<(), Failed> {
    for signer in [Signer::ecdsa("a"), Signer::rsa("b")] {
        let bench = Bench::new(signer)?;
        for list in [list(8, 0..50), list(8, 0..50).replace('\n', "\r\n")] {
            let template = Template { key_info: "<ds:X509Data/>".into(), ..Template::new(&bench.signer) };
            let prefixes =
                "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"x\"/>";
            let taken_along =
                transform("Transform", signer::EXCLUSIVE).replace("/>", &format!(">{prefixes}</ds:Transform>"));
            let with_prefixes =
                Template { transforms: vec![template.transforms[0].clone(), taken_along], ..template.clone() };
            let list = list.replace("<ListeB", "<?remark?><ListeB").replace("schema\">", "schema\" xmlns:x=\"urn:x\">");
            for template in [template, with_prefixes] {
                let signed = bench.made_by_xmlsec1(&template.enclosed_by(&list))?;
                assert_eq!(bench.ours(&signed), Ok(Signature::Valid { signer: publisher() }), "{signed}");
            }
        }
    }
    Ok(())
}

/// It holds, which is why it must be refused by name.
fn sha_1_is_not_taken() -> Result<(), Failed> {
    let bench = Bench::new(Signer::rsa("a"))?;
    let template = Template { key_info: "<ds:X509Data/>".into(), ..Template::new(&bench.signer) };
    let by_method = Template { method: "http://www.w3.org/2000/09/xmldsig#rsa-sha1".into(), ..template.clone() };
    let by_digest = Template { digest: "http://www.w3.org/2000/09/xmldsig#sha1".into(), ..template };
    for template in [by_method, by_digest] {
        let signed = bench.made_by_xmlsec1(&template.enclosed_by(&list(8, 0..50)))?;
        assert!(bench.theirs(&signed)?, "xmlsec1 takes it");
        assert!(
            matches!(bench.ours(&signed), Err(ListFault::SignatureInvalid(why)) if why.contains("sha1 is not taken"))
        );
    }
    Ok(())
}

//! Signatures that would verify, by somebody who is believed, and yet are not taken.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pli_directory::TrustHandle;
use tempfile::TempDir;

use crate::lists::{at, list};
use crate::signer::{Believed, Signer, Template, append, transform, x509};
use crate::stage::{REQUIRED, believed, invalid, judged, plain, rules, signed_as};

#[track_caller]
fn refused(told: &str, change: impl FnOnce(&mut Template)) {
    let signer = Signer::rsa("a");
    let why = invalid(&signed_as(&signer, change), &signer);
    assert!(why.contains(told), "{why}");
}

#[test]
fn sha_1_is_never_taken() {
    refused("xmldsig#sha1 is not taken", |t| t.digest = "http://www.w3.org/2000/09/xmldsig#sha1".into());
    // The library makes no such signature; one that another program made is in the tests against `xmlsec1`.
    let signer = Signer::rsa("a");
    let relabelled = signed_as(&signer, |_| {}).replace("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1");
    assert!(invalid(&relabelled, &signer).contains("xmldsig#rsa-sha1 is not taken"));
}

#[test]
fn algorithms_that_nobody_asked_for_are_not_taken() {
    refused("not taken", |t| t.method = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512".into());
    refused("not taken", |t| t.digest = "http://www.w3.org/2001/04/xmlenc#sha512".into());
    for canonicalization in [
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/2006/12/xml-c14n11",
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    ] {
        refused("not taken", |t| t.canonicalization = transform("CanonicalizationMethod", canonicalization));
        refused("not taken", |t| t.transforms[1] = transform("Transform", canonicalization));
    }
    let signer = Signer::rsa("a");
    let keyed = signed_as(&signer, |_| {}).replace("xmldsig-more#rsa-sha256", "xmldsig-more#hmac-sha256");
    assert!(invalid(&keyed, &signer).contains("not taken"), "a certificate is no secret");
}

#[test]
fn transforms_that_leave_something_out_are_not_taken() {
    refused("its transforms are not", |t| drop(t.transforms.pop()));
    refused("its transforms are not", |t| t.transforms.push(t.transforms[1].clone()));
    let xpath = "<ds:Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\">\
                 <ds:XPath>ancestor-or-self::node()[local-name()='DateDeGeneration']</ds:XPath></ds:Transform>";
    let signer = Signer::rsa("a");
    let (first, second) =
        (transform("Transform", crate::signer::ENVELOPED), transform("Transform", crate::signer::EXCLUSIVE));
    let signed = signed_as(&signer, |_| {});
    let swapped = signed.replace(&format!("{first}{second}"), &format!("{second}{first}"));
    assert!(swapped != signed && invalid(&swapped, &signer).contains("not taken"));
    let spoilt = signed.replace("<ds:Transforms>", &format!("<ds:Transforms>{xpath}"));
    assert!(invalid(&spoilt, &signer).contains("its transforms are not"));
}

#[test]
fn what_is_not_the_whole_document_is_not_taken() {
    let signer = Signer::rsa("a");
    let with_id = plain().replacen("<ListeDomaines>", "<ListeDomaines Id=\"part\">", 1);
    let mut template = Template::new(&signer);
    template.uri = "#part".into();
    assert!(invalid(&signer.fill(&template.enclosed_by(&with_id)), &signer).contains("whole document"));
    let signed = signed_as(&signer, |_| {});
    for uri in ["URI=\"#xpointer(/)\"", "URI=\"file:///etc/hostname\"", "URI=\"cid:list\"", "URI=\"#\"", "Type=\"t\""] {
        let why = invalid(&signed.replace("URI=\"\"", uri), &signer);
        assert!(why.contains("whole document") || why.contains("no URI"), "{uri}: {why}");
    }
}

#[test]
fn a_key_from_elsewhere_is_not_taken() {
    refused("not one X509Data", |t| t.key_info = "<ds:KeyName>a</ds:KeyName>".into());
    refused("not one X509Data", |t| t.key_info = t.key_info.repeat(2));
    refused("not one X509Data", |t| t.key_info += "<ds:RetrievalMethod URI=\"http://key.test/\"/>");
    refused("does not bring", |t| t.key_info = "<ds:X509Data><ds:X509SKI>AAAA</ds:X509SKI></ds:X509Data>".into());
    refused("more certificates", |t| t.key_info = format!("<ds:X509Data>{}</ds:X509Data>", x509(b"a").repeat(5)));
    refused("more certificates", |t| t.key_info = format!("<ds:X509Data>{}</ds:X509Data>", x509(&vec![0; 20_000])));
}

#[test]
fn parts_out_of_place_are_not_taken() {
    let signer = Signer::rsa("a");
    let signed = signed_as(&signer, |_| {});
    for (from, to) in [
        ("<ds:SignedInfo>", "<ds:Object/><ds:SignedInfo>"),
        ("<ds:SignatureValue>", "<ds:SignedInfo/><ds:SignatureValue>"),
        ("<ds:KeyInfo>", "<ds:KeyInfo/><ds:KeyInfo>"),
        ("<ds:Transforms>", "<Transforms xmlns=\"urn:x\"/><ds:Transforms>"),
        ("<ds:SignatureMethod ", "<ds:DigestMethod "),
        ("<ds:DigestMethod ", "<x:DigestMethod xmlns:x=\"urn:x\" "),
        ("#rsa-sha256\"/>", "#rsa-sha256\"><ds:HMACOutputLength>8</ds:HMACOutputLength></ds:SignatureMethod>"),
    ] {
        assert!(signed.contains(from), "{from}");
        invalid(&signed.replacen(from, to, 1), &signer);
    }
}

const XADES: &str = "http://uri.etsi.org/01903/v1.3.2#";

/// The list's model is an `XAdES` signature, which signs its own properties beside the document (spec §3.3).
fn xades(signer: &Signer, type_: &str, target: &str, transforms: &str, properties: &str) -> String {
    signed_as(signer, |t| {
        t.more_references = format!(
            "<ds:Reference Type=\"{type_}\" URI=\"{target}\"><ds:Transforms>{transforms}</ds:Transforms>\
             <ds:DigestMethod Algorithm=\"{}\"/><ds:DigestValue></ds:DigestValue></ds:Reference>",
            crate::signer::SHA256
        );
        t.objects = format!(
            "<ds:Object><xades:QualifyingProperties xmlns:xades=\"{XADES}\">{properties}</xades:QualifyingProperties>\
             </ds:Object>"
        );
    })
}

const OWN: &str = "http://uri.etsi.org/01903#SignedProperties";
const PROPERTIES: &str = "<xades:SignedProperties Id=\"p\"><xades:SigningTime>2026-03-14T08:00:00Z</xades:SigningTime>\
                          </xades:SignedProperties>";

#[test]
fn an_xades_signature_is_taken_with_its_own_properties_only() {
    let signer = Signer::rsa("a");
    let exclusive = transform("Transform", crate::signer::EXCLUSIVE);
    let good = xades(&signer, OWN, "#p", &exclusive, PROPERTIES);
    assert_eq!(believed(&good, &signer).list.entries(), 5);
    invalid(&good.replace("2026-03-14T08:00:00Z</xades", "2026-03-14T09:00:00Z</xades"), &signer);
    let two = PROPERTIES.to_owned() + &PROPERTIES.replace("\"p\"", "\"q\"");
    for (spoilt, told) in [
        (xades(&signer, "urn:other", "#p", &exclusive, PROPERTIES), "more than"),
        (xades(&signer, OWN, "", &exclusive, PROPERTIES), "not its own"),
        (xades(&signer, OWN, "#p", &exclusive, &two), "not its own"),
        (xades(&signer, OWN, "#p", "", PROPERTIES), "not canonicalized"),
        (xades(&signer, OWN, "#p", &(exclusive.clone() + &exclusive), PROPERTIES), "not canonicalized"),
    ] {
        let why = invalid(&spoilt, &signer);
        assert!(why.contains(told), "{why}");
    }
    let moved = append(
        &good.replace(PROPERTIES, ""),
        &PROPERTIES.replace("<xades:SignedProperties", &format!("<xades:SignedProperties xmlns:xades=\"{XADES}\"")),
    );
    assert!(invalid(&moved, &signer).contains("not its own"));
}

#[test]
fn a_hostile_document_costs_no_more_than_a_list() {
    let signer = Signer::ecdsa("a");
    let signed = signer.sign(&list(8, 0..2000));
    let much = |text: &str| text.repeat(200_000);
    let cases = [
        signed.replacen("<ListeB", &(much("<?a?>") + "<ListeB"), 1),
        signed.clone() + &much("<!-- -->"),
        signed.replacen("<ListeDomaines>", &(much("<?a?>") + "<ListeDomaines>"), 1),
        signed.replacen("<ListeDomaines>", &(much("<a/>") + "<ListeDomaines>"), 1),
        signed.replacen("<ListeDomaines>", &(much("&#38;&amp;") + "<ListeDomaines>"), 1),
        signed.replacen("<ds:SignatureValue>", &("<ds:SignatureValue>".to_owned() + &much("AAAA")), 1),
        signed.replacen("<ds:KeyInfo>", &("<ds:KeyInfo>".to_owned() + &much("<ds:KeyName/>")), 1),
        signed.replacen("</ds:KeyInfo>", &("</ds:KeyInfo>".to_owned() + &much("<ds:Object Id='a'/>")), 1),
    ];
    for (number, text) in cases.iter().enumerate() {
        let begun = Instant::now();
        drop(judged(text, &signer));
        // Some 200 ms without optimisation, and more on a busy machine; what is quadratic takes many minutes.
        assert!(begun.elapsed() < Duration::from_mins(1), "case {number}: {:?}", begun.elapsed());
    }
}

/// Spec §9 allows a second. This build, without optimisation, takes some 300 ms; the rest is room for slow machines.
#[test]
fn ten_thousand_signed_entries_are_checked_kept_and_put_in_force_fast() {
    let signer = Signer::rsa("a");
    let (old, new) = (signer.sign(&list(8, 0..10_000)), signer.sign(&list(9, 100..10_100)));
    let folder = TempDir::new().unwrap();
    let judge = Arc::new(Believed::only(&signer));
    let (handle, _) = TrustHandle::open(folder.path(), rules(REQUIRED), judge, at(0)).unwrap();
    handle.offer(old.as_bytes(), "test", at(1)).unwrap();
    let begun = Instant::now();
    handle.offer(new.as_bytes(), "test", at(2)).unwrap();
    let took = begun.elapsed();
    assert_eq!(handle.current().unwrap().entries(), 10_000);
    assert!(took < Duration::from_secs(10), "{took:?}");
}

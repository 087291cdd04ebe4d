//! Who must sign, and who may.

use pli_directory::{ListFault, ListRules, NoSigner, Signature, SignatureRule, check};

use crate::lists::at;
use crate::signer::{Believed, Signer, Template, publisher, x509};
use crate::stage::{REQUIRED, believed, invalid, judged, plain, rules};

#[test]
fn a_list_signed_by_somebody_believed_is_taken() {
    for signer in [Signer::ecdsa("a"), Signer::rsa("b")] {
        let checked = believed(&signer.sign(&plain()), &signer);
        assert_eq!(checked.signature, Signature::Valid { signer: publisher() });
        assert_eq!((checked.list.entries(), checked.list.domains()), (5, 5));
    }
}

#[test]
fn a_list_that_must_be_signed_and_is_not_is_refused() {
    let signer = Signer::ecdsa("a");
    assert_eq!(judged(&plain(), &signer).unwrap_err(), ListFault::SignatureMissing);
    let signed = signer.sign(&plain());
    let (head, rest) = signed.split_once("<ds:Signature ").unwrap();
    let (_, tail) = rest.split_once("</ds:Signature>").unwrap();
    assert_eq!(judged(&format!("{head}{tail}"), &signer).unwrap_err(), ListFault::SignatureMissing, "stripped");
    let renamed = signed.replace("ds:Signature>", "ds:Signatur>").replace("<ds:Signature ", "<ds:Signatur ");
    assert_eq!(judged(&renamed, &signer).unwrap_err(), ListFault::SignatureMissing, "made unreadable");
}

#[test]
fn a_signature_that_is_there_must_hold_although_none_is_needed() {
    let signer = Signer::ecdsa("a");
    let judge = Believed::only(&signer);
    let judged =
        |text: &str, rule| check(text.as_bytes(), &rules(rule), &judge, at(0)).map(|checked| checked.signature);
    let (signed, forged) = (signer.sign(&plain()), signer.sign(&plain()).replace("d1.", "evil."));
    assert_eq!(judged(&plain(), SignatureRule::IfPresent), Ok(Signature::None));
    assert_eq!(judged(&signed, SignatureRule::IfPresent), Ok(Signature::Valid { signer: publisher() }));
    assert_eq!(judged(&forged, SignatureRule::IfPresent).unwrap_err().code(), "list-signature-invalid");
    assert_eq!(judged(&forged, SignatureRule::Off), Ok(Signature::Unchecked));
    assert_eq!(judged(&plain(), SignatureRule::Off), Ok(Signature::None));
}

#[test]
fn a_signer_of_another_authority_is_not_believed() {
    let (signer, stranger) = (Signer::ecdsa("a"), Signer::ecdsa("a"));
    let fault = judged(&stranger.sign(&plain()), &signer).unwrap_err();
    assert_eq!(fault, ListFault::SignerUntrusted("not issued by the organisations' authority".into()));
}

#[test]
fn the_signer_must_have_the_cn_and_one_of_the_ou_that_are_asked_for() {
    let signer = Signer::ecdsa("a");
    let signed = signer.sign(&plain());
    let judged = |cn: Option<&str>, ou: Option<&str>| {
        let rules = ListRules { signer_cn: cn.map(Into::into), signer_ou: ou.map(Into::into), ..rules(REQUIRED) };
        check(signed.as_bytes(), &rules, &Believed::only(&signer), at(0)).map(drop)
    };
    assert_eq!(judged(Some("LISTE BLANCHE"), Some("318751275100020")), Ok(()), "as names are compared");
    assert_eq!(judged(None, Some("0002 187512751")), Ok(()), "any of its OUs");
    for (cn, ou) in [(Some("Liste noire"), None), (None, Some("ANS")), (Some("Liste blanche"), Some(""))] {
        let fault = judged(cn, ou).unwrap_err();
        assert_eq!(fault.code(), "list-signer-untrusted", "{cn:?} {ou:?}");
        assert!(fault.to_string().contains("Liste blanche"), "it tells who signed: {fault}");
    }
}

#[test]
fn only_the_key_of_the_believed_certificate_counts() {
    let (signer, forger) = (Signer::ecdsa("a"), Signer::ecdsa("b"));
    // The forger signs, and shows the publisher's certificate, which everybody has.
    let shown = |certificates: &[&Signer], more: &str| {
        let mut template = Template::new(&forger);
        let certificates: String = certificates.iter().map(|signer| x509(signer.der())).collect();
        template.key_info = format!("{more}<ds:X509Data>{certificates}</ds:X509Data>");
        forger.fill(&template.enclosed_by(&plain()))
    };
    invalid(&shown(&[&signer], ""), &signer);
    invalid(&shown(&[&signer, &forger], ""), &signer);
    invalid(&shown(&[&forger, &signer], ""), &signer);
    invalid(&shown(&[&signer], "<ds:KeyName>forger</ds:KeyName>"), &signer);
    // Its own key as a bare value beside the believed certificate.
    let bare = "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus></ds:RSAKeyValue></ds:KeyValue>";
    invalid(&shown(&[&signer], bare), &signer);
}

#[test]
fn the_certificates_of_authorities_may_be_there_in_any_order() {
    let (signer, authority) = (Signer::ecdsa("a"), Signer::ecdsa("authority"));
    for order in [[&signer, &authority], [&authority, &signer]] {
        let mut template = Template::new(&signer);
        let certificates: String = order.iter().map(|signer| x509(signer.der())).collect();
        template.key_info = format!("<ds:X509Data>{certificates}</ds:X509Data>");
        believed(&signer.fill(&template.enclosed_by(&plain())), &signer);
    }
}

#[test]
fn a_second_certificate_of_the_key_is_judged_as_itself() {
    let signer = Signer::ecdsa("a");
    let renewed = signer.renamed("renewed");
    let fault = judged(&renewed.sign(&plain()), &signer).unwrap_err();
    assert_eq!(fault.code(), "list-signer-untrusted");
}

#[test]
fn with_nobody_to_believe_no_signed_list_is_taken() {
    let signer = Signer::ecdsa("a");
    let fault = check(signer.sign(&plain()).as_bytes(), &ListRules::default(), &NoSigner, at(0)).unwrap_err();
    assert_eq!(fault.code(), "list-signer-untrusted");
}

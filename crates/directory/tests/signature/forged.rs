//! Documents that are not what was signed.

use pli_types::Domain;

use crate::lists::{list, list_of};
use crate::signer::{Signer, Template, append, transform};
use crate::stage::{believed, invalid, plain, signed_as};

#[test]
fn any_change_after_signing_is_seen() {
    let signer = Signer::ecdsa("a");
    let signed = signer.sign(&plain());
    for (from, to) in [
        ("d3.mssante.fr", "d9.mssante.fr"),
        ("2026-03-14T08", "2027-03-14T08"),
        (
            "<ListeDomaines>",
            "<ListeDomaines><Domaine><Nom>e.fr</Nom><DNCertificatOperateur>CN=e</DNCertificatOperateur></Domaine>",
        ),
        ("<ListeDomaines>", "<ListeDomaines > <!-- --> "),
        ("</ListeDomaines>", "</ListeDomaines><Autre/>"),
        ("<ListeBlancheMSSante ", "<?order one?><ListeBlancheMSSante "),
    ] {
        assert!(signed.contains(from));
        invalid(&signed.replacen(from, to, 1), &signer);
    }
    // What canonicalisation takes away may change.
    believed(&signed.replace("<ListeDomaines>", "<ListeDomaines ><!-- a remark -->"), &signer);
}

#[test]
fn a_signature_of_another_list_is_seen() {
    let signer = Signer::ecdsa("a");
    let other = signer.sign(&list(9, 0..7));
    let (_, rest) = other.split_once("<ds:Signature ").unwrap();
    let (signature, _) = rest.split_once("</ds:Signature>").unwrap();
    invalid(&append(&plain(), &format!("<ds:Signature {signature}</ds:Signature>")), &signer);
}

#[test]
fn every_bit_of_the_signature_counts() {
    let signer = Signer::ecdsa("a");
    let signed = signer.sign(&plain());
    for element in ["DigestValue", "SignatureValue"] {
        let (head, rest) = signed.split_once(&format!("<ds:{element}>")).unwrap();
        let spoilt = |first: &str| format!("{head}<ds:{element}>{first}{}", rest.get(4..).unwrap());
        invalid(&spoilt("AAAA"), &signer);
        invalid(&spoilt("AAA"), &signer);
        invalid(&spoilt("é!?*"), &signer);
        let comment = format!("{head}<ds:{element}><!-- -->{rest}");
        assert!(invalid(&comment, &signer).contains("not a plain text"));
    }
}

/// The signed list is moved to where nobody reads, and another one stands in its place: XML signature wrapping.
#[test]
fn a_signed_list_wrapped_into_another_is_seen() {
    let signer = Signer::ecdsa("a");
    let evil = list_of("2026-03-14T09:00:00Z", &[("evil.mssante.fr", "CN=evil,C=FR")]);
    let signed = signer.sign(&plain());
    let signed = signed.split_once("?>").unwrap().1.trim();
    let by_id = signer.fill(&{
        let mut template = Template::new(&signer);
        template.uri = "#list".into();
        template.enclosed_by(&plain().replace("<ListeBlancheMSSante ", "<ListeBlancheMSSante Id=\"list\" "))
    });
    believed(&by_id, &signer);
    let by_id = by_id.split_once("?>").unwrap().1.trim();
    let (head, rest) = by_id.split_once("<ds:Signature ").unwrap();
    let (signature, tail) = rest.split_once("</ds:Signature>").unwrap();
    let (signature, unsigned) = (format!("<ds:Signature {signature}</ds:Signature>"), format!("{head}{tail}"));
    let object = |content: &str| {
        signature.replace("</ds:Signature>", &format!("<ds:Object>{content}</ds:Object></ds:Signature>"))
    };
    let evil_with_id = evil.replace("<ListeBlancheMSSante ", "<ListeBlancheMSSante Id=\"list\" ");
    let evil_with_other_id = evil.replace("<ListeBlancheMSSante ", "<ListeBlancheMSSante Id=\"evil\" ");
    for wrapped in [
        append(&evil, signed),
        append(&evil, by_id),
        append(&evil, &format!("<Autre>{by_id}</Autre>")),
        append(&evil, &format!("{signature}{unsigned}")),
        append(&evil, &object(&unsigned)),
        append(&evil_with_id, &object(&unsigned)),
        append(&evil_with_other_id, &object(&unsigned)),
        append(&evil_with_id, &format!("<Autre>{unsigned}</Autre>{signature}")),
        append(&evil_with_id, &format!("{signature}<Autre>{unsigned}</Autre>")),
    ] {
        invalid(&wrapped, &signer);
    }
}

#[test]
fn two_signatures_are_one_too_many() {
    let signer = Signer::ecdsa("a");
    let signed = signer.sign(&plain());
    let (_, rest) = signed.split_once("<ds:Signature ").unwrap();
    let (signature, _) = rest.split_once("</ds:Signature>").unwrap();
    let twice = append(&signed, &format!("<ds:Signature {signature}</ds:Signature>"));
    assert_eq!(invalid(&twice, &signer), "there is more than one");
    let nested = signed.replace("</ds:KeyInfo>", "</ds:KeyInfo><ds:Object><ds:Signature/></ds:Object>");
    assert_eq!(invalid(&nested, &signer), "there is more than one");
}

#[test]
fn a_signature_elsewhere_than_below_the_root_is_not_taken() {
    let signer = Signer::ecdsa("a");
    let template = Template::new(&signer).xml();
    let inside = plain().replace("</ListeDomaines>", &format!("{template}</ListeDomaines>"));
    let entry = plain().replacen("</Domaine>", &format!("{template}</Domaine>"), 1);
    for text in [inside, entry] {
        assert_eq!(invalid(&signer.fill(&text), &signer), "it is not a child of the root");
    }
}

#[test]
fn what_is_read_is_what_was_signed() {
    let signer = Signer::ecdsa("a");
    // A namespace that the root declares and each entry uses: the canonical form declares it on each anew.
    let wide = list(8, 0..200)
        .replace("<ListeBlancheMSSante ", "<ListeBlancheMSSante xmlns:x=\"urn:x\" ")
        .replace("</Domaine>", "<x:note>d</x:note></Domaine>");
    assert_eq!(believed(&signer.sign(&wide), &signer).list.entries(), 200);
    let odd = plain().replace("d1.mssante.fr", "<![CDATA[d1]]>.mss&#97;nte.fr").replace('\n', "\r\n");
    let list = believed(&signer.sign(&odd), &signer).list;
    assert!(list.lists_domain(&Domain::parse("d1.mssante.fr").unwrap()));
    let marked = format!("\u{feff}{}", signer.sign(&plain()));
    believed(&marked, &signer);
}

#[test]
fn prefixes_may_be_taken_along() {
    let signer = Signer::rsa("a");
    let prefixes = format!("<ec:InclusiveNamespaces xmlns:ec=\"{EXC}\" PrefixList=\"xs #default\"/>");
    let with = |element: &str| transform(element, EXC).replace("/>", &format!(">{prefixes}</ds:{element}>"));
    let signed = signed_as(&signer, |template| {
        template.canonicalization = with("CanonicalizationMethod");
        template.transforms[1] = with("Transform");
    });
    believed(&signed.replace("?><ListeB", "?>\n<ListeB"), &signer);
}

const EXC: &str = crate::signer::EXCLUSIVE;

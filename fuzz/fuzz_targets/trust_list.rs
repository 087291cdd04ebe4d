//! The bytes of a publisher: never a panic, never long; a list that is taken was signed, and reads the same as the bytes
//! that were signed.

#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use pli_directory::{ListRules, Signature, SignatureRule, SignerJudge, check, diff};
use pli_types::DistinguishedName;

/// Believes any certificate, so that the signature itself must do its part.
#[derive(Debug)]
struct Anybody;

impl SignerJudge for Anybody {
    fn judge(&self, _: &[u8], _: Timestamp) -> Result<DistinguishedName, String> {
        DistinguishedName::parse("CN=anybody").map_err(|error| error.to_string())
    }
}

fuzz_target!(|bytes: &[u8]| {
    let read = |signature| {
        let rules = ListRules { signature, ..ListRules::default() };
        check(bytes, &rules, &Anybody, Timestamp::MAX)
    };
    if let Ok(signed) = read(SignatureRule::Required) {
        assert!(matches!(signed.signature, Signature::Valid { .. }));
        let plain = read(SignatureRule::Off).expect("what is signed can be read");
        assert!(diff(&signed.list, &plain.list).is_empty(), "two readers, two lists");
        assert_eq!(signed.list.generated_at(), plain.list.generated_at());
    }
});

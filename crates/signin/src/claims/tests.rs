use pli_types::DistinguishedName;
use serde_json::json;

use super::*;

const NOW: i64 = 1_800_000_000;

fn rules() -> Rules {
    Rules {
        issuer: "https://psc.test/realm".to_owned(),
        audiences: vec!["pli".to_owned()],
        authorized_parties: vec!["lps-1".to_owned(), "lps-2".to_owned()],
        acr: vec!["eidas1".to_owned()],
        subject_claim: "SubjectNameID".to_owned(),
        require_cnf: false,
    }
}

fn good() -> Value {
    json!({
        "typ": "Bearer", "iss": "https://psc.test/realm", "aud": ["account", "pli"], "azp": "lps-1",
        "exp": NOW + 240, "iat": NOW, "acr": "eidas1", "sub": "f:1:2", "SubjectNameID": "899700218896",
    })
}

fn certificate() -> PresentedCertificate {
    let name = DistinguishedName::parse("CN=lps").unwrap();
    let (start, end) = (Timestamp::MIN, Timestamp::MAX);
    PresentedCertificate {
        leaf: b"not looked into".to_vec(),
        chain: Vec::new(),
        subject: name.clone(),
        issuer: name,
        serial: "01".to_owned(),
        not_before: start,
        not_after: end,
    }
}

fn judge_at(claims: Value, header_type: Option<&str>, now: i64, shown: bool) -> Result<Holder, TokenFault> {
    let mut claims: Claims = serde_json::from_value(claims).unwrap();
    claims.header_type = header_type.map(str::to_owned);
    let certificate = certificate();
    judge_claims(&claims, &rules(), Timestamp::from_second(now).unwrap(), shown.then_some(&certificate))
}

/// The good token with one claim changed (or removed, by null).
fn with(claim: &str, value: Value) -> Result<Holder, TokenFault> {
    let mut claims = good();
    let claims_of = claims.as_object_mut().unwrap();
    if value.is_null() {
        claims_of.remove(claim);
    } else {
        claims_of.insert(claim.to_owned(), value);
    }
    judge_at(claims, Some("JWT"), NOW, true)
}

fn holder() -> Holder {
    Holder { rpps: RppsId::parse("99700218896").unwrap() }
}

#[test]
fn a_good_token_names_its_holder() {
    assert_eq!(judge_at(good(), Some("JWT"), NOW, false), Ok(holder()));
    assert_eq!(with("aud", json!("pli")), Ok(holder()));
    assert_eq!(with("azp", json!("lps-2")), Ok(holder()));
}

#[test]
fn each_claim_must_be_there_and_be_right() {
    for (claim, wrong, fault) in [
        ("iss", json!("https://psc.test/realm/"), TokenFault::Issuer),
        ("aud", json!(["account"]), TokenFault::Audience),
        ("azp", json!("lps-3"), TokenFault::Party),
        ("acr", json!("eidas0"), TokenFault::Assurance),
        ("SubjectNameID", json!("99700218896"), TokenFault::Subject),
        ("exp", json!(NOW - 30), TokenFault::Expired),
    ] {
        assert_eq!(with(claim, wrong), Err(fault), "{claim}");
        assert_eq!(with(claim, Value::Null), Err(fault), "without {claim}");
    }
}

#[test]
fn clocks_may_differ_by_half_a_minute() {
    assert_eq!(with("exp", json!(NOW - 29)), Ok(holder()));
    assert_eq!(with("nbf", json!(NOW + 30)), Ok(holder()));
    assert_eq!(with("nbf", json!(NOW + 31)), Err(TokenFault::NotYetValid));
    assert_eq!(with("iat", json!(NOW + 31)), Err(TokenFault::NotYetValid));
    assert_eq!(with("exp", json!(i64::MAX)), Ok(holder()));
    assert_eq!(with("nbf", json!(i64::MIN)), Ok(holder()));
}

#[test]
fn only_access_tokens_open_mailboxes() {
    let typed = |header: Option<&str>, claim: Value| {
        let mut claims = good();
        claims["typ"] = claim;
        judge_at(claims, header, NOW, false)
    };
    for (header, claim) in [
        (Some("JWT"), json!("Bearer")),
        (None, json!("Bearer")),
        (Some("at+jwt"), Value::Null),
        (Some("application/AT+JWT"), json!("Bearer")),
    ] {
        assert_eq!(typed(header, claim), Ok(holder()), "{header:?}");
    }
    for (header, claim) in [
        (Some("JWT"), Value::Null),
        (Some("JWT"), json!("ID")),
        (Some("JWT"), json!("Refresh")),
        (Some("at+jwt"), json!("ID")),
        (Some("logout+jwt"), json!("Bearer")),
        (None, Value::Null),
    ] {
        assert_eq!(typed(header, claim), Err(TokenFault::Type), "{header:?}");
    }
}

#[test]
fn a_bound_token_counts_with_its_certificate_only() {
    let thumbprint = URL_SAFE_NO_PAD.encode(digest(&SHA256, b"not looked into"));
    let bound = |confirmation: Value, shown: bool| {
        let mut claims = good();
        claims["cnf"] = confirmation;
        judge_at(claims, Some("JWT"), NOW, shown)
    };
    assert_eq!(bound(json!({"x5t#S256": thumbprint}), true), Ok(holder()));
    assert_eq!(bound(json!({"x5t#S256": thumbprint}), false), Err(TokenFault::Binding), "no certificate");
    let other = URL_SAFE_NO_PAD.encode(digest(&SHA256, b"another"));
    assert_eq!(bound(json!({"x5t#S256": other}), true), Err(TokenFault::Binding), "another certificate");
    assert_eq!(bound(json!({"jkt": "abc"}), true), Err(TokenFault::Binding), "another kind of binding");
    assert_eq!(bound(json!({"x5t#S256": thumbprint, "jkt": "abc"}), true), Err(TokenFault::Binding));
    assert_eq!(bound(json!({}), true), Err(TokenFault::Binding));
}

#[test]
fn only_the_rpps_is_a_register_of_holders() {
    for bad in ["", "8", "899700218896 ", "8997002188961", "099700218896", "8abcdefghijk", "é9700218896"] {
        assert_eq!(with("SubjectNameID", json!(bad)), Err(TokenFault::Subject), "{bad:?}");
    }
    assert_eq!(
        with("SubjectNameID", json!(899_700_218_896_i64)),
        Err(TokenFault::Subject),
        "a number is no identifier"
    );
}

#[test]
fn claims_are_not_printed() {
    let claims: Claims = serde_json::from_value(good()).unwrap();
    assert!(!format!("{claims:?}").contains("99700218896"));
}

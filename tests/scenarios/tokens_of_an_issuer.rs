//! Sign-in with access tokens of a real issuer, npm's `oidc-provider` (spec scenario 32).

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use e2e::authority::{Authority, Use};
use e2e::imap::Imap;
use e2e::wire::Wire;
use e2e::{Outcome, message, wait};

use crate::token_stage::{self, DOCTOR, STRANGER, Stage, response};

/// Both ways in which SASL carries a token.
const MECHANISMS: [&str; 2] = ["XOAUTH2", "OAUTHBEARER"];

impl Stage {
    /// Both doors refuse it, in the way that mail programs know: a challenge with what is wrong, then the end.
    fn refused(&self, token: &str, why: &str) -> Outcome {
        for mechanism in MECHANISMS {
            let response = response(mechanism, &self.doctor, token);
            let mut smtp = self.smtp(None)?;
            let challenge = smtp.command(&format!("AUTH {mechanism} {response}"))?;
            ensure!(challenge.code == 334, "{why}, {mechanism}: {challenge:?}");
            is_refusal(&challenge.text).with_context(|| format!("{why}, {mechanism}"))?;
            smtp.command("")?.expect_reason(535, "authentication-failed")?;
            smtp.command("MAIL FROM:<>")?.expect(530).with_context(|| why.to_owned())?;

            let mut imap = self.imap()?;
            imap.send(format!("a AUTHENTICATE {mechanism} {response}\r\n").as_bytes())?;
            let challenge = imap.line()?;
            let text = challenge.strip_prefix("+ ").with_context(|| format!("{why}, {mechanism}: {challenge}"))?;
            is_refusal(text).with_context(|| format!("{why}, {mechanism}"))?;
            imap.send(b"\r\n")?;
            let end = imap.line()?;
            ensure!(end.starts_with("a NO [AUTHENTICATIONFAILED]"), "{why}, {mechanism}: {end}");
        }
        Ok(())
    }
}

fn is_refusal(challenge: &str) -> Outcome {
    let told: serde_json::Value = serde_json::from_slice(&BASE64_STANDARD.decode(challenge.trim())?)?;
    ensure!(told["status"] == "401", "{told}");
    Ok(())
}

pub(crate) fn the_holders_token_opens_his_mailbox() -> Outcome {
    let stage = token_stage::shared()?;
    let pharmacy = stage.sandbox.account("pro", "ORG")?.clone();
    for mechanism in MECHANISMS {
        let token = stage.issuer.token(DOCTOR)?;
        let mut smtp = stage.smtp(None)?;
        smtp.command(&format!("AUTH {mechanism} {}", response(mechanism, &stage.doctor, &token)))?.expect(235)?;
        let marker = message::marker();
        let letter = message::letter(&stage.doctor, &pharmacy.address, &marker);
        smtp.send(&stage.doctor, &[&pharmacy.address], &letter)?.expect(250)?;
        Imap::signed_in(&stage.sandbox, "pro", &pharmacy.address, &pharmacy.password)?.await_message(&marker)?;
        // He is himself, and nobody else.
        smtp.command(&format!("MAIL FROM:<{}>", pharmacy.address))?.expect_reason(550, "sender-not-owned")?;

        let mut imap = stage.imap()?;
        let response = response(mechanism, &stage.doctor, &token);
        imap.send(format!("a AUTHENTICATE {mechanism} {response}\r\nb SELECT INBOX\r\n").as_bytes())?;
        ensure!(imap.line()?.starts_with("a OK"), "{mechanism} over IMAP");
        let selected = wait_for(&mut imap, "b ")?;
        ensure!(selected.starts_with("b OK"), "{selected}");
    }
    // A token bound to a certificate counts with that certificate.
    let authority = Authority::of(stage.sandbox.dir(), "organisations")?;
    let subject = "/C=FR/ST=Paris (75)/O=Cabinet/OU=1750712184/CN=poste-de-travail.test";
    let (own, other) = (authority.issue("own", subject, Use::Relay)?, authority.issue("other", subject, Use::Relay)?);
    let token = stage.issuer.bound_token(DOCTOR, &own)?;
    let response = response("XOAUTH2", &stage.doctor, &token);
    let mut smtp = stage.smtp(Some((&own.certificate, &own.key)))?;
    smtp.command(&format!("AUTH XOAUTH2 {response}"))?.expect(235)?;
    for stranger in [Some((other.certificate.as_path(), other.key.as_path())), None] {
        let mut smtp = stage.smtp(stranger)?;
        smtp.command(&format!("AUTH XOAUTH2 {response}"))?.expect(334)?;
        smtp.command("")?.expect_reason(535, "authentication-failed")?;
    }
    Ok(())
}

fn wait_for(wire: &mut Wire, tag: &str) -> Result<String> {
    loop {
        let line = wire.line()?;
        if line.starts_with(tag) {
            return Ok(line);
        }
    }
}

/// Each is what the issuer signs, but for one thing, or what an attacker makes of it.
pub(crate) fn no_other_token_does() -> Outcome {
    let stage = token_stage::shared()?;
    let good = stage.issuer.token(DOCTOR)?;
    for fault in ["expired", "not-yet-valid", "other-issuer", "other-program", "weakly-proven", "of-nobody", "id-token"]
    {
        stage.refused(&stage.issuer.faulty_token(DOCTOR, fault)?, fault)?;
    }
    for forgery in ["no-algorithm", "public-key-as-secret", "other-signature", "other-holder"] {
        stage.refused(&stage.issuer.forge(&good, forgery)?, forgery)?;
    }
    stage.refused(&stage.issuer.token_for(DOCTOR, "https://elsewhere.test/")?, "other audience")?;
    stage.refused(&stage.issuer.token(STRANGER)?, "another professional's")?;
    stage.refused("not-a-token", "no token")?;
    // What all these have been measured against.
    let mut smtp = stage.smtp(None)?;
    smtp.command(&format!("AUTH XOAUTH2 {}", response("XOAUTH2", &stage.doctor, &good)))?.expect(235)?;
    Ok(())
}

pub(crate) fn a_key_that_was_rotated_away_opens_nothing() -> Outcome {
    let stage = Stage::set()?;
    let sign_in = |token: &str| -> Result<u16> {
        let mut smtp = stage.smtp(None)?;
        Ok(smtp.command(&format!("AUTH XOAUTH2 {}", response("XOAUTH2", &stage.doctor, token)))?.code)
    };
    let old = stage.issuer.token(DOCTOR)?;
    ensure!(sign_in(&old)? == 235, "the first key");
    stage.issuer.rotate()?;
    let new = stage.issuer.token(DOCTOR)?;
    // Keys are asked for again at most every 30 s, whoever shows tokens of unknown ones.
    wait::until("the new key to be known", Duration::from_mins(1), || Ok((sign_in(&new)? == 235).then_some(())))?;
    stage.refused(&old, "signed with a key that is published no more")
}

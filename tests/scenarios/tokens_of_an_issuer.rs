//! Sign-in with access tokens of a real issuer, npm's `oidc-provider` (spec scenario 32).

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use e2e::authority::{Authority, Issued, Use};
use e2e::imap::Imap;
use e2e::issuer::SERVER_PASSWORD;
use e2e::wire::Wire;
use e2e::{Outcome, message, wait};

use crate::token_stage::{self, DOCTOR, OPERATOR, STRANGER, Stage, response};

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
        let answer = self.messages(token, None)?;
        let is_refused = answer.starts_with("HTTP/1.1 401 ") && answer.contains("authentication-failed");
        ensure!(is_refused && answer.contains("Bearer realm=\"pli\""), "{why}, over HTTPS: {answer}");
        Ok(())
    }

    /// Nobody is let in, nobody is told that his token is wrong: it is the operator's affair.
    fn put_off(&self, token: &str, why: &str) -> Outcome {
        for mechanism in MECHANISMS {
            let response = response(mechanism, &self.doctor, token);
            let reply = self.smtp(None)?.command(&format!("AUTH {mechanism} {response}"))?;
            ensure!(reply.code == 454, "{why}, {mechanism}: {reply:?}");
            let mut imap = self.imap()?;
            imap.send(format!("a AUTHENTICATE {mechanism} {response}\r\n").as_bytes())?;
            let answer = imap.line()?;
            ensure!(answer.starts_with("a NO [UNAVAILABLE]"), "{why}, {mechanism}: {answer}");
        }
        Ok(())
    }

    fn taken(&self, token: &str, client: Option<&Issued>) -> Outcome {
        let shown = client.map(|issued| (issued.certificate.as_path(), issued.key.as_path()));
        let command = format!("AUTH OAUTHBEARER {}", response("OAUTHBEARER", &self.doctor, token));
        self.smtp(shown)?.command(&command)?.expect(235).map(drop)
    }

    /// How often signing in by token ended so, at the door for submission.
    fn ended(&self, outcome: &str) -> Result<f64> {
        let ended = MECHANISMS.iter().map(|mechanism| {
            let mechanism = mechanism.to_lowercase();
            let line =
                format!("pli_sign_ins_total{{door=\"submission\",mechanism=\"{mechanism}\",outcome=\"{outcome}\"}}");
            Ok(self.sandbox.metric(OPERATOR, &line)?.unwrap_or_default())
        });
        ended.sum()
    }

    fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.sandbox.config(OPERATOR)?.with_file_name("pli.log"))?)
    }

    /// With the operator asking the issuer about each token, by this password.
    fn asking(password: &str) -> Result<Self> {
        Self::set_with(|issuer, folder, mut settings| {
            settings.insert("introspection".to_owned(), issuer.introspection(folder, password)?.into());
            Ok(settings)
        })
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
    let told = stage.messages(&stage.issuer.token(DOCTOR)?, None)?;
    ensure!(told.starts_with("HTTP/1.1 200 ") && told.contains(&pharmacy.address), "{told}");
    // A token bound to a certificate counts with that certificate.
    let authority = Authority::of(stage.sandbox.dir(), "organisations")?;
    let (own, other) = (workstation(&authority, "own")?, workstation(&authority, "other")?);
    let token = stage.issuer.bound_token(DOCTOR, &own)?;
    let response = response("XOAUTH2", &stage.doctor, &token);
    let mut smtp = stage.smtp(Some((&own.certificate, &own.key)))?;
    smtp.command(&format!("AUTH XOAUTH2 {response}"))?.expect(235)?;
    for stranger in [Some((other.certificate.as_path(), other.key.as_path())), None] {
        let mut smtp = stage.smtp(stranger)?;
        smtp.command(&format!("AUTH XOAUTH2 {response}"))?.expect(334)?;
        smtp.command("")?.expect_reason(535, "authentication-failed")?;
        let answer = stage.messages(&token, stranger)?;
        let is_told_why = answer.contains("error=\"invalid_token\"");
        ensure!(answer.starts_with("HTTP/1.1 401 ") && is_told_why, "{answer}");
    }
    let told = stage.messages(&token, Some((&own.certificate, &own.key)))?;
    ensure!(told.starts_with("HTTP/1.1 200 "), "{told}");
    Ok(())
}

/// A certificate to bind tokens to.
fn workstation(authority: &Authority, file: &str) -> Result<Issued> {
    let subject = "/C=FR/ST=Paris (75)/O=Cabinet/OU=1750712184/CN=poste-de-travail.test";
    authority.issue(file, subject, Use::Relay)
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

pub(crate) fn an_opaque_token_counts_while_its_issuer_says_so() -> Outcome {
    let stage = Stage::asking(SERVER_PASSWORD)?;
    stage.taken(&stage.issuer.opaque_token(DOCTOR)?, None)?;
    stage.refused(&stage.issuer.opaque_token(STRANGER)?, "another professional's")?;
    stage.refused("nobody-ever-gave-this-token", "one that the issuer does not know")?;
    let withdrawn = stage.issuer.opaque_token(DOCTOR)?;
    stage.issuer.withdraw(DOCTOR, &withdrawn)?;
    stage.refused(&withdrawn, "withdrawn")?;
    // What the issuer says of a binding is obeyed as what a token says.
    let authority = Authority::of(stage.sandbox.dir(), "organisations")?;
    let (own, other) = (workstation(&authority, "own")?, workstation(&authority, "other")?);
    let bound = stage.issuer.bound_opaque_token(DOCTOR, &own)?;
    stage.taken(&bound, Some(&own))?;
    ensure!(stage.taken(&bound, Some(&other)).is_err(), "bound to another certificate");
    stage.refused(&bound, "bound to a certificate that is not shown")?;
    // A signed one is asked about too, and this issuer does not answer questions about those.
    stage.put_off(&stage.issuer.token(DOCTOR)?, "a JWT that cannot be asked about")?;
    let log = stage.log()?;
    ensure!(log.contains("answers no questions about tokens of this kind"), "{log}");
    ensure!(!log.contains(&withdrawn), "a token stands in the log");
    Ok(())
}

pub(crate) fn an_issuer_that_does_not_know_us_puts_sign_in_off() -> Outcome {
    let stage = Stage::asking("a-password-of-last-year")?;
    stage.put_off(&stage.issuer.opaque_token(DOCTOR)?, "a good one")?;
    stage.put_off("nobody-ever-gave-this-token", "one that the issuer does not know")?;
    ensure!(stage.ended("unavailable")? >= 4.0 && stage.ended("failed")? < 1.0, "it was held against the holder");
    let log = stage.log()?;
    ensure!(log.contains("does not know us") && log.contains("client_secret"), "{log}");
    ensure!(!log.contains("a-password-of-last-year"), "the password stands in the log");
    Ok(())
}

pub(crate) fn only_bound_tokens_count_where_a_binding_is_required() -> Outcome {
    let stage = Stage::set_with(|_, _, mut settings| {
        settings.insert("require_cnf".to_owned(), true.into());
        Ok(settings)
    })?;
    let authority = Authority::of(stage.sandbox.dir(), "organisations")?;
    let own = workstation(&authority, "own")?;
    stage.refused(&stage.issuer.token(DOCTOR)?, "bound to nothing")?;
    ensure!(stage.taken(&stage.issuer.token(DOCTOR)?, Some(&own)).is_err(), "bound to nothing, with a certificate");
    stage.taken(&stage.issuer.bound_token(DOCTOR, &own)?, Some(&own))
}

//! Nobody writes in another's name (scenario 33): in the envelope, in `From`, in `Sender`, in `Resent-*`, in a name that
//! shows an address. Each trick is refused, with its reason, and leaves nothing behind; the honest letters beside them
//! arrive.

use anyhow::Context;
use e2e::imap::Imap;
use e2e::smtp::Smtp;
use e2e::{Outcome, Sandbox, kept, message};

const MISMATCH: &str = "header-from-mismatch";
const NOT_OWNED: &str = "sender-not-owned";

/// What whoever is proven as `{own}` may not write, with the reason when he signed in and when he is an operator.
/// `{colleague}` has a mailbox of the same domain, `{other}` one of another operator's.
const TRICKS: &[(&str, &str, &str)] = &[
    ("From: {other}", NOT_OWNED, MISMATCH),
    ("From: {own}\r\nSender: {other}", NOT_OWNED, MISMATCH),
    ("From: {own}\r\nResent-From: {other}", NOT_OWNED, MISMATCH),
    ("From: {own}\r\nResent-From: {own}\r\nResent-Sender: {other}", NOT_OWNED, MISMATCH),
    ("From: {own}\r\nResent-From: {own}\r\nResent-From: {other}", NOT_OWNED, MISMATCH),
    ("From: {other}\r\nResent-From: {own}", NOT_OWNED, MISMATCH),
    ("From: {other}\r\nSender: {own}", NOT_OWNED, MISMATCH),
    ("From: {own}\r\nFrom: {other}", MISMATCH, MISMATCH),
    ("From: {own}, {other}\r\nSender: {own}", MISMATCH, MISMATCH),
    ("From : {other}\r\nFrom: {own}", MISMATCH, MISMATCH),
    ("From: {own}\r\nSender: {own}\r\nSender: {other}", MISMATCH, MISMATCH),
    ("From: Groupe: {own};", MISMATCH, MISMATCH),
    ("From: Groupe: {own}, {other};", MISMATCH, MISMATCH),
    ("From: {own}\r\nSender: Groupe: {own};", MISMATCH, MISMATCH),
    ("From: =?utf-8?q?a?={own}", MISMATCH, MISMATCH),
    ("From: <=?utf-8?q?{own}?=>", MISMATCH, MISMATCH),
    ("From: <@elsewhere.test:{own}>", MISMATCH, MISMATCH),
    ("From: {other} <{own}>", MISMATCH, MISMATCH),
    ("From: \"{other}\" <{own}>", MISMATCH, MISMATCH),
    ("From: \"{colleague}\" <{own}>", MISMATCH, MISMATCH),
    ("From: =?utf-8?q?{other}?= <{own}>", MISMATCH, MISMATCH),
    ("From: {own} ({other})", MISMATCH, MISMATCH),
    ("From: b\u{ff20}hopital.fr <{own}>", MISMATCH, MISMATCH),
    ("From: {own}\r\nSender: \"{other}\" <{own}>", MISMATCH, MISMATCH),
    ("From: {own}\r\nResent-From: \"{other}\" <{own}>", MISMATCH, MISMATCH),
    ("Subject: x\r\n \r\nFrom: {own}", MISMATCH, MISMATCH),
    ("Subject: x", MISMATCH, MISMATCH),
];

/// What anyone may write.
const HONEST: &[&str] = &[
    "From: {own}",
    "From: \"{own}\" <{own}>",
    "From: =?utf-8?q?H=C3=A9l=C3=A8ne_LEFORT?= <{own}>\r\nSender: <{own}>",
    "From: Dr. LEFORT <{own}>\r\nResent-From: {own}\r\nResent-Sender: {own}",
    // Where the answer goes says nothing of who wrote (R-WHO-6).
    "From: {own}\r\nReply-To: \"{colleague}\" <{other}>",
];

/// Two people, and a third whom the two may not be.
struct Cast {
    own: String,
    colleague: String,
    other: String,
}

impl Cast {
    fn header(&self, fields: &str) -> String {
        let fields = fields.replace("{own}", &self.own).replace("{colleague}", &self.colleague);
        fields.replace("{other}", &self.other)
    }

    fn letter(&self, fields: &str, marker: &str) -> Vec<u8> {
        let header = self.header(fields);
        format!("{header}\r\nTo: undisclosed:;\r\n\r\nFrom: {}\r\n{marker}\r\n", self.other).into_bytes()
    }
}

/// Scenario 33, on the submission listener.
pub(crate) fn by_someone_who_signed_in() -> Outcome {
    let sandbox = Sandbox::quiet()?;
    let (pharmacy, doctor) = (sandbox.account("pro", "ORG")?, sandbox.account("elsewhere", "PER")?);
    let cast = cast(&pharmacy.address, &doctor.address)?;
    let sign_in = || Smtp::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password);
    kept::nothing_by(&sandbox, "pro", || {
        let mut smtp = sign_in()?;
        for sender in [&cast.colleague, &cast.other] {
            smtp.command(&format!("MAIL FROM:<{sender}>"))?.expect_reason(550, NOT_OWNED)?;
        }
        // As nobody: that is for reports.
        let letter = cast.letter("From: {own}", "forged");
        smtp.send("", &[&doctor.address], &letter)?.expect_reason(550, "report-unsolicited")?;
        for (fields, reason, _) in TRICKS {
            let letter = cast.letter(fields, "forged");
            let reply = sign_in()?.send(&cast.own, &[&doctor.address], &letter)?;
            reply.expect_reason(550, reason).with_context(|| cast.header(fields))?;
        }
        Ok(())
    })?;
    for fields in HONEST {
        let marker = message::marker();
        sign_in()?.send(&cast.own, &[&pharmacy.address], &cast.letter(fields, &marker))?.expect(250)?;
        Imap::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?.await_message(&marker)?;
    }
    Ok(())
}

/// Scenario 33 and 18, on the operators' listener.
pub(crate) fn by_another_operator() -> Outcome {
    let sandbox = Sandbox::quiet()?;
    let (pharmacy, doctor) = (sandbox.account("pro", "ORG")?, sandbox.account("elsewhere", "PER")?);
    let cast = cast(&sandbox.peer_address()?, &doctor.address)?;
    kept::nothing_by(&sandbox, "pro", || {
        let mut smtp = Smtp::as_peer(&sandbox, "listed", "pro")?;
        smtp.command(&format!("MAIL FROM:<{}>", cast.other))?.expect_reason(550, "sender-domain-other-certificate")?;
        for (fields, _, reason) in TRICKS {
            let letter = cast.letter(fields, "forged");
            let reply = Smtp::as_peer(&sandbox, "listed", "pro")?.send(&cast.own, &[&pharmacy.address], &letter)?;
            reply.expect_reason(550, reason).with_context(|| cast.header(fields))?;
        }
        Ok(())
    })?;
    let colleague = format!("From: {}\r\nSender: {}", cast.own, cast.colleague);
    for fields in HONEST.iter().copied().chain([colleague.as_str()]) {
        let marker = message::marker();
        let letter = cast.letter(fields, &marker);
        Smtp::as_peer(&sandbox, "listed", "pro")?.send(&cast.own, &[&pharmacy.address], &letter)?.expect(250)?;
        Imap::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?.await_message(&marker)?;
    }
    Ok(())
}

fn cast(own: &str, other: &str) -> anyhow::Result<Cast> {
    let (_, domain) = own.split_once('@').context("an address")?;
    Ok(Cast { own: own.to_owned(), colleague: format!("titulaire@{domain}"), other: other.to_owned() })
}

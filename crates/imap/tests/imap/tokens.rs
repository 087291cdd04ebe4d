//! Sign-in with tokens: XOAUTH2 and OAUTHBEARER, with a real store and an issuer of our own (scenario 32).

use std::sync::atomic::Ordering;

use anyhow::ensure;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::Trial;
use pli_store::MailboxState;
use serde_json::json;

use crate::stage::{Client, Security, Stage, now};

#[path = "../../../signin/tests/support/mod.rs"]
mod support;

use support::{Documents, RPPS, SigningKey};

const ADDRESS: &str = "dr.martin@medecin.test";

/// What a client is told before the refusal: `{"status":"401","schemes":"bearer","scope":"mail"}`.
const CHALLENGE: &str = "+ eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("tokens::a_token_opens_its_holders_mailbox", || crate::play(its_holders_mailbox())),
        Trial::test("tokens::a_token_that_is_not_taken_is_refused_in_two_steps", || crate::play(refused())),
        Trial::test("tokens::another_professionals_token_opens_nothing", || crate::play(another_professional())),
        Trial::test("tokens::a_suspended_mailbox_opens_to_no_token", || crate::play(suspended())),
        Trial::test("tokens::an_issuer_that_is_down_is_not_the_clients_fault", || crate::play(issuer_down())),
        Trial::test("tokens::without_configuration_no_token_is_taken", || crate::play(not_configured())),
    ]
}

struct Practice {
    stage: Stage,
    key: SigningKey,
    documents: std::sync::Arc<Documents>,
}

impl Practice {
    async fn open() -> anyhow::Result<Self> {
        let key = SigningKey::p256("key-1");
        let documents = Documents::with(&[&key]);
        let stage = Stage::build().await?.taking_tokens(&support::config(), documents.clone());
        stage.professional(ADDRESS, RPPS, MailboxState::Open).await?;
        Ok(Self { stage, key, documents })
    }

    async fn client(&self) -> anyhow::Result<Client> {
        let mut client = self.stage.open(&Security::Tls);
        let words = "IMAP4rev1 LITERAL+ SASL-IR ID AUTH=PLAIN AUTH=LOGIN AUTH=XOAUTH2 AUTH=OAUTHBEARER";
        client.hear(&format!("* OK [CAPABILITY {words}] <any>")).await?;
        Ok(client)
    }

    fn token(&self) -> String {
        self.key.sign(&support::claims(now().as_second()))
    }
}

fn xoauth2(name: &str, token: &str) -> String {
    STANDARD.encode(format!("user={name}\x01auth=Bearer {token}\x01\x01"))
}

fn oauthbearer(name: &str, token: &str) -> String {
    let name = if name.is_empty() { String::new() } else { format!("a={name}") };
    STANDARD.encode(format!("n,{name},\x01host=imap.pli.test\x01port=993\x01auth=Bearer {token}\x01\x01"))
}

async fn say(client: &mut Client, line: &str) -> anyhow::Result<()> {
    client.say(format!("{line}\r\n").as_bytes()).await
}

async fn its_holders_mailbox() -> anyhow::Result<()> {
    let practice = Practice::open().await?;
    let token = practice.token();
    for (command, response) in [
        ("XOAUTH2", xoauth2("Dr.Martin@medecin.test", &token)),
        ("OAUTHBEARER", oauthbearer(ADDRESS, &token)),
        ("oauthbearer", oauthbearer("", &token)),
    ] {
        let mut client = practice.client().await?;
        say(&mut client, &format!("a AUTHENTICATE {command} {response}")).await?;
        client.hear("a OK [CAPABILITY IMAP4rev1 <any>] <any>").await?;
        let mut client = practice.client().await?;
        say(&mut client, &format!("a AUTHENTICATE {command}")).await?;
        client.hear("+ ").await?;
        say(&mut client, &response).await?;
        client.hear("a OK [CAPABILITY IMAP4rev1 <any>] <any>").await?;
        say(&mut client, "b STATUS INBOX (MESSAGES)").await?;
        client.hear("* STATUS INBOX (MESSAGES 0)").await?;
        client.hear("b OK <any>").await?;
    }
    ensure!(practice.documents.fetches() == 1, "the keys are fetched once");
    practice.stage.finish().await
}

async fn refused() -> anyhow::Result<()> {
    let practice = Practice::open().await?;
    let mut client = practice.client().await?;
    let expired = practice.key.sign(&support::claims(now().as_second() - 600));
    for (tag, dummy) in [("a", ""), ("b", "AQ=="), ("c", "x LOGOUT")] {
        say(&mut client, &format!("{tag} AUTHENTICATE XOAUTH2 {}", xoauth2(ADDRESS, &expired))).await?;
        client.hear(CHALLENGE).await?;
        say(&mut client, dummy).await?;
        client.hear(&format!("{tag} NO [AUTHENTICATIONFAILED] The name or its proof is not right")).await?;
    }
    client.hear("* BYE <any>").await?;
    client.end().await?;
    practice.stage.finish().await
}

async fn another_professional() -> anyhow::Result<()> {
    let practice = Practice::open().await?;
    practice.stage.professional("dr.durand@medecin.test", "10002345670", MailboxState::Open).await?;
    let mut claims = support::claims(now().as_second());
    claims["SubjectNameID"] = json!("810002345670");
    let token = practice.key.sign(&claims);
    let mut client = practice.client().await?;
    for name in [ADDRESS, "officine@pharmacie.test"] {
        say(&mut client, &format!("a AUTHENTICATE XOAUTH2 {}", xoauth2(name, &token))).await?;
        client.hear(CHALLENGE).await?;
        say(&mut client, "").await?;
        client.hear("a NO [AUTHENTICATIONFAILED] <any>").await?;
    }
    say(&mut client, &format!("b AUTHENTICATE XOAUTH2 {}", xoauth2("dr.durand@medecin.test", &token))).await?;
    client.hear("b OK <any>").await?;
    practice.stage.finish().await
}

async fn suspended() -> anyhow::Result<()> {
    let practice = Practice::open().await?;
    practice.stage.professional("dr.parti@medecin.test", "10002345670", MailboxState::Suspended).await?;
    let mut claims = support::claims(now().as_second());
    claims["SubjectNameID"] = json!("810002345670");
    let mut client = practice.client().await?;
    let response = oauthbearer("", &practice.key.sign(&claims));
    say(&mut client, &format!("a AUTHENTICATE OAUTHBEARER {response}")).await?;
    client.hear(CHALLENGE).await?;
    say(&mut client, "AQ==").await?;
    client.hear("a NO [AUTHENTICATIONFAILED] <any>").await?;
    practice.stage.finish().await
}

async fn issuer_down() -> anyhow::Result<()> {
    let practice = Practice::open().await?;
    practice.documents.is_down.store(true, Ordering::SeqCst);
    let mut client = practice.client().await?;
    say(&mut client, &format!("a AUTHENTICATE XOAUTH2 {}", xoauth2(ADDRESS, &practice.token()))).await?;
    client.hear("a NO [UNAVAILABLE] <any>").await?;
    practice.stage.finish().await
}

async fn not_configured() -> anyhow::Result<()> {
    let stage = Stage::build().await?;
    stage.professional(ADDRESS, RPPS, MailboxState::Open).await?;
    let mut client = stage.open(&Security::Tls);
    client.hear("* OK [CAPABILITY IMAP4rev1 LITERAL+ SASL-IR ID AUTH=PLAIN AUTH=LOGIN] <any>").await?;
    let token = SigningKey::p256("key-1").sign(&support::claims(now().as_second()));
    say(&mut client, &format!("a AUTHENTICATE XOAUTH2 {}", xoauth2(ADDRESS, &token))).await?;
    client.hear("a NO [CANNOT] <any>").await?;
    stage.finish().await
}

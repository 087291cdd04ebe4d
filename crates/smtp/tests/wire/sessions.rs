//! Sessions that end while the client is in the middle of something.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pli_store::{AccountChange, CredentialKind};

use crate::client::Client;
use crate::relay::{BOB, Kind, PASSWORD, Relay};
use crate::{LETTER, LONG};

/// What is promised (issue: within 5 s on every node).
const SOON: Duration = Duration::from_secs(5);

async fn signed_in(relay: &Relay) -> Client {
    let mut client = Client::connect_tls(relay, &relay.stranger()).await;
    assert!(client.hear().await.starts_with("220 "));
    assert!(client.ask("EHLO client.test").await.starts_with("250 "));
    let token = BASE64_STANDARD.encode(format!("\0{BOB}\0{PASSWORD}"));
    assert!(client.ask(&format!("AUTH PLAIN {token}")).await.starts_with("235 2.7.0 "));
    client
}

/// Takes back Bob's password.
async fn revoke(relay: &Relay) {
    let record = relay.store.account(BOB).await.unwrap().unwrap();
    let password = record.credentials.iter().find(|credential| credential.kind == CredentialKind::Password).unwrap();
    relay.store.revoke_credential(password.id, Vec::new()).await.unwrap();
}

#[tokio::test]
async fn a_message_whose_end_has_not_come_is_not_taken_from_one_whose_password_was_revoked() {
    let relay = Relay::start(Kind::Submissions, LONG).await;
    let mut client = signed_in(&relay).await;
    client.begin(BOB, BOB).await;
    client.say(&LETTER.replace("\r\n.\r\n", "\r\n")).await;
    revoke(&relay).await;
    let since = Instant::now();
    let reply = client.hear().await;
    assert!(reply.starts_with("421 4.7.0 [authentication-failed] "), "{reply}");
    client.hear_the_end().await;
    assert!(since.elapsed() < SOON);
    assert_eq!(relay.inbox().await, 0);
}

#[tokio::test]
async fn one_who_is_silent_is_told_that_his_account_was_disabled() {
    let relay = Relay::start(Kind::Submissions, LONG).await;
    let mut client = signed_in(&relay).await;
    let bob = relay.store.account(BOB).await.unwrap().unwrap();
    relay.store.change_account(bob.id, AccountChange::Disable, Vec::new()).await.unwrap();
    let since = Instant::now();
    assert!(client.hear().await.starts_with("421 4.7.0 [authentication-failed] "));
    client.hear_the_end().await;
    assert!(since.elapsed() < SOON);
}

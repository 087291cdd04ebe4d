//! What the driver adds to the machine: TLS, time, the end of the server, and a store that keeps what got its `250`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod client;
mod relay;
mod sessions;
mod tokens;

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use client::Client;
use relay::{BOB, Kind, PASSWORD, Relay};

const LONG: Duration = Duration::from_mins(5);
const SHORT: Duration = Duration::from_millis(300);
const ANA: &str = "ana@peer.test";
const LETTER: &str = "From: <ana@peer.test>\r\nSubject: one\r\n\r\n..dot\r\n.\r\n";

#[tokio::test]
async fn a_message_that_got_its_250_is_in_the_mailbox() {
    let relay = Relay::start(Kind::Operators, LONG).await;
    let mut peer = Client::starttls(&relay, &relay.peer()).await;
    peer.begin(ANA, BOB).await;
    let reply = peer.ask(LETTER.trim_end()).await;
    assert!(reply.starts_with("250 2.0.0 ") && reply.contains(" id="), "{reply}");
    let body = relay.only_body().await;
    assert!(body.ends_with(b"From: <ana@peer.test>\r\nSubject: one\r\n\r\n.dot\r\n"));
    assert!(peer.ask("QUIT").await.starts_with("221"));
    peer.hear_the_end().await;
}

#[tokio::test]
async fn many_messages_sent_ahead_are_all_kept() {
    let relay = Relay::start(Kind::Operators, LONG).await;
    let mut peer = Client::starttls(&relay, &relay.peer()).await;
    let one = format!("MAIL FROM:<{ANA}>\r\nRCPT TO:<{BOB}>\r\nDATA\r\n{LETTER}");
    peer.say(&one.repeat(20)).await;
    for _ in 0..20 {
        for code in ["250", "250", "354", "250"] {
            assert!(peer.hear().await.starts_with(code));
        }
    }
    assert_eq!(relay.inbox().await, 20);
}

#[tokio::test]
async fn a_stranger_hears_why_before_the_connection_closes() {
    let relay = Relay::start(Kind::Operators, LONG).await;
    let mut stranger = Client::starttls(&relay, &relay.stranger()).await;
    // What is sent ahead of the third refusal must not turn the last words into a reset.
    let attempt = format!("MAIL FROM:<{ANA}>\r\nRCPT TO:<{BOB}>\r\n");
    stranger.say(&attempt.repeat(200)).await;
    for _ in 0..2 {
        assert!(stranger.hear().await.starts_with("550 5.7.1 [certificate-not-listed] "));
        assert!(stranger.hear().await.starts_with("503 5.5.1 "));
    }
    assert!(stranger.hear().await.starts_with("550 5.7.1 [certificate-not-listed] "));
    stranger.hear_the_end().await;
}

#[tokio::test]
async fn a_silent_client_is_told_and_closed() {
    let relay = Relay::start(Kind::Operators, SHORT).await;
    let mut client = Client::connect(&relay).await;
    assert!(client.hear().await.starts_with("220 "));
    client.say("EHL").await;
    assert!(client.hear().await.starts_with("421 4.4.2 "));
    client.hear_the_end().await;
}

#[tokio::test]
async fn half_a_command_now_and_then_does_not_hold_a_connection() {
    let relay = Relay::start(Kind::Operators, SHORT).await;
    let mut client = Client::connect(&relay).await;
    assert!(client.hear().await.starts_with("220 "));
    // Each byte comes in time, the command does not.
    let mut drip = tokio::time::interval(SHORT / 10);
    let (mut said, begun) = (0, std::time::Instant::now());
    loop {
        tokio::select! {
            biased;
            reply = client.hear() => {
                assert!(reply.starts_with("421 4.4.2 "), "{reply}");
                break;
            }
            _ = drip.tick() => said += 1,
        }
        client.say("x").await;
        assert!(begun.elapsed() < SHORT * 20, "still there after {said} bytes");
    }
}

#[tokio::test]
async fn a_client_that_vanishes_within_a_message_leaves_nothing() {
    let relay = Relay::start(Kind::Operators, LONG).await;
    let mut peer = Client::starttls(&relay, &relay.peer()).await;
    peer.begin(ANA, BOB).await;
    peer.say(&LETTER.replace("\r\n.\r\n", "\r\n")).await;
    drop(peer);
    assert!(relay.shutdown.finish(Duration::from_secs(20)).await, "the connection is still served");
    assert_eq!(relay.inbox().await, 0);
}

#[tokio::test]
async fn the_end_of_the_server_waits_for_a_message_under_way() {
    let relay = Relay::start(Kind::Operators, LONG).await;
    let mut peer = Client::starttls(&relay, &relay.peer()).await;
    let mut idle = Client::starttls(&relay, &relay.peer()).await;
    peer.begin(ANA, BOB).await;
    let shutdown = relay.shutdown.clone();
    let (ended, ()) = tokio::join!(shutdown.finish(Duration::from_secs(20)), async {
        assert!(idle.hear().await.starts_with("421 4.3.2 "));
        idle.hear_the_end().await;
        assert!(peer.ask(LETTER.trim_end()).await.starts_with("250 2.0.0 "));
        assert!(peer.hear().await.starts_with("421 4.3.2 "));
        peer.hear_the_end().await;
    });
    assert!(ended);
    assert_eq!(relay.inbox().await, 1);
}

#[tokio::test]
async fn a_password_opens_submission_and_a_wrong_one_does_not() {
    let relay = Relay::start(Kind::Submissions, LONG).await;
    let mut client = Client::connect_tls(&relay, &relay.stranger()).await;
    assert!(client.hear().await.starts_with("220 "));
    assert!(client.ask("EHLO client.test").await.starts_with("250 AUTH PLAIN LOGIN EXTERNAL"));
    assert!(client.ask(&format!("MAIL FROM:<{BOB}>")).await.starts_with("530 5.7.0 [authentication-required] "));
    let token = |password: &str| BASE64_STANDARD.encode(format!("\0{BOB}\0{password}"));
    let wrong = client.ask(&format!("AUTH PLAIN {}", token("wrong"))).await;
    assert!(wrong.starts_with("535 5.7.8 [authentication-failed] "), "{wrong}");
    // The certificate is believed, and opens no account.
    assert!(client.ask("AUTH EXTERNAL =").await.starts_with("535 5.7.8 "));
    assert!(client.ask(&format!("AUTH PLAIN {}", token(PASSWORD))).await.starts_with("235 2.7.0 "));
    assert!(client.ask(&format!("MAIL FROM:<{ANA}>")).await.starts_with("550 5.7.1 [sender-not-owned] "));
    client.begin(BOB, BOB).await;
    let letter = LETTER.replace(ANA, BOB);
    assert!(client.ask(letter.trim_end()).await.starts_with("250 2.0.0 "));
    assert_eq!(relay.inbox().await, 1);
}

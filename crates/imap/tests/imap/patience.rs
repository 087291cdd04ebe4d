//! How long a silent client is borne.

use std::time::Duration;

use libtest_mimic::Trial;

use crate::play;
use crate::stage::{Security, Stage};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("patience::who_signed_in_and_is_silent_is_sent_away", || play(silent(b"b NOOP\r\n", "b OK <any>"))),
        Trial::test("patience::idle_does_not_last_for_ever", || play(silent(b"b IDLE\r\n", "+ Idling"))),
    ]
}

async fn silent(last_words: &[u8], answer: &str) -> anyhow::Result<()> {
    let stage = Stage::build().await?.with_idle(Duration::from_millis(200));
    let mut client = stage.open(&Security::Tls);
    client.hear("* OK <any>").await?;
    client.say(b"a LOGIN officine@pharmacie.test secret\r\n").await?;
    client.hear("a OK <any>").await?;
    client.say(last_words).await?;
    client.hear(answer).await?;
    client.hear("* BYE You were silent for too long").await?;
    client.end().await?;
    stage.finish().await
}

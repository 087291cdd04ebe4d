//! Sessions that end while the client idles, or while it says nothing.

use std::time::{Duration, Instant};

use anyhow::ensure;
use libtest_mimic::Trial;
use pli_store::MailboxChange;

use crate::play;
use crate::stage::{Security, Stage};

/// What is promised.
const SOON: Duration = Duration::from_secs(5);

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("sessions::a_suspended_mailbox_ends_idle", || play(suspended(&[b"b SELECT INBOX", b"c IDLE"]))),
        Trial::test("sessions::a_suspended_mailbox_ends_silence", || play(suspended(&[b"b NOOP"]))),
    ]
}

async fn suspended(doing: &[&[u8]]) -> anyhow::Result<()> {
    let stage = Stage::build().await?;
    stage.keep_sessions();
    let mut client = stage.open(&Security::Tls);
    client.hear("* OK <any>").await?;
    client.say(b"a LOGIN officine@pharmacie.test secret\r\n").await?;
    client.hear("a OK <any>").await?;
    for command in doing {
        client.say(&[command, b"\r\n".as_slice()].concat()).await?;
        client.hear_to(&[b"b OK".as_slice(), b"+ Idling"]).await?;
    }
    stage.change(MailboxChange::Suspend).await?;
    let since = Instant::now();
    client.hear("* BYE [AUTHORIZATIONFAILED] <any>").await?;
    client.end().await?;
    ensure!(since.elapsed() < SOON, "{:?}", since.elapsed());
    stage.finish().await
}

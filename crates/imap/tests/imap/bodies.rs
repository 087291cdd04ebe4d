//! What was kept comes back to the byte, whole and in pieces.

use libtest_mimic::Trial;

use crate::play;
use crate::stage::{Client, Security, Stage};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("bodies::a_large_message_goes_through_in_any_piece", || play(large())),
        Trial::test("bodies::odd_bytes_come_back_as_they_are", || play(odd())),
        Trial::test("bodies::a_header_longer_than_what_is_read_first_is_whole", || play(long_header())),
        Trial::test("bodies::addresses_without_number_are_sent_but_not_all_shown", || play(crowd())),
    ]
}

async fn sign_in(stage: &Stage) -> anyhow::Result<Client> {
    let mut client = stage.open(&Security::Tls);
    client.hear("* OK <any>").await?;
    client.say(b"a LOGIN officine@pharmacie.test secret\r\n").await?;
    client.hear("a OK <any>").await?;
    client.say(b"b EXAMINE INBOX\r\n").await?;
    client.hear("* FLAGS <any>").await?;
    for _ in 0..6 {
        client.hear("* <any>").await?;
    }
    client.hear("b OK [READ-ONLY] <any>").await?;
    Ok(client)
}

/// Fetches one section of message 1 and compares it.
async fn fetch(client: &mut Client, asked: &str, told: &str, expected: &[u8]) -> anyhow::Result<()> {
    client.say(format!("c FETCH 1 {asked}\r\n").as_bytes()).await?;
    client.hear(&format!("* 1 FETCH ({told} {{{}}}", expected.len())).await?;
    let bytes = client.hear_bytes(expected.len()).await?;
    // Not `assert_eq`: a megabyte of difference helps nobody.
    anyhow::ensure!(bytes == expected, "{asked} is not what was kept");
    client.hear(")").await?;
    client.hear("c OK <any>").await
}

/// Every byte but NUL, in no order that repeats soon.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0].max(1)
    };
    (0..length).map(|_| next()).collect()
}

async fn large() -> anyhow::Result<()> {
    let stage = Stage::build().await?;
    let mut message =
        b"Subject: grand\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nun\r\n--b\r\n\r\n".to_vec();
    let begin = message.len();
    message.extend(noise(1_500_000));
    let end = message.len();
    message.extend_from_slice(b"\r\n--b--\r\n");
    stage.deliver(&message).await?;
    let mut client = sign_in(&stage).await?;
    fetch(&mut client, "BODY.PEEK[]", "BODY[]", &message).await?;
    fetch(&mut client, "RFC822", "RFC822", &message).await?;
    fetch(&mut client, "BODY.PEEK[2]", "BODY[2]", &message[begin..end]).await?;
    fetch(&mut client, "BODY.PEEK[]<65530.10>", "BODY[]<65530>", &message[65_530..65_540]).await?;
    fetch(&mut client, "BODY.PEEK[]<1000000.4000000>", "BODY[]<1000000>", &message[1_000_000..]).await?;
    let piece = &message[begin + 700_000..begin + 1_100_000];
    fetch(&mut client, "BODY.PEEK[2]<700000.400000>", "BODY[2]<700000>", piece).await?;
    stage.finish().await
}

async fn odd() -> anyhow::Result<()> {
    for message in [
        &b"Subject: r\xe9sum\xe9\r\n\r\n8 bits \xff\xfe and no line end"[..],
        b"Subject: only a header\r\n",
        b"\r\nonly a body\r\n",
        b"Subject: bare\n\nline feeds\n and \r returns\r",
        b"no header at all",
        b".\r\n..\r\n.",
    ] {
        let stage = Stage::build().await?;
        stage.deliver(message).await?;
        let mut client = sign_in(&stage).await?;
        fetch(&mut client, "BODY.PEEK[]", "BODY[]", message).await?;
        stage.finish().await?;
    }
    Ok(())
}

async fn long_header() -> anyhow::Result<()> {
    let stage = Stage::build().await?;
    let mut header = Vec::new();
    for number in 0..8_000 {
        header.extend_from_slice(format!("X-Trace-{number}: a line of a very long header\r\n").as_bytes());
    }
    header.extend_from_slice(b"Subject: fin\r\n\r\n");
    let message = [header.as_slice(), b"corps\r\n"].concat();
    stage.deliver(&message).await?;
    let mut client = sign_in(&stage).await?;
    fetch(&mut client, "BODY.PEEK[HEADER]", "BODY[HEADER]", &header).await?;
    fetch(&mut client, "BODY.PEEK[TEXT]", "BODY[TEXT]", b"corps\r\n").await?;
    let subject = "BODY.PEEK[HEADER.FIELDS (SUBJECT)]";
    fetch(&mut client, subject, "BODY[HEADER.FIELDS (SUBJECT)]", b"Subject: fin\r\n\r\n").await?;
    stage.finish().await
}

/// Two megabytes of addresses, in a message and in one that it forwards.
async fn crowd() -> anyhow::Result<()> {
    let header = format!("Subject: foule\r\nFrom: a@b.fr{}\r\n\r\n", ",\r\n a@b.fr".repeat(200_000));
    let shown = format!("({})", "(NIL NIL \"a\" \"b.fr\")".repeat(1_000));
    let envelope = format!("(NIL \"foule\" {shown} {shown} {shown} NIL NIL NIL NIL NIL)");

    let stage = Stage::build().await?;
    let message = format!("{header}corps\r\n");
    stage.deliver(message.as_bytes()).await?;
    let mut client = sign_in(&stage).await?;
    client.say(b"d FETCH 1 ENVELOPE\r\n").await?;
    client.hear(&format!("* 1 FETCH (ENVELOPE {envelope})")).await?;
    client.hear("d OK <any>").await?;
    fetch(&mut client, "BODY.PEEK[HEADER]", "BODY[HEADER]", header.as_bytes()).await?;
    stage.finish().await?;

    let stage = Stage::build().await?;
    stage.deliver(format!("Content-Type: message/rfc822\r\n\r\n{message}").as_bytes()).await?;
    let mut client = sign_in(&stage).await?;
    client.say(b"d FETCH 1 BODYSTRUCTURE\r\n").await?;
    let text = "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 7 1 NIL NIL NIL NIL)";
    let size = message.len();
    client
        .hear(&format!(
            "* 1 FETCH (BODYSTRUCTURE (\"message\" \"rfc822\" NIL NIL NIL \"7bit\" {size} {envelope} {text} 200004 \
             NIL NIL NIL NIL))"
        ))
        .await?;
    client.hear("d OK <any>").await?;
    fetch(&mut client, "BODY.PEEK[1.HEADER]", "BODY[1.HEADER]", header.as_bytes()).await?;
    stage.finish().await
}

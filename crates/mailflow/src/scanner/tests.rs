//! A clamd of the test's own that fails in every way.

use std::future::Future;

use pli_types::ManualClock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const LETTER: &[u8] = b"Subject: x\r\n\r\nhello\r\n";

fn scanner_at(address: std::net::SocketAddr) -> Scanner {
    let (place, timeout) = (ScannerPlace::Tcp(address), Duration::from_secs(30));
    Scanner::new(ScannerConfig { place, timeout, size_max: None, concurrency: 2 })
}

/// A scanner that does this with every connection.
#[expect(clippy::disallowed_methods, reason = "it ends with the test")]
async fn clamd<F, D>(doing: F) -> Scanner
where
    F: Fn(TcpStream) -> D + Send + 'static,
    D: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scanner = scanner_at(listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(doing(stream));
        }
    });
    scanner
}

/// Takes the command and the whole message; gives back the message.
async fn read_stream(stream: &mut TcpStream) -> Vec<u8> {
    let mut command = [0; 10];
    stream.read_exact(&mut command).await.unwrap();
    assert_eq!(&command, b"zINSTREAM\0");
    let mut message = Vec::new();
    loop {
        let length = stream.read_u32().await.unwrap();
        if length == 0 {
            return message;
        }
        let begun = message.len();
        message.resize(begun + length as usize, 0);
        stream.read_exact(&mut message[begun..]).await.unwrap();
    }
}

/// Takes the whole message, then says this and closes.
async fn saying(reply: &'static [u8]) -> Scanner {
    clamd(move |mut stream| async move {
        read_stream(&mut stream).await;
        stream.write_all(reply).await.unwrap();
    })
    .await
}

async fn scan(scanner: &Scanner, letter: &[u8]) -> ScanFacts {
    scanner.scan(Matter::Letter(letter)).await.unwrap()
}

#[tokio::test]
async fn every_byte_is_shown_in_order() {
    for size in [0, 1, 65_535, 65_536, 65_537, 1_000_000] {
        let letter: Vec<u8> = (0..size).map(|at: u32| (at % 251) as u8).collect();
        let expected = letter.clone();
        let scanner = clamd(move |mut stream| {
            let expected = expected.clone();
            async move {
                let same = read_stream(&mut stream).await == expected;
                stream.write_all(if same { b"stream: OK\0" } else { b"stream: Other FOUND\0" }).await.unwrap();
            }
        })
        .await;
        assert_eq!(scan(&scanner, &letter).await, ScanFacts::Clean, "{size}");
    }
}

#[tokio::test]
async fn what_is_found_is_named() {
    let scanner = saying(b"stream: Win.Test.EICAR_HDB-1 FOUND\0").await;
    assert_eq!(scan(&scanner, LETTER).await, ScanFacts::Found("Win.Test.EICAR_HDB-1".to_owned()));
}

#[tokio::test]
async fn whatever_is_no_answer_is_no_pass() {
    for (reply, fault) in [
        (&b""[..], ScanFault::BrokeOff),
        (b"stream: OK", ScanFault::BrokeOff),
        (b"stream: O", ScanFault::BrokeOff),
        (b"\0", ScanFault::Unreadable),
        (b"UNKNOWN COMMAND\0", ScanFault::Unreadable),
        (b"stream: OK\0stream: Second FOUND\0", ScanFault::Unreadable),
        (b"stream: OK\n\0", ScanFault::Unreadable),
        (b"\xff\xfe stream: OK\0", ScanFault::Unreadable),
        (b"stream: Can't open file ERROR\0", ScanFault::Failed),
        (&[b'a'; 10_000], ScanFault::Unreadable),
    ] {
        // It may hang up on who talks too much.
        let scanner = clamd(move |mut stream| async move {
            read_stream(&mut stream).await;
            stream.write_all(reply).await.ok();
        })
        .await;
        let told = String::from_utf8_lossy(&reply[..reply.len().min(40)]);
        assert_eq!(scan(&scanner, LETTER).await, ScanFacts::Unanswered(fault), "{told}");
    }
}

#[tokio::test]
async fn a_scanner_that_closes_at_once_or_is_not_there_is_no_pass() {
    let scanner = clamd(|stream| async move { drop(stream) }).await;
    assert_eq!(scan(&scanner, LETTER).await, ScanFacts::Unanswered(ScanFault::BrokeOff));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let scanner = scanner_at(listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(scan(&scanner, LETTER).await, ScanFacts::Unanswered(ScanFault::Unreachable));
    let place = ScannerPlace::Unix("/nowhere/clamd.ctl".into());
    let scanner = Scanner::new(ScannerConfig { place, ..scanner.inner.config.clone() });
    assert_eq!(scan(&scanner, LETTER).await, ScanFacts::Unanswered(ScanFault::Unreachable));
}

/// clamd says so as soon as its limit is reached, and reads no further: more is behind it than fits into any buffer.
#[tokio::test]
async fn a_limit_that_is_told_before_the_end_is_heard() {
    let scanner = clamd(|mut stream| async move {
        let mut begun = vec![0; 100_000];
        stream.read_exact(&mut begun).await.unwrap();
        stream.write_all(b"INSTREAM size limit exceeded. ERROR\0").await.unwrap();
        // Not closed while the message still comes.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
    })
    .await;
    assert_eq!(scan(&scanner, &vec![b'a'; 30 << 20]).await, ScanFacts::TooLarge);
}

#[tokio::test]
async fn an_ok_before_the_end_of_the_message_is_no_pass() {
    let scanner = clamd(|mut stream| async move {
        let mut begun = [0; 20];
        stream.read_exact(&mut begun).await.unwrap();
        stream.write_all(b"stream: OK\0").await.unwrap();
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
    })
    .await;
    assert_eq!(scan(&scanner, &vec![b'a'; 30 << 20]).await, ScanFacts::Unanswered(ScanFault::Unreadable));
}

/// Time stands still until everybody waits: then the next to come is the timeout.
#[tokio::test(start_paused = true)]
async fn a_silent_scanner_is_not_waited_for_longer_than_allowed() {
    let begun = Instant::now();
    let scanner = clamd(|mut stream| async move {
        read_stream(&mut stream).await;
        stream.write_all(b"stream: ").await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    assert_eq!(scan(&scanner, LETTER).await, ScanFacts::Unanswered(ScanFault::Silent));
    assert!(begun.elapsed() < Duration::from_secs(31), "{:?}", begun.elapsed());
    assert_eq!(scanner.version().await, Err(ScanFault::Silent));
}

/// One that reads nothing cannot hold a message for ever either.
#[tokio::test(start_paused = true)]
async fn a_scanner_that_does_not_read_is_silent() {
    let scanner = clamd(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    assert_eq!(scan(&scanner, &vec![b'a'; 30 << 20]).await, ScanFacts::Unanswered(ScanFault::Silent));
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_too_long_for_his_turn_is_told_that_the_scanner_is_busy() {
    let scanner = saying(b"stream: OK\0").await;
    let turns = scanner.inner.turns.acquire_many(2).await.unwrap();
    assert_eq!(scan(&scanner, LETTER).await, ScanFacts::Unanswered(ScanFault::Busy));
    drop(turns);
    assert_eq!(scanner.inner.turns.available_permits(), 2, "who gave up gives no turn back that he never had");
}

#[tokio::test]
async fn what_is_larger_than_allowed_is_not_shown() {
    let scanner = clamd(|_| async { panic!("it was asked") }).await;
    let scanner = Scanner::new(ScannerConfig { size_max: Some(10), ..scanner.inner.config.clone() });
    assert_eq!(scan(&scanner, LETTER).await, ScanFacts::TooLarge);
}

#[tokio::test]
async fn it_is_known_since_when_nobody_answers() {
    let scanner = clamd(|mut stream| async move {
        let mut command = [0; 9];
        stream.read_exact(&mut command).await.unwrap();
        assert_eq!(&command, b"zVERSION\0");
        stream.write_all(b"ClamAV 1.4.6\0").await.unwrap();
    })
    .await;
    assert_eq!(scanner.standing(), Standing::default(), "nobody was asked yet");
    let clock = ManualClock::new("2026-03-01T08:00:00Z".parse().unwrap());
    let first = clock.now();
    scanner.note(Err(ScanFault::Unreachable), first);
    let later = first + jiff::SignedDuration::from_secs(9);
    scanner.note(Err(ScanFault::Silent), later);
    assert_eq!(scanner.standing().failing, Some((first, ScanFault::Silent)));
    scanner.note(scanner.version().await, later);
    let standing = scanner.standing();
    assert_eq!((standing.failing, standing.version.unwrap().engine), (None, "ClamAV 1.4.6".to_owned()));
}

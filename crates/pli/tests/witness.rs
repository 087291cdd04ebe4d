//! Checkpoints leave a node: a witness signs them, a receiver of syslog is told of them. The witness is a double of these
//! tests that speaks C2SP tlog-witness over HTTPS, and holds every proof against what he has signed.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pli_audit::tree::consistency;
use pli_audit::witness::cosigned_at;
use pli_audit::{Hash, SignedCheckpoint, VerifierKey, WitnessKey};
use pli_net::{ServerTls, TlsConfig};
use support::node::{Node, Operator, read};
use support::record::{seal, verified};
use support::siem::Receiver;
use support::text;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const NAME: &str = "witness.test/w1";
const MAILBOX: &str = "officine@pharmacie-du-pont.mssante.fr";

/// How the witness is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// As he should be.
    Sound,
    /// He hangs up.
    Down,
    /// He answers something else.
    Garbled,
    /// Somebody else answers in his place.
    Replaced,
}

struct Held {
    manner: Manner,
    /// Whom he signs for, once he has been told.
    log: Option<VerifierKey>,
    /// What he has signed last.
    seen: (u64, Hash),
    /// All sizes that he has signed, and how often he has said that he has seen another.
    signed: Vec<u64>,
    conflicts: usize,
}

#[derive(Clone)]
struct Witness {
    held: Arc<Mutex<Held>>,
    port: u16,
}

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

/// His public key's bytes, and its id (tlog-cosignature).
fn public(seed: u8) -> (Vec<u8>, Vec<u8>) {
    let key = [&[4], pair(seed).public_key().as_ref()].concat();
    let hash = digest(&SHA256, &[NAME.as_bytes(), b"\n", &key].concat());
    (key, hash.as_ref()[..4].to_vec())
}

fn key_text(seed: u8) -> String {
    let (key, id) = public(seed);
    let id = u32::from_be_bytes(id.try_into().unwrap());
    format!("{NAME}+{id:08x}+{}", BASE64.encode(key))
}

fn cosignature(note: &str, seed: u8) -> String {
    let time = 1_795_348_800_u64;
    let signature = pair(seed).sign(format!("cosignature/v1\ntime {time}\n{note}").as_bytes());
    // The wrong one claims to be the right one.
    let bytes = [&public(9).1, &time.to_be_bytes()[..], signature.as_ref()].concat();
    format!("\u{2014} {NAME} {}\n", BASE64.encode(bytes))
}

impl Held {
    /// The answer to `add-checkpoint`.
    fn answer(&mut self, body: &str) -> (u16, String) {
        let Some(log) = &self.log else { return (404, String::new()) };
        let (head, note) = body.split_once("\n\n").unwrap();
        let mut lines = head.split('\n');
        let old: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
        let proof: Vec<Hash> = lines.map(|line| Hash::from_base64(line).unwrap()).collect();
        let Ok(signed) = SignedCheckpoint::open(note.as_bytes(), log) else { return (403, String::new()) };
        let (size, root) = (signed.checkpoint().size(), signed.checkpoint().root());
        if old > size {
            return (400, String::new());
        }
        if old != self.seen.0 || (size == old && root != self.seen.1) {
            self.conflicts += 1;
            return (409, format!("{}\n", self.seen.0));
        }
        if consistency::verify(old, self.seen.1, size, root, &proof).is_err() {
            return (422, String::new());
        }
        match self.manner {
            Manner::Garbled => (200, "<html>Welcome</html>".to_owned()),
            Manner::Replaced => (200, cosignature(signed.note().text(), 8)),
            Manner::Sound | Manner::Down => {
                self.seen = (size, root);
                self.signed.push(size);
                (200, cosignature(signed.note().text(), 9))
            }
        }
    }
}

impl Witness {
    /// Answers with the operator's own certificate, which the trust space's root vouches for, and stands in his
    /// configuration.
    async fn start(operator: &Operator) -> Self {
        let tls =
            TlsConfig { certificate: operator.path("pro/tls/server.pem"), key: operator.path("pro/tls/server.key") };
        let tls = ServerTls::operators(&tls).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let held = Held { manner: Manner::Down, log: None, seen: (0, Hash::EMPTY), signed: Vec::new(), conflicts: 0 };
        let witness = Self { held: Arc::new(Mutex::new(held)), port: listener.local_addr().unwrap().port() };
        let held = Arc::clone(&witness.held);
        #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok((mut stream, _)) = tls.accept(stream).await {
                    serve(&mut stream, &held).await;
                }
            }
        });
        let more = format!(
            "[[witness]]\nurl = \"https://localhost:{}/pli\"\nkey = \"{}\"\nca = \"../pki/root.pem\"\nevery = \"50ms\"\n",
            witness.port,
            key_text(9)
        );
        configure(operator, &more);
        witness
    }

    fn with<T>(&self, look: impl FnOnce(&mut Held) -> T) -> T {
        look(&mut self.held.lock().unwrap())
    }
}

async fn serve(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), held: &Mutex<Held>) {
    let mut asked = Vec::new();
    while !asked.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { return };
        asked.push(byte);
    }
    let asked = String::from_utf8(asked).unwrap().to_lowercase();
    assert!(asked.starts_with("post /pli/add-checkpoint http/1.1\r\n"), "{asked}");
    let length = asked.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    if stream.read_exact(&mut body).await.is_err() || held.lock().unwrap().manner == Manner::Down {
        return;
    }
    let (status, answer) = held.lock().unwrap().answer(str::from_utf8(&body).unwrap());
    let reply = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}", answer.len());
    stream.write_all(reply.as_bytes()).await.ok();
    stream.shutdown().await.ok();
}

fn configure(operator: &Operator, audit: &str) {
    let mut config: toml::Table = read(&operator.path("pro/pli.toml")).parse().unwrap();
    config.insert("audit".to_owned(), audit.parse::<toml::Table>().unwrap().into());
    operator.replace("pro/pli.toml", &config.to_string());
}

/// The last checkpoint that the witness has signed, as the node keeps it.
fn kept(operator: &Operator, log: &VerifierKey) -> Option<SignedCheckpoint> {
    let text = read(&operator.path("pro/state/witnessed"));
    // In a signature's line there is a space behind the name.
    let begins = text.rfind(&format!("{}\n", log.name()))?;
    SignedCheckpoint::open(format!("{}\n", text.get(begins..)?.trim_end()).as_bytes(), log).ok()
}

fn change(operator: &Operator, verb: &str) {
    operator.told(&["mailbox", verb, MAILBOX, "--reason", "a test"]);
}

fn log_key(operator: &Operator) -> VerifierKey {
    VerifierKey::parse(verified(operator, &[])["key"].as_str().unwrap()).unwrap()
}

/// Waits until the witness has signed all that is sealed.
fn all_witnessed(operator: &Operator, node: &mut Node, log: &VerifierKey) -> u64 {
    let size = seal(operator, node);
    node.wait_for(|| kept(operator, log).filter(|kept| kept.checkpoint().size() >= size));
    size
}

fn a_witness_that_is_odd_holds_nothing_up(operator: &Operator, witness: &Witness) {
    let mut node = operator.serve();
    node.wait_for_log("a checkpoint was not taken");
    let size = seal(operator, &mut node);
    change(operator, "suspend");
    node.wait_for(|| (verified(operator, &[])["tree_size"].as_u64()? > size).then_some(()));
    witness.with(|held| held.manner = Manner::Garbled);
    node.wait_for_log("he does not sign: 404");
    let log = log_key(operator);
    witness.with(|held| held.log = Some(log.clone()));
    node.wait_for_log("no answer of a witness");
    witness.with(|held| held.manner = Manner::Replaced);
    node.wait_for_log("the answer is not signed by the key");
    assert!(kept(operator, &log).is_none() && witness.with(|held| held.signed.is_empty()));

    witness.with(|held| held.manner = Manner::Sound);
    node.wait_for_log("a checkpoint has arrived again");
    let size = all_witnessed(operator, &mut node, &log);
    let key = WitnessKey::parse(&key_text(9)).unwrap();
    assert_eq!(cosigned_at(kept(operator, &log).unwrap().note(), &key), Ok(1_795_348_800));
    let file = operator.path("pro/state/witnessed");
    assert!(verified(operator, &["--checkpoint", text(&file)])["earlier"].as_u64().unwrap() >= size);
    assert!(node.end().0.success());
}

fn a_witness_knows_better_what_he_has_seen(operator: &Operator, witness: &Witness) {
    let log = log_key(operator);
    let conflicts = witness.with(|held| held.conflicts);
    let mut node = operator.serve();
    change(operator, "resume");
    all_witnessed(operator, &mut node, &log);
    assert_eq!(witness.with(|held| held.conflicts), conflicts + 1, "it began with 0, and was told");

    // He has seen more than there is.
    witness.with(|held| held.seen.0 += 1000);
    change(operator, "suspend");
    node.wait_for_log("entries, and there are");
    let looked = node.wait_for(|| {
        let looked = operator.ask(&["doctor"]);
        let looked: serde_json::Value = serde_json::from_slice(&looked.stdout).unwrap();
        let rows = looked.as_array().unwrap().iter();
        rows.filter(|row| row["code"] == "witness-contradicts").map(ToString::to_string).next()
    });
    assert!(looked.contains(NAME) && looked.contains("set back"), "{looked}");
    // The same number of entries, and others.
    witness.with(|held| held.seen = (held.seen.0 - 1000, Hash::leaf(b"another history")));
    node.wait_for_log("entries that are others");
    seal(operator, &mut node);
    assert!(node.end().0.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_signs_what_continues_what_he_has_signed_and_nothing_waits_for_him() {
    let operator = tokio::task::spawn_blocking(Operator::new).await.unwrap();
    let witness = Witness::start(&operator).await;
    let done = tokio::task::spawn_blocking(move || {
        a_witness_that_is_odd_holds_nothing_up(&operator, &witness);
        a_witness_knows_better_what_he_has_seen(&operator, &witness);
    });
    done.await.unwrap();
}

#[test]
fn a_receiver_of_syslog_is_told_all_that_a_checkpoint_is_made_of() {
    let operator = Operator::new();
    let receiver = Receiver::start(&operator, "receive");
    configure(&operator, &format!("[syslog]\nto = \"{}\"\nca = \"../pki/root.pem\"\n", receiver.to));
    let mut node = operator.serve();
    seal(&operator, &mut node);
    let told = receiver.told();
    let (message, told) = (&told[0], &told[0]["data"]);
    assert_eq!((&message["id"], &message["said"]), (&"checkpoint".into(), &"the record is sealed".into()));
    let value = |name: &str| told[name].as_str().unwrap_or_else(|| panic!("{told}"));
    let [record, size, root, signature] = ["record", "size", "root", "signature"].map(value);
    let checkpoint = format!("{record}\n{size}\n{root}\n\n\u{2014} {record} {signature}\n");
    let signed = SignedCheckpoint::open(checkpoint.as_bytes(), &log_key(&operator)).unwrap();
    let file = operator.path("told");
    std::fs::write(&file, &checkpoint).unwrap();
    assert_eq!(verified(&operator, &["--checkpoint", text(&file)])["earlier"], signed.checkpoint().size());
    assert!(node.end().0.success());
}

//! One sealer, two of them, and what they go on from.

use std::path::Path;

use jiff::Timestamp;
use pli_audit::{Event, EventKind, Face};
use pli_types::{ManualClock, Secret};

use super::*;

const ORIGIN: &str = "mss.a.test/audit";

struct Bench {
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    config: pli_store::Config,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let master_key = folder.path().join("master.key");
        std::fs::write(&master_key, "5a".repeat(32)).unwrap();
        std::fs::set_permissions(&master_key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let url = format!("sqlite://{}", folder.path().join("store/pli.db").display());
        let config = pli_store::Config { url, master_key };
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let store = pli_store::open(&config, clock.clone()).await.unwrap();
        Self { store, clock, config, folder }
    }

    fn checkpoints(&self) -> std::path::PathBuf {
        self.folder.path().join("checkpoints")
    }

    fn sealer(&self) -> Sealer {
        self.sealer_to(&self.checkpoints())
    }

    fn sealer_to(&self, outlet: &Path) -> Sealer {
        let (store, clock) = (Arc::clone(&self.store), self.clock.clone());
        Sealer::new(store, clock, key(), Outlet::new(outlet.to_owned()), Duration::from_millis(1))
    }

    async fn record(&self, count: usize) {
        let event = || Event::new(self.clock.now(), EventKind::Opened, Face::Imap);
        self.store.append_audit((0..count).map(|_| event()).collect()).await.unwrap();
    }

    async fn sealed(&self) -> u64 {
        self.store.sealed().await.unwrap().map_or(0, |sealed| sealed.size)
    }

    /// The sizes of all that was handed out.
    fn handed_out(&self) -> Vec<u64> {
        let text = std::fs::read_to_string(self.checkpoints()).unwrap_or_default();
        text.split(&format!("{ORIGIN}\n")).skip(1).map(|note| note.lines().next().unwrap().parse().unwrap()).collect()
    }
}

fn key() -> SignerKey {
    SignerKey::from_seed(ORIGIN, &Secret::new([7; 32])).unwrap()
}

#[tokio::test]
async fn all_that_is_recorded_is_sealed_in_one_turn_and_handed_out() {
    let at = Bench::new().await;
    let mut sealer = at.sealer();
    assert!(sealer.turn().await);
    assert_eq!((at.sealed().await, at.handed_out()), (0, vec![]), "there is nothing to stand for");
    at.record(3).await;
    assert!(sealer.turn().await);
    at.record(ROWS_MAX + 1).await;
    assert!(sealer.turn().await);
    let rows = ROWS_MAX as u64;
    assert_eq!((at.sealed().await, at.handed_out()), (rows + 4, vec![3, rows + 3, rows + 4]));
    assert_eq!(sealer.standing().fault(), None);
}

#[tokio::test]
async fn of_two_sealers_the_one_that_slept_goes_on_from_where_the_other_is() {
    let at = Bench::new().await;
    let (mut one, mut other) = (at.sealer(), at.sealer());
    at.record(5).await;
    assert!(one.turn().await && other.turn().await);
    for round in 1..6 {
        at.record(300).await;
        let (fast, slow) = if round % 2 == 0 { (&mut one, &mut other) } else { (&mut other, &mut one) };
        assert!(fast.turn().await && slow.turn().await);
    }
    at.record(300).await;
    let (went_on, too) = tokio::join!(one.turn(), other.turn());
    assert!(went_on && too);
    assert_eq!(at.sealed().await, 1805);
    // Each handed out after the one before. The last may be there twice, and is the same: who found it sealed and not yet
    // handed out cannot know whether its maker has ended.
    let mut handed_out = at.handed_out();
    handed_out.dedup();
    assert_eq!(handed_out, [5, 305, 605, 905, 1205, 1505, 1805]);
}

#[tokio::test]
async fn what_was_sealed_and_not_handed_out_is_handed_out_by_the_next() {
    let at = Bench::new().await;
    at.record(4).await;
    // The folder is not there: it is as if the end had come between.
    let mut first = at.sealer_to(&at.folder.path().join("nowhere/checkpoints"));
    assert!(first.turn().await);
    assert!(first.standing().unkept().is_some());
    assert_eq!((at.sealed().await, at.handed_out()), (4, vec![]));
    let mut second = at.sealer();
    assert!(second.turn().await);
    assert_eq!(at.handed_out(), [4]);
    assert!(at.sealer().turn().await);
    assert_eq!(at.handed_out(), [4], "once");
}

#[tokio::test]
async fn what_could_not_be_handed_out_is_tried_again_though_nothing_happens() {
    let at = Bench::new().await;
    at.record(4).await;
    let folder = at.folder.path().join("later");
    let mut sealer = at.sealer_to(&folder.join("checkpoints"));
    assert!(sealer.turn().await);
    assert!(sealer.standing().unkept().is_some());
    std::fs::create_dir(&folder).unwrap();
    let shutdown = Shutdown::default();
    let standing = sealer.standing();
    shutdown.spawn(sealer.run(shutdown.clone()));
    let kept = async {
        while standing.unkept().is_some() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_mins(1), kept).await.expect("it is handed out");
    assert!(std::fs::read_to_string(folder.join("checkpoints")).unwrap().starts_with(&format!("{ORIGIN}\n4\n")));
    assert!(shutdown.finish(Duration::from_mins(1)).await, "it ends");
}

#[tokio::test]
async fn until_it_has_looked_once_a_sealer_is_beginning() {
    let at = Bench::new().await;
    at.record(4).await;
    let mut sealer = at.sealer();
    assert!(sealer.standing().is_beginning());
    assert!(sealer.turn().await);
    assert!(!sealer.standing().is_beginning());
}

#[tokio::test]
async fn a_store_that_was_set_back_or_is_another_is_not_sealed() {
    let (at, other) = (Bench::new().await, Bench::new().await);
    at.record(9).await;
    assert!(at.sealer().turn().await);
    // As many, fewer, and more entries than were handed out: of another history.
    for (count, fault) in
        [(0, Fault::Behind { handed_out: 9, sealed: 0 }), (4, Fault::Behind { handed_out: 9, sealed: 4 })]
    {
        other.record(count).await;
        assert!(other.sealer().turn().await);
        std::fs::remove_file(other.checkpoints()).ok();
        let mut sealer = other.sealer_to(&at.checkpoints());
        assert!(!sealer.turn().await);
        assert_eq!(sealer.standing().fault(), Some(fault));
    }
    for more in [5, 400] {
        other.record(more).await;
        assert!(other.sealer().turn().await);
        let mut sealer = other.sealer_to(&at.checkpoints());
        assert!(!sealer.turn().await);
        assert_eq!(sealer.standing().fault(), Some(Fault::Fork(9)));
    }
    assert_eq!(at.handed_out(), [9], "nothing more was signed");
    // The right one is the continuation of it.
    at.record(400).await;
    assert!(at.sealer().turn().await);
    assert_eq!(at.handed_out(), [9, 409]);
}

#[tokio::test]
async fn a_checkpoint_of_another_key_is_not_gone_on_from() {
    let at = Bench::new().await;
    at.record(2).await;
    assert!(at.sealer().turn().await);
    let (store, clock) = (Arc::clone(&at.store), at.clock.clone());
    let key = SignerKey::from_seed(ORIGIN, &Secret::new([8; 32])).unwrap();
    let mut other = Sealer::new(store, clock, key, Outlet::new(at.folder.path().join("other")), Duration::from_secs(1));
    assert!(!other.turn().await);
    assert!(matches!(other.standing().fault(), Some(Fault::Checkpoint(_))));
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_asked_again() {
    let at = Bench::new().await;
    at.record(2).await;
    let mut sealer = at.sealer();
    assert!(sealer.turn().await);
    at.store.close().await;
    assert!(sealer.turn().await, "it is not given up");
    assert!(sealer.standing().is_behind());
    let store = pli_store::open(&at.config, at.clock.clone()).await.unwrap();
    sealer.store = store;
    assert!(sealer.turn().await);
    assert!(!sealer.standing().is_behind());
}

#[tokio::test]
async fn a_running_sealer_seals_what_comes_and_what_came_before_the_end() {
    let at = Bench::new().await;
    let shutdown = Shutdown::default();
    shutdown.spawn(at.sealer().run(shutdown.clone()));
    at.record(1).await;
    let sealed = async {
        while at.sealed().await < 1 {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_mins(1), sealed).await.expect("it is sealed");
    at.record(7).await;
    assert!(shutdown.finish(Duration::from_mins(1)).await, "it ends");
    assert_eq!(at.sealed().await, 8);
}

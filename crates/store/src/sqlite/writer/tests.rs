//! What a batch does when one of its writes, or the database, cannot.

use std::sync::Mutex;

use futures_util::future::{join, join_all};
use pli_types::Marked;

use super::*;
use crate::sqlite::intake::audit_rows;
use crate::sqlite::setup::{Location, migrate, writer_options};
use crate::{Config, Result};

/// A writer over tables of its own.
struct Bench {
    writer: Writer,
    _folder: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("pli.db").display());
        let location = Location::of(&Config { url, master_key: std::path::PathBuf::new() }).unwrap();
        let options = writer_options(&location).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        migrate(&mut connection, &location, jiff::Timestamp::UNIX_EPOCH).await.unwrap();
        let hand = Hand {
            master: Arc::new(MasterKey::from_bytes(&[7; 32]).unwrap()),
            options,
            connection: Some(connection),
            bodies: BodyFolder::new(location.bodies()),
            removals: JoinSet::new(),
            changes: broadcast::channel(1).0,
            recorded: watch::channel(0).0,
            lock: Lock::take(&location).await.unwrap(),
        };
        Self { writer: Writer::start(hand).unwrap(), _folder: folder }
    }

    async fn write(&self, step: Step) -> Result<i64> {
        self.writer.write(step).await
    }

    /// All of them in one batch: while the writer is held up, they gather.
    async fn write_together(&self, steps: Vec<Step>) -> Vec<Result<i64>> {
        let (started, has_started) = oneshot::channel();
        let (release, released) = oneshot::channel();
        let hold = self.write(Step::Hold(Mutex::new(Some((started, released)))));
        let writes = async {
            has_started.await.unwrap();
            // Queued in their first poll, which comes before the release.
            join(join_all(steps.into_iter().map(|step| self.write(step))), async { release.send(()).unwrap() }).await.0
        };
        join(hold, writes).await.1
    }

    async fn counter(&self, name: &'static str) -> i64 {
        self.write(Step::Read(name)).await.unwrap()
    }
}

/// Something to write.
enum Step {
    /// Adds one to a counter; its value.
    Count(&'static str),
    /// Refused before anything is changed.
    RefuseAtOnce,
    /// Adds one, then finds that it cannot be done.
    CountThenRefuse(&'static str),
    /// A fault of the program.
    Panic,
    /// This many bytes into the record.
    Record(usize),
    /// How many pages the database may have.
    LimitPages(i64),
    /// Says that it has begun, and ends when told to.
    Hold(Mutex<Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>>),
    /// The counter's value, zero if there is none.
    Read(&'static str),
}

#[async_trait]
impl Write for Step {
    type Output = i64;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<i64> {
        match self {
            Self::Count(name) => count(tx, name).await,
            Self::RefuseAtOnce => Err(StoreError::Conflict("refused")),
            Self::CountThenRefuse(name) => {
                count(tx, name).await?;
                Err(StoreError::Conflict("refused late"))
            }
            Self::Panic => panic!("a fault of the program"),
            Self::Record(bytes) => {
                let at = jiff::Timestamp::UNIX_EPOCH;
                let mut event = pli_audit::Event::new(at, pli_audit::EventKind::Changed, pli_audit::Face::Cli);
                event.detail = Some(Marked::plain("x".repeat(*bytes)));
                tx.record(&audit_rows(&[event]));
                Ok(0)
            }
            Self::LimitPages(pages) => {
                let sql = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
                tx.fetch(sqlx::query(sql)).await.map(|_| 0)
            }
            Self::Hold(channels) => {
                let channels = channels.lock().unwrap().take();
                let (started, released) = channels.unwrap();
                started.send(()).unwrap();
                released.await.unwrap();
                Ok(0)
            }
            Self::Read(name) => {
                let row =
                    tx.fetch_one(sqlx::query("SELECT name, value FROM counters WHERE name = ?").bind(*name)).await?;
                row.map_or(Ok(0), |row| crate::sqlite::rows::Row::new(&row, "counters").get("value"))
            }
        }
    }
}

async fn count(tx: &mut Tx<'_>, name: &str) -> Result<i64> {
    let sql = sqlx::query(
        "INSERT INTO counters (name, value) VALUES (?, 1) ON CONFLICT DO UPDATE SET value = value + 1
         RETURNING name, value",
    );
    let rows = tx.change(sql.bind(name)).await?;
    crate::sqlite::rows::Row::new(&rows[0], "counters").get("value")
}

#[tokio::test]
async fn what_waits_is_told_while_it_waits() {
    let bench = Bench::new().await;
    let (started, has_started) = oneshot::channel();
    let (release, released) = oneshot::channel();
    let hold = bench.write(Step::Hold(Mutex::new(Some((started, released)))));
    let mut seen = Vec::new();
    let others = async {
        has_started.await.unwrap();
        seen.push(bench.writer.backlog());
        // One is asked for and waits; then whoever asked for it goes away, and it waits all the same.
        assert!(bench.write(Step::Count("a")).now_or_never().is_none());
        seen.push(bench.writer.backlog());
        release.send(()).unwrap();
    };
    join(hold, others).await.0.unwrap();
    assert_eq!(seen.iter().map(|backlog| backlog.waiting).collect::<Vec<_>>(), [1, 2]);
    assert!(seen[1].oldest > seen[0].oldest, "{seen:?}");
    assert_eq!(bench.counter("a").await, 1);
    assert_eq!(bench.writer.backlog().waiting, 0);
}

#[tokio::test]
async fn a_write_that_is_refused_early_or_late_fails_alone() {
    let bench = Bench::new().await;
    for refused in [|| Step::RefuseAtOnce, || Step::CountThenRefuse("b")] {
        let before = bench.counter("a").await;
        let results = bench.write_together(vec![Step::Count("a"), refused(), Step::Count("a")]).await;
        assert!(matches!(results[1], Err(StoreError::Conflict(_))), "{:?}", results[1]);
        assert_eq!((results[0].as_ref().unwrap(), results[2].as_ref().unwrap()), (&(before + 1), &(before + 2)));
        assert_eq!((bench.counter("a").await, bench.counter("b").await), (before + 2, 0));
    }
}

#[tokio::test]
async fn a_write_that_panics_does_not_end_the_writer() {
    let bench = Bench::new().await;
    assert_eq!(bench.write(Step::Count("a")).await.unwrap(), 1);
    let panicked = bench.write(Step::Panic).await;
    assert!(matches!(panicked, Err(StoreError::Unavailable { full: false, .. })), "{panicked:?}");
    assert_eq!(bench.write(Step::Count("a")).await.unwrap(), 2);
}

#[tokio::test]
async fn a_full_disk_is_told_as_such_and_gets_well_by_itself() {
    let bench = Bench::new().await;
    bench.write(Step::Count("a")).await.unwrap();
    bench.write(Step::LimitPages(1)).await.unwrap();
    for _ in 0..3 {
        let results = bench.write_together(vec![Step::Count("a"), Step::Record(1_000_000)]).await;
        for result in results {
            assert!(matches!(result, Err(StoreError::Unavailable { full: true, .. })), "{result:?}");
        }
    }
    assert_eq!(bench.counter("a").await, 1, "nothing is half done");
    bench.write(Step::LimitPages(1_000_000)).await.unwrap();
    bench.write(Step::Record(1_000_000)).await.unwrap();
    assert_eq!(bench.write(Step::Count("a")).await.unwrap(), 2);
}

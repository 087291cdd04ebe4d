//! Soft, then hard.

use std::time::Duration;

use pli_net::Shutdown;

#[tokio::test]
async fn the_end_waits_for_tasks_and_for_those_that_they_start() {
    let shutdown = Shutdown::default();
    let (say, mut heard) = tokio::sync::mpsc::channel(1);
    let inner = shutdown.clone();
    shutdown.spawn(async move {
        inner.begun().await;
        inner.clone().spawn(async move {
            tokio::task::yield_now().await;
            say.send("last").await.unwrap();
        });
    });
    assert!(!shutdown.has_begun());
    assert!(shutdown.finish(Duration::from_secs(20)).await);
    assert!(shutdown.has_begun());
    assert_eq!(heard.try_recv(), Ok("last"));
}

#[tokio::test]
async fn a_task_that_hangs_does_not_hang_the_end() {
    let shutdown = Shutdown::default();
    shutdown.spawn(std::future::pending());
    assert!(!shutdown.finish(Duration::from_millis(20)).await);
}

#[tokio::test]
async fn a_task_that_panics_does_not_hang_the_end() {
    let shutdown = Shutdown::default();
    shutdown.spawn(async { panic!("as told") });
    assert!(shutdown.finish(Duration::from_secs(20)).await);
}

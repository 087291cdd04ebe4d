//! [`keep`]: the task that ends sessions.

use std::time::Duration;

use pli_net::Shutdown;
use pli_store::{Change, Store};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Ending, Sessions};

/// Sessions are looked at this often; so many changes of access as come within are one.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Without any word of a change, everybody is asked about all the same: a word may be lost.
const ASK_EVERY: Duration = Duration::from_mins(1);

/// Ends sessions until the server stops.
pub(crate) async fn keep(sessions: Sessions, store: &dyn Store, shutdown: &Shutdown) {
    let mut changes = store.subscribe();
    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut asked_at, mut asked_as_of) = (Instant::now(), sessions.changes());
    loop {
        tokio::select! {
            biased;
            () = shutdown.begun() => return,
            change = changes.recv() => match change {
                Ok(Change::Access) | Err(RecvError::Lagged(_)) => sessions.access_changed(),
                Ok(_) => {}
                // The store is gone, and with it whoever it could say something about.
                Err(RecvError::Closed) => return,
            },
            _ = look.tick() => {
                sessions.end_passed();
                let as_of = sessions.changes();
                if as_of != asked_as_of || asked_at.elapsed() >= ASK_EVERY {
                    // A round that could not be finished is begun again at the next look.
                    if ask(&sessions, store).await {
                        (asked_at, asked_as_of) = (Instant::now(), as_of);
                    }
                }
            }
        }
    }
}

/// Asks the store about everybody who is signed in. False if it did not answer: nobody is sent away for that.
async fn ask(sessions: &Sessions, store: &dyn Store) -> bool {
    for (account, ids) in sessions.holders() {
        match store.still_holds(&account).await {
            Ok(true) => {}
            Ok(false) => sessions.end(&ids, Ending::Withdrawn),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "it cannot be asked whether sessions may go on");
                return false;
            }
        }
    }
    true
}

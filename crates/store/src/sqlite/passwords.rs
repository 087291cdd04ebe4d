//! Passwords: argon2id, off the async threads, a few at a time.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use pli_types::Secret;

use super::SqliteStore;
use crate::{Result, StoreError};

impl SqliteStore {
    pub(super) async fn hash(&self, password: Secret<String>) -> Result<String> {
        self.off_thread(move || hash(&password))
            .await?
            .ok_or_else(|| StoreError::unavailable("a password could not be hashed"))
    }

    /// Does the password fit? Without a hash (no such account) the answer is no, after the same time.
    pub(super) async fn verify(&self, password: Secret<String>, hash: Option<String>) -> Result<bool> {
        self.off_thread(move || {
            let fits = fits(&password, hash.as_deref().unwrap_or(NOBODY));
            fits && hash.is_some()
        })
        .await
    }

    /// Runs work on passwords, a few at a time, where it keeps nobody waiting.
    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let closed = || StoreError::unavailable("passwords cannot be checked any more");
        let permit = self.password_checks.clone().acquire_owned().await.map_err(|_| closed())?;
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work, not by who waits for it: he may go away.
            let _permit = permit;
            work()
        });
        done.await.map_err(|_| closed())
    }
}

/// A hash of nothing that anybody knows, with the parameters of all others.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IHNpZ25zIGlu$YeUzVWVXVmLcIWBnEAcdrEkDFPnYAEdRj7a/rzvuEWA";

/// argon2id with the parameters that OWASP names first for little memory: 19 MiB, 2 passes, 1 lane.
fn hash(password: &Secret<String>) -> Option<String> {
    let hash = Argon2::default().hash_password(password.reveal().as_bytes()).ok()?;
    Some(hash.to_string())
}

fn fits(password: &Secret<String>, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.reveal().as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_kept_as_argon2id_with_the_stated_cost() {
        let password = Secret::new("correct horse".to_owned());
        let kept = hash(&password).unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert!(fits(&password, &kept));
        assert!(!fits(&Secret::new("wrong".to_owned()), &kept));
        assert!(!fits(&password, "not a hash"));
        assert_ne!(kept, hash(&password).unwrap(), "salted");
        // An unknown name costs the same, so its hash must be well-formed and have the same parameters.
        assert_eq!(PasswordHash::new(NOBODY).unwrap().params, PasswordHash::new(&kept).unwrap().params);
    }
}

//! RSA keys, which take a while: made on all processors before they are needed.

use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::anyhow;
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};

/// Keys that nobody has used yet.
#[derive(Debug, Default)]
pub(crate) struct Keys(Mutex<Vec<KeyPair>>);

impl Keys {
    /// Makes so many more.
    pub(crate) fn make(&self, count: usize) -> anyhow::Result<()> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let share = |first| (first..count).step_by(processors).map(|_| rsa_key()).collect::<anyhow::Result<Vec<_>>>();
        let shares: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..processors).map(|first| scope.spawn(move || share(first))).collect();
            threads.into_iter().map(thread::ScopedJoinHandle::join).collect()
        });
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for share in shares {
            keys.extend(share.map_err(|_| anyhow!("a thread that made keys panicked"))??);
        }
        Ok(())
    }

    /// One of them, or a new one if none is left.
    pub(crate) fn take(&self) -> anyhow::Result<KeyPair> {
        let made = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        made.map_or_else(rsa_key, Ok)
    }
}

/// 2048 bits: the real authorities have 4096, which would cost seconds at each first start and prove nothing.
pub(crate) fn rsa_key() -> anyhow::Result<KeyPair> {
    Ok(KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_used_once_and_there_is_always_one_more() {
        let keys = Keys::default();
        keys.make(3).unwrap();
        assert_eq!(keys.0.lock().unwrap().len(), 3);
        let taken: std::collections::HashSet<_> = (0..4).map(|_| keys.take().unwrap().serialize_pem()).collect();
        assert_eq!(taken.len(), 4);
    }
}

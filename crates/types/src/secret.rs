//! [`Secret`]: a value that is wiped when dropped and never printed.

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

/// Holds a password or a key: no `Display`, a `Debug` that says nothing, wiped from memory on drop.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes the value in.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value. The name is there to be searched for.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(<hidden>)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let secret = Secret::new(String::from("correct horse"));
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)).matches("horse").count(), 0);
        assert_eq!(secret.reveal(), "correct horse");
    }
}

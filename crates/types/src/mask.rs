//! How a health identifier appears where it must not be read: [`Masker`].

use aws_lc_rs::hmac;

use crate::address::{MailAddress, ReversePath};
use crate::identity::Ins;

/// Masks health identifiers with an HMAC under the operator's key: `ins-` and 8 hexadecimal digits.
/// Two lines about one person can be linked; neither sex nor birth can be read (R-TRC-7).
#[derive(Clone)]
pub struct Masker {
    key: hmac::Key,
}

impl std::fmt::Debug for Masker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Masker(<hidden>)")
    }
}

impl Masker {
    /// Masks under this key, 32 random bytes of the operator's.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// `ins-1a2b3c4d`.
    #[must_use]
    pub fn ins(&self, ins: &Ins) -> String {
        self.text(ins.reveal())
    }

    /// The address, its local part masked if it is, or looks like, a health identifier.
    #[must_use]
    pub fn address(&self, address: &MailAddress) -> String {
        let shown = address.reveal();
        if address.domain().is_patient_domain() && !is_service_name(address.local().reveal()) {
            return format!("{}@{}", self.text(&address.local().reveal().to_ascii_uppercase()), address.domain());
        }
        self.scrub(&shown)
    }

    /// The path between `<` and `>`, masked as an address is; empty for the null path.
    #[must_use]
    pub fn path(&self, path: &ReversePath) -> String {
        path.address().map(|address| self.address(address)).unwrap_or_default()
    }

    /// Text from outside (another server's reply, an EHLO name, a Message-ID, a file name) with every run
    /// that has the shape of an INS, with or without its key, replaced by its masked form.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut run = String::new();
        for c in text.chars() {
            if c.is_ascii_alphanumeric() {
                run.push(c);
            } else {
                self.flush(&mut run, &mut out);
                out.push(c);
            }
        }
        self.flush(&mut run, &mut out);
        out
    }

    fn flush(&self, run: &mut String, out: &mut String) {
        if looks_like_ins(run) {
            out.push_str(&self.text(&run.to_ascii_uppercase()));
        } else {
            out.push_str(run);
        }
        run.clear();
    }

    fn text(&self, text: &str) -> String {
        let tag = hmac::sign(&self.key, text.as_bytes());
        let mut out = String::from("ins-");
        for byte in tag.as_ref().iter().take(4) {
            out.push_str(&format!("{byte:02x}"));
        }
        out
    }
}

/// `postmaster` and the named service senders carry no identifier: letters only.
fn is_service_name(local: &str) -> bool {
    local.chars().all(|c| c.is_ascii_alphabetic() || c == '-' || c == '.')
}

/// 13 to 15 characters, digits but for a letter of Corsica at its place: close enough to an INS to hide.
fn looks_like_ins(run: &str) -> bool {
    (13..=15).contains(&run.len())
        && run.bytes().enumerate().all(|(index, byte)| {
            byte.is_ascii_digit() || (index == 6 && matches!(byte.to_ascii_uppercase(), b'A' | b'B'))
        })
}

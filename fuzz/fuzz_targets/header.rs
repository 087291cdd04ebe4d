//! Any header: never a panic, and no long time. Whoever can be judged has one address, which stands in the header as it
//! was read, and is read as the same when it is written alone.

#![no_main]
#![expect(dead_code, reason = "the header is read here to be judged, and for nothing else")]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/mailflow/src/intake/content/mod.rs"]
mod content;

fuzz_target!(|data: &[u8]| {
    let facts = content::read(data, "mss.a.test");
    let others = facts.senders.into_iter().filter_map(|(_, read)| read);
    for mailbox in facts.from.into_iter().chain(others) {
        let alone = format!("From: <{}>\r\n", mailbox.address.reveal());
        let again = content::read(alone.as_bytes(), "mss.a.test").from.expect("it is read again");
        assert!(again.address == mailbox.address && again.name == pli_policy::NameShows::NoAddress);
        // A domain in other letters is mapped to these (IDNA), in one way only.
        let (text, domain) = (data.to_ascii_lowercase(), mailbox.address.domain().as_str());
        let is_written = text.windows(domain.len()).any(|found| found == domain.as_bytes());
        assert!(is_written || !data.is_ascii(), "{domain} was never written");
    }
});

//! Any message, and any archive in one: never a panic, no long time, the same facts however it is cut, and no more
//! inflated than a message may cost.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pli_document::{Examination, Examined, XdmSubject};

const HEADER: &[u8] = b"Content-Type: application/zip; name=IHE_XDM.zip\r\n\r\n";

fuzz_target!(|data: &[u8]| {
    // As an archive, or as the whole message.
    let archive = [HEADER, data].concat();
    for message in [data, &archive] {
        let whole = examined(message, message.len());
        assert!(whole.documents.inflated_bytes() <= 12 * 1024 * 1024);
        assert!(!format!("{whole:?}").contains("IHE"));
        assert!(whole == examined(message, 7));
    }
    if let Ok(subject) = str::from_utf8(data) {
        let _ = XdmSubject::parse(subject);
    }
});

fn examined(message: &[u8], pieces: usize) -> Examined {
    let mut examination = Examination::of_size(message.len() as u64);
    message.chunks(pieces.max(1)).for_each(|piece| examination.feed(piece));
    examination.finish()
}

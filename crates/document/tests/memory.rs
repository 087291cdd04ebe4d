//! What a message costs in memory, as the kernel counts it: 64 MB at most, whatever it is. One test, so that nothing
//! else runs in the process.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]
#![cfg(target_os = "linux")]

mod support;

use pli_document::Examination;
use support::*;

const MEMORY_MAX: u64 = 64 * 1024 * 1024;

#[test]
fn no_message_costs_more_than_64_mb() {
    let beginning = "<ClinicalDocument xmlns=\"urn:hl7-org:v3\">";
    let deep = format!("{beginning}{}", "<a b=\"c\">".repeat(120_000));
    let wide = format!("{beginning}<a {}/>", (0..90_000).map(|at| format!("b{at}=\"\" ")).collect::<Vec<_>>().concat());
    let large = Raw::stored("IHE_XDM/SUBSET01/IMAGE.DCM", &vec![7; 39 << 20]);
    let mut largest = entries(&metadata(DOMINIQUE, "DOC0001.XML"), &cda(DOMINIQUE, "34112-3"));
    largest.push(large);
    let too_large = Raw::stored("IMAGE.DCM", &vec![7; 45 << 20]);
    let cases: [(&str, Vec<u8>); 9] = [
        ("the largest archive", message(&zip(&largest))),
        ("a larger one", message(&zip(&[too_large]))),
        ("a gigabyte of spaces", message(&zip(&[Raw::spaces("A.XML", beginning, 1024, 1 << 20)]))),
        ("half a million entries", message(&zip(&vec![Raw::stored("", b""); 500_000]))),
        ("deep XML", message(&zip(&[Raw::deflated("A.XML", deep.as_bytes())]))),
        ("wide XML", message(&zip(&[Raw::deflated("A.XML", wide.as_bytes())]))),
        (
            "millions of parts",
            format!("Content-Type: multipart/x; boundary=b\r\n\r\n{}", "--b\r\n\r\n".repeat(1_000_000)).into(),
        ),
        ("a line without end", vec![b'x'; 20 << 20]),
        ("a header without end", b"X: y\r\n".repeat(2_000_000)),
    ];
    for (name, message) in cases {
        let before = reset_peak();
        let mut examination = Examination::of_size(message.len() as u64);
        message.chunks(64 * 1024).for_each(|piece| examination.feed(piece));
        drop(examination.finish());
        let cost = status("VmHWM:").saturating_sub(before);
        assert!(cost < MEMORY_MAX, "{name} cost {} MiB", cost >> 20);
    }
}

/// Forgets the peak; returns what is used now.
fn reset_peak() -> u64 {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    status("VmRSS:")
}

/// A number of octets in the process's status.
fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

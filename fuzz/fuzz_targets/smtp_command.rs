//! One line of a client: never a panic; what was read and is written again is read the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pli_smtp::proto::Command;
use pli_smtp::proto::path::ForwardPath;

fuzz_target!(|line: &[u8]| {
    match Command::parse(line) {
        Ok(Command::Mail { path, .. }) => {
            let again = format!("MAIL FROM:<{}> SMTPUTF8", path.reveal());
            let Ok(Command::Mail { path: read, .. }) = Command::parse(again.as_bytes()) else {
                panic!("{again:?} is no MAIL");
            };
            assert_eq!(read, path);
        }
        Ok(Command::Rcpt { path: ForwardPath::Address(address), .. }) => {
            let again = format!("RCPT TO:<{}>", address.reveal());
            let Ok(Command::Rcpt { path: read, .. }) = Command::parse(again.as_bytes()) else {
                panic!("{again:?} is no RCPT");
            };
            assert_eq!(read, ForwardPath::Address(address));
        }
        Ok(Command::Ehlo(name) | Command::Helo(name)) => {
            assert!(!name.is_empty() && !name.contains(|c: char| c.is_control() || "()<>;\\ ".contains(c)));
        }
        Ok(_) | Err(_) => {}
    }
});

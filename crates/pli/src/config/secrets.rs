//! Files that hold secrets: readable by their owner only, or not used.

use std::fmt::Display;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pli_types::Secret;

use super::ConfigFault;

/// 64 digits and an end of line; anything much larger is another file.
const KEY_FILE_BYTES_MAX: u64 = 1024;

fn fault(key: &'static str, path: &Path, values: &[(&'static str, &dyn Display)]) -> ConfigFault {
    ConfigFault::new(key, path.display().to_string(), values)
}

/// Is this file there, and kept from everyone but its owner?
pub(crate) fn check_secret_file(path: &Path) -> Result<(), ConfigFault> {
    let metadata = std::fs::metadata(path).map_err(|error| fault("secret-unreadable", path, &[("cause", &error)]))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let mode = format!("{mode:04o}");
        return Err(fault("secret-exposed", path, &[("mode", &mode), ("path", &path.display())]));
    }
    Ok(())
}

/// A key of 32 bytes: a file of 64 hexadecimal digits.
pub(crate) fn read_key(path: &Path) -> Result<Secret<[u8; 32]>, ConfigFault> {
    check_secret_file(path)?;
    let wrong = || fault("secret-invalid", path, &[("path", &path.display())]);
    if std::fs::metadata(path).map_or(0, |metadata| metadata.len()) > KEY_FILE_BYTES_MAX {
        return Err(wrong());
    }
    let text = std::fs::read_to_string(path).map(Secret::new).map_err(|_| wrong())?;
    decode(text.reveal().trim()).map(Secret::new).ok_or_else(wrong)
}

/// A key that somebody else made: a file of one line of printable ASCII.
pub(crate) fn read_text_secret(path: &Path) -> Result<Secret<String>, ConfigFault> {
    check_secret_file(path)?;
    let wrong = || fault("secret-invalid.text", path, &[]);
    if std::fs::metadata(path).map_or(0, |metadata| metadata.len()) > KEY_FILE_BYTES_MAX {
        return Err(wrong());
    }
    let text = std::fs::read_to_string(path).map(Secret::new).map_err(|_| wrong())?;
    let key = text.reveal().trim();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong());
    }
    Ok(Secret::new(key.to_owned()))
}

fn decode(text: &str) -> Option<[u8; 32]> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    let mut key = [0; 32];
    if digits.len() != 2 * key.len() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().fold(0, |byte, digit| byte << 4 | digit);
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str, mode: u32) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F\n";

    #[test]
    fn a_key_is_read_byte_by_byte() {
        let (_folder, path) = file(KEY, 0o600);
        let key = read_key(&path).unwrap();
        assert_eq!(key.reveal().to_vec(), (0..32).collect::<Vec<u8>>());
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused_with_the_command_to_type() {
        for mode in [0o640, 0o604, 0o644, 0o620] {
            let (_folder, path) = file(KEY, mode);
            let fault = read_key(&path).unwrap_err();
            assert_eq!(fault.code(), "secret-exposed");
            assert_eq!(fault.next(), format!("chmod 600 {}", path.display()));
        }
    }

    #[test]
    fn what_is_not_a_key_is_refused_and_not_shown() {
        for content in
            ["", "0011", KEY.trim_start_matches("00"), &KEY.replace('0', "g"), &KEY.repeat(2), &"0".repeat(5000)]
        {
            let (_folder, path) = file(content, 0o600);
            let fault = read_key(&path).unwrap_err();
            assert_eq!(fault.code(), "secret-invalid");
            assert!(content.is_empty() || !format!("{fault:?}").contains(content.trim()));
        }
    }

    #[test]
    fn a_key_of_somebody_else_is_one_line() {
        let (_folder, path) = file("b8c4-key==\n", 0o600);
        assert_eq!(read_text_secret(&path).unwrap().reveal(), "b8c4-key==");
        for content in ["", " \n", "two words", "two\nlines", "cl\u{e9}", &"k".repeat(5000)] {
            let (_folder, path) = file(content, 0o600);
            let fault = read_text_secret(&path).unwrap_err();
            assert_eq!(fault.code(), "secret-invalid", "{content:?}");
        }
        let (_folder, path) = file("key", 0o644);
        assert_eq!(read_text_secret(&path).unwrap_err().code(), "secret-exposed");
    }

    #[test]
    fn a_missing_secret_is_named() {
        let fault = read_key("/nowhere/a.key".as_ref()).unwrap_err();
        assert_eq!((fault.code(), fault.place.as_str()), ("secret-unreadable", "/nowhere/a.key"));
    }
}

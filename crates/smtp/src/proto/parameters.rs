//! The parameters of `MAIL` and `RCPT`: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), AUTH (RFC 4954),
//! RET, ENVID, NOTIFY, ORCPT (RFC 3461).

use pli_types::{BodyType, DsnNotify, DsnReturn, EnvelopeParameters};

use super::command::SyntaxError;

/// What follows the path of `MAIL`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MailParameters {
    /// What travels with the message.
    pub envelope: EnvelopeParameters,
    /// The size that the client announced, in octets.
    pub size: Option<u64>,
}

/// What follows the path of `RCPT`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecipientParameters {
    /// `NOTIFY=`.
    pub notify: DsnNotify,
    /// `ORCPT=`, type included, still in xtext.
    pub orcpt: Option<String>,
}

/// The longest `ENVID`, in characters (RFC 3461 §4.4).
const ENVID_MAX: usize = 100;
/// The longest `ORCPT`, in characters (RFC 3461 §4.2).
const ORCPT_MAX: usize = 500;

/// Reads the parameters of `MAIL`.
pub(crate) fn mail(text: &str) -> Result<MailParameters, SyntaxError> {
    let mut out = MailParameters::default();
    let mut seen = Seen::default();
    for (keyword, value) in each(text) {
        let keyword = keyword.to_ascii_uppercase();
        match (keyword.as_str(), value) {
            ("SIZE", Some(value)) => out.size = Some(size(value)?),
            ("BODY", Some(value)) => out.envelope.body = body(value)?,
            ("SMTPUTF8", None) => out.envelope.smtputf8 = true,
            ("RET", Some(value)) => out.envelope.ret = Some(ret(value)?),
            ("ENVID", Some(value)) => out.envelope.envid = Some(envid(value)?),
            // Whoever wrote first is told by nobody we trust: RFC 4954 §5 lets it be ignored.
            ("AUTH", Some(_)) => {}
            ("SIZE" | "BODY" | "SMTPUTF8" | "RET" | "ENVID" | "AUTH", _) => return Err(SyntaxError::ParameterValue),
            _ => return Err(SyntaxError::UnknownParameter),
        }
        seen.once(keyword)?;
    }
    Ok(out)
}

/// Reads the parameters of `RCPT`.
pub(crate) fn recipient(text: &str) -> Result<RecipientParameters, SyntaxError> {
    let mut out = RecipientParameters::default();
    let mut seen = Seen::default();
    for (keyword, value) in each(text) {
        let keyword = keyword.to_ascii_uppercase();
        match (keyword.as_str(), value) {
            ("NOTIFY", Some(value)) => out.notify = notify(value)?,
            ("ORCPT", Some(value)) => out.orcpt = Some(orcpt(value)?),
            ("NOTIFY" | "ORCPT", None) => return Err(SyntaxError::ParameterValue),
            _ => return Err(SyntaxError::UnknownParameter),
        }
        seen.once(keyword)?;
    }
    Ok(out)
}

/// Parameters are parted by spaces; keyword and value by the first `=`.
fn each(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split(' ').filter(|word| !word.is_empty()).map(|word| match word.split_once('=') {
        Some((keyword, value)) => (keyword, Some(value)),
        None => (word, None),
    })
}

/// Each parameter at most once (RFC 5321 §4.1.1.11). There are six, so a list is quicker than a set.
#[derive(Default)]
struct Seen(Vec<String>);

impl Seen {
    fn once(&mut self, keyword: String) -> Result<(), SyntaxError> {
        if self.0.contains(&keyword) {
            return Err(SyntaxError::ParameterValue);
        }
        self.0.push(keyword);
        Ok(())
    }
}

/// 1 to 20 digits (RFC 1870 §4); what does not fit 64 bits is too big all the same.
fn size(value: &str) -> Result<u64, SyntaxError> {
    let digits = (1..=20).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit());
    if digits { Ok(value.parse().unwrap_or(u64::MAX)) } else { Err(SyntaxError::ParameterValue) }
}

fn body(value: &str) -> Result<BodyType, SyntaxError> {
    match value.to_ascii_uppercase().as_str() {
        "7BIT" => Ok(BodyType::SevenBit),
        "8BITMIME" => Ok(BodyType::EightBitMime),
        _ => Err(SyntaxError::ParameterValue),
    }
}

fn ret(value: &str) -> Result<DsnReturn, SyntaxError> {
    match value.to_ascii_uppercase().as_str() {
        "FULL" => Ok(DsnReturn::Full),
        "HDRS" => Ok(DsnReturn::Headers),
        _ => Err(SyntaxError::ParameterValue),
    }
}

fn envid(value: &str) -> Result<String, SyntaxError> {
    let ok = !value.is_empty() && value.len() <= ENVID_MAX && is_xtext(value);
    if ok { Ok(value.to_owned()) } else { Err(SyntaxError::ParameterValue) }
}

/// `NEVER`, alone, or a list of the other three without repetition (RFC 3461 §4.1).
fn notify(value: &str) -> Result<DsnNotify, SyntaxError> {
    let mut out = DsnNotify::NEVER;
    if value.eq_ignore_ascii_case("NEVER") {
        return Ok(out);
    }
    for word in value.split(',') {
        let flag = match word.to_ascii_uppercase().as_str() {
            "SUCCESS" => &mut out.success,
            "FAILURE" => &mut out.failure,
            "DELAY" => &mut out.delay,
            _ => return Err(SyntaxError::ParameterValue),
        };
        if std::mem::replace(flag, true) {
            return Err(SyntaxError::ParameterValue);
        }
    }
    Ok(out)
}

/// `type;xtext` (RFC 3461 §4.2); the type `utf-8` may hold characters outside ASCII (RFC 6533 §3).
fn orcpt(value: &str) -> Result<String, SyntaxError> {
    let (kind, address) = value.split_once(';').ok_or(SyntaxError::ParameterValue)?;
    let kind_ok = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let address_ok = if kind.eq_ignore_ascii_case("utf-8") {
        address.bytes().all(|byte| byte.is_ascii_graphic() || !byte.is_ascii())
    } else {
        is_xtext(address)
    };
    if kind_ok && address_ok && !address.is_empty() && value.len() <= ORCPT_MAX {
        Ok(value.to_owned())
    } else {
        Err(SyntaxError::ParameterValue)
    }
}

/// RFC 3461 §4: printable ASCII but `+` and `=`, which are written `+2B` and `+3D`, as may be any octet.
fn is_xtext(value: &str) -> bool {
    let hex = |byte: Option<u8>| byte.is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F'));
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let ok = match byte {
            b'+' => hex(bytes.next()) && hex(bytes.next()),
            b'=' => false,
            other => other.is_ascii_graphic(),
        };
        if !ok {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_mail_may_say_at_once() {
        let read = mail(" SIZE=5120 body=8bitmime SMTPUTF8 RET=HDRS ENVID=QQ+2B314 AUTH=<>");
        let expected = MailParameters {
            envelope: EnvelopeParameters {
                body: BodyType::EightBitMime,
                smtputf8: true,
                ret: Some(DsnReturn::Headers),
                envid: Some("QQ+2B314".to_owned()),
            },
            size: Some(5120),
        };
        assert_eq!(read, Ok(expected));
    }

    #[test]
    fn a_size_beyond_64_bits_is_the_largest_there_is() {
        assert_eq!(mail(" SIZE=99999999999999999999").map(|read| read.size), Ok(Some(u64::MAX)));
    }

    #[test]
    fn what_a_parameter_cannot_be_is_told_apart_from_what_we_do_not_know() {
        for text in [
            "SIZE",
            "SIZE=",
            "SIZE=-1",
            "SIZE=1 SIZE=1",
            "BODY=BINARYMIME",
            "SMTPUTF8=yes",
            "RET=ALL",
            "ENVID=",
            "ENVID=a=b",
            "ENVID=a+2b",
            "ENVID=a+",
            "AUTH",
        ] {
            assert_eq!(mail(text), Err(SyntaxError::ParameterValue), "{text}");
        }
        for text in ["REQUIRETLS", "XYZZY=1", "NOTIFY=NEVER", "=1"] {
            assert_eq!(mail(text), Err(SyntaxError::UnknownParameter), "{text}");
        }
    }

    #[test]
    fn notify_and_orcpt_follow_rfc_3461() {
        let never = DsnNotify { success: false, failure: false, delay: false };
        assert_eq!(recipient("NOTIFY=never").map(|read| read.notify), Ok(never));
        let two = DsnNotify { success: true, failure: false, delay: true };
        assert_eq!(recipient("NOTIFY=SUCCESS,DELAY").map(|read| read.notify), Ok(two));
        assert_eq!(recipient("").map(|read| read.notify), Ok(DsnNotify::default()));
        for text in ["ORCPT=rfc822;Bob+2BTag@example.test", "ORCPT=utf-8;é@example.test"] {
            assert!(recipient(text).is_ok(), "{text}");
        }
        for text in [
            "NOTIFY=",
            "NOTIFY=NEVER,FAILURE",
            "NOTIFY=DELAY,DELAY",
            "NOTIFY",
            "ORCPT=a@example.test",
            "ORCPT=rfc822;",
            "ORCPT=;a",
            "ORCPT=rfc822;é@example.test",
            "ORCPT=rfc822;a+b@c",
        ] {
            assert_eq!(recipient(text), Err(SyntaxError::ParameterValue), "{text}");
        }
        assert_eq!(recipient("SIZE=1"), Err(SyntaxError::UnknownParameter));
    }
}

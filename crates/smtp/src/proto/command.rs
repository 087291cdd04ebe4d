//! One line → [`Command`] (RFC 5321 §4.1).

use pli_types::Secret;

use super::parameters::{self, MailParameters, RecipientParameters};
use super::path::{self, ForwardPath};
use pli_types::ReversePath;

/// What a client said.
#[derive(Debug)]
pub enum Command {
    /// `EHLO`, with the name given.
    Ehlo(String),
    /// `HELO`, with the name given.
    Helo(String),
    /// `MAIL FROM:`.
    Mail {
        /// Who is told of failure.
        path: ReversePath,
        /// What follows the path.
        parameters: MailParameters,
    },
    /// `RCPT TO:`.
    Rcpt {
        /// To whom.
        path: ForwardPath,
        /// What follows the path.
        parameters: RecipientParameters,
    },
    /// `DATA`.
    Data,
    /// `RSET`.
    Rset,
    /// `NOOP`, whatever follows.
    Noop,
    /// `QUIT`.
    Quit,
    /// `STARTTLS` (RFC 3207).
    StartTls,
    /// `AUTH` (RFC 4954).
    Auth {
        /// The mechanism, upper case.
        mechanism: String,
        /// The initial response, still in base64.
        initial: Option<Secret<String>>,
    },
    /// `VRFY`.
    Vrfy,
    /// `EXPN`.
    Expn,
    /// `HELP`.
    Help,
    /// A verb that we do not know.
    Unknown,
}

/// Why a line is not a command. Each has its reply in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyntaxError {
    /// Longer than 2048 octets.
    LineTooLong,
    /// A control character, or not UTF-8.
    Characters,
    /// A command that needs arguments has none, or the other way round.
    Arguments,
    /// The name of `EHLO` is neither a host name nor an address literal.
    HelloName,
    /// The path of `MAIL` (RFC 5321 §4.1.2).
    SenderAddress,
    /// The path of `RCPT`.
    RecipientAddress,
    /// A parameter that we did not offer (RFC 5321 §4.1.1.11).
    UnknownParameter,
    /// A parameter given twice, or with a value that it cannot have.
    ParameterValue,
    /// An address outside ASCII in a transaction without SMTPUTF8 (RFC 6531 §3.5).
    NeedsSmtpUtf8,
    /// Not base64, or not what the mechanism asks for.
    SaslResponse,
}

impl Command {
    /// Parses one line, its CRLF taken off.
    pub fn parse(line: &[u8]) -> Result<Self, SyntaxError> {
        if line.iter().any(u8::is_ascii_control) {
            return Err(SyntaxError::Characters);
        }
        // RFC 5321 §4.1.1: trailing white space is to be borne.
        let line = str::from_utf8(line).map_err(|_| SyntaxError::Characters)?.trim_end_matches(' ');
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let bare = |command| if rest.is_empty() { Ok(command) } else { Err(SyntaxError::Arguments) };
        // Verbs have at most eight letters; a stack copy spares an allocation a command.
        let mut upper = [0_u8; 8];
        let Some(upper) = upper.get_mut(..verb.len()) else { return Ok(Self::Unknown) };
        upper.copy_from_slice(verb.as_bytes());
        upper.make_ascii_uppercase();
        match &*upper {
            b"MAIL" => Self::mail(rest),
            b"RCPT" => Self::rcpt(rest),
            b"DATA" => bare(Self::Data),
            b"EHLO" => hello_name(rest).map(Self::Ehlo),
            b"HELO" => hello_name(rest).map(Self::Helo),
            b"RSET" => bare(Self::Rset),
            b"NOOP" => Ok(Self::Noop),
            b"QUIT" => bare(Self::Quit),
            b"STARTTLS" => bare(Self::StartTls),
            b"AUTH" => Self::auth(rest),
            b"VRFY" => argument(rest, Self::Vrfy),
            b"EXPN" => argument(rest, Self::Expn),
            b"HELP" => Ok(Self::Help),
            _ => Ok(Self::Unknown),
        }
    }

    fn mail(rest: &str) -> Result<Self, SyntaxError> {
        let rest = after_keyword(rest, "FROM:").ok_or(SyntaxError::Arguments)?;
        let (path, rest) = path::reverse(rest).ok_or(SyntaxError::SenderAddress)?;
        let parameters = parameters::mail(rest)?;
        if path.address().is_some_and(pli_types::MailAddress::needs_smtputf8) && !parameters.envelope.smtputf8 {
            return Err(SyntaxError::NeedsSmtpUtf8);
        }
        Ok(Self::Mail { path, parameters })
    }

    fn rcpt(rest: &str) -> Result<Self, SyntaxError> {
        let rest = after_keyword(rest, "TO:").ok_or(SyntaxError::Arguments)?;
        let (path, rest) = path::forward(rest).ok_or(SyntaxError::RecipientAddress)?;
        Ok(Self::Rcpt { path, parameters: parameters::recipient(rest)? })
    }

    fn auth(rest: &str) -> Result<Self, SyntaxError> {
        let (mechanism, initial) = match rest.split_once(' ') {
            Some((mechanism, initial)) => (mechanism, Some(Secret::new(initial.to_owned()))),
            None => (rest, None),
        };
        if mechanism.is_empty() {
            return Err(SyntaxError::Arguments);
        }
        Ok(Self::Auth { mechanism: mechanism.to_ascii_uppercase(), initial })
    }
}

/// What follows `FROM:` or `TO:`. The grammar has no space behind the colon; one is borne, because many send it.
fn after_keyword<'a>(text: &'a str, keyword: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(keyword.len())?;
    head.eq_ignore_ascii_case(keyword).then(|| rest.strip_prefix(' ').unwrap_or(rest))
}

fn argument(rest: &str, command: Command) -> Result<Command, SyntaxError> {
    if rest.is_empty() { Err(SyntaxError::Arguments) } else { Ok(command) }
}

/// A host name or an address literal, taken as it is: it is only told (in `Received`), never believed. The alphabet
/// keeps it harmless there; the underscore is not in RFC 5321's, but is on the wire.
fn hello_name(text: &str) -> Result<String, SyntaxError> {
    let harmless = |c: char| c.is_alphanumeric() || "-._:[]".contains(c);
    if text.is_empty() || text.len() > 255 || !text.chars().all(harmless) {
        return Err(SyntaxError::HelloName);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(line: &str) -> Result<String, SyntaxError> {
        match Command::parse(line.as_bytes())? {
            Command::Mail { path, .. } => Ok(path.reveal()),
            other => panic!("{line}: {other:?}"),
        }
    }

    fn recipient(line: &str) -> Result<String, SyntaxError> {
        match Command::parse(line.as_bytes())? {
            Command::Rcpt { path: ForwardPath::Address(address), .. } => Ok(address.reveal()),
            Command::Rcpt { path: ForwardPath::Postmaster, .. } => Ok("postmaster".to_owned()),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn senders_are_read_as_rfc_5321_writes_them() {
        for (line, expected) in [
            ("MAIL FROM:<a@example.test>", "a@example.test"),
            ("mail from:<a@EXAMPLE.test>  ", "a@example.test"),
            ("MAIL FROM: <a@example.test> SIZE=12", "a@example.test"),
            ("MAIL FROM:<>", ""),
            (r#"MAIL FROM:<"a b"@example.test>"#, r#""a b"@example.test"#),
            (r#"MAIL FROM:<"a>\"b"@example.test> SIZE=1"#, r#""a>\"b"@example.test"#),
            ("MAIL FROM:<@one.test,@two.test:a@example.test>", "a@example.test"),
        ] {
            assert_eq!(sender(line).as_deref(), Ok(expected), "{line}");
        }
    }

    #[test]
    fn senders_that_are_none_are_told_apart_from_commands_that_are_none() {
        for (line, expected) in [
            ("MAIL", SyntaxError::Arguments),
            ("MAIL FROM", SyntaxError::Arguments),
            ("MAIL TO:<a@example.test>", SyntaxError::Arguments),
            ("MAIL FROM:  <a@example.test>", SyntaxError::SenderAddress),
            ("MAIL FROM:a@example.test", SyntaxError::SenderAddress),
            ("MAIL FROM:<a@example.test", SyntaxError::SenderAddress),
            ("MAIL FROM:<a>", SyntaxError::SenderAddress),
            ("MAIL FROM:<a@[192.0.2.1]>", SyntaxError::SenderAddress),
            ("MAIL FROM:<a@example.test>SIZE=1", SyntaxError::SenderAddress),
            ("MAIL FROM:<@one.test,two.test:a@example.test>", SyntaxError::SenderAddress),
            ("MAIL FROM:<a@example.test> XYZZY", SyntaxError::UnknownParameter),
            ("MAIL FROM:<é@example.test>", SyntaxError::NeedsSmtpUtf8),
            ("MAIL FROM:<a\0@example.test>", SyntaxError::Characters),
            ("MAIL FROM:<a@example.test>\rX", SyntaxError::Characters),
        ] {
            assert_eq!(sender(line), Err(expected), "{line:?}");
        }
    }

    #[test]
    fn the_postmaster_needs_no_domain() {
        assert_eq!(recipient("RCPT TO:<PostMaster>").as_deref(), Ok("postmaster"));
        assert_eq!(recipient("RCPT TO:<postmaster@example.test>").as_deref(), Ok("postmaster@example.test"));
        assert_eq!(recipient("RCPT TO:<>"), Err(SyntaxError::RecipientAddress));
    }

    #[test]
    fn commands_without_arguments_take_none() {
        assert!(matches!(Command::parse(b"data "), Ok(Command::Data)));
        for line in ["DATA now", "RSET x", "QUIT x", "STARTTLS x"] {
            assert_eq!(Command::parse(line.as_bytes()).err(), Some(SyntaxError::Arguments), "{line}");
        }
    }

    #[test]
    fn an_unknown_verb_is_not_a_syntax_error() {
        for line in ["XYZZY", "", "BDAT 3 LAST", "GET / HTTP/1.1", "STARTTLSX", "MAILFROM:<>", "MAÎL FROM:<>"] {
            assert!(matches!(Command::parse(line.as_bytes()), Ok(Command::Unknown)), "{line}");
        }
    }

    #[test]
    fn hello_names_cannot_break_a_header() {
        for line in ["EHLO a.example", "EHLO [192.0.2.1]", "EHLO [IPv6:2001:db8::1]", "EHLO my_host", "EHLO café.test"]
        {
            assert!(matches!(Command::parse(line.as_bytes()), Ok(Command::Ehlo(_))), "{line}");
        }
        for line in ["EHLO", "EHLO a b", "EHLO a)b", "EHLO a;b", "HELO <x>"] {
            assert_eq!(Command::parse(line.as_bytes()).err(), Some(SyntaxError::HelloName), "{line}");
        }
    }
}

//! The reply catalogue: every text that this server says, named by meaning.
//!
//! `tests/snapshots/replies.txt` prints it whole: operators read that page.

use std::borrow::Cow;

use pli_mailflow::Refusal;
use pli_policy::Reason;
use pli_signin::{Denied, Ending};
use pli_store::Receipt;

use crate::proto::command::SyntaxError;
use crate::proto::reply::Reply;

macro_rules! catalogue {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $enhanced:expr, $text:literal;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub const fn $name() -> Reply {
            Reply::new($code, $enhanced, Cow::Borrowed($text))
        })*

        /// The replies that are always the same, by name.
        #[must_use]
        pub fn fixed() -> Vec<(&'static str, Reply)> {
            vec![$((stringify!($name), $name()),)*]
        }
    };
}

catalogue! {
    /// `NOOP` and `RSET`.
    done = 250, Some((0, 0)), "Done.";
    /// `MAIL` is taken.
    sender_accepted = 250, Some((1, 0)), "Sender accepted.";
    /// `RCPT` is taken.
    recipient_accepted = 250, Some((1, 5)), "Recipient accepted.";
    /// `DATA` may begin.
    start_mail_input = 354, None, "Send the message, then a line with a single dot.";
    /// `QUIT`.
    bye = 221, Some((0, 0)), "Goodbye.";
    /// `STARTTLS`: the handshake may begin.
    ready_for_tls = 220, Some((0, 0)), "Ready for the TLS handshake.";
    /// `AUTH` without an initial response (RFC 4954 §4): nothing to say before it comes.
    sasl_challenge = 334, None, "";
    /// `AUTH LOGIN` asks for the name: [`pli_signin::sasl::LOGIN_NAME_PROMPT`].
    login_name = 334, None, "VXNlcm5hbWU6";
    /// `AUTH LOGIN` asks for the password: [`pli_signin::sasl::LOGIN_PASSWORD_PROMPT`].
    login_password = 334, None, "UGFzc3dvcmQ6";
    /// `AUTH` with a token that is not taken: [`pli_signin::bearer::REFUSAL`], in base64. The refusal follows the
    /// client's next line (RFC 7628 §3.2.3).
    token_not_taken = 334, None, "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0=";
    /// `AUTH`: signed in.
    signed_in = 235, Some((7, 0)), "Signed in.";
    /// `AUTH` was given up by the client (RFC 4954 §4).
    sign_in_cancelled = 501, Some((7, 0)), "Sign-in given up, as you asked.";
    /// `AUTH`: it cannot be said whether the password fits (RFC 4954 §6).
    sign_in_unavailable = 454, Some((7, 0)), "[store-unavailable] Signing in does not work just now. Try again later; the operator has been told.";
    /// `AUTH` with a token that cannot be judged: the keys of its issuer are not known (RFC 4954 §6).
    issuer_unavailable = 454, Some((7, 0)), "Signing in by token does not work just now: its issuer does not answer. Try again later.";
    /// `AUTH` from an address that too many failures came from (RFC 4954 §6): nothing was judged.
    too_many_failures = 454, Some((7, 0)), "[rate-exceeded] Too many tries to sign in from your address have failed. Wait some minutes, then try again.";
    /// The holder's access was taken back while he was signed in.
    session_withdrawn = 421, Some((7, 0)), "[authentication-failed] Your access to this mailbox was taken back, or the mailbox suspended. Ask who runs this server. Closing the connection.";
    /// The certificate that someone signed in with is no longer believed.
    session_certificate = 421, Some((7, 0)), "[authentication-failed] Your certificate is no longer valid. Sign in with another one. Closing the connection.";
    /// A session has its longest life.
    session_too_long = 421, Some((7, 0)), "[authentication-required] This session has lasted as long as one may. Connect and sign in again.";
    /// `AUTH` while signed in, or within a transaction.
    no_sign_in_now = 503, Some((5, 1)), "Sign in once, and between messages.";
    /// `AUTH` with a mechanism that was not offered.
    unknown_mechanism = 504, Some((5, 4)), "EHLO tells the mechanisms that are offered here.";
    /// `VRFY` (RFC 5321 §3.5.3): we tell nobody who exists.
    cannot_verify = 252, Some((0, 0)), "Addresses are judged at RCPT.";
    /// `HELP`.
    help = 214, Some((0, 0)), "This server speaks RFC 5321 over TLS. Its reason codes are in its documentation.";
    /// A command that we know and do not offer.
    not_offered = 502, Some((5, 1)), "This command is not offered here.";
    /// A command that we do not know.
    unknown_command = 500, Some((5, 1)), "This command is not known.";
    /// `MAIL` or `AUTH` before `EHLO`.
    hello_first = 503, Some((5, 1)), "Say EHLO first.";
    /// `MAIL` within a transaction.
    nested_mail = 503, Some((5, 1)), "One message at a time: send DATA or RSET first.";
    /// `RCPT` or `DATA` without a sender that was accepted.
    sender_first = 503, Some((5, 1)), "No sender has been accepted: begin with MAIL.";
    /// `DATA` without a recipient that was accepted.
    no_recipients = 554, Some((5, 1)), "No recipient has been accepted.";
    /// `STARTTLS` under TLS.
    already_tls = 503, Some((5, 1)), "The connection is under TLS already.";
    /// Something came behind `STARTTLS` in clear: it is thrown away and the connection closed (RFC 3207 §4.2).
    input_behind_starttls = 503, Some((5, 1)), "Nothing may follow STARTTLS before the handshake. Closing the connection.";
    /// A line that ends in LF without CR.
    bare_line_feed = 500, Some((5, 2)), "[line-ending] End every line with CR LF, and use neither alone. Closing the connection.";
    /// Too many commands that were none.
    too_many_errors = 421, Some((7, 0)), "Too many errors. Closing the connection.";
    /// Too many recipients that were refused.
    too_many_refused_recipients = 421, Some((7, 0)), "Too many recipients were refused. Closing the connection.";
    /// Too many tries to sign in.
    too_many_sign_ins = 421, Some((7, 0)), "[authentication-failed] Too many tries to sign in. Closing the connection.";
    /// The client was silent for too long.
    timed_out = 421, Some((4, 2)), "Nothing came for too long. Closing the connection.";
    /// In place of the greeting: the listener, or its part for one address, is full.
    too_many_connections = 421, Some((3, 2)), "Too many connections are open, in all or from your address. Use those that you have, or try again later.";
    /// We are stopping.
    shutting_down = 421, Some((3, 2)), "The server is stopping. Try again in a moment.";
    /// A command line over the limit.
    line_too_long = 500, Some((5, 2)), "The line is too long.";
    /// Control characters, or not UTF-8.
    bad_characters = 500, Some((5, 2)), "The line holds characters that no command may hold.";
    /// Arguments missing, or too many.
    bad_arguments = 501, Some((5, 4)), "The arguments do not fit this command.";
    /// The name of `EHLO`.
    bad_hello_name = 501, Some((5, 4)), "Give your host name, or your address in square brackets.";
    /// The path of `MAIL`.
    bad_sender_address = 501, Some((1, 7)), "The sender is not a valid path: write <local@domain> or <>.";
    /// The path of `RCPT`.
    bad_recipient_address = 501, Some((1, 3)), "The recipient is not a valid path: write <local@domain>.";
    /// A parameter that was not offered.
    unknown_parameter = 555, Some((5, 4)), "EHLO tells the parameters that are offered here.";
    /// A parameter with a bad value, or given twice.
    bad_parameter_value = 501, Some((5, 4)), "A parameter has a value that it cannot have, or is given twice.";
    /// An address outside ASCII without SMTPUTF8.
    needs_smtputf8 = 553, Some((6, 7)), "The address is not in ASCII: announce the message with SMTPUTF8.";
    /// Not base64, or not what the mechanism asks for.
    bad_sasl_response = 501, Some((5, 2)), "The response is not what the mechanism asks for, in base64.";
}

/// The first words (RFC 5321 §4.2). No enhanced code (RFC 2034 §3).
#[must_use]
pub fn greeting(server_name: &str) -> Reply {
    Reply::new(220, None, format!("{server_name} ESMTP Pli").into())
}

/// `HELO`.
#[must_use]
pub fn hello(server_name: &str) -> Reply {
    Reply::new(250, None, server_name.to_owned().into())
}

/// `EHLO`, with what is offered.
#[must_use]
pub fn extended_hello(server_name: &str, keywords: &[String]) -> Reply {
    Reply::new(250, None, format!("{server_name}\n{}", keywords.join("\n")).into())
}

/// The message is kept: on stable storage, with its deliveries and its record.
#[must_use]
pub fn accepted(receipt: &Receipt) -> Reply {
    Reply::new(250, Some((0, 0)), format!("Kept under seal id={}", receipt.id).into())
}

/// As [`accepted`], for a message that nobody has sent, so that it has no id.
#[must_use]
pub const fn would_accept() -> Reply {
    Reply::new(250, Some((0, 0)), Cow::Borrowed("Kept under seal id=…"))
}

/// Why someone was not let in.
#[must_use]
pub fn denied(denied: Denied) -> Reply {
    match denied {
        Denied::Failed | Denied::Token => for_refusal(Reason::AuthenticationFailed, false),
        Denied::TooMany => too_many_failures(),
        Denied::Unavailable => sign_in_unavailable(),
        Denied::IssuerUnavailable => issuer_unavailable(),
    }
}

/// Why someone who was signed in is not any more.
#[must_use]
pub const fn session_ended(ending: Ending) -> Reply {
    match ending {
        Ending::Withdrawn => session_withdrawn(),
        Ending::Certificate => session_certificate(),
        Ending::TooLong => session_too_long(),
    }
}

/// The reply to a line that is not a command.
#[must_use]
pub fn syntax(error: SyntaxError) -> Reply {
    match error {
        SyntaxError::LineTooLong => line_too_long(),
        SyntaxError::Characters => bad_characters(),
        SyntaxError::Arguments => bad_arguments(),
        SyntaxError::HelloName => bad_hello_name(),
        SyntaxError::SenderAddress => bad_sender_address(),
        SyntaxError::RecipientAddress => bad_recipient_address(),
        SyntaxError::UnknownParameter => unknown_parameter(),
        SyntaxError::ParameterValue => bad_parameter_value(),
        SyntaxError::NeedsSmtpUtf8 => needs_smtputf8(),
        SyntaxError::SaslResponse => bad_sasl_response(),
    }
}

impl From<&Refusal> for Reply {
    fn from(refusal: &Refusal) -> Self {
        for_refusal(refusal.reason, refusal.temporary)
    }
}

/// `CODE X.Y.Z [reason] sentence`. The sentence says what is wrong, then what the sender can do.
#[must_use]
pub fn for_refusal(reason: Reason, temporary: bool) -> Reply {
    let wording = wording(reason);
    let code = if temporary { wording.temporary } else { wording.permanent };
    let text = format!("[{}] {} {}", reason.code(), wording.fact, reason.advice());
    Reply::new(code, Some(wording.enhanced), text.into()).because(reason)
}

/// How a reason is told.
struct Wording {
    permanent: u16,
    temporary: u16,
    enhanced: (u8, u8),
    fact: &'static str,
}

const fn says(permanent: u16, temporary: u16, enhanced: (u8, u8), fact: &'static str) -> Wording {
    Wording { permanent, temporary, enhanced, fact }
}

/// The one place where a reason becomes codes (RFC 5321 §4.2.3, RFC 3463, spec §3.4). No wildcard: a new reason does
/// not compile before it has its words.
fn wording(reason: Reason) -> Wording {
    match reason {
        Reason::TlsRequired => says(530, 454, (7, 0), "This server takes nothing in clear."),
        Reason::CertificateMissing => says(550, 450, (7, 1), "You showed no certificate."),
        Reason::CertificateUntrusted => says(550, 450, (7, 1), "Your certificate is not of the trust space."),
        Reason::CertificateExpired => says(550, 450, (7, 1), "Your certificate has expired."),
        Reason::CertificateNotYetValid => says(550, 450, (7, 1), "Your certificate is not valid yet."),
        Reason::CertificateRevoked => says(550, 450, (7, 1), "Your certificate has been revoked."),
        Reason::CertificateUsage => says(550, 450, (7, 1), "Your certificate is not meant for this use."),
        Reason::RevocationUnknown => says(550, 450, (7, 1), "Nobody can say whether your certificate was revoked."),
        Reason::CertificateNotListed => says(550, 450, (7, 1), "Your certificate's name is not on the trust list."),
        Reason::SenderDomainNotListed => says(550, 450, (7, 1), "The sender's domain is not on the trust list."),
        Reason::SenderDomainOtherCertificate => {
            says(550, 450, (7, 1), "The sender's domain is listed under another certificate than yours.")
        }
        Reason::RecipientDomainNotListed => says(550, 450, (7, 1), "The recipient's domain is not on the trust list."),
        Reason::ListUnavailable => says(554, 451, (3, 0), "No trust list is in force here."),
        Reason::RelayDenied => says(550, 450, (7, 1), "This server does not carry mail between third parties."),
        Reason::SenderNotOwned => says(550, 450, (7, 1), "You may not write as this sender."),
        Reason::HeaderFromMismatch => {
            says(550, 450, (7, 1), "The header's From, Sender or Resent fields do not fit the sender.")
        }
        Reason::MessageTooBig => says(552, 452, (3, 4), "The message is over the size limit."),
        Reason::LineEnding => says(550, 450, (6, 0), "The message holds a CR or LF that stands alone."),
        Reason::MessageMalformed => says(550, 450, (6, 0), "The message is not well-formed."),
        Reason::MailLoop => says(554, 451, (4, 6), "The message is going in circles."),
        Reason::TooManyRecipients => says(550, 452, (5, 3), "The message has too many recipients."),
        Reason::RecipientUnknown => says(550, 450, (1, 1), "There is no such mailbox here."),
        Reason::RecipientSuspended => says(550, 450, (2, 1), "The mailbox is suspended."),
        Reason::MailboxFull => says(552, 452, (2, 2), "The mailbox is full."),
        Reason::PatientAddressSyntax => says(550, 450, (1, 3), "This is not a patient's address."),
        Reason::PatientAddressKey => says(550, 450, (1, 3), "This is nobody's patient address."),
        Reason::PatientUnknown => says(550, 450, (1, 1), "There is no such patient here."),
        Reason::PatientClosed => says(550, 450, (2, 1), "The patient has closed the mailbox."),
        Reason::PatientToPatient => says(550, 450, (7, 1), "A patient cannot write to a patient."),
        Reason::RelationNone => says(550, 450, (7, 1), "Nobody has written to you from this address."),
        Reason::RelationClosed => says(550, 450, (7, 1), "The exchange with you was ended from this address."),
        Reason::MessageNotAnswerable => says(550, 450, (7, 1), "The message that you answer cannot be answered."),
        Reason::PharmacyNoDispensing => {
            says(550, 450, (7, 1), "This pharmacy has dispensed no reimbursed medicine to you within a year.")
        }
        Reason::ReportUnsolicited => {
            says(550, 450, (7, 1), "What has no sender must be a report on a message that you received.")
        }
        Reason::AttachmentType => {
            says(550, 450, (7, 1), "The message carries a file of a type that is not taken from patients.")
        }
        Reason::DocumentSeveralPatients => says(550, 450, (7, 1), "The documents are about more than one patient."),
        Reason::DocumentOtherPatient => {
            says(550, 450, (7, 1), "The document is about another patient than the addressee.")
        }
        Reason::DocumentUnreadable => says(550, 450, (6, 0), "The archive of documents cannot be read."),
        Reason::DocumentHeaders => says(550, 450, (6, 0), "The header does not say what the documents are."),
        Reason::VirusFound => says(554, 451, (7, 1), "The virus scanner found something in the message."),
        Reason::VirusScannerDown => says(554, 451, (7, 1), "The message could not be scanned for viruses."),
        Reason::AuthenticationRequired => says(530, 454, (7, 0), "You are not signed in."),
        Reason::AuthenticationFailed => says(535, 454, (7, 8), "Signing in failed."),
        Reason::RateExceeded => says(550, 450, (7, 1), "You are sending too much, too fast."),
        Reason::StoreUnavailable => says(554, 451, (3, 0), "The message cannot be kept just now."),
        Reason::StoreFull => says(552, 452, (3, 1), "There is no room left to keep the message."),
        Reason::PeerUnreachable => says(554, 451, (4, 1), "The next server cannot be reached."),
        Reason::PeerTls => says(554, 454, (7, 10), "The next server offers no TLS that holds."),
        Reason::PeerCertificateNotListed => {
            says(554, 454, (7, 1), "The next server's certificate is not the one listed for the domain.")
        }
        Reason::PeerRefused => says(554, 451, (0, 0), "The next server refused the message."),
        Reason::StoppedByAdmin => says(554, 451, (7, 0), "The operator has stopped the message."),
        Reason::ExpiredInQueue => says(554, 451, (4, 7), "The message could not be delivered in time."),
    }
}

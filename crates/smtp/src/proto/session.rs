//! [`Session`]: who may say what, when. Everything outside of the protocol is asked through [`Event`]s.
//!
//! The driver fills [`Session::space`], takes [`Session::next_event`] until it is told why there is none, and gives one
//! [`Session::answer`] to each event that asks. Commands that the client sent ahead (RFC 2920) wait for that answer.

mod sign_in;
mod transaction;

use std::collections::VecDeque;
use std::sync::Arc;

use pli_policy::Reason;
use pli_types::{Domain, Secret};

use super::command::{Command, SyntaxError};
use super::data::DataReader;
use super::event::{Event, Interrupt};
use super::input::{Input, LINE_MAX, LINE_MAX_WITH_TOKENS, Line};
use super::reply::Reply;
use crate::replies;
use sign_in::Awaited;

/// Lines that were no commands before the connection is closed: nobody who speaks SMTP makes so many, and who
/// speaks something else (HTTP from a tricked browser) gets no further.
const ERRORS_MAX: u32 = 10;

/// Which kind of listener the client came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Other servers. No sign-in: the certificate is judged at each `MAIL`.
    Operators,
    /// People and programs, who sign in.
    Submission,
}

/// What a machine needs to know of its listener.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Which kind.
    pub door: Door,
    /// Our name, in the greeting.
    pub server_name: String,
    /// The largest message taken, in octets.
    pub message_bytes_max: u64,
    /// Where `<postmaster>` without a domain goes (RFC 5321 §4.5.1).
    pub postmaster_domain: Option<Domain>,
    /// Are tokens taken at sign-in?
    pub tokens: bool,
}

/// The connection is under TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tls {
    /// The client showed a certificate, so EXTERNAL can be offered.
    pub certificate: bool,
}

/// Where the dialogue stands.
#[derive(Debug)]
enum State {
    /// Before `EHLO` or `HELO`, or after STARTTLS.
    Greeted,
    /// Between transactions.
    Ready,
    /// A sender was accepted, and so many recipients.
    Transaction { recipients: usize, smtputf8: bool },
    /// Within the body.
    Data(DataReader),
    /// `AUTH` waits for the client's response.
    SignIn(Awaited),
    /// The client was told why its token is not taken; this is said when it has heard it (RFC 7628 §3.2.3).
    TokenRefused(Reply),
    /// `STARTTLS` was answered; the next bytes are the handshake's.
    Handshake,
    /// Nothing is read any more.
    Closed,
}

/// What the driver was asked.
#[derive(Debug, Clone, Copy)]
enum Question {
    Sender { smtputf8: bool },
    Recipient,
    Message,
    SignIn { by_token: bool },
}

/// The machine of one connection.
#[derive(Debug)]
pub struct Session {
    config: Arc<SessionConfig>,
    input: Input,
    state: State,
    tls: Option<Tls>,
    signed_in: bool,
    /// A sender was accepted under this TLS: the peer is proven, or has signed in.
    sender_accepted: bool,
    asked: Option<Question>,
    /// What must be told before the next line is looked at.
    pending: VecDeque<Event<'static>>,
    /// What counts against the client. Errors and refused recipients are forgiven with each message taken.
    errors: u32,
    refused_recipients: u32,
    failed_sign_ins: u32,
    unproven: u32,
}

impl Session {
    /// Begins with the greeting; `tls` if the handshake came first.
    #[must_use]
    pub fn new(config: Arc<SessionConfig>, tls: Option<Tls>) -> Self {
        let greeting = Event::Say(replies::greeting(&config.server_name));
        let line_max = if config.tokens { LINE_MAX_WITH_TOKENS } else { LINE_MAX };
        Self {
            config,
            input: Input::new(line_max),
            state: State::Greeted,
            tls,
            signed_in: false,
            sender_accepted: false,
            asked: None,
            pending: VecDeque::from([greeting]),
            errors: 0,
            refused_recipients: 0,
            failed_sign_ins: 0,
            unproven: 0,
        }
    }

    /// Where to read into. Never empty after [`Interrupt::NeedInput`] and [`Event::Close`].
    pub fn space(&mut self) -> &mut [u8] {
        if matches!(self.state, State::Closed) {
            self.input.clear();
        }
        self.input.space()
    }

    /// Says how many bytes of [`Session::space`] were filled.
    pub fn filled(&mut self, count: usize) {
        self.input.filled(count);
    }

    /// Copies bytes in; gives how many there was space for.
    pub fn enqueue_input(&mut self, bytes: &[u8]) -> usize {
        let space = self.input.space();
        let count = space.len().min(bytes.len());
        for (to, from) in space.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.input.filled(count);
        count
    }

    /// What happens next, or why nothing does.
    pub fn next_event(&mut self) -> Result<Event<'_>, Interrupt> {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return Ok(event);
            }
            if self.asked.is_some() {
                return Err(Interrupt::NeedAnswer);
            }
            match &self.state {
                State::Closed => return Ok(Event::Close),
                State::Handshake => return Err(Interrupt::NeedInput),
                State::Data(_) => return self.read_body(),
                _ => {}
            }
            match self.input.take_line().ok_or(Interrupt::NeedInput)? {
                Line::Complete(place) => self.on_line(place),
                Line::TooLong => self.on_error(SyntaxError::LineTooLong),
                Line::BareLineFeed => self.close(replies::bare_line_feed()),
            }
        }
    }

    /// Answers the event that asked. Whether the answer is a yes is told by its code.
    pub fn answer(&mut self, reply: Reply) {
        let Some(question) = self.asked.take() else { return };
        if matches!(question, Question::SignIn { by_token: true }) && reply.is_permanent() {
            return self.on_token_refused(reply);
        }
        let (yes, for_good) = (reply.is_positive(), reply.is_permanent());
        let leaves_unproven = reply.reason().is_some_and(transaction::is_about_the_peer);
        self.say(reply);
        match question {
            Question::Sender { smtputf8 } if yes => {
                self.sender_accepted = true;
                self.state = State::Transaction { recipients: 0, smtputf8 };
            }
            Question::Sender { .. } => self.on_sender_refused(leaves_unproven),
            Question::Recipient if yes => {
                if let State::Transaction { recipients, .. } = &mut self.state {
                    *recipients += 1;
                }
            }
            Question::Recipient => self.on_recipient_refused(for_good),
            Question::Message => self.on_message_answered(yes),
            Question::SignIn { .. } if yes => self.signed_in = true,
            Question::SignIn { .. } => self.on_sign_in_failed(),
        }
    }

    /// The handshake is done. Everything said in clear is forgotten (RFC 3207 §4.2).
    pub fn tls_established(&mut self, tls: Tls) {
        self.input.clear();
        self.pending.clear();
        self.state = State::Greeted;
        self.tls = Some(tls);
        self.sender_accepted = false;
        (self.errors, self.refused_recipients, self.failed_sign_ins, self.unproven) = (0, 0, 0, 0);
    }

    /// Says a last word; whatever the client has sent ahead is not looked at.
    pub fn close(&mut self, reply: Reply) {
        self.asked = None;
        self.say(reply);
        self.state = State::Closed;
    }

    /// Between transactions: nothing would be lost by closing now.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !matches!(self.state, State::Transaction { .. } | State::Data(_)) && self.asked.is_none()
    }

    /// Within the body of a message.
    #[must_use]
    pub fn is_in_data(&self) -> bool {
        matches!(self.state, State::Data(_))
    }

    fn say(&mut self, reply: Reply) {
        self.pending.push_back(Event::Say(reply));
    }

    fn ask(&mut self, question: Question, event: Event<'static>) {
        self.asked = Some(question);
        self.pending.push_back(event);
    }

    fn on_line(&mut self, place: std::ops::Range<usize>) {
        if let Some(awaited) = self.take_awaited() {
            let response = Secret::new(self.input.bytes(place.clone()).to_vec());
            self.input.wipe(place);
            return self.on_sasl_line(awaited, response.reveal());
        }
        if matches!(self.state, State::TokenRefused(_)) {
            self.input.wipe(place);
            return self.on_refusal_heard();
        }
        let command = Command::parse(self.input.bytes(place.clone()));
        if matches!(command, Ok(Command::Auth { .. })) {
            self.input.wipe(place);
        }
        match command {
            Ok(command) => self.on_command(command),
            Err(error) => self.on_error(error),
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Ehlo(name) => self.on_hello(name, true),
            Command::Helo(name) => self.on_hello(name, false),
            Command::Noop => self.say(replies::done()),
            Command::Rset => self.on_reset(),
            Command::Quit => self.close(replies::bye()),
            Command::StartTls => self.on_start_tls(),
            Command::Mail { path, parameters } => self.on_mail(path, parameters),
            Command::Unknown => {
                self.say(replies::unknown_command());
                self.count_error();
            }
            // RFC 3207 §4: in clear, all the rest is refused.
            _ if self.tls.is_none() => self.say(replies::for_refusal(Reason::TlsRequired, false)),
            Command::Auth { mechanism, initial } => self.on_auth(&mechanism, initial),
            Command::Rcpt { path, parameters } => self.on_rcpt(path, parameters),
            Command::Data => self.on_data(),
            // Nothing is told to someone of whom nothing is known.
            Command::Vrfy | Command::Expn | Command::Help if !self.sender_accepted => self.say(replies::sender_first()),
            Command::Vrfy => self.say(replies::cannot_verify()),
            Command::Expn => self.say(replies::not_offered()),
            Command::Help => self.say(replies::help()),
        }
    }

    fn on_hello(&mut self, name: String, extended: bool) {
        self.state = State::Ready;
        self.pending.push_back(Event::Hello(name));
        let reply = if extended {
            replies::extended_hello(&self.config.server_name, &self.keywords())
        } else {
            replies::hello(&self.config.server_name)
        };
        self.say(reply);
    }

    /// What `EHLO` offers. An extension is offered here and nowhere else.
    fn keywords(&self) -> Vec<String> {
        let mut out = vec![
            "PIPELINING".to_owned(),
            format!("SIZE {}", self.config.message_bytes_max),
            "8BITMIME".to_owned(),
            "SMTPUTF8".to_owned(),
            "ENHANCEDSTATUSCODES".to_owned(),
            "DSN".to_owned(),
        ];
        match (self.tls, self.config.door) {
            (None, _) => out.push("STARTTLS".to_owned()),
            (Some(tls), Door::Submission) => out.push(format!("AUTH {}", sign_in::mechanisms(tls, self.config.tokens))),
            (Some(_), Door::Operators) => {}
        }
        out
    }

    fn on_reset(&mut self) {
        if matches!(self.state, State::Transaction { .. }) {
            self.state = State::Ready;
        }
        self.pending.push_back(Event::Reset);
        self.say(replies::done());
    }

    fn on_start_tls(&mut self) {
        if self.tls.is_some() {
            return self.say(replies::already_tls());
        }
        // What came behind STARTTLS in clear may be someone else's (CVE-2011-0411): it is never read as commands, and
        // a client that sends it cannot be helped.
        if !self.input.is_empty() {
            self.input.clear();
            return self.close(replies::input_behind_starttls());
        }
        self.say(replies::ready_for_tls());
        self.pending.push_back(Event::StartTls);
        self.state = State::Handshake;
    }

    fn on_error(&mut self, error: SyntaxError) {
        if matches!(error, SyntaxError::LineTooLong) && matches!(self.state, State::SignIn(_)) {
            self.state = State::Ready; // RFC 4954 §4: the exchange is over.
        }
        if matches!(self.state, State::TokenRefused(_)) {
            return self.on_refusal_heard();
        }
        self.say(replies::syntax(error));
        self.count_error();
    }

    fn count_error(&mut self) {
        self.errors += 1;
        if self.errors >= ERRORS_MAX {
            self.close(replies::too_many_errors());
        }
    }
}

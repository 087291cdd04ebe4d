//! A machine with a backend that decides by address: a local part that is a reason's code is refused for that reason.

#![allow(dead_code, unreachable_pub, reason = "shared by several test binaries; each uses a part")]
#![allow(clippy::panic, clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use std::sync::Arc;

use pli_mailflow::Refusal;
use pli_policy::Reason;
use pli_signin::Proof;
use pli_smtp::proto::{Door, Event, Interrupt, Reply, Session, SessionConfig, Tls};
use pli_smtp::replies;
use pli_store::Receipt;
use pli_types::{Domain, MailAddress, MessageId, Recipient, ReversePath};

pub const RECIPIENTS_MAX: usize = 100;

/// What a test sees of a connection, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    Reply(String),
    Question(String),
    Body(Vec<u8>),
    StartTls,
    Close,
}

/// A message that the backend took.
#[derive(Debug, Default, Clone)]
pub struct Message {
    pub recipients: usize,
    pub body: Vec<u8>,
}

#[derive(Debug)]
pub struct Fake {
    pub machine: Session,
    pub seen: Vec<Seen>,
    pub messages: Vec<Message>,
    door: Door,
    tls: bool,
    signed_in: bool,
    current: Message,
}

impl Fake {
    pub fn new(door: Door, tls: Option<Tls>, message_bytes_max: u64) -> Self {
        Self::taking(false, door, tls, message_bytes_max)
    }

    /// The same, where tokens are taken, or not.
    pub fn taking(tokens: bool, door: Door, tls: Option<Tls>, message_bytes_max: u64) -> Self {
        let config = SessionConfig {
            door,
            server_name: "mss.example.test".to_owned(),
            message_bytes_max,
            postmaster_domain: Domain::parse("example.test").ok(),
            tokens,
        };
        Self {
            machine: Session::new(Arc::new(config), tls),
            seen: Vec::new(),
            messages: Vec::new(),
            door,
            tls: tls.is_some(),
            signed_in: false,
            current: Message::default(),
        }
    }

    pub fn tls_established(&mut self, tls: Tls) {
        self.machine.tls_established(tls);
        self.tls = true;
    }

    /// Gives the machine bytes, in one go or in pieces, until all are taken or the connection is over.
    pub fn receive(&mut self, mut bytes: &[u8]) {
        self.drain();
        while !bytes.is_empty() && !self.is_over() {
            let taken = self.machine.enqueue_input(bytes);
            assert!(taken > 0, "the machine wants input and has no space for it");
            bytes = &bytes[taken..];
            self.drain();
        }
    }

    pub fn is_over(&self) -> bool {
        matches!(self.seen.last(), Some(Seen::Close | Seen::StartTls))
    }

    /// Plays the driver until the machine needs input.
    pub fn drain(&mut self) {
        while !self.is_over() {
            let event = match self.machine.next_event() {
                Ok(event) => event,
                Err(Interrupt::NeedInput) => return,
                Err(Interrupt::NeedAnswer) => panic!("asked again without an event"),
            };
            match event {
                Event::Say(reply) => self.seen.push(Seen::Reply(reply.to_string())),
                Event::Hello(name) => {
                    self.seen.push(Seen::Question(format!("hello {name}")));
                    self.current = Message::default();
                }
                Event::Reset => self.current = Message::default(),
                Event::Body(bytes) => {
                    self.current.body.extend_from_slice(bytes);
                    match self.seen.last_mut() {
                        Some(Seen::Body(body)) => body.extend_from_slice(bytes),
                        _ => self.seen.push(Seen::Body(bytes.to_vec())),
                    }
                }
                Event::StartTls => self.seen.push(Seen::StartTls),
                Event::Close => self.seen.push(Seen::Close),
                Event::Mail { sender, too_big, .. } => {
                    self.seen.push(Seen::Question(format!("mail <{}>", sender.reveal())));
                    let reply = self.judge_sender(&sender, too_big);
                    self.machine.answer(reply);
                }
                Event::Recipient(recipient) => {
                    self.seen.push(Seen::Question(format!("rcpt <{}>", recipient.address.reveal())));
                    let reply = self.judge_recipient(&recipient);
                    self.machine.answer(reply);
                }
                Event::Message { fault } => {
                    self.seen.push(Seen::Question("message".to_owned()));
                    let reply = self.judge_message(fault);
                    self.machine.answer(reply);
                }
                Event::SignIn(credentials) => {
                    self.seen.push(Seen::Question("sign in".to_owned()));
                    let reply = self.judge_credentials(&credentials);
                    self.machine.answer(reply);
                }
            }
        }
    }

    fn judge_sender(&mut self, sender: &ReversePath, too_big: bool) -> Reply {
        self.current = Message::default();
        let reason = if !self.tls {
            Some(Reason::TlsRequired)
        } else if self.door == Door::Submission && !self.signed_in {
            Some(Reason::AuthenticationRequired)
        } else {
            sender.address().and_then(named).or(too_big.then_some(Reason::MessageTooBig))
        };
        reason.map_or_else(replies::sender_accepted, refused)
    }

    fn judge_recipient(&mut self, recipient: &Recipient) -> Reply {
        if let Some(reason) = named(&recipient.address) {
            return refused(reason);
        }
        if self.current.recipients == RECIPIENTS_MAX {
            return refused(Reason::TooManyRecipients);
        }
        self.current.recipients += 1;
        replies::recipient_accepted()
    }

    fn judge_message(&mut self, fault: Option<Reason>) -> Reply {
        let message = std::mem::take(&mut self.current);
        if let Some(fault) = fault {
            return refused(fault);
        }
        self.messages.push(message);
        let number = u8::try_from(self.messages.len()).unwrap();
        replies::accepted(&Receipt { id: MessageId::from_bytes([number; 16]) })
    }

    fn judge_credentials(&mut self, credentials: &Proof) -> Reply {
        self.signed_in = match credentials {
            Proof::Password { password, .. } => password.reveal() == "right",
            Proof::Certificate { .. } => true,
            // As while an issuer is down.
            Proof::Token { bearer, .. } if bearer.token.reveal() == "later" => {
                return replies::issuer_unavailable();
            }
            Proof::Token { bearer, .. } => bearer.token.reveal().starts_with("right"),
        };
        if self.signed_in { replies::signed_in() } else { refused(Reason::AuthenticationFailed) }
    }
}

fn named(address: &MailAddress) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| reason.code() == address.local().reveal())
}

fn refused(reason: Reason) -> Reply {
    let temporary = matches!(
        reason,
        Reason::ListUnavailable
            | Reason::StoreUnavailable
            | Reason::StoreFull
            | Reason::MailboxFull
            | Reason::TooManyRecipients
    );
    Reply::from(&Refusal { reason, temporary })
}

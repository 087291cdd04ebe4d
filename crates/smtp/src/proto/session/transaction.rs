//! One message: `MAIL`, `RCPT`, `DATA` and the body.

use pli_policy::Reason;
use pli_types::{LocalPart, MailAddress, Recipient, ReversePath};

use super::{Question, Session, State};
use crate::proto::data::{DataReader, End};
use crate::proto::event::{Event, Interrupt};
use crate::proto::parameters::{MailParameters, RecipientParameters};
use crate::proto::path::ForwardPath;
use crate::replies;

/// Senders refused to a peer that has proven nothing before the connection is closed.
const UNPROVEN_MAX: u32 = 3;
/// Recipients refused for good, with no message between, before the connection is closed: whoever guesses addresses
/// gets no further. Recipients put off (too many of them, a full mailbox) do not count.
const REFUSED_RECIPIENTS_MAX: u32 = 100;

impl Session {
    /// Before TLS, and before signing in, `MAIL` is asked as ever: the refusal belongs on the record.
    pub(super) fn on_mail(&mut self, sender: ReversePath, parameters: MailParameters) {
        match self.state {
            State::Transaction { .. } => self.say(replies::nested_mail()),
            State::Greeted if self.tls.is_some() => self.say(replies::hello_first()),
            _ => {
                let too_big = parameters.size.is_some_and(|size| size > self.config.message_bytes_max);
                let question = Question::Sender { smtputf8: parameters.envelope.smtputf8 };
                self.ask(question, Event::Mail { sender, parameters: parameters.envelope, too_big });
            }
        }
    }

    pub(super) fn on_sender_refused(&mut self, leaves_unproven: bool) {
        self.unproven += u32::from(leaves_unproven);
        if self.unproven >= UNPROVEN_MAX {
            self.state = State::Closed;
        }
    }

    pub(super) fn on_rcpt(&mut self, path: ForwardPath, parameters: RecipientParameters) {
        let State::Transaction { smtputf8, .. } = self.state else {
            return self.say(replies::sender_first());
        };
        let address = match path {
            ForwardPath::Address(address) => Some(address),
            ForwardPath::Postmaster => self.postmaster(),
        };
        match address {
            None => self.say(replies::for_refusal(Reason::RecipientUnknown, false)),
            Some(address) if address.needs_smtputf8() && !smtputf8 => self.say(replies::needs_smtputf8()),
            Some(address) => {
                let recipient = Recipient { address, notify: parameters.notify, orcpt: parameters.orcpt };
                self.ask(Question::Recipient, Event::Recipient(recipient));
            }
        }
    }

    pub(super) fn on_recipient_refused(&mut self, for_good: bool) {
        self.refused_recipients += u32::from(for_good);
        if self.refused_recipients >= REFUSED_RECIPIENTS_MAX {
            self.close(replies::too_many_refused_recipients());
        }
    }

    pub(super) fn on_message_answered(&mut self, taken: bool) {
        if taken {
            (self.errors, self.refused_recipients) = (0, 0);
        }
        // A body without end has closed the connection already.
        if !matches!(self.state, State::Closed) {
            self.state = State::Ready;
        }
    }

    fn postmaster(&self) -> Option<MailAddress> {
        let domain = self.config.postmaster_domain.clone()?;
        Some(MailAddress::new(LocalPart::parse("postmaster").ok()?, domain))
    }

    pub(super) fn on_data(&mut self) {
        match self.state {
            State::Transaction { recipients: 0, .. } => self.say(replies::no_recipients()),
            State::Transaction { .. } => {
                self.state = State::Data(DataReader::new(self.config.message_bytes_max));
                self.say(replies::start_mail_input());
            }
            _ => self.say(replies::sender_first()),
        }
    }

    pub(super) fn read_body(&mut self) -> Result<Event<'_>, Interrupt> {
        let State::Data(reader) = &mut self.state else { return Err(Interrupt::NeedInput) };
        while !self.input.is_empty() {
            let progress = reader.read(self.input.unread());
            let place = self.input.consume(progress.consumed);
            if let Some(end) = progress.end {
                let fault = reader.fault();
                self.asked = Some(Question::Message);
                self.state = if end == End::Complete { State::Ready } else { State::Closed };
                return Ok(Event::Message { fault });
            }
            if !progress.body.is_empty() {
                return Ok(Event::Body(self.input.bytes(place + progress.body.start..place + progress.body.end)));
            }
        }
        Err(Interrupt::NeedInput)
    }
}

/// Reasons that say that nobody knows who the peer is.
pub(super) fn is_about_the_peer(reason: Reason) -> bool {
    reason == Reason::TlsRequired || reason.is_about_the_server()
}

//! A message that somebody types: text alone.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use uuid::Uuid;

use super::Built;

/// One to build.
#[derive(Debug, Clone, Copy)]
pub struct Note<'a> {
    /// The sender's address.
    pub from: &'a str,
    /// The recipient's.
    pub to: &'a str,
    /// The subject.
    pub subject: &'a str,
    /// What it says.
    pub text: &'a str,
    /// The Message-ID of the message that it answers, without angle brackets.
    pub answers: Option<&'a str>,
    /// May it not be answered itself (`X-MSS-MES: FIN`, ECO.2.2.8)?
    pub last: bool,
    /// Its date.
    pub sent_at: Timestamp,
}

impl Note<'_> {
    /// The message.
    pub fn build(&self) -> anyhow::Result<Built> {
        let domain = self.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let message_id = format!("{}@{domain}", Uuid::new_v4().simple());
        let mut builder = lettre::Message::builder()
            .message_id(Some(format!("<{message_id}>")))
            .date(UNIX_EPOCH + Duration::from_secs(u64::try_from(self.sent_at.as_second())?))
            .from(Mailbox::new(None, self.from.parse()?))
            .to(Mailbox::new(None, self.to.parse()?))
            .subject(self.subject)
            .header(ContentType::TEXT_PLAIN);
        if let Some(answers) = self.answers {
            builder = builder.in_reply_to(format!("<{answers}>")).references(format!("<{answers}>"));
        }
        if self.last {
            let name = HeaderName::new_from_ascii_str("X-MSS-MES");
            builder = builder.raw_header(HeaderValue::new(name, "FIN".to_owned()));
        }
        Ok(Built { message_id, bytes: builder.body(format!("{}\r\n", self.text))?.formatted() })
    }
}

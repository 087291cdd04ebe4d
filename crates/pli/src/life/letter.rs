//! The letter that gives notice, in French and in English, each whole.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use pli_store::MailboxRecord;
use pli_types::MessageId;

/// What a letter tells.
pub(super) struct Letter<'l> {
    pub(super) id: MessageId,
    pub(super) server_name: &'l str,
    pub(super) record: &'l MailboxRecord,
    pub(super) at: Timestamp,
    pub(super) ends_at: Timestamp,
}

impl Letter<'_> {
    /// With its header; it goes to mailboxes here only, so its eight bits are nobody's trouble.
    pub(super) fn write(&self) -> String {
        let Self { id, server_name, record, at, ends_at } = self;
        let address = record.mailbox.address.reveal();
        let mut out = String::with_capacity(2048);
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "From: Pli <MAILER-DAEMON@{domain}>\r\n\
             To: <{address}>\r\n\
             Subject: {SUBJECT}\r\n\
             Date: {date}\r\n\
             Message-ID: <{id}@{server_name}>\r\n\
             Auto-Submitted: auto-generated\r\n\
             MIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\n\
             Content-Language: fr, en\r\n\
             Content-Transfer-Encoding: 8bit\r\n\r\n",
            domain = record.mailbox.address.domain(),
            date = rfc2822::to_string(&at.to_zoned(TimeZone::UTC)).unwrap_or_default(),
        );
        let since = record.last_sign_in_at;
        let (day, iso) = ("%d/%m/%Y", "%Y-%m-%d");
        let (fr, en) = match since {
            Some(since) => (
                format!("Personne ne s'est connecté à cette boîte depuis le {}.", since.strftime(day)),
                format!("Nobody has signed in to this mailbox since {}.", since.strftime(iso)),
            ),
            None => (
                format!(
                    "Personne ne s'est encore connecté à cette boîte, créée le {}.",
                    record.created_at.strftime(day)
                ),
                format!(
                    "Nobody has signed in to this mailbox yet; it was made on {}.",
                    record.created_at.strftime(iso)
                ),
            ),
        };
        let text = format!(
            "Boîte : {address}\n\n\
             {fr}\n\
             Elle sera supprimée, avec tout ce qu'elle contient, le {ends_fr}.\n\n\
             Pour la garder, il suffit de s'y connecter avant cette date.\n\
             Pour toute question, s'adresser à l'opérateur de la messagerie.\n\n\
             ----------\n\n\
             Mailbox: {address}\n\n\
             {en}\n\
             It will be deleted, with all that it holds, on {ends_en}.\n\n\
             To keep it, sign in to it before that day.\n\
             If you have a question, ask the operator of the mail service.\n",
            ends_fr = ends_at.strftime(day),
            ends_en = ends_at.strftime(iso),
        );
        out.push_str(&text.replace('\n', "\r\n"));
        out
    }
}

/// "Boîte bientôt supprimée / Mailbox soon to be deleted" (RFC 2047).
const SUBJECT: &str = "=?utf-8?Q?Bo=C3=AEte_bient=C3=B4t_supprim=C3=A9e?= / Mailbox soon to be deleted";

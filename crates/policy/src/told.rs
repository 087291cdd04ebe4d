//! [`Told`]: the facts that a rule looked at, in words. Only `explain` asks for them: deciding builds none.

use std::fmt::Display;

use pli_types::{Domain, MailAddress, Masker, ReversePath};

use crate::facts::{CertificateFacts, HeaderMailbox, Listing, MaySendAs, Origin};
use crate::patient::LetterFacts;

/// Facts by name, in the order in which the rule looked at them. Health identifiers are masked as they come in.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    masker: &'a Masker,
    facts: Vec<(&'static str, String)>,
}

impl<'a> Told<'a> {
    /// Nothing yet.
    pub(crate) fn new(masker: &'a Masker) -> Self {
        Self { masker, facts: Vec::new() }
    }

    /// What was told.
    pub(crate) fn into_facts(self) -> Vec<(&'static str, String)> {
        self.facts
    }

    /// A word of our own making: nothing from outside.
    pub(crate) fn word(&mut self, name: &'static str, word: impl Display) {
        self.facts.push((name, word.to_string()));
    }

    pub(crate) fn yes_or_no(&mut self, name: &'static str, yes: bool) {
        self.word(name, if yes { "yes" } else { "no" });
    }

    pub(crate) fn address(&mut self, name: &'static str, address: &MailAddress) {
        self.facts.push((name, self.masker.address(address)));
    }

    pub(crate) fn addresses(&mut self, name: &'static str, addresses: &[MailAddress]) {
        let shown: Vec<String> = addresses.iter().map(|address| self.masker.address(address)).collect();
        self.facts.push((name, shown.join(", ")));
    }

    pub(crate) fn path(&mut self, name: &'static str, path: &ReversePath) {
        self.facts.push((name, format!("<{}>", self.masker.path(path))));
    }

    pub(crate) fn listing(&mut self, name: &'static str, listing: Listing) {
        self.word(
            name,
            match listing {
                Listing::Unavailable => "no list in force",
                Listing::NotListed => "not listed",
                Listing::OtherCertificate => "listed under another certificate",
                Listing::Listed => "listed",
            },
        );
    }

    /// The mailbox of a field: the address, and what the list says of it.
    pub(crate) fn mailbox(&mut self, field: &'static str, mailbox: &HeaderMailbox) {
        match mailbox {
            HeaderMailbox::Address { address, listing, .. } => {
                self.address(field, address);
                self.listing("domain-listing", *listing);
            }
            HeaderMailbox::Malformed => self.word(field, "not one field with one address"),
        }
    }

    pub(crate) fn domains(&mut self, name: &'static str, domains: &[Domain]) {
        let shown: Vec<&str> = domains.iter().map(Domain::as_str).collect();
        self.word(name, shown.join(", "));
    }

    /// On whose behalf.
    pub(crate) fn origin(&mut self, origin: &Origin) {
        self.word(
            "origin",
            match origin {
                Origin::Peer { connector: None, .. } => "another operator",
                Origin::Peer { connector: Some(_), .. } => "a connector",
                Origin::Account { .. } => "an account",
                Origin::Unauthenticated => "nobody signed in",
                Origin::Relay => "this relay",
            },
        );
    }

    /// What a peer's certificate proves.
    pub(crate) fn certificate(&mut self, certificate: &CertificateFacts) {
        match certificate {
            CertificateFacts::Missing => self.word("certificate", "none was shown"),
            CertificateFacts::Faulty(fault) => self.word("certificate", fault),
            CertificateFacts::Proven(name) => {
                self.word("certificate", "believed");
                self.facts.push(("proven-name", self.masker.certificate_name(name)));
            }
        }
    }

    /// The messages that a letter answers, as far as they are known here.
    pub(crate) fn answers(&mut self, letter: &LetterFacts) {
        self.word("answers", format_args!("{} named, {} of them received here", letter.named, letter.answers.len()));
        for message in &letter.answers {
            self.address("answered-author", &message.author);
            if !message.reply_to.is_empty() {
                self.addresses("answered-reply-to", &message.reply_to);
            }
            self.yes_or_no("answered-can-be-answered", message.answerable);
        }
    }

    /// What a connector may send as, if it is one.
    pub(crate) fn connector(&mut self, connector: Option<&MaySendAs>) {
        let Some(MaySendAs { domains, addresses }) = connector else { return };
        if !domains.is_empty() {
            self.domains("connector-domains", domains);
        }
        if !addresses.is_empty() {
            self.addresses("connector-addresses", addresses);
        }
    }
}

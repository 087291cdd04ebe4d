//! Whatever the facts, explaining a decision does not change it, and shows nobody's identifier.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use jiff::civil::date;
use pli_policy::{
    AnsweredMessage, Authorship, CertificateFacts, DocumentFacts, Facts, HeaderMailbox, HeaderSender, LetterFacts,
    Listing, MailboxFacts, MaySendAs, NameShows, Origin, PatientRules, PharmacyDoor, PharmacyFacts, RecipientFacts,
    RelationFacts, ReportKind, Ruleset, ScanFacts, ScanFault, SenderField, SpaceRefusal, Stage, TooLarge, VirusRules,
    decide, decide_by_rule, explain,
};
use pli_types::{CertificateFault, DistinguishedName, FinessId, MailAddress, Masker, Relation, ReversePath};
use proptest::prelude::*;
use proptest::{option, sample};

/// Of people in two professional domains, of patients, one with a wrong key and one with no number at all.
const ADDRESSES: [&str; 6] = [
    "dr.martin@a.mssante.fr",
    "DR.MARTIN@a.mssante.fr",
    "postmaster@b.mssante.fr",
    "279035121518989@patient.mssante.fr",
    "279035121518988@patient.mssante.fr",
    "jean@patient.mssante.fr",
];

fn address() -> impl Strategy<Value = MailAddress> {
    sample::select(&ADDRESSES).prop_map(|text| MailAddress::parse(text).expect("an address"))
}

fn may_send_as() -> impl Strategy<Value = MaySendAs> {
    let domains = prop::collection::vec(address().prop_map(|address| address.domain().clone()), 0..3);
    (domains, prop::collection::vec(address(), 0..3)).prop_map(|(domains, addresses)| MaySendAs { domains, addresses })
}

fn listing() -> impl Strategy<Value = Listing> {
    sample::select(&[Listing::Unavailable, Listing::NotListed, Listing::OtherCertificate, Listing::Listed])
}

fn certificate() -> impl Strategy<Value = CertificateFacts> {
    let faults = [
        CertificateFault::Untrusted,
        CertificateFault::Expired,
        CertificateFault::NotYetValid,
        CertificateFault::Revoked,
        CertificateFault::WrongUse,
        CertificateFault::RevocationUnknown,
    ];
    let name = DistinguishedName::parse("CN=mss.a.fr,OU=318751275100020,C=FR").expect("a name");
    prop_oneof![
        1 => Just(CertificateFacts::Missing),
        2 => sample::select(faults.to_vec()).prop_map(CertificateFacts::Faulty),
        6 => Just(CertificateFacts::Proven(name)),
    ]
}

fn origin() -> impl Strategy<Value = Origin> {
    let peer = (certificate(), listing(), option::of(may_send_as())).prop_map(
        |(certificate, certificate_listing, connector)| Origin::Peer { certificate, certificate_listing, connector },
    );
    let account = prop::collection::vec(address(), 0..3).prop_map(|addresses| Origin::Account { addresses });
    prop_oneof![6 => peer, 3 => account, 1 => Just(Origin::Unauthenticated), 1 => Just(Origin::Relay)]
}

fn recipient() -> impl Strategy<Value = RecipientFacts> {
    let mailboxes =
        [MailboxFacts::None, MailboxFacts::Open, MailboxFacts::Suspended, MailboxFacts::Closed, MailboxFacts::Full];
    let mailbox = sample::select(mailboxes.to_vec());
    (address(), any::<bool>(), any::<bool>(), listing(), mailbox, option::of(relation())).prop_map(
        |(address, hosted, connector_domain, listing, mailbox, relation)| RecipientFacts {
            address,
            hosted,
            connector_domain,
            listing,
            mailbox,
            relation,
        },
    )
}

fn relation() -> impl Strategy<Value = RelationFacts> {
    let day = || option::of((-800_i64..=0).prop_map(|days| date(2026, 11, 23) + jiff::Span::new().days(days)));
    let pharmacy = (day(), day()).prop_map(|(reimbursed, any)| PharmacyFacts {
        finess: FinessId::parse("750048886").expect("a number"),
        reimbursed,
        any,
    });
    (sample::select(&Relation::ALL), day(), any::<bool>(), option::of(pharmacy)).prop_map(
        |(relation, since, unanswerable, pharmacy)| RelationFacts {
            relation,
            since,
            unanswerable,
            pharmacy,
            today: date(2026, 11, 23),
        },
    )
}

fn letter() -> impl Strategy<Value = LetterFacts> {
    let report = option::of(sample::select(&[ReportKind::DeliveryStatus, ReportKind::DispositionNotification]));
    let message = (address(), prop::collection::vec(address(), 0..2), option::of(address()), any::<bool>()).prop_map(
        |(author, reply_to, receipt_to, answerable)| AnsweredMessage { author, reply_to, receipt_to, answerable },
    );
    (prop::collection::vec(recipient(), 0..3), report, prop::collection::vec(message, 0..2))
        .prop_map(|(recipients, report, answers)| LetterFacts { recipients, report, named: answers.len(), answers })
}

fn ruleset() -> impl Strategy<Value = Ruleset> {
    let refusal = sample::select(&[SpaceRefusal::Notice, SpaceRefusal::Session]);
    let pharmacies = sample::select(&[PharmacyDoor::DispensedLastYear, PharmacyDoor::AnyCompatiblePharmacy]);
    let patient = (refusal, pharmacies).prop_map(|(refusal, pharmacies)| {
        let service = pli_types::LocalPart::parse("jean").ok();
        PatientRules { refusal, pharmacies, service, ..PatientRules::default() }
    });
    let virus = sample::select(&[TooLarge::Refuse, TooLarge::Defer]).prop_map(|too_large| VirusRules { too_large });
    (patient, option::of(virus)).prop_map(|(patient, virus)| Ruleset { patient, virus, ..Ruleset::default() })
}

fn header_mailbox() -> impl Strategy<Value = HeaderMailbox> {
    let name = sample::select(&[NameShows::NoAddress, NameShows::ThisAddress, NameShows::AnotherAddress]);
    let one = (address(), listing(), name).prop_map(|(address, listing, name)| HeaderMailbox::Address {
        address,
        listing,
        name,
    });
    prop_oneof![1 => Just(HeaderMailbox::Malformed), 5 => one]
}

fn authorship() -> impl Strategy<Value = Authorship> {
    let field = sample::select(&[SenderField::Sender, SenderField::ResentFrom, SenderField::ResentSender]);
    let sender = (field, header_mailbox()).prop_map(|(field, mailbox)| HeaderSender { field, mailbox });
    (header_mailbox(), prop::collection::vec(sender, 0..3)).prop_map(|(from, senders)| Authorship { from, senders })
}

fn scan() -> impl Strategy<Value = Option<ScanFacts>> {
    let answers = [
        ScanFacts::Clean,
        ScanFacts::Found("Test.Signature".to_owned()),
        ScanFacts::TooLarge,
        ScanFacts::Unanswered(ScanFault::Silent),
    ];
    option::of(sample::select(answers.to_vec()))
}

/// Facts that no connection could bring together are among them: a rule must bear those too.
fn facts() -> impl Strategy<Value = Facts> {
    let stage = sample::select(&[Stage::Mail, Stage::Recipient, Stage::Content, Stage::Scan]);
    let sender = prop_oneof![1 => Just(ReversePath::Null), 5 => address().prop_map(ReversePath::Address)];
    let tls = prop::bool::weighted(0.9);
    let patient = option::of(address()).prop_map(|address| address?.ins());
    let content = (option::of(authorship()), option::of(letter()), scan());
    (stage, tls, origin(), sender, listing(), patient, option::of(recipient()), content).prop_map(
        |(stage, tls, origin, sender, sender_listing, patient, recipient, (authorship, letter, scan))| Facts {
            stage,
            tls,
            origin,
            sender,
            sender_listing,
            patient,
            recipient,
            authorship,
            letter,
            documents: DocumentFacts::default(),
            scan,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn deciding_and_explaining_agree(facts in facts(), ruleset in ruleset()) {
        let (explained, trace) = explain(&facts, &ruleset, &Masker::new(&[1; 32]));
        let (decided, rule) = decide_by_rule(&facts, &ruleset);
        prop_assert_eq!(decide(&facts, &ruleset), explained);
        prop_assert_eq!(decided, explained);
        let (last, before) = trace.split_last().expect("some rule is asked at every stage");
        prop_assert!(before.iter().all(|outcome| outcome.decision.takes()), "a refusal ends it");
        if explained.takes() {
            let first = trace.iter().find(|outcome| !outcome.decision.accepts());
            prop_assert_eq!(explained, first.map(|outcome| outcome.decision).unwrap_or_default());
            prop_assert_eq!(rule, first.map(|outcome| outcome.rule));
        } else {
            prop_assert_eq!(last.decision, explained, "whatever another would have returned");
            prop_assert_eq!(rule, Some(last.rule));
        }
    }

    #[test]
    fn no_identifier_is_shown(facts in facts(), ruleset in ruleset()) {
        let (_, trace) = explain(&facts, &ruleset, &Masker::new(&[1; 32]));
        for (name, told) in trace.iter().flat_map(|outcome| &outcome.facts) {
            prop_assert!(!told.contains("2790351215189") && !told.contains("jean@"), "{}: {}", name, told);
        }
    }
}

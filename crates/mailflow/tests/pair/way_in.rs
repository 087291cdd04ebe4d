//! What intake takes, refuses and records.

use std::sync::Arc;

use pli_audit::{EventKind, Face};
use pli_directory::Routes;
use pli_mailflow::{Client, PeerOnWire, Refusal};
use pli_policy::Reason;
use pli_store::MailboxKind;
use pli_types::{EnvelopeParameters, ReversePath};

use crate::relay::{HOSPITAL, LABORATORY, OFFICINE, PATIENT, Relay, THEIRS, letter, recipient, tls};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";

fn refused(reason: Reason) -> Refusal {
    Refusal { reason, temporary: false }
}

#[tokio::test]
async fn below_the_trace_every_byte_is_as_it_came() {
    let relay = Relay::start().await;
    let sent = letter(DOCTOR);
    let peer = relay.server("mx.clinique.test", 11);
    let id = relay.send(&peer, DOCTOR, &[OFFICINE], &sent).await.unwrap();
    let inbox = relay.inbox(OFFICINE).await;
    let kept = String::from_utf8(inbox[0].clone()).unwrap();
    let trace = kept.strip_suffix(str::from_utf8(&sent).unwrap()).expect("the message is as it was sent");
    assert_eq!(
        trace,
        format!(
            "Received: from client.test ([192.0.2.9])\r\n\tby mss.pro.test with ESMTPS id {id}\r\n\
             \t(TLSv1.3 TLS13_AES_256_GCM_SHA384)\r\n\tfor <{OFFICINE}>;\r\n\tMon, 1 Jun 2026 08:00:00 +0000\r\n"
        )
    );
    relay.stop().await;
}

#[tokio::test]
async fn acceptance_and_delivery_are_recorded_without_the_patients_identifier() {
    let relay = Relay::start().await;
    let peer = relay.server("mx.clinique.test", 11);
    let id = relay.send(&peer, DOCTOR, &[OFFICINE, PATIENT], &letter(DOCTOR)).await.unwrap();
    let events = relay.events_of(id).await;
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Accepted, EventKind::Delivered, EventKind::Delivered]);
    assert_eq!(events[0].actor.as_deref(), Some("CN=mx.clinique.test,O=Test,C=FR"));
    assert_eq!(events[0].remote.as_deref(), Some("192.0.2.9"));
    assert!(events[0].recipient.as_ref().unwrap().starts_with("officine@pharmacie.mssante.fr, ins-"));
    let detail = events[0].detail.as_deref().unwrap();
    assert!(detail.contains(" bytes, certificate ") && detail.contains(", trust list of 2026-"), "{detail}");
    assert!(!detail.contains("rule"), "nothing went another way");
    for event in events {
        assert!(!format!("{event:?}").contains("279035121518989"), "{event:?}");
    }
    let kept = String::from_utf8(relay.inbox(PATIENT).await.remove(0)).unwrap();
    assert!(!kept.contains("279035121518989"), "nor does the trace header name him");
    relay.stop().await;
}

#[tokio::test]
async fn who_works_in_a_shared_mailbox_is_recorded_as_himself() {
    let relay = Relay::start().await;
    let mut session = relay.submitter().await;
    let Client::Submitter { account: Some(account), .. } = &mut session.client else { unreachable!() };
    account.name = "a.martin".to_owned();
    let id = relay.send(&session, OFFICINE, &[PATIENT], &letter(OFFICINE)).await.unwrap();
    let events = relay.events_of(id).await;
    assert_eq!(events.len(), 2, "accepted, delivered");
    for event in events {
        assert_eq!((event.actor.as_deref(), event.mailbox.as_deref()), (Some("a.martin"), Some(OFFICINE)), "{event:?}");
    }
    relay.stop().await;
}

#[tokio::test]
async fn a_recipient_named_twice_gets_one_copy_whatever_the_spelling() {
    let relay = Relay::start().await;
    let twice = [OFFICINE, "Officine@PHARMACIE.mssante.fr", OFFICINE];
    relay.send(&relay.server("mx.clinique.test", 11), DOCTOR, &twice, &letter(DOCTOR)).await.unwrap();
    assert_eq!(relay.inbox(OFFICINE).await.len(), 1);
    relay.stop().await;
}

#[tokio::test]
async fn a_peer_is_refused_for_what_it_does_not_prove() {
    let relay = Relay::start().await;
    let begin = async |client, sender| {
        let session = crate::relay::session(Face::Smtp, client);
        relay.begin(&session, sender).await.map(drop).unwrap_err()
    };
    let clear = Client::Peer(PeerOnWire::new(None));
    assert_eq!(begin(clear, DOCTOR).await, refused(Reason::TlsRequired));
    let nameless = Client::Peer(PeerOnWire::new(Some(tls(None))));
    assert_eq!(begin(nameless, DOCTOR).await, refused(Reason::CertificateMissing));
    let itself = crate::relay::presented(&relay.authority.self_signed("mx.clinique.test").certificate);
    let itself = Client::Peer(PeerOnWire::new(Some(tls(Some(itself)))));
    assert_eq!(begin(itself, DOCTOR).await, refused(Reason::CertificateUntrusted));
    assert_eq!(begin(relay.server("mx.unknown.test", 20).client, DOCTOR).await, refused(Reason::CertificateNotListed));
    let other = relay.server("mx.clinique.test", 11);
    assert_eq!(begin(other.client, OFFICINE).await, refused(Reason::SenderDomainOtherCertificate));
    relay.stop().await;
}

#[tokio::test]
async fn a_certificate_revoked_between_two_messages_is_refused_at_once() {
    let relay = Relay::start().await;
    let session = relay.server("mx.clinique.test", 11);
    relay.send(&session, DOCTOR, &[OFFICINE], &letter(DOCTOR)).await.unwrap();
    relay.revoke(11);
    let again = relay.send(&session, DOCTOR, &[OFFICINE], &letter(DOCTOR)).await;
    assert_eq!(again.unwrap_err(), refused(Reason::CertificateRevoked));
    relay.stop().await;
}

#[tokio::test]
async fn a_servers_certificate_makes_a_client_only_where_the_setting_says_so_and_the_list_names_it() {
    let mut relay = Relay::start().await;
    let server_only = |name: &str, serial| {
        let leaf = relay.authority.odd_leaf(name, serial, |leaf| {
            leaf.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        });
        let certificate = crate::relay::presented(&leaf.certificate);
        crate::relay::session(Face::Smtp, Client::Peer(PeerOnWire::new(Some(tls(Some(certificate))))))
    };
    let (listed, unlisted) = (server_only("mx.clinique.test", 21), server_only("mx.unknown.test", 22));
    let (connector, revoked) = (server_only("mta.hopital.test", 23), server_only("mx.clinique.test", 24));
    let wrong_use = refused(Reason::CertificateUsage);
    assert_eq!(relay.begin(&listed, DOCTOR).await.unwrap_err(), wrong_use, "off by default");

    relay.allow_server_auth_clients();
    relay.send(&listed, DOCTOR, &[OFFICINE], &letter(DOCTOR)).await.unwrap();
    assert_eq!(relay.begin(&unlisted, DOCTOR).await.unwrap_err(), wrong_use);
    relay.list(&[(HOSPITAL, "mta.hopital.test"), (THEIRS, "mx.clinique.test")]);
    let theirs = format!("urgences@{HOSPITAL}");
    assert_eq!(relay.begin(&connector, &theirs).await.unwrap_err(), wrong_use, "a connector's never, though listed");
    relay.revoke(24);
    assert_eq!(relay.begin(&revoked, DOCTOR).await.unwrap_err(), refused(Reason::CertificateRevoked));
    relay.stop().await;
}

#[tokio::test]
async fn a_transaction_ends_under_the_list_that_it_began_with() {
    let relay = Relay::start().await;
    let session = relay.server("mx.clinique.test", 11);
    let mut transaction = relay.begin(&session, DOCTOR).await.unwrap();
    relay.list(&[(THEIRS, "mx.other.test")]);
    transaction.recipient(recipient(OFFICINE)).await.unwrap();
    transaction.write(&letter(DOCTOR)).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(relay.begin(&session, DOCTOR).await.unwrap_err(), refused(Reason::CertificateNotListed));
    relay.stop().await;
}

#[tokio::test]
async fn a_connector_writes_elsewhere_as_itself_and_as_nobody_else() {
    let relay = Relay::start().await;
    let from = format!("urgences@{HOSPITAL}");
    let session = relay.server("mta.hopital.test", 12);
    relay.send(&session, &from, &[DOCTOR, PATIENT], &letter(&from)).await.unwrap();
    let rows = relay.store.queue_rows(10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.destination.to_string()).collect::<Vec<_>>(), [THEIRS]);
    let as_other = relay.send(&session, DOCTOR, &[PATIENT], &letter(DOCTOR)).await;
    assert_eq!(as_other.unwrap_err(), refused(Reason::SenderDomainOtherCertificate));
    relay.stop().await;
}

#[tokio::test]
async fn a_connector_writes_as_an_address_that_it_was_given_and_as_no_other_of_that_domain() {
    let relay = Relay::start().await;
    let session = relay.server("mta.hopital.test", 12);
    relay.send(&session, LABORATORY, &[DOCTOR], &letter(LABORATORY)).await.unwrap();
    let as_neighbour = relay.send(&session, OFFICINE, &[DOCTOR], &letter(OFFICINE)).await;
    assert_eq!(as_neighbour.unwrap_err(), refused(Reason::SenderNotOwned));
    let in_its_name = relay.send(&session, LABORATORY, &[DOCTOR], &letter(OFFICINE)).await;
    assert_eq!(in_its_name.unwrap_err(), refused(Reason::HeaderFromMismatch));
    // Its domain and its address are two authors.
    let in_another = relay.send(&session, LABORATORY, &[DOCTOR], &letter(&format!("urgences@{HOSPITAL}"))).await;
    assert_eq!(in_another.unwrap_err(), refused(Reason::HeaderFromMismatch));
    relay.stop().await;
}

#[tokio::test]
async fn a_connector_that_is_taken_away_is_refused_on_its_open_connection() {
    let relay = Relay::start().await;
    let from = format!("urgences@{HOSPITAL}");
    let session = relay.server("mta.hopital.test", 12);
    relay.send(&session, &from, &[DOCTOR], &letter(&from)).await.unwrap();
    relay.intake.routes.replace(Arc::new(Routes::default()));
    assert_eq!(relay.begin(&session, &from).await.unwrap_err(), refused(Reason::CertificateNotListed));
    relay.stop().await;
}

#[tokio::test]
async fn mail_for_a_connectors_domain_goes_to_it_unless_there_is_a_mailbox_here() {
    let relay = Relay::start().await;
    let archive = format!("archives@{HOSPITAL}");
    relay.add_mailbox(&archive, MailboxKind::App).await;
    let others = format!("urgences@{HOSPITAL}");
    let session = relay.server("mx.clinique.test", 11);
    relay.send(&session, DOCTOR, &[&archive, &others], &letter(DOCTOR)).await.unwrap();
    assert_eq!(relay.inbox(&archive).await.len(), 1);
    let rows = relay.store.queue_rows(10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.recipient.reveal()).collect::<Vec<_>>(), [others]);
    relay.stop().await;
}

#[tokio::test]
async fn content_is_refused_for_what_cannot_be_judged_or_goes_round() {
    let relay = Relay::start().await;
    let session = relay.server("mx.clinique.test", 11);
    let send = async |message: Vec<u8>| {
        let sent = relay.send(&session, DOCTOR, &[OFFICINE], &message).await;
        sent.unwrap_err().reason.code()
    };
    let with = |line: &str, times: usize| [line.repeat(times).into_bytes(), letter(DOCTOR)].concat();
    assert_eq!(send(letter(OFFICINE)).await, "header-from-mismatch");
    assert_eq!(send(with("From: <x@clinique.mssante.fr>\r\n", 1)).await, "header-from-mismatch");
    assert_eq!(send(b"\r\nno header\r\n".to_vec()).await, "header-from-mismatch");
    assert_eq!(send(Vec::new()).await, "header-from-mismatch");
    assert_eq!(send(with("Received: from a by b; c\r\n", 101)).await, "mail-loop");
    assert_eq!(send(with("Received: from a by mss.pro.test; c\r\n", 6)).await, "mail-loop");
    assert_eq!(send(with("X-Filler: 0123456789012345678901234567890123456789\r\n", 6_000)).await, "message-malformed");
    assert_eq!(send([letter(DOCTOR), b"0123456789012345678\r\n".repeat(50_000)].concat()).await, "message-too-big");
    assert!(relay.inbox(OFFICINE).await.is_empty());
    relay.stop().await;
}

#[tokio::test]
async fn a_header_of_traces_within_the_limit_passes() {
    let relay = Relay::start().await;
    let session = relay.server("mx.clinique.test", 11);
    let message = [b"Received: from a by b; c\r\n".repeat(100), letter(DOCTOR)].concat();
    relay.send(&session, DOCTOR, &[OFFICINE], &message).await.unwrap();
    relay.stop().await;
}

#[tokio::test]
async fn submission_adds_what_is_missing_and_nothing_else_does() {
    let relay = Relay::start().await;
    let bare = |from: &str| format!("From: {from}\r\n\r\nbody\r\n").into_bytes();
    let id = relay.send(&relay.submitter().await, OFFICINE, &[PATIENT], &bare(OFFICINE)).await.unwrap();
    let kept = String::from_utf8(relay.inbox(PATIENT).await.remove(0)).unwrap();
    let added = format!(
        "Date: Mon, 1 Jun 2026 08:00:00 +0000\r\nMessage-ID: <{id}@mss.pro.test>\r\nFrom: {OFFICINE}\r\n\r\nbody\r\n"
    );
    assert!(kept.ends_with(&added), "{kept}");
    assert!(kept.contains(" with ESMTPSA id "));

    let peer = relay.server("mx.clinique.test", 11);
    relay.send(&peer, DOCTOR, &[PATIENT], &bare(DOCTOR)).await.unwrap();
    let kept = String::from_utf8(relay.inbox(PATIENT).await.remove(1)).unwrap();
    assert!(!kept.contains("Message-ID"), "{kept}");
    relay.stop().await;
}

#[tokio::test]
async fn too_many_recipients_are_told_to_come_again() {
    let relay = Relay::start().await;
    let session = relay.submitter().await;
    let mut transaction = relay.begin(&session, OFFICINE).await.unwrap();
    for n in 0..100 {
        transaction.recipient(recipient(&format!("r{n}@{THEIRS}"))).await.unwrap();
    }
    let one_more = transaction.recipient(recipient(&format!("r100@{THEIRS}"))).await;
    assert_eq!(one_more.unwrap_err(), Refusal { reason: Reason::TooManyRecipients, temporary: true });
    transaction.recipient(recipient(&format!("r7@{THEIRS}"))).await.expect("one of those taken already");
    transaction.write(&letter(OFFICINE)).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(relay.store.queue_rows(1_000).await.unwrap().len(), 100);
    relay.stop().await;
}

#[tokio::test]
async fn nothing_is_taken_before_sign_in() {
    let relay = Relay::start().await;
    let session = crate::relay::session(Face::Submission, Client::Submitter { tls: Some(tls(None)), account: None });
    assert_eq!(relay.begin(&session, OFFICINE).await.unwrap_err(), refused(Reason::AuthenticationRequired));
    let sender = ReversePath::Address(crate::relay::address_of(DOCTOR));
    let other = relay.intake.begin(&relay.submitter().await, sender, EnvelopeParameters::default()).await;
    assert_eq!(other.unwrap_err(), refused(Reason::SenderNotOwned));
    relay.stop().await;
}

#[tokio::test]
async fn a_postmaster_without_a_mailbox_is_whoever_is_named_and_gets_one_copy() {
    let relay = Relay::start().await;
    let peer = relay.server("mx.clinique.test", 11);
    let (ours, patients) = ("PostMaster@pharmacie.mssante.fr", "postmaster@patient.mssante.fr");
    relay.send(&peer, DOCTOR, &[ours, OFFICINE, patients], &letter(DOCTOR)).await.unwrap();
    assert_eq!(relay.inbox(OFFICINE).await.len(), 1);
    relay.add_mailbox(ours, MailboxKind::Org).await;
    relay.send(&peer, DOCTOR, &[ours], &letter(DOCTOR)).await.unwrap();
    assert_eq!(relay.inbox(OFFICINE).await.len(), 1, "a mailbox of that name comes first");
    assert_eq!(relay.inbox(ours).await.len(), 1);
    relay.stop().await;
}

//! Read receipts of patients' spaces (spec §6.3, RFC 8098; scenario 40).

use std::time::Duration;

use mail_parser::MessageParser;
use pli_mailflow::Receiptor;
use pli_net::Shutdown;
use pli_store::{FlagChange, Flags};
use pli_types::Uid;

use crate::relay::{OFFICINE, PATIENT, Relay};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
const ASKS: &str = "Disposition-Notification-To: <dr.martin@clinique.mssante.fr>\r\n";

async fn write(relay: &Relay, to: &str, id: &str, lines: &str) -> pli_types::MessageId {
    let clinic = relay.server("mx.clinique.test", 11);
    let text = format!("From: <{DOCTOR}>\r\nSubject: DUPONT Jean\r\nMessage-ID: <{id}>\r\n{lines}\r\nbody\r\n");
    relay.send(&clinic, DOCTOR, &[to], text.as_bytes()).await.unwrap()
}

/// Opens all that is in INBOX, as a mail program does.
async fn open(relay: &Relay, address: &str, change: FlagChange) {
    let mailbox = relay.mailbox(address).await;
    let inbox = relay.store.folders(mailbox.id).await.unwrap()[0].id;
    let uids: Vec<Uid> = (1..20).map(Uid).collect();
    let seen = Flags { seen: true, ..Flags::default() };
    relay.store.set_flags(inbox, &uids, change, &seen, Vec::new()).await.unwrap();
}

/// Runs until nothing is owed.
async fn settle(relay: &Relay, sends: bool) {
    let shutdown = Shutdown::default();
    shutdown.spawn(Receiptor::new(relay.intake.clone(), sends).run(shutdown.clone()));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(25);
    while !relay.store.receipts_due(None, 9).await.unwrap().is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "receipts are still owed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(shutdown.finish(Duration::from_secs(10)).await);
}

#[tokio::test]
async fn a_patient_who_opens_a_message_tells_its_sender_once_and_nothing_of_it() {
    let relay = Relay::start().await;
    let message = write(&relay, PATIENT, "1@clinique.test", ASKS).await;
    open(&relay, PATIENT, FlagChange::Add).await;
    settle(&relay, true).await;
    open(&relay, PATIENT, FlagChange::Remove).await;
    open(&relay, PATIENT, FlagChange::Add).await;
    settle(&relay, true).await;
    let [row] = relay.store.queue_rows(9).await.unwrap().try_into().unwrap();
    assert_eq!((row.recipient.reveal().as_str(), row.sender.address()), (DOCTOR, None));
    let body = relay.store.body(row.message).await.unwrap();
    let (text, parsed) =
        (String::from_utf8(body.to_vec()).unwrap(), MessageParser::default().parse(&body[..]).unwrap());
    assert!(text.is_ascii() && !text.contains("DUPONT"), "{text}");
    assert_eq!(parsed.from().unwrap().first().unwrap().address(), Some(PATIENT));
    for line in [
        "Content-Type: multipart/report; report-type=disposition-notification;",
        "In-Reply-To: <1@clinique.test>",
        "Auto-Submitted: auto-replied",
        "Final-Recipient: rfc822; 279035121518989@patient.mssante.fr",
        "Original-Message-ID: <1@clinique.test>",
        "Disposition: manual-action/MDN-sent-automatically; displayed",
    ] {
        assert!(text.contains(&format!("\r\n{line}\r\n")), "{line} in {text}");
    }
    let events = relay.events_of(message).await;
    assert_eq!(events.last().unwrap().kind.as_str(), "reported");
    relay.stop().await;
}

#[tokio::test]
async fn nobody_is_told_who_did_not_ask_or_is_no_person_or_wrote_to_a_professional() {
    let relay = Relay::start().await;
    write(&relay, PATIENT, "1@clinique.test", "").await;
    write(&relay, PATIENT, "2@clinique.test", &format!("{ASKS}Auto-Submitted: auto-generated\r\n")).await;
    let report = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n";
    write(&relay, PATIENT, "3@clinique.test", &format!("{ASKS}{report}")).await;
    let elsewhere = "Disposition-Notification-To: <secretariat@clinique.mssante.fr>\r\n";
    write(&relay, PATIENT, "4@clinique.test", elsewhere).await;
    write(&relay, OFFICINE, "5@clinique.test", ASKS).await;
    open(&relay, PATIENT, FlagChange::Add).await;
    open(&relay, OFFICINE, FlagChange::Add).await;
    settle(&relay, true).await;
    write(&relay, PATIENT, "6@clinique.test", ASKS).await;
    open(&relay, PATIENT, FlagChange::Add).await;
    settle(&relay, false).await;
    assert!(relay.store.queue_rows(9).await.unwrap().is_empty());
    relay.stop().await;
}

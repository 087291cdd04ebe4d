//! What comes back moves the story of a message on, and only for those who may say so (scenario 40).

use std::time::Duration;

use pli_audit::Event;
use pli_store::PartyState;
use pli_types::MessageId;

use crate::relay::{HOSPITAL, OFFICINE, Relay, letter};

const DOCTOR: &str = "dr.martin@clinique.mssante.fr";
const COLLEAGUE: &str = "dr.durand@clinique.mssante.fr";
const PATIENCE: Duration = Duration::from_secs(25);

/// A letter of ours that the other server has taken.
async fn sent(relay: &Relay, to: &[&str]) -> MessageId {
    let id = relay.send(&relay.submitter().await, OFFICINE, to, &letter(OFFICINE)).await.unwrap();
    let way_out = relay.deliver();
    relay.story(id, &["relayed"]).await;
    assert!(way_out.finish(PATIENCE).await);
    id
}

/// A receipt of this author's on our letter.
fn receipt(author: &str, recipient: &str, disposition: &str) -> String {
    format!(
        "From: <{author}>\r\nTo: <{OFFICINE}>\r\nSubject: =?utf-8?Q?re=C3=A7u?=\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nDUPONT Jean\r\n\
         --b\r\nContent-Type: message/disposition-notification\r\n\r\n\
         Original-Recipient: rfc822; {recipient}\r\nFinal-Recipient: rfc822; {recipient}\r\n\
         Original-Message-ID: <1@client.test>\r\n\
         Disposition: automatic-action/MDN-sent-automatically; {disposition}\r\n\r\n--b--\r\n"
    )
}

/// Brings it as the clinic's server does.
async fn comes(relay: &Relay, text: &str) -> MessageId {
    let clinic = relay.server("mx.clinique.test", 11);
    relay.send(&clinic, "", &[OFFICINE], text.as_bytes()).await.unwrap()
}

/// The states of the parties, with their codes.
async fn states(relay: &Relay, message: MessageId) -> Vec<(PartyState, Option<String>)> {
    let story = relay.store.story(message).await.unwrap().unwrap();
    story.parties.into_iter().map(|party| (party.state, party.code)).collect()
}

async fn last(relay: &Relay, message: MessageId) -> Event<String> {
    relay.events_of(message).await.pop().unwrap()
}

#[tokio::test]
async fn a_receipt_of_integration_passes_and_is_told_of_the_message_it_is_on() {
    let relay = Relay::start().await;
    let id = sent(&relay, &[DOCTOR, COLLEAGUE]).await;
    let text = receipt(DOCTOR, DOCTOR, "processed");
    let report = comes(&relay, &text).await;
    assert_eq!(states(&relay, id).await, [(PartyState::Integrated, None), (PartyState::Relayed, None)]);
    let event = last(&relay, id).await;
    assert_eq!((event.kind.as_str(), event.reason), ("integrated", None));
    assert_eq!(event.detail, Some(format!("report {report}")));
    assert_eq!(event.recipient.as_deref(), Some(DOCTOR));
    let [passed] = relay.inbox(OFFICINE).await.try_into().unwrap();
    assert!(String::from_utf8(passed).unwrap().ends_with(&text), "byte for byte");
    comes(&relay, &text).await;
    comes(&relay, &receipt(DOCTOR, DOCTOR, "displayed")).await;
    let told = relay.events_of(id).await;
    assert_eq!(told.iter().filter(|event| event.kind.as_str() == "integrated").count(), 1, "once");
    assert!(told.iter().all(|event| event.kind.as_str() != "opened"), "what is integrated was opened");
    relay.stop().await;
}

#[tokio::test]
async fn a_receipt_of_failed_integration_tells_the_code_and_never_the_words() {
    let relay = Relay::start().await;
    let id = sent(&relay, &[DOCTOR]).await;
    comes(&relay, &receipt(DOCTOR, DOCTOR, "displayed")).await;
    assert_eq!(states(&relay, id).await, [(PartyState::Opened, None)]);
    let report = comes(&relay, &receipt(DOCTOR, DOCTOR, "processed/Error: 904^DUPONT Jean n'est pas lui")).await;
    assert_eq!(states(&relay, id).await, [(PartyState::Integrated, Some("904".to_owned()))]);
    let event = last(&relay, id).await;
    assert_eq!((event.kind.as_str(), event.reason.as_deref()), ("integrated", Some("904")));
    assert_eq!(event.detail, Some(format!("not integrated, the INS differs: report {report}")));
    relay.stop().await;
}

#[tokio::test]
async fn an_error_mail_of_a_program_that_was_not_asked_says_the_same() {
    let relay = Relay::start().await;
    let id = sent(&relay, &[DOCTOR]).await;
    let text = format!(
        "From: <{DOCTOR}>\r\nTo: <{OFFICINE}>\r\n\
         Subject: =?UTF-8?Q?=5BKO_Int=C3=A9gration_syst=C3=A8me_!=5D=5B902=5D?= XDM/1.0/DDM+2\r\n\
         Message-ID: <9@clinique.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\n\r\nKO\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <1@client.test>\r\n\r\nx\r\n--b--\r\n"
    );
    let clinic = relay.server("mx.clinique.test", 11);
    relay.send(&clinic, DOCTOR, &[OFFICINE], text.as_bytes()).await.unwrap();
    assert_eq!(states(&relay, id).await, [(PartyState::Integrated, Some("902".to_owned()))]);
    relay.stop().await;
}

#[tokio::test]
async fn a_delivery_report_of_the_recipients_server_is_told_too() {
    let relay = Relay::start().await;
    let id = sent(&relay, &[DOCTOR, COLLEAGUE]).await;
    let group = |address: &str, action: &str, status: &str| {
        format!("Final-Recipient: rfc822; {address}\r\nAction: {action}\r\nStatus: {status}\r\n\r\n")
    };
    comes(
        &relay,
        &format!(
            "From: <mailer-daemon@clinique.mssante.fr>\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.clinique.test\r\n\r\n{}{}\
             --b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <1@client.test>\r\n\r\n--b--\r\n",
            group(DOCTOR, "delivered", "2.0.0"),
            group(COLLEAGUE, "failed", "5.1.1")
        ),
    )
    .await;
    let failed = (PartyState::Failed, Some("5.1.1".to_owned()));
    assert_eq!(states(&relay, id).await, [(PartyState::Delivered, None), failed]);
    relay.stop().await;
}

#[tokio::test]
async fn nobody_moves_on_what_is_not_his() {
    let relay = Relay::start().await;
    let id = sent(&relay, &[DOCTOR]).await;
    let before = relay.events_of(id).await;
    let text = receipt(DOCTOR, DOCTOR, "processed");
    // The clinic's server, of which nobody got the letter.
    comes(&relay, &receipt(COLLEAGUE, COLLEAGUE, "processed")).await;
    comes(&relay, &receipt(COLLEAGUE, &format!("who@{HOSPITAL}"), "processed")).await;
    // Of another message, or of none.
    comes(&relay, &text.replace("1@client.test", "2@client.test")).await;
    comes(&relay, &text.replace("Original-Message-ID: <1@client.test>\r\n", "")).await;
    // To one who did not send it.
    relay.add_mailbox("autre@pharmacie.mssante.fr", pli_store::MailboxKind::Org).await;
    let clinic = relay.server("mx.clinique.test", 11);
    relay.send(&clinic, "", &["autre@pharmacie.mssante.fr"], text.as_bytes()).await.unwrap();
    // The hospital's server, which speaks for the hospital and not for the doctor.
    let hospital = relay.server("mta.hopital.test", 12);
    let forged = receipt(&format!("x@{HOSPITAL}"), DOCTOR, "processed");
    relay.send(&hospital, "", &[OFFICINE], forged.as_bytes()).await.unwrap();
    assert_eq!(states(&relay, id).await, [(PartyState::Relayed, None)]);
    assert_eq!(relay.events_of(id).await, before);
    comes(&relay, &text).await;
    assert_eq!(states(&relay, id).await, [(PartyState::Integrated, None)]);
    relay.stop().await;
}

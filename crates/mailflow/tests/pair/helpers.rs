//! A helper writes for a patient as himself, and his reader sees it (R-WHO-13).

use pli_mailflow::{Client, Session};

use crate::relay::{OFFICINE, PATIENT, Relay, letter};

const SAYS_SO: &str = "Comments: Message d'un aidant, au nom du titulaire de l'adresse /\r\n \
                       Written by a helper, for the holder of the address\r\n";

/// Claire, who opens the patient's mailbox, and the pharmacy's besides; as the patient's helper, or not.
async fn claire(relay: &Relay, as_helper: bool) -> Session {
    let mut session = relay.signed_in_to(PATIENT).await;
    let officine = relay.mailbox(OFFICINE).await.address;
    if let Client::Submitter { account: Some(account), .. } = &mut session.client {
        "claire".clone_into(&mut account.name);
        account.helps = if as_helper { account.writes_as.clone() } else { Vec::new() };
        account.writes_as.push(officine);
    }
    session
}

/// A relay where the pharmacy has written to the patient.
async fn start() -> Relay {
    let relay = Relay::start().await;
    let officine = relay.submitter().await;
    relay.send(&officine, OFFICINE, &[PATIENT], &letter(OFFICINE)).await.unwrap();
    relay
}

#[tokio::test]
async fn what_a_helper_writes_says_so_and_the_record_names_him() {
    let relay = start().await;
    let sent = letter(PATIENT);
    let id = relay.send(&claire(&relay, true).await, PATIENT, &[OFFICINE], &sent).await.unwrap();
    let got = relay.inbox(OFFICINE).await.remove(0);
    assert!(got.ends_with(&sent), "not a byte of it is changed");
    let top = String::from_utf8(got[..got.len() - sent.len()].to_vec()).unwrap();
    assert!(top.starts_with("Received: ") && top.contains(&format!("\r\n{SAYS_SO}")), "{top}");
    assert!(!top.contains("claire"), "who he is, is the patient's to tell: {top}");
    for event in relay.events_of(id).await {
        assert_eq!(event.actor.as_deref(), Some("claire"), "{event:?}");
    }
    relay.stop().await;
}

#[tokio::test]
async fn what_is_not_written_for_a_patient_says_nothing() {
    let relay = start().await;
    relay.send(&claire(&relay, false).await, PATIENT, &[OFFICINE], &letter(PATIENT)).await.unwrap();
    relay.send(&claire(&relay, true).await, OFFICINE, &[OFFICINE], &letter(OFFICINE)).await.unwrap();
    let inbox = relay.inbox(OFFICINE).await;
    assert_eq!(inbox.len(), 2);
    for message in inbox {
        assert!(!String::from_utf8(message).unwrap().contains("Comments:"));
    }
    relay.stop().await;
}

//! Revocation lists from the certificates' own distribution points (RFC 5280 §4.2.1.13): had, kept, renewed; and none
//! of what a bad server sends.

use std::sync::Arc;

use jiff::SignedDuration;
use pli_net::Shutdown;
use pli_types::{CertificateFault, ManualClock, Span};
use rcgen::CertifiedIssuer;

use crate::support::publisher::Does;
use crate::support::space::{ORGANISATIONS, ROOT, Space, after, judged, judged_at, status};
use crate::support::trust::{Authority, Leaf, authority, der, key, list, list_dated, now};

#[tokio::test]
async fn a_new_operator_is_believed_by_the_list_that_its_own_certificate_names() {
    let space = Space::new();
    let (pki, operator) = (space.pki(), space.operator(5));
    assert_eq!(judged(&pki, &operator), Err(CertificateFault::RevocationUnknown));
    pki.fetch_due(now()).await;
    pki.prepare(&operator.presented(), now()).await;
    assert_eq!(judged(&pki, &operator), Ok(()));

    let status = status(&pki, ORGANISATIONS);
    assert!(status.authority.contains("AC ORGANISATIONS") && status.in_force, "{status:?}");
    assert_eq!(
        status.validity,
        Some(("2030-06-14T00:00:00Z".parse().unwrap(), "2030-06-21T00:00:00Z".parse().unwrap()))
    );
    assert_eq!(status.last_try, Some((now(), None)));
}

#[tokio::test]
async fn a_revocation_that_is_published_takes_effect() {
    let space = Space::new();
    let (pki, operator) = space.ready().await;
    space.publish(ORGANISATIONS, &list_dated(&space.trust.organisations, &[5], (2030, 6, 15), (2030, 6, 22)));
    let before = pki.generation();
    pki.fetch_due(after(1)).await;
    assert_eq!(pki.generation(), before + 1);
    assert_eq!(judged(&pki, &operator), Err(CertificateFault::Revoked));
    assert_eq!(status(&pki, ORGANISATIONS).entries, 1);
}

#[tokio::test]
async fn many_sessions_of_one_new_operator_ask_once() {
    let space = Space::new();
    let (pki, operator) = (space.pki(), space.operator(5).presented());
    let prepared = (0..20).map(|_| pki.prepare(&operator, now()));
    futures_util::future::join_all(prepared).await;
    assert_eq!(space.publisher.asked(ORGANISATIONS), 1);
    pki.prepare(&operator, now()).await;
    assert_eq!(space.publisher.asked(ORGANISATIONS), 1, "its list is known");
}

#[tokio::test]
async fn a_server_that_failed_holds_up_no_other_session() {
    let space = Space::new();
    space.publisher.does(ORGANISATIONS, Does::Say(Vec::new()));
    let (pki, operator) = (space.pki(), space.operator(5).presented());
    pki.prepare(&operator, now()).await;
    pki.prepare(&operator, after(24)).await;
    assert_eq!(space.publisher.asked(ORGANISATIONS), 1, "from then on it is asked beside the sessions");
}

#[tokio::test]
async fn a_stranger_cannot_make_us_ask_an_address() {
    let space = Space::new();
    let pki = space.pki();
    let url = space.publisher.url("/trap");
    let leaf = || Leaf::new("mx.example").listed_at(&[&url]);
    let forger = CertifiedIssuer::self_signed(authority("AC ORGANISATIONS"), key()).unwrap();
    for stranger in [leaf().self_signed(), leaf().signed_by(&space.trust.personnes), leaf().signed_by(&forger)] {
        pki.prepare(&stranger.presented(), now()).await;
        judged(&pki, &stranger).unwrap_err();
        pki.fetch_due(now()).await;
    }
    assert_eq!(space.publisher.asked("/trap"), 0);
}

#[tokio::test]
async fn a_certificate_that_was_only_judged_has_its_list_fetched_too() {
    let space = Space::new();
    let (pki, operator) = (space.pki(), space.operator(5));
    assert_eq!(judged(&pki, &operator), Err(CertificateFault::RevocationUnknown));
    pki.fetch_due(now()).await;
    assert_eq!(judged(&pki, &operator), Ok(()));
}

#[tokio::test]
async fn lists_survive_a_restart_without_their_server_until_they_end() {
    let space = Space::new();
    let (_, operator) = space.ready().await;
    let Space { publisher, trust } = space;
    drop(publisher);

    let pki = trust.load(&trust.config_without_lists());
    assert_eq!(judged(&pki, &operator), Ok(()));
    pki.fetch_due(after(1)).await;
    assert_eq!(judged_at(&pki, &operator, after(1)), Ok(()), "the last valid list serves");
    let (_, fault) = status(&pki, ORGANISATIONS).last_try.unwrap();
    assert!(fault.unwrap().contains("cannot be reached"));
    let past_its_end = "2030-06-21T00:00:01Z".parse().unwrap();
    assert_eq!(judged_at(&pki, &operator, past_its_end), Err(CertificateFault::RevocationUnknown));
}

#[tokio::test]
async fn a_kept_list_that_was_tampered_with_is_not_believed() {
    let space = Space::new();
    let (_, operator) = space.ready().await;
    let forger = CertifiedIssuer::self_signed(authority("AC ORGANISATIONS"), key()).unwrap();
    for bad in [der(&list(&forger, &[])), der(&list(&space.trust.personnes, &[])), b"garbage".to_vec(), Vec::new()] {
        for entry in std::fs::read_dir(space.trust.path("state/crl")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "der") {
                std::fs::write(path, &bad).unwrap();
            }
        }
        let pki = space.pki();
        assert_eq!(judged(&pki, &operator), Err(CertificateFault::RevocationUnknown));
        pki.fetch_due(now()).await;
        assert_eq!(judged(&pki, &operator), Ok(()), "fetched anew, without validators");
    }
    std::fs::write(space.trust.path("state/crl/points.json"), b"[{]").unwrap();
    assert_eq!(judged(&space.pki(), &operator), Err(CertificateFault::RevocationUnknown));
}

#[tokio::test]
async fn nothing_of_a_bad_answer_comes_into_force_and_each_is_told() {
    let space = Space::new();
    let (pki, operator) = space.ready().await;
    let Space { publisher, trust } = &space;
    let forger: Authority = CertifiedIssuer::self_signed(authority("AC ORGANISATIONS"), key()).unwrap();
    let fresh = der(&list_dated(&trust.organisations, &[5], (2030, 6, 15), (2030, 6, 22)));
    let signed = |issuer, from, to| Does::Serve(der(&list_dated(issuer, &[5], from, to)));
    let announced = b"HTTP/1.1 200 OK\r\nContent-Length: 20971521\r\n\r\n".to_vec();
    let cases = [
        (
            Does::Say(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n".to_vec()),
            "503 Service Unavailable",
        ),
        (Does::Serve(b"<html>Maintenance</html>".to_vec()), "cannot be read"),
        (Does::Serve(Vec::new()), "cannot be read"),
        (Does::Serve(fresh[..fresh.len() - 1].to_vec()), "cannot be read"),
        (Does::Serve([fresh.as_slice(), b"."].concat()), "1 bytes follow it"),
        (Does::Say(announced), "larger than what is taken"),
        (Does::Flood, "larger than what is taken"),
        (signed(&forger, (2030, 6, 15), (2030, 6, 22)), "does not bear its signature"),
        (signed(&trust.personnes, (2030, 6, 15), (2030, 6, 22)), "the revocation list of CN=AC PERSONNES"),
        (signed(&trust.root, (2030, 6, 15), (2030, 6, 22)), "the revocation list of CN=AC RACINE"),
        (signed(&trust.organisations, (2030, 6, 13), (2030, 6, 22)), "is older than the one in force, which stays"),
        (signed(&trust.organisations, (2030, 6, 14), (2030, 6, 15)), "ended at 2030-06-15T00:00:00Z"),
        (signed(&trust.organisations, (2031, 6, 14), (2031, 6, 21)), "is our clock right?"),
    ];
    let before = pki.generation();
    let mut at = now();
    for (bad, told) in cases {
        publisher.does(ORGANISATIONS, bad);
        at += SignedDuration::from_hours(1);
        pki.fetch_due(at).await;
        let (tried, fault) = status(&pki, ORGANISATIONS).last_try.unwrap();
        let fault = fault.unwrap_or_else(|| panic!("taken: {told}"));
        assert!(fault.contains(told) && fault.starts_with(&publisher.url(ORGANISATIONS)), "{fault}");
        assert_eq!(tried, at);
        assert_eq!(pki.generation(), before, "{told}");
        assert_eq!(judged(&pki, &operator), Ok(()), "{told}");
    }

    publisher.does(ORGANISATIONS, Does::Serve(fresh));
    pki.fetch_due(at + SignedDuration::from_hours(1)).await;
    assert_eq!(status(&pki, ORGANISATIONS).last_try.unwrap().1, None);
    assert_eq!(judged(&pki, &operator), Err(CertificateFault::Revoked));
}

#[tokio::test]
async fn a_list_that_has_not_changed_is_not_sent_again_not_even_after_a_restart() {
    let space = Space::new();
    let (pki, operator) = space.ready().await;
    pki.fetch_due(after(1)).await;
    let pki = [pki, space.pki()];
    pki[1].fetch_due(after(2)).await;
    let heads = space.publisher.heads(ORGANISATIONS);
    assert_eq!(heads.len(), 3);
    let conditional = |head: &String| head.to_ascii_lowercase().contains("if-none-match:");
    assert_eq!(heads.iter().map(conditional).collect::<Vec<_>>(), [false, true, true]);
    for (pki, hours) in pki.iter().zip(1..) {
        assert_eq!(status(pki, ORGANISATIONS).last_try, Some((after(hours), None)));
        assert_eq!(judged(pki, &operator), Ok(()));
    }
}

#[tokio::test]
async fn a_list_is_asked_for_each_hour() {
    let space = Space::new();
    let (pki, _) = space.ready().await;
    pki.fetch_due(now() + SignedDuration::from_mins(53)).await;
    assert_eq!(space.publisher.asked(ORGANISATIONS), 1);
    pki.fetch_due(now() + SignedDuration::from_mins(60)).await;
    assert_eq!(space.publisher.asked(ORGANISATIONS), 2);
}

#[tokio::test]
async fn a_list_is_renewed_before_it_ends() {
    let space = Space::new();
    let config = pli_net::PkiConfig { crl_refresh: Span::hours(24 * 365), ..space.trust.config_without_lists() };
    let (pki, operator) = (space.trust.load(&config), space.operator(5));
    pki.fetch_due(now()).await;
    pki.prepare(&operator.presented(), now()).await;

    // Both live a week, to midnight of the 21st: a fifth of it is 33 hours, a tenth 16.
    pki.fetch_due("2030-06-19T12:00:00Z".parse().unwrap()).await;
    assert_eq!(space.publisher.asked(ORGANISATIONS), 1);
    space.publish(ROOT, &list_dated(&space.trust.root, &[], (2030, 6, 20), (2030, 6, 27)));
    space.publish(ORGANISATIONS, &list_dated(&space.trust.organisations, &[], (2030, 6, 20), (2030, 6, 27)));
    pki.fetch_due("2030-06-20T08:00:00Z".parse().unwrap()).await;
    assert_eq!(judged_at(&pki, &operator, "2030-06-26T00:00:00Z".parse().unwrap()), Ok(()));
}

#[tokio::test]
async fn a_server_that_is_down_is_not_hammered_and_is_found_again() {
    let space = Space::new();
    let (pki, operator) = space.ready().await;
    space.publisher.does(ORGANISATIONS, Does::Say(Vec::new()));
    let asked = || space.publisher.asked(ORGANISATIONS);
    pki.fetch_due(after(1)).await;
    pki.fetch_due(after(1)).await;
    assert_eq!(asked(), 2, "a pause follows the failure");
    for _ in 0..3 {
        pki.fetch_due(after(1) + SignedDuration::from_mins(1)).await;
    }
    assert_eq!(asked(), 3, "a longer one follows the next");
    space.publish(ORGANISATIONS, &list_dated(&space.trust.organisations, &[5], (2030, 6, 15), (2030, 6, 22)));
    pki.fetch_due(after(2)).await;
    assert_eq!(judged(&pki, &operator), Err(CertificateFault::Revoked));
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_no_list_waiting() {
    let space = Space::new();
    let (pki, _) = space.ready().await;
    pki.fetch_due(after(-24)).await;
    assert_eq!(space.publisher.asked(ORGANISATIONS), 2);
}

#[tokio::test]
async fn lists_are_kept_fresh_until_the_end_without_being_asked() {
    let space = Space::new();
    let (pki, operator, shutdown) = (space.pki(), space.operator(5), Shutdown::default());
    pki.learn(&operator.presented(), now());
    shutdown.spawn(pki.clone().keep_fresh(Arc::new(ManualClock::new(now())), shutdown.clone()));
    let asked = tokio::task::spawn_blocking(move || {
        space.publisher.wait_for(ROOT);
        space.publisher.wait_for(ORGANISATIONS);
        space
    });
    let _space = asked.await.unwrap();
    assert!(shutdown.finish(std::time::Duration::from_secs(30)).await);
}

//! Revocation lists from the certificates' own distribution points (RFC 5280 §4.2.1.13): had, kept, renewed; and none
//! of what a bad server sends.

use std::net::TcpListener;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use pli_net::{Pki, RevocationStatus, Shutdown};
use pli_types::{CertificateFault, CertificateUse, ManualClock, Span};
use rcgen::CertifiedIssuer;

use crate::support::publisher::{Does, Publisher};
use crate::support::trust::{
    Authority, Issued, Leaf, Trust, authority, der, key, list, list_dated, list_of_part, now, point,
};

const ROOT: &str = "/root.crl";
const ORGANISATIONS: &str = "/organisations.crl";

/// A trust space whose lists are published, both good, and none of them in a file.
pub(crate) struct Space {
    pub(crate) publisher: Publisher,
    pub(crate) trust: Trust,
}

impl Space {
    pub(crate) fn new() -> Self {
        let publisher = Publisher::start();
        let space = Self { trust: Trust::publishing(&publisher.url(ROOT)), publisher };
        space.publish(ROOT, &list(&space.trust.root, &[]));
        space.publish(ORGANISATIONS, &list(&space.trust.organisations, &[]));
        space
    }

    fn publish(&self, path: &str, list: &str) {
        self.publisher.does(path, Does::Serve(der(list)));
    }

    fn pki(&self) -> Pki {
        self.trust.load(&self.trust.config_without_lists())
    }

    fn operator(&self, serial: u64) -> Issued {
        let url = self.publisher.url(ORGANISATIONS);
        Leaf::new("mx.example").serial(serial).listed_at(&[&url]).signed_by(&self.trust.organisations)
    }

    /// With both lists fetched.
    async fn ready(&self) -> (Pki, Issued) {
        let (pki, operator) = (self.pki(), self.operator(5));
        pki.prepare(&operator.presented(), now()).await;
        pki.fetch_due(now()).await;
        assert_eq!(judged(&pki, &operator), Ok(()));
        (pki, operator)
    }
}

fn judged(pki: &Pki, issued: &Issued) -> Result<(), CertificateFault> {
    judged_at(pki, issued, now())
}

fn judged_at(pki: &Pki, issued: &Issued, at: Timestamp) -> Result<(), CertificateFault> {
    pki.judge(&issued.presented(), CertificateUse::Client, at)
}

fn after(hours: i64) -> Timestamp {
    now() + SignedDuration::from_hours(hours)
}

/// What is known of the list at the end of this path.
fn status(pki: &Pki, path: &str) -> RevocationStatus {
    let mut all = pki.revocation_lists().into_iter().filter(|list| list.source.ends_with(path));
    let found = all.next().unwrap();
    assert!(all.next().is_none());
    found
}

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
        (signed(&trust.personnes, (2030, 6, 15), (2030, 6, 22)), "AC PERSONNES is of another authority"),
        (signed(&trust.root, (2030, 6, 15), (2030, 6, 22)), "AC RACINE is of another authority"),
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
async fn addresses_are_asked_in_their_order_and_only_http_ones() {
    let space = Space::new();
    let Space { publisher, trust } = &space;
    let down = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut leaf = Leaf::new("mx.example");
    leaf.params.crl_distribution_points = vec![
        point(&["ldap://ldap.example/cn=crl?certificateRevocationList;binary", "https://crl.example/list.crl"]),
        point(&[&format!("http://{down}/list.crl"), &publisher.url("/gone.crl")]),
        point(&[&publisher.url(ORGANISATIONS)]),
        point(&[&publisher.url("/later.crl")]),
    ];
    let operator = leaf.signed_by(&trust.organisations);
    let pki = space.pki();
    pki.fetch_due(now()).await;
    pki.prepare(&operator.presented(), now()).await;
    assert_eq!(judged(&pki, &operator), Ok(()));
    let asked = ["/gone.crl", ORGANISATIONS, "/later.crl"].map(|path| publisher.asked(path));
    assert_eq!(asked, [1, 1, 0]);
    assert_eq!(status(&pki, ORGANISATIONS).last_try, Some((now(), None)));
}

#[tokio::test]
async fn lists_of_two_points_of_one_authority_stand_side_by_side() {
    let space = Space::new();
    let Space { publisher, trust } = &space;
    let operators: Vec<Issued> = ["/1.crl", "/2.crl"]
        .into_iter()
        .map(|path| {
            let url = publisher.url(path);
            space.publish(path, &list_of_part(&trust.organisations, &url, &[2]));
            Leaf::new("mx.example").serial(1).listed_at(&[&url]).signed_by(&trust.organisations)
        })
        .collect();
    let pki = space.pki();
    pki.fetch_due(now()).await;
    pki.prepare(&operators[0].presented(), now()).await;
    assert_eq!(judged(&pki, &operators[0]), Ok(()));
    assert_eq!(judged(&pki, &operators[1]), Err(CertificateFault::RevocationUnknown), "the other's list is not for it");
    pki.prepare(&operators[1].presented(), now()).await;
    assert_eq!(operators.iter().map(|one| judged(&pki, one)).collect::<Vec<_>>(), [Ok(()), Ok(())]);
}

#[tokio::test]
async fn of_the_file_and_the_server_the_newer_list_is_in_force() {
    let space = Space::new();
    let Space { trust, .. } = &space;
    let (old, new) = ((2030, 6, 12), (2030, 6, 15));
    let dated = |revoked: &[u64], from| list_dated(&trust.organisations, revoked, from, (2030, 6, 22));
    let root = list(&trust.root, &[]);
    let operator = space.operator(5);
    for (in_file, published, expected) in [
        (dated(&[5], new), dated(&[], old), Err(CertificateFault::Revoked)),
        (dated(&[], old), dated(&[5], new), Err(CertificateFault::Revoked)),
        (dated(&[], new), dated(&[5], old), Ok(())),
        (dated(&[5], old), dated(&[], new), Ok(())),
        (dated(&[5], new), dated(&[], new), Err(CertificateFault::Revoked)),
    ] {
        std::fs::remove_dir_all(trust.path("state")).ok();
        trust.write_lists(&[root.clone(), in_file]);
        space.publish(ORGANISATIONS, &published);
        let pki = trust.pki();
        pki.prepare(&operator.presented(), now()).await;
        assert_eq!(judged(&pki, &operator), expected);
        let of_organisations = |list: &&RevocationStatus| list.authority.contains("AC ORGANISATIONS");
        let lists = pki.revocation_lists();
        let in_force: Vec<bool> = lists.iter().filter(of_organisations).map(|list| list.in_force).collect();
        assert_eq!(in_force.iter().filter(|in_force| **in_force).count(), 1, "{lists:?}");
    }
}

#[tokio::test]
async fn a_file_need_not_hold_what_is_fetched() {
    let space = Space::new();
    space.trust.write_lists(&[list(&space.trust.root, &[])]);
    let (pki, operator) = (space.trust.pki(), space.operator(5));
    assert!(pki.refresh().unwrap_err().to_string().contains("holds no revocation list"));
    pki.prepare(&operator.presented(), now()).await;
    assert!(!pki.refresh().unwrap());
    assert_eq!(judged(&pki, &operator), Ok(()));
}

#[tokio::test]
async fn the_points_that_are_known_are_bounded_and_those_that_serve_stay() {
    let space = Space::new();
    let (pki, operator) = space.ready().await;
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for number in 0..100 {
        let url = format!("http://{nowhere}/{number}.crl");
        let leaf = Leaf::new("mx.example").listed_at(&[&url]).signed_by(&space.trust.organisations);
        pki.prepare(&leaf.presented(), now()).await;
    }
    for pki in [pki, space.pki()] {
        assert_eq!(pki.revocation_lists().len(), 64);
        assert!(status(&pki, ORGANISATIONS).in_force && status(&pki, ROOT).in_force);
        assert_eq!(judged(&pki, &operator), Ok(()));
    }
}

#[tokio::test]
async fn a_point_that_fails_for_days_is_forgotten_once_its_list_has_ended() {
    let space = Space::new();
    let (pki, operator) = space.ready().await;
    for path in [ORGANISATIONS, ROOT] {
        space.publisher.does(path, Does::Say(Vec::new()));
    }
    let known = |pki: &Pki| pki.revocation_lists().len();
    pki.fetch_due(after(1)).await;
    pki.fetch_due(after(24)).await;
    assert_eq!(known(&pki), 2, "its list serves");
    pki.fetch_due(after(24 * 10)).await;
    assert_eq!(known(&pki), 1, "the root's is named by our configuration");
    assert_eq!(known(&space.pki()), 1);
    assert_eq!(judged_at(&pki, &operator, after(24 * 10)), Err(CertificateFault::RevocationUnknown));
    assert_eq!(known(&pki), 2, "a certificate brings it back");
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

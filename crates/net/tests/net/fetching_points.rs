//! Distribution points: which are asked, in which order, how many are known, and what stands beside them.

use std::net::TcpListener;

use pli_net::{Pki, RevocationStatus};
use pli_types::CertificateFault;

use crate::support::publisher::Does;
use crate::support::space::{ORGANISATIONS, ROOT, Space, after, judged, judged_at, status};
use crate::support::trust::{Issued, Leaf, list, list_dated, list_of_part, now, point};

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

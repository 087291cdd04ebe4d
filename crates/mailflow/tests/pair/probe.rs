//! What a probe finds of a server that is faulty at each step in turn.

use std::sync::Arc;
use std::time::Duration;

use pli_directory::{RouteConfig, Routes};
use pli_mailflow::delivery::probe::{Finding, Outcome, Party, ProbeReport, Step};
use pli_types::Domain;
use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};

use crate::peer::{Act, Heard};
use crate::relay::{HOSPITAL, OURS, PATIENTS, Relay, THEIRS};

pub(crate) async fn walk(relay: &Relay) -> ProbeReport {
    relay.probe().walk(&Domain::parse(THEIRS).unwrap()).await
}

pub(crate) fn finding(report: &ProbeReport, step: Step) -> &Finding {
    report.findings.iter().find(|finding| finding.step == step).unwrap()
}

/// Refuses MAIL without a certificate, as every operator's server does.
pub(crate) fn as_it_should(heard: &Heard) -> Option<Act> {
    let stranger = heard.tls && !heard.certificate && heard.line.starts_with("MAIL");
    stranger.then_some(Act::Say("550 5.7.1 [certificate-missing] who are you?"))
}

/// The first failure is this one, and nothing behind it was looked at but what needs nothing more.
#[track_caller]
fn assert_fails(report: &ProbeReport, step: Step, reason: &str, who: Party) {
    let failure = report.first_failure().unwrap_or_else(|| panic!("nothing failed: {report:#?}"));
    assert_eq!((failure.step, failure.reason().unwrap().code()), (step, reason), "{report:#?}");
    assert_eq!(failure.fault.unwrap().who(), who, "{failure:?}");
    let steps: Vec<Step> = report.findings.iter().map(|finding| finding.step).collect();
    assert_eq!(steps, Step::ALL, "every step is told, in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_as_it_should_be_passes_every_step() {
    let relay = Relay::start().await;
    relay.peer.act(as_it_should);
    let report = walk(&relay).await;
    assert!(report.findings.iter().all(|finding| finding.outcome == Outcome::Ok), "{report:#?}");
    assert!(finding(&report, Step::Mail).detail.contains(&format!("postmaster@{OURS}")), "{report:#?}");
    assert!(finding(&report, Step::Revocation).detail.contains("next due 2036-01-01"), "{report:#?}");
    assert_eq!(finding(&report, Step::Tls).detail, "TLSv1.3, TLS13_AES_256_GCM_SHA384");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_sends_nothing_and_names_no_recipient() {
    let relay = Relay::start().await;
    walk(&relay).await;
    let commands = ["EHLO", "STARTTLS", "MAIL FROM:<postmaster@pharmacie.mssante.fr>", "RSET", "QUIT"];
    for heard in relay.peer.heard() {
        let line = heard.split_once(' ').unwrap().1;
        assert!(commands.iter().any(|command| line.starts_with(command)), "{heard}");
    }
    assert!(relay.peer.contents().is_empty());
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_fails_in_clear_is_told_where() {
    let cases: [(&str, Act, Step, &str); 8] = [
        ("(greeting)", Act::Say("554 5.3.2 no service"), Step::Greeting, "peer-unreachable"),
        ("(greeting)", Act::Hang, Step::Greeting, "peer-unreachable"),
        ("(greeting)", Act::Say("SSH-2.0-mistaken"), Step::Greeting, "peer-unreachable"),
        ("EHLO", Act::Say("502 5.5.1 what"), Step::Greeting, "peer-unreachable"),
        ("EHLO", Act::Say("250 peer"), Step::Starttls, "peer-tls"),
        ("STARTTLS", Act::Say("454 4.7.0 not now"), Step::Starttls, "peer-tls"),
        ("STARTTLS", Act::Say("220 go\r\n250 injected"), Step::Starttls, "peer-tls"),
        ("STARTTLS", Act::Hang, Step::Starttls, "peer-tls"),
    ];
    for (line, act, step, reason) in cases {
        let relay = Relay::start().await;
        relay.peer.on(line, act);
        let report = walk(&relay).await;
        assert_fails(&report, step, reason, Party::They);
        assert_eq!(relay.peer.connections(), 1, "what failed once is not tried in other ways");
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mute_server_costs_the_patience_of_one_step() {
    let relay = Relay::start().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let route = RouteConfig {
        domain: THEIRS.to_owned(),
        host: "127.0.0.1".to_owned(),
        port: silent.local_addr().unwrap().port(),
    };
    let mut probe = relay.probe();
    probe.routes = Arc::new(Routes::new(&[], std::slice::from_ref(&route)).unwrap());
    probe.patience = Duration::from_millis(300);
    let report = probe.walk(&Domain::parse(THEIRS).unwrap()).await;
    assert_fails(&report, Step::Greeting, "peer-unreachable", Party::They);
    assert!(finding(&report, Step::Greeting).took >= Duration::from_millis(300));

    drop(silent);
    let report = probe.walk(&Domain::parse(THEIRS).unwrap()).await;
    assert_fails(&report, Step::Tcp, "peer-unreachable", Party::They);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_ours_to_mend_is_said_to_be_ours() {
    let relay = Relay::start().await;
    let mut probe = relay.probe();
    probe.list = None;
    let report = probe.walk(&Domain::parse(THEIRS).unwrap()).await;
    assert_fails(&report, Step::TrustList, "list-unavailable", Party::We);

    // It is listed, has no route, and no name server is there to ask.
    let domain = "ailleurs.mssante.fr";
    relay.list(&[(OURS, "mss.pro.test"), (PATIENTS, "mss.pro.test"), (domain, "mx.clinique.test")]);
    let report = relay.probe().walk(&Domain::parse(domain).unwrap()).await;
    assert_fails(&report, Step::Dns, "peer-unreachable", Party::We);

    let report = relay.probe().walk(&Domain::parse(THEIRS).unwrap()).await;
    assert_fails(&report, Step::TrustList, "recipient-domain-not-listed", Party::They);
    assert_eq!(relay.peer.connections(), 0);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_of_the_servers_certificate_has_its_step_and_code() {
    let relay = Relay::start().await;
    relay.peer.act(as_it_should);
    let name = "mx.clinique.test";
    let ended = relay.authority.odd_leaf(name, 31, |params| params.not_after = date_time_ymd(2026, 5, 1));
    let begins = relay.authority.odd_leaf(name, 32, |params| params.not_before = date_time_ymd(2026, 7, 1));
    let client = relay.authority.odd_leaf(name, 33, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    for (shown, step, reason) in [
        (relay.authority.self_signed(name), Step::Chain, "certificate-untrusted"),
        (ended, Step::Dates, "certificate-expired"),
        (begins, Step::Dates, "certificate-not-yet-valid"),
        (client, Step::Use, "certificate-usage"),
        (relay.authority.leaf("mx.moved.test", 34), Step::Name, "peer-certificate-not-listed"),
    ] {
        relay.peer.shows(&shown);
        let report = walk(&relay).await;
        assert_fails(&report, step, reason, Party::They);
        assert_eq!(finding(&report, Step::Mail).outcome, Outcome::Skipped);
    }
    assert!(relay.peer.heard().iter().all(|heard| heard.starts_with("clear ")), "nothing to whom proved nothing");

    relay.peer.shows(&relay.authority.leaf(name, 35));
    relay.revoke(35);
    assert_fails(&walk(&relay).await, Step::Revocation, "certificate-revoked", Party::They);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_revocation_list_it_is_for_us_to_act() {
    let relay = Relay::start().await;
    relay.authority.withdraw_lists();
    let mut probe = relay.probe();
    probe.pki = pli_net::Pki::load(&relay.authority.config(), &relay.state()).unwrap();
    let report = probe.walk(&Domain::parse(THEIRS).unwrap()).await;
    assert_fails(&report, Step::Revocation, "revocation-unknown", Party::We);
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_another_domain_is_told_whose_it_is() {
    let relay = Relay::start().await;
    let other = "cabinet.mssante.fr";
    relay.list(&[
        (OURS, "mss.pro.test"),
        (PATIENTS, "mx.right.test"),
        (THEIRS, "mx.right.test"),
        (other, "mx.clinique.test"),
    ]);
    let report = walk(&relay).await;
    assert_fails(&report, Step::Name, "peer-certificate-not-listed", Party::They);
    assert_eq!(
        finding(&report, Step::Name).detail,
        "CN=mx.clinique.test,O=Test,C=FR is listed for cabinet.mssante.fr; expected is CN=mx.right.test,O=Test,C=FR"
    );
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_mail_is_told_in_the_servers_words_and_whose_fault_it_is() {
    for (answer, reason, who) in [
        ("550 5.7.1 [certificate-not-listed] unknown", "certificate-not-listed", Party::We),
        ("550 5.7.1 [sender-domain-other-certificate] not yours", "sender-domain-other-certificate", Party::We),
        ("451 4.7.1 [revocation-unknown] later", "revocation-unknown", Party::They),
        ("550 5.7.1 go away, 279035121518989", "peer-refused", Party::They),
    ] {
        let relay = Relay::start().await;
        relay.peer.on("MAIL", Act::Say(answer));
        let report = walk(&relay).await;
        assert_fails(&report, Step::Mail, reason, who);
        let detail = &finding(&report, Step::Mail).detail;
        assert!(detail.contains(answer.split(' ').nth(2).unwrap()), "{detail}");
        assert!(!format!("{report:?}").contains("2790351215189"), "{report:#?}");
        for step in [Step::ChainTls13, Step::AloneTls13, Step::ChainTls12, Step::AloneTls12] {
            let told = finding(&report, step);
            assert_eq!(
                (told.outcome, told.reason().map(pli_policy::Reason::code)),
                (Outcome::Fail, Some(reason)),
                "{report:#?}"
            );
        }
        assert_eq!(finding(&report, Step::NoCertificate).outcome, Outcome::Ok);
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_falls_silent_under_tls_is_told() {
    for step in ["EHLO", "MAIL"] {
        let relay = Relay::start().await;
        relay.peer.act(move |heard| (heard.tls && heard.line.starts_with(step)).then_some(Act::Hang));
        assert_fails(&walk(&relay).await, Step::Mail, "peer-unreachable", Party::They);
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connectors_server_is_probed_by_its_own_name() {
    let relay = Relay::start().await;
    relay.hospital.act(as_it_should);
    let report = relay.probe().walk(&Domain::parse(HOSPITAL).unwrap()).await;
    assert!(report.findings.iter().all(|finding| finding.outcome == Outcome::Ok), "{report:#?}");
    assert_eq!(finding(&report, Step::Name).detail, "CN=mta.hopital.test,O=Test,C=FR is the connector's");
    relay.stop().await;
}

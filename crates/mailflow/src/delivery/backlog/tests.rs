use pli_types::{DsnNotify, EnvelopeParameters, MailAddress, MessageId, QueueId, Recipient, ReversePath};

use super::*;

fn lease(message: u8, domain: &str) -> Lease {
    let address = MailAddress::parse(&format!("a@{domain}")).unwrap();
    Lease {
        row: QueueId::from_bytes([message; 16]),
        token: 1,
        message: MessageId::from_bytes([message; 16]),
        sender: ReversePath::Address(MailAddress::parse("author@here.fr").unwrap()),
        parameters: EnvelopeParameters::default(),
        destination: address.domain().clone(),
        recipient: Recipient { address, notify: DsnNotify::default(), orcpt: None },
        attempts: 0,
        accepted_at: jiff::Timestamp::UNIX_EPOCH,
        expires_at: jiff::Timestamp::UNIX_EPOCH,
        delay_reported: false,
        size: 1,
        returned: None,
        steps: 0,
        asked: false,
    }
}

fn usual(_: &Domain, usual: usize) -> usize {
    usual
}

fn started(backlog: &mut Backlog, now: Instant) -> Vec<String> {
    std::iter::from_fn(|| backlog.start(now, usual)).map(|parcel| parcel.destination.to_string()).collect()
}

#[tokio::test]
async fn recipients_of_one_message_and_destination_travel_together() {
    let mut backlog = Backlog::new(20, 5);
    let leases = vec![lease(1, "a.fr"), lease(1, "a.fr"), lease(1, "b.fr"), lease(2, "b.fr")];
    backlog.add(leases, Instant::now());
    let parcels: Vec<_> = std::iter::from_fn(|| backlog.start(Instant::now(), usual)).map(|p| p.leases.len()).collect();
    assert_eq!(parcels, [2, 1, 1]);
    let mut many = Backlog::new(20, 5);
    many.add((0..250).map(|_| lease(1, "a.fr")).collect(), Instant::now());
    let parcels: Vec<_> = std::iter::from_fn(|| many.start(Instant::now(), usual)).map(|p| p.leases.len()).collect();
    assert_eq!(parcels, [100, 100, 50]);
}

#[tokio::test]
async fn destinations_take_turns_and_none_takes_every_slot() {
    let now = Instant::now();
    let mut backlog = Backlog::new(8, 5);
    let crowd = (0..50).map(|n| lease(n, "slow.fr"));
    backlog.add(crowd.chain([lease(60, "a.fr"), lease(61, "b.fr")]).collect(), now);
    let first = started(&mut backlog, now);
    assert_eq!(first.iter().filter(|name| *name == "slow.fr").count(), 5);
    assert!(first.contains(&"a.fr".to_owned()) && first.contains(&"b.fr".to_owned()));
    assert_eq!((backlog.under_way(), backlog.room()), (7, WAITING_MAX - 45));
    backlog.ended(&Domain::parse("slow.fr").unwrap(), false);
    assert_eq!(started(&mut backlog, now), ["slow.fr"]);
}

#[tokio::test]
async fn slots_bound_what_is_under_way() {
    let now = Instant::now();
    let mut backlog = Backlog::new(2, 5);
    backlog.add((0..5).map(|n| lease(n, &format!("d{n}.fr"))).collect(), now);
    assert_eq!(started(&mut backlog, now), ["d0.fr", "d1.fr"]);
    backlog.ended(&Domain::parse("d0.fr").unwrap(), false);
    assert_eq!(started(&mut backlog, now), ["d2.fr"]);
}

#[tokio::test]
async fn servers_that_say_nothing_leave_their_places_to_others_and_keep_their_own() {
    let now = Instant::now();
    let mut backlog = Backlog::new(4, 2);
    let (silent, well) = (["a.fr", "b.fr"], Domain::parse("well.fr").unwrap());
    let crowd = silent.iter().flat_map(|name| (0..5).map(|n| lease(n, name)));
    backlog.add(crowd.chain([lease(60, "well.fr"), lease(61, "well.fr")]).collect(), now);
    assert_eq!(started(&mut backlog, now), ["a.fr", "b.fr", "well.fr", "a.fr"]);
    for _ in 0..3 {
        backlog.slows();
    }
    // Three places are free: one for the rest of the well one, and `b.fr` has had one of its two.
    assert_eq!(started(&mut backlog, now), ["b.fr", "well.fr"]);
    assert_eq!(backlog.under_way(), 6);
    backlog.ended(&Domain::parse("a.fr").unwrap(), true);
    backlog.ended(&well, true);
    assert_eq!(started(&mut backlog, now), ["a.fr"], "what ended late frees none but its destination's own");
    assert_eq!(backlog.under_way(), 5);
}

#[tokio::test]
async fn what_waits_for_a_dead_destination_can_be_taken_out() {
    let now = Instant::now();
    let dead = Domain::parse("dead.fr").unwrap();
    let mut backlog = Backlog::new(20, 5);
    backlog.add((0..9).map(|n| lease(n, "dead.fr")).chain([lease(9, "a.fr")]).collect(), now);
    assert_eq!(started(&mut backlog, now).len(), 5 + 1);
    assert_eq!(backlog.take_waiting(&dead).len(), 4);
    assert_eq!(backlog.room(), WAITING_MAX);
    for _ in 0..5 {
        backlog.ended(&dead, false);
    }
    assert!(!backlog.lanes.contains_key(&dead), "nothing is kept about it");
}

#[tokio::test]
async fn a_parcel_whose_lease_may_end_too_soon_is_not_started() {
    let now = Instant::now();
    let mut backlog = Backlog::new(20, 5);
    backlog.add(vec![lease(1, "a.fr")], now);
    assert!(backlog.start(now + WAIT_MAX + Duration::from_secs(1), usual).is_none());
    assert_eq!(backlog.room(), WAITING_MAX);
    assert_eq!(backlog.take_stale().len(), 1, "it is given up, so that somebody may claim it");
}

#[tokio::test]
async fn notices_go_first_in_their_lane_and_before_other_lanes() {
    let now = Instant::now();
    let mut backlog = Backlog::new(2, 1);
    let notice = |message, domain| Lease { sender: ReversePath::Null, ..lease(message, domain) };
    backlog.add(vec![lease(1, "a.fr"), lease(2, "b.fr"), lease(3, "c.fr"), notice(4, "c.fr")], now);
    let first: Vec<_> = std::iter::from_fn(|| backlog.start(now, usual)).collect();
    assert_eq!(first.iter().map(|parcel| parcel.message.as_bytes()[0]).collect::<Vec<_>>(), [4, 1]);
}

#[tokio::test]
async fn what_goes_back_to_its_sender_waits_for_no_server() {
    let now = Instant::now();
    let mut backlog = Backlog::new(1, 1);
    let back = Lease { returned: Some("mailbox-unknown".to_owned()), ..lease(9, "dead.fr") };
    backlog.add(vec![lease(1, "dead.fr"), lease(2, "dead.fr"), back], now);
    let none = |_: &Domain, _| 0;
    assert!(backlog.start(now, none).is_some_and(|parcel| parcel.goes_back()));
    assert!(backlog.start(now, none).is_none());
    assert_eq!(backlog.under_way(), 1);
    backlog.returned();
    assert_eq!(backlog.under_way(), 0);
}

#[tokio::test]
async fn a_destination_with_an_open_circuit_gets_one_probe_at_a_time() {
    let now = Instant::now();
    let dead = Domain::parse("dead.fr").unwrap();
    let probe = |name: &Domain, usual| if *name == dead { 1 } else { usual };
    let mut backlog = Backlog::new(20, 5);
    backlog.add((0..9).map(|n| lease(n, "dead.fr")).chain([lease(20, "a.fr"), lease(21, "a.fr")]).collect(), now);
    let first: Vec<_> = std::iter::from_fn(|| backlog.start(now, probe)).map(|p| p.destination.to_string()).collect();
    assert_eq!(first, ["dead.fr", "a.fr", "a.fr"]);
    backlog.ended(&dead, false);
    assert!(backlog.start(now, probe).is_some());
}

#[tokio::test]
async fn a_destination_of_which_enough_waits_is_named() {
    let mut backlog = Backlog::new(20, 2);
    backlog.add((0..7).map(|n| lease(n, "slow.fr")).chain([lease(20, "a.fr")]).collect(), Instant::now());
    assert_eq!(backlog.sated(), []);
    backlog.add(vec![lease(8, "slow.fr")], Instant::now());
    assert_eq!(backlog.sated(), [Domain::parse("slow.fr").unwrap()]);
    assert_eq!((backlog.take_all().len(), backlog.room()), (9, WAITING_MAX));
}

//! What is told singly, what is counted, and that nothing is lost.

use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn address(number: u32) -> IpAddr {
    std::net::Ipv4Addr::from_bits(0xcb00_7100 + number).into()
}

/// Refuses, and records what is recorded for itself.
fn refuse(strangers: &Strangers, remote: IpAddr, second: i64) -> Noted {
    let noted = strangers.note(remote, Face::Smtp, Reason::CertificateMissing, at(second));
    if noted == Noted::Singly {
        strangers.record(Event::new(at(second), EventKind::Refused, Face::Smtp));
    }
    noted
}

fn taken(strangers: &Strangers) -> Vec<Event> {
    std::mem::take(&mut strangers.book().waiting)
}

/// How many refusals these rows stand for.
fn told(rows: &[Event]) -> u64 {
    rows.iter().map(|row| row.count.unwrap_or(1)).sum()
}

#[test]
fn the_first_ten_are_told_singly_and_the_rest_in_one_row_when_the_minute_is_over() {
    let strangers = Strangers::default();
    for number in 0..25 {
        refuse(&strangers, address(1), number);
    }
    assert_eq!(taken(&strangers).len(), 10);
    strangers.book().turn_over(at(59), false);
    assert!(taken(&strangers).is_empty(), "the minute is not over");
    strangers.book().turn_over(at(60), false);
    let rows = taken(&strangers);
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((row.count, row.remote.as_deref()), (Some(15), Some("203.0.113.1")));
    assert_eq!((row.kind, row.reason.as_deref()), (EventKind::Refused, Some("certificate-missing")));
    assert_eq!(*row.detail.as_ref().unwrap(), *"15 more since 2027-01-15T08:00:00Z");
    assert!(!strangers.is_counting(), "nothing is remembered");
    assert_eq!(refuse(&strangers, address(1), 61), Noted::Singly, "and counting begins anew");
}

#[test]
fn each_address_and_each_reason_is_counted_for_itself() {
    let strangers = Strangers::default();
    for _ in 0..30 {
        strangers.note(address(1), Face::Smtp, Reason::CertificateMissing, at(0));
    }
    assert_eq!(strangers.note(address(2), Face::Smtp, Reason::CertificateMissing, at(0)), Noted::Singly);
    assert_eq!(strangers.note(address(1), Face::Smtp, Reason::TlsRequired, at(0)), Noted::Singly);
    assert_eq!(strangers.note(address(1), Face::Submission, Reason::CertificateMissing, at(0)), Noted::Singly);
    assert_eq!(strangers.note(address(1), Face::Smtp, Reason::CertificateMissing, at(0)), Noted::Counted);
}

#[test]
fn who_has_one_address_of_a_network_has_all_of_them() {
    let strangers = Strangers::default();
    for number in 0..100_u128 {
        let address: Ipv6Addr = "2001:db8:0:7::".parse().unwrap();
        refuse(&strangers, Ipv6Addr::from_bits(address.to_bits() + number * 7919).into(), 0);
    }
    strangers.close(at(1));
    let rows = taken(&strangers);
    assert_eq!((rows.len(), told(&rows)), (11, 100));
    assert_eq!(rows[10].remote.as_deref(), Some("2001:db8:0:7::/64"));
    let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
    assert_eq!(Place::of(mapped).shown(), "192.0.2.1");
}

#[test]
fn a_flood_from_everywhere_is_bounded_and_not_one_is_lost() {
    let strangers = Strangers::default();
    let (addresses, each) = (20_000, 12);
    for _ in 0..each {
        for number in 0..addresses {
            refuse(&strangers, address(number), 5);
        }
    }
    let book = strangers.book();
    assert_eq!(book.counts.len(), COUNTED_APART + 1);
    assert!(book.waiting.len() <= WAITING_MAX);
    drop(book);
    strangers.close(at(6));
    let rows = taken(&strangers);
    assert!(rows.len() <= COUNTED_APART * (SINGLY as usize + 1) + SINGLY as usize + 1, "{}", rows.len());
    assert_eq!(told(&rows), u64::from(addresses) * each);
    assert!(rows.iter().any(|row| row.remote.is_none() && row.count > Some(200_000)), "the others");
}

#[test]
fn while_the_store_takes_nothing_counting_goes_on_over_minutes() {
    let strangers = Strangers::default();
    let mut all = 0;
    for minute in 0..20 {
        for number in 0..1000 {
            for _ in 0..12 {
                refuse(&strangers, address(number), minute * 60);
                all += 1;
            }
        }
        assert!(strangers.book().waiting.len() <= WAITING_MAX);
        assert!(strangers.book().counts.len() <= COUNTED_APART + 1);
    }
    strangers.close(at(20 * 60));
    assert_eq!(told(&taken(&strangers)), all);
}

#[test]
fn a_clock_that_is_set_back_keeps_nothing_waiting() {
    let strangers = Strangers::default();
    for _ in 0..12 {
        refuse(&strangers, address(1), 1000);
    }
    assert_eq!(taken(&strangers).len(), 10);
    strangers.book().turn_over(at(0), false);
    assert_eq!(told(&taken(&strangers)), 2);
}

#[test]
fn after_the_end_whoever_refuses_records() {
    let strangers = Strangers::default();
    strangers.close(at(0));
    assert_eq!(refuse(&strangers, address(1), 1), Noted::Closed);
}

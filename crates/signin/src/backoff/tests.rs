use super::table::{DEBTS_MAX, LATELY, PLACES_MAX};
use super::*;

const ANA: &str = "ana@example.test";

struct Stage {
    backoff: Backoff,
    now: Timestamp,
    guesses: u64,
}

impl Stage {
    fn new() -> Self {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        Self { backoff: Backoff::new(Limits::default()), now, guesses: 0 }
    }

    fn who(&self, address: &str, name: &str) -> Who {
        let address: IpAddr = address.parse().unwrap();
        Who { place: address.into(), name: Some(self.backoff.name(name)) }
    }

    fn ask(&mut self, address: &str, name: &str) -> Verdict {
        self.backoff.ask(self.who(address, name), self.now)
    }

    /// Guesses anew, if that is judged at all.
    fn guess(&mut self, address: &str, name: &str) -> Verdict {
        let verdict = self.ask(address, name);
        if matches!(verdict, Verdict::After(_)) {
            self.guesses += 1;
            let shown = self.backoff.fingerprint(self.guesses);
            self.backoff.failed(self.who(address, name), shown, self.now);
        }
        verdict
    }

    fn sign_in(&mut self, address: &str, name: &str) {
        self.backoff.succeeded(self.who(address, name), self.now);
    }

    fn pass(&mut self, span: SignedDuration) {
        self.now += span;
    }
}

const AT_ONCE: Verdict = Verdict::After(Duration::ZERO);

fn is_refused(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::TooMany { .. })
}

#[test]
fn each_failure_makes_the_next_try_wait_longer_up_to_a_bound() {
    let mut stage = Stage::new();
    let waited: Vec<u128> = (0..12)
        .map(|_| match stage.guess("192.0.2.1", ANA) {
            Verdict::After(delay) => delay.as_millis(),
            Verdict::TooMany { .. } => u128::MAX,
        })
        .collect();
    assert_eq!(waited, [0, 0, 0, 250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000]);
}

#[test]
fn an_address_that_guesses_on_is_sent_away_and_then_gets_one_try_a_minute() {
    let mut stage = Stage::new();
    for _ in 0..30 {
        assert!(!is_refused(stage.guess("192.0.2.1", ANA)));
    }
    let refused = Verdict::TooMany { retry_after: Duration::from_mins(1), tell: true };
    assert_eq!(stage.guess("192.0.2.1", ANA), refused);
    let again = Verdict::TooMany { retry_after: Duration::from_mins(1), tell: false };
    assert_eq!(stage.guess("192.0.2.1", "another@example.test"), again, "whatever the name");
    let mut judged = 0;
    for _ in 0..600 {
        stage.pass(SignedDuration::from_secs(6));
        judged += u32::from(!is_refused(stage.guess("192.0.2.1", ANA)));
    }
    assert_eq!(judged, 60, "in an hour");
    assert_eq!(stage.ask("192.0.2.2", "bob@example.test"), AT_ONCE, "others are not concerned");
}

#[test]
fn a_name_under_attack_is_slowed_but_never_refused() {
    let mut stage = Stage::new();
    for host in 1..=200 {
        stage.guess(&format!("198.51.100.{host}"), ANA);
    }
    assert_eq!(stage.ask("203.0.113.9", ANA), Verdict::After(DELAY_MAX), "from a new address it takes some seconds");
    stage.pass(SignedDuration::from_mins(30));
    assert_eq!(stage.ask("203.0.113.9", ANA), AT_ONCE, "and all is forgiven when the attack is over");
}

#[test]
fn a_holder_comes_in_at_once_from_where_he_was_lately() {
    let mut stage = Stage::new();
    stage.sign_in("203.0.113.9", ANA);
    for host in 1..=200 {
        stage.guess(&format!("198.51.100.{host}"), ANA);
    }
    // Someone behind the same address, who guesses at others' names until it is sent away.
    for _ in 0..40 {
        stage.guess("203.0.113.9", "bob@example.test");
    }
    assert!(is_refused(stage.ask("203.0.113.9", "bob@example.test")));
    assert_eq!(stage.ask("203.0.113.9", ANA), AT_ONCE);
    assert_eq!(stage.ask("203.0.113.9", "ANA@Example.test"), AT_ONCE, "names are compared as addresses are");
    stage.pass(LATELY);
    for host in 1..=200 {
        stage.guess(&format!("198.51.100.{host}"), ANA);
    }
    assert_ne!(stage.ask("203.0.113.9", ANA), AT_ONCE, "lately is not for ever");
}

#[test]
fn guessing_from_a_holders_own_address_is_slowed_and_bounded_too() {
    let mut stage = Stage::new();
    stage.sign_in("203.0.113.9", ANA);
    let judged = (0..200).filter(|_| !is_refused(stage.guess("203.0.113.9", ANA))).count();
    assert_eq!(judged, 30);
}

#[test]
fn a_guessers_own_account_pays_for_nothing() {
    let mut stage = Stage::new();
    let mut judged = 0;
    for _ in 0..200 {
        stage.sign_in("192.0.2.1", "guesser@example.test");
        judged += u32::from(!is_refused(stage.guess("192.0.2.1", ANA)));
    }
    assert_eq!(judged, 30);
}

#[test]
fn an_old_password_that_a_program_shows_again_and_again_is_one_failure() {
    let mut stage = Stage::new();
    let (who, old) = (stage.who("203.0.113.9", ANA), stage.backoff.fingerprint("old"));
    for _ in 0..1_000 {
        stage.backoff.failed(who, old, stage.now);
        stage.pass(SignedDuration::from_secs(1));
        assert_eq!(stage.ask("203.0.113.9", ANA), AT_ONCE);
    }
}

#[test]
fn an_ipv6_address_counts_by_its_network() {
    let mut stage = Stage::new();
    for host in 0..30 {
        stage.guess(&format!("2001:db8:0:1::{host:x}"), ANA);
    }
    assert!(is_refused(stage.ask("2001:db8:0:1:ffff::1", ANA)));
    assert!(!is_refused(stage.ask("2001:db8:0:2::1", ANA)));
    let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
    assert_eq!(Place::from(mapped), Place::V4(Ipv4Addr::new(192, 0, 2, 1)));
}

#[test]
fn many_addresses_and_many_names_take_bounded_memory() {
    let mut stage = Stage::new();
    stage.sign_in("203.0.113.9", ANA);
    for number in 0..3 * DEBTS_MAX as u64 {
        let who = Who { place: Place::V6(number), name: Some(NameKey(number)) };
        stage.backoff.failed(who, Fingerprint(number), stage.now);
    }
    assert!(stage.backoff.places.len() <= DEBTS_MAX && stage.backoff.names.len() <= DEBTS_MAX);
    assert_eq!(stage.backoff.pairs.len(), 0, "strangers leave nothing there");
    let name = stage.backoff.name(ANA);
    for number in 0..100 {
        stage.backoff.succeeded(Who { place: Place::V6(number), name: Some(name) }, stage.now);
    }
    assert_eq!(stage.backoff.familiar.places(name), PLACES_MAX);
}

#[test]
fn who_owes_most_is_forgotten_last() {
    let mut stage = Stage::new();
    for _ in 0..30 {
        stage.guess("192.0.2.1", ANA);
    }
    for number in 0..2 * DEBTS_MAX as u64 {
        let who = Who { place: Place::V6(number), name: None };
        stage.backoff.failed(who, Fingerprint(number), stage.now);
    }
    assert!(is_refused(stage.ask("192.0.2.1", "bob@example.test")), "a flood does not wash the books clean");
}

#[test]
fn a_clock_set_back_makes_nobody_wait_for_ever() {
    let mut stage = Stage::new();
    for _ in 0..30 {
        stage.guess("192.0.2.1", ANA);
    }
    stage.pass(SignedDuration::from_hours(-24));
    let Verdict::TooMany { .. } = stage.ask("192.0.2.1", ANA) else { panic!("owed still") };
    let who = stage.who("192.0.2.1", ANA);
    let shown = stage.backoff.fingerprint("one more");
    stage.backoff.failed(who, shown, stage.now);
    stage.pass(SignedDuration::from_mins(30));
    assert_eq!(stage.ask("192.0.2.1", ANA), AT_ONCE);
}

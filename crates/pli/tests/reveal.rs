//! `--reveal`: mailboxes, accounts and publications are shown in clear to who says why, after that is on record.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use std::sync::Arc;

use pli_store::{AccountChange, AccountKind, Config, MailboxChange, MailboxKind, NewAccount, NewMailbox, Store};
use pli_types::{MailAddress, SystemClock};
use support::node::Operator;

/// An identifier of nobody.
const INS: &str = "279035121518989";
const PATIENT: &str = "279035121518989@patient.mssante.fr";
/// An address that an identifier has slipped into.
const SLIPPED: &str = "279035121518989@pharmacie-du-pont.mssante.fr";

/// The verbs, and how the record calls them.
const VERBS: &[(&[&str], &str)] = &[
    (&["mailbox", "list"], "mailbox list: "),
    (&["mailbox", "show", PATIENT], "mailbox show: "),
    (&["account", "list"], "account list: "),
    (&["account", "show", PATIENT], "account show ins-"),
    (&["directory", "publications"], "directory publications: "),
];

/// Works on the store of an operator whose node does not run; meanwhile nobody else writes to it.
fn with_store<T>(operator: &Operator, work: impl AsyncFnOnce(&dyn Store) -> T) -> T {
    let config = Config {
        url: format!("sqlite://{}", operator.path("pro/store/pli.db").display()),
        master_key: operator.path("pro/keys/master.key"),
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = pli_store::open(&config, Arc::new(SystemClock)).await.unwrap();
        let done = work(&*store).await;
        store.close().await;
        done
    })
}

/// An operator with a patient's mailbox, who opens it himself, and with a mailbox to be published.
fn operator() -> Operator {
    let operator = Operator::new();
    with_store(&operator, async |store| {
        let address = |text| MailAddress::parse(text).unwrap();
        let new = NewMailbox::new(address(PATIENT), MailboxKind::Patient);
        let mailbox = store.add_mailbox(new, Vec::new()).await.unwrap();
        let kind = AccountKind::Person;
        let new = NewAccount { name: PATIENT.to_owned(), kind, rpps: None, display_name: Some(format!("Zoé {INS}")) };
        let account = store.add_account(new, Vec::new()).await.unwrap();
        let grant = AccountChange::Grant { mailbox, default: true };
        store.change_account(account, grant, Vec::new()).await.unwrap();
        let team = store.add_mailbox(NewMailbox::new(address(SLIPPED), MailboxKind::Org), Vec::new()).await.unwrap();
        store.change_mailbox(team, MailboxChange::Publish, Vec::new()).await.unwrap();
    });
    operator
}

#[test]
fn no_identifier_is_shown_to_who_does_not_say_why() {
    let operator = operator();
    for (verb, on_record) in VERBS {
        let masked = operator.told(verb).to_string();
        assert!(masked.contains("ins-") && !masked.contains(INS), "{verb:?}: {masked}");
        for wrong in [&["--reveal"][..], &["--reason", "why"], &["--reveal", "--reason", " "]] {
            let output = operator.ask(&[verb, wrong].concat());
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{verb:?} {wrong:?}");
        }
        assert!(!operator.is_on_record(on_record), "{verb:?}");
    }
}

#[test]
fn what_is_shown_in_clear_is_on_record_with_a_node_and_without() {
    let operator = operator();
    let shown = |how: &str| {
        for (verb, on_record) in VERBS {
            let asked = verb.join(" ").replace(PATIENT, "one");
            let why = format!("the patient {INS} asks, {how}, by {asked}");
            let clear = operator.told(&[verb, &["--reveal", "--reason", why.as_str()][..]].concat()).to_string();
            assert!(clear.contains(INS) && !clear.contains("ins-"), "{verb:?}: {clear}");
            assert!(
                operator.is_on_record(on_record) && operator.is_on_record(&format!(" asks, {how}, by {asked}")),
                "{verb:?}"
            );
            assert!(!operator.is_on_record(&why), "{verb:?}: the record holds an identifier");
        }
    };
    shown("without a node");
    let node = operator.serve();
    shown("beside one");
    node.end();
}

#[test]
fn nothing_is_shown_in_clear_that_cannot_be_put_on_record() {
    let operator = operator();
    with_store(&operator, async |_| {
        for (verb, _) in VERBS {
            let refused = operator.ask(&[verb, &["--reveal", "--reason", "the patient asks"][..]].concat());
            assert_eq!((refused.status.success(), refused.stdout.len()), (false, 0), "{verb:?}");
            assert!(!operator.told(verb).to_string().contains(INS), "{verb:?}");
        }
    });
    assert!(!operator.is_on_record("the patient asks"));
}

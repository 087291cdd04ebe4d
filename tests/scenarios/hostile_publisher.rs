//! A publisher of the trust list that is hostile, broken or slow: nothing of it is put in force, the list that was serves
//! on, each fault has its own code, and the next good list is taken (spec §3.3, scenario 13).

use anyhow::{Context, ensure};
use e2e::Outcome;
use e2e::authority::Issued;
use e2e::command::said;
use e2e::publisher::{Answer, HUGE};
use e2e::whitelist::Whitelist;

use crate::fetching_node::{Scene, Signers, Web, play};

/// The next list, newer than the one in force, changed by `change` and published.
fn published(code: &str, change: impl FnOnce(&Scene, &Whitelist) -> anyhow::Result<Answer>) -> Outcome {
    play(|scene| {
        let next = scene.list.later(30)?;
        let answer = change(scene, &next)?;
        scene.publisher.answer(answer);
        scene.refuses(code)
    })
}

/// What every one of these faults does: an alarm begins, and ends with the next good list.
pub(crate) fn a_truncated_list() -> Outcome {
    play(|scene| {
        let signed = scene.signed(&scene.list.later(30)?)?;
        scene.publisher.answer(Answer::List(signed.get(..signed.len() - 40).context("too short")?.to_owned()));
        scene.stays("list-malformed")?;
        scene.await_alarm("list-refused", true)?;
        scene.install_a_good_list()?;
        scene.await_alarm("list-refused", false)
    })
}

pub(crate) fn something_that_is_not_xml() -> Outcome {
    published("list-malformed", |_, _| Ok(Answer::List("Le service est en maintenance.".to_owned())))
}

/// Signed as it should be: nobody but the publisher could have left the name out.
pub(crate) fn an_entry_without_a_domain() -> Outcome {
    published("list-schema", |scene, next| {
        let name = format!("<Nom>{}</Nom>", scene.sandbox.peer("listed")?.domain);
        Ok(Answer::List(scene.signed(&next.replaced(&name, "")?)?))
    })
}

/// The file that it names is one that would be valuable.
pub(crate) fn an_external_entity() -> Outcome {
    published("list-external-entity", |scene, next| {
        let key = scene.sandbox.config("pro")?.with_file_name("keys").join("master.key");
        let entity = format!("<!DOCTYPE l [<!ENTITY x SYSTEM \"file://{}\">]>\n<ListeBlancheMSSante", key.display());
        let list = next.replaced("<ListeBlancheMSSante", &entity)?;
        Ok(Answer::List(list.replaced("<Description>", "<Description>&x;")?.0))
    })
}

/// The DTD itself is somewhere else, and nobody goes there.
pub(crate) fn an_external_dtd() -> Outcome {
    play(|scene| {
        let dtd = format!("<!DOCTYPE l SYSTEM \"{}\">\n<ListeBlancheMSSante", scene.publisher.url());
        let list = scene.list.later(30)?.replaced("<ListeBlancheMSSante", &dtd)?;
        scene.publisher.answer(Answer::List(list.0));
        let requests = scene.publisher.seen().requests;
        scene.refuses("list-external-entity")?;
        // This list, and the good one after it.
        ensure!(scene.publisher.seen().requests == requests + 2, "the DTD was fetched");
        Ok(())
    })
}

/// A billion laughs.
pub(crate) fn an_entity_that_grows() -> Outcome {
    published("list-entity-expansion", |_, next| {
        let mut dtd = "<!DOCTYPE l [<!ENTITY a0 \"ha\">".to_owned();
        for level in 1..=9 {
            let inner = format!("&a{};", level - 1).repeat(10);
            dtd.push_str(&format!("<!ENTITY a{level} \"{inner}\">"));
        }
        let list = next.replaced("<ListeBlancheMSSante", &format!("{dtd}]>\n<ListeBlancheMSSante"))?;
        Ok(Answer::List(list.replaced("<Description>", "<Description>&a9;")?.0))
    })
}

pub(crate) fn an_older_list() -> Outcome {
    published("list-older", |scene, next| Ok(Answer::List(scene.signed(&next.later(-7 * 24 * 3600)?)?)))
}

/// One domain renamed after the signing.
pub(crate) fn a_list_changed_after_its_signature() -> Outcome {
    published("list-signature-invalid", |scene, next| {
        let signed = Whitelist(scene.signed(next)?);
        let name = format!("<Nom>{}</Nom>", scene.sandbox.peer("listed")?.domain);
        Ok(Answer::List(signed.replaced(&name, "<Nom>intrus.mssante.fr</Nom>")?.0))
    })
}

/// A removed signature is corruption.
pub(crate) fn a_list_whose_signature_was_stripped() -> Outcome {
    published("list-signature-missing", |_, next| Ok(Answer::List(next.0.clone())))
}

pub(crate) fn a_signer_of_another_name() -> Outcome {
    signed_by(|signers| &signers.other_name)
}

pub(crate) fn a_signer_of_a_foreign_authority() -> Outcome {
    signed_by(|signers| &signers.foreign)
}

pub(crate) fn a_signer_who_was_revoked() -> Outcome {
    signed_by(|signers| &signers.revoked)
}

fn signed_by(signer: fn(&Signers) -> &Issued) -> Outcome {
    published("list-signer-untrusted", |scene, next| Ok(Answer::List(next.signed(signer(&scene.signers))?.0)))
}

/// Well-formed, newer and signed: held until an admin says that it is right.
pub(crate) fn half_of_the_domains_gone() -> Outcome {
    play(|scene| {
        let mut shrunk = scene.list.later(30)?;
        let domains = scene.list.domains();
        // Those that the rest of the scenario writes from and to stay.
        let needed = [&*scene.sandbox.peer("listed")?.domain, "pharmacie-du-pont.mssante.fr"];
        let others = domains.iter().filter(|domain| !needed.contains(domain));
        for domain in others.take(domains.len().div_ceil(2)) {
            shrunk = shrunk.without(domain)?;
        }
        scene.publisher.answer(Answer::List(scene.signed(&shrunk)?));
        scene.stays("list-lost-domains")?;
        scene.await_alarm("list-held", true)?;
        let without_reason = scene.sandbox.try_pli("pro", &["trust", "install"])?;
        ensure!(without_reason.status.code() == Some(2), "an install without a reason: {}", said(&without_reason));
        scene.sandbox.pli("pro", &["trust", "install", "--reason", "annonce de l'editeur"])?;
        ensure!(scene.generated_at()? == shrunk.date()?, "the held list was not installed: {}", scene.in_force()?);
        scene.await_alarm("list-held", false)?;
        scene.install_a_good_list()
    })
}

pub(crate) fn five_hundred_megabytes() -> Outcome {
    for announced in [true, false] {
        play(|scene| {
            scene.publisher.answer(Answer::Huge { announced });
            let sent = scene.publisher.seen().sent;
            scene.refuses("list-too-large")?;
            let taken = scene.publisher.seen().sent - sent;
            ensure!(taken < HUGE / 2, "{taken} bytes were taken");
            Ok(())
        })?;
    }
    Ok(())
}

pub(crate) fn a_byte_now_and_then() -> Outcome {
    published("list-publisher-slow", |scene, next| Ok(Answer::Drip(scene.signed(next)?)))
}

/// A whole, good list, from somebody that the anchors do not vouch for.
pub(crate) fn a_publisher_of_a_foreign_authority() -> Outcome {
    shown_by(|web| &web.foreign)
}

pub(crate) fn a_publisher_of_another_name() -> Outcome {
    shown_by(|web| &web.other_name)
}

fn shown_by(identity: fn(&Web) -> &Issued) -> Outcome {
    published("list-publisher-untrusted", |scene, next| {
        scene.publisher.show(identity(&scene.web))?;
        Ok(Answer::List(scene.signed(next)?))
    })
}

pub(crate) fn an_error_of_the_server() -> Outcome {
    published("list-publisher-answer", |_, _| Ok(Answer::Status("500 Internal Server Error", None)))
}

/// Whoever can answer in the publisher's name could send us anywhere.
pub(crate) fn a_redirection() -> Outcome {
    published("list-publisher-answer", |scene, _| Ok(Answer::Status("302 Found", Some(scene.publisher.url()))))
}

pub(crate) fn a_connection_cut_in_the_middle() -> Outcome {
    published("list-publisher-answer", |scene, next| Ok(Answer::CutOff(scene.signed(next)?)))
}

//! Who may write as whom, and to whom, is what the trust list says (spec §3.3, scenarios 9 to 12 and 15).

use e2e::authority::{Authority, Use};
use e2e::smtp::Smtp;
use e2e::whitelist::Whitelist;
use e2e::{Outcome, Sandbox, Seed, kept};

/// Scenario 9.
pub(crate) fn a_certificate_in_no_entry_is_refused() -> Outcome {
    let sandbox = Sandbox::quiet()?;
    kept::nothing_by(&sandbox, "pro", || {
        let mut smtp = Smtp::as_peer(&sandbox, "unlisted", "pro")?;
        smtp.command(&format!("MAIL FROM:<{}>", sandbox.peer_address()?))?
            .expect_reason(550, "certificate-not-listed")?;
        Ok(())
    })
}

/// Scenario 10: also where the other domain is listed, or the certificate is, for another one.
pub(crate) fn a_listed_peer_speaks_for_its_own_domain_only() -> Outcome {
    let sandbox = Sandbox::quiet()?;
    kept::nothing_by(&sandbox, "pro", || {
        let mut smtp = Smtp::as_peer(&sandbox, "listed", "pro")?;
        for (sender, reason) in [
            ("a@clinique-voisine.mssante.fr", "sender-domain-other-certificate"),
            ("a@pharmacie-du-pont.mssante.fr", "sender-domain-other-certificate"),
            ("a@gmail.com", "sender-domain-not-listed"),
        ] {
            smtp.command(&format!("MAIL FROM:<{sender}>"))?.expect_reason(550, reason)?;
        }
        let from = format!("MAIL FROM:<{}>", sandbox.peer_address()?);
        smtp.command(&from)?.expect(250)?;
        let mut other = Smtp::as_peer(&sandbox, "wrong-domain", "pro")?;
        other.command(&from)?.expect_reason(550, "sender-domain-other-certificate")?;
        Ok(())
    })
}

/// Scenario 11.
pub(crate) fn any_of_several_names_speaks_for_a_domain_and_one_name_for_several_domains() -> Outcome {
    let seed = Seed::new()?;
    let file = seed.dir().join(&seed.description().whitelist);
    let list = Whitelist::read(&file)?;
    let domain = seed.description().peers["listed"].domain.clone();
    // In no entry before, now the second name of the listed peer's domain; and that peer gets a second domain.
    let second =
        list.name_of(&domain)?.replace("listed.peer.test", "unlisted.peer.test").replace("1990000077", "1990000085");
    list.with(&domain, &second)?.with("deuxieme.mssante.fr", list.name_of(&domain)?)?.publish(&file)?;
    let sandbox = seed.start_only("pro")?;
    for (peer, domain) in [("listed", &*domain), ("unlisted", &domain), ("listed", "deuxieme.mssante.fr")] {
        Smtp::as_peer(&sandbox, peer, "pro")?.command(&format!("MAIL FROM:<cabinet@{domain}>"))?.expect(250)?;
    }
    Smtp::as_peer(&sandbox, "unlisted", "pro")?
        .command("MAIL FROM:<cabinet@deuxieme.mssante.fr>")?
        .expect_reason(550, "sender-domain-other-certificate")?;
    Ok(())
}

/// Scenario 12: each way of writing a name, listed for a domain of its own.
pub(crate) fn names_match_by_value_whatever_their_case_accents_apostrophes_and_order() -> Outcome {
    const WRITTEN: [(&str, &str); 7] = [
        ("tel-quel", "CN=Relais.Essai.test,OU=1990000150,O=CENTRE D'EXAMEN DE L'ÎLE,ST=Bouches-du-Rhône (13),C=FR"),
        ("minuscules", "cn=relais.essai.test,ou=1990000150,o=centre d'examen de l'île,st=bouches-du-rhône (13),c=fr"),
        ("majuscules", "CN=RELAIS.ESSAI.TEST,OU=1990000150,O=CENTRE D'EXAMEN DE L'ÎLE,ST=BOUCHES-DU-RHÔNE (13),C=FR"),
        ("sans-accent", "CN=Relais.Essai.test,OU=1990000150,O=CENTRE D'EXAMEN DE L'ILE,ST=Bouches-du-Rhone (13),C=FR"),
        (
            "decompose",
            "CN=Relais.Essai.test,OU=1990000150,O=CENTRE D'EXAMEN DE L'I\u{302}LE,ST=Bouches-du-Rho\u{302}ne (13),C=FR",
        ),
        ("apostrophes", "CN=Relais.Essai.test,OU=1990000150,O=CENTRE D’EXAMEN DE L’ÎLE,ST=Bouches-du-Rhône (13),C=FR"),
        ("ordre", "C=FR,ST=Bouches-du-Rhône (13),O=CENTRE D'EXAMEN DE L'ÎLE,OU=1990000150,CN=Relais.Essai.test"),
    ];
    let seed = Seed::new()?;
    let subject = "/C=FR/ST=Bouches-du-Rhône (13)/O=CENTRE D'EXAMEN DE L'ÎLE/OU=1990000150/CN=Relais.Essai.test";
    let authority = Authority::of(seed.dir(), "organisations")?;
    let issued = authority.issue("relais", subject, Use::Relay)?;
    let file = seed.dir().join(&seed.description().whitelist);
    let mut list = Whitelist::read(&file)?;
    for (domain, name) in WRITTEN {
        list = list.with(&format!("{domain}.mssante.fr"), name)?;
    }
    let other = "CN=Relais.Essai.test,OU=1990000150,O=CENTRE D'EXAMEN DE L'ÎLE,ST=Hérault (34),C=FR";
    list.with("autre-departement.mssante.fr", other)?.publish(&file)?;
    let sandbox = seed.start_only("pro")?;
    let mut smtp = Smtp::as_issued(&sandbox, &issued, "pro")?;
    for (domain, _) in WRITTEN {
        smtp.command(&format!("MAIL FROM:<a@{domain}.mssante.fr>"))?.expect(250)?;
        smtp.command("RSET")?.expect(250)?;
    }
    smtp.command("MAIL FROM:<a@autre-departement.mssante.fr>")?
        .expect_reason(550, "sender-domain-other-certificate")?;
    Ok(())
}

/// Scenario 15.
pub(crate) fn a_recipient_outside_of_the_trust_space_is_refused() -> Outcome {
    let sandbox = Sandbox::quiet()?;
    kept::nothing_by(&sandbox, "pro", || {
        let pharmacy = sandbox.account("pro", "ORG")?;
        let mut smtp = Smtp::signed_in(&sandbox, "pro", &pharmacy.address, &pharmacy.password)?;
        smtp.command(&format!("MAIL FROM:<{}>", pharmacy.address))?.expect(250)?;
        for outside in ["quelqu.un@gmail.com", "x@pas-dans-la-liste.mssante.fr", "x@mssante.fr"] {
            smtp.command(&format!("RCPT TO:<{outside}>"))?.expect_reason(550, "recipient-domain-not-listed")?;
        }
        Ok(())
    })
}

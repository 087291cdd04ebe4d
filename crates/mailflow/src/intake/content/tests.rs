//! What of a header can be judged, and what cannot.

use pli_policy::NameShows;

use super::*;

fn from_of(header: &str) -> Option<String> {
    read(header.as_bytes(), "mss.pro.test").from.map(|from| from.address.reveal())
}

#[test]
fn one_from_with_one_address_is_read() {
    let good = [
        ("From: a@x.mssante.fr\r\n", "a@x.mssante.fr"),
        ("FROM:a@X.MSSante.fr\r\n", "a@x.mssante.fr"),
        ("From: <a@x.mssante.fr>\r\n", "a@x.mssante.fr"),
        ("From: Dr. Jean DUPONT <a@x.mssante.fr>\r\n", "a@x.mssante.fr"),
        ("From: =?UTF-8?Q?H=C3=A9l=C3=A8ne?= <a@x.mssante.fr>\r\n", "a@x.mssante.fr"),
        ("From: H\u{e9}l\u{e8}ne <a@x.mssante.fr>\r\n", "a@x.mssante.fr"),
        ("From: a@x.mssante.fr (Jean (le docteur) DUPONT)\r\n", "a@x.mssante.fr"),
        ("From: Jean\r\n\tDUPONT\r\n <a@x.mssante.fr>\r\n", "a@x.mssante.fr"),
        ("Subject: b@y.fr\r\nFrom: a@x.mssante.fr\r\nTo: c@z.fr, d@z.fr\r\n", "a@x.mssante.fr"),
    ];
    for (header, expected) in good {
        assert_eq!(from_of(header).as_deref(), Some(expected), "{header:?}");
    }
}

#[test]
fn a_from_that_two_programs_could_read_differently_is_not_judged() {
    let nasty = [
        "Subject: nobody wrote this\r\n",
        "From: \r\n",
        "From: Jean DUPONT\r\n",
        "From: a@x.mssante.fr\r\nFrom: a@x.mssante.fr\r\n",
        "From: a@x.mssante.fr\r\nfrom : b@y.fr\r\n",
        "From : a@x.mssante.fr\r\n",
        "From: <a@x.mssante\r.fr>\r\n",
        "From: <a@x.mssante.\n\tfr>\r\n",
        "From: <a@x.mssante.fr>\r\r\n",
        "From: a@x.mssante.fr, b@y.fr\r\n",
        "From: <a@x.mssante.fr>, <b@y.fr>\r\n",
        "From: <a@x.mssante.fr> <b@y.fr>\r\n",
        "From: <a@x.mssante.fr> b@y.fr\r\n",
        "From: b@y.fr <a@x.mssante.fr>\r\n",
        "From: group: a@x.mssante.fr;\r\n",
        "From: undisclosed:;\r\n",
        "From: <@b.fr:a@x.mssante.fr>\r\n",
        "From: a@x.mssante.fr@y.fr\r\n",
        "From: a @ x.mssante.fr\r\n",
        "From: a. b@x.mssante.fr\r\n",
        "From: =?utf-8?q?b=40y.fr?=@x.mssante.fr\r\n",
        "From: \"b\" <=?utf-8?b?YkB5LmZyAA==?=@x.mssante.fr>\r\n",
        "From: \"b@y.fr <a@x.mssante.fr>\r\n",
        "From: (b@y.fr <a@x.mssante.fr>\r\n",
        "From: a@x.mssante.fr)\r\n",
        "From: a@[192.0.2.1]\r\n",
        "From: a@\r\n",
        "From: <>\r\n",
        "no field at all\r\nFrom: a@x.mssante.fr\r\n",
        " folded from nothing\r\nFrom: a@x.mssante.fr\r\n",
        ": no name\r\nFrom: a@x.mssante.fr\r\n",
    ];
    for header in nasty {
        assert_eq!(from_of(header), None, "{header:?}");
    }
}

#[test]
fn traces_are_counted_ours_apart() {
    let header = "Received: from a.fr ([192.0.2.1])\r\n\tby mss.pro.test with ESMTPS id 1;\r\n Tue, 3 Mar 2026\r\n\
                  Received: from b.fr by MX.other.test; x\r\nReceived: from mss.pro.test by c.fr; x\r\nDate: x\r\n";
    let facts = read(header.as_bytes(), "MSS.pro.test");
    assert_eq!((facts.received, facts.own_traces), (3, 1));
    assert!(facts.has_date && !facts.has_message_id);
}

#[test]
fn a_folded_value_comes_back_on_one_line() {
    let header = b"X-MSS-NIL: DEV935997\r\nMessage-Id:\r\n <1@x.mssante.fr>\r\n";
    assert_eq!(value_of(header, "Message-ID").as_deref(), Some("<1@x.mssante.fr>"));
    assert_eq!(value_of(header, "Subject"), None);
}

#[test]
fn bytes_that_no_character_set_names_and_lines_of_white_space_are_not_judged() {
    let nasty: [&[u8]; 7] = [
        b"From: H\xe9l\xe8ne <a@x.mssante.fr>\r\n",
        b"From: a@x.mssante.fr (H\xe9l\xe8ne)\r\n",
        b"From: \r\n \t\r\n a@x.mssante.fr\r\n",
        b"Subject: x\r\n \r\nFrom: a@x.mssante.fr\r\n",
        b"Subject: x\r\n\t\r\n Y: z\r\nFrom: a@x.mssante.fr\r\n",
        b"From: a\x00@x.mssante.fr\r\n",
        b"From: \x0b<a@x.mssante.fr>\r\n",
    ];
    for header in nasty {
        assert_eq!(read(header, "mss.pro.test").from, None, "{:?}", String::from_utf8_lossy(header));
    }
    let huge = format!("From: {} <a@x.mssante.fr>\r\n", "x".repeat(5000));
    assert_eq!(from_of(&huge), None);
}

/// What the name of one `From` of `a@x.mssante.fr` shows; `None` if it is not to be judged.
fn shows(value: &str) -> Option<NameShows> {
    let header = format!("From: {value}\r\n");
    read(header.as_bytes(), "mss.pro.test").from.map(|from| {
        assert_eq!(from.address.reveal(), "a@x.mssante.fr", "{value}");
        from.name
    })
}

#[test]
fn a_name_that_shows_no_address_is_a_name() {
    for name in [
        "",
        "Dr. Jean DUPONT",
        "\"DUPONT, Jean (CH-Exemple)\"",
        "=?UTF-8?Q?H=C3=A9l=C3=A8ne_LEFORT?=",
        "=?iso-8859-1?q?H=E9l=E8ne?= =?windows-1252?b?TEVGT1JU?=",
        "=?iso-8859-1?Q?Centre_de_l=92=E9tang?=",
        "=?UTF-8*FR?B?SMOpbMOobmU=?=",
        "=?iso-2022-jp?B?GyRCO0VFRBsoQg==?=",
        "=?utf-8?q?coup=c3?= =?utf-8?q?=a9e_en_deux?=",
        "Hélène 👩‍⚕️",
        "Rein@Dom",
        "Soins @ domicile",
        "@hopital",
        "Pharmacie du Pont S.A.R.L.",
        "Dr. Martin, service 3.2",
        "=?utf-8?x?b?= sans encodage",
    ] {
        let name =
            if name.contains([',', '.', '@']) && !name.starts_with('"') { format!("\"{name}\"") } else { name.into() };
        assert_eq!(shows(&format!("{name} <a@x.mssante.fr>")), Some(NameShows::NoAddress), "{name}");
    }
    assert_eq!(shows("a@x.mssante.fr (Jean (le docteur) DUPONT)"), Some(NameShows::NoAddress));
}

#[test]
fn ones_own_address_may_be_ones_name() {
    for name in [
        "\"a@x.mssante.fr\"",
        "\"'a@x.mssante.fr'\"",
        "\"A@X.MSSante.FR\"",
        "\"Jean <a@x.mssante.fr>\"",
        "\"Jean [mailto:a@x.mssante.fr]\"",
        "=?utf-8?q?a=40x=2Emssante=2Efr?=",
        "\"\u{2018}a@x.mssante.fr\u{2019}\"",
        "\"a\u{ff20}x.mssante.fr.\"",
    ] {
        assert_eq!(shows(&format!("{name} <a@x.mssante.fr>")), Some(NameShows::ThisAddress), "{name}");
    }
    assert_eq!(shows("a@x.mssante.fr (a@x.mssante.fr)"), Some(NameShows::ThisAddress));
}

#[test]
fn another_address_is_found_in_a_name_however_it_is_written() {
    for name in [
        "\"b@y.fr\"",
        "\"DUPONT, Jean <b@y.fr>\"",
        "\"b@x.mssante.fr\"",
        "\"a@x.mssante.fr.evil.fr\"",
        "\"a@x.mssante.fr b@y.fr\"",
        "\"a@x.mssante.fr\" (b@y.fr)",
        "(b@y.fr)",
        "(un (b@y.fr) deux)",
        "\"b\\@y.fr\"",
        "\"b@\" y.fr",
        "\"b @ y.fr\"",
        "\"b@y .fr\"",
        "\"b@[192.0.2.1]\"",
        "=?utf-8?q?b=40y.fr?=",
        "=?UTF-8?B?YkB5LmZy?=",
        "=?utf-8?b?YkA=eS5mcg==?=",
        "=?utf-8?q?b=40?= =?utf-8?q?y.fr?=",
        "=?utf-8?q?b=40y?=\r\n =?utf-8?b?LmZy?=",
        "\"=?utf-8?q?b=40y.fr?=\"",
        "(=?utf-8?q?b=40y.fr?=)",
        "Jean =?utf-8?q?=3Cb=40y.fr=3E?=",
        "=?utf-7?q?b+AEA-y.fr?=",
        "=?utf-16be?b?AGIAQAB5AC4AZgBy?=",
        "b\u{ff20}y.fr",
        "b\u{fe6b}y\u{ff0e}fr",
        "b\u{24d0}y\u{3002}fr",
        "=?utf-8?q?b=EF=BC=A0y.fr?=",
        "\"b\u{200b}@\u{200d}y.f\u{ad}r\"",
        "b\u{e0020}\u{ff20}y.fr",
        // A Cyrillic letter in one's own address.
        "\"\u{430}@x.mssante.fr\"",
        "\"a@x.ms\u{455}ante.fr\"",
        "\"a@\u{217a}.mssante.fr\"",
        "\"b%y.fr@z.fr\"",
    ] {
        assert_eq!(shows(&format!("{name} <a@x.mssante.fr>")), Some(NameShows::AnotherAddress), "{name}");
    }
    assert_eq!(shows("a@x.mssante.fr (b@y.fr)"), Some(NameShows::AnotherAddress));
}

#[test]
fn a_name_that_programs_would_show_differently_is_not_judged() {
    for name in [
        "=?cp037?b?gnyoS4aZ?=",
        "=?no-such-set?q?Jean?=",
        "=?hz-gb-2312?q?Jean?=",
        "=?utf-8?q?b=40y.fr=00?=",
        "=?utf-8?b?YkB5LmZyAA==?=",
        "=?utf-8?q?Jean=0D=0AFrom:_b?=",
        "\"\u{202e}rf.y@b\"",
        "Jean =?utf-8?q?=E2=80=AE?=",
        "\"Jean",
        "Jean)",
        "(Jean",
    ] {
        assert_eq!(shows(&format!("{name} <a@x.mssante.fr>")), None, "{name}");
    }
}

fn senders_of(header: &str) -> Vec<(SenderField, Option<String>)> {
    let facts = read(header.as_bytes(), "mss.pro.test");
    facts.senders.into_iter().map(|(field, read)| (field, read.map(|read| read.address.reveal()))).collect()
}

#[test]
fn whoever_else_is_named_as_sender_is_read_as_strictly() {
    let own = || Some("a@x.fr".to_owned());
    let header = "sender: a@x.fr\r\nResent-From: Jean <a@x.fr>\r\nRESENT-SENDER: <a@x.fr>\r\nResent-From: a@x.fr\r\n";
    let read = [SenderField::Sender, SenderField::ResentFrom, SenderField::ResentSender, SenderField::ResentFrom];
    assert_eq!(senders_of(header), read.map(|field| (field, own())));
    // Where an answer goes says nothing of who wrote (R-WHO-6).
    assert_eq!(senders_of("Reply-To: b@y.fr, c@z.fr\r\nResent-To: b@y.fr\r\nX-Sender: b@y.fr\r\n"), []);
    for (field, name) in [
        (SenderField::Sender, "Sender"),
        (SenderField::ResentFrom, "Resent-From"),
        (SenderField::ResentSender, "Resent-Sender"),
    ] {
        for value in [
            ": a@x.fr, b@y.fr",
            ": g: a@x.fr;",
            ": <@b.fr:a@x.fr>",
            ": =?utf-8?q?b?=@x.fr",
            ":",
            " : a@x.fr",
            ":\r\n \r\n a@x.fr",
        ] {
            assert_eq!(senders_of(&format!("{name}{value}\r\n")), [(field, None)], "{name}{value}");
        }
    }
    let twice = "Sender: a@x.fr\r\nResent-From: a@x.fr\r\nSender: a@x.fr\r\n";
    let read = [(SenderField::Sender, None), (SenderField::ResentFrom, own()), (SenderField::Sender, None)];
    assert_eq!(senders_of(twice), read);
}

/// The dearest values, as many as a header holds.
#[test]
fn half_an_encoded_word_costs_little() {
    let field = format!("Resent-From: {} <a@x.fr>\r\n", "=?a?q?".repeat(500));
    let started = std::time::Instant::now();
    let facts = read(field.repeat(70).as_bytes(), "mss.pro.test");
    assert_eq!(facts.senders.len(), 70);
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
}

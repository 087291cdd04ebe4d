//! An extraction of the national directory made for measuring: as many lines, types, domains and repeated addresses as the
//! country's (spec §7.1), with names, professions and towns as frequent as such words are. The same every time.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;
use pli_directory::extraction::Column;

/// Lines of the country's, rounded up.
pub(crate) const LINES: usize = 550_000;
/// Addresses that have a second line.
const REPEATED: usize = 169;
/// Domains in all, and addresses of the largest one.
const DOMAINS: usize = 5_018;
const LARGEST: usize = 62_151;
/// Between the few large domains and the many small ones.
const LARGE: usize = 20;

/// Writes one with so many lines; gives its bytes.
pub(crate) fn write(file: &Path, lines: usize) -> Result<u64> {
    let mut out = BufWriter::new(std::fs::File::create(file)?);
    let headings: Vec<&str> = Column::ALL.iter().map(|column| column.heading()).collect();
    writeln!(out, "{}", headings.join("|"))?;
    let (mut chance, mut line, mut number) = (Chance(0x5eed), String::new(), 0_usize);
    for (domain, size) in sizes(lines - REPEATED).into_iter().enumerate() {
        for _ in 0..size {
            line.clear();
            holder(&mut line, number, domain, &mut chance)?;
            out.write_all(line.as_bytes())?;
            // A professional at a second structure has the same address there.
            if number.is_multiple_of(lines / REPEATED) && number / (lines / REPEATED) < REPEATED {
                let elsewhere = line.replacen("|1|", "|1|99", 1);
                out.write_all(elsewhere.as_bytes())?;
            }
            number += 1;
        }
    }
    out.flush()?;
    Ok(file.metadata()?.len())
}

/// How many addresses each domain has: half of them four or fewer, one in a hundred a thousand and more.
fn sizes(addresses: usize) -> Vec<usize> {
    let scaled = |size: usize| (size * addresses / LINES).max(1);
    let mut sizes: Vec<usize> = (LARGE..DOMAINS).map(|rank| scaled(small(rank))).collect();
    let large = addresses.saturating_sub(sizes.iter().sum::<usize>() + scaled(LARGEST));
    sizes.extend((1..LARGE).map(|rank| large * rank / (LARGE - 1) - large * (rank - 1) / (LARGE - 1)));
    sizes.push(scaled(LARGEST));
    sizes
}

/// 353,000 ÷ rank to the power of 1.455, by its square root and its cube's: whole numbers give the same everywhere.
fn small(rank: usize) -> usize {
    353_000 / (rank * rank.isqrt()).max(1) * 105 / 100 + 1
}

/// The line of one address.
fn holder(line: &mut String, number: usize, domain: usize, chance: &mut Chance) -> Result<()> {
    let kind = chance.of(&[("PER", 78), ("ORG", 17), ("APP", 4), ("CAB", 1)]);
    let family = family_name(chance);
    let given = chance.one(GIVEN);
    let (town, code, department) = chance.one(TOWNS);
    let code = code + chance.below(9) * 10;
    let structure = format!("99{:07}", chance.below(90_000) * 7);
    let street = format!(
        "{}||RUE|{} {family}||{code:05} {town}|{code:05}|{department}|France",
        chance.below(200),
        chance.one(STREETS)
    );
    if kind == "PER" || kind == "CAB" {
        let rpps = 10_000_000_000 + number as u64 * 37;
        let (code, profession, speciality) = chance.one(PROFESSIONS);
        let title = if chance.below(3) == 0 { "DR" } else { "MME" };
        write!(
            line,
            "{kind}|{}.{}.{number}@etablissement-{domain}.mssante.fr|8|{rpps}|8{rpps}|1|{structure}||{title}|{family}|{given}|C|Civil|\
             {code}|{profession}|SM{:02}|{speciality}|O|CABINET DU DOCTEUR {family}||||{street}",
            plain(given),
            plain(&family),
            chance.below(60),
        )?;
    } else {
        let sort = chance.one(STRUCTURES);
        write!(
            line,
            "{kind}|contact.{number}@etablissement-{domain}.mssante.fr||||1|{structure}|{}|||||||||||{sort} {family}||||{street}",
            chance.one(SERVICES),
        )?;
    }
    line.push_str("\r\n");
    Ok(())
}

/// Some tens of thousands, few of them frequent.
fn family_name(chance: &mut Chance) -> String {
    if chance.below(4) == 0 {
        return chance.one(FAMILY).to_owned();
    }
    let mut name = String::new();
    for _ in 0..2 + chance.below(2) {
        name.push_str(chance.one(SYLLABLES));
    }
    name
}

/// As a name stands in an address.
fn plain(name: &str) -> String {
    let letter = |c: char| match c {
        'É' | 'È' | 'Ë' | 'Ê' => 'e',
        'Ï' => 'i',
        'Ç' => 'c',
        ' ' | '\'' => '-',
        c => c.to_ascii_lowercase(),
    };
    name.chars().map(letter).collect()
}

/// Numbers that look like chance and are the same every time (a linear congruence).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % bound.max(1)
    }

    /// One of them, the first ones more often.
    #[expect(clippy::indexing_slicing, reason = "the place is below the length, and no list here is empty")]
    fn one<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len()).min(self.below(all.len()))]
    }

    fn of(&mut self, weights: &[(&'static str, usize)]) -> &'static str {
        let mut left = self.below(weights.iter().map(|(_, weight)| weight).sum());
        for (value, weight) in weights {
            if left < *weight {
                return value;
            }
            left -= weight;
        }
        ""
    }
}

const SYLLABLES: &[&str] = &[
    "MAR", "LE", "DU", "BER", "TIN", "RI", "GAU", "CHE", "VAL", "LAN", "BOU", "DE", "ROU", "SEL", "MI", "GUÉ", "RIN",
    "PER", "LO", "BA", "CAR", "NIER", "FON", "TAI", "NE", "GRAN", "HÉ", "BRI", "VER", "DIER", "COL", "LET", "PI",
    "SON", "RAY", "MON", "JOU", "BLAN", "CHARD", "TEL",
];

const FAMILY: &[&str] = &[
    "MARTIN",
    "BERNARD",
    "THOMAS",
    "PETIT",
    "ROBERT",
    "RICHARD",
    "DURAND",
    "DUBOIS",
    "MOREAU",
    "LAURENT",
    "SIMON",
    "MICHEL",
    "LEFÈVRE",
    "LEROY",
    "ROUX",
    "DAVID",
    "BERTRAND",
    "MOREL",
    "FOURNIER",
    "GIRARD",
    "BONNET",
    "DUPONT",
    "LAMBERT",
    "FONTAINE",
    "ROUSSEAU",
    "VINCENT",
    "MULLER",
    "LE GALL",
    "FAURE",
    "ANDRÉ",
    "MERCIER",
    "BLANC",
    "GUÉRIN",
    "BOYER",
    "GARNIER",
    "CHEVALIER",
    "D'HAËNE",
    "L'HERMITE",
    "NGUYEN",
    "DA SILVA",
];

const GIVEN: &[&str] = &[
    "MARIE",
    "JEAN",
    "PHILIPPE",
    "NATHALIE",
    "MICHEL",
    "ISABELLE",
    "ALAIN",
    "SYLVIE",
    "PATRICK",
    "CATHERINE",
    "PIERRE",
    "MARTINE",
    "NICOLAS",
    "CHRISTINE",
    "FRANÇOIS",
    "FRANÇOISE",
    "CHRISTOPHE",
    "VALÉRIE",
    "ÉRIC",
    "SANDRINE",
    "LAURENT",
    "STÉPHANIE",
    "FRÉDÉRIC",
    "CÉLINE",
    "STÉPHANE",
    "SOPHIE",
    "DAVID",
    "VÉRONIQUE",
    "THIERRY",
    "CHANTAL",
    "JULIEN",
    "CAMILLE",
    "ANNE",
    "ZOÉ",
    "LOÏC",
    "MAËL",
    "HÉLÈNE",
    "THOMAS",
    "AURÉLIE",
    "ÉMILIE",
];

const PROFESSIONS: &[(&str, &str, &str)] = &[
    ("10", "Médecin", "Spécialiste en Médecine Générale"),
    ("60", "Infirmier", ""),
    ("10", "Médecin", "Cardiologie et maladies vasculaires"),
    ("21", "Pharmacien", ""),
    ("70", "Masseur-Kinésithérapeute", ""),
    ("10", "Médecin", "Anesthésie-réanimation"),
    ("40", "Chirurgien-Dentiste", ""),
    ("50", "Sage-Femme", ""),
    ("10", "Médecin", "Radio-diagnostic"),
    ("10", "Médecin", "Pédiatrie"),
    ("10", "Médecin", "Psychiatrie"),
    ("10", "Médecin", "Gynécologie-obstétrique"),
    ("91", "Orthophoniste", ""),
    ("10", "Médecin", "Ophtalmologie"),
    ("80", "Pédicure-Podologue", ""),
    ("10", "Médecin", "Oto-rhino-laryngologie"),
];

const TOWNS: &[(&str, usize, &str)] = &[
    ("PARIS", 75_001, "Paris"),
    ("MARSEILLE", 13_001, "Bouches-du-Rhône"),
    ("LYON", 69_001, "Rhône"),
    ("TOULOUSE", 31_000, "Haute-Garonne"),
    ("NICE", 6_000, "Alpes-Maritimes"),
    ("NANTES", 44_000, "Loire-Atlantique"),
    ("MONTPELLIER", 34_000, "Hérault"),
    ("STRASBOURG", 67_000, "Bas-Rhin"),
    ("BORDEAUX", 33_000, "Gironde"),
    ("LILLE", 59_000, "Nord"),
    ("RENNES", 35_000, "Ille-et-Vilaine"),
    ("SAINT ETIENNE", 42_000, "Loire"),
    ("LE MANS", 72_000, "Sarthe"),
    ("ANGOULÊME", 16_000, "Charente"),
    ("BASTIA", 20_200, "Haute-Corse"),
    ("AJACCIO", 20_000, "Corse-du-Sud"),
    ("BOURG EN BRESSE", 1_000, "Ain"),
    ("FORT DE FRANCE", 97_200, "Martinique"),
    ("SAINT DENIS", 97_400, "La Réunion"),
    ("SAINT GERMAIN EN LAYE", 78_100, "Yvelines"),
    ("VILLENEUVE D'ASCQ", 59_650, "Nord"),
    ("PONTIVY", 56_300, "Morbihan"),
    ("L'ISLE ADAM", 95_290, "Val-d'Oise"),
    ("SAINT BRIEUC", 22_000, "Côtes-d'Armor"),
];

const STREETS: &[&str] = &["DE L'ÉGLISE", "DU DOCTEUR", "DU GÉNÉRAL", "DE LA RÉPUBLIQUE", "VICTOR", "JEAN"];

const STRUCTURES: &[&str] = &[
    "PHARMACIE",
    "CENTRE HOSPITALIER",
    "LABORATOIRE D'ANALYSES",
    "EHPAD",
    "CLINIQUE",
    "MAISON DE SANTÉ",
    "CABINET INFIRMIER",
    "HÔPITAL PRIVÉ",
    "CENTRE DE SANTÉ",
    "SSIAD",
];

const SERVICES: &[&str] =
    &["", "Accueil", "Secrétariat", "Cardiologie", "Urgences", "Imagerie", "Pharmacie à usage intérieur"];

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use pli_directory::extraction::{self, Extraction};

    use super::*;

    #[test]
    fn the_extraction_has_the_countrys_shape_and_every_line_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("extraction.txt");
        let lines = 30_000;
        write(&file, lines).unwrap();
        let mut text = extraction::open(&file).unwrap();
        let mut extraction = Extraction::begin(text.reader().unwrap()).unwrap();
        let (mut addresses, mut domains, mut count) = (BTreeMap::new(), BTreeSet::new(), 0);
        while let Some(line) = extraction.next_line().unwrap() {
            let entry = line.entry.unwrap();
            *addresses.entry(entry.address().key()).or_insert(0) += 1;
            domains.insert(entry.address().domain().to_string());
            count += 1;
        }
        assert_eq!((count, domains.len()), (lines, DOMAINS));
        assert_eq!(addresses.values().filter(|lines| **lines > 1).count(), REPEATED);
    }

    #[test]
    fn the_domains_are_as_large_as_the_countrys() {
        let mut sizes = sizes(LINES);
        assert_eq!((sizes.len(), sizes.iter().sum::<usize>(), sizes.last()), (DOMAINS, LINES, Some(&LARGEST)));
        sizes.sort_unstable();
        let (median, centile) = (sizes[DOMAINS / 2], sizes[DOMAINS * 99 / 100]);
        assert!((3..=5).contains(&median) && (1_000..=1_400).contains(&centile), "{median} {centile}");
    }
}

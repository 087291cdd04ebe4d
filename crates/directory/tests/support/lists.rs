//! Lists made for tests.

use jiff::Timestamp;

/// A list of this date: domain and certificate name, one entry each.
pub(crate) fn list_of(date: &str, entries: &[(&str, &str)]) -> String {
    let entry = |(domain, name): &(&str, &str)| {
        format!("<Domaine><Nom>{domain}</Nom><DNCertificatOperateur>{name}</DNCertificatOperateur></Domaine>\n")
    };
    let entries: String = entries.iter().map(entry).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListeBlancheMSSante xmlns=\"https://listeblanche.mssante.fr/schema\">\n\
         <DateDeGeneration>{date}</DateDeGeneration>\n<ListeDomaines>\n{entries}</ListeDomaines>\n</ListeBlancheMSSante>\n"
    )
}

/// A list of the domains `d0.mssante.fr` and so on, of this hour of 14 March 2026.
pub(crate) fn list(hour: u32, domains: std::ops::Range<u32>) -> String {
    let domains: Vec<String> = domains.map(|number| format!("d{number}.mssante.fr")).collect();
    let entries: Vec<(&str, &str)> = domains.iter().map(|domain| (domain.as_str(), "CN=mss.a.fr,C=FR")).collect();
    list_of(&format!("2026-03-14T{hour:02}:00:00Z"), &entries)
}

/// This minute of the day after.
pub(crate) fn at(minute: i64) -> Timestamp {
    "2026-03-15T00:00:00Z".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_mins(minute)
}

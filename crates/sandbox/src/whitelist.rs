//! The trust list of a sandbox, in the format of the real one (spec §3.3).

use std::fmt::Write;

use jiff::Timestamp;

/// One `Domaine`: a name may speak for a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The domain.
    pub domain: String,
    /// What it is.
    pub description: String,
    /// The certificate's subject, in the text form of RFC 4514.
    pub certificate_name: String,
}

/// The whole file, made at `generated_at`.
#[must_use]
pub fn xml(entries: &[Entry], generated_at: Timestamp) -> String {
    // Whole seconds, as the real list has them.
    let at = Timestamp::from_second(generated_at.as_second()).unwrap_or(generated_at);
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <ListeBlancheMSSante xmlns=\"https://listeblanche.mssante.fr/schema\">\n\
         \x20   <DateDeGeneration>{at}</DateDeGeneration>\n\
         \x20   <ListeDomaines>\n"
    );
    for entry in entries {
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "        <Domaine>\n\
             \x20           <Nom>{}</Nom>\n\
             \x20           <Description>{}</Description>\n\
             \x20           <DNCertificatOperateur>{}</DNCertificatOperateur>\n\
             \x20           <ResponsableContact>00 00 00 00 00, contact@example.org</ResponsableContact>\n\
             \x20           <SupportContact>00 00 00 00 00, support@example.org</SupportContact>\n\
             \x20           <DateMAJ>{at}</DateMAJ>\n\
             \x20       </Domaine>\n",
            escape(&entry.domain),
            escape(&entry.description),
            escape(&entry.certificate_name),
        );
    }
    out.push_str("    </ListeDomaines>\n</ListeBlancheMSSante>\n");
    out
}

/// Text as the content of an XML element, or of an attribute between double quotes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_back_as_it_was_meant() {
        let entry = Entry {
            domain: "exemple.mssante.fr".into(),
            description: "A & B <C>".into(),
            certificate_name: r"CN=mss.exemple.test,OU=1990000017,O=A\, B,ST=Paris (75),C=FR".into(),
        };
        let text = xml(std::slice::from_ref(&entry), "2026-03-14T09:00:00.5Z".parse().unwrap());
        let document = roxmltree::Document::parse(&text).unwrap();
        let content = |name: &str| {
            let node = document.descendants().find(|node| node.has_tag_name((NAMESPACE, name))).unwrap();
            node.text().unwrap().to_owned()
        };
        assert_eq!(content("DateDeGeneration"), "2026-03-14T09:00:00Z");
        assert_eq!(content("Nom"), entry.domain);
        assert_eq!(content("Description"), entry.description);
        assert_eq!(content("DNCertificatOperateur"), entry.certificate_name);
    }

    const NAMESPACE: &str = "https://listeblanche.mssante.fr/schema";
}

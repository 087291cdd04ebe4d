//! [`TrustList`]: the national list of domains and of the certificate names that speak for them (spec §3.3).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use pli_types::{DistinguishedName, Domain};
use roxmltree::Document;

use crate::list_fault::ListFault;
use crate::trust_xml::{self, Entry};

/// A list, parsed and checked.
#[derive(Debug, Clone)]
pub struct TrustList {
    generated_at: Timestamp,
    entries: usize,
    names_by_domain: HashMap<Domain, HashSet<Arc<DistinguishedName>>>,
    names: HashSet<Arc<DistinguishedName>>,
}

impl TrustList {
    /// The most bytes that a list may have: some ten times what 100,000 entries take.
    pub const BYTES_MAX: u64 = 64 << 20;
    /// The most entries: some ten times what the whole country had in 2026.
    pub const ENTRIES_MAX: usize = 100_000;

    /// Parses and checks a list. No DTD, no external entity; bounded in bytes, nodes and entries. Strict in what it
    /// uses (`DateDeGeneration`, `Nom`, `DNCertificatOperateur`), tolerant of what else stands there.
    pub fn parse(bytes: &[u8]) -> Result<Self, ListFault> {
        Self::of_document(&trust_xml::parse(bytes)?)
    }

    /// What a first list is compared with. It is never in force.
    pub(crate) fn empty() -> Self {
        Self { generated_at: Timestamp::UNIX_EPOCH, entries: 0, names_by_domain: HashMap::new(), names: HashSet::new() }
    }

    pub(crate) fn of_document(document: &Document<'_>) -> Result<Self, ListFault> {
        let mut list = Self::empty();
        // A few names stand in thousands of entries (R-SMTP-4): each spelling is parsed once.
        let mut spellings = HashMap::new();
        list.generated_at = trust_xml::read(document, |entry| list.add(&entry, &mut spellings))?;
        Ok(list)
    }

    fn add(
        &mut self,
        entry: &Entry<'_>,
        spellings: &mut HashMap<String, Arc<DistinguishedName>>,
    ) -> Result<(), ListFault> {
        let domain = Domain::parse(entry.domain).map_err(|error| entry.fault("Nom", &error))?;
        let name = if let Some(name) = spellings.get(entry.certificate_name) {
            Arc::clone(name)
        } else {
            let name =
                certificate_name(entry.certificate_name).map_err(|what| entry.fault("DNCertificatOperateur", &what))?;
            let name = self.names.get(&name).cloned().unwrap_or_else(|| Arc::new(name));
            spellings.insert(entry.certificate_name.to_owned(), Arc::clone(&name));
            name
        };
        self.entries += 1;
        self.names.insert(Arc::clone(&name));
        self.names_by_domain.entry(domain).or_default().insert(name);
        Ok(())
    }

    /// `DateDeGeneration`.
    #[must_use]
    pub fn generated_at(&self) -> Timestamp {
        self.generated_at
    }

    /// Number of `Domaine` elements.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Number of distinct domains.
    #[must_use]
    pub fn domains(&self) -> usize {
        self.names_by_domain.len()
    }

    /// Number of distinct certificate names.
    #[must_use]
    pub fn certificate_names(&self) -> usize {
        self.names.len()
    }

    /// Each domain once, in no order.
    pub fn iter_domains(&self) -> impl Iterator<Item = &Domain> {
        self.names_by_domain.keys()
    }

    /// The names that the domain is listed under, in no order; none if it is not listed.
    pub fn names_of(&self, domain: &Domain) -> impl Iterator<Item = &DistinguishedName> {
        self.names_by_domain.get(domain).into_iter().flatten().map(AsRef::as_ref)
    }

    /// The domains that are listed under the name, sorted. Walks the whole list: not for the path of a message.
    #[must_use]
    pub fn domains_of(&self, name: &DistinguishedName) -> Vec<&Domain> {
        let mut domains: Vec<&Domain> =
            self.names_by_domain.iter().filter(|(_, names)| names.contains(name)).map(|(domain, _)| domain).collect();
        domains.sort_unstable();
        domains
    }

    /// Each domain with its names, sorted by domain.
    pub fn iter(&self) -> impl Iterator<Item = (&Domain, Vec<&DistinguishedName>)> {
        let mut domains: Vec<&Domain> = self.names_by_domain.keys().collect();
        domains.sort_unstable();
        domains.into_iter().map(|domain| (domain, self.names_of(domain).collect()))
    }

    /// Has the other list the same names for this domain?
    pub(crate) fn same_names(&self, other: &Self, domain: &Domain) -> bool {
        self.names_by_domain.get(domain) == other.names_by_domain.get(domain)
    }

    /// Is the domain in any entry?
    #[must_use]
    pub fn lists_domain(&self, domain: &Domain) -> bool {
        self.names_by_domain.contains_key(domain)
    }

    /// Is the name in any entry?
    #[must_use]
    pub fn lists_name(&self, name: &DistinguishedName) -> bool {
        self.names.contains(name)
    }

    /// Is the domain listed under this name (R-SMTP-3: any of its entries)?
    #[must_use]
    pub fn binds(&self, domain: &Domain, name: &DistinguishedName) -> bool {
        self.names_by_domain.get(domain).is_some_and(|names| names.contains(name))
    }
}

/// Parses a name that a certificate shall have. It needs a CN with something in it: a certificate without a subject must
/// match nothing.
pub(crate) fn certificate_name(text: &str) -> Result<DistinguishedName, String> {
    let name = DistinguishedName::parse(text).map_err(|error| error.to_string())?;
    match name.value("CN").map(str::trim) {
        None | Some("") => Err("a name without a CN".to_owned()),
        Some(_) => Ok(name),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const DATE: &str = "2026-03-14T12:00:00Z";

    /// A list of this date, with an entry for each pair of domain and certificate name.
    pub(crate) fn list_of(date: &str, entries: &[(&str, &str)]) -> String {
        let entry = |(domain, name): &(&str, &str)| {
            format!(
                "<Domaine>\n  <Nom>{domain}</Nom><Description>d</Description>\
                 <DNCertificatOperateur>{name}</DNCertificatOperateur><ResponsableContact>c</ResponsableContact>\
                 <SupportContact>c</SupportContact><DateMAJ>{DATE}</DateMAJ>\n</Domaine>"
            )
        };
        let entries: Vec<String> = entries.iter().map(entry).collect();
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <ListeBlancheMSSante xmlns=\"https://listeblanche.mssante.fr/schema\">\
             <DateDeGeneration>{date}</DateDeGeneration>\
             <ListeDomaines>{}</ListeDomaines></ListeBlancheMSSante>\n",
            entries.concat()
        )
    }

    const A: &str = "CN=mss.a.fr,OU=1130786049,O=A,ST=Bouches-du-Rhône (13),C=FR";
    const A2: &str = "CN=mss2.a.fr,OU=1130786049,O=A,ST=Bouches-du-Rhône (13),C=FR";
    const B: &str = "CN=mss.b.fr,OU=1130786050,O=B,ST=Paris (75),C=FR";

    fn domain(text: &str) -> Domain {
        Domain::parse(text).unwrap()
    }

    fn dn(text: &str) -> DistinguishedName {
        DistinguishedName::parse(text).unwrap()
    }

    #[test]
    fn a_domain_may_have_several_names_and_a_name_several_domains() {
        let text =
            list_of(DATE, &[("a.mssante.fr", A), ("a.mssante.fr", A2), ("b1.mssante.fr", B), ("b2.mssante.fr", B)]);
        let list = TrustList::parse(text.as_bytes()).unwrap();
        assert_eq!((list.entries(), list.domains(), list.certificate_names()), (4, 3, 3));
        assert_eq!(list.generated_at(), DATE.parse().unwrap());
        for (name, bound) in [(A, "a"), (A2, "a"), (B, "b1"), (B, "b2")] {
            assert!(list.binds(&domain(&format!("{bound}.mssante.fr")), &dn(name)), "{name} {bound}");
        }
        assert!(!list.binds(&domain("a.mssante.fr"), &dn(B)), "scenario 10");
        assert!(!list.binds(&domain("c.mssante.fr"), &dn(A)));
        assert!(list.lists_domain(&domain("b1.mssante.fr")) && !list.lists_domain(&domain("mssante.fr")));
        assert!(list.lists_name(&dn(A)) && !list.lists_name(&dn("CN=mss.c.fr,C=FR")));
    }

    #[test]
    fn entries_that_differ_in_spelling_match_a_certificate() {
        let other = "cn=MSS.A.FR,ou=1130786049,o=a,st=Bouches-du-Rhone (13),c=fr";
        let text = list_of(DATE, &[("A.MSSante.fr", A), ("a.mssante.fr", other)]);
        let list = TrustList::parse(text.as_bytes()).unwrap();
        assert_eq!((list.entries(), list.domains(), list.certificate_names()), (2, 1, 1));
        let of_certificate = dn("C=FR,ST=Bouches-du-Rho\u{302}ne (13),O=A,OU=1130786049,CN=mss.a.fr");
        assert!(list.binds(&domain("a.mssante.fr"), &of_certificate), "scenario 12");
    }

    #[test]
    fn a_domain_or_a_name_that_cannot_be_read_names_its_entry() {
        for (entry, told) in [
            (("not a domain", A), "entry 2, Nom: "),
            (("c.mssante.fr", "nobody"), "entry 2, DNCertificatOperateur: "),
            (("c.mssante.fr", "CN=,C=FR"), "entry 2, DNCertificatOperateur: a name without a CN"),
            (("c.mssante.fr", "O=A,C=FR"), "entry 2, DNCertificatOperateur: a name without a CN"),
        ] {
            let fault = TrustList::parse(list_of(DATE, &[("a.mssante.fr", A), entry]).as_bytes()).unwrap_err();
            assert!(matches!(&fault, ListFault::Schema(what) if what.starts_with(told)), "{fault}");
        }
    }
}

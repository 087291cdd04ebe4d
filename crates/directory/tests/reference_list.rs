//! The real list of March 2025 (scenario 16). It is not ours to copy: without `PLI_REFERENCE_DATA`, the folder that
//! holds it, these tests are listed as ignored.

use std::path::{Path, PathBuf};
use std::time::Instant;

use libtest_mimic::{Arguments, Failed, Trial};
use pli_directory::{ListFault, TrustList};
use pli_types::{DistinguishedName, Domain};

fn main() {
    let folder = std::env::var_os("PLI_REFERENCE_DATA").map(|folder| PathBuf::from(folder).join("whitelist"));
    let trial = |name: &str, test: fn(&Path) -> Result<(), Failed>| {
        let (absent, folder) = (folder.is_none(), folder.clone().unwrap_or_default());
        Trial::test(name, move || test(&folder)).with_ignored_flag(absent).with_kind("needs PLI_REFERENCE_DATA")
    };
    let trials = vec![
        trial("the_real_list_loads_whole", loads_whole),
        trial("the_real_list_as_published_is_refused_as_truncated", truncated),
        trial("the_real_list_loads_fast", loads_fast),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn loads_whole(folder: &Path) -> Result<(), Failed> {
    let list = TrustList::parse(&std::fs::read(folder.join("listeblanchemssante-2025-03-13.xml"))?)?;
    assert_eq!((list.entries(), list.domains(), list.certificate_names()), (619, 516, 35));
    assert_eq!(list.generated_at().to_string(), "2025-03-13T14:54:10Z");
    // As the certificate has it: the other order, another case, the accent apart.
    let name = DistinguishedName::parse("C=FR,ST=Bouches-du-Rho\u{302}ne (13),O=APHM,OU=1130786049,CN=MSS1.ap-hm.fr")?;
    assert!(list.lists_name(&name));
    assert!(!list.binds(&Domain::parse("adsea29.mssante.fr")?, &name));
    assert!(list.lists_domain(&Domain::parse("ADSEA29.mssante.fr")?));
    Ok(())
}

fn truncated(folder: &Path) -> Result<(), Failed> {
    let bytes = std::fs::read(folder.join("listeblanchemssante-2025-03-13-as-published.xml"))?;
    match TrustList::parse(&bytes) {
        Err(ListFault::Malformed(_)) => Ok(()),
        other => Err(format!("{:?}", other.map(|list| list.entries())).into()),
    }
}

/// Spec §9: 10,000 entries in less than a second. This is the build without optimisation.
fn loads_fast(folder: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(folder.join("listeblanchemssante-2025-03-13.xml"))?;
    let (head, rest) = text.split_once("<Domaine>").ok_or("no entry")?;
    let (entries, tail) = rest.rsplit_once("</Domaine>").ok_or("no entry")?;
    let many = format!("{head}{}{tail}", format!("<Domaine>{entries}</Domaine>").repeat(17));
    let begun = Instant::now();
    let list = TrustList::parse(many.as_bytes())?;
    let took = begun.elapsed();
    assert_eq!((list.entries(), list.domains(), list.certificate_names()), (619 * 17, 516, 35));
    assert!(took.as_secs() < 5, "{took:?} for {} entries", list.entries());
    Ok(())
}

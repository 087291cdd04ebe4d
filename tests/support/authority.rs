//! A certification authority, by OpenSSL: the sandbox's own, whose keys lie in its folder, or a foreign one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::command::{fed, said, succeed};

/// Signs certificates and revocation lists; the files that it makes go with it.
#[derive(Debug)]
pub struct Authority {
    certificate: PathBuf,
    key: PathBuf,
    work: tempfile::TempDir,
}

/// A certificate and its key, as PEM files.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The leaf, then its authority.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// A mail server: serverAuth and clientAuth, for `localhost`.
    Relay,
    /// A web server: serverAuth, for `localhost`.
    Web,
    /// A web server by another name.
    WebElsewhere,
    /// Signs documents.
    Seal,
}

impl Use {
    fn extensions(self) -> &'static str {
        match self {
            Self::Relay => {
                "keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n"
            }
            Self::Web => {
                "keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n"
            }
            Self::WebElsewhere => {
                "keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth\nsubjectAltName=DNS:ailleurs.test\n"
            }
            Self::Seal => "keyUsage=critical,digitalSignature,nonRepudiation\n",
        }
    }
}

impl Authority {
    /// One of a sandbox: `organisations`, `personnes` or `root`.
    pub fn of(sandbox: &Path, name: &str) -> Result<Self> {
        let file = |extension: &str| sandbox.join("pki").join(name).with_extension(extension);
        Self::at(file("pem"), file("key"), tempfile::tempdir()?)
    }

    /// One that no sandbox knows.
    pub fn foreign(name: &str) -> Result<Self> {
        let work = tempfile::tempdir()?;
        let (certificate, key) = (work.path().join("ca.pem"), work.path().join("ca.key"));
        succeed(
            Command::new("openssl")
                .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-utf8", "-subj"])
                .arg(format!("/C=FR/CN={name}"))
                .args(["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout"])
                .arg(&key)
                .arg("-out")
                .arg(&certificate),
        )?;
        Self::at(certificate, key, work)
    }

    fn at(certificate: PathBuf, key: PathBuf, work: tempfile::TempDir) -> Result<Self> {
        let config = "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ncrlnumber=crlnumber\ndefault_md=sha256\n\
                      crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n";
        for (name, content) in [("index.txt", ""), ("crlnumber", "1000\n"), ("ca.cnf", config)] {
            std::fs::write(work.path().join(name), content)?;
        }
        Ok(Self { certificate, key, work })
    }

    /// Its certificate.
    #[must_use]
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// A certificate that holds now. The subject in the way of OpenSSL: `/C=FR/ST=…/O=…/OU=…/CN=…`.
    pub fn issue(&self, name: &str, subject: &str, purpose: Use) -> Result<Issued> {
        self.sign(name, subject, purpose.extensions())
    }

    /// The same, with the address of the revocation list in it.
    pub fn issue_with_point(&self, name: &str, subject: &str, purpose: Use, address: &str) -> Result<Issued> {
        self.sign(name, subject, &format!("{}crlDistributionPoints=URI:{address}\n", purpose.extensions()))
    }

    fn sign(&self, name: &str, subject: &str, extensions: &str) -> Result<Issued> {
        let at = |extension: &str| self.work.path().join(format!("{name}.{extension}"));
        std::fs::write(at("ext"), format!("authorityKeyIdentifier=keyid\n{extensions}"))?;
        succeed(
            Command::new("openssl")
                .args(["req", "-new", "-newkey", "rsa:2048", "-nodes", "-utf8", "-subj", subject, "-keyout"])
                .arg(at("key"))
                .arg("-out")
                .arg(at("csr")),
        )?;
        let leaf = succeed(
            Command::new("openssl")
                .args(["x509", "-req", "-days", "30", "-sha256", "-in"])
                .arg(at("csr"))
                .arg("-CA")
                .arg(&self.certificate)
                .arg("-CAkey")
                .arg(&self.key)
                .arg("-extfile")
                .arg(at("ext")),
        )?;
        std::fs::write(at("pem"), [leaf, std::fs::read(&self.certificate)?].concat())?;
        Ok(Issued { certificate: at("pem"), key: at("key") })
    }

    /// A revocation list in PEM, that holds for so many seconds from now, with these certificates on it.
    pub fn revocation_list(&self, revoked: &[&Path], seconds: u32) -> Result<String> {
        for certificate in revoked {
            self.openssl_ca(&["-revoke", &certificate.to_string_lossy()])?;
        }
        self.openssl_ca(&["-gencrl", "-crlsec", &seconds.to_string(), "-out", "new.pem"])?;
        Ok(std::fs::read_to_string(self.work.path().join("new.pem"))?)
    }

    /// Puts a list of this authority into a file in the place of its earlier one; those of the others stay.
    pub fn publish(list: &str, file: &Path) -> Result<()> {
        let ours = issuer(list)?;
        let mut lists = vec![list.to_owned()];
        for other in std::fs::read_to_string(file)?.split_inclusive("-----END X509 CRL-----\n") {
            if other.contains("BEGIN") && issuer(other)? != ours {
                lists.push(other.to_owned());
            }
        }
        replace(file, lists.concat())
    }

    fn openssl_ca(&self, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new("openssl");
        command.args(["ca", "-config", "ca.cnf", "-cert"]).arg(&self.certificate).arg("-keyfile").arg(&self.key);
        succeed(command.args(arguments).current_dir(self.work.path())).map(drop)
    }
}

/// Writes a file beside and renames it over the old one, so that no reader finds half of it.
pub fn replace(file: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    let next = file.with_extension("next");
    std::fs::write(&next, content).with_context(|| format!("{}", next.display()))?;
    Ok(std::fs::rename(&next, file)?)
}

/// A revocation list in PEM as DER, as distribution points give it.
pub fn der_of(list: &str) -> Result<Vec<u8>> {
    let output = fed(Command::new("openssl").args(["crl", "-outform", "DER"]), list.as_bytes())?;
    ensure!(output.status.success(), "openssl crl: {}", said(&output));
    Ok(output.stdout)
}

fn issuer(list: &str) -> Result<String> {
    let output = fed(Command::new("openssl").args(["crl", "-noout", "-issuer"]), list.as_bytes())?;
    ensure!(output.status.success(), "openssl crl: {}", said(&output));
    Ok(String::from_utf8(output.stdout)?)
}

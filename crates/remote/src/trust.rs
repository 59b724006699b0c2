//! Whose certificates are believed, and which one is shown.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, parse_pem};

use crate::config::{Environment, RemoteConfig};
use crate::error::RequestError;
use crate::url::Origin;

/// Where Linux distributions and BSDs keep the bundle of the system (Go's `root_linux.go`,
/// `root_bsd.go`).
const BUNDLES: [&str; 7] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/usr/local/share/certs/ca-root-nss.crt",
];

/// The largest certificate file that is read, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// The certificate authorities: those of the system, those of `SSL_CERT_FILE`, and for each
/// registry those that docker's folders give it.
#[derive(Debug)]
pub(crate) struct Trust {
    environment: Environment,
    /// With whether the names in them are without the colon before the port.
    folders: Vec<(PathBuf, bool)>,
    system: OnceLock<Vec<Certificate<'static>>>,
}

impl Trust {
    pub(crate) fn new(config: &RemoteConfig) -> Self {
        // docker on Windows leaves the colon out, as file names there cannot have one.
        let data = config.environment.variable("PROGRAMDATA");
        let is_windows = |path: &Path| data.is_some_and(|data| path.starts_with(data));
        let mut folders = config.certificate_folders.clone();
        folders.extend(config.environment.certificate_folders());
        let folders = folders
            .into_iter()
            .map(|path| (path.clone(), is_windows(&path)))
            .collect();
        Self {
            environment: config.environment.clone(),
            folders,
            system: OnceLock::new(),
        }
    }

    /// The authorities for `origin`.
    pub(crate) fn roots(&self, origin: &Origin) -> Result<Vec<Certificate<'static>>, RequestError> {
        let mut roots = self.system.get_or_init(system).clone();
        if let Some(file) = self.environment.variable("SSL_CERT_FILE") {
            roots.extend(certificates(Path::new(file))?);
        }
        for folder in self.folders_of(origin) {
            for file in files(&folder, "crt") {
                roots.extend(certificates(&file)?);
            }
        }
        Ok(roots)
    }

    /// The certificate that `origin` is shown if it asks for one: the first `NAME.cert` of its
    /// folders, with the key in `NAME.key`.
    pub(crate) fn client(&self, origin: &Origin) -> Result<Option<ClientCert>, RequestError> {
        for folder in self.folders_of(origin) {
            if let Some(file) = files(&folder, "cert").first() {
                return pair(file, &file.with_extension("key")).map(Some);
            }
        }
        Ok(None)
    }

    /// The folders that are for `origin`, whether they are there or not.
    fn folders_of(&self, origin: &Origin) -> Vec<PathBuf> {
        let folders = self.folders.iter();
        folders
            .flat_map(|(folder, without_colon)| {
                let names = names(origin, *without_colon).into_iter();
                names.map(|name| folder.join(name))
            })
            .collect()
    }
}

/// The names of the folders for `origin`.
fn names(origin: &Origin, without_colon: bool) -> Vec<String> {
    let host = match origin.host() {
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    let colon = if without_colon { "" } else { ":" };
    let mut names = vec![format!("{host}{colon}{}", origin.port())];
    if origin.port() == 443 {
        names.push(host);
    }
    names
}

fn system() -> Vec<Certificate<'static>> {
    let bundle = BUNDLES
        .iter()
        .find_map(|path| certificates(Path::new(path)).ok());
    bundle.unwrap_or_else(|| {
        // Windows and macOS keep certificates elsewhere than in files.
        let found = rustls_native_certs::load_native_certs();
        let certificates = found.certs.iter();
        certificates
            .map(|certificate| Certificate::from_der(certificate).to_owned())
            .collect()
    })
}

/// The files of a folder whose names end in `suffix`, in order; none if it is not there.
fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| found == suffix))
        .collect();
    files.sort();
    files
}

/// The certificates of a PEM file.
fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, RequestError> {
    let bytes = read(path)?;
    let certificates: Vec<_> = parse_pem(&bytes)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(failed(path, "there is no PEM certificate in it"));
    }
    Ok(certificates)
}

/// A certificate of ours and its key.
fn pair(certificate: &Path, key: &Path) -> Result<ClientCert, RequestError> {
    let chain = certificates(certificate)?;
    let bytes = read(key)?;
    let none = "there is no PEM private key in it";
    let private = PrivateKey::from_pem(&bytes).map_err(|_| failed(key, none))?;
    // Looked at here, because ureq takes for granted that they belong together.
    let der = PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| failed(key, none))?;
    let ders = chain.iter();
    let ders = ders.map(|certificate| CertificateDer::from(certificate.der().to_vec()));
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(ders.collect(), der, &provider).map_err(|error| failed(key, error))?;
    Ok(ClientCert::new_with_certs(&chain, private))
}

/// A file of certificates or keys.
fn read(path: &Path) -> Result<Vec<u8>, RequestError> {
    let size = fs::metadata(path).map_err(|error| failed(path, error))?;
    if size.len() > MAX_FILE {
        return Err(failed(path, format!("it has more than {MAX_FILE} bytes")));
    }
    fs::read(path).map_err(|error| failed(path, error))
}

fn failed(path: &Path, reason: impl ToString) -> RequestError {
    RequestError::Certificate {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

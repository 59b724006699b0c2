//! Whose certificates are believed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ureq::tls::{Certificate, PemItem, parse_pem};

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
            roots.extend(read(Path::new(file))?);
        }
        for (folder, without_colon) in &self.folders {
            for name in names(origin, *without_colon) {
                for file in certificate_files(&folder.join(name)) {
                    roots.extend(read(&file)?);
                }
            }
        }
        Ok(roots)
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
    let bundle = BUNDLES.iter().find_map(|path| read(Path::new(path)).ok());
    bundle.unwrap_or_else(|| {
        // Windows and macOS keep certificates elsewhere than in files.
        let found = rustls_native_certs::load_native_certs();
        let certificates = found.certs.iter();
        certificates
            .map(|certificate| Certificate::from_der(certificate).to_owned())
            .collect()
    })
}

/// The `*.crt` of a folder in order of their names; none if it is not there.
fn certificate_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|suffix| suffix == "crt"))
        .collect();
    files.sort();
    files
}

/// The certificates of a PEM file.
fn read(path: &Path) -> Result<Vec<Certificate<'static>>, RequestError> {
    let failed = |reason: String| RequestError::Certificate {
        path: path.to_owned(),
        reason,
    };
    let size = fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if size.len() > MAX_FILE {
        return Err(failed(format!("it has more than {MAX_FILE} bytes")));
    }
    let bytes = fs::read(path).map_err(|error| failed(error.to_string()))?;
    let certificates: Vec<_> = parse_pem(&bytes)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(failed("there is no PEM certificate in it".to_owned()));
    }
    Ok(certificates)
}

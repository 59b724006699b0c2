//! TLS, proxies, and hosts without TLS.

use std::fs;

use crossdock_remote::{LoginError, RequestError, Unreachable};
use rustls::pki_types::PrivatePkcs8KeyDer;

use super::*;
use crate::server::proxy;

type Issuer = rcgen::Issuer<'static, rcgen::KeyPair>;

/// An authority, and its certificate.
fn new_authority() -> (Issuer, rcgen::Certificate) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = parameters.self_signed(&key).unwrap();
    (rcgen::Issuer::new(parameters, key), root)
}

/// A certificate for `name`, and its key.
fn issue(issuer: &Issuer, name: &str) -> (rcgen::Certificate, rcgen::KeyPair) {
    let key = rcgen::KeyPair::generate().unwrap();
    let parameters = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    (parameters.signed_by(&key, issuer).unwrap(), key)
}

/// A server with a certificate for `name`, that wants one of `clients` if that is given.
fn serve(issuer: &Issuer, name: &str, clients: Option<&rcgen::Certificate>) -> Server {
    let (certificate, key) = issue(issuer, name);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let config = match clients {
        None => config.with_no_client_auth(),
        Some(authority) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(authority.der().clone()).unwrap();
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
                Arc::new(roots),
                provider,
            );
            config.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let config = config.with_single_cert(vec![certificate.der().clone()], key);
    Server::start_tls(config.unwrap())
}

/// An authority's certificate as PEM, and a server with a certificate of it for `name`.
pub(crate) fn authority(name: &str) -> (String, Server) {
    let (issuer, root) = new_authority();
    (root.pem(), serve(&issuer, name, None))
}

/// Why `host` cannot be reached.
#[track_caller]
fn cause(client: &Registry, host: &str) -> Unreachable {
    match client.ping(host).unwrap_err() {
        LoginError::Request(RequestError::Unreachable { cause, .. }) => cause,
        other => panic!("{other}"),
    }
}

#[test]
fn authorities() {
    let (pem, server) = authority("127.0.0.1");
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("ca.pem");
    fs::write(&file, &pem).unwrap();
    let file = file.display().to_string();
    // On this machine too a certificate must be good, once there is one.
    let (unknowing, _) = config(Some(home.path()), &[]);
    let unknowing = Registry::new(unknowing);
    assert_eq!(
        cause(&unknowing, &server.host()),
        Unreachable::UnknownAuthority
    );
    let (with_file, _) = config(None, &[("SSL_CERT_FILE", file)]);
    let with_file = Registry::new(with_file);
    with_file.ping(&server.host()).unwrap();
    // Another name than the certificate's.
    let other = format!("localhost:{}", server.address.port());
    let found = cause(&with_file, &other);
    assert!(matches!(found, Unreachable::Tls { .. }), "{found}");
    // docker's folder, for this host alone.
    let certificates = home.path().join("certs.d");
    let name = if cfg!(windows) {
        "ignored".to_owned()
    } else {
        server.host()
    };
    let folder = certificates.join(&name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("ca.crt"), &pem).unwrap();
    fs::write(folder.join("ignored.txt"), "no certificate").unwrap();
    let (_, second) = authority("127.0.0.1");
    let (mut with_folder, _) = config(None, &[]);
    with_folder.certificate_folders = vec![certificates];
    let with_folder = Registry::new(with_folder);
    if name != "ignored" {
        with_folder.ping(&server.host()).unwrap();
    }
    assert_eq!(
        cause(&with_folder, &second.host()),
        Unreachable::UnknownAuthority
    );
}

/// A registry on port 443 would have a folder without a port, whose name every system takes; a
/// proxy makes it so.
#[test]
fn certificates_of_clients() {
    let (issuer, root) = new_authority();
    let server = serve(&issuer, "registry.test", Some(&root));
    let (address, _) = proxy(server.address);
    let folder = tempfile::tempdir().unwrap();
    let certificates = folder.path().join("registry.test");
    fs::create_dir(&certificates).unwrap();
    fs::write(certificates.join("ca.crt"), root.pem()).unwrap();
    let ping = || {
        let variables = [("HTTPS_PROXY", format!("http://{address}"))];
        let (mut config, _) = config(None, &variables);
        config.certificate_folders = vec![folder.path().to_owned()];
        Registry::new(config).ping("registry.test")
    };
    ping().unwrap_err();
    let (certificate, key) = issue(&issuer, "me");
    let (_, other_key) = issue(&issuer, "me");
    let path = certificates.join("me.key");
    fs::write(certificates.join("me.cert"), certificate.pem()).unwrap();
    for broken in [
        None,
        Some("nothing".to_owned()),
        Some(other_key.serialize_pem()),
    ] {
        if let Some(broken) = broken {
            fs::write(&path, broken).unwrap();
        }
        match ping().unwrap_err() {
            LoginError::Request(RequestError::Certificate { path: found, .. }) => {
                assert_eq!(found, path);
            }
            other => panic!("{other}"),
        }
    }
    fs::write(&path, key.serialize_pem()).unwrap();
    ping().unwrap();
}

#[test]
fn certificate_files_that_are_none() {
    let (_, server) = authority("127.0.0.1");
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("ca.pem");
    for content in [None, Some("nothing")] {
        if let Some(content) = content {
            fs::write(&file, content).unwrap();
        }
        let variables = [("SSL_CERT_FILE", file.display().to_string())];
        let (config, _) = config(None, &variables);
        let error = Registry::new(config).ping(&server.host()).unwrap_err();
        let LoginError::Request(RequestError::Certificate { path, .. }) = error else {
            panic!("{error}");
        };
        assert_eq!(path, file);
    }
}

#[test]
fn plain_where_it_is_allowed() {
    let server = Server::start();
    let (_, secure) = authority("registry.test");
    let port = server.address.port();
    let (address, log) = proxy(server.address);
    let (secure_address, _) = proxy(secure.address);
    let variables = |address: std::net::SocketAddr| {
        let proxy = format!("http://u:hunter2@{address}");
        [("HTTPS_PROXY", proxy.clone()), ("http_proxy", proxy)]
    };
    let host = format!("registry.test:{port}");
    // Not listed: only TLS will do.
    let (strict, _) = config(None, &variables(address));
    assert_eq!(cause(&Registry::new(strict), &host), Unreachable::NotTls);
    for listed in ["registry.test", &host] {
        let (mut config, _) = config(None, &variables(address));
        config.insecure_hosts = vec![listed.to_owned()];
        Registry::new(config).ping(&host).unwrap();
    }
    let (mut other, _) = config(None, &variables(address));
    other.insecure_hosts = vec!["registry.test:1".to_owned(), "test".to_owned()];
    assert_eq!(cause(&Registry::new(other), &host), Unreachable::NotTls);
    let asked = log.lock().unwrap().clone();
    assert!(
        asked
            .iter()
            .all(|asked| asked.method == "CONNECT" && asked.path == host)
    );
    let password = asked[0].header("proxy-authorization");
    assert_eq!(password, "Basic dTpodW50ZXIy", "{asked:?}");
    // A listed host with TLS is spoken to by TLS.
    let (mut config, _) = config(None, &variables(secure_address));
    config.insecure_hosts = vec!["registry.test".to_owned()];
    assert_eq!(
        cause(&Registry::new(config), &host),
        Unreachable::UnknownAuthority
    );
}

#[test]
fn proxies_that_are_none() {
    for proxy in [
        "http://u:hunter2@a:x",
        "http://u:hunter2@",
        "socks5://u:hunter2@a",
        "a b",
    ] {
        let (config, _) = config(None, &[("HTTPS_PROXY", proxy.to_owned())]);
        let error = Registry::new(config).ping("registry.test").unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains("Proxy") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}

#[test]
fn names_that_nobody_has() {
    // Too long for a name: refused on this machine. A user is not kept waiting for such.
    let (config, clock) = config(None, &[]);
    let name = format!("{}.test", "a".repeat(64));
    let error = Registry::new(config).ping(&name).unwrap_err();
    assert!(error.to_string().contains("cannot be reached"), "{error}");
    assert!(clock.pauses().is_empty());
}

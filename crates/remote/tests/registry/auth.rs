use std::fs;

use crossdock_image::Descriptor;
use crossdock_remote::{Credentials, LoginError, ManifestError, Mount, RequestError, Secret};

use super::*;
use crate::server::{Answer, Asked};

const KIND: &str = "application/vnd.oci.image.manifest.v1+json";

/// Makes `server` want tokens of the server at `/token`, which gives `T1`, `T2` and so on, good
/// for the scopes that were asked for. `accepts` says which requests it gives any.
fn want_tokens(
    server: &Server,
    lifetime: Option<u64>,
    accepts: impl Fn(&Asked) -> bool + Send + 'static,
) {
    let realm = format!("http://{}/token", server.host());
    let mut given = 0;
    server.on(move |asked| {
        if asked.path == "/token" {
            if !accepts(asked) {
                return Some(Answer::new(401).body("{\"details\": \"incorrect password\"}"));
            }
            given += 1;
            let lifetime = lifetime.map_or(String::new(), |s| format!(", \"expires_in\": {s}"));
            return Some(Answer::new(200).body(format!("{{\"token\": \"T{given}\"{lifetime}}}")));
        }
        let sent = asked.header("authorization").strip_prefix("Bearer T");
        let is_good = sent.is_some_and(|number| number.parse() == Ok(given));
        (!is_good).then(|| {
            Answer::new(401)
                .header("WWW-Authenticate", "Negotiate")
                .header(
                    "WWW-Authenticate",
                    format!("Bearer realm=\"{realm}\",service=\"the service\",scope=\"x\""),
                )
                .error("UNAUTHORIZED", "authentication required")
        })
    });
}

fn anybody(_: &Asked) -> bool {
    true
}

fn queries(server: &Server) -> Vec<String> {
    let log = server.log();
    let tokens = log.iter().filter(|asked| asked.path == "/token");
    tokens.map(|asked| asked.query.clone()).collect()
}

/// A configuration file with `entry` for the server.
fn with_entry(server: &Server, entry: &str) -> (tempfile::TempDir, Registry, Arc<TestClock>) {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".docker")).unwrap();
    let text = format!("{{\"auths\": {{\"{}\": {entry}}}}}", server.host());
    fs::write(home.path().join(".docker/config.json"), text).unwrap();
    let (config, clock) = config(Some(home.path()), &[]);
    (home, Registry::new(config), clock)
}

#[test]
fn anonymous_tokens() {
    let server = Server::start();
    want_tokens(&server, None, anybody);
    server.put_manifest("a/b", "t", KIND, b"{}");
    let (client, clock) = client();
    let wanted = reference(&server, "a/b:t");
    for _ in 0..3 {
        client.resolve(&wanted).unwrap();
    }
    let pull = "service=the%20service&scope=repository%3Aa%2Fb%3Apull";
    assert_eq!(queries(&server), [pull]);
    // After the first request the token is sent without being asked for.
    assert_eq!(server.count("HEAD", "manifests"), 4);
    // 60 seconds are the default, and the last ten are not used.
    clock.advance(49);
    client.resolve(&wanted).unwrap();
    assert_eq!(queries(&server).len(), 1);
    clock.advance(1);
    client.resolve(&wanted).unwrap();
    assert_eq!(queries(&server), [pull, pull]);
    assert_eq!(server.count("HEAD", "manifests"), 6);
}

#[test]
fn tokens_that_are_taken_back() {
    let server = Server::start();
    want_tokens(&server, Some(1000), anybody);
    server.put_manifest("a", "t", KIND, b"{}");
    let (client, _) = client();
    let wanted = reference(&server, "a:t");
    client.resolve(&wanted).unwrap();
    // Another client's token makes this one's bad.
    let (other, _) = super::client();
    other.resolve(&wanted).unwrap();
    client.resolve(&wanted).unwrap();
    assert_eq!(queries(&server).len(), 3);
}

#[test]
fn passwords_go_to_the_token_server_alone() {
    let server = Server::start();
    let basic = |asked: &Asked| asked.header("authorization") == "Basic dTpw";
    want_tokens(&server, Some(300), basic);
    server.put_manifest("a", "t", KIND, b"{}");
    let (_home, client, _) = with_entry(&server, "{\"auth\": \"dTpw\"}");
    client.resolve(&reference(&server, "a:t")).unwrap();
    for asked in server.log() {
        let sent = asked.header("authorization");
        assert!(
            asked.path == "/token" || !sent.starts_with("Basic"),
            "{asked:?}"
        );
    }
}

#[test]
fn identity_tokens() {
    let server = Server::start();
    want_tokens(&server, Some(300), |asked| asked.method == "POST");
    server.put_manifest("a", "t", KIND, b"{}");
    let (_home, client, _) = with_entry(&server, "{\"identitytoken\": \"re/fresh\"}");
    client.resolve(&reference(&server, "a:t")).unwrap();
    let log = server.log();
    let asked = log.iter().find(|asked| asked.path == "/token").unwrap();
    let body = String::from_utf8(asked.body.clone()).unwrap();
    let expected = "grant_type=refresh_token&client_id=crossdock&service=the%20service\
                    &scope=repository%3Aa%3Apull&refresh_token=re%2Ffresh";
    assert_eq!(body, expected);
    assert_eq!(asked.header("authorization"), "");
}

#[test]
fn a_login_may_give_an_identity_token() {
    let server = Server::start();
    let realm = format!("http://{}/token", server.host());
    server.on(move |asked| match asked.path.as_str() {
        "/token" => Some(Answer::new(200).body("{\"token\": \"T\", \"refresh_token\": \"R\"}")),
        _ => (asked.header("authorization") != "Bearer T").then(|| {
            let value = format!("Bearer realm=\"{realm}\"");
            Answer::new(401).header("WWW-Authenticate", value)
        }),
    });
    let (client, _) = client();
    let credentials = Credentials::Basic {
        username: "u".to_owned(),
        password: Secret::new("p"),
    };
    let token = client.login(&server.host(), credentials).unwrap();
    assert_eq!(token, Some(Secret::new("R")));
    assert_eq!(queries(&server), ["client_id=crossdock&offline_token=true"]);
    // Whoever only reads has no use for one.
    let (_home, client, _) = with_entry(&server, "{\"auth\": \"dTpw\"}");
    client.ping(&server.host()).unwrap();
    assert_eq!(queries(&server)[1], "");
}

#[test]
fn registry_tokens() {
    let server = Server::start();
    server.on(|asked| {
        let is_good = asked.header("authorization") == "Bearer mine";
        let value = "Bearer realm=\"http://127.0.0.1:1/never\"";
        (!is_good).then(|| Answer::new(401).header("WWW-Authenticate", value))
    });
    server.put_manifest("a", "t", KIND, b"{}");
    let (_home, client, _) = with_entry(&server, "{\"registrytoken\": \"mine\"}");
    client.resolve(&reference(&server, "a:t")).unwrap();
}

/// Resolves `a:t` and gives the failure, without any secret in it.
#[track_caller]
fn refused(server: &Server, client: &Registry) -> RequestError {
    let error = client.resolve(&reference(server, "a:t")).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(
        !shown.contains("hunter2") && !shown.contains("aHVudGVyMg"),
        "{shown}"
    );
    match error {
        ManifestError::Request { source, .. } => *source,
        other => panic!("{other}"),
    }
}

#[test]
fn refusals_say_what_to_do() {
    let basic = |server: &Server| {
        server.on(|_| Some(Answer::new(401).header("WWW-Authenticate", "Basic realm=x")));
    };
    // No credentials.
    let server = Server::start();
    basic(&server);
    let (client, _) = client();
    let text = refused(&server, &client).to_string();
    let login = format!("crossdock login {}", server.host());
    assert!(
        text.contains("it wants a login") && text.contains(&login),
        "{text}"
    );
    // Wrong ones, for the registry and for the token server.
    let entry = "{\"username\": \"u\", \"password\": \"hunter2\"}";
    let (_home, client, _) = with_entry(&server, entry);
    let text = refused(&server, &client).to_string();
    assert!(
        text.contains("not accepted") && text.contains(&login),
        "{text}"
    );
    assert_eq!(server.count("HEAD", ""), 3);
    let server = Server::start();
    want_tokens(&server, None, |_| false);
    let (_home, client, _) = with_entry(&server, entry);
    let text = refused(&server, &client).to_string();
    assert!(text.contains("not accepted (incorrect password)"), "{text}");
    // A token that is good for nothing.
    let server = Server::start();
    want_tokens(&server, None, anybody);
    server.on(|asked| {
        let tokens = format!("Bearer realm=\"http://{}/token\"", asked.header("host"));
        let answer = Answer::new(401).header("WWW-Authenticate", tokens);
        (asked.path != "/token").then(|| answer.error("DENIED", "requested access"))
    });
    let (_home, client, _) = with_entry(&server, entry);
    assert!(matches!(
        refused(&server, &client),
        RequestError::Unauthorized { .. }
    ));
    // Known, and not allowed.
    let server = Server::start();
    server.on(|_| Some(Answer::new(403).error("DENIED", "not yours")));
    let (_home, client, _) = with_entry(&server, entry);
    let text = client
        .manifest(&reference(&server, "a:t"))
        .unwrap_err()
        .to_string();
    assert!(text.contains("denied (DENIED: not yours)"), "{text}");
    // A scheme that is not known.
    let server = Server::start();
    server.on(|_| Some(Answer::new(401).header("WWW-Authenticate", "Negotiate")));
    let text = refused(&server, &client).to_string();
    assert!(text.contains("not supported"), "{text}");
}

#[test]
fn token_servers_that_misbehave() {
    for (answer, expected) in [
        (Answer::new(200).body("{}"), "none in it"),
        (Answer::new(200).body("{"), "not valid JSON"),
        (
            Answer::new(200).body("{\"token\": \"a\\nb\"}"),
            "characters",
        ),
        (
            Answer::new(200).body(vec![b' '; (1 << 20) + 1]),
            "more than",
        ),
        (Answer::new(404), "404"),
    ] {
        let server = Server::start();
        want_tokens(&server, None, anybody);
        server.on(move |asked| (asked.path == "/token").then(|| answer.clone()));
        let (client, _) = client();
        let text = refused(&server, &client).to_string();
        assert!(text.contains(expected), "{text}");
    }
    for realm in ["http://far.example/token", "ftp://x", "nonsense"] {
        let server = Server::start();
        let value = format!("Bearer realm=\"{realm}\"");
        server.on(move |_| Some(Answer::new(401).header("WWW-Authenticate", &value)));
        let (client, _) = client();
        let error = refused(&server, &client);
        assert!(matches!(error, RequestError::Location { .. }), "{error}");
    }
    // Busy for a while.
    let server = Server::start();
    want_tokens(&server, None, anybody);
    server.first(2, "GET", "/token", Answer::new(503));
    server.put_manifest("a", "t", KIND, b"{}");
    let (client, _) = client();
    client.resolve(&reference(&server, "a:t")).unwrap();
}

#[test]
fn mounts_ask_for_both_repositories() {
    let server = Server::start();
    want_tokens(&server, None, anybody);
    let descriptor = server.put_blob("from", b"x");
    let (client, _) = client();
    let (to, from) = (repository(&server, "to"), repository(&server, "from"));
    let mount = client.mount_blob(&to, &from, &descriptor).unwrap();
    assert!(matches!(mount, Mount::Mounted));
    let query = queries(&server).pop().unwrap();
    assert!(query.contains("scope=repository%3Afrom%3Apull&scope=repository%3Ato%3Apull%2Cpush"));
}

#[test]
fn a_source_that_may_not_be_read_is_sent() {
    let server = Server::start();
    want_tokens(&server, None, |asked| !asked.query.contains("from"));
    let bytes = noise(100);
    let descriptor = Descriptor::of("", &bytes);
    let (client, _) = client();
    let (to, from) = (repository(&server, "to"), repository(&server, "from"));
    let mount = client.mount_blob(&to, &from, &descriptor).unwrap();
    let Mount::Upload(upload) = mount else {
        panic!("{mount:?}");
    };
    let open = |offset: u64| -> std::io::Result<Box<dyn std::io::Read + Send>> {
        Ok(Box::new(std::io::Cursor::new(
            bytes[offset as usize..].to_vec(),
        )))
    };
    client
        .push_blob(&to, &descriptor, Some(upload), &open)
        .unwrap();
    assert_eq!(server.blob("to", &descriptor), Some(bytes.clone()));
}

#[test]
fn one_token_for_many_threads() {
    let server = Server::start();
    want_tokens(&server, Some(300), anybody);
    server.put_manifest("a", "t", KIND, b"{}");
    let (client, _) = client();
    let wanted = reference(&server, "a:t");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| client.resolve(&wanted).unwrap());
        }
    });
    assert_eq!(queries(&server).len(), 1);
}

#[test]
fn logins() {
    let server = Server::start();
    server.on(|asked| {
        let is_good = asked.header("authorization") == "Basic dTpw";
        (!is_good).then(|| Answer::new(401).header("WWW-Authenticate", "Basic realm=x"))
    });
    let (client, _) = client();
    let login = |password: &str| {
        let credentials = Credentials::Basic {
            username: "u".to_owned(),
            password: Secret::new(password),
        };
        client.login(&server.host(), credentials)
    };
    let error = client.ping(&server.host()).unwrap_err();
    let is_refused = matches!(
        error,
        LoginError::Request(RequestError::Unauthorized { .. })
    );
    assert!(is_refused, "{error}");
    login("wrong").unwrap_err();
    client.ping(&server.host()).unwrap_err();
    login("p").unwrap();
    client.ping(&server.host()).unwrap();
    server.on(|_| Some(Answer::new(404)));
    let error = client.ping(&server.host()).unwrap_err();
    assert!(matches!(error, LoginError::NoRegistry { .. }), "{error}");
    for host in ["", "a/b", "a b", "u@a"] {
        let error = client.ping(host).unwrap_err();
        assert!(
            matches!(error, LoginError::Request(RequestError::Host { .. })),
            "{error}"
        );
    }
}

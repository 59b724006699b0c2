//! Files by http, from a server that misbehaves.

use std::fs;
use std::io::Read;

use crossdock_remote::{FetchError, FetchRequest, Fetched, FetchedContent, Fetcher};

use super::*;
use crate::secure::authority;
use crate::server::{Answer, Asked, ranged};

fn fetcher() -> (Fetcher, Arc<TestClock>) {
    let (config, clock) = config(None, &[]);
    (Fetcher::new(config), clock)
}

fn request(url: &str) -> FetchRequest {
    FetchRequest::new(url.parse().unwrap_or_else(|error| panic!("{url}: {error}")))
}

fn url(server: &Server, rest: &str) -> String {
    format!("http://{}/{rest}", server.host())
}

#[track_caller]
fn content(fetcher: &Fetcher, url: &str) -> FetchedContent {
    match fetcher.get(&request(url)) {
        Ok(Fetched::Content(content)) => *content,
        other => panic!("{url}: {other:?}"),
    }
}

#[track_caller]
fn read(content: &mut FetchedContent) -> Vec<u8> {
    let mut bytes = Vec::new();
    content.body.read_to_end(&mut bytes).expect("all of it");
    bytes
}

/// The error of a body that cannot be read to its end.
#[track_caller]
fn broken(content: &mut FetchedContent) -> FetchError {
    let error = content
        .body
        .read_to_end(&mut Vec::new())
        .expect_err("an error");
    let inner = error.into_inner().expect("a wrapped error");
    *inner.downcast().expect("a FetchError")
}

#[test]
fn a_file_comes_as_it_is_sent() {
    let server = Server::start();
    let bytes = noise(100_000);
    let answer = Answer::new(200)
        .header("ETag", "\"v1\"")
        .header("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")
        .header("Content-Encoding", "gzip")
        .body(bytes.clone());
    server.first(1, "GET", "/a/b.tar.gz", answer);
    let (fetcher, _) = fetcher();
    let mut file = content(&fetcher, &url(&server, "a/b.tar.gz?key=value#part"));
    assert_eq!(file.size, Some(100_000));
    assert_eq!(file.etag.as_deref(), Some("\"v1\""));
    assert_eq!(
        file.last_modified.as_deref(),
        Some("Sun, 06 Nov 1994 08:49:37 GMT")
    );
    assert_eq!(file.modified, Some(784_111_777));
    assert_eq!(file.file_name, "b.tar.gz");
    assert_eq!(file.url, url(&server, "a/b.tar.gz"));
    assert_eq!(read(&mut file), bytes);
    let asked = server.log().remove(0);
    assert_eq!(asked.query, "key=value");
    assert_eq!(asked.header("accept-encoding"), "identity");
    assert!(asked.header("user-agent").starts_with("crossdock/"));
    assert!(!asked.headers.contains_key("authorization"));
}

#[test]
fn chunks_and_nothing_are_files_too() {
    let server = Server::start();
    server.first(1, "GET", "/chunks", Answer::new(200).body("abc").chunked());
    server.first(1, "GET", "/empty", Answer::new(200));
    server.first(1, "GET", "/none", Answer::new(204));
    let (fetcher, _) = fetcher();
    for (name, size, bytes) in [
        ("chunks", None, "abc"),
        ("empty", Some(0), ""),
        ("none", None, ""),
    ] {
        let mut file = content(&fetcher, &url(&server, name));
        assert_eq!((file.size, file.modified), (size, None), "{name}");
        assert_eq!(read(&mut file), bytes.as_bytes(), "{name}");
    }
}

#[test]
fn names() {
    for (path, disposition, redirect, expected) in [
        ("a/b.txt", None, None, "b.txt"),
        (
            "a/b.txt",
            Some("attachment; filename=\"c d.txt\""),
            None,
            "c d.txt",
        ),
        (
            "a/b.txt",
            Some("attachment; filename=\"../../e\""),
            None,
            "e",
        ),
        (
            "a/b.txt",
            Some("attachment; filename=\"..\""),
            None,
            "b.txt",
        ),
        ("a/b.txt", Some("attachment; filename="), None, "b.txt"),
        (
            "a/b.txt",
            Some("attachment; filename=\"\u{fc}\""),
            None,
            "\u{fc}",
        ),
        ("a/b.txt", None, Some("/other/name"), "b.txt"),
        ("a%20b%2Fc", None, None, "c"),
        ("..%2f..", None, None, "download"),
        ("", None, None, "download"),
        ("?file=x", None, None, "download"),
        ("", None, Some("/dir/name.bin?x"), "name.bin"),
        ("a/%0A", None, None, "download"),
    ] {
        let server = Server::start();
        let mut answer = Answer::new(200).body("x");
        if let Some(disposition) = disposition {
            answer = answer.header("Content-Disposition", disposition);
        }
        server.first(1, "GET", "/", answer);
        if let Some(location) = redirect {
            server.first(1, "GET", "/", Answer::new(302).header("Location", location));
        }
        let (fetcher, _) = fetcher();
        let file = content(&fetcher, &url(&server, path));
        assert_eq!(
            file.file_name, expected,
            "{path} {disposition:?} {redirect:?}"
        );
    }
}

#[test]
fn what_the_caller_has_does_not_come_again() {
    let server = Server::start();
    server.on(|asked| {
        let known = asked.header("if-none-match") == "\"v1\""
            || asked.header("if-modified-since") == "Sun, 06 Nov 1994 08:49:37 GMT";
        Some(
            Answer::new(if known { 304 } else { 200 })
                .header("ETag", "W/\"v2\"")
                .body("x"),
        )
    });
    let (fetcher, _) = fetcher();
    for (etag, time, is_new) in [
        (Some("\"v1\""), None, false),
        (None, Some("Sun, 06 Nov 1994 08:49:37 GMT"), false),
        (Some("\"v0\""), Some("Mon, 07 Nov 1994 08:49:37 GMT"), true),
        // The server does not understand that it is asked, and tells the same tag.
        (Some("\"v2\""), None, false),
        (Some("bad\r\nheader: x"), None, true),
        (None, None, true),
    ] {
        let asked = FetchRequest {
            if_none_match: etag.map(str::to_owned),
            if_modified_since: time.map(str::to_owned),
            ..request(&url(&server, "f"))
        };
        let found = fetcher.get(&asked).expect("an answer");
        assert_eq!(
            matches!(found, Fetched::Content(_)),
            is_new,
            "{etag:?} {time:?}"
        );
    }
    assert!(
        server
            .log()
            .iter()
            .all(|asked| asked.header("header").is_empty())
    );
}

#[test]
fn statuses_are_told_with_host_and_advice() {
    for (status, expected) in [
        (
            404,
            "does not have this file (status 404); check the address",
        ),
        (410, "status 410"),
        (
            401,
            "not give this file to everybody (status 401); write the user",
        ),
        (403, "status 403"),
        (400, "answers with status 400; check the address"),
        (304, "status 304"),
        (206, "status 206"),
        (503, "answers with status 503, 6 times; try again later"),
        (305, "status 305"),
    ] {
        let server = Server::start();
        server.on(move |_| Some(Answer::new(status).body("<html>")));
        let (fetcher, _) = fetcher();
        let error = fetcher
            .get(&request(&url(&server, "f?secret")))
            .expect_err("a status");
        let message = error.to_string();
        assert!(message.contains(expected), "{message}");
        assert!(message.starts_with(&url(&server, "f: ")), "{message}");
        assert!(
            message.contains(&server.host()) && !message.contains("secret"),
            "{message}"
        );
        assert_eq!(error.is_failure(), status == 503, "{message}");
    }
}

#[test]
fn temporary_failures_are_waited_for() {
    let server = Server::start();
    server.first(9, "GET", "/f", Answer::new(200).body("x"));
    server.first(1, "GET", "/f", Answer::new(429).header("Retry-After", "7"));
    server.first(2, "GET", "/f", Answer::new(503));
    let (fetcher, clock) = fetcher();
    assert_eq!(read(&mut content(&fetcher, &url(&server, "f"))), b"x");
    assert_eq!(clock.pauses(), [500, 1000, 7000]);
    let nobody = request("http://127.0.0.1:1/x");
    let error = fetcher.get(&nobody).expect_err("nobody is there");
    assert!(error.to_string().contains("refused"), "{error}");
    assert!(error.is_failure());
}

/// Gives `bytes` with `headers`, cut after `pieces` bytes each time that it is asked.
fn cut_server(bytes: &[u8], piece: usize, headers: &[(&str, &str)], ranges: bool) -> Server {
    let server = Server::start();
    let bytes = bytes.to_vec();
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let mut grown = piece;
    server.on(move |asked| {
        let answer = match ranges {
            true => ranged(asked, &bytes),
            false => Answer::new(200).body(bytes.clone()),
        };
        let answer = headers
            .iter()
            .fold(answer, |answer, (name, value)| answer.header(name, value));
        let start = match ranges {
            true => asked
                .header("range")
                .trim_start_matches("bytes=")
                .trim_end_matches('-'),
            false => "",
        };
        let left = bytes.len() - start.parse::<usize>().unwrap_or(0);
        let sent = if ranges { piece } else { grown };
        grown += piece;
        Some(if sent < left {
            answer.cut(sent)
        } else {
            answer
        })
    });
    server
}

#[test]
fn broken_connections_go_on_where_they_stopped() {
    let bytes = noise(1_000_000);
    for (headers, ranges, guard) in [
        (&[("ETag", "\"v1\"")][..], true, "\"v1\""),
        (
            &[("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")],
            true,
            "Sun, 06 Nov 1994 08:49:37 GMT",
        ),
        (
            &[
                ("ETag", "W/\"v1\""),
                ("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ],
            true,
            "Sun, 06 Nov 1994 08:49:37 GMT",
        ),
        (&[("ETag", "\"v1\"")], false, "\"v1\""),
        // Nothing says that it is the same file: all of it comes again.
        (&[("ETag", "W/\"v1\"")], false, ""),
        (&[], false, ""),
    ] {
        let server = cut_server(&bytes, 300_000, headers, ranges);
        let (fetcher, clock) = fetcher();
        let mut file = content(&fetcher, &url(&server, "f"));
        assert_eq!(read(&mut file), bytes, "{headers:?}");
        let log = server.log();
        assert_eq!(log.len(), 4, "{headers:?}");
        assert_eq!(clock.pauses(), [500, 500, 500]);
        for asked in &log[1..] {
            assert_eq!(asked.header("if-range"), guard, "{headers:?}");
            assert_eq!(
                asked.header("range").is_empty(),
                guard.is_empty(),
                "{headers:?}"
            );
        }
    }
}

#[test]
fn another_file_is_not_appended() {
    let bytes = noise(200_000);
    let mut other = bytes.clone();
    other[5] ^= 1;
    let part = |tag: &str, range: &str| {
        let answer = Answer::new(206)
            .header("ETag", tag)
            .header("Content-Range", range);
        answer.body(bytes[100_000..].to_vec())
    };
    for answer in [
        Answer::new(200)
            .header("ETag", "\"v2\"")
            .body(bytes.clone()),
        Answer::new(200)
            .header("ETag", "\"v1\"")
            .body(other.clone()),
        Answer::new(200).body(other),
        Answer::new(200).body(noise(100_001)),
        part("\"v2\"", "bytes 100000-199999/200000"),
        part("\"v1\"", "bytes 100000-199999/200001"),
        part("\"v1\"", "bytes 99999-199999/200000"),
        part("\"v1\"", "nonsense"),
        Answer::new(416),
    ] {
        let server = Server::start();
        server.on(move |_| Some(answer.clone()));
        let first = Answer::new(200)
            .header("ETag", "\"v1\"")
            .body(bytes.clone());
        server.first(1, "GET", "/f", first.cut(100_000));
        let (fetcher, _) = fetcher();
        let mut file = content(&fetcher, &url(&server, "f"));
        let error = broken(&mut file);
        assert!(
            matches!(
                error,
                FetchError::Changed {
                    position: 100_000,
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn connections_that_break_too_often_end() {
    let server = cut_server(&noise(500_000), 1000, &[("ETag", "\"v1\"")], true);
    let (fetcher, clock) = fetcher();
    let mut file = content(&fetcher, &url(&server, "f?secret"));
    let error = broken(&mut file);
    let message = error.to_string();
    assert!(
        matches!(
            error,
            FetchError::Broken {
                position: 6000,
                attempts: 6,
                ..
            }
        ),
        "{message}"
    );
    assert!(!message.contains("secret"), "{message}");
    assert_eq!(clock.pauses().len(), 5);
}

const USER: &str = "Basic dXNlckBob21lOnBhc3M6d29yZA==";

#[test]
fn credentials_stay_with_their_host() {
    let (here, there) = (Server::start(), Server::start());
    let location = url(&there, "moved/x?token=hidden");
    here.first(
        9,
        "GET",
        "/leave",
        Answer::new(302).header("Location", location),
    );
    here.first(
        9,
        "GET",
        "/stay",
        Answer::new(307).header("Location", "target"),
    );
    here.first(9, "GET", "/target", Answer::new(200).body("x"));
    there.first(9, "GET", "/moved", Answer::new(200).body("y"));
    let (fetcher, _) = fetcher();
    let with_user = |rest: &str| format!("http://user%40home:pass:word@{}/{rest}", here.host());
    let mut file = content(&fetcher, &with_user("stay"));
    assert_eq!(
        (read(&mut file).as_slice(), file.url),
        (&b"x"[..], url(&here, "target"))
    );
    let mut file = content(&fetcher, &with_user("leave"));
    assert_eq!(
        (read(&mut file).as_slice(), &file.url),
        (&b"y"[..], &url(&there, "moved/x"))
    );
    let authorizations = |log: Vec<Asked>| -> Vec<String> {
        log.iter()
            .map(|asked| asked.header("authorization").to_owned())
            .collect()
    };
    assert_eq!(authorizations(here.log()), [USER; 3]);
    assert_eq!(authorizations(there.log()), [""]);
    assert!(!format!("{file:?}").contains("word"), "{file:?}");
    for status in [401, 500] {
        there.first(9, "GET", "/moved", Answer::new(status));
        here.first(9, "GET", "/no", Answer::new(status));
        for (rest, advice) in [("leave", "write the user into"), ("no", "are not accepted")] {
            let error = fetcher
                .get(&request(&with_user(rest)))
                .expect_err("a failure");
            let shown = format!("{error} {error:?}");
            assert!(
                !shown.contains(":word") && !shown.contains("@home"),
                "{shown}"
            );
            assert!(!shown.contains("hidden"), "{shown}");
            assert_eq!(shown.contains(advice), status == 401, "{shown}");
        }
    }
}

#[test]
fn redirects_end() {
    let server = Server::start();
    server.first(
        99,
        "GET",
        "/loop",
        Answer::new(301).header("Location", "/loop"),
    );
    server.first(
        1,
        "GET",
        "/mail",
        Answer::new(302).header("Location", "mailto:x"),
    );
    server.first(1, "GET", "/none", Answer::new(302));
    server.first(
        1,
        "GET",
        "/umlaut",
        Answer::new(302).header("Location", "/\u{fc} x"),
    );
    server.first(1, "GET", "/%C3%BC%20x", Answer::new(200).body("x"));
    let (fetcher, _) = fetcher();
    for (path, expected) in [
        ("loop", "more than 10 redirects"),
        ("mail", "cannot be followed"),
        ("none", "cannot be followed"),
    ] {
        let error = fetcher.get(&request(&url(&server, path))).expect_err(path);
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(read(&mut content(&fetcher, &url(&server, "umlaut"))), b"x");
}

#[test]
fn tls_is_trusted_as_registries_are() {
    let (pem, server) = authority("127.0.0.1");
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("ca.pem");
    fs::write(&file, &pem).unwrap();
    server.first(1, "GET", "/f", Answer::new(200).body("x"));
    let (knowing, _) = config(None, &[("SSL_CERT_FILE", file.display().to_string())]);
    let address = format!("https://{}/f", server.host());
    let knowing = Registry::new(knowing).fetcher();
    assert_eq!(read(&mut content(&knowing, &address)), b"x");
    // What was asked for with TLS does not come without.
    let elsewhere = "http://elsewhere.invalid/f?secret";
    server.first(
        1,
        "GET",
        "/f",
        Answer::new(302).header("Location", elsewhere),
    );
    let error = knowing
        .get(&request(&address))
        .expect_err("a way out of TLS");
    let message = error.to_string();
    assert!(
        message.contains("http://elsewhere.invalid/f, without TLS"),
        "{message}"
    );
    let (fetcher, _) = fetcher();
    let error = fetcher
        .get(&request(&address))
        .expect_err("nobody knows the authority");
    assert!(error.to_string().contains("SSL_CERT_FILE"), "{error}");
    let plain = Server::start();
    let address = format!("https://{}/f", plain.host());
    let error = fetcher.get(&request(&address)).expect_err("it is no TLS");
    assert!(error.to_string().contains("write http://"), "{error}");
}

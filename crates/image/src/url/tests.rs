use crate::HttpUrl;

/// What is sent, what is shown, and the file's name.
#[track_caller]
fn check(text: &str, sent: &str, shown: &str, name: Option<&str>) {
    let url: HttpUrl = text
        .parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(url.reveal(), sent, "{text}");
    assert_eq!(url.to_string(), shown, "{text}");
    assert_eq!(url.file_name().as_deref(), name, "{text}");
    assert_eq!(url.reveal().parse(), Ok(url.clone()), "{text}");
}

#[test]
fn addresses_are_sent_escaped_and_shown_without_secrets() {
    check("http://a.b", "http://a.b/", "http://a.b/", None);
    check(
        "HTTP://A.b:80/C",
        "http://a.b:80/C",
        "http://a.b:80/C",
        Some("C"),
    );
    check("https://a.b?x", "https://a.b/?x", "https://a.b/", None);
    check(
        "https://a.b/c/d.tar.gz#e",
        "https://a.b/c/d.tar.gz",
        "https://a.b/c/d.tar.gz",
        Some("d.tar.gz"),
    );
    check(
        "https://a.b/c/?x=/y",
        "https://a.b/c/?x=/y",
        "https://a.b/c/",
        Some("c"),
    );
    check(
        "https://a.b/c d/ü",
        "https://a.b/c%20d/%C3%BC",
        "https://a.b/c%20d/%C3%BC",
        Some("ü"),
    );
    check(
        "https://a.b/c%2Fd",
        "https://a.b/c%2Fd",
        "https://a.b/c%2Fd",
        Some("d"),
    );
    check(
        "https://a.b/%2e%2E",
        "https://a.b/%2e%2E",
        "https://a.b/%2e%2E",
        None,
    );
    check(
        "https://a.b/x%5Cy",
        "https://a.b/x%5Cy",
        "https://a.b/x%5Cy",
        None,
    );
    check(
        "https://a.b/x%00",
        "https://a.b/x%00",
        "https://a.b/x%00",
        None,
    );
    check(
        "https://u:p@a.b/x",
        "https://u:p@a.b/x",
        "https://a.b/x",
        Some("x"),
    );
    check(
        "https://u@v:p@a.b/x",
        "https://u%40v:p@a.b/x",
        "https://a.b/x",
        Some("x"),
    );
    check(
        "http://[::1]:5/x",
        "http://[::1]:5/x",
        "http://[::1]:5/x",
        Some("x"),
    );
    for text in [
        "ftp://a.b/c",
        "http:/a",
        "http://[::1/x",
        "http://a_b:99999/",
        "http://\u{e9}/",
    ] {
        text.parse::<HttpUrl>().expect_err(text);
    }
}

#[test]
fn users_and_passwords_are_read() {
    for (text, expected) in [
        ("https://a.b/x@y", None),
        ("https://u@a.b/x", Some(("u", ""))),
        ("https://u:p:q@a.b/x", Some(("u", "p:q"))),
        ("https://u%40v:%2Fp@a.b/x", Some(("u@v", "/p"))),
    ] {
        let url: HttpUrl = text.parse().expect(text);
        let expected =
            expected.map(|(user, password): (&str, &str)| (user.to_owned(), password.to_owned()));
        assert_eq!(url.credentials(), expected, "{text}");
        assert!(
            url.without_credentials()
                .parse::<HttpUrl>()
                .expect(text)
                .credentials()
                .is_none()
        );
        assert_eq!(url.host(), "a.b");
    }
}

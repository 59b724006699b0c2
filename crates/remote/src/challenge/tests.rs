use proptest::prelude::*;

use super::*;

fn bearer(realm: &str, service: &str, scope: &str, error: &str) -> Challenge {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Challenge::Bearer {
        realm: realm.to_owned(),
        service: some(service),
        scope: some(scope),
        error: some(error),
    }
}

#[track_caller]
fn check(values: &[&str], expected: &[Challenge]) {
    assert_eq!(
        parse_challenges(values.iter().copied()),
        expected,
        "{values:?}"
    );
}

#[test]
fn challenges() {
    let hub = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push",error="insufficient_scope""#;
    let parsed = bearer(
        "https://auth.docker.io/token",
        "registry.docker.io",
        "repository:a/b:pull,push",
        "insufficient_scope",
    );
    check(&[hub], std::slice::from_ref(&parsed));
    check(&[r#"Basic realm="a, b=c""#], &[Challenge::Basic]);
    check(&["basic"], &[Challenge::Basic]);
    // Several in one header, several headers, unknown ones between them.
    let both = format!(r#"Basic realm="x" , {hub}"#);
    check(&[&both], &[Challenge::Basic, parsed.clone()]);
    check(
        &[
            "Negotiate",
            r#"Digest realm="d", nonce="a\"b""#,
            hub,
            "Basic",
        ],
        &[parsed.clone(), Challenge::Basic],
    );
    check(
        &[&format!("Negotiate YWJjZA==, {hub}")],
        std::slice::from_ref(&parsed),
    );
    check(
        &[&format!("NTLM, {hub}, Basic realm=x")],
        &[parsed, Challenge::Basic],
    );
}

#[test]
fn odd_spellings() {
    check(
        &["BEARER Realm = \"https://a/\\\"b\\\\\" ,, service=s"],
        &[bearer("https://a/\"b\\", "s", "", "")],
    );
    check(
        &["Bearer realm=https://a/b?c,service=\"\""],
        &[bearer("https://a/b?c", "", "", "")],
    );
    check(&["Bearer service=\"s\""], &[]);
    check(&["Bearer realm=\"unterminated"], &[]);
    check(&["", ",", "\"", "=", "Bearer"], &[]);
}

proptest! {
    #[test]
    fn quoted_values_come_back(realm in "[ -~]{1,40}", service in "[ -~]{1,20}") {
        let escape = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let value = format!(
            "Basic realm=\"x\", Bearer realm=\"{}\", service=\"{}\"",
            escape(&realm),
            escape(&service),
        );
        let expected = [Challenge::Basic, bearer(&realm, &service, "", "")];
        prop_assert_eq!(parse_challenges([value.as_str()]), expected);
    }

    #[test]
    fn any_text_ends(text in "(Bearer|Basic|[a-z=\", \\\\]{1,8}){0,12}|.{0,60}") {
        let _ = parse_challenges([text.as_str()]);
    }
}

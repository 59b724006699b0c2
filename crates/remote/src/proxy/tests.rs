use super::*;
use crate::url::Url;

#[track_caller]
fn check(no_proxy: &str, url: &str, expected: Option<&str>) {
    let variables = [
        ("HTTP_PROXY", "plain"),
        ("https_proxy", "secure"),
        ("NO_PROXY", no_proxy),
    ];
    let environment = Environment::new(variables.map(|(k, v)| (k.into(), v.into())), None);
    let url = Url::parse(url).expect("an address");
    let found = proxy_for(&environment, url.origin());
    assert_eq!(found, expected, "{no_proxy:?} {url}");
}

#[test]
fn proxies() {
    check("", "https://a.b/", Some("secure"));
    check("", "http://a.b/", Some("plain"));
    for local in ["http://localhost:1/", "https://127.0.0.1/", "http://[::1]/"] {
        check("", local, None);
    }
    check("*", "https://a.b/", None);
    check("x, A.b ,y", "https://a.B/", None);
    check("a.b", "https://c.a.b/", None);
    check("a.b", "https://ca.b/", Some("secure"));
    check(".a.b", "https://a.b/", Some("secure"));
    check("*.a.b", "https://c.a.b/", None);
    check("a.b:443", "https://a.b/", None);
    check("a.b:444", "https://a.b/", Some("secure"));
    check("10.0.0.1", "https://10.0.0.1/", None);
    check("10.0.0.0/8", "https://10.9.0.1/", None);
    check("10.0.0.0/8", "https://11.9.0.1/", Some("secure"));
    check("10.0.0.0/33", "https://10.0.0.0/", Some("secure"));
    check("0.0.0.0/0", "https://11.9.0.1/", None);
    check("fd00::/8", "https://[fd01::1]/", None);
    check("fd01::1", "https://[fd01::1]/", None);
    check("[fd01::1]:444", "https://[fd01::1]/", Some("secure"));
    check("fd00::/8", "https://10.9.0.1/", Some("secure"));
}

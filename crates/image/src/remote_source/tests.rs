use super::RemoteSource;

/// What `text` is as a source of ADD and as a context.
#[track_caller]
fn check(text: &str, source: &str, context: &str) {
    let kind = |parsed: Option<Result<RemoteSource, _>>| match parsed {
        None => "path",
        Some(Err(_)) => "error",
        Some(Ok(RemoteSource::Http(_))) => "http",
        Some(Ok(RemoteSource::Git(_))) => "git",
    };
    assert_eq!(kind(RemoteSource::parse(text)), source, "{text:?} in ADD");
    assert_eq!(
        kind(RemoteSource::parse_context(text)),
        context,
        "{text:?} as context"
    );
}

#[test]
fn sources_are_what_docker_takes_them_for() {
    for (text, kind) in [
        ("https://example.com/", "http"),
        ("https://example.com", "http"),
        ("https://example.com/foo", "http"),
        ("https://example.com/foo.git", "git"),
        ("https://example.com/foo%2egit", "git"),
        ("http://example.com/foo.git", "git"),
        ("https://example.com/foo.git#main", "git"),
        ("https://example.com/foo.git?ref=v1", "git"),
        ("https://example.com/foo.git?nonsense=v1", "error"),
        ("https://example.com/foo.git/", "http"),
        ("https://example.com/foo.git.bar", "http"),
        ("https://example.com/foo?x=.git", "http"),
        ("https://u:p@example.com/foo.git", "git"),
        ("HTTPS://example.com/foo.git", "git"),
        ("HTTPS://example.com/foo", "path"),
        ("http://github.com/docker/docker.git:#branch", "http"),
        ("https://", "error"),
        ("https:///x", "error"),
        ("https://exa mple/x", "error"),
        ("https://example.com/%zz", "error"),
        ("https://example.com:port/x", "error"),
        ("git://example.com/foo", "git"),
        ("ssh://git@example.com/foo", "git"),
        ("ssh://git@example.com:2222/foo.git", "git"),
        ("ssh://-oProxyCommand=x/foo", "error"),
        ("git://example.com", "error"),
        ("git@github.com:moby/buildkit", "git"),
        ("git@github.com:moby/buildkit.git#v1:sub", "git"),
        ("git@github.com:", "error"),
        ("git@github.com:--upload-pack=x", "error"),
        ("-oProxyCommand=x@github.com:y", "path"),
        ("-x@github.com:y", "error"),
        ("custom.xyz/moby/buildkit.git", "path"),
        ("ftp://example.com/x", "path"),
        ("ext::sh -c x", "path"),
        ("file:///x.git", "path"),
        ("./git@github.com:x", "path"),
        ("../git@github.com:x", "path"),
        (".git", "path"),
        ("a b@c:d", "path"),
        ("dir/a@b:c", "path"),
        ("C:\\x", "path"),
        ("", "path"),
    ] {
        check(text, kind, kind);
    }
    check("github.com/moby/buildkit", "path", "git");
    check("github.com/moby/buildkit#main:docs", "path", "git");
    check("github.com/", "path", "error");
}

#[test]
fn messages_show_no_secrets() {
    let long = format!(
        "https://user:{}secret@example.com/%zz",
        "secret".repeat(100)
    );
    for text in [
        &long,
        "https://user:secret@exa mple.com/x",
        "https://user:sec%zzsecret@example.com/x",
        "https://user:a/secret@example.com/x",
        "https://user:a?secret@example.com/x",
        "https://user:a#secret@example.com/x",
        "https://user:secret@example.com/%zz?secret",
        "https://user:secret@example.com/x.git?secret-y=z#v1",
        "https://user:secret@example.com/x.git?ref=a#b",
        "https://secret@example.com/x.git?ref=-a",
        "git://user:secret@example.com",
    ] {
        let Some(Err(error)) = RemoteSource::parse(text) else {
            panic!("{text} is an error");
        };
        let message = error.to_string().replace("\"secret-y\"", "");
        assert!(!message.contains("secret"), "{text}: {message}");
    }
}

#[test]
fn messages_name_the_repository() {
    for (text, expected) in [
        ("git@a.b:c.git?x=y", "git@a.b:c.git: the parameter \"x\""),
        ("ssh://git@a.b/c.git?x=y", "a.b/c.git: the parameter \"x\""),
    ] {
        let Some(Err(error)) = RemoteSource::parse(text) else {
            panic!("{text} is an error");
        };
        assert!(error.to_string().contains(expected), "{error}");
    }
}

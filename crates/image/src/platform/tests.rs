use super::*;

/// Parses `text` and compares with the normal spelling; `None` if it must be refused.
#[track_caller]
fn check(text: &str, expected: Option<&str>) {
    let parsed = text.parse::<Platform>().ok();
    let written = parsed.as_ref().map(Platform::to_string);
    assert_eq!(written.as_deref(), expected, "{text}");
    if let Some(platform) = parsed {
        let again: Platform = platform.to_string().parse().unwrap();
        assert_eq!(again, platform, "the spelling is stable");
        assert_eq!(platform.clone().normalised(), platform);
    }
}

/// The cases of containerd's platforms/platforms_test.go and database.go that name both parts.
/// (There `linux/arm` stays without variant in the text; the normal form here is always full.)
#[test]
fn containerd_table() {
    check("linux/amd64", Some("linux/amd64"));
    check("Linux/x86_64", Some("linux/amd64"));
    check("linux/x86-64", Some("linux/amd64"));
    check("linux/amd64/v1", Some("linux/amd64"));
    check("linux/amd64/v2", Some("linux/amd64/v2"));
    check("linux/x86_64/v3", Some("linux/amd64/v3"));
    check("linux/i386", Some("linux/386"));
    check("linux/i386/v6", Some("linux/386"));
    check("linux/386", Some("linux/386"));
    check("linux/arm64", Some("linux/arm64"));
    check("linux/arm64/v8", Some("linux/arm64"));
    check("linux/arm64/8", Some("linux/arm64"));
    check("linux/Aarch64", Some("linux/arm64"));
    check("linux/aarch64/v8", Some("linux/arm64"));
    check("linux/arm64/v9", Some("linux/arm64/v9"));
    check("linux/arm64/v8.0", Some("linux/arm64"));
    check("linux/arm64/9", Some("linux/arm64/v9"));
    check("linux/aarch64/v9.0", Some("linux/arm64/v9"));
    check("linux/arm", Some("linux/arm/v7"));
    check("linux/arm/7", Some("linux/arm/v7"));
    check("linux/arm/v7", Some("linux/arm/v7"));
    check("linux/arm/V6", Some("linux/arm/v6"));
    check("linux/arm/5", Some("linux/arm/v5"));
    check("linux/arm/8", Some("linux/arm/v8"));
    check("linux/armhf", Some("linux/arm/v7"));
    check("linux/armhf/v6", Some("linux/arm/v7"));
    check("linux/armel", Some("linux/arm/v6"));
    check("linux/s390x", Some("linux/s390x"));
    check("macOS/arm64", Some("darwin/arm64"));
    check("windows/amd64", Some("windows/amd64"));
    check("windows()/amd64", Some("windows/amd64"));
    check(
        "windows(10.0.17763)/amd64",
        Some("windows(10.0.17763)/amd64"),
    );
    check(
        "windows(10.0.20348.1)/x86_64",
        Some("windows(10.0.20348.1)/amd64"),
    );
    check(
        "windows(10.0.17763+win32k)/amd64",
        Some("windows(10.0.17763+win32k)/amd64"),
    );
    check("linux(+gpu+simd)/amd64", Some("linux(+gpu+simd)/amd64"));
    check(" linux/amd64\n", Some("linux/amd64"));
}

#[test]
fn refused() {
    for text in [
        "",
        "/",
        "linux",
        "/linux/arm",
        "linux/arm/",
        "linux //arm",
        "linux /arm",
        "linux/&arm",
        "linux/arm/foo/bar",
        "windows(10.0/amd64",
        "windows(10.0.x)/amd64",
        "windows(10..0)/amd64",
        "windows(10.+0)/amd64",
        "windows(10.0+)/amd64",
        "windows(99999999999999999999)/amd64",
    ] {
        check(text, None);
    }
}

/// The cases of containerd's platforms_test.go that name one part, where the host is the default.
#[test]
fn one_part() {
    let check = |text: &str, default: &str, expected: Result<&str, &str>| {
        let default = default.parse().unwrap();
        let parsed = Platform::parse_specifier(text, &default);
        let written = parsed.as_ref().map(Platform::to_string);
        let reason = parsed.as_ref().map_err(|error| error.to_string());
        match expected {
            Ok(expected) => assert_eq!(written.as_deref().ok(), Some(expected), "{text}"),
            Err(part) => assert!(reason.unwrap_err().contains(part), "{text}"),
        }
        if let Err(error) = parsed {
            assert_eq!(error.text, text);
        }
    };
    let host = "linux/amd64";
    check("linux", host, Ok("linux/amd64"));
    check("Linux", "linux/arm64", Ok("linux/arm64"));
    check("linux", "linux/arm/v6", Ok("linux/arm/v6"));
    check("windows", host, Ok("windows/amd64"));
    check("windows()", host, Ok("windows/amd64"));
    check("windows(10.0.17763)", host, Ok("windows(10.0.17763)/amd64"));
    check(
        "windows(10.0.17763+win32k)",
        "linux/arm64",
        Ok("windows(10.0.17763+win32k)/arm64"),
    );
    check("macOS", "linux/arm64", Ok("darwin/arm64"));
    check("arm64", host, Ok("linux/arm64"));
    check("arm", host, Ok("linux/arm/v7"));
    check("armhf", host, Ok("linux/arm/v7"));
    check("armel", host, Ok("linux/arm/v6"));
    check("Aarch64", host, Ok("linux/arm64"));
    check("x86_64", "linux/arm64", Ok("linux/amd64"));
    check("i386", host, Ok("linux/386"));
    check("s390x", host, Ok("linux/s390x"));
    check("amd64", "windows/arm64", Ok("windows/amd64"));
    check("local", "linux/arm/v6", Ok("linux/arm/v6"));
    check("linux/arm", host, Ok("linux/arm/v7"));
    for (text, reason) in [
        ("", "the operating system is missing"),
        ("wnidows", "neither an operating system nor an architecture"),
        ("wnidows(10.0.1)", "neither an operating system"),
        ("windows(10.0", "parenthesis"),
        ("windows(x)", "the version is not numbers"),
        ("arm64(10.0)", "neither an operating system"),
        ("linux/", "the architecture is missing"),
        ("/amd64", "the operating system is missing"),
        ("linux&", "invalid character"),
    ] {
        check(text, host, Err(reason));
    }
}

#[test]
fn versions_compare_as_numbers() {
    let version = |text| OsVersion::parse(text).unwrap();
    assert!(version("10.0.9") < version("10.0.10"));
    assert!(version("10.0.20348") < version("10.0.20348.1"));
    assert!(version("10.0.20348.9") < version("10.0.20348.2340"));
    assert_eq!(version("10.0.20348.1").build(), Some(20_348));
    assert_eq!(version("10.0").build(), None);
    for text in ["", ".", "10.", "10.a", "-1", "+1", "1 "] {
        assert_eq!(OsVersion::parse(text), None, "{text}");
    }
}

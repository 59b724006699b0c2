use super::*;

fn entry(platform: &str) -> Descriptor {
    let descriptor = Descriptor::of(MediaType::OciManifest.as_str(), platform.as_bytes());
    match platform {
        "" => descriptor,
        "unknown/unknown" => descriptor.with_platform(Platform::new("unknown", "unknown")),
        // The document's own spelling, not normalised.
        _ => descriptor.with_platform(raw(platform)),
    }
}

fn raw(text: &str) -> Platform {
    let parsed: Platform = text.parse().unwrap();
    let mut parts = text.split('/').skip(1);
    Platform {
        architecture: parts.next().unwrap().to_owned(),
        variant: parts.next().unwrap_or_default().to_owned(),
        ..parsed
    }
}

/// Selects `wanted` from the platforms in `index` (space-separated; `-` has none). `expected` is
/// the number of the entry, counted from 0.
#[track_caller]
fn check(index: &str, wanted: &str, expected: Option<usize>) {
    let entries: Vec<_> = index
        .split(' ')
        .map(|platform| entry(if platform == "-" { "" } else { platform }))
        .collect();
    let index = Index::new(entries, Default::default());
    let found = select(&index, &wanted.parse().unwrap()).ok();
    let expected = expected.map(|place| &index.manifests()[place]);
    assert_eq!(found, expected, "{wanted}");
}

#[test]
fn system_and_architecture() {
    let index = "linux/amd64 linux/arm64/v8 unknown/unknown windows/amd64 linux/arm/v7 linux/386";
    check(index, "linux/amd64", Some(0));
    check(index, "linux/x86_64", Some(0));
    check(index, "linux/arm64", Some(1));
    check(index, "linux/aarch64/v8", Some(1));
    check(index, "windows/amd64", Some(3));
    check(index, "linux/arm", Some(4));
    check(index, "linux/386", Some(5));
    check(index, "linux/s390x", None);
    check(index, "windows/arm64", None);
    check(index, "unknown/unknown", None);
    check("linux/386", "linux/amd64", None);
    check("linux/arm/v7", "linux/arm64", None);
    check("linux/x86_64", "linux/amd64", Some(0));
    check("linux/amd64 linux/amd64", "linux/amd64", Some(0));
}

#[test]
fn variants_of_containerd() {
    let arm = "linux/arm/v5 linux/arm/v6 linux/arm/v7";
    check(arm, "linux/arm/v8", Some(2));
    check(arm, "linux/arm/v7", Some(2));
    check(arm, "linux/arm", Some(2));
    check(arm, "linux/arm/v6", Some(1));
    check(arm, "linux/arm/v5", Some(0));
    check("linux/arm/v6", "linux/arm/v7", Some(0));
    check("linux/arm", "linux/arm/v6", None);
    check("linux/arm/v7", "linux/arm/v6", None);
    check(
        "linux/amd64 linux/amd64/v2 linux/amd64/v4",
        "linux/amd64/v3",
        Some(1),
    );
    check("linux/amd64/v2 linux/amd64", "linux/amd64", Some(1));
    check("linux/amd64/v2", "linux/amd64", None);
    check(
        "linux/arm64 linux/arm64/v8.6 linux/arm64/v9",
        "linux/arm64/v9.1",
        Some(2),
    );
    check("linux/arm64 linux/arm64/v8.6", "linux/arm64/v9.1", Some(1));
    check("linux/arm64 linux/arm64/v8.7", "linux/arm64/v9.1", Some(0));
    check("linux/arm64/v8.2", "linux/arm64", None);
    check(
        "linux/mips/softfloat linux/mips",
        "linux/mips/softfloat",
        Some(0),
    );
    check("linux/mips/softfloat", "linux/mips", None);
}

#[test]
fn windows_versions() {
    let index = "windows(10.0.17763.9999)/amd64 windows(10.0.17763.10000)/amd64 \
                 windows(10.0.20348.2340)/amd64 windows(10.0.26100.1)/amd64 \
                 windows(10.0.9.1)/amd64 windows(10.0.10.1)/amd64";
    // Nothing wanted: the highest, as numbers.
    check(index, "windows/amd64", Some(3));
    check(
        "windows(10.0.9.1)/amd64 windows(10.0.10.1)/amd64",
        "windows/amd64",
        Some(1),
    );
    // Before Server 2022: exactly the build, the highest revision.
    check(index, "windows(10.0.17763)/amd64", Some(1));
    check(index, "windows(10.0.17763.1)/amd64", Some(1));
    check(index, "windows(10.0.17763.9999)/amd64", Some(0));
    check(index, "windows(10.0.18363)/amd64", None);
    // Then: from the long-term release before it up to itself.
    check(index, "windows(10.0.20348)/amd64", Some(2));
    check(index, "windows(10.0.22621)/amd64", Some(2));
    check(index, "windows(10.0.25398)/amd64", Some(2));
    check(index, "windows(10.0.26100)/amd64", Some(3));
    check(index, "windows(10.0.26200)/amd64", Some(3));
    check(
        "windows(10.0.20348.1)/amd64",
        "windows(10.0.26100)/amd64",
        Some(0),
    );
    check(
        "windows(10.0.20348.1)/amd64",
        "windows(10.0.26200)/amd64",
        None,
    );
    check(
        "windows(10.0.25398.1)/amd64",
        "windows(10.0.20348)/amd64",
        None,
    );
    check(
        "windows(6.3.20348.1)/amd64",
        "windows(10.0.20348)/amd64",
        None,
    );
    // A prefix of a version, and images that name none.
    check(index, "windows(10.0)/amd64", Some(3));
    check(index, "windows(6.3)/amd64", None);
    check("windows/amd64", "windows(10.0.17763)/amd64", Some(0));
    check(
        "windows/amd64 windows(10.0.17763.1)/amd64",
        "windows(10.0.17763)/amd64",
        Some(1),
    );
}

#[test]
fn features() {
    let index = "windows(10.0.17763.1+win32k)/amd64 windows(10.0.17763.1)/amd64";
    check(index, "windows(10.0.17763+win32k)/amd64", Some(0));
    check(index, "windows(10.0.17763)/amd64", Some(1));
    check(
        "windows(10.0.17763.1+win32k)/amd64",
        "windows/amd64",
        Some(0),
    );
    check(
        "windows(10.0.17763.1)/amd64",
        "windows(10.0.17763+win32k)/amd64",
        None,
    );
}

#[test]
fn entries_without_platform() {
    check("-", "linux/amd64", Some(0));
    check("- unknown/unknown", "linux/amd64", Some(0));
    check("- -", "linux/amd64", None);
    check("- linux/arm64", "linux/amd64", None);
    check("- linux/amd64", "linux/amd64", Some(1));
}

#[test]
fn other_media_types_are_passed_over() {
    let mut artifact = entry("linux/amd64");
    artifact.media_type = "application/vnd.example+json".to_owned();
    let index = Index::new(vec![artifact], Default::default());
    assert!(select(&index, &Platform::new("linux", "amd64")).is_err());
}

#[test]
fn the_error_lists_what_there_is() {
    let entries = [
        "linux/amd64",
        "unknown/unknown",
        "windows(10.0.17763.1)/amd64",
    ];
    let index = Index::new(entries.map(entry).to_vec(), Default::default());
    let error = select(&index, &Platform::new("linux", "s390x")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no image for linux/s390x; there are linux/amd64, windows(10.0.17763.1)/amd64"
    );
}

#[test]
fn one_platform_fits_or_not() {
    let check = |found: &str, wanted: &str, expected: bool| {
        let fits = fits(&raw(found), &wanted.parse().unwrap());
        assert_eq!(fits, expected, "{found} for {wanted}");
    };
    check("linux/x86_64", "linux/amd64", true);
    check("linux/amd64", "windows/amd64", false);
    check("linux/arm/v6", "linux/arm/v7", true);
    check("linux/arm/v7", "linux/arm/v6", false);
    let server_2019 = "windows(10.0.17763.6532)/amd64";
    check(server_2019, "windows/amd64", true);
    check(server_2019, "windows(10.0.17763)/amd64", true);
    check(server_2019, "windows(10.0.20348)/amd64", false);
    check("windows/amd64", "windows(10.0.20348)/amd64", true);
}

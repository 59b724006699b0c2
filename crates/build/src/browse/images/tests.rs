use crossdock_image::{Index, MediaType};

use super::*;

#[test]
fn patterns() {
    let check = |pattern: &str, name: &str, expected: bool| {
        let pattern = NamePattern::parse(pattern).unwrap();
        assert_eq!(pattern.matches(name), expected, "{pattern:?} {name}");
    };
    let debian = "docker.io/library/debian:12";
    check("debian", debian, true);
    check("debian:12", debian, true);
    check("debian:*", debian, true);
    check("deb*", debian, true);
    check("debian:1[0-9]", debian, true);
    check("docker.io/library/debian", debian, true);
    check("docker.io/library/debian:12", debian, true);
    check("docker.io/*/debian:*", debian, true);
    check("library/debian", debian, false);
    check("*/*/debian", debian, false);
    check("debian:13", debian, false);
    check("ebian", debian, false);
    check("12", debian, false);
    let app = "example.com:5000/team/app:1.0";
    check("*/app", app, false);
    check("*/*/app", app, true);
    check("example.com:5000/team/*", app, true);
    check("example.com:5000/team/app:1.?", app, true);
    check("*", app, false);
    check("*/app", "docker.io/team/app:latest", true);
    let digest = format!("docker.io/library/debian@sha256:{}", "0".repeat(64));
    check("debian", &digest, true);
    check("debian@*", &digest, true);
    check("debian:*", &digest, false);
    // A name that another tool gave.
    check("1.0", "1.0", true);
    check("latest", "1.0", false);
    assert!(NamePattern::parse("[").is_err());
}

/// Indexes in indexes are followed as far as they are when an image is opened.
#[test]
fn nested_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let check = |levels: usize, is_followed: bool| {
        let absent = BlobDigest::new(crossdock_image::Digest::of(b"absent"));
        let mut inner = Descriptor::new(MediaType::OciManifest.as_str(), absent, 6);
        for _ in 0..levels {
            let index = Index::new(vec![inner.clone(), inner], Default::default());
            store.put_bytes(index.raw()).unwrap();
            inner = index.descriptor();
        }
        let image = stored(&store, "docker.io/library/a:1".to_owned(), inner);
        assert_eq!(image.is_index, levels > 0);
        assert_eq!(image.images.len(), usize::from(is_followed), "{levels}");
        assert_eq!(image.problem.is_none(), is_followed, "{levels}");
    };
    check(0, true);
    check(1, true);
    check(MAX_NESTING - 1, true);
    check(MAX_NESTING, false);
}

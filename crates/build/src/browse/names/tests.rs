use crossdock_image::{Digest, Index, Manifest, MediaType};

use super::*;

/// A store with the images `a` and `b`, and an index of `b` and `c`, under the names that are
/// given as `name=image`.
struct Named {
    store: Store,
    images: Vec<(&'static str, Descriptor)>,
    _folder: tempfile::TempDir,
}

impl Named {
    fn new(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let image = |name: &str| {
            let config = Descriptor::of(MediaType::OciConfig.as_str(), name.as_bytes());
            let manifest = Manifest::new(config, Vec::new(), Default::default());
            store.put_bytes(manifest.raw()).unwrap();
            manifest.descriptor()
        };
        let (b, c) = (image("b"), image("c"));
        let index = Index::new(vec![b.clone(), c.clone()], Default::default());
        store.put_bytes(index.raw()).unwrap();
        let index = index.descriptor();
        let images = vec![("a", image("a")), ("b", b), ("c", c), ("index", index)];
        let named = Self {
            store,
            images,
            _folder: folder,
        };
        for name in names {
            let (name, image) = name.split_once('=').unwrap();
            named.store.tag(name, named.image(image)).unwrap();
        }
        named
    }

    fn image(&self, name: &str) -> &Descriptor {
        let mut images = self.images.iter();
        &images.find(|(image, _)| *image == name).unwrap().1
    }

    /// `text` with `{a}` for the digits of the image's digest, and `{a8}` for the first eight.
    fn fill(&self, text: &str) -> String {
        self.images
            .iter()
            .fold(text.to_owned(), |text, (name, image)| {
                let digits = image.digest.hex();
                text.replace(&format!("{{{name}}}"), &digits)
                    .replace(&format!("{{{name}8}}"), &digits[..8])
            })
    }

    fn source(&self, text: &str) -> ImageSource {
        self.fill(text).parse().unwrap()
    }

    /// All names as they were given.
    fn names(&self) -> String {
        let name_of = |descriptor: &Descriptor| {
            let mut images = self.images.iter();
            images
                .find(|(_, image)| image.digest == descriptor.digest)
                .unwrap()
                .0
        };
        let tags = self.store.tags().unwrap();
        let names = tags
            .iter()
            .map(|(name, entry)| format!("{name}={}", name_of(entry)));
        names.collect::<Vec<_>>().join(" ")
    }
}

const A: &str = "docker.io/library/a:latest=a";
const INDEX: &str = "example.com/i:1=index";

#[test]
fn tagging() {
    let check = |source: &str, names: &[&str], expected: Result<&str, &str>| {
        let named = Named::new(&[A, INDEX]);
        let names: Vec<String> = names.iter().map(|name| named.fill(name)).collect();
        let before = named.names();
        match (
            tag_image(&named.store, &named.source(source), &names),
            expected,
        ) {
            (Ok(_), Ok(expected)) => assert_eq!(named.names(), expected, "{source}"),
            (Err(error), Err(expected)) => {
                assert_eq!(error.to_string(), named.fill(expected), "{source}");
                assert_eq!(named.names(), before, "{source}");
            }
            (found, _) => panic!("{source}: {found:?}"),
        }
    };
    let z = "docker.io/library/a:latest=a docker.io/library/z:latest=a example.com/i:1=index";
    for source in [
        "a",
        "a:latest",
        "docker.io/library/a",
        "{a}",
        "{a8}",
        "sha256:{a8}",
    ] {
        check(source, &["z"], Ok(z));
    }
    check("a@sha256:{a}", &["z"], Ok(z));
    check(
        "example.com/i:1",
        &["a", "example.com/i:2"],
        Ok("docker.io/library/a:latest=index example.com/i:1=index example.com/i:2=index"),
    );
    // One image of an index.
    check(
        "{c8}",
        &["c"],
        Ok("docker.io/library/a:latest=a docker.io/library/c:latest=c example.com/i:1=index"),
    );
    check(
        "b",
        &["z"],
        Err("b: is not in the store; bring it there first: crossdock pull b"),
    );
    check(
        "sha256:0000",
        &["z"],
        Err("sha256:0000: the store has no such image; crossdock images lists what it has"),
    );
    check(
        "oci-layout://b",
        &["z"],
        Err("oci-layout://b: is not in the store; crossdock load brings what is in a file there"),
    );
    check(
        "a",
        &["z", "y@sha256:{a}"],
        Err("y@sha256:{a}: a name that is given has no digest; leave out what begins with @"),
    );
    check(
        "a",
        &["z", "Y"],
        Err("image \"Y\": the repository \"library/Y\" must be lower case"),
    );
}

#[test]
fn removing() {
    let check = |image: &str, all: bool, expected: Result<(&[&str], bool, &str), &str>| {
        let named = Named::new(&[A, INDEX, "docker.io/library/i:2=index", "latest=b"]);
        let before = named.names();
        match (
            remove_names(&named.store, &named.source(image), all),
            expected,
        ) {
            (Ok(removed), Ok((names, is_unnamed, left))) => {
                assert_eq!(removed.names, names, "{image}");
                assert_eq!(removed.is_unnamed, is_unnamed, "{image}");
                assert_eq!(named.names(), left, "{image}");
            }
            (Err(error), Err(expected)) => {
                assert_eq!(error.to_string(), named.fill(expected), "{image}");
                assert_eq!(named.names(), before, "{image}");
            }
            (found, _) => panic!("{image}: {found:?}"),
        }
    };
    let without_a = "docker.io/library/i:2=index example.com/i:1=index latest=b";
    check("a", false, Ok((&["a:latest"], true, without_a)));
    check("{a8}", false, Ok((&["a:latest"], true, without_a)));
    check("a@sha256:{a}", false, Ok((&["a:latest"], true, without_a)));
    let with_a = "docker.io/library/a:latest=a";
    check(
        "i:2",
        true,
        Ok((
            &["i:2"],
            false,
            "docker.io/library/a:latest=a example.com/i:1=index latest=b",
        )),
    );
    check(
        "{index8}",
        true,
        Ok((
            &["i:2", "example.com/i:1"],
            true,
            &format!("{with_a} latest=b"),
        )),
    );
    check(
        "{index8}",
        false,
        Err("{index8}: has 2 names: i:2, example.com/i:1; write those that go, or -f for all"),
    );
    // Another tool's name.
    check(
        "latest",
        false,
        Ok((
            &["latest"],
            true,
            "docker.io/library/a:latest=a docker.io/library/i:2=index example.com/i:1=index",
        )),
    );
    check(
        "{c}",
        true,
        Err("{c}: has no name itself, it is an image of i:2, example.com/i:1; remove that"),
    );
    let unknown = "the store has no such image; crossdock images lists what it has";
    check("a:2", false, Err(&format!("a:2: {unknown}")));
    check("abc", false, Err(&format!("abc: {unknown}")));
}

#[test]
fn ambiguous_digits() {
    // Many enough that two of them begin alike.
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let digest = |number: u32| BlobDigest::new(Digest::of(&number.to_le_bytes()));
    let mut seen = std::collections::HashMap::new();
    let (first, second, start) = (0..)
        .find_map(|number| {
            let start = digest(number).hex()[..4].to_owned();
            let earlier = seen.insert(start.clone(), number)?;
            Some((earlier, number, start))
        })
        .unwrap();
    for (name, number) in [
        ("docker.io/library/a:1", first),
        ("example.com/b:1", second),
    ] {
        let descriptor = Descriptor::new("", digest(number), 4);
        store.tag(name, &descriptor).unwrap();
    }
    let error = remove_names(&store, &start.parse().unwrap(), true).unwrap_err();
    let expected = format!(
        "{start}: is the beginning of several digests, those of a:1, example.com/b:1; \
                 write more of it"
    );
    assert_eq!(error.to_string(), expected);
    let longer = &digest(first).hex()[..40];
    let removed = remove_names(&store, &longer.parse().unwrap(), false).unwrap();
    assert_eq!(removed.names, ["a:1"]);
}

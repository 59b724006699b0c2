//! Files of an image in a folder, and the image that is made of the folder.

use std::fs;
use std::path::Path;

use crossdock_build::{
    CopyOutOptions, CopySource, Environment, ErrorClass, ForeignMetadata, ImageSource, Images,
    Limits, LoadRequest, Platform, PlatformChoice, Registry, RemoteConfig, RootFileSystem, Store,
    load,
};
use crossdock_host::{ContextReader, HOST_NAMES, HostNames, Visit};
use serde_json::json;

use crate::archive::{self, Member, dir, file, hard_link, symlink};
use crate::bench::{Bench, Codec};

/// A tar of all files of an image.
fn files(bench: &Bench, name: &str, platform: &str) -> Vec<archive::Entry> {
    with_image(bench, name, platform, &|images, sources| {
        let options = CopyOutOptions::default();
        let copy = images.copy_to_tar(sources, ForeignMetadata::Keep, &options);
        let mut bytes = Vec::new();
        copy.unwrap().write_tar(&mut bytes).unwrap();
        archive::read(&bytes)
    })
}

fn with_image<T>(
    bench: &Bench,
    name: &str,
    platform: &str,
    act: &dyn Fn(&Images<'_>, &[CopySource<'_>]) -> T,
) -> T {
    let store = Store::open(&bench.path("store")).unwrap();
    let registry = Registry::new(RemoteConfig::new(Environment::default()));
    let images = Images::new(&store, &registry, 2, Limits::default(), &|_| {});
    let choice = PlatformChoice {
        wanted: None,
        default: platform.parse::<Platform>().unwrap(),
    };
    let source = ImageSource::from_argument(name).unwrap();
    let image = images.open(&source, &choice).unwrap();
    act(
        &images,
        &[CopySource {
            image: &image,
            path: "/",
        }],
    )
}

/// Copies the files of `image` into a folder, and makes an image `again` of that.
fn there_and_back(bench: &Bench, image: &str, platform: &str) {
    let host = bench.path("host");
    with_image(bench, image, platform, &|images, sources| {
        let options = CopyOutOptions::default();
        let keep = ForeignMetadata::Keep;
        let (copy, placing) = images
            .copy_to_folder(sources, &host, keep, &options)
            .unwrap();
        copy.write_folder(&placing, true).unwrap();
    });
    made_of(bench, &host, platform).unwrap();
}

fn made_of(bench: &Bench, folder: &Path, platform: &str) -> Result<(), (String, ErrorClass)> {
    let store = Store::open(&bench.path("store")).unwrap();
    let request = LoadRequest {
        file: Some(folder),
        names: &["again".parse().unwrap()],
        root: Some(RootFileSystem {
            platform: platform.parse().unwrap(),
            epoch: None,
            collision: Default::default(),
        }),
        limits: Limits::default(),
    };
    let loaded = load(&store, 2, &|_| {}, &request);
    match loaded {
        Ok(_) => Ok(()),
        Err(error) => Err((error.to_string(), error.class())),
    }
}

/// The user and group whose files are in a temporary folder.
fn user(bench: &Bench) -> (u64, u64) {
    let probe = bench.path("probe");
    fs::create_dir(&probe).unwrap();
    fs::write(probe.join("x"), "").unwrap();
    let reader = ContextReader::open(&probe).unwrap();
    let entries = reader.walk(&mut |_, _| Visit::Include).unwrap();
    let (user, group) = entries[0].owner.unwrap_or_default();
    (user.into(), group.into())
}

fn layout(bench: &Bench, members: &[Member], os: &str) -> String {
    let mut layout = bench.layout("image");
    let config = json!({"os": os, "architecture": "amd64"});
    let image = layout.image(&[(archive::tar(members), Codec::Gzip)], config);
    layout.tag(&image, "latest");
    layout.write();
    format!("oci-layout://{}", bench.path("image").display())
}

/// A folder of the host keeps all that its user may give it.
#[test]
fn linux() {
    let bench = Bench::new();
    let (user, group) = user(&bench);
    let mut members = vec![
        dir("d/", 0o1751).owned(user, group).at(5),
        file("d/a", 0o640, "a").owned(user, group),
        hard_link("d/b", "d/a").owned(user, group),
        file("d/s", 0o4755, "program").owned(user, group),
        file("empty", 0o600, "")
            .owned(user, group)
            .record("mtime", "7.123456789"),
    ];
    // Windows has neither such names nor, under Wine, links; nor modes where there are no extended
    // attributes, as there.
    let is_whole = HOST_NAMES == HostNames::Posix;
    if is_whole {
        members.push(symlink("d/l", "../x//y").owned(user, group).at(77));
        members.push(file("d/x:y\\", 0o444, "named").owned(user, group));
    }
    let image = layout(&bench, &members, "linux");
    there_and_back(&bench, &image, "linux/amd64");
    let lines = |image: &str| -> Vec<String> {
        let files = files(&bench, image, "linux/amd64");
        let line = |entry: &archive::Entry| match is_whole {
            true => format!("{} {}", entry.line(), entry.mtime),
            false => entry.short_line(),
        };
        let hard_linked = files
            .iter()
            .filter(|entry| is_whole || entry.link.is_empty());
        hard_linked.map(line).collect()
    };
    let (before, after) = (lines(&image), lines("again"));
    if is_whole {
        assert_eq!(after, before);
    } else {
        // The second name of a file is one, where the host tells.
        let after: Vec<_> = after
            .into_iter()
            .filter(|line| !line.contains(" d/b "))
            .collect();
        assert_eq!(after, before);
    }
}

/// The files of a Windows image are put upon the hives of an empty one.
#[test]
fn windows() {
    let bench = Bench::new();
    let members = [
        dir("Files/", 0),
        dir("Files/App/", 0),
        file("Files/App/a\u{f03a}b", 0, "colon"),
        file("Files/App/Plain.txt", 0, "plain"),
        dir("Hives/", 0),
    ];
    let image = layout(&bench, &members, "windows");
    there_and_back(&bench, &image, "windows/amd64");
    let app = |image: &str| -> Vec<String> {
        let files = files(&bench, image, "windows/amd64");
        let lines = files.iter().map(archive::Entry::short_line);
        lines.filter(|line| line.contains(" App/")).collect()
    };
    assert_eq!(app("again"), app(&image));
    let all = files(&bench, "again", "windows/amd64");
    let hive = |entry: &&archive::Entry| entry.name == "Windows/System32/config/SYSTEM";
    assert!(
        all.iter()
            .find(hive)
            .is_some_and(|hive| !hive.content.is_empty())
    );
}

#[test]
fn what_is_no_root_file_system() {
    let bench = Bench::new();
    layout(&bench, &[], "linux");
    let (text, class) = made_of(&bench, &bench.path("image"), "linux/amd64").unwrap_err();
    assert!(text.contains("leave out --os"), "{text}");
    assert_eq!(class, ErrorClass::Input);
    // A folder of nothing is an image of nothing.
    let empty = bench.path("empty");
    fs::create_dir(&empty).unwrap();
    made_of(&bench, &empty, "linux/amd64").unwrap();
    assert!(files(&bench, "again", "linux/amd64").is_empty());
}

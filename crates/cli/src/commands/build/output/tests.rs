//! Outputs by what is written.

use crossdock_build::AnnotationLevel;

use super::*;

fn parse(text: &str) -> Result<Output, String> {
    parse_output(text)
}

#[track_caller]
fn check_kind(text: &str, expected: OutputKind) {
    assert_eq!(parse(text), Ok(expected.into()), "{text}");
}

#[track_caller]
fn check_options(text: &str, expected: OutputOptions) {
    let found = parse(text).map(|output| output.options);
    assert_eq!(found, Ok(expected), "{text}");
}

#[track_caller]
fn check_error(text: &str, expected: &str) {
    let found = parse(text).unwrap_err();
    assert!(found.contains(expected), "{text}: {found}");
}

fn file(path: &str) -> Target {
    Target::File(path.into())
}

#[test]
fn kinds() {
    let local = |path: &str| OutputKind::Local(path.into());
    check_kind("out", local("out"));
    check_kind("./a=b", local("./a=b"));
    check_kind("out/type=x", local("out/type=x"));
    check_kind("-", OutputKind::Tar(Target::Stdout));
    check_kind("type=local,dest=out", local("out"));
    check_kind("type=local,\"dest=a,b\"", local("a,b"));
    check_kind("type=local,\"dest=a\"\"b\"", local("a\"b"));
    check_kind("type=local,dest=a=b", local("a=b"));
    check_kind("Type=local, dest=out", local("out"));
    check_kind("type=tar,dest=f.tar", OutputKind::Tar(file("f.tar")));
    check_kind("type=tar,dest=-", OutputKind::Tar(Target::Stdout));
    check_kind("type=oci,dest=f", OutputKind::OciArchive(file("f")));
    check_kind("dest=-,type=oci", OutputKind::OciArchive(Target::Stdout));
    check_kind(
        "type=oci,tar=true,dest=f",
        OutputKind::OciArchive(file("f")),
    );
    check_kind("type=oci,tar=false,dest=d", OutputKind::Layout("d".into()));
    check_kind("type=oci-layout,dest=d", OutputKind::Layout("d".into()));
    check_kind("type=docker,dest=f", OutputKind::DockerArchive(file("f")));
    check_kind(
        "type=docker,dest=-",
        OutputKind::DockerArchive(Target::Stdout),
    );
    check_kind("type=image", OutputKind::Image { push: false });
    check_kind("type=image,push=false", OutputKind::Image { push: false });
    check_kind("type=image,push=true", OutputKind::Image { push: true });
    check_kind("type=image,push=", OutputKind::Image { push: true });
    check_kind("type=registry", OutputKind::Registry);
    check_kind("type=registry,push=true", OutputKind::Registry);
}

#[test]
fn options() {
    let none = OutputOptions::default;
    let compressed = |compression, level: Option<i64>| OutputOptions {
        compression: Some(match level {
            None => Codec::new(compression),
            Some(level) => Codec::with_level(compression, level).unwrap(),
        }),
        ..none()
    };
    check_options("type=image", none());
    check_options(
        "type=image,compression=zstd",
        compressed(Compression::Zstd, None),
    );
    check_options(
        "type=oci,dest=-,compression-level=19,compression=zstd",
        compressed(Compression::Zstd, Some(19)),
    );
    check_options(
        "type=image,compression-level=-1",
        compressed(Compression::Gzip, None),
    );
    check_options(
        "type=image,compression=uncompressed",
        compressed(Compression::None, None),
    );
    check_options(
        "type=image,force-compression=true",
        OutputOptions {
            force_compression: true,
            ..none()
        },
    );
    check_options("type=image,force-compression=0", none());
    check_options("type=image,oci-mediatypes=true", none());
    check_options(
        "type=image,oci-mediatypes=F",
        OutputOptions {
            docker_media_types: true,
            ..none()
        },
    );
    check_options(
        "type=image,rewrite-timestamp=true",
        OutputOptions {
            rewrite_timestamp: true,
            ..none()
        },
    );
    check_options(
        "type=local,dest=out,platform-split=false",
        OutputOptions {
            platform_split: Some(false),
            ..none()
        },
    );
    let names = |names: &[&str]| OutputOptions {
        names: names.iter().map(|name| name.parse().unwrap()).collect(),
        ..none()
    };
    check_options("type=image,name=app", names(&["app"]));
    check_options(
        "type=registry,\"name=h.example/a:1,h.example/b\"",
        names(&["h.example/a:1", "h.example/b"]),
    );
    check_options(
        "type=registry,name=h.example/a:1,name=h.example/b",
        names(&["h.example/a:1", "h.example/b"]),
    );
    let annotation = |level, key: &str, value: &str| OutputOptions {
        annotations: vec![Annotation {
            level,
            platform: None,
            key: key.to_owned(),
            value: value.to_owned(),
        }],
        ..none()
    };
    check_options(
        "type=image,annotation.org.Example=A=b",
        annotation(AnnotationLevel::Manifest, "org.Example", "A=b"),
    );
    check_options(
        "type=oci,dest=-,annotation-index.a=",
        annotation(AnnotationLevel::Index, "a", ""),
    );
}

#[test]
fn errors() {
    check_error("type=local", "dest= is missing; write dest=DIR");
    check_error("type=oci", "dest=FILE, or dest=- for a pipe");
    check_error("type=oci,dest=", "dest= is missing");
    check_error("type=docker", "docker load");
    check_error("dest=out", "type= is missing");
    check_error("type=", "there is no type \"\"");
    check_error("type=iso,dest=x", "there is no type \"iso\"");
    check_error("type=cacheonly", "keeps its results");
    check_error("type=local,out", "\"out\" is not understood");
    check_error("type=local,\"dest=out", "quote");
    check_error(
        "type=local,dest=out,colour=red",
        "there is no attribute \"colour\"",
    );
    check_error("type=image,unpack=true", "BuildKit's and not supported");
    check_error("type=image,registry.insecure=true", "--insecure-registry");
    check_error("type=image,dest=x", "type=image has no dest=");
    check_error("type=registry,dest=x", "type=registry has no dest=");
    check_error("type=registry,push=false", "does nothing");
    check_error("type=oci,dest=x,push=true", "type=oci is not pushed");
    check_error(
        "type=local,dest=x,compression=gzip",
        "compression= is for images",
    );
    check_error("type=tar,dest=x,name=app", "name= is for images");
    check_error(
        "type=oci,dest=x,platform-split=true",
        "is for local and tar",
    );
    check_error("type=local,dest=x,tar=false", "tar= belongs to type=oci");
    check_error("type=docker,dest=x,tar=false", "docker loads archives");
    check_error("type=image,compression=estargz", "use gzip or zstd");
    check_error("type=image,compression=lz4", "no compression \"lz4\"");
    check_error("type=image,compression-level=high", "is not a whole number");
    check_error(
        "type=image,compression-level=10",
        "gzip has the levels -1 to 9",
    );
    check_error(
        "type=image,compression=zstd,compression-level=23",
        "zstd has the levels 0 to 22",
    );
    check_error(
        "type=image,compression=uncompressed,compression-level=1",
        "no level",
    );
    check_error("type=image,push=yes", "neither true nor false");
    check_error("type=image,name=UPPER", "name=UPPER");
    check_error(
        "type=image,name=app@sha256:0000000000000000000000000000000000000000000000000000000000000000",
        "a name has no digest",
    );
    check_error("type=image,annotation-other.a=b", "no annotation level");
}

#[track_caller]
fn check_all(texts: &[&str], push: bool, expected: Result<&[OutputKind], &str>) {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    let found = outputs(&Wanted {
        outputs: &texts,
        push,
        has_names: false,
        to_terminal: false,
    });
    match (found, expected) {
        (Ok(found), Ok(expected)) => {
            let kinds: Vec<OutputKind> = found.into_iter().map(|output| output.kind).collect();
            assert_eq!(kinds, expected, "{texts:?}");
        }
        (Err(found), Err(expected)) => {
            let found = format!("{found:?}");
            assert!(found.contains(expected), "{texts:?}: {found}");
        }
        (found, _) => panic!("{texts:?}: {found:?}"),
    }
}

#[test]
fn together() {
    use OutputKind::{Image, Local, Registry};
    let needs_a_name = Err("pushing needs a name");
    check_all(&[], false, Ok(&[Image { push: false }]));
    check_all(&[""], false, Ok(&[Image { push: false }]));
    check_all(&["out"], false, Ok(&[Local("out".into())]));
    check_all(&[], true, needs_a_name);
    check_all(&["type=image,push=true"], false, needs_a_name);
    check_all(&["out"], true, needs_a_name);
    let named = "type=registry,name=h.example/a";
    check_all(&[named], true, Ok(&[Registry]));
    check_all(
        &["type=image,name=h.example/a,push=true", "out"],
        true,
        Ok(&[Image { push: true }, Local("out".into())]),
    );
    check_all(&["-", "type=oci,dest=-"], false, Err("takes one"));
    check_all(&["nonsense,"], false, Err("-o nonsense,: "));
}

#[test]
fn terminals_get_no_archives() {
    let wanted = |text: &str| {
        let texts = [text.to_owned()];
        let outputs = outputs(&Wanted {
            outputs: &texts,
            push: false,
            has_names: true,
            to_terminal: true,
        });
        outputs.is_ok()
    };
    for text in [
        "-",
        "type=oci,dest=-",
        "type=docker,dest=-",
        "type=tar,dest=-",
    ] {
        assert!(!wanted(text), "{text}");
    }
    for text in ["out", "type=oci,dest=f", "type=image"] {
        assert!(wanted(text), "{text}");
    }
}

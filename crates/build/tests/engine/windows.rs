//! Windows images: from scratch, upon bases, and copies between systems. The bench validates
//! every layer.

use crossdock_build::{CollisionPolicy, ErrorClass, ForeignMetadata};
use serde_json::json;

use crate::archive::{Entry, dir, file, symlink};
use crate::bench::{Ask, Bench, Image, layout};

const VERSION: &str = "windows(10.0.20348.2849)/amd64";

fn windows() -> Ask<'static> {
    Ask {
        platform: VERSION,
        ..Ask::default()
    }
}

#[track_caller]
fn build(bench: &Bench, dockerfile: &str, ask: Ask<'_>) -> Image {
    match bench.build(dockerfile, ask) {
        Ok(image) => image,
        Err(failed) => panic!("{dockerfile}: {}", failed.text),
    }
}

#[track_caller]
fn fails(bench: &Bench, dockerfile: &str, ask: Ask<'_>, expected: &[&str]) {
    let failed = match bench.build(dockerfile, ask) {
        Ok(image) => panic!("{dockerfile}: {:#?}", image.lines()),
        Err(failed) => failed,
    };
    for part in expected {
        assert!(
            failed.text.contains(part),
            "{dockerfile}: {part}: {}",
            failed.text
        );
    }
    assert_eq!(failed.class, ErrorClass::Input);
}

fn text<'e>(entry: &'e Entry, key: &str) -> &'e str {
    let value = entry.records.get(key);
    let value = value.unwrap_or_else(|| panic!("{}: no {key}: {:?}", entry.name, entry.records));
    std::str::from_utf8(value).unwrap()
}

/// What Windows' importer makes of an entry: everything but the names.
fn descriptor(entry: &Entry) -> &str {
    text(entry, "MSWINDOWS.rawsd")
}

#[test]
fn scratch() {
    let bench = Bench::new();
    bench.file("app.exe", "MZ");
    let image = build(
        &bench,
        "# escape=`\nFROM scratch\nCOPY app.exe C:\\app\\\n",
        windows(),
    );
    assert_eq!(image.layers.len(), 2);
    let names: Vec<&str> = image.layers[0].iter().map(|entry| &*entry.name).collect();
    let config = "Files/Windows/System32/config";
    let mut expected = vec![
        "Hives",
        "Files",
        "Files/Windows",
        "Files/Windows/System32",
        config,
    ];
    let hives =
        ["DEFAULT", "SAM", "SECURITY", "SOFTWARE", "SYSTEM"].map(|hive| format!("{config}/{hive}"));
    expected.extend(hives.iter().map(String::as_str));
    assert_eq!(names, expected);
    assert!(!descriptor(&image.layers[0][1]).is_empty());
    for hive in &hives {
        assert!(image.entry(hive).content.starts_with(b"regf"), "{hive}");
    }
    let lines: Vec<String> = image.top().iter().map(Entry::short_line).collect();
    assert_eq!(
        lines,
        [
            "d Hives",
            "d Files",
            "d Files/app",
            "f Files/app/app.exe \"MZ\""
        ]
    );
    assert_eq!(image.config["os"], "windows");
    assert_eq!(image.config["os.version"], "10.0.20348.2849");
    assert_eq!(
        image.descriptor["platform"]["os.version"],
        "10.0.20348.2849"
    );
    assert!(image.config["config"].get("Env").is_none());
    assert!(image.told.warnings.is_empty(), "{:?}", image.told.warnings);
    // Without a version it starts nowhere; the warning names the flag.
    let ask = Ask {
        platform: "windows/amd64",
        ..Ask::default()
    };
    let image = build(&bench, "FROM scratch\nCOPY app.exe /\n", ask);
    let [warning] = &image.told.warnings[..] else {
        panic!("{:?}", image.told.warnings);
    };
    assert!(
        warning.contains("--platform") && warning.contains("version"),
        "{warning}"
    );
    assert!(image.config.get("os.version").is_none());
}

/// New entries inherit from the directory that they are put into; what is passed through stays.
#[test]
fn upon_a_base() {
    let bench = Bench::new();
    bench.file("f", "f");
    let from = "# escape=`\nFROM {windows}:latest\n".replace("{windows}", "oci-layout://{windows}");
    let image = build(
        &bench,
        &format!("{from}COPY f c:\\windows\\SYSTEM32\\Drivers\\ETC\\\n"),
        windows(),
    );
    // The base's spelling, and its metadata.
    let lines: Vec<String> = image.top().iter().map(Entry::short_line).collect();
    let place = "Files/Windows/System32/drivers/etc";
    let expected = [
        "d Hives".to_owned(),
        "d Files".to_owned(),
        "d Files/Windows".to_owned(),
        "d Files/Windows/System32".to_owned(),
        "d Files/Windows/System32/drivers".to_owned(),
        format!("d {place}"),
        format!("f {place}/f \"f\""),
    ];
    assert_eq!(lines, expected);
    let top = |name: &str| image.top().iter().find(|entry| entry.name == name).unwrap();
    let before = |name: &str| {
        let below = image.layers[..image.layers.len() - 1]
            .iter()
            .rev()
            .flatten();
        let mut same = below.filter(|entry| entry.name.eq_ignore_ascii_case(name));
        same.next().unwrap()
    };
    for name in ["Files/Windows", "Files/Windows/System32", place] {
        assert_eq!(descriptor(top(name)), descriptor(before(name)), "{name}");
        assert_eq!(top(name).mtime, before(name).mtime, "{name}");
    }
    assert_eq!(image.config["os.version"], "10.0.20348.2849");
    assert_eq!(image.config["os.features"], json!(["win32k"]));
    assert_eq!(
        image.descriptor["platform"]["os.features"],
        json!(["win32k"])
    );
    // An existing file is overwritten in its spelling.
    let image = build(&bench, &format!("{from}COPY f /license.TXT\n"), windows());
    assert_eq!(image.entry("Files/License.txt").content, b"f");
    assert!(
        image
            .top()
            .iter()
            .all(|entry| entry.name != "Files/license.TXT")
    );
    // Through a junction to where it leads.
    let image = build(
        &bench,
        &format!("{from}COPY [\"f\", \"/Documents and Settings/Public/\"]\n"),
        windows(),
    );
    assert_eq!(image.entry("Files/Users/Public/f").content, b"f");
}

#[test]
fn working_directories() {
    let bench = Bench::new();
    bench.file("f", "f");
    let check = |instructions: &str, directory: &str, made: &[&str]| {
        let dockerfile =
            format!("# escape=`\nFROM oci-layout://{{windows}}:latest\n{instructions}\n");
        let image = build(&bench, &dockerfile, windows());
        assert_eq!(
            image.config["config"]["WorkingDir"], directory,
            "{instructions}"
        );
        let made_layer = image.history().last().unwrap().1;
        assert_eq!(made_layer, !made.is_empty(), "{instructions}");
        let first = image.layers.len() - image.new_layers;
        let lines: Vec<String> = image.layers[first..]
            .iter()
            .flatten()
            .map(Entry::short_line)
            .collect();
        assert_eq!(lines, made, "{instructions}");
    };
    let tools = ["d Hives", "d Files", "d Files/tools"];
    check("WORKDIR C:\\tools", "\\tools", &tools);
    check("WORKDIR /tools/", "\\tools", &tools);
    check("WORKDIR tools", "\\tools", &tools);
    check("WORKDIR c:tools", "\\tools", &tools);
    check("WORKDIR C:\\windows\\system32", "\\windows\\system32", &[]);
    check("WORKDIR C:\\Users\nWORKDIR ..\\tools", "\\tools", &tools);
    check("WORKDIR C:\\", "\\", &[]);
    check(
        "USER ContainerUser\nWORKDIR C:\\tools\\a",
        "\\tools\\a",
        &["d Hives", "d Files", "d Files/tools", "d Files/tools/a"],
    );
    let dockerfile =
        |line: &str| format!("# escape=`\nFROM oci-layout://{{windows}}:latest\n{line}\n");
    for (line, part) in [
        ("WORKDIR D:\\x", "D:"),
        ("WORKDIR C:", "C:"),
        ("WORKDIR \\\\server\\share", "UNC"),
        ("WORKDIR C:\\License.txt", "non-directory: C:\\License.txt"),
    ] {
        fails(
            &bench,
            &dockerfile(line),
            windows(),
            &["Dockerfile:3", part],
        );
    }
    // The owner is USER's.
    let of = |user: &str| {
        let text = dockerfile(&format!("USER {user}\nWORKDIR C:\\tools"));
        let image = build(&bench, &text, windows());
        let entry = image.entry("Files/tools");
        (descriptor(entry).to_owned(), image.told.warnings.len())
    };
    let (user, administrator) = (of("ContainerUser"), of("ContainerAdministrator"));
    assert_ne!(user.0, administrator.0);
    assert_eq!((user.1, administrator.1), (0, 0));
    // Whom only a running container knows is no reason to fail.
    assert_eq!(of("bob").1, 1);
}

#[test]
fn owners_and_modes() {
    let bench = Bench::new();
    bench.linux_base("source", &[file("f", 0o640, "f").owned(3, 4)]);
    let copy = |flags: &str| {
        let dockerfile = format!(
            "FROM oci-layout://{{windows}}:latest\n\
             COPY {flags} --from=oci-layout://source /f /ProgramData/x\n"
        );
        build(&bench, &dockerfile, windows())
    };
    let plain = copy("");
    let entry = |image: &Image| image.entry("Files/ProgramData/x").clone();
    assert_eq!(entry(&plain).line(), "f 640 3:4 Files/ProgramData/x \"f\"");
    let inherited = descriptor(&entry(&plain)).to_owned();
    let owned = copy("--chown=ContainerUser");
    assert_ne!(descriptor(&entry(&owned)), inherited);
    assert_eq!(
        descriptor(&entry(&copy("--chown=S-1-5-93-2-2"))),
        descriptor(&entry(&owned))
    );
    assert_ne!(
        descriptor(&entry(&copy("--chown=ContainerUser:Users"))),
        descriptor(&entry(&owned))
    );
    let numeric = copy("--chown=7:8");
    assert_eq!(
        entry(&numeric).line(),
        "f 640 7:8 Files/ProgramData/x \"f\""
    );
    assert_eq!(descriptor(&entry(&numeric)), inherited);
    let [warning] = &numeric.told.warnings[..] else {
        panic!("{:?}", numeric.told.warnings);
    };
    assert!(
        warning.contains("Dockerfile:2") && warning.contains("numeric"),
        "{warning}"
    );
    // READONLY if and only if no write bit; the descriptor stays.
    for (flags, attributes, mode) in [
        ("", "32", 0o640),
        ("--chmod=444", "33", 0o444),
        ("--chmod=a-w", "33", 0o440),
        ("--chmod=4755", "32", 0o4755),
    ] {
        let image = copy(flags);
        let entry = entry(&image);
        assert_eq!(text(&entry, "MSWINDOWS.fileattr"), attributes, "{flags}");
        assert_eq!(entry.mode(), mode, "{flags}");
        assert_eq!(descriptor(&entry), inherited, "{flags}");
    }
    let dockerfile = "FROM oci-layout://{windows}:latest\n\
                      COPY --chown=bob --from=oci-layout://source /f /x\n";
    fails(
        &bench,
        dockerfile,
        windows(),
        &["Dockerfile:2", "account \"bob\" is not known"],
    );
}

#[test]
fn links_to_the_base() {
    let bench = Bench::new();
    bench.file("f", "f");
    let copy = |destination: &str| {
        let dockerfile =
            format!("FROM oci-layout://{{windows}}:latest\nCOPY --link f {destination}\n");
        build(&bench, &dockerfile, windows())
    };
    // The base is not even read.
    let image = copy("/tools/bin/");
    assert_eq!(image.told.layers_read(), 0);
    let lines: Vec<String> = image.top().iter().map(Entry::short_line).collect();
    let expected = [
        "d Hives",
        "d Files",
        "d Files/tools",
        "d Files/tools/bin",
        "f Files/tools/bin/f \"f\"",
    ];
    assert_eq!(lines, expected);
    assert!(image.told.warnings.is_empty());
    for (number, folder) in ["Windows", "users", "PROGRAMDATA", "'Program Files'"]
        .iter()
        .enumerate()
    {
        let name = folder.trim_matches('\'');
        let image = match folder.starts_with('\'') {
            false => copy(&format!("/{name}/")),
            true => {
                let dockerfile = format!(
                    "FROM oci-layout://{{windows}}:latest\nCOPY --link [\"f\", \"/{name}/\"]\n"
                );
                build(&bench, &dockerfile, windows())
            }
        };
        assert_eq!(image.told.layers_read() > 0, number == 0, "{name}");
        let [warning] = &image.told.warnings[..] else {
            panic!("{:?}", image.told.warnings);
        };
        assert!(
            warning.contains("--link to a folder of the system"),
            "{warning}"
        );
        assert_eq!(
            image.top().len(),
            4,
            "the base's spelling: {:#?}",
            image.top()
        );
    }
}

fn mixed() -> Bench {
    let bench = Bench::new();
    bench.linux_base(
        "source",
        &[
            dir("d/", 0o755),
            file("d/Readme", 0o644, "1"),
            file("d/README", 0o644, "2"),
            dir("d/x/", 0o700),
            file("d/x/in", 0o644, "3"),
            file("d/X", 0o644, "4"),
            file("d/a:b", 0o4755, "5")
                .owned(5, 6)
                .record("SCHILY.xattr.user.a", "b"),
            symlink("d/link", "/d/x"),
        ],
    );
    bench
}

#[test]
fn collisions() {
    let bench = mixed();
    let dockerfile = "FROM scratch\nCOPY --from=oci-layout://source --chown=SYSTEM /d/ /d/\n";
    let dockerfile = &dockerfile.replace(" --chown=SYSTEM", "");
    fails(
        &bench,
        dockerfile,
        windows(),
        &[
            "Dockerfile:2: COPY",
            "names cannot stand side by side on Windows",
            "C:\\d\\README and C:\\d\\Readme",
            "C:\\d\\X and C:\\d\\x",
            "--on-collision rename",
        ],
    );
    let first = Ask {
        collision: CollisionPolicy::First,
        ..windows()
    };
    let image = build(&bench, dockerfile, first);
    let names =
        |image: &Image| -> Vec<String> { image.top().iter().map(Entry::short_line).collect() };
    assert_eq!(
        names(&image),
        [
            "d Hives",
            "d Files",
            "d Files/d",
            "f Files/d/README \"2\"",
            "f Files/d/X \"4\"",
            "f Files/d/a\u{f03a}b \"5\"",
            "l Files/d/link -> \\d\\x",
        ]
    );
    let lost: Vec<&str> = image.told.losses.iter().map(|loss| &*loss.path).collect();
    assert!(
        lost.contains(&"C:\\d\\Readme") && lost.contains(&"C:\\d\\x"),
        "{lost:?}"
    );
    let rename = Ask {
        collision: CollisionPolicy::Rename,
        ..windows()
    };
    let image = build(&bench, dockerfile, rename);
    assert!(image.told.losses.is_empty());
    let renamed = names(&image);
    assert_eq!(renamed.len(), 10, "{renamed:#?}");
    assert!(
        renamed
            .iter()
            .any(|line| line.starts_with("f Files/d/Readme~"))
    );
    assert!(renamed.iter().any(|line| line.starts_with("d Files/d/x~")));
    // And back, through the image as others see it.
    let output = bench.path("exported");
    let mut ask = Ask {
        collision: CollisionPolicy::Rename,
        ..windows()
    };
    ask.outputs = Some(vec![layout(output)]);
    build(&bench, dockerfile, ask);
    let back = "FROM --platform=linux/amd64 scratch\n\
                COPY --from=oci-layout://exported C:\\d\\ /d/\n";
    let ask = Ask {
        store: "store-of-another",
        ..Ask::default()
    };
    let image = build(&bench, &format!("# escape=`\n{back}"), ask);
    assert_eq!(
        image.lines(),
        [
            "d 755 0:0 d/",
            "f 644 0:0 d/README \"2\"",
            "f 644 0:0 d/Readme \"1\"",
            "f 644 0:0 d/X \"4\"",
            "f 4755 5:6 d/a:b \"5\"",
            "l 777 0:0 d/link -> /d/x",
            "d 700 0:0 d/x/",
            "f 644 0:0 d/x/in \"3\"",
        ]
    );
    assert_eq!(image.entry("d/a:b").records["SCHILY.xattr.user.a"], b"b");
}

/// What the target cannot express is in the layer, or nowhere.
#[test]
fn foreign_metadata() {
    let bench = mixed();
    let to_windows = "FROM scratch\nCOPY --from=oci-layout://source /d/a:b /d/link /n/\n";
    let to_linux = "FROM --platform=windows/amd64 oci-layout://{windows}:latest AS windows\n\
                    FROM --platform=linux/amd64 scratch\n\
                    COPY --from=windows [\"/Program Files/Streams\", \"/n/\"]\n";
    let check = |dockerfile: &str, platform, foreign: &[&str]| {
        for (policy, kept) in [
            (ForeignMetadata::Keep, true),
            (ForeignMetadata::Drop, false),
        ] {
            let ask = Ask {
                platform,
                foreign: policy,
                ..Ask::default()
            };
            let image = build(&bench, dockerfile, ask);
            let keys: Vec<&String> = image.top().iter().flat_map(|e| e.records.keys()).collect();
            for part in foreign {
                let found = keys.iter().any(|key| key.starts_with(part));
                assert_eq!(found, kept, "{part}: {keys:?}");
            }
            assert_eq!(image.told.hidden > 0, kept);
        }
    };
    check(to_windows, VERSION, &["CROSSDOCK.", "SCHILY."]);
    check(to_linux, "linux/amd64", &["CROSSDOCK.", "MSWINDOWS."]);
    // Dropped: the header says nothing of owners, either.
    let ask = Ask {
        foreign: ForeignMetadata::Drop,
        ..windows()
    };
    let image = build(&bench, to_windows, ask);
    assert_eq!(
        image.entry("Files/n/a\u{f03a}b").line().split(' ').nth(2),
        Some("0:0")
    );
}

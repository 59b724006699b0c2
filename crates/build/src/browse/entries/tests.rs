use super::super::path::find_path;
use super::super::sample;
use super::*;

/// What is told of a path, in a line.
fn told(reader: &mut EntryReader<'_>, path: &str) -> String {
    let node = find_path(reader.tree(), path.as_bytes(), false)
        .unwrap()
        .node;
    let entry = reader.read(node);
    let access = match &entry.access {
        EntryAccess::Posix {
            mode,
            uid,
            gid,
            user,
            group,
        } => {
            let name = |name: &Option<Arc<[u8]>>| match name {
                Some(name) => String::from_utf8(name.to_vec()).unwrap(),
                None => "?".to_owned(),
            };
            format!("{mode:o} {uid}={} {gid}={}", name(user), name(group))
        }
        EntryAccess::Win32 { attributes, owner } => {
            let owner = owner.as_ref().map(|owner| (&*owner.sid, owner.name));
            format!("{attributes:#x} {owner:?}")
        }
    };
    let more = [
        entry.link.map(|link| String::from_utf8(link).unwrap()),
        entry.device.map(|device| format!("{device:?}")),
        (!entry.streams.is_empty()).then(|| format!("{} streams", entry.streams.len())),
    ];
    let more: String = more
        .iter()
        .flatten()
        .map(|text| format!(" {text}"))
        .collect();
    let time = entry.modified.map(|time| time.seconds);
    format!(
        "{} {} {access} x{} {time:?}{more}",
        entry.kind.name(),
        entry.size,
        entry.links
    )
}

#[test]
fn linux() {
    let tree = sample::linux();
    let passwd = b"root:x:0:0::/:\napp:x:7:8::/:\n".to_vec();
    let mut reader = EntryReader::new(&tree, passwd, b"root:x:0:\n".to_vec());
    let mut check = |path: &str, expected: &str| {
        assert_eq!(told(&mut reader, path), expected, "{path}");
    };
    check("etc/passwd", "file 100 644 0=root 0=root x1 Some(300)");
    check("bin/su", "file 2000 4755 0=root 0=root x2 Some(200)");
    check("bin/sudo", "file 2000 4755 0=root 0=root x2 Some(200)");
    check("bin/a\nb", "file 1 755 7=app 8=? x1 Some(250)");
    check(
        "dev/tty",
        "character_device 0 620 0=root 0=root x1 Some(0) (5, 0)",
    );
    check(
        "dev/sda",
        "block_device 0 660 0=root 0=root x1 Some(0) (8, 1)",
    );
    check("dev/log", "named_pipe 0 600 0=root 0=root x1 Some(0)");
    check("sh", "symbolic_link 6 777 0=root 0=root x1 Some(0) bin/su");
    check("empty", "directory 0 2755 0=root 0=root x2 Some(0)");
    // Nobody says anything of the root; four directories are in it.
    check("/", "directory 0 755 0=root 0=root x6 None");
}

#[test]
fn windows() {
    let tree = sample::windows();
    let mut reader = EntryReader::new(&tree, Vec::new(), Vec::new());
    let mut check = |path: &str, expected: &str| {
        assert_eq!(told(&mut reader, path), expected, "{path}");
    };
    let owner = r#"Some(("S-1-5-32-544", Some("BUILTIN\\Administrators")))"#;
    check(
        "users\\NOTES.TXT",
        &format!("file 20 0x20 {owner} x1 Some(60) 1 streams"),
    );
    check(
        "C:\\documents and settings",
        &format!("junction 8 0x410 {owner} x1 Some(0) C:\\Users"),
    );
    check("/Users/a:b", &format!("file 0 0x20 {owner} x1 Some(70)"));
    check("C:\\", "directory 0 0x10 None x1 None");
}

use super::*;

fn leases(folder: &Path) -> Leases {
    let path = folder.join(LEASES);
    let file = File::options().append(true).create_new(true).open(path);
    let file = file.unwrap();
    Leases::open(file, &folder.join("lock")).unwrap()
}

fn blob(byte: u8) -> Name {
    Name::Blob(BlobDigest::new(Digest::from_bytes([byte; 32])))
}

#[test]
fn the_file() {
    let folder = tempfile::tempdir().unwrap();
    let leases = leases(folder.path());
    let names: Vec<Name> = RecordKind::ALL
        .into_iter()
        .map(|kind| Name::Record(kind, [7; 32]))
        .chain([blob(1), blob(2)])
        .collect();
    assert!(names.iter().all(|name| leases.hold(*name)));
    assert!(!names.iter().any(|name| leases.hold(*name)), "once each");
    assert_eq!(read(folder.path()).unwrap(), names);
    let bytes = std::fs::read(folder.path().join(LEASES)).unwrap();
    assert_eq!(bytes.len(), 7 * 33);
    // The bytes that `docs/format/store.md` draws.
    assert_eq!(bytes[..33], [&[3][..], &[7; 32]].concat());
    assert_eq!(bytes[6 * 33..], [&[0][..], &[2; 32]].concat());
}

/// Reads what `bytes` after one whole lease are taken for.
#[track_caller]
fn check(rest: &[u8], expected: &[Name]) {
    let folder = tempfile::tempdir().unwrap();
    let leases = leases(folder.path());
    leases.hold(blob(9));
    let path = folder.path().join(LEASES);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes.extend_from_slice(rest);
    std::fs::write(&path, bytes).unwrap();
    let found = read(folder.path()).unwrap();
    assert_eq!(found[0], blob(9));
    assert_eq!(&found[1..], expected);
}

#[test]
fn rests() {
    check(&[], &[]);
    check(&[0], &[]);
    check(&[0; 32], &[]);
    check(&[0; 33], &[blob(0)]);
    check(&[0; 65], &[blob(0)]);
    // What a newer program might lease.
    check(&[6; 33], &[]);
    check(&[255; 66], &[]);
}

#[test]
fn who_cannot_write_a_lease_stops_all_removal() {
    let folder = tempfile::tempdir().unwrap();
    let leases = leases(folder.path());
    leases.hold(blob(1));
    // A file that takes no bytes, as on a full disk.
    leases.state().file = File::open(folder.path().join(LEASES)).unwrap();
    leases.hold(blob(2));
    leases.hold(blob(3));
    let lock = folder.path().join("lock");
    let free = || {
        crossdock_host::FileLock::try_exclusive(&lock)
            .unwrap()
            .is_some()
    };
    assert!(!free());
    assert!(leases.stop(true, |_| ()).is_err());
    drop(leases);
    assert!(free());
}

#[test]
fn threads() {
    let folder = tempfile::tempdir().unwrap();
    let leases = leases(folder.path());
    std::thread::scope(|scope| {
        for start in 0..4 {
            let leases = &leases;
            scope.spawn(move || {
                (start..start + 100).for_each(|byte| {
                    leases.hold(blob(byte));
                })
            });
        }
    });
    let mut names = read(folder.path()).unwrap();
    names.sort_by_key(|name| name.to_bytes());
    assert_eq!(names, (0..103).map(blob).collect::<Vec<_>>());
}

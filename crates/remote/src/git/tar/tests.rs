use super::*;

/// What is written is read again.
fn entries() -> Vec<(Entry, Vec<u8>)> {
    let file = |path: &str, is_executable, content: &[u8]| {
        let kind = Kind::File {
            is_executable,
            size: content.len() as u64,
        };
        let path = path.as_bytes().to_vec();
        (Entry { path, kind }, content.to_vec())
    };
    let link = |path: &str, target: &str| {
        let (path, target) = (path.as_bytes().to_vec(), target.as_bytes().to_vec());
        let kind = Kind::Link { target };
        (Entry { path, kind }, Vec::new())
    };
    let mut entries = vec![
        file("a", false, b""),
        file("b/c", true, &[7; 512]),
        file("\u{fc}", false, &[8; 513]),
        link("l", "b/c"),
        link(&"l".repeat(100), &"t".repeat(100)),
        link(&"l".repeat(101), &"t".repeat(101)),
    ];
    // Around the lengths at which the length of a record gets another digit.
    for length in (80..110).chain(970..1000) {
        entries.push(file(&"x".repeat(length), false, b"y"));
        let kind = Kind::Directory;
        let path = "d".repeat(length).into_bytes();
        entries.push((Entry { path, kind }, Vec::new()));
    }
    entries
}

fn written(time: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = TarWriter::new(&mut bytes, time);
    for (Entry { path, kind }, content) in entries() {
        let done = match kind {
            Kind::Directory => writer.directory(&path),
            Kind::Link { target } => writer.link(&path, &target),
            Kind::File {
                is_executable,
                size,
            } => {
                let mode = if is_executable { 0o755 } else { 0o644 };
                writer.file(&path, mode, size, &mut &content[..])
            }
        };
        done.expect("a vector takes it");
    }
    let count = writer.finish().expect("a vector takes it");
    assert_eq!(count, entries().len() as u64);
    bytes
}

fn read(bytes: &[u8]) -> io::Result<Vec<(Entry, Vec<u8>)>> {
    let mut reader = TarReader::new(bytes);
    let mut found = Vec::new();
    while let Some(entry) = reader.next()? {
        let mut content = Vec::new();
        reader.read_to_end(&mut content)?;
        found.push((entry, content));
    }
    Ok(found)
}

#[test]
fn what_is_written_is_read() {
    for time in [0, 1_500_000_000, i64::MAX, -5] {
        let bytes = written(time);
        assert_eq!(bytes.len() % BLOCK, 0);
        assert_eq!(read(&bytes).expect("readable"), entries(), "{time}");
    }
}

#[test]
fn content_that_is_not_read_is_skipped() {
    let bytes = written(0);
    let mut reader = TarReader::new(&bytes[..]);
    let mut found = Vec::new();
    while let Some(entry) = reader.next().expect("readable") {
        let _ = reader.read(&mut [0; 3]).expect("readable");
        found.push(entry);
    }
    assert_eq!(found.len(), entries().len());
}

#[test]
fn damage_is_found() {
    let bytes = written(0);
    for length in (0..bytes.len() - 1024).step_by(256) {
        read(&bytes[..length]).expect_err("it is cut");
    }
    for at in [0, 124, 156, 500] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        read(&damaged).expect_err("a wrong checksum");
    }
}

#[test]
fn content_of_another_size_is_an_error() {
    let mut bytes = Vec::new();
    let mut writer = TarWriter::new(&mut bytes, 0);
    let error = writer
        .file(b"a", 0o644, 5, &mut &b"four"[..])
        .expect_err("too short");
    assert!(
        error
            .get_ref()
            .is_some_and(|inner| inner.is::<ReadFailed>())
    );
}

#[test]
fn folders_on_the_way_come_once() {
    let mut bytes = Vec::new();
    let mut writer = TarWriter::new(&mut bytes, 0);
    for path in ["a/b", "a", "a/c", "a/b/d"] {
        writer.directories(path).expect("a vector takes it");
    }
    writer.finish().expect("a vector takes it");
    let found = read(&bytes).expect("readable");
    let paths: Vec<_> = found
        .iter()
        .map(|(entry, _)| entry.path.as_slice())
        .collect();
    assert_eq!(paths, [&b"a"[..], b"a/b", b"a/c", b"a/b/d"]);
}

#[test]
fn records_that_cannot_be_read() {
    for bytes in [
        &b"x"[..],
        b"5 a=b",
        b"99 a=b\n",
        b"3 \n",
        b"6 abc\n",
        b"-1 a=b\n",
        b"0 a=b\n",
    ] {
        records_of(bytes).expect_err("malformed");
    }
    let found = records_of(b"6 a=b\n8 c=d=\n\n").expect("valid");
    assert_eq!(found, [(&b"a"[..], &b"b"[..]), (b"c", b"d=\n")]);
}

use std::collections::BTreeMap;

use crossdock_image::{ANNOTATION_REF_NAME, Digest, MediaType};

use super::*;

/// An archive without an image for docker.
fn oci<'a>(entries: &'a [Descriptor], blobs: &'a [Descriptor]) -> Archive<'a> {
    Archive {
        entries,
        blobs,
        docker: &[],
    }
}

/// Blobs in memory.
struct Memory(BTreeMap<BlobDigest, Vec<u8>>);

impl BlobSource for Memory {
    fn open(&self, descriptor: &Descriptor) -> io::Result<Box<dyn Read + Send>> {
        match self.0.get(&descriptor.digest) {
            Some(bytes) => Ok(Box::new(io::Cursor::new(bytes.clone()))),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

fn memory(blobs: &[&[u8]]) -> (Memory, Vec<Descriptor>) {
    let descriptors: Vec<_> = blobs
        .iter()
        .map(|bytes| Descriptor::of("text/plain", bytes))
        .collect();
    let content = descriptors.iter().zip(blobs);
    let content = content.map(|(descriptor, bytes)| (descriptor.digest, bytes.to_vec()));
    (Memory(content.collect()), descriptors)
}

/// Name, kind and size of each entry of a tar that this module wrote.
fn list(tar: &[u8]) -> Vec<(String, char, usize)> {
    let mut entries = Vec::new();
    let mut rest = tar;
    assert_eq!(tar.len() % BLOCK, 0);
    loop {
        let (header, after) = rest.split_at(BLOCK);
        if header == [0; BLOCK] {
            assert_eq!(after, [0; BLOCK], "two empty blocks end a tar");
            return entries;
        }
        let text = |range: std::ops::Range<usize>| {
            let field = header[range].split(|byte| *byte == 0).next().unwrap();
            String::from_utf8(field.to_vec()).unwrap()
        };
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        let own: u32 = header[148..156].iter().map(|byte| u32::from(*byte)).sum();
        assert_eq!(
            u32::from_str_radix(&text(148..154), 8).unwrap(),
            sum - own + 8 * 32
        );
        assert_eq!(text(136..148), "00000000000", "no time");
        let size = usize::from_str_radix(&text(124..136), 8).unwrap();
        entries.push((text(0..100), header[156] as char, size));
        rest = &after[size.div_ceil(BLOCK) * BLOCK..];
    }
}

#[test]
fn content_and_order() {
    let (source, blobs) = memory(&[b"one", b"", &[1; 512], &[2; 1500]]);
    let entry = blobs[0].clone().with_annotation(ANNOTATION_REF_NAME, "a");
    let write = |blobs: &[Descriptor]| {
        let mut tar = Vec::new();
        let archive = oci(std::slice::from_ref(&entry), blobs);
        write_archive(&mut tar, &archive, &source).unwrap();
        tar
    };
    let tar = write(&blobs);
    let mut expected = vec![
        ("oci-layout".to_owned(), '0', LAYOUT_FILE_CONTENT.len()),
        (
            "index.json".to_owned(),
            '0',
            Index::new(vec![entry.clone()], Default::default())
                .raw()
                .len(),
        ),
        ("blobs/".to_owned(), '5', 0),
        ("blobs/sha256/".to_owned(), '5', 0),
    ];
    let mut sorted = blobs.clone();
    sorted.sort_by_key(|blob| blob.digest);
    for blob in &sorted {
        expected.push((
            format!("blobs/sha256/{}", blob.digest.hex()),
            '0',
            blob.size as usize,
        ));
    }
    assert_eq!(list(&tar), expected);
    // Order and repetition of the list do not count.
    let shuffled: Vec<_> = sorted.iter().rev().chain(&blobs).cloned().collect();
    assert_eq!(write(&shuffled), tar);
    assert_eq!(
        Digest::of(&tar).to_string(),
        "sha256:2da6667962ff42b6b27a4393982a31399b5c631402bbb1fffab461ceb4630d7a"
    );
}

/// The archive that docker loads is the same with one more file.
#[test]
fn docker_archives() {
    let (source, mut blobs) = memory(&[b"{}", b"layer 1", b"layer 2"]);
    let layers = [&blobs[1], &blobs[2], &blobs[1]].map(Clone::clone).to_vec();
    let config = Descriptor {
        media_type: MediaType::OciConfig.as_str().to_owned(),
        ..blobs[0].clone()
    };
    let manifest = Manifest::new(config, layers, Default::default());
    let (mut source, entry) = (source, manifest.descriptor());
    source.0.insert(entry.digest, manifest.raw().to_vec());
    blobs.push(entry.clone());
    let write = |names: Option<&[String]>| {
        let docker = names.map(|names| DockerImage {
            manifest: &manifest,
            names,
        });
        let archive = Archive {
            docker: docker.as_slice(),
            ..oci(std::slice::from_ref(&entry), &blobs)
        };
        let mut tar = Vec::new();
        write_archive(&mut tar, &archive, &source).unwrap();
        tar
    };
    let path = |blob: &Descriptor| format!("\"blobs/sha256/{}\"", blob.digest.hex());
    let check = |names: &[&str], tags: &str| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let tar = write(Some(&names));
        let expected = format!(
            "[{{\"Config\":{},\"RepoTags\":{tags},\"Layers\":[{},{},{}]}}]",
            path(&blobs[0]),
            path(&blobs[1]),
            path(&blobs[2]),
            path(&blobs[1]),
        );
        let mut listed = list(&tar);
        let found = listed.remove(2);
        assert_eq!(found, ("manifest.json".to_owned(), '0', expected.len()));
        assert_eq!(listed, list(&write(None)));
        let text = expected.as_bytes();
        let place = tar.windows(text.len()).position(|part| part == text);
        assert_eq!(place.map(|place| place % BLOCK), Some(0), "{names:?}");
    };
    check(&[], "null");
    check(&["debian:12"], "[\"debian:12\"]");
    check(
        &["debian:12", "localhost:5000/a/b:latest"],
        "[\"debian:12\",\"localhost:5000/a/b:latest\"]",
    );
}

#[test]
fn failures() {
    let (source, blobs) = memory(&[b"one"]);
    let check = |descriptor: Descriptor| {
        let error = write_archive(&mut Vec::new(), &oci(&[], &[descriptor]), &source).unwrap_err();
        assert!(matches!(error, ArchiveError::Blob { .. }), "{error}");
    };
    check(Descriptor::of("text/plain", b"missing"));
    check(Descriptor {
        size: 2,
        ..blobs[0].clone()
    });
    check(Descriptor {
        size: 4,
        ..blobs[0].clone()
    });
}

#[test]
fn files_appear_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tar");
    let (source, blobs) = memory(&[b"one"]);
    let missing = Descriptor::of("text/plain", b"missing");
    assert!(write_archive_file(&path, &oci(&[], &[missing]), &source).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    write_archive_file(&path, &oci(&[], &blobs), &source).unwrap();
    let mut expected = Vec::new();
    write_archive(&mut expected, &oci(&[], &blobs), &source).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), expected);
}

/// The headers of a blob of `size` bytes: the sizes in the last header and in the PAX record.
#[track_caller]
fn check_size(size: u64, field: &str, record: Option<&str>) {
    let mut output = Vec::new();
    let digest = Descriptor::of("", b"").digest;
    Tar {
        output: &mut output,
    }
    .blob_header(&digest, size)
    .unwrap();
    let last = &output[output.len() - BLOCK..];
    assert_eq!(&last[124..135], field.as_bytes());
    let found = (output.len() > BLOCK).then(|| {
        let record = &output[BLOCK..2 * BLOCK];
        let end = record.iter().position(|byte| *byte == 0).unwrap();
        String::from_utf8(record[..end].to_vec()).unwrap()
    });
    assert_eq!(found.as_deref(), record);
}

#[test]
fn sizes_beyond_8_gib() {
    check_size(0, "00000000000", None);
    check_size((8 << 30) - 1, "77777777777", None);
    check_size(8 << 30, "00000000000", Some("19 size=8589934592\n"));
    check_size(1 << 40, "00000000000", Some("22 size=1099511627776\n"));
}

#[test]
fn pax_records_count_themselves() {
    for length in 0..200 {
        let record = pax_record("k", &"v".repeat(length));
        let (count, _) = record.split_once(' ').unwrap();
        assert_eq!(count.parse(), Ok(record.len()));
    }
}

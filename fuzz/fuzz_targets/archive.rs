//! Any bytes as an archive of images: opened or refused, and of what is opened every document can be
//! asked for. The reader of headers and that of layers agree about the members of a tar.
#![no_main]

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use crossdock_image::{Document, Reference};
use crossdock_layer::{Limits, TarKind, scan_archive};
use crossdock_store::{ArchiveKind, ImageArchive, OpenArchiveError};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let tar = mended(data);
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(&tar).expect("room for a temporary file");
    match ImageArchive::open(Path::new("x"), file) {
        Ok(archive) => look(&archive, &tar),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(!matches!(error, OpenArchiveError::Read { .. }), "{error}");
        }
    }
});

/// Makes the checksums of headers hold, where blocks look like them: without that hardly any input
/// gets beyond the first. Content that looks like a header changes too, which is as good.
fn mended(data: &[u8]) -> Vec<u8> {
    let mut tar = data.to_vec();
    for block in tar.chunks_exact_mut(512) {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    tar
}

fn look(archive: &ImageArchive, tar: &[u8]) {
    let contents = files(tar);
    for entry in archive.index().manifests() {
        let found = archive.resolve(None, Some(&entry.digest), None);
        assert_eq!(found.expect("it is listed").digest, entry.digest);
        if let Some(name) = entry.ref_name() {
            // Several may have it.
            let _ = archive.resolve(Some(name), None, None);
            let _ = name.parse::<Reference>();
        }
        let document = match (archive.read_document(entry), archive.kind()) {
            (Ok(document), _) => document,
            (Err(error), ArchiveKind::Docker) => panic!("it was made here: {error}"),
            (Err(_), ArchiveKind::Oci) => continue,
        };
        let Document::Manifest(manifest) = document else {
            continue;
        };
        let config = archive.read_config(manifest.config());
        if archive.kind() == ArchiveKind::Docker {
            let config = config.expect("it was read before");
            assert_eq!(config.rootfs.diff_ids.len(), manifest.layers().len());
        }
        for layer in manifest.layers() {
            let Ok(bytes) = archive.read_blob(layer, 1 << 20) else {
                continue;
            };
            let place = archive.open_blob_unverified(&layer.digest);
            if let Ok(place) = place {
                let (start, size) = (place.offset as usize, place.size as usize);
                assert_eq!(tar[start..start + size], bytes);
                if let Some(contents) = contents.as_ref().filter(|_| size > 0) {
                    assert_eq!(contents.get(&place.offset), Some(&place.size));
                }
            }
        }
    }
}

/// The sizes of all files of a tar by the offsets of their contents, as the crate for layers reads
/// it; `None` if it refuses the tar, being stricter.
fn files(tar: &[u8]) -> Option<HashMap<u64, u64>> {
    let limits = Limits {
        uncompressed: 1 << 30,
        ratio: None,
        entries: 10_000,
    };
    let index = scan_archive(tar, &limits, &mut |_, _| Ok(())).ok()?;
    let files = index
        .entries()
        .filter(|entry| entry.kind() == TarKind::File)
        .map(|entry| (entry.extent().offset, entry.extent().length));
    Some(files.collect())
}

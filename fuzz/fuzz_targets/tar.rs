//! Any bytes as the tar of a layer of either system: pieces do not matter, what is indexed is what
//! was parsed, and what can be copied to the other system can be read there.
//!
//! The first byte says how the archive is cut; its highest bit, that checksums are made to hold.
#![no_main]

use std::io::{Cursor, Read};
use std::sync::Arc;

use crossdock_layer::{
    CollisionPolicy, Content, CopyOptions, Event, Gathered, HEADER_SIZE, Header, Indexer,
    LayerEdit, LayerFormat, LayerIndex, Limits, Parser, TarErrorKind, TarWriter, Timestamp, Tree,
};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits {
    uncompressed: 1 << 20,
    ratio: None,
    entries: 1 << 10,
};

fuzz_target!(|data: &[u8]| {
    let Some((&first, archive)) = data.split_first() else {
        return;
    };
    let mut archive = archive.to_vec();
    if first & 0x80 != 0 {
        mend(&mut archive);
    }
    let whole = parse(&archive, archive.len());
    assert_eq!(whole, parse(&archive, usize::from(first & 0x7f) * 9 + 1));
    if let Ok(entries) = &whole {
        written_again(entries);
    }
    let Some(index) = index(&archive) else { return };
    let entries = whole.expect("the indexer parses too");
    assert_eq!(entries.len(), index.len());
    for (entry, (header, stored)) in index.entries().zip(&entries) {
        assert_eq!(entry.header(), *header);
        assert_eq!(entry.extent().length, stored.len() as u64);
    }
    for format in [LayerFormat::Linux, LayerFormat::Windows] {
        if let Ok(tree) = Tree::stack(format, [Arc::clone(&index)]) {
            for to in [LayerFormat::Linux, LayerFormat::Windows] {
                copy(&tree, &archive, to);
            }
        }
    }
});

/// Writes the checksum of every block that looks like a header.
fn mend(archive: &mut [u8]) {
    for block in archive.chunks_exact_mut(HEADER_SIZE) {
        if block[257..262] == *b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
            block[148..154].copy_from_slice(format!("{sum:06o}").as_bytes());
            block[154] = 0;
        }
    }
}

type Entries = Vec<(Header, Vec<u8>)>;

fn parse(archive: &[u8], size: usize) -> Result<Entries, TarErrorKind> {
    let mut entries: Entries = Vec::new();
    let mut parser = Parser::new();
    for piece in archive.chunks(size.max(1)) {
        let pushed = parser.push(piece, &mut |event| {
            match event {
                Event::Entry { header, .. } => entries.push((header, Vec::new())),
                Event::Data(data) => entries.last_mut().unwrap().1.extend_from_slice(data),
                Event::EndOfEntry => {}
            }
            Ok(())
        });
        pushed.map_err(|error| error.kind)?;
    }
    let length = parser.finish().map_err(|error| error.kind)?;
    assert_eq!(length, archive.len() as u64);
    Ok(entries)
}

/// What was read is read again from what is written of it.
fn written_again(entries: &Entries) {
    let mut entries = entries.clone();
    let mut writer = TarWriter::new(Vec::new());
    for (header, data) in &mut entries {
        header.sparse = None;
        header.size = data.len() as u64;
        writer.header(header).expect("what was read can be written");
        writer.content(&mut &data[..], header.size).unwrap();
    }
    let archive = writer.finish().unwrap();
    assert_eq!(parse(&archive, archive.len()), Ok(entries));
}

fn index(archive: &[u8]) -> Option<Arc<LayerIndex>> {
    let mut indexer = Indexer::new(LIMITS);
    indexer.push(archive).ok()?;
    let index = indexer.finish().ok()?;
    let opened = LayerIndex::open(index.as_bytes().to_vec());
    Some(Arc::new(opened.expect("an index that was just made")))
}

/// Copies everything into an empty image of `to`.
fn copy(tree: &Tree, archive: &[u8], to: LayerFormat) {
    let options = CopyOptions {
        owner: None,
        mode: None,
        collision: CollisionPolicy::Rename,
        clamp: None,
        default_time: Timestamp::from_seconds(0),
    };
    let mut gathered = Gathered::new();
    gathered
        .add_contents(tree, tree.root())
        .expect("one source");
    let mut edit = LayerEdit::upon(Tree::empty(to), options.default_time);
    if edit.copy(&gathered, b"/", &options).is_err() {
        return;
    }
    let mut open = |content: &Content| -> std::io::Result<Box<dyn Read>> {
        Ok(Box::new(Cursor::new(bytes(content, archive))))
    };
    let plan = edit.finish();
    let Ok(layer) = plan.write(Vec::new(), &mut open) else {
        return;
    };
    let entries = plan.entries.len();
    let Some(index) = index(&layer) else {
        // Holes are written out, so the result may exceed the limit.
        assert!(layer.len() as u64 > LIMITS.uncompressed || entries as u64 > LIMITS.entries);
        return;
    };
    assert_eq!(index.len(), entries);
    Tree::stack(to, [index]).expect("a layer that we wrote");
}

fn bytes(content: &Content, archive: &[u8]) -> Vec<u8> {
    match content {
        Content::Inline(bytes) => bytes.to_vec(),
        Content::External { .. } => unreachable!("there is no context"),
        Content::Layer(content) => {
            let start = content.extent.offset as usize;
            let stored = &archive[start..start + content.extent.length as usize];
            let Some(segments) = &content.sparse else {
                return stored.to_vec();
            };
            let mut whole = vec![0; content.size as usize];
            let mut taken = 0;
            for &(offset, length) in segments.iter() {
                let (offset, length) = (offset as usize, length as usize);
                whole[offset..offset + length].copy_from_slice(&stored[taken..taken + length]);
                taken += length;
            }
            whole
        }
    }
}

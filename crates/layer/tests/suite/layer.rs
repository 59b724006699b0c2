//! Layers that are really written and read.

use std::io::{self, Cursor, Read};
use std::sync::Arc;

use crossdock_layer::{
    CollisionPolicy, Content, CopyOptions, EPOCH_1980, Gathered, Indexer, LayerEdit, LayerFormat,
    LayerIndex, Limits, Loss, TarKind, TarWriter, Timestamp, Tree,
};

use super::generate::Made;

/// A layer and the tree of it alone.
pub(crate) struct Layer {
    pub(crate) tar: Vec<u8>,
    pub(crate) tree: Tree,
}

impl Layer {
    pub(crate) fn read(format: LayerFormat, tar: Vec<u8>) -> Self {
        let mut indexer = Indexer::new(Limits::default());
        indexer.push(&tar).unwrap_or_else(|error| panic!("{error}"));
        let index = indexer.finish().unwrap_or_else(|error| panic!("{error}"));
        // As the store would give it.
        let index = LayerIndex::open(index.as_bytes().to_vec()).unwrap();
        let tree = Tree::stack(format, [Arc::new(index)]);
        let tree = tree.unwrap_or_else(|error| panic!("{error}"));
        Self { tar, tree }
    }
}

pub(crate) fn write(entries: &[Made]) -> Vec<u8> {
    let mut writer = TarWriter::new(Vec::new());
    for entry in entries {
        let mut header = entry.header.clone();
        header.size = entry.content.len() as u64;
        writer.header(&header).unwrap();
        if header.kind == TarKind::File {
            writer
                .content(&mut &entry.content[..], header.size)
                .unwrap();
        }
    }
    writer.finish().unwrap()
}

/// The entries of a layer as text, for messages.
pub(crate) fn entries(tar: &[u8]) -> Vec<String> {
    let mut indexer = Indexer::new(Limits::default());
    indexer.push(tar).unwrap();
    let index = indexer.finish().unwrap();
    let shown = index.entries().map(|entry| {
        let header = entry.header();
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let records = header.records.iter();
        let records: Vec<_> = records.map(|(k, v)| (text(k), text(v))).collect();
        format!(
            "{} -> {} {:?} {:o} {}:{} {} {} {records:?}",
            text(&header.path),
            text(&header.link),
            header.kind,
            header.mode,
            header.uid,
            header.gid,
            header.modified,
            header.size,
        )
    });
    shown.collect()
}

pub(crate) fn bytes(content: &Content, layer: &Layer) -> Vec<u8> {
    match content {
        Content::Inline(bytes) => bytes.to_vec(),
        Content::External { .. } => panic!("no contexts in these tests"),
        Content::Layer(content) => {
            assert!(content.sparse.is_none());
            let start = content.extent.offset as usize;
            layer.tar[start..start + content.extent.length as usize].to_vec()
        }
    }
}

pub(crate) fn options() -> CopyOptions {
    CopyOptions {
        owner: None,
        mode: None,
        collision: CollisionPolicy::Rename,
        clamp: None,
        default_time: Timestamp::from_seconds(EPOCH_1980),
    }
}

/// Copies everything in `source` into an empty image of `format`: the layer's tar.
pub(crate) fn convert(source: &Layer, format: LayerFormat) -> (Vec<u8>, Vec<Loss>) {
    let mut gathered = Gathered::new();
    gathered
        .add_contents(&source.tree, source.tree.root())
        .unwrap();
    let mut edit = LayerEdit::upon(Tree::empty(format), options().default_time);
    edit.copy(&gathered, b"/", &options())
        .unwrap_or_else(|error| panic!("{error}"));
    let plan = edit.finish();
    let mut open = |content: &Content| -> io::Result<Box<dyn Read>> {
        Ok(Box::new(Cursor::new(bytes(content, source))))
    };
    let mut tar = plan.write(Vec::new(), &mut open).unwrap();
    if tar.is_empty() {
        tar = vec![0; 1024];
    }
    (tar, plan.losses)
}

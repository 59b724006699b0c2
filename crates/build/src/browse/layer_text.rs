//! Layers as text, for the tests of answers.
//!
//! A line is `d path`, `f path content`, `l path -> target`, `h path -> target`, `c path 5:1` or
//! `w path` (a whiteout, the name as it stands), then options after ` | `: `mode=640 uid=1
//! owner=1:2 user=me time=5.5 KEY=value` (PAX records).

use std::sync::Arc;

use crossdock_layer::{
    Header, Indexer, LayerFormat, LayerIndex, Limits, TarKind, TarWriter, Timestamp, Tree,
};

/// The index of a layer.
pub(super) fn index(lines: &[&str]) -> Arc<LayerIndex> {
    let mut writer = TarWriter::new(Vec::new());
    for line in lines {
        let (header, content) = header(line);
        writer.header(&header).unwrap();
        if header.kind == TarKind::File {
            writer.content(&mut &content[..], header.size).unwrap();
        }
    }
    let mut indexer = Indexer::new(Limits::default());
    indexer.push(&writer.finish().unwrap()).unwrap();
    Arc::new(indexer.finish().unwrap())
}

/// The indexes of layers, lowest first.
pub(super) fn indexes(layers: &[&[&str]]) -> Vec<Arc<LayerIndex>> {
    layers.iter().map(|lines| index(lines)).collect()
}

/// The tree of layers.
pub(super) fn tree(format: LayerFormat, layers: &[&[&str]]) -> Tree {
    Tree::stack(format, indexes(layers)).unwrap()
}

fn header(line: &str) -> (Header, Vec<u8>) {
    let (line, options) = line.split_once(" | ").unwrap_or((line, ""));
    let (letter, rest) = line.split_at(2);
    let (path, argument) = rest.split_once(' ').unwrap_or((rest, ""));
    let argument = argument.strip_prefix("-> ").unwrap_or(argument);
    let (kind, mode) = match letter.trim() {
        "d" => (TarKind::Directory, 0o755),
        "f" | "w" => (TarKind::File, 0o644),
        "l" => (TarKind::Symlink, 0o777),
        "h" => (TarKind::HardLink, 0o644),
        "c" => (TarKind::CharDevice, 0o644),
        other => panic!("kind {other}"),
    };
    let mut header = Header::new(kind, path);
    header.mode = mode;
    let mut content = Vec::new();
    match kind {
        TarKind::File => content = argument.as_bytes().to_vec(),
        TarKind::CharDevice => {
            let (major, minor) = argument.split_once(':').unwrap();
            header.device = (major.parse().unwrap(), minor.parse().unwrap());
        }
        _ => header.link = argument.as_bytes().to_vec(),
    }
    header.size = content.len() as u64;
    for option in options.split_whitespace() {
        let (name, value) = option.split_once('=').expect("option=value");
        match name {
            "mode" => header.mode = u32::from_str_radix(value, 8).unwrap(),
            "uid" => header.uid = value.parse().unwrap(),
            "owner" => {
                let (uid, gid) = value.split_once(':').unwrap();
                (header.uid, header.gid) = (uid.parse().unwrap(), gid.parse().unwrap());
            }
            "user" => header.user = value.as_bytes().to_vec(),
            "time" => header.modified = Timestamp::parse_pax(value.as_bytes()).unwrap(),
            name => header.records.set(name, value),
        }
    }
    (header, content)
}

//! Layers and trees as text, for the tests of this crate.
//!
//! A line of a layer: `d path`, `f path content`, `l path -> target`, `h path -> target`,
//! `c path 5:1`, `b path 8:0`, `p path`, `w path` (a whiteout, the name as it stands), then
//! options after ` | `: `mode=640 uid=1 gid=2 time=5.5 KEY=value` (PAX records).

use std::collections::HashMap;
use std::io::Read;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossdock_image::DiffId;

use crate::entry::{Content, Kind, LayerFormat};
use crate::index::LayerIndex;
use crate::scan::{Indexer, Limits};
use crate::tar::{Header, TarKind, TarWriter};
use crate::tree::{NodeId, Tree};
use crate::{Gathered, LayerEdit, LayerPlan, Timestamp};

/// Uncompressed layers by diff id.
pub(crate) type Blobs = HashMap<DiffId, Vec<u8>>;

pub(crate) fn header(line: &str) -> (Header, Vec<u8>) {
    let (line, options) = line.split_once(" | ").unwrap_or((line, ""));
    let (letter, rest) = line.split_at(2);
    let (path, argument) = rest.split_once(' ').unwrap_or((rest, ""));
    let argument = argument.strip_prefix("-> ").unwrap_or(argument);
    let kind = match letter.trim() {
        "d" => TarKind::Directory,
        "f" | "w" => TarKind::File,
        "l" => TarKind::Symlink,
        "h" => TarKind::HardLink,
        "c" => TarKind::CharDevice,
        "b" => TarKind::BlockDevice,
        "p" => TarKind::Fifo,
        other => panic!("kind {other}"),
    };
    let mut header = Header::new(kind, path);
    header.mode = if kind == TarKind::Directory {
        0o755
    } else {
        0o644
    };
    let mut content = Vec::new();
    match kind {
        TarKind::File => content = argument.as_bytes().to_vec(),
        TarKind::Symlink | TarKind::HardLink => header.link = argument.as_bytes().to_vec(),
        TarKind::CharDevice | TarKind::BlockDevice => {
            let (major, minor) = argument.split_once(':').expect("major:minor");
            header.device = (major.parse().unwrap(), minor.parse().unwrap());
        }
        _ => {}
    }
    header.size = content.len() as u64;
    for option in options.split_whitespace() {
        let (name, value) = option.split_once('=').expect("option=value");
        match name {
            "mode" => header.mode = u32::from_str_radix(value, 8).unwrap(),
            "uid" => header.uid = value.parse().unwrap(),
            "gid" => header.gid = value.parse().unwrap(),
            "time" => header.modified = Timestamp::parse_pax(value.as_bytes()).unwrap(),
            name => header.records.set(name, value),
        }
    }
    (header, content)
}

pub(crate) fn tar(lines: &[&str]) -> Vec<u8> {
    let mut writer = TarWriter::new(Vec::new());
    for line in lines {
        let (header, content) = header(line);
        writer.header(&header).unwrap();
        if header.kind == TarKind::File {
            writer.content(&mut &content[..], header.size).unwrap();
        }
    }
    writer.finish().unwrap()
}

pub(crate) fn index(tar: &[u8]) -> Result<LayerIndex, crate::ScanError> {
    let mut indexer = Indexer::new(Limits::default());
    indexer.push(tar)?;
    indexer.finish()
}

/// A tree of layers, and their bytes.
pub(crate) fn stack(format: LayerFormat, layers: &[&[&str]], blobs: &mut Blobs) -> Tree {
    try_stack(format, layers, blobs).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn try_stack(
    format: LayerFormat,
    layers: &[&[&str]],
    blobs: &mut Blobs,
) -> Result<Tree, String> {
    let mut tree = Tree::empty(format);
    for lines in layers {
        add(&mut tree, tar(lines), blobs)?;
    }
    Ok(tree)
}

pub(crate) fn add(tree: &mut Tree, tar: Vec<u8>, blobs: &mut Blobs) -> Result<(), String> {
    let index = index(&tar).map_err(|error| error.to_string())?;
    blobs.insert(index.diff_id(), tar);
    tree.add_layer(Arc::new(index))
        .map_err(|error| error.to_string())
}

pub(crate) fn bytes(content: &Content, blobs: &Blobs) -> Vec<u8> {
    match content {
        Content::Inline(bytes) => bytes.to_vec(),
        Content::External { .. } => panic!("no contexts in these tests"),
        Content::Layer(content) => {
            let tar = &blobs[&content.layer];
            let start = content.extent.offset as usize;
            let stored = &tar[start..start + content.extent.length as usize];
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

/// Writes a plan and puts the layer on `base`.
pub(crate) fn apply(plan: &LayerPlan, base: &Tree, blobs: &mut Blobs) -> Tree {
    let tar = write(plan, blobs);
    let mut tree = base.clone();
    add(&mut tree, tar, blobs).unwrap();
    tree
}

pub(crate) fn write(plan: &LayerPlan, blobs: &Blobs) -> Vec<u8> {
    let mut open = |content: &Content| {
        let bytes = bytes(content, blobs);
        Ok(Box::new(std::io::Cursor::new(bytes)) as Box<dyn Read>)
    };
    plan.write(Vec::new(), &mut open).unwrap()
}

pub(crate) fn options() -> crate::CopyOptions {
    crate::CopyOptions {
        owner: None,
        mode: None,
        collision: Default::default(),
        clamp: None,
        default_time: Timestamp::from_seconds(crate::EPOCH_1980),
    }
}

/// Everything in `layers`, copied into the root of `base` of the other or the same system.
pub(crate) fn copied(
    from: (LayerFormat, &[&[&str]]),
    base: (LayerFormat, &[&[&str]]),
    change: &dyn Fn(&mut LayerEdit, &mut crate::CopyOptions),
) -> (LayerPlan, Tree, Blobs) {
    let mut blobs = HashMap::new();
    let source = stack(from.0, from.1, &mut blobs);
    let base = stack(base.0, base.1, &mut blobs);
    let plan = copy_all(&source, &base, change);
    let tree = apply(&plan, &base, &mut blobs);
    (plan, tree, blobs)
}

/// Everything in `source`, copied into the root of `base`.
pub(crate) fn copy_all(
    source: &Tree,
    base: &Tree,
    change: &dyn Fn(&mut LayerEdit, &mut crate::CopyOptions),
) -> LayerPlan {
    let mut gathered = Gathered::new();
    gathered.add_contents(source, source.root()).unwrap();
    let mut options = options();
    let mut edit = LayerEdit::upon(base.clone(), options.default_time);
    change(&mut edit, &mut options);
    edit.copy(&gathered, b"/", &options)
        .unwrap_or_else(|error| panic!("{error}"));
    edit.finish()
}

/// The headers of a plan as lines of a layer, modes always and times where they are not zero;
/// descriptors as `dir` and `file` where they are those of the table, else as `other`.
pub(crate) fn show_headers(plan: &LayerPlan) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let table = |value: &[u8]| {
        let encode = |descriptor: crate::SecurityDescriptor| BASE64.encode(descriptor.as_bytes());
        if value == encode(crate::default_directory()).as_bytes() {
            "dir"
        } else if value == encode(crate::default_file()).as_bytes() {
            "file"
        } else {
            "other"
        }
    };
    let line = |entry: &crate::PlannedEntry| {
        let header = &entry.header;
        let letter = match header.kind {
            TarKind::Directory => 'd',
            TarKind::File => 'f',
            TarKind::Symlink => 'l',
            TarKind::HardLink => 'h',
            TarKind::CharDevice => 'c',
            TarKind::BlockDevice => 'b',
            TarKind::Fifo => 'p',
        };
        let mut line = format!("{letter} {}", text(&header.path));
        if !header.link.is_empty() {
            line.push_str(&format!(" -> {}", text(&header.link)));
        }
        if header.device != (0, 0) {
            line.push_str(&format!(" {}:{}", header.device.0, header.device.1));
        }
        line.push_str(&format!(" | mode={:o}", header.mode));
        if (header.uid, header.gid) != (0, 0) {
            line.push_str(&format!(" uid={} gid={}", header.uid, header.gid));
        }
        if header.modified != Timestamp::default() {
            line.push_str(&format!(" time={}", header.modified));
        }
        for (key, value) in header.records.iter() {
            match key {
                b"MSWINDOWS.rawsd" => line.push_str(&format!(" sd={}", table(value))),
                key => line.push_str(&format!(" {}={}", text(key), text(value))),
            }
        }
        for stream in &entry.streams {
            line.push_str(&format!(" stream={}", text(&stream.name)));
        }
        line
    };
    plan.entries.iter().map(line).collect()
}

/// A tree as lines, names in byte order: kind, path, content or target, and `=n` for the nth file
/// that has several names.
pub(crate) fn show(tree: &Tree, blobs: &Blobs) -> Vec<String> {
    let mut nodes: Vec<(Vec<u8>, NodeId)> = tree
        .walk(tree.root())
        .map(|node| (tree.path(node), node))
        .collect();
    nodes.sort();
    let mut names = HashMap::new();
    for (_, node) in &nodes {
        *names.entry(tree.source(*node)).or_insert(0) += 1;
    }
    let mut groups = Vec::new();
    nodes
        .iter()
        .filter(|(path, _)| !path.is_empty())
        .map(|(path, node)| {
            let path = String::from_utf8_lossy(path);
            let Some(entry) = tree.entry(*node) else {
                return format!("d {path} (implied)");
            };
            let mut line = match &entry.kind {
                Kind::Directory => format!("d {path}"),
                Kind::File(content) => {
                    format!(
                        "f {path} {}",
                        String::from_utf8_lossy(&bytes(content, blobs))
                    )
                }
                Kind::Symlink(text) => format!("l {path} -> {}", String::from_utf8_lossy(text)),
                Kind::CharDevice(a, b) => format!("c {path} {a}:{b}"),
                Kind::BlockDevice(a, b) => format!("b {path} {a}:{b}"),
                Kind::Fifo => format!("p {path}"),
            };
            for stream in &entry.streams {
                let content = bytes(&stream.content, blobs);
                let name = String::from_utf8_lossy(&stream.name);
                line.push_str(&format!(" :{name}={}", String::from_utf8_lossy(&content)));
            }
            let source = tree.source(*node);
            if !entry.kind.is_directory() && names[&source] > 1 {
                let known = groups.iter().position(|other| *other == source);
                let group = known.unwrap_or_else(|| {
                    groups.push(source);
                    groups.len() - 1
                });
                line.push_str(&format!(" ={group}"));
            }
            line
        })
        .collect()
}

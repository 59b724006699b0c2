//! Trees of one system copied to the other and back, through real layers each time: nothing is
//! lost, and Windows would import what is written.
//!
//! What is allowed to differ afterwards, because both mean the same:
//! - Linux: an access or change time equal to the modification time becomes an absent one, and one
//!   outside 1678–2262, which Windows' importers cannot read, is cut to that.
//! - Linux: hard links to symbolic links become links of their own, which is a listed loss, because
//!   Windows cannot import the former.
//! - Windows: absent times become the modification time, absent attributes those that the kind
//!   implies, an absent descriptor what the entry inherits; streams have no order.

mod suite;

use std::collections::BTreeMap;

use crossdock_layer::{
    CollisionPolicy, Kind, LayerFormat, LossKind, Origin, SecurityDescriptor, Source, TarKind,
    Times, Tree,
};
use crossdock_validator::{LayerRole, Parents, Report, validate_layer, validate_linux_layer};
use proptest::prelude::*;

use suite::generate::{linux_tree, windows_tree};
use suite::layer::{Layer, bytes, convert, entries, write};

/// An entry as it is compared.
#[derive(Debug, Clone, PartialEq)]
struct Fact {
    name: String,
    kind: String,
    posix: String,
    win32: Option<Win32>,
    times: Times,
    streams: Vec<(String, Vec<u8>)>,
    origin: Origin,
    /// All names of the same file.
    names: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Win32 {
    attributes: u32,
    descriptor: Option<String>,
    junction: bool,
    extended: Vec<(String, String)>,
    original_mode: Option<u32>,
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// Everything below the root of a layer's tree, by path.
fn facts(layer: &Layer) -> BTreeMap<String, Fact> {
    let tree = &layer.tree;
    let nodes: Vec<_> = tree
        .walk(tree.root())
        .filter(|&node| node != tree.root())
        .collect();
    let mut names: BTreeMap<Source, Vec<String>> = BTreeMap::new();
    for &node in &nodes {
        names
            .entry(tree.source(node))
            .or_default()
            .push(text(&tree.path(node)));
    }
    let fact = |node| {
        let entry = tree.entry(node).expect("every directory is stated");
        let kind = match &entry.kind {
            Kind::File(content) => format!("file {}", text(&bytes(content, layer))),
            Kind::Symlink(target) => format!("link {}", text(target)),
            other => format!("{other:?}"),
        };
        let full_name = tree.full_name(node);
        let native = entry.origin == tree.format().native();
        assert!(!native || full_name.original.is_none(), "{full_name:?}");
        assert!(!native || entry.original_link.is_none(), "{entry:?}");
        assert!(!native || entry.original_mode.is_none(), "{entry:?}");
        let win32 = (tree.format() == LayerFormat::Windows).then(|| Win32 {
            attributes: entry.attributes(),
            descriptor: entry.win32.descriptor.as_deref().map(|bytes| {
                let descriptor = SecurityDescriptor::parse(bytes).unwrap();
                descriptor.to_sddl().unwrap()
            }),
            junction: entry.win32.junction,
            extended: entry
                .win32
                .extended
                .iter()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
            original_mode: entry.original_mode,
        });
        let mut streams: Vec<_> = entry.streams.iter().collect();
        streams.sort_by(|a, b| a.name.cmp(&b.name));
        let streams = streams.into_iter();
        Fact {
            name: text(&full_name.stored),
            kind,
            posix: format!("{:?}", entry.posix),
            win32,
            times: entry.times,
            streams: streams
                .map(|stream| (text(&stream.name), bytes(&stream.content, layer)))
                .collect(),
            origin: entry.origin,
            names: {
                let mut names = names[&tree.source(node)].clone();
                names.sort();
                names
            },
        }
    };
    nodes
        .iter()
        .map(|&node| (text(&tree.path(node)), fact(node)))
        .collect()
}

fn same(
    before: &BTreeMap<String, Fact>,
    after: &BTreeMap<String, Fact>,
) -> Result<(), TestCaseError> {
    for (path, fact) in before {
        prop_assert_eq!(after.get(path), Some(fact), "{}", path);
    }
    for path in after.keys() {
        prop_assert!(before.contains_key(path), "{} was not there", path);
    }
    Ok(())
}

/// Names the first entry in which two layers differ.
fn same_bytes(before: &[u8], after: &[u8]) -> Result<(), TestCaseError> {
    if before == after {
        return Ok(());
    }
    for (before, after) in entries(before).into_iter().zip(entries(after)) {
        prop_assert_eq!(before, after);
    }
    prop_assert!(false, "one layer has more entries");
    Ok(())
}

/// The breaches of rules in a layer, but for those that its source has too.
fn breaches(report: &Report, source: Option<&Report>) -> Vec<String> {
    let known = |rule| {
        let problems = source.iter().flat_map(|source| &source.problems);
        problems.into_iter().any(|problem| problem.rule == rule)
    };
    let problems = report.problems.iter();
    problems
        .filter(|problem| !known(problem.rule))
        .map(ToString::to_string)
        .collect()
}

fn validate_windows(layer: &[u8]) -> Report {
    // A copy of nothing makes no layer.
    if layer.len() == 1024 {
        return Report::default();
    }
    validate_layer(layer, LayerRole::Child(&Parents::new()))
}

const NONE: Vec<String> = Vec::new();

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn linux_to_windows_and_back(entries in linux_tree()) {
        let source = Layer::read(LayerFormat::Linux, write(&entries));
        let (windows, losses) = convert(&source, LayerFormat::Windows);
        let links: Vec<_> = losses.iter().map(|loss| loss.kind).collect();
        let symlinks = entries
            .iter()
            .filter(|entry| entry.of_symlink)
            .map(|_| LossKind::HardLink)
            .collect::<Vec<_>>();
        prop_assert_eq!(links, symlinks);
        let windows = Layer::read(LayerFormat::Windows, windows);
        prop_assert_eq!(breaches(&validate_windows(&windows.tar), None), NONE);
        let (linux, losses) = convert(&windows, LayerFormat::Linux);
        prop_assert_eq!(losses, vec![]);
        prop_assert_eq!(breaches(&validate_linux_layer(&linux[..]), None), NONE);
        let linux = Layer::read(LayerFormat::Linux, linux);
        let mut expected = facts(&source);
        for (path, fact) in &mut expected {
            let times = &mut fact.times;
            let modified = times.modified;
            for time in [&mut times.accessed, &mut times.changed] {
                *time = time
                    .map(|time| time.clamp_windows())
                    .filter(|time| *time != modified.clamp_windows());
            }
            times.created = None;
            if fact.kind.starts_with("link ") {
                fact.names = vec![path.clone()];
            }
        }
        same(&expected, &facts(&linux))?;
        // A second journey changes nothing at all.
        let (again, _) = convert(&linux, LayerFormat::Windows);
        same_bytes(&windows.tar, &again)?;
    }

    #[test]
    fn windows_to_linux_and_back(entries in windows_tree()) {
        let source = Layer::read(LayerFormat::Windows, write(&entries));
        let unsound = validate_windows(&source.tar);
        let (linux, losses) = convert(&source, LayerFormat::Linux);
        prop_assert_eq!(losses, vec![]);
        prop_assert_eq!(breaches(&validate_linux_layer(&linux[..]), None), NONE);
        let linux = Layer::read(LayerFormat::Linux, linux);
        let (windows, losses) = convert(&linux, LayerFormat::Windows);
        prop_assert_eq!(losses, vec![]);
        prop_assert_eq!(breaches(&validate_windows(&windows), Some(&unsound)), NONE);
        let windows = Layer::read(LayerFormat::Windows, windows);
        let mut expected = facts(&source);
        let after = facts(&windows);
        for (path, fact) in &mut expected {
            let times = &mut fact.times;
            for time in [&mut times.accessed, &mut times.changed, &mut times.created] {
                *time = time.or(Some(times.modified));
            }
            let win32 = fact.win32.as_mut().unwrap();
            if win32.descriptor.is_none() {
                let found = after.get(path).and_then(|fact| fact.win32.clone());
                win32.descriptor = found.and_then(|win32| win32.descriptor);
            }
        }
        same(&expected, &after)?;
        let (again, _) = convert(&windows, LayerFormat::Linux);
        let (again, _) = convert(&Layer::read(LayerFormat::Linux, again), LayerFormat::Windows);
        same_bytes(&windows.tar, &again)?;
    }

    /// A copy within one system keeps everything too.
    #[test]
    fn to_the_same_system(linux in linux_tree(), windows in windows_tree()) {
        for (format, entries) in [(LayerFormat::Linux, linux), (LayerFormat::Windows, windows)] {
            let source = Layer::read(format, write(&entries));
            let (copy, losses) = convert(&source, format);
            prop_assert!(losses.iter().all(|loss| loss.kind == LossKind::HardLink));
            let copy = Layer::read(format, copy);
            let mut expected = facts(&source);
            let after = facts(&copy);
            for (path, fact) in &mut expected {
                let times = &mut fact.times;
                if let Some(win32) = &mut fact.win32 {
                    for time in [&mut times.accessed, &mut times.changed, &mut times.created] {
                        *time = time.or(Some(times.modified));
                    }
                    let found = after.get(path).and_then(|fact| fact.win32.clone());
                    let inherited = found.and_then(|win32| win32.descriptor);
                    win32.descriptor = win32.descriptor.take().or(inherited);
                }
            }
            same(&expected, &after)?;
        }
    }

    /// The same inputs give the same bytes, whatever the order of entries in the source's tar.
    #[test]
    fn bytes_depend_on_what_is_copied_only(
        entries in linux_tree(),
        keys in prop::collection::vec(any::<u32>(), 40),
    ) {
        let tar = write(&entries);
        let source = Layer::read(LayerFormat::Linux, tar);
        let (first, _) = convert(&source, LayerFormat::Windows);
        let (second, _) = convert(&source, LayerFormat::Windows);
        same_bytes(&first, &second)?;
        // Files and links in another order, and after all directories. Which name of a file holds
        // its content does not matter either, but each name states the same metadata.
        let mut others: Vec<_> = entries.into_iter().zip(keys).collect();
        others.sort_by_key(|(entry, key)| (entry.header.kind != TarKind::Directory, *key));
        let (directories, others): (Vec<_>, Vec<_>) = others
            .into_iter()
            .partition(|(entry, _)| entry.header.kind == TarKind::Directory);
        let mut directories: Vec<_> = directories.into_iter().map(|(entry, _)| entry).collect();
        directories.sort_by(|a, b| a.header.path.cmp(&b.header.path));
        let others = others.into_iter().map(|(entry, _)| entry);
        let shuffled: Vec<_> = directories.into_iter().chain(others).collect();
        let source = Layer::read(LayerFormat::Linux, write(&shuffled));
        let (shuffled, _) = convert(&source, LayerFormat::Windows);
        same_bytes(&first, &shuffled)?;
    }
}

/// The order of sources does not matter where they do not overlap.
#[test]
fn order_of_sources() {
    use crossdock_layer::{Gathered, LayerEdit};
    let entry = |path: &str| suite::generate::file(path, path.as_bytes());
    let a = Layer::read(LayerFormat::Linux, write(&[entry("a"), entry("Z")]));
    let b = Layer::read(LayerFormat::Linux, write(&[entry("A"), entry("m:n")]));
    let copy = |sources: [&Layer; 2]| {
        let mut gathered = Gathered::new();
        for source in sources {
            gathered
                .add_contents(&source.tree, source.tree.root())
                .unwrap();
        }
        let mut options = suite::layer::options();
        options.collision = CollisionPolicy::Rename;
        let mut edit = LayerEdit::upon(Tree::empty(LayerFormat::Windows), options.default_time);
        edit.copy(&gathered, b"/", &options).unwrap();
        let plan = edit.finish();
        let headers = plan.entries.into_iter().map(|entry| entry.header);
        headers.collect::<Vec<_>>()
    };
    assert_eq!(copy([&a, &b]), copy([&b, &a]));
}

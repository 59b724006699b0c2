//! What Windows layers hold outside of the file system that programs see.

use std::collections::BTreeMap;

use crossdock_layer::{LayerFormat, LayerIndex, TarKind, Tree, upcase};

/// What the layers of one image say of a file, lowest first.
type Statements = Vec<(TarKind, Vec<u8>, [u8; 32])>;

/// How many files outside of `Files` differ. Those of `Hives` are changes of the registry, which
/// each layer adds to: they differ if any layer's do.
pub(super) fn count(old: &Tree, new: &Tree) -> u64 {
    if old.format() != LayerFormat::Windows || new.format() != LayerFormat::Windows {
        return 0;
    }
    let (old, new) = (old.layers(), new.layers());
    let layers = old.iter().zip(new);
    let common = layers
        .take_while(|(old, new)| old.diff_id() == new.diff_id())
        .count();
    let collect = |layers: &[std::sync::Arc<LayerIndex>]| {
        let mut files: BTreeMap<Vec<u8>, Statements> = BTreeMap::new();
        for layer in &layers[common..] {
            for entry in layer.entries() {
                let path = upcase(entry.path());
                let is_directory = entry.kind() == TarKind::Directory;
                if is_directory || path.starts_with(b"FILES/") || !path.contains(&b'/') {
                    continue;
                }
                let statement = (entry.kind(), entry.link().to_vec(), entry.hash());
                files.entry(path).or_default().push(statement);
            }
        }
        files
    };
    let (old, new) = (collect(old), collect(new));
    let differing = old
        .iter()
        .filter(|(path, statements)| new.get(*path) != Some(statements));
    let added = new.keys().filter(|path| !old.contains_key(*path));
    differing.count() as u64 + added.count() as u64
}

use crossdock_layer::{Content, Entry, Kind, LayerFormat, Name, Timestamp, Tree};

use super::complete_path;

fn entry(kind: Kind, format: LayerFormat) -> Entry {
    Entry::new(kind, 0o755, Timestamp::default(), format)
}

/// A tree of directories `d/`, files and links `name -> target`.
fn tree(format: LayerFormat, paths: &[&str]) -> Tree {
    let mut tree = Tree::empty(format);
    for path in paths {
        let (path, kind) = match (path.split_once(" -> "), path.strip_suffix('/')) {
            (Some((path, target)), _) => (path, Kind::Symlink(target.into())),
            (None, Some(path)) => (path, Kind::Directory),
            (None, None) => (*path, Kind::File(Content::empty())),
        };
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = tree.lookup(tree.root(), parent.as_bytes(), true).unwrap();
        tree.insert(parent, &Name::plain(name), entry(kind, format));
    }
    tree
}

#[test]
fn paths_are_completed() {
    let linux = tree(
        LayerFormat::Linux,
        &[
            "usr/",
            "usr/bin/",
            "usr/bin/a b",
            "usr/bin/\n",
            "bin -> usr/bin",
            "lost -> none",
            "Usr",
        ],
    );
    let windows = tree(
        LayerFormat::Windows,
        &[
            "Windows/",
            "Windows/System32/",
            "wınn",
            "app.exe",
            "a\u{f03a}b",
        ],
    );
    let check = |tree: &Tree, written: &str, expected: &[&str]| {
        let found = complete_path(tree, written);
        let paths: Vec<&str> = found.iter().map(|found| &*found.path).collect();
        assert_eq!(paths, expected, "{written}");
        for found in &found {
            assert_eq!(found.is_directory, found.path.ends_with(['/', '\\']));
        }
    };
    check(&linux, "", &["Usr", "bin/", "lost", "usr/"]);
    check(&linux, "/", &["/Usr", "/bin/", "/lost", "/usr/"]);
    check(&linux, "/u", &["/usr/"]);
    check(&linux, "usr/b", &["usr/bin/"]);
    // Through a link; a name that no line of a shell can hold is left out.
    check(&linux, "/bin/", &["/bin/a b"]);
    check(&linux, "/none/", &[]);
    check(&linux, "/Usr/", &[]);
    check(&linux, "\\u", &[]);
    check(&windows, "/w", &["/Windows/", "/wınn"]);
    check(
        &windows,
        "C:",
        &["C:\\Windows\\", "C:\\a:b", "C:\\app.exe", "C:\\wınn"],
    );
    check(&windows, "c:\\WIN", &["c:\\Windows\\"]);
    check(&windows, "c:/win", &["c:/Windows/"]);
    check(&windows, "windows\\s", &["windows\\System32\\"]);
    check(&windows, "A", &["a:b", "app.exe"]);
    check(&windows, "D:\\", &[]);
    check(&windows, "\\\\server\\", &[]);
}

use super::super::path::shown_name;
use super::super::sample;
use super::*;

fn names(tree: &Tree, nodes: &[NodeId]) -> String {
    let paths = nodes
        .iter()
        .map(|&node| String::from_utf8(shown_path(tree, node)).unwrap());
    paths.collect::<Vec<_>>().join(" ")
}

#[test]
fn paths() {
    let check = |tree: &Tree, paths: &str, options: ListOptions, expected: [&str; 3]| {
        let paths: Vec<&[u8]> = paths.split_terminator(',').map(str::as_bytes).collect();
        let listing = Listing::of(tree, &paths, options);
        let failed: Vec<&str> = listing.failed.iter().map(|error| &*error.path).collect();
        let found = [
            names(tree, &listing.entries),
            names(tree, &listing.directories),
            failed.join(" "),
        ];
        assert_eq!(found, expected, "{paths:?} {options:?}");
    };
    let plain = ListOptions::default();
    let linux = sample::linux();
    check(&linux, "", plain, ["", "/", ""]);
    check(&linux, "etc,bin", plain, ["", "/bin /etc", ""]);
    check(
        &linux,
        "sh,etc/passwd,none,etc",
        plain,
        ["/etc/passwd /sh", "/etc", "none"],
    );
    check(&linux, "configs", plain, ["", "/etc", ""]);
    check(&linux, "lost", plain, ["/lost", "", ""]);
    check(&linux, "lost/", plain, ["", "", "lost/"]);
    check(&linux, "sh/", plain, ["", "", "sh/"]);
    let long = ListOptions {
        links_themselves: true,
        ..plain
    };
    check(&linux, "configs,sh", long, ["/configs /sh", "", ""]);
    check(&linux, "configs/", long, ["", "/etc", ""]);
    let itself = ListOptions {
        directories_themselves: true,
        ..plain
    };
    check(&linux, "/,configs,etc", itself, ["/ /configs /etc", "", ""]);
    let reversed = ListOptions {
        is_reversed: true,
        ..plain
    };
    check(
        &linux,
        "sh,lost,bin,etc",
        reversed,
        ["/sh /lost", "/etc /bin", ""],
    );
    let windows = sample::windows();
    check(
        &windows,
        "C:\\users\\PUBLIC",
        plain,
        ["", "C:\\Users\\Public", ""],
    );
    check(
        &windows,
        "documents AND settings",
        plain,
        ["", "C:\\Users", ""],
    );
    check(&windows, "D:\\x,/users", plain, ["", "C:\\Users", "D:\\x"]);
}

#[test]
fn orders() {
    let check = |tree: &Tree, path: &str, order, is_reversed, expected: &str| {
        let options = ListOptions {
            order,
            is_reversed,
            ..ListOptions::default()
        };
        let directory = find_path(tree, path.as_bytes(), true).unwrap().node;
        let content = options.content(tree, directory);
        let names = content.iter().map(|&node| {
            String::from_utf8(shown_name(tree, node))
                .unwrap()
                .replace('\n', "|")
        });
        let names: Vec<String> = names.collect();
        assert_eq!(names.join(" "), expected, "{path} {options:?}");
    };
    let linux = sample::linux();
    check(&linux, "bin", ListOrder::Name, false, "a|b su sudo");
    check(&linux, "bin", ListOrder::Name, true, "sudo su a|b");
    check(&linux, "bin", ListOrder::Size, false, "su sudo a|b");
    check(&linux, "bin", ListOrder::Time, false, "a|b su sudo");
    check(&linux, "etc", ListOrder::Time, true, ".hidden passwd");
    // Windows sorts without regard to case.
    check(
        &sample::windows(),
        "Users",
        ListOrder::Name,
        false,
        "a:b desktop.ini NOTES.txt Public",
    );
}

#[test]
fn all_directories() {
    let linux = sample::linux();
    let check = |options: ListOptions, expected: &str| {
        let found = options.directories(&linux, linux.root());
        assert_eq!(names(&linux, &found), expected);
    };
    check(ListOptions::default(), "/ /bin /dev /empty /etc");
    let reversed = ListOptions {
        is_reversed: true,
        ..ListOptions::default()
    };
    check(reversed, "/ /etc /empty /dev /bin");
}

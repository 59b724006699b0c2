//! `--parents` and `--exclude`. What is expected was seen in BuildKit 0.32, but for what a comment
//! says.

use crate::archive::{dir, file, symlink, tar};
use crate::bench::{Ask, Bench};
use crate::copy::{check, fails};

fn bench() -> Bench {
    let bench = Bench::new();
    bench.linux_base("base", &[dir("./", 0o755), file("file", 0o644, "file")]);
    bench.linux_base(
        "source",
        &[
            dir("./", 0o755),
            dir("a/", 0o700).owned(5, 6),
            dir("a/b/", 0o750).owned(5, 6),
            dir("a/b/c/", 0o755),
            file("a/b/c/f.txt", 0o644, "f"),
            dir("a/b2/", 0o755),
            dir("a/b2/c/", 0o755),
            file("a/b2/c/g.txt", 0o644, "g"),
            dir("empty/", 0o711),
            dir("hom/", 0o755),
            file("hom/in.md", 0o644, "md"),
            file("hom/in.txt", 0o644, "txt"),
            file("home.txt", 0o600, "home"),
            symlink("la", "a/b"),
            dir("x/", 0o711),
            dir("x/y/", 0o2775),
            file("x/y/i.md", 0o644, "i"),
        ],
    );
    bench
}

const D: &str = "d 755 0:0 d/";
const A: &str = "d 700 5:6 d/a/";
const B: &str = "d 750 5:6 d/a/b/";
const C: &str = "d 755 0:0 d/a/b/c/";
const F: &str = "f 644 0:0 d/a/b/c/f.txt \"f\"";
const B2: &str = "d 755 0:0 d/a/b2/";
const C2: &str = "d 755 0:0 d/a/b2/c/";
const G: &str = "f 644 0:0 d/a/b2/c/g.txt \"g\"";
const HOM: &str = "d 755 0:0 d/hom/";
const MD: &str = "f 644 0:0 d/hom/in.md \"md\"";
const TXT: &str = "f 644 0:0 d/hom/in.txt \"txt\"";
const HOME: &str = "f 600 0:0 d/home.txt \"home\"";
const LINK: &str = "l 777 0:0 d/la -> a/b";

#[test]
fn parents() {
    let bench = bench();
    let check = |arguments: &str, expected: &[&str]| {
        let instruction = format!("COPY --from=oci-layout://source --parents {arguments}");
        check(&bench, false, &instruction, expected);
    };
    // The destination is a directory with and without a slash. Parents are the source's.
    check("a/b/c/f.txt /d", &[D, A, B, C, F]);
    check("/a/b/c/f.txt /d/", &[D, A, B, C, F]);
    check("a/b/c/ /d/", &[D, A, B, C, F]);
    check("a/b a/b2/c /d/", &[D, A, B, C, F, B2, C2, G]);
    check("empty /d/", &[D, "d 711 0:0 d/empty/"]);
    // Only what is behind /./ is repeated.
    let pivoted = [
        D,
        "d 750 5:6 d/b/",
        "d 755 0:0 d/b/c/",
        "f 644 0:0 d/b/c/f.txt \"f\"",
    ];
    check("a/./b/c /d/", &pivoted);
    check("/a/./b/./c /d/", &pivoted);
    let both = [
        D,
        "d 755 0:0 d/c/",
        "f 644 0:0 d/c/f.txt \"f\"",
        "f 644 0:0 d/c/g.txt \"g\"",
    ];
    check("a/b*/./c /d/", &both);
    check("a/b*/./**/*.txt /d/", &both);
    // BuildKit follows links before the pivot only with wildcards, and finds nothing else.
    check(
        "la/./c /d/",
        &[D, "d 755 0:0 d/c/", "f 644 0:0 d/c/f.txt \"f\""],
    );
    // A link is copied, also the last.
    check("la /d/", &[D, LINK]);
    check("l* /d/", &[D, LINK]);
    // ** is any number of names.
    check("**/*.txt /d/", &[D, A, B, C, F, B2, C2, G, HOM, TXT, HOME]);
    check("a/**/c/ /d/", &[D, A, B, C, F, B2, C2, G]);
    check("a/** /d/", &[D, A, B, C, F, B2, C2, G]);
    check("a/*/c/g* /d/", &[D, A, B2, C2, G]);
    // Nothing matches: the destination is made, but not if nothing stands before the pivot.
    check("nope* /d/", &[D]);
    check("no*/./x /d/", &[]);
    check("home*/./x /d/", &[]);
    // Parents that have a source take --chmod and --chown as it does; symbolic modes do not
    // change the destination.
    check(
        "--chmod=641 --chown=7:8 hom/in.md /d/",
        &[
            "d 641 7:8 d/",
            "d 641 7:8 d/hom/",
            "f 641 7:8 d/hom/in.md \"md\"",
        ],
    );
    check(
        "--chmod=u=rX,go= --chown=7:8 hom/in.md /d/",
        &[
            "d 755 7:8 d/",
            "d 500 7:8 d/hom/",
            "f 400 7:8 d/hom/in.md \"md\"",
        ],
    );
    // --exclude sees the path from the pivot on.
    check("--exclude=*.txt hom /d/", &[D, HOM, MD, TXT]);
    check("--exclude=**/*.txt hom /d/", &[D, HOM, MD]);
    check(
        "--exclude=*.txt ./hom/./in* /d/",
        &[D, "f 644 0:0 d/in.md \"md\""],
    );
    check("--exclude=a/b a /d/", &[D, A, B2, C2, G]);
    check("--exclude=a a/b2 hom/in.md /d/", &[D, HOM, MD]);
    // BuildKit refuses these; what is meant is plain.
    check("--exclude=* --exclude=!hom . /d/", &[D, HOM, MD, TXT]);
    check(
        "hom/./ /d/",
        &[D, "f 644 0:0 d/in.md \"md\"", "f 644 0:0 d/in.txt \"txt\""],
    );
}

#[test]
fn parents_that_are_not_there() {
    let bench = bench();
    let fails = |arguments: &str, expected: &[&str]| {
        let instruction = format!("COPY --from=oci-layout://source --parents {arguments}");
        fails(&bench, &instruction, expected);
    };
    fails("nope /d/", &["Dockerfile:2", "nope", "not found"]);
    fails("a/./b/nope /d/", &["a/b/nope", "not found"]);
    fails("la/c /d/", &["la/c", "\"la\" is not a directory"]);
    fails("home.txt/./x /d/", &["not a directory"]);
    fails("a /file", &["cannot copy to non-directory"]);
    fails("a/[ /d/", &["malformed"]);
}

#[test]
fn parents_that_exist() {
    let bench = bench();
    let first = "COPY --from=oci-layout://source --chown=1:2 --chmod=770 a/b /d/a/b";
    let upon = |second: &str, expected: &[&str]| {
        let mut all = vec![
            "d 770 1:2 d/",
            "d 770 1:2 d/a/",
            "d 770 1:2 d/a/b/",
            "d 770 1:2 d/a/b/c/",
            "f 770 1:2 d/a/b/c/f.txt \"f\"",
        ];
        all.extend(expected);
        let copy = format!("{first}\nCOPY --from=oci-layout://source {second}");
        check(&bench, false, &copy, &all);
    };
    // Directories that are passed through take the bits of the source, whatever --chmod says.
    let passed = [
        "d 770 1:2 d/",
        "d 700 1:2 d/a/",
        "d 750 1:2 d/a/b/",
        "d 755 1:2 d/a/b/c/",
    ];
    let with = |last: &'static str| [&passed[..], &[last]].concat();
    upon("--parents a/b/c/f.txt /d/", &with(F));
    upon(
        "--parents --chown=3:4 --chmod=711 a/b/c/f.txt /d/",
        &with("f 711 3:4 d/a/b/c/f.txt \"f\""),
    );
    upon("--exclude=* --exclude=!a/b/c/f.txt . /d/", &with(F));
    // What is copied itself brings all that it has.
    upon(
        "--parents a/b/c /d/",
        &["d 770 1:2 d/", "d 700 1:2 d/a/", "d 750 1:2 d/a/b/", C, F],
    );
    // --link does not look.
    upon("--link --parents a/b/c/f.txt /d/", &[A, B, C, F]);
}

#[test]
fn exclude() {
    let bench = bench();
    let check = |arguments: &str, expected: &[&str]| {
        let instruction = format!("COPY --from=oci-layout://source {arguments}");
        check(&bench, false, &instruction, expected);
    };
    let moved = |line: &str| line.replacen(" d/hom/", " d/", 1);
    let (md, txt) = (&*moved(MD), &*moved(TXT));
    // What a source names is copied in any case, be it by a wildcard.
    check("--exclude=*.txt hom* /d/", &[D, HOME, md]);
    check("--exclude=home.txt home.txt /d/", &[D, HOME]);
    check("--exclude=hom hom /d/", &[D, md, txt]);
    // Patterns are relative to each directory that is copied.
    check(
        "--exclude=f.txt a/b /d/",
        &[D, "d 755 0:0 d/c/", "f 644 0:0 d/c/f.txt \"f\""],
    );
    check("--exclude=c/f.txt a/b /d/", &[D, "d 755 0:0 d/c/"]);
    check("--exclude=**/f.txt a/b /d/", &[D, "d 755 0:0 d/c/"]);
    check("--exclude=c/* a/b* /d/", &[D, "d 755 0:0 d/c/"]);
    check(
        "--exclude=a/b/c a/b hom /d/",
        &[D, "d 755 0:0 d/c/", "f 644 0:0 d/c/f.txt \"f\"", md, txt],
    );
    check("--exclude=./in.txt hom /d/", &[D, md]);
    check("--exclude=in.txt/ hom /d/", &[D, md]);
    check("--exclude= hom /d/", &[D, md, txt]);
    check("--exclude=i?.[a-m]* hom /d/", &[D, txt]);
    check("--exclude=* hom /d/", &[D]);
    // Later patterns win, and ! takes back; directories come along for what is in them alone.
    check("--exclude=* --exclude=!*.md hom /d/", &[D, md]);
    check("--exclude=!*.md --exclude=* hom /d/", &[D]);
    check(
        "--exclude=b --exclude=b2 --exclude=!b/c/f.txt a /d/",
        &[
            D,
            "d 750 5:6 d/b/",
            "d 755 0:0 d/b/c/",
            "f 644 0:0 d/b/c/f.txt \"f\"",
        ],
    );
    check(
        "--exclude=x --exclude=a --exclude=hom --exclude=la . /d/",
        &[D, "d 711 0:0 d/empty/", HOME],
    );
    fails(
        &bench,
        "COPY --from=oci-layout://source --exclude=[ hom /d/",
        &["--exclude=["],
    );
    fails(
        &bench,
        "COPY --from=oci-layout://source --exclude=! hom /d/",
        &["--exclude=!"],
    );
    // From the root of the context nothing has a slash in front.
    let dockerfile =
        "FROM oci-layout://base\nCOPY --from=oci-layout://source --exclude=/in.md hom /d/\n";
    let image = bench.build(dockerfile, Ask::default()).unwrap();
    assert_eq!(image.lines(), [D, md, txt]);
    assert!(
        image.told.warnings[0].contains("--exclude=/in.md begins with a slash"),
        "{:?}",
        image.told
    );
}

#[test]
fn of_contexts_and_archives() {
    let bench = bench();
    bench.file("dir/keep", "k");
    bench.file("dir/drop", "d");
    bench.file("dir/sub/drop", "d");
    bench.file("x.tar", tar(&[file("drop", 0o644, "x")]));
    let checked = |instruction: &str, expected: &[&str]| {
        check(&bench, true, instruction, expected);
    };
    checked(
        "COPY --exclude=**/drop dir /d/",
        &["d d/", "f d/keep \"k\"", "d d/sub/"],
    );
    checked(
        "ADD --exclude=drop dir /d/",
        &["d d/", "f d/keep \"k\"", "d d/sub/", "f d/sub/drop \"d\""],
    );
    checked(
        "COPY --parents dir/sub x.tar /d/",
        &[
            "d d/",
            "d d/dir/",
            "d d/dir/sub/",
            "f d/dir/sub/drop \"d\"",
            "f d/x.tar 2048 bytes",
        ],
    );
    // Archives are unpacked whole.
    checked("ADD --exclude=drop x.tar /d/", &["d d/", "f d/drop \"x\""]);
    checked(
        "COPY --parents <<EOF dir/keep /d/\nhere\nEOF",
        &[
            "d d/",
            "f d/EOF \"here\\n\"",
            "d d/dir/",
            "f d/dir/keep \"k\"",
        ],
    );
    // An empty directory that a wildcard names is something.
    checked("COPY --from=oci-layout://source emp* /d/", &["d d/"]);
    checked("COPY --from=oci-layout://source nope* /d/", &[]);
}

#[test]
fn keys() {
    let bench = bench();
    let build = |instruction: &str| {
        let dockerfile =
            format!("FROM oci-layout://base\nCOPY --from=oci-layout://source {instruction}\n");
        let image = bench.build(&dockerfile, Ask::default()).unwrap();
        (image.told.cached(), image.lines())
    };
    let different = [
        "hom /d/",
        "--exclude=in.md hom /d/",
        "--exclude=in.txt hom /d/",
        "--parents hom /d/",
        "--parents --exclude=hom/in.md hom /d/",
        "--parents --exclude=hom --exclude=!hom/in.txt hom /d/",
    ];
    let first: Vec<_> = different.map(build).into();
    for (place, instruction) in different.iter().enumerate() {
        let (cached, lines) = build(instruction);
        assert_eq!(
            (cached.as_str(), &lines),
            ("C", &first[place].1),
            "{instruction}"
        );
    }
    assert!(
        first[..4].iter().all(|(cached, _)| cached == "D"),
        "{first:?}"
    );
    // Upon a directory that is there it matters whether one is copied or passed through.
    let upon = |instruction: &str| {
        let dockerfile = format!(
            "FROM oci-layout://base\nCOPY --from=oci-layout://source --chown=1:1 hom /d/hom\n\
             COPY --from=oci-layout://source {instruction}\n"
        );
        bench.build(&dockerfile, Ask::default()).unwrap().lines()
    };
    let copied = upon("--parents --exclude=hom/in.md hom /d/");
    let passed = upon("--parents hom/in.txt /d/");
    assert!(copied.contains(&HOM.to_owned()), "{copied:?}");
    assert!(!passed.contains(&HOM.to_owned()), "{passed:?}");
}

#[test]
fn windows() {
    let bench = Bench::new();
    bench.file("Dir/Keep.txt", "k");
    bench.file("Dir/drop.PDB", "p");
    let ask = || Ask {
        platform: "windows/amd64",
        ..Ask::default()
    };
    // Names of Windows trees are compared without regard to case; \ separates names.
    let dockerfile = "# escape=`\nFROM {windows} AS one\nCOPY Dir C:\\Src\\Dir\nFROM {windows}\n\
                      COPY --from=one --parents --exclude=dir\\*.pdb C:\\src\\.\\DIR C:\\out\\\n"
        .replace("{windows}", "oci-layout://{windows}");
    let image = bench.build(&dockerfile, ask()).unwrap();
    let lines: Vec<String> = image
        .short_lines()
        .into_iter()
        .filter(|line| line.contains("out"))
        .collect();
    assert_eq!(
        lines,
        [
            "d Files/out",
            "d Files/out/Dir",
            "f Files/out/Dir/Keep.txt \"k\""
        ]
    );
}

//! Paths of this machine in every argument, as its users write them: on Windows with drives, both
//! separators, `\\?\`, shares, and longer than 260 characters.

mod program;

use std::fs;
use std::path::{Path, PathBuf};

use program::run_in;

/// The path of `name` in `folder`, with the separators of the host: behind `\\?\` no others count.
fn below(folder: &Path, name: &str) -> PathBuf {
    name.split('/')
        .fold(folder.to_owned(), |path, part| path.join(part))
}

/// The ways to write the path of `name` in `folder`, which is the working directory.
fn spellings(folder: &Path, name: &str) -> Vec<String> {
    let whole = below(folder, name).display().to_string();
    let inner = folder.file_name().unwrap().to_str().unwrap();
    let mut written = vec![
        name.to_owned(),
        format!("./{name}"),
        format!("../{inner}/{name}"),
        whole.clone(),
    ];
    if !cfg!(windows) {
        return written;
    }
    let verbatim = format!(r"\\?\{whole}");
    written.extend([
        format!(r".\{}", name.replace('/', "\\")),
        format!(r"..\{inner}\{name}"),
        whole.replace('\\', "/"),
        whole[..1].to_lowercase() + &whole[1..],
        verbatim,
        format!(r"\\.\{whole}"),
        whole[2..].to_owned(),
    ]);
    // The share of a machine's own drive is for its administrators, and Wine has none but where
    // the tests' script made this one.
    let share = format!(r"\\localhost\{}$\{}", &whole[..1], &whole[3..]);
    if Path::new(&share).parent().is_some_and(Path::exists) {
        written.push(share.replace('\\', "/"));
        written.push(share);
    }
    written
}

/// A folder with two contexts in it.
struct Bench {
    folder: tempfile::TempDir,
    /// Where the commands run: the folder, or one deep in it.
    place: PathBuf,
}

impl Bench {
    /// Puts the image of the context into the store, as `app`.
    fn build_app(&self) {
        let context = self.path("context").display().to_string();
        self.run(&["build", "-q", "-t", "app", &context]);
    }

    /// With a working directory whose path is at least `length` long.
    fn new(length: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut place = folder.path().to_owned();
        while place.as_os_str().len() < length {
            place.push("deep-".repeat(19));
        }
        let bench = Self { folder, place };
        for (path, text) in [
            ("context/x", "content"),
            ("context/Dockerfile", "FROM scratch\nCOPY x /\n"),
            ("more/y", "more"),
            ("Other", "FROM scratch\nCOPY x /\nCOPY --from=more y /d/y\n"),
        ] {
            let path = bench.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        below(&self.place, name)
    }

    /// Runs a command in the folder, which succeeds; gives standard output.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        let (code, out, told) = run_in(self.folder.path(), arguments);
        assert_eq!(code, 0, "{arguments:?}: {told}");
        out
    }

    /// Every command with the paths as `write` writes them.
    #[track_caller]
    fn check(&self, write: impl Fn(&str) -> String) {
        for made in ["layout", "a.tar", "d.tar", "files", "out", "id", "meta"] {
            let path = self.path(made);
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else if path.exists() {
                fs::remove_file(path).unwrap();
            }
        }
        let store = write("store");
        let run = |arguments: &[&str]| self.run(&[&["--root", &store], arguments].concat());
        let platform = ["--platform", "linux/amd64"];
        let build = |arguments: &[&str]| run(&[&["build"][..], &platform, arguments].concat());
        build(&[
            &write("context"),
            "-f",
            &write("Other"),
            &format!("--build-context=more={}", write("more")),
            "-t",
            "app:1",
            "-o",
            &format!("type=oci-layout,dest={}", write("layout")),
            "-o",
            &format!("type=oci,\"dest={}\"", write("a.tar")),
            "-o",
            &write("files"),
        ]);
        assert_eq!(fs::read(self.path("files/d/y")).unwrap(), b"more");
        let (id, meta) = (write("id"), write("meta"));
        build(&[
            &write("context"),
            "--iidfile",
            &id,
            "--metadata-file",
            &meta,
        ]);
        assert!(self.path("id").is_file() && self.path("meta").is_file());

        run(&["load", &write("a.tar")]);
        run(&["save", "app:1", "-o", &write("d.tar")]);
        let layout = format!("oci-layout://{}", write("layout"));
        let tagged = format!("{layout}:1");
        let archive = format!("oci-archive://{}", write("a.tar"));
        let other = format!("docker-archive://{}", write("d.tar"));
        for image in ["app:1", &layout, &tagged, &archive, &other] {
            assert_eq!(run(&["cat", &format!("{image}:/d/y")]), "more", "{image}");
        }
        for (number, image) in [&layout, &tagged, &archive].into_iter().enumerate() {
            let name = format!("out/{number}");
            fs::create_dir_all(self.path("out")).unwrap();
            run(&["cp", "-q", &format!("{image}:/d"), &write(&name)]);
            assert_eq!(fs::read(self.path(&name).join("y")).unwrap(), b"more");
        }
        // A path that does not begin like one is the name of an image.
        let file = write("d.tar");
        if file != "d.tar" {
            assert_eq!(run(&["cat", &file, "/x"]), "content");
            assert_eq!(run(&["cat", &format!("{file}:/x")]), "content");
            run(&["cp", "-q", &format!("{file}:/x"), &write("out")]);
            assert_eq!(fs::read(self.path("out/x")).unwrap(), b"content");
        }
        // A Dockerfile has both separators on all hosts; `\` needs its directive.
        let from = format!("# escape=`\nFROM {tagged}\nCOPY x /again\n");
        fs::write(self.path("context/From"), from).unwrap();
        build(&[&write("context"), "-f", &write("context/From"), "-t", "b"]);
        let named = format!("--build-context=base={tagged}");
        fs::write(self.path("context/Base"), "FROM base\nCOPY x /b\n").unwrap();
        build(&[
            &write("context"),
            "-f",
            &write("context/Base"),
            &named,
            "-t",
            "c",
        ]);
        assert_eq!(run(&["images", "-q"]).lines().count(), 3);
        run(&["prune"]);
    }
}

#[test]
fn as_users_write_them() {
    let bench = Bench::new(0);
    let place = bench.place.clone();
    for at in 0..spellings(&place, "x").len() {
        bench.check(|name| spellings(&place, name).swap_remove(at));
    }
}

#[test]
fn longer_than_260_characters() {
    let bench = Bench::new(300);
    let whole = |name: &str| bench.path(name).display().to_string();
    bench.check(whole);
    if cfg!(windows) {
        bench.check(|name| format!(r"\\?\{}", whole(name)));
        bench.check(|name| whole(name).replace('\\', "/"));
    }
}

#[test]
fn what_is_not_there() {
    let bench = Bench::new(0);
    let check = |arguments: &[&str], expected: &str| {
        let (code, _, told) = run_in(&bench.place, arguments);
        assert_eq!(code, 1, "{arguments:?}: {told}");
        assert!(told.contains(expected), "{arguments:?}: {told}");
    };
    for path in [
        r"C:\not\there",
        "c:/not/there",
        r"\\?\C:\not\there",
        "./not-there",
    ] {
        check(&["build", path], "is not a folder");
        check(
            &["build", "context", &format!("--build-context=a={path}")],
            "no folder",
        );
        check(&["load", path], path);
        check(&["ls", &format!("{path}:/")], path);
        check(&["cp", &format!("{path}:/x"), "."], path);
    }
}

/// What is a device on Windows is a file elsewhere; both are right.
#[test]
fn names_of_devices() {
    let bench = Bench::new(0);
    bench.build_app();
    let check = |arguments: &[&str], name: &str| {
        // Where the images are: beside what is written.
        let (code, _, told) = run_in(&bench.place, arguments);
        match cfg!(windows) {
            true => {
                assert_eq!(code, 1, "{arguments:?}: {told}");
                let expected = format!("{name}: is a device of Windows");
                assert!(told.contains(&expected), "{arguments:?}: {told}");
            }
            false => assert_eq!(code, 0, "{arguments:?}: {told}"),
        }
    };
    check(&["save", "app", "-o", "nul"], "nul");
    check(&["save", "app", "-o", "con.tar"], "con.tar");
    check(&["build", "context", "--iidfile", "aux"], "aux");
    check(&["build", "context", "--metadata-file", "NUL"], "NUL");
    check(
        &["build", "context", "-o", "type=oci,dest=com1.tar"],
        "com1.tar",
    );
    check(&["build", "context", "-o", "prn"], "prn");
    check(&["cp", "-q", "app:/x", "lpt1"], "lpt1");
}

/// No carriage return comes into what other programs read, and bytes stay what they are.
#[test]
fn pipes_get_bytes() {
    let bench = Bench::new(0);
    let bytes: Vec<u8> = (0..=255).chain(*b"\r\n\n\r\x1a\xe6\x97").collect();
    fs::write(bench.path("context/x"), &bytes).unwrap();
    let output = |arguments: &[&str]| {
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_crossdock"))
            .args(arguments)
            .current_dir(&bench.place)
            .env("CROSSDOCK_ROOT", "store")
            .output()
            .unwrap();
        assert!(
            ran.status.success(),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        (ran.stdout, ran.stderr)
    };
    let (_, told) = output(&["build", "-t", "app", "--label", "é=日本", "context"]);
    assert!(!told.contains(&b'\r'), "{}", String::from_utf8_lossy(&told));
    assert_eq!(output(&["cat", "app", "/x"]).0, bytes);
    for arguments in [
        &["ls", "-l", "app"][..],
        &["images"],
        &["inspect", "app"],
        &["--help"],
    ] {
        let (out, _) = output(arguments);
        assert!(
            !out.contains(&b'\r') && out.ends_with(b"\n"),
            "{arguments:?}"
        );
    }
    let (out, _) = output(&["inspect", "app"]);
    assert!(String::from_utf8(out).unwrap().contains("日本"));
    let (archive, _) = output(&["save", "app"]);
    fs::write(bench.path("a.tar"), &archive).unwrap();
    assert_eq!(output(&["cat", "./a.tar", "/x"]).0, bytes);
}

/// A reader that goes away ends a command, and is no failure.
#[test]
fn readers_that_go_away() {
    let bench = Bench::new(0);
    fs::write(bench.path("context/x"), vec![b'x'; 4 << 20]).unwrap();
    bench.build_app();
    for arguments in [
        &["cat", "app", "/x"][..],
        &["save", "app"],
        &["cp", "app:/x", "-"],
        &["images", "-q"],
    ] {
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_crossdock"))
            .args(arguments)
            .current_dir(&bench.place)
            .env("CROSSDOCK_ROOT", "store")
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ran = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&ran.stderr);
        assert_eq!((ran.status.code(), &*told), (Some(0), ""), "{arguments:?}");
    }
}

/// The variables of <https://no-color.org> and <https://bixense.com/clicolors>, where no terminal is.
#[test]
fn colours() {
    let bench = Bench::new(0);
    bench.build_app();
    let check = |variables: &[(&str, &str)], expected: bool| {
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_crossdock"))
            .args(["images"])
            .current_dir(&bench.place)
            .env("CROSSDOCK_ROOT", "store")
            .env_remove("NO_COLOR")
            .env_remove("CLICOLOR")
            .env_remove("CLICOLOR_FORCE")
            .env_remove("TERM")
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        assert_eq!(ran.stdout.contains(&0x1b), expected, "{variables:?}");
    };
    check(&[], false);
    check(&[("TERM", "xterm"), ("CLICOLOR", "1")], false);
    check(&[("CLICOLOR_FORCE", "1")], true);
    check(&[("CLICOLOR_FORCE", "0")], false);
    check(&[("CLICOLOR_FORCE", "1"), ("CLICOLOR", "0")], true);
    check(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false);
    check(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "")], true);
}

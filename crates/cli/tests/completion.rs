//! `crossdock completion` for each shell, and what its scripts ask the program.

use std::process::{Command, Output};

fn crossdock() -> Command {
    Command::new(env!("CARGO_BIN_EXE_crossdock"))
}

#[test]
fn scripts() {
    for (shell, first) in [
        ("bash", "# Completion of crossdock for bash"),
        ("elvish", "set edit:completion:arg-completer[crossdock]"),
        ("fish", "# Completion of crossdock for fish"),
        ("powershell", "# Completion of crossdock for PowerShell"),
        ("zsh", "#compdef crossdock"),
    ] {
        let ran = crossdock().args(["completion", shell]).output().unwrap();
        let script = String::from_utf8(ran.stdout).unwrap();
        assert!(ran.status.success() && ran.stderr.is_empty());
        assert!(script.trim_start().starts_with(first), "{shell}: {script}");
        assert!(script.contains("_CROSSDOCK_COMPLETE"), "{shell}");
    }
    let ran = crossdock().args(["completion", "cmd"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("bash"));
}

/// Two images in a store: `app:1`, an index, and `app:win`; and a layout of another.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for (path, text) in [
            ("context/etc/passwd", "root\n"),
            ("context/etc/pam.conf", "\n"),
            ("context/usr/bin/a b", "\n"),
            (
                "context/Dockerfile",
                "FROM scratch\nCOPY etc /etc/\nCOPY usr /usr/\n",
            ),
        ] {
            let path = bench.path(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let both = "linux/amd64,windows(10.0.20348)/amd64";
        let layout = format!("type=oci-layout,dest={}", bench.path("layout").display());
        for (root, arguments) in [
            ("store", vec!["-t", "app:1", "--platform", both]),
            (
                "store",
                vec!["-t", "app:win", "--platform", "windows(10.0.20348)/amd64"],
            ),
            (
                "other",
                vec!["-t", "x:one", "--platform", "linux/amd64", "-o", &layout],
            ),
        ] {
            let ran = bench
                .with_root(root)
                .args(["build", "-q"])
                .args(arguments)
                .arg(bench.path("context"))
                .output()
                .unwrap();
            assert!(
                ran.status.success(),
                "{}",
                String::from_utf8_lossy(&ran.stderr)
            );
        }
        bench
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.folder.path().join(path)
    }

    fn with_root(&self, root: &str) -> Command {
        let mut command = crossdock();
        command.env("CROSSDOCK_ROOT", self.path(root));
        command.current_dir(self.folder.path());
        command
    }

    /// What a shell's script is told for words, without what explains it.
    #[track_caller]
    fn offers(&self, root: &str, shell: &str, words: &[&str]) -> Vec<String> {
        let mut command = self.with_root(root);
        command.env("_CROSSDOCK_COMPLETE", shell);
        match shell {
            "powershell" => command.env("_CROSSDOCK_WORDS", words.join("\n")),
            _ => command.arg("--").args(words),
        };
        let ran: Output = command.output().unwrap();
        assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
        let text = String::from_utf8(ran.stdout).unwrap();
        let value = |line: &str| line.split('\t').next().unwrap().to_owned();
        text.lines().map(value).collect()
    }
}

#[test]
fn what_is_offered() {
    let bench = Bench::new();
    let check = |words: &str, expected: &[&str]| {
        let words: Vec<&str> = words.split(' ').collect();
        for shell in ["zsh", "fish", "powershell"] {
            // fish gives the last word as it is written.
            let found = match (shell, words.last()) {
                ("fish", Some(last)) => {
                    let last = last.replace('\\', "\\\\");
                    let mut words = words.clone();
                    *words.last_mut().unwrap() = &last;
                    bench.offers("store", shell, &words)
                }
                _ => bench.offers("store", shell, &words),
            };
            assert_eq!(found, expected, "{shell}: {words:?}");
        }
    };
    check("crossdock ca", &["cat"]);
    check("crossdock cat ap", &["app:1", "app:win"]);
    check("crossdock rmi app:w", &["app:win"]);
    check("crossdock cat oci-l", &["oci-layout://"]);
    check("crossdock cat app:1 /", &["/etc/", "/usr/"]);
    check(
        "crossdock cat app:1 /etc/pa",
        &["/etc/pam.conf", "/etc/passwd"],
    );
    check("crossdock cat app:1 x /usr/bin/", &["/usr/bin/a b"]);
    check("crossdock cat app:1:/us", &["app:1:/usr/"]);
    check("crossdock cat app:1:", &["app:1:/etc/", "app:1:/usr/"]);
    check("crossdock cat app:win C:\\ET", &["C:\\etc\\"]);
    check("crossdock cat app:win:c:/et", &["app:win:c:/etc/"]);
    check(
        "crossdock cat --platform windows/amd64 app:1 c:\\etc\\PAS",
        &["c:\\etc\\passwd"],
    );
    // The platforms of an index are known once it is; else usual ones are offered.
    check(
        "crossdock cat app:1 --platform w",
        &["windows(10.0.20348)/amd64"],
    );
    check("crossdock cat --platform linux/s", &["linux/s390x"]);
    check(
        "crossdock build --platform=linux/amd64,linux/s",
        &["--platform=linux/amd64,linux/s390x"],
    );
    check("crossdock check --only MissingL", &["MissingLibrary"]);
    check("crossdock cat none /", &[]);
    check("crossdock cat localhost:1/none:1 /", &[]);
    check("crossdock cat a..b:: /", &[]);
    check("crossdock --nonsense cat app:1 /us", &[]);
}

#[test]
fn bash_gets_what_it_inserts() {
    let bench = Bench::new();
    for (line, replaced, expected) in [
        // No image is called so; the names go on behind the colon.
        ("crossdock cat app:", "", vec!["1", "win"]),
        ("crossdock cat app:w", "w", vec!["win"]),
        (
            "crossdock cat app:1:/usr/bin/",
            "/usr/bin/",
            vec!["/usr/bin/a\\ b"],
        ),
        ("crossdock cat app:win 'c:\\et", "c:\\et", vec!["c:\\etc\\"]),
        (
            "crossdock cat --platform=windows/a",
            "windows/a",
            vec!["windows/amd64"],
        ),
        (
            "crossdock cat --platform 'windows(",
            "windows(",
            vec!["windows(10.0.20348)/amd64"],
        ),
        (
            "crossdock cat --platform windows\\(",
            "windows\\(",
            vec!["windows\\(10.0.20348\\)/amd64"],
        ),
    ] {
        let found = bench.offers("store", "bash", &[line, replaced]);
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn only_what_is_here_is_offered() {
    let bench = Bench::new();
    let words = ["crossdock", "cat", "oci-layout://layout:one", "/e"];
    let tags = ["crossdock", "cat", "oci-layout://layout:"];
    // Without a store nothing is known, and none is made.
    assert!(bench.offers("none", "zsh", &words).is_empty());
    assert!(!bench.path("none").exists());
    assert_eq!(
        bench.offers("none", "zsh", &tags),
        ["oci-layout://layout:one"]
    );
    // Its layers were never read with this store.
    std::fs::create_dir(bench.path("fresh")).unwrap();
    let images = bench.with_root("fresh").arg("images").output().unwrap();
    assert!(images.status.success());
    assert!(bench.offers("fresh", "zsh", &words).is_empty());
    let cat = bench
        .with_root("fresh")
        .args(&words[1..3])
        .arg("/etc/passwd")
        .output()
        .unwrap();
    assert_eq!(cat.stdout, b"root\n");
    assert_eq!(bench.offers("fresh", "zsh", &words), ["/etc/"]);
    // What is wrong is nobody's to hear of.
    std::fs::write(bench.path("store/index.json"), "{").unwrap();
    assert!(
        bench
            .offers("store", "zsh", &["crossdock", "cat", "app"])
            .is_empty()
    );
    for shell in ["csh", ""] {
        assert!(bench.offers("store", shell, &["crossdock", ""]).is_empty());
    }
}

/// PowerShell's script gives words as they are, in a variable: nothing in them is lost on the way.
#[test]
fn words_of_powershell() {
    let bench = Bench::new();
    std::fs::write(bench.path("it's a file.tar"), "").unwrap();
    let check = |words: &[&str], expected: &[&str]| {
        assert_eq!(
            bench.offers("store", "powershell", words),
            expected,
            "{words:?}"
        );
    };
    check(
        &["crossdock", "cat", "app:1", "a \"b\"'", "/usr/bin/a"],
        &["/usr/bin/a b"],
    );
    check(
        &["crossdock", "cat", "app:1", "/usr/bin/a b"],
        &["/usr/bin/a b"],
    );
    check(
        &["crossdock", "cat", "app:win:C:\\ETC\\pass"],
        &["app:win:C:\\ETC\\passwd"],
    );
    check(&["crossdock", "cat", "app:1", "", "é\\", "/et"], &["/etc/"]);
    check(
        &["crossdock", "cat", "--platform", "windows(1"],
        &["windows(10.0.20348)/amd64"],
    );
    check(&["crossdock", "load", "it's"], &["it's a file.tar"]);
    // Files of this machine, as its users write paths.
    let separator = std::path::MAIN_SEPARATOR;
    let whole = bench.path("it's").display().to_string();
    check(
        &["crossdock", "load", &whole],
        &[&format!("{whole} a file.tar")],
    );
    check(
        &[
            "crossdock",
            "cat",
            &format!("oci-layout://.{separator}layou"),
        ],
        &[&format!("oci-layout://.{separator}layout{separator}")],
    );
}

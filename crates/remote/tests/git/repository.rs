//! Repositories in a temporary folder.

use std::cell::Cell;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crossdock_remote::Git;

/// A folder with repositories in it that are found as `https://git.invalid/NAME.git`.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) struct Repository<'a> {
    world: &'a World,
    folder: PathBuf,
    commits: Cell<u32>,
}

const PREFIX: &str = "https://git.invalid/";

impl World {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder }
    }

    pub(crate) fn address(&self, name: &str) -> String {
        format!("{PREFIX}{name}.git")
    }

    pub(crate) fn url(&self, name: &str) -> String {
        self.address(name)
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn served(&self) -> String {
        format!("{}/served/", self.folder.path().display())
    }

    /// git with nothing of this machine's configuration.
    pub(crate) fn client(&self) -> Git {
        self.strict_client()
            .with_local_repositories(PREFIX, &self.served())
    }

    /// The same without repositories of this machine, although the configuration leads there.
    pub(crate) fn strict_client(&self) -> Git {
        let config = self.folder.path().join("strict-config");
        let served = self.served();
        fs::write(
            &config,
            format!("[url \"file://{served}\"]\n\tinsteadOf = {PREFIX}\n"),
        )
        .unwrap();
        Git::default()
            .with_variable("HOME", self.home())
            .with_variable("XDG_CONFIG_HOME", self.home())
            .with_variable("GIT_CONFIG_GLOBAL", config)
            .with_variable("GIT_CONFIG_NOSYSTEM", "1")
            .with_variable("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -F/dev/null")
    }

    pub(crate) fn repository(&self, name: &str) -> Repository<'_> {
        self.repository_with(name, &[])
    }

    pub(crate) fn repository_with(&self, name: &str, options: &[&str]) -> Repository<'_> {
        let folder = PathBuf::from(self.served()).join(format!("{name}.git"));
        fs::create_dir_all(&folder).unwrap();
        let init = ["init", "-q", "-b", "main"];
        self.run(&folder, "git", &[&init, options].concat());
        self.run(&folder, "git", &["config", "core.fileMode", "false"]);
        Repository {
            world: self,
            folder,
            commits: Cell::new(0),
        }
    }

    /// What git itself checks out.
    pub(crate) fn clone_of(&self, name: &str) -> PathBuf {
        let clone = self.folder.path().join(format!("clone-{name}"));
        let from = format!("{}{name}.git", self.served());
        let arguments = ["clone", "-q", &from, clone.to_str().unwrap()];
        self.run(Path::new("/"), "git", &arguments);
        clone
    }

    #[track_caller]
    pub(crate) fn run(&self, folder: &Path, program: &str, arguments: &[&str]) -> String {
        self.run_with(folder, program, arguments, &[], "2017-07-14T02:40:00Z")
    }

    #[track_caller]
    fn run_with(
        &self,
        folder: &Path,
        program: &str,
        arguments: &[&str],
        input: &[u8],
        time: &str,
    ) -> String {
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .env("HOME", self.home())
            .env("XDG_CONFIG_HOME", self.home())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_NAME", "A")
            .env("GIT_AUTHOR_EMAIL", "a@example.com")
            .env("GIT_COMMITTER_NAME", "A <b>")
            .env("GIT_COMMITTER_EMAIL", "a@example.com")
            .env("GIT_AUTHOR_DATE", time)
            .env("GIT_COMMITTER_DATE", time)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Repository<'_> {
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_with(arguments, &[])
    }

    #[track_caller]
    fn git_with(&self, arguments: &[&str], input: &[u8]) -> String {
        let time = format!("2017-07-14T02:40:{:02}Z", self.commits.get());
        let output = self
            .world
            .run_with(&self.folder, "git", arguments, input, &time);
        output.trim().to_owned()
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn link(&self, path: &str, target: &str) {
        let (blob, path) = (
            self.git_with(&["hash-object", "-w", "--stdin"], target.as_bytes()),
            path,
        );
        let entry = format!("120000,{blob},{path}");
        self.git(&["update-index", "--add", "--cacheinfo", &entry]);
        let arguments = ["checkout-index", "-f", "--", path];
        self.git(&arguments);
    }

    /// An entry of a submodule, with what `.gitmodules` says about it.
    pub(crate) fn submodule(&self, url: &str, path: &str, commit: &str) {
        self.git(&[
            "config",
            "-f",
            ".gitmodules",
            &format!("submodule.{path}.path"),
            path,
        ]);
        self.git(&[
            "config",
            "-f",
            ".gitmodules",
            &format!("submodule.{path}.url"),
            url,
        ]);
        let entry = format!("160000,{commit},{path}");
        self.git(&["update-index", "--add", "--cacheinfo", &entry]);
        fs::create_dir_all(self.folder.join(path)).unwrap();
    }

    /// Commits all that is there; the n-th commit's time ends in n seconds.
    #[track_caller]
    pub(crate) fn commit(&self, message: &str) -> String {
        self.commits.set(self.commits.get() + 1);
        self.git(&["add", "."]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.head()
    }

    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// A tree with one file, whatever its name.
    pub(crate) fn literal_tree(&self, name: &str, blob: &str) -> String {
        let id: Vec<u8> = (0..blob.len() / 2)
            .map(|at| u8::from_str_radix(&blob[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        let tree = [b"100644 ", name.as_bytes(), b"\0", &id].concat();
        let arguments = ["hash-object", "-t", "tree", "-w", "--literally", "--stdin"];
        self.git_with(&arguments, &tree)
    }
}

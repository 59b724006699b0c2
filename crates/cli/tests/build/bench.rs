//! Commands in a folder of their own.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// What the environment of the tests may say and those of a command do not.
const VARIABLES: [&str; 4] = [
    "BUILDKIT_PROGRESS",
    "BUILDX_METADATA_WARNINGS",
    "CROSSDOCK_PROGRESS",
    "SOURCE_DATE_EPOCH",
];

/// A folder with a context `.`, a store beside it, and commands that run in it.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

/// What a command gave.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
}

impl Bench {
    pub(crate) fn new(dockerfile: &str) -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        bench.write("context/Dockerfile", dockerfile);
        bench.write("context/x", "x");
        bench
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Runs `crossdock build` with `arguments` on the context.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, &[], "")
    }

    pub(crate) fn run_with(
        &self,
        arguments: &[&str],
        variables: &[(&str, &str)],
        input: &str,
    ) -> Ran {
        self.run_on("context", arguments, variables, input)
    }

    /// Runs `crossdock build` on another context.
    pub(crate) fn run_on(
        &self,
        context: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
        input: &str,
    ) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crossdock"));
        for name in VARIABLES {
            command.env_remove(name);
        }
        let mut child = command
            .arg("build")
            .args(arguments)
            .arg(context)
            .current_dir(self.folder.path())
            .env("CROSSDOCK_ROOT", "store")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that fails early may have gone without reading.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            out: output.stdout,
            err: String::from_utf8(output.stderr)
                .unwrap()
                .replace("\r\n", "\n"),
        }
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(path)).unwrap()).unwrap()
    }

    /// The config of the only image of a layout.
    pub(crate) fn config(&self, layout: &str) -> Value {
        let index = self.json(&format!("{layout}/index.json"));
        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().unwrap().replace(':', "/");
            self.json(&format!("{layout}/blobs/{digest}"))
        };
        blob(&blob(&index["manifests"][0])["config"])
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn expect(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}", self.err);
        for part in parts {
            assert!(self.err.contains(part), "{part}: {}", self.err);
        }
        if code == 1 || code > 2 {
            let errors = self.err.lines().filter(|line| line.starts_with("error"));
            assert_eq!(errors.count(), 1, "{}", self.err);
        }
        self
    }

    /// What stands on standard output.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.out.clone())
            .unwrap()
            .replace("\r\n", "\n")
    }

    pub(crate) fn digest(&self) -> String {
        String::from_utf8(self.out.clone())
            .unwrap()
            .trim_end()
            .to_owned()
    }
}

//! `crossdock completion` for each shell.

use std::process::Command;

#[test]
fn scripts() {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_crossdock"));
        command.arg("completion").args(arguments).output().unwrap()
    };
    for (shell, first) in [
        ("bash", "_crossdock() {"),
        ("elvish", "use builtin;"),
        ("fish", "# Print an optspec"),
        ("powershell", "using namespace System.Management.Automation"),
        ("zsh", "#compdef crossdock"),
    ] {
        let ran = run(&[shell]);
        let script = String::from_utf8(ran.stdout).unwrap();
        assert!(ran.status.success() && ran.stderr.is_empty());
        assert!(script.trim_start().starts_with(first), "{shell}: {script}");
        for word in ["build", "metadata-file"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let ran = run(&["cmd"]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("bash"));
}

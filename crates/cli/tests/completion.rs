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

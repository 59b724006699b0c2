//! Scripts for PowerShell, as far as that can be checked without one.
//!
//! `release/check-windows.ps1`, which users run on Windows, says which digests its images have. They
//! are held to what this host builds: the script's context, Dockerfile and digests are read from it.

mod program;

use std::fs;
use std::path::Path;
use std::process::Command;

/// What stands between `from` and the next `to`.
#[track_caller]
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let (_, rest) = text
        .split_once(from)
        .unwrap_or_else(|| panic!("no {from:?}"));
    rest.split_once(to)
        .unwrap_or_else(|| panic!("no {to:?} behind {from:?}"))
        .0
}

/// The lines `NAME = 'VALUE'` of a hash table, with names in quotes or without.
fn table<'t>(text: &'t str, name: &str) -> Vec<(&'t str, String)> {
    let table = between(text, &format!("\n${name} = "), "\n}");
    let entries = table.lines().skip(1).map(|line| {
        let (key, value) = line.split_once('=').expect("an entry");
        let value = value.trim();
        let text = &value[1..value.len() - 1];
        // Text in double quotes has PowerShell's escapes.
        let text = match value.starts_with('"') {
            true => text.replace("`n", "\n"),
            false => text.to_owned(),
        };
        (key.trim().trim_matches('\''), text)
    });
    entries.collect()
}

#[test]
fn digests_of_the_check_script() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../release/check-windows.ps1");
    let script = fs::read_to_string(script).unwrap().replace("\r\n", "\n");
    let folder = tempfile::tempdir().unwrap();
    let files = table(&script, "Files");
    assert!(files.len() >= 5);
    for (name, text) in &files {
        let path = folder.path().join("context").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let dockerfile = between(&script, "$Dockerfile = @'\n", "'@\n");
    fs::write(folder.path().join("context/Dockerfile"), dockerfile).unwrap();
    let epoch = between(&script, "\n$Epoch = ", "\n");
    let platforms = table(&script, "Platforms");
    assert_eq!(platforms.len(), 3);
    for (kind, expected) in table(&script, "Expected") {
        let (_, platform) = platforms.iter().find(|(other, _)| *other == kind).unwrap();
        let built = Command::new(env!("CARGO_BIN_EXE_crossdock"))
            .args([
                "build",
                "-q",
                "--platform",
                platform,
                "-t",
                &format!("check:{kind}"),
                "context",
            ])
            .current_dir(folder.path())
            .env("CROSSDOCK_ROOT", "store")
            .env("SOURCE_DATE_EPOCH", epoch)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{told}");
        let found = String::from_utf8(built.stdout).unwrap();
        assert_eq!(
            found.trim_end(),
            expected,
            "{kind}: put this digest into the script"
        );
    }
    // What the script looks at of them.
    let (code, out, told) =
        program::run_in(folder.path(), &["ls", "-l", "check:linux", "/usr/bin"]);
    assert!(code == 0 && out.contains("rwsr-xr-x"), "{out}{told}");
}

/// By a grammar that is not PowerShell's own, and knows less than it.
#[test]
fn scripts_have_the_syntax_of_powershell() {
    let mut parser = tree_sitter::Parser::new();
    let language = tree_sitter_powershell::LANGUAGE.into();
    parser.set_language(&language).unwrap();
    let mut is_good = |text: &str| !parser.parse(text, None).unwrap().root_node().has_error();
    assert!(is_good("if ($a) { 'b' }\n") && !is_good("if ($a { 'b'\n"));
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for script in [
        "release/check-windows.ps1",
        "crates/cli/src/completion/powershell.ps1",
    ] {
        let text = fs::read_to_string(repository.join(script)).unwrap();
        assert!(is_good(&text), "{script}");
    }
}

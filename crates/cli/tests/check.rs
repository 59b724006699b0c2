//! `crossdock check` as users run it.

mod program;

use std::fs;

use program::run_in;

#[test]
fn answers_and_exit_codes() {
    let bench = tempfile::tempdir().unwrap();
    crossdock_fixtures::linux_base(&bench.path().join("image"), 3).unwrap();
    let image = "oci-layout://image";
    let check = |arguments: &[&str], code: i32, line: &str| {
        let (found, out, err) = run_in(bench.path(), &[&["check"], arguments].concat());
        let whole = format!("{arguments:?}: {found:?}\n{out}{err}");
        assert_eq!(found, code, "{whole}");
        assert!(
            out.lines().chain(err.lines()).any(|l| l.contains(line)),
            "{whole}"
        );
    };
    // The fixture goes through links and has links in circles, as images do.
    check(&[image], 0, "0 errors, ");
    check(&[image], 0, "warning: LinkCircle Links lead in a circle.");
    check(&[image], 0, "blobs in the layout hold");
    check(&["--strict", image], 1, "warning: LinkCircle");
    check(
        &["--level", "error", image],
        0,
        "0 errors, 0 warnings, 0 notes",
    );
    check(
        &["--only", "MissingUser", image],
        0,
        "0 errors, 0 warnings, 0 notes",
    );
    check(
        &["--no-blobs", "--skip", "linkcircle", image],
        0,
        "0 errors, ",
    );
    check(
        &["--only", "Nothing", image],
        2,
        "crossdock check --rules lists them",
    );
    check(&["--rules"], 0, "MissingHive");
    check(&[], 2, "required");

    let (code, out, _) = run_in(bench.path(), &["check", "--format", "json", image]);
    assert_eq!(code, 0);
    let rows: Vec<serde_json::Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let circle = rows.iter().find(|row| row["rule"] == "LinkCircle").unwrap();
    assert_eq!(circle["level"], "warning");
    assert_eq!(circle["platform"], "linux/amd64");
    assert!(circle["layer"].as_u64().unwrap() >= 1);
    assert!(circle["path"].as_str().unwrap().starts_with('/'));

    // The layout has layers of several images.
    for entry in fs::read_dir(bench.path().join("image/blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        if bytes[0] == 0x1f {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x10;
            fs::write(&path, bytes).unwrap();
        }
    }
    check(
        &[image],
        1,
        "error: DigestMismatch A blob has other bytes than its digest says.",
    );
}

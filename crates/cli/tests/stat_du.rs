//! `crossdock stat` and `crossdock du` as users run them, on the images of the end-to-end tests.

mod program;

use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;

use program::run_in;

/// Both images, written once.
struct Images {
    folder: tempfile::TempDir,
}

static IMAGES: LazyLock<Images> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    crossdock_fixtures::linux_base(&folder.path().join("linux"), 2).unwrap();
    crossdock_fixtures::windows_base(&folder.path().join("windows"), 200).unwrap();
    Images { folder }
});

/// Exit code and both outputs.
fn run(arguments: &[&str]) -> (i32, String, String) {
    run_in(IMAGES.folder.path(), arguments)
}

#[track_caller]
fn succeed(arguments: &[&str]) -> String {
    let (code, out, err) = run(arguments);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    out
}

#[track_caller]
fn json(arguments: &[&str]) -> Vec<Value> {
    let out = succeed(&[arguments, &["--format", "json"]].concat());
    let lines = out.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

const LINUX: &str = "oci-layout://linux:gzip";
const WINDOWS: &str = "oci-layout://windows:gzip";

/// What is printed is what the file holds.
#[track_caller]
fn check_page(golden: &str, arguments: &[&str]) {
    let out = succeed(arguments);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let expected = std::fs::read_to_string(path.join(golden)).unwrap_or_default();
    assert_eq!(out, expected.replace("\r\n", "\n"), "{golden}");
}

#[test]
fn pages() {
    check_page(
        "stat-linux.txt",
        &[
            "stat",
            LINUX,
            "/opt/xattrs/ping",
            "/opt/hard/a",
            "/etc/mtab",
            "/opt/links/up",
            "/srv/deep",
            "/etc/shadow",
            "/opt/becomes-file",
            "/dev/null",
        ],
    );
    check_page(
        "stat-windows.txt",
        &[
            "stat",
            WINDOWS,
            r"C:\program files\streams\DOWNLOAD.EXE",
            r"C:\Program Files\Streams",
            r"\Windows\INF\module00000.inf",
            "/Windows/Updated/forward.dll",
        ],
    );
    check_page("du-linux.txt", &["du", LINUX]);
    check_page("du-windows.txt", &["du", WINDOWS]);
    check_page("du-linux-layers.txt", &["du", "--layers", "--bytes", LINUX]);
    check_page("du-linux-wasted.txt", &["du", "--wasted", LINUX]);
    check_page("du-windows-wasted.txt", &["du", "--wasted", "-b", WINDOWS]);
}

#[test]
fn what_is_gone() {
    let (code, out, err) = run(&[
        "stat",
        LINUX,
        "/opt/removed-file",
        "/etc/hostname",
        "/never",
    ]);
    assert_eq!(code, 1);
    assert!(
        out.starts_with("/opt/removed-file\n  state  not in the image\n"),
        "{out}"
    );
    assert!(out.contains("removed by a whiteout"), "{out}");
    assert!(out.contains("\n/etc/hostname\n"), "{out}");
    let errors: Vec<&str> = err.lines().collect();
    assert_eq!(errors.len(), 2, "{err}");
    assert!(
        errors[0].ends_with("not found; layer 3 took it away"),
        "{err}"
    );
    assert!(errors[1].contains("\"/never\": not found"), "{err}");

    let (code, out, _) = run(&["stat", LINUX, "/opt/opaque/lower", "--format", "json"]);
    assert_eq!(code, 1);
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(object["exists"], false);
    let last = object["history"].as_array().unwrap().last().unwrap();
    assert_eq!(last["change"], "removed");
    assert_eq!(last["removal"]["by"], "opaque");
    assert_eq!(last["removal"]["path"], "/opt/opaque");

    let (code, _, err) = run(&["stat", LINUX]);
    assert_eq!(code, 1);
    assert!(err.contains("no path is named"), "{err}");
    let (code, _, err) = run(&["du", LINUX, "/never"]);
    assert_eq!(code, 1);
    assert!(err.contains("not found"), "{err}");
}

#[test]
fn objects() {
    let objects = json(&["stat", "--digest", LINUX, "/etc/group", "/bin/sh"]);
    let group = &objects[0];
    assert_eq!(group["path"], "/etc/group");
    assert_eq!(group["kind"], "file");
    assert_eq!(group["size"], 35);
    assert_eq!(group["posix"]["user"], "root");
    assert_eq!(group["posix"]["derived"], false);
    assert_eq!(group["win32"]["derived"], true);
    assert_eq!(group["layer"]["layer"], 1);
    assert_eq!(
        group["digest"],
        "sha256:603e7cb4dc06924d26a9f0c0c8fe8cab674e0437e8c1a239d24c38faf6723cce"
    );
    assert_eq!(objects[1]["path"], "/usr/bin/sh");
    assert_eq!(objects[1]["leads_to"]["path"], "/usr/bin/bash");
    let followed = json(&["stat", "-L", LINUX, "/bin/sh"]);
    assert_eq!(followed[0]["path"], "/usr/bin/bash");

    let objects = json(&["stat", WINDOWS, r"C:\Program Files\Streams\download.exe"]);
    let win32 = &objects[0]["win32"];
    assert_eq!(objects[0]["origin"], "win32");
    assert_eq!(win32["attribute_names"][0], "ARCHIVE");
    assert_eq!(
        win32["descriptor"]["owner"]["name"],
        r"BUILTIN\Administrators"
    );
    assert_eq!(win32["descriptor"]["dacl"][0]["rights"], "full control");
    assert_eq!(objects[0]["streams"][0]["name"], "Zone.Identifier");
}

#[test]
fn sums() {
    let rows = json(&["du", LINUX]);
    let total = rows.last().unwrap();
    assert_eq!(
        (&total["path"], &total["total"]),
        (&"/".into(), &true.into())
    );
    let sum =
        |rows: &[Value]| -> u64 { rows.iter().map(|row| row["bytes"].as_u64().unwrap()).sum() };
    assert_eq!(
        sum(&rows[..rows.len() - 1]),
        total["bytes"].as_u64().unwrap()
    );
    let only = json(&["du", "-s", LINUX, "/opt/hard"]);
    assert_eq!((only.len(), &only[0]["files"]), (1, &4.into()));

    let layers = json(&["du", "--layers", LINUX]);
    assert_eq!(layers.len(), 4);
    let wasted = json(&["du", "--wasted", "--top", "0", LINUX]);
    let total = &layers[3];
    assert_eq!(sum(&wasted), total["wasted_bytes"].as_u64().unwrap());
    assert!(sum(&wasted) > 0);
    let efficiency = total["efficiency"].as_f64().unwrap();
    assert!((0.9..1.0).contains(&efficiency), "{efficiency}");

    // What Windows does not see is shipped too.
    let rows = json(&["du", WINDOWS]);
    for name in ["Hives", "UtilityVM"] {
        let row = rows.iter().find(|row| row["path"] == name).unwrap();
        assert_eq!(row["outside"], true);
        assert!(row["bytes"].as_u64().unwrap() > 0);
    }
}

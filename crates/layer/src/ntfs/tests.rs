//! Vectors of what NTFS stores.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::*;

#[track_caller]
fn check(found: Option<Vec<u8>>, expected: &str) {
    let hex = |bytes: Vec<u8>| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    assert_eq!(found.map(hex).as_deref(), Some(expected));
}

#[test]
fn attributes() {
    let text = |attributes: &[(&[u8], Vec<u8>)]| {
        let shown = attributes.iter().map(|(name, value)| {
            format!("{}={}", String::from_utf8_lossy(name), BASE64.encode(value))
        });
        shown.collect::<Vec<_>>().join(" ")
    };
    let file = lx_metadata(1000, 1000, 0o100_755, None);
    assert_eq!(
        text(&file),
        "$LXUID=6AMAAA== $LXGID=6AMAAA== $LXMOD=7YEAAA=="
    );
    let device = lx_metadata(0, 0, 0o020_620, Some((5, 1)));
    assert_eq!(text(&device[2..]), "$LXMOD=kCEAAA== $LXDEV=BQAAAAEAAAA=");
    let capability = [&[1, 0, 0, 2, 0, 0x20, 0, 0][..], &[0; 12]].concat();
    let (name, value) = lx_attribute(b"security.capability", &capability);
    assert_eq!(name, b"LX.SECURITY.CAPABILITY");
    assert_eq!(BASE64.encode(value), "bHhlYQEAAAIAIAAAAAAAAAAAAAAAAAAA");
}

#[test]
fn reparse_data() {
    check(
        symlink_reparse(r"..\a"),
        "0c0000a020000000000008000a000800010000002e002e005c00610000002e002e005c0061000000",
    );
    check(
        symlink_reparse("../a"),
        &symlink_reparse(r"..\a").map_or_else(String::new, |bytes| {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        }),
    );
    check(
        symlink_reparse(r"C:\a"),
        "0c0000a0280000000000100012000800000000005c003f003f005c0043003a005c006100000043003a005c00\
         61000000",
    );
    check(
        junction_reparse(r"C:\a"),
        "030000a02400000000001000120008005c003f003f005c0043003a005c006100000043003a005c0061000000",
    );
    check(
        lx_symlink_reparse(b"../a"),
        "1d0000a008000000020000002e2e2f61",
    );
    let target = |text: &str| reparse::absolute_target(text);
    assert_eq!(
        target(r"\\server\share").as_deref(),
        Some(r"\??\UNC\server\share")
    );
    assert_eq!(target(r"\\?\C:\a").as_deref(), Some(r"\??\C:\a"));
    assert_eq!(target(r"\rooted"), None);
    assert_eq!(symlink_reparse(&"x".repeat(40_000)), None);
}

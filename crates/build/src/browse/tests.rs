use super::path::path_text;
use crossdock_layer::LayerFormat;

#[test]
fn texts_of_paths() {
    let check = |format, stored: &str, expected: &str| {
        assert_eq!(path_text(format, stored.as_bytes()), expected.as_bytes());
    };
    check(LayerFormat::Linux, "", "/");
    check(LayerFormat::Linux, "usr/bin", "/usr/bin");
    check(LayerFormat::Windows, "", "C:\\");
    check(
        LayerFormat::Windows,
        "Windows/System32",
        "C:\\Windows\\System32",
    );
    check(LayerFormat::Windows, "a\u{f03a}b", "C:\\a:b");
    // A separator inside a name would make another path of it.
    check(LayerFormat::Windows, "a\u{f05c}b", "C:\\a\u{f05c}b");
}

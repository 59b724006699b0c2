use super::*;

#[track_caller]
fn check(bytes: &[u8], possible: bool) {
    match bytes_to_os(bytes) {
        Ok(name) => {
            assert!(possible, "{bytes:?}");
            assert_eq!(os_to_bytes(&name).unwrap(), bytes);
        }
        Err(error) => assert!(!possible, "{error}"),
    }
}

#[test]
fn names() {
    check(b"", true);
    check(b"a b", true);
    check("é日本\u{10ffff}".as_bytes(), true);
    check(b"a\xff", cfg!(unix));
}

#[cfg(windows)]
#[test]
fn lone_surrogates_are_named() {
    use std::os::windows::ffi::OsStringExt;
    let name = OsString::from_wide(&[0x61, 0xd800]);
    assert!(
        os_to_bytes(&name)
            .unwrap_err()
            .to_string()
            .contains("a\u{fffd}")
    );
}

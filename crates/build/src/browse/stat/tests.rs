//! Values of attributes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crossdock_layer::Win32Metadata;

use super::*;

#[test]
fn capabilities() {
    let check = |words: &[u32], expected: Option<&str>| {
        let value: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let found = FileCapabilities::parse(&value).map(|found| found.to_string());
        assert_eq!(found.as_deref(), expected);
    };
    check(&[0x0200_0001, 1 << 13, 0, 0, 0], Some("cap_net_raw=ep"));
    check(
        &[0x0200_0000, 1 << 10, 1 << 10 | 1, 1 << 6, 0],
        Some("cap_net_bind_service=ip cap_perfmon=p cap_chown=i"),
    );
    check(&[0x0100_0001, 1, 0], Some("cap_chown=ep"));
    check(
        &[0x0300_0001, 1, 0, 1 << 31, 0, 1000],
        Some("cap_chown,63=ep [rootid=1000]"),
    );
    check(&[0x0200_0001, 0, 0, 0, 0], Some("="));
    check(&[0x0200_0001, 0, 0], None);
    check(&[0x0400_0001, 0, 0, 0, 0], None);
    check(&[], None);
    assert_eq!(FileCapabilities::parse(&[1, 0, 0, 2, 0]), None);
}

#[test]
fn attributes_of_wsl() {
    let check = |name: &str, value: &[u8], expected: Option<WslValue>| {
        let win32 = Win32Metadata {
            extended: vec![(name.into(), BASE64.encode(value).into())],
            ..Win32Metadata::default()
        };
        let found = ExtendedAttribute::all_of(&win32);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].value.as_deref(), Some(value));
        assert_eq!(found[0].wsl, expected, "{name}");
    };
    check("$LXUID", &[1, 1, 0, 0], Some(WslValue::User(257)));
    check("$LXGID", &[5, 0, 0, 0], Some(WslValue::Group(5)));
    check(
        "$lxmod",
        &[0xed, 0x81, 0, 0],
        Some(WslValue::Mode(0o100_755)),
    );
    check(
        "$LXDEV",
        &[5, 0, 0, 0, 1, 0, 0, 0],
        Some(WslValue::Device(5, 1)),
    );
    check(
        "LX.USER.A",
        b"lxeahi",
        Some(WslValue::Xattr(b"hi".to_vec())),
    );
    check("LX.USER.A", b"hi", None);
    check("$LXUID", &[1], None);
    check("$LXDEV", &[1], None);
    check("other", &[1, 0, 0, 0], None);
    let broken = Win32Metadata {
        extended: vec![(b"a".to_vec(), b"?".to_vec())],
        ..Win32Metadata::default()
    };
    assert_eq!(ExtendedAttribute::all_of(&broken)[0].value, None);
}

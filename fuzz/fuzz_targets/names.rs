//! Any bytes as a name of either system and as a link text of either system: what is encoded decodes to the
//! same, and what is decoded is safe and encodes to the same.
#![no_main]

use crossdock_layer::{
    MAX_LINUX_BYTES, MAX_WINDOWS_UNITS, Timestamp, check_windows_component, decode_component,
    encode_component, eq_ignore_case, is_rename_of, is_shortening_of, link_to_linux,
    link_to_windows, rename_collision, shorten_for_linux, upcase, utf16_len,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut text = data.to_vec();
    text.retain(|&byte| byte != 0);
    let mut name = text.clone();
    name.retain(|&byte| byte != b'/');
    linux_name(&name);
    stored_name(data);
    link_text(text);
    if let Some(linux) = link_to_linux(data) {
        assert!(!linux.is_empty());
        assert!(!linux.windows(2).any(|pair| pair == b"//"));
    }
    if let Some(time) = Timestamp::parse_pax(data) {
        assert_eq!(Timestamp::parse_pax(time.to_pax().as_bytes()), Some(time));
    }
});

fn linux_name(name: &[u8]) {
    if matches!(name, b"" | b"." | b"..") {
        return;
    }
    let stored = encode_component(name);
    assert_eq!(decode_component(&stored), name);
    if utf16_len(&stored) <= MAX_WINDOWS_UNITS {
        assert_eq!(check_windows_component(&stored), Ok(()));
    }
    let renamed = rename_collision(name, &|candidate| eq_ignore_case(candidate, &stored));
    assert!(is_rename_of(&renamed, name));
    assert_eq!(check_windows_component(&renamed), Ok(()));
    if let Some(short) = shorten_for_linux(name) {
        assert!(short.len() <= MAX_LINUX_BYTES);
        assert!(is_shortening_of(&short, name));
    }
}

fn stored_name(stored: &[u8]) {
    let name = decode_component(stored);
    if name != stored {
        assert_eq!(encode_component(&name), stored);
        assert!(!matches!(&name[..], b"" | b"." | b".."));
        assert!(!name.contains(&0) && !name.contains(&b'/'));
    }
    let key = upcase(stored);
    assert_eq!(upcase(&key), key);
    assert!(eq_ignore_case(stored, &key));
}

/// A text that names no server and has no empty component comes back.
fn link_text(mut text: Vec<u8>) {
    text.dedup_by(|left, right| (*left, *right) == (b'/', b'/'));
    let stored = link_to_windows(&text);
    let back = link_to_linux(&stored);
    assert_eq!(back, Some(text).filter(|text| !text.is_empty()));
}

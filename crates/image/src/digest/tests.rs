use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, valid: bool) {
    let digest: Result<BlobDigest, _> = text.parse();
    assert_eq!(digest.is_ok(), valid, "{text}");
    if let Ok(digest) = digest {
        assert_eq!(digest.to_string(), text);
    }
}

#[test]
fn texts() {
    let hex = "0123456789abcdef".repeat(4);
    check(&format!("sha256:{hex}"), true);
    check(&format!("sha256:{}", hex.to_uppercase()), false);
    check(&format!("sha256:{}", &hex[1..]), false);
    check(&format!("sha256:{hex}0"), false);
    check(&format!("sha512:{hex}{hex}"), false);
    check(&format!("SHA256:{hex}"), false);
    check(&hex, false);
    check("sha256:", false);
    check("", false);
    check(&format!("sha256:{}", "é".repeat(32)), false);
    check(&format!("sha256:../{}", &hex[3..]), false);
}

#[test]
fn known_value() {
    assert_eq!(
        Digest::of(b"abc").to_string(),
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

proptest! {
    #[test]
    fn round_trip(bytes: [u8; 32]) {
        let digest = Digest::from_bytes(bytes);
        prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
    }
}

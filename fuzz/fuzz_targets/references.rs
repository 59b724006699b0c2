//! Text that names an image, a platform or a time: what is accepted is written in a form that reads back as
//! the same value.
#![no_main]

use crossdock_image::{
    BlobDigest, ImageSource, OsVersion, Platform, format_rfc3339, parse_rfc3339,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(source) = text.parse::<ImageSource>() {
        let written = source.to_string();
        assert_eq!(
            written.parse(),
            Ok(source),
            "{text:?} is written as {written:?}"
        );
    }
    if let Ok(platform) = text.parse::<Platform>() {
        let written = platform.to_string();
        assert_eq!(
            written.parse(),
            Ok(platform),
            "{text:?} is written as {written:?}"
        );
    }
    if let Ok(digest) = text.parse::<BlobDigest>() {
        assert_eq!(digest.to_string(), text);
    }
    if let Some(version) = OsVersion::parse(text) {
        assert_eq!(version.cmp(&version), std::cmp::Ordering::Equal);
    }
    if let Some((seconds, nanoseconds)) = parse_rfc3339(text) {
        let written = format_rfc3339(seconds, nanoseconds);
        assert_eq!(
            parse_rfc3339(&written),
            Some((seconds, nanoseconds)),
            "{text:?} is written as {written:?}"
        );
    }
});

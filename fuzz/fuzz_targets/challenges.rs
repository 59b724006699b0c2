//! `WWW-Authenticate`: what is understood is written again in the standard's form, and reads back as the same.
#![no_main]

use crossdock_remote::{Challenge, parse_challenges};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let found = parse_challenges(text.lines());
    let written: Vec<String> = found.iter().map(write).collect();
    let again = parse_challenges(written.iter().map(String::as_str));
    assert_eq!(again, found, "{text:?} is written as {written:?}");
    // In one header, as RFC 9110 allows.
    let joined = written.join(", ");
    assert_eq!(parse_challenges([joined.as_str()]), found, "{joined:?}");
});

fn write(challenge: &Challenge) -> String {
    let Challenge::Bearer {
        realm,
        service,
        scope,
        error,
    } = challenge
    else {
        return "Basic realm=\"x\"".to_owned();
    };
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let mut written = format!("Bearer realm=\"{}\"", quoted(realm));
    for (name, value) in [("service", service), ("scope", scope), ("error", error)] {
        if let Some(value) = value {
            written.push_str(&format!(",{name}=\"{}\"", quoted(value)));
        }
    }
    written
}

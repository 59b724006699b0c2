//! Addresses that ADD and contexts name, and what servers say about files: what is accepted is written in a
//! form that reads back as the same value, and what is shown has no user in it.
#![no_main]

use crossdock_image::{GitUrl, HttpUrl, RemoteSource, format_rfc3339, is_file_name};
use crossdock_remote::{content_disposition_file_name, parse_http_date};
use libfuzzer_sys::fuzz_target;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

fuzz_target!(|text: &str| {
    for parsed in [RemoteSource::parse(text), RemoteSource::parse_context(text)] {
        match parsed {
            Some(Ok(RemoteSource::Http(url))) => check_http(&url),
            Some(Ok(RemoteSource::Git(url))) => check_git(&url),
            Some(Err(error)) => assert!(!error.to_string().is_empty()),
            None => {}
        }
    }
    // Those that ADD does not take for git too.
    if let Ok(url) = text.parse() {
        check_git(&url);
    }
    if let Some(name) = content_disposition_file_name(text) {
        assert!(is_file_name(&name), "{text:?} names {name:?}");
        let written = format!("attachment; filename=\"{}\"", name.replace('"', "\\\""));
        let again = content_disposition_file_name(&written);
        assert_eq!(again.as_deref(), Some(name.as_str()), "{written:?}");
    }
    if let Some(seconds) = parse_http_date(text) {
        check_date(seconds);
    }
});

fn check_http(url: &HttpUrl) {
    assert_eq!(url.reveal().parse().as_ref(), Ok(url), "{}", url.reveal());
    assert!(url.reveal().bytes().all(|byte| byte.is_ascii_graphic()));
    let open: HttpUrl = url.without_credentials().parse().expect("an address");
    assert_eq!(open.credentials(), None, "{}", url.reveal());
    assert_eq!(open.host(), url.host());
    assert_eq!(open.file_name(), url.file_name());
    assert!(url.file_name().is_none_or(|name| is_file_name(&name)));
    let shown = url.to_string();
    assert!(
        open.reveal().starts_with(&shown),
        "{shown} of {}",
        url.reveal()
    );
}

fn check_git(url: &GitUrl) {
    assert_eq!(url.reveal().parse().as_ref(), Ok(url), "{}", url.reveal());
    assert!(!url.reveal_remote().starts_with('-'));
    assert!(url.reference().is_none_or(|name| !name.starts_with('-')));
    let is_part = |part: &str| !matches!(part, "" | "." | "..");
    assert!(url.subdir().is_empty() || url.subdir().split('/').all(is_part));
    let shown: GitUrl = url.to_string().parse().expect("an address");
    assert_eq!(shown.reveal_remote(), url.remote_without_credentials());
    assert_eq!(
        (shown.reference(), shown.subdir(), shown.checksum()),
        (url.reference(), url.subdir(), url.checksum()),
    );
    let again = url
        .clone()
        .with_flags(url.keep_git_dir(), url.checksum().cloned());
    assert_eq!(again.as_ref(), Ok(url));
}

/// The time in the form that is written today, and in asctime's.
fn check_date(seconds: i64) {
    let text = format_rfc3339(seconds, 0);
    let (date, time) = text
        .trim_end_matches('Z')
        .split_once('T')
        .expect("a date and a time");
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts[..] else {
        panic!("{date}");
    };
    let month = MONTHS[month.parse::<usize>().expect("a month") - 1];
    let fixed = format!("Mon, {day} {month} {year} {time} GMT");
    assert_eq!(parse_http_date(&fixed), Some(seconds), "{fixed}");
    let asctime = format!("Mon {month} {day} {time} {year}");
    assert_eq!(parse_http_date(&asctime), Some(seconds), "{asctime}");
}

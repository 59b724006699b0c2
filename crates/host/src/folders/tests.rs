use super::*;

#[track_caller]
fn check(windows: bool, environment: &[(&str, &str)], expected: Result<&[&str], &'static str>) {
    let found = from_environment(windows, |name| {
        let (_, value) = environment.iter().find(|(key, _)| *key == name)?;
        Some(OsString::from(value))
    });
    let expected = expected
        .map(|parts| parts.iter().collect::<PathBuf>())
        .map_err(|variable| DataDirectoryError { variable });
    assert_eq!(found, expected, "{environment:?}");
}

#[test]
fn unix() {
    let unset = Err("XDG_DATA_HOME or HOME");
    check(
        false,
        &[("XDG_DATA_HOME", "/data")],
        Ok(&["/data", "crossdock"]),
    );
    check(
        false,
        &[("HOME", "/home/a")],
        Ok(&["/home/a/.local/share", "crossdock"]),
    );
    check(
        false,
        &[("XDG_DATA_HOME", "relative"), ("HOME", "/home/a")],
        Ok(&["/home/a/.local/share", "crossdock"]),
    );
    check(false, &[("XDG_DATA_HOME", ""), ("HOME", "")], unset);
    check(false, &[], unset);
}

#[test]
fn windows() {
    let local = ("LOCALAPPDATA", "C:\\Users\\a\\AppData\\Local");
    check(
        true,
        &[local],
        Ok(&["C:\\Users\\a\\AppData\\Local", "crossdock"]),
    );
    check(
        true,
        &[("LOCALAPPDATA", "\\\\server\\a")],
        Ok(&["\\\\server\\a", "crossdock"]),
    );
    check(true, &[("LOCALAPPDATA", "C:a")], Err("LOCALAPPDATA"));
    check(true, &[("HOME", "/home/a")], Err("LOCALAPPDATA"));
}

#[test]
fn the_error_says_what_to_set() {
    let error = from_environment(true, |_| None).unwrap_err();
    assert!(error.to_string().contains("set LOCALAPPDATA"));
}

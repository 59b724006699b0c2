use super::content_disposition_file_name;

#[track_caller]
fn check(header: &str, expected: Option<&str>) {
    let found = content_disposition_file_name(header);
    assert_eq!(found.as_deref(), expected, "{header}");
}

#[test]
fn names_are_read() {
    for (header, name) in [
        ("attachment; filename=a.txt", "a.txt"),
        ("attachment;filename=a.txt;", "a.txt"),
        ("ATTACHMENT; FileName = \"a b.txt\" ; size=5", "a b.txt"),
        ("inline; filename=\"a;b=c.txt\"", "a;b=c.txt"),
        (r#"attachment; filename="a\"b""#, "a\"b"),
        (r#"attachment; filename="C:\dev\go\a.txt""#, "a.txt"),
        ("attachment; filename=\"../../etc/passwd\"", "passwd"),
        ("attachment; filename=\"\u{fc}.txt\"", "\u{fc}.txt"),
        (
            "attachment; filename=x; filename*=UTF-8''%e2%82%ac.txt",
            "\u{20ac}.txt",
        ),
        ("attachment; filename*=UTF-8'en'a%20b; filename=x", "a b"),
        ("attachment; filename*=iso-8859-1''%fc", "\u{fc}"),
        ("attachment; filename=x; filename*=koi8-r''%fc", "x"),
        ("attachment; filename=x; filename*=UTF-8''%zz", "x"),
        ("attachment; filename=\" a \"", "a"),
    ] {
        check(header, Some(name));
    }
}

#[test]
fn what_names_no_file_is_passed_over() {
    for header in [
        "",
        ";",
        "attachment",
        "attachment; name=a",
        "attachment; filename",
        "attachment; filename=",
        "attachment; filename=\"\"",
        "attachment; filename=\"a",
        "attachment; filename=a b",
        "attachment; filename=a; filename=b",
        "attachment; filename=a; b",
        "attachment, filename=a",
        "attachment; filename=.",
        "attachment; filename=\"..\"",
        "attachment; filename=\"a/..\"",
        "attachment; filename=\"dir/\"",
        "attachment; filename=\"dir\\\\\"",
        "attachment; filename*=UTF-8''a%00b",
        "attachment; filename*=UTF-8''%2e%2e",
        "attachment; filename*=UTF-8''%2F",
    ] {
        check(header, None);
    }
    check(&format!("attachment; filename={}", "a".repeat(256)), None);
}

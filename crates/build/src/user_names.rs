//! `/etc/passwd` and `/etc/group` of an image (passwd(5), group(5)).

/// The number of a user and of its group in `/etc/passwd`.
pub(crate) fn user(passwd: &[u8], name: &str) -> Option<(u64, u64)> {
    records(passwd)
        .find(|fields| fields.first() == Some(&name.as_bytes()))
        .and_then(|fields| {
            let number = |place: usize| std::str::from_utf8(fields.get(place)?).ok()?.parse().ok();
            Some((number(2)?, number(3)?))
        })
}

/// The number of a group in `/etc/group`.
pub(crate) fn group(group: &[u8], name: &str) -> Option<u64> {
    records(group)
        .find(|fields| fields.first() == Some(&name.as_bytes()))
        .and_then(|fields| std::str::from_utf8(fields.get(2)?).ok()?.parse().ok())
}

/// The name of the first user with a number in `/etc/passwd`, or of a group in `/etc/group`.
pub(crate) fn name_of(table: &[u8], number: u64) -> Option<&[u8]> {
    records(table)
        .find(|fields| {
            let field = fields
                .get(2)
                .and_then(|field| std::str::from_utf8(field).ok());
            field.and_then(|field| field.parse().ok()) == Some(number)
        })
        .map(|fields| fields[0])
}

fn records(bytes: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    bytes
        .split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.starts_with(b"#"))
        .map(|line| line.split(|&byte| byte == b':').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let passwd = b"root:x:0:0:root:/root:/bin/sh\n#no:x:1:1\nbroken:x\napp:x:10:20::/:\n";
        let check = |name: &str, expected| assert_eq!(user(passwd, name), expected, "{name}");
        check("root", Some((0, 0)));
        check("app", Some((10, 20)));
        check("broken", None);
        check("#no", None);
        check("", None);
        check("nobody", None);
        let check = |number, expected: Option<&[u8]>| {
            assert_eq!(name_of(passwd, number), expected, "{number}");
        };
        check(0, Some(b"root"));
        check(10, Some(b"app"));
        check(1, None);
        assert_eq!(group(b"a:x:1:\nb:x:2:u,v\n", "b"), Some(2));
        assert_eq!(group(b"a:x:1:\nb:x", "b"), None);
    }
}

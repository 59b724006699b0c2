//! Names as Windows sees them.

/// Characters that NTFS refuses in a component, but for the separators and the colon.
pub(crate) fn refused(c: char) -> bool {
    matches!(c, '\0'..='\x1f' | '*' | '?' | '<' | '>' | '"' | '|')
}

/// A path in the form in which Windows compares it: one upper-case unit for each unit.
///
/// NTFS keeps a table; this is the language's mapping where it is one to one, and the letters
/// whose full mapping is longer than their simple one.
pub(crate) fn upcase(path: &str) -> String {
    path.chars().map(upcase_char).collect()
}

fn upcase_char(c: char) -> char {
    let code = u32::from(c);
    let simple = match code {
        0x10000.. => code,
        0x1f80..=0x1f87 | 0x1f90..=0x1f97 | 0x1fa0..=0x1fa7 => code + 8,
        0x1fb3 | 0x1fc3 | 0x1ff3 => code + 9,
        _ => {
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(one), None) if u32::from(one) < 0x10000 => u32::from(one),
                _ => code,
            }
        }
    };
    char::from_u32(simple).unwrap_or(c)
}

/// The directory and the last component of a path.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// UTF-16 units of a text.
pub(crate) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

//! `Content-Disposition`: the name that a server gives a file (RFC 6266).

/// The file's name that `header` gives; `None` if it gives none, or one that no file may have on
/// every system, or cannot be read.
///
/// As docker reads it (Go's `mime.ParseMediaType`): `filename*` comes before `filename`, a header
/// that is malformed anywhere says nothing, and of a path the last part counts. A backslash
/// separates as `/` does, on all systems alike.
pub fn content_disposition_file_name(header: &str) -> Option<String> {
    let mut rest = header.trim_start();
    let (kind, after) = token(rest);
    if kind.is_empty() {
        return None;
    }
    rest = after.trim_start();
    let mut names: Vec<String> = Vec::new();
    let (mut plain, mut extended) = (None, None);
    while !rest.is_empty() {
        rest = rest.strip_prefix(';')?.trim_start();
        // A `;` at the end is followed by nothing.
        if rest.is_empty() {
            break;
        }
        let (name, after) = token(rest);
        let after = after.trim_start().strip_prefix('=')?.trim_start();
        let name = name.to_ascii_lowercase();
        let (value, after) = value(after)?;
        rest = after.trim_start();
        if name.is_empty() || names.contains(&name) {
            return None;
        }
        match name.as_str() {
            "filename" => plain = Some(value),
            "filename*" => extended = extended_value(&value),
            _ => {}
        }
        names.push(name);
    }
    let name = extended.or(plain)?;
    // The whole is a folder.
    if name.ends_with('/') {
        return None;
    }
    safe_file_name(&name)
}

/// The last part of `name`, if a file may be called so on every system.
pub(crate) fn safe_file_name(name: &str) -> Option<String> {
    let last = name.trim().rsplit(['/', '\\']).next()?.trim();
    crossdock_image::is_file_name(last).then(|| last.to_owned())
}

/// The token at the beginning (RFC 9110, 5.6.2), and what follows.
fn token(text: &str) -> (&str, &str) {
    let is_token = |c: char| c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?={}".contains(c);
    text.split_at(text.find(|c| !is_token(c)).unwrap_or(text.len()))
}

/// A token or a quoted string, and what follows.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = token(text);
        return (!value.is_empty()).then(|| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\r' | '\n' => return None,
            // Some servers send paths of Windows as they are: only what need be is escaped.
            '\\' => match characters.peek() {
                Some((_, next)) if "()<>@,;:\\\"/[]?=".contains(*next) => {
                    value.push(*next);
                    characters.next();
                }
                _ => value.push('\\'),
            },
            other => value.push(other),
        }
    }
    None
}

/// The text of `charset'language'percent-encoded` (RFC 8187).
fn extended_value(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _language, text) = (parts.next()?, parts.next()?, parts.next()?);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        match (first, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                bytes.push(u8::try_from(digit(high)? * 16 + digit(low)?).ok()?);
                rest = after;
            }
            (b'%', _) => return None,
            (byte, after) => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    match charset.to_ascii_lowercase().as_str() {
        "utf-8" | "us-ascii" => String::from_utf8(bytes).ok(),
        "iso-8859-1" => Some(bytes.into_iter().map(char::from).collect()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

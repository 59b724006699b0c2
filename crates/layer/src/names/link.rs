//! Texts of symbolic links on either side.

use super::{decode_component, encode_component};

/// What a Windows layer stores as the print name of a link whose Linux text is `text`.
///
/// `/` becomes `\` and each component is encoded as a name is; `.` and `..` stay. An absolute text
/// becomes a rooted one (`\a`), which needs no drive. A run of slashes becomes one `\`: two at the
/// start would mean a server, and NT refuses an empty component elsewhere. A slash at the end,
/// which demands a directory, stays.
///
/// [`link_to_linux`] gives the text back unless it holds `//`.
pub fn link_to_windows(text: &[u8]) -> Vec<u8> {
    map_components(text, |byte| byte == b'/', b'\\', encode_component)
}

/// The Linux text of a link whose print name in a Windows layer is `text`.
///
/// `\` becomes `/` and each component is decoded as a name is; runs of `\` become one. `C:\x` and
/// `\x` become `/x`, also behind `\\?\` or `\??\`. `None` for what a Linux tree cannot follow and so
/// keeps as it stands: other drives, paths relative to a drive (`C:x`), servers, volumes, devices,
/// and the empty text.
pub fn link_to_linux(text: &[u8]) -> Option<Vec<u8>> {
    // Importers turn every `/` into `\` before they look at the text.
    let native: Vec<u8> = text
        .iter()
        .map(|&byte| if byte == b'/' { b'\\' } else { byte })
        .collect();
    let qualified = native
        .strip_prefix(br"\\?\")
        .or_else(|| native.strip_prefix(br"\??\"));
    let path = match (qualified.unwrap_or(&native), qualified.is_some()) {
        ([b'C' | b'c', b':', path @ ..], _) if path.starts_with(b"\\") => path,
        ([], _) | (_, true) | ([b'\\', b'\\', ..], _) => return None,
        ([drive, b':', ..], _) if drive.is_ascii_alphabetic() => return None,
        (path, false) => path,
    };
    let linux = map_components(path, |byte| byte == b'\\', b'/', decode_component);
    Some(linux)
}

/// `text` with its components mapped and each run of separators become one `separator`.
fn map_components(
    text: &[u8],
    is_separator: fn(u8) -> bool,
    separator: u8,
    map: fn(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let mut mapped = Vec::with_capacity(text.len());
    for run in text.chunk_by(|&left, &right| is_separator(left) == is_separator(right)) {
        if is_separator(run[0]) {
            mapped.push(separator);
        } else {
            mapped.extend(map(run));
        }
    }
    mapped
}

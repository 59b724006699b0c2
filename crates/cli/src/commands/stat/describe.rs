//! What is known of a path as a page for people.

use crossdock_build::{
    Content, Digest, Entry, EntryStat, ExtendedAttribute, FileCapabilities, ImageLayer, Kind,
    LayerFormat, OpenedImage, Origin, PathChange, PathStat, PathStep, RemovalWay, ResolveErrorKind,
    SecurityDescriptor, Timestamp, WslValue, attribute_names, format_rfc3339,
};

use super::descriptor::{account, ace_text, control_names};
use super::fields::fields_text;
use super::page::{Block, Page};
use super::text;
use crate::commands::du::created_by;
use crate::progress::size;
use crate::table::Style;

/// The page of one path.
pub(super) fn page(image: &OpenedImage<'_>, stat: &PathStat, digest: Option<&Digest>) -> Page {
    let path = stat
        .path
        .as_ref()
        .map_or(stat.asked.clone(), |path| text(path));
    let mut page = Page::new(&path);
    let layers: Vec<ImageLayer<'_>> = image.layers().collect();
    match &stat.found {
        Err(_) => {
            let mut block = Block::default();
            block.styled("state", "not in the image", Style::Removed);
            page.block(block);
        }
        Ok(found) => {
            page.block(what(found, &layers, digest));
            if let Some(entry) = &found.entry {
                let format = image.format().unwrap_or(LayerFormat::Linux);
                let (posix, win32) = systems(found, entry, format);
                page.two(posix, win32);
                page.block(times(entry));
                page.block(xattrs(entry));
                page.block(extended(entry));
                page.block(streams(entry));
                page.block(descriptor(entry));
                page.block(records(found, entry));
            }
        }
    }
    page.block(history(stat, &layers));
    page
}

fn what(found: &EntryStat, layers: &[ImageLayer<'_>], digest: Option<&Digest>) -> Block {
    let mut block = Block::default();
    let noun = match &found.entry {
        None => "directory".to_owned(),
        Some(entry) if entry.kind.is_symlink() && entry.win32.junction => "junction".to_owned(),
        Some(entry) => entry.kind.noun().to_owned(),
    };
    let kind = match (&found.entry, found.children) {
        (None, _) => format!("{noun}, which no layer states: only what is in it is"),
        (Some(_), Some(1)) => format!("{noun} of 1 entry"),
        (Some(_), Some(count)) => format!("{noun} of {count} entries"),
        (Some(entry), None) => match &entry.kind {
            Kind::File(content) => format!("{noun} of {}", bytes(content.size())),
            Kind::CharDevice(major, minor) | Kind::BlockDevice(major, minor) => {
                format!("{noun} {major}:{minor}")
            }
            _ => noun,
        },
    };
    block.line("kind", kind);
    if let Some(Kind::Symlink(link)) = found.entry.as_ref().map(|entry| &entry.kind) {
        block.styled("target", text(link), Style::Link);
    }
    match &found.target {
        Some(Ok(target)) => {
            block.line(
                "leads to",
                format!("{}, a {}", text(&target.path), target.noun),
            );
        }
        Some(Err(error)) => block.styled("leads to", nowhere(error), Style::Warning),
        None => {}
    }
    for (place, name) in found.other_names.iter().enumerate() {
        let label = if place == 0 { "same file" } else { "" };
        block.line(label, text(name));
    }
    if let Some((layer, entry)) = found.place {
        let of = layers.len();
        block.line(
            "layer",
            format!("{} of {of}, entry {}", layer + 1, entry + 1),
        );
        if let Some(layer) = layers.get(layer) {
            block.line("diff id", layer.diff_id.to_string());
            if let Some(created_by) = created_by(layer) {
                block.line("created by", created_by);
            }
        }
    }
    if let Some(Kind::File(content)) = found.entry.as_ref().map(|entry| &entry.kind) {
        place_of(content, &mut block);
    }
    if let Some(digest) = digest {
        block.line("sha256", digest.hex());
    }
    block
}

fn place_of(content: &Content, block: &mut Block) {
    let Content::Layer(content) = content else {
        return;
    };
    let extent = content.extent;
    let sparse = match &content.sparse {
        Some(segments) => format!(", sparse in {} segments", segments.len()),
        None => String::new(),
    };
    let place = format!(
        "{} bytes at {} of the tar{sparse}",
        extent.length, extent.offset
    );
    block.line("extent", place);
    block.line("blake3", hex(&content.hash));
}

fn nowhere(error: &ResolveErrorKind) -> String {
    match error {
        ResolveErrorKind::NotFound => "nowhere: there is no such file".to_owned(),
        ResolveErrorKind::TooManyLinks => "nowhere: links lead in a circle".to_owned(),
        ResolveErrorKind::Outside(_) => "outside of the image".to_owned(),
        ResolveErrorKind::NotADirectory(path) => {
            format!("nowhere: {} is no directory", text(path))
        }
    }
}

/// What Linux and what Windows know of an entry, the one that is not original as a COPY would make
/// it of the other.
fn systems(found: &EntryStat, entry: &Entry, format: LayerFormat) -> (Block, Block) {
    let mark = |origin| match entry.origin == origin {
        true => "original",
        false => "derived",
    };
    let other = found.translated.as_ref().unwrap_or(entry);
    // What the image has for its own system stands in it; what it has for the other one is
    // there if it came from there.
    let pick = |origin, native| match entry.origin == origin || format == native {
        true => entry,
        false => other,
    };
    let mut posix = Block::new(format!("POSIX, {}", mark(Origin::Posix)));
    let of_linux = pick(Origin::Posix, LayerFormat::Linux);
    let mode = of_linux.posix.mode;
    let letters = mode_letters(&of_linux.kind, mode);
    posix.line("mode", format!("{mode:04o} {letters}"));
    let owner = |number: u64, name: &Option<Vec<u8>>| match name {
        Some(name) => format!("{number} {}", text(name)),
        None => number.to_string(),
    };
    posix.line("user", owner(of_linux.posix.uid, &found.user));
    posix.line("group", owner(of_linux.posix.gid, &found.group));
    let mut win32 = Block::new(format!("Win32, {}", mark(Origin::Win32)));
    let of_windows = pick(Origin::Win32, LayerFormat::Windows);
    let attributes = of_windows.attributes();
    let names: Vec<&str> = attribute_names(attributes).collect();
    win32.line("attributes", format!("{attributes:#x} {}", names.join(" ")));
    let descriptor = of_windows.win32.descriptor.as_deref();
    match descriptor.map(SecurityDescriptor::parse) {
        None => win32.styled("owner", "as its directory gives it", Style::Faint),
        Some(Err(error)) => win32.styled("descriptor", error.to_string(), Style::Warning),
        Some(Ok(descriptor)) => {
            let name = |sid| Option::map_or(sid, "none".to_owned(), account);
            win32.line("owner", name(descriptor.owner()));
            win32.line("group", name(descriptor.group()));
        }
    }
    (posix, win32)
}

fn times(entry: &Entry) -> Block {
    let mut block = Block::default();
    let times = &entry.times;
    block.line("modified", time(times.modified));
    for (label, value) in [
        ("changed", times.changed),
        ("accessed", times.accessed),
        ("created", times.created),
    ] {
        match value {
            Some(value) => block.line(label, time(value)),
            None => block.styled(label, "not recorded", Style::Faint),
        }
    }
    if let Some(value) = times.original_modified {
        block.line("was modified", format!("{} in its own system", time(value)));
    }
    block
}

fn xattrs(entry: &Entry) -> Block {
    let mut block = Block::new("extended attributes of Linux");
    for (name, value) in &entry.posix.xattrs {
        block.line(text(name), xattr(name, value));
    }
    block
}

/// The value of an extended attribute: capabilities by name, else text or hexadecimal digits.
pub(super) fn xattr(name: &[u8], value: &[u8]) -> String {
    let capabilities = match name {
        b"security.capability" => FileCapabilities::parse(value),
        _ => None,
    };
    match capabilities {
        Some(capabilities) => capabilities.to_string(),
        None => text_or_hex(value),
    }
}

/// Text if it is some, without the NUL at its end, else hexadecimal digits.
fn text_or_hex(value: &[u8]) -> String {
    let bare = value.strip_suffix(&[0]).unwrap_or(value);
    match std::str::from_utf8(bare) {
        Ok(text) if !text.contains(char::is_control) => format!("{text:?}"),
        _ => format!("0x{}", hex(value)),
    }
}

fn extended(entry: &Entry) -> Block {
    let mut block = Block::new("extended attributes of Windows");
    for attribute in ExtendedAttribute::all_of(&entry.win32) {
        let value = match (&attribute.wsl, &attribute.value) {
            (Some(wsl), _) => wsl_text(wsl),
            (None, Some(value)) => text_or_hex(value),
            (None, None) => "not readable: no base64".to_owned(),
        };
        block.line(text(&attribute.name), value);
    }
    block
}

fn wsl_text(value: &WslValue) -> String {
    match value {
        WslValue::User(number) => format!("WSL: user {number}"),
        WslValue::Group(number) => format!("WSL: group {number}"),
        WslValue::Mode(mode) => format!("WSL: mode {mode:06o}"),
        WslValue::Device(major, minor) => format!("WSL: device {major}:{minor}"),
        WslValue::Xattr(value) => format!("WSL: {}", text_or_hex(value)),
    }
}

fn streams(entry: &Entry) -> Block {
    let mut block = Block::new("alternate streams");
    for stream in &entry.streams {
        block.line(text(&stream.name), bytes(stream.content.size()));
    }
    block
}

fn descriptor(entry: &Entry) -> Block {
    let mut block = Block::new("security descriptor");
    let descriptor = entry.win32.descriptor.as_deref();
    let Some(Ok(descriptor)) = descriptor.map(SecurityDescriptor::parse) else {
        return block;
    };
    match descriptor.to_sddl() {
        Some(sddl) => block.line("SDDL", sddl),
        None => block.styled("SDDL", "cannot express it", Style::Faint),
    }
    for (label, sid) in [("owner", descriptor.owner()), ("group", descriptor.group())] {
        let Some(sid) = sid else {
            block.line(label, "none");
            continue;
        };
        match sid.well_known_name() {
            Some(name) => block.line(label, format!("{name}  {sid}")),
            None => block.line(label, sid.to_string()),
        }
    }
    block.line("control", control_names(&descriptor).join(", "));
    use crossdock_build::control::{DACL_PRESENT, SACL_PRESENT};
    for (label, present, list) in [
        ("DACL", DACL_PRESENT, descriptor.dacl()),
        ("SACL", SACL_PRESENT, descriptor.sacl()),
    ] {
        let Some(list) = list else {
            if descriptor.control() & present != 0 {
                block.styled(label, "null: everyone may do everything", Style::Warning);
            }
            continue;
        };
        if list.aces().is_empty() {
            block.line(label, "empty");
        }
        for (place, entry) in list.aces().iter().enumerate() {
            let text = ace_text(entry);
            let flags = match text.flags.is_empty() {
                true => String::new(),
                false => format!(" ({})", text.flags.join(", ")),
            };
            let words = [text.kind, text.account, text.rights];
            let words: Vec<&str> = words
                .iter()
                .map(|word| &**word)
                .filter(|w| !w.is_empty())
                .collect();
            let line = format!("{}{flags}", words.join(" "));
            block.line(if place == 0 { label } else { "" }, line);
        }
    }
    block
}

/// Our own records, and what they mean.
fn records(found: &EntryStat, entry: &Entry) -> Block {
    let mut block = Block::new("kept of the other system");
    if let Some(name) = &found.name.original {
        block.line("name", format!("{}, its name there", text(name)));
    }
    if let Some(link) = &entry.original_link {
        block.line("link", format!("{}, its target there", text(link)));
    }
    if let Some(mode) = entry.original_mode {
        block.line("mode", format!("{mode:04o}, its permission bits there"));
    }
    block
}

fn history(stat: &PathStat, layers: &[ImageLayer<'_>]) -> Block {
    let mut block = Block::new("history");
    for step in &stat.history {
        let (what, style) = change(step);
        let by = layers.get(step.layer).and_then(created_by);
        let by = by.map_or(String::new(), |by| format!("  [{by}]"));
        block.styled(format!("layer {}", step.layer + 1), what + &by, style);
    }
    block
}

fn change(step: &PathStep) -> (String, Style) {
    let removal = step.removal.as_ref().map(|removal| {
        let path = text(&removal.path);
        match (removal.way, removal.is_above) {
            (RemovalWay::Whiteout, false) => "a whiteout".to_owned(),
            (RemovalWay::Whiteout, true) => format!("a whiteout of {path}"),
            (RemovalWay::Opaque, _) => format!("{path}, which is opaque: it began anew"),
            (RemovalWay::Replaced, _) => format!("{path}, which became something else"),
        }
    });
    let with = |word: &str, fields: String| match fields.is_empty() {
        true => word.to_owned(),
        false => format!("{word}: {fields}"),
    };
    let again = removal
        .as_ref()
        .map_or(String::new(), |removal| format!(" (after {removal})"));
    let size = match step.entry.as_ref().map(|entry| &entry.kind) {
        Some(Kind::File(content)) => format!("added, file of {}", size(content.size())),
        Some(kind) => format!("added, {}", kind.noun()),
        None => "added".to_owned(),
    };
    match &step.change {
        PathChange::Added => (size + &again, Style::Added),
        PathChange::Implied => ("added, by what is in it".to_owned(), Style::Added),
        PathChange::Replaced(fields) => (
            with("replaced", fields_text(fields)) + &again,
            Style::Changed,
        ),
        PathChange::Metadata(fields) => {
            let text = with("same content, other metadata", fields_text(fields));
            (text + &again, Style::Changed)
        }
        PathChange::Repeated => ("the same again".to_owned() + &again, Style::Faint),
        PathChange::Removed => {
            let by = removal.map_or(String::new(), |removal| format!(" by {removal}"));
            (format!("removed{by}"), Style::Removed)
        }
    }
}

/// `4.1kB (4096 bytes)`.
fn bytes(count: u64) -> String {
    match count {
        0..1000 => format!("{count} bytes"),
        _ => format!("{count} bytes ({})", size(count)),
    }
}

fn time(time: Timestamp) -> String {
    format_rfc3339(time.seconds, time.nanoseconds)
}

/// Hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `drwxr-xr-x`, as ls(1) writes it.
pub(super) fn mode_letters(kind: &Kind, mode: u32) -> String {
    let mut letters = String::from(match kind {
        Kind::File(_) => "-",
        Kind::Directory => "d",
        Kind::Symlink(_) => "l",
        Kind::CharDevice(..) => "c",
        Kind::BlockDevice(..) => "b",
        Kind::Fifo => "p",
    });
    // Bits of a class, its special bit, and the letters of that with and without execution.
    for (shift, special, set, bare) in [
        (6, 0o4000, 's', 'S'),
        (3, 0o2000, 's', 'S'),
        (0, 0o1000, 't', 'T'),
    ] {
        let bits = mode >> shift;
        letters.push(if bits & 4 != 0 { 'r' } else { '-' });
        letters.push(if bits & 2 != 0 { 'w' } else { '-' });
        letters.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => set,
            (false, true) => bare,
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_modes() {
        let check = |kind: Kind, mode, expected: &str| {
            assert_eq!(mode_letters(&kind, mode), expected);
        };
        check(Kind::Directory, 0o755, "drwxr-xr-x");
        check(Kind::Directory, 0o1777, "drwxrwxrwt");
        check(Kind::File(Content::Inline([].into())), 0o4755, "-rwsr-xr-x");
        check(Kind::File(Content::Inline([].into())), 0o6644, "-rwSr-Sr--");
        check(Kind::Fifo, 0o1000, "p--------T");
    }

    #[test]
    fn attributes_of_linux() {
        let check = |name: &str, value: &[u8], expected: &str| {
            assert_eq!(xattr(name.as_bytes(), value), expected);
        };
        check("user.a", b"text", "\"text\"");
        check("security.selinux", b"system_u:x\0", "\"system_u:x\"");
        check("user.a", b"\x01\xff", "0x01ff");
        let capability = [
            1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        check("security.capability", &capability, "cap_net_raw=ep");
        check("security.capability", &[9], "0x09");
    }
}

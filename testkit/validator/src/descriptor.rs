//! Self-relative security descriptors ([MS-DTYP] 2.4).

const DACL_PRESENT: u16 = 0x0004;
const SACL_PRESENT: u16 = 0x0010;
const SELF_RELATIVE: u16 = 0x8000;

/// Says what is wrong with a descriptor, if something is.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() < 20 {
        return Err(format!("a descriptor of {} bytes", bytes.len()));
    }
    if bytes[0] != 1 {
        return Err(format!("revision {}", bytes[0]));
    }
    let control = half(bytes, 2);
    if control & SELF_RELATIVE == 0 {
        return Err("it is not self-relative".into());
    }
    let [owner, group, sacl, dacl] = [4, 8, 12, 16].map(|at| word(bytes, at) as usize);
    if owner == 0 {
        return Err("no owner".into());
    }
    for (what, at) in [("owner", owner), ("group", group)] {
        if at != 0 {
            sid(tail(bytes, at)?).map_err(|error| format!("{what}: {error}"))?;
        }
    }
    for (what, flag, at) in [("SACL", SACL_PRESENT, sacl), ("DACL", DACL_PRESENT, dacl)] {
        if control & flag == 0 && at != 0 {
            return Err(format!("a {what} that the control word denies"));
        }
        if at != 0 {
            acl(tail(bytes, at)?).map_err(|error| format!("{what}: {error}"))?;
        }
    }
    Ok(())
}

fn tail(bytes: &[u8], at: usize) -> Result<&[u8], String> {
    if at < 20 || !at.is_multiple_of(4) || at >= bytes.len() {
        return Err(format!("an offset of {at} in {} bytes", bytes.len()));
    }
    Ok(&bytes[at..])
}

/// Checks a SID and gives its length.
fn sid(bytes: &[u8]) -> Result<usize, String> {
    if bytes.len() < 8 || bytes[0] != 1 || bytes[1] > 15 {
        return Err("no valid SID".into());
    }
    let length = 8 + 4 * usize::from(bytes[1]);
    if length > bytes.len() {
        return Err("a SID leads out of its place".into());
    }
    Ok(length)
}

fn acl(bytes: &[u8]) -> Result<(), String> {
    if bytes.len() < 8 {
        return Err("too short".into());
    }
    if !matches!(bytes[0], 2 | 4) || bytes[1] != 0 {
        return Err(format!("revision {}", bytes[0]));
    }
    let (size, count) = (usize::from(half(bytes, 2)), half(bytes, 4));
    if size < 8 || !size.is_multiple_of(4) || size > bytes.len() {
        return Err(format!("a size of {size} in {} bytes", bytes.len()));
    }
    let mut rest = &bytes[8..size];
    for number in 0..count {
        let length = ace(rest).map_err(|error| format!("entry {number}: {error}"))?;
        rest = &rest[length..];
    }
    Ok(())
}

/// Checks an access control entry and gives its length.
fn ace(bytes: &[u8]) -> Result<usize, String> {
    if bytes.len() < 8 {
        return Err("it leads out of the list".into());
    }
    let length = usize::from(half(bytes, 2));
    if length < 8 || !length.is_multiple_of(4) || length > bytes.len() {
        return Err(format!("a size of {length}"));
    }
    let body = &bytes[8..length];
    let at = match bytes[0] {
        // Allow, deny, audit, alarm; their callback forms; label, attribute, policy, trust.
        0..=3 | 9 | 10 | 13 | 14 | 17..=20 => 0,
        // The same for objects: flags, and up to two GUIDs before the SID.
        5..=8 | 11 | 12 | 15 | 16 => {
            if body.len() < 4 {
                return Err("no object flags".into());
            }
            4 + 16 * (word(body, 0) & 3).count_ones() as usize
        }
        other => return Err(format!("type {other}")),
    };
    sid(body.get(at..).unwrap_or_default())?;
    Ok(length)
}

fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

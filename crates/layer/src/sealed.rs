//! Files of our own that begin with a header: a magic, fields, and a checksum of both.

/// The header of a file: its first `length` bytes, which begin with `magic` and end with the first
/// eight bytes of the BLAKE3 of those before. `other` is what is said of another magic.
pub(crate) fn header<'b>(
    bytes: &'b [u8],
    length: usize,
    magic: &[u8; 8],
    other: &'static str,
) -> Result<&'b [u8], &'static str> {
    let header = bytes.get(..length).ok_or("shorter than the header")?;
    if header[..8] != *magic {
        return Err(other);
    }
    let (fields, checksum) = header.split_at(length - 8);
    if *checksum != blake3::hash(fields).as_bytes()[..8] {
        return Err("the header's checksum does not hold");
    }
    Ok(header)
}

/// The number of four bytes, little-endian, at a place that is known to be there.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// The number of eight bytes, little-endian, at a place that is known to be there.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

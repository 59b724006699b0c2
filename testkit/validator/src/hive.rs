//! The base block of a registry hive.

/// Says what is wrong with a hive, if something is: signature, sum of the base block, first bin.
///
/// Source: the format of `regf` files, version 1.3 to 1.6; the sum is the exclusive or of the
/// first 127 words, with 0 written as 1 and all ones as all ones less one.
pub(crate) fn check(content: &[u8]) -> Result<(), String> {
    if !content.starts_with(b"regf") {
        return Err("it does not begin with `regf`".into());
    }
    if content.len() < 8192 {
        return Err(format!("{} bytes are no hive", content.len()));
    }
    let word = |at: usize| u32::from_le_bytes(content[at..at + 4].try_into().expect("4 bytes"));
    let sum = match (0..127).fold(0, |sum, at| sum ^ word(at * 4)) {
        0 => 1,
        u32::MAX => u32::MAX - 1,
        sum => sum,
    };
    if word(0x1fc) != sum {
        return Err(format!(
            "the base block's sum is {:#x}, not {sum:#x}",
            word(0x1fc)
        ));
    }
    if word(4) != word(8) {
        return Err("the sequence numbers differ: it was not written to its end".into());
    }
    if !content[4096..].starts_with(b"hbin") {
        return Err("the first bin does not begin with `hbin`".into());
    }
    let data = word(0x28) as usize;
    if data == 0 || !data.is_multiple_of(4096) || 4096 + data > content.len() {
        return Err(format!("it states {data} bytes of bins"));
    }
    Ok(())
}

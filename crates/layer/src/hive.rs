//! Registry hives: those for a base layer that has none, and what the beginning of one says.

mod header;

pub use header::{HiveError, HiveHeader};

use crate::descriptor::SecurityDescriptor;

/// The hives that a Windows base layer must hold, in `Files/Windows/System32/config`.
pub const HIVES: [&str; 5] = ["DEFAULT", "SAM", "SECURITY", "SOFTWARE", "SYSTEM"];

/// The size of the base block and of the one bin.
const BLOCK: usize = 0x1000;

/// Where the cells stand, counted from the start of the bin.
const ROOT: usize = 0x20;
const SECURITY: usize = 0x78;
const FREE: usize = 0xF8;

/// Stands for "no cell".
const NONE: u32 = u32::MAX;

/// The descriptor of the root key: full control for administrators and the system.
const ROOT_SDDL: &str = "O:BAG:SYD:(A;CI;KA;;;BA)(A;CI;KA;;;SY)";

/// An empty registry hive of 8,192 bytes: a base block and one bin with a root key named `ROOT`.
///
/// Windows Server 2025 refuses empty files where hives should be, so an image from scratch carries
/// this one five times ([`HIVES`]). The bytes are constant and hold no time.
///
/// Source: the regf format, version 1.3; opened by libhivex and python-registry.
pub fn blank_hive() -> Vec<u8> {
    let mut hive = vec![0; 2 * BLOCK];
    write_base_block(&mut hive[..BLOCK]);
    write_bin(&mut hive[BLOCK..]);
    hive
}

fn write_base_block(block: &mut [u8]) {
    put(block, 0, b"regf");
    // Two equal sequence numbers: the hive was closed cleanly.
    put_u32(block, 0x04, 1);
    put_u32(block, 0x08, 1);
    // Version 1.3, a primary file (0) in memory format 1.
    put_u32(block, 0x14, 1);
    put_u32(block, 0x18, 3);
    put_u32(block, 0x20, 1);
    put_u32(block, 0x24, ROOT as u32);
    put_u32(block, 0x28, BLOCK as u32);
    // The clustering factor.
    put_u32(block, 0x2C, 1);
    let sum = checksum(&block[..0x1FC]);
    put_u32(block, 0x1FC, sum);
}

/// The exclusive or of the dwords; 0 and ~0 are avoided because readers take them for unset.
fn checksum(start: &[u8]) -> u32 {
    let dwords = start.as_chunks().0.iter().copied().map(u32::from_le_bytes);
    match dwords.fold(0, |sum, dword| sum ^ dword) {
        0 => 1,
        u32::MAX => u32::MAX - 1,
        sum => sum,
    }
}

fn write_bin(bin: &mut [u8]) {
    put(bin, 0, b"hbin");
    put_u32(bin, 0x08, BLOCK as u32);
    write_root_key(&mut bin[ROOT..SECURITY]);
    write_security(&mut bin[SECURITY..FREE]);
    // A positive size is a free cell.
    put_u32(bin, FREE, (BLOCK - FREE) as u32);
}

fn write_root_key(cell: &mut [u8]) {
    put_u32(cell, 0x00, allocated(cell.len()));
    put(cell, 0x04, b"nk");
    // Root of a hive, not to be deleted, name in ASCII.
    put(cell, 0x06, &[0x2C, 0]);
    // Stable and volatile subkeys, values: none.
    put_u32(cell, 0x20, NONE);
    put_u32(cell, 0x24, NONE);
    put_u32(cell, 0x2C, NONE);
    put_u32(cell, 0x30, SECURITY as u32);
    // The class name.
    put_u32(cell, 0x34, NONE);
    put(cell, 0x4C, &[4, 0]);
    put(cell, 0x50, b"ROOT");
}

fn write_security(cell: &mut [u8]) {
    let descriptor = SecurityDescriptor::from_sddl(ROOT_SDDL).expect("a constant, in the tests");
    let descriptor = descriptor.as_bytes();
    put_u32(cell, 0x00, allocated(cell.len()));
    put(cell, 0x04, b"sk");
    // A ring of one.
    put_u32(cell, 0x08, SECURITY as u32);
    put_u32(cell, 0x0C, SECURITY as u32);
    // Keys that refer to it.
    put_u32(cell, 0x10, 1);
    put_u32(cell, 0x14, descriptor.len() as u32);
    put(cell, 0x18, descriptor);
}

/// The size field of a cell in use: the negative of its size.
fn allocated(size: usize) -> u32 {
    (size as u32).wrapping_neg()
}

fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value);
}

fn put_u32(bytes: &mut [u8], offset: usize, value: u32) {
    put(bytes, offset, &value.to_le_bytes());
}

#[cfg(test)]
mod tests;

//! Inflating from the middle of a deflate stream (RFC 1951).
//!
//! zlib has two calls for this that the safe interface of zlib-rs lacks: one that tells how many
//! bits of the last byte were used, and one that feeds single bits. Here the first is found by
//! trying, and empty blocks do the work of the second.

use std::io;

use zlib_rs::{Inflate, InflateFlush};

/// How far deflate looks back.
pub(crate) const WINDOW: usize = 32 << 10;
/// Window bits of zlib for [`WINDOW`].
const WINDOW_BITS: u8 = 15;

/// The end of a block, and what came before and after it.
#[derive(Debug)]
pub(crate) struct Boundary<'a> {
    /// At most 32 KiB of content before it.
    pub(crate) window: &'a [u8],
    /// The byte that holds the last bit of the block.
    pub(crate) last_byte: u8,
    /// What follows that byte.
    pub(crate) input: &'a [u8],
    /// The content that follows, which `input` inflates to.
    pub(crate) output: &'a [u8],
}

/// Where the next block begins, and what it needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Proven {
    /// How many bits of the last byte are used; 0 if the next block begins in the byte after it.
    pub(crate) bits: u8,
    /// The window with zeroes where nothing refers to it; empty if nothing does at all.
    pub(crate) window: Vec<u8>,
}

/// A decoder of a raw stream at its beginning.
pub(crate) fn raw_inflate() -> Inflate {
    Inflate::new(false, WINDOW_BITS)
}

/// Makes a fresh decoder ready to go on in the middle of a stream.
///
/// `first` is the byte that the block begins in; its `bits` lower bits belong to what precedes.
/// Without such bits the decoder has taken nothing.
pub(crate) fn restart(inflate: &mut Inflate, window: &[u8], bits: u8, first: u8) -> io::Result<()> {
    if !window.is_empty() {
        inflate.set_dictionary(window).map_err(corrupt)?;
    }
    if bits == 0 {
        return Ok(());
    }
    let mut input = empty_blocks(bits);
    if let Some(last) = input.last_mut() {
        *last |= first & (0xff << bits);
    }
    // The bits of `first` are too few for a block that makes something.
    let before = inflate.total_in();
    let status = inflate.decompress(&input, &mut [0], InflateFlush::NoFlush);
    status.map_err(corrupt)?;
    if inflate.total_in() - before != input.len() as u64 || inflate.total_out() != 0 {
        return Err(corrupt(()));
    }
    Ok(())
}

/// The error of deflate streams, as flate2 has it.
pub(crate) fn corrupt<E>(_: E) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "corrupt deflate stream")
}

/// Finds where in the last byte a block ends, and what of the window is referred to.
pub(crate) struct Prover {
    inflate: Inflate,
    /// Stand for windows whose bytes tell where they were, lower and upper half of the offset.
    positions: [Vec<u8>; 2],
    found: [Vec<u8>; 2],
}

impl Prover {
    pub(crate) fn new() -> Self {
        Self {
            inflate: raw_inflate(),
            positions: [0, 8].map(|shift| (0..WINDOW).map(|at| (at >> shift) as u8).collect()),
            found: [vec![0; WINDOW], vec![0; WINDOW]],
        }
    }

    /// Starts decoders at each bit that is possible, until one gives `output`. So a point is only
    /// kept once reading from it has succeeded.
    ///
    /// Blocks that are stored say nothing of where they began in the byte before: those are not
    /// taken, as the bit that tells the last block could be another.
    pub(crate) fn prove(&mut self, boundary: &Boundary<'_>) -> Option<Proven> {
        let header = u16::from_le_bytes([boundary.last_byte, *boundary.input.first()?]);
        let is_stored = |bits: u8| header >> (bits + 1) & 3 == 0;
        (0..8)
            .filter(|&bits| bits == 0 || !is_stored(bits))
            .find_map(|bits| {
                let window = self.prove_at(boundary, bits)?;
                Some(Proven { bits, window })
            })
    }

    /// As [`prove`](Self::prove), for a block that is known to begin with a byte.
    pub(crate) fn prove_aligned(&mut self, boundary: &Boundary<'_>) -> Option<Proven> {
        let window = self.prove_at(boundary, 0)?;
        Some(Proven { bits: 0, window })
    }

    fn prove_at(&mut self, boundary: &Boundary<'_>, bits: u8) -> Option<Vec<u8>> {
        let length = boundary.output.len().min(WINDOW);
        for half in 0..2 {
            self.inflate.reset(false);
            let window = &self.positions[half][..boundary.window.len()];
            restart(&mut self.inflate, window, bits, boundary.last_byte).ok()?;
            let found = &mut self.found[half][..length];
            let status = self
                .inflate
                .decompress(boundary.input, found, InflateFlush::NoFlush);
            status.ok()?;
            if self.inflate.total_out() != length as u64 {
                return None;
            }
        }
        let mut trimmed = Vec::new();
        let halves = self.found[0].iter().zip(&self.found[1]);
        for (&byte, (&low, &high)) in boundary.output.iter().zip(halves).take(length) {
            // Literals are the same whatever the window holds. All else comes from the window,
            // perhaps by way of other bytes, and tells from which place.
            let place = usize::from(low) | usize::from(high) << 8;
            if boundary.window.get(place) == Some(&byte) {
                trimmed.resize(boundary.window.len(), 0);
                trimmed[place] = byte;
            } else if low != byte || high != byte {
                return None;
            }
        }
        Some(trimmed)
    }
}

/// Blocks without content whose last bit is bit `bits - 1` of the last byte; the rest of that byte
/// is zero. `bits` is 1 to 7.
fn empty_blocks(bits: u8) -> Vec<u8> {
    let mut out = BitWriter::default();
    if !bits.is_multiple_of(2) {
        // The one kind of odd length. Two code lengths are in use, 18 (many zeroes) and 1, each
        // with a code of one bit; then 256 lengths of 0, one of 1 for the end of the block, and
        // two of 1 for distances, which never occur. 91 bits.
        out.put(0b100, 3); // not the last; dynamic codes
        out.put(0, 5); // 257 lengths of literals
        out.put(1, 5); // 2 lengths of distances
        out.put(14, 4); // 18 lengths of the codes of lengths, in the order of RFC 1951, 3.2.7:
        for place in 0..18 {
            out.put(u32::from(matches!(place, 2 | 17)), 3); // 16, 17, *18*, 0, 8 … 14, *1*
        }
        out.put(1 | (138 - 11) << 1, 8);
        out.put(1 | (118 - 11) << 1, 8);
        out.put(0, 3); // three lengths of 1
        out.put(0, 1); // the end of the block
    }
    while out.length % 8 != usize::from(bits) {
        // Fixed codes, and at once the end of the block. 10 bits.
        out.put(0b010, 3);
        out.put(0, 7);
    }
    out.bytes
}

#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    length: usize,
}

impl BitWriter {
    /// Appends the lowest `count` bits of `value`, lowest first.
    fn put(&mut self, value: u32, count: usize) {
        for place in 0..count {
            if self.length.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> place & 1) as u8) << (self.length % 8);
            }
            self.length += 1;
        }
    }
}

#[cfg(test)]
mod tests;

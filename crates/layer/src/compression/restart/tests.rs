//! Beginning at every bit, and finding it.

use zlib_rs::{InflateFlush, Status};

use super::{BitWriter, Boundary, Prover, empty_blocks, raw_inflate, restart};

/// A stream of one stored block for `content`, beginning at bit `bits`: the byte in which it begins
/// and what follows.
fn stream(bits: u8, lower: u8, content: &[u8]) -> (u8, Vec<u8>) {
    let mut out = BitWriter::default();
    out.put(u32::from(lower), bits.into());
    // A block of fixed codes with the content as literals below 144, not the last.
    out.put(0b010, 3);
    for &byte in content {
        let code = 0x30 + u32::from(byte);
        (0..8).rev().for_each(|at| out.put(code >> at & 1, 1));
    }
    out.put(0, 7);
    // An empty one that is the last.
    out.put(0b011, 3);
    out.put(0, 7);
    match bits {
        0 => (0, out.bytes),
        _ => (out.bytes[0], out.bytes[1..].to_vec()),
    }
}

#[test]
fn every_bit() {
    for bits in 1..8 {
        let blocks = empty_blocks(bits);
        // The rest of the last byte is free.
        assert_eq!(blocks.last().unwrap() >> bits, 0, "{bits}");
        let mut inflate = raw_inflate();
        let status = inflate.decompress(&blocks, &mut [0; 8], InflateFlush::NoFlush);
        assert_eq!(status, Ok(Status::Ok), "{bits}");
        assert_eq!(inflate.total_out(), 0, "{bits}");
    }
    for bits in 0..8u8 {
        for lower in [0x00, 0x55, 0xaa, 0xff] {
            let lower = lower & !(0xff << bits) as u8;
            let (first, rest) = stream(bits, lower, b"in the middle");
            let mut inflate = raw_inflate();
            restart(&mut inflate, b"window", bits, first).unwrap();
            let mut found = [0; 20];
            let status = inflate.decompress(&rest, &mut found, InflateFlush::NoFlush);
            assert_eq!(status, Ok(Status::StreamEnd), "{bits} {lower}");
            assert_eq!(&found[..13], b"in the middle", "{bits} {lower}");
        }
    }
}

#[test]
fn proof() {
    let content: Vec<u8> = (0..2000u32).map(|n| (n * n % 144) as u8).collect();
    for bits in 0..8 {
        let (last_byte, input) = stream(bits, 0x7f & !(0xff << bits) as u8, &content);
        let boundary = Boundary {
            window: b"nobody refers to this",
            last_byte,
            input: &input,
            output: &content,
        };
        let proven = Prover::new().prove(&boundary).unwrap();
        assert_eq!((proven.bits, &proven.window[..]), (bits, &b""[..]));
        // Not by content that is another, or not all there.
        let mut other = content.clone();
        other[1999] ^= 1;
        let missing = &input[..input.len() - 100];
        for (input, output) in [(&input[..], &other), (missing, &content)] {
            let boundary = Boundary {
                input,
                output,
                ..boundary
            };
            assert_eq!(Prover::new().prove(&boundary), None);
        }
    }
}

/// What is referred to stays, all else is zero.
#[test]
fn trimming() {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let window: Vec<u8> = (0..super::WINDOW).map(|_| noise()).collect();
    let window = &window[..];
    let check = |ranges: &[std::ops::Range<usize>], literals: &[u8]| {
        let mut output = Vec::new();
        for range in ranges {
            output.extend_from_slice(literals);
            output.extend_from_slice(&window[range.clone()]);
        }
        let mut deflate = flate2::Compress::new(flate2::Compression::new(9), false);
        deflate.set_dictionary(window).unwrap();
        let mut input = Vec::with_capacity(100_000);
        let flush = flate2::FlushCompress::Sync;
        deflate.compress_vec(&output, &mut input, flush).unwrap();
        let boundary = Boundary {
            window,
            last_byte: 0,
            input: &input,
            output: &output,
        };
        let proven = Prover::new().prove_aligned(&boundary).unwrap();
        assert_eq!(proven.window.len(), window.len());
        for (place, (&kept, &byte)) in proven.window.iter().zip(window).enumerate() {
            let referred = ranges.iter().any(|range| range.contains(&place));
            assert!(kept == byte || !referred && kept == 0, "{place}");
        }
        let kept = proven.window.iter().filter(|byte| **byte != 0).count();
        let referred: usize = ranges.iter().map(ExactSizeIterator::len).sum();
        assert!(kept <= referred, "{kept} of {referred}");
    };
    check(&[1000..1300, 1300..1500], b"");
    check(&[500..800, 32_000..32_768], b"some new words");
    check(
        &[20_000..20_100, 20_050..20_200, 2005..2090],
        b"\x00\xff\x80",
    );
}

/// A stored block begins somewhere in the last byte: at bit 5 here, but from bit 4 on the same
/// bytes come out, of a block that claims to be the last. Reading on would end after it.
#[test]
fn stored_blocks_say_nothing_of_their_bit() {
    let content: Vec<u8> = (0..2000u32).map(|n| (n * n) as u8).collect();
    let length = content.len() as u16;
    let mut input = [length.to_le_bytes(), (!length).to_le_bytes()].concat();
    input.extend_from_slice(&content);
    let boundary = Boundary {
        window: b"",
        last_byte: 0b0001_1111,
        input: &input,
        output: &content,
    };
    assert_eq!(Prover::new().prove(&boundary), None);
}

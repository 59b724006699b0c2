#!/usr/bin/env python3
"""Writes src/names/upcase_table.rs from Python's copy of the Unicode Character Database.

    python3 tools/upcase.py > src/names/upcase_table.rs

Run it with a Python whose unicodedata.unidata_version is the version that the table states, or
change the version deliberately: the keys of case-insensitive look-ups change with it.

To compare with a real $UpCase, format an image and hand the file over:

    truncate -s 8M image && mkfs.ntfs -F -Q image && ntfscat -f -i 10 image > upcase.bin
    python3 tools/upcase.py --compare upcase.bin

Which mappings are taken, and why, stands in src/names/upcase.rs.
"""

import struct
import sys
import unicodedata


def simple(code, convert, otherwise):
    """The simple (one to one) mapping of a character of the BMP, within the BMP."""
    if 0xD800 <= code <= 0xDFFF:
        return code
    text = convert(chr(code))
    if len(text) != 1 and otherwise is not None:
        # str.upper() applies SpecialCasing.txt. Where that hides a simple upper-case mapping
        # (the Greek letters with ypogegrammeni), the title-case mapping is the same character.
        text = otherwise(chr(code))
    return ord(text) if len(text) == 1 and ord(text) <= 0xFFFF else code


def upper(code):
    return simple(code, str.upper, str.title)


def lower(code):
    return simple(code, str.lower, None)


def mappings():
    """{character: upper case} for the mappings that have an inverse, and the others."""
    every = {code: upper(code) for code in range(0x10000) if upper(code) != code}
    kept = {code: up for code, up in every.items() if lower(up) == code}
    return kept, {code: up for code, up in every.items() if code not in kept}


def ranges(table):
    """(first, last, step, distance): runs of characters that move by the same distance."""
    runs = []
    for code, up in sorted(table.items()):
        distance = (up - code) & 0xFFFF
        if runs:
            first, last, step, other = runs[-1]
            gap = code - last
            if distance == other and (gap == step or (first == last and gap <= 2)):
                runs[-1] = (first, code, gap, distance)
                continue
        runs.append((code, code, 1, distance))
    return runs


def compare(path):
    table = struct.unpack("<65536H", open(path, "rb").read())
    kept, excluded = mappings()
    ntfs = {code: up for code, up in enumerate(table) if code != up}
    print(f"{len(kept)} mappings here, {len(ntfs)} in {path}")
    print("there, not here:", *(f"{c:04X}" for c in ntfs if kept.get(c) != ntfs[c]))
    print("here, not there:", *(f"{c:04X}" for c in kept if ntfs.get(c) != kept[c]))
    print("without inverse, there:", *(f"{c:04X}" for c in excluded if c in ntfs))
    print("without inverse, not there:", *(f"{c:04X}" for c in excluded if c not in ntfs))


def write():
    kept, excluded = mappings()
    print("// Written by tools/upcase.py; do not edit.")
    print(f"// Unicode {unicodedata.unidata_version}: {len(kept)} mappings of the BMP.")
    print()
    print("/// Characters that move by the same distance: `(first, last, step, distance)`.")
    print("///")
    print("/// Sorted and disjoint; the distance is added modulo 2¹⁶.")
    print("pub(super) const RANGES: &[(u16, u16, u8, u16)] = &[")
    for first, last, step, distance in ranges(kept):
        print(f"    (0x{first:04x}, 0x{last:04x}, {step}, 0x{distance:04x}),")
    print("];")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compare"]:
        compare(sys.argv[2])
    else:
        write()

"""Changes one thing on a volume of NTFS, for tests of the judge: ntfs_change.py WHAT VOLUME."""

import os
import struct
import sys

what, volume = sys.argv[1:]
file = os.path.join(volume, "Streams", "download.exe")
link = os.path.join(volume, "Links", "file relative")
get = lambda name, path=file: os.getxattr(path, f"system.ntfs_{name}", follow_symlinks=False)
put = lambda name, value, path=file: os.setxattr(
    path, f"system.ntfs_{name}", value, follow_symlinks=False
)


def flip(name, at, path=file):
    value = bytearray(get(name, path))
    value[at] ^= 1
    put(name, bytes(value), path)


if what == "attributes":
    put("attrib", struct.pack("<I", struct.unpack("<I", get("attrib"))[0] ^ 0x2))
elif what == "times":
    flip("times", 0)
elif what == "descriptor":
    # The mask of the first ACE.
    flip("acl", struct.unpack_from("<I", get("acl"), 16)[0] + 12)
elif what == "ea":
    put("ea", get("ea", os.path.join(volume, "Streams", "both.txt")))
elif what == "reparse":
    flip("reparse_data", 20, link)
elif what == "stream":
    with open(file + ":Zone.Identifier", "r+b") as stream:
        stream.write(b"(")
elif what == "content":
    times = get("times")
    with open(file, "r+b") as content:
        content.write(b"N")
    put("times", times)
elif what == "name":
    os.rename(file, file + "x")
elif what == "mark":
    os.removexattr(file, "system.ntfs_ea")
else:
    sys.exit(f"ntfs_change.py: no {what}")

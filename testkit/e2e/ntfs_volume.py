"""What a volume holds that ntfs-3g mounts, in the bytes of NTFS, and what those bytes must be.

Nothing here is the product's: the layouts are those of [MS-FSCC] and of WSL.
"""

import ctypes
import errno
import hashlib
import os
import stat
import struct
from dataclasses import dataclass

READONLY, HIDDEN, SYSTEM, DIRECTORY, ARCHIVE = 0x1, 0x2, 0x4, 0x10, 0x20
TEMPORARY, REPARSE_POINT, NOT_INDEXED = 0x100, 0x400, 0x2000
# What ntfs-3g lets anybody set, but for OFFLINE, which is the system's.
SETTABLE = READONLY | HIDDEN | SYSTEM | ARCHIVE | TEMPORARY | NOT_INDEXED

SYMLINK, JUNCTION, LX_SYMLINK = 0xA000000C, 0xA0000003, 0xA000001D
LX_SPECIAL = {"fifo": 0x80000024, "char": 0x80000025, "block": 0x80000026}
LX_TYPE = {"file": 0o100000, "dir": 0o040000, "link": 0o120000, "fifo": 0o010000,
           "char": 0o020000, "block": 0o060000}

# What Linux allows. A smaller buffer would do no good: ntfs-3g answers EIO, not ERANGE.
LARGEST = 65536
EPOCH = 11_644_473_600 * 10**7

_libc = ctypes.CDLL(None, use_errno=True)


def attribute(path, name):
    """The value of an extended attribute, links not followed; None if there is none."""
    buffer = ctypes.create_string_buffer(LARGEST)
    size = _libc.lgetxattr(path, name, buffer, LARGEST)
    if size >= 0:
        return buffer.raw[:size]
    code = ctypes.get_errno()
    if code in (errno.ENODATA, errno.EOPNOTSUPP):
        return None
    raise OSError(code, os.strerror(code), path)


@dataclass
class File:
    """A file as NTFS has it."""

    kind: str
    identity: tuple
    attributes: int
    created: int
    modified: int
    accessed: int
    descriptor: bytes
    reparse: bytes
    eas: dict
    streams: dict  # name to size and SHA-256
    records: dict  # of the attribute CROSSDOCK
    device: tuple
    size: int
    digest: str


def read(path):
    """A file. Its times are asked for before anything is read, which would change them."""
    attributes = struct.unpack("<I", attribute(path, b"system.ntfs_attrib"))[0]
    created, modified, accessed, _ = struct.unpack("<4Q", attribute(path, b"system.ntfs_times"))
    reparse = attribute(path, b"system.ntfs_reparse_data")
    eas = parse_eas(attribute(path, b"system.ntfs_ea") or b"")
    status = os.lstat(path)
    kind = _kind(attributes, reparse, status)
    size, digest = _content(path) if kind == "file" else (0, "")
    return File(
        kind=kind,
        identity=(status.st_dev, status.st_ino),
        attributes=attributes,
        created=created,
        modified=modified,
        accessed=accessed,
        descriptor=attribute(path, b"system.ntfs_acl"),
        reparse=reparse,
        eas=eas,
        streams=_streams(path) if kind in ("file", "dir") else {},
        records=parse_records(eas.get(b"CROSSDOCK", b"")),
        device=(os.major(status.st_rdev), os.minor(status.st_rdev)),
        size=size,
        digest=digest,
    )


def walk(folder, path=()):
    """All files below a folder: path as a tuple of names, and File; directories before what is in
    them."""
    for name in sorted(os.listdir(os.path.join(folder, *path))):
        below = path + (name,)
        file = read(os.path.join(folder, *below))
        yield below, file
        if file.kind == "dir":
            yield from walk(folder, below)


def _kind(attributes, reparse, status):
    if reparse is not None:
        tag = struct.unpack_from("<I", reparse)[0]
        if tag in (SYMLINK, JUNCTION, LX_SYMLINK):
            return "link"
        return next((kind for kind, known in LX_SPECIAL.items() if known == tag), f"{tag:#x}")
    if attributes & DIRECTORY:
        return "dir"
    kinds = {stat.S_IFREG: "file", stat.S_IFIFO: "fifo", stat.S_IFCHR: "char", stat.S_IFBLK: "block"}
    return kinds.get(stat.S_IFMT(status.st_mode), "other")


def _content(path):
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            digest.update(part)
            size += len(part)
    return size, digest.hexdigest()


def _streams(path):
    listed = attribute(path, b"ntfs.streams.list")
    if listed is not None:
        # streams_interface=windows
        names = [name for name in listed.split(b"\0") if name]
        return {name: _content(path + b":" + name) for name in names}
    names = [os.fsencode(name) for name in os.listxattr(path, follow_symlinks=False)]
    values = {name[5:]: attribute(path, name) for name in names if name.startswith(b"user.")}
    return {
        name: (len(value), hashlib.sha256(value).hexdigest()) for name, value in values.items()
    }


def parse_eas(data):
    """The extended attributes of a FILE_FULL_EA_INFORMATION list."""
    eas = {}
    while data:
        size, _, name_size, value_size = struct.unpack_from("<IBBH", data)
        name, value = data[8 : 8 + name_size], data[9 + name_size : 9 + name_size + value_size]
        assert len(value) == value_size and data[8 + name_size] == 0, "a broken list of EAs"
        assert name not in eas, f"{name!r} twice"
        eas[name] = value
        data = data[size:] if size else b""
    return eas


def parse_records(data):
    """PAX records: `LENGTH KEY=VALUE` and a line feed."""
    records = {}
    while data:
        length, _, _ = data.partition(b" ")
        line, data = data[: int(length)], data[int(length) :]
        whole = len(line) == int(length) and line.endswith(b"\n")
        assert whole, f"a broken record {line!r}"
        key, _, value = line[len(length) + 1 : -1].partition(b"=")
        records[key] = value
    return records


def filetime(nanoseconds):
    """A time since 1970 as NTFS has it: 100 ns since 1601, rounded down, not before."""
    return max(0, nanoseconds // 100 + EPOCH)


def link_data(text, junction):
    """The reparse point of a link whose text Windows shows, in UTF-8."""
    shown = text.decode().replace("/", "\\")
    if shown.startswith("\\\\?\\"):
        substitute, relative = "\\??\\" + shown[4:], False
    elif shown.startswith("\\\\"):
        substitute, relative = "\\??\\UNC\\" + shown[2:], False
    elif shown[1:2] == ":":
        substitute, relative = "\\??\\" + shown, False
    else:
        substitute, relative = shown, True
    one, two = substitute.encode("utf-16-le"), shown.encode("utf-16-le")
    # Both names end with a NUL that is not counted.
    data = struct.pack("<4H", 0, len(one), len(one) + 2, len(two))
    data += b"" if junction else struct.pack("<I", int(relative))
    data += one + b"\0\0" + two + b"\0\0"
    return struct.pack("<IHH", JUNCTION if junction else SYMLINK, len(data), 0) + data


def lx_link_data(text):
    """The reparse point of WSL's link."""
    data = struct.pack("<I", 2) + text
    return struct.pack("<IHH", LX_SYMLINK, len(data), 0) + data

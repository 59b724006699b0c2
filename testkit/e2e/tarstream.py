"""Reading tars, with nothing but the standard library and the zstd command."""

import gzip
import hashlib
import io
import subprocess
from dataclasses import dataclass, field

BLOCK = 512
# Contents of up to this size are kept, so that who reports a file can show it.
KEPT = 512


class TarError(Exception):
    """A tar that cannot be read."""


@dataclass
class Member:
    """An entry as the tar has it, its content as size and SHA-256."""

    name: bytes
    type: bytes
    link: bytes
    mode: int
    uid: int
    gid: int
    device: tuple
    mtime: int  # nanoseconds since 1970
    size: int
    digest: str
    pax: dict = field(default_factory=dict)
    text: bytes = b""  # the content, if it is at most KEPT bytes


def open_plain(path):
    """The plain bytes of a file that is plain, gzip or zstd."""
    file = open(path, "rb")
    magic = file.peek(4)[:4]
    if magic[:2] == b"\x1f\x8b":
        return gzip.GzipFile(fileobj=file)
    if magic == b"\x28\xb5\x2f\xfd":
        return _Command(["zstd", "-dcq", "--long=31", "--", path])
    return file


class _Command(io.RawIOBase):
    """The output of a command, which must succeed."""

    def __init__(self, arguments):
        super().__init__()
        self._process = subprocess.Popen(arguments, stdout=subprocess.PIPE)

    def read(self, size=-1):
        data = self._process.stdout.read(size)
        if not data and size != 0 and self._process.wait() != 0:
            raise TarError(f"{self._process.args[0]} failed")
        return data

    def close(self):
        self._process.stdout.close()
        self._process.wait()
        super().close()


def pax_time(text):
    """Nanoseconds of `-1.5`, `1700000000.000000001` and the like."""
    text = text.decode("ascii")
    negative = text.startswith("-")
    seconds, _, fraction = text.lstrip("-").partition(".")
    nanoseconds = int(seconds or "0") * 10**9 + int(fraction.ljust(9, "0")[:9])
    return -nanoseconds if negative else nanoseconds


def read(stream):
    """The entries of a tar."""
    pax, long_name, long_link = {}, None, None
    while True:
        block = _exactly(stream, BLOCK, allow_end=True)
        if block is None or not any(block):
            return
        size = _number(block[124:136])
        kind = block[156:157]
        if kind in b"xgLK":
            body = _exactly(stream, size)
            _exactly(stream, -size % BLOCK)
            if kind == b"x":
                pax.update(_records(body))
            elif kind == b"L":
                long_name = body.rstrip(b"\0")
            elif kind == b"K":
                long_link = body.rstrip(b"\0")
            continue
        member = _member(block, kind, size, pax, long_name, long_link)
        pieces, real = None, member.size
        if kind == b"S":
            pieces, real = _sparse(block, stream)
        member.digest, member.text = _content(stream, member.size, pieces, real)
        member.size = real
        if kind in (b"\0", b"7", b"S"):
            member.type = b"0"
        yield member
        pax, long_name, long_link = {}, None, None


def _member(block, kind, size, pax, long_name, long_link):
    ustar = block[257:263] == b"ustar\0"
    name = _text(block[:100])
    if ustar and block[345]:
        name = _text(block[345:500]) + b"/" + name
    get = pax.get
    return Member(
        name=get(b"path", long_name if long_name is not None else name),
        type=kind,
        link=get(b"linkpath", long_link if long_link is not None else _text(block[157:257])),
        mode=_number(block[100:108]),
        uid=int(get(b"uid", _number(block[108:116]))),
        gid=int(get(b"gid", _number(block[116:124]))),
        device=(_number(block[329:337]), _number(block[337:345])),
        mtime=pax_time(pax[b"mtime"]) if b"mtime" in pax else _number(block[136:148]) * 10**9,
        size=int(get(b"size", size)),
        digest="",
        pax=dict(pax),
    )


def _sparse(block, stream):
    """Pieces of a sparse file of GNU's old format, and its real size."""
    pieces = _pieces(block[386:482])
    extended = block[482]
    while extended:
        more = _exactly(stream, BLOCK)
        pieces += _pieces(more[:504])
        extended = more[504]
    return pieces, _number(block[483:495])


def _pieces(table):
    pairs = (table[at : at + 24] for at in range(0, len(table), 24))
    return [(_number(p[:12]), _number(p[12:])) for p in pairs if len(p) == 24 and p[0]]


def _content(stream, size, pieces, real):
    digest = hashlib.sha256()
    text = b""
    if pieces is None:
        left = size
        while left:
            part = _exactly(stream, min(left, 1 << 20))
            digest.update(part)
            if size <= KEPT:
                text += part
            left -= len(part)
    else:
        at = 0
        for offset, length in pieces:
            digest.update(bytes(offset - at))
            digest.update(_exactly(stream, length))
            at = offset + length
        digest.update(bytes(real - at))
    # `umoci insert` writes nothing behind the last byte of the last file.
    _exactly(stream, -size % BLOCK, allow_end=True)
    return digest.hexdigest(), text


def _exactly(stream, size, allow_end=False):
    parts = []
    left = size
    while left:
        part = stream.read(left)
        if not part:
            if allow_end and left == size:
                return None
            raise TarError("the tar is cut")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _records(body):
    records = {}
    while body:
        length, _, _ = body.partition(b" ")
        record, body = body[: int(length)], body[int(length) :]
        key, equals, value = record[len(length) + 1 : -1].partition(b"=")
        if not equals or not record.endswith(b"\n"):
            raise TarError(f"a bad record {record[:60]!r}")
        records[key] = value
    return records


def _text(field_):
    return field_.split(b"\0", 1)[0]


def _number(field_):
    if field_[0] & 0x80:
        value = int.from_bytes(field_, "big") & ~(1 << (8 * len(field_) - 1))
        return value - (1 << (8 * len(field_) - 1)) if field_[0] & 0x40 else value
    digits = _text(field_).strip()
    return int(digits, 8) if digits else 0

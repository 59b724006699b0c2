"""One line for each entry of a tree: the notation of cases, base images, tars and git trees.

    dir  MODE UID:GID TIME PATH
    file MODE UID:GID TIME PATH CONTENT        "text", or SIZE:sha256 in hexadecimal digits
    link MODE UID:GID TIME PATH -> TARGET
    hard PATH = PATH                           another name of a file
    fifo MODE UID:GID TIME PATH
    char MODE UID:GID TIME PATH MAJOR:MINOR    (and block)
    sock MODE UID:GID TIME PATH                only in a context
    gone PATH                                  only in an expected tree: what the base had
    time TIME PATH                             only in an expected tree: nothing else is new

At the end of a line may stand `xattr:NAME=VALUE`. Words with white space, quotes or anything that
is not printable are JSON strings; a byte that is not UTF-8 is \\udc80 to \\udcff in them. TIME is
`src` (2001-02-03T04:05:06.123456789, of the context), `base` (2000-01-01), `1980` (1980-01-01, of what a
build makes), `now` (of a reference builder: while it ran), `none` (not in any layer), or
2001-02-03T04:05:06 with a fraction if it has one.
"""

import base64
import datetime
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Optional

NAMED_TIMES = {
    "src": 981173106 * 10**9 + 123456789,
    "base": 946684800 * 10**9,
    "1980": 315532800 * 10**9,
}
NOW, NONE = "now", "none"
EPOCH = datetime.datetime(1970, 1, 1)


class LineError(Exception):
    """A line that is not in the notation."""


@dataclass
class Entry:
    """What a path is. Times are nanoseconds since 1970, `NOW` or `NONE`."""

    kind: str
    mode: int = 0
    uid: int = 0
    gid: int = 0
    time: object = NONE
    size: int = 0
    digest: str = ""
    text: Optional[bytes] = None
    target: str = ""
    device: tuple = (0, 0)
    xattrs: dict = field(default_factory=dict)


def encode_word(text):
    """A word as it stands in a line."""
    if re.fullmatch(r'[^\s"\\]+', text) and text.isprintable() and text not in ("->", "="):
        return text
    ascii_only = any(0xD800 <= ord(c) < 0xE000 for c in text)
    return json.dumps(text, ensure_ascii=ascii_only)


def split_words(line):
    """The words of a line."""
    words, at = [], 0
    decoder = json.JSONDecoder()
    while True:
        while at < len(line) and line[at].isspace():
            at += 1
        if at == len(line):
            return words
        if line[at] == '"':
            word, at = decoder.raw_decode(line, at)
            words.append((word, True))
        else:
            end = at
            while end < len(line) and not line[end].isspace():
                end += 1
            words.append((line[at:end], False))
            at = end


def encode_time(time):
    """A time as it stands in a line."""
    if not isinstance(time, int):
        return time
    for name, named in NAMED_TIMES.items():
        if named == time:
            return name
    seconds, nanoseconds = divmod(time, 10**9)
    text = (EPOCH + datetime.timedelta(seconds=seconds)).isoformat()
    return text + (f".{nanoseconds:09}".rstrip("0") if nanoseconds else "")


def decode_time(word):
    """The time that a word means."""
    if word in (NOW, NONE):
        return word
    if word in NAMED_TIMES:
        return NAMED_TIMES[word]
    whole, _, fraction = word.partition(".")
    seconds = (datetime.datetime.fromisoformat(whole) - EPOCH) // datetime.timedelta(seconds=1)
    return seconds * 10**9 + int(fraction.ljust(9, "0") or "0")


def encode_content(entry):
    """The content of a file: the text itself if it is short."""
    if entry.text is not None and len(entry.text) == entry.size and entry.size <= 120:
        try:
            return json.dumps(entry.text.decode("utf-8"), ensure_ascii=False)
        except UnicodeDecodeError:
            pass
    return f"{entry.size}:{entry.digest}"


def encode(path, entry):
    """The line of an entry."""
    name = encode_word(path)
    if entry.kind == "hard":
        return f"hard {name} = {encode_word(entry.target)}"
    if entry.kind == "gone":
        return f"gone {name}"
    if entry.kind == "time":
        return f"time {encode_time(entry.time)} {name}"
    line = f"{entry.kind} {entry.mode:04o} {entry.uid}:{entry.gid} {encode_time(entry.time)} {name}"
    if entry.kind == "file":
        line += f" {encode_content(entry)}"
    elif entry.kind == "link":
        line += f" -> {encode_word(entry.target)}"
    elif entry.kind in ("char", "block"):
        line += f" {entry.device[0]}:{entry.device[1]}"
    for key in sorted(entry.xattrs):
        line += f" xattr:{encode_word(key)}={encode_value(entry.xattrs[key])}"
    return line


def encode_value(value):
    """An xattr's value: text where it is, else base64."""
    if re.fullmatch(rb"[!-~]+", value) and not value.startswith(b"base64:"):
        return value.decode("ascii")
    return "base64:" + base64.b64encode(value).decode("ascii")


def decode(line):
    """The path and entry of a line."""
    try:
        return _decode([word for word in split_words(line)])
    except (ValueError, IndexError, KeyError) as error:
        raise LineError(f"{line!r}: {error!r}") from None


def _decode(words):
    entry = Entry(kind=words[0][0])
    if entry.kind == "hard":
        entry.target = words[3][0]
        return words[1][0], entry
    if entry.kind == "gone":
        return words[1][0], entry
    if entry.kind == "time":
        entry.time = decode_time(words[1][0])
        return words[2][0], entry
    entry.mode = int(words[1][0], 8)
    entry.uid, entry.gid = (int(part) for part in words[2][0].split(":"))
    entry.time = decode_time(words[3][0])
    path, rest = words[4][0], words[5:]
    while rest and not rest[-1][1] and rest[-1][0].startswith("xattr:"):
        key, _, value = rest.pop()[0][6:].partition("=")
        coded = value.startswith("base64:")
        entry.xattrs[key] = base64.b64decode(value[7:]) if coded else value.encode()
    if entry.kind == "file":
        word, quoted = rest.pop(0)
        if quoted:
            entry.text = word.encode("utf-8")
            entry.size, entry.digest = len(entry.text), hashlib.sha256(entry.text).hexdigest()
        else:
            size, entry.digest = word.split(":")
            entry.size = int(size)
    elif entry.kind == "link":
        entry.target = rest[1][0]
        rest = rest[2:]
    elif entry.kind in ("char", "block"):
        entry.device = tuple(int(part) for part in rest.pop(0)[0].split(":"))
    elif entry.kind not in ("dir", "fifo", "sock"):
        raise ValueError(f"no kind {entry.kind!r}")
    if rest:
        raise ValueError(f"too many words: {rest}")
    return path, entry


def decode_all(text):
    """The entries of lines, in their order; empty lines and comments left out."""
    lines = (line.strip() for line in text.splitlines())
    return [decode(line) for line in lines if line and not line.startswith("#")]

"""Names and link texts of the two systems.

Linux bytes that Windows refuses become U+F000 + byte; so do a dot or space at the end of a name,
bytes that are no UTF-8, and the bytes of characters U+F001 to U+F0FF themselves.
"""

ILLEGAL = set(b'<>:"\\|?*') | set(range(1, 32))


def _private(byte):
    return chr(0xF000 + byte)


def encode(name):
    """The Windows name (UTF-8) of a Linux name; both are bytes."""
    if name in (b".", b".."):
        return name
    out = []
    text = name.decode("utf-8", "surrogateescape")
    for at, c in enumerate(text):
        code = ord(c)
        if 0xDC80 <= code <= 0xDCFF:
            out.append(_private(code - 0xDC00))
        elif code in ILLEGAL or (at == len(text) - 1 and c in ". "):
            out.append(_private(code))
        elif 0xF001 <= code <= 0xF0FF:
            out.extend(_private(byte) for byte in c.encode())
        else:
            out.append(c)
    return "".join(out).encode()


def _decode_all(name):
    out = bytearray()
    for c in name.decode("utf-8", "surrogatepass"):
        code = ord(c)
        if 0xF001 <= code <= 0xF0FF:
            out.append(code - 0xF000)
        else:
            out += c.encode("utf-8", "surrogatepass")
    return bytes(out)


def decode(name):
    """The Linux name of a Windows name, if that gives the Windows name back; else the same."""
    try:
        decoded = _decode_all(name)
    except UnicodeDecodeError:
        return name
    valid = decoded not in (b"", b".", b"..") and b"/" not in decoded and b"\0" not in decoded
    return decoded if valid and encode(decoded) == name else name


def upcase(name):
    """A name as Windows compares it; NTFS maps unit by unit."""

    def upper(c):
        u = c.upper()
        return u if len(u) == 1 and ord(u) < 0x10000 and ord(c) < 0x10000 else c

    return "".join(upper(c) for c in name.decode("utf-8", "surrogateescape"))


def windows_problem(name):
    """What Windows would not accept of a stored name, or None."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return "not UTF-8"
    if any(ord(c) in ILLEGAL or c in "/\0" for c in text):
        return "characters that NTFS refuses"
    if len(text.encode("utf-16-le")) > 510:
        return "more than 255 units"
    return None


def link_to_windows(text):
    """The text of a Windows symlink for a Linux one."""
    parts = [encode(part) for part in text.split(b"/")]
    if text.startswith(b"/"):
        rest = [part for part in parts]
        while rest and rest[0] == b"":
            rest.pop(0)
        return b"\\" + b"\\".join(rest)
    return b"\\".join(parts)


def link_to_linux(text):
    """The text of a Linux symlink for a Windows one; None for what Linux cannot reach."""
    if text.startswith(b"\\\\?\\"):
        text = text[4:]
        if not _on_system_drive(text):
            return None
    if text.startswith(b"\\\\"):
        return None
    if _on_system_drive(text):
        text = text[2:]
    elif text[1:2] == b":":
        return None
    return b"/".join(
        part if part in (b"", b".", b"..") else decode(part) for part in text.split(b"\\")
    )


def _on_system_drive(text):
    return text[:3].upper() == b"C:\\"


def unescape(key):
    """The name in a key of PAX: `%XX` for `=`, NUL and `%`."""
    head, *rest = key.split(b"%")
    return head + b"".join(bytes([int(part[:2], 16)]) + part[2:] for part in rest)

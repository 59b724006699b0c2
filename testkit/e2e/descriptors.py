"""What a new file inherits from its directory's security descriptor."""

import struct

OI, CI, NP, IO, INHERITED = 1, 2, 4, 8, 0x10
GENERIC = {
    0x10000000: 0x1F01FF,
    0x80000000: 0x120089,
    0x40000000: 0x120116,
    0x20000000: 0x1200A0,
}


def sid(authority, *parts):
    return struct.pack(">BBHI", 1, len(parts), 0, authority) + struct.pack(
        f"<{len(parts)}I", *parts
    )


ADMINISTRATORS, USERS = sid(5, 32, 544), sid(5, 32, 545)
SYSTEM = sid(5, 18)
CREATOR_OWNER, CREATOR_GROUP = sid(3, 0), sid(3, 1)
CREATORS = {CREATOR_OWNER: ADMINISTRATORS, CREATOR_GROUP: SYSTEM}


def ace(kind, flags, mask, who):
    return struct.pack("<BBHI", kind, flags, 8 + len(who), mask) + who


def build(control, aces):
    """A descriptor of owner BA and group SY."""
    body = b"".join(aces)
    acl = struct.pack("<BBHHH", 2, 0, 8 + len(body), len(aces), 0) + body
    head = struct.pack("<BBHIIII", 1, 0, control, 20, 36, 0, 48)
    return head + ADMINISTRATORS + SYSTEM + acl


FILE = build(0x8004, [
    ace(0, 0, 0x1F01FF, ADMINISTRATORS),
    ace(0, 0, 0x1F01FF, SYSTEM),
    ace(0, 0, 0x1200A9, USERS),
])
DIRECTORY = build(0x8004, [
    ace(0, OI | CI, 0x1F01FF, ADMINISTRATORS),
    ace(0, OI | CI, 0x1F01FF, SYSTEM),
    ace(0, 0, 0x1F01FF, ADMINISTRATORS),
    ace(0, OI | CI | IO, 0x10000000, CREATOR_OWNER),
    ace(0, OI | CI, 0x1200A9, USERS),
    ace(0, CI, 4, USERS),
    ace(0, CI, 2, USERS),
])


def entries(descriptor):
    """The access control entries of a descriptor."""
    if len(descriptor) < 20:
        return []
    at = struct.unpack_from("<I", descriptor, 16)[0]
    if not at:
        return []
    count = struct.unpack_from("<H", descriptor, at + 4)[0]
    at += 8
    found = []
    for _ in range(count):
        size = struct.unpack_from("<H", descriptor, at + 2)[0]
        found.append(descriptor[at : at + size])
        at += size
    return found


def _effective(entry, flags):
    """The entry as it applies to the new file, and whether it named the creator."""
    kind, _, _, mask = struct.unpack_from("<BBHI", entry)
    who = entry[8:]
    if kind not in (0, 1):
        return entry[:1] + bytes([flags]) + entry[2:], False
    for generic, rights in GENERIC.items():
        if mask & generic:
            mask = mask & ~generic | rights
    return ace(kind, flags, mask, CREATORS.get(who, who)), who in CREATORS


def inherit(parent, directory):
    """The descriptor of a new entry below a directory with the descriptor `parent`."""
    found = []
    for entry in entries(parent):
        flags = entry[1]
        applying = flags & ~(OI | CI | NP | IO) | INHERITED
        waiting = entry[:1] + bytes([flags | IO | INHERITED]) + entry[2:]
        if not directory:
            if flags & OI:
                found.append(_effective(entry, applying)[0])
        elif flags & CI:
            on = 0 if flags & NP else flags & (OI | CI)
            own, creator = _effective(entry, applying)
            if creator and on:
                found += [own, waiting]
            else:
                found.append(own[:1] + bytes([applying | on]) + own[2:])
        elif flags & OI and not flags & NP:
            found.append(waiting)
    if not found:
        return DIRECTORY if directory else FILE
    return build(0x8404, found)

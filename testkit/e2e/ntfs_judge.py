#!/usr/bin/env python3
"""Compares what lies on a volume of NTFS with the image that it came from.

    ntfs_judge.py IMAGE[:/path] FOLDER [--small-streams] [--unprivileged]

Everything of each entry is compared: names, attributes, times, descriptors, extended attributes,
reparse points, streams, contents, in the bytes that ntfs-3g shows. FOLDER holds the directory at
the path; mount its volume anew and with -o noatime, so that nothing is asked of a cache and reading
changes nothing. Prints what differs; exits with 1 if something does.
"""

import argparse
import base64
import os
import struct
import sys
from collections import defaultdict

import names
import ntfs_volume as ntfs
import tarstream
import tree
from compare import ARCHIVE, DIRECTORY, Differences, clamp, collapse, groups
from tree import WINDOWS

# More names of a file NTFS does not have.
LINK_LIMIT = 1024
OURS = (b"CROSSDOCK", b"$LXUID", b"$LXGID", b"$LXMOD", b"$LXDEV")


class Judge:
    """An image's directory, and the folder that holds it."""

    def __init__(self, image, path, folder, options):
        self.image, self.path = image, path
        self.small_streams, self.unprivileged = options.small_streams, options.unprivileged
        self.entries = dict(tree.walk(image, image.subtree(path)))
        self.files = dict(ntfs.walk(folder))
        self.differences = Differences()

    def compare(self):
        mapping, rest = self.match()
        for path in sorted(rest):
            self.differences.add(path, "new", f"a {self.files[path].kind} that was not there")
        for path, stored in sorted(mapping.items()):
            node, file = self.entries[path].node, self.files[stored]
            if self.check_kind(path, node, file):
                self.check_common(path, node, file)
                check = self.check_win32 if self.image.os == WINDOWS else self.check_posix
                check(path, node, file)
        self.check_links(mapping)
        return len(self.entries)

    def match(self):
        """The paths in the folder by those in the image, and those that are left."""
        by_parent = defaultdict(list)
        for path in self.files:
            by_parent[path[:-1]].append(path)
        mapping, used = {}, set()
        for path in sorted(self.entries, key=lambda p: (len(p), p)):
            parent = mapping.get(path[:-1], () if len(path) == 1 else None)
            if parent is None:
                continue
            found = [p for p in by_parent[parent] if self.is_name(path[-1], p)]
            if len(found) != 1:
                self.differences.add(path, "missing", f"{len(found)} files stand for it")
                continue
            mapping[path] = found[0]
            used.add(found[0])
        return mapping, set(self.files) - used

    def is_name(self, name, path):
        stored = path[-1]
        if self.image.os == WINDOWS:
            return stored == name
        originals = self.files[path].records.get(b"CROSSDOCK.name", b"").split(b"/")
        if b"~" in stored and name in originals:
            return stored.startswith(names.encode(name)[:40])
        return stored == names.encode(name) and (b"~" not in stored or originals == [b""])

    def equal(self, path, what, expected, found):
        self.differences.equal(path, what, expected, found)

    # What holds for both systems

    def check_kind(self, path, node, file):
        self.equal(path, "kind", node.kind, file.kind)
        return node.kind == file.kind

    def check_common(self, path, node, file):
        self.equal(path, "content", (node.size, node.digest), (file.size, file.digest))
        origin = b"win32" if self.image.os == WINDOWS else b"posix"
        self.equal(path, "origin", origin, file.records.get(b"CROSSDOCK.origin"))
        if not node.implied:
            self.check_times(path, node, file)
        if node.kind == "link":
            self.check_link(path, node, file)
        if node.kind in ntfs.LX_SPECIAL and file.reparse is not None:
            data = struct.pack("<IHH", ntfs.LX_SPECIAL[node.kind], 0, 0)
            self.equal(path, "reparse point", data, file.reparse)
        elif node.kind in ("char", "block"):
            self.equal(path, "device", node.device, file.device)
        streams = node.streams
        if self.small_streams:
            streams = {n: s for n, s in streams.items() if s[0] <= ntfs.LARGEST}
        self.equal(path, "streams", streams, file.streams)

    def check_times(self, path, node, file):
        modified = ntfs.filetime(clamp(node.mtime))
        self.equal(path, "modified", modified, file.modified)
        created = modified if node.created is None else ntfs.filetime(node.created)
        self.equal(path, "created", created, file.created)
        accessed = modified if node.accessed is None else ntfs.filetime(node.accessed)
        self.equal(path, "accessed", accessed, file.accessed)
        if clamp(node.mtime) != node.mtime:
            exact = file.records.get(b"CROSSDOCK.mtime")
        else:
            # A time that has more than 100 ns.
            exact = file.records.get(b"mtime")
            if exact is None and node.mtime % 100 == 0:
                return
        exact = None if exact is None else tarstream.pax_time(exact)
        self.equal(path, "exact time", node.mtime, exact)

    def check_link(self, path, node, file):
        windows = self.image.os == WINDOWS
        text = node.link
        if not windows:
            text = collapse(names.link_to_windows(text), b"\\")
        self.equal(path, "reparse point", ntfs.link_data(text, node.junction), file.reparse)
        if windows:
            is_directory = bool(node.attributes & DIRECTORY)
        else:
            target = self.target(path, node)
            if target is None:
                return  # Either will do.
            is_directory = target.kind == "dir"
        self.equal(path, "is a directory", is_directory, bool(file.attributes & DIRECTORY))

    def target(self, path, node):
        """What a link leads to. Where only a part of the image was copied, links that leave it lead
        nowhere."""
        above = [part for part in self.path.split(b"/") if part]
        target = self.image.resolve(above + list(path))
        inside = any(child.node is target for child in self.entries.values())
        return target if not above or (inside and not node.link.startswith(b"/")) else None

    def check_links(self, mapping):
        """Names of one file are names of one, and no others."""
        by_file = defaultdict(set)
        for path, stored in mapping.items():
            by_file[self.files[stored].identity].add(path)
        together = groups(self.entries)
        done = set()
        for path, stored in sorted(mapping.items()):
            if path in done or self.entries[path].node.kind == "dir":
                continue
            one, two = together[path], by_file[self.files[stored].identity]
            done |= one
            if one != two and not (two <= one and len(one) > LINK_LIMIT):
                what = f"{len(one)} names of one file became {len(two)}"
                self.differences.add(path, "hard-links", what)

    # What only one has

    def check_win32(self, path, node, file):
        settable = (node.attributes or 0) & ntfs.SETTABLE
        self.equal(path, "attributes", settable, file.attributes & ntfs.SETTABLE)
        self.equal(path, "descriptor", node.descriptor, self.descriptor(node, file))
        eas = {name: value for name, value in file.eas.items() if name not in OURS}
        for key, value in file.records.items():
            if key.startswith(b"MSWINDOWS.xattr."):
                self.equal(path, "an EA without value", b"", value)
                eas[key[16:]] = value
        self.equal(path, "EAs", node.eas, eas)

    def descriptor(self, node, file):
        """The file's own, or where that could not be set, the record; an empty one says that the
        image has none."""
        said = file.records.get(b"MSWINDOWS.rawsd")
        if said is not None and (self.unprivileged or not node.descriptor):
            return base64.b64decode(said, validate=True)
        return file.descriptor

    def check_posix(self, path, node, file):
        expected = DIRECTORY if node.kind == "dir" else ARCHIVE
        if node.kind == "link":
            self.equal(path, "attributes", 0, file.attributes & ntfs.SETTABLE & ~ARCHIVE)
        elif node.kind not in ntfs.LX_SPECIAL:
            mask = ntfs.SETTABLE | DIRECTORY
            self.equal(path, "attributes", expected, file.attributes & mask)
        number = lambda name: struct.unpack("<I", file.eas[name])[0] if name in file.eas else None
        found = (number(b"$LXUID"), number(b"$LXGID"), number(b"$LXMOD"))
        mode = ntfs.LX_TYPE[node.kind] | node.mode
        self.equal(path, "owner and mode", (node.uid, node.gid, mode), found)
        if node.kind in ("char", "block"):
            device = struct.unpack("<II", file.eas.get(b"$LXDEV", bytes(8)))
            self.equal(path, "$LXDEV", node.device, device)
        xattrs = {}
        for name, value in file.eas.items():
            if name.startswith(b"LX.") and value.startswith(b"lxea"):
                xattrs[name[3:].lower()] = value[4:]
        for key, value in file.records.items():
            if key.startswith(b"SCHILY.xattr."):
                xattrs[key[13:]] = value
        self.equal(path, "xattrs", node.xattrs, xattrs)
        if node.kind == "link":
            text = collapse(names.link_to_windows(node.link), b"\\")
            original = file.records.get(b"CROSSDOCK.link", names.link_to_linux(text))
            self.equal(path, "link led back", node.link, original)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("image", metavar="IMAGE[:/path]")
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument(
        "--small-streams", action="store_true",
        help="streams of more than 64 KiB are not there: they are shown as attributes",
    )
    parser.add_argument(
        "--unprivileged", action="store_true", help="descriptors are in CROSSDOCK"
    )
    options = parser.parse_args()
    image, path = tree.split_spec(options.image)
    folder = os.fsencode(options.folder)
    judge = Judge(tree.load(image), path, folder, options)
    count = judge.compare()
    found = judge.differences.found
    for line in found[:100]:
        print(line)
    if len(found) > 100:
        print(f"and {len(found) - 100} more")
    print(f"{count} entries compared, {len(found)} differences")
    return 1 if found or not count else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (tree.TreeError, tarstream.TarError, OSError, AssertionError) as error:
        sys.exit(f"ntfs_judge.py: {error}")

#!/usr/bin/env python3
"""Compares trees of images, entry by entry.

    compare.py roundtrip A[:/path] B[:/path]    both of one system: everything must be equal
    compare.py crosscopy A:/path B:/path        B holds what A has, as the other system has it

A and B are `DIR[:tag]`, an OCI layout, or the file of a tar. The directories at the paths are not
compared themselves, only what is in them. Prints what differs; exits with 1 if something does.
"""

import argparse
import os
import sys
from collections import defaultdict

import descriptors
import names
import tarstream
import tree
from tree import LINUX, WINDOWS

READONLY, DIRECTORY, ARCHIVE, REPARSE_POINT = 0x1, 0x10, 0x20, 0x400
# Between these a time fits 64 bits of nanoseconds.
EARLIEST, LATEST = -9_214_560_000 * 10**9, 2**63 - 1
LINK_LIMIT = 1024


def show(value):
    """A value in a line of a difference."""
    if isinstance(value, bytes):
        text = value.decode("utf-8", "backslashreplace")
        return repr(text if len(text) < 200 else text[:200] + "…")
    if isinstance(value, dict):
        return "{" + ", ".join(f"{show(k)}: {show(v)}" for k, v in sorted(value.items())) + "}"
    return repr(value)


class Differences:
    """What differs, by path."""

    def __init__(self, ignore=()):
        self._ignore = set(ignore)
        self.found = []

    def equal(self, path, what, a, b):
        if a != b and what not in self._ignore:
            self.add(path, what, f"{show(a)} became {show(b)}")

    def add(self, path, what, message):
        if what not in self._ignore:
            text = b"/".join(path).decode("utf-8", "backslashreplace")
            self.found.append(f"{text!r}: {what}: {message}")


def listing(image_tree, path):
    """The nodes below a path, by their path as a tuple."""
    return dict(tree.walk(image_tree, image_tree.subtree(path)))


def groups(entries):
    """For each path the set of paths that name the same file."""
    by_node = defaultdict(set)
    for path, child in entries.items():
        by_node[id(child.node)].add(path)
    return {path: by_node[id(child.node)] for path, child in entries.items()}


def missing(a, b, differences):
    for path in sorted(a.keys() - b.keys()):
        differences.add(path, "missing", f"a {a[path].node.kind} is gone")
    for path in sorted(b.keys() - a.keys()):
        differences.add(path, "new", f"a {b[path].node.kind} that was not there")
    return sorted(a.keys() & b.keys())


# Round trips

ALWAYS = (
    "kind", "size", "digest", "mode", "uid", "gid", "mtime", "device", "link", "xattrs", "junction",
    "attributes", "descriptor", "created", "eas", "streams",
)


def roundtrip(a_tree, a_path, b_tree, b_path, differences, partial=False):
    """Both trees must hold the same; with `partial`, B may hold more."""
    a, b = listing(a_tree, a_path), listing(b_tree, b_path)
    if partial:
        b = {path: child for path, child in b.items() if path in a}
    for path in missing(a, b, differences):
        one, two = a[path].node, b[path].node
        for what in ALWAYS:
            if one.implied and what == "mtime":
                continue  # It has no entry, so no time.
            differences.equal(path, what, getattr(one, what), getattr(two, what))
        for what in ("accessed", "changed"):
            # A Linux layer without these gets them on Windows; there is nothing to give back.
            if getattr(one, what) is not None:
                differences.equal(path, what, getattr(one, what), getattr(two, what))
        differences.equal(path, "origin", one.origin, two.origin)
        differences.equal(path, "original name", a[path].original, b[path].original)
        differences.equal(path, "original link", one.original_link, two.original_link)
    compare_groups(a, b, {path: path for path in a}, differences)
    return len(a)


def compare_groups(a, b, mapping, differences):
    """Hard links of A are hard links in B, and the reverse."""
    in_a, in_b = groups(a), groups(b)
    back = {mapped: path for path, mapped in mapping.items()}
    done = set()
    for path, mapped in sorted(mapping.items()):
        if mapped not in b or a[path].node.kind == "dir" or path in done:
            continue
        one = in_a[path]
        two = {back[other] for other in in_b[mapped] if other in back}
        done |= one
        if one == two:
            continue
        if two <= one and len(one) > LINK_LIMIT:
            continue  # More names than NTFS allows.
        differences.add(
            path, "hard-links", f"{len(one)} names of one file became {len(two)}"
        )


# Across systems


def match(a, b, to_stored, differences):
    """Pairs of A's and B's paths, found by the names that B's entries stand for."""
    mapping, used = {}, set()
    by_parent = defaultdict(list)
    for path in b:
        by_parent[path[:-1]].append(path)
    for path in sorted(a, key=lambda p: (len(p), p)):
        parent = mapping.get(path[:-1], () if len(path) == 1 else None)
        if parent is None:
            continue
        name = path[-1]
        candidates = [
            other
            for other in by_parent[parent]
            if b[other].original == name
            or (b[other].original is None and other[-1] == to_stored(name))
        ]
        if len(candidates) != 1:
            differences.add(path, "missing", f"{len(candidates)} entries stand for it")
            continue
        mapping[path] = candidates[0]
        used.add(candidates[0])
    return mapping, set(b) - used


def crosscopy(a_tree, a_path, b_tree, b_path, differences, partial=False):
    """B holds what A has, as the other system has it."""
    if a_tree.os == b_tree.os:
        raise tree.TreeError("both images are of the same system")
    a, b = listing(a_tree, a_path), listing(b_tree, b_path)
    to_windows = a_tree.os == LINUX
    to_stored = names.encode if to_windows else stored_linux
    mapping, rest = match(a, b, to_stored, differences)
    if not partial:
        for path in sorted(rest):
            differences.add(path, "new", f"a {b[path].node.kind} that was not there")
    check = linux_to_windows if to_windows else windows_to_linux
    in_b = {}
    for path, mapped in sorted(mapping.items()):
        check_name(path, mapped, b[mapped], to_windows, differences)
        one, two = a[path].node, b[mapped].node
        for what in ("kind", "size", "digest", "mtime", "device", "junction"):
            if one.implied and what == "mtime":
                continue  # It has no entry, so no time.
            differences.equal(path, what, getattr(one, what), getattr(two, what))
        check(path, one, two, differences)
        if to_windows:
            if one.kind == "link":
                check_link_kind((a_tree, a_path, path), (b_tree, b_path, mapped), differences)
            above = b[mapped[:-1]] if mapped[:-1] else b_tree.subtree(b_path)
            in_b.setdefault(id(two), (path, two, above.node))
    for path, node, above in in_b.values():
        # Of a file with several names the first in byte order is the file.
        directory = bool((node.attributes or 0) & DIRECTORY)
        expected = descriptors.inherit(above.descriptor, directory)
        differences.equal(path, "descriptor", expected, node.descriptor)
    compare_groups(a, b, mapping, differences)
    return len(a)


def stored_linux(name):
    return names.decode(name)


def check_name(path, mapped, child, to_windows, differences):
    name, stored = path[-1], mapped[-1]
    if to_windows:
        problem = names.windows_problem(stored)
        if problem:
            differences.add(path, "name", f"{show(stored)}: {problem}")
        gives_back = names.decode(stored) == name
        plain = stored == names.encode(name)
    else:
        if len(stored) > 255:
            differences.add(path, "name", f"{len(stored)} bytes")
        gives_back = names.encode(stored) == name
        plain = stored == names.decode(name)
    if not gives_back and child.original != name:
        differences.add(path, "name", f"{show(stored)} does not lead back")
    renamed = b"~" in stored and child.original == name
    if not plain and not renamed:
        differences.add(path, "name", f"{show(stored)} is not the name that the rules give")


def clamp(time):
    return max(EARLIEST, min(LATEST, time))


def collapse(text, separator):
    """A link's text with doubled separators as one, but for the first character."""
    while separator * 2 in text[1:]:
        text = text[:1] + text[1:].replace(separator * 2, separator)
    return text


def linux_to_windows(path, one, two, differences):
    for what in ("mode", "uid", "gid", "xattrs"):
        differences.equal(path, what, getattr(one, what), getattr(two, what))
    differences.equal(path, "origin", "posix", two.origin)
    if not one.implied:
        differences.equal(path, "mtime within range", clamp(one.mtime), two.stored_mtime)
    if one.created is None and not one.implied:
        differences.equal(path, "created", clamp(one.mtime), two.created)
    for what, time in (("accessed", two.accessed), ("changed", two.changed)):
        if time is None:
            differences.add(path, what, "there is none")
    expected = DIRECTORY if one.kind == "dir" else ARCHIVE
    if one.kind == "link":
        expected = two.attributes  # See check_link_kind.
        check_link(path, one, two, names.link_to_windows, names.link_to_linux, b"\\", differences)
    differences.equal(path, "attributes", expected, two.attributes)
    for what in ("eas", "streams"):
        differences.equal(path, what, {}, getattr(two, what))


def check_link_kind(a, b, differences):
    """A link is one to a directory if it leads to one in B, or nowhere in B and to one in A."""
    found, was = target_of(*b), target_of(*a)
    attributes = target_node(*b).attributes or 0
    directory = attributes == REPARSE_POINT | DIRECTORY
    if not directory and attributes != REPARSE_POINT | ARCHIVE:
        differences.add(a[2], "attributes", f"{attributes:#x} of a link")
    elif found is not None and directory != (found.kind == "dir"):
        differences.add(a[2], "attributes", f"{attributes:#x} of a link to a {found.kind}")
    elif found is None and directory and (was is None or was.kind != "dir"):
        differences.add(a[2], "attributes", f"{attributes:#x} of a link to no directory")


def target_node(image_tree, path, below):
    return image_tree.look_up(b"/".join(below), image_tree.subtree(path).node).node


def target_of(image_tree, path, below):
    """The node that a link leads to, or None."""
    parts = [part for part in path.split(b"/") if part] + list(below)
    return image_tree.resolve(parts)


def windows_to_linux(path, one, two, differences):
    for what in ("attributes", "descriptor", "created", "accessed", "changed", "eas", "streams"):
        differences.equal(path, what, getattr(one, what), getattr(two, what))
    differences.equal(path, "origin", "win32", two.origin)
    mode = 0o777 if one.kind == "link" else 0o755
    if one.kind != "link" and (one.attributes or 0) & READONLY:
        mode = 0o555
    differences.equal(path, "mode", mode, two.mode)
    differences.equal(path, "owner", (0, 0), (two.uid, two.gid))
    differences.equal(path, "xattrs", {}, two.xattrs)
    if one.kind == "link":
        to_linux = lambda text: names.link_to_linux(text) or text
        check_link(path, one, two, to_linux, names.link_to_windows, b"/", differences)


def check_link(path, one, two, translate, back, separator, differences):
    """The text is the translation, and leads back by itself or by its record."""
    expected = collapse(translate(one.link), separator)
    differences.equal(path, "link", expected, collapse(two.link, separator))
    original = two.original_link if two.original_link is not None else back(two.link)
    differences.equal(path, "link led back", one.link, original)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    parser.add_argument("mode", choices=["roundtrip", "crosscopy"])
    parser.add_argument("a", metavar="A")
    parser.add_argument("b", metavar="B")
    parser.add_argument("--os-a", choices=[LINUX, WINDOWS])
    parser.add_argument("--os-b", choices=[LINUX, WINDOWS])
    parser.add_argument(
        "--ignore", action="append", default=[], metavar="WHAT", help="do not compare WHAT"
    )
    parser.add_argument("--partial", action="store_true", help="B may hold more than A")
    parser.add_argument("--subtree", metavar="A=B", help="paths in the images")
    options = parser.parse_args(arguments)
    (a, a_path), (b, b_path) = tree.split_spec(options.a), tree.split_spec(options.b)
    if options.subtree:
        a_path, _, b_path = os.fsencode(options.subtree).partition(b"=")
    differences = Differences(options.ignore)
    compare = roundtrip if options.mode == "roundtrip" else crosscopy
    count = compare(
        tree.load(a, options.os_a), a_path, tree.load(b, options.os_b), b_path,
        differences, options.partial,
    )
    for line in differences.found[:100]:
        print(line)
    if len(differences.found) > 100:
        print(f"and {len(differences.found) - 100} more")
    print(f"{count} entries compared, {len(differences.found)} differences")
    return 1 if differences.found or not count else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (tree.TreeError, tarstream.TarError, OSError) as error:
        sys.exit(f"compare.py: {error}")

#!/usr/bin/env python3
"""The merged tree of a container image, Linux or Windows.

    tree.py IMAGE[:/path]

lists it. IMAGE is the folder of an OCI layout, with `:tag` where it has several images, or the file
of a plain tar. Shares nothing with the product: it is what the product is measured with.
"""

import argparse
import base64
import contextlib
import hashlib
import json
import os
import sys
from dataclasses import dataclass, field
from typing import Optional

import names
import tarstream

LINUX, WINDOWS = "linux", "windows"
KINDS = {b"0": "file", b"2": "link", b"3": "char", b"4": "block", b"5": "dir", b"6": "fifo"}


class TreeError(Exception):
    """An image that cannot be read."""


@dataclass
class Node:
    """A file, whatever its names; two names of one file share a node."""

    kind: str
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    mtime: Optional[int] = None
    stored_mtime: Optional[int] = None
    size: int = 0
    digest: str = ""
    text: bytes = b""
    device: tuple = (0, 0)
    link: bytes = b""
    original_link: Optional[bytes] = None
    origin: str = ""
    xattrs: dict = field(default_factory=dict)
    attributes: Optional[int] = None
    descriptor: bytes = b""
    created: Optional[int] = None
    accessed: Optional[int] = None
    changed: Optional[int] = None
    junction: bool = False
    eas: dict = field(default_factory=dict)
    streams: dict = field(default_factory=dict)
    implied: bool = False
    children: Optional[dict] = None


@dataclass
class Child:
    """A name in a directory."""

    name: bytes
    node: Node
    original: Optional[bytes] = None


def decode_member(member):
    """A node from an entry, with the metadata of both systems."""
    pax = member.pax
    time = lambda key: tarstream.pax_time(pax[key]) if key in pax else None
    node = Node(
        kind=KINDS[member.type],
        mode=member.mode & 0o7777,
        uid=member.uid,
        gid=member.gid,
        mtime=member.mtime,
        stored_mtime=member.mtime,
        link=member.link if member.type == b"2" else b"",
        original_link=pax.get(b"CROSSDOCK.link"),
        origin=pax.get(b"CROSSDOCK.origin", b"").decode(),
        descriptor=base64.b64decode(pax.get(b"MSWINDOWS.rawsd", b""), validate=True),
        created=time(b"LIBARCHIVE.creationtime"),
        accessed=time(b"atime"),
        changed=time(b"ctime"),
        junction=b"MSWINDOWS.mountpoint" in pax,
    )
    if node.kind == "file":
        node.size, node.digest, node.text = member.size, member.digest, member.text
    if node.kind in ("char", "block"):
        node.device = member.device
    if node.kind == "dir":
        node.children = {}
    if b"MSWINDOWS.fileattr" in pax:
        node.attributes = int(pax[b"MSWINDOWS.fileattr"])
    if b"CROSSDOCK.mtime" in pax:
        node.mtime = tarstream.pax_time(pax[b"CROSSDOCK.mtime"])
    for key, value in pax.items():
        if key.startswith(b"SCHILY.xattr."):
            node.xattrs[key[13:]] = value
        elif key.startswith(b"MSWINDOWS.xattr."):
            node.eas[key[16:]] = base64.b64decode(value, validate=True)
        elif key.startswith(b"CROSSDOCK.stream."):
            content = base64.b64decode(value, validate=True)
            name = names.unescape(key[17:])
            node.streams[name] = (len(content), hashlib.sha256(content).hexdigest())
    return node


class Tree:
    """Layers stacked one after the other."""

    def __init__(self, os_name):
        self.os = os_name
        self.root = Node(kind="dir", implied=True, children={})

    # Names

    def _key(self, name):
        return names.upcase(name) if self.os == WINDOWS else name

    def get(self, node, name):
        """The child of a directory, or None."""
        return (node.children or {}).get(self._key(name))

    def look_up(self, path, node=None):
        """What lies at a path, links not followed: a Child or None."""
        child = Child(b"", node or self.root)
        for name in _parts(path):
            child = self.get(child.node, name)
            if child is None:
                return None
        return child

    def resolve(self, parts, depth=0):
        """What lies at a path as programs in the image see it, links followed, or None."""
        view = self.look_up(b"Files") if self.os == WINDOWS else Child(b"", self.root)
        if depth > 40 or view is None:
            return None
        stack = [view.node]
        for at, name in enumerate(parts):
            if name in (b"", b"."):
                continue
            if name == b"..":
                stack = stack[:-1] or [view.node]
                continue
            child = self.get(stack[-1], name)
            if child is None:
                return None
            if child.node.kind != "link":
                stack.append(child.node)
                continue
            link = self._link_parts(child.node.link)
            if link is None:
                return None
            start = self._path_of(stack) if link[0] != b"" else []
            return self.resolve(start + link + list(parts[at + 1 :]), depth + 1)
        return stack[-1]

    def _link_parts(self, text):
        """The components of a link's text, the first empty if it is absolute; None if it leads out."""
        if self.os == LINUX:
            return text.split(b"/")
        text = text[4:] if text.startswith(b"\\\\?\\") else text
        text = text[2:] if text[:3].upper() == b"C:\\" else text
        if text.startswith(b"\\\\") or text[1:2] == b":":
            return None
        return text.split(b"\\")

    def _path_of(self, stack):
        path = []
        for parent, node in zip(stack, stack[1:]):
            path.append(next(c.name for c in parent.children.values() if c.node is node))
        return path

    def subtree(self, path):
        """The child at a path as a program in the image sees it."""
        if self.os == WINDOWS:
            path = b"Files/" + path.lstrip(b"/")
        child = self.look_up(path)
        if child is None:
            raise TreeError(f"no {path!r} in the image")
        return child

    # Layers

    def add_layer(self, stream):
        """Puts a layer on top: first what it removes, then what it adds."""
        members = list(tarstream.read(stream))
        if self.os == WINDOWS:
            self._add_windows(members)
        else:
            self._add_linux(members)

    def _add_linux(self, members):
        rest = []
        for member in members:
            parts = _parts(member.name)
            if parts and parts[-1].startswith(b".wh."):
                self._whiteout(parts)
            else:
                rest.append((parts, member))
        for parts, member in rest:
            if not parts:
                self._replace_directory(Child(b"", self.root), member)
                continue
            parent = self._parent(parts[:-1])
            if member.type == b"1":
                target = _parts(member.link)
                holder = self._parent(target[:-1], make=False) if target else None
                child = self.get(holder, target[-1]) if holder else None
                if child is None:
                    raise TreeError(f"{member.name!r} links to {member.link!r}, which is not there")
                self._bind(parent, parts[-1], child.node, member)
            else:
                self._put(parent, parts[-1], member)

    def _parent(self, parts, make=True):
        """The directory at a path, links on the way followed, made where it is missing."""
        node, path = self.root, []
        pending = list(parts)
        for _ in range(10_000):
            if not pending:
                return node
            name = pending.pop(0)
            if name in (b"", b"."):
                continue
            if name == b"..":
                path = path[:-1]
                node = self.look_up(b"/".join(path)).node
                continue
            child = self.get(node, name)
            if child is None:
                if not make:
                    return None
                child = Child(name, Node(kind="dir", implied=True, children={}))
                node.children[self._key(name)] = child
            if child.node.kind == "link" and self.os == LINUX:
                if child.node.link.startswith(b"/"):
                    node, path = self.root, []
                pending = child.node.link.split(b"/") + pending
                continue
            if child.node.kind != "dir":
                raise TreeError(f"{b'/'.join(parts)!r} leads through a {child.node.kind}")
            node, path = child.node, path + [name]
        raise TreeError(f"{b'/'.join(parts)!r} leads in circles")

    def _whiteout(self, parts):
        parent = self._parent(parts[:-1], make=False)
        if parent is None:
            return
        if parts[-1] == b".wh..wh..opq" and self.os == LINUX:
            parent.children.clear()
        else:
            parent.children.pop(self._key(parts[-1][4:]), None)

    def _put(self, parent, name, member):
        old = self.get(parent, name)
        if member.type == b"5" and old is not None and old.node.kind == "dir":
            self._replace_directory(old, member)
        else:
            self._bind(parent, name, decode_member(member), member)

    def _replace_directory(self, child, member):
        new = decode_member(member)
        if self.os == WINDOWS and not new.descriptor:
            # A higher entry without a descriptor does not remove the lower one's.
            new.descriptor = child.node.descriptor
        new.children = child.node.children
        child.node.__dict__.update(new.__dict__)
        child.original = member.pax.get(b"CROSSDOCK.name", child.original)

    def _bind(self, parent, name, node, member):
        key = self._key(name)
        old = parent.children.get(key)
        spelling = old.name if old else name
        parent.children[key] = Child(spelling, node, member.pax.get(b"CROSSDOCK.name"))

    def _add_windows(self, members):
        links = [m for m in members if m.type == b"1"]
        # Hard links see the parent layers as they were before this layer's whiteouts.
        below = {m.name: self.look_up(m.link) for m in links}
        for member in members:
            parts = _parts(member.name)
            if parts[-1].startswith(b".wh."):
                self._whiteout(parts)
        own = {}
        for member in members:
            parts = _parts(member.name)
            if parts[-1].startswith(b".wh.") or member.type == b"1":
                continue
            head, colon, stream = parts[-1].partition(b":")
            if colon:
                owner = own[self._path_key(parts[:-1] + [head])]
                owner.streams[stream] = (member.size, member.digest)
                continue
            parent = self._parent(parts[:-1])
            self._put(parent, parts[-1], member)
            own[self._path_key(parts)] = self.get(parent, parts[-1]).node
        self._windows_links(links, below, own)

    def _windows_links(self, links, below, own):
        left = links
        while left:
            later = []
            targets = {self._path_key(_parts(m.name)) for m in left}
            for member in left:
                target = self._path_key(_parts(member.link))
                node = own.get(target)
                if node is None and target not in targets and below[member.name]:
                    node = below[member.name].node
                if node is None:
                    later.append(member)
                    continue
                parts = _parts(member.name)
                own[self._path_key(parts)] = node
                self._bind(self._parent(parts[:-1]), parts[-1], node, member)
            if len(later) == len(left):
                raise TreeError(f"{later[0].name!r} links to {later[0].link!r}, which is nowhere")
            left = later

    def _path_key(self, parts):
        return tuple(self._key(part) for part in parts)


def _parts(path):
    return [part for part in path.split(b"/") if part not in (b"", b".")]


def walk(tree, child, path=()):
    """All children below a directory, sorted, each with its path as a tuple of names."""
    for below in sorted((child.node.children or {}).values(), key=lambda c: c.name):
        yield path + (below.name,), below
        yield from walk(tree, below, path + (below.name,))


# Layouts


def _blob(layout, descriptor):
    digest = descriptor["digest"]
    path = os.path.join(layout, "blobs", *digest.split(":"))
    actual = hashlib.sha256()
    with open(path, "rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            actual.update(part)
    if f"sha256:{actual.hexdigest()}" != digest or os.path.getsize(path) != descriptor["size"]:
        raise TreeError(f"{path}: its digest or size is another")
    return path


def _load(path):
    with open(path, "rb") as file:
        return json.load(file)


def _version(descriptor):
    text = descriptor.get("platform", {}).get("os.version", "")
    return [int(part) for part in text.split(".") if part.isdigit()]


def pick(layout, tag, os_name, arch="amd64"):
    """The manifest and config of an image, the newest where several `os.version`s fit."""
    found = _load(os.path.join(layout, "index.json"))["manifests"]
    if tag:
        key = "org.opencontainers.image.ref.name"
        found = [d for d in found if d.get("annotations", {}).get(key) == tag]
    while True:
        fits = []
        for descriptor in found:
            platform = descriptor.get("platform")
            wrong = platform and (
                (os_name and platform["os"] != os_name) or platform["architecture"] != arch
            )
            if not wrong:
                fits.append(descriptor)
        if not fits:
            raise TreeError(f"{layout}: no image {tag or ''} for {os_name or 'any'}/{arch}")
        document = _load(_blob(layout, max(fits, key=_version)))
        if "manifests" not in document:
            return document, _load(_blob(layout, document["config"]))
        found = document["manifests"]


def load(spec, os_name=None):
    """The tree of `DIR[:tag]` or of the file of a tar; a tar is Linux unless the OS is given."""
    if os.path.isfile(spec):
        tree = Tree(os_name or LINUX)
        with contextlib.closing(tarstream.open_plain(spec)) as stream:
            tree.add_layer(stream)
        return tree
    layout, tag = spec, ""
    if not os.path.isdir(layout):
        layout, _, tag = spec.rpartition(":")
    manifest, config = pick(layout, tag, os_name)
    tree = Tree(config["os"])
    diff_ids = config["rootfs"]["diff_ids"]
    if len(diff_ids) != len(manifest["layers"]):
        raise TreeError(f"{spec}: {len(diff_ids)} diff ids, {len(manifest['layers'])} layers")
    for layer, diff_id in zip(manifest["layers"], diff_ids):
        stream = _Summed(tarstream.open_plain(_blob(layout, layer)))
        tree.add_layer(stream)
        if stream.finish() != diff_id:
            raise TreeError(f"{layer['digest']}: its diff id is not {diff_id}")
    return tree


class _Summed:
    def __init__(self, inner):
        self._inner = inner
        self._digest = hashlib.sha256()

    def read(self, size):
        data = self._inner.read(size)
        self._digest.update(data)
        return data

    def finish(self):
        while self.read(1 << 20):
            pass
        self._inner.close()
        return "sha256:" + self._digest.hexdigest()


def split_spec(spec):
    """`IMAGE:/path` in its two parts."""
    image, colon, path = spec.partition(":/")
    return image, os.fsencode("/" + path) if colon else b"/"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", metavar="IMAGE[:/path]")
    parser.add_argument("--os", choices=[LINUX, WINDOWS])
    arguments = parser.parse_args()
    image, path = split_spec(arguments.image)
    tree = load(image, arguments.os)
    for path, child in walk(tree, tree.subtree(path)):
        node = child.node
        text = b"/".join(path).decode("utf-8", "backslashreplace")
        arrow = f" -> {node.link.decode('utf-8', 'backslashreplace')}" if node.link else ""
        print(f"{node.kind:5} {node.mode:04o} {node.uid}:{node.gid} {node.size:>9} {text}{arrow}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (TreeError, tarstream.TarError, OSError) as error:
        sys.exit(f"tree.py: {error}")

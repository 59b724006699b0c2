#!/usr/bin/env python3
"""Whether a listing of the product is the tree of an image.

    crossdock ls -R --format json IMAGE / | listed.py LAYOUT[:TAG]

Every path must be there once, with its kind, size, owner, mode, time and link as tree.py reads them
out of the layers. Names of Windows are as programs see them.
"""

import base64
import json
import sys
from datetime import datetime, timezone

import names
import tree

KINDS = {
    "file": ["file"],
    "dir": ["directory"],
    "link": ["symbolic_link", "junction"],
    "char": ["character_device"],
    "block": ["block_device"],
    "fifo": ["named_pipe"],
}


def seconds(text):
    """Nanoseconds since 1970 of a time as RFC 3339 has it."""
    whole, _, rest = text.rstrip("Z").partition(".")
    moment = datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return int(moment.timestamp()) * 10**9 + int((rest or "0").ljust(9, "0")[:9])


def wanted(image, is_windows):
    """What must be listed, by path."""
    found = {}
    for path, child in tree.walk(image, image.subtree(b"/")):
        node = child.node
        if is_windows:
            key = b"C:\\" + b"\\".join(names.decode(part) for part in path)
        else:
            key = b"/" + b"/".join(path)
        found[key] = node
    return found


def differences(row, node, is_windows):
    if row["kind"] not in KINDS[node.kind]:
        yield f"is a {row['kind']}, not a {node.kind}"
    if node.kind == "file" and row["size"] != node.size:
        yield f"has {row['size']} bytes, not {node.size}"
    if node.implied:
        return
    if not is_windows:
        if row["mode"] != f"{node.mode:04o}" or (row["uid"], row["gid"]) != (node.uid, node.gid):
            owner = f"{node.mode:04o} {node.uid}:{node.gid}"
            yield f"is {row['mode']} {row['uid']}:{row['gid']}, not {owner}"
        if node.kind == "link":
            coded = row.get("link_target_base64")
            text = base64.b64decode(coded) if coded else row["link_target"].encode()
            if text != node.link:
                yield f"leads to {text!r}, not {node.link!r}"
    if node.mtime is not None and seconds(row["modified"]) != node.mtime:
        yield f"was changed at {row['modified']}, not {node.mtime}"


def main():
    layout = sys.argv[1]
    image = tree.load(layout)
    is_windows = image.os == tree.WINDOWS
    expected = wanted(image, is_windows)
    problems = []
    seen = set()
    for line in sys.stdin.buffer:
        row = json.loads(line)
        coded = row.get("path_base64")
        path = base64.b64decode(coded) if coded else row["path"].encode()
        if path in seen:
            problems.append(f"{path!r} is listed twice")
        seen.add(path)
        node = expected.get(path)
        if node is None:
            problems.append(f"{path!r} is not in the image")
            continue
        problems += [f"{path!r} {text}" for text in differences(row, node, is_windows)]
    problems += [f"{path!r} is not listed" for path in sorted(set(expected) - seen)]
    print(f"{len(seen)} listed, {len(expected)} in the image")
    for problem in problems[:20]:
        print(problem)
    if problems or not seen:
        sys.exit(1)


if __name__ == "__main__":
    main()

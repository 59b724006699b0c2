"""What was built, as lines that can be compared and read.

A config is the lines `platform`, `author`, then those of its "config" (one for each variable,
label, port, volume and trigger), then `history`: `+ TEXT` made a layer, `- TEXT` did not.
"""

import json
import os
import re
import sys

import lines

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import tarstream  # noqa: E402
import tree  # noqa: E402


class ResultError(Exception):
    """A result that is not an image."""


LISTS = {"Env": "env", "OnBuild": "onbuild"}
MAPS = {"Labels": "label"}
SETS = {"ExposedPorts": "expose", "Volumes": "volume"}
PLAIN = {"WorkingDir": "workdir", "User": "user", "StopSignal": "stopsignal"}
JSON = {"Entrypoint": "entrypoint", "Cmd": "cmd", "Shell": "shell", "Healthcheck": "healthcheck"}


def config_lines(config, restore):
    """The lines of a config document."""
    parts = [config.get("os", ""), config.get("architecture", ""), config.get("variant", "")]
    platform = "/".join(part for part in parts if part)
    found = [" ".join(filter(None, ["platform", platform, config.get("os.version", "")]))]
    if config.get("author"):
        found.append(f"author {lines.encode_word(config['author'])}")
    inner = config.get("config") or {}
    for key, name in LISTS.items():
        found += [f"{name} {lines.encode_word(value)}" for value in inner.get(key) or []]
    for key, name in MAPS.items():
        for label, value in sorted((inner.get(key) or {}).items()):
            found.append(f"{name} {lines.encode_word(label)}={lines.encode_word(value)}")
    for key, name in SETS.items():
        found += [f"{name} {lines.encode_word(value)}" for value in sorted(inner.get(key) or {})]
    for key, name in PLAIN.items():
        if inner.get(key):
            found.append(f"{name} {lines.encode_word(inner[key])}")
    for key, name in JSON.items():
        if inner.get(key):
            text = json.dumps(inner[key], ensure_ascii=False, sort_keys=True)
            found.append(f"{name} {text}")
    known = LISTS.keys() | MAPS.keys() | SETS.keys() | PLAIN.keys() | JSON.keys()
    for key in sorted(inner.keys() - known):
        if inner[key]:
            found.append(f"other {key} {json.dumps(inner[key], sort_keys=True)}")
    made = 0
    for record in config.get("history") or []:
        empty = record.get("empty_layer", False)
        made += not empty
        found.append(f"{'-' if empty else '+'} {created_by(record.get('created_by', ''))}")
    layers = len(config["rootfs"].get("diff_ids") or [])
    if made != layers:
        found.append(f"layers {layers}")
    return [restore(line) for line in found]


def created_by(text):
    """A record's text without what builders put around it."""
    text = re.sub(r"^/bin/sh -c #\(nop\) *", "", text)
    text = re.sub(r" *# buildkit$", "", text)
    text = text.strip()
    return text if text.isprintable() else json.dumps(text, ensure_ascii=False)


def tree_entries(stacked):
    """The entries of a merged tree by path; of a file's names the first is the file."""
    found, names = {}, {}
    for parts, child in tree.walk(stacked, tree.Child(b"", stacked.root)):
        path, node = "/" + os.fsdecode(b"/".join(parts)), child.node
        first = names.setdefault(id(node), path)
        if first != path:
            found[path] = lines.Entry("hard", target=first)
            continue
        found[path] = lines.Entry(
            kind=node.kind,
            mode=node.mode,
            uid=node.uid,
            gid=node.gid,
            time=lines.NONE if node.implied else node.mtime,
            size=node.size,
            digest=node.digest,
            text=node.text,
            target=os.fsdecode(node.link),
            device=node.device,
            xattrs={os.fsdecode(key): value for key, value in node.xattrs.items()},
        )
        if node.kind == "link":
            found[path].mode = 0o777
    return found


class Result:
    """An image: the lines of its config and the entries of its tree."""

    def __init__(self, config, entries):
        self.config, self.entries = config, entries


def read_layout(folder, restore, started=None):
    """The images of an OCI layout, or of a `dir:` of containers/image, by platform."""
    if os.path.exists(os.path.join(folder, "index.json")):
        load = lambda digest: os.path.join(folder, "blobs", *digest.split(":"))
        pending = _json(os.path.join(folder, "index.json"))["manifests"]
    else:
        load = lambda digest: os.path.join(folder, digest.split(":")[1])
        return _image(_json(os.path.join(folder, "manifest.json")), load, restore, started)
    found = {}
    while pending:
        document = _json(load(pending.pop(0)["digest"]))
        if "manifests" in document:
            pending += document["manifests"]
        else:
            found |= _image(document, load, restore, started)
    return found


def _json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _image(manifest, load, restore, started):
    config = _json(load(manifest["config"]["digest"]))
    if config.get("os") == "unknown":
        return {}
    stacked = tree.Tree(config["os"])
    layers, diff_ids = manifest["layers"] or [], config["rootfs"].get("diff_ids") or []
    if len(layers) != len(diff_ids):
        raise ResultError("the numbers of layers in the manifest and in the config are not equal")
    for layer in layers:
        stream = tarstream.open_plain(load(layer["digest"]))
        try:
            stacked.add_layer(stream)
        finally:
            stream.close()
    entries = tree_entries(stacked)
    for entry in entries.values():
        if started is not None and isinstance(entry.time, int) and entry.time >= started:
            entry.time = lines.NOW
    parts = [config["os"], config["architecture"], config.get("variant", "")]
    platform = "/".join(part for part in parts if part)
    if config.get("os.version"):
        platform = platform.replace("/", f"({config['os.version']})/", 1)
    return {platform: Result(config_lines(config, restore), entries)}


def apply(base, changes):
    """The entries of a base with an expected tree's changes."""
    entries = dict(base)
    for path, entry in changes:
        if entry.kind in ("gone", "file", "link", "hard", "fifo", "char", "block"):
            for below in [key for key in entries if key.startswith(path + "/")]:
                del entries[below]
        if entry.kind == "gone":
            if entries.pop(path, None) is None:
                raise ResultError(f"{path} is not in the base")
        elif entry.kind == "time":
            entries[path] = lines.Entry(**{**vars(entries[path]), "time": entry.time})
        else:
            entries[path] = entry
    return entries


def changes(base, entries):
    """The reverse of `apply`: what is other than in a base."""
    found = []
    for path in sorted(base.keys() | entries.keys(), key=os.fsencode):
        old, new = base.get(path), entries.get(path)
        if new is None:
            above = path.rpartition("/")[0]
            replaced = above in entries and entries[above].kind != "dir"
            if not replaced and (above in entries or above == ""):
                found.append((path, lines.Entry("gone")))
        elif old is None or not alike(old, new):
            if old and old.kind == new.kind == "dir" and not entry_differences(old, new, ["time"]):
                new = lines.Entry("time", time=new.time)
            found.append((path, new))
    return found


FIELDS = ("kind", "mode", "uid", "gid", "time", "content", "target", "device", "xattrs")


def value(entry, name):
    """A field as it stands in a report."""
    if name == "time":
        return lines.encode_time(entry.time)
    if name == "mode":
        return f"{entry.mode:04o}"
    if name == "content":
        return lines.encode_content(entry) if entry.kind == "file" else "none"
    if name == "xattrs":
        pairs = sorted(entry.xattrs.items())
        return ",".join(f"{k}={lines.encode_value(v)}" for k, v in pairs) or "none"
    return str(getattr(entry, name)) or "none"


def entry_differences(expected, actual, but=()):
    """The fields in which two entries differ, as `FIELD EXPECTED -> ACTUAL`."""
    found = []
    for name in FIELDS:
        if name in but:
            continue
        if name == "content" and expected.kind == actual.kind == "file":
            if (expected.size, expected.digest) == (actual.size, actual.digest):
                continue
        one, other = value(expected, name), value(actual, name)
        if one != other:
            found.append(f"{name} {one} -> {other}")
        if name == "kind" and found:
            return found
    return found


def alike(one, other):
    """Whether two entries are the same."""
    return not entry_differences(one, other)


def keywords(config):
    """The lines of a config, of the history only the instructions."""
    return [re.sub(r"^([+-] \S+).*", r"\1", line) for line in config]


def compare(expected, actual, with_tree=True):
    """The differences of two results, each a line; an expected directory has a slash behind it."""
    found = []
    for line in _minus(expected.config, actual.config):
        found.append(f"config - {line}")
    for line in _minus(actual.config, expected.config):
        found.append(f"config + {line}")
    if not found and expected.config != actual.config:
        found.append("config: the same lines in another order")
    if not with_tree:
        return found
    for path in sorted(expected.entries.keys() | actual.entries.keys(), key=os.fsencode):
        one, other = expected.entries.get(path), actual.entries.get(path)
        word = lines.encode_word(path) + ("/" if one and one.kind == "dir" else "")
        if other is None:
            found.append(f"{word} missing")
        elif one is None:
            found.append(f"{word} extra: {lines.encode(path, other)}")
        else:
            found += [f"{word} {text}" for text in entry_differences(one, other)]
    return found


def _minus(one, other):
    rest = list(other)
    left = []
    for line in one:
        if line in rest:
            rest.remove(line)
        else:
            left.append(line)
    return left

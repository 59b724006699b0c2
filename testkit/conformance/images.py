"""The base images: a file in `images/` for each, made into blobs that `serve.Server` serves.

Sections, each begun by a line `-- WORDS --`:

    -- image OS/ARCH[/VARIANT] [OS.VERSION] --    begins an image; several make an index
    -- config --                                  its "config", as JSON
    -- author --                                  its author
    -- layer CREATED_BY --                        a layer, its entries as in `lines.py`
    -- empty CREATED_BY --                        a history record without a layer
"""

import dataclasses
import gzip
import hashlib
import io
import json
import tarfile

import lines
import sections

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CREATED = "2000-01-01T00:00:00Z"

KINDS = {
    "dir": tarfile.DIRTYPE,
    "file": tarfile.REGTYPE,
    "link": tarfile.SYMTYPE,
    "hard": tarfile.LNKTYPE,
    "fifo": tarfile.FIFOTYPE,
    "char": tarfile.CHRTYPE,
    "block": tarfile.BLKTYPE,
}


def tar_of(entries, leading=""):
    """The bytes of a tar with these entries, as their lines have them."""
    buffer = io.BytesIO()
    known = {}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path, entry in entries:
            info = tarfile.TarInfo(leading + path)
            info.type = KINDS[entry.kind]
            if entry.kind == "hard":
                # Another name's entry says of the file what the first one says.
                target = entry.target
                entry = dataclasses.replace(known[target], target=target, text=None)
            known[path] = entry
            info.mode, info.uid, info.gid = entry.mode, entry.uid, entry.gid
            info.devmajor, info.devminor = entry.device
            info.linkname = entry.target
            if entry.kind == "dir":
                info.name += "/"
            if isinstance(entry.time, int):
                seconds, fraction = divmod(entry.time, 10**9)
                info.mtime = seconds
                if fraction:
                    info.pax_headers["mtime"] = f"{seconds}.{fraction:09}"
            for key, value in entry.xattrs.items():
                info.pax_headers["SCHILY.xattr." + key] = value.decode("utf-8", "surrogateescape")
            content = entry.text or b""
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


class Images:
    """Blobs by digest, and names: what a registry is."""

    def __init__(self):
        self.blobs = {}  # digest: (media type, bytes)
        self.names = {}  # (repository, tag): digest
        self.trees = {}  # (repository, platform): [layer entries]
        self.configs = {}  # (repository, platform): config document

    def _blob(self, media_type, content):
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.blobs[digest] = (media_type, content)
        return {"mediaType": media_type, "digest": digest, "size": len(content)}

    def _document(self, media_type, document):
        return self._blob(media_type, json.dumps(document, sort_keys=True).encode())

    def add(self, name, text):
        """Makes the image or the index that a file describes."""
        images = []
        for section in sections.read(text, name):
            kind, rest = section.words[0], section.words[1:]
            if kind == "image":
                images.append({"platform": rest, "config": {}, "steps": [], "author": None})
            elif kind == "config":
                images[-1]["config"] = json.loads(section.text)
            elif kind == "author":
                images[-1]["author"] = section.text.strip()
            elif kind in ("layer", "empty"):
                entries = lines.decode_all(section.text) if kind == "layer" else None
                images[-1]["steps"].append((" ".join(rest), entries))
            else:
                raise ValueError(f"{name}: no section {kind!r}")
        manifests = [self._image(name, image) for image in images]
        if len(manifests) == 1:
            descriptor = manifests[0]
        else:
            index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
            descriptor = self._document(INDEX, index)
        self.names[(name, "1")] = descriptor["digest"]

    def _image(self, name, image):
        os_name, arch, *variant = image["platform"][0].split("/")
        platform = {"os": os_name, "architecture": arch}
        if variant:
            platform["variant"] = variant[0]
        if len(image["platform"]) > 1:
            platform["os.version"] = image["platform"][1]
        layers, diff_ids, history, trees = [], [], [], []
        for created_by, entries in image["steps"]:
            record = {"created": CREATED, "created_by": created_by}
            if entries is None:
                record["empty_layer"] = True
            else:
                tar = tar_of(entries)
                trees.append(tar)
                diff_ids.append("sha256:" + hashlib.sha256(tar).hexdigest())
                layers.append(self._blob(LAYER, gzip.compress(tar, mtime=0)))
            history.append(record)
        config = {
            **platform,
            "created": CREATED,
            "config": image["config"],
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": history,
        }
        if image["author"]:
            config["author"] = image["author"]
        key = (name, "/".join([os_name, arch, *variant]))
        self.trees[key], self.configs[key] = trees, config
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._document(CONFIG, config),
            "layers": layers,
        }
        return {**self._document(MANIFEST, manifest), "platform": platform}

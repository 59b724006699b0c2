"""The images that the benchmark builds from: made once, kept in a folder, pushed to a registry.

`linux` is a Debian made by debootstrap, in three layers by package, `windows` a generated image in four.
`linux-big` and `windows-big` have one layer of 1 GB, `windows-small` is a target of next to nothing.
"""

import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

# Raised when the images would come out different: then they are made again.
VERSION = 1
SUITE = "bookworm"
PACKAGES = {
    "runtime": ["ca-certificates", "locales", "perl", "python3", "vim-runtime"],
    "development": ["g++", "gcc", "git", "libicu-dev", "python3-dev"],
}
# As slim images do; and `pod` lies beside `Pod`, which no Windows image can hold.
LEFT_OUT = [
    "boot", "dev", "proc", "run", "sys", "tmp", "debootstrap",
    "usr/share/doc", "usr/share/man", "usr/share/perl/5.36.0/pod",
    "var/cache/apt", "var/lib/apt/lists", "var/log",
]
LINUX_SOURCE = "/usr/share"
WINDOWS_SOURCE = "/Program Files/Product"

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class Missing(Exception):
    """Something is not there, with the words to tell the user."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(*command, **options):
    subprocess.run([str(part) for part in command], check=True, **options)


class Bases:
    """A folder of OCI layouts, the files of what is new in the builds, and `bases.json`."""

    def __init__(self, folder, facts):
        self.folder, self.facts = folder, facts

    def layout(self, name):
        return self.folder / name

    def layers(self, name):
        """The files of an image's layers, lowest first."""
        manifest = json.loads(self.blob(name, self.entry(name)).read_text())
        return [self.blob(name, layer) for layer in manifest["layers"]]

    def entry(self, name):
        return json.loads((self.layout(name) / "index.json").read_text())["manifests"][0]

    def blob(self, name, descriptor):
        return self.layout(name) / "blobs" / descriptor["digest"].replace(":", "/")

    def push(self, host, name, repository):
        """Sends an image to a registry that asks for no login, under the tag latest."""
        entry = self.entry(name)
        document = self.blob(name, entry).read_bytes()
        manifest = json.loads(document)
        for blob in [manifest["config"], *manifest["layers"]]:
            with self.blob(name, blob).open("rb") as content:
                upload(host, repository, blob, content)
        headers = {"Content-Type": entry["mediaType"]}
        request(host, "PUT", f"/v2/{repository}/manifests/latest", document, headers, 201)


def upload(host, repository, blob, content):
    answer = request(host, "POST", f"/v2/{repository}/blobs/uploads/", b"", {}, 202)
    place = answer.getheader("Location")
    place = place.split(host, 1)[-1]
    place += ("&" if "?" in place else "?") + "digest=" + blob["digest"]
    headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob["size"])}
    request(host, "PUT", place, content, headers, 201)


def request(host, method, path, body, headers, wanted):
    connection = http.client.HTTPConnection(host, timeout=300)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status != wanted:
        raise Missing(f"the registry answers {answer.status} to {method} {path}: {text[:200]!r}")
    return answer


def prepare(folder, fixtures):
    """Makes what is not there yet. Making the Debian needs root."""
    done = folder / "bases.json"
    if done.exists() and (facts := json.loads(done.read_text())).get("version") == VERSION:
        return Bases(folder, facts)
    if os.geteuid() != 0:
        raise Missing(
            f"there are no images in {folder}, and debootstrap needs root to make them: "
            "run `bench/bench.py --prepare` once as root with the same BENCH_DIR"
        )
    for tool in ("debootstrap", "tar", "gzip"):
        if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin"):
            raise Missing(f"{tool} is not installed; it is needed to make the images")
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    scratch = folder / "scratch"
    scratch.mkdir()
    root = scratch / "root"
    debian(root)
    say("bases: Debian's layers")
    tars = split(root, scratch)
    layout(folder / "linux", tars, scratch)
    big = scratch / "big.tar"
    tar(root, big, ".", "--transform", "s,^\\.,./one,")
    tar(root, big, "usr/lib", "--append", "--transform", "s,^usr,./two,")
    layout(folder / "linux-big", [big], scratch)
    say("bases: Windows")
    make = [fixtures, "windows-large", "--content", big]
    run(*make, folder / "windows")
    run(*make, folder / "windows-big", "--files", 8000, "--one-layer")
    run(*make, folder / "windows-small", "--files", 50, "--megabytes", 1, "--one-layer")
    tar(root, folder / "new-linux.tar", LINUX_SOURCE[1:])
    facts = {"version": VERSION}
    bases = Bases(folder, facts)
    with (folder / "new-windows.tar").open("wb") as new:
        run("gzip", "-dc", bases.layers("windows")[2], stdout=new)
    facts |= {
        "linux-file": one_file(bases, "linux-big", "./two/lib/python3.11/", "./"),
        "windows-file": one_file(bases, "windows-big", "Files/Windows/WinSxS/Update/", "Files/"),
        "sizes": {name: sizes(bases, name) for name in ("linux", "windows", "linux-big", "windows-big")},
    }
    shutil.rmtree(scratch)
    done.write_text(json.dumps(facts, indent=1))
    run("chmod", "-R", "a+rX", folder)
    return bases


def mirror():
    """The Debian archive that this host takes its packages from, or DEBIAN_MIRROR."""
    if address := os.environ.get("DEBIAN_MIRROR"):
        return address
    for file in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        for line in file.read_text().splitlines() if file.is_file() else []:
            for word in line.split() if line.startswith(("deb ", "URIs:")) else []:
                if word.rstrip("/").endswith("/debian"):
                    return word
    raise Missing("apt's sources name no Debian archive; set DEBIAN_MIRROR to the address of one")


def debian(root):
    say("bases: a Debian by debootstrap")
    wanted = ",".join(PACKAGES["runtime"] + PACKAGES["development"])
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    with (root.parent / "debootstrap.log").open("w") as log:
        command = ["debootstrap", "--variant=minbase", f"--include={wanted}", SUITE, root, mirror()]
        try:
            run(*command, stdout=log, stderr=log, env=os.environ | {"PATH": path})
        except subprocess.CalledProcessError as error:
            raise Missing(f"debootstrap failed; see {log.name}") from error
    for place in LEFT_OUT:
        shutil.rmtree(root / place, ignore_errors=True)
    # The archive's address is the host's business.
    (root / "etc/apt/sources.list").unlink(missing_ok=True)


def split(root, scratch):
    """A tar for what is in the smallest system, and one for each set of packages on top."""
    packages = {path.name.split(".list")[0] for path in (root / "var/lib/dpkg/info").glob("*.list")}
    text = (root / "var/lib/dpkg/status").read_text()
    first, later = set(), {"runtime": set(), "development": set()}
    fields = [dict(line.split(": ", 1) for line in part.splitlines() if ": " in line and line[0] != " ")
              for part in text.split("\n\n") if part.strip()]
    depends = {f["Package"]: names(f.get("Depends", "") + "," + f.get("Pre-Depends", "")) for f in fields}
    first = closure(depends, [f["Package"] for f in fields if f.get("Priority") in ("required", "important")])
    first |= closure(depends, ["apt"])
    later["runtime"] = closure(depends, PACKAGES["runtime"]) - first
    later["development"] = set(depends) - first - later["runtime"]
    lists = {"runtime": set(), "development": set()}
    for name, owners in later.items():
        for package in packages:
            if package.split(":")[0] in owners:
                for path in (root / f"var/lib/dpkg/info/{package}.list").read_text().splitlines():
                    # /lib and the like are links to /usr/lib.
                    merged = path.startswith(("/lib", "/bin", "/sbin"))
                    path = ("usr" if merged else "") + path
                    path = path.lstrip("/")
                    if path != "." and (root / path).is_symlink() or (root / path).is_file():
                        lists[name].add(path)
    lists["runtime"] -= lists["development"]
    everything = set()
    for folder, directories, files in os.walk(root):
        inner = os.path.relpath(folder, root)
        everything.update(os.path.normpath(f"{inner}/{name}") for name in files + directories)
    base = everything - lists["runtime"] - lists["development"]
    tars = []
    for name, paths in [("base", base), *lists.items()]:
        file = scratch / f"{name}.tar"
        with_parents = set(paths)
        for path in paths:
            while path := os.path.dirname(path):
                with_parents.add(path)
        (scratch / f"{name}.list").write_text("".join(f"./{path}\0" for path in sorted(with_parents)))
        tar(root, file, "--null", "--no-recursion", "--files-from", scratch / f"{name}.list")
        tars.append(file)
    return tars


def names(depends):
    """The first of each list of alternatives."""
    return [part.split("|")[0].split("(")[0].split(":")[0].strip() for part in depends.split(",")]


def closure(depends, wanted):
    found, left = set(), list(wanted)
    while left:
        name = left.pop()
        if name in depends and name not in found:
            found.add(name)
            left += depends[name]
    return found


def tar(root, file, *options):
    mode = [] if "--append" in options else ["--create"]
    run("tar", *mode, "--file", file, "--directory", root, "--format=posix", "--numeric-owner",
        "--sort=name", "--pax-option=delete=atime,delete=ctime", *options)


def digest(file):
    hashed = hashlib.sha256()
    with file.open("rb") as content:
        while piece := content.read(1 << 20):
            hashed.update(piece)
    return "sha256:" + hashed.hexdigest()


def layout(folder, tars, scratch):
    """An OCI layout of an image for linux/amd64."""
    blobs = folder / "blobs/sha256"
    blobs.mkdir(parents=True)

    def keep(file, media_type):
        name = digest(file)
        size = file.stat().st_size
        file.rename(blobs / name.split(":")[1])
        return {"mediaType": media_type, "digest": name, "size": size}

    def document(value, media_type):
        file = scratch / "document"
        file.write_text(json.dumps(value))
        return keep(file, media_type)

    layers, diff_ids = [], []
    for file in tars:
        diff_ids.append(digest(file))
        packed = scratch / "packed"
        with packed.open("wb") as target:
            run("gzip", "-n", "-6", "-c", file, stdout=target)
        layers.append(keep(packed, GZIP_LAYER))
    platform = {"architecture": "amd64", "os": "linux"}
    config = platform | {
        "config": {"Cmd": ["bash"], "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": [{"created_by": file.stem} for file in tars],
    }
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                "config": document(config, CONFIG), "layers": layers}
    entry = document(manifest, MANIFEST) | {"platform": platform}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


def one_file(bases, name, folder, prefix):
    """A file of about 30 KB far behind the beginning of the layer, as a path in the image."""
    with tarfile.open(bases.layers(name)[0], "r|gz") as archive:
        for member in archive:
            if member.isreg() and member.name.startswith(folder) and 28_000 < member.size < 34_000:
                return "/" + member.name.removeprefix(prefix)
    raise Missing(f"{name} has no file of about 30 KB in {folder}")


def sizes(bases, name):
    files = bases.layers(name)
    entries = inflated = 0
    for file in files:
        with tarfile.open(file, "r|gz") as archive:
            for _ in archive:
                # Its memory of all members is of no use here.
                archive.members = []
                entries += 1
            inflated += archive.offset
    compressed = sum(file.stat().st_size for file in files)
    return {"layers": len(files), "compressed": compressed, "inflated": inflated, "entries": entries}

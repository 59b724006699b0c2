"""A case: one text file of sections (`sections.py`), written out as contexts and served files.

Input:

    -- options --               a word and a value on each line, see `OPTIONS`
    -- Dockerfile [FLAG…] --    the Dockerfile, a file of the context
    -- file PATH [MODE] [FLAG…] --
    -- context [NAME] --        lines of `lines.py`; files that follow are of the context NAME
    -- tar PATH --              a tar in the context of these lines, compressed as its name says
    -- http PATH [HEADER=VALUE…] --   a file under @http@/
    -- servedtar PATH [HEADER=VALUE…] --   the same, a tar of these lines
    -- git NAME --              a repository @git@/NAME.git: lines, `commit TEXT`, `tag`, `branch NAME`

Expected: either

    -- config [PLATFORM] --     lines of `result.py`
    -- tree [PLATFORM] BASE --  lines of what is other than in the image BASE, or `scratch`

(of an only platform it may be the base's alone that is named)

or `-- error --`, each line a part of the message that crossdock must end with.

FLAGs of files: `marks` (␠ is a space, ␉ a tab, ␍ a carriage return, ␀ no line end), `bom`, `crlf`,
`unended` (without the last line end). `@NAME@` is the reference of the base image NAME, `@host@` the
loopback server's host and port.
"""

import bz2
import gzip
import lzma
import os
import re
import socket
import subprocess
import zlib

import images
import lines
import sections

OPTIONS = {
    "build-arg": "NAME=VALUE",
    "target": "STAGE",
    "platform": "PLATFORM[,PLATFORM…]",
    "build-context": "NAME=folder:CONTEXT or NAME=docker-image://@NAME@ and what else there is",
    "context": "URL of the main context",
    "dockerfile": "PATH in the context",
    "reference": "buildkit if buildah cannot build it, none if neither can",
    "compare": "config if trees are not comparable",
}
FLAGS = ("marks", "bom", "crlf", "unended")
GIT_DATE = "2001-02-03T04:05:06+00:00"


class CaseError(Exception):
    """A case that is not written as it should be."""


class Case:
    """A case as it was read."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.basename(path)[: -len(".case")]
        with open(path, encoding="utf-8", newline="") as file:
            self.text = file.read()
        # A file of another case with the same name, size and time would be taken for this one's
        # by BuildKit, which keeps what it was sent: `src` is another time in each case.
        nanoseconds = 10**8 + zlib.crc32(self.name.encode()) % (3 * 10**8)
        self.source_time = lines.NAMED_TIMES["src"] // 10**9 * 10**9 + nanoseconds
        self.options, self.inputs = [], []
        self.configs, self.trees, self.errors = {}, {}, []
        for section in sections.read(self.text, self.name):
            self._section(section)
        for key, _ in self.options:
            if key not in OPTIONS:
                raise CaseError(f"{self.name}: no option {key!r}")

    def _section(self, section):
        kind, *words = section.words
        if kind == "options":
            rows = (line.split(None, 1) for line in section.text.splitlines() if line.strip())
            self.options += [(row[0], row[1] if len(row) > 1 else "") for row in rows]
        elif kind in ("Dockerfile", "file", "context", "tar", "http", "servedtar", "git"):
            self.inputs.append((kind, words, section.text))
        elif kind == "config":
            rows = [line for line in section.text.splitlines() if line.strip()]
            self.configs[words[0] if words else ""] = rows
        elif kind == "tree":
            platform = words[0] if len(words) > 1 else ""
            self.trees[platform] = (words[-1], lines.decode_all(section.text))
        elif kind == "error":
            self.errors = [line for line in section.text.splitlines() if line.strip()]
            if not self.errors:
                raise CaseError(f"{self.name}: an error must say something")
        else:
            raise CaseError(f"{self.name}:{section.line}: no section {kind!r}")

    def all(self, key):
        """The values of an option that may be repeated."""
        return [value for name, value in self.options if name == key]

    def one(self, key, default=None):
        """The value of an option."""
        values = self.all(key)
        return values[-1] if values else default

    def platforms(self):
        """The platforms that are asked for, `""` if none is."""
        return self.one("platform", "").split(",")

    def prepare(self, folder, server):
        """Writes the contexts below a folder, and gives the server what it serves for this case."""
        context = "context"
        stamps = {}
        os.makedirs(os.path.join(folder, context))
        for kind, words, text in self.inputs:
            text = server.replace(text, self.name)
            root = os.path.join(folder, context)
            if kind == "context":
                if words:
                    context = words[0]
                    root = os.path.join(folder, context)
                    os.makedirs(root, exist_ok=True)
                for path, entry in lines.decode_all(text):
                    if entry.time == lines.NAMED_TIMES["src"]:
                        entry.time = self.source_time
                    write_entry(root, path, entry, stamps)
            elif kind in ("Dockerfile", "file"):
                path = "Dockerfile" if kind == "Dockerfile" else words.pop(0)
                mode = int(words.pop(0), 8) if words and words[0].isdigit() else 0o644
                entry = lines.Entry("file", mode, 0, 0, self.source_time)
                entry.text = with_flags(text, words)
                write_entry(root, path, entry, stamps)
            elif kind == "tar":
                entry = lines.Entry("file", 0o644, 0, 0, self.source_time)
                entry.text = compress(words[0], images.tar_of(lines.decode_all(text)))
                write_entry(root, words[0], entry, stamps)
            elif kind in ("http", "servedtar"):
                path, *rest = [word.replace("␠", " ") for word in words]
                headers = dict(word.split("=", 1) for word in rest)
                tar = kind == "servedtar"
                content = text.encode()
                if tar:
                    content = compress(path, images.tar_of(lines.decode_all(text)))
                server.files[f"/http/{self.name}/{path}"] = (content, headers)
            elif kind == "git":
                make_repository(os.path.join(folder, "git", words[0]), text, self.name)
                server.folders[f"/git/{self.name}/{words[0]}.git"] = os.path.join(
                    folder, "git", words[0], ".git"
                )
        for name in [c for c in os.listdir(folder) if c != "git"]:
            stamp_folders(os.path.join(folder, name), stamps, self.source_time)


def with_flags(text, flags):
    """A file's bytes."""
    for flag in flags:
        if flag not in FLAGS:
            raise CaseError(f"no flag {flag!r}")
    if "unended" in flags:
        text = text.removesuffix("\n")
    if "crlf" in flags:
        text = text.replace("\n", "\r\n")
    if "marks" in flags:
        text = re.sub("␀\r?\n", "", text)
        text = text.replace("␠", " ").replace("␉", "\t").replace("␍", "\r")
    return (b"\xef\xbb\xbf" if "bom" in flags else b"") + text.encode("utf-8", "surrogateescape")


def compress(name, content):
    """Compresses a tar as the end of its name says."""
    if name.endswith(".gz"):
        return gzip.compress(content, mtime=0)
    if name.endswith(".bz2"):
        return bz2.compress(content)
    if name.endswith(".xz"):
        return lzma.compress(content)
    if name.endswith(".zst"):
        done = subprocess.run(["zstd", "-qc"], input=content, capture_output=True, check=True)
        return done.stdout
    return content


def write_entry(root, path, entry, stamps):
    """Makes a file of the context on the host."""
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    if entry.kind == "dir":
        os.makedirs(full, exist_ok=True)
    elif entry.kind == "file":
        with open(full, "wb") as file:
            file.write(entry.text or b"")
    elif entry.kind == "link":
        os.symlink(entry.target, full)
    elif entry.kind == "hard":
        os.link(os.path.join(root, entry.target), full)
        return
    elif entry.kind == "fifo":
        os.mkfifo(full)
    elif entry.kind == "sock":
        make_socket(full)
    else:
        raise CaseError(f"{path}: a context cannot have a {entry.kind}")
    if (entry.uid or entry.gid) and os.geteuid() == 0:
        os.chown(full, entry.uid, entry.gid, follow_symlinks=False)
    if entry.kind != "link":
        os.chmod(full, entry.mode)
    for key, value in entry.xattrs.items():
        os.setxattr(full, key, value, follow_symlinks=False)
    if entry.kind == "dir":
        stamps[full] = entry.time
    else:
        os.utime(full, ns=(entry.time, entry.time), follow_symlinks=False)


def make_socket(path):
    """A socket, by a short name: those of sockets are limited."""
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
    finally:
        os.close(folder)


def stamp_folders(root, stamps, default):
    """Sets the times of all folders, which writing into them has changed."""
    for folder, _, _ in os.walk(root, topdown=False):
        time = stamps.get(folder, default)
        os.utime(folder, ns=(time, time))


def make_repository(folder, text, author):
    """A git repository whose commits have the same hashes everywhere.

    BuildKit knows commits by their hash alone: another author makes them another case's.
    """
    environment = {key: os.environ[key] for key in ("PATH",)} | {
        "HOME": folder,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": author,
        "GIT_AUTHOR_EMAIL": "author@example.com",
        "GIT_AUTHOR_DATE": GIT_DATE,
        "GIT_COMMITTER_NAME": "Author",
        "GIT_COMMITTER_EMAIL": "author@example.com",
        "GIT_COMMITTER_DATE": GIT_DATE,
    }

    def git(*words):
        command = ["git", "-C", folder, *words]
        done = subprocess.run(command, env=environment, capture_output=True)
        if done.returncode != 0:
            raise CaseError(f"git {' '.join(words)}: {done.stderr.decode(errors='replace')}")

    os.makedirs(folder)
    git("init", "-q", "-b", "main")
    git("config", "core.symlinks", "true")
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "commit":
            git("add", "-A")
            git("commit", "-q", "-m", rest)
        elif word == "tag":
            git("tag", "-a", "-m", rest, rest)
        elif word == "branch":
            git("checkout", "-q", "-b", rest)
        elif word == "checkout":
            git("checkout", "-q", rest)
        elif word:
            path, entry = lines.decode(line)
            write_entry(folder, path, entry, {})
    git("config", "http.uploadpack", "true")
    git("config", "uploadpack.allowAnySHA1InWant", "true")

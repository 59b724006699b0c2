#!/usr/bin/env python3
"""Puts what was built into archives, with what belongs beside it, and writes SHA256SUMS.

Called by build.sh with the folders of targets, such as target/x86_64-pc-windows-gnu. Names, order, owners, modes
and times in the archives depend on the sources alone.
"""

import argparse
import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
SHELLS = {"bash": "crossdock", "zsh": "_crossdock", "fish": "crossdock.fish"}


def made_by(program):
    """What the program writes for packages: manual pages and completion scripts."""
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "man", "--out", folder], check=True)
        for page in Path(folder).iterdir():
            files[f"share/man/man1/{page.name}"] = page.read_bytes()
    places = {
        "bash": "share/bash-completion/completions",
        "zsh": "share/zsh/site-functions",
        "fish": "share/fish/vendor_completions.d",
    }
    for shell, name in SHELLS.items():
        script = subprocess.run([program, "completion", shell], check=True, stdout=subprocess.PIPE).stdout
        files[f"{places[shell]}/{name}"] = script
    return files


def text(path):
    return (SOURCE / path).read_bytes()


def of_linux(build):
    program = build / "dist/crossdock"
    files = made_by(program)
    files["bin/crossdock"] = program.read_bytes()
    files["LICENSE"] = text("LICENSE")
    files["README.md"] = text("README.md")
    return files


def of_windows(build):
    # Notepad of older systems shows text without carriage returns as one line.
    crlf = lambda path: text(path).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return {
        "crossdock.exe": (build / "dist/crossdock.exe").read_bytes(),
        "LICENSE.txt": crlf("LICENSE"),
        "README.md": crlf("README.md"),
        "windows.md": crlf("docs/windows.md"),
        "completion/crossdock.ps1": crlf("crates/cli/src/completion/powershell.ps1"),
        "check-windows.ps1": crlf("release/check-windows.ps1"),
    }


def mode(name):
    return 0o755 if name.endswith(("bin/crossdock", ".exe")) else 0o644


def write_tar(path, top, files, epoch):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size, member.mode, member.mtime = len(content), mode(name), epoch
            tar.addfile(member, io.BytesIO(content))
    path.write_bytes(gzip.compress(packed.getvalue(), 9, mtime=0))


def write_zip(path, top, files, epoch):
    # ZIP knows no time before 1980.
    moment = time.gmtime(max(epoch, 315532800))[:6]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted(files.items()):
            member = zipfile.ZipInfo(f"{top}/{name}", moment)
            member.external_attr = (0o100000 | mode(name)) << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, content)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", required=True)
    parser.add_argument("--epoch", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("builds", type=Path, nargs="+")
    given = parser.parse_args()
    for build in given.builds:
        architecture = build.name.split("-")[0]
        if "windows" in build.name:
            top = f"crossdock-{given.version}-windows-{architecture}"
            path = given.out / f"{top}.zip"
            write_zip(path, top, of_windows(build), given.epoch)
        else:
            top = f"crossdock-{given.version}-linux-{architecture}"
            path = given.out / f"{top}.tar.gz"
            write_tar(path, top, of_linux(build), given.epoch)
        print(f"{path} ({path.stat().st_size:,} bytes)")
    # Those of an earlier run for another target too.
    archives = sorted(given.out.glob(f"crossdock-{given.version}-*"))
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in archives]
    (given.out / "SHA256SUMS").write_text("".join(sums))


if __name__ == "__main__":
    sys.exit(main())

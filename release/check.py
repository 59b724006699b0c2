#!/usr/bin/env python3
"""Checks what build.sh made: release/check.py FOLDER [AGAIN]

AGAIN is what a second build made, in another place, of both systems or of one: its archives must be
the same bytes.
"""

import hashlib
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import unittest
import zipfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
FOLDER = AGAIN = None

# Every Windows from Server 2016 on has these; what is not here would have to come with us.
SYSTEM_DLLS = {
    "advapi32.dll", "bcrypt.dll", "bcryptprimitives.dll", "crypt32.dll", "kernel32.dll", "msvcrt.dll", "ncrypt.dll", "ntdll.dll",
    "ole32.dll", "psapi.dll", "secur32.dll", "shell32.dll", "user32.dll", "userenv.dll", "ws2_32.dll",
}  # fmt: skip


class Pe:
    """As much of a Windows executable as is asked here (Microsoft's "PE Format")."""

    def __init__(self, data):
        self.data = data
        (start,) = struct.unpack_from("<I", data, 0x3C)
        assert data[start : start + 4] == b"PE\0\0"
        self.machine, count = struct.unpack_from("<HH", data, start + 4)
        (self.time,) = struct.unpack_from("<I", data, start + 8)
        (size,) = struct.unpack_from("<H", data, start + 20)
        optional = start + 24
        assert struct.unpack_from("<H", data, optional)[0] == 0x20B, "it is not for 64 bits"
        self.subsystem, self.characteristics = struct.unpack_from("<HH", data, optional + 68)
        self.directories = [struct.unpack_from("<II", data, optional + 112 + 8 * at) for at in range(16)]
        self.sections = {}
        for at in range(count):
            header = optional + size + 40 * at
            name = data[header : header + 8].rstrip(b"\0").decode()
            self.sections[name] = struct.unpack_from("<IIII", data, header + 8)

    def offset(self, address):
        for virtual_size, start, size, place in self.sections.values():
            if start <= address < start + max(virtual_size, size):
                return address - start + place
        raise AssertionError(f"{address:#x} is in no section")

    def dlls(self):
        at = self.offset(self.directories[1][0])
        found = set()
        while any(self.data[at : at + 20]):
            name = self.offset(struct.unpack_from("<I", self.data, at + 12)[0])
            found.add(self.data[name : self.data.index(0, name)].decode().lower())
            at += 20
        return found

    def manifest(self):
        """The resource of type 24 with the name 1, in whichever language."""
        root = self.offset(self.directories[2][0])
        place = root
        for wanted in (24, 1, None):
            named, ids = struct.unpack_from("<HH", self.data, place + 12)
            entries = [struct.unpack_from("<II", self.data, place + 16 + 8 * at) for at in range(named + ids)]
            (found,) = [to for key, to in entries if wanted is None or key == wanted]
            place = root + (found & 0x7FFFFFFF)
        address, size = struct.unpack_from("<II", self.data, place)
        start = self.offset(address)
        return self.data[start : start + size]


def paths_of_this_machine():
    home = Path.home()
    found = {str(SOURCE), os.environ.get("CARGO_HOME", str(home / ".cargo"))}
    found.add(os.environ.get("CARGO_TARGET_DIR", str(SOURCE / "target")))
    return [path.encode() for path in found if len(path) > 4]


def refuse_everything(server, context):
    """An https server that has nothing."""
    while True:
        try:
            connection, _ = server.accept()
            with context.wrap_socket(connection, server_side=True) as stream:
                stream.recv(65536)
                stream.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        except ssl.SSLError:
            pass
        except OSError:
            if server.fileno() < 0:
                return


def only(pattern):
    (found,) = FOLDER.glob(pattern)
    return found


class Sums(unittest.TestCase):
    def test_sums(self):
        lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
        self.assertEqual(len(lines), 2)
        for line in lines:
            digest, name = line.split("  ")
            self.assertEqual(hashlib.sha256((FOLDER / name).read_bytes()).hexdigest(), digest, name)

    @unittest.skipIf(len(sys.argv) < 3, "there is no second build")
    def test_a_second_build_is_the_same(self):
        for line in (AGAIN / "SHA256SUMS").read_text().splitlines():
            self.assertIn(line, (FOLDER / "SHA256SUMS").read_text().splitlines())


class Windows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with zipfile.ZipFile(only("*-windows-*.zip")) as archive:
            cls.files = {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}
        cls.program = Pe(cls.files["crossdock.exe"])

    def test_what_is_in_the_archive(self):
        for name in ("LICENSE.txt", "README.md", "windows.md", "completion/crossdock.ps1", "check-windows.ps1"):
            self.assertTrue(self.files[name], name)

    def test_only_dlls_of_the_system(self):
        found = {name for name in self.program.dlls() if not name.startswith(("api-ms-win-", "ext-ms-win-"))}
        self.assertEqual(found - SYSTEM_DLLS, set())
        self.assertIn("kernel32.dll", found)

    def test_manifest(self):
        manifest = self.program.manifest()
        self.assertEqual(manifest, (SOURCE / "crates/cli/crossdock.exe.manifest").read_bytes())
        for wanted in (b'level="asInvoker"', b">true</longPathAware>", b">UTF-8</activeCodePage>", b"8e0f7a12-"):
            self.assertIn(wanted, manifest)

    def test_header(self):
        self.assertEqual(self.program.machine, 0x8664)
        self.assertEqual(self.program.subsystem, 3, "a program of the console")
        self.assertEqual(self.program.time, 0, "the time of linking")
        # Addresses by chance, high ones too; no execution of data.
        self.assertEqual(self.program.characteristics & 0x160, 0x160)

    def test_nothing_is_left_of_this_machine(self):
        for path in paths_of_this_machine():
            self.assertNotIn(path, self.files["crossdock.exe"], path)
        debug = [name for name in self.program.sections if name.startswith(".debug") or name.startswith("/")]
        self.assertEqual(debug, [])


class Linux(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tarfile.open(only("*-linux-*.tar.gz")) as archive:
            members = [member for member in archive if member.isfile()]
            cls.files = {member.name.split("/", 1)[1]: archive.extractfile(member).read() for member in members}
            cls.modes = {member.name.split("/", 1)[1]: member.mode for member in members}
        cls.program = cls.files["bin/crossdock"]

    def test_what_is_in_the_archive(self):
        for name in (
            "LICENSE", "README.md", "share/man/man1/crossdock.1", "share/man/man1/crossdock-build.1",
            "share/bash-completion/completions/crossdock", "share/zsh/site-functions/_crossdock",
            "share/fish/vendor_completions.d/crossdock.fish",
        ):  # fmt: skip
            self.assertTrue(self.files[name], name)
        self.assertEqual(self.modes["bin/crossdock"], 0o755)

    def test_static(self):
        offset, entry_size, count = struct.unpack_from("<Q14xHH", self.program, 32)
        kinds = [struct.unpack_from("<I", self.program, offset + entry_size * at)[0] for at in range(count)]
        self.assertNotIn(3, kinds, "PT_INTERP: it needs a loader")

    def test_nothing_is_left_of_this_machine(self):
        for path in paths_of_this_machine():
            self.assertNotIn(path, self.program, path)
        self.assertNotIn(b".debug_info\0", self.program)

    def setUp(self):
        self.root = tempfile.TemporaryDirectory()
        self.addCleanup(self.root.cleanup)

    def run_in_an_empty_root(self, *arguments, **variables):
        program = Path(self.root.name) / "crossdock"
        if not program.exists():
            program.write_bytes(self.program)
            program.chmod(0o755)
        command = ["unshare", "--map-root-user", "chroot", self.root.name, "/crossdock", "--root", "/store", *arguments]
        environment = {"PATH": os.environ["PATH"], **variables}
        ran = subprocess.run(command, capture_output=True, text=True, env=environment)
        if "unshare" in ran.stderr:
            self.skipTest(f"this user may not make a namespace: {ran.stderr.strip()}")
        return ran

    def test_in_an_empty_root(self):
        self.assertTrue(self.run_in_an_empty_root("--version").stdout.startswith("crossdock "))
        ran = self.run_in_an_empty_root("images")
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        ran = self.run_in_an_empty_root("pull", "registry.invalid/a")
        self.assertEqual(ran.returncode, 4, ran)
        self.assertIn("registry.invalid", ran.stderr)

    def test_authorities(self):
        """Where there are none it says so; a file of them in the variable is enough."""
        if shutil.which("openssl") is None:
            self.skipTest("there is no openssl to make a certificate with")
        with tempfile.TemporaryDirectory() as folder:
            key, certificate = f"{folder}/key.pem", f"{folder}/cert.pem"
            # Of its own configuration: the usual one makes a certificate of an authority.
            configuration = "[req]\ndistinguished_name=name\n[name]\n[own]\nsubjectAltName=IP:127.0.0.1\n"
            Path(f"{folder}/req.cnf").write_text(configuration)
            command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -extensions own"
            command = [*command.split(), "-config", f"{folder}/req.cnf", "-keyout", key, "-out", certificate]
            subprocess.run(command, check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            shutil.copy(certificate, self.root.name)
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=refuse_everything, args=(server, context), daemon=True).start()
            name = f"127.0.0.1:{server.getsockname()[1]}/a"
            ran = self.run_in_an_empty_root("pull", name)
            self.assertIn("no certificate authorities were found on this machine", ran.stderr)
            ran = self.run_in_an_empty_root("pull", name, SSL_CERT_FILE="/cert.pem")
            self.assertIn("the registry does not have it", ran.stderr)
            self.assertNotIn("certificate", ran.stderr)


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    FOLDER = Path(sys.argv[1])
    AGAIN = Path(sys.argv[2]) if len(sys.argv) == 3 else None
    unittest.main(argv=sys.argv[:1])

"""Tests of what the product is tested with."""

import base64
import contextlib
import hashlib
import io
import os
import tempfile
import unittest

import compare
import descriptors
import names
import tarstream
import tree


def record(key, value):
    rest = len(key) + len(value) + 3
    length = rest
    while length != rest + len(str(length)):
        length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, key, value)


def header(name, kind, size=0, link=b"", mode=0o644, mtime=0, uid=0):
    block = bytearray(512)

    def put(at, data):
        block[at : at + len(data)] = data

    put(0, name[:100])
    put(100, b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, uid, 0, size, mtime))
    put(148, b"        ")
    put(156, kind + link[:100])
    put(257, b"ustar\x0000")
    put(148, b"%06o\0 " % sum(block))
    return bytes(block)


def padded(data):
    return data + bytes(-len(data) % 512)


def entry(name, kind=b"0", content=b"", link=b"", pax=None, **fields):
    out = b""
    if pax:
        body = b"".join(record(k, v) for k, v in pax.items())
        out += header(b"pax", b"x", len(body)) + padded(body)
    return out + header(name, kind, len(content), link, **fields) + padded(content)


def tar(*entries):
    return io.BytesIO(b"".join(entries) + bytes(1024))


def stack(os_name, *layers):
    result = tree.Tree(os_name)
    for layer in layers:
        result.add_layer(tar(*layer))
    return result


def lines(result, path=b"/"):
    return [
        f"{child.node.kind} {b'/'.join(path).decode('utf-8', 'backslashreplace')}"
        for path, child in tree.walk(result, result.subtree(path))
    ]


def sha(content):
    return hashlib.sha256(content).hexdigest()


def d(name, **fields):
    return entry(name, b"5", **fields)


class Names(unittest.TestCase):
    PAIRS = [
        (b"gcc-10-base:amd64.list", "gcc-10-base\uf03aamd64.list"),
        (b"a*b?", "a\uf02ab\uf03f"),
        (b"back\\slash", "back\uf05cslash"),
        (b"trail.", "trail\uf02e"),
        (b"trail ", "trail\uf020"),
        (b"\t", "\uf009"),
        (b'"|<>', "\uf022\uf07c\uf03c\uf03e"),
        (b"\xff\xfe", "\uf0ff\uf0fe"),
        ("\uf03a".encode(), "\uf0ef\uf080\uf0ba"),
        (b"plain", "plain"),
        ("日本語 \U0001f600".encode(), "日本語 \U0001f600"),
        (b"...", "..\uf02e"),
    ]

    def test_pairs(self):
        for linux, windows in self.PAIRS:
            self.assertEqual(names.encode(linux), windows.encode(), linux)
            self.assertEqual(names.decode(windows.encode()), linux, windows)
            self.assertIsNone(names.windows_problem(windows.encode()))

    def test_names_that_do_not_come_from_linux_stay(self):
        for windows in ("\uf041", "\uf02ea", "a\uf02f"):
            self.assertEqual(names.decode(windows.encode()), windows.encode())

    def test_links(self):
        for linux, windows in [
            (b"../usr/lib/os-release", b"..\\usr\\lib\\os-release"),
            (b"/usr/lib64", b"\\usr\\lib64"),
            (b"//a/b", b"\\a\\b"),
            (b"a:b", "a\uf03ab".encode()),
            (b"./a/", b".\\a\\"),
            (b"/", b"\\"),
        ]:
            self.assertEqual(names.link_to_windows(linux), windows)
        for windows, linux in [
            (b"C:\\bin\\b.exe", b"/bin/b.exe"),
            (b"c:\\", b"/"),
            (b"\\a", b"/a"),
            (b"..\\a", b"../a"),
            (b"D:\\a", None),
            (b"\\\\srv\\s", None),
            (b"\\\\?\\C:\\a", b"/a"),
            (b"\\\\?\\Volume{0}\\", None),
        ]:
            self.assertEqual(names.link_to_linux(windows), linux)


class Descriptors(unittest.TestCase):
    """Vectors of the specification, and one entry of each kind."""

    def test_tables(self):
        for descriptor, size in [(descriptors.FILE, 124), (descriptors.DIRECTORY, 216)]:
            self.assertEqual(len(descriptor), size)
            self.assertEqual(descriptors.inherit(b"", size == 216), descriptor)

    def check(self, directory, parent, expected):
        parent = descriptors.build(0x8004, [descriptors.ace(0, *ace) for ace in parent])
        expected = [descriptors.ace(0, *ace) for ace in expected]
        found = descriptors.inherit(parent, directory)
        self.assertEqual(found, descriptors.build(0x8404, expected))

    def test_inheritance(self):
        users, owner, admins = (
            descriptors.USERS, descriptors.CREATOR_OWNER, descriptors.ADMINISTRATORS
        )
        self.check(False, [(3, 1, users), (2, 1, users)], [(0x10, 1, users)])
        self.check(True, [(3, 1, users)], [(0x13, 1, users)])
        self.check(True, [(1, 1, users)], [(0x19, 1, users)])
        self.check(True, [(7, 1, users)], [(0x10, 1, users)])
        self.check(False, [(9, 0x10000000, users)], [(0x10, 0x1F01FF, users)])
        self.check(
            True,
            [(11, 0x10000000, owner)],
            [(0x10, 0x1F01FF, admins), (0x1B, 0x10000000, owner)],
        )


class Tars(unittest.TestCase):
    def one(self, *entries):
        return next(tarstream.read(tar(*entries)))

    def test_times(self):
        for text, value in [(b"0", 0), (b"-1.5", -1500000000), (b"1.000000005", 1000000005)]:
            self.assertEqual(tarstream.pax_time(text), value)

    def test_long_names_and_records(self):
        long = b"n" * 300
        gnu = header(b"././@LongLink", b"L", 301) + padded(long + b"\0")
        self.assertEqual(self.one(gnu, entry(b"short")).name, long)
        pax = {b"path": long, b"uid": b"3000000000", b"mtime": b"-0.000000001"}
        member = self.one(entry(b"short", pax=pax))
        self.assertEqual((member.name, member.uid, member.mtime), (long, 3000000000, -1))

    def test_sparse(self):
        block = bytearray(header(b"s", b"S", 3))
        block[386:410] = b"%011o\0%011o\0" % (100, 3)
        block[483:495] = b"%011o\0" % 200
        member = self.one(bytes(block), padded(b"abc"))
        self.assertEqual((member.size, member.digest), (200, sha(bytes(100) + b"abc" + bytes(97))))

    def test_cut(self):
        whole = entry(b"a", content=b"x" * 600)
        with self.assertRaises(tarstream.TarError):
            list(tarstream.read(io.BytesIO(whole[:-200])))


class LinuxTrees(unittest.TestCase):
    def test_whiteouts(self):
        lower = [d(b"d/"), entry(b"d/a"), d(b"d/s/"), entry(b"d/s/b"), entry(b"x")]
        upper = [entry(b"d/new"), entry(b"d/.wh..wh..opq"), d(b"d/s/"), entry(b".wh.x")]
        self.assertEqual(lines(stack("linux", lower, upper)), ["dir d", "file d/new", "dir d/s"])

    def test_links_on_the_way(self):
        lower = [d(b"usr/"), d(b"usr/bin/"), entry(b"bin", b"2", link=b"usr/bin")]
        upper = [entry(b"bin/x"), entry(b"y", b"1", link=b"bin/x"), entry(b"a/b/c")]
        result = stack("linux", lower, upper)
        expected = ["dir a", "dir a/b", "file a/b/c", "link bin", "dir usr", "dir usr/bin"]
        self.assertEqual(lines(result), expected + ["file usr/bin/x", "file y"])
        self.assertIs(result.look_up(b"y").node, result.look_up(b"usr/bin/x").node)
        self.assertEqual(result.resolve([b"bin", b"x"]).kind, "file")

    def test_replacement(self):
        lower = [d(b"a/"), entry(b"a/x"), entry(b"b"), d(b"c/"), entry(b"c/x")]
        upper = [entry(b"a"), d(b"b/"), d(b"c/", mode=0o700)]
        result = stack("linux", lower, upper)
        self.assertEqual(lines(result), ["file a", "dir b", "dir c", "file c/x"])
        self.assertEqual(result.look_up(b"c").node.mode, 0o700)

    def test_carriers(self):
        stream = base64.b64encode(b"content")
        pax = {
            b"CROSSDOCK.origin": b"win32",
            b"CROSSDOCK.stream.a%3Db": stream,
            b"MSWINDOWS.fileattr": b"33",
            b"SCHILY.xattr.user.x": b"\0=",
        }
        node = stack("linux", [entry(b"f", pax=pax)]).look_up(b"f").node
        self.assertEqual(node.streams, {b"a=b": (7, sha(b"content"))})
        self.assertEqual((node.attributes, node.origin), (33, "win32"))
        self.assertEqual(node.xattrs, {b"user.x": b"\0="})


class WindowsTrees(unittest.TestCase):
    def test_hard_links(self):
        lower = [
            d(b"Files"),
            entry(b"Files/forward", b"1", link=b"Files/z"),
            entry(b"Files/z", content=b"z"),
            entry(b"Files/case", b"1", link=b"FILES/Z"),
        ]
        upper = [
            d(b"Files"),
            entry(b"Files/.wh.z"),
            entry(b"Files/rescued", b"1", link=b"Files/z"),
        ]
        result = stack("windows", lower, upper)
        self.assertEqual(lines(result), ["file case", "file forward", "file rescued"])
        nodes = {id(child.node) for _, child in tree.walk(result, result.subtree(b"/"))}
        self.assertEqual(len(nodes), 1)

    def test_link_cycle(self):
        cycle = [
            entry(b"Files/a", b"1", link=b"Files/B"),
            entry(b"Files/b", b"1", link=b"Files/A"),
        ]
        with self.assertRaises(tree.TreeError):
            stack("windows", [d(b"Files")] + cycle)

    def test_case_and_streams(self):
        lower = [d(b"Files"), d(b"Files/inf"), entry(b"Files/inf/a")]
        upper = [d(b"Files"), d(b"Files/INF"), entry(b"Files/INF/A", content=b"new")]
        upper += [entry(b"Files/INF/A:s", content=b"stream")]
        result = stack("windows", lower, upper)
        self.assertEqual(lines(result), ["dir inf", "file inf/a"])
        node = result.look_up(b"Files/Inf/a").node
        self.assertEqual((node.size, node.streams), (3, {b"s": (6, sha(b"stream"))}))


class Comparisons(unittest.TestCase):
    """Each pair of trees is written as tars; `expected` are parts of the differences."""

    def check(self, mode, a, b, expected, os_a="linux", os_b="linux"):
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in ("a", "b")]
            for path, layer in zip(paths, (a, b)):
                with open(path, "wb") as file:
                    file.write(tar(*layer).getvalue())
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                code = compare.main([mode, *paths, "--os-a", os_a, "--os-b", os_b])
        text = output.getvalue()
        self.assertEqual(code, 1 if expected else 0, text)
        for part in expected:
            self.assertIn(part, text)
        self.assertEqual(len(text.splitlines()) - 1, len(expected), text)

    def test_roundtrip(self):
        a = [entry(b"f", content=b"x", pax={b"mtime": b"1.5"}), entry(b"g", b"1", link=b"f")]
        self.check("roundtrip", a, a, [])
        self.check("roundtrip", a, a[:1], ["'g': missing", "hard-links"])
        self.check("roundtrip", a[:1], a, ["'g': new"])
        copy = [a[0], entry(b"g", content=b"x", pax={b"mtime": b"1.5"})]
        self.check("roundtrip", a, copy, ["2 names of one file became 1"])
        for change, expected in [
            (entry(b"f", content=b"y", pax={b"mtime": b"1.5"}), ["'f': digest"]),
            (entry(b"f", content=b"x", pax={b"mtime": b"1.500000001"}), ["'f': mtime"]),
            (entry(b"f", content=b"x", mode=0o600, pax={b"mtime": b"1.5"}), ["'f': mode"]),
        ]:
            self.check("roundtrip", a[:1], [change], expected)
        old = {b"mtime": b"1.5", b"MSWINDOWS.fileattr": b"32"}
        self.check("roundtrip", a[:1], [entry(b"f", content=b"x", pax=old)], ["'f': attributes"])

    WINDOWS = {
        b"MSWINDOWS.rawsd": base64.b64encode(descriptors.FILE),
        b"LIBARCHIVE.creationtime": b"0",
        b"atime": b"0",
        b"ctime": b"0",
        b"CROSSDOCK.origin": b"posix",
    }

    def windows(self, attributes, **more):
        more = {key.encode().replace(b"_", b"."): value for key, value in more.items()}
        return {**self.WINDOWS, b"MSWINDOWS.fileattr": attributes, **more}

    def to_windows(self, a, b, expected):
        self.check("crosscopy", a, [d(b"Files")] + b, expected, "linux", "windows")

    def test_linux_to_windows(self):
        a = [entry(b"a:b", content=b"x"), entry(b"l", b"2", link=b"/usr/x")]
        stored = "Files/a\uf03ab".encode()
        file = entry(stored, content=b"x", pax=self.windows(b"32"))
        link = entry(b"Files/l", b"2", link=b"\\usr\\x", pax=self.windows(b"1056"))
        self.to_windows(a, [file, link], [])
        wrong = entry(b"Files/l", b"2", link=b"Files\\usr\\x", pax=self.windows(b"1056"))
        self.to_windows(a, [file, wrong], ["'l': link:", "'l': link led back"])
        wrong = entry(b"Files/l", b"2", link=b"\\usr\\x", pax=self.windows(b"1040"))
        self.to_windows(a, [file, wrong], ["'l': attributes", "'l': descriptor"])
        renamed = self.windows(b"32", CROSSDOCK_name=b"a:b")
        self.to_windows(a, [entry(b"Files/ab~1234", content=b"x", pax=renamed), link], [])
        self.to_windows(a[:1], [file, link], ["'l': new"])
        no_origin = {k: v for k, v in self.windows(b"32").items() if b"origin" not in k}
        bare = entry(stored, content=b"x", pax=no_origin)
        self.to_windows(a[:1], [bare], ["'a:b': origin"])

    def test_windows_to_linux(self):
        win = {b"MSWINDOWS.rawsd": b"AQAA", b"MSWINDOWS.fileattr": b"33"}
        a = [
            d(b"Files"),
            entry(b"Files/f", content=b"x", mode=0, pax=win),
            entry(b"Files/f:s", content=b"st"),
        ]
        carried = {
            **win,
            b"CROSSDOCK.origin": b"win32",
            b"CROSSDOCK.stream.s": base64.b64encode(b"st"),
        }
        check = lambda b, expected: self.check("crosscopy", a, b, expected, "windows", "linux")
        check([entry(b"f", content=b"x", mode=0o555, pax=carried)], [])
        check([entry(b"f", content=b"x", mode=0o755, pax=carried)], ["'f': mode"])
        del carried[b"CROSSDOCK.stream.s"]
        check([entry(b"f", content=b"x", mode=0o555, pax=carried)], ["'f': streams"])


if __name__ == "__main__":
    unittest.main()

"""Tests of what judges: a comparison that finds nothing must be one that could have."""

import unittest

import differences
import lines
import result
import sections

LINES = [
    "dir 2755 0:50 base /srv/share",
    'file 4755 1:2 src /a "text\\n"',
    "file 0644 0:0 2001-02-03T04:05:06.5 /big 70000:" + "0" * 64,
    'file 0644 0:0 1980 "/with space" "" xattr:security.capability=base64:AQAAAg== xattr:user.a=b',
    'file 0644 0:0 now "/not-utf8-\\udcff" "x"',
    "link 0777 0:0 none /l -> ../größe",
    "hard /b = /a",
    "fifo 0600 0:0 1969-12-31T23:59:59 /pipe",
    "char 0666 0:0 base /null 1:3",
]


def entries(*texts):
    return dict(lines.decode(text) for text in texts)


class Lines(unittest.TestCase):
    def test_lines_are_read_as_they_are_written(self):
        for line in LINES:
            self.assertEqual(lines.encode(*lines.decode(line)), line)

    def test_what_is_no_line(self):
        for line in ("dir 0755 0:0 base", "sofa 0755 0:0 base /a", "dir 0755 0:0 base /a b"):
            with self.assertRaises(lines.LineError, msg=line):
                lines.decode(line)


class Sections(unittest.TestCase):
    def test_text_is_kept(self):
        found = sections.read("# why\n-- a b --\n\n x\n-- c --\n", "x")
        self.assertEqual([(s.words, s.text) for s in found], [(["a", "b"], "\n x\n"), (["c"], "")])

    def test_text_in_no_section(self):
        with self.assertRaises(ValueError):
            sections.read("FROM x\n-- a --\n", "x")


class Compare(unittest.TestCase):
    def check(self, one, other, expected):
        compared = result.compare(
            result.Result([], entries(*one)), result.Result([], entries(*other))
        )
        self.assertEqual(compared, expected)

    def test_every_field(self):
        file = 'file 0644 0:0 base /f "a"'
        for other, expected in (
            ('file 0600 0:0 base /f "a"', "mode 0644 -> 0600"),
            ('file 0644 1:0 base /f "a"', "uid 0 -> 1"),
            ('file 0644 0:1 base /f "a"', "gid 0 -> 1"),
            ('file 0644 0:0 now /f "a"', "time base -> now"),
            ('file 0644 0:0 base /f "b"', 'content "a" -> "b"'),
            ('file 0644 0:0 base /f "a" xattr:user.x=1', "xattrs none -> user.x=1"),
            ("fifo 0644 0:0 base /f", "kind file -> fifo"),
            ("hard /f = /e", "kind file -> hard"),
        ):
            self.check([file], [other], [f"/f {expected}"])
        self.check([file], [file], [])

    def test_links_devices_and_presence(self):
        link, hard = "link 0777 0:0 base /l -> a", "hard /h = /a"
        self.check([link], [link.replace("-> a", "-> b")], ["/l target a -> b"])
        self.check([hard], ["hard /h = /b"], ["/h target /a -> /b"])
        device = "char 0666 0:0 base /null 1:3"
        self.check([device], [device.replace("1:3", "1:5")], ["/null device (1, 3) -> (1, 5)"])
        self.check(["dir 0755 0:0 base /d"], [], ["/d/ missing"])
        self.check([], [link], [f"/l extra: {link}"])

    def test_configs(self):
        def check(one, other, expected):
            compared = result.compare(result.Result(one, {}), result.Result(other, {}))
            self.assertEqual(compared, expected)

        check(["env A=1", "+ COPY"], ["env A=2", "+ COPY"], ["config - env A=1", "config + env A=2"])
        check(["a", "b"], ["b", "a"], ["config: the same lines in another order"])
        check(["+ COPY", "+ COPY"], ["+ COPY"], ["config - + COPY"])

    def test_changes_are_what_is_applied(self):
        base = entries("dir 0755 0:0 base /d", 'file 0644 0:0 base /d/f "a"', "fifo 0644 0:0 base /p")
        for made in (
            entries(),
            entries("dir 0755 0:0 now /d", 'file 0644 0:0 base /d/f "a"', "dir 0755 0:0 src /p"),
            entries("link 0777 0:0 src /d -> p", "fifo 0644 0:0 base /p"),
        ):
            self.assertEqual(result.apply(base, result.changes(base, made)), made)


PAGE = r"""
## A reason

Why it is so.

    buildkit *: */ time 1980 -> now
    buildkit one: config + x\*
    buildah one: fails
"""


class Listed(unittest.TestCase):
    def test_what_is_listed(self):
        for builder, case, text, expected in (
            ("buildkit", "any", "/a/ time 1980 -> now", True),
            ("buildkit", "any", "/a time 1980 -> now", False),
            ("buildkit", "one", "config + x*", True),
            ("buildkit", "one", "config + xy", False),
            ("buildkit", "two", "config + x*", False),
            ("buildkit", "one", "fails", False),
            ("buildah", "one", "fails", True),
        ):
            listed = differences.Differences(PAGE, builder).is_listed(case, text)
            self.assertEqual(listed, expected, (builder, case, text))

    def test_what_does_not_occur(self):
        found = differences.Differences(PAGE, "buildkit")
        self.assertEqual(len(found.stale(None)), 2)
        self.assertEqual(len(found.stale({"one"})), 1)
        self.assertEqual(found.stale({"two"}), [])
        found.is_listed("one", "config + x*")
        self.assertEqual(len(found.stale(None)), 1)

    def test_pages_that_are_wrong(self):
        for page in ("## A\n\n    buildkit a: b\n", "## A\n\nWhy.\n\n    podman a: b\n"):
            with self.assertRaises(ValueError):
                differences.Differences(page, "buildkit")


if __name__ == "__main__":
    unittest.main()

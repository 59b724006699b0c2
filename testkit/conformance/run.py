#!/usr/bin/env python3
"""The conformance set: builds every case, compares it with what is expected and with a reference.

    CROSSDOCK=path/to/crossdock run.py [--reference auto|buildkit|buildah|none] [CASE…]

CASE is a name, or a part of one with `*`. `--record reference|crossdock` writes what that builder
made into the cases instead of comparing; it is to be read before it is believed. Needs Python, git
and zstd; the network is not used but for the loopback.
"""

import argparse
import concurrent.futures
import fnmatch
import os
import re
import shutil
import sys
import tempfile
import traceback

import builders
import case as cases
import differences
import images
import lines
import result
import serve

HERE = os.path.dirname(os.path.abspath(__file__))
WORKERS = 2


class Run:
    """A run: the builders, the server, what is listed."""

    def __init__(self, arguments, work):
        self.arguments, self.work = arguments, work
        self.images = images.Images()
        for name in sorted(os.listdir(os.path.join(HERE, "images"))):
            with open(os.path.join(HERE, "images", name), encoding="utf-8") as file:
                self.images.add(name.removesuffix(".image"), file.read())
        self.server = serve.Server(self.images)
        self.crossdock = builders.Crossdock(arguments.crossdock, work)
        self.reference = builders.reference(arguments.reference, work, self.server)
        with open(os.path.join(HERE, "DIFFERENCES.md"), encoding="utf-8") as file:
            name = self.reference.name if self.reference else ""
            self.differences = differences.Differences(file.read(), name)

    def stop(self):
        if self.reference:
            self.reference.stop()
        self.server.stop()

    def base(self, name, platform):
        """The entries of a base image."""
        if name == "scratch":
            return {}
        key = (name, (platform or "linux/amd64").removesuffix("/v8"))
        if key not in self.images.trees:
            known = [p for n, p in self.images.trees if n == name]
            if len(known) != 1:
                raise cases.CaseError(f"no base image {name} for {platform}: {known}")
            key = (name, known[0])
        stacked = result.tree.Tree(self.images.configs[key]["os"])
        for tar in self.images.trees[key]:
            stacked.add_layer(_Bytes(tar))
        return result.tree_entries(stacked)

    def check(self, case):
        """The problems of a case, and a word about the reference."""
        folder = os.path.join(self.work, "cases", case.name)
        os.makedirs(folder)
        case.prepare(folder, self.server)
        if self.arguments.record:
            return self.record(case, folder), ""
        problems = self.check_crossdock(case, folder)
        asked = self.wants_reference(case)
        if asked:
            problems += self.check_reference(case, folder)
        if not (problems or self.arguments.keep):
            shutil.rmtree(folder)
        return problems, "" if asked else "  (without reference)"

    def wants_reference(self, case):
        """Whether the reference builder is one that can build the case."""
        if self.reference is None:
            return False
        able = case.one("reference", "any")
        return able == "any" or able == self.reference.name

    def check_crossdock(self, case, folder):
        try:
            built = self.crossdock.build(case, folder, self.server)
        except builders.BuildFailed as error:
            said = self.server.restore(str(error))
            if not case.errors:
                return ["crossdock fails: " + tail(said)]
            return [
                f"crossdock does not say {part!r} but: {tail(said)}"
                for part in case.errors
                if part not in said
            ]
        if case.errors:
            return ["crossdock builds it, which it should not"]
        return ["crossdock: " + text for text in self.compare(case, built)]

    def check_reference(self, case, folder):
        name = self.reference.name
        try:
            built = self.reference.build(case, folder, self.server)
        except builders.BuildFailed as error:
            found = [] if case.errors else ["fails"]
            detail = tail(str(error))
        else:
            loosely = self.reference.keywords_only
            found = ["builds"] if case.errors else self.compare(case, built, loosely)
            detail = ""
        return [
            f"not in DIFFERENCES.md: {name} {case.name}: {text}" + (f"  [{detail}]" if detail else "")
            for text in found
            if not self.differences.is_listed(case.name, text)
        ]

    def expected(self, case):
        """What is expected, by platform."""
        found = {}
        for platform, config in case.configs.items():
            expected = result.Result(config, {})
            if case.one("compare") != "config":
                of = platform if platform in case.trees else next(iter(case.trees))
                base, changes = case.trees[of]
                below = self.base(base, of or case.one("platform"))
                expected.entries = result.apply(below, changes)
            found[platform] = expected
        return found

    def compare(self, case, built, loosely=False):
        """The differences of a result from what is expected."""
        expected = self.expected(case)
        if loosely:
            for image in (*expected.values(), *built.values()):
                image.config = result.keywords(image.config)
        if not expected:
            return ["nothing is expected: the case has neither config nor error"]
        if list(expected) == [""]:
            if len(built) != 1:
                return [f"platforms {', '.join(sorted(built)) or 'none'}"]
            built = {"": next(iter(built.values()))}
        found = []
        for platform in sorted(expected.keys() | built.keys()):
            before = f"{platform} " if platform else ""
            if platform not in built:
                found.append(f"{before}is missing; there are {', '.join(sorted(built))}")
            elif platform not in expected:
                found.append(f"{before}is not expected")
            else:
                with_tree = case.one("compare") != "config"
                compared = result.compare(expected[platform], built[platform], with_tree)
                found += [before + text for text in compared]
        return found

    def record(self, case, folder):
        """Writes what a builder makes into the case."""
        builder = self.crossdock if self.arguments.record == "crossdock" else self.reference
        if case.errors:
            return []
        try:
            built = builder.build(case, folder, self.server)
        except builders.BuildFailed as error:
            return [f"{builder.name} fails: {tail(str(error), 1500)}"]
        text = re.split(r"^-- (?:config|tree)\b.* --\n", case.text, flags=re.M)[0]
        several = len(built) > 1
        bases = {platform: base for platform, (base, _) in case.trees.items()}
        for platform, image in sorted(built.items()):
            several = several or platform in case.configs
            words = f" {platform}" if several else ""
            text += f"-- config{words} --\n" + "".join(line + "\n" for line in image.config)
            if case.one("compare") == "config":
                continue
            of = platform if several else next(iter(bases), "")
            base = bases.get(of) or self.guess(case)
            text += f"-- tree{' ' * bool(of)}{of} {base} --\n"
            below = self.base(base, of or platform)
            for path, entry in image.entries.items():
                if builder is self.reference:
                    entry.time = own_time(entry.time, below.get(path))
            for path, entry in result.changes(below, image.entries):
                text += lines.encode(path, entry) + "\n"
        with open(case.path, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return []

    def guess(self, case):
        """The base image that the last FROM names, or an argument for it."""
        names = re.findall(r"^(?:FROM\s.*?|build-arg BASE=)@([a-z]+)@", case.text, re.M | re.I)
        return names[-1] if names else "scratch"


def own_time(time, below):
    """The time that crossdock gives where a reference builder has this one: see DIFFERENCES.md."""
    if time == lines.NOW:
        return below.time if below and below.kind == "dir" else lines.NAMED_TIMES["1980"]
    if time == lines.NAMED_TIMES["src"] // 10**9 * 10**9:
        return lines.NAMED_TIMES["src"]
    return time


class _Bytes:
    def __init__(self, content):
        self.content, self.at = content, 0

    def read(self, size):
        part = self.content[self.at : self.at + size]
        self.at += len(part)
        return part


def tail(text, size=600):
    """The end of what a builder said, on one line."""
    return " | ".join(line.strip() for line in text.strip().splitlines())[-size:]


def select(patterns):
    """The cases that are asked for, sorted."""
    folder = os.path.join(HERE, "cases")
    names = sorted(name.removesuffix(".case") for name in os.listdir(folder))
    if patterns:
        unknown = [p for p in patterns if not fnmatch.filter(names, p)]
        if unknown:
            sys.exit(f"run.py: no case {', '.join(unknown)}")
        names = [n for n in names if any(fnmatch.fnmatch(n, p) for p in patterns)]
    return [cases.Case(os.path.join(folder, name + ".case")) for name in names]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument(
        "--reference", default="auto", choices=["auto", "buildkit", "buildah", "none"]
    )
    parser.add_argument("--record", choices=["reference", "crossdock"])
    parser.add_argument("--keep", action="store_true", help="keep the work folder")
    arguments = parser.parse_args()
    arguments.crossdock = os.path.abspath(os.environ.get("CROSSDOCK", "crossdock"))
    chosen = select(arguments.cases)
    work = tempfile.mkdtemp(prefix="crossdock-conformance-")
    os.chmod(work, 0o755)
    try:
        return run(arguments, chosen, work)
    finally:
        if arguments.keep:
            print(f"kept: {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)


def run(arguments, chosen, work):
    """Runs the cases, two at a time, and says what came of it."""
    try:
        session = Run(arguments, work)
    except builders.Absent as why:
        sys.exit(f"run.py: {why}")
    print(f"reference: {session.reference.name if session.reference else 'none'}")

    def checked(case):
        try:
            return session.check(case)
        except Exception as error:  # One broken case must not hide the others.
            return ["".join(traceback.format_exception(error)).strip()], ""

    failed = 0
    try:
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            for case, (problems, remark) in zip(chosen, pool.map(checked, chosen)):
                print(f"{'FAILED' if problems else 'ok':7}{case.name}{remark}", flush=True)
                for problem in problems:
                    print(f"       {problem}")
                failed += bool(problems)
    finally:
        session.stop()
    if not arguments.record:
        only = {case.name for case in chosen} if arguments.cases else None
        stale = session.differences.stale(only)
        print("".join(line + "\n" for line in stale), end="")
        failed += len(stale)
    print(f"{max(len(chosen) - failed, 0)} passed, {failed} failed")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Both directions of a build across systems, by crossdock and every peer that is found.

All of them read the same images from the same registry on this machine and push to it, in one run.
bench/README.md says what is measured and how.
"""

import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
import bases  # noqa: E402 - after the line above
import measure  # noqa: E402
import tools  # noqa: E402

REPOSITORY = Path(__file__).resolve().parent.parent
# What takes longer than so many seconds is measured once.
CHEAP = 10
DIRECTIONS = {"linux-to-windows": "Linux → Windows", "windows-to-linux": "Windows → Linux"}
SCENARIOS = {
    "cold": "cold",
    "warm": "warm",
    "last": "last file changed",
    "first": "first file changed",
    "file-cold": "one file of 1 GB, cold",
    "file-again": "one file of 1 GB, again",
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crossdock", type=Path, help="the program [default: built by cargo]")
    parser.add_argument("--peers", type=Path, help="a folder in which peers are looked for first")
    parser.add_argument("--tools", default="crossdock,buildkit,buildah", help="[%(default)s]")
    parser.add_argument("--directions", default=",".join(DIRECTIONS), help="[%(default)s]")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS), help="[%(default)s]")
    parser.add_argument("--runs", type=int, default=3, help="of what is cheap [%(default)s]")
    parser.add_argument("--json", type=Path, help="add a line for each result to this file")
    parser.add_argument("--prepare", action="store_true", help="make the images and end")
    given = parser.parse_args()
    for name, known in [("tools", ["crossdock", "buildkit", "buildah"]),
                        ("directions", DIRECTIONS), ("scenarios", SCENARIOS)]:
        chosen = getattr(given, name).split(",")
        if wrong := [word for word in chosen if word not in known]:
            parser.error(f"--{name}: {', '.join(wrong)} is none of {', '.join(known)}")
        setattr(given, name, chosen)
    return given


def home():
    """Where images are kept between runs: outside of the checkout."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("BENCH_DIR") or Path(cache) / "crossdock-bench").absolute()


def programs(crossdock):
    """What cargo builds, by name."""
    wanted = ["crossdock-limit", "crossdock-fixtures"] + ([] if crossdock else ["crossdock"])
    if not shutil.which("cargo"):
        raise bases.Missing("cargo is not in PATH; the programs of bench/ and testkit/ are built by it")
    command = ["cargo", "build", "--release", "--quiet", "--bins", "--message-format=json-render-diagnostics"]
    for name in wanted:
        command += ["-p", name]
    built = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    if built.returncode:
        raise bases.Missing("cargo could not build what is needed; its messages are above")
    found = {"crossdock": crossdock and crossdock.absolute()}
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable"):
            found[message["target"]["name"]] = Path(message["executable"])
    return found


class Registry:
    """Debian's docker-registry on this machine, with the images, gone at the end."""

    def __init__(self, work, images):
        program = shutil.which("docker-registry") or shutil.which("registry")
        if not program:
            raise bases.Missing("docker-registry is not installed (Debian's package of that name)")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{probe.getsockname()[1]}"
        config = work / "registry.yml"
        config.write_text(
            "version: 0.1\nlog: {level: error}\n"
            f"storage: {{filesystem: {{rootdirectory: {work / 'registry'}}}}}\n"
            f"http: {{addr: '{self.host}'}}\n")
        self.log = (work / "registry.log").open("wb")
        self.process = subprocess.Popen([program, "serve", config], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)
        for _ in range(100):
            try:
                bases.request(self.host, "GET", "/v2/", b"", {}, 200)
                break
            except OSError:
                time.sleep(0.1)
        for name in ("linux", "windows", "linux-big", "windows-big", "windows-small"):
            images.push(self.host, name, f"bench/{name}")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def context(folder, direction, host, facts):
    """A context of a few files and the Dockerfiles of the direction."""
    source, target = direction.split("-to-")
    copied = bases.LINUX_SOURCE if source == "linux" else bases.WINDOWS_SOURCE
    into = "/debian/" if source == "linux" else "/product/"
    for name in ("first", "last"):
        (folder / name).mkdir(parents=True)
        for number in range(3):
            (folder / name / f"file{number}.txt").write_text(f"{name} {number}\n" * 500)
    # To those who do not know Windows images, the tree of one lies in Files.
    for file, inside in [("Dockerfile", False), ("Dockerfile.buildah", True)]:
        read = "/Files" if inside and source == "windows" else ""
        write = "/Files" if inside and target == "windows" else ""
        (folder / file).write_text(f"""\
FROM --platform={source}/amd64 {host}/bench/{source}:latest AS source
FROM {host}/bench/{target}:latest
COPY first/ {write}/app/first/
COPY --from=source ["{read}{copied}", "{write}{into}"]
COPY last/ {write}/app/last/
""")
    return folder


def file_context(folder, direction, host, facts, number):
    """One file out of a large layer; the destination depends on the number."""
    source, target = direction.split("-to-")
    base = "scratch" if target == "linux" else f"{host}/bench/windows-small:latest"
    folder.mkdir(exist_ok=True)
    for file, inside in [("Dockerfile", False), ("Dockerfile.buildah", True)]:
        read = "/Files" if inside and source == "windows" else ""
        write = "/Files" if inside and target == "windows" else ""
        (folder / file).write_text(f"""\
FROM --platform={source}/amd64 {host}/bench/{source}-big:latest AS source
FROM {base}
COPY --from=source ["{read}{facts[f'{source}-file']}", "{write}/app/file{number}"]
""")
    return folder


class Bench:
    def __init__(self, given, work, images, registry, limit):
        self.given, self.work, self.images = given, work, images
        self.host, self.limit_program = registry.host, limit
        self.results = []

    def result(self, direction, scenario, tool, **what):
        line = {"direction": direction, "scenario": scenario, "tool": tool} | what
        self.results.append(line)
        bases.say("  " + json.dumps(line))
        if self.given.json:
            with self.given.json.open("a") as file:
                file.write(json.dumps(line) + "\n")

    def limit(self, direction, scenario, read, new):
        words = [self.limit_program]
        for file in read:
            words += ["--read", file]
        for file in new:
            words += ["--compress", file]
        log, seconds, cpu = self.work / "limit.log", [], []
        for _ in range(self.given.runs):
            cpu.append(measure.command(words, log).cpu)
            # Its own clock leaves out the reading of what is new.
            seconds.append(json.loads(log.read_text())["seconds"])
        self.result(direction, scenario, "limit", wall=statistics.median(seconds),
                    cpu=statistics.median(cpu))

    def limits(self, direction):
        source = direction.split("-to-")[0]
        both = self.images.layers("linux") + self.images.layers("windows")
        if "cold" in self.given.scenarios:
            self.limit(direction, "cold", both, [self.images.folder / f"new-{source}.tar"])
        if "file-cold" in self.given.scenarios:
            self.limit(direction, "file-cold", self.images.layers(f"{source}-big"), [])

    def median(self, direction, scenario, tool, once):
        """Measures `once(number)` a few times and keeps the median of each number."""
        costs = []
        for number in range(self.given.runs):
            costs.append(once(number))
            if costs[0].wall > CHEAP:
                break
        middle = {name: statistics.median(getattr(cost, name) for cost in costs)
                  for name in ("wall", "cpu", "memory")}
        store = {"store": tool.store()} if "cold" in scenario else {}
        self.result(direction, scenario, tool.name, runs=len(costs), **middle, **store)

    def tool(self, direction, tool):
        """All scenarios; if one fails, those that build on it are not tried."""
        platform = direction.split("-to-")[1] + "/amd64"
        try:
            self.copies(direction, platform, tool)
        except measure.Failed as error:
            self.result(direction, self.doing, tool.name, fails=str(error))
        try:
            self.one_file(direction, platform, tool)
        except measure.Failed as error:
            self.result(direction, self.doing, tool.name, fails=str(error))

    def copies(self, direction, platform, tool):
        folder = context(self.work / f"{tool.name}-{direction}", direction, self.host, self.images.facts)
        repository = f"{self.host}/out/{tool.name}-{direction}"
        changes = 0

        def changed(name):
            # Never the same twice, or an old result would do.
            nonlocal changes
            changes += 1
            if name:
                (folder / name / "file1.txt").write_text(f"{name} changed {changes}\n" * 500)
            return tool.build(folder, platform, f"{repository}:latest")

        def cold(number):
            tool.empty()
            # A repository of its own: nothing that is pushed is there already.
            return tool.build(folder, platform, f"{repository}-{number}:latest")

        wanted = [name for name in ("cold", "warm", "last", "first") if name in self.given.scenarios]
        if not wanted:
            return
        self.doing = "cold"
        self.median(direction, "cold", tool, cold)
        # The repository of the following ones: once, not measured.
        changed(None)
        for scenario in wanted:
            self.doing = scenario
            if scenario != "cold":
                name = None if scenario == "warm" else scenario
                self.median(direction, scenario, tool, lambda _: changed(name))

    def one_file(self, direction, platform, tool):
        folder = self.work / f"{tool.name}-{direction}-file"
        repository = f"{self.host}/out/{tool.name}-{direction}-file"
        at = 0

        def build(place):
            nonlocal at
            at += 1
            file_context(folder, direction, self.host, self.images.facts, at)
            return tool.build(folder, platform, f"{repository}{place}:latest")

        def cold(number):
            tool.empty()
            return build(f"-{number}")

        if not {"file-cold", "file-again"} & set(self.given.scenarios):
            return
        self.doing = "file-cold"
        self.median(direction, "file-cold", tool, cold)
        build("")
        if "file-again" in self.given.scenarios:
            self.doing = "file-again"
            self.median(direction, "file-again", tool, lambda _: build(""))

    def tables(self):
        for direction in self.given.directions:
            print(f"\n### {DIRECTIONS[direction]}\n")
            print("| | | wall s | CPU s | peak MB | store MB | × crossdock | × limit |")
            print("|---|---|---:|---:|---:|---:|---:|---:|")
            for scenario, text in SCENARIOS.items():
                found = {line["tool"]: line for line in self.results
                         if (line["direction"], line["scenario"]) == (direction, scenario)}
                for name, line in found.items():
                    print(row(text, name, line, found))
                    text = ""


def row(text, name, line, found):
    if "fails" in line:
        return f"| {text} | {name} | fails: {line['fails'].replace('|', '/')} | | | | | |"
    ratio = {}
    for other in ("crossdock", "limit"):
        base = found.get(other, {}).keys() >= {"wall", "cpu"} and name not in (other, "limit")
        ratio[other] = " / ".join(f"{line[key] / found[other][key]:.2f}" for key in ("wall", "cpu")) if base else ""
    number = {key: f"{line[key] / 1e6:.0f}" if key in line else "" for key in ("memory", "store")}
    cpu = f"{line['cpu']:.2f}" if "cpu" in line else ""
    wall = f"{line['wall']:.3f}" if line["wall"] < 0.5 else f"{line['wall']:.2f}"
    return (f"| {text} | {name} | {wall} | {cpu} | {number['memory']} | {number['store']} | "
            f"{ratio['crossdock']} | {ratio['limit']} |")


def describe(images, found):
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} processors, "
          f"load {os.getloadavg()[0]:.1f} at the start")
    for tool in found:
        print(f"- {tool.version}")
    for name, facts in images.facts["sizes"].items():
        print(f"- image {name}: {facts['layers']} layers, {facts['compressed'] / 1e6:.0f} MB compressed, "
              f"{facts['inflated'] / 1e6:.0f} MB uncompressed, {facts['entries']} entries")


def main():
    given = arguments()
    if given.peers:
        os.environ["PATH"] = f"{given.peers.absolute()}:{os.environ['PATH']}"
    if given.crossdock and not given.crossdock.is_file():
        raise bases.Missing(f"{given.crossdock} is not there")
    built = programs(given.crossdock if "crossdock" in given.tools else Path("/"))
    images = bases.prepare(home() / "bases", built["crossdock-fixtures"])
    if given.prepare:
        return
    work = Path(tempfile.mkdtemp(prefix="run-", dir=writable(home())))
    registry, found = None, []
    try:
        registry = Registry(work, images)
        makers = {
            "crossdock": lambda: tools.Crossdock(built["crossdock"], work, registry.host),
            "buildkit": lambda: tools.BuildKit(work, registry.host),
            "buildah": lambda: tools.Buildah(work, registry.host),
        }
        for name in given.tools:
            try:
                found.append(makers[name]())
            except tools.Absent as reason:
                print(f"{name}: left out, {reason}")
        describe(images, found)
        bench = Bench(given, work, images, registry, built["crossdock-limit"])
        for direction in given.directions:
            bench.limits(direction)
            for tool in found:
                bases.say(f"{DIRECTIONS[direction]}: {tool.name}")
                try:
                    bench.tool(direction, tool)
                except tools.Absent as reason:
                    print(f"{tool.name}: left out, {reason}")
                finally:
                    tool.stop()
                    shutil.rmtree(tool.root, ignore_errors=True)
        bench.tables()
    finally:
        for tool in found:
            tool.stop()
        if registry:
            registry.stop()
        shutil.rmtree(work, ignore_errors=True)


def writable(folder):
    """The images may be root's; the work is done in a folder of our own."""
    return folder if os.access(folder, os.W_OK) else tempfile.gettempdir()


def ended(*_):
    """Daemons are stopped and folders removed, as after Ctrl-C."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, ended)
    try:
        main()
    except (bases.Missing, OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)

"""Time, processor time and peak memory of a command, or of a command and the daemon that serves it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

LAUNCH = Path(__file__).resolve().with_name("launch.py")
TICKS = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A command did not do what it was asked; the text is the end of what it said."""


@dataclass
class Cost:
    wall: float
    cpu: float
    # The largest process, in bytes.
    memory: int


def command(words, log, daemon=None, environment=None, limit=900):
    """Runs a command to its end. The daemon's share is counted from before to after."""
    if daemon:
        # The high-water mark of memory begins anew.
        Path(f"/proc/{daemon}/clear_refs").write_text("5")
    before = daemon_cpu(daemon)
    words = [str(word) for word in words]
    words[0] = shutil.which(words[0]) or words[0]
    launched = subprocess.run(
        [sys.executable, "-I", "-S", str(LAUNCH), str(limit), str(log), *words],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, env=environment)
    if launched.returncode:
        raise Failed(f"{words[0]} cannot be started")
    code, wall, cpu, memory = launched.stdout.split()
    if code != "0":
        text = Path(log).read_text(errors="replace")
        raise Failed(f"not done after {limit} s" if code == "-9" else last_line(text))
    cpu = float(cpu) + daemon_cpu(daemon) - before
    return Cost(float(wall), cpu, peak(daemon) if daemon else int(memory))


def last_line(text):
    """The line that says why, for tools whose last lines are decoration."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in reversed(lines):
        if line.lower().startswith(("error", "crossdock: ", "fatal")):
            return line[:300]
    return lines[-1][:300] if lines else "it said nothing"


def daemon_cpu(pid):
    """Seconds that a process and its children, running and ended, have used."""
    return sum(own_cpu(each) for each in [pid, *children(pid)]) if pid else 0.0


def own_cpu(pid):
    try:
        # The name before the last parenthesis may contain anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11:15]) / TICKS


def children(pid):
    found, left = [], [pid]
    while left:
        for task in Path(f"/proc/{left.pop()}/task").glob("*/children"):
            try:
                below = [int(word) for word in task.read_text().split()]
            except OSError:
                continue
            found += below
            left += below
    return found


def peak(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def disk(folder):
    """Bytes on disk of a folder; files with several names count once."""
    total, seen = 0, set()
    for place, _, files in os.walk(folder):
        for name in [".", *files]:
            facts = os.lstat(os.path.join(place, name))
            if (facts.st_dev, facts.st_ino) not in seen:
                seen.add((facts.st_dev, facts.st_ino))
                total += facts.st_blocks * 512
    return total

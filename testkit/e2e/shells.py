#!/usr/bin/env python3
"""Completes command lines in real shells.

    shells.py bash|zsh|fish LINE [--then TEXT] WANTED...

In a terminal of its own the shell gets the script of `crossdock completion`, LINE and a tab. bash
and zsh then run the line with a function in place of the program: WANTED are the arguments that it
must get, which shows that the quotes are right too; TEXT is typed behind the tab. fish is asked for what it offers: each WANTED
must be there, and nothing else. `crossdock` must be found on the PATH.
"""

import os
import pty
import re
import select
import subprocess
import sys
import time

SETUP = {
    "bash": "source <(command crossdock completion bash); PS1=; bind 'set bell-style none'\n",
    "zsh": "autoload -U compinit; compinit -u -D; source <(command crossdock completion zsh);"
    " PS1=; RPS1=; unsetopt beep zle_bracketed_paste 2>/dev/null; unset zle_bracketed_paste\n",
}
START = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}
LIMIT = 20


class Terminal:
    """A shell in a terminal."""

    def __init__(self, shell):
        pid, self.file = pty.fork()
        if pid == 0:
            os.environ.update(TERM="dumb", HISTFILE="/dev/null", COLUMNS="200")
            os.execvp(START[shell][0], START[shell])
        self.pid = pid
        self.seen = ""

    def type(self, text):
        os.write(self.file, text.encode())

    def read(self, pattern, limit=LIMIT):
        """Reads until the pattern is there; what it matched."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            if match := re.search(pattern, self.seen, re.DOTALL):
                self.seen = self.seen[match.end() :]
                return match
            if select.select([self.file], [], [], 0.1)[0]:
                try:
                    self.seen += os.read(self.file, 65536).decode("utf-8", "replace")
                except OSError:
                    break
        sys.exit(f"nothing like {pattern!r} in {self.seen!r}")

    def settle(self):
        """Waits until the shell has done what was typed: for half a second it writes nothing."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end and select.select([self.file], [], [], 0.7)[0]:
            self.seen += os.read(self.file, 65536).decode("utf-8", "replace")

    def close(self):
        os.close(self.file)
        os.waitpid(self.pid, 0)


def in_terminal(shell, line, then, wanted):
    terminal = Terminal(shell)
    terminal.type(SETUP[shell])
    terminal.type("crossdock() { printf '\\074%s\\076' \"$@\"; printf 'arguments\\n'; }\n")
    terminal.type("printf '%s%s\\n' rea dy\n")
    terminal.read("ready")
    terminal.settle()
    terminal.seen = ""
    terminal.type(line + "\t")
    terminal.settle()
    shown = terminal.seen
    terminal.type(then + "\n")
    found = terminal.read(r"((?:<[^\r\n<>]*>)+)arguments").group(1)
    terminal.close()
    found = re.findall("<([^<>]*)>", found)
    print(f"{line!r} was shown as {shown!r}\nand is {found}")
    return found == wanted


def in_fish(line, wanted):
    script = "command crossdock completion fish | source; complete -C $argv[1]"
    ran = subprocess.run(
        ["fish", "--no-config", "-c", script, "--", line], capture_output=True, text=True
    )
    found = [offer.split("\t")[0] for offer in ran.stdout.splitlines()]
    print(f"{line!r} offers {found}\n{ran.stderr}")
    return ran.returncode == 0 and sorted(found) == sorted(wanted)


def main():
    shell, line, *wanted = sys.argv[1:]
    then = ""
    if wanted and wanted[0] == "--then":
        _, then, *wanted = wanted
    if shell == "fish":
        done = in_fish(line, wanted)
    else:
        done = in_terminal(shell, line, then, wanted)
    if not done:
        sys.exit(f"wanted {wanted}")


if __name__ == "__main__":
    main()

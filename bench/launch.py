"""Runs one command and prints what it used: launch.py LIMIT LOG PROGRAM [ARGUMENT...].

A process is charged with the memory of the one that started it. So this one imports next to nothing
(and is to be started with -I -S): its own 8 MB or so are the least that can be measured.
"""

import posix
import sys
import time
from _signal import SIGALRM, SIGKILL, alarm, signal

limit, log, words = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
flags = posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC
late = []
started = time.monotonic()
pid = posix.posix_spawn(
    words[0], words, posix.environ,
    file_actions=[(posix.POSIX_SPAWN_OPEN, 1, log, flags, 0o644), (posix.POSIX_SPAWN_DUP2, 1, 2)])
signal(SIGALRM, lambda *_: (late.append(True), posix.kill(pid, SIGKILL)))
alarm(limit)
_, status, usage = posix.wait4(pid, 0)
wall = time.monotonic() - started
code = -9 if late else posix.waitstatus_to_exitcode(status)
print(code, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)

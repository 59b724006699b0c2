"""What a registry was asked: traffic.py LOG OFFSET EXPRESSION.

Reads docker-registry's access log from an offset on, prints its requests, and fails unless the
Python expression is true. It may use

    asks(method, kind, about, status)   how many requests there were; arguments may be left out
    bytes_sent(kind)                    how many bytes the registry sent, for requests of a kind
    requests                            all: method, path, status, bytes

`kind` is `manifests`, `blobs`, `uploads` or `mounts`, `about` a part of the path or its query.
"""

import re
import sys

LINE = re.compile(
    r'^\S+ - \S+ \[[^]]*\] "(?P<method>[A-Z]+) (?P<path>\S+) HTTP/[\d.]+" '
    r"(?P<status>\d+) (?P<size>\d+|-)"
)


def kind(path):
    if "/blobs/uploads" in path:
        # A mount that does not succeed is an upload that was begun.
        return "mounts" if "mount=" in path else "uploads"
    for name in ("manifests", "blobs"):
        if f"/{name}/" in path:
            return name
    return "other"


def read(text):
    for line in text.splitlines():
        if match := LINE.match(line):
            size = 0 if match["size"] == "-" else int(match["size"])
            yield match["method"], match["path"], int(match["status"]), size


def main(log, offset, expression):
    with open(log, encoding="utf-8", errors="replace") as file:
        file.seek(int(offset))
        # The first request without a login and its repetition are one.
        requests = [r for r in read(file.read()) if r[2] != 401]
    for method, path, status, size in requests:
        print(method, path, status, size)

    def matching(method=None, of=None, about="", status=None):
        return [
            r for r in requests
            if method in (None, r[0]) and of in (None, kind(r[1]))
            and about in r[1] and status in (None, r[2])
        ]

    def asks(method=None, kind=None, about="", status=None):
        return len(matching(method, kind, about, status))

    def bytes_sent(kind=None):
        return sum(r[3] for r in matching("GET", kind))

    if not eval(expression, {"asks": asks, "bytes_sent": bytes_sent, "requests": requests}):
        print("not so:", expression)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

#!/usr/bin/env python3
"""Serves the files of a folder on this machine by http, for tests of ADD and of contexts.

    file_server.py FOLDER PORT LOG

Each file has the ETag of its content, and with ?modified a Last-Modified of 2001-09-09 too. A file of
/slow comes slowly. LOG has a line for each request: status and path.
"""

import hashlib
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

MODIFIED = "Sun, 09 Sep 2001 01:46:40 GMT"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path, _, query = self.path.partition("?")
        slow = path.startswith("/slow/")
        name = os.path.join(self.server.folder, unquote(path.removeprefix("/slow")).lstrip("/"))
        if ".." in path or not os.path.isfile(name):
            self.reply(404, {}, b"", False)
            return
        with open(name, "rb") as file:
            body = file.read()
        tag = '"%s"' % hashlib.sha256(body).hexdigest()[:16]
        headers = {"ETag": tag}
        if query == "modified":
            headers["Last-Modified"] = MODIFIED
        if self.headers.get("If-None-Match") == tag:
            self.reply(304, headers, b"", False)
        else:
            self.reply(200, headers, body, slow)

    def reply(self, status, headers, body, slow):
        with open(self.server.log, "a") as log:
            print(status, self.path, file=log)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if slow:
            for at in range(0, len(body), 1000):
                self.wfile.write(body[at : at + 1000])
                self.wfile.flush()
                time.sleep(0.1)
        else:
            self.wfile.write(body)

    def log_message(self, *arguments):
        pass


folder, port, log = sys.argv[1:]
server = ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
server.folder = os.path.abspath(folder)
server.log = log
server.serve_forever()

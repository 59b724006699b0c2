#!/usr/bin/env python3
"""Serves git repositories on this machine by http, for tests of the client.

    git_server.py FOLDER PORT

/open/NAME.git      by git http-backend
/private/NAME.git   the same for somebody:pass:word
/dumb/NAME.git      as files, which is all that some servers know
"""

import base64
import gzip
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

LOGIN = "Basic " + base64.b64encode(b"somebody:pass:word").decode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(b"")

    def do_POST(self):
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.answer(body)

    def answer(self, body):
        path, _, query = self.path.partition("?")
        kind, _, path = unquote(path).lstrip("/").partition("/")
        if ".." in path:
            self.reply(400, {}, b"")
        elif kind == "private" and self.headers.get("Authorization") != LOGIN:
            self.reply(401, {"WWW-Authenticate": 'Basic realm="test"'}, b"")
        elif kind in ("open", "private"):
            self.backend(path, query, body)
        elif kind == "dumb" and os.path.isfile(os.path.join(self.server.folder, path)):
            with open(os.path.join(self.server.folder, path), "rb") as file:
                self.reply(200, {"Content-Type": "application/octet-stream"}, file.read())
        else:
            self.reply(404, {}, b"")

    def backend(self, path, query, body):
        environment = dict(
            os.environ,
            GIT_PROJECT_ROOT=self.server.folder,
            GIT_HTTP_EXPORT_ALL="1",
            GIT_PROTOCOL=self.headers.get("Git-Protocol", ""),
            PATH_INFO="/" + path,
            QUERY_STRING=query,
            REQUEST_METHOD=self.command,
            CONTENT_TYPE=self.headers.get("Content-Type", ""),
            CONTENT_LENGTH=str(len(body)),
        )
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        self.reply(status, headers, content)

    def reply(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


folder, port = sys.argv[1:]
server = ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
server.folder = os.path.abspath(folder)
server.serve_forever()

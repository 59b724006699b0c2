"""A loopback server: a registry of the base images, files for ADD, git repositories."""

import http.server
import os
import re
import subprocess
import sys
import threading
import urllib.parse


class Server:
    """Serves until it is stopped."""

    def __init__(self, images):
        self.images = images
        self.files = {}  # path: (bytes, headers)
        self.folders = {}  # path of a repository: folder of its .git
        handler = type("Bound", (_Handler,), {"served": self})
        self._http = _Http(("127.0.0.1", 0), handler)
        self.host = f"127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, daemon=True)
        self._thread.start()

    def stop(self):
        self._http.shutdown()
        self._http.server_close()

    def replace(self, text, case):
        """A text of a case with the marks for what is served replaced."""
        text = text.replace("@host@", self.host)
        text = text.replace("@http@", f"http://{self.host}/http/{case}")
        text = text.replace("@git@", f"http://{self.host}/git/{case}")
        names = {name for name, _ in self.images.names}
        return re.sub(
            r"@([a-z]+)@",
            lambda m: f"{self.host}/{m.group(1)}:1" if m.group(1) in names else m.group(0),
            text,
        )

    def restore(self, text):
        """A text of a result as it is on every machine: the port is another each time."""
        return text.replace(self.host, "@host@")


class _Http(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        # A client may hang up; everything else is worth reading.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(http.server.BaseHTTPRequestHandler):
    served = None
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._answer(True)

    def do_HEAD(self):
        self._answer(False)

    def do_POST(self):
        self._git(urllib.parse.urlsplit(self.path))

    def _send(self, status, body=b"", headers=None, with_body=True):
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def _answer(self, with_body):
        url = urllib.parse.urlsplit(self.path)
        path = urllib.parse.unquote(url.path)
        images = self.served.images
        if path in ("/v2", "/v2/"):
            return self._send(200, b"{}", {"Content-Type": "application/json"}, with_body)
        found = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", path)
        if found:
            name, _, reference = found.groups()
            digest = images.names.get((name, reference), reference)
            if digest not in images.blobs:
                return self._send(404, b"{}", {"Content-Type": "application/json"}, with_body)
            media_type, content = images.blobs[digest]
            headers = {"Content-Type": media_type, "Docker-Content-Digest": digest}
            return self._send(200, content, headers, with_body)
        if path in self.served.files:
            content, headers = self.served.files[path]
            headers = {"Content-Type": "application/octet-stream"} | headers
            return self._send(200, content, headers, with_body)
        if path.startswith("/git/"):
            return self._git(url)
        return self._send(404, b"nothing here\n", None, with_body)

    def _git(self, url):
        """Runs git's own server program for a request."""
        path = urllib.parse.unquote(url.path)
        for prefix, folder in list(self.served.folders.items()):
            if path.startswith(prefix + "/"):
                break
        else:
            return self._send(404, b"no such repository\n")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self._chunks()
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": folder,
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": path[len(prefix) :],
            "QUERY_STRING": url.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": "127.0.0.1",
        }
        for header, variable in (
            ("Git-Protocol", "GIT_PROTOCOL"),
            ("Content-Encoding", "HTTP_CONTENT_ENCODING"),
        ):
            if header in self.headers:
                environment[variable] = self.headers[header]
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, capture_output=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        self._send(status if done.stdout else 500, content, headers)

    def _chunks(self):
        body = b""
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            body += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return body

# SPDX-License-Identifier: Apache-2.0
"""What the tests of `otter`'s administration of a server share: a home of its
own, runs of the tool, and a scripted HTTP server for what no otterd does."""
import http.server
import json
import os
import pathlib
import pty
import subprocess
import tempfile
import threading
import unittest

from push_peer import read_until

OTTER = os.environ.get("OTTER", "otter")
LIMIT = 30  # seconds for anything that is waited for


class AdminCase(unittest.TestCase):
    """Runs `otter` for a user whose settings are in a folder of the test."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="otter-admin-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.config = self.folder / "config"
        self.login_file = self.config / "otter" / "login.json"

    def environment(self, env=None):
        """Without what the caller's own environment says about servers."""
        own = {key: value for key, value in os.environ.items()
               if not key.startswith("OTTER_")
               and not key.lower().endswith("_proxy")}
        return {**own, "HOME": str(self.folder),
                "XDG_CONFIG_HOME": str(self.config), "TERM": "dumb",
                **(env or {})}

    def otter(self, *words, status=0, env=None, stdin=None, says=()):
        """Runs it to its end; returns what it printed.  `self.error` is what
        it said on standard error."""
        done = subprocess.run(
            [OTTER, *map(str, words)], env=self.environment(env),
            input=stdin if stdin is not None else "", capture_output=True,
            text=True, timeout=LIMIT, check=False, start_new_session=True)
        self.error = done.stderr
        text = f"otter {words}:\n{done.stdout}\n{done.stderr}"
        self.assertEqual(done.returncode, status, text)
        for words_said in says:
            self.assertIn(words_said, done.stderr, text)
        return done.stdout

    def json(self, *words, **options):
        return json.loads(self.otter(*words, "--json", **options))

    def typing(self, *words, answers=(), status=0, env=None, columns=None):
        """Runs it on a terminal and types an answer after each text of
        `answers`, pairs; returns what the terminal showed."""
        pid, terminal = pty.fork()
        if pid == 0:
            if columns:
                os.system(f"stty cols {columns}")
            os.execvpe(OTTER, [OTTER, *map(str, words)],
                       self.environment({"TERM": "xterm", **(env or {})}))
        shown = b""
        for text, answer in answers:
            shown += read_until(terminal, text.encode())
            os.write(terminal, answer.encode())
        shown += read_until(terminal, None)
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(terminal)
        self.assertEqual(ended, status, shown)
        return shown.decode()


class Server(http.server.ThreadingHTTPServer):
    """Answers each request with what `script(request)` returns: a status, a
    body (JSON unless it is bytes) and headers.  None: closes without an
    answer.  `seen` are the requests."""

    daemon_threads = True

    def __init__(self, script, tls=None):
        self.script = script
        self.seen = []
        self.ended = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)
        scheme = "https" if tls else "http"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.url = f"{scheme}://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever,
                                       kwargs={"poll_interval": 0.05})
        self.thread.start()

    def handle_error(self, request, client_address):
        """A client that goes away is part of the tests."""

    def stop(self):
        self.ended.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        size = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(size)
        self.server.seen.append(self)
        said = self.server.script(self)
        if said is None:
            self.close_connection = True
            return
        status, body, *more = said
        headers = {"Content-Type": "application/json"}
        headers.update(more[0] if more else {})
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers.setdefault("Content-Length", str(len(body)))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = answer

    def log_message(self, *_):
        """Nothing: the tests look at `seen`."""


def problem(status, detail, title="Problem"):
    return (status, {"type": "about:blank", "title": title, "status": status,
                     "detail": detail},
            {"Content-Type": "application/problem+json"})

# SPDX-License-Identifier: Apache-2.0
"""A scripted update server for the system tests: it answers each request with
what a function of the test returns, byte for byte, and remembers what it was
asked.  It is no HTTP server: it sends wrong answers as gladly as right ones.
"""
import collections
import hashlib
import re
import socket
import threading

import otter_testlib


class Request:
    """One request: target, the lines of its head, values by exact name."""

    def __init__(self, head):
        self.lines = head.decode("ascii").split("\r\n")
        self.target = self.lines[0].split(" ")[1]
        pairs = [line.split(": ", 1) for line in self.lines[1:]]
        self.names = [name for name, _ in pairs]
        self.headers = dict(pairs)

    def range(self):
        """The first byte that is asked for, or None."""
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(match[1]) if match else None


def answer(status, body=b"", **headers):
    """The bytes of an answer; `_` in a header's name stands for `-`.  A file
    gets its Content-Length unless that is given; None leaves it out."""
    if body and "Content_Length" not in headers:
        headers["Content_Length"] = len(body)
    lines = [f"HTTP/1.0 {status}"]
    lines += [f"{name.replace('_', '-')}: {value}"
              for name, value in headers.items() if value is not None]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def md5(data):
    return hashlib.md5(data).hexdigest()


class Server:
    """Listens at once, in threads of its own; `script(request)` returns the
    bytes of the answer, or (bytes, "reset") or (bytes, "hold") to end the
    connection with a reset or to leave it open.  None closes it.  `url` is
    where it is."""

    def __init__(self, script, address=None):
        self.script = script
        self.requests = []
        self.seen = collections.deque()
        self._changed = threading.Condition()
        self._held = []
        self._listener = socket.create_server(
            (address or otter_testlib.HOST, 0))
        self.address = self._listener.getsockname()
        self.url = "http://%s:%d" % self.address
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,),
                             daemon=True).start()

    def _talk(self, connection):
        connection.settimeout(otter_testlib.PATIENCE)
        head = b""
        try:
            while b"\r\n\r\n" not in head:
                data = connection.recv(4096)
                if not data:
                    return
                head += data
            self._answer(connection, Request(head[:-4]))
        except OSError:
            pass  # the device hung up
        finally:
            if connection not in self._held:
                connection.close()

    def _answer(self, connection, request):
        with self._changed:
            self.requests.append(request)
            self.seen.append(request)
            self._changed.notify_all()
        reply = self.script(request)
        how = "close"
        if isinstance(reply, tuple):
            reply, how = reply
        if how == "hold":
            self._held.append(connection)
        connection.sendall(reply or b"")
        if how == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  b"\1\0\0\0\0\0\0\0")
        elif how == "close":
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(4096):
                pass

    def next(self, patience=otter_testlib.PATIENCE):
        """The oldest request that was not returned yet; waits for it."""
        with self._changed:
            if not self._changed.wait_for(lambda: self.seen, patience):
                raise AssertionError("no request came")
            return self.seen.popleft()

    def close(self):
        if self._listener.fileno() < 0:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(otter_testlib.PATIENCE)
        for connection in self._held:
            connection.close()

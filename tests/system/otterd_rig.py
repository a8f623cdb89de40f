# SPDX-License-Identifier: Apache-2.0
"""An otterd with its administrator's client, and who listens to its events,
for tests of the API."""
import contextlib
import json
import re
import socket
import subprocess

from otterd_client import BASE, Client
from test_otterd import LIMIT, MAC, OTTERD, Case


class Api(Case):
    def setUp(self):
        super().setUp()
        self.start()

    def start(self):
        self.server = subprocess.Popen(
            [OTTERD, "--data", self.data, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.server.stdout.close)
        self.addCleanup(self.end, self.server)
        self.port = int(self.wait_line(self.server.stderr,
                                       rb"event=listening .*port=(\d+)"))
        if not hasattr(self, "admin"):
            line = self.server.stdout.readline().decode()
            match = re.fullmatch(r"Administrator's token \(shown once\): "
                                 r"(otter_[A-Za-z0-9_-]{43})\n", line)
            self.assertTrue(match, line)
            self.admin = Client(self.port, match[1])
        self.admin.port = self.port

    def made(self, answer, status=201):
        self.assertEqual(answer.status, status, answer.body)
        return answer.json

    def problem(self, answer, status, *words):
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.json["status"], status)
        for word in words:
            self.assertIn(word, answer.json["detail"])
        return answer

    def token(self, scope):
        made = self.made(self.admin.post("/tokens", {"name": f"a {scope}",
                                                     "scope": scope}))
        return self.admin.other(made["token"])

    def upload(self, image=None, version="2.0", **query):
        return self.made(self.admin.post(
            "/firmware", self.image if image is None else image, name="lamp",
            version=version, **query))

    def release(self, firmware, **more):
        return self.made(self.admin.post("/releases",
                                         {"firmware": firmware["id"], **more}))

    def accept(self, mac=MAC, **more):
        return self.made(self.admin.patch(f"/devices/{mac}", state="accepted",
                                          **more), 200)

    def ask_until(self, check):
        """Asks on until it holds, which gives the server time."""
        for _ in range(3000):
            if check():
                return
            self.admin.get("/me")
        self.fail("it never came")

    def settled(self, mac, check):
        """The device as soon as `check` holds; what devices do is written a
        moment after they are answered."""
        with contextlib.closing(Events(self.admin)) as events:
            while True:
                device = self.admin.get(f"/devices/{mac}")
                if device.status == 200 and check(device.json):
                    return device.json
                events.next()


class Events:
    """Reads server-sent events."""

    def __init__(self, client, query="", **headers):
        self.peer = socket.create_connection(("127.0.0.1", client.port), LIMIT)
        lines = [f"GET {BASE}/events{query} HTTP/1.1", "Host: x",
                 f"Authorization: Bearer {client.token}"]
        lines += [f"{name.replace('_', '-')}: {value}"
                  for name, value in headers.items()]
        self.peer.sendall("\r\n".join([*lines, "", ""]).encode())
        self.file = self.peer.makefile("rb")
        self.head = []
        while line := self.file.readline().strip():
            self.head.append(line.decode())
        self.text = b""
        while not self.text.startswith(b"retry:"):
            self.more()

    def close(self):
        self.file.close()
        self.peer.close()

    def more(self):
        """One chunk of HTTP."""
        size = int(self.file.readline(), 16)
        if size == 0:
            raise EOFError
        self.text += self.file.read(size)
        self.file.readline()

    def next(self):
        """The next event: id, name, data."""
        while True:
            while b"\n\n" not in self.text:
                self.more()
            block, _, self.text = self.text.partition(b"\n\n")
            fields = dict(line.split(": ", 1) for line in
                          block.decode().split("\n") if line[0] != ":")
            if "data" in fields:
                return (int(fields["id"]), fields["event"],
                        json.loads(fields["data"]))

    def until(self, name, check):
        while True:
            _, event, data = self.next()
            if event == name and check(data):
                return data

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Changes while more devices ask than can be noted, so that answers are given
from memory: each change counts for the next request."""
import collections
import contextlib
import re
import socket
import threading
import unittest

from otterd_rig import Api
from test_otterd import LIMIT, MAC, ask, changed

# Asked in one go, so that it cannot all be noted.
PIPELINE = 500
CROWDS = 3  # connections, for as many threads of the server
ROUNDS = 20
HEADERS = changed(connection=None)


class Crowd(threading.Thread):
    """Asks the same again and again, until stopped, in the very words of
    `ask`; but with HEAD, so that no file is sent."""

    def __init__(self, port):
        super().__init__()
        lines = ["HEAD /update HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        lines += [f"{name}: {value}" for name, value in HEADERS]
        self.text = "\r\n".join([*lines, "", ""]).encode()
        self.peer = socket.create_connection(("127.0.0.1", port), LIMIT)
        self.over = threading.Event()
        self.answers = collections.Counter()

    def run(self):
        """Heads alone come back, which are not looked at one by one: that
        would be slower than the server is at noting them."""
        with contextlib.closing(self.peer):
            while not self.over.is_set():
                self.peer.sendall(self.text * PIPELINE)
                text, ends = b"", 0
                while ends < PIPELINE:
                    text += self.peer.recv(1 << 16)
                    ends = text.count(b"\r\n\r\n")
                self.answers.update(
                    map(int, re.findall(rb"HTTP/1\.1 (\d+) ", text)))

    def stop(self):
        self.over.set()
        self.join()


class Crowded(Api):
    def setUp(self):
        super().setUp()
        self.accept()
        self.lasting = self.release(self.upload())
        self.set_release("paused")
        self.crowds = [Crowd(self.port) for _ in range(CROWDS)]
        for crowd in self.crowds:
            crowd.start()
            self.addCleanup(crowd.stop)

    def set_release(self, state):
        self.made(self.admin.patch(f"/releases/{self.lasting['id']}",
                                   state=state), 200)

    def until_recalled(self):
        """Until answers have come from memory that did not before."""
        def recalled():
            text = ask(self.port, [], "/metrics").body.decode()
            return int(re.search(r"^otterd_answers_recalled_total (\d+)$",
                                 text, re.M)[1])

        before = recalled()
        while recalled() == before:
            self.assertTrue(all(c.is_alive() for c in self.crowds))

    def stop_crowd(self, *statuses):
        told = collections.Counter()
        for crowd in self.crowds:
            crowd.stop()
            told.update(crowd.answers)
        self.assertEqual(set(told), set(statuses))

    def test_change_counts_for_the_next_request(self):
        for _ in range(ROUNDS):
            self.until_recalled()
            self.set_release("active")
            self.assertEqual(ask(self.port, HEADERS).status, 200)
            self.until_recalled()
            answer = ask(self.port, HEADERS)
            self.assertEqual((answer.status, answer.body), (200, self.image))
            self.set_release("paused")
            self.assertEqual(ask(self.port, HEADERS).status, 304)
        self.stop_crowd(200, 304)

    def test_change_by_command_counts_soon(self):
        self.until_recalled()
        self.run_otterd("device", MAC, "block")
        while ask(self.port, HEADERS).status == 304:
            pass
        self.assertEqual(ask(self.port, HEADERS).status, 500)
        self.stop_crowd(304, 500)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""otterd's API when many call it at once: who searches a large fleet holds
nobody up, and changes of the same things end as if they had come one after
the other."""
import concurrent.futures
import contextlib
import select
import signal
import socket
import sqlite3
import threading
import unittest
import unittest.mock
import urllib.parse

from otterd_client import BASE
from otterd_rig import Api, Events
from push_peer import make_image
from test_otterd import LIMIT, MAC

FLEET = 40000  # devices, so that a search takes a while
FIRST = 0x18FE34000000
SEARCHES = 12


def together(*calls):
    """The answers to calls that are made at the same moment."""
    gate = threading.Barrier(len(calls))

    def one(call):
        gate.wait(LIMIT)
        return call()

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return [f.result() for f in [pool.submit(one, c) for c in calls]]


class Search(Api):
    def setUp(self):
        super().setUp()
        with contextlib.closing(sqlite3.connect(
                self.data / "otterd.db", timeout=LIMIT)) as db, db:
            db.executemany(
                "INSERT INTO device (mac, state, name) VALUES (?, 2, ?)",
                ((FIRST + n, f"lamp {n}") for n in range(FLEET)))

    def search(self, **query):
        """Asks for devices and does not wait for the answer."""
        peer = socket.create_connection(("127.0.0.1", self.port), LIMIT)
        self.addCleanup(peer.close)
        peer.sendall(
            f"GET {BASE}/devices?{urllib.parse.urlencode(query)} HTTP/1.1\r\n"
            f"Host: x\r\nAuthorization: Bearer {self.admin.token}\r\n"
            "Connection: close\r\n\r\n".encode())
        return peer

    def whole(self, peer):
        with peer.makefile("rb") as file:
            answer = file.read()
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer[:100])
        self.assertTrue(answer.endswith(b'{"devices":[],"next":null}'),
                        answer[-100:])

    def test_searches_hold_up_neither_reads_nor_changes(self):
        reader = self.admin.other(self.admin.token)
        self.accept(name="porch")  # what the clients need is there
        for calls in (
                (lambda: reader.get("/me"),
                 lambda: reader.get(f"/devices/{MAC}"),
                 lambda: reader.get("/devices"),
                 lambda: reader.get("/audit")),
                (lambda: self.admin.patch(f"/devices/{MAC}", name="hall"),
                 lambda: self.admin.patch("/settings", policy="accept"))):
            searches = [self.search(q="it is nowhere")
                        for _ in range(SEARCHES)]
            # The first is answered, so the others are all there.
            select.select(searches, [], [], LIMIT)
            for call in calls:
                self.assertEqual(call().status, 200)
            over, _, _ = select.select(searches, [], [], 0)
            # Behind the searches, two at a time, there would be one left.
            self.assertLess(len(over), SEARCHES - 2)
            for peer in searches:
                self.whole(peer)

    def drain(self, seconds):
        self.stop(self.server)
        with unittest.mock.patch.dict("os.environ",
                                      OTTERD_DRAIN=str(seconds)):
            self.start()

    def test_server_that_ends_answers_the_searches_it_has(self):
        self.drain(LIMIT)
        searches = [self.search(q="it is nowhere") for _ in range(4)]
        select.select(searches, [], [], LIMIT)
        self.server.send_signal(signal.SIGTERM)
        for peer in searches:
            self.whole(peer)
        self.assertEqual(self.server.wait(LIMIT), 0)

    def test_server_in_a_hurry_refuses_searches_that_wait(self):
        self.drain(0)
        searches = [self.search(q="it is nowhere") for _ in range(SEARCHES)]
        select.select(searches, [], [], LIMIT)
        self.server.send_signal(signal.SIGTERM)
        answers = []
        for peer in searches:
            with peer.makefile("rb") as file, \
                    contextlib.suppress(ConnectionError):
                answers.append(file.read())
        self.assertEqual(self.server.wait(LIMIT), 0)
        # Time is over: some may be cut before they hear of it.
        statuses = [answer[9:12] for answer in answers]
        self.assertLessEqual(set(statuses), {b"200", b"503", b""})
        self.assertLess(statuses.count(b"200"), SEARCHES - 2)


class Changes(Api):
    def upload_now(self, image, version="2.0"):
        return self.admin.post("/firmware", image, name="lamp",
                               version=version)

    def audit(self, word):
        return [row["what"] for row in self.admin.get("/audit")["audit"]
                if word in row["what"]]

    def test_one_file_uploaded_many_times_is_kept_once(self):
        answers = together(*[lambda: self.upload_now(self.image)] * 6)
        self.assertEqual(sorted(a.status for a in answers), [200] * 5 + [201])
        self.assertEqual(len({a["id"] for a in answers}), 1)
        self.assertEqual(len(self.admin.get("/firmware")["firmware"]), 1)
        self.assertEqual(len(self.audit("uploaded")), 1)
        files = list((self.data / "firmware").iterdir())
        self.assertEqual([f.name for f in files], [answers[0]["sha256"]])
        self.assertEqual(files[0].read_bytes(), self.image)

    def test_of_two_files_with_one_version_one_is_refused(self):
        images = [self.image, make_image(8192)]
        answers = together(*[lambda i=i: self.upload_now(images[i % 2])
                             for i in range(6)])
        self.assertEqual(sorted(a.status for a in answers),
                         [200, 200, 201, 409, 409, 409])
        kept, = self.admin.get("/firmware")["firmware"]
        files = list((self.data / "firmware").iterdir())
        self.assertEqual([f.name for f in files], [kept["sha256"]])

    def test_firmware_is_removed_or_released_and_never_both(self):
        made = self.upload()
        seen = set()
        for n in range(12):
            calls = [lambda: self.admin.delete(f"/firmware/{made['id']}"),
                     lambda: self.admin.post("/releases",
                                             {"firmware": made["id"]})]
            if n % 2:
                removed, released = together(*calls)
            else:
                released, removed = together(*reversed(calls))
            statuses = (removed.status, released.status)
            self.assertIn(statuses, ((204, 422), (409, 201)))
            seen.add(statuses)
            found = self.admin.get(f"/firmware/{made['id']}").status
            self.assertEqual(found, 404 if removed.status == 204 else 200)
            if released.status == 201:
                self.admin.patch(f"/releases/{released['id']}",
                                 state="withdrawn")
            else:
                made = self.upload_now(self.image).json
        self.assertTrue(seen)

    def test_file_is_whole_or_not_there_while_it_comes_and_goes(self):
        made = self.upload()
        path = f"/firmware/{made['id']}"
        over = threading.Event()
        got = []

        def fetch():
            client = self.admin.other(self.admin.token)
            while not over.is_set():
                got.append(client.get(path + "/file"))

        def change():
            try:
                for _ in range(25):
                    self.assertEqual(self.admin.delete(path).status, 204)
                    self.assertEqual(self.upload_now(self.image).status, 201)
            finally:
                over.set()

        together(fetch, fetch, change)
        self.assertLessEqual({a.status for a in got}, {200, 404})
        for answer in got:
            if answer.status == 200:
                self.assertEqual(answer.body, self.image)
        self.assertEqual(self.admin.get(path + "/file").body, self.image)

    def test_events_tell_changes_in_their_order(self):
        names = [f"name {n}" for n in range(24)]
        with contextlib.closing(Events(self.admin)) as events:
            together(*[lambda some=names[n::4]: [
                self.admin.patch(f"/devices/{MAC}", name=name)
                for name in some] for n in range(4)])
            told = [events.next()[2]["name"] for _ in names]
        self.assertCountEqual(told, names)
        self.assertEqual(self.admin.get(f"/devices/{MAC}")["name"], told[-1])
        written = self.audit("name")[::-1]
        self.assertEqual([w.partition(' name "')[2][:-1] for w in written],
                         told)

    def test_who_changed_something_reads_it_so(self):
        def change(mac):
            client = self.admin.other(self.admin.token)
            for n in range(20):
                client.patch(f"/devices/{mac}", name=f"name {n}")
                self.assertEqual(client.get(f"/devices/{mac}")["name"],
                                 f"name {n}")
                found = client.get("/devices", q=mac)["devices"]
                self.assertEqual([d["name"] for d in found], [f"name {n}"])

        together(*[lambda n=n: change(f"18:FE:34:00:00:0{n}")
                   for n in range(4)])

    def test_two_administrators_cannot_remove_each_other(self):
        first = {t["name"]: t["id"] for t in self.admin.get("/tokens")["tokens"]}
        ids = [first["administrator"]]
        users = [self.admin]
        for n in range(4):
            made = self.made(users[0].post("/tokens", {"name": f"admin {n}",
                                                       "scope": "admin"}))
            ids.append(made["id"])
            users.append(users[0].other(made["token"]))
            answers = together(
                lambda: users[0].delete(f"/tokens/{ids[1]}"),
                lambda: users[1].delete(f"/tokens/{ids[0]}"))
            self.assertIn(sorted(a.status for a in answers),
                          ([204, 401], [204, 409]))
            left = 0 if answers[0].status == 204 else 1
            ids, users = [ids[left]], [users[left]]
            listed = users[0].get("/tokens")["tokens"]
            self.assertEqual([t["id"] for t in listed], ids)


if __name__ == "__main__":
    unittest.main()

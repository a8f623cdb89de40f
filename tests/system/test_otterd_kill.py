# SPDX-License-Identifier: Apache-2.0
"""kill -9 of otterd at random moments under load: nothing that was
acknowledged is lost, and the database is clean.

OTTERD_KILLS says how often (20 by default), OTTERD_SEED repeats a run's
choices; the moments themselves are the scheduler's."""
import collections
import contextlib
import gzip
import hashlib
import http.client
import json
import os
import random
import shutil
import sqlite3
import subprocess
import threading
import time
import unittest

from push_peer import make_image
from test_otterd import LIMIT, OTTERD, Case, ask, changed

KILLS = int(os.environ.get("OTTERD_KILLS", 20))
SEED = int(os.environ.get("OTTERD_SEED", time.time_ns() % 1000000))
STATES = {"pending": 1, "accepted": 2, "blocked": 3}


def mac_of(number):
    text = f"18FE{number:08X}"
    return ":".join(text[i:i + 2] for i in range(0, 12, 2))


class Load:
    """Threads that keep one server busy until it is killed, and remember what
    it acknowledged.  What is under way when it dies may be there or not."""

    def __init__(self, case, port):
        self.case = case
        self.port = port
        self.stop = threading.Event()
        self.commands = set()
        self.lock = threading.Lock()
        self.acknowledged = collections.Counter()
        self.enough = threading.Condition(self.lock)
        self.errors = []
        self.threads = [threading.Thread(target=self.run, args=(step,))
                        for step in (self.command_decides, self.decide,
                                     self.release, self.token, self.poll,
                                     self.poll)]
        for thread in self.threads:
            thread.start()

    def run(self, step):
        with contextlib.closing(http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=LIMIT)) as peer:
            while not self.stop.is_set():
                try:
                    step(peer)
                except (OSError, http.client.HTTPException):
                    if not self.stop.wait(0.05):  # it is dead, or dying
                        continue
                except Exception as error:  # noqa: BLE001 - the test tells
                    with self.lock:
                        self.errors.append(error)
                        self.enough.notify_all()
                    return

    def acknowledge(self, what):
        with self.lock:
            self.acknowledged[what] += 1
            self.enough.notify_all()

    def wait(self, count):
        """Until so many changes are acknowledged, or one went wrong."""
        with self.lock:
            self.enough.wait_for(
                lambda: self.errors or self.acknowledged.total() >= count,
                LIMIT)
            return self.acknowledged.total() >= count

    def call(self, peer, method, path, body=None, **fields):
        """Calls the API; returns what it acknowledged."""
        if body is None and fields:
            body = json.dumps(fields)
        peer.request(method, "/api/v1" + path, body, {
            "Authorization": f"Bearer {self.case.token}"})
        answer = peer.getresponse()
        text = answer.read()
        if answer.status not in (200, 201, 204):
            raise AssertionError(f"{method} {path}: {answer.status} {text}")
        return json.loads(text) if text else None

    def decide(self, peer):
        case = self.case
        mac = mac_of(case.rng.randrange(40))
        state = case.rng.choice(list(STATES))
        case.unsure.add(mac)  # until the answer is there
        self.call(peer, "PATCH", f"/devices/{mac}", state=state)
        case.states[mac] = state
        case.unsure.discard(mac)
        self.acknowledge("decision")

    def command_decides(self, _):
        """The same by a command beside the server, killed along with it."""
        case = self.case
        mac = mac_of(40 + case.rng.randrange(40))
        verb = case.rng.choice(["pending", "accept", "block"])
        with self.lock:
            if self.stop.is_set():
                return
            case.unsure.add(mac)
            process = subprocess.Popen(
                [OTTERD, "--data", case.data, "device", mac, verb],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            self.commands.add(process)
        said = process.communicate(timeout=LIMIT)[1]
        with self.lock:
            self.commands.discard(process)
        if process.returncode > 0:
            raise AssertionError(said)
        if process.returncode == 0:
            case.states[mac] = {"accept": "accepted",
                                "block": "blocked"}.get(verb, verb)
            case.unsure.discard(mac)
            self.acknowledge("command")

    def release(self, peer):
        case = self.case
        number = case.next_release
        case.next_release += 1
        mac, version = mac_of(0x1000 + number), f"v{number}"
        self.call(peer, "PATCH", f"/devices/{mac}", state="accepted")
        firmware = self.call(
            peer, "POST", f"/firmware?name=door&version={version}",
            body=case.packed(number))
        self.acknowledge("firmware")
        case.firmware[firmware["id"]] = number
        release = self.call(peer, "POST", "/releases", firmware=firmware["id"],
                            target={"kind": "mac", "value": mac})
        case.releases[mac] = (release["id"], number)
        self.acknowledge("release")

    def token(self, peer):
        case = self.case
        number = len(case.tokens)
        made = self.call(peer, "POST", "/tokens", name=f"t{number}",
                         scope="read")
        case.tokens.append(made["token"])
        self.acknowledge("token")
        if number >= 100:  # there is a limit to how many there may be
            self.stop.wait(LIMIT)

    def poll(self, _):
        case = self.case
        number = case.rng.randrange(0x4000)
        ask(self.port, changed(STA_MAC=mac_of(number)))

    def kill(self, server):
        """All at once, as a machine that loses its power would."""
        with self.lock:
            server.kill()
            self.stop.set()
            for process in self.commands:
                process.kill()
        for thread in self.threads:
            thread.join(LIMIT)
        server.wait(LIMIT)


class Kill(Case):
    def setUp(self):
        super().setUp()
        self.rng = random.Random(SEED)
        self.image = make_image(8192)
        self.states, self.unsure = {}, set()
        self.firmware, self.releases, self.tokens = {}, {}, []
        self.next_release = 0
        self.token = self.run_otterd("token", "kill", "admin").strip()

    def packed(self, number):
        """Files that differ and unpack to the same image."""
        return gzip.compress(self.image, mtime=number)

    def copy_of_database(self):
        """A copy to look at, so that the next server recovers by itself."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for name in ("otterd.db", "otterd.db-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(self.data / name, copy)
        return contextlib.closing(sqlite3.connect(copy / "otterd.db"))

    def check(self, round_):
        with self.copy_of_database() as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(),
                             [("ok",)], round_)
            self.assertEqual(
                db.execute("PRAGMA foreign_key_check").fetchall(), [])
            states = dict(db.execute("SELECT mac, state FROM device"))
            releases = dict(db.execute(
                "SELECT r.target_value, f.sha256 FROM release r JOIN firmware"
                " f ON f.id = r.firmware WHERE r.state = 0"))
            firmware = dict(db.execute("SELECT id, sha256 FROM firmware"))
            tokens = {row[0] for row in db.execute("SELECT hash FROM token")}
        digests = {n: hashlib.sha256(self.packed(n)).hexdigest()
                   for n in self.firmware.values()}
        for mac, state in self.states.items():
            if mac not in self.unsure:
                self.assertEqual(states.get(int(mac.replace(":", ""), 16)),
                                 STATES[state], (round_, mac))
        for number, content in self.firmware.items():
            self.assertEqual(firmware.get(number), digests[content], round_)
        for sha256 in firmware.values():
            data = (self.data / "firmware" / sha256).read_bytes()
            self.assertEqual(hashlib.sha256(data).hexdigest(), sha256)
        for mac, (_, number) in self.releases.items():
            self.assertEqual(releases.get(mac.replace(":", "").lower()),
                             digests[number], (round_, mac))
        for token in self.tokens:
            self.assertIn(hashlib.sha256(token.encode()).hexdigest(), tokens)

    def check_served(self, port):
        """What was acknowledged last is in force."""
        for mac, (_, number) in list(self.releases.items())[-3:]:
            answer = ask(port, changed(STA_MAC=mac))
            self.assertEqual((answer.status, answer.body),
                             (200, self.packed(number)))
        for token in self.tokens[-2:]:
            answer = ask(port, [("Authorization", f"Bearer {token}")],
                         path="/api/v1/me")
            self.assertEqual(json.loads(answer.body)["scope"], "read")

    def test_nothing_acknowledged_is_lost(self):
        total = collections.Counter()
        for round_ in range(KILLS):
            server, port = self.serve()
            self.check_served(port)
            load = Load(self, port)
            # The random moment, every fifth time right after the start.
            count = 0 if round_ % 5 == 4 else self.rng.randrange(3, 14)
            self.assertTrue(load.wait(count), load.errors)
            time.sleep(self.rng.uniform(0, 0.05))
            load.kill(server)
            server.stderr.close()
            self.assertEqual(load.errors, [], round_)
            total += load.acknowledged
            self.check(round_)
            # What is not known to be decided is decided anew.
            for mac in self.unsure:
                self.states.pop(mac, None)
            self.unsure.clear()
        server, port = self.serve()
        self.check_served(port)
        self.stop(server)
        kinds = ", ".join(f"{n} of {what}" for what, n in sorted(total.items()))
        print(f"\n{KILLS} kills, seed {SEED}: acknowledged {kinds}; none lost")
        if KILLS >= 20:  # it was about something
            for what in ("decision", "firmware", "release", "token"):
                self.assertGreater(total[what], KILLS / 4, what)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""kill -9 of otterd at random moments under load: nothing that was
acknowledged is lost, and the database is clean.

OTTERD_KILLS says how often (20 by default), OTTERD_SEED repeats a run's
choices; the moments themselves are the scheduler's."""
import contextlib
import gzip
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
STATES = {"pending": 1, "accept": 2, "block": 3}


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
        self.acknowledged = 0
        self.first = threading.Event()
        self.errors = []
        self.threads = [threading.Thread(target=self.run, args=(step,))
                        for step in (self.decide, self.release, self.poll,
                                     self.poll)]
        for thread in self.threads:
            thread.start()

    def run(self, step):
        while not self.stop.is_set():
            try:
                step()
            except OSError:
                pass  # it is dead, or dying
            except Exception as error:  # noqa: BLE001 - told by the test
                self.errors.append(error)
                return

    def acknowledge(self):
        with self.lock:
            self.acknowledged += 1
        self.first.set()

    def command(self, *words):
        """Whether the command said that it is done."""
        with self.lock:
            if self.stop.is_set():
                return False
            process = subprocess.Popen(
                [OTTERD, "--data", self.case.data, *words],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            self.commands.add(process)
        said = process.communicate(timeout=LIMIT)[1]
        with self.lock:
            self.commands.discard(process)
        if process.returncode > 0:
            raise AssertionError(said)
        return process.returncode == 0

    def decide(self):
        case = self.case
        mac = mac_of(case.rng.randrange(40))
        verb = case.rng.choice(list(STATES))
        case.unsure.add(mac)  # until the answer is there
        if self.command("device", mac, verb):
            case.states[mac] = verb
            case.unsure.discard(mac)
            self.acknowledge()

    def release(self):
        case = self.case
        number = case.next_release
        case.next_release += 1
        mac, version = mac_of(0x1000 + number), f"v{number}"
        table = case.folder / f"table{number}"
        table.write_text(f"{mac} {version}\n")
        (case.folder / f"bin/{version}.bin").write_bytes(case.packed(number))
        if self.command("import", table, case.folder / "bin"):
            case.releases[mac] = version
            self.acknowledge()

    def poll(self):
        number = self.case.rng.randrange(0x8000)
        ask(self.port, changed(STA_MAC=mac_of(number)))

    def kill(self, server):
        """All at once, as a machine that loses its power would."""
        with self.lock:
            self.stop.set()
            server.kill()
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
        self.states, self.unsure, self.releases = {}, set(), {}
        self.next_release = 0
        self.data.mkdir()

    def packed(self, number):
        """Files that differ and unpack to the same image."""
        return gzip.compress(self.image, mtime=number)

    def check(self, round_):
        """Looks at a copy, so that the next server recovers by itself."""
        copy = self.folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        for name in ("otterd.db", "otterd.db-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(self.data / name, copy)
        with contextlib.closing(sqlite3.connect(copy / "otterd.db")) as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(),
                             [("ok",)], round_)
            self.assertEqual(
                db.execute("PRAGMA foreign_key_check").fetchall(), [])
            states = dict(db.execute("SELECT mac, state FROM device"))
            releases = dict(db.execute(
                "SELECT r.target_value, f.version FROM release r JOIN firmware"
                " f ON f.id = r.firmware WHERE r.state = 0"))
            for sha256, size in db.execute(
                    "SELECT sha256, size FROM firmware").fetchall():
                self.assertEqual(
                    (self.data / "firmware" / sha256).stat().st_size, size)
        for mac, verb in self.states.items():
            if mac not in self.unsure:
                self.assertEqual(states.get(int(mac.replace(":", ""), 16)),
                                 STATES[verb], (round_, mac))
        for mac, version in self.releases.items():
            self.assertEqual(releases.get(mac.replace(":", "").lower()),
                             version, (round_, mac))

    def test_nothing_acknowledged_is_lost(self):
        acknowledged = []
        for round_ in range(KILLS):
            server, port = self.serve()
            load = Load(self, port)
            self.assertTrue(load.first.wait(LIMIT), load.errors)
            time.sleep(self.rng.uniform(0, 0.15))  # the random moment
            load.kill(server)
            server.stderr.close()
            self.assertEqual(load.errors, [], round_)
            acknowledged.append(load.acknowledged)
            self.check(round_)
            # What is not known to be decided is decided anew.
            for mac in self.unsure:
                self.states.pop(mac, None)
            self.unsure.clear()
        server, port = self.serve()
        for mac, version in list(self.releases.items())[-20:]:
            answer = ask(port, changed(STA_MAC=mac))
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.body, self.packed(int(version[1:])))
        self.stop(server)
        print(f"\n{KILLS} kills, seed {SEED}: {sum(acknowledged)} "
              f"acknowledged changes, at least {min(acknowledged)} in each "
              "round, none lost")


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""Copies of otterd's data folder: made under load, read back, refused when
they are not whole."""
import contextlib
import io
import os
import random
import sqlite3
import subprocess
import tarfile
import threading
import unittest

from test_otterd import HEADERS, LIMIT, MAC, OTTERD, Case, ask, changed

SOMEBODY = 12345


def mac_of(number):
    return f"18:FE:AB:{number >> 16:02X}:{number >> 8 & 255:02X}:" \
           f"{number & 255:02X}"


class Backup(Case):
    def setUp(self):
        super().setUp()
        self.copy = self.folder / "copy.tar"
        self.restored = self.folder / "restored"

    def otterd(self, folder, *words, code=0):
        done = subprocess.run([OTTERD, "--data", folder, *words],
                              capture_output=True, timeout=LIMIT, check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stderr.decode()

    def backup(self, code=0):
        return self.otterd(self.data, "backup", self.copy, code=code)

    def restore(self, code=0):
        return self.otterd(self.restored, "restore", self.copy, code=code)

    def check_whole(self, folder):
        with contextlib.closing(sqlite3.connect(folder / "otterd.db")) as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(),
                             [("ok",)])
            for sha256, size in db.execute(
                    "SELECT sha256, size FROM firmware").fetchall():
                self.assertEqual(
                    (folder / "firmware" / sha256).stat().st_size, size)
        self.assertFalse((folder / ".copy").exists())

    def serve_from(self, folder):
        self.data = folder
        return self.serve()

    def test_backup_under_load_holds_all_that_was_acknowledged(self):
        self.import_table()
        _, port = self.serve()
        stop = threading.Event()
        accepted = []
        asked = []

        def decide():
            number = 0
            while not stop.is_set():
                self.run_otterd("device", mac_of(number), "accept")
                accepted.append(number)
                number += 1

        def load(start):
            number = start
            while not stop.is_set():
                ask(port, changed(STA_MAC=mac_of(number)))
                asked.append(number)
                number += 1

        threads = [threading.Thread(target=decide),
                   threading.Thread(target=load, args=(1 << 16,)),
                   threading.Thread(target=load, args=(2 << 16,))]
        for thread in threads:
            thread.start()
        copies = []
        try:
            for number in range(3):
                before = len(asked) + 20
                # It is under load, and there is something to lose.
                while len(asked) < before or len(accepted) <= number:
                    self.assertTrue(all(t.is_alive() for t in threads))
                done = len(accepted)
                self.copy = self.folder / f"copy{number}.tar"
                self.backup()
                copies.append((self.copy, done))
        finally:
            stop.set()
            for thread in threads:
                thread.join(LIMIT)
        for copy, done in copies:
            self.assertEqual(copy.stat().st_mode & 0o777, 0o600)
            folder = self.folder / f"restored-{copy.name}"
            self.otterd(folder, "restore", copy)
            self.check_whole(folder)
            with contextlib.closing(
                    sqlite3.connect(folder / "otterd.db")) as db:
                kept = {mac for mac, in db.execute(
                    "SELECT mac FROM device WHERE state = 2")}
            for number in range(done):
                self.assertIn(int(mac_of(number).replace(":", ""), 16), kept)
        self.assertGreater(copies[-1][1], 0)
        _, port = self.serve_from(folder)
        self.assertEqual(ask(port, HEADERS).body, self.image)

    def test_backup_goes_through_a_pipe(self):
        self.import_table()
        out = subprocess.run([OTTERD, "--data", self.data, "backup", "-"],
                             capture_output=True, timeout=LIMIT, check=True)
        with tarfile.open(fileobj=io.BytesIO(out.stdout)) as tar:
            self.assertEqual(len(tar.getnames()), 2)
        packed = subprocess.run(["gzip"], input=out.stdout,
                                capture_output=True, timeout=LIMIT, check=True)
        subprocess.run([OTTERD, "--data", self.restored, "restore", "-"],
                       input=packed.stdout, timeout=LIMIT, check=True)
        self.check_whole(self.restored)

    def test_backup_replaces_nothing_and_tells_what_is_missing(self):
        self.import_table()
        self.copy.write_text("precious")
        self.assertIn("choose another name", self.backup(code=1))
        self.assertEqual(self.copy.read_text(), "precious")
        self.copy.unlink()
        firmware, = (self.data / "firmware").iterdir()
        whole = firmware.read_bytes()
        firmware.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        self.assertIn("contents are not what its name says",
                      self.backup(code=1))
        firmware.unlink()
        self.assertIn(firmware.name, self.backup(code=1))
        self.otterd(self.folder / "absent", "backup", self.copy, code=1)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()),
                         ["bin", "data", "table.txt"])

    def test_restore_replaces_nothing(self):
        self.import_table()
        self.backup()
        self.restored.mkdir()
        for name in ("otterd.db", "otterd.db-wal"):
            (self.restored / name).write_text("precious")
            self.assertIn("replaces nothing", self.restore(code=1))
            self.assertEqual((self.restored / name).read_text(), "precious")
            (self.restored / name).unlink()
        self.restore()
        self.check_whole(self.restored)

    def test_restore_refuses_what_is_damaged(self):
        self.import_table()
        self.backup()
        whole = self.copy.read_bytes()
        with tarfile.open(self.copy) as tar:
            places = {m.name: (m.offset_data, m.size) for m in tar}
        rng = random.Random(7)
        start, size = next(p for n, p in places.items() if "firmware" in n)
        bad = [b"", b"no tar at all" * 100, whole[:start + 100], whole[:700]]
        bad += [whole[:rng.randrange(len(whole) - 1024)] for _ in range(10)]
        for _ in range(5):
            at = start + rng.randrange(size)
            bad.append(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1:])
        at, size = places["otterd.db"]
        page = at + 4096
        bad.append(whole[:page] + b"\xff" * 4096 + whole[page + 4096:])
        for number, data in enumerate(bad):
            with self.subTest(number=number):
                self.copy.write_bytes(data)
                self.assertIn("otterd: ", self.restore(code=1))
                self.assertFalse((self.restored / "otterd.db").exists())
                self.assertFalse((self.restored / ".copy").exists())
        self.copy.write_bytes(whole)
        self.restore()
        self.check_whole(self.restored)

    def test_restore_stays_in_its_folder(self):
        self.import_table()
        self.backup()
        with tarfile.open(self.copy) as tar:
            files = [(m, tar.extractfile(m).read()) for m in tar]

        def entry(name, **fields):
            info = tarfile.TarInfo(name)
            for key, value in fields.items():
                setattr(info, key, value)
            return info

        for evil in (entry("../evil", size=4), entry("/tmp/otterd-evil"),
                     entry("firmware/../../evil", size=4),
                     entry("firmware/" + "a" * 64, type=tarfile.SYMTYPE,
                           linkname="/etc/passwd"),
                     entry("firmware/" + "a" * 64, type=tarfile.LNKTYPE,
                           linkname="otterd.db"),
                     entry("firmware/" + "A" * 64, size=4),
                     entry("firmware", type=tarfile.DIRTYPE),
                     entry("otterd.db", size=4),
                     entry("otterd.db-wal", size=4)):
            with self.subTest(evil=evil.name, kind=evil.type):
                with tarfile.open(self.copy, "w") as tar:
                    for info, data in files:
                        tar.addfile(info, io.BytesIO(data))
                    tar.addfile(evil, io.BytesIO(b"evil"))
                self.restore(code=1)
                self.assertFalse((self.restored / "otterd.db").exists())
                self.assertFalse((self.folder / "evil").exists())

    def test_restore_killed_at_any_moment_can_be_done_again(self):
        self.import_table()
        for number in range(3):  # something to do
            self.run_otterd("device", mac_of(number), "accept")
        self.backup()
        rng = random.Random(3)
        for _ in range(12):
            process = subprocess.Popen(
                [OTTERD, "--data", self.restored, "restore", self.copy],
                stderr=subprocess.DEVNULL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(rng.uniform(0, 0.08))
            process.kill()
            process.wait(LIMIT)
            if (self.restored / "otterd.db").exists():
                break  # then it is whole, see below
        else:
            self.restore()
        with contextlib.closing(
                sqlite3.connect(self.restored / "otterd.db")) as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(),
                             [("ok",)])
        _, port = self.serve_from(self.restored)
        self.assertEqual(ask(port, changed(STA_MAC=MAC)).body, self.image)

    @unittest.skipUnless(os.geteuid() == 0, "root gives files away")
    def test_what_root_makes_belongs_to_the_servers_user(self):
        """The server does not run as root, commands may."""
        for folder in (self.data, self.restored):
            folder.mkdir(mode=0o700)
            os.chown(folder, SOMEBODY, SOMEBODY)
        self.import_table()
        self.backup()
        self.restore()
        for folder in (self.data, self.restored):
            names = {path: path.stat() for path in folder.rglob("*")}
            self.assertGreater(len(names), 3)
            for path, status in names.items():
                self.assertEqual((status.st_uid, status.st_gid),
                                 (SOMEBODY, SOMEBODY), path)
                self.assertEqual(status.st_mode & 0o077, 0, path)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""otterd's dialect "current", compared with today's documented script."""
import contextlib
import hashlib
import os
import subprocess
import unittest

from otterd_rig import Api, Events
from test_otterd import HEADERS, HERE, MAC, NAMED, OTHER, ask, changed

FRESH = [f"18:FE:AA:AA:01:{i:02X}" for i in range(48)]
VERSION = "DOOR-7-g14f53a19"


class Today(Api):
    def setUp(self):
        super().setUp()
        (self.folder / f"bin/{VERSION}bin").unlink()
        (self.folder / f"bin/{VERSION}.bin").write_bytes(self.image)
        (self.folder / "table.txt").write_text("".join(
            f"{mac} {VERSION}\n" for mac in (MAC, OTHER, *FRESH)))
        self.import_table()
        self.digest = hashlib.md5(self.image).hexdigest()

    def serve_php(self):
        script = subprocess.Popen(
            ["php", "-d", "display_errors=0", "-S", "127.0.0.1:0",
             HERE / "pull_script_today.php"], cwd=self.folder,
            env={**os.environ, "OTTER_TABLE": str(self.folder)},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(self.end, script)
        return int(self.wait_line(script.stderr,
                                  rb"\(http://127\.0\.0\.1:(\d+)\) started"))

    def requests(self):
        """Where the digest alone decides each is a device of its own: for one
        that took the release it does not count any more, see the last test.
        """
        fresh = iter(FRESH)
        for headers in self.plain_requests():
            if all(name != "x-ESP8266-version" for name, _ in headers):
                headers = [(name, next(fresh) if value == MAC else value)
                           for name, value in headers]
            yield headers
        for version in (VERSION, "old", "", None):
            for digest in (self.digest, "0" * 32):
                for mode in ("sketch", "version"):
                    yield changed(STA_MAC=next(fresh), mode=mode,
                                  ESP8266_version=version,
                                  sketch_md5=digest)

    def plain_requests(self):
        names = [name for name, _ in HEADERS]
        for gone in names:
            yield [h for h in HEADERS if h[0] != gone]
            for other in names:
                if other > gone:
                    yield [h for h in HEADERS if h[0] not in (gone, other)]
        for agent in ("", "esp8266-http-update", "curl/7"):
            yield changed(User_Agent=agent)
        for mac in (MAC, OTHER, MAC.lower(), MAC[:-1], MAC + "A", "",
                    "FF:FF:FF:FF:FF:FF", f"{MAC}, {MAC}", "' OR 1=1 --"):
            for mode in ("sketch", "version", "spiffs", "fs", "", "Sketch"):
                yield changed(STA_MAC=mac, mode=mode)

    def test_otterd_answers_like_todays_script(self):
        self.admin.patch("/settings", dialect="current")
        script = self.serve_php()
        statuses = {}
        for number, headers in enumerate(self.requests()):
            wanted = ask(script, headers)
            got = ask(self.port, headers)
            with self.subTest(number=number, headers=headers):
                self.assertEqual(got.status, wanted.status)
                self.assertEqual(got.body, wanted.body)
                for name in (*NAMED, "x-version"):
                    self.assertEqual(got.headers.get(name),
                                     wanted.headers.get(name), name)
            statuses[got.status] = statuses.get(got.status, 0) + 1
        self.assertGreater(sum(statuses.values()), 150)
        self.assertEqual(set(statuses), {200, 304, 403, 404})

    def test_dialect_of_a_path_goes_before_the_setting(self):
        stranger = changed(STA_MAC="00:00:00:00:00:01")
        for setting, of_path, status in (
                ("manual", None, 500), ("manual", "current", 404),
                ("current", None, 404), ("current", "manual", 500)):
            self.admin.patch("/settings", dialect=setting)
            self.admin.call("PUT", "/paths", {"path": "/p",
                                              "dialect": of_path})
            self.assertEqual(ask(self.port, stranger, "/p").status, status)
        self.assertEqual(self.settled("00:00:00:00:00:01", lambda d:
                                      d["requests"] == 4)["answer"]["status"],
                         500)

    def test_device_that_patches_what_it_flashes_does_not_loop(self):
        self.admin.patch("/settings", dialect="current")
        patched = changed(ESP8266_version=VERSION, sketch_md5="1" * 32)
        with contextlib.closing(Events(self.admin)) as events:
            self.assertEqual(ask(self.port, patched).status, 200)
            events.until("device", lambda d: d["event"] == "downloaded")
        self.assertEqual(ask(self.port, patched).status, 304)
        device = self.settled(MAC, lambda d: d["requests"] == 2)
        self.assertIn("is the one meant", device["answer"]["reason"])
        self.assertEqual(self.admin.get(f"/devices/{MAC}/explain")["status"],
                         304)


if __name__ == "__main__":
    unittest.main()

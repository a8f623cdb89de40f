#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`otter push --via http`: the upload through the page that a board serves,
and its result by the boot id."""
import json
import pathlib
import threading
import unittest

import test_web_curl
from otter_testlib import sketch
from test_web_curl import PORT


class WebPush(test_web_curl.WebTest):
    def setUp(self):
        super().setUp()
        self.new = pathlib.Path(sketch("web_updater-1.1.0", ""))

    def ready(self, *args, **options):
        return super().ready(*args, flavour="", **options)

    def push(self, board, *options, image=None, status=0, env=None):
        return self.run_program(
            "otter", "push", "--via", "http", *options,
            f"{board.address}:{PORT}", image or self.new, status=status,
            env=env)

    def unchanged(self, board):
        self.assertEqual(board.status()["starts"], 1)

    def test_update_is_done_when_the_new_version_runs(self):
        board = self.ready()
        done = self.push(board, "--json")
        events = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([e["state"] for e in events
                          if e["event"] == "state"],
                         ["connecting", "sending", "verifying", "returning"])
        result = events[-2]
        self.assertEqual((result["result"], result["version"]),
                         ("updated", "1.1.0"))
        self.expect_start(board, "1.1.0")
        self.flash_holds(board, self.new.read_bytes())
        done = self.push(board, "--new-only")
        self.assertIn("left alone: it runs version 1.1.0 already",
                      done.stdout)

    def test_passwords(self):
        """Needed, wrong, and right: by Digest, which this board insists on,
        and by another's name."""
        board = self.ready(settings={"password": "geheim", "user": "anna",
                                     "digest_only": "1"})
        self.push(board, status=14)
        done = self.push(board, "--user", "anna", "--password", "falsch",
                         status=15)
        self.assertIn("does not take this password of the user anna",
                      done.stderr)
        self.assertNotIn("Update: ", board.console.text)
        self.push(board, "--user", "anna", env={"OTTER_PASSWORD": "geheim"})
        self.expect_start(board, "1.1.0")

    def test_file_system(self):
        board = self.ready()
        data = bytes(range(256)) * 100
        path = self.file("fs.bin", data)
        self.push(board, "--fs", image=path)
        self.expect_start(board, "1.0.0")
        self.flash_holds(board, data, 0x200000)

    def test_what_does_not_fit_is_not_sent(self):
        board = self.ready(map="4M3M")
        path = self.file("large.bin",
                         self.new.read_bytes() + bytes(1100000))
        done = self.push(board, image=path, status=23)
        self.assertRegex(done.stderr, r"the file has \d+ bytes, the device "
                                      r"has room for \d+")
        self.assertNotIn("Update", board.console.text.split("IP addr")[1])
        done = self.push(board, "--force", image=path, status=17)
        self.assertIn("ERROR[4]: Not Enough Space", done.stderr)
        self.unchanged(board)

    def test_device_says_no(self):
        board = self.ready(settings={"busy": "1"})
        done = self.push(board, status=17)
        self.assertIn("the device refused the update", done.stderr)
        board.expect("^Update declined$")

    def test_device_that_does_not_restart_runs_the_old_version(self):
        board = self.ready(settings={"stay_running": "1"})
        done = self.push(board, "--back-timeout", "3", status=25)
        self.assertIn("runs version 1.0.0 still", done.stderr)

    def test_power_lost_after_the_verdict(self):
        board = self.ready()
        results = []
        thread = threading.Thread(target=lambda: results.append(
            self.push(board, "--back-timeout", "3", status=24)))
        thread.start()
        board.expect("^Update Success! Rebooting...$")
        board.control("power off")
        thread.join()
        self.assertIn("not seen again within 3 s", results[0].stderr)

    def test_another_push_is_reported(self):
        """The page is busy with somebody else's upload: tried again, then
        named."""
        board = self.ready()
        holder = test_web_curl.hold_upload(self, board)
        done = self.push(board, "--retry-pause", "0.1", status=17)
        self.assertIn("ERROR[15]: Update already running", done.stderr)
        self.assertEqual(done.stderr.count("tries again"), 2)
        holder.close()


if __name__ == "__main__":
    unittest.main()

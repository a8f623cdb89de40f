# SPDX-License-Identifier: Apache-2.0
"""What `otter push` learns by multicast DNS: whether the file fits, whether
the device is back, and which version it runs then.  Real boards with real
names on the loopback interface."""
import json
import secrets
import subprocess
import unittest

import otter_testlib
from otter_testlib import PATIENCE, program, sketch
from push_peer import make_image

OLD = "basic_ota-1.0.0"
NEW = "basic_ota-1.1.0"


@otter_testlib.only("posix", "these boards share the loopback interface")
class Return(otter_testlib.SystemTest):
    def shown(self, *, suffix="", **settings):
        """A board that can be found by its name."""
        name = f"hp{secrets.token_hex(4)}{suffix}"
        board = self.board(OLD, flavour="",
                           settings={"hostname": name, **settings})
        board.name = name
        watch = subprocess.Popen([program("otter"), "discover", "--watch",
                                  "--timeout", str(PATIENCE)],
                                 stdout=subprocess.PIPE, text=True)
        try:
            for line in watch.stdout:
                if line.startswith("found") and f" {name} " in line:
                    return board
        finally:
            watch.terminate()
            watch.communicate()
        raise AssertionError(f"{name} does not show itself")

    def push(self, *words, status=0):
        return self.run_program("otter", "push", *words, status=status)

    def test_success_tells_the_version_that_runs(self):
        board = self.shown()
        done = self.push(board.address, sketch(NEW, ""))
        self.assertRegex(done.stdout, r"updated: \d+ bytes .*, runs 1\.1\.0")
        self.assertIn("waiting for it to come back", done.stderr)
        board.expect(r"^basic_ota 1\.1\.0$")

    def test_same_version_again_is_seen_after_the_restart(self):
        board = self.shown()
        done = self.push(board.address, sketch(OLD, ""))
        self.assertRegex(done.stdout, r", runs 1\.0\.0")
        self.assertEqual(board.status()["starts"], 2)

    def test_name_local_is_looked_up_with_its_port(self):
        board = self.shown(port="18266")
        done = self.push(f"{board.name}.local", sketch(NEW, ""))
        self.assertIn(", runs 1.1.0", done.stdout)

    def test_device_that_does_not_restart_runs_the_old_version(self):
        board = self.shown(stay_running="1")
        done = self.push("--back-timeout", "5", board.address,
                         sketch(NEW, ""), status=25)
        self.assertIn("runs version 1.0.0 still", done.stderr)

    def test_device_that_stays_away_is_named(self):
        board = self.shown()
        process = subprocess.Popen(
            [program("otter"), "push", "--back-timeout", "3", board.address,
             sketch(NEW, "")], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        board.expect("^End$")
        board.control("power off")
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 24, out + err)
        self.assertIn("not seen again within 3 s", err)

    def test_lost_result_is_made_good_by_the_version(self):
        board = self.shown()
        done = self.push("--result-timeout", "0.2", board.address,
                         sketch(NEW, ""))
        self.assertIn(", runs 1.1.0", done.stdout)

    def test_lost_result_of_a_device_that_did_not_change_is_unknown(self):
        board = self.shown(stay_running="1")
        done = self.push("--result-timeout", "0.2", "--back-timeout", "4",
                         board.address, sketch(NEW, ""), status=22)
        self.assertIn("unknown", done.stderr)

    def test_file_that_has_no_room_is_not_sent(self):
        board = self.shown()
        big = self.folder / "big.bin"
        big.write_bytes(make_image(2 * 1024 * 1024))
        done = self.push(board.address, big, status=23)
        self.assertRegex(done.stderr, r"does not fit: the file has 2097152 "
                                      r"bytes, the device has room for \d+")
        self.assertNotIn("inviting", done.stderr)
        done = self.push("--force", board.address, big, status=17)
        self.assertIn("ERROR[4]: Not Enough Space", done.stderr)

    def test_new_only_leaves_devices_with_the_version_alone(self):
        board = self.shown()
        done = self.push("--new-only", board.address, sketch(OLD, ""))
        self.assertIn("left alone: it runs version 1.0.0", done.stdout)
        self.assertNotIn("inviting", done.stderr)
        done = self.push("--new-only", board.address, sketch(NEW, ""))
        self.assertIn(", runs 1.1.0", done.stdout)

    def test_match_finds_the_devices_by_name(self):
        suffix = secrets.token_hex(4)
        boards = [self.shown(suffix=f"-{suffix}-{i}") for i in range(3)]
        other = self.shown()
        done = self.push("--match", f"*-{suffix}-[01]", sketch(NEW, ""))
        self.assertIn("2 of 2 updated", done.stdout)
        for board in boards[:2]:
            self.assertRegex(done.stdout,
                             rf"(?m)^{board.name} +updated .*runs 1\.1\.0$")
        for board in (boards[2], other):
            self.assertEqual(board.status()["starts"], 1)

    def test_match_without_a_match_is_named(self):
        done = self.push("--match", "nobody-is-called-so", "--discover-time",
                         "0.3", sketch(NEW, ""), status=11)
        self.assertIn("no device was found with a name like", done.stderr)

    def test_json_has_the_version(self):
        board = self.shown()
        done = self.push("--json", board.address, sketch(NEW, ""))
        events = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([e["state"] for e in events
                          if e["event"] == "state"][-1], "returning")
        result = [e for e in events if e["event"] == "result"][0]
        self.assertEqual((result["result"], result["version"]),
                         ("updated", "1.1.0"))


if __name__ == "__main__":
    unittest.main()

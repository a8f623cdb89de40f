# SPDX-License-Identifier: Apache-2.0
"""`otter push` over a wire of its own, where "all devices" are all there are:
a real board behind a real interface, found by multicast."""
import subprocess
import unittest

import netns_testlib
from netns_testlib import LEFT
from otter_testlib import program, sketch, wait_for


class Wire(netns_testlib.NetnsTest):
    def ready(self, **settings):
        board = self.board_on_the_wire("basic_ota-1.0.0", **settings)
        board.expect("^IP address: ")
        wait_for(lambda: "lamp" in self.right.run(
            program("otter"), "discover", "-t", "1", status=None),
            "the board by mDNS")
        return board

    def push(self, *words, status=0, env=None):
        return self.right.run(program("otter"), "push", *words,
                              sketch("basic_ota-1.1.0"), status=status,
                              env=env)

    def test_all_updates_what_is_there(self):
        board = self.ready(password="secret")
        out = self.push("--all", env={"OTTER_PASSWORD": "secret"})
        self.assertRegex(out, r"^lamp: updated: \d+ bytes .*, runs 1\.1\.0\n$")
        board.expect("^basic_ota 1.1.0$")

    def test_name_needs_no_resolver_of_the_system(self):
        self.ready()
        self.assertIn("lamp.local: updated", self.push("lamp.local"))

    def test_page_is_found_at_the_port_that_it_announces(self):
        board = self.board_on_the_wire("web_updater-1.0.0", hostname="lamp",
                                       ota="1", port="8080")
        board.expect("^IP address: ")
        self.assertRegex(
            self.right.run(program("otter"), "push", "--all", "--via", "http",
                           sketch("web_updater-1.1.0")),
            r"^lamp: updated: \d+ bytes .*, runs 1\.1\.0\n$")
        board.expect("^web_updater 1.1.0$")

    def test_bind_to_another_interface_is_named(self):
        """The device cannot answer to the loopback address."""
        self.ready()
        done = subprocess.run(
            [*self.right.prefix, program("otter"), "push", "--bind",
             "127.0.0.1", "--timeout", "1", "--no-mdns", LEFT,
             sketch("basic_ota-1.1.0")], capture_output=True, text=True,
            timeout=60, check=False)
        self.assertEqual(done.returncode, 13, done.stderr)
        self.assertIn("--bind 127.0.0.1 may not lead to the device",
                      done.stderr)


if __name__ == "__main__":
    unittest.main()

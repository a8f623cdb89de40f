# SPDX-License-Identifier: Apache-2.0
"""`otter push` over a wire of its own, where "all devices" are all there are:
a real board behind a real interface, found by multicast."""
import subprocess
import unittest

import netns_testlib
from netns_testlib import LEFT, RIGHT
from otter_testlib import program, sketch, wait_for


class Wire(netns_testlib.NetnsTest):
    def ready(self, **settings):
        return self.found(self.board_on_the_wire("basic_ota-1.0.0",
                                                 **settings))

    def found(self, board):
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

    def web_board(self):
        return self.found(self.board_on_the_wire("web_updater-1.0.0",
                                                 ota="1", port="8080"))

    def update_page(self, *words):
        board = self.web_board()
        out = self.right.run(program("otter"), "push", *words,
                             sketch("web_updater-1.1.0"))
        board.expect("^web_updater 1.1.0$")
        return out

    def test_page_is_found_at_the_port_that_it_announces(self):
        out = self.update_page("--all", "--via", "http")
        self.assertRegex(out,
                         r"^lamp: updated: \d+ bytes .*, runs 1\.1\.0\n$")

    def test_page_of_a_name_is_found_at_the_port_that_it_announces(self):
        self.assertIn("updated: ",
                      self.update_page("--via", "http", "lamp.local."))

    def test_page_of_an_address_is_found_at_the_port_that_it_announces(self):
        self.assertIn("updated: ", self.update_page("--via", "http", LEFT))

    def test_way_around_finds_the_port_that_is_announced(self):
        """The device cannot connect to this computer."""
        self.left.ip("rule", "add", "ipproto", "tcp", "dport", "8300",
                     "unreachable")
        out = self.update_page("--via", "auto", "--host-port", "8300",
                               "--connect-timeout", "1", LEFT)
        self.assertIn("updated: ", out)

    def no_page(self, *words):
        """What is said when no page answers."""
        done = subprocess.run(
            [*self.right.prefix, program("otter"), "push", "--via", "http",
             "--tries", "1", "--timeout", "1", *words,
             sketch("web_updater-1.1.0")], capture_output=True, text=True,
            timeout=60, check=False)
        self.assertEqual(done.returncode, 13, done.stderr)
        return done.stderr

    def test_port_that_is_given_is_better_than_the_announced_one(self):
        """Avahi announces a page that nobody serves."""
        avahi = self.avahi(self.right)
        self.start(self.right, "avahi-publish", "-s", "page", "_http._tcp",
                   "8080", env=avahi.env).console.expect("Established")
        said = self.no_page(RIGHT)
        self.assertIn("no update page answers on TCP port 8080", said)
        self.assertIn("(the device announces it; --page-port gives another)",
                      said)
        for words in ((RIGHT + ":8081",), ("--page-port", "8081", RIGHT)):
            said = self.no_page(*words)
            self.assertIn("no update page answers on TCP port 8081", said)
            self.assertIn("(--page-port, 80 by default)", said)
        self.assertIn("TCP port 80:", self.no_page("--no-mdns", RIGHT))

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

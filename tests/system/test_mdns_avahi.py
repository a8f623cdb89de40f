#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The responder of a board and a real Avahi across a wire: found, resolved,
contested, gone (protocol 1.14, 6; manual R30, R48 to R54)."""
import select
import socket
import unittest

import netns_testlib
from netns_testlib import LEFT, NetnsTest
from otter_testlib import PATIENCE, only, wait_for


class AvahiTest(NetnsTest):
    def responder(self, name="lamp", ready=True):
        """A board with the responder sketch."""
        board = self.board_on_the_wire("responder-1.0.0", hostname=name)
        board.expect("responder ready")
        if ready:
            board.expect(f"name {name}")
        return board

    def tell(self, *words):
        """A command for the sketch; what it answers."""
        s = self.right.socket(
            lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with s:
            s.sendto(" ".join(words).encode(), (LEFT, 7007))
            self.assertTrue(select.select([s], [], [], PATIENCE)[0], words)
            answer = s.recv(100).decode()
        self.assertTrue(answer.startswith("ok "), answer)
        return answer[3:]

    def browse(self, avahi, *options):
        return self.right.run("avahi-browse", "-p", "-t", *options,
                              env=avahi.env)

    def watch(self, avahi, *options):
        return self.start(self.right, "avahi-browse", "-p", *options,
                          env=avahi.env).console

    def test_avahi_browses_and_resolves_the_services(self):
        avahi = self.avahi(self.right)
        self.responder()
        console = self.watch(avahi, "-r", "_arduino._tcp")
        found = console.expect(r"^=;wire;IPv4;lamp;.*;local;(.*)$")[1]
        host, address, port, text = found.split(";")
        self.assertEqual((host, address, port), ("lamp.local", LEFT, "8266"))
        self.assertEqual(set(text.split()), {
            '"tcp_check=no"', '"ssh_upload=no"', '"board=nodemcuv2"',
            '"auth_upload=yes"', '"version=1.0"'})
        console = self.watch(avahi, "-r", "_http._tcp")
        console.expect(f"^=;wire;IPv4;lamp;.*;local;lamp.local;{LEFT};80;$")

    def test_avahi_resolves_name_and_address(self):
        avahi = self.avahi(self.right)
        self.responder()
        name = self.right.run("avahi-resolve", "-4", "-n", "lamp.local",
                              env=avahi.env)
        self.assertEqual(name.split(), ["lamp.local", LEFT])
        name = self.right.run("avahi-resolve", "-a", LEFT, env=avahi.env)
        self.assertEqual(name.split(), [LEFT, "lamp.local"])

    def test_avahi_lists_the_types(self):
        avahi = self.avahi(self.right)
        self.responder()
        console = self.watch(avahi, "-a")
        kinds = {console.expect(r"^\+;wire;IPv4;lamp;([^;]*);local$")[1]
                 for _ in range(2)}
        # Avahi may know a type by a name for people.
        self.assertEqual(len(kinds), 2)
        self.assertIn("_arduino._tcp", kinds)

    def test_avahi_sees_the_goodbye_and_the_return(self):
        avahi = self.avahi(self.right)
        self.responder()
        console = self.watch(avahi, "_arduino._tcp")
        console.expect(r"^\+;wire;IPv4;lamp;_arduino._tcp;local$")
        self.tell("close")
        # Long before the record would expire (4500 s).
        console.expect(r"^-;wire;IPv4;lamp;_arduino._tcp;local$")
        self.tell("open")
        console.expect(r"^\+;wire;IPv4;lamp;_arduino._tcp;local$")

    def test_avahi_sees_changed_text(self):
        avahi = self.avahi(self.right)
        self.responder()
        console = self.watch(avahi, "-r", "_arduino._tcp")
        console.expect(r'^=;.*"version=1.0"')
        self.tell("txt", "0", "version", "2.0")
        wait_for(lambda: '"version=2.0"' in self.browse(
            avahi, "-r", "_arduino._tcp"), "the new version")

    def test_device_gives_way_to_an_avahi_of_its_name(self):
        self.avahi(self.right, "lamp")
        board = self.responder(ready=False)
        board.expect("^name lamp-2$")
        self.assertEqual(self.tell("name"), "lamp-2")

    def test_avahi_gives_way_to_a_device_of_its_name(self):
        board = self.responder()
        avahi = self.avahi(self.right, "lamp")
        avahi.console.expect("lamp-2.local")
        self.assertEqual(self.tell("name"), "lamp")
        self.assertNotIn("lamp-2", board.console.text)

    def test_device_gives_way_to_a_service_of_its_name(self):
        avahi = self.avahi(self.right)
        other = self.start(self.right, "avahi-publish", "-s", "lamp",
                           "_arduino._tcp", "1234", env=avahi.env)
        other.console.expect("Established under name 'lamp'")
        board = self.responder(ready=False)
        board.expect("^name lamp-2$")
        console = self.watch(avahi, "-r", "_arduino._tcp")
        both = {console.expect(
            r"^=;wire;IPv4;([^;]*);_arduino._tcp;local;[^;]*;([^;]*);(\d+)")
            .groups() for _ in range(2)}
        self.assertEqual(both, {("lamp", netns_testlib.RIGHT, "1234"),
                                ("lamp-2", LEFT, "8266")})

    def test_contested_name_ends_with_one_owner(self):
        """Both own the name while the wire is cut; then it is mended."""
        self.responder()
        self.right.ip("link", "set", "wire", "down")
        avahi = self.avahi(self.right, "lamp")
        self.right.ip("link", "set", "wire", "up")
        wait_for(lambda: {self.owner(avahi, n) for n in
                          ("lamp.local", "lamp-2.local")} ==
                 {LEFT, netns_testlib.RIGHT}, "two names, two owners", 40)
        self.assertIn(self.tell("name"), ("lamp", "lamp-2"))

    def owner(self, avahi, name):
        answer = self.right.run("avahi-resolve", "-4", "-n", name,
                                env=avahi.env, status=None).split()
        return answer[1] if len(answer) == 2 else None

    @only("posix", "needs a namespace around the board")
    def test_wire_that_was_cut_is_announced_on_again(self):
        avahi = self.avahi(self.right)
        board = self.responder()
        self.left.ip("link", "set", "wire", "down")
        board.expect("^name lost$")
        console = self.watch(avahi, "_arduino._tcp")
        self.left.ip("link", "set", "wire", "up")
        board.expect("^name lamp$")
        console.expect(r"^\+;wire;IPv4;lamp;_arduino._tcp;local$")


if __name__ == "__main__":
    unittest.main()

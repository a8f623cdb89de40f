#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The responder of a board and clients that are written here, packet by
packet: what is on the wire (protocol 1.14, 6, 10 item 13)."""
import re
import unittest

import netns_testlib
from netns_testlib import (LEFT, PORT, NetnsTest, Peer, is_found, query,
                           record)
from otter_testlib import only, wait_for

INSTANCE = "lamp._arduino._tcp.local"
TYPE = "_arduino._tcp.local"


class Wire(NetnsTest):
    def setUp(self):
        super().setUp()
        self.peer = Peer(self, self.right, PORT)
        self.plain = Peer(self, self.right)

    def responder(self):
        return self.board_on_the_wire("responder-1.0.0")

    def running(self):
        board = self.responder()
        board.expect("name lamp")
        return board

    def test_every_packet_has_ttl_255_and_comes_from_the_port(self):
        self.running()
        message, sender, ttl = self.peer.receive(self.peer.group)
        self.assertEqual((sender, ttl), ((LEFT, PORT), 255))
        self.assertIn(("lamp.local", "ANY"), message.questions)
        self.plain.send(query(("lamp.local", "A")))
        message, sender, ttl = self.plain.receive()
        self.assertEqual((sender, ttl), ((LEFT, PORT), 255))

    def test_three_probes_then_announcements(self):
        self.running()
        for _ in range(3):
            message, *_ = self.peer.receive(self.peer.group)
            self.assertEqual(message.flags, 0)
            self.assertEqual([r[0] for r in message.records],
                             ["authority"] * len(message.records))
        groups = [self.peer.receive(self.peer.group)[0] for _ in range(3)]
        for message in groups:
            self.assertEqual((message.flags, message.id), (0x8400, 0))
            self.assertEqual(message.questions, [])
        self.assertTrue(is_found(groups[1], INSTANCE))
        self.assertTrue(is_found(groups[2], "lamp._http._tcp.local"))

    def test_plain_client_has_id_and_question_echoed(self):
        self.running()
        self.plain.send(query(("_ARDUINO._tcp.local", "PTR"), ident=0x8b1c))
        message, sender, _ttl = self.plain.receive()
        self.assertEqual(sender, (LEFT, PORT))
        self.assertEqual((message.id, message.flags), (0x8b1c, 0x8400))
        self.assertEqual(message.questions, [("_ARDUINO._tcp.local", "PTR")])
        self.assertTrue(is_found(message, INSTANCE))
        for _section, _name, _kind, flush, ttl, _data in message.records:
            self.assertEqual((flush, ttl), (0, 10))

    def test_wish_for_unicast_is_granted(self):
        self.running()
        self.peer.send(query((TYPE, "PTR", "QU")))
        message, sender, _ttl = self.peer.receive()
        self.assertEqual(sender, (LEFT, PORT))
        self.assertTrue(is_found(message, INSTANCE))

    def test_multicast_question_is_answered_to_everybody(self):
        self.running()
        self.peer.wait_for(lambda m, *_: m.of("PTR", TYPE), self.peer.group)
        self.peer.send(query((TYPE, "PTR")))
        message, *_ = self.peer.wait_for(
            lambda m, *_: m.of("PTR", TYPE) and m.of("A")[0][0] ==
            "additional", self.peer.group)
        self.assertTrue(is_found(message, INSTANCE))

    def test_known_answer_is_not_repeated(self):
        self.running()
        known = record(TYPE, "PTR", netns_testlib.encode_name(INSTANCE), 4500,
                       1)
        self.peer.send(query((TYPE, "PTR", "QU"), known=[known]))
        # The next answer is to the next question, not to the first.
        self.peer.send(query(("lamp.local", "A", "QU")))
        message, *_ = self.peer.receive()
        self.assertEqual(message.of("PTR"), [])
        self.assertEqual(message.of("A")[0][5], LEFT)

    def test_ipv6_address_does_not_exist(self):
        self.running()
        self.peer.send(query(("lamp.local", "AAAA", "QU")))
        message, *_ = self.peer.receive()
        self.assertEqual(message.records[0][1:3], ("lamp.local", "NSEC"))

    def test_follow_up_question_for_the_instance_is_answered(self):
        self.running()
        for kind in ("PTR", "ANY"):
            self.plain.send(query((INSTANCE, kind)))
            self.assertTrue(is_found(self.plain.receive()[0], INSTANCE))

    def test_truncated_query_is_answered_after_the_rest(self):
        self.running()
        self.drain()
        known = record(TYPE, "PTR", netns_testlib.encode_name(INSTANCE), 4500,
                       1)
        self.peer.send(query((TYPE, "PTR"), ("_http._tcp.local", "PTR"),
                             flags=0x0200))
        self.peer.send(query(known=[known]))
        message, *_ = self.peer.wait_for(
            lambda m, *_: m.of("PTR") and m.of("A")[0][0] == "additional",
            self.peer.group)
        self.assertEqual(message.of("PTR")[0][1], "_http._tcp.local")

    def drain(self):
        """All four announcements of the three groups."""
        for _ in range(3 + netns_testlib.ANNOUNCEMENTS):
            self.assertIsNotNone(self.peer.receive(self.peer.group))

    @only("posix", "needs a namespace around the board")
    def test_foreign_subnet_gets_no_unicast(self):
        """The board does not talk to whoever claims to be asking."""
        self.running()
        self.right.ip("addr", "add", "10.99.0.2/24", "dev", "wire")
        self.left.ip("route", "add", "10.99.0.0/24", "dev", "wire")
        stranger = Peer(self, self.right, address="10.99.0.2")
        stranger.send(query(("lamp.local", "A")))
        self.plain.send(query(("lamp.local", "A")))
        self.assertIsNotNone(self.plain.receive())
        self.assertIsNone(stranger.receive(patience=0.5))

    def test_garbage_is_survived(self):
        self.running()
        good = query(("lamp.local", "A", "QU"))
        for bad in (b"", b"\0" * 11, b"\xff" * 1400, good[:-3],
                    good[:12] + b"\xc0\x0c\0\1\0\1",
                    b"\0\0\0\0" + b"\xff" * 8 + good[12:]):
            self.peer.send(bad)
        self.peer.send(good)
        message, *_ = self.peer.receive()
        self.assertEqual(message.of("A")[0][5], LEFT)

    @only("posix", "needs a namespace around the board")
    def test_two_boards_of_one_name_part(self):
        first = self.running()
        second = self.board_on_the_wire("responder-1.0.0", self.right)
        second.expect("name lamp-2")
        self.assertNotIn("lost", first.console.text)

    @only("posix", "needs a namespace around the board")
    def test_two_boards_that_start_together_part(self):
        boards = [self.board_on_the_wire("responder-1.0.0", space, ["--off"])
                  for space in (self.left, self.right)]
        for board in boards:
            board.control("power on")
        wait_for(lambda: {self.last_name(b) for b in boards} ==
                 {"lamp", "lamp-2"}, "two names")

    def last_name(self, board):
        """What the sketch said last about its name."""
        found = re.findall(r"^name (lamp.*)$", board.console.text, re.M)
        return found[-1] if found else None


if __name__ == "__main__":
    unittest.main()

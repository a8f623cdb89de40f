#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""hal/net.h on the virtual board, call by call: the probe makes the calls,
real sockets are the other side."""
import os
import socket
import struct
import subprocess
import unittest

import otter_testlib
from otter_testlib import (BOARD, FACTS, HOST, PATIENCE, PROBE_PORT,
                           ProbeError, only, wait_for)

(INVALID, BUSY, PENDING, STATE, NO_MEMORY, CLOSED, NETWORK, CONNECT, LOOKUP,
 IN_USE, AGAIN, NO_DATA) = (-1, -2, -3, -4, -5, -7, -10, -11, -12, -13, -14,
                            -32)
IP_RECVTTL = 12  # linux/in.h
GROUP = "224.0.0.251"
LOOPBACK = "1"  # index of the interface lo, on every Linux


class NetTest(otter_testlib.SystemTest):
    def setUp(self):
        super().setUp()
        self.device = self.probe()
        self.address = self.device.board.address

    def error(self, *words):
        with self.assertRaises(ProbeError) as caught:
            self.device.ask(*words)
        return caught.exception.number

    def socket(self, kind=socket.SOCK_STREAM, at=(HOST, 0)):
        s = socket.socket(socket.AF_INET, kind)
        self.addCleanup(s.close)
        s.settimeout(PATIENCE)
        s.bind(at)
        return s

    def group_socket(self):
        """A host's socket in the mDNS group on loopback."""
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(s.close)
        s.settimeout(PATIENCE)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
        s.bind((GROUP, self.port))
        member = socket.inet_aton(GROUP) + socket.inet_aton(HOST)
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        return s


class Interface(NetTest):
    def test_interface_is_the_boards_one(self):
        mac = self.device.ask("identity")[0]
        self.assertEqual(self.device.ask("interface", 0),
                         [LOOPBACK, mac, "1", self.address, "0", FACTS.mask,
                          "0"])
        self.assertEqual(self.error("interface", 1), NO_DATA)

    @only("posix", "an interface of the host; the LX106 has one of its own")
    def test_interface_option_takes_its_address(self):
        """In a network namespace with an interface of its own."""
        setup = ("ip link set lo up && "
                 "ip link add net0 type veth peer name net1 && "
                 "ip addr add 10.9.8.7/24 dev net0 && ip link set net0 up")
        inside = ["unshare", "-r", "-n", "sh", "-c"]
        if subprocess.run([*inside, setup], capture_output=True,
                          check=False).returncode != 0:
            self.skipTest("no network namespaces here")
        board = self.board("probe-1.0.0", args=["--interface", "net0"],
                           prefix=[*inside, setup + ' && exec "$@"', "sh"])
        board.expect("^probe ready$")
        status = board.status()
        self.assertEqual((status["address"], status["mac"]),
                         ("10.9.8.7", "02:4f:54:09:08:07"))


class Datagrams(NetTest):
    def test_datagram_there_and_back_with_addresses(self):
        port = self.device.ask("udp_open", 1, 0, 0)[0]
        self.assertEqual(self.error("udp_recv", 1, 100), AGAIN)
        peer = self.socket(socket.SOCK_DGRAM)
        peer.sendto(b"hi!", (self.address, int(port)))
        peer_port = str(peer.getsockname()[1])
        self.assertEqual(self.device.wait("udp_recv", 1, 100),
                         ["3", b"hi!".hex(), HOST, peer_port,
                          self.address, port, LOOPBACK, "0"])
        self.device.ask("udp_send", 1, HOST, peer_port, "answer")
        self.assertEqual(peer.recvfrom(100),
                         (b"answer", (self.address, int(port))))
        peer.sendto(b"", (self.address, int(port)))
        self.assertEqual(self.device.wait("udp_recv", 1, 100)[0], "0")

    def test_datagram_longer_than_the_buffer_says_so(self):
        port = int(self.device.ask("udp_open", 1, 0, 0)[0])
        peer = self.socket(socket.SOCK_DGRAM)
        peer.sendto(b"0123456789", (self.address, port))
        answer = self.device.wait("udp_recv", 1, 4)
        self.assertEqual((answer[0], answer[1], answer[-1]),
                         ("4", b"0123".hex(), "1"))

    def test_port_in_use_and_free_again(self):
        self.assertEqual(self.error("udp_open", 1, PROBE_PORT, 0), IN_USE)
        self.assertEqual(self.device.ask("udp_open", 1, 5000, 0), ["5000"])
        self.assertEqual(self.error("udp_open", 2, 5000, 0), IN_USE)
        self.device.ask("udp_close", 1)
        self.assertEqual(self.device.ask("udp_open", 2, 5000, 0), ["5000"])

    def test_pool_of_sockets_ends_and_refills(self):
        for slot in range(FACTS.udp_sockets - 1):  # the probe holds one
            self.device.ask("udp_open", slot, 0, 0)
        self.assertEqual(self.error("udp_open", 19, 0, 0), NO_MEMORY)
        self.device.ask("udp_close", 1)
        self.device.ask("udp_open", 1, 0, 0)

    def test_sending_to_nowhere(self):
        """A port where nobody listens loses the datagram silently."""
        self.device.ask("udp_open", 1, 0, 0)
        port = otter_testlib.free_port(kind=socket.SOCK_DGRAM)
        for _ in range(3):
            self.device.ask("udp_send", 1, HOST, port, "x")
        self.assertEqual(self.error("udp_recv", 1, 10), AGAIN)


class Multicast(NetTest):
    def setUp(self):
        super().setUp()
        self.port = otter_testlib.free_port(kind=socket.SOCK_DGRAM)
        self.other = self.probe()
        for probe in (self.device, self.other):
            probe.ask("udp_open", 1, self.port, 1)
            probe.ask("udp_join", 1, GROUP, 255)

    def test_group_hears_the_board_and_not_the_sender(self):
        host = self.group_socket()
        self.device.ask("udp_send", 1, GROUP, self.port, "hello")
        data, ancillary, _, source = host.recvmsg(100, 100)
        self.assertEqual((data, source),
                         (b"hello", (self.address, self.port)))
        self.assertEqual([struct.unpack("i", d)[0] for _, kind, d in
                          ancillary if kind == socket.IP_TTL], [255])
        heard = self.other.wait("udp_recv", 1, 100)
        self.assertEqual(heard, ["5", b"hello".hex(), self.address,
                                 str(self.port), GROUP, str(self.port),
                                 LOOPBACK, "0"])
        # Both have had it, so the sender would have had it too.
        self.assertEqual(self.error("udp_recv", 1, 100), AGAIN)

    def test_unicast_reaches_one_board_only(self):
        host = self.socket(socket.SOCK_DGRAM)
        host.sendto(b"you", (self.address, self.port))
        self.assertEqual(self.device.wait("udp_recv", 1, 100)[4],
                         self.address)
        with self.assertRaises(ProbeError):
            self.other.ask("udp_recv", 1, 100)

    def test_second_group_is_refused(self):
        self.assertEqual(self.error("udp_join", 1, "224.0.0.252", 1), STATE)


class Connections(NetTest):
    def connect(self, slot=1):
        """A connection from the probe to a socket of this test."""
        listener = self.socket()
        listener.listen()
        self.device.ask("open", slot, *listener.getsockname())
        peer, (source, _) = listener.accept()
        self.addCleanup(peer.close)
        peer.settimeout(PATIENCE)
        self.assertEqual(source, self.address)
        self.device.wait("state", slot, error=PENDING)
        return peer

    def test_bytes_there_and_back(self):
        peer = self.connect()
        self.assertEqual(self.error("read", 1, 100), AGAIN)
        peer.sendall(b"to the device")
        self.assertEqual(self.device.wait("read", 1, 6),
                         [b"to the".hex()])
        self.assertEqual(self.device.wait("read", 1, 100),
                         [b" device".hex()])
        self.assertEqual(self.device.ask("write", 1, 2000), ["2000"])
        got = b""
        while len(got) < 2000:
            got += peer.recv(4096)
        self.assertEqual(got, b"x" * 2000)

    def test_refused_connection(self):
        self.device.ask("open", 1, HOST, otter_testlib.free_port())
        wait_for(lambda: self.error("state", 1) == CONNECT, "the refusal")
        self.assertEqual(self.error("read", 1, 1), CLOSED)
        self.assertEqual(self.error("write", 1, 1), CLOSED)
        self.device.ask("close", 1)

    def test_unanswered_connection_stays_pending(self):
        """A listener whose queue is full lets further ones wait."""
        listener = self.socket()
        listener.listen(0)
        for _ in range(4):
            s = socket.socket()
            self.addCleanup(s.close)
            s.setblocking(False)
            s.connect_ex(listener.getsockname())
        self.device.ask("open", 1, *listener.getsockname())
        self.assertEqual(self.error("state", 1), PENDING)
        self.assertEqual(self.error("read", 1, 1), AGAIN)
        self.assertEqual(self.device.ask("write", 1, 5), ["0"])
        self.device.ask("close", 1)

    def test_ipv6_is_refused(self):
        self.assertEqual(self.error("open6", 1), NETWORK)

    def test_peers_end_shows_after_its_last_byte(self):
        peer = self.connect()
        peer.sendall(b"last")
        peer.shutdown(socket.SHUT_WR)
        self.device.ask("state", 1)
        self.assertEqual(self.device.wait("read", 1, 100), [b"last".hex()])
        wait_for(lambda: self.device_state() == CLOSED, "the end")
        self.assertEqual(self.error("read", 1, 100), CLOSED)
        # The other direction is still open.
        self.device.ask("write", 1, 3)
        self.assertEqual(peer.recv(100), b"xxx")

    def device_state(self):
        try:
            self.device.ask("state", 1)
            return 0
        except ProbeError as e:
            return e.number

    def test_reset_by_the_peer_ends_everything(self):
        peer = self.connect()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
        peer.close()
        wait_for(lambda: self.device_state() == CLOSED, "the reset")
        self.assertEqual(self.error("write", 1, 1), CLOSED)
        self.assertEqual(self.device.ask("unsent", 1), ["0"])

    def test_abort_resets_the_peer(self):
        peer = self.connect()
        self.device.ask("abort", 1)
        with self.assertRaises(ConnectionResetError):
            peer.recv(100)

    def test_close_delivers_what_was_written_despite_unread_bytes(self):
        """A plain close would reset the connection here, and the peer could
        lose the device's last words."""
        peer = self.connect()
        peer.sendall(b"never read by the device")
        self.device.wait("state", 1)
        self.device.ask("write", 1, 1000)
        self.device.ask("close", 1)
        peer.sendall(b"nor this")
        got = b""
        while data := peer.recv(4096):
            got += data
        self.assertEqual(got, b"x" * 1000)
        peer.close()

    def test_unsent_counts_until_the_peer_has_read(self):
        peer = self.connect()
        while int(self.device.ask("write", 1, 100000)[0]) > 0:
            pass
        self.assertGreater(int(self.device.ask("unsent", 1)[0]), 0)

        def drained():
            peer.setblocking(False)
            try:
                while peer.recv(1 << 20):
                    pass
            except BlockingIOError:
                pass
            return self.device.ask("unsent", 1) == ["0"]

        wait_for(drained, "all bytes to be acknowledged")

    def test_host_feels_the_devices_window(self):
        """A host that sends faster than the device reads is held back after
        a few segments, not after this computer's megabytes."""
        peer = self.connect()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        peer.setblocking(False)
        sent = 0
        try:
            while True:
                sent += peer.send(b"y" * 1024)
        except BlockingIOError:
            pass
        self.assertLess(sent, 100_000)

    def test_pool_of_connections_ends_and_refills(self):
        listener = self.socket()
        listener.listen(20)
        for slot in range(FACTS.connections):
            self.device.ask("open", slot, *listener.getsockname())
        self.assertEqual(self.error("open", 19, *listener.getsockname()),
                         NO_MEMORY)
        self.device.ask("close", 2)
        self.device.ask("open", 2, *listener.getsockname())


class Listeners(NetTest):
    def test_listener_accepts_and_names_the_peer(self):
        port = int(self.device.ask("listen", 1, 0)[0])
        self.assertEqual(self.error("accept", 1, 2), AGAIN)
        peer = self.socket()
        peer.connect((self.address, port))
        self.assertEqual(self.device.wait("accept", 1, 2),
                         [HOST, str(peer.getsockname()[1])])
        peer.sendall(b"hello")
        self.assertEqual(self.device.wait("read", 2, 100),
                         [b"hello".hex()])

    def test_listener_port_in_use_and_free_again(self):
        self.device.ask("listen", 1, 8080)
        self.assertEqual(self.error("listen", 2, 8080), IN_USE)
        self.device.ask("unlisten", 1)
        self.assertEqual(self.device.ask("listen", 2, 8080), ["8080"])

    def test_listener_works_at_once_after_a_reset(self):
        """Connections that died with the reset do not block the port."""
        self.device.ask("listen", 1, 8080)
        peer = self.socket()
        peer.connect((self.address, 8080))
        self.device.wait("accept", 1, 2)
        self.device.tell("restart")
        self.device.board.expect("^probe ready$")
        self.assertEqual(self.device.ask("listen", 1, 8080), ["8080"])

    def test_pool_of_listeners_ends(self):
        for slot in range(FACTS.listeners):
            self.device.ask("listen", slot, 0)
        self.assertEqual(self.error("listen", 19, 0), NO_MEMORY)

    @only("posix", "the LX106 refuses what its pool has no place for")
    def test_connection_without_a_place_waits_for_one(self):
        port = int(self.device.ask("listen", 1, 0)[0])
        peers = []
        for slot in range(16):
            peer = self.socket()
            peer.connect((self.address, port))
            peers.append(peer)
            self.device.wait("accept", 1, slot)
        late = self.socket()
        late.connect((self.address, port))
        self.assertEqual(self.error("accept", 1, 16), NO_MEMORY)
        self.device.ask("abort", 3)
        self.assertEqual(self.device.wait("accept", 1, 3)[1],
                         str(late.getsockname()[1]))


class Names(NetTest):
    def test_address_texts_are_answered_at_once(self):
        self.device.ask("lookup", "10.1.2.3")
        self.assertEqual(self.device.ask("looked"), ["4", "10.1.2.3", "0"])
        if BOARD == "posix":  # the LX106's port knows IPv4 only
            self.device.ask("lookup", "::1")
            self.assertEqual(self.device.ask("looked")[0], "6")

    def resolver(self, hosts="", servers=""):
        """The prefix of a board whose host resolves names by these files; a
        machine may have none of them, or another resolver."""
        etc = self.folder / "etc"
        etc.mkdir()
        for name, text in (("nsswitch.conf", "hosts: files dns\n"),
                           ("hosts", hosts), ("resolv.conf", servers)):
            (etc / name).write_text(text, encoding="ascii")
        inside = ["unshare", *([] if os.geteuid() == 0 else ["-r"]), "-m",
                  "sh", "-c", f'mount --bind "{etc}" /etc && exec "$@"', "sh"]
        if subprocess.run([*inside, "true"], capture_output=True,
                          check=False).returncode != 0:
            self.skipTest("no mount namespaces here")
        return inside

    @only("posix", "the host's resolver; test_lx106.py asks a server")
    def test_host_name(self):
        self.device = self.probe(prefix=self.resolver(
            hosts="10.9.8.7 lamp.example\n"))
        self.device.ask("lookup", "lamp.example")
        self.assertEqual(self.device.wait("looked", error=PENDING),
                         ["4", "10.9.8.7", "0"])

    def test_name_that_does_not_exist(self):
        self.device.ask("lookup", "a" * 64 + ".invalid")  # no legal label
        wait_for(lambda: self.error("looked") == LOOKUP, "the failure")
        self.device.ask("lookup", "localhost")

    def test_names_that_are_none(self):
        self.assertEqual(self.error("lookup"), INVALID)
        self.assertEqual(self.error("lookup", "n" * 254), INVALID)

    def test_one_lookup_at_a_time_and_cancel(self):
        self.device.ask("lookup", "localhost")
        self.assertEqual(self.error("lookup", "localhost"), BUSY)
        self.device.ask("cancel")
        self.assertEqual(self.error("looked"), LOOKUP)
        self.device.ask("lookup", "localhost")
        self.device.ask("cancel")
        if BOARD == "posix":
            self.assertEqual(self.children(self.device.board), [])

    def children(self, board):
        pid = board.status()["cpu_pid"]
        with open(f"/proc/{pid}/task/{pid}/children",
                  encoding="ascii") as f:
            return f.read().split()

    @only("posix", "the host's resolver")
    @unittest.skipUnless(os.geteuid() == 0, "port 53 needs root")
    def test_lookup_without_an_answer_blocks_nothing(self):
        """The board asks a name server that never answers: itself."""
        address = otter_testlib.free_address()
        self.device = self.probe(address=address, prefix=self.resolver(
            servers=f"nameserver {address}\n"))
        self.device.ask("udp_open", 1, 53, 0)
        self.device.ask("lookup", "unanswered.example")
        self.device.wait("udp_recv", 1, 512)
        self.assertEqual(self.error("looked"), PENDING)
        self.assertEqual(len(self.children(self.device.board)), 1)
        self.device.ask("cancel")
        self.assertEqual(self.children(self.device.board), [])
        self.device.ask("lookup", "unanswered.example")
        child = self.children(self.device.board)[0]
        self.device.board.control("reset")
        self.device.board.expect("^probe ready$")
        wait_for(lambda: not os.path.exists(f"/proc/{child}"),
                 "the resolver's end")

    def test_a_reset_during_a_lookup_leaves_nothing(self):
        self.device.ask("lookup", "localhost")
        self.device.board.control("reset")
        self.device.board.expect("^probe ready$")
        self.assertEqual(self.error("looked"), LOOKUP)


if __name__ == "__main__":
    unittest.main()

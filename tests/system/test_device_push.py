#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rows of protocol 1.7 over real sockets: what a host sees of basic_ota on
a virtual board, and what its console says.  The host is a script that sends
the bytes of protocol 1.2 and shares no code with Otter.  After each failure
the same board takes a right update."""
import hashlib
import pathlib
import socket
import struct
import unittest

import otter_testlib
from otter_testlib import HOST, OTHER_HOST, PATIENCE, sketch

BUSY = b"ERR: ERROR[15]: Update already running\n"


def md5hex(data):
    return hashlib.md5(data).hexdigest()


class Host:
    """An uploader: a UDP socket and a TCP listener on an address of its
    own."""

    def __init__(self, board, address=HOST, port=8266):
        self.board = (board.address, port)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, 0))
        self.udp.settimeout(PATIENCE)
        self.listener = socket.create_server((address, 0))
        self.listener.settimeout(PATIENCE)
        self.tcp_port = self.listener.getsockname()[1]
        self.tcp = None

    def say(self, text):
        self.udp.sendto(text if isinstance(text, bytes) else text.encode(),
                        self.board)

    def invite(self, data, command=0, size=None, md5=None):
        self.say(f"{command} {self.tcp_port} "
                 f"{len(data) if size is None else size} "
                 f"{md5 or md5hex(data)}\n")

    def hear(self):
        return self.udp.recv(2048)

    def connect(self):
        """The device's connection."""
        if self.tcp:
            self.tcp.close()
        self.tcp, peer = self.listener.accept()
        self.tcp.settimeout(PATIENCE)
        assert peer[0] == self.board[0], peer

    def start(self, data, **more):
        self.invite(data, **more)
        reply = self.hear()
        assert reply == b"OK", reply
        self.connect()

    def send(self, data):
        self.tcp.sendall(data)

    def result(self):
        """What the device says until it closes, without the counts."""
        said = b""
        while part := self.tcp.recv(4096):
            said += part
        return said.lstrip(b"0123456789")

    def close(self):
        for opened in (self.tcp, self.listener, self.udp):
            if opened:
                opened.close()


class DevicePush(otter_testlib.SystemTest):
    def setUp(self):
        super().setUp()
        self.image = pathlib.Path(
            sketch("basic_ota-1.1.0", "")).read_bytes()

    def host(self, board, address=HOST):
        host = Host(board, address)
        self.addCleanup(host.close)
        return host

    def ready(self, **options):
        options.setdefault("map", "1M64")
        board = self.board("basic_ota-1.0.0", flavour="", **options)
        board.expect("^Ready$")
        return board, self.host(board)

    def takes_an_update(self, board, password=None):
        """A right update from a new host ends in the new sketch."""
        host = self.host(board)
        host.invite(self.image)
        if password is not None:
            self.answer(host, password)
        self.assertEqual(host.hear(), b"OK")
        host.connect()
        host.send(self.image)
        self.assertEqual(host.result(), b"OK")
        board.expect("^End$")
        board.expect("^basic_ota 1.1.0$")
        board.expect("^Ready$")

    def answer(self, host, password):
        reply = host.hear()
        self.assertRegex(reply, rb"^AUTH [0-9a-f]{32}$")
        cnonce = md5hex(b"any text")
        stored = md5hex(password.encode())
        response = md5hex(
            f"{stored}:{reply[5:].decode()}:{cnonce}".encode())
        host.say(f"200 {cnonce} {response}\n")

    def refused(self, board, host, reply, number, reason):
        """The datagram, and the words on the console."""
        self.assertEqual(host.hear(), reply)
        board.expect(rf"^Error\[{number}\]: .*\nReason: {reason}$")

    def failed(self, board, host, text, number, reason):
        self.assertEqual(host.result(), text)
        board.expect(rf"Error\[{number}\]: .*\nReason: {reason}$")

    # --- Before the upload ----------------------------------------------

    def test_refusals_and_noise(self):
        board, host = self.ready()
        for noise in (b"", b"hello\n", b"7 1 1 " + b"0" * 32 + b"\n",
                      b"0 1 1 " + b"0" * 31 + b"\n", b"\0" * 1400,
                      b"200 " + b"0" * 32 + b" " + b"0" * 32 + b"\n"):
            host.say(noise)  # not answered: the next reply is the size's
        host.invite(b"")
        self.refused(board, host, b"ERR: ERROR[5]: Bad Size Given\n", 1,
                     "bad size given")
        host.invite(self.image, size=3000016)
        self.refused(board, host, b"ERR: ERROR[4]: Not Enough Space\n", 1,
                     "not enough space.*")
        host.invite(self.image, command=100, size=0x10001)
        self.refused(board, host, b"ERR: ERROR[4]: Not Enough Space\n", 1,
                     "not enough space.*")
        board.control("strap download")
        host.invite(self.image)
        self.refused(board, host, b"ERR: ERROR[11]: Invalid bootstrapping "
                     b"state, reset ESP8266 before updating\n", 1,
                     "started in serial download mode.*")
        board.control("strap run")
        self.takes_an_update(board)

    def test_flash_smaller_than_configured(self):
        board, host = self.ready()
        board.stop()
        header = board.read_flash(0, 4)
        board.patch_flash(3, bytes([0x40 | header[3] & 15]))  # 4 MiB
        board.start()
        board.expect("^Ready$")
        host.invite(self.image)
        self.refused(board, host, b"ERR: ERROR[8]: Flash config wrong: real: "
                     b"1048576, SDK: 4194304\n", 1, "the flash is smaller.*")
        board.stop()
        board.patch_flash(3, header[3:])
        board.start()
        board.expect("^Ready$")
        self.takes_an_update(board)

    def test_wrong_password(self):
        board, host = self.ready(settings={"password": "geheim"})
        host.invite(self.image)
        self.answer(host, "falsch")
        self.refused(board, host, b"Authentication Failed", 0,
                     "authentication failed")
        self.takes_an_update(board, "geheim")

    def test_guessing_leads_to_a_wait_of_this_machine_only(self):
        board, host = self.ready(settings={"password": "geheim"})
        guesser = self.host(board, OTHER_HOST)
        for _ in range(3):
            guesser.invite(self.image)
            self.answer(guesser, "falsch")
            self.assertEqual(guesser.hear(), b"Authentication Failed")
        guesser.invite(self.image)
        self.assertEqual(guesser.hear(), b"ERR: wrong passwords, wait 1 s\n")
        self.takes_an_update(board, "geheim")

    # --- Section 10, items 6 and 7 --------------------------------------
    def test_parser_table(self):
        """What is accepted is answered at once; that the rest is ignored
        shows in the reply to what comes after it."""
        board, host = self.ready()
        digits = "0123456789abcdef0123456789abcdef"
        host.listener.close()
        deaf = socket.socket()  # bound, so that nobody else listens there
        self.addCleanup(deaf.close)
        deaf.bind((HOST, 0))
        port = deaf.getsockname()[1]
        for accepted in (f"0 {port} 1 {digits}\n", f"0 {port} 1 {digits}",
                         f"000 0{port} 5 {digits}\r\n",
                         f"100 {port} 4096 {digits}\n"):
            for ignored in (f"0 1 1 {digits[1:]}\n", f"7 1 1 {digits}\n",
                            "hello\n", f"200 {digits} {digits}\n"):
                host.say(ignored)
            host.say(accepted)
            self.assertEqual(host.hear(), b"OK", accepted)
            # It dials the port, where nobody listens.
            board.expect(r"Error\[2\]: Connect Failed$")
        host.say(f"0 1 1234567890123456 {digits}\n")
        self.refused(board, host, b"ERR: ERROR[5]: Bad Size Given\n", 1,
                     "bad size given")
        self.takes_an_update(board)

    def test_waitauth_table(self):
        board, host = self.ready(settings={"password": "geheim"})
        cnonce = md5hex(b"any text")

        def challenged():
            host.invite(self.image)
            reply = host.hear()
            self.assertRegex(reply, rb"^AUTH [0-9a-f]{32}$")
            return reply[5:].decode()

        def response(nonce):
            stored = md5hex(b"geheim")
            return md5hex(f"{stored}:{nonce}:{cnonce}".encode())

        # Silence, and idle: the next invitation is the first to be answered.
        challenged()
        host.invite(self.image)
        nonce = challenged()
        host.say(f"200 {cnonce} {response(nonce)}\r\n")
        nonce = challenged()
        host.say(f"200 {cnonce} {response(nonce).upper()}\n")
        self.refused(board, host, b"Authentication Failed", 0,
                     "authentication failed")
        nonce = challenged()
        host.say(f"200 {cnonce} {response(nonce)}\n")
        self.assertEqual(host.hear(), b"OK")
        host.connect()
        host.send(self.image)
        self.assertEqual(host.result(), b"OK")
        board.expect("^basic_ota 1.1.0$")
        board.expect("^Ready$")
        host = self.host(board)
        host.invite(self.image, size=3000016)
        self.answer(host, "geheim")
        self.refused(board, host, b"ERR: ERROR[4]: Not Enough Space\n", 1,
                     "not enough space.*")

    # --- The connection --------------------------------------------------

    def test_host_port_unreachable(self):
        board, host = self.ready()
        host.listener.close()
        host.invite(self.image)
        self.assertEqual(host.hear(), b"OK")
        board.expect(r"Error\[2\]: Connect Failed\nReason: the connection "
                     "could not be established$")
        self.takes_an_update(board)

    # --- The upload ------------------------------------------------------

    def test_uploads_that_fail(self):
        """One after the other on one board."""
        board, host = self.ready()
        wrong = md5hex(b"something else")
        host.start(self.image, md5=wrong)
        host.send(self.image)
        self.failed(board, host,
                    f"ERROR[7]: MD5 verification failed: expected: {wrong}, "
                    f"calculated: {md5hex(self.image)}\n".encode(),
                    4, "the digest does not match")
        for byte, value, text, reason in (
                (0, 0x00, b"ERROR[10]: Magic byte is not 0xE9\n",
                 "the first byte is not 0xE9"),
                (3, 0x40, b"ERROR[9]: new Flash config wrong, real size: "
                 b"1048576\n", "the image is built for a larger flash")):
            data = bytearray(self.image)
            data[byte] = value
            host.start(bytes(data))
            host.send(data)
            self.failed(board, host, text, 4, reason)
        for size, text, reason in (
                (100, b"ERROR[13]: No data supplied\n", "no data supplied"),
                (10000, b"ERROR[144]: the upload ended before the announced "
                 b"size\n", "the upload ended before.*")):
            host.start(self.image)
            host.send(self.image[:size])
            host.tcp.shutdown(socket.SHUT_WR)
            self.failed(board, host, text, 4, reason)
        host.start(self.image)
        host.send(self.image[:10000])
        board.expect("Progress: [1-9]")
        host.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
        host.tcp.close()  # by a reset, as a killed process may do
        board.expect(r"Error\[4\]: End Failed$")
        self.takes_an_update(board)

    def test_host_that_sends_more(self):
        board, host = self.ready()
        host.start(self.image)
        host.send(self.image + b"surplus" * 100)
        said = b""
        while not said.endswith(b"OK"):
            part = host.tcp.recv(4096)
            self.assertTrue(part)
            said += part
        board.expect("^basic_ota 1.1.0$")
        flash = board.read_flash(0, len(self.image))
        self.assertEqual(flash[4:], self.image[4:])

    def test_host_that_falls_silent(self):
        """15 s, in the core for ever."""
        board, host = self.ready()
        host.start(self.image)
        host.send(self.image[:-1])
        self.failed(board, host, b"ERROR[6]: Stream Read Timeout\n", 3,
                    "the other side stayed silent for too long")
        self.takes_an_update(board)

    def test_second_host_during_an_update(self):
        """In the core this destroys the running update."""
        board, host = self.ready()
        other = self.host(board, OTHER_HOST)
        host.start(self.image)
        half = len(self.image) // 2
        host.send(self.image[:half])
        board.expect("Progress: [1-9]")
        other.invite(self.image)
        self.assertEqual(other.hear(), BUSY)
        host.invite(self.image)  # the host's own repetition: silence
        host.send(self.image[half:])
        self.assertEqual(host.result(), b"OK")
        board.expect("^basic_ota 1.1.0$")
        host.udp.setblocking(False)
        with self.assertRaises(BlockingIOError):
            host.hear()

    def test_host_that_trickles_bytes(self):
        """Counts and boundaries do not matter to the result."""
        board, host = self.ready()
        host.start(self.image)
        host.tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        at = 0
        for size in [1, 2, 3, 511, 512, 513, 1459, 1460, 1461, 4095, 4097]:
            host.send(self.image[at:at + size])
            at += size
            self.assertTrue(host.tcp.recv(100).isdigit())
        host.send(self.image[at:])
        self.assertEqual(host.result(), b"OK")
        board.expect("^basic_ota 1.1.0$")


if __name__ == "__main__":
    unittest.main()

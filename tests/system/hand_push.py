# SPDX-License-Identifier: Apache-2.0
"""A host that pushes by hand, without the code of the tool: for tests in which
the board loses its power meanwhile."""
import hashlib
import select
import socket
import struct
import threading
import time

import otter_testlib
from otter_testlib import PATIENCE

RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # struct linger


class Push(threading.Thread):
    """One update, as fast as the board takes it.  The update
    ends with the board's answer, or when the host hangs up because it knows
    that the board has no power any more.  Nothing of it is left then: a
    connection that the host went on to send on would meet the board again
    when it is on."""

    def __init__(self, image, address):
        super().__init__(daemon=True)
        self.image = image
        self.address = address
        self.answer = b""
        self.fault = None
        self._up, self._hung_up = socket.socketpair()

    def run(self):
        try:
            with socket.create_server((otter_testlib.HOST, 0)) as server, \
                    socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                if self._invite(udp, server) and self._wait(server):
                    tcp, _ = server.accept()
                    with tcp:
                        self._send(tcp)
        except Exception as fault:  # finish raises it in the test's thread
            self.fault = fault

    def _wait(self, *sockets, writing=(), patience=PATIENCE):
        """The sockets that are ready; none after hang_up."""
        ready = select.select([self._hung_up, *sockets], writing, [],
                              patience)
        return [] if self._hung_up in ready[0] else ready[0] + ready[1]

    def _alive(self):
        return not select.select([self._hung_up], [], [], 0)[0]

    def _invite(self, udp, server):
        """Until the board says OK; its interface may just come up."""
        invitation = (f"0 {server.getsockname()[1]} {len(self.image)} "
                      f"{hashlib.md5(self.image).hexdigest()}\n")
        end = time.monotonic() + PATIENCE
        while self._alive() and time.monotonic() < end:
            udp.sendto(invitation.encode(), (self.address, 8266))
            if self._wait(udp, patience=0.2):
                assert udp.recv(100) == b"OK"
                return True
        return False

    def _send(self, tcp):
        tcp.setblocking(False)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        left = memoryview(self.image)
        while ready := self._wait(tcp, writing=[tcp] if left else []):
            if tcp in ready and left:
                try:
                    left = left[tcp.send(left):]
                except BlockingIOError:  # only readable
                    pass
            try:
                part = tcp.recv(4096)
            except BlockingIOError:
                continue
            if not part:
                break
            self.answer += part

    def finish(self):
        """Waits for the board's last word: True when it took the update."""
        self.join(6 * PATIENCE)
        return self._end()

    def hang_up(self):
        """The board has no power any more."""
        self._up.send(b"!")
        self.join(PATIENCE)
        self._end()

    def _end(self):
        assert not self.is_alive(), "the push does not end"
        self._up.close()
        self._hung_up.close()
        if self.fault and not isinstance(self.fault, ConnectionError):
            raise self.fault
        return self.answer.endswith(b"OK")

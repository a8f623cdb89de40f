# SPDX-License-Identifier: Apache-2.0
"""A link with a round trip time, for the push protocol.

The relay has an address of its own and stands between the uploader and one
device: datagrams go through it both ways, the port in an invitation becomes
one of the relay, and the device's connection goes on from the relay's address
to the uploader.  Everything is delivered half a round trip later, and no more
bytes are on their way to the device than a chip's receive window lets through,
which is what makes a distant device slow.  No packets are lost.

Runs in a thread; `times` holds the moments of the last upload."""
import heapq
import itertools
import selectors
import socket
import threading
import time

WINDOW = 4 * 1460  # lwIP on the ESP8266: four full segments


class Relay(threading.Thread):
    def __init__(self, address, device, round_trip, window=WINDOW):
        super().__init__(daemon=True)
        self.address = address
        self.device = device  # (address, UDP port)
        self.delay = round_trip / 2
        self.window = window
        self.times = {}
        self.selector = selectors.DefaultSelector()
        self.due = []  # heap of (time, number, function)
        self.numbers = itertools.count()
        self.wakeup = socket.socketpair()
        self.running = True
        self.host = None  # (address, UDP port) of the uploader
        self.host_port = 0
        self.front = self.datagram_socket(self.from_host)
        self.back = self.datagram_socket(self.from_device)
        self.listener = socket.create_server((address, 0))
        self.selector.register(self.listener, selectors.EVENT_READ,
                               self.from_connection)
        self.selector.register(self.wakeup[0], selectors.EVENT_READ, None)
        self.port = self.front.getsockname()[1]

    def datagram_socket(self, handler):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((self.address, 0))
        self.selector.register(sock, selectors.EVENT_READ, handler)
        return sock

    def later(self, seconds, function):
        heapq.heappush(self.due, (time.monotonic() + seconds,
                                  next(self.numbers), function))

    def run(self):
        while self.running:
            timeout = None
            if self.due:
                timeout = max(0, self.due[0][0] - time.monotonic())
            for key, _ in self.selector.select(timeout):
                if key.data:
                    key.data()
            while self.due and self.due[0][0] <= time.monotonic():
                heapq.heappop(self.due)[2]()

    def stop(self):
        self.running = False
        self.wakeup[1].send(b"x")
        self.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.wakeup[1].close()
        self.selector.close()

    # Datagrams

    def from_host(self):
        data, self.host = self.front.recvfrom(2048)
        words = data.split(b" ")
        if words[0] in (b"0", b"100") and len(words) == 4:
            self.times = {"invited": time.monotonic()}
            self.host_port = int(words[1])
            words[1] = b"%d" % self.listener.getsockname()[1]
            data = b" ".join(words)
        self.later(self.delay, lambda: self.back.sendto(data, self.device))

    def from_device(self):
        data, _ = self.back.recvfrom(2048)
        host = self.host
        self.later(self.delay, lambda: self.front.sendto(data, host))

    # The upload

    def from_connection(self):
        device, _ = self.listener.accept()
        # SYN, SYN-ACK and ACK cross the link before data can.
        self.later(3 * self.delay, lambda: Upload(self, device))


class Upload:
    """One connection: data to the device through the window, replies back."""

    def __init__(self, relay, device):
        self.relay = relay
        self.device = device
        self.on_the_way = 0
        self.host = socket.create_connection(
            (relay.host[0], relay.host_port),
            source_address=(relay.address, 0))
        for sock in (self.host, self.device):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        relay.selector.register(self.host, selectors.EVENT_READ,
                                self.from_host)
        relay.selector.register(device, selectors.EVENT_READ,
                                self.from_device)

    def from_host(self):
        room = self.relay.window - self.on_the_way
        if room <= 0:
            self.relay.selector.unregister(self.host)
            return
        data = self.host.recv(min(room, 1460))
        if not data:
            self.relay.selector.unregister(self.host)
            self.relay.later(self.relay.delay, self.close)
            return
        self.relay.times.setdefault("first", time.monotonic())
        self.on_the_way += len(data)
        self.relay.later(self.relay.delay, lambda: self.deliver(data))
        self.relay.later(2 * self.relay.delay,
                         lambda: self.acknowledge(len(data)))

    def deliver(self, data):
        self.device.sendall(data)
        self.relay.times["last"] = time.monotonic()

    def acknowledge(self, size):
        full = self.on_the_way >= self.relay.window
        self.on_the_way -= size
        if full and self.host.fileno() >= 0:
            try:
                self.relay.selector.register(self.host, selectors.EVENT_READ,
                                             self.from_host)
            except KeyError:
                pass  # it was still listened to

    def from_device(self):
        try:
            data = self.device.recv(4096)
        except ConnectionResetError:
            data = b""
        if not data:
            self.relay.selector.unregister(self.device)
            self.relay.later(self.relay.delay, self.close_host)
            return
        self.relay.later(self.relay.delay, lambda: self.reply(data))

    def reply(self, data):
        if self.host.fileno() >= 0:
            try:
                self.host.sendall(data)
            except OSError:
                pass  # the host has heard enough

    def close(self):
        self.device.close() if not self.is_watched(self.device) else \
            self.device.shutdown(socket.SHUT_WR)

    def close_host(self):
        if self.is_watched(self.host):
            self.relay.selector.unregister(self.host)
        self.host.close()
        self.device.close()

    def is_watched(self, sock):
        return sock.fileno() >= 0 and \
            sock.fileno() in self.relay.selector.get_map()

# SPDX-License-Identifier: Apache-2.0
"""A board on a wire, for tests of what needs a network of its own: multicast,
interfaces that come and go, Avahi.

    class MyTest(netns_testlib.NetnsTest):
        def test_something(self):
            board = self.board_on_the_wire("responder-1.0.0")
            self.right.run("ping", "-c1", netns_testlib.LEFT)

The board is LEFT; the other machine is the namespace self.right at RIGHT.  The
virtual board runs in a namespace self.left; the LX106 has a TAP interface on
the test's bridge instead, and self.left is None.  Needs root; without it the
tests are skipped and say so."""
import ctypes
import itertools
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import threading
import time
import unittest

import otter_netns
import otter_testlib

LX106 = otter_testlib.BOARD == "lx106"
NET = "10.66.250." if LX106 else "10.77.0."
BITS = 16 if LX106 else 24
LEFT = NET + "1"
RIGHT = NET + "2"
GROUP = "224.0.0.251"
PORT = 5353
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
counter = itertools.count()


def why_not():
    """Why namespaces cannot be made here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not shutil.which("ip"):
        return "the program ip is missing (iproute2)"
    name = f"otter{os.getpid()}t"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        return f"network namespaces are not permitted: {done.stderr.strip()}"
    # Not in a plain chroot, whose root is no mount point.
    done = subprocess.run(["ip", "netns", "exec", name, "true"],
                          capture_output=True, text=True, check=False)
    subprocess.run(["ip", "netns", "del", name], check=True)
    if done.returncode != 0:
        return f"network namespaces cannot be entered: {done.stderr.strip()}"
    return None


def remove_stale():
    """Namespaces of test runs that were killed."""
    done = subprocess.run(["ip", "netns", "list"], capture_output=True,
                          text=True, check=False)
    for name, owner in re.findall(r"^(otter(\d+)[xt]\w*)", done.stdout, re.M):
        if not os.path.exists(f"/proc/{owner}"):
            subprocess.run(["ip", "netns", "del", name], check=False,
                           capture_output=True)


def ip(*words):
    done = subprocess.run(["ip", *words], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"ip {' '.join(words)}: {done.stderr}")


class Namespace:
    """One end of the wire: its interface is called wire."""

    def __init__(self, name, address):
        self.name = name
        self.address = address
        ip("netns", "add", name)

    def ip(self, *words):
        ip("-n", self.name, *words)

    @property
    def prefix(self):
        return ["ip", "netns", "exec", self.name]

    def run(self, *command, env=None, patience=60, status=0):
        """Runs a command to its end; its standard output."""
        done = subprocess.run([*self.prefix, *map(str, command)],
                              capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=False,
                              timeout=patience,
                              env={**os.environ, **(env or {})})
        if status is not None and done.returncode != status:
            raise AssertionError(f"{command}: status {done.returncode}\n"
                                 f"{done.stdout}\n{done.stderr}")
        return done.stdout


    def socket(self, make):
        """Calls `make` inside of the namespace, in a thread of its own, and
        returns the socket that it made."""
        result = []

        def enter():
            with open(f"/run/netns/{self.name}", "rb") as handle:
                if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            result.append(make())
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()
        return result[0]

    def index(self):
        return int(self.run("cat", "/sys/class/net/wire/ifindex"))

    def remove(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False)


class NetnsTest(otter_testlib.SystemTest):
    @classmethod
    def setUpClass(cls):
        reason = why_not()
        if reason:
            raise unittest.SkipTest(reason)
        remove_stale()

    def setUp(self):
        super().setUp()
        base = f"otter{os.getpid()}x{next(counter)}"
        self.left = None
        self.right = Namespace(base + "b", RIGHT)
        self.addCleanup(self.right.remove)
        if LX106:
            far = f"w{os.getpid()}x{next(counter)}"
            self.right.ip("link", "add", "wire", "type", "veth", "peer",
                          "name", far, "netns", str(os.getpid()))
            ip("link", "set", far, "master", otter_netns.BRIDGE, "up")
        else:
            self.left = Namespace(base + "a", LEFT)
            self.addCleanup(self.left.remove)
            self.left.ip("link", "add", "wire", "type", "veth", "peer",
                         "name", "wire", "netns", self.right.name)
        for space in filter(None, (self.left, self.right)):
            space.ip("addr", "add", f"{space.address}/{BITS}", "dev", "wire")
            space.ip("link", "set", "lo", "up")
            space.ip("link", "set", "wire", "up")

    def board_on_the_wire(self, sketch, space=None, args=(), **settings):
        """A board called lamp at LEFT, or in another namespace."""
        settings = {"hostname": "lamp", **settings}
        if LX106:
            return self.board(sketch, address=LEFT, args=args,
                              settings=settings)
        return self.board(sketch, args=["--interface", "wire", *args],
                          settings=settings,
                          prefix=(space or self.left).prefix)

    def start(self, space, *command, env=None, mounts=False):
        """A program that runs in a namespace until the test ends; its
        standard output as `console`."""
        prefix = [*space.prefix]
        if mounts:  # a /run of its own
            prefix += ["sh", "-c", "mount -t tmpfs none /run && "
                       "mkdir -p /run/avahi-daemon && exec \"$@\"", "sh"]
        process = subprocess.Popen([*prefix, *map(str, command)],
                                   stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT,
                                   env={**os.environ, **(env or {})})
        process.console = otter_testlib.Console(process.stdout)
        self.addCleanup(self.end, process)
        return process

    def end(self, process):
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if not process.stdin.closed:
            process.stdin.close()
        process.console.close()

    # --- Avahi -----------------------------------------------------------

    def avahi(self, space, host_name="desk"):
        """A bus and an Avahi of our own; the environment of its clients."""
        if not shutil.which("avahi-daemon") or \
                not shutil.which("avahi-browse"):
            self.skipTest("Avahi is missing (avahi-daemon, avahi-utils)")
        folder = self.folder / f"avahi-{space.name}"
        folder.mkdir()
        env = self._bus(folder)
        conf = folder / "avahi.conf"
        conf.write_text("[server]\nhost-name=" + host_name +
                        "\nuse-ipv6=no\nallow-interfaces=wire\n"
                        "ratelimit-interval-usec=0\n"
                        "[publish]\npublish-hinfo=no\n"
                        "publish-workstation=no\n[wide-area]\n"
                        "enable-wide-area=no\n")
        daemon = self.start(space, "avahi-daemon", "-f", conf,
                            "--no-drop-root", "--no-chroot", "--no-rlimits",
                            "--debug", env=env, mounts=True)
        daemon.console.expect("Server startup complete")
        daemon.env = env
        return daemon

    def _bus(self, folder):
        path = folder / "bus"
        conf = folder / "bus.conf"
        conf.write_text(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-BUS Bus "
            "Configuration 1.0//EN\" \"http://www.freedesktop.org/standards/"
            "dbus/1.0/busconfig.dtd\"><busconfig><type>system</type>"
            f"<listen>unix:path={path}</listen><auth>EXTERNAL</auth>"
            "<policy context=\"default\"><allow own=\"*\"/>"
            "<allow send_destination=\"*\"/><allow receive_sender=\"*\"/>"
            "<allow user=\"*\"/></policy></busconfig>")
        bus = self.start(self.right, "dbus-daemon", "--nofork",
                         f"--config-file={conf}", "--print-address")
        bus.console.expect("unix:path=")
        return {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={path}"}


# --- DNS messages ---------------------------------------------------------

TYPES = {1: "A", 12: "PTR", 16: "TXT", 28: "AAAA", 33: "SRV", 47: "NSEC",
         255: "ANY"}
NUMBERS = {name: number for number, name in TYPES.items()}


def encode_name(name):
    out = b""
    for label in name.rstrip(".").split("."):
        out += bytes([len(label)]) + label.encode()
    return out + b"\0"


def query(*questions, ident=0, known=(), flags=0):
    """Questions are (name, type) or (name, type, "QU"); known answers are
    encoded records."""
    out = struct.pack(">6H", ident, flags, len(questions), len(known), 0, 0)
    for name, kind, *unicast in questions:
        out += encode_name(name) + struct.pack(
            ">HH", NUMBERS.get(kind, kind), 0x8001 if unicast else 1)
    return out + b"".join(known)


def record(name, kind, data, ttl=120, klass=0x8001):
    return encode_name(name) + struct.pack(
        ">HHIH", NUMBERS[kind], klass, ttl, len(data)) + data


def response(answers, additional=(), ident=0, questions=(), flags=0x8400):
    out = struct.pack(">6H", ident, flags, len(questions), len(answers), 0,
                      len(additional))
    for name, kind in questions:
        out += encode_name(name) + struct.pack(">HH", NUMBERS[kind], 1)
    return out + b"".join(answers) + b"".join(additional)


def srv(port, target):
    return struct.pack(">3H", 0, 0, port) + encode_name(target)


def txt(*strings):
    return b"".join(bytes([len(s)]) + s for s in
                    (t if isinstance(t, bytes) else t.encode()
                     for t in strings)) or b"\0"


def decode_name(message, at):
    labels, end = [], None
    while length := message[at]:
        if length >= 0xc0:
            end = end or at + 2
            at = (length & 0x3f) << 8 | message[at + 1]
            continue
        labels.append(message[at + 1:at + 1 + length].decode())
        at += 1 + length
    return ".".join(labels), end or at + 1


class Message:
    """A decoded message: id, flags, questions [(name, type)], records
    [(section, name, type, flush, ttl, data)] where data is decoded."""

    def __init__(self, data):
        self.id, self.flags, *counts = struct.unpack(">6H", data[:12])
        at, self.questions, self.records = 12, [], []
        for _ in range(counts[0]):
            name, at = decode_name(data, at)
            kind, _klass = struct.unpack(">HH", data[at:at + 4])
            self.questions.append((name, TYPES.get(kind, kind)))
            at += 4
        for section, count in zip(("answer", "authority", "additional"),
                                  counts[1:]):
            for _ in range(count):
                name, at = decode_name(data, at)
                kind, klass, ttl, size = struct.unpack(">HHIH",
                                                       data[at:at + 10])
                at += 10
                self.records.append(
                    (section, name, TYPES.get(kind, kind), klass >> 15, ttl,
                     self._data(data, at, kind, size)))
                at += size
        assert at == len(data), "bytes behind the last record"

    @staticmethod
    def _data(data, at, kind, size):
        if kind == 1:
            return socket.inet_ntoa(data[at:at + 4])
        if kind == 12:
            return decode_name(data, at)[0]
        if kind == 33:
            return (struct.unpack(">H", data[at + 4:at + 6])[0],
                    decode_name(data, at + 6)[0])
        if kind == 16:
            strings, end = [], at + size
            while at < end:
                strings.append(data[at + 1:at + 1 + data[at]].decode())
                at += 1 + data[at]
            return strings
        return data[at:at + size]

    def of(self, kind, name=None):
        return [r for r in self.records
                if r[2] == kind and name in (None, r[1])]


class Peer:
    """A host that speaks mDNS by hand: `port` 5353 shares the group, any
    other is a plain client."""

    def __init__(self, test, space, port=0, address=None):
        self.address = address or space.address
        self.index = space.index()
        self.socket = space.socket(lambda: self._make(port))
        self.group = space.socket(self._make_group)
        test.addCleanup(self.close)

    def close(self):
        self.socket.close()
        self.group.close()

    def _make(self, port):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((self.address, port))
        self._aim(s)
        return s

    def _make_group(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((GROUP, PORT))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                     socket.inet_aton(GROUP) +
                     struct.pack("=4si", b"\0\0\0\0", self.index))
        return s

    def _aim(self, s):
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                     struct.pack("=4s4si", b"\0\0\0\0", b"\0\0\0\0",
                                 self.index))
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
        # Our own packets are not for us.
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        s.setsockopt(socket.IPPROTO_IP, 12, 1)  # IP_RECVTTL

    def send(self, data, to=(GROUP, PORT)):
        self.socket.sendto(data, to)

    def receive(self, s=None, patience=otter_testlib.PATIENCE):
        """The next packet: (Message, sender, TTL); None when none came."""
        s = s or self.socket
        s.setsockopt(socket.IPPROTO_IP, 12, 1)
        if not select.select([s], [], [], patience)[0]:
            return None
        data, control, _flags, sender = s.recvmsg(9000, 256)
        ttl = [struct.unpack("=i", d)[0] for level, kind, d in control
               if kind == socket.IP_TTL]
        return Message(data), sender, ttl[0] if ttl else None

    def wait_for(self, condition, s=None, patience=otter_testlib.PATIENCE):
        """The first packet for which the condition holds."""
        end = time.monotonic() + patience
        while (left := end - time.monotonic()) > 0:
            got = self.receive(s, left)
            if got and condition(*got):
                return got
        raise AssertionError("no such packet came")


# The packets that a board with the responder sketch announces by.
ANNOUNCEMENTS = 4 * 3


def is_found(message, instance):
    """The rule of protocol 1.14: the client that Arduino's mdns-discovery
    uses learns of the instance from this message alone."""
    entries = {}
    def entry(name):
        return entries.setdefault(name, {})
    for section, name, kind, _flush, _ttl, data in message.records:
        if section == "authority":
            continue
        if kind == "PTR":
            entry(data)
        elif kind == "SRV":
            entry(name)["port"] = data[0]
            entries[data[1]] = entries[name]
        elif kind == "TXT":
            entry(name)["txt"] = data
        elif kind == "A":
            entry(name)["address"] = data
    return {"port", "txt", "address"} <= set(entries.get(instance, {}))

# SPDX-License-Identifier: Apache-2.0
"""A scripted device for tests of the uploader.

Each test gives a script, a function that plays the device byte for byte as
the specification's section 1 describes it: it runs in a thread of its own and
fails the test when the uploader departs from what the script expects.  No
code is shared with Otter, and nothing here is clever: what a script does not
do, the device does not do."""
import hashlib
import os
import pathlib
import select
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

OTTER = os.environ.get("OTTER", "otter")
LIMIT = 20.0  # seconds after which a test is stuck, never reached otherwise


def md5hex(data):
    if isinstance(data, str):
        data = data.encode()
    return hashlib.md5(data).hexdigest()


def sha256hex(text):
    return hashlib.sha256(text.encode()).hexdigest()


def pbkdf2_response(stored, nonce, cnonce):
    """The response of protocol 1.11."""
    key = hashlib.pbkdf2_hmac("sha256", stored.encode(),
                              f"{nonce}:{cnonce}".encode(), 10000).hex()
    return sha256hex(f"{key}:{nonce}:{cnonce}")


def md5_response(stored, nonce, cnonce):
    """The response of protocol 1.4."""
    return md5hex(f"{stored}:{nonce}:{cnonce}")


class Invitation:
    """The four fields of an invitation and where it came from."""

    def __init__(self, datagram, sender):
        self.raw = datagram
        self.sender = sender
        if not datagram.endswith(b"\n"):
            raise AssertionError(f"no line end: {datagram!r}")
        words = datagram[:-1].decode("ascii").split(" ")
        if len(words) != 4 or not all(w.isdigit() for w in words[:3]):
            raise AssertionError(f"not an invitation: {datagram!r}")
        self.command, self.port, self.size = (int(w) for w in words[:3])
        self.md5 = words[3]


class Device(threading.Thread):
    """A UDP socket on an address of its own, and a script that uses it."""

    def __init__(self, script, address="127.0.0.5", port=0):
        super().__init__(daemon=True)
        self.script = script
        self.address = address
        self.failure = None
        self.invitation = None
        self.family = (socket.AF_INET6 if ":" in address else
                       socket.AF_INET)
        self.udp = socket.socket(self.family, socket.SOCK_DGRAM)
        self.udp.bind((address, port))
        self.udp.settimeout(LIMIT)
        self.port = self.udp.getsockname()[1]
        self.opened = [self.udp]
        self.reached = threading.Event()   # the script has come far enough
        self.released = threading.Event()  # the test lets the script go on

    def run(self):
        try:
            self.script(self)
        except BaseException as failure:  # handed to the test's thread
            self.failure = failure
        finally:
            for opened in self.opened:
                opened.close()

    def receive(self):
        return self.udp.recvfrom(2048)

    def expect_invitation(self):
        self.invitation = Invitation(*self.receive())
        return self.invitation

    def reply(self, data, to=None):
        self.udp.sendto(data, to or self.invitation.sender)

    def expect_answer(self):
        """The answer to AUTH; it must come from the invitation's socket.  A
        host that had to wait for AUTH may have invited again meanwhile."""
        datagram, sender = self.receive()
        while datagram == self.invitation.raw:
            datagram, sender = self.receive()
        if sender != self.invitation.sender:
            raise AssertionError("the answer came from another socket")
        words = datagram.decode("ascii").split(" ")
        if len(words) != 3 or words[0] != "200" or words[2][-1:] != "\n":
            raise AssertionError(f"not an auth answer: {datagram!r}")
        return words[1], words[2][:-1]

    def connect(self, address=None, receive_buffer=None):
        """The TCP connection back to the uploader."""
        tcp = socket.socket(self.family, socket.SOCK_STREAM)
        self.opened.append(tcp)
        tcp.settimeout(LIMIT)
        if receive_buffer:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                           receive_buffer)
        tcp.bind((address or self.address, 0))
        tcp.connect((self.invitation.sender[0], self.invitation.port))
        return tcp

    def accept_update(self):
        """Invitation, OK, connection: the usual beginning."""
        self.expect_invitation()
        self.reply(b"OK")
        return self.connect()

    def fetch(self, tcp, size=None, count=True):
        """Takes the file and answers with counts."""
        left = self.invitation.size if size is None else size
        data = bytearray()
        while left > 0:
            part = tcp.recv(min(left, 1460))
            if not part:
                raise AssertionError(f"closed by the host, {left} missing")
            data += part
            left -= len(part)
            if count:
                tcp.sendall(b"%d" % len(part))
        return bytes(data)

    def fetch_checked(self, tcp):
        data = self.fetch(tcp)
        if md5hex(data) != self.invitation.md5:
            raise AssertionError("the bytes are not those of the invitation")
        if readable(tcp, 0.05):
            raise AssertionError("more than the announced size, or closed")
        return data

    def succeed(self, tcp):
        self.fetch_checked(tcp)
        tcp.sendall(b"OK")
        expect_close(tcp)


def pace(seconds):
    """A device's own slowness, the subject of a test; never a wait for
    something that could be observed."""
    threading.Event().wait(seconds)


def assert_quiet(sock, seconds=0.05):
    if readable(sock, seconds):
        raise AssertionError("the host spoke out of turn")


def hears_nothing(device):
    """No datagram (more) as long as the uploader runs."""
    device.released.wait(LIMIT)
    assert_quiet(device.udp, 0)


def expect_close_or_data(tcp):
    """Reads what is still on its way until the host closes."""
    try:
        while tcp.recv(65536):
            pass
    except ConnectionResetError:
        pass


def readable(sock, seconds):
    return bool(select.select([sock], [], [], seconds)[0])


def expect_close(tcp):
    """Waits until the host closes; anything it sends is a failure."""
    try:
        rest = tcp.recv(1)
    except ConnectionResetError:
        return
    if rest:
        raise AssertionError(f"unexpected byte {rest!r}")


def read_until(terminal, text):
    """What a terminal shows until the text appears, or to its end."""
    shown = b""
    while text is None or text not in shown:
        if not readable(terminal, LIMIT):
            raise AssertionError(f"nothing more after {shown!r}")
        try:
            part = os.read(terminal, 4096)
        except OSError:
            part = b""
        if not part:
            break
        shown += part
    return shown


class PushCase(unittest.TestCase):
    """Runs the uploader against a scripted device."""

    size = 40000

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.image = self.write("sketch.bin", make_image(self.size))

    def write(self, name, data):
        path = pathlib.Path(self.folder.name, name)
        path.write_bytes(data)
        return path

    def start(self, script, address="127.0.0.5", port=0):
        device = Device(script, address, port)
        self.addCleanup(device.released.set)
        device.start()
        return device

    def command(self, device, *options, image=None):
        return [OTTER, "push", device.address, str(image or self.image),
                "--port", str(device.port), "--retries", "0",
                "--chip", "esp8266", "--no-mdns", *options]

    def push(self, script, *options, **more):
        """One push; the result has returncode, stdout and stderr."""
        device = self.start(script)
        result = self.run_push(device, *options, **more)
        self.finish(device, result)
        return result

    def run_push(self, device, *options, image=None, env=None, stdin=None):
        return subprocess.run(
            self.command(device, *options, image=image), text=True,
            capture_output=True, timeout=LIMIT, env=environment(env),
            input=stdin)

    def spawn(self, device, *options, image=None, env=None):
        process = subprocess.Popen(
            self.command(device, *options, image=image), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=environment(env))
        self.addCleanup(process.kill)
        return process

    def finish(self, device, result=None):
        """After the uploader's end."""
        device.released.set()
        device.join(LIMIT)
        if device.failure:
            raise AssertionError(
                f"the device's script failed: {device.failure!r}\n"
                f"{result and result.stderr}") from device.failure
        self.assertFalse(device.is_alive(), "the device's script hangs")

    def assert_status(self, result, status, *words):
        """The exit status, and words that standard error must contain."""
        self.assertEqual(result.returncode, status,
                         result.stdout + result.stderr)
        for word in words:
            self.assertIn(word, result.stdout + result.stderr)


def image_part(size, vma):
    """One image of protocol 2.7: header, one segment, checksum."""
    room = (size - 17) // 4 * 4
    data = (bytes(range(256)) * (room // 256 + 1))[:room]
    checksum = 0xEF
    for byte in data[:room % 256]:  # 256 different bytes cancel out
        checksum ^= byte
    head = struct.pack("<BBBBI", 0xE9, 1, 2, 0x40, 0x40100000)
    part = head + struct.pack("<II", vma, room) + data
    return part.ljust(size - 1, b"\0") + bytes([checksum])


def make_image(size):
    """A sketch's file that is whole: boot image, padding, application."""
    if size % 16 or size < 0x1040:
        raise ValueError("the checksum ends a line of 16 bytes")
    boot = image_part(64, 0x4010F000).ljust(0x1000, b"\xaa")
    return boot + image_part(size - 0x1000, 0x40201010)


def environment(extra=None):
    """The tests' own environment without what would change the tool."""
    env = {k: v for k, v in os.environ.items()
           if k not in ("OTTER_PASSWORD", "NO_COLOR")}
    env.update(extra or {})
    return env

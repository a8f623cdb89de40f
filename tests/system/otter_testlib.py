# SPDX-License-Identifier: Apache-2.0
"""What the system tests share: boards as child processes, addresses of their
own, the probe inside a board, and cleaning all of it up.

    class MyTest(otter_testlib.SystemTest):
        def test_something(self):
            board = self.board("basic_ota-1.0.0", map="4M2M",
                               settings={"password": "secret"})
            board.expect("Ready")
            board.control("reset")

The environment names what is tested: OTTER_BIN the folder of the programs
(default: build/debug/bin), OTTER_BOARD the kind of board, OTTER_FLAVOUR the
flavour of sketch images ("" or "-asan").  Boards of the kind lx106 are QEMUs
on TAP interfaces of a bridge, in a network namespace of the test process's
own; otter_netns does that.  Everything is awaited as an event
with a generous limit; nothing sleeps to let something happen."""
import collections
import hashlib
import json
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import otter_netns

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("OTTER_BIN", ROOT / "build/debug/bin"))
SHARED_DATA = ROOT.parent / "shared" / "data"
BOARD = os.environ.get("OTTER_BOARD", "posix")
SKETCHES = (ROOT / "build/lx106/bin/sketches" if BOARD == "lx106"
            else BIN / "sketches")
MEASURED = ROOT / "build/lx106/measured.json"
PATIENCE = 20  # seconds until an awaited event counts as missing
PROBE_PORT = 7007

if BOARD == "lx106":
    otter_netns.enter()

# Where the kinds of board differ by their nature: the host's address as they
# see it and one that is another machine's to them, their net's mask, and the
# sizes of their pools.
Facts = collections.namedtuple(
    "Facts", "host other_host mask udp_sockets connections listeners")
FACTS = {
    "posix": Facts("127.0.0.1", "127.0.0.77", "255.0.0.0", 8, 16, 4),
    "lx106": Facts(otter_netns.HOST, otter_netns.OTHER_HOST,
                   "255.255.0.0", 4, 5, 3),
}[BOARD]
HOST = FACTS.host
OTHER_HOST = FACTS.other_host


def program(name):
    """The path of a program that was built."""
    return str(BIN / name)


def sketch(name, flavour=None):
    """The image of a sketch: "basic_ota-1.0.0" or the path of a file.  With
    sanitizers where the build has them, unless `flavour` is "" (small)."""
    if os.sep in str(name):
        return str(name)
    if flavour is None:
        flavour = os.environ.get("OTTER_FLAVOUR", "-asan")
    path = SKETCHES / f"{name}{flavour}.bin"
    if not path.exists():
        path = SKETCHES / f"{name}.bin"
    if BOARD == "lx106":
        check_measured(path)
    return str(path)


def check_measured(path):
    """An image for the LX106 that `make size` has measured, and no other."""
    digests = json.loads(MEASURED.read_text(encoding="ascii"))
    data = path.read_bytes()
    if digests[path.name] != hashlib.sha256(data).hexdigest():
        raise AssertionError(f"{path} is not what make size has measured")
    return data


def free_address():
    """A loopback address that no other test uses, its ports all free.  On
    the board lx106 an address on the bridge."""
    if BOARD == "lx106":
        return otter_netns.free_address()
    while True:
        address = (f"127.{random.randrange(2, 255)}.{random.randrange(256)}"
                   f".{random.randrange(1, 255)}")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            try:
                taken.bind((address, 8266))
                return address
            except OSError:
                continue


def free_port(address=HOST, kind=socket.SOCK_STREAM):
    """A port of `address` that the kernel chose."""
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind((address, 0))
        return s.getsockname()[1]


def wait_for(condition, what, patience=PATIENCE):
    """For states that no event tells: asks until `condition` is true and
    returns what it returned."""
    end = time.monotonic() + patience
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience} s for {what}")
        time.sleep(0.01)


class Console:
    """Collects a stream's text and lets a test wait for what it says."""

    def __init__(self, stream):
        self.text = ""
        self.ended = False
        self._at = 0  # expect goes on behind what it found last
        self._stream = stream
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self):
        while data := os.read(self._stream.fileno(), 65536):
            with self._changed:
                self.text += data.decode("utf-8", "replace")
                self._changed.notify_all()
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def expect(self, pattern, patience=PATIENCE):
        """Waits for the regular expression (MULTILINE) behind the last one
        that was found; returns the match."""
        expression = re.compile(pattern, re.MULTILINE)
        end = time.monotonic() + patience
        with self._changed:
            while True:
                match = expression.search(self.text, self._at)
                if match:
                    self._at = match.end()
                    return match
                left = end - time.monotonic()
                if left <= 0 or self.ended:
                    raise AssertionError(
                        f"/{pattern}/ did not come"
                        f"{', the stream ended' if self.ended else ''}; "
                        f"the console since then:\n{self.text[self._at:]}")
                self._changed.wait(left)

    def since(self):
        """What came behind the last match, without waiting."""
        with self._changed:
            return self.text[self._at:]

    def skip(self):
        """Later expects look only at what comes from now on."""
        with self._changed:
            self._at = len(self.text)

    def close(self):
        self._thread.join(PATIENCE)
        self._stream.close()


class Control:
    """A connection to a board's control socket."""

    def __init__(self, path, patience=PATIENCE):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(patience)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise
        self._file = self._socket.makefile("rw")

    def send(self, command):
        """Returns the answer; raises for `error: ...`."""
        self._file.write(command + "\n")
        self._file.flush()
        answer = self._file.readline().rstrip("\n")
        if not answer or answer.startswith("error"):
            raise AssertionError(f"control `{command}`: {answer!r}")
        return json.loads(answer) if answer.startswith("{") else answer

    def close(self):
        self._file.close()
        self._socket.close()


class Board:
    """One otter-device.  Attributes: address, flash (a path), console,
    process."""

    def __init__(self, folder, image=None, *, address=None, flash=None,
                 map=None, size=None, settings=None, args=(), env=None,
                 flavour=None, prefix=(), start=True):
        self.folder = pathlib.Path(folder)
        self.address = address or free_address()
        self.flash = str(flash or self.folder / "flash.bin")
        self.process = None
        self.console = None
        self._control = None
        # Short, relative to nothing: a socket path has 107 characters.
        self.control_path = str(self.folder / "c")
        self._image = image
        self._flavour = flavour
        self._prefix = list(prefix)
        self._env = {**os.environ, **(env or {})}
        self._args = ["--flash", self.flash, "--control", self.control_path]
        if "--interface" not in args:
            self._args += ["--address", self.address]
        if BOARD == "lx106":
            self._args += ["--board", BOARD, "--interface",
                           otter_netns.tap(self.address)]
        for option, value in (("--map", map), ("--size", size)):
            if value:
                self._args += [option, value]
        for key, value in (settings or {}).items():
            self._args += ["--set", f"{key}={value}"]
        self._args += list(args)
        if start:
            self.start()

    def start(self, *more, prefix=None, device=None):
        """Starts the process; the image goes in the first time only."""
        args = [*(prefix or self._prefix), device or program("otter-device"),
                *self._args, *more]
        if self._image:
            args += ["--serial-upload", sketch(self._image, self._flavour)]
            self._image = None
        self.process = subprocess.Popen(
            args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=self._env)
        if self.console:
            self.console.close()
        self.console = Console(self.process.stdout)

    def expect(self, pattern, patience=PATIENCE):
        return self.console.expect(pattern, patience)

    def control(self, command):
        """Sends a control command, returns its answer."""
        def connect():
            try:
                return Control(self.control_path)
            except (FileNotFoundError, ConnectionRefusedError):
                if self.process.poll() is not None:
                    raise
                return None

        if self._control is None:
            self._control = wait_for(connect, "the control socket")
        return self._control.send(command)

    def status(self):
        return self.control("status")

    def counters(self):
        return self.control("counters")

    def read_flash(self, addr=0, size=None):
        """The bytes of the flash file."""
        with open(self.flash, "rb") as f:
            f.seek(addr)
            return f.read(size)

    def patch_flash(self, addr, data):
        """Changes the flash file behind the board's back."""
        with open(self.flash, "r+b") as f:
            f.seek(addr)
            f.write(data)

    def wait(self, patience=PATIENCE):
        """Waits for the process to end by itself; returns its status."""
        return self.process.wait(patience)

    def stop(self):
        """Ends the board in good order; returns its exit status."""
        if self.process is None:
            return None
        if self._control is not None:
            self._control.close()
            self._control = None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        self.console.close()
        self.process = None
        return status


Datagram = collections.namedtuple("Datagram",
                                  "data source to interface truncated")


class Probe:
    """The probe sketch inside a board: calls HAL functions there."""

    def __init__(self, board, address=None):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._to = (address or board.address, PROBE_PORT)

    def ask(self, *words):
        """Sends a command; returns the words behind `ok`, raises ProbeError
        for `err`."""
        while select.select([self._socket], [], [], 0)[0]:
            self._socket.recv(2048)
        self.tell(*words)
        if not select.select([self._socket], [], [], PATIENCE)[0]:
            raise AssertionError(f"the probe does not answer {words}")
        answer = self._socket.recv(2048).decode().split()
        if answer[0] != "ok":
            raise ProbeError(int(answer[1]))
        return answer[1:]

    def tell(self, *words):
        """Sends a command that is not answered."""
        line = " ".join(str(w) for w in words)
        self._socket.sendto(line.encode(), self._to)

    def heard(self, patience):
        """Whether an answer is there, at most `patience` seconds from now."""
        return bool(select.select([self._socket], [], [], patience)[0])

    def wait(self, *words, error=-14):
        """Asks again while the answer is `error`, OTTER_ERR_AGAIN."""
        def once():
            try:
                return self.ask(*words) or ["ok"]
            except ProbeError as e:
                if e.number != error:
                    raise
                return None
        return wait_for(once, f"the probe's {words}")

    def close(self):
        self._socket.close()


class ProbeError(Exception):
    def __init__(self, number):
        super().__init__(f"the probe answered error {number}")
        self.number = number


def only(board, why):
    """Decorator of a test that makes sense on one kind of board only."""
    return unittest.skipUnless(BOARD == board, why)


class SystemTest(unittest.TestCase):
    """Removes everything that a test made; a board that still runs at the end
    must end well: its sketch without a sanitizer's complaint, its flash
    without a broken NOR rule."""

    violations_expected = False

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="otter-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self._count = 0

    def board(self, image=None, **options):
        """A board in a folder of its own, stopped at the end."""
        self._count += 1
        folder = self.folder / str(self._count)
        folder.mkdir()
        board = Board(folder, image, **options)
        self.addCleanup(self._end, board)
        return board

    def probe(self, board=None, **options):
        """A board with the probe sketch, or the probe of a board."""
        board = board or self.board("probe-1.0.0", **options)
        board.expect("probe ready")
        probe = Probe(board)
        probe.board = board
        self.addCleanup(probe.close)
        return probe

    def _end(self, board):
        if board.process is None:
            return
        board.stop()
        text = board.console.text
        self.assertNotIn("Sanitizer", text)
        self.assertNotIn("runtime error", text)
        if not self.violations_expected:
            self.assertNotIn("board: flash:", text)

    def run_program(self, name, *args, status=0, env=None, stdin=None,
                    patience=60):
        """Runs a program of ours to its end; checks its exit status, where
        None stands for any but 0."""
        done = subprocess.run(
            [program(name), *map(str, args)], stdin=stdin or
            subprocess.DEVNULL, capture_output=True, text=True,
            timeout=patience, env={**os.environ, **(env or {})},
            check=False)
        good = done.returncode != 0 if status is None \
            else done.returncode == status
        self.assertTrue(good, f"{name} {args}: status {done.returncode}\n"
                              f"{done.stdout}\n{done.stderr}")
        return done

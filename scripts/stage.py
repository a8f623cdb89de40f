# SPDX-License-Identifier: Apache-2.0
"""What scripts/demo and scripts/up put on the stage: virtual devices and an
otterd, as child processes that end with the script, and the tool `otter`.

Everything is real but the silicon: a device boots what is in its flash file
through its boot loader and speaks to the others over sockets."""
import atexit
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(os.environ.get("OTTER_BIN", ROOT / "build" / "bin"))
SKETCHES = BIN / "sketches"
PATIENCE = 60  # seconds for anything that is waited for
BOLD, PLAIN = ("\033[1m", "\033[0m") if (
    sys.stdout.isatty() and "NO_COLOR" not in os.environ) else ("", "")
NAME = pathlib.Path(sys.argv[0]).name


def say(text):
    print(f"\n{BOLD}== {text}{PLAIN}", flush=True)


def expect(condition, what):
    if not condition:
        sys.exit(f"{NAME}: {what}")


CHILDREN = []  # that were started


@atexit.register
def end_children():
    """Those that are left when something went wrong, the newest first."""
    for child in reversed(CHILDREN):
        child.quit()


class Child:
    """A program of ours; a thread collects the lines that it prints.  It has
    a session of its own, so that Ctrl-C reaches the script alone, which then
    ends everything in good order."""

    def __init__(self, what, command, stderr=None):
        self.what = what
        self.lines, self.shown = [], 0
        self.changed = threading.Condition()
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=stderr, start_new_session=True)
        CHILDREN.append(self)
        threading.Thread(target=self.collect, daemon=True).start()

    def collect(self):
        for raw in self.process.stdout:
            # A progress line rewrites itself; its last form is the one to see.
            text = raw.decode("utf-8", "replace").rstrip("\r\n").split("\r")[-1]
            self.add(text)
        self.add(None)

    def add(self, line):
        with self.changed:
            self.lines.append(line)
            self.changed.notify_all()

    def next_line(self, wanted):
        """The line behind the last one; `wanted` is for the message when
        there is none in time."""
        end = time.monotonic() + PATIENCE
        with self.changed:
            while self.shown == len(self.lines):
                if not self.changed.wait(end - time.monotonic()):
                    sys.exit(f"{NAME}: {self.what} did not say /{wanted}/ in "
                             f"{PATIENCE} s")
            line = self.lines[self.shown]
        if line is None:
            sys.exit(f"{NAME}: {self.what} ended")
        self.shown += 1
        return line

    def wait_for(self, pattern):
        """Reads up to a line that matches; returns the match."""
        while not (found := re.search(pattern, self.next_line(pattern))):
            pass
        return found

    def quit(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)


class Board(Child):
    """A virtual device, with its console."""

    def __init__(self, folder, address, image=None, name="board",
                 settings=None, options=()):
        self.name, self.address = name, address
        self.control = folder / f"{name}.sock"
        serial = ["--serial-upload", SKETCHES / image] if image else []
        command = [BIN / "otter-device", "--flash", folder / f"{name}.bin",
                   "--map", "4M2M", "--address", address,
                   "--control", self.control, *serial, *options]
        for key, value in (settings or {}).items():
            command += ["--set", f"{key}={value}"]
        super().__init__("the device", command)

    def send(self, command):
        """Presses a button of the board."""
        subprocess.run([BIN / "otter-device", "--control", self.control,
                        "--send", command], check=True, timeout=PATIENCE,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def show_until(self, pattern, hidden="^$"):
        """Prints the console up to a line that matches; returns the match.
        Lines that match `hidden` are too many to be shown."""
        while True:
            line = self.next_line(pattern)
            if not re.search(hidden, line):
                print(f"  {self.name} | {line}", flush=True)
            found = re.search(pattern, line)
            if found:
                return found

    @property
    def mac(self):
        """As otter-device makes it of the address, unless it is told one."""
        parts = [0x02, 0x4f, 0x54, *map(int, self.address.split(".")[1:])]
        return ":".join(f"{part:02X}" for part in parts)


class Server(Child):
    """An otterd on a new folder, and its administrator's token."""

    def __init__(self, folder, listen):
        self.log = open(folder / "otterd.log", "w+b")
        super().__init__("otterd", [BIN / "otterd", "--data", folder / "fleet",
                                    "--listen", listen], self.log)
        self.token = self.wait_for(r"token.*(otter_\S+)").group(1)
        self.url = f"http://{self.find_address()}"

    def find_address(self):
        """Where it listens, as its log says; it may choose the port."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            log = self.said()
            found = re.search(r"event=listening address=(\S+) .*port=(\d+)", log)
            if found:
                return ":".join(found.groups())
            time.sleep(0.02)
        sys.exit(f"{NAME}: otterd does not listen: {self.said()}")

    def said(self):
        return pathlib.Path(self.log.name).read_text(encoding="utf-8")

    def quit(self):
        super().quit()
        self.log.close()  # more than once does no harm


def otter(*words, env=None, shown=None, quiet=False):
    """Shows the command and runs it; returns its exit code."""
    text = " ".join(pathlib.Path(word).name if "/" in str(word)
                    and "://" not in str(word) else str(word)
                    for word in words)
    print(f"  $ {shown or 'otter ' + text}", flush=True)
    return subprocess.run(
        [BIN / "otter", *words], env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, timeout=PATIENCE,
        stdout=subprocess.DEVNULL if quiet else None, check=False).returncode

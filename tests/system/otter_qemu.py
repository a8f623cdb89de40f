# SPDX-License-Identifier: Apache-2.0
"""QEMU with the LX106's ROM stand-in, started directly: for tests that need
what otter-device does not offer, such as a power cut in a certain flash
operation or a look at the machine's memory."""
import os
import pathlib
import re
import signal
import socket
import subprocess

import otter_netns
import otter_testlib
from otter_testlib import PATIENCE, ROOT

ROM = ROOT / "build/lx106/bin/rom.elf"
PLUGIN = (pathlib.Path(os.environ.get("OTTER_BUILD", ROOT / "build/debug")) /
          "tests/libotter_lx106_narrow.so")
EXIT_CUT = 77
NOTHING, HALF, ZERO, MIXED, DONE = TEARS = range(5)
FLASH_SIZE = 4 << 20


def measured(name):
    """An image that `make size` has measured, and no other."""
    return otter_testlib.check_measured(otter_testlib.SKETCHES / name)


def write_flash(path, image):
    """A chip as after serial flashing."""
    pathlib.Path(path).write_bytes(image.ljust(FLASH_SIZE, b"\xff"))


class Qemu:
    """A machine that is switched on; stop switches off.  With `switch` it can
    be switched off and on without a new process, and stays dark after a power
    cut."""

    def __init__(self, folder, address=None, settings=None, plugin=False,
                 switch=False, **arguments):
        self.folder = pathlib.Path(folder)
        self._start = 0  # of what this life has said, on the console
        values = {"map": "4M2M", **(settings or {})}
        network = ["-net", "none"]
        if address:
            values.update(ip=address + "/16", gateway=otter_netns.HOST,
                          dns=otter_netns.HOST)
            network = ["-nic", f"tap,ifname={otter_netns.tap(address)},"
                               "script=no,downscript=no,model=open_eth"]
            number = [int(n) for n in address.split(".")]
            values.setdefault("mac", "02:4f:54:%02x:%02x:%02x"
                              % tuple(number[1:]))
        (self.folder / "settings").write_text(
            "".join(f"{k}={v}\n" for k, v in values.items()),
            encoding="utf-8")
        if switch:
            (self.folder / "cause").write_text("p", encoding="ascii")
            self._write_more(arguments)
            arguments = {"cause": self.folder / "cause",
                         "more": self.folder / "more"}
        arguments.setdefault("flash", self.folder / "flash")
        arguments.setdefault("settings", self.folder / "settings")
        arguments.setdefault("random", "/dev/urandom")
        config = "enable=on,target=native,arg=otter" + "".join(
            f",arg={k}={v}" for k, v in arguments.items())
        self.monitor_path = self.folder / "monitor"
        self.process = subprocess.Popen(
            ["qemu-system-xtensa", "-M", "lx60-nommu", "-cpu", "lx106",
             "-nodefaults", "-display", "none", "-serial", "stdio", "-monitor",
             f"unix:{self.monitor_path},server=on,wait=off",
             "-semihosting-config", config, *network,
             *(["-plugin", str(PLUGIN)] if plugin else []),
             "-kernel", str(ROM)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        self.console = otter_testlib.Console(self.process.stdout)

    def _write_more(self, arguments):
        (self.folder / "more").write_text(
            "".join(f"{k}={v}\n" for k, v in arguments.items()),
            encoding="ascii")

    def power_cycle(self, meanwhile, **arguments):
        """Off and on again; `meanwhile` is called between."""
        self.monitor("stop")
        self.console.skip()
        meanwhile()
        self._write_more(arguments)
        self.monitor("system_reset", "cont")
        reason = 2 if "rtc" in arguments else 0  # enum otter_reset_reason
        self._start = self.console.expect(f"^rom: reset {reason}, ").start()

    def text(self):
        """What the console has shown since power came up."""
        return self.console.text[self._start:]

    def expect(self, pattern):
        return self.console.expect(pattern)

    def wait(self):
        """Waits until the machine ends by itself; its exit status."""
        status = self.process.wait(PATIENCE)
        self.console.close()
        return status

    def stop(self):
        """Switches off; what the plugin has to say is on the console."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.console.close()

    def monitor(self, *commands):
        """Gives QEMU's monitor commands, one after the other."""
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(PATIENCE)
            link.connect(str(self.monitor_path))
            self._prompt(link)
            for command in commands:
                link.sendall(command.encode() + b"\n")
                self._prompt(link)

    def _prompt(self, link):
        answer = b""
        while not answer.endswith(b"(qemu) "):
            data = link.recv(4096)
            if not data:
                break
            answer += data
        return answer.decode()

    def memory(self, address, size):
        """Bytes of the machine's memory."""
        path = self.folder / "memory"
        self.monitor(f'pmemsave {address:#x} {size} "{path}"')
        return path.read_bytes()

    def counted(self):
        """After stop: instructions and bus violations, by the plugin."""
        found = re.search(r"narrow: (\d+) instructions, (\d+) violations",
                          self.console.text)
        if not found:
            raise AssertionError("the plugin said nothing:\n" +
                                 self.console.text)
        return int(found[1]), int(found[2])

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A push into the LX106 in QEMU: how fast, and how many instructions of the
ESP8266's core each received byte costs, from the first datagram to the
commit: receiving, digests, staging, reading back and verifying.

Instructions are counted by the plugin of tests/support/lx106.  The cost of a
byte is the slope between a small and a large file-system update: starting, the
protocol's pauses and what the core does while it waits are the same in both
and cancel.  A chip at 80 MHz executes at most 80 million a second, and less
when it waits for its flash."""
import fcntl
import hashlib
import os
import pathlib
import random
import socket
import statistics
import struct
import sys
import tempfile
import termios
import time

os.environ["OTTER_BOARD"] = "lx106"
ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/system"))
import otter_netns  # noqa: E402
import otter_qemu  # noqa: E402

RUNS = 5
CHIP_MHZ = 80
SMALL, LARGE = 64 << 10, 1984 << 10  # bytes of the two updates
FILE_SYSTEM = 100  # the command (protocol 1.1)
SETTINGS = {"stay_running": "1"}


def unacknowledged(tcp):
    """Bytes that the device has not acknowledged (SIOCOUTQ)."""
    return struct.unpack("i", fcntl.ioctl(tcp, termios.TIOCOUTQ,
                                          bytes(4)))[0]


class Run:
    """One power-on of a board with the old sketch."""

    def __init__(self, folder, plugin):
        self.address = otter_netns.free_address()
        otter_qemu.write_flash(
            folder / "flash", otter_qemu.measured("basic_ota-1.0.0.bin"))
        self.machine = otter_qemu.Qemu(folder, self.address, SETTINGS,
                                       plugin=plugin)
        self.machine.expect("^Ready$")

    def push(self, image, command=0):
        """Seconds from the first byte until the last is acknowledged."""
        md5 = hashlib.md5(image).hexdigest()
        with socket.create_server((otter_netns.HOST, 0)) as server, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(0.5)
            port = server.getsockname()[1]
            for _ in range(20):
                udp.sendto(f"{command} {port} {len(image)} {md5}\n".encode(),
                           (self.address, 8266))
                try:
                    udp.recv(100)
                    break
                except TimeoutError:
                    continue
            tcp, _ = server.accept()
            with tcp:
                begin = time.monotonic()
                tcp.sendall(image)
                while unacknowledged(tcp):
                    time.sleep(0.0005)
                seconds = time.monotonic() - begin
                while tcp.recv(4096):
                    pass
        self.machine.expect("^End$")
        return seconds

    def instructions(self):
        self.machine.stop()
        return self.machine.counted()[0]


def fast(folder, image):
    run = Run(folder, False)
    seconds = run.push(image)
    run.machine.stop()
    return seconds


def counted(folder, size):
    """Instructions of a run that takes a file system of this size."""
    run = Run(folder, True)
    run.push(random.Random(size).randbytes(size), FILE_SYSTEM)
    return run.instructions()


def cost(folder):
    """Instructions for each further byte."""
    return (counted(folder, LARGE) - counted(folder, SMALL)) / (LARGE - SMALL)


def main():
    image = otter_qemu.measured("basic_ota-1.1.0.bin")
    size = len(image)
    with tempfile.TemporaryDirectory(prefix="otter-bench-") as name:
        folder = pathlib.Path(name)
        seconds = statistics.median(fast(folder, image)
                                    for _ in range(RUNS))
        costs = [cost(folder) for _ in range(RUNS)]
    each = statistics.median(costs)
    print(f"push into the LX106 in QEMU: {size} bytes, medians of {RUNS} "
          "runs")
    print(f"  {size / seconds / 1024:.0f} KiB/s until the last byte is "
          "acknowledged")
    print(f"  {each:.0f} instructions for each byte, read back included "
          f"({min(costs):.0f} to {max(costs):.0f}); at {CHIP_MHZ} MHz and one "
          f"a cycle {CHIP_MHZ * 1e6 / each / 1024:.0f} KiB/s")


if __name__ == "__main__":
    main()

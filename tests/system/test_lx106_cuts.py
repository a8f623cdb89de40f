#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The power fails in every flash operation of an update and of its
installation, in QEMU, under the boot loader that a chip gets.  After each cut
the power comes back, and a whole sketch must run, the old or the new one.

The sweep has two halves, which share no operation.  In the first the power
fails while a host pushes: nothing was committed yet or the commit itself is
cut.  The second begins at the restart, with the flash and the RTC memory as
the commit left them: the boot loader installs, and the new sketch starts.
Each case is one operation; how it tears goes round with its number."""
import hashlib
import itertools
import pathlib
import re
import select
import shutil
import socket
import struct
import sys
import threading
import time
import unittest

import otter_netns
import otter_qemu
import otter_testlib
from otter_qemu import Qemu
from otter_testlib import PATIENCE

OTTER = {"1.0.0": "basic_ota-1.0.0-otter.bin",
         "1.1.0": "basic_ota-1.1.0-otter.bin"}
CORE = {"1.0.0": "basic_ota-1.0.0.bin", "1.1.0": "basic_ota-1.1.0.bin"}
RTC_MEMORY, RTC_SIZE = 0x60001200, 512
WORKERS = 3  # one more than cores: boards wait for the protocol's pauses
TEARS = (otter_qemu.HALF, otter_qemu.MIXED, otter_qemu.ZERO,
         otter_qemu.NOTHING, otter_qemu.DONE)
VIOLATION = "violation"
RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # struct linger


class Push(threading.Thread):
    """A host that pushes by hand, as fast as the board takes it.  The update
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
            with socket.create_server((otter_netns.HOST, 0)) as server, \
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
        self.join(2 * PATIENCE)
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


class Worker:
    """A folder, an address, and one case after the other."""

    def __init__(self, sweep, folder):
        self.sweep = sweep
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.address = otter_netns.free_address()
        otter_netns.tap(self.address)

    def machine(self, **options):
        return Qemu(self.folder, self.address, {"stay_running": "1"},
                    **options)

    def flash(self):
        return (self.folder / "flash").read_bytes()

    def power_back(self):
        """The sketch that runs now: its version, after all checks."""
        with self.machine() as machine:
            machine.expect("^Ready$|^rom: exception|^rom: no image")
            text = machine.console.text
            version = re.search(r"^basic_ota (1\.[01]\.0)$", text, re.M)
            assert version and re.search("^Ready$", text, re.M), text
            version = version[1]
        assert VIOLATION not in text, text
        whole = self.sweep.images[version]
        assert self.flash()[:len(whole)] == whole, (
            f"{version} runs, but the flash does not hold it")
        return version

    def cut_while_pushing(self, number):
        """The version that survives, or None: there is no such operation."""
        otter_qemu.write_flash(self.folder / "flash", self.sweep.images[
            "1.0.0"])
        with self.machine(cut=number,
                          tear=TEARS[number % len(TEARS)]) as machine:
            machine.expect("^Ready$")
            push = Push(self.sweep.images["1.1.0"], self.address)
            push.start()
            try:
                fired = machine.expect("^rom: power cut |^End$")[0] != "End"
            finally:
                push.hang_up()
            if fired:
                assert machine.wait() == otter_qemu.EXIT_CUT
            assert VIOLATION not in machine.console.text
        return self.power_back() if fired else None

    def cut_while_installing(self, number):
        shutil.copyfile(self.sweep.staged, self.folder / "flash")
        with self.machine(cut=number, tear=TEARS[number % len(TEARS)],
                          rtc=self.sweep.rtc) as machine:
            fired = machine.expect("^rom: power cut |^Ready$")[0] != "Ready"
            if fired:
                assert machine.wait() == otter_qemu.EXIT_CUT
            assert VIOLATION not in machine.console.text
        return self.power_back() if fired else None


class Cuts(otter_testlib.SystemTest):
    def setUp(self):
        super().setUp()
        self.load(OTTER)
        self.staged = self.folder / "staged"
        self.rtc = self.folder / "rtc"
        self.workers = [Worker(self, self.folder / str(n))
                        for n in range(WORKERS)]

    def load(self, names):
        self.images = {version: otter_qemu.measured(name)
                       for version, name in names.items()}

    def stage(self):
        """The flash and the RTC memory of a board that was updated and
        waits for its restart."""
        worker = self.workers[0]
        otter_qemu.write_flash(worker.folder / "flash",
                               self.images["1.0.0"])
        with worker.machine() as machine:
            machine.expect("^Ready$")
            push = Push(self.images["1.1.0"], worker.address)
            push.start()
            self.assertTrue(push.finish())
            machine.expect("^End$")
            self.rtc.write_bytes(machine.memory(RTC_MEMORY, RTC_SIZE))
        shutil.copyfile(worker.folder / "flash", self.staged)

    def sweep(self, case):
        """Runs `case` for 1, 2, ... until there is no such operation.
        Returns which version survived each."""
        numbers = itertools.count(1)
        lock = threading.Lock()
        results, faults = {}, []
        last = [sys.maxsize]

        def work(worker):
            while not faults:
                with lock:
                    number = next(numbers)
                if number >= last[0]:
                    return
                try:
                    version = case(worker, number)
                except Exception as fault:  # handed to the test's thread
                    faults.append(f"cut {number}: {fault!r}")
                    return
                if version is None:
                    last[0] = min(last[0], number)
                    return
                results[number] = version

        threads = [threading.Thread(target=work, args=(w,))
                   for w in self.workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if faults:
            self.fail("\n\n".join(faults))
        count = last[0] - 1
        self.assertEqual(sorted(results), list(range(1, count + 1)))
        return [results[n] for n in range(1, count + 1)]

    def report(self, what, survivors):
        old = survivors.count("1.0.0")
        print(f"\n{what}: {len(survivors)} cuts, one in each flash "
              f"operation; then ran {old} times the old sketch, "
              f"{len(survivors) - old} times the new one, never none",
              file=sys.stderr)

    def test_cut_in_every_operation_of_the_update(self):
        survivors = self.sweep(Worker.cut_while_pushing)
        self.report("while pushing", survivors)
        # An image is staged sector by sector: one erase and 16 pages each.
        sectors = len(self.images["1.1.0"]) // 4096
        self.assertGreater(len(survivors), 17 * sectors)
        self.assertEqual(survivors[0], "1.0.0")

    def test_cut_in_every_operation_of_the_installation(self):
        self.stage()
        survivors = self.sweep(Worker.cut_while_installing)
        self.report("while installing", survivors)
        sectors = len(self.images["1.1.0"]) // 4096
        self.assertGreater(len(survivors), 17 * (sectors - 1))
        self.assertIn("1.1.0", survivors)

    def test_control_the_cores_loader_does_not_survive(self):
        """The same cuts, the core's boot loader algorithm: what it leaves is
        no whole sketch, and it does not repair it."""
        self.load(CORE)
        self.stage()
        worker = self.workers[0]
        sectors = len(self.images["1.1.0"]) // 4096
        for number in (4, 17 * sectors // 2, 17 * (sectors - 1)):
            with self.subTest(number):
                with self.assertRaises(AssertionError):
                    worker.cut_while_installing(number)
                self.assertNotIn(
                    worker.flash()[:len(self.images["1.1.0"])],
                    self.images.values())


if __name__ == "__main__":
    unittest.main()

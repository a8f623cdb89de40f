#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The power fails in every flash operation of an update and of its
installation, in QEMU, under the boot loader that a chip gets.  After each cut
the power comes back, and a whole sketch must run, the old or the new one.

The sweep has two halves, which share no operation.  In the first the power
fails while the old sketch saves itself, so that it can be reverted to, and
while a host pushes: nothing was committed yet or the commit itself is cut.
The second begins at the restart, with the flash and the RTC memory as the
commit left them: the boot loader installs, the new sketch starts and confirms.
Each case is one operation; how it tears goes round with its number."""
import itertools
import pathlib
import re
import sys
import threading
import unittest

import otter_netns
import otter_qemu
import otter_testlib
from hand_push import Push
from otter_qemu import Qemu

OTTER = {"1.0.0": "basic_ota-1.0.0-otter.bin",
         "1.1.0": "basic_ota-1.1.0-otter.bin"}
CORE = {"1.0.0": "basic_ota-1.0.0.bin", "1.1.0": "basic_ota-1.1.0.bin"}
RTC_MEMORY, RTC_SIZE = 0x60001200, 512
WORKERS = 3  # one more than cores: boards wait for the protocol's pauses
TEARS = (otter_qemu.HALF, otter_qemu.MIXED, otter_qemu.ZERO,
         otter_qemu.NOTHING, otter_qemu.DONE)
VIOLATION = "violation"
SAVED = "Saved: an update can be reverted"
# Seen once in some thousand cases, on a loaded machine, and not explained: the
# board could not connect to the host in its five seconds.  That says nothing
# about power, so the same case begins anew; but a sweep that needs it more often
# has found something.
NOT_CONNECTED = r"Error\[2\]: Connect Failed"
UNCONNECTED_MAX = 3
CONFIRMED = "Confirmed: this program stays"


class Worker:
    """A board that is switched on and off with another flash for each case:
    one QEMU, because starting the process costs more than a case."""

    def __init__(self, sweep, folder):
        self.sweep = sweep
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.address = otter_netns.free_address()
        self.machine = None

    def power_on(self, flash=None, **arguments):
        """Off and on, with another flash if one is given."""
        if self.machine is None:
            self.flash(flash)
            self.machine = Qemu(
                self.folder, self.address,
                {"stay_running": "1", "confirm_ms": "1", "mdns": "0"},
                switch=True, **arguments)
        else:
            self.machine.power_cycle(lambda: self.flash(flash), **arguments)
        return self.machine

    def flash(self, data=None):
        """What the flash holds, from its start."""
        with open(self.folder / "flash", "r+b" if self.machine else "w+b") \
                as file:
            if data is not None:
                file.write(data.ljust(otter_qemu.FLASH_SIZE, b"\xff"))
                file.seek(0)
            return file.read()

    def stop(self):
        if self.machine:
            self.machine.stop()

    def power_back(self):
        """The sketch that runs now: its version, after all checks."""
        machine = self.power_on()
        machine.expect("^Ready$|^rom: exception|^rom: no image")
        text = machine.text()
        version = re.search(r"^basic_ota (1\.[01]\.0)$", text, re.M)
        assert version and re.search("^Ready$", text, re.M), text
        assert VIOLATION not in text, text
        whole = self.sweep.images[version[1]]
        assert self.flash()[:len(whole)] == whole, (
            f"{version[1]} runs, but the flash does not hold it")
        return version[1]

    def cut(self, number, tear=None):
        return {"cut": number, "tear": TEARS[number % len(TEARS)]
                if tear is None else tear}

    def was_cut(self, end):
        """Whether the power failed before the line `end`."""
        found = self.machine.expect(f"^rom: power cut |^{end}$")
        assert VIOLATION not in self.machine.text(), self.machine.text()
        return "power cut" in found[0]

    def cut_while_pushing(self, number, tear=None):
        """The version that survives, or None: there is no such operation.
        The old sketch saves itself first, so that each number is always the
        same operation."""
        while True:
            self.power_on(self.sweep.images["1.0.0"],
                          **self.cut(number, tear))
            if self.was_cut(SAVED) or self.was_cut_by_push():
                return self.power_back()
            if not re.search(NOT_CONNECTED, self.machine.text()):
                return None
            self.sweep.unconnected.append(number)
            assert len(self.sweep.unconnected) <= UNCONNECTED_MAX, (
                f"boards could not connect in the cases "
                f"{self.sweep.unconnected}: {self.machine.text()}")

    def was_cut_by_push(self):
        push = Push(self.sweep.images["1.1.0"], self.address)
        push.start()
        try:
            found = self.machine.expect(
                f"^rom: power cut |^End$|{NOT_CONNECTED}")
        finally:
            push.hang_up()
        assert VIOLATION not in self.machine.text(), self.machine.text()
        return "power cut" in found[0]

    def cut_while_installing(self, number):
        """The same from the restart until the new sketch has confirmed."""
        self.power_on(self.sweep.staged, rtc=self.sweep.rtc,
                      **self.cut(number))
        fired = self.was_cut(CONFIRMED)
        return self.power_back() if fired else None


class Cuts(otter_testlib.SystemTest):
    def setUp(self):
        super().setUp()
        self.load(OTTER)
        self.staged = None
        self.unconnected = []  # cases that began anew
        self.rtc = self.folder / "rtc"
        self.workers = [Worker(self, self.folder / str(n))
                        for n in range(WORKERS)]
        for worker in self.workers:
            self.addCleanup(worker.stop)

    def load(self, names):
        self.images = {version: otter_qemu.measured(name)
                       for version, name in names.items()}

    def stage(self):
        """The flash and the RTC memory of a board that was updated and
        waits for its restart."""
        worker = self.workers[0]
        machine = worker.power_on(self.images["1.0.0"])
        machine.expect(f"^{SAVED}$|^Boot loader: another's")
        push = Push(self.images["1.1.0"], worker.address)
        push.start()
        self.assertTrue(push.finish())
        machine.expect("^End$")
        self.rtc.write_bytes(machine.memory(RTC_MEMORY, RTC_SIZE))
        self.staged = worker.flash()

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
              f"{len(survivors) - old} times the new one, never none; "
              f"begun anew: {self.unconnected or 'none'}", file=sys.stderr)

    def test_cut_in_every_operation_of_the_update(self):
        survivors = self.sweep(Worker.cut_while_pushing)
        self.report("while pushing", survivors)
        # An image is staged sector by sector: one erase and 16 pages each.
        sectors = len(self.images["1.1.0"]) // 4096
        self.assertGreater(len(survivors), 17 * sectors)
        self.assertEqual(survivors[0], "1.0.0")
        # The last one commits: done or not done.
        worker = self.workers[0]
        for tear, version in ((otter_qemu.NOTHING, "1.0.0"),
                              (otter_qemu.DONE, "1.1.0")):
            self.assertEqual(
                worker.cut_while_pushing(len(survivors), tear), version)

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

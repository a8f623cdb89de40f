#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Power that fails inside a flash operation of the virtual board."""
import pathlib
import unittest

import otter_testlib
from otter_testlib import sketch

SECTOR = 0x300000  # erased, in the file system


class Cut(otter_testlib.SystemTest):
    def cut(self, probe, *words, how):
        """Power fails in the flash operation that the probe is told."""
        probe.board.control(f"cut 1:{how}")
        probe.tell(*words)
        probe.board.expect(r"^board: power failed in an? (\w+), torn: "
                           r"([a-z-]+)$")
        self.assertEqual(probe.board.status()["state"], "off")
        return probe.board.read_flash(SECTOR, 4096)

    def again(self, probe):
        probe.board.control("power on")
        probe.board.expect("^board: start \\d+, reset by power$")
        probe.board.expect("^probe ready$")

    def test_torn_programs_leave_what_they_are_named_for(self):
        probe = self.probe()
        done = b"\x5a" * 256 + b"\xff" * (4096 - 256)
        for how in ("nothing", "prefix", "subset", "done"):
            probe.ask("flash_erase", SECTOR)
            found = self.cut(probe, "flash_program", SECTOR, 0x5A, 256,
                             how=how)
            self.assertTrue(found[256:] == done[256:], how)
            if how == "nothing":
                self.assertTrue(found == b"\xff" * 4096)
            elif how == "done":
                self.assertTrue(found == done)
            else:
                # Cells only lose bits that were to be lost.
                self.assertTrue(all(f & 0x5A == 0x5A for f in found))
                self.assertFalse(found in (b"\xff" * 4096, done), how)
            if how == "prefix":
                length = found.index(0xFF)
                self.assertEqual(found[:length], b"\x5a" * length)
            self.again(probe)

    def test_torn_erases_leave_what_they_are_named_for(self):
        probe = self.probe()
        for how in ("nothing", "zero", "ff-prefix", "zero-suffix", "random",
                    "done"):
            probe.ask("flash_erase", SECTOR)
            for off in range(0, 4096, 512):
                probe.ask("flash_program", SECTOR + off, 0x5A, 512)
            old = probe.board.read_flash(SECTOR, 4096)
            found = self.cut(probe, "flash_erase", SECTOR, how=how)
            ends = {"nothing": old, "zero": bytes(4096),
                    "done": b"\xff" * 4096}
            if how in ends:
                self.assertTrue(found == ends[how], how)
            else:
                self.assertFalse(found in ends.values(), how)
            self.again(probe)

    def test_weak_cells_read_differently_until_erased(self):
        probe = self.probe()
        probe.ask("flash_erase", SECTOR)
        self.cut(probe, "flash_program", SECTOR, 0, 256, how="subset-weak")
        self.again(probe)
        reads = {probe.ask("flash_read", SECTOR, 256)[0] for _ in range(20)}
        self.assertGreater(len(reads), 1)
        self.again_after_reset(probe)
        reads = {probe.ask("flash_read", SECTOR, 256)[0] for _ in range(20)}
        self.assertGreater(len(reads), 1)
        probe.ask("flash_erase", SECTOR)
        reads = {probe.ask("flash_read", SECTOR, 256)[0] for _ in range(20)}
        self.assertEqual(reads, {"ff" * 256})

    def again_after_reset(self, probe):
        probe.board.control("reset")
        probe.board.expect("^probe ready$")

    def test_cut_counts_operations_and_fires_once(self):
        probe = self.probe()
        probe.board.control("cut 3:nothing")
        probe.ask("flash_erase", SECTOR)
        probe.ask("flash_program", SECTOR, 1, 256)
        probe.tell("flash_program", SECTOR + 256, 1, 256)
        probe.board.expect("^board: power failed in a program, torn: "
                           "nothing$")
        self.again(probe)
        probe.ask("flash_program", SECTOR + 256, 1, 256)
        probe.ask("flash_erase", SECTOR)

    def test_cut_that_is_called_off_does_not_fire(self):
        probe = self.probe()
        probe.board.control("cut 1")
        probe.board.control("cut off")
        probe.ask("flash_erase", SECTOR)
        with self.assertRaises(AssertionError):
            probe.board.control("cut 0")

    def test_order_on_the_command_line_counts_from_power_up(self):
        probe = self.probe(args=["--cut-after", "1:zero"])
        probe.tell("flash_erase", SECTOR)
        probe.board.expect("^board: power failed in an erase, torn: zero$")
        self.assertEqual(probe.board.read_flash(SECTOR, 4096), bytes(4096))
        self.again(probe)

    def test_rules_hold_after_a_cut(self):
        """A program over torn cells is refused a clean bill."""
        probe = self.probe()
        probe.ask("flash_erase", SECTOR)
        self.cut(probe, "flash_program", SECTOR, 0, 256, how="prefix")
        self.again(probe)
        self.assertEqual(probe.board.counters()["violations"], 0)
        probe.ask("flash_program", SECTOR, 0, 256)
        self.assertEqual(probe.board.counters()["violations"], 1)


class CoresLoader(otter_testlib.SystemTest):
    """The control: what a power cut does to a board with the core's boot
    loader (protocol 3.4)."""

    def test_cut_inside_the_copy_leaves_a_dead_board(self):
        board = self.board("basic_ota-1.0.0", flavour="")
        board.expect("^Ready$")
        new = pathlib.Path(sketch("basic_ota-1.1.0", ""))
        sectors = -(-new.stat().st_size // 4096)
        # Staging erases and programs each sector, 17 operations; then the
        # copy, whose tenth operation is torn.
        staged = sum(1 + -(-min(4096, new.stat().st_size - 4096 * i) // 256)
                     for i in range(sectors))
        board.control(f"cut {staged + 10}")
        self.run_program("otter", "push", board.address, new)
        board.expect("^@cp:B?\nboard: power failed in a program")
        board.control("power on")
        board.expect("reset by power$")
        board.expect("^board: exception: ")
        self.assertEqual(board.console.text.count("Ready"), 1)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Updates of a board with Otter's boot loader: trial, confirm, revert, power
cuts, and the way from the core's boot loader to ours and back."""
import gzip
import hashlib
import pathlib
import re
import unittest

import otter_testlib
from otter_testlib import sketch

FS_START = 0x200000  # of 4M2M


class Trial(otter_testlib.SystemTest):
    def ready(self, image="basic_ota-1.0.0-otter", settings=None, args=()):
        board = self.board(image, map="4M2M", args=args,
                           settings={"confirm_ms": "200", **(settings or {})})
        self.expect_start(board, re.search(r"-(.*?)(-otter)?$", image)[1])
        return board

    def expect_start(self, board, version, *lines):
        """The banner, those lines of the keeper, and the network."""
        name = "basic_ota"
        board.expect(f"^{name} {re.escape(version)}\nBooting\n" +
                     "".join(f"{line}\n" for line in lines) +
                     "Ready\nIP address: ")

    def push(self, board, image, *args, status=0):
        """Without waiting for what becomes of it: the console tells."""
        return self.run_program("otter", "push", "--no-mdns", board.address,
                                image, *args, status=status)

    def update(self, board, version, image=None):
        """An update that is installed, on trial, and confirms itself."""
        self.push(board, image or sketch(f"basic_ota-{version}"))
        self.expect_start(board, version, "On trial, 2 tries left")
        board.expect("^Confirmed: this program stays$")

    def test_update_goes_on_trial_and_confirms(self):
        board = self.ready()
        self.update(board, "1.1.0")
        board.control("reset")
        self.expect_start(board, "1.1.0")
        board.expect("^Boot loader: Otter's, version 1; "
                     "kept beside this program: 1.0.0$")
        self.update(board, "1.0.0")

    def test_crash_at_start_reverts_by_itself(self):
        board = self.ready()
        self.update(board, "1.1.0")
        self.push(board, sketch("basic_ota-1.2.0-broken"))
        for left in ("2 tries", "1 try", "0 tries"):
            board.expect("^basic_ota 1.2.0-broken\nBooting\n"
                         f"On trial, {left} left$")
            board.expect("^board: exception: the program crashed")
        self.expect_start(board, "1.1.0", "Reverted: the new program did not "
                          "confirm itself")
        self.update(board, "1.0.0")

    def faulty(self, fault, args=()):
        board = self.ready(settings={"faulty": fault}, args=args)
        self.push(board, sketch("faulty-2.0.0"))
        return board

    def test_hang_is_ended_by_the_watchdog_and_reverted(self):
        board = self.faulty("hang", args=["--watchdog", "1"])
        for left in ("2 tries", "1 try", "0 tries"):
            board.expect(f"^On trial, {left} left$")
            board.expect("^board: watchdog: not fed")
        self.expect_start(board, "1.0.0", "Reverted: the new program did not "
                          "confirm itself")

    def test_program_asks_to_be_reverted(self):
        board = self.faulty("revert")
        board.expect("^Confirmed: this program stays$")
        board.expect("^Reverting$")
        self.expect_start(board, "1.0.0",
                          "Reverted: the program asked to revert")
        board.expect("; kept beside this program: 2.0.0$")

    def test_waking_from_deep_sleep_uses_up_no_try(self):
        board = self.ready(settings={"confirm_ms": "3600000"})
        self.push(board, sketch("basic_ota-1.1.0"))
        for _ in range(5):
            self.expect_start(board, "1.1.0", "On trial, 2 tries left")
            board.control("wake")
        for left in ("2 tries", "1 try", "0 tries"):
            self.expect_start(board, "1.1.0", f"On trial, {left} left")
            board.control("reset")
        self.expect_start(board, "1.0.0", "Reverted: the new program did not "
                          "confirm itself")

    def test_update_during_a_trial_goes_back_to_the_confirmed(self):
        board = self.ready(settings={"confirm_ms": "3600000",
                                     "faulty": "crash"})
        self.push(board, sketch("basic_ota-1.1.0"))
        self.expect_start(board, "1.1.0", "On trial, 2 tries left")
        self.push(board, sketch("faulty-2.0.0"))
        for _ in range(3):
            board.expect("^board: exception: the program crashed")
        self.expect_start(board, "1.0.0", "Reverted: the new program did not "
                          "confirm itself")

    # --- Power cuts: test_lx106_cuts has them for the LX106

    def staged(self):
        """Board with an update that waits for a reset."""
        board = self.ready(settings={"stay_running": "1"})
        self.push(board, sketch("basic_ota-1.1.0"))
        board.expect("^End$")
        return board

    def test_power_cycle_does_not_forget_the_update(self):
        board = self.staged()
        board.control("power cycle")
        self.expect_start(board, "1.1.0", "On trial, 2 tries left")

    @unittest.skipIf(otter_testlib.BOARD == "lx106", "cuts in QEMU differ")
    def test_power_cut_in_mid_installation_resumes(self):
        board = self.staged()
        cuts = (1, 2, 3, 20, 21, 150, 151, 300)
        for number in cuts:
            board.control(f"cut {number}")
            board.control("reset" if number == 1 else "power on")
            board.expect("^board: power failed in")
        board.control("power on")
        self.expect_start(board, "1.1.0", "On trial, 2 tries left")
        board.expect("^Confirmed: this program stays$")
        new = pathlib.Path(sketch("basic_ota-1.1.0")).read_bytes()
        self.assertEqual(board.read_flash(4096, len(new) - 4096), new[4096:])

    @unittest.skipIf(otter_testlib.BOARD == "lx106", "cuts in QEMU differ")
    def test_power_cut_while_staging_leaves_the_old_program(self):
        for number in (1, 30, 200):
            board = self.ready()
            board.control(f"cut {number}")
            self.push(board, sketch("basic_ota-1.1.0"), "--timeout", "2",
                      "--tries", "1", status=None)
            board.expect("^board: power failed in")
            board.control("power on")
            self.expect_start(board, "1.0.0")
            self.update(board, "1.1.0")

    # --- File systems

    @unittest.skipIf(otter_testlib.BOARD == "lx106", "cuts in QEMU differ")
    def test_file_system_update_that_is_cut_is_told(self):
        board = self.ready()
        image = self.folder / "fs.bin"
        image.write_bytes(bytes(range(256)) * 400)
        board.expect("^Saved: an update can be reverted$")
        board.control("cut 40")
        self.push(board, image, "--fs", "--timeout", "2", "--tries", "1",
                  status=None)
        board.expect("^board: power failed in")
        board.control("power on")
        self.expect_start(board, "1.0.0", "File system incomplete: its "
                          "update was cut")
        self.push(board, image, "--fs")
        self.expect_start(board, "1.0.0")
        self.assertEqual(board.read_flash(FS_START, 102400),
                         image.read_bytes())

    # --- Other images, other loaders

    def test_gzip_image_goes_on_trial_and_confirms(self):
        board = self.ready()
        packed = self.folder / "new.bin.gz"
        packed.write_bytes(gzip.compress(pathlib.Path(
            sketch("basic_ota-1.1.0")).read_bytes()))
        self.update(board, "1.1.0", packed)

    def test_first_otter_image_arrives_on_a_stock_device(self):
        """The core's loader installs the file, boot sector and all."""
        board = self.ready("basic_ota-1.0.0")
        board.expect("^Boot loader: another's, an installation does not "
                     "survive a power cut$")
        self.push(board, sketch("basic_ota-1.1.0-otter"))
        board.expect(r"^@cp:0$")
        self.expect_start(board, "1.1.0")
        board.expect("^Boot loader: Otter's, version 1$")
        self.update(board, "1.0.0")

    def test_stock_image_arrives_on_our_loader(self):
        """The boot sector in the file is not installed."""
        board = self.ready()
        before = board.read_flash(0, 4096)
        new = pathlib.Path(sketch("basic_ota-1.1.0")).read_bytes()
        self.assertNotEqual(new[:4096], before)
        self.update(board, "1.1.0")
        self.assertEqual(board.read_flash(0, 4096), before)
        self.assertEqual(
            hashlib.md5(board.read_flash(4096, len(new) - 4096)).digest(),
            hashlib.md5(new[4096:]).digest())


if __name__ == "__main__":
    unittest.main()

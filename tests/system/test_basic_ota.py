#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""basic_ota on the virtual board: its console, its settings, and updates that
really run afterwards."""
import concurrent.futures
import gzip
import hashlib
import os
import pathlib
import re
import socket
import unittest

import otter_image
import otter_testlib
from otter_testlib import only, sketch

FIRMWARE = (otter_testlib.SHARED_DATA / "firmware" /
            "tasmota-minimal-15.5.0.bin.gz")


class BasicOta(otter_testlib.SystemTest):
    def ready(self, version="1.0.0", image=None, **options):
        board = self.board(image or f"basic_ota-{version}", **options)
        self.expect_start(board, version)
        return board

    def expect_start(self, board, version):
        board.expect(f"^basic_ota {re.escape(version)}\n"
                     "Booting\nReady\nIP address: " +
                     re.escape(board.address) + "\n")

    def push(self, board, image, *args, status=0):
        return self.run_program("otter", "push", board.address, image, *args,
                                status=status)

    def test_update_runs_the_new_sketch(self):
        new = pathlib.Path(sketch("basic_ota-1.1.0")).read_bytes()
        board = self.ready()
        self.push(board, sketch("basic_ota-1.1.0"))
        board.expect("^Start updating sketch$")
        board.expect("Progress: 0%\r")
        board.expect("Progress: 100%\r")
        board.expect("^End$")
        board.expect("^board: start 2, reset by software$")
        board.expect("^@cp:B?0$")
        self.expect_start(board, "1.1.0")
        self.assertEqual(board.read_flash(0, len(new)), new)
        self.assertNotEqual(new, pathlib.Path(
            sketch("basic_ota-1.0.0")).read_bytes())

    def test_update_leaves_the_application_running(self):
        """The application's loop prints its ticks all through an update on a
        chip that takes its time."""
        board = self.ready(settings={"heartbeat": "20"},
                           args=["--flash-time", "typical"], flavour="")
        board.expect("^tick 1$")
        self.push(board, sketch("basic_ota-1.1.0", ""))
        board.expect("^End$")
        during = re.search(r"Start updating sketch\n(.*)\nEnd\b",
                           board.console.text, re.DOTALL)[1]
        # From one progress line to the next there is at most one sector's
        # work (56 ms), so no more than a few lines without a tick.
        pieces = during.split("tick ")
        ticks = [int(p.split("\n")[0]) for p in pieces[1:]]
        self.assertEqual(ticks, list(range(ticks[0], ticks[-1] + 1)))
        self.assertGreater(len(ticks), 20)
        for piece in pieces:
            self.assertLess(piece.count("Progress"), 15, piece)
        self.expect_start(board, "1.1.0")

    def test_banner_shows_the_version_that_flash_holds(self):
        board = self.ready()
        board.stop()
        flash = board.read_flash()
        at = [m.start() for m in re.finditer(rb"1\.0\.0\0", flash)]
        self.assertEqual(len(at), 1)
        board.patch_flash(at[0], b"7.x-9")
        board.start()
        self.expect_start(board, "7.x-9")

    def test_password_right_and_wrong(self):
        settings = {"password": "geheim"}
        board = self.ready(settings=settings)
        image = sketch("basic_ota-1.1.0")
        self.push(board, image, "--password", "falsch", status=None)
        board.expect(r"^Error\[0\]: Auth Failed$")
        self.push(board, image, "--password", "geheim")
        self.expect_start(board, "1.1.0")

    def test_password_hash_is_the_password(self):
        digest = hashlib.md5(b"geheim").hexdigest()
        board = self.ready(settings={"password_hash": digest})
        self.push(board, sketch("basic_ota-1.1.0"), "--password", "geheim")
        self.expect_start(board, "1.1.0")

    def test_port_setting_moves_the_port(self):
        board = self.ready(settings={"port": "18266"})
        self.push(board, sketch("basic_ota-1.1.0"), "--port", "18266")
        self.expect_start(board, "1.1.0")

    def test_busy_application_declines(self):
        board = self.ready(settings={"busy": "1"})
        self.push(board, sketch("basic_ota-1.1.0"), status=None)
        board.expect("^Update declined$")
        board.control("reset")
        self.expect_start(board, "1.0.0")

    def test_sketch_cut_in_half_is_refused(self):
        """A file that a full disk or a broken download left."""
        image = pathlib.Path(sketch("basic_ota-1.1.0")).read_bytes()
        half = self.folder / "half.bin"
        half.write_bytes(image[:len(image) // 2])
        board = self.ready()
        done = self.push(board, half, "--force", status=None)
        self.assertIn("ERROR[145]: the image is not whole or malformed",
                      done.stderr)
        board.expect(r"Error\[4\]: End Failed$")
        board.control("reset")
        self.expect_start(board, "1.0.0")
        self.push(board, sketch("basic_ota-1.1.0"))
        self.expect_start(board, "1.1.0")

    def test_stay_running_waits_for_the_reset(self):
        board = self.ready(settings={"stay_running": "1"})
        self.push(board, sketch("basic_ota-1.1.0"), "--no-mdns")
        board.expect("^End$")
        self.assertEqual(board.status()["starts"], 1)
        board.control("reset")
        self.expect_start(board, "1.1.0")

    def test_power_cycle_before_the_reset_forgets_the_update(self):
        """The core's command lives in RTC memory, which a power cycle
        loses (protocol 3.4): with its boot loader the old sketch runs."""
        board = self.ready(settings={"stay_running": "1"})
        self.push(board, sketch("basic_ota-1.1.0"), "--no-mdns")
        board.expect("^End$")
        board.control("power cycle")
        self.expect_start(board, "1.0.0")

    def test_two_images_fit_the_smallest_chip(self):
        """512 KiB: 123 sectors below the file system for both."""
        for version in ("1.0.0", "1.1.0"):
            path = otter_testlib.BIN / "sketches" / f"basic_ota-{version}.bin"
            self.assertLessEqual(os.path.getsize(path), 250 * 1000)
        board = self.ready(map="512K0", flavour="")
        self.push(board, sketch("basic_ota-1.1.0", ""))
        self.expect_start(board, "1.1.0")
        self.push(board, sketch("basic_ota-1.0.0", ""))
        self.expect_start(board, "1.0.0")

    def test_update_at_every_flash_size(self):
        def update(name):
            board = self.ready(map=name, flavour="")
            self.push(board, sketch("basic_ota-1.1.0", ""))
            self.expect_start(board, "1.1.0")

        # Side by side: each has an address of its own.
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(update, ("512K64", "1M64", "2M0", "4M3M", "8M6M",
                                   "16M14M")))

    def becomes_chip_firmware(self, image):
        """An image for the real chip is staged, installed and verified like
        any other; that this board cannot run it comes last."""
        board = self.ready()
        mode = board.read_flash(2, 1)[0]
        path = self.folder / "chip.bin"
        path.write_bytes(image)
        self.push(board, path, "--no-mdns")  # it will not come back
        board.expect("^End$")
        board.expect("^@cp:0$")
        board.expect("^board: not runnable on this board: the program "
                     "starts at 0x401")
        board.expect("^board: idle$")
        # But for the flash mode, which stays the board's (protocol 2.3).
        self.assertNotEqual(image[2], mode)
        self.assertEqual(board.read_flash(0, len(image)),
                         image[:2] + bytes([mode]) + image[3:])
        self.assertEqual(board.status()["state"], "idle")

    @only("posix", "the LX106 tries to run it")
    def test_update_to_an_image_for_the_chip_installs_it(self):
        code = bytes(range(256)) * 100
        self.becomes_chip_firmware(otter_image.file(
            0x40100004, [(0x40100000, code), (0x3FFE8000, code)], mode=3))

    @only("posix", "the LX106 tries to run it")
    @unittest.skipUnless(FIRMWARE.exists(), "no real firmware here")
    def test_update_to_real_firmware_installs_it(self):
        self.becomes_chip_firmware(gzip.decompress(FIRMWARE.read_bytes()))

    def test_device_shows_itself_by_multicast_dns(self):
        """Asks for the device's name on loopback: one question, RFC 1035."""
        name = f"otter-{os.getpid()}"
        board = self.ready(settings={"hostname": name})
        question = (bytes([0] * 5 + [1] + [0] * 6) + bytes([len(name)]) +
                    name.encode() + b"\5local\0\0\1\0\1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.5)
            client.setsockopt(
                socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                socket.inet_aton(otter_testlib.HOST))

            def answer():
                client.sendto(question, ("224.0.0.251", 5353))
                try:
                    return client.recv(1500)
                except TimeoutError:
                    return None

            found = otter_testlib.wait_for(answer, "an answer")
        self.assertIn(socket.inet_aton(board.address), found)


if __name__ == "__main__":
    unittest.main()

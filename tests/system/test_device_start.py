#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The virtual board starts what its flash holds, and nothing else."""
import gzip
import os
import pathlib
import shutil
import struct
import subprocess
import unittest

import otter_image
import otter_testlib
from otter_testlib import only, sketch

FIRMWARE = otter_testlib.SHARED_DATA / "firmware"


def program_offset(image):
    """Where the host program begins in the file: the data of the first
    segment at 0x70000000."""
    at = 0x1000
    count = image[at + 1]
    at += 8
    for _ in range(count):
        vma = int.from_bytes(image[at:at + 4], "little")
        size = int.from_bytes(image[at + 4:at + 8], "little")
        if vma == otter_image.PROGRAM_VMA:
            return at + 8
        at += 8 + size
    raise AssertionError("no host program")


class Start(otter_testlib.SystemTest):
    @only("posix", "about host programs")
    def test_start_with_the_build_gone_runs_from_flash(self):
        """The whole build is hidden behind an empty file system, and the
        image that was uploaded is deleted: only the flash file is left."""
        image = self.folder / "probe.bin"
        shutil.copy(sketch("probe-1.0.0"), image)
        board = self.board(str(image))
        board.expect("^probe ready$")
        board.stop()
        image.unlink()
        hidden = shutil.copytree(otter_testlib.BIN, self.folder / "bin",
                                 ignore=lambda *_: ["sketches"])
        hide = ["unshare", "-r", "-m", "sh", "-c",
                f'mount -t tmpfs none "{otter_testlib.BIN.parent}" && '
                'exec "$@"', "sh"]
        if subprocess.run([*hide, "true"], capture_output=True,
                          check=False).returncode != 0:
            self.skipTest("no mount namespaces here")
        board.start(prefix=hide, device=str(hidden / "otter-device"))
        probe = self.probe(board)
        self.assertEqual(probe.ask("identity")[2], "posix")
        pid = board.status()["cpu_pid"]
        maps = pathlib.Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
        self.assertIn("/memfd:sketch", maps)
        self.assertNotIn(str(otter_testlib.BIN.parent), maps)

    @only("posix", "about host programs")
    def test_start_with_program_zeroed_does_not_run(self):
        board = self.board("probe-1.0.0")
        board.expect("probe ready")
        board.stop()
        at = program_offset(board.read_flash())
        board.patch_flash(at, bytes(4096))
        board.start()
        board.expect("^board: not runnable on this board: ")
        board.expect("^board: idle$")
        self.assertEqual(board.status()["state"], "idle")
        self.assertNotIn("probe ready", board.console.text)

    def test_start_with_empty_flash_names_the_cause(self):
        board = self.board(size="512K")
        board.expect("^board: does not start: sector 0 holds no image$")
        board.expect("^board: idle$")

    def test_start_with_wrong_boot_checksum_names_the_cause(self):
        board = self.board("probe-1.0.0")
        board.expect("probe ready")
        board.stop()
        byte = board.read_flash(16, 1)[0]
        board.patch_flash(16, bytes([byte ^ 1]))
        board.start()
        board.expect("^board: does not start: .*checksum is wrong$")

    @only("posix", "about host programs")
    def test_start_of_a_chip_image_says_not_runnable(self):
        path = self.folder / "chip.bin"
        path.write_bytes(otter_image.file(
            0x40100004, [(0x40100000, b"\1\2\3\4" * 100),
                         (0x3FFE8000, b"data"), (0x3FFFFFFC, b"beyond")]))
        board = self.board(str(path))
        board.expect("^board: not runnable on this board: the program starts "
                     "at 0x40100004")
        board.expect("^board: idle$")
        board.control("reset")
        board.expect("^board: start 2, reset by pin$")
        board.expect("^board: idle$")

    @only("posix", "the LX106 tries to run it")
    @unittest.skipUnless(FIRMWARE.is_dir(), "no real firmware here")
    def test_start_of_real_firmware_says_not_runnable(self):
        for path in sorted(FIRMWARE.glob("*.bin.gz")):
            with self.subTest(path.name):
                image = self.folder / "real.bin"
                image.write_bytes(gzip.decompress(path.read_bytes()))
                board = self.board(str(image), map="4M2M")
                board.expect("^~ld$")
                board.expect("^board: not runnable on this board: ")
                board.expect("^board: idle$")
                self.assertTrue(board.read_flash().startswith(
                    image.read_bytes()))

    @only("posix", "about host programs")
    def test_start_of_a_program_that_ends_is_an_exception(self):
        path = self.folder / "elf.bin"
        path.write_bytes(otter_image.file(
            otter_image.PROGRAM_VMA,
            [(otter_image.PROGRAM_VMA,
              pathlib.Path("/bin/false").read_bytes())]))
        board = self.board(str(path))
        board.expect("^board: exception: the program ended with status 1$")
        board.expect("^board: start 2, reset by exception$")

    def program_of(self, name):
        """The host program in a sketch's image, as a file that runs."""
        image = pathlib.Path(sketch(name)).read_bytes()
        at = program_offset(image)
        self.assertEqual(image[at:at + 4], b"\x7fELF")
        segments = {}
        at = 0x1008
        for _ in range(image[0x1001]):
            vma, size = struct.unpack_from("<II", image, at)
            segments[vma] = image[at + 8:at + 8 + size]
            at += 8 + size
        path = self.folder / "program"
        path.write_bytes(b"".join(data for vma, data in
                                  sorted(segments.items())
                                  if vma >= otter_image.PROGRAM_VMA))
        os.chmod(path, 0o755)
        return str(path)

    @only("posix", "about host programs")
    def test_sketch_program_started_by_hand_explains_itself(self):
        done = self.run_program(self.program_of("probe-1.0.0"), status=2)
        self.assertIn("otter-device --help", done.stderr)

    @only("posix", "about host programs")
    def test_sketch_program_on_a_board_of_another_build_halts(self):
        """A sketch in flash may be older than the otter-device around it:
        the shared block's layout number and size tell."""
        probe = self.probe()
        pid = probe.board.status()["cpu_pid"]
        with open(f"/proc/{pid}/fd/4", "rb") as f:
            magic, layout, size = struct.unpack("<III", f.read(12))
        program = self.program_of("probe-1.0.0")
        for head, status, why in (
                ((magic, layout + 1, size), 76, "built for another version"),
                ((magic, layout, size + 4), 76, "built for another version"),
                ((magic + 1, layout, size), 2, "otter-device --help")):
            state = os.memfd_create("board")
            os.ftruncate(state, size + 4)
            os.pwrite(state, struct.pack("<III", *head), 0)

            def wire(fd=state):
                os.dup2(fd, 4)
                os.set_inheritable(4, True)

            done = subprocess.run([program], preexec_fn=wire, close_fds=False,
                                  capture_output=True, text=True, check=False)
            os.close(state)
            self.assertEqual(done.returncode, status)
            self.assertIn(why, done.stdout + done.stderr)


@only("posix", "chooses among the loaders in otter-device")
class Loader(otter_testlib.SystemTest):
    """Sector 0 decides which boot loader's source the board runs."""

    def with_otters_loader(self, flash_map):
        path = self.folder / "otter.bin"
        self.run_program("otter", "image", "build", "--boot", "otter",
                         "--map", flash_map, "--program",
                         self.program_of("probe-1.0.0"), "-o", path)
        return path

    program_of = Start.program_of

    def test_cores_loader_speaks_as_the_core_does(self):
        board = self.board("probe-1.0.0")
        board.expect(r"^v[0-9a-f]{8}\n~ld\nprobe ready$")

    def test_otters_loader_starts_the_sketch(self):
        board = self.board(str(self.with_otters_loader("4M2M")), map="4M2M")
        board.expect("^board: start 1, reset by power\nprobe ready$")

    def test_image_builder_tells_otters_loader_where_its_log_lies(self):
        """Two sectors below the file system (boot.md 1)."""
        for flash_map, log in (("4M2M", 0x1FE000), ("1M64", 0xE9000),
                               ("512K0", 0x79000)):
            data = self.with_otters_loader(flash_map).read_bytes()
            self.assertEqual(data[16:24], struct.pack("<HHI", 1, 0x4C4F, log))

    def test_image_builder_aims_the_loader_of_another_file(self):
        first = self.with_otters_loader("4M2M")
        second = self.folder / "second.bin"
        self.run_program("otter", "image", "build", "--boot", first, "--map",
                         "1M64", "--program", self.program_of("probe-1.0.0"),
                         "-o", second)
        data = second.read_bytes()
        self.assertEqual(data[16:24], struct.pack("<HHI", 1, 0x4C4F, 0xE9000))
        self.assertEqual(data[:16], first.read_bytes()[:3] + b"\x20" +
                         first.read_bytes()[4:16])
        board = self.board(str(second), map="1M64")
        board.expect("^probe ready$")


class SerialUpload(otter_testlib.SystemTest):
    def refused(self, data, why, **options):
        path = self.folder / "file.bin"
        path.write_bytes(data)
        board = self.board(str(path), **options)
        self.assertEqual(board.wait(), 3)
        board.expect(f"^otter-device: .*file.bin: {why}")
        # The file may be new, but nothing was written to the chip.
        self.assertEqual(set(board.read_flash()), {0xFF})

    def test_upload_of_no_image_is_refused(self):
        self.refused(b"hello", "sector 0 holds no image")
        self.refused(b"", "sector 0 holds no image")

    def test_upload_of_gzip_is_refused(self):
        self.refused(gzip.compress(b"x"), "compressed: unpack it first")

    def test_upload_of_boot_sector_alone_is_refused(self):
        good = pathlib.Path(sketch("probe-1.0.0")).read_bytes()
        self.refused(good[:0x1000], "no application image")

    def test_upload_with_damaged_boot_sector_is_refused(self):
        good = bytearray(pathlib.Path(sketch("probe-1.0.0")).read_bytes())
        good[16] ^= 1
        self.refused(good, "the boot image's checksum is wrong")

    def test_upload_that_reaches_the_file_system_is_refused(self):
        good = pathlib.Path(sketch("probe-1.0.0")).read_bytes()
        self.refused(good.ljust(0x7B000 + 1, b"\0"),
                     "longer than the room below the file system",
                     map="512K0")

    def test_upload_counts_one_erase_a_sector_and_keeps_the_rest(self):
        size = os.path.getsize(sketch("probe-1.0.0"))
        probe = self.probe()
        counters = probe.board.counters()
        sectors = -(-size // 4096)
        self.assertEqual(counters["erases"], sectors)
        self.assertEqual(counters["programs"], sectors * 16)
        self.assertEqual(counters["violations"], 0)
        self.assertEqual(counters["wear"],
                         {str(i): 1 for i in range(sectors)})
        self.assertEqual(set(probe.board.read_flash(sectors * 4096)), {0xFF})


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""`otter image`: what it builds is what protocol 2.7 describes, what it says
about files is true, and what it says about mistakes helps.  Expected files
come from otter_image.py, which shares no code with the tool."""
import gzip
import hashlib
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

import otter_image

ROOT = pathlib.Path(__file__).resolve().parents[2]
OTTER = os.environ.get("OTTER", str(ROOT / "build/debug/bin/otter"))
SHARED = pathlib.Path(os.environ.get("OTTER_SHARED", ROOT / "../shared"))
PROGRAM = sys.executable  # any ELF program of this computer
DESCRIPTOR = (otter_image.DESCRIPTOR_MAGIC
              + struct.pack("<HHII32s24s16s16s", 1, 128, 1, 3, b"blink",
                            b"2.0.1", b"posix", b"esp8266")).ljust(128, b"\0")
DRAM, IRAM = 0x3FFE8000, 0x40100000


def xtensa_elf(sections, machine=94, entry=IRAM):
    """A linked program with (name, vma, data) as its sections."""
    names, table, body, at = b"\0", bytes(40), b"", 52
    for name, vma, data in [*sections, (".shstrtab", None, b"")]:
        offset = len(names)
        names += name.encode() + b"\0"
        kind, flags = (3, 0) if vma is None else (1, 2)
        data = names if vma is None else data
        table += struct.pack("<10I", offset, kind, flags, vma or 0,
                             at + len(body), len(data), 0, 0, 4, 0)
        body += data
    head = b"\x7fELF\1\1\1".ljust(16, b"\0") + struct.pack(
        "<HHIIIIIHHHHHH", 2, machine, 1, entry, 0, at + len(body), 0, 52, 0,
        0, 40, len(sections) + 2, len(sections) + 1)
    return head + body + table


class ImageTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def otter(self, *args, status=0):
        done = subprocess.run([OTTER, "image", *args], capture_output=True,
                              text=True, timeout=60)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def info(self, path, status=0):
        return json.loads(self.otter("info", "--json", path,
                                     status=status).stdout)

    def build(self, *args):
        out = str(self.folder / "out.bin")
        self.otter("build", "-q", "-o", out, *args)
        return pathlib.Path(out).read_bytes()

    def refused(self, *args, status=1):
        """The error's text; nothing is left behind."""
        out = self.folder / "refused.bin"
        done = self.otter("build", "-o", str(out), *args, status=status)
        self.assertEqual(list(self.folder.glob("refused*")), [])
        self.assertEqual(done.stdout, "")
        return done.stderr


class Build(ImageTest):
    def expected(self, entry, segments, boot, **header):
        """The file that protocol 2.7 prescribes, CRC words included."""
        app = otter_image.image(entry, segments, **header)
        data = bytearray(boot.ljust(0x1000, b"\xaa") + app)
        crc = otter_image.crc(data)
        struct.pack_into("<II", data, 0x1010, len(data), crc)
        return bytes(data)

    def placeholder(self, **header):
        return otter_image.image(0x40100004, [(IRAM, bytes([1, 2, 3, 4]))],
                                 **header)

    def test_program_without_descriptor_is_one_segment(self):
        elf = self.file("p", b"\x7fELF\2\1\1".ljust(16, b"\0") + b"\3\0"
                        + bytes(4999))
        data = pathlib.Path(elf).read_bytes()
        self.assertEqual(
            self.build("--program", elf),
            self.expected(0x70000000, [(0x40201010, bytes(8)),
                                       (0x70000000, data)],
                          self.placeholder()))

    def test_program_is_split_at_its_descriptor(self):
        head = b"\x7fELF\2\1\1".ljust(16, b"\0") + b"\3\0".ljust(984, b"\0")
        # The bare magic is what code that looks for it contains.
        data = head + otter_image.DESCRIPTOR_MAGIC + DESCRIPTOR + b"tail"
        image = self.build("--program", self.file("p", data), "--map", "1M64",
                           "--mode", "qout", "--freq", "80")
        header = {"mode": 1, "size_nibble": 2, "frequency": 15}
        self.assertEqual(
            image, self.expected(0x70000000, [
                (0x40201010, bytes(8)), (0x70000000, data[:1008]),
                (0x70000000 + 1008, data[1008:])],
                self.placeholder(**header), **header))

    def test_sections_come_in_the_order_of_the_core(self):
        irom = bytes(8) + b"mapped code."
        elf = self.file("e", xtensa_elf([
            (".rodata", DRAM + 256, b"ro" * 8),
            (".data", DRAM, DESCRIPTOR),
            (".text1", IRAM + 64, b"text one"),
            (".irom0.text", 0x40201010, irom),
            (".text", IRAM, b"vectors.")], entry=IRAM + 4))
        boot = otter_image.image(0x4010F000, [(0x4010F000, b"loader!!"),
                                              (0x3FFF20B8, b"rodata")])
        image = self.build("--elf", elf, "--boot", self.file("b", boot))
        self.assertEqual(
            image, self.expected(IRAM + 4, [
                (0x40201010, irom), (IRAM, b"vectors."),
                (IRAM + 64, b"text one"), (DRAM, DESCRIPTOR),
                (DRAM + 256, b"ro" * 8)],
                boot))

    def test_raw_segments_and_a_boot_sector_from_an_image_file(self):
        boot = otter_image.image(0x4010F000, [(0x4010F000, b"boot")], mode=3)
        donor = self.file("donor", otter_image.file(0, [(IRAM, b"x" * 99)],
                                                    boot=boot))
        text = self.file("text", b"12345")
        data = self.file("data", b"abcdefgh")
        image = self.build("--boot", donor, "--segment", f"{IRAM:#x}:{text}",
                           "--segment", f"{DRAM}:{data}")
        boot = otter_image.image(0x4010F000, [(0x4010F000, b"boot")], mode=2)
        self.assertEqual(image, self.expected(
            IRAM, [(0x40201010, bytes(8)), (IRAM, b"12345"),
                   (DRAM, b"abcdefgh")], boot))

    def test_boot_loader_may_be_a_program(self):
        loader = self.file("loader", xtensa_elf(
            [(".rodata", 0x3FFF20B8, b"constant"),
             (".text", 0x4010F000, b"loader!!")], entry=0x4010F004))
        raw = self.file("r", b"1234")
        image = self.build("--boot", loader, "--segment", f"{IRAM}:{raw}")
        boot = otter_image.image(0x4010F004, [(0x4010F000, b"loader!!"),
                                              (0x3FFF20B8, b"constant")])
        self.assertEqual(image[:0x1000], boot.ljust(0x1000, b"\xaa"))

    def test_without_crc_the_words_stay(self):
        raw = self.file("r", b"anything")
        image = self.build("--no-crc", "--boot", "none", "--entry",
                           "0x40100000", "--segment", f"0x40201010:{raw}")
        self.assertEqual(image[0x1010:0x1018], b"anything")

    def test_summary_is_one_line_and_true(self):
        out = str(self.folder / "out.bin")
        raw = self.file("r", b"anything")
        said = self.otter("build", "-o", out, "--boot", "none", "--segment",
                          f"{IRAM}:{raw}").stdout
        data = pathlib.Path(out).read_bytes()
        self.assertEqual(said, f"{out}: {len(data)} bytes for 4M2M, md5 "
                               f"{hashlib.md5(data).hexdigest()}\n")

    def test_what_cannot_be_built_is_explained(self):
        elf = self.file("e", xtensa_elf([(".text", IRAM, b"code")]))
        text = self.file("t", b"no program")
        empty = self.file("n", b"")
        big = self.file("big", b"\x7fELF\2\1\1".ljust(16, b"\0") + b"\3\0"
                        + bytes(1 << 20))
        cases = [
            (["--program", text], "is not an ELF program"),
            (["--program", str(self.folder / "none")], "No such file"),
            (["--program", big], "at most 1048576"),
            (["--boot", "none", "--elf", text], "not an ELF program"),
            (["--boot", "none", "--elf",
              self.file("x", xtensa_elf([(".t", 0, b"c")], machine=3))],
             "not for the ESP8266"),
            (["--boot", "none", "--elf", self.file("y", xtensa_elf([]))],
             "nothing to load"),
            (["--boot", text, "--elf", elf], "first byte is not 0xE9"),
            (["--boot", self.file("cut", b"\xe9\1" + bytes(9)), "--elf", elf],
             "ends too early"),
            (["--boot", self.file("long", otter_image.image(
                0, [(0, bytes(5000))])), "--elf", elf], "needs 5024 bytes"),
            (["--boot", self.file("w", xtensa_elf([(".t", 0, b"c")], 3)),
              "--elf", elf], "not for the ESP8266"),
            (["--boot", self.file("v", b"\xe9" + bytes(40)), "--elf", elf],
             "it has no segments"),
            (["--boot", "none", "--segment", f"0x40201010:{text}",
              "--entry", "1"], "8 zero bytes"),
            (["--boot", "none", "--segment", f"0x40202000:{text}",
              "--entry", "1"], "link it there"),
            (["--boot", "none", "--segment", f"0x40201010:{text}"],
             "name the entry"),
            (["--boot", "none", "--segment", f"{IRAM}:{empty}"], "is empty"),
            (["--boot", "none", "--map", "512K128", "--segment",
              f"{IRAM}:{self.file('z', bytes(500000))}"], "has room for"),
            (["--boot", "none", "--segment",
              f"{DRAM}:{self.file('d', DESCRIPTOR)}", "--segment",
              f"{IRAM}:{self.file('d', DESCRIPTOR)}"], "2 image descriptors"),
            (["--boot", "none", "--elf", self.file("m", xtensa_elf([
                (".irom0.text", 0x40201010, bytes(16) + DESCRIPTOR)]))],
             "lies in mapped flash at 0x40201020"),
        ]
        for args, words in cases:
            with self.subTest(words):
                self.assertIn(words, self.refused(*args))

    def test_wrong_command_lines_exit_with_2(self):
        raw = self.file("r", b"1234")
        cases = [
            ([], "name one of"),
            (["--program", "a", "--elf", "b"], "name one of"),
            (["--elf", "a"], "--boot"),
            (["--segment", raw, "--boot", "none"], "VMA:FILE"),
            (["--segment", f"-1:{raw}", "--boot", "none"], "VMA:FILE"),
            (["--segment", f"0x100000000:{raw}", "--boot", "none"],
             "VMA:FILE"),
            (["--program", "a", "--map", "5M"], "4M2M"),
            (["--program", "a", "--mode", "QIO"], "qio qout dio dout"),
            (["--program", "a", "--freq", "41"], "40 26 20 80"),
            (["--program", "a", "--entry", "0x1"], "does not go with"),
            (["--elf", "a", "--entry", "start"], "takes an address"),
            (["--program"], "needs a value"),
            (["--frob"], "no such option"),
            (["stray", "--program", "a"], "stray"),
        ]
        for args, words in cases:
            with self.subTest(args):
                self.assertIn(words, self.refused(*args, status=2))
        done = self.otter("build", "--program", "a", status=2)
        self.assertIn("-o", done.stderr)

    def test_unwritable_output_leaves_nothing(self):
        raw = self.file("r", b"1234")
        out = self.folder / "folder"
        out.mkdir()
        done = self.otter("build", "-o", str(out), "--boot", "none",
                          "--segment", f"{IRAM}:{raw}", status=1)
        self.assertIn("cannot write", done.stderr)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()),
                         ["folder", "r"])


class Info(ImageTest):
    def image(self):
        return otter_image.file(0x40100004, [(IRAM, b"code" * 100),
                                             (DRAM, DESCRIPTOR)])

    def test_every_field_of_a_good_image(self):
        data = self.image()
        info = self.info(self.file("a.bin", data))
        self.assertTrue(info["good"])
        self.assertEqual(info["problems"], [])
        self.assertEqual(info["size"], len(data))
        self.assertEqual(info["md5"], hashlib.md5(data).hexdigest())
        self.assertEqual(info["sha256"], hashlib.sha256(data).hexdigest())
        self.assertEqual(info["image"]["size"], len(data))
        self.assertEqual(info["boot"]["entry"], 0x4010F000)
        app = info["application"]
        self.assertEqual((app["mode"], app["flash_size"],
                          app["frequency_mhz"]), ("dio", 4 << 20, 40))
        self.assertEqual([(s["vma"], s["size"], s["memory"])
                          for s in app["segments"]],
                         [(0x40201010, 16, "mapped flash"),
                          (IRAM, 400, "iram"), (DRAM, 128, "dram")])
        self.assertEqual(app["checksum"]["stored"], data[-1])
        self.assertEqual(info["crc"], {"state": "absent"})
        self.assertEqual(info["descriptor"], {
            "name": "blink", "version": "2.0.1", "board": "posix",
            "chip": "esp8266", "min_loader": 3, "flags": 1, "confirms": True})

    def test_packed_image_is_looked_through(self):
        data = self.image()
        packed = gzip.compress(data)
        info = self.info(self.file("a.gz", packed))
        self.assertTrue(info["good"] and info["gzip"])
        self.assertEqual(info["size"], len(packed))
        self.assertEqual(info["md5"], hashlib.md5(packed).hexdigest())
        self.assertEqual(info["image"]["size"], len(data))
        self.assertEqual(info["image"]["md5"], hashlib.md5(data).hexdigest())
        self.assertEqual(info["descriptor"]["version"], "2.0.1")

    def test_text_names_what_the_json_names(self):
        data = self.image()
        path = self.file("a.bin", data)
        text = self.otter("info", path).stdout
        for words in (path, hashlib.sha256(data).hexdigest(), "0x40100004",
                      "4096 KiB", "blink", "2.0.1", "mapped flash",
                      "crc words     absent"):
            self.assertIn(words, text)

    def test_built_image_has_valid_words_until_the_mode_changes(self):
        raw = self.file("r", b"1234")
        data = bytearray(self.build("--boot", "none", "--segment",
                                    f"{IRAM}:{raw}"))
        self.assertEqual(self.info(self.file("a", data))["crc"]["state"],
                         "valid")
        data[2] = 0
        info = self.info(self.file("a", data))
        self.assertEqual(info["crc"]["state"], "stale")
        self.assertTrue(info["good"])
        self.assertIn("stale", info["notes"][0])

    def test_signature_is_named(self):
        signed = self.image() + bytes(256) + struct.pack("<I", 256)
        info = self.info(self.file("s", signed))
        self.assertTrue(info["good"])
        self.assertEqual(info["signature_size"], 256)
        info = self.info(self.file("s", self.image() + b"tail"))
        self.assertEqual(info["signature_size"], 0)
        self.assertEqual(info["notes"], ["4 bytes lie behind the image"])

    def test_bad_files_are_named_in_plain_words(self):
        good = self.image()
        damaged = bytearray(good)
        damaged[0x1100] ^= 1
        boot = bytearray(good)
        boot[17] ^= 1
        mode = bytearray(good)
        mode[2] = 9
        packed = bytearray(gzip.compress(good))
        packed[40] ^= 0xFF
        moved = otter_image.image(0, [(IRAM, b"1234"), (0x40201010, bytes(8))])
        cases = [
            (b"", "it is empty"),
            (b"#!/bin/sh", "its first byte is 0x23, not 0xe9"),
            (pathlib.Path(PROGRAM).read_bytes()[:4096], "an ELF program"),
            (b"PK\3\4", "a zip archive"),
            (b"\xff" * 5000, "erased flash"),
            (b"\1\0\0\0\xf0\x0f\xff\xf7littlefs" + bytes(99), "--fs"),
            (good[:32], "no application image at 0x1000"),
            (good[:0x1100], "it is cut off: segment 1 of the application "
                            "needs"),
            (good[:-1], "lacks its last 1 bytes with the checksum"),
            (good[:12], "ends after 0 of 1 segments of the boot image"),
            (good[:0x1000] + b"\0" + good[0x1001:], "no application"),
            (bytes(damaged), "the application is damaged"),
            (bytes(boot), "the boot image is damaged"),
            (bytes(mode), "flash mode 9"),
            (bytes(packed), "gzip data are damaged"),
            (gzip.compress(good)[:100], "they end too early"),
            (otter_image.image(0, [(0, bytes(5000))]), "its sector has 4096"),
            (good[:0x1000] + moved, "segment 1 of the application cannot run"),
        ]
        for data, words in cases:
            with self.subTest(words):
                path = self.file("bad", data)
                info = self.info(path, status=1)
                self.assertFalse(info["good"])
                self.assertIn(words, " ".join(info["problems"]))
                said = self.otter("info", path, status=1).stderr
                self.assertIn(words, said)
                self.assertIn(path, said)

    def test_bomb_is_not_unpacked_without_end(self):
        info = self.info(self.file("bomb", gzip.compress(bytes(80 << 20), 9)),
                         status=1)
        self.assertIn("more than any flash holds", info["problems"][0])

    def test_several_files_exit_with_1_when_one_is_bad(self):
        good = self.file("good", self.image())
        bad = self.file("bad", b"x")
        self.assertIn(good, self.otter("info", bad, good, status=1).stdout)
        self.otter("info", str(self.folder / "none"), status=1)
        self.otter("info", status=2)
        self.otter("info", "--frob", good, status=2)

    def test_help_works_everywhere(self):
        for args in (["--help"], ["help", "info"], ["info", "--help"],
                     ["build", "-h"]):
            self.assertIn("Usage: otter image", self.otter(*args).stdout)


@unittest.skipUnless((SHARED / "data/firmware").is_dir(), "no shared data")
class RealFirmware(ImageTest):
    def test_packed_firmware_is_good(self):
        files = sorted((SHARED / "data/firmware").glob("*.bin.gz"))
        self.assertTrue(files)
        for path in files:
            with self.subTest(path.name):
                data = gzip.decompress(path.read_bytes())
                info = self.info(str(path))
                self.assertTrue(info["good"])
                self.assertEqual(info["image"]["size"], len(data))
                self.assertEqual(info["image"]["sha256"],
                                 hashlib.sha256(data).hexdigest())
                self.assertEqual(info["crc"]["state"], "valid")
                self.assertEqual(info["crc"]["offset"], 0xFF8)
                self.assertEqual(len(info["application"]["segments"]), 5)
                self.assertEqual(info["notes"], [])

    def test_its_boot_sector_can_be_taken_over(self):
        path = next((SHARED / "data/firmware").glob("*.bin.gz"))
        data = gzip.decompress(path.read_bytes())
        donor = self.file("donor", data)
        raw = self.file("r", b"1234")
        image = self.build("--boot", donor, "--mode", "dout", "--map", "1M0",
                           "--segment", f"{IRAM}:{raw}")
        self.assertEqual(image[:0xE20], data[:0xE20])


if __name__ == "__main__":
    unittest.main()

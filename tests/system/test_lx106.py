#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What only the LX106's board has: the rules of the chip's buses, its ROM and
flash, a stack of 4 KiB, no heap, and a network of its own.  What every board
does is in test_device_*.py and test_basic_ota.py."""
import pathlib
import select
import socket
import struct
import subprocess
import threading
import time
import unittest

import otter_image
import otter_netns
import otter_qemu
import otter_testlib
import pull_server
from hand_push import Push
from otter_qemu import Qemu
from otter_testlib import PATIENCE, ProbeError, ROOT

PREFIX = "xtensa-lx106-elf-"
FLASH_RANGE, RANDOM, NETWORK, INVALID, PENDING, LOOKUP = (
    -23, -9, -10, -1, -3, -12)
NEIGHBOUR = "10.66.0.3"  # nobody's, until a test gives it to the host
STACK_PAINT = struct.pack("<I", 0x57AC57AC)


def symbols(name):
    """Addresses of a sketch's symbols."""
    out = subprocess.run([PREFIX + "nm", str(otter_testlib.SKETCHES / name) +
                          ".elf"], check=True, capture_output=True,
                         text=True).stdout
    return {n: int(a, 16) for a, _, n in map(str.split, out.splitlines())}


class Lx106(otter_testlib.SystemTest):
    def qemu(self, image, address=None, **options):
        otter_qemu.write_flash(self.folder / "flash",
                               otter_qemu.measured(image))
        return self.again(address, **options)

    def again(self, address=None, **options):
        machine = Qemu(self.folder, address or otter_netns.free_address(),
                       **options)
        machine.address = address
        self.addCleanup(machine.stop)
        return machine

    def update(self, machine, image):
        push = Push(image, machine.address)
        push.start()
        self.assertTrue(push.finish())

    def updated(self, **options):
        """A whole update through Otter's boot loader."""
        address = otter_netns.free_address()
        machine = self.qemu("basic_ota-1.0.0-otter.bin", address, **options)
        machine.expect("^Ready$")
        self.update(machine,
                    otter_qemu.measured("basic_ota-1.1.0-otter.bin"))
        machine.expect("^basic_ota 1.1.0$")
        machine.expect("^Ready$")
        return machine

    def rogue(self, act, **options):
        return self.qemu("rogue-1.0.0.bin", settings={"do": act}, **options)


class Chip(Lx106):
    def no_narrow_access(self, machine):
        machine.stop()
        instructions, violations = machine.counted()
        self.assertEqual(violations, 0, machine.console.text)
        self.assertGreater(instructions, 10 ** 6)

    def test_update_makes_no_narrow_access(self):
        self.no_narrow_access(self.updated(plugin=True))

    def test_update_page_makes_no_narrow_access(self):
        machine = self.qemu("web_updater-1.0.0-otter.bin",
                            otter_netns.free_address(), plugin=True)
        machine.expect("^IP address: ")
        at = f"http://{machine.address}/update"
        new = self.folder / "new.bin"
        new.write_bytes(
            otter_qemu.measured("web_updater-1.1.0-otter.bin"))
        for words in (["--compressed"], [], ["-F", "image=@/dev/null"],
                      ["-F", f"image=@{new}"]):
            subprocess.run(["curl", "-sS", "--max-time", str(PATIENCE),
                            *words, at], check=True, stdout=subprocess.DEVNULL)
        machine.expect("^web_updater 1.1.0$")
        machine.expect("^IP address: ")
        subprocess.run(["curl", "-sSf", "--max-time", str(PATIENCE),
                        at + "/status"], check=True,
                       stdout=subprocess.DEVNULL)
        self.no_narrow_access(machine)

    def test_pull_makes_no_narrow_access(self):
        def script(request):
            if request.headers.get("x-ESP8266-version") == "1.1.0":
                return pull_server.answer("304 Not Modified")
            return pull_server.answer("200 OK", otter_qemu.measured(
                "http_update-1.1.0-otter.bin"))

        server = pull_server.Server(script)
        self.addCleanup(server.close)
        machine = self.qemu(
            "http_update-1.0.0-otter.bin", otter_netns.free_address(),
            plugin=True,
            settings={"url": server.url + "/update.php", "interval": "1"})
        machine.expect("^http_update 1.1.0$")
        machine.expect("^HTTP_UPDATE_NO_UPDATES$")
        self.no_narrow_access(machine)

    def test_narrow_access_is_seen(self):
        machine = self.rogue("narrow", plugin=True)
        machine.expect("^rogue: survived$")
        machine.stop()
        self.assertEqual(machine.counted()[1], 1)
        self.assertIn("8-bit load of 40100001 at 402", machine.console.text)

    def test_update_runs_no_code_in_a_closed_window(self):
        machine = self.updated(cache="strict")
        self.assertNotIn("exception", machine.console.text)

    def test_code_in_a_closed_window_is_seen(self):
        machine = self.rogue("window", cache="strict")
        machine.expect("^rom: exception 0 at 402")

    def test_update_breaks_no_rule_of_the_flash(self):
        machine = self.updated()
        self.assertNotIn("violation", machine.console.text)

    def test_stack_stays_below_what_the_call_graph_says(self):
        machine = self.updated()
        at = symbols("basic_ota-1.1.0")["otter__lx106_stack"]
        stack = machine.memory(at, 4096)
        used = 4096
        while used and stack[4096 - used:4100 - used] == STACK_PAINT:
            used -= 4
        bound = int(subprocess.run(
            [ROOT / "scripts/lx106-stack", ROOT / "build/lx106",
             "sketch_basic_ota_1.1.0", "main"], check=True,
            capture_output=True, text=True).stdout)
        self.assertLessEqual(used, bound)
        self.assertGreater(used, bound // 4)  # the paint is where we look
        self.assertLessEqual(bound, 4096)

    def test_stack_overflow_and_wrong_rom_call_are_crashes(self):
        for act, what in (("overflow", "^rom: exception 63 at 402"),
                          ("rom", "not offered")):
            machine = self.rogue(act)
            machine.expect(what)
            machine.expect("^rom: reset 4, ")
            machine.stop()

    def test_heap_does_not_link(self):
        source = self.folder / "heap.c"
        source.write_text("static char room[64];\n"
                          "void *malloc(unsigned n);\n"
                          "void *malloc(unsigned n) { return room + n; }\n"
                          "int main(void) { return malloc(1) != 0; }\n",
                          encoding="ascii")
        port = ROOT / "ports/lx106"
        link = [PREFIX + "gcc", "-nostartfiles", "-nodefaultlibs",
                "-Wl,--defsym,OTTER_LX106_STACK=4096", f"-L{port}",
                f"-T{port}/sketch.ld", source, "-o", self.folder / "heap"]
        done = subprocess.run(link, capture_output=True, text=True,
                              check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("the device has no heap", done.stderr)
        link.insert(1, "-Dmalloc=take")
        subprocess.run(link, check=True, capture_output=True)

    def test_our_code_takes_nothing_from_lwips_pools(self):
        """lwIP's own allocator is for lwIP."""
        out = subprocess.run(
            [PREFIX + "nm", "-u",
             str(ROOT / "build/lx106/ports/lx106/libotter_lx106.a")],
            check=True, capture_output=True, text=True).stdout
        self.assertIn("pbuf_alloc", out)  # the list is not empty
        self.assertNotRegex(out, r"\bmemp?_(malloc|calloc|trim)\b")

    def test_image_that_was_not_measured_is_refused(self):
        path = self.folder / "probe-1.0.0.bin"
        path.write_bytes(otter_qemu.measured(path.name) + b"\0")
        with self.assertRaises(AssertionError):
            otter_testlib.check_measured(path)

    def test_images_are_what_an_independent_builder_makes(self):
        for name in ("basic_ota-1.0.0", "probe-1.0.0"):
            program = (otter_testlib.SKETCHES / f"{name}.elf").read_bytes()
            loader = (ROOT / "build/lx106/bin/stock_loader.elf").read_bytes()
            self.assertEqual(otter_qemu.measured(f"{name}.bin"),
                             otter_image.chip_file(program, loader))


class Flash(Lx106):
    """Through the probe's calls of the HAL."""

    def probe_of(self, machine):
        machine.expect("^probe ready$")
        probe = otter_testlib.Probe(None, machine.address)
        self.addCleanup(probe.close)
        return probe

    def probed(self, **options):
        address = otter_netns.free_address()
        machine = self.qemu("probe-1.0.0.bin", address, **options)
        return machine, self.probe_of(machine)

    def error(self, probe, *words):
        with self.assertRaises(ProbeError) as caught:
            probe.ask(*words)
        return caught.exception.number

    def test_programming_twice_is_a_violation_and_gives_the_and(self):
        machine, probe = self.probed()
        probe.ask("flash_erase", 0x300000)
        probe.ask("flash_program", 0x3000F0, 0x5A, 64)
        self.assertNotIn("violation", machine.console.text)
        probe.ask("flash_program", 0x300100, 0xA5, 4)
        machine.expect("^rom: violation: program over cells that are not "
                       "erased at 0x300100, 4 bytes$")
        self.assertEqual(probe.ask("flash_read", 0x3000FC, 8),
                         ["5a5a5a5a00000000"])

    def test_unaligned_or_outside_is_refused_before_the_rom(self):
        machine, probe = self.probed()
        for words in (("flash_erase", 0x100), ("flash_erase", 4 << 20),
                      ("flash_read", 2, 4), ("flash_read", (4 << 20) - 4, 8),
                      ("flash_program", 0xF0002, 0, 4),
                      ("flash_program", 0xFFFFFFFC, 0, 8)):
            self.assertEqual(self.error(probe, *words), FLASH_RANGE)
        self.assertNotIn("violation", machine.console.text)

    def cut(self, tear):
        """The second operation, a page program, torn; the page after it."""
        machine, probe = self.probed(cut=2, tear=tear)
        probe.ask("flash_erase", 0x300000)
        probe.tell("flash_program", 0x300000, 0x11, 32)
        self.assertEqual(machine.wait(), otter_qemu.EXIT_CUT)
        data = (self.folder / "flash").read_bytes()
        self.assertEqual(set(data[0x300020:0x301000]), {0xFF})
        return data[0x300000:0x300020]

    def test_power_cut_tears_a_program_as_told(self):
        done, none = b"\x11" * 32, b"\xff" * 32
        self.assertEqual(self.cut(otter_qemu.NOTHING), none)
        self.assertEqual(self.cut(otter_qemu.HALF), done[:16] + none[:16])
        self.assertEqual(self.cut(otter_qemu.DONE), done)
        mixed = self.cut(otter_qemu.MIXED)
        self.assertTrue(all(m & 0x11 == 0x11 for m in mixed))
        self.assertNotIn(mixed, (done, none))

    def test_power_cut_tears_an_erase_as_told(self):
        for tear in otter_qemu.TEARS:
            machine, probe = self.probed(cut=1, tear=tear)
            at = machine.memory(0x40200000 + 0x1000, 16)
            probe.tell("flash_erase", 0x1000)
            self.assertEqual(machine.wait(), otter_qemu.EXIT_CUT)
            data = (self.folder / "flash").read_bytes()[0x1000:0x2000]
            before = otter_qemu.measured("probe-1.0.0.bin")[0x1000:0x2000]
            self.assertEqual(before[:16], at)
            self.assertEqual(data, {
                otter_qemu.NOTHING: before,
                otter_qemu.HALF: b"\xff" * 2048 + before[2048:],
                otter_qemu.ZERO: bytes(4096),
                otter_qemu.MIXED: data,
                otter_qemu.DONE: b"\xff" * 4096}[tear])
            if tear == otter_qemu.MIXED:
                self.assertTrue(all(d & b == b
                                    for d, b in zip(data, before)))
                self.assertNotIn(data, (before, b"\xff" * 4096))

    def test_random_source_that_fails_is_an_error(self):
        machine, probe = self.probed(random="/nonexistent")
        self.assertEqual(self.error(probe, "random"), RANDOM)
        self.assertEqual(self.error(probe, "lookup", "lamp.test"), NETWORK)
        self.assertNotIn("exception", machine.console.text)

    # --- The network ------------------------------------------------------

    def answer_names(self, server, count):
        """A name server that knows lamp.test as 10.1.2.3."""
        for _ in range(count):
            query, who = server.recvfrom(1000)
            end = query.index(b"\0", 12) + 5
            known = query[12:end] == b"\4lamp\4test\0\0\1\0\1"
            server.sendto(
                query[:2] + (b"\x81\x80" if known else b"\x81\x83") +
                b"\0\1" + (b"\0\1" if known else b"\0\0") + b"\0\0\0\0" +
                query[12:end] + (b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\1\2\3"
                                 if known else b""), who)

    def test_names_are_asked_of_the_server_in_the_settings(self):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(server.close)
        server.bind((otter_netns.HOST, 53))
        _, probe = self.probed()
        thread = threading.Thread(target=self.answer_names, args=(server, 2),
                                  daemon=True)
        thread.start()
        probe.ask("lookup", "lamp.test")
        self.assertEqual(probe.wait("looked", error=PENDING),
                         ["4", "10.1.2.3", "0"])
        probe.ask("lookup", "none.test")
        with self.assertRaises(ProbeError) as caught:
            probe.wait("looked", error=PENDING)
        self.assertEqual(caught.exception.number, LOOKUP)
        thread.join(PATIENCE)

    def test_words_for_an_unknown_neighbour_wait_together(self):
        """None takes another's place until the neighbour has answered."""
        _, probe = self.probed()
        probe.ask("udp_open", 0, 0, 0)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as neighbour:
            neighbour.settimeout(PATIENCE)
            neighbour.bind(("0.0.0.0", 0))
            words = [b"one", b"two", b"three"]
            for word in words:
                probe.ask("udp_send", 0, NEIGHBOUR,
                          neighbour.getsockname()[1], word.decode())
            otter_netns.add_host_address(NEIGHBOUR)
            self.assertEqual([neighbour.recv(100) for _ in words], words)

    def test_streams_that_echo_do_not_starve_each_other(self):
        """Three connections whose peers write before they read: unread data
        must not keep the acknowledgements out."""
        _, probe = self.probed()
        with socket.create_server((otter_netns.HOST, 0)) as server:
            server.settimeout(PATIENCE)
            peers = []
            for slot in range(3):
                probe.ask("open", slot, otter_netns.HOST,
                          server.getsockname()[1])
                peers.append(server.accept()[0])
        for slot, peer in enumerate(peers):
            self.addCleanup(peer.close)
            probe.wait("state", slot, error=PENDING)
            peer.setblocking(False)
            try:
                while peer.send(b"y" * 8) == 8:  # small segments are worst
                    pass
            except BlockingIOError:
                pass
        for slot, peer in enumerate(peers):
            self.assertGreater(int(probe.ask("write", slot, 100)[0]), 0)
            peer.settimeout(PATIENCE)
            got = b""
            while len(got) < 100:
                got += peer.recv(100)

    def test_flood_while_the_flash_is_busy_does_not_deafen(self):
        """More frames than the controller holds, and nobody takes them: what
        is lost is lost, but the next ones come through."""
        _, probe = self.probed(erase_us=300000)
        address = probe.ask("interface", 0)[3]  # the host knows the board
        probe.tell("flash_erase", 0x300000)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
            for _ in range(200):
                flood.sendto(b"?" * 600, (address, 5000))

        def answers():
            probe.tell("start")
            return (select.select([probe._socket], [], [], 0.2)[0] and
                    len(probe._socket.recv(100).split()) == 4)

        otter_testlib.wait_for(answers, "an answer")

    def test_idle_board_sleeps(self):
        """It waits for interrupts instead of asking again and again."""
        machine, probe = self.probed()

        def ticks():
            stat = pathlib.Path(f"/proc/{machine.process.pid}/stat")
            fields = stat.read_text(encoding="ascii").rsplit(")", 1)[1]
            return sum(map(int, fields.split()[11:13]))

        before, start = ticks(), time.monotonic()
        while time.monotonic() - start < 1:
            time.sleep(0.05)
        self.assertLess(ticks() - before, 50)  # of 100 in a second


if __name__ == "__main__":
    unittest.main()

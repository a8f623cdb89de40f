#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The virtual board's hardware: power, resets, RTC memory, watchdog, flash
rules, console, and what it takes from the command line."""
import os
import signal
import socket
import subprocess
import time
import unittest

import otter_image
import otter_testlib
from otter_testlib import BOARD, ProbeError, only, sketch, wait_for

POWER, PIN, SOFTWARE, WATCHDOG, EXCEPTION, DEEP_SLEEP = range(6)
NO_DATA, FLASH_PROGRAM, FLASH_RANGE, INVALID = -32, -21, -23, -1


class Resets(otter_testlib.SystemTest):
    def restarted(self, probe, reason):
        """Awaits the next start and checks its reason on both sides."""
        name = ["power", "pin", "software", "watchdog", "exception",
                "deep sleep"][reason]
        probe.board.expect(f"^board: start \\d+, reset by {name}$")
        probe.board.expect("^probe ready$")
        self.assertEqual(int(probe.ask("start")[0]), reason)

    def test_resets_keep_rtc_memory_and_a_power_cycle_loses_it(self):
        probe = self.probe(args=["--watchdog", "0.5"])
        board = probe.board
        self.assertEqual(int(probe.ask("start")[0]), POWER)
        words = {0: 0x12345678, 31: 1, 64: 0xFFFFFFFF, 127: 0xA5A55A5A}
        for word, value in words.items():
            probe.ask("rtc_write", word, hex(value))
        for act, reason in (
                (lambda: board.control("reset"), PIN),
                (lambda: board.process.send_signal(signal.SIGUSR1), PIN),
                (lambda: probe.tell("restart"), SOFTWARE),
                (lambda: probe.tell("crash"), EXCEPTION),
                (lambda: probe.ask("hang"), WATCHDOG),
                (lambda: board.control("wake"), DEEP_SLEEP)):
            act()
            self.restarted(probe, reason)
            for word, value in words.items():
                self.assertEqual(probe.ask("rtc_read", word), [str(value)])
        board.control("power cycle")
        self.restarted(probe, POWER)
        self.assertNotEqual([probe.ask("rtc_read", w) for w in words],
                            [[str(v)] for v in words.values()])

    def test_rtc_memory_ends_at_word_128(self):
        probe = self.probe()
        for word in (128, 0xFFFFFFFF):
            for words in (("rtc_read", word), ("rtc_write", word, 0)):
                with self.assertRaises(ProbeError) as caught:
                    probe.ask(*words)
                self.assertEqual(caught.exception.number, INVALID)

    def test_boot_id_differs_at_every_start(self):
        probe = self.probe()
        seen = {probe.ask("start")[1]}
        for command in ("reset", "power cycle", "wake"):
            probe.board.control(command)
            probe.board.expect("^probe ready$")
            seen.add(probe.ask("start")[1])
        self.assertEqual(len(seen), 4)
        self.assertEqual(probe.board.status()["starts"], 4)
        self.assertEqual(probe.board.status()["power_ups"], 2)

    def test_power_switch_ends_the_cpu(self):
        probe = self.probe()
        board = probe.board
        cpu = board.status()["cpu_pid"]
        board.process.send_signal(signal.SIGUSR2)
        board.expect("^board: power off$")
        status = board.status()
        self.assertEqual((status["state"], status["cpu_pid"]), ("off", 0))
        self.assertFalse(os.path.exists(f"/proc/{cpu}"))
        board.control("reset")  # of a board without power: nothing happens
        self.assertEqual(board.status()["state"], "off")
        board.process.send_signal(signal.SIGUSR2)
        board.expect("^probe ready$")

    def test_killed_hardware_leaves_no_cpu(self):
        probe = self.probe()
        cpu = probe.board.status()["cpu_pid"]
        self.assertTrue(os.path.exists(f"/proc/{cpu}"))
        probe.board.process.kill()
        self.assertEqual(probe.board.wait(), -signal.SIGKILL)
        wait_for(lambda: not os.path.exists(f"/proc/{cpu}"), "the CPU's end")

    def test_watchdog_switched_off_lets_a_program_hang(self):
        probe = self.probe(args=["--watchdog", "0"])
        probe.ask("hang")
        self.assertEqual(probe.board.status()["watchdog_ms"], 0)
        probe.board.control("reset")
        probe.board.expect("^probe ready$")
        self.assertNotIn("watchdog", probe.board.console.text)

    def test_strap_for_download_stops_restarts_until_the_button(self):
        probe = self.probe()
        board = probe.board
        self.assertEqual(probe.ask("start")[2], "0")
        board.control("strap download")
        self.assertEqual(probe.ask("start")[2], "1")
        probe.tell("restart")
        board.expect("^board: strapped for serial download, press reset$")
        self.assertEqual(board.status()["state"], "idle")
        board.control("reset")
        board.expect("^probe ready$")
        self.assertEqual(probe.ask("start")[2], "0")

    @only("posix", "QEMU restarts by itself")
    def test_restart_loop_is_slowed_down(self):
        path = self.folder / "image.bin"
        with open("/bin/false", "rb") as program:
            path.write_bytes(otter_image.file(
                otter_image.PROGRAM_VMA,
                [(otter_image.PROGRAM_VMA, program.read())]))
        board = self.board(str(path))
        pauses = []

        def long_paused():
            pauses.append(board.status()["pause_ms"])  # 0: it runs
            return pauses[-1] >= 400

        wait_for(long_paused, "longer pauses between restarts")
        self.assertEqual([p for p in pauses if p],
                         sorted(p for p in pauses if p))
        board.control("reset")  # the button does not wait for the pause
        board.expect("reset by pin$")
        self.assertEqual(board.status()["pause_ms"], 0)


class Flash(otter_testlib.SystemTest):
    violations_expected = True

    def error(self, probe, *words):
        with self.assertRaises(ProbeError) as caught:
            probe.ask(*words)
        return caught.exception.number

    @only("posix", "the chip's ROM call does not check")
    def test_programming_only_clears_bits_and_erasing_sets_them(self):
        probe = self.probe()
        probe.ask("flash_erase", 0x300000)
        probe.ask("flash_program", 0x300100, 0x5A, 512)
        self.assertEqual(probe.ask("flash_read", 0x3000FC, 8),
                         ["ffffffff5a5a5a5a"])
        self.assertEqual(probe.board.read_flash(0x300100, 513),
                         b"\x5a" * 512 + b"\xff")
        self.assertEqual(self.error(probe, "flash_program", 0x300100, 0xA5,
                                    4), FLASH_PROGRAM)
        probe.board.expect("^board: flash: program over cells that are not "
                           "erased at 0x300100, 4 bytes$")
        self.assertEqual(probe.ask("flash_read", 0x300100, 4), ["00000000"])
        probe.ask("flash_erase", 0x300000)
        self.assertEqual(probe.ask("flash_read", 0x300100, 4), ["ffffffff"])
        counters = probe.board.counters()
        self.assertEqual(counters["violations"], 1)
        self.assertEqual(counters["wear"]["768"], 2)

    @only("posix", "the LX106's port refuses before the ROM sees it")
    def test_unaligned_or_outside_is_named(self):
        probe = self.probe(map="1M64")
        for words in (("flash_erase", 0x100), ("flash_erase", 1 << 20),
                      ("flash_read", 2, 4), ("flash_read", (1 << 20) - 4, 8),
                      ("flash_program", 0xF0002, 0, 4),
                      ("flash_program", 0xFFFFFFFC, 0, 8)):
            self.assertEqual(self.error(probe, *words), FLASH_RANGE)
            probe.board.expect("^board: flash: ")
        self.assertEqual(probe.board.counters()["violations"], 6)

    def test_flash_time_is_taken_when_asked_for(self):
        for kind, erase_ms in (("typical", 45), ("maximum", 400)):
            with self.subTest(kind):
                probe = self.probe(args=["--flash-time", kind])
                started = time.monotonic()
                counted = probe.board.counters()["time_us"]
                probe.ask("flash_erase", 0x300000)
                counted = probe.board.counters()["time_us"] - counted
                self.assertEqual(counted, erase_ms * 1000)
                self.assertGreaterEqual(time.monotonic() - started,
                                        erase_ms / 1000)

    def test_stats_at_the_end(self):
        probe = self.probe(args=["--stats"])
        probe.ask("flash_erase", 0x300000)
        probe.ask("flash_erase", 0x301000)
        probe.ask("flash_erase", 0x301000)
        self.assertEqual(probe.board.stop(), 0)
        text = probe.board.console.text
        self.assertRegex(text, r"(?m)^board: flash: \d+ erases, \d+ page "
                               r"programs, 0 violations, \d+ ms")
        self.assertIn("\nboard: wear: 0x300000-0x300fff: 1\n"
                      "board: wear: 0x301000-0x301fff: 2\n", text)


class Console(otter_testlib.SystemTest):
    def test_board_never_writes_into_a_line(self):
        probe = self.probe()
        probe.ask("print", "half", "a", "line")
        probe.tell("crash")
        probe.board.expect("^halfaline\nboard: exception: the program "
                           "crashed, ")

    def test_last_words_before_a_hang_are_not_lost(self):
        probe = self.probe(args=["--watchdog", "0.5"])
        probe.ask("print", "last~words")
        probe.ask("hang")
        probe.board.expect("^last\nwords\nboard: watchdog: not fed for ")

    @only("posix", "covered on the other board")
    def test_program_goes_on_when_nobody_reads(self):
        """The pipe fills up, the program must not."""
        folder = self.folder
        address = otter_testlib.free_address()
        with subprocess.Popen(
                [otter_testlib.program("otter-device"), "--flash",
                 folder / "f", "--control", folder / "c", "--address",
                 address, "--serial-upload", sketch("probe-1.0.0"),
                 "--watchdog", "3"],
                stdout=subprocess.PIPE) as process:
            self.addCleanup(process.stdout.close)
            self.addCleanup(process.kill)
            while not process.stdout.readline().startswith(b"probe ready"):
                pass
            probe = otter_testlib.Probe(None, address)
            self.addCleanup(probe.close)
            for _ in range(70):
                probe.ask("print", "x" * 1000 + "~")
            control = otter_testlib.Control(folder / "c")
            self.addCleanup(control.close)
            self.assertGreater(control.send("status")["console_dropped"], 0)
            self.assertEqual(control.send("status")["starts"], 1)
            control.send("quit")
            while process.stdout.read(65536):
                pass
            self.assertEqual(process.wait(otter_testlib.PATIENCE), 0)


    @only("posix", "its launcher is the same program")
    def test_closed_standard_files_do_not_become_the_flash(self):
        image = sketch("probe-1.0.0")
        size = os.path.getsize(image)
        path = self.folder / "f"
        address = otter_testlib.free_address()
        process = subprocess.Popen(
            ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh",
             otter_testlib.program("otter-device"), "--flash", path,
             "--address", address, "--serial-upload", image])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        probe = otter_testlib.Probe(None, address)
        self.addCleanup(probe.close)
        wait_for(lambda: path.exists() and
                 path.stat().st_size == 4 << 20, "the flash")
        wait_for(lambda: self.answers(probe), "the probe")
        probe.ask("print", "text~" * 50)
        with open(path, "rb") as flash, open(image, "rb") as file:
            self.assertEqual(flash.read(size), file.read())

    def answers(self, probe):
        probe.tell("start")
        return probe.heard(0.1)


class Identity(otter_testlib.SystemTest):
    def test_many_boards_share_a_port_side_by_side(self):
        boards = [self.board("probe-1.0.0") for _ in range(12)]
        probes = [self.probe(board) for board in boards]
        for board, probe in zip(boards, probes):
            last = bytes(int(n) for n in board.address.split(".")[1:])
            mac = "024f54" + last.hex()
            self.assertEqual(probe.ask("identity"),
                             [mac, str(int.from_bytes(last)), BOARD,
                              "esp8266", "4M2M", str(4 << 20)])
        self.assertEqual(len({b.status()["boot_id"] for b in boards}), 12)

    def test_mac_option_decides_the_chip_id(self):
        probe = self.probe(args=["--mac", "5c:CF:7f:00:0b:FF"])
        self.assertEqual(probe.ask("identity")[:2],
                         ["5ccf7f000bff", str(0x0BFF)])
        self.assertEqual(probe.board.status()["chip_id"], "000bff")

    def test_settings_reach_the_sketch(self):
        probe = self.probe(args=["--set", "a=1", "--set", "b=", "--set",
                                 "a=x=y", "--set", "long=" + "n" * 200])
        self.assertEqual(probe.ask("setting", "a"), ["3", "x=y"])
        self.assertEqual(probe.ask("setting", "b"), ["0"])
        self.assertEqual(probe.ask("setting", "long"), ["63", "n" * 63])
        with self.assertRaises(ProbeError) as caught:
            probe.ask("setting", "c")
        self.assertEqual(caught.exception.number, NO_DATA)

    @only("posix", "the LX106 has no calendar")
    def test_randomness_and_time(self):
        probe = self.probe()
        self.assertNotEqual(probe.ask("random"), probe.ask("random"))
        self.assertGreater(int(probe.ask("time")[1]), 1_700_000_000)
        unknowing = self.probe(args=["--no-utc"])
        with self.assertRaises(ProbeError):
            unknowing.ask("time")

    def test_flash_of_every_size_and_its_map(self):
        for size, flash_map in (("512K", "512K32"), ("1M", "1M64"),
                                ("2M", "2M256"), ("4M", "4M2M"),
                                ("8M", "8M6M"), ("16M", "16M14M")):
            board = self.board(size=size, args=["--off"])
            status = board.status()
            self.assertEqual((status["state"], status["map"]),
                             ("off", flash_map))
            self.assertEqual(os.path.getsize(board.flash),
                             status["flash_size"])

    def test_map_for_another_chip_size_is_named_and_kept(self):
        board = self.board(size="1M", map="4M2M", args=["--off"])
        board.expect("^board: the map 4M2M is for 4096 KiB of flash, this "
                     "chip has 1024 KiB$")
        self.assertEqual(board.status()["flash_size"], 1 << 20)


class CommandLine(otter_testlib.SystemTest):
    def fails(self, status, why, *args):
        done = self.run_program("otter-device", *args, status=status)
        self.assertIn(why, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_wrong_usage_is_status_2(self):
        flash = self.folder / "f"
        for why, *args in (
                ("--flash FILE is missing",),
                ("no such flash map: 3M1M", "--flash", flash, "--map",
                 "3M1M"),
                ("no such flash size: 3M", "--flash", flash, "--size", "3M"),
                ("not a MAC: 1:2:3", "--flash", flash, "--mac", "1:2:3"),
                ("KEY=VALUE", "--flash", flash, "--set", "novalue"),
                ("KEY=VALUE", "--flash", flash, "--set", "=x"),
                ("KEY=VALUE", "--flash", flash, "--set", "k=" + "v" * 224),
                ("flash time: slow", "--flash", flash, "--flash-time",
                 "slow"),
                ("watchdog: -1", "--flash", flash, "--watchdog", "-1"),
                ("watchdog: 1x", "--flash", flash, "--watchdog", "1x"),
                ("unknown option", "--flash", flash, "--nonsense"),
                ("unknown option", "--flash"),
                ("what is this for: extra", "--flash", flash, "extra"),
                ("--send needs --control", "--send", "status")):
            with self.subTest(args):
                self.fails(2, why, *args)
        self.assertFalse(flash.exists())

    def test_board_that_cannot_be_built_is_status_1(self):
        wrong = self.folder / "wrong"
        wrong.write_bytes(b"x" * 1000)
        good = self.folder / "good"
        good.write_bytes(b"\xff" * (1 << 20))
        for why, *args in (
                ("not the size of a flash chip", "--flash", wrong),
                ("Not a directory", "--flash", wrong / "f"),
                ("--size differs", "--flash", good, "--size", "2M"),
                ("not an IPv4 address", "--flash", good, "--address", "x"),
                ("no interface of this host", "--flash", good, "--address",
                 "192.0.2.1"),
                ("no interface of this host", "--flash", good, "--interface",
                 "nosuch0"),
                ("longer than", "--flash", good, "--control",
                 self.folder / ("c" * 200)),
                ("No such file", "--flash", good, "--control",
                 self.folder / "no" / "c"),
                ("no board listens there", "--control", self.folder / "c",
                 "--send", "status")):
            with self.subTest(args):
                self.fails(1, why, *args)

    def test_flash_file_belongs_to_one_board(self):
        board = self.probe().board
        self.fails(1, "another board uses this flash file", "--flash",
                   board.flash)

    def test_help_and_version(self):
        text = self.run_program("otter-device", "--help").stdout
        for option in ("--flash", "--map", "--size", "--serial-upload",
                       "--flash-time", "--stats", "--address", "--interface",
                       "--mac", "--set", "--no-utc", "--watchdog", "--off",
                       "--control", "--send", "power on|off|cycle",
                       "Exit codes", "USR1"):
            self.assertIn(option, text)
        self.assertLessEqual(max(map(len, text.splitlines())), 79)
        self.assertRegex(self.run_program("otter-device", "--version").stdout,
                         r"^otter-device \d+\.\d+\.\d+\n$")


class ControlSocket(otter_testlib.SystemTest):
    def test_control_answers_each_line_and_keeps_order(self):
        board = self.probe().board
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(otter_testlib.PATIENCE)
            client.connect(board.control_path)
            client.sendall(b"nonsense\nstrap run\nstat")
            client.sendall(b"us\n")
            lines = client.makefile()
            self.assertRegex(lines.readline(), "^error: unknown command")
            self.assertEqual(lines.readline(), "ok\n")
            self.assertRegex(lines.readline(), '^{"board":"%s",' % BOARD)

    def test_client_that_never_ends_its_line_is_dropped(self):
        board = self.probe().board
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(otter_testlib.PATIENCE)
            client.connect(board.control_path)
            client.sendall(b"x" * 5000)
            try:
                while client.recv(100):  # times out when it is kept
                    pass
            except ConnectionError:
                pass
        self.assertEqual(board.status()["state"], "running")

    def test_send_option_is_a_client(self):
        board = self.probe().board
        args = ("--control", board.control_path, "--send")
        self.assertEqual(self.run_program("otter-device", *args,
                                          "reset").stdout, "ok\n")
        board.expect("reset by pin$")
        done = self.run_program("otter-device", *args, "sing", status=1)
        self.assertIn("error: unknown command", done.stdout)

    def test_dead_socket_file_is_replaced_and_a_live_one_kept(self):
        board = self.probe().board
        self.run_program("otter-device", "--flash", self.folder / "other",
                         "--control", board.control_path, status=1)
        board.process.kill()
        board.wait()
        board.start()
        board.expect("^probe ready$")
        wait_for(lambda: self.alive(board.control_path), "a new socket")
        self.run_program("otter-device", "--control", board.control_path,
                         "--send", "quit")
        self.assertEqual(board.wait(), 0)
        self.assertFalse(os.path.exists(board.control_path))

    def alive(self, path):
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(path) == 0


if __name__ == "__main__":
    unittest.main()

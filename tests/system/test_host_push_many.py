# SPDX-License-Identifier: Apache-2.0
"""`otter push` with many devices: turns, tables, JSON, second attempts, devices
that sleep, and the look at the file before anything is sent."""
import gzip
import json
import os
import pathlib
import pty
import re
import resource
import socket
import subprocess
import threading
import unittest

from push_peer import (LIMIT, OTTER, Device, PushCase, environment,
                       expect_close, hears_nothing, make_image, md5_response,
                       md5hex, read_until)

NONCE = md5hex("12345678")


def succeed(device):
    device.succeed(device.accept_update())


def refuse(device):
    device.expect_invitation()
    device.reply(b"ERR: ERROR[4]: Not Enough Space\n")


def break_off(device):
    """Takes a little and closes, as a device does that restarts."""
    tcp = device.accept_update()
    device.fetch(tcp, 1000)
    tcp.close()


def asks(password):
    def script(device):
        device.expect_invitation()
        device.reply(b"AUTH " + NONCE.encode())
        cnonce, response = device.expect_answer()
        if response != md5_response(md5hex(password), NONCE, cnonce):
            device.reply(b"Authentication Failed")
            return
        device.reply(b"OK")
        device.succeed(device.connect())
    return script


class ManyCase(PushCase):
    def words(self, devices):
        return [f"{d.address}:{d.port}" for d in devices]

    def devices(self, *scripts):
        return [self.start(script, f"127.0.1.{i + 1}")
                for i, script in enumerate(scripts)]

    def run_otter(self, *words, env=None, stdin=None):
        return subprocess.run(
            [OTTER, "push", "--chip", "esp8266", "--no-mdns", *words], text=True,
            capture_output=True, timeout=LIMIT, env=environment(env),
            input=stdin)

    def push_many(self, devices, *options, **more):
        result = self.run_otter(*options, *self.words(devices),
                                str(more.pop("image", self.image)), **more)
        for device in devices:
            self.finish(device, result)
        return result

    def row(self, result, name):
        """The table's row of a device: result, seconds, tries, words."""
        match = re.search(rf"(?m)^{re.escape(name)} +(\S+) +([\d.]+) s +(\d+)"
                          rf"  (.*)$", result.stdout)
        self.assertTrue(match, result.stdout)
        return match[1], float(match[2]), int(match[3]), match[4]


class Tables(ManyCase):
    def test_all_updated_is_status_0(self):
        devices = self.devices(succeed, succeed, succeed)
        result = self.push_many(devices)
        self.assert_status(result, 0, "3 of 3 updated")
        for name in self.words(devices):
            self.assertEqual(self.row(result, name)[0], "updated")

    def test_different_failures_are_status_30(self):
        devices = self.devices(succeed, refuse, asks("right"))
        result = self.push_many(devices, "--password", "wrong")
        self.assert_status(result, 30, "1 of 3 updated")
        names = self.words(devices)
        self.assertEqual(self.row(result, names[0])[0], "updated")
        self.assertEqual(self.row(result, names[1])[0], "refused")
        self.assertIn("Not Enough Space", self.row(result, names[1])[3])
        self.assertEqual(self.row(result, names[2])[0], "password-wrong")

    def test_same_failures_have_their_own_status(self):
        devices = self.devices(succeed, refuse, refuse)
        self.assert_status(self.push_many(devices), 17)

    def test_quiet_prints_the_table_only(self):
        devices = self.devices(succeed, refuse)
        result = self.push_many(devices, "--quiet")
        self.assertEqual(result.stderr, "")
        self.assertEqual(len(result.stdout.splitlines()), 4)

    def test_password_is_not_asked_for(self):
        devices = self.devices(self.only_ask, succeed)
        result = self.push_many(devices)
        self.assertEqual(self.row(result, self.words(devices)[0])[0],
                         "password-needed")

    @staticmethod
    def only_ask(device):
        device.expect_invitation()
        device.reply(b"AUTH " + NONCE.encode())
        hears_nothing(device)


class Turns(ManyCase):
    def test_devices_are_served_at_the_same_time(self):
        together = threading.Barrier(3, timeout=LIMIT)

        def script(device):
            tcp = device.accept_update()
            together.wait()
            device.succeed(tcp)

        self.assert_status(self.push_many(self.devices(*[script] * 3)), 0)

    def test_parallel_is_the_most_at_a_time(self):
        lock = threading.Lock()
        running = []
        most = []

        def script(device):
            device.expect_invitation()
            with lock:
                running.append(device)
                most.append(len(running))
            device.reply(b"OK")
            tcp = device.connect()
            device.fetch_checked(tcp)
            with lock:
                running.remove(device)
            tcp.sendall(b"OK")
            expect_close(tcp)

        devices = self.devices(*[script] * 6)
        self.assert_status(self.push_many(devices, "-j", "2"), 0,
                           "6 of 6 updated")
        self.assertEqual(max(most), 2)

    def test_more_devices_than_files_may_be_open(self):
        """The limit is raised; where that is forbidden, some wait."""
        for hard in (4096, 48):
            devices = self.devices(*[succeed] * 40)
            with self.subTest(hard=hard):
                result = subprocess.run(
                    [OTTER, "push", "--chip", "esp8266", "--no-mdns", "-j",
                     "1000", *self.words(devices), str(self.image)],
                    text=True, capture_output=True, timeout=LIMIT,
                    env=environment(), preexec_fn=lambda: resource.setrlimit(
                        resource.RLIMIT_NOFILE, (32, hard)))
                for device in devices:
                    self.finish(device, result)
                self.assert_status(result, 0, "40 of 40 updated")

    def test_two_devices_behind_one_address_take_turns(self):
        busy = threading.Lock()

        def script(device):
            device.expect_invitation()
            assert busy.acquire(blocking=False)
            device.reply(b"OK")
            tcp = device.connect()
            device.fetch_checked(tcp)
            busy.release()
            tcp.sendall(b"OK")
            expect_close(tcp)

        devices = [self.start(script, "127.0.1.1") for _ in range(3)]
        self.assert_status(self.push_many(devices), 0, "3 of 3 updated")

    def test_one_fixed_port_serves_all(self):
        together = threading.Barrier(3, timeout=LIMIT)
        ports = []

        def script(device):
            tcp = device.accept_update()
            ports.append(device.invitation.port)
            together.wait()
            device.succeed(tcp)

        with socket.socket() as probe:
            probe.bind(("0.0.0.0", 0))
            port = probe.getsockname()[1]
        devices = self.devices(*[script] * 3)
        self.assert_status(
            self.push_many(devices, "--host-port", str(port)), 0)
        self.assertEqual(set(ports), {port})

    def test_device_that_is_named_twice_is_updated_once(self):
        def script(device):
            succeed(device)
            hears_nothing(device)

        device = self.devices(script)[0]
        path = self.write("house.txt", self.words([device])[0].encode())
        result = self.push_many([device], "--list", str(path))
        self.assert_status(result, 0, "updated: 40000 bytes", "named twice")

    def test_slow_name_does_not_hold_up_the_others(self):
        """No resolver is asked for an address; a name has its own thread."""
        devices = self.devices(succeed, succeed)
        result = self.run_otter("no-such-device.invalid",
                                *self.words(devices), str(self.image))
        for device in devices:
            self.finish(device, result)
        self.assert_status(result, 11, "2 of 3 updated")
        self.assertEqual(self.row(result, "no-such-device.invalid")[0],
                         "lookup")


class Lists(ManyCase):
    def test_list_has_names_and_passwords(self):
        devices = self.devices(asks("general"), asks("its own"), succeed)
        self.write("own.key", b"its own\n")
        words = self.words(devices)
        path = self.write("house.txt", (
            f"# the house\n{words[0]}  name=kitchen\n"
            f"{words[1]} name=garage password-file=own.key\n\n"
            f"{words[2]}  # no name\n").encode())
        result = self.run_otter("--list", str(path), "--password", "general",
                                str(self.image))
        for device in devices:
            self.finish(device, result)
        self.assert_status(result, 0, "3 of 3 updated")
        for name in ("kitchen", "garage", words[2]):
            self.assertEqual(self.row(result, name)[0], "updated")

    def test_remaining_devices_are_a_list_for_the_next_run(self):
        devices = self.devices(succeed, refuse)
        self.write("x.key", b"x\n")
        path = self.write("all.txt", "".join(
            f"{word} name=n{i} password-file=x.key\n"
            for i, word in enumerate(self.words(devices))).encode())
        rest = self.write("rest.txt", b"old")
        result = self.run_otter("--list", str(path), "--remaining", str(rest),
                                str(self.image))
        for device in devices:
            self.finish(device, result)
        self.assert_status(result, 17)
        again = Device(succeed, devices[1].address)
        again.start()
        text = rest.read_text()
        self.assertIn("name=n1", text)
        self.assertNotIn("name=n0", text)
        rest.write_text(text.replace(str(devices[1].port), str(again.port)))
        result = self.run_otter("--list", str(rest), "--remaining", str(rest),
                                str(self.image))
        self.finish(again, result)
        self.assert_status(result, 0, "n1: updated")
        self.assertEqual(rest.read_text(), "")

    def test_remaining_list_can_be_read_whatever_the_names_are(self):
        """Names and folders with blanks in them."""
        device = self.devices(refuse)[0]
        folder = pathlib.Path(self.folder.name, "my house #1")
        folder.mkdir()
        (folder / "all.txt").write_text(
            f'{device.address}:{device.port} name="The \\"big\\" lamp" '
            "password-file=lamp.key\n")
        (folder / "lamp.key").write_text("secret\n")
        rest = self.write("rest.txt", b"")
        result = self.run_otter("--list", str(folder / "all.txt"),
                                "--remaining", str(rest), str(self.image))
        self.finish(device, result)
        self.assert_status(result, 17, 'The "big" lamp: ')
        again = Device(asks("secret"), device.address)
        again.start()
        rest.write_text(rest.read_text().replace(str(device.port),
                                                 str(again.port)))
        result = self.run_otter("--list", str(rest), str(self.image))
        self.finish(again, result)
        self.assert_status(result, 0, 'The "big" lamp: updated')

    def test_remaining_that_cannot_be_written_sends_nothing(self):
        device = self.start(hears_nothing)
        result = self.run_otter("--remaining", "/nonexistent/rest.txt",
                                *self.words([device]), str(self.image))
        self.finish(device, result)
        self.assert_status(result, 2,
                           "--remaining /nonexistent/rest.txt: No such file")

    def test_list_on_standard_input(self):
        devices = self.devices(succeed)
        result = self.run_otter("--list", "-", str(self.image),
                                stdin=self.words(devices)[0] + "\n")
        self.finish(devices[0], result)
        self.assert_status(result, 0)

    def test_bad_lists_are_status_2(self):
        for text, words in (("a:b\n", "list.txt:1: a:b"),
                            ("\n1.2.3.4 colour=red", "list.txt:2: colour"),
                            ("# nothing\n", "no devices")):
            path = self.write("list.txt", text.encode())
            with self.subTest(text=text):
                result = self.run_otter("--list", str(path), str(self.image))
                self.assert_status(result, 2, words)


class Attempts(ManyCase):
    def test_broken_upload_is_tried_again(self):
        def script(device):
            break_off(device)
            succeed(device)

        big = self.write("big.bin", make_image(4000000))
        devices = self.devices(script)
        result = self.push_many(devices, "--retry-pause", "0.1", image=big)
        self.assert_status(result, 0, "connection ended at byte",
                           "tries again in 1 s", "updated")

    def test_attempts_are_counted_and_come_to_an_end(self):
        def script(device):
            for _ in range(3):
                break_off(device)
            hears_nothing(device)

        big = self.write("big.bin", make_image(4000000))
        devices = self.devices(script, succeed)
        result = self.push_many(devices, "--retries", "2", "--retry-pause",
                                "0.05", image=big)
        self.assert_status(result, 20, "1 of 2 updated")
        self.assertEqual(self.row(result, self.words(devices)[0])[2], 3)

    def test_refusal_is_not_tried_again(self):
        def script(device):
            refuse(device)
            hears_nothing(device)

        devices = self.devices(script)
        result = self.push_many(devices, "--retry-pause", "0.05")
        self.assert_status(result, 17)

    def test_update_already_running_is_tried_again(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"ERR: ERROR[15]: Update already running\n")
            succeed(device)

        devices = self.devices(script)
        result = self.push_many(devices, "--retry-pause", "0.05")
        self.assert_status(result, 0)

    def test_wait_after_wrong_passwords_is_waited(self):
        """A device of Otter's makes who guessed wait."""
        def script(device):
            device.expect_invitation()
            device.reply(b"ERR: wrong passwords, wait 1 s\n")
            succeed(device)

        devices = self.devices(script)
        result = self.push_many(devices, "--retry-pause", "0.05")
        self.assert_status(result, 0, "wrong passwords, wait 1 s")

    def test_sleeping_device_is_awaited(self):
        def script(device):
            for _ in range(3):  # of three attempts
                device.expect_invitation()
            device.reply(b"OK")
            device.succeed(device.connect())

        devices = self.devices(script)
        result = self.push_many(devices, "--wait", "15", "--timeout", "0.5")
        self.assert_status(result, 0, "waits for the device to answer")

    def test_deadline_of_waiting(self):
        def script(device):
            for _ in range(3):
                device.expect_invitation()

        devices = self.devices(script)
        result = self.push_many(devices, "--wait", "0.5", "--timeout", "0.5")
        self.assert_status(result, 13)
        self.assertRegex(result.stderr, r"no answer to the invitation: "
                         r"([3-9]|\d\d) sent to UDP port \d+ in \d+ s")

    def test_device_that_is_awake_gets_its_turn_between_sleepers(self):
        def sleeper(device):
            device.released.wait(LIMIT)

        devices = self.devices(sleeper, sleeper, sleeper, succeed)
        result = self.run_otter("--wait", "2", "--timeout", "0.5", "-j", "1",
                                *self.words(devices), str(self.image))
        for device in devices:
            device.released.set()
            self.finish(device, result)
        self.assert_status(result, 13, "1 of 4 updated")


class Screen(ManyCase):
    def test_each_running_device_has_its_line(self):
        together = threading.Barrier(3, timeout=LIMIT)

        def script(device):
            device.expect_invitation()
            device.reply(b"OK")
            tcp = device.connect(receive_buffer=4096)
            device.fetch(tcp, 1000000)
            together.wait()
            device.reached.wait(0.3)  # longer than between two drawings
            device.fetch(tcp, device.invitation.size - 1000000)
            tcp.sendall(b"OK")
            expect_close(tcp)

        big = self.write("big.bin", make_image(4000000))
        devices = self.devices(*[script] * 3)
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe(OTTER, [OTTER, "push", "--no-mdns",
                               *self.words(devices), str(big)],
                       environment({"TERM": "xterm"}))
        shown = read_until(terminal, None).decode()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(terminal)
        for device in devices:
            self.finish(device)
        self.assertEqual(status, 0, shown)
        block = "".join(rf"{re.escape(word)}  .*\r\n"
                        for word in self.words(devices))
        self.assertRegex(shown, block + r"0 of 3 devices done\r\n\x1b\[4A")
        table = shown[shown.index("DEVICE"):]
        self.assertEqual(table.count("updated: 4000000 bytes"), 3)
        self.assertIn("3 of 3 updated", table)


class Json(ManyCase):
    def events(self, result):
        return [json.loads(line) for line in result.stdout.splitlines()]

    def test_events_of_a_success(self):
        devices = self.devices(asks("123"))
        result = self.push_many(devices, "--json", "--password", "123")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")
        events = self.events(result)
        word = self.words(devices)[0]
        states = [e["state"] for e in events if e["event"] == "state"]
        self.assertEqual(states, ["inviting", "authenticating", "waiting",
                                  "sending", "verifying"])
        for event in events[:-1]:
            self.assertEqual(event["device"], word)
            self.assertEqual(event["address"], "127.0.1.1")
        last = events[-2]
        self.assertEqual((last["event"], last["result"], last["status"],
                          last["tries"], last["hint"]),
                         ("result", "updated", 0, 1, None))
        self.assertEqual(events[-1],
                         {"event": "end", "devices": 1, "updated": 1})

    def test_events_of_failures_and_retries(self):
        def script(device):
            break_off(device)
            refuse(device)

        big = self.write("big.bin", make_image(4000000))
        devices = self.devices(script)
        result = self.push_many(devices, "--json", "--retry-pause", "0.1",
                                image=big)
        self.assertEqual(result.returncode, 17)
        events = self.events(result)
        retry = [e for e in events if e["event"] == "retry"]
        self.assertEqual(len(retry), 1)
        self.assertEqual((retry[0]["result"], retry[0]["tries"],
                          retry[0]["pause_ms"]), ("broken", 1, 100))
        final = [e for e in events if e["event"] == "result"]
        self.assertEqual((final[0]["result"], final[0]["status"],
                          final[0]["tries"]), ("refused", 17, 2))
        self.assertIn("Not Enough Space", final[0]["message"])
        self.assertTrue(final[0]["hint"])

    def test_name_that_is_no_utf8_stays_recognisable(self):
        device = self.devices(succeed)[0]
        path = self.write("house.txt", self.words([device])[0].encode() +
                          b" name=caf\xe9-2\n")
        result = self.run_otter("--json", "--list", str(path),
                                str(self.image))
        self.finish(device, result)
        self.assertEqual({e["device"] for e in self.events(result)[:-1]},
                         {"caf?-2"})

    def test_progress_counts_up(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"OK")
            tcp = device.connect(receive_buffer=4096)
            device.fetch(tcp, 1000000)
            device.reached.wait(0.7)  # longer than the interval
            device.fetch(tcp, device.invitation.size - 1000000)
            tcp.sendall(b"OK")
            expect_close(tcp)

        big = self.write("big.bin", make_image(4000000))
        devices = self.devices(script)
        result = self.push_many(devices, "--json", image=big)
        done = [e["done"] for e in self.events(result)
                if e["event"] == "progress"]
        self.assertEqual(done, sorted(done))
        self.assertTrue(any(1000000 <= n < 4000000 for n in done), done)


class Files(ManyCase):
    """The file is looked at before anything is sent."""

    def refused(self, data, *words, options=()):
        device = self.start(hears_nothing)
        path = self.write("file.bin", data)
        result = self.run_otter(*options, f"{device.address}:{device.port}",
                                str(path))
        self.finish(device, result)
        self.assert_status(result, 10, "Nothing was sent", "--force", *words)

    def test_empty_file(self):
        self.refused(b"", "it is empty")

    def test_no_image(self):
        self.refused(b"\x00\x5d\x2a" + bytes(5000), "first byte is 0x00", "not 0xe9")

    def test_truncated_image(self):
        self.refused(make_image(40000)[:39000], "cut off")

    def test_damaged_image(self):
        image = bytearray(make_image(40000))
        image[20000] ^= 1
        self.refused(bytes(image), "checksum")

    def test_boot_image_alone(self):
        self.refused(make_image(40000)[:0x1000], "no application image")

    def test_damaged_gzip(self):
        packed = gzip.compress(make_image(40000))
        self.refused(packed[:-100], "gzip data are damaged")

    def test_gzip_of_something_else(self):
        self.refused(gzip.compress(b"hello" * 1000), "not 0xe9")

    def esp32_image(self):
        head = b"\xe9\x01\x02\x20" + bytes(4) + b"\xee" + bytes(15)
        return head + b"\x20\x00\x40\x3f" + b"\x00\x01\x00\x00" + bytes(8192)

    def test_image_of_an_esp32(self):
        self.refused(self.esp32_image(), "sketch for an ESP32")

    def test_image_of_an_esp8266_for_an_esp32(self):
        self.refused(make_image(40000), "sketch for an ESP8266",
                     options=("--chip", "esp32"))

    def test_image_of_an_esp8266_for_an_rp2040(self):
        self.refused(make_image(40000), "sketch for an ESP8266",
                     options=("--chip", "rp2040"))

    def test_sketch_as_a_file_system(self):
        self.refused(make_image(40000), "leave --fs away", options=("--fs",))

    def test_file_system_as_a_sketch(self):
        self.refused(bytes(8) + b"littlefs" + bytes(5000), "--fs")

    def accepted(self, data, *options):
        device = self.start(succeed)
        path = self.write("file.bin", data)
        result = self.run_otter(*options, f"{device.address}:{device.port}",
                                str(path))
        self.finish(device, result)
        self.assert_status(result, 0)

    def test_whole_gzip_is_sent_as_it_is(self):
        self.accepted(gzip.compress(make_image(40000)))

    def test_signature_behind_the_image_is_no_fault(self):
        self.accepted(make_image(40000) + b"s" * 256
                      + (256).to_bytes(4, "little"))

    def test_force_sends_anything(self):
        self.accepted(b"hello", "--force")

    def test_file_system_is_not_looked_at(self):
        self.accepted(b"hello", "--fs")

    def test_rp2040_images_are_not_looked_at(self):
        self.accepted(b"hello", "--chip", "rp2040")

    def test_esp32_image_for_an_esp32(self):
        self.accepted(self.esp32_image(), "--chip", "esp32")

    def test_each_device_gets_the_look_for_its_chip(self):
        """By its port: one run has devices of two kinds."""
        first = self.start(succeed, "127.0.1.1")
        second = self.start(hears_nothing, "127.0.32.32", 3232)
        result = subprocess.run(
            [OTTER, "push", "--no-mdns", *self.words([first, second]),
             str(self.image)], text=True, capture_output=True, timeout=LIMIT,
            env=environment())
        for device in (first, second):
            self.finish(device, result)
        self.assert_status(result, 23, "1 of 2 updated")
        name = self.words([second])[0]
        self.assertEqual(self.row(result, name)[0], "unfit")
        self.assertIn("sketch for an ESP8266, the device is an ESP32",
                      self.row(result, name)[3])

    def test_unknown_chip_is_status_2(self):
        result = self.run_otter("--chip", "z80", "127.0.0.1",
                                str(self.image))
        self.assert_status(result, 2, "z80")


if __name__ == "__main__":
    unittest.main()

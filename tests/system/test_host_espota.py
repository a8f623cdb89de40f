# SPDX-License-Identifier: Apache-2.0
"""`espota`: the command line, lines and exit codes of protocol 1.10, and every
failure of 1.7 and section 10 item 8 in its words."""
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import unittest

from push_peer import (LIMIT, OTTER, PushCase, environment, expect_close,
                       expect_close_or_data, make_image, md5_response, md5hex,
                       pbkdf2_response, sha256hex)

NONCE = md5hex("12345678")
STAMP = r"\d\d:\d\d:\d\d "


class EspotaCase(PushCase):
    def command(self, device, *options, image=None):
        espota = str(pathlib.Path(OTTER).with_name("espota"))
        return [espota, "-i", device.address, "-p", str(device.port),
                "-f", str(image or self.image), *options]

    def fails_with(self, script, line, *options, **more):
        """Exit code 1, and this line with level ERROR."""
        result = self.push(script, *options, **more)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertRegex(result.stderr,
                         rf"(?m)^{STAMP}\[ERROR\]: {re.escape(line)}$")
        return result


class Lines(EspotaCase):
    def test_success_prints_dots_only(self):
        result = self.push(lambda d: d.succeed(d.accept_update()))
        self.assertEqual(result.returncode, 0, result.stderr)
        chunks = -(-self.size // 1460)
        self.assertEqual(result.stderr, "Uploading" + "." * chunks + "\n")
        self.assertEqual(result.stdout, "")

    def test_debug_prints_every_step(self):
        result = self.push(lambda d: d.succeed(d.accept_update()), "--debug")
        lines = [re.sub("^" + STAMP, "", line)
                 for line in result.stderr.splitlines()]
        port = re.search(r"Starting on 0\.0\.0\.0:(\d+)", result.stderr)
        self.assertTrue(port and int(port[1]) > 0, result.stderr)
        self.assertEqual(lines, [
            f"[INFO]: Starting on 0.0.0.0:{port[1]}",
            "[INFO]: Upload size: 40000",
            "[INFO]: Sending invitation to: 127.0.0.5",
            "[INFO]: Waiting for device...",
            "Uploading" + "." * 28,
            "[INFO]: Waiting for result...",
            "[INFO]: Result: OK"])

    def test_progress_is_a_bar_of_60_cells(self):
        device = self.start(lambda d: d.succeed(d.accept_update()))
        result = subprocess.run(self.command(device, "-r"), timeout=LIMIT,
                                capture_output=True, env=environment())
        self.finish(device, result)
        self.assertEqual(result.returncode, 0)
        text = result.stderr.decode()
        self.assertTrue(
            text.endswith(f"\rUploading: [{'=' * 60}] 100% Done...\r\n\n"),
            text)
        for bar in re.findall(r"\rUploading: \[([= ]*)\] (\d+)% ", text):
            self.assertEqual(len(bar[0]), 60)
        self.assertEqual(text.count("Done..."), 1)

    def password_script(self, password):
        def script(device):
            device.expect_invitation()
            device.reply(b"AUTH " + NONCE.encode())
            cnonce, response = device.expect_answer()
            assert response == md5_response(md5hex(password), NONCE, cnonce)
            device.reply(b"OK")
            device.succeed(device.connect())
        return script

    def test_right_password_prints_authenticating_ok(self):
        result = self.push(self.password_script("123"), "--auth=123")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr.splitlines()[0], "Authenticating...OK")

    def test_password_from_the_environment_when_auth_is_empty(self):
        result = self.push(self.password_script("env"), "--auth=",
                           env={"OTTER_PASSWORD": "env"})
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_empty_password_is_answered(self):
        result = self.push(self.password_script(""), "--auth=")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_signed_file_goes_before_the_plain_one(self):
        signed = self.write("sketch.bin.signed", make_image(41008))

        def script(device):
            tcp = device.accept_update()
            assert device.invitation.size == 41008
            device.succeed(tcp)

        result = self.push(script)
        self.assertEqual(result.returncode, 0)
        self.assertEqual(
            result.stderr.splitlines()[0],
            f"Detected Signed Update. {signed} will be uploaded instead.")

    def test_spiffs_is_command_100(self):
        def script(device):
            tcp = device.accept_update()
            assert device.invitation.command == 100
            device.succeed(tcp)

        self.assertEqual(self.push(script, "-s").returncode, 0)

    def test_host_ip_and_host_port_are_used(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.9", 0))
            port = probe.getsockname()[1]

        def script(device):
            tcp = device.accept_update()
            assert device.invitation.sender[0] == "127.0.0.9"
            assert device.invitation.port == port
            device.succeed(tcp)

        for _ in range(2):  # at once again on the same port
            result = self.push(script, "-I", "127.0.0.9", "-P", str(port),
                               "-d")
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn(f"Starting on 127.0.0.9:{port}", result.stderr)

    def test_otter_espota_is_the_same(self):
        device = self.start(lambda d: d.succeed(d.accept_update()))
        command = [OTTER, "espota", *self.command(device)[1:]]
        result = subprocess.run(command, capture_output=True, text=True,
                                timeout=LIMIT, env=environment())
        self.finish(device, result)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Uploading....", result.stderr)

    def test_md5_target_answers_with_the_md5_form_at_once(self):
        nonce = sha256hex("nonce")

        def script(device):
            device.expect_invitation()
            device.reply(b"AUTH " + nonce.encode())
            cnonce, response = device.expect_answer()
            assert response == pbkdf2_response(md5hex("123"), nonce, cnonce)
            device.reply(b"OK")
            device.succeed(device.connect())

        result = self.push(script, "-m", "-a", "123")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_esp32_legacy_form_is_found_by_itself(self):
        nonce = sha256hex("nonce")

        def script(device):
            for stored, word in ((sha256hex("123"), b"Authentication Failed"),
                                 (md5hex("123"), b"OK")):
                device.expect_invitation()
                device.reply(b"AUTH " + nonce.encode())
                cnonce, response = device.expect_answer()
                assert response == pbkdf2_response(stored, nonce, cnonce)
                device.reply(word)
            device.succeed(device.connect())

        result = self.push(script, "--auth=123")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr.splitlines()[0], "Authenticating...OK")


class CommandLine(EspotaCase):
    def run_espota(self, *words):
        espota = str(pathlib.Path(OTTER).with_name("espota"))
        return subprocess.run([espota, *words], capture_output=True,
                              text=True, timeout=LIMIT, env=environment())

    def test_missing_device_or_file_is_status_1(self):
        for words in ((), ("-i", "127.0.0.5"), ("-f", str(self.image)),
                      ("-i", "", "-f", str(self.image)),
                      ("-i", "127.0.0.5", "-f", "")):
            with self.subTest(words=words):
                result = self.run_espota(*words)
                self.assertEqual(result.returncode, 1)
                self.assertRegex(
                    result.stderr,
                    rf"^{STAMP}\[CRITICAL\]: Not enough arguments\.\n$")

    def test_unknown_option_is_usage_and_status_2(self):
        result = self.run_espota("--nonsense")
        self.assertEqual(result.returncode, 2)
        self.assertIn("Usage: espota", result.stderr)

    def test_port_that_is_no_number_is_status_2(self):
        for words in (("-p", "abc"), ("-p", "0"), ("-P", "65536"),
                      ("-t", "soon")):
            with self.subTest(words=words):
                self.assertEqual(self.run_espota(*words).returncode, 2)

    def test_help_names_every_option(self):
        result = self.run_espota("-h")
        self.assertEqual(result.returncode, 0)
        for name in ("-i, --ip", "-I, --host_ip", "-p, --port",
                     "-P, --host_port", "-a, --auth", "-f, --file",
                     "-s, --spiffs", "-d, --debug", "-r, --progress",
                     "-m, --md5-target", "-t, --timeout", "-h, --help"):
            self.assertIn(name, result.stdout)

    def test_host_ip_that_is_none_is_named(self):
        for word, why in (("nonsense.invalid", "nonsense.invalid: "),
                          ("192.0.2.1", "Cannot assign requested address")):
            with self.subTest(word=word):
                result = self.run_espota("-i", "127.0.0.5", "-I", word, "-f",
                                         str(self.image))
                self.assertEqual(result.returncode, 1)
                self.assertIn("[ERROR]: Listen Failed\n", result.stderr)
                self.assertIn(why, result.stderr)

    def test_missing_file_is_status_1(self):
        result = self.run_espota("-i", "127.0.0.5", "-f", "/nonexistent")
        self.assertEqual(result.returncode, 1)
        self.assertIn("/nonexistent: No such file", result.stderr)

    def test_password_is_hidden_from_the_process_list(self):
        def script(device):
            device.expect_invitation()
            device.reached.set()
            device.released.wait(LIMIT)
            device.reply(b"ERR: ERROR[4]: Not Enough Space\n")

        device = self.start(script)
        process = self.spawn(device, "--auth=very-secret")
        self.assertTrue(device.reached.wait(LIMIT))
        line = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()
        device.released.set()
        process.communicate(timeout=LIMIT)
        self.finish(device)
        self.assertNotIn(b"very-secret", line)


class Failures(EspotaCase):
    """Rows of 1.7 that come by UDP, and silence in each leg."""

    def refuse(self, text):
        def script(device):
            device.expect_invitation()
            device.reply(b"ERR: " + text + b"\n")

        self.fails_with(script, "Bad Answer: ERR: " + text.decode())

    def test_rows_of_refusal(self):
        for text in (b"ERROR[5]: Bad Size Given",
                     b"ERROR[4]: Not Enough Space",
                     b"ERROR[8]: Flash config wrong: real: 1048576, "
                     b"SDK: 4194304",
                     b"ERROR[11]: Invalid bootstrapping state, reset ESP8266 "
                     b"before updating",
                     b"ERROR[15]: Update already running"):
            with self.subTest(text=text):
                self.refuse(text)

    def test_unknown_answer(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"What?")

        self.fails_with(script, "Bad Answer: What?")

    def test_wrong_password(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"AUTH " + NONCE.encode())
            device.expect_answer()
            device.reply(b"Authentication Failed")

        result = self.fails_with(script, "Authentication Failed",
                                 "--auth=guess")
        self.assertEqual(result.stderr.splitlines()[0],
                         "Authenticating...FAIL")

    def test_no_space_after_the_password(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"AUTH " + NONCE.encode())
            device.expect_answer()
            device.reply(b"ERR: ERROR[4]: Not Enough Space\n")

        result = self.fails_with(
            script, "ERR: ERROR[4]: Not Enough Space", "--auth=123")
        self.assertEqual(result.stderr.splitlines()[0],
                         "Authenticating...FAIL")

    def test_no_answer(self):
        def script(device):
            for _ in range(5):
                device.expect_invitation()

        self.fails_with(script, "No Answer", "-t", "0.03")

    def test_no_answer_to_the_password(self):
        def script(device):
            for _ in range(3):
                device.expect_invitation()
                device.reply(b"AUTH " + NONCE.encode())
                device.expect_answer()
                device.expect_answer()

        result = self.fails_with(script, "No Answer to our Authentication",
                                 "-t", "0.1", "--auth=123")
        self.assertEqual(result.stderr.splitlines()[0],
                         "Authenticating...FAIL")

    def test_no_connection(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"OK")

        result = self.fails_with(script, "No response from device",
                                 "-t", "0.1")
        self.assertIn("firewall", result.stderr)
        self.names_own_options(result)

    def names_own_options(self, result):
        """Not those of `otter push`."""
        self.assertIn("-P", result.stderr)
        self.assertIn("-I", result.stderr)
        self.assertNotIn("--host-port", result.stderr)
        self.assertNotIn("--bind", result.stderr)

    def test_listen_failed(self):
        with socket.socket() as taken:
            taken.bind(("0.0.0.0", 0))
            taken.listen()
            self.names_own_options(self.fails_with(
                lambda device: None, "Listen Failed", "-P",
                str(taken.getsockname()[1])))

    def test_lost_ok_is_implied_by_the_connection(self):
        def script(device):
            device.expect_invitation()
            device.succeed(device.connect())

        self.assertEqual(self.push(script).returncode, 0)

    def test_lost_auth_is_overcome(self):
        def script(device):
            device.expect_invitation()
            device.expect_invitation()
            device.expect_invitation()
            device.reply(b"AUTH " + NONCE.encode())
            device.expect_answer()
            device.reply(b"OK")
            device.succeed(device.connect())

        result = self.push(script, "-t", "0.1", "--auth=123")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_wrong_device_dialling_in_gets_nothing(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"OK")
            expect_close(device.connect(address="127.0.0.77"))
            device.succeed(device.connect())

        self.assertEqual(self.push(script).returncode, 0)

    def test_interrupt_is_status_130(self):
        def script(device):
            tcp = device.accept_update()
            device.fetch(tcp, 1000)
            device.reached.set()
            expect_close_or_data(tcp)

        device = self.start(script)
        process = self.spawn(device, image=self.write(
            "big.bin", make_image(8000000)))
        self.assertTrue(device.reached.wait(LIMIT))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT)
        self.finish(device)
        self.assertEqual(process.returncode, 130)


class Results(EspotaCase):
    """What comes on TCP: the rest of 1.7, and section 10 item 8."""

    def answer(self, *parts, close=False):
        def script(device):
            tcp = device.accept_update()
            device.fetch(tcp, count=False)
            for part in parts:
                tcp.sendall(part)
            if close:
                tcp.close()
            else:
                expect_close(tcp)
        return script

    def test_every_form_of_success(self):
        for parts in ((b"1460", b"1460", b"OK"), (b"53653638814601460OK",),
                      (b"1460O", b"K"), (b"1024OK",), (b"OK",)):
            with self.subTest(parts=parts):
                result = self.push(self.answer(*parts))
                self.assertEqual(result.returncode, 0, result.stderr)

    def test_count_and_error_in_one_piece(self):
        text = "ERROR[7]: MD5 verification failed"
        self.fails_with(self.answer(b"1460" + text.encode() + b"\n"), text)

    def test_error_without_line_end(self):
        self.fails_with(self.answer(b"800End Failed"), "End Failed")

    def test_half_an_ok_and_close(self):
        self.fails_with(self.answer(b"800O", close=True), "No Result!")

    def test_ok_before_the_last_byte_is_no_success(self):
        def script(device):
            tcp = device.accept_update()
            device.fetch(tcp, 1000)
            tcp.sendall(b"OK")
            expect_close_or_data(tcp)

        big = self.write("big.bin", make_image(4000000))
        self.fails_with(script, "Error Uploading", image=big)

    def test_every_error_text_is_shown(self):
        for text in ("ERROR[7]: MD5 verification failed: expected: "
                     + "a" * 32 + ", calculated: " + "b" * 32,
                     "ERROR[10]: Magic byte is not 0xE9",
                     "ERROR[9]: new Flash config wrong, real size: 1048576",
                     "ERROR[12]: Signature verification failed",
                     "MD5 Check Failed"):
            with self.subTest(text=text):
                self.fails_with(self.answer(b"1460", text.encode() + b"\n"),
                                text)

    def test_close_without_result_ends(self):
        self.fails_with(self.answer(b"800", close=True), "No Result!")

    def test_repeated_counts_do_not_disturb(self):
        self.assertEqual(
            self.push(self.answer(b"1460", b"1460", b"1460OK")).returncode, 0)

    def test_device_that_closes_in_the_middle(self):
        def script(device):
            tcp = device.accept_update()
            device.fetch(tcp, 10000)
            tcp.close()

        big = self.write("big.bin", make_image(4000000))
        result = self.fails_with(script, "Error Uploading", image=big)
        self.assertRegex(result.stderr, r"(?m)^Uploading\.+$")

    def test_flash_error_in_the_middle(self):
        big = self.write("big.bin", make_image(4000000))
        for text in ("ERROR[2]: Flash Erase Failed",
                     "ERROR[1]: Flash Write Failed"):
            def script(device):
                tcp = device.accept_update()
                device.fetch(tcp, 8192)
                tcp.sendall(text.encode() + b"\n")
                expect_close_or_data(tcp)

            with self.subTest(text=text):
                self.fails_with(script, text, image=big)


if __name__ == "__main__":
    unittest.main()

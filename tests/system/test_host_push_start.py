# SPDX-License-Identifier: Apache-2.0
"""The beginning of a push over real sockets: lost and stray datagrams,
passwords in both schemes, ports and addresses (protocol 1.3, 1.4, 1.11,
1.12)."""
import os
import pathlib
import pty
import socket
import subprocess
import unittest

from push_peer import (LIMIT, PushCase, environment, expect_close,
                       hears_nothing, md5_response, md5hex, pbkdf2_response,
                       read_until, sha256hex)

NONCE = md5hex("12345678")
LONG_NONCE = sha256hex("nonce")


class Invitations(PushCase):
    def test_third_invitation_is_answered(self):
        def script(device):
            first = device.expect_invitation()
            second = device.expect_invitation()
            third = device.expect_invitation()
            assert first.raw == second.raw == third.raw
            assert first.sender == second.sender == third.sender
            device.reply(b"OK")
            device.succeed(device.connect())

        self.assert_status(self.push(script, "--timeout", "1"), 0)

    def test_silent_device_is_invited_five_times(self):
        def script(device):
            for _ in range(5):
                device.expect_invitation()
            hears_nothing(device)

        result = self.push(script, "--timeout", "0.5")
        self.assert_status(result, 13, "no answer to the invitation: 5 sent")

    def test_closed_port_is_named(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
            unused.bind(("127.0.0.5", 0))
            port = unused.getsockname()[1]
        device = self.start(lambda device: None)
        device.port = port
        result = self.run_push(device, "--timeout", "0.3")
        self.finish(device, result)
        self.assert_status(result, 13, "nothing listens on that port")

    def test_lost_ok_is_implied_by_the_connection(self):
        def script(device):
            device.expect_invitation()
            device.succeed(device.connect())

        self.assert_status(self.push(script), 0)

    def test_lost_auth_is_overcome(self):
        """As the core behaves: the second invitation only ends WAITAUTH."""
        def script(device):
            device.expect_invitation()
            device.expect_invitation()
            device.expect_invitation()
            device.reply(b"AUTH " + NONCE.encode())
            check_md5(device, "123", NONCE)
            device.reply(b"OK")
            device.succeed(device.connect())

        result = self.push(script, "--password", "123", "--timeout", "1")
        self.assert_status(result, 0)

    def test_second_nonce_replaces_the_first(self):
        """Two invitations arrived together: only the last nonce counts."""
        newer = md5hex("87654321")

        def script(device):
            device.expect_invitation()
            device.expect_invitation()
            device.expect_invitation()
            device.reply(b"AUTH " + NONCE.encode())
            device.expect_answer()
            device.reply(b"AUTH " + newer.encode())
            check_md5(device, "123", newer)
            device.reply(b"OK")
            device.succeed(device.connect())

        result = self.push(script, "--password", "123", "--timeout", "1")
        self.assert_status(result, 0)

    def test_stale_nonce_is_tried_again_with_a_fresh_one(self):
        def script(device):
            device.expect_invitation()
            device.expect_invitation()
            device.reply(b"AUTH " + NONCE.encode())
            device.expect_answer()
            device.reply(b"Authentication Failed")
            device.expect_invitation()
            device.reply(b"AUTH " + md5hex("2").encode())
            check_md5(device, "123", md5hex("2"))
            device.reply(b"OK")
            device.succeed(device.connect())

        result = self.push(script, "--password", "123", "--timeout", "1")
        self.assert_status(result, 0)

    def test_lost_answer_is_repeated_once(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"AUTH " + NONCE.encode())
            first = device.expect_answer()
            assert device.expect_answer() == first
            device.reply(b"OK")
            device.succeed(device.connect())

        result = self.push(script, "--password", "123", "--timeout", "0.6")
        self.assert_status(result, 0)

    def test_lost_ok_after_the_password_is_implied(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"AUTH " + NONCE.encode())
            check_md5(device, "123", NONCE)
            device.succeed(device.connect())

        self.assert_status(self.push(script, "--password", "123"), 0)

    def test_silence_after_the_password_is_named(self):
        def script(device):
            for _ in range(3):
                device.expect_invitation()
                device.reply(b"AUTH " + NONCE.encode())
                device.expect_answer()
                device.expect_answer()

        result = self.push(script, "--password", "123", "--timeout", "0.3")
        self.assert_status(result, 16, "asked for the password")

    def test_space_error_after_the_password_is_reported(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"AUTH " + NONCE.encode())
            check_md5(device, "123", NONCE)
            device.reply(b"ERR: ERROR[4]: Not Enough Space\n")

        result = self.push(script, "--password", "123")
        self.assert_status(result, 17, "Not Enough Space")


class Strangers(PushCase):
    def test_datagrams_from_other_addresses_are_ignored(self):
        def script(device):
            device.expect_invitation()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.bind(("127.0.0.77", 0))
                other.sendto(b"ERR: ERROR[4]: Not Enough Space\n",
                             device.invitation.sender)
                other.sendto(b"OK", device.invitation.sender)
            device.expect_invitation()  # it still waits for an answer
            device.reply(b"OK")
            device.succeed(device.connect())

        self.assert_status(self.push(script, "--timeout", "1"), 0)

    def test_connection_from_another_address_gets_nothing(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"OK")
            expect_close(device.connect(address="127.0.0.77"))
            device.succeed(device.connect())

        self.assert_status(self.push(script), 0)

    def test_stranger_alone_is_named(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"OK")
            expect_close(device.connect(address="127.0.0.77"))

        result = self.push(script, "--connect-timeout", "0.3")
        self.assert_status(result, 18, "127.0.0.77", "refused")

    def test_second_connection_of_the_device_is_refused(self):
        def script(device):
            tcp = device.accept_update()
            device.fetch(tcp, 1000)
            expect_close(device.connect())
            device.fetch(tcp, device.invitation.size - 1000)
            tcp.sendall(b"OK")
            expect_close(tcp)

        self.assert_status(self.push(script), 0)


def check_md5(device, password, nonce):
    cnonce, response = device.expect_answer()
    assert len(cnonce) == 32, cnonce
    assert response == md5_response(md5hex(password), nonce, cnonce)


def check_pbkdf2(device, stored, nonce):
    cnonce, response = device.expect_answer()
    assert len(cnonce) == 64, cnonce
    return response == pbkdf2_response(stored, nonce, cnonce)


class Passwords(PushCase):
    def md5_device(self, password):
        def script(device):
            device.expect_invitation()
            device.reply(b"AUTH " + NONCE.encode())
            check_md5(device, password, NONCE)
            device.reply(b"OK")
            device.succeed(device.connect())
        return script

    def test_option(self):
        result = self.push(self.md5_device("123"), "--password", "123")
        self.assert_status(result, 0)

    def test_file_first_line(self):
        path = self.write("key", b"from a file\r\nsecond line\n")
        result = self.push(self.md5_device("from a file"),
                           "--password-file", str(path))
        self.assert_status(result, 0)

    def test_standard_input(self):
        result = self.push(self.md5_device("typed in"),
                           "--password-file", "-", stdin="typed in\n")
        self.assert_status(result, 0)

    def test_environment(self):
        result = self.push(self.md5_device("env"),
                           env={"OTTER_PASSWORD": "env"})
        self.assert_status(result, 0)

    def test_empty_password_is_a_password(self):
        result = self.push(self.md5_device(""), env={"OTTER_PASSWORD": ""})
        self.assert_status(result, 0)

    def test_missing_file_sends_nothing(self):
        device = self.start(lambda device: None)
        result = self.run_push(device, "--password-file", "/nonexistent")
        self.finish(device, result)
        self.assert_status(result, 2, "/nonexistent", "No such file")

    def test_none_given_is_named_and_nothing_is_answered(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"AUTH " + NONCE.encode())
            hears_nothing(device)

        device = self.start(script)
        result = subprocess.run(self.command(device), text=True,
                                capture_output=True, timeout=LIMIT,
                                env=environment(), start_new_session=True)
        self.finish(device, result)
        self.assert_status(result, 14, "wants a password", "OTTER_PASSWORD")

    def test_option_is_hidden_from_the_process_list(self):
        def script(device):
            device.expect_invitation()
            device.reached.set()
            device.released.wait(LIMIT)
            device.reply(b"AUTH " + NONCE.encode())
            check_md5(device, "very-secret", NONCE)
            device.reply(b"OK")
            device.succeed(device.connect())

        device = self.start(script)
        process = self.spawn(device, "--password", "very-secret")
        self.assertTrue(device.reached.wait(LIMIT))
        line = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()
        device.released.set()
        out, err = process.communicate(timeout=LIMIT)
        self.finish(device)
        self.assertEqual(process.returncode, 0, err)
        self.assertIn(b"--password", line)
        self.assertNotIn(b"very-secret", line + (out + err).encode())

    def test_prompt_shows_no_echo(self):
        device = self.start(self.md5_device("from a person"))
        pid, terminal = pty.fork()
        if pid == 0:
            command = self.command(device)
            os.execvpe(command[0], command, environment({"TERM": "xterm"}))
        shown = read_until(terminal, b"Password of 127.0.0.5: ")
        os.write(terminal, b"from a person\n")
        shown += read_until(terminal, None)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(terminal)
        self.finish(device)
        self.assertEqual(status, 0, shown)
        self.assertNotIn(b"from a person", shown)

    def pbkdf2_device(self, stored):
        def script(device):
            device.expect_invitation()
            for _ in range(2):
                device.reply(b"AUTH " + LONG_NONCE.encode())
                if check_pbkdf2(device, stored, LONG_NONCE):
                    device.reply(b"OK")
                    device.succeed(device.connect())
                    return
                device.reply(b"Authentication Failed")
                device.expect_invitation()
            raise AssertionError("the password never matched")
        return script

    def test_long_nonce_selects_pbkdf2(self):
        result = self.push(self.pbkdf2_device(sha256hex("123")),
                           "--password", "123")
        self.assert_status(result, 0)

    def test_legacy_stored_md5_is_tried_second(self):
        result = self.push(self.pbkdf2_device(md5hex("123")),
                           "--password", "123")
        self.assert_status(result, 0)

    def test_wrong_pbkdf2_password_ends_after_both_forms(self):
        def script(device):
            for _ in range(2):
                device.expect_invitation()
                device.reply(b"AUTH " + LONG_NONCE.encode())
                device.expect_answer()
                device.reply(b"Authentication Failed")
            hears_nothing(device)

        result = self.push(script, "--password", "wrong")
        self.assert_status(result, 15, "wrong password")

    def test_nonce_of_unknown_length_is_refused(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"AUTH 12345")
            hears_nothing(device)

        result = self.push(script, "--password", "123")
        self.assert_status(result, 17, "not known")


class Terminal(PushCase):
    def show(self, env):
        device = self.start(lambda device:
                            device.succeed(device.accept_update()))
        pid, terminal = pty.fork()
        if pid == 0:
            command = self.command(device)
            os.execvpe(command[0], command, environment(env))
        shown = read_until(terminal, None)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(terminal)
        self.finish(device)
        self.assertEqual(status, 0, shown)
        return shown

    def test_progress_is_drawn_in_place_with_colour(self):
        shown = self.show({"TERM": "xterm"})
        self.assertRegex(shown, rb"\x1b\[1A")
        self.assertRegex(shown, rb"127\.0\.0\.5  \[[=> ]+\] +\d+%  .* of "
                                rb"39\.1 KiB  .*/s  .* left")
        self.assertIn(b"\x1b[32mupdated", shown)

    def test_no_color_is_obeyed(self):
        shown = self.show({"TERM": "xterm", "NO_COLOR": "1"})
        self.assertIn(b": updated", shown)
        self.assertNotRegex(shown, rb"\x1b\[\d*m")

    def test_dumb_terminal_gets_plain_lines(self):
        shown = self.show({"TERM": "dumb"})
        self.assertNotIn(b"\x1b", shown)
        self.assertIn(b"127.0.0.5: uploading 40000 bytes", shown)


class Ports(PushCase):
    def test_bind_is_the_source_of_everything(self):
        def script(device):
            device.expect_invitation()
            assert device.invitation.sender[0] == "127.0.0.9"
            with socket.socket() as tcp:
                assert tcp.connect_ex(("127.0.0.1",
                                       device.invitation.port)) != 0
            device.reply(b"OK")
            device.succeed(device.connect())

        self.assert_status(self.push(script, "--bind", "127.0.0.9"), 0)

    def test_range_skips_a_port_in_use(self):
        def script(device):
            device.expect_invitation()
            assert first < device.invitation.port <= first + 9
            device.reply(b"OK")
            device.succeed(device.connect())

        with socket.socket() as taken:
            taken.bind(("0.0.0.0", 0))
            taken.listen()
            first = min(taken.getsockname()[1], 65526)
            result = self.push(script, "--host-port",
                               f"{first}-{first + 9}")
        self.assert_status(result, 0)

    def test_port_in_use_is_named(self):
        with socket.socket() as taken:
            taken.bind(("0.0.0.0", 0))
            taken.listen()
            device = self.start(lambda device: None)
            result = self.run_push(device, "--host-port",
                                   str(taken.getsockname()[1]))
        self.finish(device, result)
        self.assert_status(result, 12, "in use", "--host-port")

    def test_fixed_port_is_free_again_at_once(self):
        def script(device):
            tcp = device.accept_update()
            device.succeed(tcp)

        with socket.socket() as probe:
            probe.bind(("0.0.0.0", 0))
            port = probe.getsockname()[1]
        for _ in range(2):
            result = self.push(script, "--host-port", str(port))
            self.assert_status(result, 0)


class Ipv6(PushCase):
    """No device of today has it, but nothing here stands in its way."""

    def setUp(self):
        super().setUp()
        try:
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
                probe.bind(("::1", 0))
        except OSError as error:
            self.skipTest(f"no IPv6 here: {error}")

    def test_device_with_an_ipv6_address_is_updated(self):
        device = self.start(lambda device: device.succeed(
            device.accept_update()), "::1")
        result = self.run_push(device)
        self.finish(device, result)
        self.assert_status(result, 0, "::1: updated")

    def test_bind_of_the_other_kind_is_named(self):
        for bind, kind in (("127.0.0.1", "IPv6"), ("::1", "IPv4")):
            device = self.start(hears_nothing, "::1" if kind == "IPv6" else "127.0.0.5")
            result = self.run_push(device, "--bind", bind)
            self.finish(device, result)
            self.assert_status(result, 11, f"is an {kind} address",
                               f"--bind {bind}")

    def test_link_local_address_needs_its_interface(self):
        device = self.start(lambda device: None)
        device.address = "fe80::1234"
        result = self.run_push(device, "--timeout", "0.2")
        self.finish(device, result)
        self.assert_status(result, 13, "fe80::1234%eth0")
        device.address = "fe80::1234%nope"
        result = self.run_push(device, "--timeout", "0.2")
        self.assert_status(result, 11, "interface of the name behind the %")


class CommandLine(PushCase):
    def run_otter(self, *words):
        from push_peer import OTTER
        return subprocess.run([OTTER, "push", *words], text=True,
                              capture_output=True, timeout=LIMIT,
                              env=environment())

    def test_wrong_command_lines_are_status_2(self):
        for words in ((), ("127.0.0.5",), ("--port", "0", "a", "b"),
                      ("--port", "70000", "a", "b"), ("--nonsense",),
                      ("--timeout", "-1", "a", "b"),
                      ("--host-port", "9-8", "a", "b"),
                      ("--host-port", "9-", "a", "b")):
            with self.subTest(words=words):
                result = self.run_otter(*words)
                self.assert_status(result, 2)
                self.assertTrue(result.stderr)

    def test_number_that_is_out_of_range_hears_the_range(self):
        for words in (("--timeout", "0"), ("--wait", "99999999")):
            result = self.run_otter(*words, "127.0.0.5", str(self.image))
            self.assert_status(result, 2, "from 0.001 to 86400")

    def test_missing_file_is_named_before_anything_is_sent(self):
        device = self.start(hears_nothing)
        result = self.run_push(device, image="/nonexistent.bin")
        self.finish(device, result)
        self.assert_status(result, 10, "/nonexistent.bin", "No such file")

    def test_file_named_first_is_explained(self):
        result = self.run_otter(str(self.image), "127.0.0.5")
        self.assert_status(result, 10, "127.0.0.5: No such file",
                           "The file is named last, after the")

    def test_unknown_name_is_named(self):
        result = self.run_otter("no-such-device.invalid", str(self.image))
        self.assert_status(result, 11, "no-such-device.invalid", "resolved")

    def test_help_lists_every_exit_status(self):
        result = self.run_otter("--help")
        self.assert_status(result, 0)
        for status in (0, 1, 2, *range(10, 26), 30, 130):
            self.assertRegex(result.stdout, rf"(?m)^  {status} +\w")


if __name__ == "__main__":
    unittest.main()

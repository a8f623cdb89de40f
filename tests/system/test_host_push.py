# SPDX-License-Identifier: Apache-2.0
"""What `otter push` makes of a device's answers: every row of protocol 1.7 as
the host sees it, and every case of section 10 item 8, over real sockets."""
import signal
import unittest

from push_peer import (PushCase, assert_quiet, expect_close,
                       expect_close_or_data, make_image, pace)


class Refusals(PushCase):
    """The rows of 1.7 that are answered by UDP."""

    def refuse(self, text, *words):
        def script(device):
            device.expect_invitation()
            device.reply(b"ERR: " + text + b"\n")

        result = self.push(script)
        self.assert_status(result, 17, "refused", text.decode(), *words)
        self.assertEqual(result.stdout, "")

    def test_size_0_is_reported(self):
        self.refuse(b"ERROR[5]: Bad Size Given")

    def test_space_is_reported_with_a_way_out(self):
        self.refuse(b"ERROR[4]: Not Enough Space", "file system")

    def test_flash_config_is_reported_with_both_sizes(self):
        self.refuse(b"ERROR[8]: Flash config wrong: real: 1048576, "
                    b"SDK: 4194304", "flash size")

    def test_bootstrapping_says_press_reset(self):
        self.refuse(b"ERROR[11]: Invalid bootstrapping state, reset ESP8266 "
                    b"before updating", "reset button")

    def test_update_already_running_is_reported(self):
        self.refuse(b"ERROR[15]: Update already running", "Try again")

    def test_unknown_answer_is_shown(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"What?\x1b[31m")

        result = self.push(script)
        self.assert_status(result, 17, "What??[31m")
        self.assertNotIn("\x1b", result.stderr)

    def test_wrong_password_is_named(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"AUTH " + b"5" * 32)
            device.expect_answer()
            device.reply(b"Authentication Failed")

        result = self.push(script, "--password", "guess")
        self.assert_status(result, 15, "wrong password")

    def test_unreachable_tcp_port_names_the_firewall(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"OK")

        result = self.push(script, "--connect-timeout", "0.2")
        self.assert_status(result, 18, "did not connect back", "firewall")


class Results(PushCase):
    """What the device says on TCP after the bytes, 1.7 and 10.8."""

    def answer(self, *parts, status, words=(), options=()):
        """Fetches all without counts, then sends the parts one by one."""
        def script(device):
            tcp = device.accept_update()
            device.fetch(tcp, count=False)
            for part in parts:
                tcp.sendall(part)
            if status == 22:
                tcp.close()
            else:
                expect_close(tcp)

        result = self.push(script, *options)
        self.assert_status(result, status, *words)
        return result

    def device_error(self, text):
        self.answer(b"1460", text + b"\n", status=21,
                    words=["the device reported: " + text.decode(),
                           "keeps its old sketch"])

    def test_md5_error_is_reported(self):
        self.device_error(b"ERROR[7]: MD5 verification failed: expected: "
                          + b"a" * 32 + b", calculated: " + b"b" * 32)

    def test_magic_error_is_reported(self):
        self.device_error(b"ERROR[10]: Magic byte is not 0xE9")

    def test_image_for_larger_flash_is_reported(self):
        self.device_error(b"ERROR[9]: new Flash config wrong, "
                          b"real size: 1048576")

    def test_signature_error_is_reported(self):
        self.device_error(b"ERROR[12]: Signature verification failed")

    def test_counts_then_ok_is_success(self):
        result = self.answer(b"1460", b"1460", b"OK", status=0)
        self.assertRegex(result.stdout, r"updated: 40000 bytes")

    def test_counts_run_together_with_ok_is_success(self):
        self.answer(b"53653638814601460OK", status=0)

    def test_ok_in_two_pieces_is_success(self):
        self.answer(b"1460O", b"K", status=0)

    def test_count_and_error_in_one_piece_is_failure(self):
        self.answer(b"1460ERROR[7]: MD5 verification failed\n", status=21,
                    words=["ERROR[7]: MD5 verification failed"])

    def test_esp32_count_and_ok_in_one_piece_is_success(self):
        self.answer(b"1024OK", status=0)

    def test_esp32_plain_error_line_is_failure(self):
        self.answer(b"1024", b"MD5 Check Failed\n", status=21,
                    words=["the device reported: MD5 Check Failed"])

    def test_rc1_error_with_cr_lf_is_failure(self):
        self.answer(b"800ERROR[10]: Magic byte is wrong, not 0xE9\r\n",
                    status=21, words=["not 0xE9\n"])

    def test_error_without_line_end_is_complete_after_silence(self):
        self.answer(b"800End Failed", status=21, words=["End Failed"])

    def test_close_without_result_is_unknown(self):
        result = self.answer(b"800", status=22,
                             words=["unknown", "connection ended"])
        self.assertEqual(result.stdout, "")

    def test_half_an_ok_and_close_is_unknown(self):
        self.answer(b"800O", status=22, words=["unknown"])

    def test_silence_after_the_last_byte_is_unknown(self):
        def script(device):
            tcp = device.accept_update()
            device.fetch_checked(tcp)
            expect_close(tcp)

        result = self.push(script, "--result-timeout", "0.2")
        self.assert_status(result, 22, "unknown", "no result came")

    def test_esp32_repeated_counts_do_not_disturb(self):
        def script(device):
            tcp = device.accept_update()
            device.fetch(tcp, 20000)
            for _ in range(3):
                tcp.sendall(b"1460")
            device.fetch(tcp, device.invitation.size - 20000)
            tcp.sendall(b"1460")
            tcp.sendall(b"1460OK")
            expect_close(tcp)

        self.assert_status(self.push(script), 0)

    def test_ok_before_the_last_byte_is_no_success(self):
        def script(device):
            tcp = device.accept_update()
            device.fetch(tcp, 1000)
            tcp.sendall(b"OK")
            expect_close_or_data(tcp)

        big = self.write("big.bin", make_image(8000000))
        self.assert_status(self.push(script, image=big), 20)

    def test_flash_error_in_the_middle_ends_the_upload(self):
        big = self.write("big.bin", make_image(8000000))
        for text in ("ERROR[2]: Flash Erase Failed",
                     "ERROR[1]: Flash Write Failed"):
            def script(device):
                tcp = device.accept_update()
                device.fetch(tcp, 8192)
                tcp.sendall(text.encode() + b"\n")
                expect_close_or_data(tcp)

            with self.subTest(text=text):
                self.assert_status(self.push(script, image=big), 21, text)

    def test_file_system_error_says_that_it_is_damaged(self):
        def script(device):
            tcp = device.accept_update()
            assert device.invitation.command == 100
            device.fetch(tcp)
            tcp.sendall(b"ERROR[7]: MD5 verification failed\n")
            expect_close(tcp)

        image = self.write("fs.bin", bytes(8) + b"littlefs" + bytes(40000))
        result = self.push(script, "--fs", image=image)
        self.assert_status(result, 21, "damaged")


class Upload(PushCase):
    """The bytes themselves."""

    def test_sketch_is_sent_exactly(self):
        def script(device):
            tcp = device.accept_update()
            assert device.invitation.command == 0
            assert device.invitation.size == 40000
            device.succeed(tcp)

        result = self.push(script)
        self.assert_status(result, 0)
        self.assertIn("127.0.0.5: updated", result.stdout)

    def test_file_system_is_command_100(self):
        def script(device):
            tcp = device.accept_update()
            assert device.invitation.command == 100
            device.succeed(tcp)

        image = self.write("fs.bin", bytes(8) + b"littlefs" + bytes(40000))
        self.assert_status(self.push(script, "--fs", image=image), 0)

    def test_host_does_not_wait_for_counts(self):
        def script(device):
            tcp = device.accept_update()
            device.fetch(tcp, count=False)
            tcp.sendall(b"40000OK")
            expect_close(tcp)

        self.assert_status(self.push(script), 0)

    def test_lockstep_waits_for_each_reply(self):
        def script(device):
            tcp = device.accept_update()
            left = device.invitation.size
            while left > 0:
                size = min(left, 1024)
                device.fetch(tcp, size, count=False)
                assert_quiet(tcp)
                tcp.sendall(b"%d" % size)
                left -= size
            tcp.sendall(b"OK")
            expect_close(tcp)

        small = self.write("small.bin", make_image(6000))
        result = self.push(script, "--lockstep", "--chunk", "1024",
                           image=small)
        self.assert_status(result, 0)

    def test_slow_reader_is_served_to_the_end(self):
        """Slower than the limit as a whole, never silent for the limit."""
        def script(device):
            device.expect_invitation()
            device.reply(b"OK")
            tcp = device.connect(receive_buffer=4096)
            for part in range(10):
                device.fetch(tcp, 100000)
                pace(0.1)
            tcp.sendall(b"OK")
            expect_close(tcp)

        big = self.write("big.bin", make_image(1000000))
        result = self.push(script, "--timeout", "0.6", image=big)
        self.assert_status(result, 0)

    def test_device_that_stops_reading_is_a_stall(self):
        def script(device):
            device.expect_invitation()
            device.reply(b"OK")
            tcp = device.connect(receive_buffer=4096)
            device.fetch(tcp, 10000)
            device.released.wait(20)

        device = self.start(script)
        big = self.write("big.bin", make_image(4000000))
        result = self.run_push(device, "--timeout", "0.3", image=big)
        device.released.set()
        self.finish(device, result)
        self.assert_status(result, 19, "stalled at byte", "of 4000000")

    def test_device_that_closes_in_the_middle_is_named(self):
        def script(device):
            tcp = device.accept_update()
            device.fetch(tcp, 10000)
            tcp.close()

        big = self.write("big.bin", make_image(4000000))
        result = self.push(script, image=big)
        self.assert_status(result, 20, "connection ended at byte",
                           "of 4000000", "keeps its old sketch")

    def test_interrupt_ends_at_once(self):
        def script(device):
            tcp = device.accept_update()
            device.fetch(tcp, 1000)
            device.reached.set()
            expect_close_or_data(tcp)

        device = self.start(script)
        process = self.spawn(device, image=self.write(
            "big.bin", make_image(8000000)))
        self.assertTrue(device.reached.wait(20))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        self.finish(device)
        self.assertEqual(process.returncode, 130)


if __name__ == "__main__":
    unittest.main()

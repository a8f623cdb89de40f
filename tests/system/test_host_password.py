# SPDX-License-Identifier: Apache-2.0
"""The prompt for a password on a terminal of its own: whatever ends it, the
terminal shows again what is typed."""
import os
import pty
import signal
import termios

from push_peer import (LIMIT, PushCase, environment, md5hex, read_until,
                       readable)

NONCE = md5hex("12345678")
SECRET = b"half a passw"


class Prompt(PushCase):
    """`otter push` asks; what is typed is not answered by the device."""

    def ask(self, shell=None):
        """Starts the tool, or a shell's line with it, at its prompt."""
        def script(device):
            device.expect_invitation()
            device.reply(b"AUTH " + NONCE.encode())
        device = self.start(script)
        command = self.command(device)
        if shell:
            command = ["dash", "-m", "-c", shell, "sh", *command]
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.execvpe(command[0], command, environment({"TERM": "xterm"}))
        self.addCleanup(os.close, self.terminal)
        self.pid = pid
        self.shown = self.read(b"Password of 127.0.0.5: ")
        self.assertFalse(self.echoes())
        return device

    def read(self, end):
        return read_until(self.terminal, end)

    def echoes(self):
        """The terminal's state can be read at its other end."""
        return bool(termios.tcgetattr(self.terminal)[3] & termios.ECHO)

    def end(self):
        process = os.pidfd_open(self.pid)
        ended = readable(process, LIMIT)
        os.close(process)
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.fail("the prompt cannot be left")
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.assertTrue(self.echoes(), f"no echo after status {status}")
        return status

    def test_ctrl_c_leaves_the_terminal_as_it_was(self):
        device = self.ask()
        os.write(self.terminal, SECRET + b"\x03")
        self.assertEqual(self.end(), 130)
        self.finish(device)

    def test_line_ended_by_ctrl_d_can_still_be_left_by_ctrl_c(self):
        """Ctrl-C throws away what is just being read: at any moment of it."""
        for _ in range(20):
            device = self.ask()
            os.write(self.terminal, SECRET + b"\x04")
            os.write(self.terminal, b"\x03")
            self.assertEqual(self.end(), 130)
            self.finish(device)

    def test_quit_key_leaves_the_terminal_as_it_was(self):
        device = self.ask()
        os.write(self.terminal, b"\x1c")
        self.assertEqual(self.end(), -signal.SIGQUIT)
        self.finish(device)

    def test_signals_leave_the_terminal_as_it_was(self):
        for number, status in ((signal.SIGTERM, 130),
                               (signal.SIGHUP, -signal.SIGHUP)):
            with self.subTest(signal=number):
                device = self.ask()
                os.kill(self.pid, number)
                self.assertEqual(self.end(), status)
                self.finish(device)

    def test_stopped_prompt_gives_the_terminal_back_and_asks_again(self):
        device = self.ask('"$@"; stty -a | grep -ow -e -echo -e echo; fg')
        os.write(self.terminal, b"\x1a")
        shown = self.read(b"Password of 127.0.0.5: ")
        self.assertIn(b"echo\r\n", shown)
        self.assertNotIn(b"-echo", shown)
        self.assertFalse(self.echoes())
        os.write(self.terminal, b"\x03")
        self.end()
        self.finish(device)

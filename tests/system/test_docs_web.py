#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/web.md: its commands work as they stand there, its program compiles,
and its tables name what there is."""
import gzip
import json
import os
import pathlib
import re
import subprocess
import unittest

import test_web_curl
from otter_testlib import BIN, ROOT, sketch

PAGE = (ROOT / "docs" / "web.md").read_text()


class Docs(test_web_curl.WebTest):
    def commands(self):
        return re.findall(r"^    \$ (.*)$", PAGE, re.M)

    def run_command(self, board, command):
        command = command.replace(
            "192.168.1.50", f"{board.address}:{test_web_curl.PORT}")
        done = subprocess.run(
            ["bash", "-ec", command], cwd=self.folder, text=True,
            capture_output=True, timeout=60, check=False,
            env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
        self.assertEqual(done.returncode, 0, command + done.stderr)
        return done.stdout

    def prepare(self):
        new = pathlib.Path(sketch("web_updater-1.1.0", "")).read_bytes()
        self.file("sketch.bin", new)
        self.file("sketch.bin.gz", gzip.compress(new, 9, mtime=0))
        self.file("littlefs.bin", bytes(range(256)) * 32)
        self.file("ota.key", b"secret\n")

    def test_commands_update_the_device(self):
        self.prepare()
        commands = [c for c in self.commands() if "/status" not in c]
        self.assertGreater(len(commands), 8)
        for command in commands:
            with self.subTest(command):
                secret = "secret" in command or "ota.key" in command
                board = self.ready(flavour="", settings={
                    "password": "secret"} if secret else None)
                out = self.run_command(board, command)
                self.assertRegex(out, "updated: |Update Success!")
                self.expect_start(board, "1.0.0" if "littlefs" in command
                                  else "1.1.0")
                board.stop()

    def test_status_has_the_fields_of_the_table(self):
        board = self.ready(flavour="")
        command, = (c for c in self.commands() if "/status" in c)
        status = json.loads(self.run_command(board, command))
        table = PAGE.split("## The status")[1].split("## Answers")[0]
        fields = [name for row in re.findall(r"^\| (`.*?) \|", table, re.M)
                  for name in re.findall("`([a-z_]+)`", row)]
        self.assertEqual(sorted(fields), sorted(status))

    def test_answers_are_those_of_the_code(self):
        source = (ROOT / "device/transport/web_answer.c").read_text()
        known = set(re.findall(r"\{(\d{3}), \"", source))
        table = PAGE.split("## Answers")[1]
        told = set(re.findall(r"^\| (\d{3}) \|", table, re.M))
        self.assertLessEqual(told, known)
        # Not about updates: the root, and requests that make no sense here.
        self.assertEqual(known - told, {"302", "404", "405", "411", "414",
                                        "431", "500", "501"})

    def test_program_compiles(self):
        code = PAGE.split("```c\n")[1].split("```")[0]
        path = self.file("smallest.c", code.encode())
        subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-Wall",
                        "-Wextra", "-Werror", "-fsyntax-only", f"-I{ROOT}",
                        str(path)], check=True)


if __name__ == "__main__":
    unittest.main()

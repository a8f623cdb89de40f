# SPDX-License-Identifier: Apache-2.0
"""Fifty virtual devices and one command: three are off, one has another
password, one loses power in the middle.  The table and the exit status say
so, and a second run of what is left completes the work."""
import collections
import pathlib
import re
import subprocess
import unittest

import otter_testlib
from otter_testlib import program, sketch

DEVICES = 50
OFF = (7, 19, 42)
OTHER_PASSWORD = 23
LOSES_POWER = 31
NEW = "basic_ota-1.1.0"
CONTRARY = (*OFF, OTHER_PASSWORD, LOSES_POWER)


@otter_testlib.only("posix", "fifty emulators do not fit a small machine")
class Fleet(otter_testlib.SystemTest):
    def start_fleet(self):
        boards = []
        for i in range(DEVICES):
            args = []
            if i in OFF:
                args.append("--off")
            if i == LOSES_POWER:  # slow enough to be caught in the middle
                args += ["--flash-time", "maximum"]
            password = "other" if i == OTHER_PASSWORD else "fleet"
            boards.append(self.board("basic_ota-1.0.0", flavour="",
                                     address=f"127.9.0.{i + 1}", args=args,
                                     settings={"password": password}))
        for i, board in enumerate(boards):
            if i not in OFF:
                board.expect(r"^IP address: ")
        return boards

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def push(self, *options):
        return subprocess.Popen(
            [program("otter"), "push", "--parallel", "16", "--retries", "0",
             "--timeout", "3", "--connect-timeout", "10", "--quiet",
             "--password", "fleet", *options, sketch(NEW, "")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process, status):
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, status, out + err)
        self.assertEqual(err, "")
        return dict(re.findall(r"(?m)^(d\d+) +(\S+)", out)), out

    def test_fifty_devices_with_one_command(self):
        boards = self.start_fleet()
        path = self.write("fleet.txt", "".join(
            f"{board.address} name=d{i}\n" for i, board in
            enumerate(boards)))
        rest = str(self.folder / "rest.txt")
        process = self.push("--list", path, "--remaining", rest)
        boards[LOSES_POWER].expect("Progress: ")
        boards[LOSES_POWER].control("power off")
        results, out = self.finish(process, 30)

        expected = {f"d{i}": "updated" for i in range(DEVICES)}
        expected.update({f"d{i}": "no-answer" for i in OFF})
        expected[f"d{OTHER_PASSWORD}"] = "password-wrong"
        expected[f"d{LOSES_POWER}"] = "broken"
        self.assertEqual(results, expected)
        self.assertEqual(collections.Counter(results.values())["updated"],
                         DEVICES - 5)
        self.assertIn(f"{DEVICES - 5} of {DEVICES} updated", out)
        for i, board in enumerate(boards):
            if i not in CONTRARY:
                board.expect(r"^basic_ota 1\.1\.0$")

        names = re.findall(r"name=(d\d+)", pathlib.Path(rest).read_text())
        self.assertEqual(sorted(names), sorted(f"d{i}" for i in CONTRARY))
        self.write("other.key", "other\n")
        text = pathlib.Path(rest).read_text().replace(
            f"name=d{OTHER_PASSWORD}",
            f"name=d{OTHER_PASSWORD} password-file=other.key")
        again = self.write("again.txt", text)
        for i in (*OFF, LOSES_POWER):
            boards[i].control("power on")
            boards[i].expect(r"^basic_ota 1\.0\.0$")
            boards[i].expect(r"^IP address: ")
        results, out = self.finish(
            self.push("--list", again, "--remaining", rest), 0)
        self.assertEqual(results, {f"d{i}": "updated" for i in CONTRARY})
        self.assertEqual(pathlib.Path(rest).read_text(), "")
        for i in CONTRARY:
            boards[i].expect(r"^basic_ota 1\.1\.0$")


if __name__ == "__main__":
    unittest.main()

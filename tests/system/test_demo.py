# SPDX-License-Identifier: Apache-2.0
"""The first command of the README does what the README says."""
import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Demo(unittest.TestCase):
    def test_demo_updates_and_ends_with_its_line(self):
        result = subprocess.run([ROOT / "scripts" / "demo"],
                                stdin=subprocess.DEVNULL, timeout=110,
                                capture_output=True, text=True, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(result.stdout.splitlines()[-1],
                         "demo: 1.0.0 -> 1.1.0 updated and running")
        for name in ("hall", "attic", "cellar"):
            self.assertRegex(result.stdout, rf"(?s)\n  {name} \| http_update "
                                            r"1\.0\.0\n.*"
                                            rf"\n  {name} \| http_update "
                                            r"1\.1\.0\n.*"
                                            rf"{name} +accepted +-? +1\.1\.0")

    def test_demo_fails_without_a_device(self):
        """A demo that cannot fail would prove nothing."""
        result = subprocess.run([ROOT / "scripts" / "demo"],
                                env=dict(os.environ, OTTER_BIN="/nonexistent"),
                                stdin=subprocess.DEVNULL, timeout=110,
                                capture_output=True, text=True, check=False)
        self.assertNotEqual(result.returncode, 0)

    def test_readme_shows_what_the_demo_prints(self):
        """Headings and the last line of the demo stand in the README."""
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        script = "".join((ROOT / "scripts" / name).read_text(encoding="utf-8")
                         for name in ("demo", "fleet.py"))
        headings = re.findall(r'say\("((?:[^"\\]|\\.)*)"', script)
        self.assertEqual(len(headings), 12)
        for heading in headings:
            self.assertIn(heading, readme)
        self.assertIn("demo: 1.0.0 -> 1.1.0 updated and running", readme)


if __name__ == "__main__":
    unittest.main()

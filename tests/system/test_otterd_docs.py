# SPDX-License-Identifier: Apache-2.0
"""docs/first-device.md, its commands run as they stand there, with the
requests that the core's example makes; docs/otterd.md names what there is."""
import os
import re
import shlex
import subprocess
import unittest

from test_otterd import LIMIT, OTTERD, ROOT, Case, ask, changed

OTTER = os.environ.get("OTTER", ROOT / "build/debug/bin/otter")
DEVICE = "18:FE:34:00:00:01"


class FirstDevice(Case):
    def commands(self):
        """{program and verb: words} of the page."""
        text = (ROOT / "docs/first-device.md").read_text()
        out = {}
        for line in re.findall(r"(?m)^    (otterd? .*)$", text):
            words = shlex.split(line, comments=True)
            out[" ".join(w for w in words[:3] if w.isalpha())] = words
        return out

    def otter(self, words, **change):
        words = [change.get(w, w) for w in words[1:]]
        done = subprocess.run(
            [OTTER, *words], capture_output=True, text=True, timeout=LIMIT,
            check=False, env={**os.environ, "OTTER_TOKEN": self.token,
                              "XDG_CONFIG_HOME": str(self.folder)})
        self.assertEqual(done.returncode, 0, (words, done.stderr))
        return done.stdout

    def test_the_page_leads_to_an_updated_device(self):
        commands = self.commands()
        words = commands["otterd"]
        self.assertEqual(words[1:4:2], ["--data", "--listen"])
        server = subprocess.Popen(
            [OTTERD, "--data", self.data, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=False)
        self.addCleanup(server.stdout.close)
        self.addCleanup(self.end, server)
        self.token = self.wait_line(server.stdout,
                                    rb"once\): (\S+)\n").decode()
        port = int(self.wait_line(server.stderr, rb"port=(\d+)"))
        device = {"STA_MAC": DEVICE, "ESP8266_version": "1.0"}
        self.assertEqual(ask(port, changed(
            STA_MAC=DEVICE, ESP8266_version=None)).status, 403)
        self.assertEqual(ask(port, changed(**device)).status, 500)
        self.otter(commands["otter login"],
                   **{"http://192.168.1.10:8266": f"http://127.0.0.1:{port}"})
        while DEVICE not in (said := self.otter(
                commands["otter device list"])):
            pass  # it is written a moment after the answer
        self.assertIn("pending", said)
        self.otter(commands["otter device accept"])
        self.assertEqual(ask(port, changed(**device)).status, 500)
        said = self.otter(["otter", "device", "explain", DEVICE])
        self.assertIn("No release", said)
        image = self.folder / "httpUpdate.ino.bin"
        image.write_bytes(self.image)
        self.otter(commands["otter release create"],
                   **{image.name: str(image)})
        answer = ask(port, changed(**device))
        self.assertEqual((answer.status, answer.body), (200, self.image))
        device["ESP8266_version"] = "2.0"
        self.assertEqual(ask(port, changed(**device)).status, 304)
        while not re.search(r"\b2\.0\b", self.otter(
                ["otter", "device", "show", DEVICE])):
            pass


class Guide(Case):
    def test_the_guide_names_every_setting_and_metric(self):
        guide = (ROOT / "docs/otterd.md").read_text()
        settings = re.findall(r"(?m)^  --([a-z-]+) [A-Z]",
                              self.run_otterd("--help"))
        self.assertGreater(len(settings), 10)
        for name in settings:
            if name != "config":
                self.assertRegex(guide, rf"\| .*`{name}`.* \|", name)
        _, port = self.serve()
        page = ask(port, [], path="/metrics").body.decode()
        names = re.findall(r"(?m)^# TYPE (otterd_\w+)", page)
        self.assertGreater(len(names), 10)
        for name in names:
            self.assertIn(f"`{name}", guide)
        # And nothing that there is not.
        for name in re.findall(r"`(otterd_\w+)", guide):
            if "tls" not in name:
                self.assertIn(name, names)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""web_updater by its name (manual R49, R52): a real Avahi finds the page of
the board across a wire, and a real Chromium updates the board under
http://esp8266-webupdate.local/update."""
import json
import pathlib
import unittest

from netns_testlib import LEFT, NetnsTest
from otter_browser import Browser
from otter_testlib import sketch
from test_web_browser import needed

NAME = "esp8266-webupdate"
URL = f"http://{NAME}.local/update"


class ByName(NetnsTest):
    def setUp(self):
        super().setUp()
        self.page_board = self.board_on_the_wire(
            sketch("web_updater-1.0.0", ""), hostname=NAME)
        self.expect_start("1.0.0")
        self.daemon = self.avahi(self.right)

    def expect_start(self, version):
        self.page_board.expect(
            f"^web_updater {version}\nBooting Sketch...\nHTTPUpdateServer "
            f"ready! Open {URL} in your browser\nIP address: {LEFT}\n")

    def resolve(self):
        text = self.right.run("avahi-resolve", "-4", "-n", f"{NAME}.local",
                              env=self.daemon.env)
        name, address = text.split()
        self.assertEqual((name, address), (f"{NAME}.local", LEFT))
        return address

    def test_service_is_found_and_leads_to_the_status(self):
        console = self.start(self.right, "avahi-browse", "-p", "-r",
                             "_http._tcp", env=self.daemon.env).console
        found = console.expect(f"^=;wire;IPv4;{NAME};.*;local;(.*)$")[1]
        self.assertEqual(found, f"{NAME}.local;{LEFT};80;")
        status = self.right.run(
            "curl", "--silent", "--show-error", "--max-time", "20",
            "--resolve", f"{NAME}.local:80:{self.resolve()}", URL + "/status")
        self.assertEqual(json.loads(status)["version"], "1.0.0")

    @needed
    def test_browser_updates_by_name(self):
        new = pathlib.Path(sketch("web_updater-1.1.0", ""))
        browser = Browser(
            self.right.prefix, ["--host-resolver-rules="
                                f"MAP {NAME}.local {self.resolve()}"])
        self.addCleanup(browser.end)
        self.assertEqual(browser.open(url=URL)["status"], 200)
        browser.wait(selector="h1", pattern="^web_updater 1.0.0$")
        browser.choose(selector="[name=firmware]", path=str(new))
        browser.wait(selector="#message", pattern="SHA-256")
        browser.click(selector="#go")
        browser.wait(selector="#message",
                     pattern="^Done: 1.0.0 \u2192 1.1.0$")
        self.expect_start("1.1.0")
        self.assertEqual(self.page_board.read_flash(0, new.stat().st_size),
                         new.read_bytes())
        self.assertEqual(browser.problems()["problems"], [])


if __name__ == "__main__":
    unittest.main()

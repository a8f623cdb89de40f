#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The update page in a real Chromium, against the virtual board: what a
person sees, and afterwards what the flash holds.  OTTER_SHOTS names a folder
for screenshots that somebody wants to look at."""
import json
import os
import pathlib
import select
import socket
import subprocess
import threading
import unittest

import otter_testlib
import test_web_curl
from otter_testlib import ROOT, sketch

PLAYWRIGHT = pathlib.Path(os.environ.get("OTTER_PLAYWRIGHT",
                                         ROOT / "build/browser"))
SLOW = ("--flash-time", "typical")
PATIENCE = 60


class Browser:
    """A Chromium; every command of browser.mjs is a method."""

    def __init__(self):
        self._process = subprocess.Popen(
            ["node", str(ROOT / "tests/system/browser.mjs")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OTTER_PLAYWRIGHT": str(PLAYWRIGHT)})

    def __getattr__(self, command):
        def run(**options):
            self._process.stdin.write(
                json.dumps({"command": command, **options}) + "\n")
            self._process.stdin.flush()
            if not select.select([self._process.stdout], [], [], 120)[0]:
                raise AssertionError(f"the browser hangs in {command}")
            answer = json.loads(self._process.stdout.readline())
            if "error" in answer:
                raise AssertionError(f"{command}: {answer['error']}")
            return answer
        return run

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
            self._process.stdout.close()


class Tamper:
    """A relay to a board that changes one byte on its way to it."""

    def __init__(self, board, at):
        self._board = board
        self._at = at
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.changed = False
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client = self._listener.accept()[0]
                server = socket.create_connection(
                    (self._board.address, test_web_curl.PORT))
            except OSError:
                return
            for pair in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pump, args=pair,
                                 daemon=True).start()

    def _pump(self, source, target, up):
        total = 0
        try:
            while data := source.recv(65536):
                if up and total <= self._at < total + len(data):
                    at = self._at - total
                    data = (data[:at] + bytes([data[at] ^ 1]) +
                            data[at + 1:])
                    self.changed = True
                total += len(data)
                target.sendall(data)
        except OSError:
            pass
        for s in (source, target):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self._listener.close()


@unittest.skipUnless((PLAYWRIGHT / "node_modules/playwright-core").is_dir(),
                     "scripts/setup browser was not run")
class Page(test_web_curl.WebTest):
    def setUp(self):
        super().setUp()
        self.new = pathlib.Path(sketch("web_updater-1.1.0", ""))

    def browser(self, board, url=None, **options):
        browser = Browser()
        self.addCleanup(browser.close)
        answer = browser.open(url=url or self.url(board), options=options)
        self.assertEqual(answer["status"], 200)
        browser.wait(selector="h1", pattern="^web_updater ")
        return browser

    def slow_board(self, **options):
        return self.ready(flavour="", args=SLOW, **options)

    def shot(self, browser, name):
        folder = os.environ.get("OTTER_SHOTS", self.folder)
        path = pathlib.Path(folder) / f"{name}.png"
        browser.shot(path=str(path))
        self.assertGreater(path.stat().st_size, 5000)

    def message(self, browser, pattern, seconds=PATIENCE):
        return browser.wait(selector="#message", pattern=pattern,
                            ms=1000 * seconds)["text"]

    def expect_new(self, board, browser):
        self.message(browser, "^Done: 1.0.0 \u2192 1.1.0$")
        browser.wait(selector="h1", pattern="^web_updater 1.1.0$")
        self.expect_start(board, "1.1.0")
        self.flash_holds(board, self.new.read_bytes())
        self.assertEqual(browser.problems()["problems"], [])

    def test_upload_by_picker(self):
        board = self.slow_board()
        browser = self.browser(board)
        self.assertIn("posix \u00b7 esp8266 \u00b7 4096 KiB flash",
                      browser.wait(selector="#about", pattern=".")["text"])
        self.shot(browser, "desktop-start")
        browser.choose(selector="[name=firmware]", path=str(self.new))
        text = self.message(browser, "SHA-256 [0-9a-f]{64}")
        digest = subprocess.run(["sha256sum", self.new], check=True,
                                capture_output=True, text=True).stdout[:64]
        self.assertIn(f"web_updater-1.1.0.bin, {self.new.stat().st_size // 1024}"
                      f" KiB, SHA-256 {digest}", text)
        browser.watch(selector="#rate")
        browser.click(selector="#go")
        self.message(browser, "^Uploading$")
        browser.wait(selector="#rate", pattern="^[1-9][0-9]? %")
        self.shot(browser, "desktop-upload")
        self.message(browser, "^Restarting$")
        seen = [int(text.split(" ")[0]) for text in browser.seen()["seen"]
                if "%" in text]
        self.assertEqual(seen, sorted(seen))
        self.assertGreater(len(set(seen)), 2)
        self.expect_new(board, browser)
        self.shot(browser, "desktop-done")

    def test_upload_by_drop(self):
        board = self.ready()
        browser = self.browser(board)
        browser.drop(selector="h1", path=str(self.new), name="a.bin")
        self.message(browser, "^a.bin, ")
        browser.click(selector="#go")
        self.expect_new(board, browser)

    def test_file_system_by_drop_on_its_field(self):
        board = self.ready()
        path = self.file("fs.bin", bytes(range(256)) * 64)
        browser = self.browser(board)
        browser.drop(selector="[name=filesystem]", path=str(path),
                     name="fs.bin")
        self.message(browser, "^fs.bin, 16 KiB")
        browser.click(selector="#go")
        self.message(browser, "^Done: ")
        self.flash_holds(board, path.read_bytes(), 0x200000)

    def test_keyboard_alone_and_names_for_readers(self):
        board = self.ready()
        browser = self.browser(board)
        tree = browser.tree()["tree"]
        for part in ('heading "web_updater 1.0.0"', 'button "Firmware',
                     'button "or file system', 'button "Update"', "status"):
            self.assertIn(part, tree)
        browser.choose(selector="[name=firmware]", path=str(self.new))
        self.message(browser, "SHA-256")
        for _ in range(3):
            browser.press(key="Tab")
        browser.press(key="Enter")
        self.expect_new(board, browser)

    def test_wrong_files_never_leave_the_browser(self):
        board = self.ready()
        browser = self.browser(board)
        good = self.new.read_bytes()
        rows = (("firmware", b"", "it is empty"),
                ("firmware", b"PK" + good[2:], "its first byte is not E9"),
                ("firmware", good[:3] + b"\x90" + good[4:],
                 "built for more flash than this device has"),
                ("firmware", good + bytes(2000000), "do not fit"),
                ("filesystem", bytes(0x1fa001), "do not fit"))
        for name, data, text in rows:
            path = self.file("wrong.bin", data)
            browser.choose(selector=f"[name={name}]", path=str(path))
            self.message(browser, f"^Not this file: .*{text}")
            browser.click(selector="#go")
            self.message(browser, f"^Not this file: .*{text}")
        self.shot(browser, "desktop-wrong")
        self.assertEqual(self.status(board)["refused"], None)
        self.assertNotIn("Update", board.console.text.split("in your")[1])

    def test_device_refuses_what_the_browser_cannot_see(self):
        board = self.ready()
        browser = self.browser(board)
        path = self.file("half.bin", self.new.read_bytes()[:40000])
        browser.choose(selector="[name=firmware]", path=str(path))
        self.message(browser, "SHA-256")
        browser.click(selector="#go")
        self.message(browser, r"^Refused: ERROR\[145\]: the image is not "
                              "whole or malformed")
        self.assertEqual(board.status()["starts"], 1)

    def test_byte_changed_in_transit_is_refused(self):
        board = self.ready()
        relay = Tamper(board, 50000)
        self.addCleanup(relay.close)
        browser = self.browser(
            board, url=f"http://127.0.0.1:{relay.port}/update")
        browser.choose(selector="[name=firmware]", path=str(self.new))
        self.message(browser, "SHA-256")
        browser.click(selector="#go")
        self.message(browser, r"^Refused: ERROR\[133\]: the digest does not")
        self.assertTrue(relay.changed)
        self.assertEqual(board.status()["starts"], 1)
        self.assertNotIn("Update Success", board.console.text)

    def test_power_lost_in_the_middle(self):
        board = self.slow_board()
        old = board.read_flash(0, 80000)
        browser = self.browser(board)
        browser.choose(selector="[name=firmware]", path=str(self.new))
        self.message(browser, "SHA-256")
        browser.click(selector="#go")
        browser.wait(selector="#rate", pattern="^[1-9][0-9]? %")
        board.control("power off")
        self.message(browser, "^The connection was lost.")
        self.assertEqual(board.read_flash(0, 80000), old)
        board.control("power on")
        self.expect_start(board, "1.0.0")
        browser.click(selector="#go")
        self.expect_new(board, browser)

    def test_password_right_and_wrong(self):
        board = self.ready(settings={"password": "geheim", "user": "anna"})
        browser = Browser()
        self.addCleanup(browser.close)
        with self.assertRaisesRegex(AssertionError,
                                    "ERR_HTTP_RESPONSE_CODE_FAILURE"):
            browser.open(url=self.url(board), options={"httpCredentials": {
                "username": "anna", "password": "falsch"}})
        browser = self.browser(board, httpCredentials={
            "username": "anna", "password": "geheim"})
        browser.choose(selector="[name=firmware]", path=str(self.new))
        self.message(browser, "SHA-256")
        browser.click(selector="#go")
        self.expect_new(board, browser)

    def test_form_without_javascript(self):
        board = self.ready()
        browser = Browser()
        self.addCleanup(browser.close)
        browser.open(url=self.url(board), options={
            "javaScriptEnabled": False})
        browser.choose(selector="[name=firmware]", path=str(self.new))
        browser.click(selector="#go")
        browser.wait(selector="body", pattern="Update Success! Rebooting")
        self.expect_start(board, "1.1.0")
        self.flash_holds(board, self.new.read_bytes())

    def test_phone_and_dark(self):
        """Nothing is wider than the screen, and dark is dark."""
        board = self.ready()
        for dark in ("light", "dark"):
            browser = self.browser(
                board, viewport={"width": 360, "height": 640}, isMobile=True,
                hasTouch=True, deviceScaleFactor=2, colorScheme=dark)
            browser.choose(selector="[name=firmware]",
                           path=str(self.file("wrong.bin", b"PK" * 500)))
            self.message(browser, "^Not this file")
            self.assertLessEqual(browser.eval(
                script="document.documentElement.scrollWidth")["value"], 360)
            back = browser.eval(script="""(() => {
                const c = document.createElement("canvas").getContext("2d");
                c.fillStyle = "Canvas";
                document.body.style.background = "Canvas";
                return getComputedStyle(document.body).backgroundColor;
            })()""")["value"]
            light = sum(map(int, back.split("(")[1].rstrip(")").split(",")))
            self.assertEqual(light > 380, dark == "light", back)
            self.shot(browser, f"phone-{dark}")
            self.assertEqual(browser.problems()["problems"], [])


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The update page in a real Chromium, against the virtual board: what a
person sees, and afterwards what the flash holds.  OTTER_SHOTS names a folder
for screenshots that somebody wants to look at."""
import functools
import gzip
import hashlib
import http.server
import os
import pathlib
import socket
import threading
import unittest

import otter_testlib
import test_web_curl
from otter_browser import PLAYWRIGHT, Browser
from otter_testlib import sketch

PATIENCE = 60


class Relay:
    """Stands between browser and board.  It holds an upload at the byte
    `hold` of its request, so that a test sees what is on the screen then, and
    changes the byte at `change`.  While it holds, a trickle goes through: the
    board gives up an upload that stands still."""

    def __init__(self, board, change=None):
        self._board = board
        self._change = change
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._moved = threading.Condition()
        self._hold = None
        self.changed = False
        self.url = (f"http://127.0.0.1:{self._listener.getsockname()[1]}"
                    "/update")
        threading.Thread(target=self._serve, daemon=True).start()

    def hold(self, at):
        """Holds there from now on; None: nowhere."""
        with self._moved:
            self._hold = at
            self._moved.notify_all()

    def _serve(self):
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client,),
                             daemon=True).start()

    def _pass(self, client):
        with client:
            try:
                server = socket.create_connection(
                    (self._board.address, test_web_curl.PORT), 5)
            except OSError:
                return
            with server:
                server.settimeout(None)
                back = threading.Thread(target=self._copy,
                                        args=(server, client, None))
                back.start()
                self._copy(client, server, self._let)
                back.join()

    def _copy(self, source, target, let):
        total = None  # of the upload, once it has begun
        try:
            while data := source.recv(16384):
                if let and total is None and data.startswith(b"POST"):
                    total = 0
                if total is None:
                    target.sendall(data)
                else:
                    let(target, total, data)
                    total += len(data)
        except OSError:
            pass
        for s in (source, target):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _let(self, target, total, data):
        """Sends bytes of an upload that begin at `total`; it is the last
        request of its connection."""
        if self._change is not None and \
                total <= self._change < total + len(data):
            at = self._change - total
            data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
            self.changed = True
        while data:
            with self._moved:
                free = len(data)
                if self._hold is not None and self._hold < total + free:
                    free = self._hold - total
                    if free <= 0:
                        self._moved.wait(0.5)
                        free = 64
            target.sendall(data[:free])
            total += len(data[:free])
            data = data[free:]

    def close(self):
        self.hold(None)
        self._listener.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


def needed(test):
    """Decorator of tests that need the browser."""
    return unittest.skipUnless(
        (PLAYWRIGHT / "node_modules/playwright-core").is_dir(),
        "scripts/browser was not run")(test)


class PageTest(test_web_curl.WebTest):
    """What the tests of the page share: one Chromium for all of them."""
    chromium = None

    def setUp(self):
        super().setUp()
        if PageTest.chromium is None:
            PageTest.chromium = Browser()
            unittest.addModuleCleanup(PageTest.chromium.end)
        self.new = pathlib.Path(sketch("web_updater-1.1.0", ""))

    def open(self, url, **options):
        """A window of its own, with nothing left of earlier ones."""
        answer = self.chromium.open(url=url, options=options)
        self.addCleanup(self.chromium.close)
        self.assertEqual(answer["status"], 200)
        return self.chromium

    def browser(self, board, url=None, **options):
        browser = self.open(url or self.url(board), **options)
        browser.wait(selector="h1", pattern="^web_updater ")
        return browser

    def relay(self, board, **options):
        relay = Relay(board, **options)
        self.addCleanup(relay.close)
        return relay

    def per_cent(self, browser, least, most):
        """Waits until the page says that so much is done."""
        numbers = "|".join(map(str, range(least, most + 1)))
        browser.wait(selector="#rate",
                     pattern=f"^({numbers}) %, [0-9]+ KiB/s, [0-9]+ s left$")

    def shot(self, browser, name):
        folder = os.environ.get("OTTER_SHOTS", self.folder)
        path = pathlib.Path(folder) / f"{name}.png"
        browser.shot(path=str(path))
        self.assertGreater(path.stat().st_size, 5000)

    def message(self, browser, pattern, seconds=PATIENCE):
        return browser.wait(selector="#message", pattern=pattern,
                            ms=1000 * seconds)["text"]

    def upload(self, browser):
        browser.choose(selector="[name=firmware]", path=str(self.new))
        self.message(browser, "SHA-256")
        browser.click(selector="#go")

    def expect_new(self, board, browser):
        self.message(browser, "^Done: 1.0.0 \u2192 1.1.0$")
        browser.wait(selector="h1", pattern="^web_updater 1.1.0$")
        self.expect_start(board, "1.1.0")
        self.flash_holds(board, self.new.read_bytes())
        self.assertEqual(browser.problems()["problems"], [])


@needed
class Upload(PageTest):
    """On both boards."""

    def test_upload_by_picker(self):
        board = self.ready(flavour="")
        relay = self.relay(board)
        size = self.new.stat().st_size
        browser = self.browser(board, relay.url)
        self.assertIn(f"{otter_testlib.BOARD} \u00b7 esp8266 \u00b7 4096 KiB "
                      "flash",
                      browser.wait(selector="#about", pattern=".")["text"])
        self.shot(browser, "desktop-start")
        browser.choose(selector="[name=firmware]", path=str(self.new))
        text = self.message(browser, "SHA-256 [0-9a-f]{64}")
        digest = hashlib.sha256(self.new.read_bytes()).hexdigest()
        self.assertIn(f"web_updater-1.1.0.bin, {size // 1024} KiB, SHA-256 "
                      f"{digest}", text)
        browser.watch(selector="#rate")
        browser.watch(selector="#message")
        relay.hold(size // 4)
        browser.click(selector="#go")
        self.per_cent(browser, 20, 40)
        self.message(browser, "^Uploading$")
        self.shot(browser, "desktop-upload")
        relay.hold(size * 3 // 4)
        self.per_cent(browser, 60, 80)
        relay.hold(None)
        self.expect_new(board, browser)
        self.shot(browser, "desktop-done")
        seen = [int(text.split(" ")[0])
                for text in browser.seen(selector="#rate")["seen"]
                if "%" in text]
        self.assertEqual(seen, sorted(seen))
        said = [text for text in browser.seen(selector="#message")["seen"]
                if text != "Verifying"]
        self.assertEqual(said, ["Uploading", "Restarting",
                                "Done: 1.0.0 \u2192 1.1.0"])

    @otter_testlib.only("posix", "seen by curl and push on the other")
    def test_power_lost_in_the_middle(self):
        board = self.ready(flavour="")
        relay = self.relay(board)
        old = board.read_flash(0, 80000)
        browser = self.browser(board, relay.url)
        browser.choose(selector="[name=firmware]", path=str(self.new))
        self.message(browser, "SHA-256")
        relay.hold(self.new.stat().st_size // 2)
        browser.click(selector="#go")
        self.per_cent(browser, 40, 60)
        board.control("power off")
        self.message(browser, "^The connection was lost.")
        self.assertEqual(board.read_flash(0, 80000), old)
        board.control("power on")
        self.expect_start(board, "1.0.0")
        relay.hold(None)
        browser.click(selector="#go")
        self.expect_new(board, browser)

    @otter_testlib.only("posix", "test_web_push has the passwords there")
    def test_password_right_and_wrong(self):
        board = self.ready(settings={"password": "geheim", "user": "anna"})
        with self.assertRaisesRegex(AssertionError,
                                    "ERR_HTTP_RESPONSE_CODE_FAILURE"):
            self.open(self.url(board), httpCredentials={
                "username": "anna", "password": "falsch"})
        browser = self.browser(board, httpCredentials={
            "username": "anna", "password": "geheim"})
        self.upload(browser)
        self.expect_new(board, browser)

    def test_new_version_on_trial_is_kept_or_sent_back(self):
        """Under Otter's boot loader: first back, then again and kept."""
        board = self.ready("1.0.0-otter", flavour="")
        browser = self.browser(board)
        self.assertFalse(browser.visible(selector="#trial")["visible"])
        self.upload(browser)
        self.message(browser, "^Done: 1.0.0 \u2192 1.1.0$")
        self.expect_start(board, "1.1.0")
        browser.wait(selector="#trial p", pattern="^This version is on trial. "
                     "Before it: 1.0.0$")
        self.shot(browser, "desktop-trial")
        browser.click(selector="#revert")
        self.message(browser, "^The device went back.$")
        browser.wait(selector="h1", pattern="^web_updater 1.0.0$")
        board.expect("^Reverting$")
        self.expect_start(board, "1.0.0")
        browser.wait(selector="#about",
                     pattern="last update: the program asked to revert")
        browser.click(selector="#go")  # the file is still chosen
        self.message(browser, "^Done: 1.0.0 \u2192 1.1.0$")
        self.expect_start(board, "1.1.0")
        browser.click(selector="#confirm")
        self.message(browser, "^Confirmed$")
        browser.wait(selector="#trial p", pattern="^Before it: 1.0.0$")
        self.assertFalse(browser.visible(selector="#confirm")["visible"])
        board.control("reset")
        self.expect_start(board, "1.1.0")
        self.assertFalse(self.status(board)["on_trial"])
        self.assertEqual(browser.problems()["problems"], [])


@needed
@otter_testlib.only("posix", "the page is the same on every board")
class Details(PageTest):
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

    def test_file_that_changed_since_it_was_chosen_is_named(self):
        """Built again meanwhile: the browser does not let it be read."""
        board = self.ready(flavour="")
        browser = self.browser(board)
        path = self.file("new.bin", self.new.read_bytes())
        browser.choose(selector="[name=firmware]", path=str(path))
        self.message(browser, "SHA-256")
        path.write_bytes(self.new.read_bytes() + b"x")
        os.utime(path, (1, 1))
        browser.click(selector="#go")
        self.message(browser, "^The file has changed. Choose it again.$")
        browser.choose(selector="[name=filesystem]", path=str(self.new))
        browser.choose(selector="[name=firmware]", path=str(self.new))
        self.message(browser, "SHA-256")
        browser.click(selector="#go")
        self.expect_new(board, browser)

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
        relay = self.relay(board, change=50000)
        browser = self.browser(board, relay.url)
        self.upload(browser)
        self.message(browser, r"^Refused: ERROR\[133\]: the digest does not")
        self.assertTrue(relay.changed)
        self.assertEqual(board.status()["starts"], 1)
        self.assertNotIn("Update Success", board.console.text)

    def test_page_of_another_site_cannot_update(self):
        """A form elsewhere, which a browser sends anywhere without asking,
        and a script that does not want to read the answer."""
        board = self.ready(flavour="")
        path = self.folder / "index.html"
        path.write_text(f"""<!DOCTYPE html><title>Kittens</title>
            <h1>Kittens</h1><form method="post" action="{self.url(board)}"
            enctype="multipart/form-data"><input type="file" name="firmware">
            <button>More</button></form>""")
        server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Quiet, directory=self.folder))
        threading.Thread(target=server.serve_forever).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        browser = self.open(f"http://127.0.0.1:{server.server_port}/")
        browser.eval(script=f"""fetch("{self.url(board)}", {{method: "POST",
            mode: "no-cors", body: new Blob(["x"])}}).catch(e => 0)""")
        browser.choose(selector="[name=firmware]", path=str(self.new))
        browser.click(selector="button")
        browser.wait(selector="body", pattern="^the request comes from a page "
                     "of another site\\s*$")
        self.assertNotIn("Update", board.console.text.split("IP addr")[1])
        self.assertEqual(board.status()["starts"], 1)

    def test_form_without_javascript(self):
        board = self.ready()
        browser = self.open(self.url(board), javaScriptEnabled=False)
        browser.choose(selector="[name=firmware]", path=str(self.new))
        browser.click(selector="#go")
        browser.wait(selector="body", pattern="Update Success! Rebooting")
        self.expect_start(board, "1.1.0")
        self.flash_holds(board, self.new.read_bytes())

    @unittest.skipUnless(test_web_curl.FIRMWARE.exists(),
                         "no real firmware here")
    def test_real_firmware_is_committed_byte_exactly(self):
        path = sorted(test_web_curl.FIRMWARE.glob("tasmota1m*.gz"))[0]
        board = self.ready(flavour="")
        browser = self.browser(board)
        browser.choose(selector="[name=firmware]", path=str(path))
        self.message(browser, "SHA-256")
        browser.click(selector="#go")
        self.message(browser, "^Restarting$")
        board.expect("^board: not runnable on this board")
        self.flash_holds(board, gzip.decompress(path.read_bytes()))

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

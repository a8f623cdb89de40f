#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""otterd's console in a real Chromium, with a virtual board that asks the
server: what a person sees, what the database holds, and what lies in flash.
OTTER_SHOTS names a folder for screenshots that somebody wants to look at."""
import hashlib
import os
import pathlib
import re
import sqlite3
import subprocess
import unittest

import otter_testlib
from otter_browser import PLAYWRIGHT, Browser
from otterd_client import Client
from test_otterd import LIMIT, MAC, OTHER, OTTERD, Case, ask, changed

EVIL = "<img src=x onerror=alert(1)>"


@unittest.skipUnless((PLAYWRIGHT / "node_modules/playwright-core").is_dir(),
                     "scripts/setup browser was not run")
class Page(otter_testlib.SystemTest, Case):
    @classmethod
    def setUpClass(cls):
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.end)

    def setUp(self):
        Case.setUp(self)
        otter_testlib.SystemTest.setUp(self)
        self.new = pathlib.Path(otter_testlib.sketch("http_update-1.1.0", ""))
        self.start(0)
        self.token = self.wait_line(
            self.server.stdout, rb"(otter_[\w-]{43})").decode()
        self.addCleanup(self.no_problems)

    def start(self, port):
        self.server = subprocess.Popen(
            [OTTERD, "--data", self.data, "--listen", f"127.0.0.1:{port}"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.end, self.server)
        self.addCleanup(self.server.stdout.close)
        self.port = int(self.wait_line(
            self.server.stderr, rb"event=listening .*port=(\d+)"))

    def no_problems(self):
        self.assertEqual(self.browser.problems()["problems"], [])
        self.browser.close()

    # --- Hands and eyes

    def open(self, route="", **options):
        url = f"http://127.0.0.1:{self.port}/{route}"
        self.assertEqual(
            self.browser.open(url=url, options=options)["status"], 200)

    def login(self, token=None):
        self.browser.fill(selector="[name=token]", text=token or self.token)
        self.browser.press(key="Enter")
        self.see("#whom", ".", hidden=True)

    def go(self, route, title):
        self.browser.eval(script=f"location.hash = '#/{route}'")
        self.see("h1", f"^{title}$")

    def see(self, selector, pattern, hidden=False):
        """Waits for a text, on the screen or (hidden) in the page."""
        if not hidden:
            return self.browser.wait(selector=selector, pattern=pattern,
                                     ms=1000 * LIMIT)["text"]
        return otter_testlib.wait_for(
            lambda: re.search(pattern, self.text(selector)), pattern)

    def text(self, selector):
        return self.browser.eval(
            script=f"document.querySelector(`{selector}`)?.textContent ?? ''"
        )["value"]

    def row(self, text):
        return f"tr:has-text('{text}')"

    def press(self, name):
        self.browser.click(selector=f"button:text-is('{name}')")

    def shot(self, name):
        if "OTTER_SHOTS" in os.environ:
            self.browser.eval(script="scrollTo(0, 0)")
            self.browser.shot(path=str(pathlib.Path(
                os.environ["OTTER_SHOTS"]) / f"console-{name}.png"))

    def sql(self, query, *values):
        database = sqlite3.connect(f"file:{self.data}/otterd.db?mode=ro",
                                   uri=True)
        try:
            return database.execute(query, values).fetchall()
        finally:
            database.close()

    # --- Tests

    def test_console_login_and_logout(self):
        self.open()
        self.see("h1", "^Otter console$")
        self.press("Log in")
        self.see("[role=alert]", "Enter the token first")
        self.browser.fill(selector="[name=token]", text="otter_wrong")
        self.press("Log in")
        self.see("[role=alert]", "oken")
        self.shot("wrong-token")
        self.login()
        self.see("h1", "^Devices$")
        self.see(".empty", "^No device has asked yet")
        self.see("#stream", "^Live$")
        self.shot("no-device")
        self.assertEqual(self.browser.eval(
            script="document.cookie")["value"], "")
        self.browser.eval(script="location.reload()")
        self.see(".empty", "^No device has asked yet")
        self.press("Log out")
        self.see(".login", "You are logged out")
        self.browser.eval(script="location.reload()")
        self.see("h1", "^Otter console$")

    def choose(self, path, version=None):
        self.browser.choose(selector="[name=file]", path=str(path))
        if version:
            self.browser.fill(selector="form [name=version]", text=version)

    def upload(self):
        self.go("firmware", "Firmware")
        self.see(".empty", "^There is no firmware yet")
        wrong = self.folder / "wrong-1.0.bin"
        wrong.write_bytes(b"PK" + bytes(5000))
        self.choose(wrong)
        self.press("Upload")
        self.see("form [role=alert]", "The file begins with 0x50")
        self.shot("refused")
        self.press("Cancel")
        self.choose(self.new)
        self.assertEqual(self.browser.eval(script="""[..."nv"].map(c =>
            document.querySelector(`form [name^=${c}]`).value)""")["value"],
            ["http_update", "1.1.0"])
        self.browser.watch(selector=".rate")
        self.browser.throttle(bytes=self.new.stat().st_size)
        self.press("Upload")
        self.see(self.row("1.1.0"), "^http_update 1.1.0")
        self.browser.throttle(bytes=-1)
        seen = [int(text.split(" ")[0])
                for text in self.browser.seen(selector=".rate")["seen"]
                if "%" in text]
        self.assertEqual(seen, sorted(seen))
        self.assertGreater(len(set(seen)), 2)
        self.browser.drop(selector="h1", path=str(self.new),
                          name="again-2.0.bin")
        self.see("form h2", "^again-2.0.bin")
        self.press("Upload")
        self.see(self.row("2.0"), "^again 2.0")
        self.shot("firmware")
        digest = hashlib.sha256(self.new.read_bytes()).hexdigest()
        self.assertEqual(
            self.sql("SELECT name, version, sha256 FROM firmware ORDER BY id"),
            [("http_update", "1.1.0", digest), ("again", "2.0", digest)])
        self.assertEqual((self.data / "firmware" / digest).read_bytes(),
                         self.new.read_bytes())

    def make_release(self):
        self.browser.click(
            selector="[aria-label='Release http_update 1.1.0']")
        self.see("h1", "^New release$")
        self.press("Release")
        self.see("form [role=alert]", "Say which")
        self.browser.pick(selector="[name=kind]", value="all")
        self.press("Release")
        self.see(".head", "^http_update 1.1.0 active$")
        self.see(".live + .hint, .hint", "appear here")

    def board_asks(self):
        board = self.board("http_update-1.0.0", flavour="", settings={
            "url": f"http://127.0.0.1:{self.port}/update", "interval": "1"},
            args=("--flash-time", "typical"))
        board.expect("^HTTP_UPDATE_FAILD")
        return board

    def test_console_update_from_file_to_flash(self):
        self.open()
        self.login()
        self.upload()
        self.make_release()
        self.go("devices", "Devices")
        board = self.board_asks()
        row = "tbody tr"
        self.see(row, "pending")
        mac = self.browser.wait(selector="tbody tr a", pattern=".")["text"]
        self.see(row, "1.0.0")
        self.browser.click(selector=f"[aria-label='Accept {mac}']")
        release = self.sql("SELECT id FROM release")[0][0]
        self.go(f"releases/{release}", f"Release {release}")
        live = f"[data-mac='{mac}']"
        log = ".release [role=log]"
        self.browser.watch(selector=log)
        self.see(live, f"^{mac} runs it")
        told = " ".join(self.browser.seen(selector=log)["seen"])
        self.assertRegex(told, "is downloading it.*has it and restarts")
        for name in ("offered", "downloaded", "installed"):
            self.see(f"[data-count={name}]", f"^{name}\\s+1$")
        self.see("[data-count=failed]", r"^failed\s+0$")
        # Not only who is heard of now: all that it was offered to.
        self.browser.eval(script="location.reload()")
        self.see(live, f"^{mac} runs it")
        self.shot("release-done")
        board.expect(r"^http_update 1\.1\.0$")
        found = board.read_flash(0, self.new.stat().st_size)
        wanted = self.new.read_bytes()
        self.assertEqual((found[:2], found[3:]), (wanted[:2], wanted[3:]))
        self.assertEqual(self.sql(
            "SELECT state, version FROM device WHERE mac = ?",
            int(mac.replace(":", ""), 16)), [(2, "1.1.0")])
        self.look_at_device(mac)
        self.stop_release(release, mac)

    def look_at_device(self, mac):
        self.go(f"devices/{mac}", f"Device {mac}")
        self.see(".why", "^Stays as it is\\s+The device runs version 1.1.0")
        self.see("[aria-label=History]", "downloaded")
        self.see(".headers", "x-ESP8266-version\\s+1.1.0")
        self.browser.fill(selector="[name=group]", text="greenhouse")
        self.browser.fill(selector="[name=tags]", text="beta, battery")
        self.press("Save")
        self.see("#said", "Saved")
        self.assertEqual(self.sql("SELECT fleet, tags FROM device"),
                         [("greenhouse", "beta battery")])
        self.shot("device")

    def stop_release(self, release, mac):
        self.go(f"releases/{release}", f"Release {release}")
        state = "SELECT state FROM release"
        self.press("Pause")
        self.see(".head", "paused$")
        self.assertEqual(self.sql(state), [(1,)])
        self.press("Resume")
        self.see(".head", "active$")
        self.assertEqual(self.sql(state), [(0,)])
        self.press("Withdraw")
        self.see("dialog", "that is final")
        self.browser.press(key="Escape")
        self.assertEqual(self.sql(state), [(0,)])
        self.press("Withdraw")
        self.browser.click(selector="dialog button.danger")
        self.see(".head", "withdrawn$")
        self.assertEqual(self.sql(state), [(2,)])
        self.assertFalse(self.browser.visible(
            selector="button:text-is('Resume')")["visible"])
        self.go("audit", "Audit")
        self.see("[aria-label='Audit log']", "withdraw")

    def test_console_shows_what_devices_say_as_text(self):
        evil = (EVIL, "<script>alert(2)</script>", "javascript:alert(3)",
                "'\"><svg onload=alert(4)>", "&lt;b&gt;&#x41;",
                "\xe2\x80\xaegnp.exe", "%3Cscript%3E")
        for number, text in enumerate(evil):
            ask(self.port, [*changed(
                STA_MAC=f"18:FE:AA:00:00:0{number}", ESP8266_version=text,
                sdk_version=text), ("x-Otter-Board", text),
                ("x-Otter-Status", text), (f"x-{number}", text)])
        self.open()
        self.login()
        self.see("[data-mac='18:FE:AA:00:00:06']", "script")
        self.see("[data-mac='18:FE:AA:00:00:00']", re.escape(EVIL))
        for number, text in enumerate(evil):
            mac = f"18:FE:AA:00:00:0{number}"
            self.go(f"devices/{mac}", f"Device {mac}")
            plain = text.encode().decode("ascii", "replace")
            if plain == text:
                self.see(".headers", re.escape(text))
        self.shot("hostile")
        self.assertEqual(self.browser.eval(script="""document.querySelectorAll(
            "main :is(script, img, svg, iframe)").length""")["value"], 0)

    def test_console_search_and_pages(self):
        for number in range(70):
            ask(self.port, changed(
                STA_MAC=f"18:FE:AA:00:01:{number:02X}",
                ESP8266_version=f"1.{number % 7}"))
        self.open()
        self.login()
        self.see(".count", "^50 devices on this page$")
        self.browser.click(selector="text=Next page")
        self.see(".count", "^20 devices on this page$")
        self.browser.click(selector="text=First page")
        self.see(".count", "^50 devices on this page$")
        self.browser.fill(selector="[name=q]", text="01:2")
        self.see(".count", "^16 devices$")
        self.browser.pick(selector="[name=state]", value="blocked")
        self.see(".empty", "^No device fits")
        self.browser.click(selector="text=Show all devices")
        self.see(".count", "^50 devices on this page$")
        self.browser.click(selector="summary")
        self.browser.fill(selector="[name=version]", text="1.3")
        self.see(".count", "^10 devices$")

    def test_console_of_a_reader_changes_nothing(self):
        ask(self.port, changed())
        self.open()
        self.login()
        self.go("tokens", "Tokens")
        self.browser.fill(selector="form [name=name]", text="rob")
        self.browser.pick(selector="form [name=scope]", value="read")
        self.press("Make a token")
        token = self.see("output", "^otter_")
        self.shot("token")
        self.press("Log out")
        self.login(token)
        self.see("[data-mac]", "pending")
        for route, title in (("devices", "Devices"),
                             (f"devices/{MAC}", f"Device {MAC}"),
                             ("releases", "Releases"),
                             ("firmware", "Firmware")):
            self.go(route, title)
            self.see("main", "[^\\n]\\n+[^\\n]")
            self.assertFalse(self.browser.visible(
                selector="main button, main .button")["visible"], route)
        self.take_back("rob")  # which nobody has to reload to see
        self.see(".login", "Your session has ended")

    def take_back(self, name):
        """An administrator elsewhere deletes a token."""
        [[number]] = self.sql("SELECT id FROM token WHERE name = ?", name)
        answer = ask(self.port, [("Authorization", f"Bearer {self.token}")],
                     f"/api/v1/tokens/{number}", "DELETE")
        self.assertEqual(answer.status, 204)

    def test_console_row_vanishes_when_somebody_removes_the_device(self):
        ask(self.port, changed())
        self.open()
        self.login()
        self.see("[data-mac]", "pending")
        self.see("#stream", "^Live$")
        answer = ask(self.port, [("Authorization", f"Bearer {self.token}")],
                     f"/api/v1/devices/{MAC}", "DELETE")
        self.assertEqual(answer.status, 204)
        self.see(".empty", "^No device has asked yet")

    def test_console_release_without_a_device_that_is_removed(self):
        admin = Client(self.port, self.token)
        admin.post("/firmware", self.image, name="lamp", version="2")
        admin.post("/releases", {"firmware": 1})
        for mac in MAC, OTHER:
            admin.patch(f"/devices/{mac}", state="accepted")
            ask(self.port, changed(STA_MAC=mac))
        otter_testlib.wait_for(lambda: self.sql(
            "SELECT sum(downloaded) FROM release") == [(2,)], "the downloads")
        self.open("console/#/releases/1")
        self.login()
        self.see(f"[data-mac='{MAC}']", "restarts")
        self.see("[data-count=offered]", "2$")
        self.see("#stream", "^Live$")
        self.assertEqual(admin.delete(f"/devices/{MAC}").status, 204)
        self.see("[data-count=offered]", "1$")
        self.assertEqual(self.text(f"[data-mac='{MAC}']"), "")
        self.assertEqual(admin.delete(f"/devices/{OTHER}").status, 204)
        self.see("[data-count=offered]", "0$")
        self.see("[aria-label=Devices]", "^Devices appear here")

    def test_console_pages_hear_what_they_show(self):
        """And follow what others do to it."""
        admin = Client(self.port, self.token)
        for mac in MAC, OTHER:
            ask(self.port, changed(STA_MAC=mac))
        self.open(f"console/#/devices/{MAC}")
        self.login()
        self.see(".why", "Gets nothing")
        ask(self.port, changed())
        self.see(".facts", r"Requests\s+2")
        self.assertEqual(admin.delete(f"/devices/{OTHER}").status, 204)
        self.browser.fill(selector="[name=group]", text="unsaved")
        self.assertEqual(admin.delete(f"/devices/{MAC}").status, 204)
        self.see(".empty", "^This device was removed\\s+Somebody removed it")
        self.assertFalse(self.browser.visible(
            selector=".columns")["visible"])
        self.shot("removed")
        ask(self.port, changed())
        self.see(".facts", r"Requests\s+1")
        self.assertEqual(self.text(".empty"), "")
        self.assertEqual(admin.delete(f"/devices/{MAC}").status, 204)
        self.browser.click(selector="text=Back to the devices")
        self.see(".empty", "^No device has asked yet")
        self.go("settings", "Settings")
        self.see("[aria-label=Paths]", "/update")
        self.browser.fill(selector="[name=product]", text="typed")
        admin.call("PUT", "/paths", {"path": "/lamp.php", "product": "lamp"})
        self.see("[aria-label=Paths]", "/lamp.php")
        admin.delete("/paths", path="/lamp.php")
        self.see("[aria-label=Paths]", "^((?!lamp)[^])*$")
        admin.patch("/settings", policy="accept")
        otter_testlib.wait_for(lambda: self.browser.eval(
            script="document.getElementById('policy-accept').checked"
        )["value"], "the policy")
        self.assertEqual(self.browser.eval(script="document.querySelector("
                         "'[name=product]').value")["value"], "typed")
        self.go("tokens", "Tokens")
        self.see("[aria-label=Tokens]", "administrator")
        made = admin.post("/tokens", {"name": "eve", "scope": "read"})
        self.see("[aria-label=Tokens]", "eve")
        admin.delete(f"/tokens/{made['id']}")
        self.see("[aria-label=Tokens]", "^((?!eve)[^])*$")
        self.go("audit", "Audit")
        self.see("[aria-label='Audit log']", "eve")
        admin.patch(f"/devices/{OTHER}", state="blocked")
        self.see("[aria-label='Audit log']", "blocked")

    def test_console_new_release_follows_the_firmware(self):
        admin = Client(self.port, self.token)
        admin.post("/firmware", self.image, name="lamp", version="2")
        self.open("console/#/releases/new")
        self.login()
        choice = "form [name=firmware]"
        self.see(choice, "lamp 2")
        admin.post("/firmware", self.image, name="lamp", version="3")
        self.see(choice, "lamp 3")
        admin.delete("/firmware/1")
        admin.delete("/firmware/2")
        self.see(".empty", "^There is no firmware yet")

    def test_console_settings_tokens_and_forgetting(self):
        ask(self.port, changed())
        self.open("console/#/settings")
        self.login()
        self.see("[aria-label=Paths]", "/update")
        self.browser.click(selector="#policy-accept")
        self.press("Save")
        self.see("#said", "Saved")
        self.assertEqual(self.sql("SELECT value FROM setting WHERE key = ?",
                                  "policy"), [("accept",)])
        self.browser.fill(selector="[name=path]", text="nowhere")
        self.press("Add a path")
        self.see("[role=alert]", "/")
        self.browser.fill(selector="[name=path]", text="/door.php")
        self.browser.fill(selector="[name=product]", text="door")
        self.press("Add a path")
        self.see("[aria-label=Paths]", "/door.php")
        other = "18:FE:AA:00:03:00"
        ask(self.port, changed(STA_MAC=other), "/door.php")
        otter_testlib.wait_for(lambda: self.sql(
            "SELECT state, product FROM device WHERE mac = ?",
            int(other.replace(":", ""), 16)) == [(2, "door")], "the device")
        self.browser.click(selector="[aria-label='Remove /door.php']")
        self.browser.click(selector="dialog button.danger")
        otter_testlib.wait_for(lambda: not self.sql(
            "SELECT * FROM path WHERE path = '/door.php'"), "the path to go")
        self.go("tokens", "Tokens")
        self.browser.click(selector="[aria-label='Delete administrator']")
        self.browser.click(selector="dialog button.danger")
        self.see("[role=alert]", "last token of an administrator")
        self.go(f"devices/{MAC}", f"Device {MAC}")
        self.press("Forget this device")
        self.browser.click(selector="dialog button.danger")
        self.see("h1", "^Devices$")
        self.see(".count", "^1 device$")
        self.see(f"[data-mac='{other}']", "door")

    def test_console_goes_on_after_the_server_was_away(self):
        self.open()
        self.login()
        self.see("#stream", "^Live$")
        self.stop(self.server)
        self.see("#stream", "^Reconnecting$")
        self.go("releases", "Releases")
        self.see("[role=alert]", "^The server does not answer")
        self.go("devices", "Devices")
        self.start(self.port)
        ask(self.port, changed())
        self.see("#stream", "^Live$")
        self.see("[data-mac]", "pending")
        self.assertFalse(self.browser.visible(
            selector="[role=alert]")["visible"])

    def test_console_on_a_phone_and_in_the_dark(self):
        """Nothing is wider than the screen, and dark is dark."""
        for number in range(3):
            ask(self.port, changed(STA_MAC=f"18:FE:AA:00:02:0{number}",
                                   ESP8266_version="v" * 60))
        for scheme in ("light", "dark"):
            self.open(viewport={"width": 360, "height": 740}, isMobile=True,
                      hasTouch=True, colorScheme=scheme)
            self.shot(f"phone-login-{scheme}")
            self.login()
            for route, title in (
                    ("devices", "Devices"), ("releases", "Releases"),
                    ("devices/18:FE:AA:00:02:00", "Device .*"),
                    ("firmware", "Firmware"), ("settings", "Settings"),
                    ("tokens", "Tokens"), ("audit", "Audit")):
                self.go(route, title)
                self.see("main", "[^\\n]\\n+[^\\n]")
                self.assertFalse(self.browser.visible(
                    selector="[role=alert]")["visible"], route)
                self.assertLessEqual(self.browser.eval(
                    script="document.documentElement.scrollWidth")["value"],
                    360, route)
                self.shot(f"phone-{title.split()[0].lower()}-{scheme}")
            back = self.browser.eval(script="getComputedStyle(document.body)"
                                     ".backgroundColor")["value"]
            light = sum(map(int, re.findall(r"\d+", back)))
            self.assertEqual(light > 380, scheme == "light", back)

    def test_console_by_keyboard_and_for_readers(self):
        ask(self.port, changed())
        self.open()
        self.see("h1", "^Otter console$")
        self.assertIn('textbox "Token"', self.browser.tree()["tree"])
        self.login()
        self.see("[data-mac]", "pending")
        tree = self.browser.tree()["tree"]
        for part in ('navigation "Pages"', 'heading "Devices" [level=1]',
                     'searchbox "Search"', 'combobox "State"',
                     'table "Devices"', 'columnheader "Last answer"',
                     f'button "Accept {MAC}"', "search:", "status: Live"):
            self.assertIn(part, tree)
        self.browser.eval(script="""document.querySelector(
            "tbody a").focus()""")
        self.browser.press(key="Enter")
        self.see("h1", f"^Device {MAC}$")
        self.see(".why", "Gets nothing")
        self.assertEqual(self.browser.eval(
            script="document.activeElement.tagName")["value"], "H1")
        for _ in range(20):
            self.browser.press(key="Tab")
            if self.browser.eval(script="document.activeElement.textContent"
                                 )["value"] == "Accept":
                break
        self.browser.press(key="Enter")
        self.see(".head", "accepted")
        self.assertEqual(self.sql("SELECT state FROM device"), [(2,)])


if __name__ == "__main__":
    unittest.main()

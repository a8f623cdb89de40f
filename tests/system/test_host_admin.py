# SPDX-License-Identifier: Apache-2.0
"""`otter`'s administration of a real otterd: from the first start's token to
a device that is updated because of it."""
import json
import os
import re
import stat
import subprocess
import unittest
import urllib.request

import otter_testlib
from admin_testlib import LIMIT, OTTER, AdminCase
from otter_testlib import Console, sketch, wait_for
from push_peer import make_image
from test_otterd import ask, changed

OTTERD = os.environ.get("OTTERD", otter_testlib.program("otterd"))
MAC = "18:FE:AA:AA:AA:AA"
OTHER = "18:FE:AA:AA:AA:BB"


class RealCase(AdminCase):
    """An otterd on a new folder, and its administrator logged in."""

    def setUp(self):
        super().setUp()
        self.server = subprocess.Popen(
            [OTTERD, "--data", self.folder / "data", "--listen",
             "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.log = Console(self.server.stderr)
        self.out = Console(self.server.stdout)
        self.addCleanup(self.end)
        self.token = self.out.expect(r"(otter_\S{43})$")[1]
        self.port = int(self.log.expect(r"event=listening .*port=(\d+)")[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.otter("login", self.url, env={"OTTER_TOKEN": self.token})

    def end(self):
        self.server.terminate()
        self.assertEqual(self.server.wait(LIMIT), 0)
        self.out.close()
        self.log.close()

    def ask(self, mac=MAC, version="1.0", path="/update", **changes):
        """A device asks; returns the status of the answer."""
        return ask(self.port, changed(STA_MAC=mac, ESP8266_version=version,
                                      **changes), path).status

    def write(self, name, size=40000):
        path = self.folder / name
        path.write_bytes(make_image(size))
        return path

    def seen(self, *macs):
        """Devices ask and are in the registry."""
        for mac in macs:
            self.ask(mac)
        wait_for(lambda: set(macs) <= {d["mac"] for d in
                                       self.json("device", "list")},
                 "the registry")

    def fields(self, *words, **options):
        """The pairs that `show` prints."""
        said = self.otter(*words, **options)
        return dict(re.findall(r"^(\S+(?: \S+)*?) {2,}(.+)$", said,
                               re.MULTILINE))


class Login(RealCase):
    def test_first_token_logs_in_as_administrator(self):
        me = self.json("login")
        self.assertEqual((me["scope"], me["server"]), ("admin", self.url))

    def test_wrong_token_is_told(self):
        self.otter("device", "list", env={"OTTER_TOKEN": "otter_" + "x" * 43},
                   status=12, says=["otter: ", "otter token create"])

    def test_tokens_by_scope(self):
        """What each scope may and may not do; a revoked one nothing."""
        self.seen(MAC)
        firmware = self.write("lamp.bin")
        reads = {"OTTER_TOKEN": self.otter("token", "create",
                                           "dash board").strip()}
        path = self.folder / "operator.token"
        said = self.otter("token", "create", "builds", "--scope", "operate",
                          "-o", path)
        self.assertNotIn("otter_", said)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        operates = ("--token-file", path)
        self.assertEqual(self.json("login", env=reads)["name"], "dash board")
        self.otter("device", "list", env=reads)
        self.otter("device", "accept", MAC, env=reads, status=13,
                   says=["scope"])
        self.otter("firmware", "upload", firmware, "--version", "1",
                   env=reads, status=13)
        self.otter("token", "list", *operates, status=13)
        self.otter("device", "accept", MAC, *operates)
        self.otter("firmware", "upload", firmware, "--version", "1",
                   *operates)
        tokens = self.json("token", "list")
        self.assertEqual([(t["name"], t["scope"]) for t in tokens][1:],
                         [("dash board", "read"), ("builds", "operate")])
        self.assertNotIn("otter_", str(tokens))
        self.otter("token", "revoke", tokens[1]["id"], "-y")
        self.otter("device", "list", env=reads, status=12)
        self.assertNotIn("dash board", self.otter("token", "list"))
        self.otter("token", "create", "x", "-o", path, status=18,
                   says=["File exists"])
        self.otter("token", "create", "x", "--scope", "god", status=16,
                   says=["scope"])
        self.otter("token", "revoke", "999", "-y", status=14)
        self.otter("token", "revoke", "one", "-y", status=14)


class Guide(RealCase):
    """docs/administration.md is true."""

    TEXT = (otter_testlib.ROOT / "docs/administration.md").read_text()

    def test_session_of_the_guide_runs(self):
        self.seen("18:FE:34:00:00:01")
        self.otter("logout")
        self.write("lamp.bin")
        (self.folder / "admin.token").write_text(self.token + "\n")
        bin_folder = self.folder / "bin"
        bin_folder.mkdir()
        (bin_folder / "otter").symlink_to(OTTER)
        block = re.search(r"```sh\n(.*?)```", self.TEXT, re.DOTALL)[1]
        done = subprocess.run(
            ["sh", "-e", "-c", block], cwd=self.folder, check=False,
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60, env=self.environment({
                "SERVER": self.url,
                "PATH": f"{bin_folder}:{os.environ['PATH']}"}))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for words in ("version 1.4 is meant for it", "Lamp in the hall",
                      "Release 2: lamp 1.4 for all devices, active",
                      "Release 1: lamp 1.4 for tag beta, withdrawn",
                      '"version": "1.4"', "Logged out"):
            self.assertIn(words, done.stdout)

    def test_every_request_of_the_api_has_a_command_or_a_reason(self):
        with urllib.request.urlopen(self.url + "/api/v1/openapi.json",
                                    timeout=LIMIT) as answer:
            paths = json.load(answer)["paths"]
        routes = {f"{method.upper()} {path}" for path, item in paths.items()
                  for method in item if method != "parameters"}
        table = {}
        for left, right in re.findall(r"^\| (`[A-Z]+ /.*?) \| (.*) \|$",
                                      self.TEXT, re.MULTILINE):
            for route in re.findall(r"`([^`]+)`", left):
                self.assertNotIn(route, table)
                table[route] = right
        self.assertEqual(set(table), routes)
        for right in set(table.values()):
            said = re.findall(r"`(?:otter )?([^`]+)`", right)
            group = said[0].split()[0] if said else None
            self.assertTrue(said or right.startswith("none: "), right)
            for words in said:
                words = [w for w in words.split() if w.islower()]
                if words[0] not in ("login", "audit") and len(words) == 1:
                    words = [group, *words]
                self.assertIn("Usage: otter " + " ".join(words),
                              self.otter(*words, "--help"))

    def test_exit_codes_of_the_guide_are_those_of_the_tool(self):
        rows = re.findall(r"^\| (\d+) \| (.+) \|$", self.TEXT, re.MULTILINE)
        said = self.otter("device", "list", "--help")
        self.assertEqual(rows, re.findall(r"^  (\d+)\t(.+)$", said,
                                          re.MULTILINE))


class Devices(RealCase):
    def test_device_goes_from_pending_to_its_update(self):
        self.otter("device", "list", says=["No device."])
        self.seen(MAC, OTHER)
        table = self.otter("device", "list").splitlines()
        self.assertEqual(table[0].split()[:4],
                         ["MAC", "NAME", "STATE", "PRODUCT"])
        self.assertEqual([line.split()[:3] for line in table[1:]],
                         [[MAC, "-", "pending"], [OTHER, "-", "pending"]])
        self.assertRegex(table[1], r"now|\d+ s ago")
        self.assertIn("waits to be accepted",
                      self.otter("device", "explain", MAC))
        self.assertEqual(self.otter("device", "accept", MAC.lower()),
                         f"{MAC}  state: accepted\n")
        self.otter("release", "create", self.write("lamp.bin"), "--version",
                   "1.1", "--all")
        said = self.json("device", "explain", MAC, OTHER)
        self.assertEqual([(s["mac"], s["decision"]) for s in said],
                         [(MAC, "update"), (OTHER, "refused")])
        self.assertEqual(self.ask(), 200)
        self.assertEqual(self.ask(version="1.1"), 304)
        self.assertEqual(self.ask(OTHER), 500)
        wait_for(lambda: self.json("device", "show", MAC)["version"] == "1.1",
                 "the new version in the registry")
        found = self.fields("device", "show", MAC)
        self.assertEqual((found["mac"], found["state"], found["version"]),
                         (MAC, "accepted", "1.1"))
        self.assertEqual(found["requests"], "3")
        history = self.json("device", "show", MAC)["history"]
        self.assertEqual([h["version"] for h in history if h["version"]][0],
                         "1.1")
        self.assertIn("x-ESP8266-mode: sketch",
                      self.otter("device", "show", MAC, "--headers"))
        self.assertEqual(
            [d["mac"] for d in self.json("device", "list", "--state",
                                         "pending")], [OTHER])
        self.assertEqual(
            [d["mac"] for d in self.json("device", "list", "--version-is",
                                         "1.1")], [MAC])
        self.otter("device", "block", MAC)
        self.assertEqual(self.ask(), 500)
        self.otter("device", "pending", MAC)
        self.assertEqual(self.json("device", "show", MAC)["state"], "pending")

    def test_names_groups_and_tags(self):
        """Also of devices that the server has never seen."""
        self.assertEqual(self.otter("device", "name", MAC, "L\u00e4mp <1>"),
                         f"{MAC}  name: L\u00e4mp <1>\n")
        self.otter("device", "group", "attic", MAC, OTHER)
        self.assertEqual(self.otter("device", "tag", MAC, "beta", "x", "beta"),
                         f"{MAC}  tags: beta, x\n")
        self.otter("device", "tag", MAC, "y")
        self.assertEqual(self.otter("device", "tag", MAC, "--remove", "x",
                                    "none"), f"{MAC}  tags: beta, y\n")
        listed = self.json("device", "list", "--group", "attic")
        self.assertEqual([(d["mac"], d["name"], d["tags"]) for d in listed],
                         [(MAC, "L\u00e4mp <1>", ["beta", "y"]),
                          (OTHER, "", [])])
        self.assertEqual(len(self.json("device", "list", "--tag", "beta")), 1)
        self.assertEqual(len(self.json("device", "list", "--match",
                                       "mp <")), 1)
        self.assertIn("beta, y", self.otter("device", "list"))
        self.otter("device", "tag", MAC, "--clear", "z")
        self.otter("device", "group", "--none", MAC)
        self.otter("device", "name", MAC, "")
        found = self.json("device", "show", MAC)
        self.assertEqual((found["name"], found["group"], found["tags"]),
                         ("", "", ["z"]))
        self.otter("device", "tag", MAC, "two words", status=16)
        self.assertIn(f"{OTHER} is forgotten\n",
                      self.otter("device", "forget", "-y", OTHER))
        self.otter("device", "show", OTHER, status=14, says=[OTHER])
        for words in (("show", "nonsense"), ("accept", "18FE"),
                      ("forget", "-y", "tokens")):
            self.otter("device", *words, status=16, says=["is no MAC"])


class Firmware(RealCase):
    def test_firmware_comes_back_as_it_was(self):
        path = self.write("lamp.bin")
        found = self.fields("firmware", "upload", path, "--version", "1.4",
                            "--notes", "a note", "--board", "d1")
        self.assertEqual(
            [found[key] for key in ("name", "version", "board", "kind",
                                    "size", "notes", "by")],
            ["lamp", "1.4", "d1", "sketch", str(path.stat().st_size),
             "a note", "administrator"])
        self.assertEqual(self.json("firmware", "upload", path, "--version",
                                   "1.4")["id"], int(found["id"]))
        other = self.write("other.bin", 50000)
        self.otter("firmware", "upload", other, "--version", "1.4", "--name",
                   "lamp", status=15, says=["1.4"])
        copy = self.folder / "copy.bin"
        self.otter("firmware", "download", found["id"], "-o", copy)
        self.assertEqual(copy.read_bytes(), path.read_bytes())
        self.assertEqual(self.fields("firmware", "show", found["id"]), found)
        table = self.otter("firmware", "list").splitlines()
        self.assertEqual(table[1].split()[:6],
                         [found["id"], "lamp", "1.4", "d1", "sketch",
                          found["size"]])
        self.otter("firmware", "delete", found["id"], "-y")
        self.otter("firmware", "show", found["id"], status=14)
        self.otter("firmware", "list", says=["No firmware."])

    def test_firmware_says_itself_what_it_is(self):
        found = self.json("firmware", "upload",
                          sketch("http_update-1.1.0", ""))
        self.assertEqual((found["name"], found["version"], found["filename"]),
                         ("http_update", "1.1.0", "http_update-1.1.0.bin"))

    def test_firmware_that_cannot_run_is_refused(self):
        path = self.write("lamp.bin")
        path.write_bytes(path.read_bytes()[:-100])
        self.otter("firmware", "upload", path, "--version", "1", status=16)
        self.assertIn("otter: ", self.error)
        path.write_bytes(b"\xff" * 65536)
        self.otter("firmware", "upload", path, "--version", "1", status=16)
        found = self.json("firmware", "upload", path, "--version", "1",
                          "--kind", "filesystem")
        self.assertEqual(found["kind"], "filesystem")
        path.write_bytes(b"")
        self.otter("firmware", "upload", path, "--version", "2", status=16)

    def test_file_name_that_no_device_may_see_is_left_out(self):
        path = self.write("lamp.bin")
        path = path.rename(self.folder / "l\u00e4mp 2 \";.bin")
        found = self.json("firmware", "upload", path, "--version", "1")
        self.assertEqual(found["name"], "l\u00e4mp 2 \";")
        self.assertRegex(found["filename"], r"^[\w.-]+$")


class Releases(RealCase):
    def test_targets_are_as_they_were_typed(self):
        path = self.write("lamp.bin")
        self.otter("release", "create", path, "--version", "1", "--all",
                   "--priority", "-5", "--notes", "n", "--product", "p",
                   "--paused")
        for words in (("--mac", MAC.lower()), ("--group", "attic"),
                      ("--tag", "beta"), ("--version-is", "0.9"),
                      ("--chip-size", "4M")):
            self.otter("release", "create", "--firmware", "1", *words)
        found = self.json("release", "list")
        self.assertEqual(
            sorted((r["target"]["kind"], r["target"].get("value"))
                   for r in found if r["target"]["kind"] != "all"),
            [("chip_size", 4194304), ("group", "attic"), ("mac", MAC),
             ("tag", "beta"), ("version", "0.9")])
        first = self.json("release", "show", "1")
        self.assertEqual([first[key] for key in ("priority", "notes",
                                                 "product", "state", "mode")],
                         [-5, "n", "p", "paused", "sketch"])
        self.assertEqual(first["counts"], {"offered": 0, "downloaded": 0,
                                           "installed": 0, "failed": 0})
        text = self.otter("release", "list")
        for words in ("all devices", f"mac {MAC}", "chip size 4194304"):
            self.assertIn(words, text)
        self.otter("release", "create", "--firmware", "99", "--all",
                   status=14)
        self.otter("release", "create", "--firmware", "1", "--mac", "x",
                   status=16)

    def test_release_is_paused_resumed_and_withdrawn(self):
        self.otter("device", "accept", MAC)
        said = self.otter("release", "create", self.write("lamp.bin"),
                          "--version", "1.1", "--all")
        self.assertEqual(said, "Release 1: lamp 1.1 for all devices, active\n")
        self.assertEqual(self.ask(), 200)
        self.assertIn("paused", self.otter("release", "pause", "1"))
        self.assertEqual(self.ask(), 304)
        self.otter("release", "resume", "1")
        self.assertEqual(self.ask(), 200)
        self.otter("firmware", "delete", "1", "-y", status=15,
                   says=["elease"])
        self.otter("release", "withdraw", "1", "-y")
        self.assertEqual(self.ask(), 500)
        self.otter("release", "resume", "1", status=15)
        self.assertEqual([r["id"] for r in self.json(
            "release", "list", "--state", "withdrawn")], [1])
        self.otter("release", "list", "--state", "active",
                   says=["No such release."])
        self.otter("release", "pause", "7", status=14)

    def test_priority_and_notes_change_later(self):
        self.otter("release", "create", self.write("lamp.bin"), "--version",
                   "1.1", "--all", "--notes", "first")
        self.otter("release", "set", "1", "--priority", "-7")
        shown = self.fields("release", "show", "1")
        self.assertEqual((shown["priority"], shown["notes"]), ("-7", "first"))
        release = self.json("release", "set", "1", "--notes", "",
                            "--priority", "12")
        self.assertEqual((release["priority"], release["notes"]), (12, ""))
        self.assertEqual(release["state"], "active")
        for words in ((), ("--priority", "high"), ("--priority", "1000001"),
                      ("--notes", b"\xff".decode("utf-8", "surrogateescape"))):
            self.otter("release", "set", "1", *words, status=2)
        self.assertIn("not UTF-8", self.error)
        self.otter("release", "set", "9", "--notes", "x", status=14)
        self.otter("release", "set", "1", "--notes", "x" * 3000, status=16,
                   says=["notes"])
        self.assertEqual(self.json("release", "show", "1")["notes"], "")

    def test_board_is_updated_by_a_release(self):
        """The whole way, and what the server makes of it."""
        board = otter_testlib.Board(
            self.folder, "http_update-1.0.0-otter",
            settings={"url": f"{self.url}/update", "interval": "1"})
        self.addCleanup(board.stop)
        board.expect("^HTTP_UPDATE_FAILD")
        mac = self.json("device", "list")[0]["mac"]
        self.otter("device", "accept", mac)
        self.otter("release", "create", sketch("http_update-1.1.0", ""),
                   "--all")
        board.expect(r"^http_update 1\.1\.0$")
        board.expect("^Confirmed$")
        wait_for(lambda: self.json("release", "show", "1")["counts"]
                 ["installed"] == 1, "the release to count it")
        [device] = self.json("release", "devices", "1")
        self.assertIn(device["state"], ("installed", "confirmed"))
        self.assertIn(device["mac"], self.otter(
            "release", "devices", "1", "--state", device["state"]))
        self.otter("release", "devices", "1", "--state", "failed",
                   says=["No device of the release is in this state."])
        self.otter("release", "devices", "9", status=14)
        self.assertEqual(self.fields("release", "show", "1")["installed"],
                         "1")
        self.assertEqual(self.fields("device", "show", mac)["version"],
                         "1.1.0")


class Rules(RealCase):
    """What an administrator says for all devices, and who said it."""

    def reader(self):
        """The environment of somebody who may only read."""
        return {"OTTER_TOKEN": self.otter("token", "create", "eyes").strip()}

    def test_strangers_are_let_in_when_the_policy_says_so(self):
        self.assertEqual(self.fields("settings", "show"),
                         {"policy": "pending", "dialect": "manual"})
        self.seen(MAC)
        self.assertEqual(self.fields("settings", "set", "--policy", "accept"),
                         {"policy": "accept", "dialect": "manual"})
        self.seen(OTHER)
        self.assertEqual({d["mac"]: d["state"]
                          for d in self.json("device", "list")},
                         {MAC: "pending", OTHER: "accepted"})
        self.assertEqual(self.json("settings", "set", "--dialect", "current"),
                         {"policy": "accept", "dialect": "current"})
        self.otter("settings", "set", status=2, says=["--policy"])
        self.otter("settings", "set", "--policy", "maybe", status=16,
                   says=["policy", "pending"])
        reads = self.reader()
        self.otter("settings", "show", env=reads)
        self.otter("settings", "set", "--policy", "pending", env=reads,
                   status=13, says=["scope"])
        self.assertEqual(self.json("settings", "show")["policy"], "accept")

    def test_paths_give_products_to_devices(self):
        self.otter("device", "accept", MAC)
        self.otter("release", "create", self.write("lamp.bin"), "--version",
                   "1.1", "--all", "--product", "lamp")
        here = {"path": "/lamp.php?x=1"}
        self.assertEqual(self.ask(**here), 404)
        self.assertEqual(
            self.otter("path", "set", "/lamp.php", "--product", "lamp"),
            "Path /lamp.php: product lamp, the dialect of the settings\n")
        self.assertEqual(self.ask(**here), 200)
        self.assertEqual(
            self.json("path", "set", "/x", "--dialect", "current"),
            {"path": "/x", "product": "", "dialect": "current"})
        rows = [line.split() for line in
                self.otter("path", "list").splitlines()]
        self.assertEqual(rows, [["PATH", "PRODUCT", "DIALECT"],
                                ["/lamp.php", "lamp", "-"],
                                ["/update", "-", "-"], ["/x", "-", "current"]])
        self.assertEqual([p["path"] for p in
                          self.json("path", "list", "--limit", "2")],
                         ["/lamp.php", "/update"])
        self.otter("path", "set", "/x", "--product", "lamp")
        self.assertEqual(self.json("path", "list")[2],
                         {"path": "/x", "product": "lamp", "dialect": None})
        self.otter("path", "set", status=2, says=["which path"])
        self.otter("path", "set", "lamp.php", status=16,
                   says=["begins with /"])
        self.otter("path", "set", "/metrics", status=15,
                   says=["the server's own"])
        self.otter("path", "set", "/y", "--dialect", "latin", status=16,
                   says=["dialect"])
        self.otter("path", "remove", "/lamp.php", status=2, says=["--yes"])
        self.assertEqual(self.ask(**here), 200)
        self.typing("path", "remove", "/lamp.php",
                    answers=[("Remove path /lamp.php?", "y\n")])
        self.assertEqual(self.ask(**here), 404)
        self.otter("path", "remove", "/lamp.php", "-y", status=14)
        reads = self.reader()
        self.otter("path", "list", env=reads)
        self.otter("path", "set", "/z", env=reads, status=13)
        self.otter("path", "remove", "/x", "-y", env=reads, status=13)

    def test_audit_says_who_changed_what(self):
        reads = self.reader()
        for state in ("accept", "block", "pending"):
            self.otter("device", state, MAC)
        self.otter("settings", "set", "--policy", "accept")
        entries = self.json("audit")
        ids = [entry["id"] for entry in entries]
        self.assertEqual(ids, sorted(ids, reverse=True))
        self.assertEqual((entries[0]["who"], entries[0]["what"]),
                         ("administrator", "policy accept"))
        lines = self.otter("audit", "--limit", "2").splitlines()
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[0].split(), ["ID", "WHEN", "WHO", "WHAT"])
        when = entries[0]["at"].replace("T", " ").rstrip("Z")
        self.assertRegex(lines[1], rf"^ *{ids[0]}  {when}  administrator  "
                                   "policy accept$")
        older = self.json("audit", "--limit", "2", "--before", ids[1])
        self.assertEqual(older, entries[2:4])
        self.assertEqual(self.json("audit", "--all"), entries)
        self.assertEqual(self.json("audit", "--before", ids[-1]), [])
        self.otter("audit", "--before", ids[-1], says=["Nothing is older"])
        self.otter("audit", "--all", "--limit", "2", status=2)
        self.otter("audit", "--before", "yesterday", status=2)
        self.otter("audit", env=reads, status=13, says=["scope"])


if __name__ == "__main__":
    unittest.main()

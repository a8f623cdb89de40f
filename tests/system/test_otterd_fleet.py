#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Devices, firmware and releases over otterd's API, and what devices get."""
import contextlib
import gzip
import hashlib
import re
import socket
import sqlite3
import unittest

from otter_esp32 import make_esp32_image
from otterd_client import BASE
from otterd_rig import Api, Events
from push_peer import make_image
from test_otterd import MAC, OTHER, ask, changed

EVIL = "x'); DROP TABLE device; --\"%s<b>"


class Devices(Api):
    def test_device_appears_and_is_decided_about(self):
        self.assertEqual(self.admin.get(f"/devices/{MAC}").status, 404)
        self.assertEqual(ask(self.port, changed()).status, 500)
        device = self.settled(MAC, lambda d: True)
        self.assertEqual(
            {k: device[k] for k in (
                "state", "version", "mode", "requests", "chip_size",
                "free_space", "sketch_size", "address", "status", "board")},
            {"state": "pending", "version": "DOOR-6-old", "mode": "sketch",
             "requests": 1, "chip_size": 4194304, "free_space": 2744320,
             "sketch_size": 400000, "address": "127.0.0.1", "status": "",
             "board": ""})
        self.assertEqual(device["answer"]["status"], 500)
        self.assertIn("accepted", device["answer"]["reason"])
        self.assertEqual(device["headers"]["x-ESP8266-sdk-version"], "2.5.0")
        why = self.admin.get(f"/devices/{MAC}/explain")
        self.assertEqual(why["decision"], "refused")
        changes = {"state": "accepted", "group": "lab", "tags": ["a", "ä"],
                   "name": "Küche"}
        for form in (MAC.lower(), MAC.replace(":", "-"),
                     MAC.replace(":", "")):
            after = self.admin.patch(f"/devices/{form}", **changes)
            self.assertEqual(after["mac"], MAC)
        self.assertEqual({k: after[k] for k in changes}, changes)
        self.assertEqual(self.admin.patch(f"/devices/{MAC}", tags=[])["group"],
                         "lab")
        events = [h["event"] for h in
                  self.admin.get(f"/devices/{MAC}/history")["history"]]
        self.assertEqual(events, ["reported", "asked"])
        self.assertEqual(self.admin.delete(f"/devices/{MAC}").status, 204)
        self.problem(self.admin.get(f"/devices/{MAC}"), 404, "never asked")
        self.problem(self.admin.delete(f"/devices/{MAC}"), 404)
        self.problem(self.admin.get(f"/devices/{MAC}/history"), 404)
        for path in ("/devices/18FE", "/devices/zz:FE:34:00:00:01"):
            self.problem(self.admin.get(path), 400, "MAC")

    def test_device_lists_are_filtered_and_paged(self):
        for i in range(5):
            mac = f"18:FE:34:00:00:0{i}"
            self.admin.patch(f"/devices/{mac}", name=f"lamp {i}",
                             group="a" if i % 2 else "b", tags=["x", f"t{i}"],
                             state="blocked" if i == 3 else "accepted")
        ask(self.port, changed(STA_MAC="18:FE:34:00:00:04"))
        self.settled("18:FE:34:00:00:04", lambda d: d["requests"] == 1)

        def found(**query):
            macs = []
            while True:
                page = self.admin.get("/devices", **query)
                self.assertEqual(page.status, 200, page.body)
                macs += [int(d["mac"][-1]) for d in page["devices"]]
                if page["next"] is None:
                    return macs
                query["after"] = page["next"]

        everything = [0, 1, 2, 3, 4]
        for query, wanted in (
                ({}, everything), ({"limit": 2}, everything),
                ({"limit": 5}, everything), ({"group": "a"}, [1, 3]),
                ({"group": "a", "limit": 1}, [1, 3]), ({"tag": "t2"}, [2]),
                ({"tag": "t"}, []), ({"tag": "x", "state": "blocked"}, [3]),
                ({"version": "DOOR-6-old"}, [4]), ({"q": "LAMP 1"}, [1]),
                ({"q": "18:fe:34:00:00:02"}, [2]), ({"q": "0003"}, [3]),
                ({"q": "door"}, [4]), ({"q": EVIL}, []), ({"q": "%"}, []),
                ({"group": EVIL}, []), ({"state": "pending"}, [])):
            with self.subTest(query=query):
                self.assertEqual(found(**query), wanted)
        for query in ({"limit": 0}, {"limit": 1001}, {"limit": "x"},
                      {"after": "x"}, {"state": "gone"}, {"colour": "red"}):
            self.problem(self.admin.get("/devices", **query), 400)

    def test_device_values_are_never_sql_or_something_else(self):
        for value in (EVIL, "'", "\\", "\"", "a;b", "日本", "%00", "\u202e"):
            after = self.admin.patch(f"/devices/{MAC}", name=value,
                                     group=value)
            self.assertEqual((after["name"], after["group"]), (value, value))
        self.assertEqual(len(self.admin.get("/devices")["devices"]), 1)
        self.problem(self.admin.patch(f"/devices/{MAC}", name="a\nb"), 400)


class Firmware(Api):
    def test_firmware_is_kept_and_given_back(self):
        made = self.upload(notes="first\nlines", board="d1", filename="l.bin")
        self.assertEqual(made["sha256"],
                         hashlib.sha256(self.image).hexdigest())
        self.assertEqual(made["md5"], hashlib.md5(self.image).hexdigest())
        self.assertEqual(
            {k: made[k] for k in ("name", "version", "board", "notes",
                                  "filename", "size", "image_size", "gzip",
                                  "kind", "by")},
            {"name": "lamp", "version": "2.0", "board": "d1",
             "notes": "first\nlines", "filename": "l.bin",
             "size": len(self.image), "image_size": len(self.image),
             "gzip": False, "kind": "sketch",
             "by": "administrator"})
        path = f"/firmware/{made['id']}"
        self.assertEqual(self.admin.get(path).json, made)
        self.assertEqual(self.admin.get("/firmware")["firmware"], [made])
        file = self.admin.get(path + "/file")
        self.assertEqual(file.body, self.image)
        self.assertIn("filename=l.bin", file.headers["content-disposition"])
        again = self.admin.post("/firmware", self.image, name="lamp",
                                version="2.0")
        self.assertEqual(self.made(again, 200), made)
        other = make_image(8192)
        self.problem(self.admin.post("/firmware", other, name="lamp",
                                     version="2.0"), 409, "other bytes")
        self.assertEqual(len(list((self.data / "firmware").iterdir())), 1)

    def test_firmware_that_is_released_stays(self):
        made = self.upload()
        path = f"/firmware/{made['id']}"
        release = self.release(made)
        self.problem(self.admin.delete(path), 409, "Withdraw")
        self.admin.patch(f"/releases/{release['id']}", state="withdrawn")
        twin = self.made(self.admin.post("/firmware", self.image, name="twin",
                                         version="2.0"))
        self.assertEqual(self.admin.delete(path).status, 204)
        self.assertEqual(self.admin.delete(path).status, 404)
        self.assertEqual(self.admin.get(path + "/file").status, 404)
        # The bytes are still needed, until they are not.
        self.assertEqual(
            self.admin.get(f"/firmware/{twin['id']}/file").body, self.image)
        self.admin.delete(f"/firmware/{twin['id']}")
        self.assertEqual(list((self.data / "firmware").iterdir()), [])
        old = self.admin.get(f"/releases/{release['id']}")
        self.assertEqual(old["firmware"]["version"], "2.0")
        self.assertEqual(self.upload()["id"], made["id"])
        self.assertEqual(self.admin.get(path + "/file").body, self.image)

    def test_file_that_outlived_its_row_goes_at_the_next_start(self):
        """As when the server is killed between the two."""
        folder = self.data / "firmware"
        made = self.upload()
        kept = self.made(self.admin.post("/firmware", make_image(8192),
                                         name="fan", version="1"))
        self.assertEqual(
            self.admin.delete(f"/firmware/{made['id']}").status, 204)
        self.stop(self.server)
        strange = {kept["sha256"], "0" * 64, made["sha256"].upper(),
                   made["sha256"] + ".bak"}
        for name in strange - {kept["sha256"]} | {made["sha256"]}:
            (folder / name).write_bytes(self.image)
        self.start()
        self.assertEqual({file.name for file in folder.iterdir()}, strange)
        # The same bytes, wanted again: the file is not in question.
        again = self.upload()
        self.stop(self.server)
        self.start()
        self.assertEqual(self.admin.get(f"/firmware/{again['id']}/file").body,
                         self.image)

    def test_firmware_whose_file_was_lost_can_be_uploaded_again(self):
        self.accept()
        made = self.upload()
        self.release(made)
        file = self.data / "firmware" / made["sha256"]
        for harm in (file.unlink, lambda: file.write_bytes(b"x" * 409600)):
            harm()
            self.assertEqual(self.made(self.admin.post(
                "/firmware", self.image, name="lamp", version="2.0"), 200),
                made)
            self.assertEqual(self.admin.get(f"/firmware/{made['id']}/file")
                             .body, self.image)
            self.assertEqual(ask(self.port, changed()).body, self.image)

    def test_firmware_that_an_older_server_took_is_looked_into_anew(self):
        made = self.upload()
        with contextlib.closing(sqlite3.connect(
                self.data / "otterd.db")) as db, db:
            db.execute("UPDATE firmware SET image_size = 0")
        path = f"/firmware/{made['id']}"
        self.assertEqual(self.admin.get(path)["image_size"], None)
        for _ in range(2):
            self.assertEqual(self.made(self.admin.post(
                "/firmware", self.image, name="lamp", version="2.0"), 200),
                made)
        entries = [entry["what"] for entry in
                   self.admin.get("/audit")["audit"]]
        self.assertEqual(entries.count(
            f"firmware with SHA-256 {made['sha256']} looked into anew"), 1)

    def test_firmware_that_the_database_refuses_leaves_no_file(self):
        kept = self.upload()
        with contextlib.closing(sqlite3.connect(
                self.data / "otterd.db")) as db:
            db.execute("CREATE TRIGGER no BEFORE INSERT ON audit BEGIN"
                       " SELECT RAISE(ABORT, 'no more'); END")
        self.problem(self.admin.post("/firmware", make_image(8192), name="a",
                                     version="1"), 503, "no more")
        self.problem(self.admin.post("/firmware", self.image, name="twin",
                                     version="1"), 503, "no more")
        self.assertEqual([f.name for f in (self.data / "firmware").iterdir()],
                         [kept["sha256"]])
        self.assertEqual(self.admin.get("/firmware")["firmware"], [kept])

    def test_firmware_that_cannot_run_is_refused_with_the_reason(self):
        image = self.image
        flipped = image[:5000] + bytes([image[5000] ^ 1]) + image[5001:]
        packed = gzip.compress(image, 1)
        files = b"\x01\0\0\0\0\0\0\0littlefs".ljust(8192, b"\xff")
        for data, word, query in (
                (b"", "empty", {}), (b"\x7fELF" + b"\0" * 50, "ELF", {}),
                (b"hello, world", "0x68", {}), (image[:-20], "cut", {}),
                (image[:4096], "cut", {}), (flipped, "checksum", {}),
                (b"\xe9\x01" + b"\0" * 8190, "0x1000", {}),
                (packed[:-9], "unpacked", {}), (gzip.compress(b"x" * 9),
                                                "begins with 0x78", {}),
                (gzip.compress(flipped, 1), "checksum", {}),
                (gzip.compress(b"\xe9" + bytes(17 << 20), 1), "16 MiB", {}),
                # The boot loader reads how long the image is at the end.
                (packed + b"\0", "1 byte ", {}),
                (packed + packed, f"{len(packed)} bytes", {}),
                (files[:5000], "multiple", {}),
                (gzip.compress(files), "gzip", {"kind": "filesystem"}),
                (files, "sketch", {"kind": "sketch"})):
            with self.subTest(word=word):
                self.problem(self.admin.post(
                    "/firmware", data, name="a", version="1", **query),
                    422, word)
        self.assertEqual(list((self.data / "firmware").iterdir()), [])
        made = self.upload(packed, "3.0")
        self.assertEqual((made["gzip"], made["filename"]),
                         (True, "3.0.bin.gz"))
        self.assertEqual((made["size"], made["image_size"]),
                         (len(packed), len(image)))
        self.assertEqual(self.upload(files, "3.0")["kind"], "filesystem")
        self.assertEqual(self.upload(bytes(8192), "3.1", kind="filesystem")
                         ["kind"], "filesystem")
        for query in ({"version": "1"}, {"name": "a"},
                      {"name": "a", "version": "1 2"},
                      {"name": "a", "version": "../x"},
                      {"name": "a", "version": "v" * 64},
                      {"name": "a" * 64, "version": "1"},
                      {"name": "a", "version": "1", "kind": "elf"},
                      {"name": "a", "version": "1", "filename": "a/b"}):
            self.problem(self.admin.post("/firmware", image, **query), 400)

    def test_firmware_of_an_esp32_is_told_apart(self):
        image = make_esp32_image(8192, "7.1", "gate")
        made = self.made(self.admin.post("/firmware", image))
        self.assertEqual(
            {k: made[k] for k in ("name", "version", "chip", "flash_size")},
            {"name": "gate", "version": "7.1", "chip": "ESP32",
             "flash_size": 4 << 20})
        plain = make_esp32_image(4096, "7.2", "gate", appended=False)
        self.assertEqual(self.admin.post("/firmware", plain).status, 201)
        for data, word in (
                (image[:-1], "cut"), (image[:8500], "cut"),
                (image[:8000], "cut"), (plain[:-1], "cut"),
                (image[:-1] + b"x", "checksum"),
                (image[:500] + b"x" + image[501:], "checksum"),
                (image[:1] + b"\x40" + image[2:], "malformed"),
                (image[:28] + b"\x01" + image[29:], "malformed"),
                (image[:28] + b"\xf0\xff\xff\xff" + image[32:], "cut"),
                (gzip.compress(image, 1), "unpack")):
            with self.subTest(word=word):
                self.problem(self.admin.post("/firmware", data, version="8"),
                             422, word)
        # Each family gets its own, from one path.
        self.accept()
        self.accept(OTHER)
        self.release(made, priority=1)
        twins = [(n.replace("8266", "32"), v.replace("8266", "32"))
                 for n, v in changed(STA_MAC=OTHER)]
        self.assertEqual(ask(self.port, changed()).status, 304)
        device = self.settled(MAC, lambda d: d["requests"] == 1)
        self.assertEqual(device["answer"]["reason"],
                         "The image is for an ESP32 and the device is an "
                         "ESP8266.")
        self.release(self.upload())
        self.assertEqual(ask(self.port, changed()).body, self.image)
        self.assertEqual(ask(self.port, twins).body, image)

    def test_firmware_that_is_too_large_is_refused_in_little_memory(self):
        status = f"/proc/{self.server.pid}/status"

        def resident():
            with open(status, encoding="ascii") as file:
                return int(re.search(r"VmHWM:\s+(\d+)", file.read())[1])

        before = resident()
        piece = bytes(1 << 16)
        self.problem(self.admin.call(
            "POST", "/firmware", piece * 256, {"name": "a", "version": "1"}),
            422)
        self.problem(self.admin.call(
            "POST", "/firmware", piece * 257, {"name": "a", "version": "1"}),
            413, "16777216")
        # Nobody said how much it would be.
        self.problem(self.admin.raw(
            "POST", BASE + "/firmware?name=a&version=1",
            iter([piece] * 260),
            {"Authorization": f"Bearer {self.admin.token}"}), 413, "16777216")
        self.assertLess(resident() - before, 8192)
        self.assertEqual(list((self.data / "firmware").iterdir()), [])

    def test_firmware_upload_that_is_cut_leaves_nothing(self):
        folder = self.data / "firmware"

        def sizes():
            try:
                return [file.stat().st_size for file in folder.glob("*")]
            except FileNotFoundError:  # it went at this moment
                return None

        with socket.create_connection(("127.0.0.1", self.port)) as peer:
            peer.sendall(
                (f"POST {BASE}/firmware?name=a&version=1 HTTP/1.1\r\n"
                 f"Host: x\r\nAuthorization: Bearer {self.admin.token}\r\n"
                 f"Content-Length: {len(self.image)}\r\n\r\n").encode()
                + self.image[:-1])
            self.ask_until(lambda: sizes() == [len(self.image) - 1])
        self.ask_until(lambda: sizes() == [])
        self.assertEqual(self.admin.get("/firmware")["firmware"], [])


class Releases(Api):
    def test_what_is_lost_is_not_offered(self):
        self.accept()
        made = self.upload()
        release = self.release(made)
        file = self.data / "firmware" / made["sha256"]
        whole = file.read_bytes()
        file.unlink()
        answer = ask(self.port, changed())
        self.assertEqual((answer.status, answer.body),
                         (503, b"The server has lost this file.\n"))
        device = self.settled(MAC, lambda d: d["answer"])
        self.assertEqual(device["answer"]["status"], 503)
        self.assertIn("lost the file of version 2.0",
                      device["answer"]["reason"])
        at = f"/releases/{release['id']}"
        self.assertEqual(self.admin.get(at).json["counts"]["offered"], 0)
        file.write_bytes(whole)
        self.assertEqual(ask(self.port, changed()).body, self.image)
        self.settled(MAC, lambda d: d["answer"]["status"] == 200)
        self.assertEqual(self.admin.get(at).json["counts"]["offered"], 1)

    def test_release_is_followed_to_its_end_live(self):
        self.accept()
        made = self.upload()
        with contextlib.closing(Events(self.admin)) as events:
            self.assertIn("Content-Type: text/event-stream", events.head)
            release = self.release(made)
            self.assertEqual(release["counts"], {
                "offered": 0, "downloaded": 0, "installed": 0, "failed": 0})
            first, name, data = events.next()
            self.assertEqual((name, data), ("release", release))
            self.assertEqual(ask(self.port, changed()).body, self.image)
            device = events.until("device",
                                  lambda d: d["event"] == "downloaded")
            self.assertEqual(device["answer"]["status"], 200)
            self.assertEqual(device["release"], release["id"])
            events.until("release", lambda r: r["counts"]["downloaded"] == 1)
            ask(self.port, [*changed(ESP8266_version="2.0"),
                            ("x-Otter-Status", "trial"),
                            ("x-Otter-Board", "d1 mini")])
            device = events.until("device", lambda d: d["event"] == "trial")
            self.assertEqual((device["status"], device["board"]),
                             ("trial", "d1 mini"))
            ask(self.port, [*changed(ESP8266_version="2.0"),
                            ("x-Otter-Status", "confirmed")])
            events.until("release", lambda r: r["counts"]["installed"] == 1)
        self.assertEqual(
            self.admin.get(f"/releases/{release['id']}")["counts"],
            {"offered": 1, "downloaded": 1, "installed": 1, "failed": 0})
        history = self.admin.get(f"/devices/{MAC}/history")["history"]
        self.assertEqual(
            [(h["event"], h["version"]) for h in reversed(history)],
            [("asked", "DOOR-6-old"), ("reported", "DOOR-6-old"),
             ("offered", "DOOR-6-old"), ("downloaded", "DOOR-6-old"),
             ("reported", "2.0"), ("trial", "2.0"), ("confirmed", "2.0")])
        why = self.admin.get(f"/devices/{MAC}/explain")
        self.assertEqual((why["decision"], why["status"], why["release"]),
                         ("no_update", 304, release["id"]))
        with contextlib.closing(Events(self.admin,
                                       Last_Event_ID=first)) as events:
            self.assertEqual(events.next()[0], first + 1)

    def test_release_that_does_not_fit_unpacked_is_held_with_the_reason(self):
        self.accept()
        image = bytearray(make_image(614400))
        image[3] = image[0x1003] = 0  # for 512 KiB
        self.release(self.upload(gzip.compress(image, 1), "3.0"))
        for mode in "sketch", "version":
            self.assertEqual(ask(self.port, changed(
                mode=mode, free_space="40960", chip_size="524288")).status,
                304)
        self.settled(MAC, lambda d: d["mode"] == "version")
        told = self.admin.get(f"/devices/{MAC}/explain")
        self.assertEqual((told["decision"], told["reason"]), (
            "no_update", "Unpacked, the image needs 614400 bytes of flash "
            "and the device has 524288."))
        # 400000 bytes of sketch are 98 sectors, and 52 more make it fit.
        self.assertEqual(ask(self.port, changed(
            free_space="208896", chip_size="1048576")).status, 304)
        self.settled(MAC, lambda d: d["chip_size"] == 1048576)
        self.assertEqual(
            self.admin.get(f"/devices/{MAC}/explain")["reason"],
            "Unpacked, the image needs 614400 bytes of flash and the device "
            "has 610304 below its file system.")
        self.assertEqual(ask(self.port, changed(
            free_space="212992", chip_size="1048576")).status, 200)

    def test_release_with_a_target_that_is_misspelled_is_refused(self):
        made = self.upload()
        for target, word in (
                ({"kind": "all", "value": MAC}, "no value"),
                ({"kind": "all", "tag": "beta"}, '"tag"'),
                ({"kind": "mac", "value": MAC, "mode": "x"}, '"mode"'),
                ({"kind": "mac"}, "MAC"), ({"kind": "tag"}, "text"),
                ({"kind": "tag", "value": "a\tb"}, "blanks"),
                ({"kind": "group", "value": "a\nb"}, "control"),
                ({"kind": "group", "value": ""}, "text"),
                ({"kind": "mac", "value": None}, "MAC"),
                ({"kind": "chip_size", "value": "4194304"}, "number"),
                ({"kind": "chip_size", "value": 1 << 32}, "number"),
                ({"kind": "tags", "value": "a"}, "chip_size"),
                ({"value": "a"}, "chip_size"), ("all", "kind"),
                ([], "kind"), (None, "kind")):
            with self.subTest(target=target):
                self.problem(self.admin.post("/releases", {
                    "firmware": made["id"], "target": target}), 400, word)
        self.assertEqual(self.admin.get("/releases")["releases"], [])
        self.release(made, target={"kind": "all", "value": None})

    def test_release_that_is_replaced_is_told_live(self):
        firmware = self.upload()
        target = {"kind": "mac", "value": MAC}
        old = self.release(firmware, target=target)
        with contextlib.closing(Events(self.admin)) as events:
            new = self.release(firmware, target=target)
            told = [events.next()[1:] for _ in range(2)]
        self.assertEqual([(name, data["id"], data["state"])
                          for name, data in told],
                         [("release", new["id"], "active"),
                          ("release", old["id"], "withdrawn")])

    def test_what_is_removed_is_told_live(self):
        self.accept()
        firmware = self.upload()
        with contextlib.closing(Events(self.admin)) as events:
            self.admin.delete(f"/devices/{MAC.lower().replace(':', '-')}")
            self.assertEqual(events.next()[1:], ("removed", {"device": MAC}))
            self.admin.delete(f"/firmware/{firmware['id']}")
            self.assertEqual(events.next()[1:],
                             ("removed", {"firmware": firmware["id"]}))

    def test_release_that_fails_is_counted(self):
        self.accept()
        release = self.release(self.upload())
        path = f"/releases/{release['id']}"
        ask(self.port, changed())
        ask(self.port, [*changed(), ("x-Otter-Status", "reverted")],
            method="HEAD")
        self.settled(MAC, lambda d: d["status"] == "reverted")
        self.assertEqual(self.admin.get(path)["counts"],
                         {"offered": 1, "downloaded": 1, "installed": 0,
                          "failed": 1})
        self.assertEqual(
            self.admin.get(f"/devices/{MAC}/history", limit=1)["history"][0]
            ["event"], "reverted")
        ask(self.port, changed(ESP8266_version="2.0"))
        self.settled(MAC, lambda d: d["version"] == "2.0")
        self.assertEqual(self.admin.get(path)["counts"],
                         {"offered": 1, "downloaded": 1, "installed": 1,
                          "failed": 0})

    def test_release_knows_its_devices_and_how_far_each_is(self):
        old = self.release(self.upload())
        where = f"/releases/{old['id']}/devices"
        self.assertEqual(self.admin.get(where).json,
                         {"devices": [], "next": None})
        macs = [f"18:FE:34:00:00:0{i}" for i in range(1, 5)]
        for mac, name in zip(macs, ("one", "", "", "")):
            self.accept(mac, name=name)
            ask(self.port, changed(STA_MAC=mac))
        for mac, more in ((macs[1], [("x-Otter-Status", "reverted")]),
                          (macs[2], [])):
            self.settled(mac, lambda d, mac=mac: any(
                h["event"] == "downloaded" for h in self.admin.get(
                    f"/devices/{mac}/history")["history"]))
            ask(self.port, [*changed(STA_MAC=mac, ESP8266_version=(
                "DOOR-6-old" if more else "2.0")), *more],
                method="HEAD")
        # The last one gets another one then; this one remembers it.
        self.settled(macs[3], lambda d: self.admin.get(
            f"/releases/{old['id']}")["counts"] == {
                "offered": 4, "downloaded": 4, "installed": 1, "failed": 1})
        new = self.release(self.upload(version="3.0"),
                           target={"kind": "mac", "value": macs[3]})
        ask(self.port, changed(STA_MAC=macs[3]))
        self.settled(macs[3], lambda d: self.admin.get(
            f"/releases/{new['id']}")["counts"]["downloaded"] == 1)
        found = self.admin.get(where)["devices"]
        self.assertEqual(
            [(d["mac"], d["name"], d["state"], d["version"]) for d in found],
            [(macs[0], "one", "downloaded", "DOOR-6-old"),
             (macs[1], "", "reverted", "DOOR-6-old"),
             (macs[2], "", "installed", "2.0"),
             (macs[3], "", "failed", "DOOR-6-old")])
        page = self.admin.get(where, limit=2)
        self.assertEqual((page["devices"], page["next"]),
                         (found[:2], macs[1]))
        page = self.admin.get(where, limit=2, after=page["next"])
        self.assertEqual((page["devices"], page["next"]), (found[2:], None))
        self.assertEqual(self.admin.get(where, state="reverted")["devices"],
                         found[1:2])
        self.assertEqual(self.admin.get(f"/releases/{new['id']}/devices")
                         ["devices"][0]["mac"], macs[3])
        self.problem(self.admin.get(where, state="gone"), 400, "confirmed")
        self.problem(self.admin.get(where, after="x"), 400, "next")
        self.problem(self.admin.get("/releases/99/devices"), 404, "99")
        self.admin.delete(f"/devices/{macs[2]}")
        self.assertEqual([d["mac"] for d in self.admin.get(where)["devices"]],
                         [macs[0], macs[1], macs[3]])

    def test_release_that_was_reverted_is_not_offered_again(self):
        self.accept()
        firmware = self.upload()
        release = self.release(firmware)
        self.assertEqual(ask(self.port, changed()).status, 200)
        report = [*changed(), ("x-Otter-Status", "reverted"),
                  ("x-Otter-Other-Version", "2.0")]
        self.settled(MAC, lambda d: self.admin.get(
            f"/releases/{release['id']}")["counts"]["downloaded"] == 1)
        self.assertEqual(ask(self.port, report).status, 304)
        self.settled(MAC, lambda d: d["status"] == "reverted")
        why = self.admin.get(f"/devices/{MAC}/explain")
        self.assertEqual((why["decision"], why["release"]),
                         ("no_update", release["id"]))
        self.assertIn("reverted version 2.0", why["reason"])
        self.release(firmware)
        self.assertEqual(ask(self.port, report).status, 200)

    def test_release_is_paused_resumed_and_withdrawn(self):
        self.accept()
        release = self.release(self.upload(), state="paused", notes="wait")
        path = f"/releases/{release['id']}"
        self.assertEqual(ask(self.port, changed()).status, 304)
        self.settled(MAC, lambda d: d["requests"] == 1)
        self.assertIn("paused",
                      self.admin.get(f"/devices/{MAC}/explain")["reason"])
        after = self.admin.patch(path, state="active", priority=7)
        self.assertEqual((after["state"], after["priority"], after["notes"]),
                         ("active", 7, "wait"))
        self.assertEqual(ask(self.port, changed()).status, 200)
        self.assertEqual(self.admin.patch(path, state="paused").status, 200)
        self.assertEqual(ask(self.port, changed()).status, 304)
        self.assertEqual(self.admin.patch(path, state="withdrawn")["state"],
                         "withdrawn")
        self.assertEqual(ask(self.port, changed()).status, 500)
        self.problem(self.admin.patch(path, state="active"), 409, "final")
        self.assertEqual(self.admin.patch(path, notes="why")["notes"], "why")
        self.problem(self.admin.patch("/releases/99", state="active"), 404)
        self.assertEqual(self.admin.get("/releases",
                                        state="active")["releases"], [])
        self.assertEqual(
            len(self.admin.get("/releases", state="withdrawn",
                               product="")["releases"]), 1)

    def test_releases_reach_their_targets_in_order(self):
        self.accept(group="lab", tags=["a", "b"])
        made = self.upload()
        targets = [("all", None), ("chip_size", 4194304),
                   ("version", "DOOR-6-old"), ("tag", "b"), ("group", "lab"),
                   ("mac", MAC.lower())]
        others = [("chip_size", 1048576), ("version", "x"), ("tag", "c"),
                  ("group", "b"), ("mac", "18:FE:34:00:00:99")]
        ask(self.port, changed())
        self.settled(MAC, lambda d: d["requests"] == 1)

        def chosen():
            return self.admin.get(f"/devices/{MAC}/explain")["release"]

        for kind, value in others:
            self.release(made, target={"kind": kind, "value": value})
            self.assertIsNone(chosen())
        for kind, value in targets:
            target = {"kind": kind}
            if value is not None:
                target["value"] = value
            release = self.release(made, target=target)
            self.assertEqual(chosen(), release["id"], kind)
        self.assertEqual(release["target"], {"kind": "mac", "value": MAC})
        newer = self.release(made, target=target)
        self.assertEqual(chosen(), newer["id"])
        self.assertEqual(self.admin.get(f"/releases/{release['id']}")["state"],
                         "withdrawn")
        self.admin.patch(f"/releases/{newer['id']}", state="withdrawn")
        low = self.release(made, target={"kind": "group", "value": "lab"},
                           priority=-1)
        self.assertNotEqual(chosen(), low["id"])
        self.assertLess(chosen(), low["id"])
        self.admin.patch(f"/releases/{low['id']}", priority=1)
        self.assertEqual(chosen(), low["id"])

    def test_release_that_makes_no_sense_is_refused(self):
        made = self.upload()
        files = self.upload(bytes(4096), "1", kind="filesystem")
        self.assertEqual(self.release(files)["mode"], "filesystem")
        one = {"firmware": made["id"]}
        for body, status, word in (
                ({}, 400, "firmware"), ({"firmware": 99}, 422, "upload"),
                ({"firmware": "1"}, 400, "number"),
                ({**one, "mode": "filesystem"}, 422, "sketch"),
                ({**one, "state": "withdrawn"}, 400, "active, paused"),
                ({**one, "target": "all"}, 400, "kind"),
                ({**one, "target": {"kind": "colour"}}, 400, "kind"),
                ({**one, "target": {"kind": "mac", "value": "1"}}, 400,
                 "MAC"),
                ({**one, "target": {"kind": "tag", "value": "a b"}}, 400,
                 "blanks"),
                ({**one, "target": {"kind": "chip_size", "value": "4M"}}, 400,
                 "bytes"),
                ({**one, "target": {"kind": "group", "value": ""}}, 400,
                 "text"),
                ({**one, "priority": 1.5}, 400, "whole"),
                ({**one, "priority": 10 ** 30}, 400, "JSON"),
                ({**one, "percent": 5}, 400, "percent")):
            with self.subTest(body=body):
                self.problem(self.admin.post("/releases", body), status, word)
        self.assertEqual(len(self.admin.get("/releases")["releases"]), 1)

    def test_file_system_has_its_own_release_and_version(self):
        self.accept()
        self.release(self.upload())
        files = b"\x01\0\0\0\0\0\0\0littlefs".ljust(8192, b"\xff")
        release = self.release(self.upload(files, "7"))
        got = ask(self.port, changed(mode="spiffs", ESP8266_version="6"))
        self.assertEqual(got.body, files)
        ask(self.port, changed(mode="spiffs", ESP8266_version="7"))
        device = self.settled(MAC, lambda d: d["filesystem_version"] == "7")
        self.assertEqual(device["version"], "")
        self.assertEqual(ask(self.port, changed()).body, self.image)
        device = self.settled(MAC, lambda d: d["version"] != "")
        self.assertEqual(device["filesystem_version"], "7")
        counts = self.admin.get(f"/releases/{release['id']}")["counts"]
        self.assertEqual(counts["installed"], 1)

if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""http_update on a board against scripted servers: what it asks, what it
makes of every answer (table 5.3), downloads that break, and what runs and
lies in flash afterwards."""
import pathlib
import random
import re
import unittest

import otter_testlib
import pull_server
from otter_testlib import BOARD, only, sketch
from pull_server import answer, md5

HEADERS = ["Host", "User-Agent", "Connection", "x-ESP8266-Chip-ID",
           "x-ESP8266-STA-MAC", "x-ESP8266-AP-MAC", "x-ESP8266-free-space",
           "x-ESP8266-sketch-size", "x-ESP8266-sketch-md5",
           "x-ESP8266-chip-size", "x-ESP8266-sdk-version", "x-ESP8266-mode",
           "x-ESP8266-version", "Content-Length"]
NOT_MODIFIED = answer("304 Not Modified")
SECTOR = 4096


class HttpUpdate(otter_testlib.SystemTest):
    def setUp(self):
        super().setUp()
        self.new = pathlib.Path(sketch("http_update-1.1.0")).read_bytes()

    def server(self, script):
        server = pull_server.Server(script)
        self.addCleanup(server.close)
        return server

    def device(self, server, settings=None, **options):
        """A board with version 1.0.0 that asks `server` every second."""
        base = {"url": server.url + "/update.php", "interval": "1"}
        image = options.pop("image", "http_update-1.0.0")
        return self.board(image, settings={**base, **(settings or {})},
                          **options)

    def offer(self, data=None, **headers):
        """The manual's script: the file for all but the version it is."""
        data = data or self.new

        def script(request):
            if request.headers.get("x-ESP8266-version") == "1.1.0":
                return NOT_MODIFIED
            return answer("200 OK", data, **{
                "Content_Type": "application/octet-stream",
                "x_MD5": md5(data), **headers})
        return script

    def expect_new(self, board):
        """The new version runs, has asked, and lies in flash as it was sent
        but for the flash mode (protocol 2.3)."""
        board.expect(r"^http_update 1\.1\.0$")
        board.expect("^HTTP_UPDATE_NO_UPDATES$")
        found = board.read_flash(0, len(self.new))
        self.assertEqual(found[:2], self.new[:2])
        self.assertTrue(found[3:] == self.new[3:])

    # --- A whole update

    def test_update_asks_as_the_core_and_runs_the_new_sketch(self):
        server = self.server(self.offer())
        board = self.device(server, {"report": "0"})
        request = server.next()
        self.assertEqual(request.lines[0], "GET /update.php HTTP/1.0")
        self.assertEqual(request.names, HEADERS)
        have = request.headers
        self.assertEqual(have["Host"], "%s:%d" % server.address)
        self.assertEqual(have["User-Agent"], "ESP8266-http-Update")
        self.assertEqual(have["x-ESP8266-mode"], "sketch")
        self.assertEqual(have["x-ESP8266-version"], "1.0.0")
        mac = bytes.fromhex(have["x-ESP8266-STA-MAC"].replace(":", ""))
        self.assertEqual(int(have["x-ESP8266-Chip-ID"]),
                         int.from_bytes(mac[3:], "big"))
        self.assertEqual(have["x-ESP8266-AP-MAC"],
                         ":".join(f"{b:02X}" for b in
                                  bytes([mac[0] | 2]) + mac[1:]))
        old = pathlib.Path(sketch("http_update-1.0.0")).read_bytes()
        self.assertEqual(int(have["x-ESP8266-sketch-size"]), len(old))
        self.assertEqual(have["x-ESP8266-sketch-md5"], md5(old))
        self.assertEqual(int(have["x-ESP8266-chip-size"]), 4 << 20)
        board.expect("^CALLBACK:  HTTP update process started$")
        board.expect("^CALLBACK:  HTTP update process at 0 of "
                     f"{len(self.new)} bytes...$")
        board.expect(f"^CALLBACK:  HTTP update process at {len(self.new)} of "
                     f"{len(self.new)} bytes...$")
        board.expect("^CALLBACK:  HTTP update process finished$")
        board.expect("^HTTP_UPDATE_OK$")
        board.expect("reset by software$")
        self.expect_new(board)
        self.assertEqual(server.next().headers["x-ESP8266-version"], "1.1.0")

    @only("posix", "the flash of the QEMU takes no time")
    def test_update_leaves_the_application_running(self):
        """The application's loop prints its ticks all through an update on a
        chip that takes its time."""
        self.new = pathlib.Path(sketch("http_update-1.1.0", "")).read_bytes()
        server = self.server(self.offer())
        board = self.device(server, {"heartbeat": "20"}, flavour="",
                            args=["--flash-time", "typical"])
        board.expect("^HTTP_UPDATE_OK$")
        ticks = [int(n) for n in
                 re.findall(r"^tick (\d+)$", board.console.text, re.M)]
        self.assertEqual(ticks, list(range(1, len(ticks) + 1)))
        self.assertGreater(len(ticks), 10)
        self.expect_new(board)

    def test_file_system_is_replaced_and_nothing_restarts(self):
        """The content ends in the middle of a sector."""
        content = random.Random(1).randbytes(5 * SECTOR + 7)
        server = self.server(lambda request: answer(
            "200 OK", content, x_MD5=md5(content).upper())
            if len(server.requests) == 1 else NOT_MODIFIED)
        board = self.device(server, {"mode": "spiffs"}, map="4M2M")
        self.assertEqual(server.next().headers["x-ESP8266-mode"], "spiffs")
        board.expect("^HTTP_UPDATE_OK$")
        board.expect("^HTTP_UPDATE_NO_UPDATES$")
        self.assertEqual(board.status()["starts"], 1)
        self.assertTrue(board.read_flash(0x200000, len(content)) == content)

    def test_version_is_asked_for(self):
        server = self.server(lambda request: answer("200 OK",
                                                    x_version="2.5"))
        board = self.device(server, {"mode": "version"})
        self.assertEqual(server.next().headers["x-ESP8266-mode"], "version")
        board.expect("^HTTP_UPDATE_OK\nAvailable: 2.5$")

    # --- Every row of the table

    def failures(self, rows, settings=None, **options):
        """Each answer, one start of the board each, and its words; the old
        sketch runs on."""
        replies = iter(rows)
        server = self.server(lambda request: next(replies, (b"",))[0])
        board = self.device(server, {"interval": "3600", **(settings or {})},
                            **options)
        for count, (_, number, text) in enumerate(rows, 1):
            board.expect("^CALLBACK:  HTTP update fatal error code "
                         f"{number}$")
            board.expect(rf"^HTTP_UPDATE_FAILD Error \({number}\): "
                         + re.escape(text) + "$")
            self.assertEqual(board.status()["starts"], count)
            if count < len(rows):
                board.control("reset")
        board.control("reset")
        board.expect(r"^http_update 1\.0\.0$")

    def test_rows_of_statuses(self):
        wrong = "Wrong HTTP Code"
        self.failures([
            (answer("200 OK", self.new, Content_Length=None), -101,
             "Server Did Not Report Size"),
            (answer("200 OK", Content_Length=0), -101,
             "Server Did Not Report Size"),
            (answer("200 OK", self.new, Content_Length=16 << 20), -100,
             "Not Enough space"),
            (answer("200 OK", b"\xe9\1\1"), -106, "Verify Bin Header Failed"),
            (answer("401 Unauthorized"), -108, "Unauthorized (401)"),
            (answer("403 Forbidden", b"only for ESP8266 updater!\n"), -103,
             "Forbidden (403)"),
            (answer("404 Not Found"), -102, "File Not Found (404)"),
            (answer("500 no version for ESP MAC"), -104, wrong),
            (answer("206 Partial Content", self.new,
                    Content_Range=f"bytes 0-{len(self.new) - 1}/"
                    f"{len(self.new)}"), -104, wrong),
            (answer("302 Found", Location="/x"), -104, wrong),
            (answer("308 Permanent Redirect", Location="/x"), -104, wrong),
        ])

    def test_rows_of_the_other_modes(self):
        self.failures([
            (answer("200 OK"), -109, ""),
            (answer("200 OK", b"2.5\n"), -109, ""),
            (answer("401 Unauthorized"), -108, "Unauthorized (401)"),
            (answer("404 Not Found"), -102, "File Not Found (404)"),
        ], {"mode": "version"})
        content = bytes(5000)
        self.failures([
            (answer("200 OK", content, Content_Length=16 << 20), -100,
             "Not Enough space"),
            (answer("200 OK", content, Content_Length=None), -101,
             "Server Did Not Report Size"),
            (answer("200 OK", content, x_MD5="0" * 32), 7,
             "Update error: ERROR[7]: MD5 verification failed: expected: "
             + "0" * 32 + ", calculated: " + md5(content)),
        ], {"mode": "spiffs"}, map="4M2M")

    def test_rows_of_the_transport(self):
        self.failures([
            (b"", -5, "HTTP error: connection lost"),
            (b"220 ready\r\n", -7, "HTTP error: no HTTP server"),
            (answer("200 OK", self.new, Transfer_Encoding="gzip",
                    Content_Length=None), -9,
             "HTTP error: Transfer-Encoding not supported"),
            ((b"HTTP/1.0 200 OK\r\n", "hold"), -11,
             "HTTP error: read Timeout"),
            ((b"HTTP/1.0 200 OK\r\n", "reset"), -5,
             "HTTP error: connection lost"),
        ])

    def test_rows_of_the_image(self):
        good = md5(self.new)
        wrong = b"\xe8" + self.new[1:]
        large = self.new[:3] + bytes([self.new[3] & 15 | 0x90]) + self.new[4:]
        half = self.new[:len(self.new) // 2]
        self.failures([
            (answer("200 OK", wrong, x_MD5=md5(wrong)), -106,
             "Verify Bin Header Failed"),
            (answer("200 OK", large, x_MD5=md5(large)), -107,
             "New Binary Does Not Fit Flash Size"),
            (answer("200 OK", self.new, x_MD5=good[:31]), -105, "Wrong MD5"),
            (answer("200 OK", self.new, x_MD5=good, X_md5=good), -105,
             "Wrong MD5"),
            (answer("200 OK", self.new, x_MD5="0" * 32), 7,
             "Update error: ERROR[7]: MD5 verification failed: expected: "
             + "0" * 32 + ", calculated: " + good),
            (answer("200 OK", half, x_MD5=md5(half)), 145,
             "Update error: ERROR[145]: the image is not whole or malformed"),
            (answer("200 OK", half, Content_Length=len(self.new)), 6,
             "Update error: ERROR[6]: Stream Read Timeout"),
        ])

    def test_refused_connection_and_unknown_name(self):
        server = self.server(None)
        server.close()
        for url in (server.url, "http://no-such-host.invalid/"):
            board = self.board("http_update-1.0.0",
                               settings={"url": url})
            board.expect(r"^HTTP_UPDATE_FAILD Error \(-1\): HTTP error: "
                         "connection failed$")

    def test_chunked_body_is_refused(self):
        chunked = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                   b"%x\r\n" % len(self.new) + self.new + b"\r\n0\r\n\r\n")
        self.failures([(chunked, -101, "Server Did Not Report Size")])

    def test_longer_body_is_cut_at_its_length(self):
        server = self.server(lambda request: self.offer(self.new)(request)
                             + b"more" * 1000)
        self.expect_new(self.device(server))

    def test_configured_md5_wins(self):
        server = self.server(self.offer(x_MD5="0" * 32))
        self.expect_new(self.device(server, {"md5": md5(self.new).upper()}))

    # --- Redirects and credentials

    def test_redirect_to_another_server_keeps_the_identification(self):
        there = self.server(self.offer())
        here = self.server(lambda request: answer(
            "302 Found", Location=there.url + "/file?x=1"))
        board = self.device(here, {"redirects": "1", "user": "me",
                                   "password": "secret", "report": "0"})
        self.assertEqual(here.next().headers["Authorization"],
                         "Basic bWU6c2VjcmV0")
        request = there.next()
        self.assertEqual(request.target, "/file?x=1")
        self.assertEqual(request.names, HEADERS)  # no Authorization
        self.expect_new(board)

    # --- Downloads that break

    def cutting(self, cuts, etag='"one"'):
        """A server that closes at these places of the file."""
        def script(request):
            if request.headers.get("x-ESP8266-version") == "1.1.0":
                return NOT_MODIFIED
            first = request.range()
            if first is None:
                first, status, more = 0, "200 OK", {}
            else:
                self.assertEqual(request.headers["If-Range"], etag)
                status = "206 Partial Content"
                more = {"Content_Range": f"bytes {first}-"
                        f"{len(self.new) - 1}/{len(self.new)}"}
            if etag:
                more["ETag"] = etag
            end = cuts.pop(0) if cuts else len(self.new)
            return (answer(status, self.new[first:end],
                           Content_Length=len(self.new) - first,
                           x_MD5=md5(self.new), **more),
                    "reset" if end % 2 else "close")
        return script

    def test_download_cut_at_20_places_is_resumed_and_exact(self):
        seed = random.randrange(1 << 32)
        with self.subTest(seed=seed):
            chance = random.Random(seed)
            cuts = sorted(chance.sample(range(1000, len(self.new)), 20))
            server = self.server(self.cutting(list(cuts)))
            board = self.device(server)
            board.expect("^HTTP_UPDATE_OK$", patience=180)
            self.expect_new(board)
            asked = [r.range() for r in server.requests
                     if r.range() is not None]
            self.assertEqual(len(asked), 20)
            self.assertEqual(asked, sorted(asked))
            # A reset may lose what had not been read yet, nothing else.
            for got, sent in zip(asked, cuts):
                self.assertLessEqual(got, sent)
            started = board.console.text.count("process started")
            self.assertEqual(started, 1)

    def test_download_without_etag_starts_anew(self):
        server = self.server(self.cutting([50000, 20001, 55000], etag=None))
        board = self.device(server)
        for _ in range(3):
            board.expect(r"^HTTP_UPDATE_FAILD Error \(6\): Update error: "
                         r"ERROR\[6\]: Stream Read Timeout$")
        board.expect("^HTTP_UPDATE_OK$")
        self.expect_new(board)
        self.assertEqual([r.range() for r in server.requests[:4]],
                         [None] * 4)

    def changed(self, second):
        """A download breaks, then the file is another one."""
        first = pathlib.Path(sketch("http_update-1.0.0")).read_bytes()

        def script(request):
            if request.headers.get("x-ESP8266-version") == "1.1.0":
                return NOT_MODIFIED
            if len(server.requests) == 1:
                return answer("200 OK", first[:30000], ETag='"one"',
                              Content_Length=len(first))
            return second(request)
        server = self.server(script)
        board = self.device(server)
        board.expect("^HTTP_UPDATE_OK$")
        self.expect_new(board)
        self.assertEqual(server.requests[1].range(), 30000)
        return server

    def test_changed_file_is_taken_whole(self):
        self.changed(lambda request: answer("200 OK", self.new,
                                            ETag='"two"'))

    def test_part_of_a_changed_file_is_not_mixed_in(self):
        """A server that ignores If-Range, or whose tags lie about their
        file."""
        def part(request):
            first = request.range()
            if first is None:
                return answer("200 OK", self.new, ETag='"two"')
            return answer("206 Partial Content", self.new[first:],
                          ETag='"two"', Content_Range=f"bytes {first}-"
                          f"{len(self.new) - 1}/{len(self.new)}")
        server = self.changed(part)
        self.assertIsNone(server.requests[2].range())

    # --- Downloads that a reset or a power failure interrupts

    def interrupted(self, offers):
        """A board with Otter's loader, and a server that stops in the middle
        of what it sends: `offers` are (file, place) in turn, one for each
        start; it is reset or loses power there.  The last comes whole and
        runs.  Returns the ranges that were asked for, one for each start."""
        now = {}

        def script(request):
            data, end = now["offer"]
            first = request.range()
            if request.headers.get("x-ESP8266-version") == "1.1.0":
                return NOT_MODIFIED
            now["first"] = first
            more = {"ETag": f'"{md5(data)}"', "x_MD5": md5(data),
                    "Content_Length": len(data) - (first or 0)}
            if first is None:
                return answer("200 OK", data[:end], **more), "hold"
            self.assertEqual(request.headers["If-Range"], more["ETag"])
            return answer("206 Partial Content", data[first:end],
                          Content_Range=f"bytes {first}-{len(data) - 1}/"
                          f"{len(data)}", **more), "hold"
        server = self.server(script)
        now["offer"] = offers[0]
        board = self.device(server, flavour="-otter", map="4M1M")
        asked = []
        for following in [*offers[1:], None]:
            data, end = now["offer"]
            board.expect(f"process at {end} of {len(data)} bytes", 60)
            asked.append(now["first"])
            if following is None:
                break
            now["offer"] = following
            board.control(random.choice(["reset", "power cycle"]))
            board.expect(r"^http_update 1\.0\.0$")
        board.expect("^HTTP_UPDATE_OK$")
        board.expect(r"^http_update 1\.1\.0$")
        board.expect("^Confirmed$", 60)
        self.assertTrue(board.read_flash(SECTOR, len(data) - SECTOR)
                        == data[SECTOR:])
        return asked

    def test_download_reset_at_20_places_is_resumed_and_exact(self):
        new = pathlib.Path(sketch("http_update-1.1.0", "-otter")).read_bytes()
        seed = random.randrange(1 << 32)
        with self.subTest(seed=seed):
            chance = random.Random(seed)
            places = sorted(chance.sample(range(20000, len(new)), 20))
            asked = self.interrupted([(new, place) for place in
                                      [*places, len(new)]])
            self.assertIsNone(asked[0])
            for place, first in zip(places, asked[1:]):
                # What waits in the buffer is lost, and one sector more when
                # the reset came before its mark.
                self.assertLessEqual(first, place)
                self.assertGreaterEqual(first, place - 3 * SECTOR)

    def test_file_that_changed_before_the_reset_is_over_is_not_mixed(self):
        new = pathlib.Path(sketch("http_update-1.1.0", "-otter")).read_bytes()
        other = pathlib.Path(sketch("faulty-2.0.0", "-otter")).read_bytes()
        other = other[:len(new)] + bytes(max(0, len(new) - len(other)))
        asked = self.interrupted([(other, 30000), (new, len(new))])
        self.assertEqual(asked, [None, None])

    # --- The schedule and the report

    def test_busy_application_is_asked_again(self):
        server = self.server(self.offer())
        board = self.device(server, {"busy": "1"})
        for _ in range(3):
            board.expect("^Update declined$")
            board.expect(r"^HTTP_UPDATE_FAILD Error \(108\): Update error: "
                         r"ERROR\[108\]: the application declined the "
                         "update$")
        self.assertEqual(board.status()["starts"], 1)

    def test_failure_is_reported_with_the_next_request(self):
        server = self.server(lambda request: answer("404 Not Found")
                             if len(server.requests) == 1 else NOT_MODIFIED)
        board = self.device(server)
        first = server.next()
        self.assertEqual(first.headers["x-Otter-Board"], BOARD)
        self.assertEqual(first.headers["x-Otter-Status"], "installed")
        self.assertNotIn("x-Otter-Last-Error", first.headers)
        board.expect("^HTTP_UPDATE_NO_UPDATES$")
        self.assertEqual(server.next().headers["x-Otter-Last-Error"], "-102")
        self.assertNotIn("x-Otter-Last-Error", server.next().headers)

    @only("lx106", "images with Otter's boot loader are the chip's")
    def test_trial_and_confirmation_are_reported(self):
        self.new = pathlib.Path(
            sketch("http_update-1.1.0", "-otter")).read_bytes()
        server = self.server(self.offer())
        board = self.device(server, flavour="-otter")
        self.assertEqual(server.next().headers["x-Otter-Status"],
                         "confirmed")
        board.expect("^HTTP_UPDATE_OK$")
        board.expect("^Confirmed$", patience=60)
        self.assertEqual(server.next().headers["x-Otter-Status"], "trial")
        self.assertEqual(server.next().headers["x-Otter-Status"],
                         "confirmed")


if __name__ == "__main__":
    unittest.main()

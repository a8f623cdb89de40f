#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""web_updater and curl: every form of upload that scripts use, and what is
answered to those that do not work."""
import gzip
import hashlib
import json
import pathlib
import socket
import subprocess
import threading
import unittest

import otter_testlib
from otter_testlib import sketch

FIRMWARE = otter_testlib.SHARED_DATA / "firmware"
PORT = 8080
SUCCESS = ('<META http-equiv="refresh" content="15;URL=/">'
           "Update Success! Rebooting...")


class WebTest(otter_testlib.SystemTest):
    """What the tests of the update page share."""

    def ready(self, version="1.0.0", settings=None, **options):
        options.setdefault("map", "4M2M")
        board = self.board(f"web_updater-{version}", settings={
            "port": str(PORT), "mdns": "0", **(settings or {})}, **options)
        self.expect_start(board, version.removesuffix("-otter"))
        return board

    def expect_start(self, board, version):
        board.expect(f"^web_updater {version}\nBooting Sketch...\n"
                     "HTTPUpdateServer ready! Open "
                     f"http://esp8266-webupdate.local:{PORT}/update in your "
                     f"browser\nIP address: {board.address}\n")

    def url(self, board, path=""):
        return f"http://{board.address}:{PORT}/update{path}"

    def status(self, board):
        return json.loads(self.curl(board, path="/status")[1])

    def curl(self, board, *args, path="", expect=200):
        """Returns head and body of the answer."""
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--max-time", "60",
             "--include", *map(str, args), self.url(board, path)],
            capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        answer = done.stdout.decode("latin-1")
        while True:
            head, _, body = answer.partition("\r\n\r\n")
            if not head.startswith("HTTP/1.1 100"):
                break
            answer = body
        got = int(head.split()[1])
        if got == 401 != expect:  # the first round of --digest
            head, _, body = body.partition("\r\n\r\n")
            got = int(head.split()[1])
        self.assertEqual(got, expect, answer)
        return head, body

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def flash_holds(self, board, data, addr=0):
        self.assertEqual(board.read_flash(addr, len(data)), data)


def hold_upload(test, board):
    """A connection with an upload that has begun and goes no further."""
    s = socket.create_connection((board.address, PORT), 20)
    test.addCleanup(s.close)
    s.sendall(f"POST /update HTTP/1.1\r\nHost: {board.address}\r\n"
              "Content-Type: application/octet-stream\r\n"
              "Content-Length: 90000\r\n\r\n".encode() +
              pathlib.Path(sketch("web_updater-1.1.0", ""))
              .read_bytes()[:9000])
    board.expect("^Update: firmware$")
    return s


class Curl(WebTest):
    def setUp(self):
        super().setUp()
        self.new = pathlib.Path(sketch("web_updater-1.1.0"))

    def upload(self, board, *args):
        _, body = self.curl(board, *args)
        self.assertEqual(body, SUCCESS)
        self.expect_start(board, "1.1.0")
        self.flash_holds(board, self.new.read_bytes())

    def test_form_firmware(self):
        board = self.ready()
        before = self.status(board)
        self.upload(board, "-F", f"firmware=@{self.new}")
        after = self.status(board)
        self.assertEqual((before["version"], after["version"]),
                         ("1.0.0", "1.1.0"))
        self.assertNotEqual(before["boot_id"], after["boot_id"])
        self.assertEqual(after["flash_size"], 4194304)
        self.assertEqual(after["sketch_size"], self.new.stat().st_size)

    def test_form_image_as_the_manual_says(self):
        self.upload(self.ready(), "-F", f"image=@{self.new}")

    def test_form_with_digests_size_and_extra_headers(self):
        data = self.new.read_bytes()
        self.upload(self.ready(), "-F", f"size={len(data)}",
                    "-F", f"sha256={hashlib.sha256(data).hexdigest()}",
                    "-F", f"x=@{self.new};headers=\"X-A: b\";headers=\"X-C: d\"",
                    "-F", f"md5={hashlib.md5(data).hexdigest()}")

    def test_raw_body(self):
        self.upload(self.ready(), "--data-binary", f"@{self.new}", "-H",
                    "Content-Type: application/octet-stream")

    def test_raw_body_in_chunks(self):
        self.upload(self.ready(), "-T", self.new, "-X", "POST", "-H",
                    "Transfer-Encoding: chunked", "-H",
                    "Content-Type: application/octet-stream")

    def test_form_in_chunks(self):
        self.upload(self.ready(), "-F", f"firmware=@{self.new}", "-H",
                    "Transfer-Encoding: chunked")

    def test_expect_continue(self):
        board = self.ready()
        done = subprocess.run(
            ["curl", "-sv", "--expect100-timeout", "30", "-H",
             "Expect: 100-continue", "-F", f"firmware=@{self.new}",
             self.url(board)], capture_output=True, text=True, check=True)
        self.assertIn("HTTP/1.1 100 Continue", done.stderr)
        self.assertEqual(done.stdout, SUCCESS)
        self.expect_start(board, "1.1.0")

    def test_gzip_image(self):
        packed = self.file("new.bin.gz",
                           gzip.compress(self.new.read_bytes(), 9, mtime=0))
        self.upload(self.ready(), "-F", f"firmware=@{packed}")

    def test_file_system(self):
        board = self.ready()
        data = bytes(range(256)) * 100
        path = self.file("fs.bin", data)
        _, body = self.curl(board, "-F", f"filesystem=@{path}")
        self.assertEqual(body, SUCCESS)
        self.expect_start(board, "1.0.0")
        self.flash_holds(board, data, 0x200000)

    def test_boundary_with_quotes_and_parameters(self):
        board = self.ready()
        body = (b'--a "b=c\r\nContent-Disposition: form-data; '
                b'name="firmware"; filename="x"\r\n\r\n' +
                self.new.read_bytes() + b'\r\n--a "b=c--\r\n')
        path = self.file("body", body)
        self.upload(board, "--data-binary", f"@{path}", "-H",
                    'Content-Type: multipart/form-data; charset=x; '
                    'boundary="a \\"b=c"; y="z;"')

    def test_basic_and_digest_authentication(self):
        settings = {"password": "geheim", "user": "anna"}
        board = self.ready(settings=settings)
        form = ("-F", f"firmware=@{self.new}")
        head, _ = self.curl(board, *form, expect=401)
        self.assertIn('WWW-Authenticate: Basic realm="Login Required"', head)
        self.curl(board, *form, "-u", "anna:falsch", expect=401)
        self.curl(board, "--digest", *form, "-u", "anna:falsch", expect=401)
        self.assertNotIn("Update: firmware", board.console.text)
        self.upload(board, *form, "--digest", "-u", "anna:geheim")
        _, body = self.curl(board, *form, "--basic", "-u", "anna:geheim")
        self.assertEqual(body, SUCCESS)

    def test_digest_only_takes_no_clear_password(self):
        board = self.ready(settings={"password": "x", "digest_only": "1"})
        self.curl(board, "-u", "admin:x", expect=401)
        self.curl(board, "--digest", "-u", "admin:x")

    def test_files_that_are_refused(self):
        data = self.new.read_bytes()
        rows = ((b"", 400, "ERROR[13]: No data supplied"),
                (bytes(100), 422, "ERROR[10]: Magic byte is not 0xE9"),
                (data[:100], 422, "ERROR[145]"),
                (data[:4096], 422, "ERROR[145]"),
                (data[:4097], 422, "ERROR[145]"),
                (data[:len(data) // 2], 422, "ERROR[145]"),
                (b"\xe9\x01\x02\x40" + bytes(3000000), 422, "ERROR[145]"))
        board = self.ready()
        for content, code, text in rows:
            with self.subTest(size=len(content)):
                path = self.file("f", content)
                _, body = self.curl(board, "-F", f"firmware=@{path}",
                                    expect=code)
                self.assertIn("Update error: " + text, body)
                self.assertIn(text, self.status(board)["refused"] or text)
        self.assertEqual(board.status()["starts"], 1)
        self.upload(board, "-F", f"firmware=@{self.new}")

    def test_sizes_around_a_sector_are_taken(self):
        """4096 and 4097 bytes, and 100, of a file system."""
        board = self.ready(settings={"stay_running": "1"})
        for size in (100, 4096, 4097):
            data = bytes(i * 7 & 255 for i in range(size))
            path = self.file("f", data)
            self.curl(board, "-F", f"filesystem=@{path}")
            self.flash_holds(board, data, 0x200000)

    def test_too_large_file_system_is_413(self):
        board = self.ready()
        path = self.file("f", bytes(0x1fb000))
        _, body = self.curl(board, "-F", f"filesystem=@{path}", expect=413)
        self.assertEqual(body, "Update error: ERROR[4]: Not Enough Space\n")

    def test_wrong_digests_are_422(self):
        board = self.ready()
        for field in (f"md5={'0' * 32}", f"sha256={'0' * 64}"):
            name, value = field.split("=")
            for args in (("-F", field), ("-H", f"x-{name}: {value}")):
                _, body = self.curl(board, *args, "-F",
                                    f"firmware=@{self.new}", expect=422)
                self.assertRegex(body, "MD5 verification failed|ERROR.133.")
        self.assertEqual(board.status()["starts"], 1)

    def test_core_status_says_200(self):
        board = self.ready(settings={"core_status": "1"})
        path = self.file("f", bytes(5000))
        head, body = self.curl(board, "-F", f"firmware=@{path}")
        self.assertIn("Content-Type: text/html", head)
        self.assertEqual(body,
                         "Update error: ERROR[10]: Magic byte is not 0xE9\n")

    def test_other_content_types_are_415(self):
        board = self.ready()
        head, _ = self.curl(board, "--data-binary", f"@{self.new}",
                            expect=415)
        self.assertIn("Connection: close", head)

    def test_busy_application_is_503(self):
        board = self.ready(settings={"busy": "1"})
        head, _ = self.curl(board, "-F", f"firmware=@{self.new}", expect=503)
        self.assertIn("Retry-After: ", head)
        board.expect("^Update declined$")

    def test_page_of_another_site_is_403(self):
        board = self.ready()
        self.curl(board, "-F", f"firmware=@{self.new}", "-H",
                  "Origin: http://evil.example", expect=403)

    def test_options_and_cors(self):
        board = self.ready()
        head, body = self.curl(board, "-X", "OPTIONS")
        self.assertEqual(body, "y")
        self.assertNotIn("Access-Control", head)
        board = self.ready(settings={"allow_origin": "*"})
        head, body = self.curl(board, "-X", "OPTIONS")
        self.assertIn("Access-Control-Allow-Headers: *\r\n"
                      "Access-Control-Allow-Origin: *", head)

    def test_page_in_both_forms(self):
        board = self.ready()
        _, plain = self.curl(board)
        _, packed = self.curl(board, "--compressed")
        self.assertIn("name=filesystem", plain)
        self.assertNotIn("<script>", plain)
        self.assertIn("<script>", packed)


class Raw(WebTest):
    """What no well-behaved client sends."""

    def setUp(self):
        super().setUp()
        self.new = pathlib.Path(sketch("web_updater-1.1.0")).read_bytes()

    def connect(self, board):
        s = socket.create_connection((board.address, PORT), 20)
        self.addCleanup(s.close)
        return s

    def form(self, closing):
        return (b'--x\r\nContent-Disposition: form-data; name="firmware"; '
                b'filename="f"\r\n\r\n' + self.new +
                (b"\r\n--x--\r\n" if closing else b""))

    def head(self, board, length):
        return (f"POST /update HTTP/1.1\r\nHost: {board.address}\r\n"
                "Content-Type: multipart/form-data; boundary=x\r\n"
                f"Content-Length: {length}\r\n\r\n").encode()

    def read(self, s):
        data = b""
        while piece := s.recv(65536):
            data += piece
        return data.decode()

    def test_truncated_bodies(self):
        """With and without the closing boundary; half the file, then gone."""
        board = self.ready()
        for body, length in ((self.form(False), None),
                             (self.form(True), len(self.form(True)) + 10),
                             (self.form(True)[:5000], len(self.form(True)))):
            s = self.connect(board)
            s.sendall(self.head(board, length or len(body)) + body)
            s.shutdown(socket.SHUT_WR)
            answer = self.read(s)
            self.assertTrue(answer.startswith("HTTP/1.1 400 "), answer)
            self.assertIn("ERROR[144]", answer)
        self.assertEqual(board.status()["starts"], 1)

    def test_second_upload_is_409(self):
        board = self.ready()
        body = self.form(True)
        s = self.connect(board)
        s.sendall(self.head(board, len(body)) + body[:9000])
        board.expect("^Update: firmware$")
        path = self.file("f", self.new)
        _, text = self.curl(board, "-F", f"firmware=@{path}", expect=409)
        self.assertEqual(text,
                         "Update error: ERROR[15]: Update already running\n")
        self.assertEqual(self.status(board)["update"], "receiving")
        s.sendall(body[9000:])
        self.assertIn(SUCCESS, self.read(s))
        self.expect_start(board, "1.1.0")

    def test_push_and_page_share_one_updater(self):
        board = self.ready(settings={"ota": "1"})
        body = self.form(True)
        s = self.connect(board)
        s.sendall(self.head(board, len(body)) + body[:9000])
        board.expect("^Update: firmware$")
        done = self.run_program("otter", "push", board.address,
                                sketch("web_updater-1.1.0"), status=None)
        self.assertIn("already running", done.stderr)
        s.sendall(body[9000:])
        self.assertIn(SUCCESS, self.read(s))
        self.expect_start(board, "1.1.0")

    def test_excess_is_refused_politely(self):
        """All places are taken: an upload and two heads that are not
        complete, which keep their places for two seconds."""
        board = self.ready(flavour="")
        hold_upload(self, board)

        def attempt():
            held = [self.connect(board) for _ in range(2)]
            for s in held:
                s.sendall(b"GET /update HTTP/1.1\r\n")
            with self.connect(board) as s:
                s.sendall(f"GET /update/status HTTP/1.1\r\nHost: "
                          f"{board.address}\r\nConnection: close\r\n\r\n"
                          .encode())
                answer = self.read(s)
            for s in held:
                s.close()
            return answer.startswith("HTTP/1.1 503 ") and answer
        answer = otter_testlib.wait_for(attempt, "an answer 503")
        self.assertIn("Retry-After: 1\r\n", answer)
        self.assertEqual(self.status(board)["update"], "receiving")

    def test_slow_and_many_connections_leave_the_device_alive(self):
        """Slow heads in every place and 200 connections at once: ticks go
        on, an update by push too, and afterwards the page is there."""
        board = self.ready(settings={"ota": "1", "heartbeat": "50"},
                           flavour="")
        sockets = []
        for _ in range(200):
            s = socket.socket()
            self.addCleanup(s.close)
            s.setblocking(False)
            s.connect_ex((board.address, PORT))
            sockets.append(s)
        stop = threading.Event()

        def loris():
            while not stop.wait(0.05):
                for s in sockets:
                    try:
                        s.send(b"X")
                    except OSError:
                        pass
        thread = threading.Thread(target=loris, daemon=True)
        thread.start()
        try:
            board.console.skip()
            board.expect("^tick [0-9]+$")
            self.run_program("otter", "push", board.address,
                             sketch("web_updater-1.1.0", ""))
        finally:
            stop.set()
            thread.join()
        self.expect_start(board, "1.1.0")
        for s in sockets:
            s.close()
        self.assertEqual(self.status(board)["version"], "1.1.0")

    @otter_testlib.only("posix", "real firmware has an entry of its own")
    @unittest.skipUnless(FIRMWARE.exists(), "no real firmware here")
    def test_real_firmware_is_staged_and_committed_byte_exactly(self):
        """As it is and packed, and in both cases installed, though a virtual
        board cannot run it."""
        for path in sorted(FIRMWARE.glob("*.gz")):
            data = gzip.decompress(path.read_bytes())
            plain = self.file("f.bin", data)
            for upload in (plain, path):
                with self.subTest(upload.name):
                    self.check_real_firmware(upload, data)

    def check_real_firmware(self, path, data):
        board = self.ready(flavour="")
        sent = path.read_bytes()
        # The header's mode byte is the running sketch's (protocol 2.3).
        mode = board.read_flash(2, 1)
        installed = data
        if sent == data:
            sent = installed = data[:2] + mode + data[3:]
        self.curl(board, "-F",
                  f"md5={hashlib.md5(path.read_bytes()).hexdigest()}", "-F",
                  f"firmware=@{path}")
        board.expect("^board: not runnable on this board")
        self.flash_holds(board, installed)
        self.assertIn(sent, board.read_flash(len(installed)))
        board.stop()


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`otter push --via http` against stock update pages, played from section 4
of the specification by a scripted server: one client at a time, the password
looked at when the whole body is there, failures with 200."""
import base64
import email
import hashlib
import json
import os
import pty
import socket
import struct
import subprocess
import threading
import unittest

from push_peer import LIMIT, OTTER, PushCase, environment, read_until

PAGE = ("<!DOCTYPE html><form method='POST' action='' enctype="
        "'multipart/form-data'>Firmware:<br><input type='file' "
        "name='firmware'></form>")
CORS = ("Content-Type: text/html\r\nAccess-Control-Allow-Headers: *\r\n"
        "Access-Control-Allow-Origin: *\r\n")
SUCCESS = ('<META http-equiv="refresh" content="15;URL=/">'
           "Update Success! Rebooting...")
BASIC = 'WWW-Authenticate: Basic realm="Login Required"\r\n'


class Request:
    def __init__(self, sock):
        self.sock = sock
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            self._more()
        head, _, rest = self.data.partition(b"\r\n\r\n")
        line, _, headers = head.decode("latin-1").partition("\r\n")
        self.method, self.target, _ = line.split(" ")
        self.headers = email.message_from_string(headers)
        self.body = rest
        self.data = b""

    def _more(self):
        piece = self.sock.recv(65536)
        if not piece:
            raise ConnectionError("the uploader hangs up")
        self.data += piece

    def read_body(self, limit=None):
        size = int(self.headers.get("Content-Length", "0"))
        while len(self.body) < min(size, limit or size):
            self._more()
            self.body += self.data
            self.data = b""
        return self.body

    def user(self):
        """Name and password of Basic, or None."""
        value = self.headers.get("Authorization", "")
        scheme, _, rest = value.partition(" ")
        return base64.b64decode(rest).decode() if scheme == "Basic" else None

    def answer(self, status, body, headers=CORS):
        self.sock.sendall(
            f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode() + body.encode())

    def parts(self):
        """The form: {name: (file name, bytes)}."""
        message = email.message_from_bytes(
            b"Content-Type: " + self.headers["Content-Type"].encode() +
            b"\r\n\r\n" + self.read_body())
        return {part.get_param("name", header="content-disposition"):
                (part.get_filename(), part.get_payload(decode=True))
                for part in message.get_payload()}


class Server(threading.Thread):
    """Calls `handle(request)` for one request after the other."""

    def __init__(self, test, handle, address="127.0.0.6", port=0):
        super().__init__(daemon=True)
        self.socket = socket.create_server((address, port))
        self.address, self.port = self.socket.getsockname()
        self.requests = []
        self.failure = None
        self._handle = handle
        test.addCleanup(self.socket.close)
        self.start()

    def run(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return
            with sock:
                sock.settimeout(LIMIT)
                try:
                    request = Request(sock)
                    self.requests.append(
                        (request.method, request.target))
                    self._handle(request)
                except ConnectionError:
                    pass
                except AssertionError as failure:
                    self.failure = failure


def stock(result, password=None):
    """A stock page that answers the upload with `result(request)`, text, or
    nothing at all for None."""
    def handle(request):
        request.read_body()
        if request.target != "/update":
            request.answer("404 Not Found", "Not found: /update/status\n",
                           "Content-Type: text/plain\r\n")
        elif password and request.user() != password:
            request.answer("401 Unauthorized", "", CORS + BASIC)
        elif request.method == "GET":
            request.answer("200 OK", PAGE, "Content-Type: text/html\r\n")
        elif callable(result):
            result(request)
        elif result is not None:
            request.answer("200 OK", result)
    return handle


class Stock(PushCase):
    def push_via(self, handle, *options, status=0, words=(), image=None,
                 env=None):
        server = Server(self, handle)
        result = subprocess.run(
            [OTTER, "push", "--via", "http", "--retries", "0", *options,
             f"{server.address}:{server.port}", str(image or self.image)],
            text=True, capture_output=True, timeout=LIMIT,
            env=environment(env), stdin=subprocess.DEVNULL)
        if server.failure:
            raise server.failure
        self.assert_status(result, status, *words)
        self.server = server
        return result

    def test_file_arrives_as_the_page_would_send_it(self):
        def check(request):
            data = self.image.read_bytes()
            self.assertEqual(request.parts(),
                             {"firmware": ("sketch.bin", data)})
            self.assertEqual(request.headers["x-MD5"],
                             hashlib.md5(data).hexdigest())
            self.assertEqual(request.headers["x-SHA256"],
                             hashlib.sha256(data).hexdigest())
            request.answer("200 OK", SUCCESS)
        self.push_via(stock(check), words=["updated: 40000 bytes in"])
        self.assertEqual(self.server.requests,
                         [("GET", "/update/status"), ("GET", "/update"),
                          ("POST", "/update")])

    def test_file_system_has_its_field(self):
        path = self.write('f"s.bin', b"1234")

        def check(request):
            self.assertEqual(request.parts(),
                             {"filesystem": ("f_s.bin", b"1234")})
            request.answer("200 OK", SUCCESS)
        self.push_via(stock(check), "--fs", image=path)

    def test_oldest_page_says_ok(self):
        self.push_via(stock('<META http-equiv="refresh" content="15;'
                            'URL=/update">OK'))

    def test_error_with_status_200_is_an_error(self):
        for body, word in (
                ("Update error: ERROR[10]: Magic byte is not 0xE9\n",
                 "the device reported: ERROR[10]: Magic byte is not 0xE9"),
                ('<META http-equiv="refresh" content="15;URL=/update">FAIL',
                 "the device reported: FAIL")):
            self.push_via(stock(body), status=21, words=[word])

    def test_answer_of_something_else_is_unknown(self):
        self.push_via(stock("<h1>It works</h1>"), status=22,
                      words=["neither success nor an error: It works"])

    def test_connection_lost_after_the_last_byte_is_unknown(self):
        self.push_via(stock(None), status=22,
                      words=["before the device reported a result"])

        def reset(request):
            request.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                    struct.pack("ii", 1, 0))
        self.push_via(stock(reset), status=22)

    def test_answer_of_unknown_length_ends_with_the_connection(self):
        def answer(request):
            request.sock.sendall(b"HTTP/1.0 200 OK\r\n\r\n" +
                                 SUCCESS.encode())
        self.push_via(stock(answer))

    def test_silence_after_the_last_byte_is_unknown(self):
        done = threading.Event()
        self.addCleanup(done.set)
        self.push_via(stock(lambda request: done.wait(LIMIT)),
                      "--result-timeout", "0.5", status=22,
                      words=["no result came within 1 s"])

    def test_stock_password(self):
        handle = stock(SUCCESS, "admin:geheim")
        self.push_via(handle, status=14)
        self.push_via(handle, "--password", "falsch", status=15,
                      words=["the user admin"])
        self.assertNotIn(("POST", "/update"), self.server.requests)
        self.push_via(handle, env={"OTTER_PASSWORD": "geheim"})

    def test_stale_nonce_is_no_wrong_password(self):
        nonces = []

        def handle(request):
            request.read_body()
            value = request.headers.get("Authorization", "")
            if f'nonce="n{len(nonces)}"' in value and len(nonces) > 1:
                text = SUCCESS if request.method == "POST" else \
                    '{"boot_id":"x"}'
                request.answer("200 OK", text)
                return
            nonces.append(value)
            request.answer("401 Unauthorized", "",
                           'WWW-Authenticate: Digest realm="r\\"x", '
                           f'nonce="n{len(nonces)}", qop="auth,auth-int", '
                           f'algorithm=MD5, stale={"true" if value else "no"}'
                           '\r\n')
        self.push_via(handle, "--password", "p", "--back-timeout", "0.1",
                      status=24)
        self.assertEqual(len(nonces), 2)
        self.assertIn('realm="r\\"x"', nonces[1])

    def test_scheme_that_is_not_known_is_named(self):
        def handle(request):
            request.answer("401 Unauthorized", "",
                           "WWW-Authenticate: Negotiate\r\n")
        self.push_via(handle, "--password", "p", status=17,
                      words=["in a way that is not known here"])

    def test_no_page_there_is_named(self):
        def handle(request):
            request.answer("404 Not Found", "Not found: /update\n")
        self.push_via(handle, status=17, words=["Not found: /update"])

    def test_refusal_ends_the_upload_early(self):
        """The answer comes when a part of a large file is there."""
        path = self.write("large.bin", bytes(8000000))

        def handle(request):
            if request.target != "/update":
                request.answer("404 Not Found", "")
            elif request.method == "GET":
                request.answer("200 OK", PAGE)
            else:
                request.read_body(5000)
                request.answer("413 Content Too Large",
                               "Update error: ERROR[4]: Not Enough Space\n")
                while request.sock.recv(65536):
                    pass
        self.push_via(handle, "--fs", image=path, status=17,
                      words=["refused the update: ERROR[4]: Not Enough"])

    def test_stalled_upload_is_named(self):
        path = self.write("large.bin", bytes(8000000))
        done = threading.Event()
        self.addCleanup(done.set)

        def handle(request):
            if request.method == "GET":
                request.answer("200 OK", PAGE)
            else:
                done.wait(LIMIT)
        self.push_via(handle, "--fs", "--timeout", "0.5", image=path,
                      status=19, words=["the upload stalled at byte"])

    def test_hang_up_in_the_middle_is_named(self):
        path = self.write("large.bin", bytes(8000000))

        def handle(request):
            if request.method == "GET":
                request.answer("200 OK", PAGE)
            else:
                request.read_body(100000)
        self.push_via(handle, "--fs", image=path, status=20,
                      words=["the connection ended at byte"])

    def test_nobody_there_is_named(self):
        with socket.create_server(("127.0.0.6", 0)) as s:
            port = s.getsockname()[1]
        result = subprocess.run(
            [OTTER, "push", "--via", "http", "--timeout", "0.2", "--tries",
             "2", f"127.0.0.6:{port}", str(self.image)], text=True,
            capture_output=True, timeout=LIMIT, env=environment())
        self.assert_status(result, 13, f"answers on TCP port {port}: "
                           "Connection refused", "--page-port")

    def test_sleeping_device_is_waited_for(self):
        """Asked every two seconds, not as often as it can be."""
        with socket.create_server(("127.0.0.6", 0)) as s:
            port = s.getsockname()[1]
        process = subprocess.Popen(
            [OTTER, "push", "--via", "http", "--wait", "60", "--json",
             f"127.0.0.6:{port}", str(self.image)], text=True,
            stdout=subprocess.PIPE, env=environment())
        self.addCleanup(process.kill)
        lines = [process.stdout.readline()]
        self.assertIn('"connecting"', lines[0])
        Server(self, stock(SUCCESS), port=port)
        lines += process.communicate(timeout=LIMIT)[0].splitlines()
        self.assertEqual(process.returncode, 0)
        # Once if the server was there before the first connection.
        self.assertLessEqual(sum('"connecting"' in line for line in lines), 2)

    def test_answer_that_is_not_http_is_named(self):
        def handle(request):
            request.sock.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")
        self.push_via(handle, "--timeout", "0.2", "--tries", "2", status=13,
                      words=["Protocol error"])

    def test_busy_server_is_asked_again(self):
        """All its places are taken, twice when asked and once when the file
        comes."""
        left = {"GET": 2, "POST": 1}

        def handle(request):
            request.read_body()
            if left[request.method] > 0:
                left[request.method] -= 1
                request.answer("503 Service Unavailable", "",
                               "Retry-After: 1\r\n")
            else:
                stock(SUCCESS)(request)
        self.push_via(handle, "--timeout", "0.5", "--retries", "1",
                      "--retry-pause", "0.1", words=["updated: "])

    def test_server_that_stays_busy_is_named(self):
        def handle(request):
            request.answer("503 Service Unavailable", "")
        self.push_via(handle, "--timeout", "0.2", "--tries", "2", status=17,
                      words=["HTTP status 503"])

    def test_new_program_with_another_password_is_updated(self):
        """The device is back and lets nobody look: no reason to call the
        password wrong."""
        updated = []

        def handle(request):
            request.read_body()
            if request.method == "POST":
                updated.append(request.target)
                request.answer("200 OK", SUCCESS)
            elif updated or request.user() != "admin:old":
                request.answer("401 Unauthorized", "", BASIC)
            else:
                request.answer("200 OK", '{"boot_id":"x","version":"1"}')
        self.push_via(handle, "--password", "old", words=["updated: "])

    def test_path_and_port_can_be_chosen(self):
        def handle(request):
            request.read_body()
            if request.target == "/a/b":
                request.answer("200 OK", SUCCESS)
            else:
                request.answer("404 Not Found", "")
        self.push_via(handle, "--path", "/a/b")

    def test_wrong_words_are_usage(self):
        for words in (("--via", "pigeon"), ("--path", "update")):
            result = subprocess.run(
                [OTTER, "push", *words, "127.0.0.6", str(self.image)],
                text=True, capture_output=True, timeout=LIMIT)
            self.assert_status(result, 2, words[1])


class GoAround(PushCase):
    """A device that accepts a push and does not connect back."""

    def script(self, device):
        device.expect_invitation()
        device.reply(b"OK")

    def test_way_around_is_offered(self):
        result = self.push(self.script, "--connect-timeout", "0.2")
        self.assert_status(result, 18, "--via http goes around it")

    def test_person_is_asked(self):
        """On a terminal the way around is a question."""
        for answer, status in (("y", 0), ("n", 18)):
            server = Server(self, stock(SUCCESS), "127.0.0.5")
            device = self.start(self.script)
            words = self.command(device, "--connect-timeout", "0.2",
                                 "--page-port", str(server.port))
            pid, terminal = pty.fork()
            if pid == 0:
                os.execvpe(words[0], words,
                           environment({"TERM": "xterm"}))
            shown = read_until(terminal, b"instead? [y/N] ")
            self.assertIn(f"port {server.port}".encode(), shown)
            os.write(terminal, answer.encode() + b"\n")
            shown += read_until(terminal, None)
            ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            os.close(terminal)
            self.assertEqual(ended, status, shown)
            self.assertIn(b"updated: " if answer == "y" else
                          b"--via http goes around it", shown)
            self.finish(device)

    def test_interrupt_at_the_question_ends_the_run(self):
        """Ctrl-C is no answer: the run was interrupted."""
        device = self.start(self.script)
        words = self.command(device, "--connect-timeout", "0.2")
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe(words[0], words, environment({"TERM": "xterm"}))
        shown = read_until(terminal, b"instead? [y/N] ")
        os.write(terminal, b"\x03")
        shown += read_until(terminal, None)
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(terminal)
        self.assertEqual(ended, 130, shown)
        self.assertIn(b"interrupted", shown)
        self.finish(device)

    def test_auto_takes_the_page_when_nobody_connects_back(self):
        server = Server(self, stock(SUCCESS), "127.0.0.5")
        result = self.push(self.script, "--connect-timeout", "0.2", "--via",
                           "auto", "--page-port", str(server.port), "--json")
        self.assert_status(result, 0)
        events = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual([e["state"] for e in events
                          if e["event"] == "state"],
                         ["inviting", "waiting", "connecting", "sending",
                          "verifying"])
        self.assertEqual(events[-2]["result"], "updated")


if __name__ == "__main__":
    unittest.main()

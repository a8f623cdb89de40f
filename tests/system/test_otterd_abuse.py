# SPDX-License-Identifier: Apache-2.0
"""otterd and those who mean it harm, or do it without meaning to: many
connections, slow ones, broken requests, text that somebody may take for a
command.  It answers or cuts, its memory stays within bounds, and the next
device is served."""
import contextlib
import os
import re
import resource
import select
import socket
import sqlite3
import subprocess
import time
import unittest

from test_otterd import HEADERS, LIMIT, MAC, OTTERD, Case, ask, changed

IDLE = 10000
HALF = b"GET /update HTTP/1.0\r\nUser-Agent: ESP"
EVIL = ["'", "\"", "';--", "' OR '1'='1", "\"; DROP TABLE device; --",
        "%s%n%x", "$(reboot)", "`reboot`", "\\x00", "../../../etc/passwd",
        "<script>alert(1)</script>", "\xff\xfe\x80", "\xc0\xaf\xed\xa0\x80",
        "\xf4\x90\x80\x80", "\x7f\x9b2J", "a" * 4000, ",", " ", "\t;\t"]


class Abuse(Case):
    def start(self, *words):
        """Sanitizers must not keep what is freed: memory is measured."""
        server = subprocess.Popen(
            [OTTERD, "--data", self.data, "--listen", "127.0.0.1:0",
             *map(str, words)], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=1"})
        self.addCleanup(self.end, server)
        return server, int(self.wait_line(
            server.stderr, rb"event=listening .*port=(\d+)"))

    def memory(self, server):
        with open(f"/proc/{server.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) / 1024

    def metric(self, port, name):
        text = ask(port, [], path="/metrics").body.decode()
        found = re.search(rf"(?m)^{re.escape(name)} (\S+)$", text)
        return float(found[1]) if found else None

    def open_many(self, port, count):
        peers = contextlib.ExitStack()
        self.addCleanup(peers.close)
        made = [peers.enter_context(socket.create_connection(
            ("127.0.0.1", port), LIMIT)) for _ in range(count)]
        return peers, made

    def cut(self, peer):
        """Waits until the other side has ended the connection."""
        peer.settimeout(LIMIT)
        with contextlib.suppress(ConnectionError):
            while peer.recv(65536):
                pass

    def test_ten_thousand_idle_connections_cost_little(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = min(IDLE, hard * 3 // 4 - 200)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE,
                        (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.import_table()
        server, port = self.start()
        before = self.memory(server)
        peers, made = self.open_many(port, count)
        for peer in made:
            peer.sendall(HALF)
        # The server has taken all of them when it answers one that came later.
        self.assertEqual(ask(port, HEADERS).body, self.image)
        during = self.memory(server)
        self.assertEqual(self.metric(port, "otterd_connections"), count + 1)
        peers.close()
        print(f"\n{count} idle connections: {before:.0f} MB before, "
              f"{during:.0f} MB with them, {(during - before) * 1024 / count:.1f}"
              " KB each")
        self.assertEqual(ask(port, HEADERS).body, self.image)
        self.assertLess((during - before) * 1024 / count, 24)
        self.stop(server)

    def test_slow_senders_are_cut_and_others_served(self):
        self.import_table()
        server, port = self.start("--patience", 1)
        _, slow = self.open_many(port, 200)
        poller = select.poll()
        for peer in slow:
            peer.sendall(HALF)
            poller.register(peer, select.POLLIN | select.POLLHUP)
        left = {peer.fileno(): peer for peer in slow}
        end = time.monotonic() + LIMIT
        while left:  # each sends a byte now and again, and never ends
            self.assertLess(time.monotonic(), end)
            for peer in left.values():
                with contextlib.suppress(ConnectionError):
                    peer.send(b"8")
            self.assertEqual(ask(port, HEADERS).body, self.image)
            for number, _ in poller.poll(50):
                poller.unregister(number)
                left.pop(number)
        self.assertEqual(self.metric(port, "otterd_connections_cut_total"),
                         200)
        # A connection that is kept alive has the same patience anew.
        with socket.create_connection(("127.0.0.1", port), LIMIT) as peer:
            peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b"200 OK", peer.recv(4096))
        self.stop(server)

    def test_slow_bodies_are_cut_too(self):
        server, port = self.start("--patience", 1)
        _, slow = self.open_many(port, 20)
        for peer in slow:
            peer.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\n"
                         b"Content-Type: application/json\r\n"
                         b"Content-Length: 1000\r\n\r\n{")
        start = time.monotonic()
        left = list(slow)
        while left:
            self.assertLess(time.monotonic() - start, LIMIT)
            for peer in left:
                with contextlib.suppress(ConnectionError):
                    peer.send(b" ")
            ready = select.select(left, [], [], 0.1)[0]
            left = [peer for peer in left if peer not in ready]
        # They had their time: ten times that of a head.
        self.assertGreater(time.monotonic() - start, 8)
        self.assertEqual(self.metric(port, "otterd_connections_cut_total"),
                         20)
        self.stop(server)

    def test_huge_bodies_cost_little(self):
        token = self.run_otterd("token", "test", "admin").strip()
        server, port = self.start()
        before = self.memory(server)
        for path, extra in (("/api/v1/session", ""), ("/api/v1/settings",
                            f"Authorization: Bearer {token}\r\n"),
                            ("/api/v1/settings", "")):
            method = "POST" if "session" in path else "PATCH"
            for body in (b"[" * (4 << 20), b'{"a":"' + b"\xff" * (4 << 20),
                         b"9" * (4 << 20), b'{"a":1,' * 500000):
                answer = self.exchange_raw(port, (
                    f"{method} {path} HTTP/1.0\r\n{extra}"
                    "Content-Type: application/json\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n").encode() + body,
                    end=False)
                self.assertRegex(answer, rb"\AHTTP/1\.1 (401|413) ")
        # Many at once, each with as much as is kept for a stranger.
        _, many = self.open_many(port, 500)
        for peer in many:
            peer.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\n"
                         b"Content-Type: application/json\r\n"
                         b"Content-Length: 60000\r\n\r\n" + b" " * 1000)
        self.assertEqual(ask(port, [], path="/healthz").body, b"ok\n")
        during = self.memory(server)
        print(f"\nhuge bodies: {before:.0f} MB before, {during:.0f} MB after "
              "twelve of 4 MB and with 500 begun")
        self.assertLess(during - before, 40)
        self.stop(server)

    def test_readers_who_do_not_read_cost_little(self):
        self.import_table()
        server, port = self.start()
        before = self.memory(server)
        request = "".join(f"{n}: {v}\r\n" for n, v in HEADERS)
        _, lazy = self.open_many(port, 300)
        for peer in lazy:
            peer.sendall(f"GET /update HTTP/1.0\r\n{request}\r\n".encode())
        self.assertEqual(ask(port, HEADERS).body, self.image)
        during = self.memory(server)
        print(f"\n300 downloads that nobody reads: {before:.0f} MB before, "
              f"{during:.0f} MB with them")
        self.assertLess(during - before, 30)
        self.stop(server)

    def test_limits_on_connections_are_kept(self):
        self.import_table()
        for option in ("--per-address", "--connections"):
            server, port = self.start(option, 8)
            peers, many = self.open_many(port, 40)
            # Those above the limit are closed at once or wait; none is
            # served beside the eight.
            for peer in many[:4]:
                self.cut_or_answer(peer)
            peers.close()
            self.eventually_served(port)
            self.stop(server)

    def cut_or_answer(self, peer):
        with contextlib.suppress(ConnectionError):
            peer.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        self.cut(peer)

    def eventually_served(self, port):
        end = time.monotonic() + LIMIT
        while ask(port, HEADERS).status != 200:
            self.assertLess(time.monotonic(), end)

    def test_text_in_any_header_stays_text(self):
        self.import_table()
        self.run_otterd("policy", "accept")
        server, port = self.start()
        statuses = set()
        for name, _ in HEADERS:
            for evil in EVIL:
                headers = [(n, evil if n == name else v) for n, v in HEADERS]
                if name == "Content-Length":
                    continue
                statuses.add(ask(port, headers).status)
        for evil in EVIL:
            for name in ("Range", "If-Range", "X-Forwarded-For", "Cookie",
                         "Authorization", "Host", "x-ESP8266-nothing"):
                statuses.add(ask(port, [*HEADERS, (name, evil)]).status)
            statuses.add(ask(port, HEADERS, path=f"/update?{evil}").status)
        self.assertLessEqual(statuses, {200, 206, 304, 400, 401, 403, 416,
                                        500}, statuses)
        self.assertEqual(ask(port, HEADERS).body, self.image)
        self.assertIsNone(server.poll())
        self.stop(server)
        with contextlib.closing(
                sqlite3.connect(self.data / "otterd.db")) as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(),
                             [("ok",)])
            rows = db.execute("SELECT mac, version, headers FROM device")
            for mac, version, headers in rows.fetchall():
                self.assertIn(mac, (0x18FEAAAAAAAA, 0x18FEAAAAAABB))
                self.assertRegex(version + headers, r"\A[ -~\n]*\Z")
        self.assertIn("state accepted", self.run_otterd("device", MAC))

    def test_paths_lead_nowhere_else(self):
        self.import_table()
        server, port = self.start()
        db = (self.data / "otterd.db").name
        for path in ("/../../../../etc/passwd", "/update/../../etc/passwd",
                     "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd",
                     "/..%2f..%2fetc%2fpasswd", "/console/../../etc/passwd",
                     "/console/%2e%2e/%2e%2e/etc/passwd", f"/../{db}",
                     "/console/..\\..\\etc\\passwd", f"/firmware/../{db}",
                     "/update%00.php", "/update/", "/UPDATE", "*",
                     "/console//etc/passwd", "/" + "../" * 2000,
                     "/%" * 1000, "/%zz%2", "/?" + "a=b&" * 100):
            with self.subTest(path=path[:60]):
                answer = ask(port, HEADERS, path=path)
                self.assertIn(answer.status, (302, 400, 404, 413, 414, 431))
                self.assertNotIn(b"root:", answer.body)
                self.assertNotIn(b"SQLite", answer.body)
        self.stop(server)

    def exchange_raw(self, port, raw, end=True):
        """All that comes back, however often the other side answers."""
        with socket.create_connection(("127.0.0.1", port), LIMIT) as peer:
            peer.settimeout(LIMIT)
            answer = b""
            with contextlib.suppress(OSError):
                peer.sendall(raw)
                if end:
                    peer.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while more := peer.recv(65536):
                    answer += more
        return answer

    def test_broken_requests_get_an_answer_or_an_end(self):
        self.import_table()
        # The end of a request that never was one may be noticed late.
        server, port = self.start("--patience", 1)
        before = self.memory(server)
        good = "".join(f"{n}: {v}\r\n" for n, v in HEADERS).encode()
        start = b"GET /update HTTP/1.0\r\n" + good
        for raw in (start + b"X: " + b"a" * 60000 + b"\r\n\r\n",
                    start + b"x: y\r\n" * 20000 + b"\r\n",
                    b"GET /" + b"a" * 100000 + b" HTTP/1.0\r\n\r\n",
                    b"A" * 200000, b"\x00" * 100000, b"\n" * 100000,
                    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 50,
                    start + b"no colon here\r\n\r\n",
                    start + b" folded: line\r\n\r\n",
                    start + b": no name\r\n\r\n",
                    start + b"x\x00y: z\r\n\r\n",
                    b"GET http://elsewhere/update HTTP/1.0\r\n" + good
                    + b"\r\n",
                    b"POST /update HTTP/1.1\r\nHost: x\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
                    b"POST /update HTTP/1.1\r\nHost: x\r\n"
                    b"Content-Length: 99999999999999999999\r\n\r\n",
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            answer = self.exchange_raw(port, raw)
            with self.subTest(raw=raw[:50]):
                self.assertRegex(answer, rb"\A(HTTP/1\.[01] \d{3} [^\0]*)?\Z"
                                 if b"octet-stream" not in answer
                                 else rb"\AHTTP/1\.[01] 200 ")
        self.assertEqual(ask(port, HEADERS).body, self.image)
        self.assertLess(self.memory(server) - before, 20)
        self.stop(server)

    def test_nothing_is_chunked_and_http_1_0_ends_the_connection(self):
        self.import_table()
        server, port = self.start()
        stranger = changed(STA_MAC="18:FE:00:00:00:09")
        for headers, path in ((HEADERS, "/update"), (stranger, "/update"),
                              (changed(ESP8266_version="DOOR-7-g14f53a19"),
                               "/update"), ([], "/update"),
                              (HEADERS, "/nowhere"), ([], "/healthz"),
                              ([], "/metrics")):
            answer = ask(port, headers, path=path)  # returns: it was closed
            with self.subTest(path=path, status=answer.status):
                self.assertNotIn("transfer-encoding", answer.headers)
                self.assertNotIn("content-encoding", answer.headers)
                self.assertNotIn("content-range", answer.headers)
                self.assertNotEqual(answer.status, 206)
                self.assertNotEqual(
                    answer.headers.get("connection", "").lower(),
                    "keep-alive")
                if answer.body:
                    self.assertEqual(answer.headers["content-length"],
                                     str(len(answer.body)))
        # HTTP/1.1: two in one connection, each with its length.
        last = "GET /update HTTP/1.1\r\nHost: x\r\n" + "".join(
            f"{n}: {v}\r\n" for n, v in stranger) + "\r\n"
        first = last.replace("Connection: close\r\n", "")
        both = self.exchange_raw(port, (first + last).encode(), end=False)
        self.assertEqual(both.count(b"HTTP/1.1 500 "), 2)
        self.assertNotIn(b"chunked", both.lower())
        self.stop(server)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""otterd over real sockets: compared with the manual's script, against the
recorded exchanges, and with input that no device sends."""
import contextlib
import hashlib
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from otter_esp32 import make_esp32_image
from push_peer import make_image

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OTTERD = os.environ.get("OTTERD", ROOT / "build/debug/bin/otterd")
SHARED = pathlib.Path(os.environ.get("OTTER_SHARED", ROOT / "../shared"))
TRACES = SHARED / "data" / "traces"
LIMIT = 30  # seconds for anything that is waited for
MAC = "18:FE:AA:AA:AA:AA"
OTHER = "18:FE:AA:AA:AA:BB"
HEADERS = [
    ("User-Agent", "ESP8266-http-Update"), ("Connection", "close"),
    ("x-ESP8266-Chip-ID", "15602487"), ("x-ESP8266-STA-MAC", MAC),
    ("x-ESP8266-AP-MAC", "1A:FE:AA:AA:AA:AA"),
    ("x-ESP8266-free-space", "2744320"),
    ("x-ESP8266-sketch-size", "400000"),
    ("x-ESP8266-sketch-md5", "c722ab5a998d8efd4fc15d53f58b63dd"),
    ("x-ESP8266-chip-size", "4194304"), ("x-ESP8266-sdk-version", "2.5.0"),
    ("x-ESP8266-mode", "sketch"), ("x-ESP8266-version", "DOOR-6-old"),
    ("Content-Length", "0")]
NAMED = ("content-type", "content-disposition", "x-md5")


def changed(**changes):
    """The usual headers, some with another value, or None for without; keys
    are the ends of names with _ for -."""
    out = []
    for name, value in HEADERS:
        for key, other in changes.items():
            if name.lower().endswith(key.lower().replace("_", "-")):
                value = other
        if value is not None:
            out.append((name, value))
    return out


class Answer:
    def __init__(self, raw):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        match = re.match(r"HTTP/1\.[01] (\d+) ", lines[0] + " ")
        self.status = int(match[1]) if match else None
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()


def exchange(port, raw):
    """Sends bytes and reads until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), LIMIT) as peer:
        peer.settimeout(LIMIT)
        answer = b""
        with contextlib.suppress(ConnectionError):
            peer.sendall(raw)
        with contextlib.suppress(ConnectionError):
            while more := peer.recv(65536):
                answer += more
    return Answer(answer)


def ask(port, headers, path="/update", method="GET"):
    lines = [f"{method} {path} HTTP/1.0", f"Host: 127.0.0.1:{port}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return exchange(port, "\r\n".join([*lines, "", ""]).encode("latin-1"))


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="otterd-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.data = self.folder / "data"
        self.image = make_image(409600)
        (self.folder / "bin").mkdir()
        (self.folder / "bin/DOOR-7-g14f53a19bin").write_bytes(self.image)
        (self.folder / "table.txt").write_text(
            f"{MAC} DOOR-7-g14f53a19\n{OTHER} DOOR-7-g14f53a19\n")

    def run_otterd(self, *words, code=0):
        done = subprocess.run([OTTERD, "--data", self.data, *words],
                              capture_output=True, text=True, timeout=LIMIT,
                              check=False)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout + done.stderr

    def import_table(self):
        self.run_otterd("import", self.folder / "table.txt",
                        self.folder / "bin")

    def serve(self, at=0):
        server = subprocess.Popen(
            [OTTERD, "--data", self.data, "--listen", f"127.0.0.1:{at}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(self.end, server)
        port = self.wait_line(server.stderr, rb"event=listening .*port=(\d+)")
        return server, int(port)

    def wait_line(self, stream, pattern):
        end = time.monotonic() + LIMIT
        text = b""
        while not (match := re.search(pattern, text)):
            left = end - time.monotonic()
            self.assertTrue(select.select([stream], [], [], max(left, 0))[0],
                            text)
            more = os.read(stream.fileno(), 4096)
            self.assertTrue(more, text)
            text += more
        return match[1]

    def end(self, process):
        if process.poll() is None:
            process.terminate()
        process.wait(LIMIT)
        process.stderr.close()

    def stop(self, server):
        """Ends it cleanly: what it saw is then in the database."""
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(LIMIT), 0, server.stderr.read())


class Script(Case):
    """The manual's script under php, asked the same things."""

    def serve_php(self):
        script = subprocess.Popen(
            ["php", "-d", "display_errors=0", "-S", "127.0.0.1:0",
             HERE / "pull_script.php"], cwd=self.folder,
            env={**os.environ, "OTTER_TABLE": str(self.folder)},
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(self.end, script)
        return int(self.wait_line(script.stderr,
                                  rb"\(http://127\.0\.0\.1:(\d+)\) started"))

    @staticmethod
    def requests():
        names = [name for name, _ in HEADERS]
        for gone in names:
            yield [h for h in HEADERS if h[0] != gone]
            for other in names:  # two missing
                if other > gone:
                    yield [h for h in HEADERS if h[0] not in (gone, other)]
        for agent in ("", "esp8266-http-update", "ESP8266-http-Update/1",
                      "ESP8266-http-Updat", "curl/7", "x" * 300):
            yield changed(User_Agent=agent)
        for mac in (MAC, OTHER, MAC.lower(), MAC.replace(":", "-"),
                    MAC.replace(":", ""), MAC[:-1], MAC + "A", MAC + " x", "",
                    "18:FE:AA:AA:AA:AG", "00:00:00:00:00:00", "x" * 200,
                    "FF:FF:FF:FF:FF:FF", "18:fe:AA:AA:AA:AA", "1:2:3:4:5:6",
                    f"{MAC}, {MAC}", "' OR 1=1 --", "\xff\xfe"):
            for version in ("DOOR-7-g14f53a19", "DOOR-6-old", ""):
                yield changed(STA_MAC=mac, ESP8266_version=version)
        for version in ("DOOR-7-g14f53a19", "door-7-g14f53a19", "0", "1.0",
                        "DOOR-7-g14f53a19 ", "DOOR-7-g14f53a190",
                        "DOOR-7-g14f53a1", "'; DROP TABLE device; --", "%s%n",
                        "../../etc/passwd", "\xc3\xa4\xff", "v" * 62,
                        "v" * 63, "v" * 64, "v" * 2000):
            yield changed(ESP8266_version=version)
        evil = ("", "'", "\";--", "%n%s", "\xff", "-1", "99999999999999999999",
                "4194304x", "0x10", "a" * 100)
        for name, _ in HEADERS[2:12]:
            for value in evil:
                yield [h for h in HEADERS if h[0] != name] + [(name, value)]
            yield [*HEADERS, (name, "again")]
            yield [(n.upper(), v) for n, v in HEADERS if n != name]

    def test_otterd_answers_like_the_script(self):
        self.import_table()
        _, port = self.serve()
        script = self.serve_php()
        statuses = {}
        for number, headers in enumerate(self.requests()):
            for method in ("GET", "HEAD") if number % 7 == 0 else ("GET",):
                wanted = ask(script, headers, method=method)
                got = ask(port, headers, method=method)
                with self.subTest(number=number, headers=headers):
                    self.assertEqual(got.status, wanted.status)
                    self.assertEqual(got.body, wanted.body)
                    for name in NAMED:
                        self.assertEqual(got.headers.get(name),
                                         wanted.headers.get(name), name)
                    if wanted.status == 200:
                        self.assertEqual(got.headers["content-length"],
                                         wanted.headers["content-length"])
                statuses[got.status] = statuses.get(got.status, 0) + 1
        self.assertGreater(sum(statuses.values()), 250)
        self.assertEqual(set(statuses), {200, 304, 403, 500})


class Traces(Case):
    @unittest.skipUnless(TRACES.is_dir(), "no recordings, see OTTER_SHARED")
    def test_otterd_answers_recorded_requests(self):
        self.import_table()
        self.run_otterd("path", "/update.php")
        _, port = self.serve()
        played = 0
        for trace in sorted(TRACES.glob("http-*.txt")):
            lines = [line.split(" text ", 1) for line in
                     trace.read_text().splitlines() if " text " in line]
            texts = [(way.split()[2], text.replace("\\r\\n", "\r\n")
                      .replace("\\n", "\n").encode()) for way, text in lines]
            request = b"".join(t for p, t in texts if p != "8081")
            recorded = Answer(b"".join(t for p, t in texts if p == "8081"))
            got = exchange(port, request)
            with self.subTest(trace=trace.name):
                self.assertEqual(got.status, recorded.status)
                for name in ("content-type", "content-disposition",
                             "content-length"):
                    if name in recorded.headers:
                        self.assertEqual(got.headers.get(name),
                                         recorded.headers[name], name)
                if got.status == 200:
                    # The recorded file is another, in two cases a broken one
                    # that otterd refuses to take.
                    self.assertEqual(got.body, self.image)
                    self.assertEqual(got.headers["x-md5"],
                                     hashlib.md5(self.image).hexdigest())
                else:
                    self.assertEqual(got.body, recorded.body)
            played += 1
        self.assertGreaterEqual(played, 6)


class Server(Case):
    def test_otterd_policy_and_decisions_are_kept_and_explained(self):
        self.import_table()
        new = "18:FE:AA:00:00:01"
        server, port = self.serve()
        self.assertEqual(ask(port, changed(STA_MAC=new)).status, 500)
        self.assertEqual(ask(port, changed()).status, 200)
        self.stop(server)
        self.assertIn("state pending", self.run_otterd("device", new))
        said = self.run_otterd("device", MAC)
        self.assertIn("state accepted", said)
        self.assertIn("answer The device runs version DOOR-6-old and version "
                      "DOOR-7-g14f53a19 is meant for it.", said)
        self.assertRegex(said, r"history \d+ reported DOOR-6-old")
        self.run_otterd("device", MAC, "block")
        self.run_otterd("policy", "accept")
        server, port = self.serve()
        self.assertEqual(ask(port, changed()).status, 500)
        # While it runs, too.
        self.run_otterd("device", MAC, "accept")
        self.assertEqual(ask(port, changed()).status, 200)
        second = "18:FE:AA:00:00:02"
        self.assertEqual(ask(port, changed(STA_MAC=second)).status, 500)
        self.stop(server)
        self.assertIn("state accepted", self.run_otterd("device", second))

    def test_otterd_holds_what_does_not_fit(self):
        self.import_table()
        server, port = self.serve()
        self.assertEqual(ask(port, changed(free_space="409599")).status, 304)
        self.assertEqual(ask(port, changed(free_space="409600")).status, 200)
        self.assertEqual(ask(port, changed(chip_size="524287")).status, 304)
        self.stop(server)
        self.assertIn("524287", self.run_otterd("device", MAC))

    def test_otterd_never_sends_a_sketch_to_a_file_system(self):
        self.import_table()
        _, port = self.serve()
        self.assertEqual(ask(port, changed(mode="spiffs")).status, 500)
        answer = ask(port, changed(mode="version"))
        self.assertEqual((answer.status, answer.body), (200, b""))
        self.assertEqual(answer.headers["x-version"], "DOOR-7-g14f53a19")

    def test_otterd_hears_the_esp32(self):
        self.import_table()
        _, port = self.serve()
        (self.folder / "bin/DOOR-7-g14f53a19bin").write_bytes(
            make_esp32_image(4096))
        self.import_table()
        twins = [(n.replace("8266", "32"), v.replace("8266", "32"))
                 for n, v in HEADERS]
        self.assertEqual(ask(port, twins).body, make_esp32_image(4096))
        mixed = [twins[0], *HEADERS[1:]]
        self.assertEqual(ask(port, mixed).status, 403)

    def test_otterd_sends_ranges_to_who_asks(self):
        self.import_table()
        _, port = self.serve()
        whole = ask(port, HEADERS)
        etag = whole.headers["etag"]
        size = len(self.image)
        good = [("bytes=0-0", 0, 1), ("bytes=1000-", 1000, size),
                (f"bytes={size - 1}-", size - 1, size),
                ("bytes=-5", size - 5, size), ("bytes=7-999999999", 7, size),
                (f"bytes=-{size + 9}", 0, size)]
        for text, first, end in good:
            with self.subTest(range=text):
                part = ask(port, [*HEADERS, ("Range", text),
                                  ("If-Range", etag)])
                self.assertEqual(part.status, 206)
                self.assertEqual(part.body, self.image[first:end])
                self.assertEqual(part.headers["content-range"],
                                 f"bytes {first}-{end - 1}/{size}")
                self.assertEqual(part.headers["x-md5"],
                                 whole.headers["x-md5"])
        for text in ("bytes=5-2", "bytes=a-", "bytes=0-1,4-5", "lines=0-1",
                     "bytes=-", "bytes=4294967296-", "bytes=" + "1" * 90):
            with self.subTest(range=text):
                self.assertEqual(ask(port, [*HEADERS, ("Range", text)]).body,
                                 self.image)
        for text in (f"bytes={size}-", "bytes=-0"):
            self.assertEqual(ask(port, [*HEADERS, ("Range", text)]).status,
                             416)
        other = ask(port, [*HEADERS, ("Range", "bytes=9-"),
                           ("If-Range", '"another"')])
        self.assertEqual((other.status, other.body), (200, self.image))
        head = ask(port, [*HEADERS, ("Range", "bytes=9-")], method="HEAD")
        self.assertEqual((head.status, head.headers["content-length"]),
                         (200, str(size)))

    def test_otterd_notices_a_file_that_changed_under_it(self):
        """Files that devices have got already are kept open."""
        self.import_table()
        _, port = self.serve()
        for _ in range(3):
            self.assertEqual(ask(port, HEADERS).body, self.image)
        file, = (self.data / "firmware").iterdir()
        whole = file.read_bytes()
        file.unlink()
        self.assertEqual(ask(port, HEADERS).status, 503)
        file.write_bytes(whole)
        self.assertEqual(ask(port, HEADERS).body, self.image)
        file.write_bytes(whole[:-1])
        self.assertEqual(ask(port, HEADERS).status, 503)
        file.write_bytes(whole)
        self.assertEqual(ask(port, HEADERS).body, self.image)

    def test_otterd_serves_more_files_than_it_keeps_open(self):
        images = {f"v{n}": make_image(8192 + 16 * n) for n in range(24)}
        macs = {f"18:FE:AA:AA:BB:{n:02X}": f"v{n}" for n in range(24)}
        for version, image in images.items():
            (self.folder / "bin" / f"{version}.bin").write_bytes(image)
        (self.folder / "table.txt").write_text(
            "".join(f"{mac} {version}\n" for mac, version in macs.items()))
        self.import_table()
        _, port = self.serve()
        for _ in range(2):
            for mac, version in macs.items():
                answer = ask(port, changed(STA_MAC=mac))
                self.assertEqual(answer.body, images[version])
                self.assertEqual(answer.headers["content-disposition"],
                                 f"attachment; filename={version}.bin")

    def test_otterd_withstands_bad_input(self):
        self.import_table()
        server, port = self.serve()
        other = ask(port, HEADERS, path="/other")
        self.assertEqual(other.status, 404)
        self.assertIn(b"devices to /update", other.body)
        for path in ("/../../etc/passwd", "/update/..%2f", "/%00", "/\xff",
                     "/" + "a" * 4000, "/update' OR 1=1"):
            self.assertIn(ask(port, HEADERS, path=path).status, (400, 404))
        self.assertEqual(ask(port, HEADERS, method="POST").status, 405)
        self.assertEqual(ask(port, HEADERS, method="DELETE").status, 405)
        huge = ask(port, [*HEADERS, ("x-big", "a" * 100000)])
        self.assertIn(huge.status, (413, 431, 400))
        many = ask(port, [*HEADERS, *[(f"x-{i}", "v") for i in range(5000)]])
        self.assertIn(many.status, (413, 431, 400))
        for raw in (b"\r\n\r\n", b"GET\r\n\r\n", b"\x00" * 64 + b"\r\n\r\n",
                    b"GET /update HTTP/9.9\r\n\r\n",
                    b"POST /update HTTP/1.0\r\nContent-Length: -1\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), LIMIT) as peer:
                peer.sendall(raw)
                peer.shutdown(socket.SHUT_WR)
        idle = []
        self.addCleanup(lambda: [peer.close() for peer in idle])
        for _ in range(300):  # half a request each
            peer = socket.create_connection(("127.0.0.1", port), LIMIT)
            idle.append(peer)
            peer.sendall(b"GET /update HTTP/1.0\r\nUser-Agent: ESP")
        self.assertEqual(ask(port, HEADERS).body, self.image)
        self.assertEqual(ask(port, [], path="/healthz").body, b"ok\n")
        metrics = ask(port, [], path="/metrics").body.decode()
        self.assertRegex(
            metrics, r'otterd_http_responses_total\{code="405"\} 2\n')
        self.assertIn("otterd_sightings_lost_total 0\n", metrics)
        self.assertIsNone(server.poll())
        self.stop(server)

    def test_otterd_import_takes_all_or_nothing(self):
        table = self.folder / "table.txt"
        good = f"# fleet\n\n{MAC.lower()} DOOR-7-g14f53a19\r\n"
        (self.folder / "bin/broken.bin").write_bytes(b"\x00" + self.image[1:])
        (self.folder / "bin/flipped.bin").write_bytes(
            self.image[:5000] + bytes([self.image[5000] ^ 1])
            + self.image[5001:])
        for bad, why in (("nonsense", "expected a MAC"),
                         (f"{MAC}", "expected a MAC"),
                         (f"{MAC} a b", "expected a MAC"),
                         (f"{MAC}0 a", "expected a MAC"),
                         (f"{MAC} ../x", "expected a MAC"),
                         (f"{MAC} {'v' * 63}", "expected a MAC"),
                         (f"{MAC} absent", "no firmware"),
                         (f"{MAC} broken", "begins with 0x00"),
                         (f"{MAC} flipped", "checksum"),
                         ("x" * 600, "too long")):
            with self.subTest(bad=bad):
                table.write_text(good + bad + "\n")
                said = self.run_otterd("import", table, self.folder / "bin",
                                       code=1)
                self.assertIn(":4: ", said)
                self.assertIn(why, said)
        self.run_otterd("device", MAC, code=1)
        table.write_text(good)
        self.run_otterd("import", table, self.folder / "bin")
        self.assertIn("state accepted", self.run_otterd("device", MAC))

    def test_otterd_starts_again_at_its_port(self):
        server, port = self.serve()
        with socket.create_connection(("127.0.0.1", port), LIMIT) as peer:
            peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertIn(b"200 OK", peer.recv(4096))
            self.stop(server)  # ends a connection, whose port is busy now
            while peer.recv(4096):
                pass
        self.assertEqual(self.serve(port)[1], port)

    def test_otterd_wrong_use_is_told(self):
        self.assertIn("--listen", self.run_otterd("--help"))
        self.run_otterd("nothing", code=2)
        self.run_otterd("device", "18FE", code=2)
        self.run_otterd("policy", "maybe", code=2)
        self.run_otterd("--listen", "nowhere", code=2)
        _, port = self.serve()
        self.assertIn("in use", self.run_otterd(
            "--listen", f"127.0.0.1:{port}", code=1))


if __name__ == "__main__":
    unittest.main()

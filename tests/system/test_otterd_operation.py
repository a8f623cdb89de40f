# SPDX-License-Identifier: Apache-2.0
"""otterd as somebody who keeps it sees it: configuration, logs, TLS, the end
of the process, and what stands before it."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import unittest
import warnings

from push_peer import make_image
from test_otterd import (HEADERS, LIMIT, MAC, OTTERD, Answer, Case, ask,
                         changed)


def make_certificate(folder, name, days=30):
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
         cert, "-days", str(days), "-subj", f"/CN={name}", "-addext",
         "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True, timeout=LIMIT)
    return cert, key


class Keeper(Case):
    """Servers with a configuration of their own."""

    def start(self, *words, environment=None):
        server = subprocess.Popen(
            [OTTERD, *map(str, words)], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})})
        self.addCleanup(self.end, server)
        return server

    def port_of(self, server):
        return int(self.wait_line(server.stderr,
                                  rb'event=listening .*tls=no port=(\d+)'))


class Configuration(Keeper):
    def test_otterd_is_configured_by_a_file_and_the_environment(self):
        self.import_table()
        conf = self.folder / "otterd.conf"
        conf.write_text(f"data = {self.folder}/elsewhere\n"
                        "listen = 127.0.0.1:0   \nlog-format = json\n")
        server = self.start(environment={"OTTERD_CONFIG": str(conf),
                                         "OTTERD_DATA": str(self.data)})
        port = int(self.wait_line(server.stderr, rb'"port":(\d+)\}'))
        self.assertEqual(ask(port, changed()).body, self.image)
        self.stop(server)
        conf.write_text("listen = here\n")
        wrong = subprocess.run([OTTERD, "--config", conf, "--data", "x"],
                               capture_output=True, text=True, timeout=LIMIT,
                               check=False)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn(f'{conf}:1: listen wants ADDRESS:PORT', wrong.stderr)

    def test_otterd_log_is_one_line_an_event_whatever_is_sent(self):
        self.import_table()
        evil = '1" level=error event=forged x="\x1b[2J\xff'
        for form in ("text", "json"):
            server = self.start("--data", self.data, "--listen",
                                "127.0.0.1:0", "--log-level", "debug",
                                "--log-format", form)
            port = int(self.wait_line(server.stderr, rb'port"?[=:](\d+)'))
            ask(port, changed(ESP8266_version=evil))
            server.send_signal(signal.SIGTERM)
            log = server.stderr.read().decode("ascii")
            self.assertEqual(server.wait(LIMIT), 0)
            asked = [line for line in log.splitlines() if "asked" in line]
            self.assertEqual(len(asked), 1)
            if form == "json":
                event = json.loads(asked[0])
                self.assertEqual((event["level"], event["event"]),
                                 ("debug", "asked"))
                self.assertIn("event=forged", event["version"])
            else:
                self.assertRegex(
                    asked[0], r'^time=\S+Z level=debug event=asked '
                    r'mac=\w{12} address=127\.0\.0\.1 '
                    r'version="1\\" level=error event=forged x=\\"[^"]*"')
            for line in log.splitlines():
                self.assertNotRegex(line, r"[^ -~]")
            self.assertIn("stopped", log)

    def test_otterd_log_tells_who_changed_something_and_who_was_refused(self):
        token = self.run_otterd("token", "alice", "admin").strip()
        server = self.start("--data", self.data, "--listen", "127.0.0.1:0")
        port = self.port_of(server)
        peer = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT)
        self.addCleanup(peer.close)
        for secret, status in ((token, 200), ("otter_wrong", 401)):
            peer.request("PATCH", f"/api/v1/devices/{MAC}",
                         '{"state":"accepted"}',
                         {"Authorization": f"Bearer {secret}"})
            answer = peer.getresponse()
            answer.read()
            self.assertEqual(answer.status, status)
        peer.close()
        server.send_signal(signal.SIGTERM)
        log = server.stderr.read().decode("ascii")
        self.assertEqual(server.wait(LIMIT), 0)
        self.assertIn("event=changed who=alice address=127.0.0.1 method=PATCH "
                      f"path=/devices/{{mac}} thing={MAC} status=200\n", log)
        self.assertIn("event=token address=127.0.0.1 why=", log)
        self.assertNotIn(token, log)
        self.assertNotIn("otter_wrong", log)

    def test_otterd_tells_the_journal_the_level(self):
        listener = self.folder / "journal"
        listener.touch()
        with open(listener, "w+b") as journal:
            status = os.fstat(journal.fileno())
            server = subprocess.Popen(
                [OTTERD, "--data", self.data, "--listen", "127.0.0.1:0"],
                stdout=subprocess.DEVNULL, stderr=journal, env={
                    **os.environ, "JOURNAL_STREAM":
                    f"{status.st_dev}:{status.st_ino}"})
            server.send_signal(signal.SIGTERM)
            server.wait(LIMIT)
        # The signal may have come before there was anything to say.
        if text := listener.read_text():
            self.assertRegex(text, r"\A<6>level=info event=")


class Refusals(Keeper):
    def test_otterd_says_why_it_does_not_start(self):
        bad = self.folder / "bad"
        bad.mkdir()
        (bad / "otterd.db").write_bytes(os.urandom(8192))
        newer = self.folder / "newer"
        self.data = newer
        self.run_otterd("policy", "accept")
        with contextlib.closing(sqlite3.connect(newer / "otterd.db")) as db:
            db.execute("PRAGMA user_version = 99")
        for folder, why in (
                (self.folder / "table.txt", "unable to open"),
                (self.folder / "none/deeper", "cannot be made: No such file"),
                (bad, "file is not a database"),
                (newer, "schema 99 and this server knows")):
            for words in ((), ("policy", "accept"),
                          ("backup", self.folder / "copy.tar")):
                self.data = folder
                said = self.run_otterd(*words, code=1)
                self.assertIn(str(folder), said)
                if not words or words[0] == "policy":
                    self.assertIn(why, said)
                self.assertFalse((self.folder / "copy.tar").exists())
                if folder == newer:
                    break  # a copy of it is as good as any
        self.data = self.folder / "good"
        said = self.run_otterd("--listen", "192.0.2.1:80", code=1)
        self.assertIn("cannot listen at 192.0.2.1:80", said)


class Addresses(Keeper):
    def ask_at(self, address, port):
        with socket.create_connection((address, port), LIMIT) as peer:
            peer.sendall(("GET /update HTTP/1.0\r\n" + "".join(
                f"{n}: {v}\r\n" for n, v in HEADERS) + "\r\n").encode())
            text = b""
            while more := peer.recv(65536):
                text += more
        return Answer(text).body

    @unittest.skipUnless(socket.has_dualstack_ipv6(), "no IPv6")
    def test_otterd_listens_on_ipv6_and_with_all_addresses_on_both(self):
        self.import_table()
        for listen, addresses, known in (
                ("[::1]:0", ["::1"], "::1"),
                ("[::]:0", ["::1", "127.0.0.1"], "127.0.0.1")):
            server = self.start("--data", self.data, "--listen", listen)
            port = self.port_of(server)
            for address in addresses:
                self.assertEqual(self.ask_at(address, port), self.image)
            self.stop(server)
            self.assertIn(f"address {known}\n",
                          self.run_otterd("device", MAC))
        server = self.start("--data", self.data, "--listen", "[::1]:0")
        with self.assertRaises(ConnectionRefusedError):
            self.ask_at("127.0.0.1", self.port_of(server))


class End(Keeper):
    """SIGTERM while a device downloads."""

    @classmethod
    def setUpClass(cls):
        cls.large = make_image(8 << 20)  # more than sockets hold

    def begin(self, *words):
        self.image = self.large
        (self.folder / "bin/DOOR-7-g14f53a19bin").write_bytes(self.image)
        self.import_table()
        server = self.start("--data", self.data, "--listen", "127.0.0.1:0",
                            *words)
        self.port = self.port_of(server)
        peer = socket.socket()
        self.addCleanup(peer.close)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        peer.settimeout(LIMIT)
        peer.connect(("127.0.0.1", self.port))
        headers = "".join(f"{n}: {v}\r\n" for n, v in HEADERS)
        headers = headers.replace("2744320", "99999999")
        headers = headers.replace("4194304", "16777216")
        peer.sendall(f"GET /update HTTP/1.0\r\n{headers}\r\n".encode())
        start = peer.recv(1000)
        self.assertIn(b"200 OK", start)
        server.send_signal(signal.SIGTERM)
        return server, peer, start

    def read_all(self, peer, start):
        text = [start]
        try:
            while more := peer.recv(1 << 20):
                text.append(more)
        except ConnectionError:
            pass
        return Answer(b"".join(text)).body

    def test_otterd_lets_a_download_end(self):
        server, peer, start = self.begin()
        with self.assertRaises(subprocess.TimeoutExpired):
            server.wait(0.2)
        self.assertEqual(self.read_all(peer, start), self.image)
        self.assertEqual(server.wait(LIMIT), 0)

    def test_otterd_does_not_wait_for_ever(self):
        server, peer, start = self.begin("--drain", 1)
        self.assertEqual(server.wait(LIMIT), 0)
        self.assertLess(len(self.read_all(peer, start)), len(self.image))

    def test_otterd_ends_at_once_when_asked_twice(self):
        server, _, _ = self.begin("--drain", 1000)
        with self.assertRaises(subprocess.TimeoutExpired):
            server.wait(0.2)
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(LIMIT), 0)


class Tls(Keeper):
    def serve_tls(self, cert, key):
        server = self.start(
            "--data", self.data, "--listen", "127.0.0.1:0", "--tls-listen",
            "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
        text = self.wait_line(
            server.stderr, rb"(?s)(tls=yes port=\d+\n.*tls=no port=\d+)\n")
        return server, *map(int, re.findall(rb"port=(\d+)", text))

    def ask_tls(self, port, cert, headers=None):
        trust = ssl.create_default_context(cafile=cert)
        peer = http.client.HTTPSConnection("127.0.0.1", port, context=trust,
                                           timeout=LIMIT)
        self.addCleanup(peer.close)
        peer.putrequest("GET", "/update", skip_accept_encoding=True)
        for name, value in headers or HEADERS:
            peer.putheader(name, value)
        peer.endheaders()
        answer = peer.getresponse()
        return answer.status, answer.read()

    def test_otterd_serves_tls_beside_plain(self):
        self.import_table()
        cert, key = make_certificate(self.folder, "one")
        server, tls_port, port = self.serve_tls(cert, key)
        self.assertEqual(self.ask_tls(tls_port, cert), (200, self.image))
        self.assertEqual(ask(port, HEADERS).body, self.image)
        old = ssl.create_default_context(cafile=cert)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", tls_port)) as raw:
            with self.assertRaises((ssl.SSLError, OSError)):
                old.wrap_socket(raw, server_hostname="127.0.0.1")
        # Noise in place of a handshake harms nobody.
        with socket.create_connection(("127.0.0.1", tls_port)) as raw:
            raw.sendall(b"GET /update HTTP/1.0\r\n\r\n" + b"\xff" * 20000)
            raw.settimeout(LIMIT)
            try:
                while raw.recv(4096):
                    pass
            except ConnectionError:
                pass
        self.assertEqual(self.ask_tls(tls_port, cert)[0], 200)
        self.stop(server)

    def test_otterd_reads_the_certificate_again_upon_sighup(self):
        self.import_table()
        cert, key = make_certificate(self.folder, "one")
        other_cert, other_key = make_certificate(self.folder, "two")
        server, port, _ = self.serve_tls(cert, key)
        self.assertEqual(self.ask_tls(port, cert)[0], 200)
        # A connection that is there stays.
        trust = ssl.create_default_context(cafile=cert)
        held = trust.wrap_socket(
            socket.create_connection(("127.0.0.1", port), LIMIT),
            server_hostname="127.0.0.1")
        self.addCleanup(held.close)
        os.replace(other_cert, cert)
        # The key of another certificate: nothing changes.
        server.send_signal(signal.SIGHUP)
        self.wait_line(server.stderr, rb'(?s)why="the key is not the cert.*'
                       rb'event=reload (.*stays)')
        peer = ssl.create_default_context()
        peer.check_hostname, peer.verify_mode = False, ssl.CERT_NONE

        def subject():
            with socket.create_connection(("127.0.0.1", port), LIMIT) as raw:
                with peer.wrap_socket(raw) as tls:
                    return tls.getpeercert(binary_form=True)

        first = subject()
        os.replace(other_key, key)
        server.send_signal(signal.SIGHUP)
        self.wait_line(server.stderr, rb"event=(certificate) ")
        self.assertNotEqual(subject(), first)
        self.assertEqual(self.ask_tls(port, cert)[0], 200)
        held.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        answer = b""
        while more := held.recv(4096):
            answer += more
        self.assertEqual(Answer(answer).body, b"ok\n")
        # Ten reloads in a row under TLS requests.
        for _ in range(10):
            server.send_signal(signal.SIGHUP)
            self.assertEqual(self.ask_tls(port, cert)[0], 200)
        self.stop(server)

    def test_otterd_refuses_to_start_with_a_wrong_certificate(self):
        cert, key = make_certificate(self.folder, "one")
        other, _ = make_certificate(self.folder, "two")
        text = self.folder / "text"
        text.write_text("no certificate\n")
        for cert_file, key_file, why in (
                (other, key, "the key is not the certificate's"),
                (self.folder / "absent", key, "cannot be read"),
                (self.folder / "absent", key, "No such file or directory"),
                (text, key, str(text)), (cert, text, str(text))):
            said = self.run_otterd("--listen", "127.0.0.1:0", "--tls-listen",
                                   "127.0.0.1:0", "--tls-cert", cert_file,
                                   "--tls-key", key_file, code=1)
            self.assertIn(why, said)


    @unittest.skipUnless(os.geteuid() == 0, "root becomes somebody else")
    def test_otterd_says_who_may_not_read_its_key(self):
        """The usual slip: the key is root's alone."""
        cert, key = make_certificate(self.folder, "one")
        shut = self.folder / "shut"
        shut.mkdir(mode=0o700)
        data = self.folder / "theirs"
        data.mkdir()
        os.chown(data, 65534, 65534)
        for path in (self.folder, *self.folder.parents):
            if path.stat().st_mode & 0o001 == 0:
                self.assertEqual(path, self.folder)
                path.chmod(0o711)
        os.chmod(cert, 0o644)
        os.chmod(key, 0o600)
        user = subprocess.run(["id", "-un", "65534"], capture_output=True,
                              text=True, check=True).stdout.strip()
        for key_file, why in (
                (key, f"as the user {user}: it is root's and has mode 0600; "
                      f"give it to that user (chown {user})"),
                (shut / "key", "a folder on the way to it is closed")):
            done = subprocess.run(
                ["setpriv", "--reuid=65534", "--regid=65534",
                 "--clear-groups", OTTERD, "--data", data, "--listen",
                 "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--tls-cert",
                 cert, "--tls-key", key_file], capture_output=True, text=True,
                timeout=LIMIT, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(f"file={key_file} ", done.stderr)
            self.assertIn(why, done.stderr)


class Proxy(Keeper):
    def address(self, *said, proxy=None):
        """The address in the registry after one request."""
        self.import_table()
        server = self.start("--data", self.data, "--listen", "127.0.0.1:0",
                            *(["--proxy", proxy] if proxy else []))
        port = self.port_of(server)
        ask(port, [*HEADERS, *[("X-Forwarded-For", text) for text in said]])
        self.stop(server)
        return re.search(r"(?m)^address (.*)$",
                         self.run_otterd("device", MAC))[1]

    def test_otterd_believes_its_proxies_only(self):
        self.assertEqual(self.address("192.0.2.1"), "127.0.0.1")
        self.assertEqual(self.address("192.0.2.1", proxy="127.0.0.2"),
                         "127.0.0.1")
        self.assertEqual(self.address("192.0.2.1", proxy="127.0.0.1"),
                         "192.0.2.1")
        self.assertEqual(
            self.address("10.0.0.1, 192.0.2.7,192.0.2.9",
                         proxy="127.0.0.1, 192.0.2.9"), "192.0.2.7")
        self.assertEqual(self.address("2001:db8::1", proxy="127.0.0.1"),
                         "2001:db8::1")
        self.assertEqual(self.address("nonsense' OR 1=1", proxy="127.0.0.1"),
                         "127.0.0.1")
        self.assertEqual(self.address(proxy="127.0.0.1"), "127.0.0.1")


if __name__ == "__main__":
    unittest.main()

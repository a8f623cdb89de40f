# SPDX-License-Identifier: Apache-2.0
"""The reverse proxy of docs/otterd.md: its nginx configuration, as it stands
there but for names and ports, in a real nginx before a real otterd."""
import http.client
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import unittest

from test_otterd import HEADERS, LIMIT, MAC, OTTERD, ROOT, Case, ask, changed
from test_otterd_operation import make_certificate

NGINX = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


@unittest.skipUnless(NGINX, "no nginx")
class Proxy(Case):
    def setUp(self):
        super().setUp()
        self.import_table()
        self.token = self.run_otterd("token", "test", "admin").strip()
        server = subprocess.Popen(
            [OTTERD, "--data", self.data, "--listen", "127.0.0.1:0",
             "--proxy", "127.0.0.1"], stderr=subprocess.PIPE)
        self.addCleanup(self.end, server)
        self.server = server
        otterd = self.wait_line(server.stderr,
                                rb"event=listening .*port=(\d+)").decode()
        self.cert, key = make_certificate(self.folder, "proxy")
        self.plain, self.tls = free_ports(2)
        self.start_nginx(otterd, key)

    def start_nginx(self, otterd, key):
        text = (ROOT / "docs/otterd.md").read_text()
        site = re.search(r"(?s)```nginx\n(.*?)```", text)[1]
        for old, new in (
                (r"listen \[::\]:\d+( ssl)?;", ""),
                (r"listen 80;", f"listen 127.0.0.1:{self.plain};"),
                (r"listen 443 ssl;", f"listen 127.0.0.1:{self.tls} ssl;"),
                (r"127\.0\.0\.1:8266", f"127.0.0.1:{otterd}"),
                (r"/etc/nginx/tls/fullchain\.pem", str(self.cert)),
                (r"/etc/nginx/tls/privkey\.pem", str(key))):
            site, count = re.subn(old, new, site)
            self.assertGreater(count, 0, old)
        folder = self.folder / "nginx"
        folder.mkdir()
        conf = folder / "nginx.conf"
        paths = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in (
            "client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.geteuid() == 0 else ""
        conf.write_text(f"{user}daemon off;\nmaster_process off;\n"
                        f"pid {folder}/pid;\n"
                        "events {}\nhttp {\naccess_log off;\n"
                        f"{paths}{site}}}\n")
        self.log = folder / "error.log"
        nginx = subprocess.Popen(
            [NGINX, "-e", self.log, "-p", folder, "-c", conf],
            stderr=subprocess.PIPE)
        self.addCleanup(self.end, nginx)
        self.wait_port(self.tls, nginx)

    def wait_port(self, port, process):
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), LIMIT).close()
                return
            except ConnectionRefusedError:
                if process.poll() is not None:
                    self.fail(process.stderr.read())

    def https(self, method, path, body=None, headers=None):
        peer = http.client.HTTPSConnection(
            "127.0.0.1", self.tls, timeout=LIMIT,
            context=ssl.create_default_context(cafile=self.cert))
        self.addCleanup(peer.close)
        peer.request(method, path, body, headers or {
            "Authorization": f"Bearer {self.token}"})
        return peer.getresponse()

    def test_devices_are_answered_through_the_proxy(self):
        answer = ask(self.plain, HEADERS)
        self.assertEqual((answer.status, answer.body), (200, self.image))
        self.assertEqual(answer.headers["content-length"],
                         str(len(self.image)))
        self.assertIn("x-md5", answer.headers)
        self.assertNotIn("transfer-encoding", answer.headers)
        part = ask(self.plain, [*HEADERS, ("Range", "bytes=1000-"),
                                ("If-Range", answer.headers["etag"])])
        self.assertEqual((part.status, part.body), (206, self.image[1000:]))
        self.assertEqual(ask(self.plain, changed(
            ESP8266_version="DOOR-7-g14f53a19")).status, 304)
        self.assertEqual(ask(self.plain, changed(STA_MAC=None)).status, 403)
        moved = ask(self.plain, [], path="/console/")
        self.assertEqual(moved.status, 301)
        self.assertRegex(moved.headers["location"], "^https://")
        # From another address, to see that it is the device's that counts.
        with socket.socket() as peer:
            peer.bind(("127.0.0.9", 0))
            peer.connect(("127.0.0.1", self.plain))
            peer.sendall(("GET /update HTTP/1.0\r\n" + "".join(
                f"{n}: {v}\r\n" for n, v in HEADERS) + "\r\n").encode())
            while peer.recv(65536):
                pass
        self.stop(self.server)
        self.assertIn("address 127.0.0.9", self.run_otterd("device", MAC))

    def test_people_and_programs_come_in_by_tls(self):
        self.assertEqual(self.https("GET", "/console/").status, 200)
        self.assertEqual(self.https("GET", "/metrics").status, 200)
        login = self.https(
            "POST", "/api/v1/session", json.dumps({"token": self.token}),
            {"Content-Type": "application/json"})
        self.assertEqual(login.status, 204)
        self.assertIn("secure", login.headers["Set-Cookie"].lower())
        big = os.urandom(3 << 20)  # more than a proxy takes by itself
        refused = self.https("POST", "/api/v1/firmware?name=x&version=1", big)
        self.assertEqual(refused.status, 422, refused.read())
        kept = self.https("GET", "/api/v1/firmware/1/file").read()
        self.assertEqual(kept, self.image)

    def test_events_come_as_they_happen(self):
        stream = self.https("GET", "/api/v1/events")
        self.assertEqual(stream.status, 200)
        self.https("PATCH", f"/api/v1/devices/{MAC}",
                   json.dumps({"name": "door"})).read()
        text = b""
        while b'"door"' not in text:
            text += stream.read1(4096)
        self.assertIn(b"event: device", text)


if __name__ == "__main__":
    unittest.main()

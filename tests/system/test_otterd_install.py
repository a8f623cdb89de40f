# SPDX-License-Identifier: Apache-2.0
"""What `make install` puts where, and the systemd unit: complete, hardened,
and right by systemd's own judgement where systemd is there."""
import configparser
import os
import pathlib
import re
import shutil
import socket
import subprocess
import unittest

from test_otterd import LIMIT, OTTERD, ROOT, Case

BUILD = os.environ.get("OTTER_BUILD", ROOT / "build/debug")
HARDENED = {
    "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes",
    "PrivateTmp": "yes", "PrivateDevices": "yes", "RestrictNamespaces": "yes",
    "MemoryDenyWriteExecute": "yes", "CapabilityBoundingSet": "",
    "UMask": "0077", "StateDirectoryMode": "0700", "LockPersonality": "yes",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX"}


def run(*words, **options):
    return subprocess.run(words, capture_output=True, text=True,
                          timeout=LIMIT, check=False, **options)


class Install(Case):
    def setUp(self):
        super().setUp()
        self.root = self.folder / "root"
        self.install()
        self.unit = self.root / "usr/local/lib/systemd/system/otterd.service"

    def install(self):
        done = run("cmake", "--install", BUILD, "--component", "otterd",
                   "--prefix", "/usr/local",
                   env={**os.environ, "DESTDIR": str(self.root)})
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_install_keeps_a_configuration_that_is_there(self):
        conf = self.root / "etc/otterd/otterd.conf"
        self.assertIn("data = /var/lib/otterd", conf.read_text())
        conf.write_text(f"data = {self.data}\nlisten = nowhere\n")
        self.install()
        self.assertIn("nowhere", conf.read_text())
        # What is installed runs, and reads it.
        done = run(self.root / "usr/local/bin/otterd", "--config", conf)
        self.assertEqual(done.returncode, 2)
        self.assertIn("otterd.conf:2: listen wants", done.stderr)

    def test_every_line_of_the_installed_configuration_is_right(self):
        text = (self.root / "etc/otterd/otterd.conf").read_text()
        lines = re.findall(r"(?m)^#?([a-z-]+ = .*)$", text)
        self.assertGreater(len(lines), 6)
        conf = self.folder / "all.conf"
        conf.write_text("\n".join(lines) + f"\ndata = {self.data}\n")
        self.run_otterd("--config", conf, "policy", "accept")

    def test_unit_is_hardened_and_names_what_is_installed(self):
        unit = configparser.ConfigParser(strict=False, interpolation=None,
                                         comment_prefixes="#")
        unit.optionxform = str
        unit.read(self.unit)
        service = dict(unit["Service"])
        for key, value in HARDENED.items():
            self.assertEqual(service.get(key), value, key)
        self.assertIn("~@privileged", service["SystemCallFilter"])
        self.assertNotIn("root", service["User"])
        program = pathlib.Path(service["ExecStart"])
        self.assertTrue(os.access(self.root / program.relative_to("/"),
                                  os.X_OK))
        conf = pathlib.Path(service["Environment"].partition("=")[2])
        self.assertTrue((self.root / conf.relative_to("/")).exists())
        doc = unit["Unit"]["Documentation"].removeprefix("file:")
        self.assertTrue((self.root / doc.lstrip("/")).exists())
        self.assertNotIn("@bin@", self.unit.read_text())

    @unittest.skipUnless(shutil.which("systemd-analyze"), "no systemd")
    def test_systemd_takes_the_unit_and_judges_it_safe(self):
        text = self.unit.read_text()
        # Here the program lies elsewhere, and kill may not be installed.
        copy = self.folder / "otterd.service"
        copy.write_text(text.replace("/usr/local/bin/otterd", str(OTTERD))
                        .replace("/bin/kill", shutil.which("true"))
                        .replace("file:/usr/local",
                                 f"file:{self.root}/usr/local"))
        done = run("systemd-analyze", "verify", copy)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        done = run("systemd-analyze", "security", "--offline=true",
                   "--no-pager", "--threshold=20", copy)
        self.assertEqual(done.returncode, 0, done.stdout[-300:])

    @unittest.skipUnless(shutil.which("systemd-sysusers"), "no systemd")
    def test_the_user_can_be_made(self):
        done = run("systemd-sysusers", f"--root={self.root}",
                   self.root / "usr/local/lib/sysusers.d/otterd.conf")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex((self.root / "etc/passwd").read_text(),
                         r"(?m)^otterd:x:\d+:\d+:.*:/var/lib/otterd:")

    def test_systemd_is_told_how_far_it_is(self):
        place = str(self.folder / "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
            heard.bind(place)
            heard.settimeout(LIMIT)
            server = subprocess.Popen(
                [OTTERD, "--data", self.data, "--listen", "127.0.0.1:0"],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                env={**os.environ, "NOTIFY_SOCKET": place})
            self.addCleanup(self.end, server)
            self.assertEqual(heard.recv(100), b"READY=1")
            server.send_signal(1)
            self.assertEqual(heard.recv(100), b"RELOADING=1")
            self.assertEqual(heard.recv(100), b"READY=1")
            server.terminate()
            self.assertEqual(heard.recv(100), b"STOPPING=1")
            self.assertEqual(server.wait(LIMIT), 0)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""`make up`: what it prints is there, and Ctrl-C ends all of it."""
import os
import pathlib
import pty
import re
import signal
import subprocess
import unittest
import urllib.error
import urllib.request

from admin_testlib import AdminCase
from otter_testlib import wait_for
from push_peer import read_until

ROOT = pathlib.Path(__file__).resolve().parents[2]


def children_of(pid):
    """All descendants, by pid."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found += [int(path.parent.name), *children_of(int(path.parent
                                                              .name))]
    return found


def is_there(pid):
    return pathlib.Path(f"/proc/{pid}").exists()


class Up(AdminCase):
    def start(self):
        """On a terminal of its own; returns what it showed at first."""
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            script = ROOT / "scripts" / "up"
            os.execvpe(script, [script],
                       {**os.environ, "TMPDIR": str(self.temporary)})
        self.addCleanup(os.close, self.terminal)
        self.addCleanup(self.end)
        shown = read_until(self.terminal, b"until Ctrl-C").decode()
        self.children = children_of(self.pid)
        return shown.replace("\r", "")

    def end(self):
        """Whatever a test that failed left behind."""
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
            os.waitpid(self.pid, 0)

    def wait(self):
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.pid = None
        self.assertEqual([p for p in self.children if is_there(p)], [])
        self.assertEqual(list(self.temporary.iterdir()), [])
        return status

    @staticmethod
    def fetch(url):
        """Past any proxy."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        return opener.open(url, timeout=20)

    def run_examples(self, shown):
        """What is printed can be typed."""
        text = shown.partition("To try, in another terminal:\n")[2]
        lines = text.partition("\n\n")[0].replace("\\\n", "").splitlines()
        self.assertEqual(len(lines), 4)
        for line in lines:
            done = subprocess.run(line, shell=True, env=self.environment(),
                                  stdin=subprocess.DEVNULL, check=False,
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, line + done.stderr)

    def test_addresses_are_true_and_ctrl_c_ends_everything(self):
        shown = self.start()
        self.assertGreaterEqual(len(self.children), 5)
        console = re.search(r"console +(\S+)", shown)[1]
        token = re.search(r"token +(otter_\S+)", shown)[1]
        page = re.search(r"page +(\S+)", shown)[1]
        with self.fetch(console) as answer:
            self.assertEqual(answer.headers.get_content_type(), "text/html")
        with self.assertRaises(urllib.error.HTTPError) as error:
            self.fetch(page)
        self.assertEqual(error.exception.code, 401)
        error.exception.close()
        self.assertIn(f"OTTER_TOKEN={token} ", shown)
        self.run_examples(shown)
        macs = re.findall(r"^  \w+ +((?:[0-9A-F]{2}:){5}[0-9A-F]{2})", shown,
                          re.MULTILINE)
        self.assertEqual(len(macs), 3)
        wait_for(lambda: {d["mac"]: d["version"] for d in
                          self.json("device", "list")}
                 == dict.fromkeys(macs, "1.1.0"), "the devices' updates")
        self.children += children_of(self.pid)  # boards that were reset
        os.write(self.terminal, b"\x03")
        self.assertEqual(self.wait(), 0)

    def test_server_that_dies_ends_everything_and_is_named(self):
        self.start()
        otterd, = [p for p in self.children if
                   pathlib.Path(f"/proc/{p}/comm").read_text() == "otterd\n"]
        os.kill(otterd, signal.SIGKILL)
        shown = read_until(self.terminal, None).decode()
        self.assertIn("otterd  ended by itself", shown)
        self.assertEqual(self.wait(), 1)


if __name__ == "__main__":
    unittest.main()

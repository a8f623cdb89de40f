# SPDX-License-Identifier: Apache-2.0
"""otterd under a real systemd, with all that its unit forbids it.  The
systemd is the machine's own program; it runs in namespaces of its own over an
overlay of the machine's root, so that nothing of the machine is touched."""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import unittest

from otter_testlib import wait_for
from push_peer import make_image
from test_otterd import HEADERS, HERE, LIMIT, MAC, ROOT

BUILD = os.environ.get("OTTER_BUILD", ROOT / "build/debug")
PROGRAM = "/lib/systemd/systemd"
DATA = "/var/lib/otterd"
URL = "http://127.0.0.1:8266"


def cgroup_root():
    """Where a cgroup of version 2 can be made, or None."""
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2" and "rw" in options.split(","):
            return pathlib.Path(place)
    return None


def why_not():
    if os.geteuid() != 0:
        return "namespaces with a systemd need root"
    for program in (PROGRAM, "systemd-sysusers", "nsenter", "pivot_root",
                    "ip", "curl"):
        if not shutil.which(program):
            return f"no {program} here"
    return None if cgroup_root() else "no cgroup (version 2) can be made here"


class Machine:
    def __init__(self, folder):
        self.folder = folder
        (folder / "host").mkdir()
        self.cgroup = cgroup_root() / f"otter-{os.getpid()}"
        self.process = None
        self.pid = None

    def boot(self):
        """Why namespaces cannot be had here, or None once it has booted."""
        try:
            self.cgroup.mkdir()
        except OSError as error:
            return f"no cgroup can be made here: {error.strerror}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
            heard.bind(str(self.folder / "host/notify"))
            heard.settimeout(LIMIT)
            self.process = subprocess.Popen(
                ["sh", "-c", 'echo $$ >"$1/cgroup.procs" && shift && '
                 'exec "$@"', "sh", self.cgroup, "unshare", "--mount",
                 "--pid", "--fork", "--kill-child", "--uts", "--ipc",
                 "--cgroup", "--net", HERE / "systemd_boot.sh", self.folder,
                 BUILD], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True)
            said = ""
            while "booting" not in said:
                line = self.process.stdout.readline()
                said += line
                if not line:
                    return f"namespaces cannot be made here: {said.strip()}"
            while b"READY=1" not in heard.recv(4096):
                pass
        pid = self.process.pid
        self.pid = pathlib.Path(
            f"/proc/{pid}/task/{pid}/children").read_text().split()[0]
        return None

    def end(self):
        if self.pid:
            os.kill(int(self.pid), signal.SIGKILL)  # PID 1 takes all along
        if self.process:
            self.process.wait(LIMIT)
            self.process.stdout.close()
        for path, _, _ in os.walk(self.cgroup, topdown=False):
            wait_for(lambda place=path: self.removed(place), "the cgroup")

    @staticmethod
    def removed(path):
        try:
            os.rmdir(path)
        except OSError:
            return False
        return True

    def run(self, *words, **options):
        """A command of the machine's root."""
        return subprocess.run(
            ["nsenter", "-t", self.pid, "-m", "-p", "-n", "-i", "-u", "-C",
             "env", "SYSTEMD_UNIT_PATH=/run/units", *map(str, words)],
            capture_output=True, timeout=LIMIT, check=False, **options)

    def show(self, name):
        return self.run("systemctl", "show", "otterd", "--value",
                        f"--property={name}").stdout.decode().strip()


class Systemd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = why_not()
        if reason:
            raise unittest.SkipTest(reason)
        folder = tempfile.TemporaryDirectory(prefix="otterd-systemd-")
        cls.addClassCleanup(folder.cleanup)
        cls.machine = Machine(pathlib.Path(folder.name))
        cls.addClassCleanup(cls.machine.end)
        reason = cls.machine.boot()
        if reason:
            raise unittest.SkipTest(reason)

    def setUp(self):
        self.start()

    def start(self):
        # More starts in a row than systemd allows an ordinary service.
        self.machine.run("systemctl", "reset-failed", "otterd")
        self.run_ok("systemctl", "start", "otterd")

    def run_ok(self, *words, **options):
        done = self.machine.run(*words, **options)
        self.assertEqual(done.returncode, 0,
                         (words, done.stdout[-500:], done.stderr[-500:]))
        return done.stdout.decode("latin-1")

    def journal(self):
        return self.run_ok("journalctl", "--no-pager", "-o", "cat", "-u",
                           "otterd")

    def token(self):
        return re.search(r"token \(shown once\): (\S+)", self.journal())[1]

    def ask(self):
        """As a device; the body."""
        headers = [word for name, value in HEADERS
                   if name not in ("Content-Length", "Connection")
                   for word in ("-H", f"{name}: {value}")]
        return self.machine.run("curl", "-s", "-f", *headers,
                                f"{URL}/update").stdout

    def test_it_runs_as_the_unit_says(self):
        self.assertEqual(self.machine.show("ActiveState"), "active")
        pid = self.machine.show("MainPID")
        status = self.run_ok("cat", f"/proc/{pid}/status")
        for line in (r"NoNewPrivs:\s1", r"Seccomp:\s2", r"CapEff:\s0+",
                     r"CapBnd:\s0+", r"Uid:(\s[1-9][0-9]*)+"):
            self.assertRegex(status, rf"(?m)^{line}$")
        self.assertEqual(
            self.run_ok("stat", "-c", "%U %a", DATA, f"{DATA}/otterd.db"),
            "otterd 700\notterd 600\n")
        self.assertEqual(
            self.run_ok("curl", "-s", f"{URL}/api/v1/releases", "-H",
                        f"Authorization: Bearer {self.token()}")[:12],
            '{"releases":')

    def test_what_root_imports_is_served_and_copied(self):
        image = make_image(100000)
        self.run_ok("sh", "-c", 'mkdir -p /tmp/bin && cat >/tmp/bin/2.bin && '
                    f'echo "{MAC} 2" >/tmp/table', input=image)
        self.run_ok("/usr/local/bin/otterd", "--data", DATA, "import",
                    "/tmp/table", "/tmp/bin")
        self.assertEqual(self.ask(), image)
        self.run_ok("/usr/local/bin/otterd", "--data", DATA, "backup",
                    "/tmp/root.tar")
        user = ["setpriv", "--reuid=otterd", "--regid=otterd",
                "--clear-groups"]
        self.run_ok(*user, "/usr/local/bin/otterd", "--data", DATA, "backup",
                    "/tmp/user.tar")
        self.run_ok("systemctl", "stop", "otterd")
        self.run_ok("sh", "-c", f"rm -rf {DATA}/*")
        self.run_ok("/usr/local/bin/otterd", "--data", DATA, "restore",
                    "/tmp/root.tar")
        self.start()
        self.assertEqual(self.ask(), image)

    def test_reload_kill_and_stop(self):
        pid = self.machine.show("MainPID")
        self.run_ok("systemctl", "reload", "otterd")
        self.assertEqual(self.machine.show("MainPID"), pid)
        self.run_ok("systemctl", "kill", "--signal=KILL", "otterd")
        wait_for(lambda: self.machine.show("MainPID") not in (pid, "0") and
                 self.machine.show("ActiveState") == "active", "the restart")
        self.assertEqual(self.run_ok("curl", "-s", f"{URL}/healthz"), "ok\n")
        self.run_ok("systemctl", "stop", "otterd")
        self.assertEqual((self.machine.show("Result"),
                          self.machine.show("ExecMainStatus")),
                         ("success", "0"))

    def test_a_mistake_in_the_configuration_is_told_once(self):
        conf = "/etc/otterd/otterd.conf"
        self.run_ok("systemctl", "stop", "otterd")
        self.run_ok("sh", "-c", f"echo listen = nowhere >>{conf}")
        done = self.machine.run("systemctl", "start", "otterd")
        self.run_ok("sed", "-i", "$d", conf)
        self.assertEqual(done.returncode, 1)
        self.assertEqual((self.machine.show("ActiveState"),
                          self.machine.show("ExecMainStatus")),
                         ("failed", "2"))
        wait_for(lambda: "listen wants ADDRESS:PORT" in self.journal(),
                 "the reason in the journal")


if __name__ == "__main__":
    unittest.main()

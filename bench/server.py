#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How otterd compares with nginx and with the manual's script.

On loopback, one after the other in turns, each asked by the same wrk with the
same requests: nginx with a bare 304 and with a static file by sendfile, nginx
with php-fpm and the manual's script, libmicrohttpd by itself (bare.c), which
otterd is built on, and otterd with 2, 100,000 and 1,000,000
known devices, every request from another of them: one release for all of them,
or with --import a release for each, as in the script's table.  Prints requests and the
servers' CPU time per request as ratios to nginx, and resident memory; asserts
nothing.

As root it does so in a network namespace of its own, where TCP does without
pacing (CONGESTION): some machines have bbr, which on loopback spends more on
its timers than any of these servers on a request, and not the same for all of
them.  With --here it measures in the machine's network as it is.

Usage: server.py [--seconds S] [--rounds N] [--devices N,N,...] [--import]
                 [--here]"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "system"))
from push_peer import make_image  # noqa: E402

BIN = pathlib.Path(os.environ.get("OTTER_BIN", ROOT / "build/bin"))
BARE = ROOT / "build/release/bench/bare"
SCRIPT = ROOT / "tests" / "system" / "pull_script.php"
SIZE = 400 * 1024
CONNECTIONS = 32
LIMIT = 60  # seconds for anything that is waited for
TICKS = os.sysconf("SC_CLK_TCK")
OLD, NEW = "1.0.0", "2.0.0"
CONGESTION = pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control")
SAMPLE = 20000  # of the known devices, which ask in turns

# What every device says; %s is its MAC.  wrk asks once for each of these.
LUA = """
local known, path, version, close = {known}, "{path}", "{version}", {close}
local step = math.max(1, math.floor(known / {sample}))
local asks, at = {{}}, 0
function init()
    for i = 0, math.min(known, {sample}) - 1 do
        local n = i * step
        local mac = string.format("18:FE:34:%02X:%02X:%02X",
            math.floor(n / 65536), math.floor(n / 256) % 256, n % 256)
        local headers = {{
            ["User-Agent"] = "ESP8266-http-Update",
            ["x-ESP8266-Chip-ID"] = "15602487",
            ["x-ESP8266-STA-MAC"] = mac,
            ["x-ESP8266-AP-MAC"] = "1A" .. mac:sub(3),
            ["x-ESP8266-free-space"] = "2744320",
            ["x-ESP8266-sketch-size"] = "400000",
            ["x-ESP8266-sketch-md5"] = "c722ab5a998d8efd4fc15d53f58b63dd",
            ["x-ESP8266-chip-size"] = "4194304",
            ["x-ESP8266-sdk-version"] = "2.5.0",
            ["x-ESP8266-mode"] = "sketch",
            ["x-ESP8266-version"] = version}}
        if close then headers["Connection"] = "close" end
        asks[#asks + 1] = wrk.format("GET", path, headers)
    end
end
function request()
    at = at % #asks + 1
    return asks[at]
end
"""

NGINX = """
daemon off;
worker_processes auto;
worker_rlimit_nofile 4096;
pid {dir}/nginx.pid;
error_log {dir}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    open_file_cache max=16;
    keepalive_requests 1000000;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {{
        listen 127.0.0.1:{port} reuseport;
        location /304 {{ return 304; }}
        location /file {{ alias {dir}/bin/2.0.0.bin; }}
        location /update {{
            fastcgi_pass unix:{dir}/php.sock;
            fastcgi_param SCRIPT_FILENAME {script};
            fastcgi_param REQUEST_METHOD GET;
            fastcgi_param SERVER_PROTOCOL $server_protocol;
            fastcgi_param OTTER_TABLE {dir};
        }}
    }}
}}
"""

PHP = """
[global]
error_log = {dir}/php.log
daemonize = no
[bench]
listen = {dir}/php.sock
listen.mode = 0666
pm = static
pm.max_children = 4
clear_env = no
env[OTTER_TABLE] = {dir}
{user}
"""


class Server:
    """Processes that serve together, at 127.0.0.1:`port`."""

    def __init__(self, name, port, commands, folder, env=None):
        self.name, self.port, self.processes = name, port, []
        self.log = open(folder / f"{name}.out", "wb")
        for command in commands:
            self.processes.append(subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=self.log,
                stderr=self.log, env={**os.environ, **(env or {})},
                start_new_session=True))
        self.wait()

    def wait(self):
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            if any(p.poll() is not None for p in self.processes):
                break
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            time.sleep(0.05)
        self.stop()
        raise SystemExit(f"bench: {self.name} does not start:\n" +
                         self.said())

    def pids(self):
        """Of these processes and what they have started."""
        found, parents = set(), {p.pid for p in self.processes}
        while parents:
            found |= parents
            parents = {int(child) for pid in parents for child in
                       self._children(pid)} - found
        return found

    @staticmethod
    def _children(pid):
        try:
            return pathlib.Path(
                f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return []

    def cpu(self):
        """Seconds, of threads and children too."""
        total = 0
        for pid in self.pids():
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text()
            fields = fields[fields.rindex(")") + 2:].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def memory(self):
        """MiB, what processes share counted once."""
        total = 0
        for pid in self.pids():
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss: +(\d+)", text, re.M)[1])
        return total / 1024

    def said(self):
        return pathlib.Path(self.log.name).read_text()

    def close(self):
        self.stop()

    def stop(self):
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.log.close()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def write_files(folder):
    (folder / "bin").mkdir()
    image = make_image(SIZE)
    # The script's name for it has no dot before `bin`.
    for name in (f"{NEW}.bin", f"{NEW}bin"):
        (folder / "bin" / name).write_bytes(image)
    for path in (folder, folder / "bin"):
        path.chmod(0o755)
    (folder / "table.txt").write_text(table(2))


def table(devices):
    return "".join(f"18:FE:34:{n >> 16:02X}:{n >> 8 & 255:02X}:{n & 255:02X} "
                   f"{NEW}\n" for n in range(devices))


def start_nginx(folder):
    port = free_port()
    script = shutil.copy(SCRIPT, folder)
    php = shutil.which("php-fpm") or max(
        map(str, pathlib.Path("/usr/sbin").glob("php-fpm*")))
    root = os.getuid() == 0
    (folder / "nginx.conf").write_text(
        ("user root;\n" if root else "") +
        NGINX.format(dir=folder, port=port, script=script))
    (folder / "php.conf").write_text(PHP.format(
        dir=folder, user="user = root" if root else ""))
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    return Server("nginx", port, [
        [php, "-y", folder / "php.conf", *(["-R"] if root else [])],
        [nginx, "-e", folder / "nginx.log", "-c", folder / "nginx.conf"]],
        folder)


def start_bare(folder):
    port = free_port()
    return Server("libmicrohttpd", port, [
        [BARE, str(port), folder / "bin" / f"{NEW}.bin"]], folder)


def import_table(data, folder, devices):
    """A release for each device, as in the script's table."""
    names = folder / f"table-{devices}.txt"
    names.write_text(table(devices))
    begin = time.monotonic()
    subprocess.run([BIN / "otterd", "--data", data, "import", names,
                    folder / "bin"], check=True, stdout=subprocess.DEVNULL)
    print(f"  {devices} devices imported in "
          f"{time.monotonic() - begin:.1f} s", flush=True)


def release_to_all(data, folder, devices):
    """One release for everybody, and so many accepted devices."""
    with contextlib.closing(run_otterd(data, folder, "setup")) as server:
        token = re.search(r"otter_\S+", server.said())[0]
        image = (folder / "bin" / f"{NEW}.bin").read_bytes()
        made = call(server.port, token,
                    f"firmware?name=bench&version={NEW}", image)
        call(server.port, token, "releases",
             json.dumps({"firmware": made["id"]}).encode())
    with contextlib.closing(sqlite3.connect(data / "otterd.db")) as db, db:
        db.executemany(
            "INSERT INTO device (mac, state) VALUES (?, 2)",
            ((0x18FE34000000 + n,) for n in range(devices)))


def call(port, token, what, body):
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/{what}", body,
        {"Authorization": f"Bearer {token}",
         "Content-Type": "application/json" if body[:1] == b"{" else
         "application/octet-stream"})
    with urllib.request.urlopen(request, timeout=LIMIT) as answer:
        return json.load(answer)


def run_otterd(data, folder, name):
    port = free_port()
    return Server(name, port, [
        [BIN / "otterd", "--data", data, "--listen", f"127.0.0.1:{port}"]],
        folder)


def start_otterd(folder, devices, imported):
    data = folder / f"data-{devices}"
    (import_table if imported else release_to_all)(data, folder, devices)
    return run_otterd(data, folder, f"otterd-{devices}")


def wrk(server, known, path, version, keep, seconds, folder):
    """(requests a second, server's CPU microseconds a request)"""
    lua = folder / "ask.lua"
    lua.write_text(LUA.format(known=known, path=path, version=version,
                              close="false" if keep else "true",
                              sample=SAMPLE))
    before = server.cpu()
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", lua,
         f"http://127.0.0.1:{server.port}{path}"],
        capture_output=True, text=True, timeout=seconds + LIMIT)
    cpu = server.cpu() - before
    count = re.search(r"(\d+) requests in ([\d.]+)s", done.stdout)
    bad = re.search(r"Socket errors: (.*)", done.stdout)
    if not count or int(count[1]) == 0 or "Non-2xx" in done.stdout:
        raise SystemExit(f"bench: {server.name}{path}: {done.stdout}"
                         f"{done.stderr}")
    # A connection that ends with its answer is no error of this kind.
    if bad and not re.fullmatch(r"connect 0, read \d+, write 0, timeout 0",
                                bad[1]):
        print(f"  {server.name}{path}: {bad[1]}", flush=True)
    return int(count[1]) / float(count[2]), cpu / int(count[1]) * 1e6


def contenders(nginx, bare, otterds):
    """(what, version that asks, who is asked and how)"""
    for what, static, version in (("304", "/304", NEW),
                                  (f"{SIZE // 1024} KiB", "/file", OLD)):
        yield what, version, [
            ("nginx, static", nginx, 2, static),
            ("nginx + php-fpm", nginx, 2, "/update"),
            ("libmicrohttpd, static", bare, 2, static),
            *((f"otterd, {n} devices", server, n, "/update")
              for n, server in otterds.items())]


def measure(nginx, bare, otterds, args, folder):
    for what, version, servers in contenders(nginx, bare, otterds):
        for keep in (False, True):
            runs = {name: [] for name, *_ in servers}
            for turn in range(args.rounds + 1):
                order = servers if turn % 2 == 0 else servers[::-1]
                for name, server, known, path in order:
                    runs[name].append(wrk(server, known, path, version, keep,
                                          args.seconds, folder))
            # In the first turn all of them only get to know what comes.
            show(what, keep, {name: run[1:] for name, run in runs.items()})


def show(what, keep, runs):
    kind = "keep-alive" if keep else "a connection for each request"
    print(f"{what}, {kind}", flush=True)
    base = None
    for name, pairs in runs.items():
        rate, cpu = (statistics.median(part) for part in zip(*pairs))
        base = base or (rate, cpu)
        print(f"  {name:24} {rate:9.0f} requests/s {rate / base[0]:6.2f}x"
              f" {cpu:8.1f} us CPU {cpu / base[1]:7.2f}x", flush=True)


def move_out():
    """Starts this again in a namespace of its own."""
    os.execvp("unshare", ["unshare", "--net", "--", sys.executable, __file__,
                          *sys.argv[1:], "--inside"])


def furnish():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    CONGESTION.write_text("reno")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--devices", default="2,100000,1000000")
    parser.add_argument("--import", dest="imported", action="store_true")
    parser.add_argument("--here", action="store_true")
    parser.add_argument("--inside", action="store_true",
                        help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        furnish()
    elif os.getuid() == 0 and not args.here:
        move_out()
    devices = [int(n) for n in args.devices.split(",")]
    print(f"server: wrk with {CONNECTIONS} connections, medians of "
          f"{args.rounds} runs of {args.seconds} s in turns, "
          f"{os.cpu_count()} cores for servers and wrk, TCP with "
          f"{CONGESTION.read_text().strip()}")
    with tempfile.TemporaryDirectory(prefix="otter-bench-") as name, \
            contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        write_files(folder)
        nginx = start_nginx(folder)
        stack.callback(nginx.stop)
        bare = start_bare(folder)
        stack.callback(bare.stop)
        otterds = {}
        for n in devices:
            otterds[n] = start_otterd(folder, n, args.imported)
            stack.callback(otterds[n].stop)
        measure(nginx, bare, otterds, args, folder)
        print("resident memory (proportional)")
        for server in [nginx, bare, *otterds.values()]:
            print(f"  {server.name:24} {server.memory():9.1f} MiB")


if __name__ == "__main__":
    main()

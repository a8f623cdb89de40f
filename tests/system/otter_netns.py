# SPDX-License-Identifier: Apache-2.0
"""A network namespace of the test process's own, with a bridge on which each
board has a TAP interface, an address and multicast.  It goes with the
process.  The host's side of the bridge is HOST.  Who is not root becomes it in
a user namespace, for the network alone."""
import ctypes
import itertools
import os
import subprocess

BRIDGE = "otter"
HOST = "10.66.0.1"
OTHER_HOST = "10.66.0.2"
CLONE_NEWNET = 0x40000000
CLONE_NEWUSER = 0x10000000
_numbers = itertools.count(1)


def _ip(*words):
    subprocess.run(["ip", *words], check=True)


def enter():
    """Moves this process, which has one thread yet, into a new namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    flags = CLONE_NEWNET | (CLONE_NEWUSER if user != 0 else 0)
    if libc.unshare(flags) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "a network namespace of its own needs root, or "
                      "user namespaces: " + os.strerror(number))
    if user != 0:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"),
                           ("gid_map", f"0 {group} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)
    _ip("link", "set", "lo", "up")
    _ip("link", "add", BRIDGE, "type", "bridge", "mcast_snooping", "0")
    _ip("addr", "add", HOST + "/16", "dev", BRIDGE)
    _ip("addr", "add", OTHER_HOST + "/16", "dev", BRIDGE)
    _ip("link", "set", BRIDGE, "up")
    # Multicast to the boards leaves through the bridge, as on a host whose
    # only network this is.
    _ip("route", "add", "default", "dev", BRIDGE)


def add_host_address(address):
    """One more address of the host's side."""
    _ip("addr", "add", address + "/16", "dev", BRIDGE)


def free_address():
    number = next(_numbers)
    return f"10.66.{1 + number // 250}.{1 + number % 250}"


def tap(address):
    """The TAP interface of the board with that address."""
    name = "tap" + address.replace("10.66.", "").replace(".", "-")
    made = subprocess.run(["ip", "link", "show", name], check=False,
                          capture_output=True).returncode == 0
    if not made:
        _ip("tuntap", "add", name, "mode", "tap")
        _ip("link", "set", name, "master", BRIDGE, "up")
    return name

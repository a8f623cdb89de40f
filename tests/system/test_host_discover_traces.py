#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`otter discover` and `otter discovery` against recorded answers: those of
the ESP8266 core's responder and of Avahi, byte for byte but for the number of
the question."""
import os
import pathlib
import re
import unittest

import netns_testlib
import test_host_discover
from netns_testlib import PORT
from otter_testlib import ROOT
from test_host_discover import Device, Finder

SHARED = pathlib.Path(os.environ.get("OTTER_SHARED", ROOT / "../shared"))
TRACES = SHARED / "data" / "traces"
LINE = re.compile(r"\s+[\d.]+ udp (\S+) -> (\S+) hex ([0-9a-f]+)$")
CORE = ("mdns-discovery.txt", "10.9.0.1")
AVAHI = ("mdns-avahi-responder.txt", "10.9.0.2")

CORE_TEXT = {"auth_upload": "yes", "board": "generic", "ssh_upload": "no",
             "tcp_check": "no"}
AVAHI_TEXT = {"tcp_check": "no", "ssh_upload": "no", "board": "nodemcuv2",
              "auth_upload": "yes"}


def packets(trace, direct):
    """What the device sent: to the asker, or to the group."""
    name, address = trace
    lines = map(LINE.match, (TRACES / name).read_text().splitlines())
    found = [bytes.fromhex(m[3]) for m in lines
             if m and m[1] == f"{address}:{PORT}" and
             m[2].startswith(netns_testlib.GROUP) != direct]
    return [p for p in found if p[2] & 0x80 and b"_arduino" in p]


def found_device(name, host, address, text):
    return {"name": name, "host": f"{host}.local", "address": address,
            "port": 8266, "board": text["board"], "auth": True,
            "version": None, "source": "mdns", "txt": text}


CORE_DEVICE = found_device("esp8266-ee1337", "esp8266-ee1337", "10.9.0.1",
                           CORE_TEXT)
AVAHI_DEVICE = found_device("esp-x", "peer-b", "10.9.0.2", AVAHI_TEXT)


@unittest.skipUnless(TRACES.is_dir(), "no recorded traces, see OTTER_SHARED")
class Traces(Finder):
    def answers_directly(self, trace):
        """Each direct question gets the recorded answer."""
        packet = packets(trace, direct=True)[0]
        return Device(self, lambda message: [
            message.id.to_bytes(2, "big") + packet[2:]],
            deaf=lambda port: port == PORT)

    def announces(self, trace):
        """Nobody answers; the recorded announcement comes."""
        packet = packets(trace, direct=False)[0]
        device = Device(self, lambda message: device.announce(packet),
                        deaf=lambda port: port != PORT)

    def check(self, device):
        self.assertEqual(self.json("-t", "1"), [device])

    def test_direct_answer_of_the_core(self):
        self.answers_directly(CORE)
        self.check(CORE_DEVICE)

    def test_announcement_of_the_core(self):
        self.announces(CORE)
        self.check(CORE_DEVICE)

    def test_direct_answer_of_avahi(self):
        self.answers_directly(AVAHI)
        self.check(AVAHI_DEVICE)

    def test_announcement_of_avahi(self):
        self.announces(AVAHI)
        self.check(AVAHI_DEVICE)


@unittest.skipUnless(TRACES.is_dir(), "no recorded traces, see OTTER_SHARED")
class Ports(Traces):
    """The same as ports of Arduino's tools."""

    session = test_host_discover.Discovery.session
    close = test_host_discover.Discovery.close
    say = test_host_discover.Discovery.say
    next = test_host_discover.Discovery.next
    ask = test_host_discover.Discovery.ask
    greeted = test_host_discover.Discovery.greeted

    def check(self, device):
        process = self.greeted()
        self.assertEqual(self.ask(process, "START_SYNC")["message"], "OK")
        address = device["address"]
        label = device["host"].removesuffix(".local")
        self.assertEqual(self.next(process), {
            "eventType": "add", "port": {
                "address": address, "label": f"{label} at {address}",
                "protocol": "network", "protocolLabel": "Network Port",
                "properties": {"hostname": device["host"] + ".",
                               "port": "8266", ".": device["board"],
                               **device["txt"]}}})


if __name__ == "__main__":
    unittest.main()

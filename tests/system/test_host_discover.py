#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""otter discover and otter discovery on a wire of their own: against boards,
and against devices that are written here and misbehave (protocol 1.14, manual
R30 to R32)."""
import json
import os
import socket
import subprocess
import threading
import unittest

import netns_testlib
import otter_testlib
from netns_testlib import (LEFT, PORT, RIGHT, NetnsTest, Peer, record,
                           response, srv, txt)
from otter_testlib import only, program, wait_for

TYPE = "_arduino._tcp.local"
CORE_TXT = ("auth_upload=yes", "board=generic", "ssh_upload=no",
            "tcp_check=no")


class Device:
    """A scripted device on the left: answers each question by `answer`, which
    gets the message and returns packets.  They go to the asker, or to all if
    it asks from the mDNS port; `deaf` names ports that it does not hear."""

    def __init__(self, test, answer, deaf=lambda port: False):
        self.deaf = deaf
        self.peer = Peer(test, test.left, PORT)
        self.answer = answer
        self.messages = []
        self._stop = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        test.addCleanup(self.stop)

    def stop(self):
        self._stop = True
        self._thread.join()

    def _run(self):
        while not self._stop:
            got = self.peer.receive(self.peer.group, patience=0.1)
            if not got or got[0].flags & 0x8000:
                continue
            message, sender, _ttl = got
            if self.deaf(sender[1]):
                continue
            self.messages.append(message)
            for packet in self.answer(message) or ():
                self.peer.send(packet, (netns_testlib.GROUP, PORT)
                               if sender[1] == PORT else sender)

    @property
    def questions(self):
        return [q for m in self.messages for q in m.questions]

    def announce(self, packet):
        self.peer.send(packet)


def records(name="lamp", address=LEFT, port=8266, text=CORE_TXT, ttl=4500):
    """A device's PTR, SRV, TXT and A."""
    instance = f"{name}.{TYPE}"
    return [record(TYPE, "PTR", netns_testlib.encode_name(instance), ttl, 1),
            record(instance, "SRV", srv(port, f"{name}.local"), ttl),
            record(instance, "TXT", txt(*text), ttl),
            record(f"{name}.local", "A",
                   bytes(map(int, address.split("."))), ttl)]


def whole(message, **options):
    """All in one packet, as the core does."""
    ptr, *rest = records(**options)
    return [response([ptr], rest, message.id, message.questions)]


class Finder(NetnsTest):
    def discover(self, *args, status=0, env=None):
        done = subprocess.run(
            [*self.right.prefix, program("otter"), "discover", *args],
            capture_output=True, text=True, check=False, timeout=60,
            env=self.environment(env))
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.error = done.stderr
        return done.stdout

    def environment(self, env=None):
        return {**os.environ, "HOME": str(self.folder),
                "XDG_CONFIG_HOME": "", "OTTER_DEVICES": "", **(env or {})}

    def json(self, *args, **options):
        return json.loads(self.discover("--json", *args, **options))

    def watch(self, *args):
        return self.start(self.right, program("otter"), "discover", "--watch",
                          *args, env=self.environment()).console

    def list(self, text):
        path = self.folder / "devices"
        path.write_text(text)
        return path


class DiscoverBoards(Finder):
    def lamp(self):
        return self.board_on_the_wire("responder-1.0.0")

    def test_table_shows_the_board(self):
        self.lamp().expect("name lamp")
        self.assertEqual(self.discover("-t", "1"),
                         "NAME  ADDRESS    PORT  BOARD      AUTH  VERSION\n"
                         "lamp  10.77.0.1  8266  nodemcuv2  yes   1.0\n")

    def test_json_shows_the_board(self):
        self.lamp().expect("name lamp")
        self.assertEqual(self.json("-t", "1"), [{
            "name": "lamp", "host": "lamp.local", "address": LEFT,
            "port": 8266, "board": "nodemcuv2", "auth": True,
            "version": "1.0", "source": "mdns",
            "txt": {"tcp_check": "no", "ssh_upload": "no",
                    "board": "nodemcuv2", "auth_upload": "yes",
                    "version": "1.0"}}])

    def test_basic_ota_says_what_uploaders_want_to_know(self):
        board = self.board_on_the_wire(
            "basic_ota-1.0.0", args=["--map", "4M2M"], password="secret")
        board.expect("Ready")
        found, = wait_for(self.found, "basic_ota")
        self.assertEqual((found["name"], found["auth"], found["version"]),
                         ("lamp", True, "1.0.0"))
        text = found["txt"]
        self.assertGreater(int(text.pop("free_space")), 100000)
        self.assertEqual(text, {
            "tcp_check": "no", "ssh_upload": "no",
            "board": otter_testlib.BOARD, "auth_upload": "yes",
            "version": "1.0.0", "target": otter_testlib.BOARD,
            "chip": "esp8266", "flash_size": str(4 << 20), "boot": "stock"})

    def test_basic_ota_says_how_it_came_to_run(self):
        board = self.board_on_the_wire("basic_ota-1.0.0-otter",
                                       args=["--map", "4M2M"])
        board.expect("Ready")
        found, = wait_for(self.found, "basic_ota")
        self.assertEqual(found["txt"]["boot"], "confirmed")

    def found(self):
        done = subprocess.run(
            [*self.right.prefix, program("otter"), "discover", "--json",
             "-t", "1"], capture_output=True, text=True, check=False,
            env=self.environment())
        return json.loads(done.stdout) if done.returncode == 0 else None

    def test_watch_sees_the_device_come_change_and_go(self):
        console = self.watch()
        board = self.lamp()
        console.expect("^found    lamp  10.77.0.1:8266  board=nodemcuv2 "
                       "auth=yes version=1.0$")
        self.tell("txt 0 version 2.0")
        console.expect("^changed  lamp  .*version=2.0$")
        self.tell("close")
        console.expect("^gone     lamp  ")
        self.assertIsNone(board.process.poll())

    def tell(self, line):
        s = self.right.socket(
            lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with s:
            s.sendto(line.encode(), (LEFT, 7007))

    def test_interface_that_is_named_is_the_only_one(self):
        self.lamp().expect("name lamp")
        self.assertEqual(len(self.json("-t", "1", "--interface", "wire")), 1)
        self.assertEqual(self.json("-t", "1", "--interface", "lo", status=1),
                         [])
        self.discover("--interface", "nope", status=2)
        self.assertIn("--interface nope: there is none", self.error)

    def test_fifty_devices_are_all_found(self):
        names = [f"dev{n:02}" for n in range(50)]

        def answer(message):
            return [p for n in names for p in whole(message, name=n)]
        Device(self, answer)
        found = self.json("-t", "1")
        self.assertEqual([d["name"] for d in found], names)

    @only("posix", "needs a namespace around the board")
    def test_second_subnet_of_an_interface_is_asked_too(self):
        """A board answers directly only within its own subnet."""
        self.right.ip("addr", "flush", "dev", "wire")
        for address in ("10.99.0.2/24", f"{RIGHT}/24"):
            self.right.ip("addr", "add", address, "dev", "wire")
        self.lamp().expect("name lamp")
        self.assertEqual(len(self.json("-t", "0.4")), 1)

    def test_avahi_beside_us_keeps_working(self):
        """The search takes no answer away from another program."""
        avahi = self.avahi(self.right)
        self.lamp().expect("name lamp")
        self.watch()
        name = self.right.run("avahi-resolve", "-4", "-n", "lamp.local",
                              env=avahi.env)
        self.assertEqual(name.split(), ["lamp.local", LEFT])
        self.assertEqual(len(self.json("-t", "1")), 1)

    def test_avahi_publishing_is_found(self):
        avahi = self.avahi(self.right)
        self.start(self.right, "avahi-publish", "-s", "A b.c (1)",
                   "_arduino._tcp", "8266", "board=x", env=avahi.env) \
            .console.expect("Established")
        found = self.json("-t", "2")
        self.assertEqual([(d["name"], d["host"], d["address"], d["board"])
                          for d in found],
                         [("A b.c (1)", "desk.local", RIGHT, "x")])


class DiscoverScripts(Finder):
    def test_nothing_there_says_what_to_do(self):
        self.assertEqual(self.discover("-t", "0.2", status=1), "")
        self.assertIn("UDP port 5353", self.error)
        self.assertEqual(self.json("-t", "0.2", status=1), [])

    def test_records_in_separate_packets_are_put_together(self):
        def answer(message):
            question = message.questions[0]
            ptr, service, text, address = records()
            by_kind = {("lamp." + TYPE, "SRV"): [service],
                       ("lamp." + TYPE, "TXT"): [text],
                       ("lamp.local", "A"): [address], (TYPE, "PTR"): [ptr]}
            return [response(by_kind.get(question, []), ident=message.id,
                             questions=message.questions)]
        device = Device(self, answer)
        found = self.json("-t", "2")
        self.assertEqual([(d["name"], d["address"], d["board"])
                          for d in found], [("lamp", LEFT, "generic")])
        self.assertIn(("lamp.local", "A"), device.questions)

    def test_device_that_answers_by_multicast_only_is_found(self):
        device = Device(self, lambda message: device.announce(
            response(records())))
        self.assertEqual(len(self.json("-t", "1")), 1)

    def test_either_way_of_asking_finds_the_device(self):
        """A firewall may keep direct answers away, or multicast ones."""
        Device(self, whole, deaf=lambda port: port != PORT)
        self.assertEqual(len(self.json("-t", "1")), 1)

    def test_direct_answers_alone_find_the_device(self):
        Device(self, whole, deaf=lambda port: port == PORT)
        self.assertEqual(len(self.json("-t", "1")), 1)

    def test_question_that_was_lost_is_asked_again(self):
        count = []

        def answer(message):
            count.append(message)
            return whole(message) if len(count) == 2 else []
        Device(self, answer)
        self.assertEqual(len(self.json("-t", "1")), 1)

    def test_one_question_a_packet(self):
        """The core answers others only to the mDNS port."""
        device = Device(self, lambda message: [response(
            records()[:1], ident=message.id, questions=message.questions)])
        self.discover("-t", "1", status=1)
        self.assertEqual(device.questions[0], (TYPE, "PTR"))
        self.assertIn(("lamp." + TYPE, "SRV"), device.questions)
        self.assertEqual({len(m.questions) for m in device.messages}, {1})

    def test_forged_answers_are_not_believed(self):
        def answer(message):
            wrong_id = response(records("forged1"), ident=message.id ^ 1)
            query_again = response(records("forged2"), flags=0,
                                   ident=message.id)
            error = response(records("forged3"), flags=0x8403,
                             ident=message.id)
            return [wrong_id, query_again, error, b"", b"\xff" * 600,
                    *whole(message)]
        device = Device(self, answer, deaf=lambda port: port == PORT)
        stranger = Peer(self, self.left)  # not the mDNS port
        stranger.send(response(records("forged4")))
        self.assertEqual([d["name"] for d in self.json("-t", "1")], ["lamp"])
        self.assertTrue(device.questions)

    def test_terminal_is_not_reached_by_what_devices_say(self):
        Device(self, lambda message: whole(
            message, text=(b"board=\x1b[31mred\x9b", b"version=1\n2")))
        table = self.discover("-t", "1")
        self.assertIn("?[31mred?", table)
        self.assertEqual(table.count("\n"), 2)
        self.assertNotIn("\x1b", table)

    def test_device_without_text_is_shown_all_the_same(self):
        def answer(message):
            ptr, service, _text, address = records()
            return [response([ptr], [service, address], message.id,
                             message.questions)]
        Device(self, answer)
        self.assertEqual(self.discover("-t", "2").split("\n")[1].split(),
                         ["lamp", LEFT, "8266", "-", "?", "-"])

    def test_device_that_moves_is_gone_and_found(self):
        console = self.watch()
        device = Device(self, lambda message: None)
        wait_for(lambda: device.questions, "the question")
        device.announce(response(records(address="10.77.0.8")))
        console.expect("^found    lamp  10.77.0.8:8266")
        device.announce(response(records()))  # from its own address
        console.expect("^gone     lamp  10.77.0.8:8266")
        console.expect("^found    lamp  10.77.0.1:8266")
        device.announce(response(records(port=9)))
        console.expect("^gone     lamp  10.77.0.1:8266")
        console.expect("^found    lamp  10.77.0.1:9 ")

    def test_goodbye_that_is_taken_back_is_none(self):
        console = self.watch()
        device = Device(self, lambda message: None)
        wait_for(lambda: device.questions, "the question")
        device.announce(response(records()))
        console.expect("^found    lamp")
        device.announce(response(records(ttl=0)))
        device.announce(response(records()))
        device.announce(response(records(name="last")))
        console.expect("^found    last")
        device.announce(response(records(name="last", ttl=0)))
        console.expect("^gone     last")
        self.assertNotIn("gone     lamp", console.text)

    def test_address_of_the_sender_is_preferred(self):
        def answer(message):
            ptr, service, text, address = records()
            *_rest, other = records(address="192.0.2.1")
            return [response([ptr], [service, text, other, address, other],
                             message.id, message.questions)]
        Device(self, answer)
        self.assertEqual(self.json("-t", "1")[0]["address"], LEFT)

    def test_other_services_are_not_shown(self):
        def answer(message):
            instance = "web._http._tcp.local"
            return [response(
                [record("_http._tcp.local", "PTR",
                        netns_testlib.encode_name(instance), 9, 1)],
                [record(instance, "SRV", srv(80, "web.local")),
                 record(instance, "TXT", txt()),
                 record("web.local", "A", b"\x0a\x4d\0\1")],
                message.id), *whole(message)]
        Device(self, answer)
        self.assertEqual([d["name"] for d in self.json("-t", "1")], ["lamp"])

    def test_list_is_shown_beside_what_is_found(self):
        Device(self, whole)
        path = self.list("# devices\n"
                         "192.0.2.7:3232 name=far board=esp32 auth=no\n"
                         f"{LEFT} name=hidden  # the same as lamp\n"
                         "garage.example.net\n")
        table = self.discover("-t", "1", "--list", str(path)).splitlines()
        self.assertEqual([line.split() for line in table[1:]], [
            ["far", "192.0.2.7", "3232", "esp32", "no", "-"],
            ["garage.example.net", "garage.example.net", "8266", "-", "?",
             "-"],
            ["lamp", LEFT, "8266", "generic", "yes", "-"]])
        found = self.json("-t", "0.2", env={"OTTER_DEVICES": str(path)})
        self.assertEqual([d["source"] for d in found],
                         ["list", "list", "mdns"])

    def test_list_that_is_wrong_is_an_error(self):
        path = self.list("192.0.2.1\n192.0.2.2:99999\n")
        self.discover("-t", "0.2", "--list", str(path), status=1)
        self.assertIn(f"{path}:2:", self.error)
        self.discover("-t", "0.2", status=1,
                      env={"OTTER_DEVICES": "/nowhere"})
        self.assertIn("/nowhere", self.error)
        self.assertIn("No such file", self.error)

    def test_wrong_command_lines_are_refused(self):
        for args, text in ((["x"], "x: no argument expected"),
                           (["--timeout", "x"], "not a number of seconds"),
                           (["--timeout"], "needs a value"),
                           (["--nope"], "no such option")):
            self.discover(*args, status=2)
            self.assertIn(text, self.error)


class FindHost(Finder):
    """The search for one host, which pushing to name.local begins with."""

    def find(self, name, ms=5000, status=0):
        return self.right.run(os.environ["FIND_HOST"], name, ms,
                              status=status).strip()

    def test_device_is_found_by_its_name(self):
        device = Device(self, lambda message: whole(message, port=3232))
        for name in ("lamp.local", "LAMP.local."):
            self.assertEqual(self.find(name), f"lamp {LEFT} 3232")
        self.assertEqual(set(device.questions), {
            ("lamp." + TYPE, "SRV"), ("LAMP." + TYPE, "SRV"),
            ("lamp.local", "A"), ("LAMP.local", "A")})

    def test_host_without_service_is_found_with_port_0(self):
        def answer(message):
            if message.questions == [("lamp.local", "A")]:
                return [response(records()[3:], ident=message.id)]
            return []
        Device(self, answer)
        self.assertEqual(self.find("lamp.local"), f"lamp {LEFT} 0")

    def test_other_devices_are_not_taken_for_it(self):
        Device(self, lambda message: whole(message, name="desk"))
        self.assertEqual(self.find("lamp.local", 700, status=1), "LOOKUP")

    def test_silence_is_an_error(self):
        self.assertEqual(self.find("lamp.local", 300, status=1), "LOOKUP")

    def test_what_is_no_name_is_refused(self):
        for name in ("a..b", "x" * 64 + ".local", "y" * 300):
            self.assertEqual(self.find(name, 300, status=1), "INVALID")

    def test_board_is_found_by_its_name(self):
        board = self.board_on_the_wire("responder-1.0.0")
        board.expect("name lamp")
        self.assertEqual(self.find("lamp.local"), f"lamp {LEFT} 8266")


class Discovery(Finder):
    """Arduino's pluggable discovery protocol, as its own tools speak it."""

    def session(self, env=None):
        process = subprocess.Popen(
            [*self.right.prefix, program("otter"), "discovery"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=self.environment(env))
        process.console = otter_testlib.Console(process.stdout)
        self.addCleanup(self.close, process)
        return process

    def close(self, process):
        process.kill()
        process.wait()
        process.stdin.close()
        process.stderr.close()
        process.console.close()

    def say(self, process, line):
        process.stdin.write(line.encode() + b"\n")
        process.stdin.flush()

    def next(self, process):
        """The next message, which ends at a line with nothing but }."""
        return json.loads(process.console.expect(r"^\{\n(?:.*\n)*?\}$")[0])

    def ask(self, process, line):
        self.say(process, line)
        return self.next(process)

    def error(self, event, message):
        return {"eventType": event, "message": message, "error": True}

    def ok(self, event):
        return {"eventType": event, "message": "OK"}

    def greeted(self, env=None):
        process = self.session(env)
        self.assertEqual(self.ask(process, 'HELLO 1 "arduino-cli 1.0.0"'),
                         {"eventType": "hello", "message": "OK",
                          "protocolVersion": 1})
        return process

    def test_messages_are_indented_as_the_originals(self):
        process = self.session()
        self.say(process, 'HELLO 1 "x"\nSTART\nLIST\nnope\nQUIT')
        self.assertEqual(process.wait(20), 0)
        process.console.close()
        self.assertEqual(process.console.text, """{
  "eventType": "hello",
  "message": "OK",
  "protocolVersion": 1
}
{
  "eventType": "start",
  "message": "OK"
}
{
  "eventType": "list",
  "ports": []
}
{
  "eventType": "command_error",
  "message": "Command NOPE not supported",
  "error": true
}
{
  "eventType": "quit",
  "message": "OK"
}
""")

    def test_hello_comes_first_and_once(self):
        process = self.session()
        for command in ("START", "list", "x y"):
            word = command.upper().split()[0]
            self.assertEqual(
                self.ask(process, command),
                self.error("command_error", "First command must be HELLO, "
                                            f"but got '{word}'"))
        for bad in ("HELLO", 'HELLO 1', 'HELLO "x"', 'HELLO 1 ""',
                    'HELLO x "y"', 'HELLO 1 "a"b', 'HELLO  1 "a"'):
            self.assertEqual(self.ask(process, bad),
                             self.error("hello", "Invalid HELLO command"))
        self.assertEqual(
            self.ask(process, 'HELLO 99999999999999999999 "me"'),
            self.error("hello", "Invalid protocol version: me"))
        self.assertEqual(self.ask(process, 'hello 2 "me"')["message"], "OK")
        self.assertEqual(self.ask(process, 'HELLO 1 "me"'),
                         self.error("hello", "HELLO already called"))

    def test_commands_out_of_order_are_errors(self):
        process = self.greeted()
        for line, answer in (
                ("LIST", self.error("list", "Discovery not STARTed")),
                ("STOP", self.error("stop", "Discovery already STOPped")),
                ("START", self.ok("start")),
                ("START", self.error("start", "Discovery already STARTed")),
                ("START_SYNC", self.error(
                    "start_sync",
                    "Discovery already STARTed, cannot START_SYNC")),
                ("STOP", self.ok("stop")),
                ("START_SYNC", self.ok("start_sync")),
                ("START_SYNC", self.error(
                    "start_sync", "Discovery already START_SYNCed")),
                ("START", self.error(
                    "start",
                    "Discovery already START_SYNCed, cannot START")),
                ("LIST", self.error("list", "Discovery not STARTed")),
                ("stop\r", self.ok("stop")),
                ("", self.error("command_error",
                                "Command  not supported")),
                ("QUIT", self.ok("quit"))):
            self.assertEqual(self.ask(process, line), answer)
        self.assertEqual(process.wait(20), 0)

    def port(self, **properties):
        return {"address": LEFT, "label": f"lamp at {LEFT}",
                "protocol": "network", "protocolLabel": "Network Port",
                "properties": {"hostname": "lamp.local.", "port": "8266",
                               **properties}}

    CORE = {"auth_upload": "yes", "board": "generic", ".": "generic",
            "ssh_upload": "no", "tcp_check": "no"}

    def test_list_has_what_the_original_shows_of_a_core_device(self):
        Device(self, whole)
        process = self.greeted()
        self.assertEqual(self.ask(process, "START"), self.ok("start"))
        wait_for(lambda: self.ask(process, "LIST")["ports"] ==
                 [self.port(**self.CORE)], "the device")

    def test_events_tell_of_devices_that_come_and_go(self):
        device = Device(self, whole)
        process = self.greeted()
        self.assertEqual(self.ask(process, "START_SYNC"),
                         self.ok("start_sync"))
        self.assertEqual(self.next(process), {
            "eventType": "add", "port": self.port(**self.CORE)})
        device.answer = lambda message: None
        device.announce(response(records(ttl=0)))
        self.assertEqual(self.next(process), {
            "eventType": "remove", "port": self.port(**self.CORE)})
        device.announce(response(records(text=("board=d1", "a=b=c", "x"))))
        self.assertEqual(self.next(process), {
            "eventType": "add", "port": self.port(
                **{"board": "d1", ".": "d1"})})
        # New properties of a port are told by adding it again.
        device.announce(response(records(text=("board=d2",))))
        self.assertEqual(self.next(process), {
            "eventType": "add", "port": self.port(
                **{"board": "d2", ".": "d2"})})
        self.assertEqual(self.ask(process, "STOP"), self.ok("stop"))
        device.announce(response(records(text=("board=d3",))))
        # The silence between is over: it starts from nothing.
        device.answer = whole
        self.assertEqual(self.ask(process, "START_SYNC"),
                         self.ok("start_sync"))
        self.assertEqual(self.next(process), {
            "eventType": "add", "port": self.port(**self.CORE)})

    def test_board_comes_and_goes_as_a_port(self):
        """A real device: no byte of it was written for this test."""
        self.board_on_the_wire("responder-1.0.0").expect("name lamp")
        process = self.greeted()
        self.assertEqual(self.ask(process, "START_SYNC"),
                         self.ok("start_sync"))
        port = self.port(**{"auth_upload": "yes", "board": "nodemcuv2",
                            ".": "nodemcuv2", "ssh_upload": "no",
                            "tcp_check": "no", "version": "1.0"})
        self.assertEqual(self.next(process), {"eventType": "add",
                                              "port": port})
        s = self.right.socket(
            lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        with s:
            s.sendto(b"close", (LEFT, 7007))
        self.assertEqual(self.next(process), {"eventType": "remove",
                                              "port": port})
        self.assertEqual(self.ask(process, "QUIT"), self.ok("quit"))

    def test_devices_of_the_list_are_ports(self):
        path = self.list("192.0.2.7 name=far board=d1 auth=yes\n")
        process = self.greeted({"OTTER_DEVICES": str(path)})
        self.assertEqual(self.ask(process, "START_SYNC"),
                         self.ok("start_sync"))
        self.assertEqual(self.next(process), {
            "eventType": "add", "port": {
                "address": "192.0.2.7", "label": "far at 192.0.2.7",
                "protocol": "network", "protocolLabel": "Network Port",
                "properties": {"hostname": "192.0.2.7", "port": "8266",
                               "board": "d1", ".": "d1",
                               "auth_upload": "yes"}}})

    def test_broken_list_does_not_stop_the_rest(self):
        path = self.list("192.0.2.7 nonsense\n")
        Device(self, whole)
        process = self.greeted({"OTTER_DEVICES": str(path)})
        self.assertEqual(self.ask(process, "START_SYNC"),
                         self.ok("start_sync"))
        self.assertEqual(self.next(process)["eventType"], "add")
        self.say(process, "QUIT")
        self.assertEqual(self.next(process), self.ok("quit"))
        self.assertIn(f"{path}:1:", process.stderr.read().decode())

    def test_end_of_input_ends_it(self):
        process = self.greeted()
        process.stdin.close()
        self.assertEqual(self.next(process),
                         self.error("command_error", "EOF"))
        self.assertEqual(process.wait(20), 1)

    def test_line_that_is_too_long_is_one_error(self):
        process = self.greeted()
        self.assertEqual(self.ask(process, "x" * 10000),
                         self.error("command_error", "Command too long"))
        self.assertEqual(self.ask(process, "START"), self.ok("start"))

    def test_help_and_arguments(self):
        self.assertIn("HELLO 1", subprocess.run(
            [program("otter"), "discovery", "--help"], check=True,
            capture_output=True, text=True).stdout)
        done = subprocess.run([program("otter"), "discovery", "x"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""docs/troubleshooting.md is what this test sees: every way a push can end is
brought about, with scripted devices and virtual ones, and the page must show
exactly what `otter push` and `espota` print then.

    test_troubleshooting.py --write     writes the page anew"""
import gzip
import os
import pathlib
import re
import socket
import struct
import subprocess
import sys
import unittest

import otter_testlib
from push_peer import (LIMIT, OTTER, PushCase, environment, expect_close,
                       expect_close_or_data, make_image, md5hex)

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / \
    "troubleshooting.md"
NONCE = b"AUTH " + md5hex("12345678").encode()
SHOWN_ADDRESS = "192.168.1.50"

INTRODUCTION = """\
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Written by tests/system/test_troubleshooting.py from what the programs
print; change it there. -->
# When an update fails

Each entry shows what `otter push` prints, and its exit status. `espota` prints
the words of espota.py for the same thing; they are at the end of this page.
Read the line that begins with `otter:` first, then the serial console of the
device: a sketch like BasicOTA says there what it saw (`Error[4]: End Failed`).

A push goes through these legs, and the message names the one that failed:

1. the invitation, by UDP from this computer to the device
2. the password, if the device has one
3. the device's connection, by TCP from the device to **this computer**
4. the upload on that connection
5. the device's verdict
6. the restart
"""

ESPOTA = """\
## What espota says

Exit status 1 for all of them; `espota -d` shows every step.

| espota says | see |
|---|---|
"""


def answered_from_elsewhere(device):
    device.expect_invitation()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.77", 0))
        other.sendto(b"OK", device.invitation.sender)
    device.released.wait(LIMIT)


def silent(device):
    device.released.wait(LIMIT)


def replies(*datagrams):
    """Answers one invitation, or answer, after the other."""
    def script(device):
        device.expect_invitation()
        for i, datagram in enumerate(datagrams):
            if i:
                device.expect_answer()
            device.reply(datagram)
    return script


def refuses(text):
    return replies(b"ERR: " + text + b"\n")


def says(text, *, size=None, close=False):
    """Takes the file, or a part of it, then speaks on TCP."""
    def script(device):
        tcp = device.accept_update()
        device.fetch(tcp, size, count=False)
        tcp.sendall(text)
        if close:
            if size is not None:
                # A reset, whatever more of the file has arrived by now.
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               struct.pack("ii", 1, 0))
            tcp.close()
        else:
            expect_close_or_data(tcp)
    return script


def asks_and_stays_silent(device):
    for _ in range(3):
        device.expect_invitation()
        device.reply(NONCE)
        device.expect_answer()
        device.expect_answer()


def stalls(device):
    device.expect_invitation()
    device.reply(b"OK")
    tcp = device.connect(receive_buffer=4096)
    device.fetch(tcp, 10000)
    device.released.wait(LIMIT)


def stranger(device):
    device.expect_invitation()
    device.reply(b"OK")
    expect_close(device.connect(address="127.0.0.77"))


MD5_ERROR = (b"ERROR[7]: MD5 verification failed: expected: " + b"a" * 32
             + b", calculated: " + b"b" * 32 + b"\n")

# Ending, what the device does, options, and what there is to say about it.
# Where all five tries are shown, there is time for them on a busy machine.
SCRIPTED = [
    ("no-answer", silent, ["--timeout", "3"], """\
Nobody answered by UDP. The device is off or asleep, in another network (guest
networks and repeaters often keep devices apart), has another address by now, or
its sketch does not call `ArduinoOTA.handle()` often enough: a `delay()` or a
loop that blocks is enough to miss every invitation. A sketch that was uploaded
without ArduinoOTA never answers; then only the serial line helps. For a device
that sleeps use `--wait SECONDS`."""),
    ("no-answer", None, ["--timeout", "3"], """\
The computer with that address answered that nothing listens there: the address
belongs to something else, the sketch has not come as far as
`ArduinoOTA.begin()`, or the port is another one (`--port`)."""),
    ("no-answer", answered_from_elsewhere, ["--timeout", "3"], """\
The device has two addresses, as one with two interfaces does, or this computer
reaches it through a router that changes addresses."""),
    ("password-needed", replies(NONCE), [], """\
On a terminal `otter push` asks for the password. Here it could not."""),
    ("password-wrong", replies(NONCE, b"Authentication Failed"),
     ["--password", "guess"], """\
`setPassword("...")` of the sketch that runs on the device counts, not that of
the sketch to be uploaded. A hash given to `setPasswordHash` must be written in
small letters, or no password ever fits."""),
    ("auth-silent", asks_and_stays_silent,
     ["--password", "x", "--timeout", "1"], """\
The device asked for the password while its sketch was busy, and did not come
to the answer. Try again; make the sketch call `ArduinoOTA.handle()` more
often."""),
    ("refused", refuses(b"ERROR[4]: Not Enough Space"), [], """\
The running sketch and the new one must both fit between the start of flash and
the file system. On a chip with 512 KiB this is tight: about 240 KiB each. Either
the file system takes too much (choose another flash layout in "Tools > Flash
Size", then upload once by serial line), or the board is set to less flash than
it has. A sketch packed with `gzip -9` needs room for its packed size only,
if the device's core is 2.7 or newer."""),
    ("refused", refuses(b"ERROR[8]: Flash config wrong: real: 1048576, "
                        b"SDK: 4194304"), [], """\
The sketch on the device was built for more flash than the chip has. Choose the
right "Flash Size" and upload once by serial line."""),
    ("refused", refuses(b"ERROR[11]: Invalid bootstrapping state, reset "
                        b"ESP8266 before updating"), [], """\
After an upload by serial line the chip remembers its serial mode until it is
reset by hand; a restart by software would end in the serial loader. Press the
reset button once."""),
    ("refused", refuses(b"ERROR[15]: Update already running"),
     [], """\
Two updates at once. By itself `otter push` tries again (`--retries`)."""),
    ("refused", refuses(b"ERROR[5]: Bad Size Given"), ["--force"], """\
The file is empty. Without `--force` it would not have been sent."""),
    ("refused", refuses(b"wrong passwords, wait 1 s"), ["--password", "x"],
     """\
Somebody tried wrong passwords on a device of Otter's, from this computer. The
time doubles with each, up to half a minute; the right password ends it. By
itself `otter push` tries again."""),
    ("refused", replies(b"AUTH 12345"), ["--password", "x"], """\
The device knows neither the scheme of the ESP8266 nor that of the ESP32, or the
answer was cut on the way."""),
    ("refused", replies(b"What?"), [], """\
The answer is none of the protocol's. Something else listens on that port."""),
    ("no-connection", replies(b"OK"), ["--connect-timeout", "1"], """\
The most frequent of all. The device dials back to this computer, and
something in between refuses: a firewall on this computer, a VPN that took over
the route, WSL, a container or a virtual machine with a network of its own, or a
router between two networks. Let the firewall accept one port and use it:
`--host-port 8300`. With several network interfaces choose the one that the
device can reach: `--bind ADDRESS`.

Or let this computer do the dialling: a device that serves an update page takes
the same file through it, `otter push --via http 192.168.1.50 sketch.bin`, and
`--via auto` does so by itself when nobody connects back (docs/web.md)."""),
    ("no-connection", stranger, ["--connect-timeout", "1"], """\
Somebody connected from another address: the device has two, or a router
changes it on the way."""),
    ("stalled", stalls, ["--timeout", "1"], """\
The connection is there, but nothing moves: the radio is lost, or the device
hangs. Bad power supplies show up here, since writing to flash and
sending need the most current. By itself `otter push` tries again."""),
    ("broken", says(b"", size=10000, close=True), [], """\
The device closed the connection: it restarted (watchdog, power), gave up, or
lost its network. By itself `otter push` tries again."""),
    ("broken", says(b"OK", size=10000), [], """\
It cannot have seen the whole file: this is no success."""),
    ("device-error", says(b"1460" + MD5_ERROR), [], """\
What arrived in the flash is not what was sent. Once can be chance; again and
again means that the flash is worn or its mode is wrong ("Flash Mode" DOUT works
with every chip)."""),
    ("device-error", says(b"1460ERROR[10]: Magic byte is not 0xE9\n"),
     ["--force"], """\
The file is not a sketch. Without `--force` it would not have been sent."""),
    ("device-error", says(b"1460ERROR[9]: new Flash config wrong, real size: "
                          b"1048576\n"), [], """\
The new sketch was built for more flash than the chip has: choose the right
"Flash Size" and build it again."""),
    ("device-error", says(b"1460ERROR[12]: Signature verification failed\n"),
     [], """\
The device accepts signed sketches only. Send the signed file, made with the
key that the device knows."""),
    ("device-error", says(b"ERROR[2]: Flash Erase Failed\n", size=8192), [],
     """\
The flash does not work any more, or not at this voltage."""),
    ("device-error", says(b"ERROR[1]: Flash Write Failed\n", size=8192), [],
     """\
The same for writing."""),
    ("device-error", says(b"1460" + MD5_ERROR), ["--fs"], """\
A file system has no second place to be staged in: it is written over the old
one, and what was lost on the way is missing now."""),
    ("unknown", says(b"800", close=True), [], """\
The device may have been updated: the answer was lost, not necessarily the
update. When the device is seen by multicast DNS and tells its version, `otter
push` finds out by itself. Otherwise look at it before you push again."""),
    ("unknown", says(b"800"), ["--result-timeout", "1"], """\
The same, with a connection that stayed open in silence. Large file systems on
an ESP32 take minutes: `--result-timeout`."""),
]


@otter_testlib.only("posix", "one board's page is enough")
class Page(PushCase):
    """Collects the entries; each is a list of lines."""

    maxDiff = None
    size = 4096 * 100

    def setUp(self):
        super().setUp()
        self.entries = {}  # ending -> texts, in order of first use
        self.espota_rows = []
        # Larger than what the kernel holds, so that a stall is one.
        self.large = self.write("large.bin", make_image(4000000))

    def plain(self, text, port=None):
        """What differs from run to run becomes what users see."""
        text = text.replace(str(self.folder.name) + "/", "")
        text = text.replace("127.0.0.5", SHOWN_ADDRESS)
        text = text.replace("127.0.0.77", "192.168.1.77")
        text = text.replace("large.bin", "sketch.bin")
        if port:
            text = text.replace(f"UDP port {port}", "UDP port 8266")
        text = re.sub(r"(TCP |to )port \d+", r"\1port 48231", text)
        text = re.sub(r"at byte \d+ of \d+", "at byte 122880 of 409600", text)
        text = text.replace("4000000", "409600")
        text = re.sub(r"\d+ bytes in [\d.]+ s", "409600 bytes in 8.4 s", text)
        text = re.sub(r"(within|for) \d+ s", r"\1 10 s", text)
        text = re.sub(r"(could not be resolved): .*",
                      r"\1: Name or service not known", text)
        text = re.sub(r"  \d+%  .* left\n", "", text)
        return re.sub(r"otter: (?:no socket.*\n)?", "otter: ", text)

    def add(self, ending, status, command, output, words):
        text = f"    $ {command}\n"
        text += "".join(f"    {line}\n" for line in output.splitlines())
        text += f"    (exit status {status})\n\n{words}\n"
        self.entries.setdefault(ending, []).append(text)

    def endings(self):
        """The endings that --help lists: name, status and text."""
        out = subprocess.run([OTTER, "push", "--help"], capture_output=True,
                             text=True, timeout=LIMIT).stdout
        rows = re.findall(r"(?m)^  (\d+) +([a-z-]+) +(.*)$",
                          out[out.index("Exit status"):])
        return {name: (int(status), text) for status, name, text in rows}

    def scripted(self, ending, script, options, words):
        image = self.image
        if ending in ("stalled", "broken"):
            image = self.large
        if script is None:  # nothing listens there
            device = self.start(lambda device: None)
            device.join()
        else:
            device = self.start(script)
        shown = [o for o in options if o in ("--force",)]
        if "--fs" in options:
            shown.append("--fs")
            image = self.write("littlefs.bin", bytes(8) + b"littlefs" * 50000)
        if "--password" in options:
            shown += ["--password", "..."]
        command = ["otter", "push", *shown, SHOWN_ADDRESS,
                   "littlefs.bin" if "--fs" in options else "sketch.bin"]
        result = subprocess.run(
            [OTTER, "push", device.address, str(image), "--port",
             str(device.port), "--chip", "esp8266", "--no-mdns", "--retries",
             "0", *options], capture_output=True, text=True, timeout=LIMIT,
            env=environment(), start_new_session=True)
        device.released.set()
        self.finish(device, result)
        self.assertEqual(result.returncode, self.known[ending][0],
                         result.stderr)
        self.add(ending, result.returncode, " ".join(command),
                 self.plain(result.stderr + result.stdout, device.port),
                 words)

    def local(self, ending, words, *arguments, shown=None):
        """What fails before anything is sent, or without a device."""
        result = subprocess.run(
            [OTTER, "push", *map(str, arguments)], capture_output=True, text=True,
            timeout=LIMIT, env=environment(), stdin=subprocess.DEVNULL)
        self.assertEqual(result.returncode, self.known[ending][0],
                         result.stderr)
        command = self.plain("otter push " + (shown or
                                              " ".join(map(str, arguments))))
        self.add(ending, result.returncode, command,
                 self.plain(result.stderr + result.stdout), words)

    def several(self, ending, words, *commands):
        """Local failures that need no words each: one block."""
        text = ""
        for arguments in commands:
            result = subprocess.run(
                [OTTER, "push", *arguments], capture_output=True, text=True,
                timeout=LIMIT, env=environment(), stdin=subprocess.DEVNULL,
                cwd=self.folder.name)
            output = result.stderr + result.stdout
            self.assertEqual(result.returncode, self.known[ending][0], output)
            command = " ".join(f"'{word}'" if " " in word else word
                               for word in ["otter", "push", *arguments])
            text += f"    $ {command}\n"
            text += "".join(f"    {line}\n" for line in
                            self.plain(output).splitlines()
                            if not line.startswith(("Try ", "  Nothing")))
        text += f"    (exit status {self.known[ending][0]})\n\n{words}\n"
        text = re.sub(r"(nonsense.invalid): .*",
                      r"\1: Name or service not known", text)
        self.entries.setdefault(ending, []).append(self.plain(text))

    def add_command_lines(self):
        for name, text in (("nobody.txt", "# the house\n"),
                           ("port.txt", "192.168.1.50:99999\n"),
                           ("address.txt", "[kitchen\n"),
                           ("key.txt", "192.168.1.50 colour=red\n"),
                           ("long.txt", "x" * 5000),
                           ("zero.txt", "\0"),
                           ("quote.txt", '192.168.1.50 name="Living room\n')):
            self.write(name, text.encode())
        self.several(
            "usage", """\
The same for lists of devices: the line that is wrong is named.""",
            *(["--list", name, "sketch.bin"] for name in (
                "missing.txt", "nobody.txt", "port.txt", "address.txt",
                "key.txt", "quote.txt", "long.txt", "zero.txt")))
        self.several(
            "usage", """\
And for options.""",
            *([*option, "192.168.1.50", "sketch.bin"] for option in (
                ["--port", "0"], ["--timeout", "soon"], ["--retries", "many"],
                ["--host-port", "9-8"], ["--chip", "z80"], ["--via", "mail"],
                ["--path", "update"], ["--nonsense"],
                ["--password-file", "missing.key"],
                ["--remaining", "nowhere/rest.txt"],
                ["--bind", "nonsense.invalid"])),
            ["192.168.1.50", "sketch.bin", "--port"])

    def add_files(self):
        """What a look at the file can find."""
        image = bytearray(self.image.read_bytes())

        def changed(at, value):
            data = bytearray(image)
            data[at] = value
            return bytes(data)

        large_boot = bytearray(image)
        large_boot[12:16] = (4096).to_bytes(4, "little")
        no_segments = changed(0x1001, 0)
        many_segments = changed(0x1001, 3)[:0x1000 + 12]
        other_place = bytearray(image)
        other_place[0x1008:0x100C] = (0x40209000).to_bytes(4, "little")
        files = {
            "empty.bin": b"",
            "program.elf": b"\x7fELF" + bytes(200),
            "littlefs.bin": bytes(8) + b"littlefs" + bytes(5000),
            "sketch.zip": b"PK\3\4" + bytes(200),
            "erased.bin": b"\xff" * 5000,
            "sketch.hex": b":10010000214601360121470136007EFE09D2190140\n",
            "page.bin": b"<html>404</html>",
            "boot.bin": bytes(image[:0x1000]),
            "large-boot.bin": bytes(large_boot),
            "boot-changed.bin": changed(0x20, image[0x20] ^ 1),
            "changed.bin": changed(0x9000, image[0x9000] ^ 1),
            "no-segments.bin": no_segments,
            "cut-early.bin": many_segments,
            "cut-late.bin": bytes(image[:-1]),
            "other-place.bin": bytes(other_place),
            "mode.bin": changed(2, 9),
            "descriptor.bin": self.with_descriptor(image),
            "cut.bin.gz": gzip.compress(bytes(image), mtime=0)[:-100],
        }
        for name, data in files.items():
            self.write(name, data)
        self.several(
            "file", """\
What else a look at the file can find.""",
            *(["192.168.1.50", name] for name in files))
        esp32 = (b"\xe9\x01\x02\x20" + bytes(4) + b"\xee" + bytes(15) +
                 b"\x20\x00\x40\x3f\x00\x01\x00\x00" + bytes(8192))
        self.write("esp32.bin", esp32)
        self.several(
            "file", """\
The port tells the chip, or `--chip`.""",
            ["192.168.1.50", "esp32.bin"],
            ["192.168.1.50:3232", "sketch.bin"],
            ["192.168.1.50:2040", "sketch.bin"],
            ["--fs", "192.168.1.50", "sketch.bin"])
        self.several(
            "file", """\
The order is that of `cp`: the file goes to the devices.""",
            ["sketch.bin", "192.168.1.50"])

    @staticmethod
    def with_descriptor(image):
        """One whose layout nobody knows, at the start of the segment."""
        data = bytearray(image)
        data[0x1010:0x101C] = b"Otter\x1a\xd5\1" + b"\x09\0\x80\0"
        return bytes(data)

    def add_web(self):
        """The way through the update page."""
        from test_host_push_web import Server
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.5", 0))
            self.through_page("no-answer", deaf.getsockname()[1],
                              ["--timeout", "3"], """\
`--via http` needs a sketch that serves an update page, see docs/web.md.""")

        def wants_password(request):
            request.read_body()
            request.answer("401 Unauthorized", "", "WWW-Authenticate: Basic "
                           'realm="Login Required"\r\n')

        server = Server(self, wants_password)
        self.through_page("password-wrong", server.port, ["--password", "x"],
                          """\
A page has a user beside its password.""", server.address)

        def says_something(request):
            request.read_body()
            request.answer("200 OK", "Have a nice day")

        server = Server(self, says_something)
        self.through_page("unknown", server.port, [], """\
The page is none of the core's nor of Otter's.""", server.address)

    def through_page(self, ending, port, options, words, address="127.0.0.5"):
        result = subprocess.run(
            [OTTER, "push", "--via", "http", "--retries", "0", "--timeout",
             "1", *options, f"{address}:{port}", str(self.image)],
            capture_output=True, text=True, timeout=LIMIT, env=environment(),
            start_new_session=True)
        output = result.stderr + result.stdout
        self.assertEqual(result.returncode, self.known[ending][0], output)
        for text in (f"{address}:{port}", address):
            output = output.replace(text, SHOWN_ADDRESS)
        output = output.replace(f"port {port}", "port 80")
        shown = ["--password", "..."] if "--password" in options else []
        self.add(ending, result.returncode, " ".join(
            ["otter", "push", "--via", "http", *shown, SHOWN_ADDRESS,
             "sketch.bin"]), self.plain(output).replace("port 48231",
                                                        "port 80"), words)

    def add_local(self):
        image = self.image
        cut = self.write("cut.bin", image.read_bytes()[:200000])
        text = self.write("notes.txt", b"Dear diary" * 100)
        self.local("usage", """\
The command line is wrong; nothing was done.""", image)
        self.add_command_lines()
        self.local("file", """\
The build puts it somewhere else, or has another name for it.""",
                   "127.0.0.5", self.image.parent / "missing.bin")
        self.local("file", """\
The file was looked at before anything was sent. A build that was interrupted,
a full disk, a download that broke off.""", "127.0.0.5", cut)
        self.local("file", """\
Not every file is a sketch. For file systems there is `--fs`.""",
                   "127.0.0.5", text)
        self.add_files()
        self.local("lookup", """\
Names that end in `.local` are asked for by multicast DNS, others through the
system's resolver. An IP address always works.""",
                   "kitchen.invalid", image)
        self.several("lookup", """\
Stock devices have no IPv6 address; those that have one are reached like
others.""", ["fe80::1%wlan9", "sketch.bin"],
                     ["--bind", "192.168.1.2", "fe80::1", "sketch.bin"],
                     ["--bind", "::1", "192.168.1.50", "sketch.bin"])
        self.local("lookup", """\
Multicast does not pass through every network: some access points filter it,
guest networks and VPNs do not carry it at all. `otter push ADDRESS` and lists
work without.""", "--match", "nobody-is-called-so", "--discover-time", "0.3",
                   image, shown="--match lamp-* sketch.bin")
        self.entries["lookup"][-1] = self.entries["lookup"][-1].replace(
            "nobody-is-called-so", "lamp-*")
        with socket.socket() as taken:
            taken.bind(("0.0.0.0", 0))
            taken.listen()
            self.local("listen", """\
Another program uses the port, perhaps a second push. Ports below 1024 need
administrator's rights.""", "127.0.0.5", image, "--no-mdns", "--host-port",
                       taken.getsockname()[1],
                       shown="--host-port 8300 127.0.0.5 sketch.bin")

    def espota(self, script, line, ending, *options, image=None):
        """One row: the line that espota must print."""
        device = self.start(script)
        espota = str(pathlib.Path(OTTER).with_name("espota"))
        result = subprocess.run(
            [espota, "-i", device.address, "-p", str(device.port), "-f",
             str(image or self.image), *options], capture_output=True,
            text=True, timeout=LIMIT, env=environment())
        device.released.set()
        self.finish(device, result)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertRegex(result.stderr,
                         rf"(?m)\[ERROR\]: {re.escape(line)}$")
        self.espota_rows.append(f"| `{line}` | {ending} |\n")
        return result.stderr

    def espota_local(self, line, ending, *words):
        """What espota says of its command line."""
        espota = str(pathlib.Path(OTTER).with_name("espota"))
        result = subprocess.run([espota, *words], capture_output=True,
                                text=True, timeout=LIMIT, env=environment(),
                                cwd=self.folder.name)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn(f": {line}\n", result.stderr)
        self.espota_rows.append(f"| `{line}` | {ending} |\n")

    def add_espota(self):
        self.espota(silent, "No Answer", "no-answer", "-t", "0.05")
        self.espota(replies(NONCE, b"Authentication Failed"),
                    "Authentication Failed", "password-wrong", "-a", "x")
        self.espota(asks_and_stays_silent,
                    "No Answer to our Authentication", "auth-silent", "-a",
                    "x", "-t", "0.1")
        self.espota(refuses(b"ERROR[4]: Not Enough Space"),
                    "Bad Answer: ERR: ERROR[4]: Not Enough Space", "refused")
        self.espota(replies(b"OK"), "No response from device",
                    "no-connection", "-t", "0.1")
        self.espota(says(b"", size=10000, close=True), "Error Uploading",
                    "broken, stalled", image=self.large)
        self.espota(says(b"1460ERROR[10]: Magic byte is not 0xE9\n"),
                    "ERROR[10]: Magic byte is not 0xE9", "device-error")
        self.espota(says(b"800", close=True), "No Result!", "unknown")
        with socket.socket() as taken:
            taken.bind(("0.0.0.0", 0))
            taken.listen()
            said = self.espota(lambda device: None, "Listen Failed",
                               "listen", "-P", str(taken.getsockname()[1]))
        self.espota_local("Not enough arguments.", "usage", "-i",
                          SHOWN_ADDRESS)
        self.espota_local("missing.bin: No such file or directory", "file",
                          "-i", SHOWN_ADDRESS, "-f", "missing.bin")
        said = re.sub(r"^[\d:]+", "12:00:00", said)
        self.espota_rows.append(
            "\nBelow its line stands the reason, with its own options:\n\n"
            "    $ espota -i 192.168.1.50 -P 8300 -f sketch.bin\n" +
            "".join(f"    {line}\n" for line in said.splitlines()))

    def compose(self):
        self.known = self.endings()
        self.add_local()
        for entry in SCRIPTED:
            self.scripted(*entry)
        self.add_web()
        Returns.collect(self)
        self.add_espota()
        page = INTRODUCTION
        for name, (status, text) in self.known.items():
            if name in ("updated", "current", "internal", "mixed",
                        "interrupted"):
                continue
            page += f"\n## {name}: {text}\n\n"
            page += "\n".join(self.entries[name])
        return page + "\n" + ESPOTA + "".join(self.espota_rows)

    def test_page_shows_what_the_programs_print(self):
        page = self.compose()
        if "--write" in sys.argv or os.environ.get("OTTER_WRITE_DOCS"):
            PAGE.write_text(page, encoding="utf-8")
        self.assertEqual(PAGE.read_text(encoding="utf-8"), page)

    # What only a computer in trouble says, or a network that tests lack, or
    # what is no error.
    RARE = ("out of memory", "named twice: each device is updated once",
            "this computer failed:", "multicast DNS:",
            "left alone: it runs version", "address that begins with fe80:",
            "Upload through its update page", "may not lead to the device",
            "computer in the device's network", "? [y/N]",
            "accepted and did not connect back.",
            "the device announces it; --page-port gives another")
    SOURCES = ("push.c", "push_check.c", "push_explain.c", "push_options.c",
               "push_session.c", "push_survey.c", "image_look.c",
               "target_list.c")

    def test_every_message_is_on_the_page(self):
        """Each sentence in the sources that a user can meet."""
        page = PAGE.read_text(encoding="utf-8")
        missing = [f"{name}: {part}" for name in self.SOURCES
                   for part in self.sentences(name) if part not in page
                   and not any(rare in part for rare in self.RARE)]
        self.assertEqual(missing, [])

    @staticmethod
    def sentences(name):
        """The fixed parts of a source's texts, without help and notes."""
        text = (PAGE.parents[1] / "host" / name).read_text(encoding="utf-8")
        for pattern in (r"(?s)/\*.*?\*/", r"(?s)static const char help.*?;\n",
                        r"(?s)add\(&look->notes.*?;\n"):
            text = re.sub(pattern, "", text)
        for literal in re.findall(
                r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*', text):
            whole = "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', literal))
            whole = whole.replace('\\"', '"').replace("%%", "\0")
            for part in re.split(r"%[-.*0-9]*[a-z]+|\\n|\0", whole):
                if len(part.strip()) >= 12 and " " in part.strip():
                    yield part.strip()


class Returns(otter_testlib.SystemTest):
    """The endings that need a device which shows itself."""

    def runTest(self):
        """Not a test: a place for boards."""

    @classmethod
    def collect(cls, page):
        case = cls()
        case.setUp()
        try:
            case.add(page)
        finally:
            case.doCleanups()

    def add(self, page):
        sys.path.insert(0, str(pathlib.Path(__file__).parent))
        from test_host_push_return import Return
        big = self.folder / "big.bin"
        big.write_bytes(make_image(2 * 1024 * 1024))
        new = otter_testlib.sketch("basic_ota-1.1.0", "")
        board = Return.shown(self)
        self.push(page, "unfit", board, big, [], """\
The device tells by multicast DNS how much room it has. This is the same as
`ERROR[4]` under "refused", found out before anything was sent.""")
        for change, words in (
                (self.larger_flash, """\
The same as `ERROR[9]` under "device-error"."""),
                (self.other_chip, """\
The sketch says in its descriptor for which chip it was built ..."""),
                (self.other_board, """\
... and for which board.""")):
            path = self.folder / "other.bin"
            path.write_bytes(change(pathlib.Path(new).read_bytes()))
            self.push(page, "unfit", board, path, [], words)
        self.push(page, "old-version",
                  Return.shown(self, stay_running="1"), new,
                  ["--back-timeout", "4"], """\
The device took the new sketch and still runs the old one. Either it was told
not to restart (`setRebootOnSuccess(false)`): then the next reset brings the new
one. Or the new one did not start, did not confirm itself, and the boot loader
went back: then the console shows why.""")
        board = Return.shown(self)
        process = self.popen(board, new, ["--back-timeout", "2"])
        board.expect("^End$")
        board.control("power off")
        self.finish(page, "not-back", board, process, """\
The device said OK and has not been seen since. Look at it: it may be in a
restart loop, or the new sketch has other network settings. If it only takes
long, use `--back-timeout`; if it does not show itself, `--no-mdns`.""")

    @staticmethod
    def larger_flash(image):
        data = bytearray(image)
        for at in (3, 0x1003):
            data[at] = 0x90 | data[at] & 15
        return data

    def other_chip(self, image):
        return self.renamed(image, b"esp8266\0", b"esp9999\0")

    def other_board(self, image):
        return self.renamed(image, b"posix\0", b"lamps\0")

    def renamed(self, image, old, new):
        """Another word in the descriptor, and a checksum that fits."""
        at = image.index(b"basic_ota\0")
        at = image.index(old, at)
        self.assertLess(at, len(image) - 1)
        data = bytearray(image)
        for i, (before, after) in enumerate(zip(old, new)):
            data[at + i] = after
            data[-1] ^= before ^ after
        return data

    def popen(self, board, image, options):
        return subprocess.Popen(
            [OTTER, "push", *options, board.address, str(image)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment())

    def push(self, page, ending, board, image, options, words):
        self.finish(page, ending, board, self.popen(board, image, options),
                    words)

    def finish(self, page, ending, board, process, words):
        out, err = process.communicate(timeout=LIMIT)
        page.assertEqual(process.returncode, page.known[ending][0], err)
        text = page.plain((err + out).replace(board.address, SHOWN_ADDRESS))
        text = re.sub(r"uploading \d+ bytes", "uploading 409600 bytes", text)
        text = re.sub(r"has room for \d+", "has room for 1048576", text)
        page.add(ending, process.returncode,
                 f"otter push {SHOWN_ADDRESS} sketch.bin", text, words)


if __name__ == "__main__":
    if "--write" in sys.argv:
        os.environ["OTTER_WRITE_DOCS"] = "1"
        sys.argv.remove("--write")
    unittest.main(argv=[sys.argv[0], "Page"])

# SPDX-License-Identifier: Apache-2.0
"""Recorded exchanges between the core's own uploader and its BasicOTA sketch:
the device's side is replayed, and `otter push` must say what the recorded host
said, up to ports, digests of other bytes, and nonces."""
import os
import pathlib
import re
import unittest

from push_peer import (PushCase, expect_close, make_image, md5_response,
                       md5hex)

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("OTTER_SHARED", ROOT / "../shared"))
TRACES = SHARED / "data" / "traces"
PASSWORD = "admin"  # of the recorded sketch: its answers fit no other
LINE = re.compile(r"\s+[\d.]+ (udp|tcp) (\S+) -> (\S+) (.*)")


class Step:
    """One line of a trace: who speaks, and what."""

    def __init__(self, protocol, source, _target, what):
        self.udp = protocol == "udp"
        self.text = None
        self.size = None
        self.what = what
        if what.startswith("text "):
            self.text = what[5:].replace("\\n", "\n").encode()
        elif what.startswith("data "):
            self.size = int(what.split()[1])
        # The device's UDP port is 8266; its TCP port is that of the SYN.
        self.source = source
        self.device = self.udp and source.endswith(":8266")


def read_trace(name):
    steps = [Step(*match.groups()) for match in
             map(LINE.match, (TRACES / name).read_text().splitlines())
             if match]
    ports = [s.source for s in steps if s.what == "SYN"]
    for step in steps:
        step.device |= step.source in ports
    return steps


def masked(message):
    """What is free in a host's message becomes a placeholder."""
    words = message.split(b" ")
    if words[0] == b"200":
        return [words[0], len(words[1]), len(words[2])]
    return [words[0], b"PORT", words[2], len(words[3])]


class Replay:
    """A device's script made of a trace."""

    def __init__(self, steps, right_password):
        self.steps = steps
        self.right = right_password

    def __call__(self, device):
        tcp = None
        for step in self.steps:
            if step.udp and not step.device:
                self.compare(device, step)
            elif step.udp:
                device.reply(step.text)
                device.nonce = step.text[5:].decode()
            elif step.what == "SYN":
                tcp = device.connect()
            elif step.size is not None:
                data = device.fetch(tcp, step.size)
                assert md5hex(data) == device.invitation.md5
            elif step.device and step.text is not None:
                tcp.sendall(step.text)
            elif step.what == "FIN" and step.device:
                tcp.close()
            elif step.what == "FIN":
                if tcp.fileno() >= 0:
                    expect_close(tcp)

    def compare(self, device, step):
        recorded = step.text
        if recorded.startswith(b"200 "):
            cnonce, response = device.expect_answer()
            said = f"200 {cnonce} {response}\n".encode()
            fits = response == md5_response(md5hex(PASSWORD), device.nonce,
                                            cnonce)
            assert fits == self.right, "the response"
        else:
            said = device.expect_invitation().raw
        assert masked(said) == masked(recorded), (said, recorded)


@unittest.skipUnless(TRACES.is_dir(), "no recorded traces, see OTTER_SHARED")
class Traces(PushCase):
    def replay(self, name, status, *options, words=(), right=True):
        steps = read_trace(f"basic-{name}.txt")
        size = int(steps[0].text.split()[2])
        image = self.write(f"{name}.bin", (make_image(0x1040) * 100)[:size]
                           .ljust(size, b"x"))
        result = self.push(Replay(steps, right), "--force", *options,
                           image=image)
        self.assert_status(result, status, *words)

    def test_without_password(self):
        self.replay("nopw", 0)

    def test_with_password(self):
        self.replay("pw", 0, "--password", PASSWORD)

    def test_wrong_password(self):
        self.replay("wrongpw", 15, "--password", "other", right=False,
                    words=["Authentication Failed"])

    def test_too_big(self):
        self.replay("big", 17, words=["ERROR[4]: Not Enough Space"])

    def test_too_big_with_password(self):
        self.replay("bigpw", 17, "--password", PASSWORD,
                    words=["ERROR[4]: Not Enough Space"])

    def test_empty_file(self):
        self.replay("empty", 17, words=["ERROR[5]: Bad Size Given"])

    def test_wrong_first_byte(self):
        self.replay("badmagic", 21,
                    words=["ERROR[10]: Magic byte is not 0xE9"])

    def test_gzip(self):
        self.replay("gz", 0)

    def test_file_system(self):
        self.replay("fs", 0, "--fs")

    def test_every_recorded_push_is_replayed(self):
        replayed = {"nopw", "pw", "wrongpw", "big", "bigpw", "empty",
                    "badmagic", "gz", "fs"}
        recorded = {p.name[6:-4] for p in TRACES.glob("basic-*.txt")}
        self.assertEqual(recorded, replayed)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The multipart parser against the one of Python's email package, on random
bodies: parts in any number, headers in any order, data that is made of pieces
of boundaries and line ends.  Every body is whole or cut off at a random byte,
and fed in pieces of random size."""
import email
import email.policy
import os
import random
import string
import struct
import subprocess
import unittest

BODIES = int(os.environ.get("BODIES", "400"))
SEED = int(os.environ.get("SEED", "1"))
TOKEN = string.ascii_letters + string.digits + "'()+_,-./:=? "


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def boundary(self):
        length = self.random.choice((1, 3, 10, 40, 70))
        text = "".join(self.random.choices(TOKEN, k=length))
        return text[:-1] + "x"  # a blank at the end is not allowed

    def data(self, boundary):
        """Bytes that resemble delimiters as closely as bytes may that are
        none."""
        edge = boundary.encode()
        while True:
            pieces = [self.random.choice(
                (b"\r\n", b"\r", b"\n", b"-", b"--", b"\r\n--",
                 b"\r\n--" + edge[:-1], b"\r\n-" + edge, b"--" + edge + b"y",
                 b"\r\n--" + edge + b"y", edge, b"\0", b"\xe9\xff",
                 self.random.randbytes(self.random.randrange(20))))
                for _ in range(self.random.randrange(12))]
            data = b"".join(pieces)
            if not self.ends_part(data, edge):
                return data

    @staticmethod
    def ends_part(data, edge):
        """A line that is a delimiter to one parser or the other: the email
        package takes CR or LF alone for a line end, too."""
        lines = (b"\n" + data.replace(b"\r", b"\n") + b"\n")
        at = -1
        while (at := lines.find(b"\n--" + edge, at + 1)) >= 0:
            rest = lines[at + 3 + len(edge):].split(b"\n")[0]
            if rest.startswith(b"--") or not rest.strip(b" \t") or \
                    rest[:1] in (b" ", b"\t", b"-"):
                return True
        return False

    def part(self, boundary):
        name = "".join(self.random.choices(string.ascii_letters, k=8))
        filename = self.random.choice((None, "", "a.bin", 'q"u\\o;t=e.bin'))
        disposition = f'form-data; name="{name}"'
        if filename is not None:
            quoted = filename.replace("\\", "\\\\").replace('"', '\\"')
            more = f'filename="{quoted}"'
            disposition = self.random.choice(
                (f"{disposition}; {more}", f'form-data;{more} ; name={name}'))
        headers = [("Content-Disposition", disposition)] + self.random.sample(
            [("Content-Type", "application/octet-stream"), ("X-A", "b; c=d"),
             ("Content-Length", "7"), ("x-empty", "")],
            self.random.randrange(5))
        self.random.shuffle(headers)
        head = "".join(f"{self.random.choice((key, key.upper()))}: {value}\r\n"
                       for key, value in headers).encode()
        return head + b"\r\n" + self.data(boundary)

    def body(self):
        boundary = self.boundary()
        edge = b"--" + boundary.encode()
        body = self.random.choice((b"", b"a preamble\r\n"))
        for _ in range(self.random.randrange(1, 5)):
            padding = self.random.choice((b"", b"", b" \t"))
            body += edge + padding + b"\r\n" + self.part(boundary) + b"\r\n"
        body += edge + b"--\r\n" + self.random.choice((b"", b"behind it"))
        content_type = self.random.choice(
            ('multipart/form-data; boundary="{}"',
             'Multipart/Form-Data; charset=x; BOUNDARY="{}"; y=z')
        ).format(boundary)
        return content_type, body


def by_email(content_type, body):
    """Parts as the email package sees them, and whether it saw the end."""
    message = email.message_from_bytes(
        b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body,
        policy=email.policy.HTTP)
    parts = []
    for part in message.iter_parts():
        if part["Content-Disposition"] is None:  # cut off in its head
            continue
        parameters = part["Content-Disposition"].params
        parts.append((parameters.get("name"), parameters.get("filename"),
                      part.get_payload(decode=True)))
    whole = not any("CloseBoundary" in type(d).__name__
                    for d in message.defects)
    return parts, whole


def hexed(word):
    return "" if word in "-=" else bytes.fromhex(word).decode()


def parts_of(line):
    words = line.split()
    parts = []
    while words[4:5] == ["/"]:
        parts.append((hexed(words[1]), None if words[2] == "-"
                      else hexed(words[2]),
                      b"" if words[3] == "-" else bytes.fromhex(words[3])))
        words = words[5:]
    return parts, words[-1]


class Differential(unittest.TestCase):
    def setUp(self):
        self.program = subprocess.Popen(
            [os.environ["MULTIPART_PARTS"]], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        self.addCleanup(self.program.wait, 10)
        self.addCleanup(self.program.stdout.close)
        self.addCleanup(self.program.stdin.close)

    def ours(self, content_type, body, piece):
        kind = content_type.encode()
        self.program.stdin.write(
            struct.pack("<3I", len(kind), len(body), piece) + kind + body)
        self.program.stdin.flush()
        return parts_of(self.program.stdout.readline().decode().rstrip("\n"))

    def test_whole_bodies_have_the_same_parts(self):
        for seed in range(SEED, SEED + BODIES):
            generator = Generator(seed)
            content_type, body = generator.body()
            expected, whole = by_email(content_type, body)
            self.assertTrue(whole)
            piece = generator.random.choice((1, 2, 7, 64, 100000))
            parts, end = self.ours(content_type, body, piece)
            self.assertEqual((parts, end), (expected, "end"),
                             f"seed {seed}, piece {piece}: {content_type}\n"
                             f"{body}")

    def test_cut_bodies_are_cut_for_both(self):
        """The parts that are whole for us are whole for the other, which
        also gives the rest of one that is not."""
        for seed in range(SEED, SEED + BODIES):
            generator = Generator(seed)
            content_type, body = generator.body()
            last = body.rindex(b"--", 0, body.rindex(b"--\r\n") + 2)
            body = body[:generator.random.randrange(last + 1)]
            parts, end = self.ours(content_type, body, 64)
            self.assertEqual(end, "cut")
            expected, whole = by_email(content_type, body)
            self.assertFalse(whole and expected, f"seed {seed}")
            self.assertEqual(parts, expected[:len(parts)],
                             f"seed {seed}: {content_type}\n{body}")
            self.assertGreaterEqual(len(parts), len(expected) - 1)


if __name__ == "__main__":
    unittest.main()

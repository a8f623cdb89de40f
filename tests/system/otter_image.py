#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds ESP8266-format images for tests, from protocol 2.7 alone: it shares
no code with `otter image build`, so each checks the other.

Usage: otter_image.py PROGRAM.elf IMAGE.bin [LOADER.elf]

A program for the chip's own core needs a boot loader for the boot sector; a
program for the virtual board brings a placeholder."""
import pathlib
import struct
import sys

DESCRIPTOR_MAGIC = bytes([0x4F, 0x74, 0x74, 0x65, 0x72, 0x1A, 0xD5, 0x01])
DESCRIPTOR_SIZE = 128
PROGRAM_VMA = 0x70000000
IROM_VMA = 0x40201010
EM_XTENSA = 94
SHT_PROGBITS = 1
SHF_ALLOC = 2


def crc(data, value=0xFFFFFFFF):
    """CRC-32/MPEG-2 (protocol 3.2)."""
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value >> 31 else 0)
            value &= 0xFFFFFFFF
    return value


def image(entry, segments, mode=2, size_nibble=4, frequency=0):
    """One image: header, segments of (vma, data), zeros, checksum."""
    out = bytearray(struct.pack("<BBBBI", 0xE9, len(segments), mode,
                                size_nibble << 4 | frequency, entry))
    checksum = 0xEF
    for vma, data in segments:
        data = bytes(data) + bytes(-len(data) % 4)
        out += struct.pack("<II", vma, len(data)) + data
        for byte in data:
            checksum ^= byte
    out += bytes(-(len(out) + 1) % 16)
    out.append(checksum)
    return bytes(out)


def file(entry, segments, boot=None, **header):
    """A whole file: boot sector, then an application image whose first
    segment is a piece of mapped code that begins with the two CRC words."""
    boot = boot or image(0x4010F000, [(0x4010F000, b"boot")], **header)
    app = image(entry, [(IROM_VMA, bytes(16)), *segments], **header)
    return boot.ljust(0x1000, b"\xaa") + app


def program_segments(elf):
    """The host program in one segment, or two, the second beginning with the
    image descriptor."""
    at = elf.find(DESCRIPTOR_MAGIC + struct.pack("<HH", 1, DESCRIPTOR_SIZE))
    if at < 0 or at % 4:
        return [(PROGRAM_VMA, elf)]
    return [(PROGRAM_VMA, elf[:at]), (PROGRAM_VMA + at, elf[at:])]


def chip_segments(elf):
    """Entry and segments of a program that was linked for the chip: mapped
    code first, then its sections by address, as the core orders them."""
    entry, = struct.unpack_from("<I", elf, 24)
    table, = struct.unpack_from("<I", elf, 32)
    size, count = struct.unpack_from("<HH", elf, 46)
    segments = []
    for number in range(count):
        _, kind, flags, vma, at, length = struct.unpack_from(
            "<6I", elf, table + number * size)
        if kind == SHT_PROGBITS and flags & SHF_ALLOC and length:
            segments.append((vma, elf[at:at + length]))
    segments.sort(key=lambda s: (s[0] != IROM_VMA, s[0] < 0x40000000, s[0]))
    return entry, segments


def chip_file(program, loader):
    """A whole file for the chip, with its length and CRC."""
    entry, segments = chip_segments(program)
    if segments[0][0] != IROM_VMA:
        raise ValueError("no mapped code at 0x40201010")
    boot = image(*chip_segments(loader), size_nibble=0)
    out = bytearray(boot.ljust(0x1000, b"\xaa") +
                    image(entry, segments, size_nibble=0))
    struct.pack_into("<II", out, 0x1010, len(out), crc(out))
    return bytes(out)


def main():
    elf = pathlib.Path(sys.argv[1]).read_bytes()
    if struct.unpack_from("<H", elf, 18)[0] == EM_XTENSA:
        out = chip_file(elf, pathlib.Path(sys.argv[3]).read_bytes())
    else:
        out = file(PROGRAM_VMA, program_segments(elf), size_nibble=0)
    pathlib.Path(sys.argv[2]).write_bytes(out)


if __name__ == "__main__":
    main()

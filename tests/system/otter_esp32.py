# SPDX-License-Identifier: Apache-2.0
"""Images of the ESP32's family as its tools lay them out, for tests."""
import hashlib
import struct


def make_esp32_image(size, version="1.0", name="lamp", appended=True):
    """An image with two segments, the first of `size` bytes."""
    description = struct.pack("<4I32s32s", 0xABCD5432, 0, 0, 0,
                              version.encode(), name.encode())
    segments = [(0x3F400020, description.ljust(size, b"\x5a")),
                (0x40080000, bytes(range(256)))]
    image = struct.pack("<BBBBI", 0xE9, len(segments), 2, 0x2F, 0x40080400)
    image += bytes([0xEE, 0, 0, 0]) + bytes(11) + bytes([appended])
    checksum = 0xEF
    for vma, data in segments:
        image += struct.pack("<II", vma, len(data)) + data
        for byte in data:
            checksum ^= byte
    image += bytes(15 - len(image) % 16) + bytes([checksum])
    return image + (hashlib.sha256(image).digest() if appended else b"")

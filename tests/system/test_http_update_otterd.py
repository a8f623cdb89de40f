#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Both ends of pull together: http_update on a board with Otter's loader asks
a real otterd, over a line that stops in the middle of a download until the
board was reset."""
import pathlib
import re
import socket
import subprocess
import threading
import unittest

import otter_testlib
from otter_testlib import HOST, PATIENCE, sketch

MAC = "18:FE:34:00:00:01"
SECTOR = 4096
ROOM = 20000  # bytes of an answer that pass
HEAD = 700  # the most of these that are its head


class Line:
    """Carries connections to a server; of what comes back `room` bytes pass,
    then nothing."""

    def __init__(self, to):
        self.to = to
        self.room = 0
        self.requests = []
        self._open = []
        self._listener = socket.create_server((HOST, 0))
        self.address = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.to, PATIENCE)
            self._open += [near, far]
            threading.Thread(target=self._there, args=(near, far),
                             daemon=True).start()
            threading.Thread(target=self._back, args=(near, far),
                             daemon=True).start()

    def _there(self, near, far):
        try:
            while data := near.recv(4096):
                self.requests.append(data.decode("latin-1"))
                far.sendall(data)
        except OSError:
            pass

    def _back(self, near, far):
        passed = 0
        try:
            while data := far.recv(1024):
                data = data[:max(0, self.room - passed)]
                near.sendall(data)
                passed += len(data)
            if passed < self.room:
                near.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._open:
            peer.close()


class HttpUpdateOtterd(otter_testlib.SystemTest):
    def otterd(self, *words):
        return subprocess.run(
            [otter_testlib.program("otterd"), "--data",
             self.folder / "server", *words], check=True,
            capture_output=True, text=True, timeout=PATIENCE).stdout

    def serve(self, image):
        """otterd with this image for the device, and a line to it."""
        (self.folder / "bin").mkdir()
        (self.folder / "bin" / "1.1.0.bin").write_bytes(image)
        (self.folder / "table.txt").write_text(f"{MAC} 1.1.0\n")
        self.otterd("import", self.folder / "table.txt", self.folder / "bin")
        server = subprocess.Popen(
            [otter_testlib.program("otterd"), "--data",
             self.folder / "server", "--listen", f"{HOST}:0"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        console = otter_testlib.Console(server.stderr)
        self.addCleanup(console.close)
        self.addCleanup(server.wait, PATIENCE)
        self.addCleanup(server.terminate)
        port = console.expect(r"event=listening .*port=(\d+)")[1]
        line = Line((HOST, int(port)))
        self.addCleanup(line.close)
        return line

    def until(self, board, least):
        """Until the board has told of so many bytes."""
        while int(board.expect(r"process at (\d+) of")[1]) < least:
            pass

    def test_download_goes_on_after_resets(self):
        image = pathlib.Path(sketch("http_update-1.1.0",
                                    "-otter")).read_bytes()
        line = self.serve(image)
        line.room = ROOM
        board = self.board("http_update-1.0.0", flavour="-otter", map="4M1M",
                           args=["--mac", MAC], settings={
                               "url": "http://%s:%d/update" % line.address,
                               "interval": "1"})
        least = ROOM - HEAD
        for _ in range(3):
            board.expect("process started$")
            self.until(board, least)
            board.control("reset")
            board.expect(r"^http_update 1\.0\.0$")
            # Two sectors may be lost, and the end of what came.
            least += ROOM - HEAD - 3 * SECTOR
        line.room = 1 << 30
        board.expect("^HTTP_UPDATE_OK$")
        board.expect(r"^http_update 1\.1\.0$")
        board.expect("^Confirmed$", 60)
        ranges = [int(first) for first in
                  re.findall(r"Range: bytes=(\d+)-", "".join(line.requests))]
        self.assertEqual(len(ranges), 3)
        self.assertEqual(ranges, sorted(ranges))
        self.assertGreaterEqual(ranges[0], ROOM - HEAD - 3 * SECTOR)
        self.assertTrue(board.read_flash(SECTOR, len(image) - SECTOR)
                        == image[SECTOR:])
        self.assertIn("1.1.0", self.otterd("device", MAC))


if __name__ == "__main__":
    unittest.main()

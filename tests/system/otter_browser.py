# SPDX-License-Identifier: Apache-2.0
"""A real Chromium for the tests of the pages, driven by browser.mjs."""
import json
import os
import pathlib
import select
import subprocess

from otter_testlib import ROOT

PLAYWRIGHT = pathlib.Path(os.environ.get("OTTER_PLAYWRIGHT",
                                         ROOT / "build/browser"))


class Browser:
    """A Chromium; every command of browser.mjs is a method."""

    def __init__(self, prefix=(), args=()):
        """`prefix` comes before the command, `args` are Chromium's."""
        self._process = subprocess.Popen(
            [*prefix, "node", str(ROOT / "tests/system/browser.mjs")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "OTTER_PLAYWRIGHT": str(PLAYWRIGHT),
                 "OTTER_CHROMIUM_ARGS": json.dumps(args)})

    def __getattr__(self, command):
        def run(**options):
            self._process.stdin.write(
                json.dumps({"command": command, **options}) + "\n")
            self._process.stdin.flush()
            if not select.select([self._process.stdout], [], [], 120)[0]:
                raise AssertionError(f"the browser hangs in {command}")
            line = self._process.stdout.readline()
            if not line:
                raise AssertionError(f"the browser ended in {command}")
            answer = json.loads(line)
            if "error" in answer:
                raise AssertionError(f"{command}: {answer['error']}")
            return answer
        return run

    def end(self):
        self._process.stdin.close()
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
            self._process.stdout.close()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands of docs/otterd-api.md, run as they stand there, give what
stands below them."""
import json
import os
import re
import subprocess
import unittest

from otterd_client import BASE
from otterd_rig import Api
from test_otterd import LIMIT, ROOT

PAGE = ROOT / "docs" / "otterd-api.md"


def within(wanted, got, where="answer"):
    """What the page shows and the answer does not have."""
    if wanted == "...":
        return
    if isinstance(wanted, dict) and isinstance(got, dict):
        for name, value in wanted.items():
            if name not in got:
                yield f"{where} lacks {name}"
            else:
                yield from within(value, got[name], f"{where}.{name}")
    elif isinstance(wanted, list) and isinstance(got, list) \
            and len(wanted) == len(got):
        for i, value in enumerate(wanted):
            yield from within(value, got[i], f"{where}[{i}]")
    elif wanted != got:
        yield f"{where} is {got!r}, not {wanted!r}"


class Page(Api):
    def test_commands_of_the_api_guide_give_what_it_says(self):
        (self.folder / "lamp.bin").write_bytes(self.image)
        environment = {
            **os.environ,
            "OTTERD": f"http://127.0.0.1:{self.port}{BASE}",
            "AUTH": f"Authorization: Bearer {self.admin.token}"}
        pairs = re.findall(r"^```sh\n(.*?)^```\n```json\n(.*?)^```$",
                           PAGE.read_text(encoding="utf-8"), re.M | re.S)
        self.assertGreater(len(pairs), 10)
        for command, shown in pairs:
            done = subprocess.run(["sh", "-ec", command], env=environment,
                                  cwd=self.folder, capture_output=True,
                                  timeout=LIMIT, check=False)
            with self.subTest(command=command):
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertEqual(list(within(json.loads(shown),
                                             json.loads(done.stdout))), [])


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The house checks can fail: each is run on a small tree with one planted
fault and must name it, and on the same tree without the fault and pass."""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"


class Checks(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.root = pathlib.Path(self.dir.name)
        subprocess.run(["git", "init", "-q", self.root], check=True)
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        shutil.copy(ROOT / ".clang-format", self.root)
        self.write("format/ok.h", SPDX + "#include <stdint.h>\n")
        self.write("hal/net.h", SPDX + "#include <stdint.h>\n")

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def run_check(self, name, *args):
        return subprocess.run([self.root / "scripts" / name, *args],
                              capture_output=True, text=True, check=False)

    def expect(self, name, path, text, words):
        self.assertEqual(self.run_check(name).returncode, 0)
        self.write(path, text)
        result = self.run_check(name)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(words, result.stdout + result.stderr)

    def test_imports_forbidden_room_is_named(self):
        self.expect("check-imports", "device/updater/u.c",
                    SPDX + '#include "hal/net.h"\n', "may not import")

    def test_imports_hosted_header_is_named(self):
        self.expect("check-imports", "format/f.c",
                    SPDX + "#include <stdlib.h>\n", "may not use <stdlib.h>")

    def test_imports_chip_conditional_is_named(self):
        self.expect("check-imports", "codec/c.c",
                    SPDX + "#ifdef ESP8266\n#endif\n", "names a chip")

    def test_sizes_long_function_is_named(self):
        body = "    f();\n" * 61
        self.expect("check-sizes", "format/f.c",
                    SPDX + "void f(void)\n{\n" + body + "}\n",
                    "function of 61 lines")

    def test_sizes_long_file_is_named(self):
        self.expect("check-sizes", "format/f.h", SPDX + "\n" * 600,
                    "601 lines")

    def test_sizes_missing_licence_is_named(self):
        self.expect("check-sizes", "format/f.h", "\n", "SPDX")

    def test_format_bad_layout_is_named(self):
        self.expect("check-format", "format/f.c",
                    SPDX + "void  f( void );\n", "clang-format")

    def test_headers_incomplete_header_is_named(self):
        self.expect("check-headers", "format/bad.h",
                    SPDX + "size_t otter_bad(void);\n", "size_t")

    def test_words_generated_file_is_named(self):
        self.expect("check-words", "firmware.bin", "x", "generated file")

    def test_symbols_unprefixed_external_is_named(self):
        for source, words in (("int flash_read(void) { return 1; }",
                               "exports flash_read"),
                              ("int malloc(int); "
                               "int otter_f(void) { return malloc(1); }",
                               "calls malloc")):
            self.write("build/format/x.c", source)
            build = self.root / "build" / "format"
            subprocess.run(["gcc", "-w", "-fno-builtin", "-c", "x.c"],
                           cwd=build, check=True)
            (build / "libx.a").unlink(missing_ok=True)
            subprocess.run(["ar", "rc", "libx.a", "x.o"], cwd=build,
                           check=True)
            result = self.run_check("check-symbols", self.root / "build")
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(words, result.stdout)


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: Apache-2.0
"""The upload commands of docs/arduino.md and docs/platformio.md, filled in as
the Arduino tools and PlatformIO fill them in, run against a scripted
device."""
import pathlib
import re
import shlex
import subprocess
import unittest

from push_peer import (LIMIT, OTTER, PushCase, environment, md5_response,
                       md5hex)

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
BIN = pathlib.Path(OTTER).parent
NONCE = md5hex("12345678")


def blocks(name):
    text = (DOCS / name).read_text(encoding="utf-8")
    return re.findall(r"(?ms)^```\w*\n(.*?)^```$", text)


def asks(device):
    device.expect_invitation()
    device.reply(b"AUTH " + NONCE.encode())
    cnonce, response = device.expect_answer()
    assert response == md5_response(md5hex("secret"), NONCE, cnonce)
    device.reply(b"OK")
    device.succeed(device.connect())


class Arduino(PushCase):
    def run_pattern(self, key, properties):
        lines = [line for block in blocks("arduino.md")
                 for line in block.splitlines() if line.startswith(key + "=")]
        self.assertEqual(len(lines), 1, key)
        device = self.start(asks)
        words = shlex.split(lines[0].partition("=")[2])
        properties = {
            **{name: value(device) for name, value in properties.items()},
            "build.path": str(self.image.parent),
            "build.project_name": self.image.stem}
        words = [re.sub(r"\{([\w.]+)\}", lambda m: properties[m[1]], word)
                 for word in words]
        words[0] = words[0].replace("/usr/local/bin", str(BIN))
        result = subprocess.run(words, capture_output=True, text=True,
                                timeout=LIMIT, env=environment())
        self.finish(device, result)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Authenticating...OK", result.stderr)

    old_style = {"serial.port": lambda d: d.address,
                 "network.port": lambda d: str(d.port),
                 "network.password": lambda d: "secret"}
    new_style = {"upload.port.address": lambda d: d.address,
                 "upload.port.properties.port": lambda d: str(d.port),
                 "upload.field.password": lambda d: "secret"}

    def test_network_pattern_of_esp8266(self):
        self.run_pattern("tools.esptool.upload.network_pattern",
                         self.old_style)

    def test_upload_pattern_of_esp32(self):
        self.run_pattern("tools.esp_ota.upload.pattern", self.new_style)

    def test_upload_pattern_beside_our_discovery(self):
        self.run_pattern("tools.otter_ota.upload.pattern", self.new_style)

    def test_discovery_pattern_starts_the_discovery(self):
        line = next(line for block in blocks("arduino.md")
                    for line in block.splitlines()
                    if line.startswith("pluggable_discovery.otter.pattern="))
        words = shlex.split(line.partition("=")[2])
        words[0] = words[0].replace("/usr/local/bin", str(BIN))
        result = subprocess.run(words, input='HELLO 1 "test"\nQUIT\n',
                                capture_output=True, text=True, timeout=LIMIT)
        self.assertEqual(result.returncode, 0)
        self.assertIn('"protocolVersion": 1', result.stdout)

    def test_the_list_is_one_that_we_can_read(self):
        text = next(b for b in blocks("arduino.md") if "name=kitchen" in b)
        path = self.write("devices", text.encode())
        result = subprocess.run(
            [OTTER, "discover", "--json", "-t", "0.2", "--list", str(path)],
            capture_output=True, text=True, timeout=LIMIT)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('"kitchen"', result.stdout)
        self.assertIn('"garage"', result.stdout)


class PlatformIo(PushCase):
    def environments(self):
        found = {}
        for block in blocks("platformio.md"):
            name = None
            for line in block.splitlines():
                if line.startswith("["):
                    name = line.strip("[]")
                    found[name] = []
                elif name and line.strip():
                    found[name].append(line)
        return found

    def run_environment(self, name, script, image=None, env=None,
                        port_option=True):
        lines = self.environments()[name]
        command = next(line.partition("=")[2] for line in lines
                       if line.startswith("upload_command"))
        flags = " ".join(line.strip() for line in lines
                         if line.startswith("    "))
        device = self.start(script)
        port = device.address
        if port_option:
            port += f":{device.port}"
        flags = flags.replace("--port=8266", f"--port={device.port}")
        for variable, value in (("$UPLOAD_PORT", port),
                                ("$UPLOAD_FLAGS", flags),
                                ("$SOURCE", str(image or self.image))):
            command = command.replace(variable, value)
        env = environment(env)
        env["PATH"] = f"{BIN}:{env['PATH']}"
        result = subprocess.run(shlex.split(command), capture_output=True,
                                text=True, timeout=LIMIT, env=env)
        self.finish(device, result)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_sketch(self):
        self.run_environment("env:ota",
                             lambda d: d.succeed(d.accept_update()))

    def test_sketch_with_the_password_in_the_environment(self):
        self.run_environment("env:ota", asks,
                             env={"OTTER_PASSWORD": "secret"})

    def test_file_system(self):
        def script(device):
            tcp = device.accept_update()
            assert device.invitation.command == 100
            device.succeed(tcp)

        self.run_environment("env:ota_fs", script,
                             image=self.write("fs.bin", bytes(8192)))

    def test_espota(self):
        self.run_environment("env:espota", asks, port_option=False)


if __name__ == "__main__":
    unittest.main()

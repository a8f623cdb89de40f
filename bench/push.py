#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast is a push, and what does it cost beyond its data?

One virtual device, `otter push` with streaming and with lock step (one reply
per 1460 bytes, as espota.py does), over links with different round trip
times, in turns.  Prints medians and ratios; asserts nothing about time."""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from relay import Relay  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[1]
BIN = pathlib.Path(os.environ.get("OTTER_BIN", ROOT / "build/bin"))
IMAGE = BIN / "sketches" / "basic_ota-1.1.0.bin"
DEVICE = "127.8.0.1"
RELAY = "127.8.0.2"
ROUND_TRIPS = (0, 5, 20, 50)  # milliseconds
RUNS = 3
MODES = {"stream": [], "lock step": ["--lockstep"]}


def start_device(folder):
    """A board that stays up after an update, so that it takes the next."""
    process = subprocess.Popen(
        [BIN / "otter-device", "--flash", folder / "flash.bin", "--map",
         "4M2M", "--address", DEVICE, "--set", "stay_running=1",
         "--serial-upload", IMAGE],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
    wait_for(process, "IP address")
    return process


def wait_for(process, text):
    """Until the device's console says so."""
    for line in process.stdout:
        if line.startswith(text):
            return
    sys.exit("bench: the device ended")


def push(device, relay, options):
    """Seconds before the first byte, of the data, and after the last."""
    begin = time.monotonic()
    result = subprocess.run(
        [BIN / "otter", "push", "--quiet", "--no-mdns", "--retries", "0",
         "--chip", "esp8266", "--port", str(relay.port), *options, RELAY, IMAGE],
        capture_output=True, text=True, timeout=120)
    end = time.monotonic()
    if result.returncode:
        sys.exit(f"bench: {result.stderr}")
    wait_for(device, "End")  # it is free for the next one
    times = relay.times
    return (times["first"] - begin, times["last"] - times["first"],
            end - times["last"])


def measure(device, round_trip):
    relay = Relay(RELAY, (DEVICE, 8266), round_trip / 1000)
    relay.start()
    runs = {mode: [] for mode in MODES}
    try:
        for _ in range(RUNS):
            for mode, options in MODES.items():
                runs[mode].append(push(device, relay, options))
    finally:
        relay.stop()
    return {mode: [statistics.median(part) for part in zip(*times)]
            for mode, times in runs.items()}


def main():
    size = IMAGE.stat().st_size
    print(f"push: {size} bytes, receive window 5840, medians of {RUNS} runs")
    print("  round trip   stream     lock step  ratio  "
          "before the data  after it (stream)")
    with tempfile.TemporaryDirectory(prefix="otter-bench-") as folder:
        device = start_device(pathlib.Path(folder))
        try:
            for round_trip in ROUND_TRIPS:
                figures = measure(device, round_trip)
                before, stream, after = figures["stream"]
                lock = figures["lock step"][1]
                print(f"  {round_trip:3} ms     "
                      f"{size / stream / 1024:7.0f} KiB/s "
                      f"{size / lock / 1024:7.0f} KiB/s "
                      f"{lock / stream:5.1f}x "
                      f"{before * 1000:9.0f} ms {after * 1000:13.0f} ms",
                      flush=True)
        finally:
            device.terminate()
            device.wait()


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""The demo's second half: three devices that ask an update server, and how a
new version gets to them."""
import json
import os
import subprocess
import time

from stage import (BIN, PATIENCE, SKETCHES, Board, Server, expect, otter, say)

DEVICES = {"hall": "127.0.0.71", "attic": "127.0.0.72",
           "cellar": "127.0.0.73"}
OLD, NEW = "1.0.0", "1.1.0"

# What is shown of another board already, or for each piece of a download, is
# too much for three devices.
HIDDEN = (r"^$|^board: serial upload|^IP address"
          r"|^CALLBACK:  HTTP update process at")


def start(folder, server):
    """The three, each with the server's address among its settings."""
    return [Board(folder, address, f"http_update-{OLD}-otter.bin", name,
                  settings={"url": f"{server.url}/update", "interval": 1})
            for name, address in DEVICES.items()]


def settings(folder):
    """The tool's settings for this show, away from the user's own."""
    return {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"),
            "OTTER_SERVER": "", "OTTER_TOKEN": ""}


def look(env, *words):
    """Runs the tool unseen; returns its answer as JSON."""
    done = subprocess.run([BIN / "otter", *words, "--json"],
                          env={**os.environ, **env}, capture_output=True,
                          check=False, timeout=PATIENCE,
                          stdin=subprocess.DEVNULL)
    expect(done.returncode == 0, done.stderr.decode())
    return json.loads(done.stdout)


def wait_for_reports(boards, env):
    """What devices say reaches the database a moment after its answer."""
    wanted = {board.mac: NEW for board in boards}
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        counts = look(env, "release", "show", "1")["counts"]
        seen = {device["mac"]: device["version"]
                for device in look(env, "device", "list")}
        if seen == wanted and counts["installed"] == len(boards):
            return
        time.sleep(0.1)
    expect(False, f"expected {wanted}, the server knows {seen}")


def accept(server, boards, env):
    say("An update server starts, and three devices that ask it for firmware")
    for board in boards:
        board.show_until("^HTTP_UPDATE", HIDDEN)
    expect(otter("login", server.url, env={**env, "OTTER_TOKEN": server.token},
                 shown=f"OTTER_TOKEN=otter_... otter login {server.url}") == 0,
           "the login failed")

    say("It has never seen them: somebody accepts them, and gives them names")
    expect(otter("device", "explain", boards[0].mac, env=env) == 0,
           "no explanation")
    expect(otter("device", "accept", *(board.mac for board in boards),
                 env=env) == 0, "the devices were not accepted")
    for board in boards:
        expect(otter("device", "name", board.mac, board.name, env=env) == 0,
               "a device got no name")


def settle(server, boards, folder):
    """All of them known, and up to date: they ask at their usual pace, which
    they would not while they are refused."""
    env = {**settings(folder), "OTTER_SERVER": server.url,
           "OTTER_TOKEN": server.token}
    look(env, "device", "accept", *(board.mac for board in boards))
    for board in boards:
        look(env, "device", "name", board.mac, board.name)
    look(env, "release", "create", SKETCHES / f"http_update-{OLD}.bin",
         "--all")
    for board in boards:
        board.wait_for("^HTTP_UPDATE_NO_UPDATES")


def release(boards, env):
    say("A new version is released; each device gets it when it next asks")
    expect(otter("release", "create", SKETCHES / f"http_update-{NEW}.bin",
                 "--all", env=env) == 0, "there is no release")
    for board in boards:
        board.show_until(f"^http_update {NEW}", HIDDEN)
        board.show_until("^Confirmed", HIDDEN)


def scenes(folder):
    server = Server(folder, "127.0.0.1:0")
    boards = []
    env = settings(folder)
    try:
        boards = start(folder, server)
        accept(server, boards, env)
        release(boards, env)
        wait_for_reports(boards, env)
        say("The server knows what runs where, and why")
        expect(otter("device", "list", env=env) == 0, "no list of devices")
        expect(otter("release", "show", "1", env=env) == 0, "no release")
    finally:
        for board in boards:
            board.quit()
        server.quit()

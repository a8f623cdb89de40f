#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""otterd's API over real sockets: who may do what, settings, the audit log,
and requests that are not as they should be.  otterd_client holds every answer
to the OpenAPI document on the way."""
import socket
import unittest

from otterd_client import BASE
from otterd_rig import Api, Events
from test_otterd import LIMIT, MAC, OTHER, ask, changed


class Tokens(Api):
    def test_first_token_is_printed_once_and_never_kept(self):
        self.assertEqual(self.admin.get("/me").json,
                         {"name": "administrator", "scope": "admin"})
        other = self.token("read")
        self.stop(self.server)
        for path in self.data.rglob("*"):
            if path.is_file():
                for secret in (self.admin.token, other.token):
                    self.assertNotIn(secret[6:].encode(), path.read_bytes())
        self.start()
        self.assertEqual(self.admin.get("/me").status, 200)
        self.stop(self.server)
        self.assertEqual(self.server.stdout.read(), b"")

    def test_every_operation_needs_its_scope(self):
        scopes = ["read", "operate", "admin"]
        users = {scope: self.token(scope) for scope in scopes}
        checked = 0
        for pattern, methods in self.admin.doc["paths"].items():
            path = pattern.replace("{mac}", MAC).replace("{id}", "999")
            for method, operation in methods.items():
                needed = operation.get("x-scope")
                if needed is None:
                    continue
                with self.subTest(method=method, path=path):
                    for token in (None, "otter_" + "A" * 43, "x",
                                  users["read"].token + "A", ""):
                        answer = self.admin.other(token).call(
                            method.upper(), path)
                        self.problem(answer, 401, "Bearer")
                        self.assertIn("Bearer",
                                      answer.headers["www-authenticate"])
                    for scope in scopes[:scopes.index(needed)]:
                        self.problem(users[scope].call(method.upper(), path),
                                     403, needed, scope)
                        checked += 1
        self.assertEqual(checked, 6 + 2 * 7)

    def test_token_is_listed_without_its_secret_and_taken_back(self):
        reader = self.token("read")
        listed = self.admin.get("/tokens")
        self.assertNotIn(reader.token.encode(), listed.body)
        ids = {t["name"]: t["id"] for t in listed["tokens"]}
        self.assertEqual(reader.get("/me")["scope"], "read")
        self.assertEqual(
            self.admin.delete(f"/tokens/{ids['a read']}").status, 204)
        self.assertEqual(reader.get("/me").status, 401)
        self.problem(self.admin.delete(f"/tokens/{ids['a read']}"), 404)
        self.problem(self.admin.delete(f"/tokens/{ids['administrator']}"),
                     409, "last")
        self.problem(self.admin.delete("/tokens/x"), 404)
        self.problem(self.admin.post("/tokens", {"name": "a"}), 400, "scope")
        for name in "", "  ":
            self.problem(self.admin.post("/tokens", {
                "name": name, "scope": "read"}), 400, "audit log")
        self.problem(self.admin.post("/tokens", {"name": "a",
                                                 "scope": "root"}), 400)

    def test_tokens_and_paths_come_in_pages(self):
        for n in range(4):
            self.made(self.admin.post("/tokens", {"name": f"token {n}",
                                                  "scope": "read"}))
            self.made(self.admin.call("PUT", "/paths",
                                      {"path": f"/{n} ä.php"}), 200)
        for path, key, wanted in (
                ("/tokens", "name",
                 ["administrator", *(f"token {n}" for n in range(4))]),
                ("/paths", "path",
                 [*(f"/{n} ä.php" for n in range(4)), "/update"])):
            self.assertEqual([row[key] for row in
                              self.admin.get(path)[path[1:]]], wanted)
            pages = [self.admin.get(path, limit=2)]
            while pages[-1]["next"] is not None:
                pages.append(self.admin.get(path, limit=2,
                                            after=pages[-1]["next"]))
            self.assertEqual([[row[key] for row in page[path[1:]]]
                              for page in pages],
                             [wanted[:2], wanted[2:4], wanted[4:]])
            for limit in ("0", "1001", "x", ""):
                self.problem(self.admin.get(path, limit=limit), 400,
                             "1 to 1000")
        self.problem(self.admin.get("/tokens", after="x"), 400, "next")

    def test_session_lets_the_console_in(self):
        guest = self.admin.other(None)
        wrong = guest.post("/session", {"token": "otter_no"})
        self.problem(wrong, 401)
        self.assertNotIn("set-cookie", wrong.headers)
        self.problem(guest.call(
            "POST", "/session", {"token": self.admin.token},
            headers={"Content-Type": "text/plain"}), 415)
        login = guest.post("/session", {"token": self.admin.token})
        self.assertEqual(login.status, 204)
        cookie = login.headers["set-cookie"]
        for word in ("HttpOnly", "SameSite=Strict", "Path=/"):
            self.assertIn(word, cookie)
        self.assertNotIn(self.admin.token, cookie)
        cookie = {"Cookie": cookie.partition(";")[0]}
        self.assertEqual(guest.call("GET", "/me", headers=cookie).status, 200)
        change = ("PATCH", f"/devices/{MAC}", {"name": "a"})
        self.problem(guest.call(*change, headers=cookie), 403,
                     "X-Otter-Console")
        console = {**cookie, "X-Otter-Console": "1"}
        self.assertEqual(guest.call(*change, headers=console).status, 200)
        self.stop(self.server)
        self.start()  # the session outlives it
        guest.port = self.port
        self.assertEqual(guest.call("GET", "/me", headers=cookie).status, 200)
        over = guest.call("DELETE", "/session", headers=console)
        self.assertEqual(over.status, 204)
        self.assertIn("Max-Age=0", over.headers["set-cookie"])
        self.assertEqual(guest.call("GET", "/me", headers=cookie).status, 401)

    def test_token_can_be_made_on_the_server(self):
        made = self.run_otterd("token", "spare", "admin").strip()
        self.assertEqual(self.admin.other(made).get("/me")["name"], "spare")
        self.run_otterd("token", "spare", "root", code=2)


class Administration(Api):
    def test_settings_and_paths_count_at_once(self):
        self.assertEqual(self.admin.get("/settings").json,
                         {"policy": "pending", "dialect": "manual"})
        self.assertEqual(self.admin.patch("/settings",
                                          policy="accept")["policy"], "accept")
        self.problem(self.admin.patch("/settings", policy="x"), 400, "accept")
        ask(self.port, changed())
        self.settled(MAC, lambda d: d["state"] == "accepted")
        self.assertEqual([p["path"] for p in
                          self.admin.get("/paths")["paths"]], ["/update"])
        made = self.made(self.admin.call("PUT", "/paths", {
            "path": "/lamp.php", "product": "lamp"}), 200)
        self.assertEqual(made, {"path": "/lamp.php", "product": "lamp",
                                "dialect": None})
        self.release(self.upload(), product="lamp")
        self.assertEqual(ask(self.port, changed()).status, 500)
        self.assertEqual(ask(self.port, changed(), "/lamp.php").status, 200)
        self.assertEqual(self.admin.delete("/paths",
                                           path="/lamp.php").status, 204)
        self.assertEqual(ask(self.port, changed(), "/lamp.php").status, 404)
        self.problem(self.admin.delete("/paths", path="/lamp.php"), 404)
        self.problem(self.admin.delete("/paths"), 400)
        self.problem(self.admin.call("PUT", "/paths", {"path": "/a%2fb"}),
                     400, "%2f")
        for path, status in (("x", 400), ("/a?b", 400), ("/api/v1/me", 409),
                             ("/metrics", 409), ("/console/", 409),
                             ("/" + "a" * 255, 400)):
            self.problem(self.admin.call("PUT", "/paths", {"path": path}),
                         status)

    def test_every_change_is_in_the_audit_log(self):
        self.accept(name="lamp")
        made = self.upload()
        release = self.release(made)
        operator = self.token("operate")
        self.assertEqual(operator.patch(f"/releases/{release['id']}",
                                        state="paused").status, 200)
        self.assertEqual(operator.patch(f"/releases/{release['id']}",
                                        priority=3).status, 200)
        self.admin.patch(f"/releases/{release['id']}", state="withdrawn")
        self.admin.delete(f"/firmware/{made['id']}")
        self.admin.delete(f"/devices/{MAC}")
        self.admin.patch("/settings", policy="accept", dialect="manual")
        self.admin.call("PUT", "/paths", {"path": "/a", "product": "b"})
        self.admin.delete("/paths", path="/a")
        ids = {t["name"]: t["id"] for t in self.admin.get("/tokens")["tokens"]}
        self.admin.delete(f"/tokens/{ids['a operate']}")
        self.problem(self.admin.patch(f"/devices/{MAC}", state="x"), 400)
        log, after = [], {}
        while after is not None:
            page = self.admin.get("/audit", limit=4, **after)
            log += page["audit"]
            after = page["next"] and {"after": page["next"]}
        told = [(entry["who"], entry["what"]) for entry in reversed(log)]
        wanted = [
            ("otterd", "token 1 .*created"),
            ("administrator", 'device 18FEAAAAAAAA accepted name "lamp"'),
            ("administrator", 'firmware 1 "lamp" version 2.0 uploaded'),
            ("administrator", "release 1 of firmware 1 for all"),
            ("administrator", 'token 2 "a operate" operate created'),
            ("a operate", "release 1 paused"),
            ("a operate", "release 1 priority 3"),
            ("administrator", "release 1 withdrawn"),
            ("administrator", 'firmware 1 "lamp" version 2.0 removed'),
            ("administrator", "device 18FEAAAAAAAA forgotten"),
            ("administrator", "policy accept"),
            ("administrator", "dialect manual"),
            ("administrator", 'path /a product "b"'),
            ("administrator", "path /a removed"),
            ("administrator", 'token 2 "a operate" removed')]
        self.assertEqual(len(told), len(wanted), told)
        for (who, what), (by, pattern) in zip(told, wanted):
            self.assertEqual(who, by, what)
            self.assertRegex(what, pattern)


class Withstands(Api):
    def test_bad_requests_get_clear_answers(self):
        auth = {"Authorization": f"Bearer {self.admin.token}"}
        path = f"{BASE}/devices/{MAC}"
        self.admin.get("/me")
        for method, url, body, status in (
                ("GET", BASE, None, 404), ("GET", BASE + "/", None, 404),
                ("GET", "/api/v2/me", None, 404), ("GET", "/api/", None, 404),
                ("PUT", path, b"{}", 405), ("BREW", path, b"", 405),
                ("PATCH", path, b"", 400), ("PATCH", path, b"\xff\xfe", 400),
                ("PATCH", path, b'{"name":"\xff"}', 400),
                ("PATCH", path, b"{" * 50000, 400),
                ("PATCH", path, b"[" * 50000, 400),
                ("PATCH", path, b'{"name":"' + b"a" * 65536 + b'"}', 413),
                ("PATCH", path, b" " * 5000000, 413),
                ("GET", BASE + "/devices?q=%ff", None, 400),
                ("GET", BASE + "/devices?q=a&q=b", None, 400),
                ("GET", BASE + "/me?" + "&".join(f"a{i}=1"
                                                 for i in range(40)),
                 None, 400),
                ("GET", BASE + "/devices/" + "a" * 200, None, 404),
                ("GET", BASE + "/firmware/99999999999999999999", None, 404),
                ("GET", BASE + "/firmware/-1", None, 404),
                ("GET", BASE + "/firmware/1%20OR%201", None, 404)):
            with self.subTest(method=method, url=url[:60]):
                answer = self.admin.raw(method, url, body, auth)
                self.assertEqual(answer.status, status, answer.body)
                self.assertEqual(answer.headers["content-type"],
                                 "application/problem+json")
                if status == 405:
                    self.assertIn("PATCH", answer.headers["allow"])
        head = self.admin.raw("HEAD", BASE + "/me", None, auth)
        self.assertEqual((head.status, head.body), (200, b""))

    def test_parameters_that_are_no_text_are_named(self):
        auth = {"Authorization": f"Bearer {self.admin.token}"}
        answer = self.admin.raw("GET", BASE + "/devices?q=%c3", None, auth)
        self.problem(answer, 400, "q ", "UTF-8")
        answer = self.admin.raw("GET", BASE + "/devices?%c3=q", None, auth)
        self.problem(answer, 400, "name", "UTF-8")

    def test_form_is_told_how_a_file_is_sent(self):
        answer = self.admin.call(
            "POST", "/firmware", b"--x\r\n" + self.image,
            {"name": "a", "version": "1"},
            {"Content-Type": "Multipart/form-data; boundary=x"})
        self.problem(answer, 415, "--data-binary")

    def test_uploads_of_strangers_are_not_waited_for(self):
        with socket.create_connection(("127.0.0.1", self.port),
                                      LIMIT) as peer:
            peer.sendall(f"POST {BASE}/firmware HTTP/1.1\r\nHost: x\r\n"
                         "Expect: 100-continue\r\n"
                         "Content-Length: 9000000\r\n\r\n".encode())
            self.assertIn(b" 401 ", peer.recv(100))

    def test_listeners_are_bounded(self):
        self.admin.get("/me")
        streams = [Events(self.admin) for _ in range(64)]
        for stream in streams:
            self.addCleanup(stream.close)
        self.problem(self.admin.get("/events"), 503, "64")
        self.assertEqual(self.admin.get("/me").status, 200)

    def test_events_that_nobody_can_ask_for_are_a_problem(self):
        mine = {"Authorization": f"Bearer {self.admin.token}"}
        for query, status, word in (
                ("kinds=devices", 400, "device, release, firmware, token"),
                ("kinds=", 400, "kinds"), ("kinds=device,,path", 400, "kinds"),
                ("kinds=" + "a" * 500, 400, "kinds"),
                ("mac=18:FE", 400, "hexadecimal"), ("mac=", 400, "mac"),
                ("mac=" + ",".join([MAC] * 65), 400, "64"),
                ("release=x", 400, "whole number"), ("release=0", 400, "id"),
                ("news=yes", 400, "false, true"),
                ("kind=device", 400, "kinds mac release news"),
                ("kinds=device&kinds=path", 400, "twice")):
            with self.subTest(query=query):
                self.problem(self.admin.raw(
                    "GET", f"{BASE}/events?{query}", headers=mine), status,
                    word)
        self.problem(self.token("read").get("/events", kinds="device,token"),
                     403, "admin")

    def test_events_of_tokens_paths_and_settings(self):
        """Tokens are told to administrators; a secret is told to nobody."""
        made = self.admin.post("/tokens", {"name": "rob", "scope": "operate"})
        reader = self.admin.other(made["token"])
        mine, his = Events(self.admin), Events(reader)
        for stream in mine, his:
            self.addCleanup(stream.close)
        other = self.admin.post("/tokens", {"name": "eve", "scope": "read"})
        path = {"path": "/door.php", "product": "door", "dialect": None}
        self.admin.call("PUT", "/paths", path)
        self.admin.patch("/settings", policy="accept")
        self.admin.delete("/paths", path="/door.php")
        self.admin.delete(f"/tokens/{other['id']}")
        open_to_all = [("path", path), ("settings", {
            "policy": "accept", "dialect": "manual"}),
            ("removed", {"path": "/door.php"})]
        self.assertEqual([mine.next()[1:] for _ in range(5)], [
            ("token", {"id": other["id"], "name": "eve", "scope": "read"}),
            *open_to_all, ("removed", {"token": other["id"]})])
        self.assertEqual([his.next()[1:] for _ in range(3)], open_to_all)
        # What is no token any more hears nothing any more.
        self.admin.delete(f"/tokens/{made['id']}")
        with self.assertRaises((EOFError, ValueError, ConnectionError)):
            his.next()

    def test_events_are_those_asked_for(self):
        self.admin.patch(f"/devices/{MAC}", state="accepted")
        one = Events(self.admin, f"?kinds=device&mac={MAC.lower()}")
        news = Events(self.admin, "?kinds=device,firmware&news=true")
        for stream in one, news:
            self.addCleanup(stream.close)
        for _ in range(2):
            for mac in OTHER, MAC:
                ask(self.port, changed(STA_MAC=mac))
        self.assertEqual([one.next()[2]["event"] for _ in range(2)],
                         ["reported", "asked"])
        self.admin.post("/firmware", self.image, name="lamp", version="2")
        told = [news.next()[1:] for _ in range(3)]
        self.assertEqual([(name, data.get("mac"), data.get("event"))
                          for name, data in told],
                         [("device", OTHER, "reported"),
                          ("device", MAC, "reported"),
                          ("firmware", None, None)])
        self.admin.delete(f"/devices/{OTHER}")
        self.admin.delete(f"/devices/{MAC}")
        self.assertEqual(one.next()[1:], ("removed", {"device": MAC}))

    def test_server_ends_with_listeners_and_calls_under_way(self):
        streams = [Events(self.admin) for _ in range(3)]
        for stream in streams:
            self.addCleanup(stream.close)
        with socket.create_connection(("127.0.0.1", self.port)) as half:
            half.sendall(f"PATCH {BASE}/devices/{MAC} HTTP/1.1\r\n"
                         "Host: x\r\nContent-Length: 100\r\n\r\n{".encode())
            self.stop(self.server)
        for stream in streams:
            with self.assertRaises((EOFError, ValueError, ConnectionError)):
                stream.next()


if __name__ == "__main__":
    unittest.main()

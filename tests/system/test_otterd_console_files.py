#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The files of otterd's console as the server sends them."""
import gzip
import re
import unittest

from test_otterd import ROOT, Case, ask

SOURCES = ROOT / "server" / "console"


class Files(Case):
    def setUp(self):
        super().setUp()
        self.server, self.port = self.serve()

    def get(self, path, *headers, method="GET"):
        return ask(self.port, headers, path=path, method=method)

    def test_console_files_are_the_sources_and_guarded(self):
        for source in SOURCES.iterdir():
            answer = self.get(f"/console/{source.name}")
            with self.subTest(name=source.name):
                self.assertEqual(answer.status, 200)
                self.assertNotIn("content-encoding", answer.headers)
                self.assertEqual(answer.body, source.read_bytes())
                packed = self.get(f"/console/{source.name}",
                                  ("Accept-Encoding", "br, gzip"))
                self.assertEqual(packed.headers["content-encoding"], "gzip")
                self.assertEqual(gzip.decompress(packed.body),
                                 source.read_bytes())
                policy = answer.headers["content-security-policy"]
                self.assertIn("default-src 'none'", policy)
                self.assertIn("script-src 'self';", policy)
                self.assertNotIn("unsafe", policy)
                self.assertEqual(answer.headers["x-content-type-options"],
                                 "nosniff")
        page = self.get("/console/")
        self.assertEqual(page.headers["content-type"],
                         "text/html; charset=utf-8")
        self.assertEqual(page.body, self.get("/console/index.html").body)

    def test_console_file_that_is_known_is_not_sent_again(self):
        first = self.get("/console/app.js")
        tag = first.headers["etag"]
        self.assertRegex(tag, '^"[0-9a-f]{24}"$')
        self.assertNotEqual(tag, self.get("/console/api.js").headers["etag"])
        for have in (tag, f'"other", {tag}', f"W/{tag}"):
            again = self.get("/console/app.js", ("If-None-Match", have))
            self.assertEqual((again.status, again.body), (304, b""))
            self.assertEqual(again.headers["etag"], tag)
        other = self.get("/console/app.js", ("If-None-Match", '"other"'))
        self.assertEqual(other.body, first.body)

    def test_console_file_is_packed_only_for_who_accepts_that(self):
        plain = self.get("/console/app.js")
        for accept, packed in (
                ("gzip", True), ("GZIP;q=0.5", True), ("deflate, *", True),
                ("br;q=1.0, gzip;q=0.8, *;q=0.1", True), ("x-gzip", True),
                ("gzip ; q=1", True), ("", False), ("identity", False),
                ("gzip;q=0", False), ("gzip; q=0.000, *", False),
                ("*;q=0", False), ("br, deflate", False), ("gzipped", False),
                (";q=1", False), (",, gzip", True)):
            answer = self.get("/console/app.js", ("Accept-Encoding", accept))
            with self.subTest(accept=accept):
                self.assertEqual(answer.headers["vary"], "Accept-Encoding")
                self.assertEqual(answer.headers.get("content-encoding"),
                                 "gzip" if packed else None)
                self.assertEqual(answer.headers["etag"] !=
                                 plain.headers["etag"], packed)
                self.assertEqual(gzip.decompress(answer.body) if packed
                                 else answer.body, plain.body)
                # What is known in one form is not known in the other.
                other = self.get("/console/app.js",
                                 ("Accept-Encoding", accept),
                                 ("If-None-Match", plain.headers["etag"]))
                self.assertEqual(other.status, 200 if packed else 304)

    def test_console_is_where_the_root_leads_to(self):
        for path in ("/", "/console"):
            answer = self.get(path)
            self.assertEqual(answer.status, 302)
            self.assertEqual(answer.headers["location"], "/console/")
        self.run_otterd("path", "/")  # from now on devices ask there
        self.assertEqual(self.get("/").status, 403)

    def test_console_has_nothing_but_its_files(self):
        for path in ("/console/..", "/console/../main.c", "/console/x",
                     "/console/%2e%2e/README.md", "/console//app.js",
                     "/console/app.js/"):
            self.assertEqual(self.get(path).status, 404, path)
        self.assertEqual(
            self.get("/console/", method="HEAD").body, b"")
        self.assertEqual(self.get("/console/", method="POST").status, 405)

    def test_console_sources_hold_no_foreign_and_no_inline_code(self):
        for source in SOURCES.iterdir():
            text = source.read_text(encoding="utf-8")
            with self.subTest(name=source.name):
                self.assertNotRegex(
                    text, r"innerHTML|outerHTML|insertAdjacentHTML|"
                    r"document\.write|\beval\(|new Function|srcdoc")
                self.assertNotRegex(text.replace(
                    "http://www.w3.org/2000/svg", ""), r"https?://")
                if source.suffix == ".html":
                    self.assertNotRegex(text, r"<style|\son\w+=|style=")
                    for tag in re.findall(r"<script[^>]*>", text):
                        self.assertIn("src=", tag)


if __name__ == "__main__":
    unittest.main()

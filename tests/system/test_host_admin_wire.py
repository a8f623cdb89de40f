# SPDX-License-Identifier: Apache-2.0
"""`otter`'s administration against a scripted server: answers that no otterd
gives, answers that do not come, and what is said about them.  Each kind of
failure has its exit code."""
import hashlib
import socket
import ssl
import stat
import subprocess
import threading

from admin_testlib import OTTER, AdminCase, Server, problem
from push_peer import make_image

TOKEN = "otter_0123456789abcdefghijABCDEFGHIJ-_0123456789a"
ME = {"name": "administrator", "scope": "admin"}
MAC = "5C:CF:7F:01:02:03"


def device(mac=MAC, **members):
    return {"mac": mac, "name": "", "state": "accepted", "group": None,
            "tags": [], "version": "1.0.0", "product": "",
            "last_seen": "2026-01-01T00:00:00Z",
            "answer": {"status": 304, "reason": "It is up to date."},
            **members}


class WireCase(AdminCase):
    def serve(self, script, tls=None):
        server = Server(script, tls)
        self.addCleanup(server.stop)
        self.url = server.url
        return server

    def admin(self, *words, **options):
        """With the scripted server and a token."""
        return self.otter(*words, "--server", self.url,
                          env={"OTTER_TOKEN": TOKEN}, **options)

    def serve_me(self):
        return self.serve(lambda request: (200, ME))


class Login(WireCase):
    def test_login_keeps_server_and_token_for_its_user_only(self):
        server = self.serve_me()
        said = self.otter("login", self.url + "/", "--token-file", "-",
                          stdin=TOKEN + "\n")
        self.assertEqual(said, f"Logged in to {self.url} as administrator "
                               "(scope admin)\n")
        request, = server.seen
        self.assertEqual((request.command, request.path),
                         ("GET", "/api/v1/me"))
        self.assertEqual(request.headers["Authorization"], f"Bearer {TOKEN}")
        self.assertEqual(stat.S_IMODE(self.login_file.stat().st_mode), 0o600)
        self.assertEqual(
            stat.S_IMODE(self.login_file.parent.stat().st_mode), 0o700)
        self.assertEqual([p.name for p in self.login_file.parent.iterdir()],
                         ["login.json"])
        self.assertEqual(self.json("login"), {**ME, "server": self.url})

    def test_login_takes_the_token_from_a_file_and_the_environment(self):
        self.serve_me()
        path = self.folder / "token"
        path.write_text(TOKEN + "\r\n")
        self.otter("login", self.url, "--token-file", path)
        self.login_file.unlink()
        self.otter("login", self.url, env={"OTTER_TOKEN": TOKEN})
        self.assertIn(TOKEN, self.login_file.read_text())

    def test_login_asks_without_echo(self):
        self.serve_me()
        shown = self.typing("login", self.url, answers=[
            (f"Token for {self.url}: ", TOKEN + "\n")])
        self.assertIn("as administrator", shown)
        self.assertNotIn(TOKEN, shown)
        self.assertIn(TOKEN, self.login_file.read_text())

    def test_login_without_terminal_or_token_says_how_to_give_one(self):
        self.serve_me()
        self.otter("login", self.url, status=10, says=["--token-file"])

    def test_login_that_is_refused_changes_nothing(self):
        self.serve_me()
        self.otter("login", self.url, env={"OTTER_TOKEN": TOKEN})
        before = self.login_file.read_bytes()
        first = self.url
        self.serve(lambda request: problem(401, "No."))
        self.otter("login", self.url, env={"OTTER_TOKEN": "otter_wrong"},
                   status=12, says=[f"{self.url} does not accept the token",
                                    "otter token create"])
        self.assertEqual(self.login_file.read_bytes(), before)
        self.assertIn(first, self.otter("login"))

    def test_logout_forgets(self):
        self.serve_me()
        self.otter("login", self.url, env={"OTTER_TOKEN": TOKEN})
        self.assertEqual(self.otter("logout"), "Logged out\n")
        self.assertFalse(self.login_file.exists())
        self.assertEqual(self.otter("logout"), "Nobody was logged in\n")
        self.otter("device", "list", status=10, says=["otter login URL"])

    def test_token_is_not_sent_to_another_server(self):
        self.serve_me()
        self.otter("login", self.url, env={"OTTER_TOKEN": TOKEN})
        other = self.serve_me()
        self.otter("device", "list", "--server", self.url, status=10,
                   says=["no token for " + self.url])
        self.otter("device", "list", env={"OTTER_SERVER": self.url},
                   status=10)
        self.assertEqual(other.seen, [])

    def test_redirect_is_not_followed(self):
        other = self.serve_me()
        to = self.url
        self.serve(lambda request: (301, b"", {"Location": to + "/x"}))
        self.admin("device", "list", status=17, says=[to, "not sent"])
        self.assertEqual(other.seen, [])

    def test_bad_addresses_are_named(self):
        for url, why in (("127.0.0.1:8266", "begin with http://"),
                         ("ftp://host", "begin with http://"),
                         ("http://", "not a URL"),
                         ("http://me:secret@host", "has a user"),
                         ("http://host?x=1", "? or #"),
                         ("http://host/" + "x" * 2000, "too long")):
            with self.subTest(url=url):
                self.otter("login", url, status=2, says=[why])

    def test_address_from_the_browser_is_understood(self):
        self.serve_me()
        url = self.url
        self.otter("login", url + "/console/", env={"OTTER_TOKEN": TOKEN})
        self.assertEqual(self.json("login")["server"], url)

    def test_bad_tokens_are_named_and_not_sent(self):
        server = self.serve_me()
        for token, why in (("", "empty"), ("two words", "characters"),
                           ("a\tb", "characters"), ("\u00e9", "characters")):
            with self.subTest(token=token):
                self.otter("login", self.url, "--token-file", "-",
                           stdin=token + "\nnext line\n", status=2,
                           says=[why])
        self.otter("login", self.url, "--token-file", "-", stdin="x" * 300,
                   status=18, says=["too long"])
        self.otter("login", self.url, "--token-file", "/nonexistent",
                   status=18, says=["/nonexistent", "No such file"])
        self.assertEqual(server.seen, [])

    def test_login_file_that_is_damaged_or_open_is_told(self):
        self.serve_me()
        self.otter("login", self.url, env={"OTTER_TOKEN": TOKEN})
        self.login_file.chmod(0o644)
        self.otter("login", says=["others can read the token"])
        self.login_file.write_text('{"server": 5}')
        self.otter("device", "list", status=10, says=["damaged"])
        self.login_file.write_bytes(b"")
        self.otter("device", "list", status=10, says=["damaged"])

    def test_place_that_cannot_be_written_is_told(self):
        self.serve_me()
        self.config.write_text("a file where the folder should be")
        self.otter("login", self.url, env={"OTTER_TOKEN": TOKEN}, status=18,
                   says=["cannot keep the login"])
        self.otter("login", self.url, status=1, says=["HOME"],
                   env={"OTTER_TOKEN": TOKEN, "HOME": "",
                        "XDG_CONFIG_HOME": ""})

    def test_plain_http_to_elsewhere_is_noted(self):
        self.otter("login", "http://192.0.2.1", "--timeout", "0.2",
                   env={"OTTER_TOKEN": TOKEN}, status=11,
                   says=["https:// does not"])


    def test_proxy_is_for_servers_elsewhere(self):
        def through(request):
            return 200, ME
        proxy = self.serve(through)
        env = {"OTTER_TOKEN": TOKEN, "http_proxy": proxy.url, "no_proxy": ""}
        server = self.serve_me()
        self.otter("login", self.url, env=env)
        self.assertEqual((len(proxy.seen), len(server.seen)), (0, 1))
        self.otter("login", "http://127.example.org", status=0, env=env)
        self.assertEqual([r.path for r in proxy.seen],
                         ["http://127.example.org/api/v1/me"])


class Answers(WireCase):
    def fails(self, answer, status, *says, words=("device", "list")):
        self.serve(lambda request: answer)
        said = self.admin(*words, status=status, says=says)
        self.assertNotIn(TOKEN, said + self.error)

    def test_problems_are_shown_with_their_exit_code(self):
        for number, status in ((400, 16), (403, 13), (404, 14),
                               (409, 15), (413, 16), (422, 16), (429, 16),
                               (500, 17), (503, 17)):
            with self.subTest(number=number):
                self.fails(problem(number, "What. Why. Do this."), status,
                           "otter: What. Why. Do this.\n")

    def test_problem_cannot_command_the_terminal(self):
        self.fails(problem(404, "a\x1b]0;title\x07b\u009b2Jc\nd"), 14,
                   "otter: a?]0;title?b??2Jc?d\n")

    def test_failure_without_a_reason_is_told_by_its_number(self):
        for body in (b"", b"<html>no</html>", b"[]", b'{"detail": 5}',
                     b'"text"', b"\xff\xfe"):
            with self.subTest(body=body):
                self.fails((502, body), 17, "status 502")

    def test_answers_that_make_no_sense(self):
        for body in (b"", b"<html>hello</html>", b"[]", b"5", b"{",
                     b'{"devices": 5}', b'{"devices": null}', b'{"x": []}',
                     b'{"devices": [], "devices": []}', b"\xff",
                     b"[" * 100000):
            with self.subTest(body=body[:30]):
                self.fails((200, body), 17, "makes no sense")

    def test_things_of_the_wrong_kind_are_shown_as_unknown(self):
        self.serve(lambda request: (200, {"devices": [
            5, None, {}, {"mac": 5, "tags": "x", "last_seen": 7,
                          "answer": []},
            device(last_seen="yesterday", tags=["a", 7, "b"])],
            "next": None}))
        lines = self.admin("device", "list").splitlines()
        self.assertEqual(len(lines), 6)
        self.assertEqual(lines[1].split()[:3], ["-", "-", "-"])
        self.assertEqual(lines[4].split()[0], "5")
        self.assertIn("a, b", lines[5])
        self.assertIn("yesterday", lines[5])

    def test_list_without_end_is_noticed(self):
        server = self.serve(lambda request: (200, {"devices": [device()],
                                                   "next": "again"}))
        self.admin("device", "list", status=17, says=["has no end"])
        self.assertEqual(len(server.seen), 2)

    def test_list_is_fetched_page_by_page(self):
        def script(request):
            after = request.path.partition("after=")[2]
            first = int(after or 0)
            macs = [device(f"AA:BB:CC:00:00:{n:02X}", name=f"n{n}")
                    for n in range(first, first + 3)]
            return 200, {"devices": macs,
                         "next": str(first + 3) if first < 6 else None}
        self.serve(script)
        self.assertEqual([d["name"] for d in self.json(
            "device", "list", "--server", self.url,
            env={"OTTER_TOKEN": TOKEN})], [f"n{n}" for n in range(9)])
        lines = self.admin("device", "list").splitlines()
        self.assertEqual(len(lines), 10)
        self.assertEqual(len({line.index("accepted")
                              for line in lines[1:]}), 1)
        self.assertEqual(len(self.admin("device", "list", "--limit", "4")
                             .splitlines()), 5)

    def test_filters_are_escaped(self):
        server = self.serve(lambda request: (200, {"devices": [],
                                                   "next": None}))
        self.admin("device", "list", "--match", "a&b=c #%\u00e4",
                   "--tag", "x/y", says=["No such device"])
        self.assertIn("tag=x%2Fy&q=a%26b%3Dc%20%23%25%C3%A4&",
                      server.seen[0].path)
        self.assertEqual(self.json("device", "list", "--server", self.url,
                                   env={"OTTER_TOKEN": TOKEN}), [])

    def test_words_of_the_command_line_stay_one_part_of_the_path(self):
        server = self.serve(lambda request: problem(404, "no"))
        for word in ("../tokens", "a/b?c#d", "..", ".", "%2e"):
            self.admin("device", "show", word, status=14)
        self.assertEqual([r.path for r in server.seen], [
            "/api/v1/devices/" + end
            for end in ("..%2Ftokens", "a%2Fb%3Fc%23d", "..", ".", "%252e")])

    def test_several_devices_go_on_after_one_that_fails(self):
        def script(request):
            mac = request.path.rpartition("/")[2].replace("%3A", ":")
            if mac == MAC:
                return problem(409, "not this one")
            return 200, device(mac)
        server = self.serve(script)
        said = self.admin("device", "accept", "AA:BB:CC:00:00:01", MAC,
                          "AA:BB:CC:00:00:02", status=15,
                          says=["not this one"])
        self.assertEqual(said, "AA:BB:CC:00:00:01  state: accepted\n"
                               "AA:BB:CC:00:00:02  state: accepted\n")
        self.assertEqual([r.body for r in server.seen],
                         [b'{"state": "accepted"}'] * 3)

    def test_several_devices_end_at_a_token_that_is_refused(self):
        server = self.serve(lambda request: problem(403, "too small"))
        self.admin("device", "block", MAC, MAC, MAC, status=13)
        self.assertEqual(len(server.seen), 1)


class Connections(WireCase):
    def test_nobody_there(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{unused.getsockname()[1]}"
            self.admin("device", "list", status=11,
                       says=[self.url, "nothing answers there", "otterd"])

    def test_host_that_does_not_exist(self):
        # A label that is too long for any question on the network.
        self.url = f"http://{'x' * 64}.invalid"
        self.admin("device", "list", status=11, says=["no such host"])

    def test_silence_ends_after_the_timeout(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            self.admin("device", "list", "--timeout", "1", status=11,
                       says=["does not answer in time", "--timeout"])

    def test_answer_that_stops_midway_ends_after_the_timeout(self):
        server = self.serve(lambda request: (200, b"",
                                             {"Content-Length": "9999"}))
        self.admin("device", "list", "--timeout", "1", status=11,
                   says=["does not answer in time"])
        self.assertEqual(len(server.seen), 1)

    def test_connection_that_breaks_leaves_it_open_what_was_done(self):
        self.serve(lambda request: None)
        self.admin("device", "list", status=11,
                   says=["closed the connection"])
        self.assertNotIn("not known", self.error)
        self.admin("device", "accept", MAC, status=11,
                   says=["not known whether the server did it"])

    def test_something_that_is_no_web_server(self):
        def talk(listener):
            peer, _ = listener.accept()
            peer.recv(4096)
            peer.sendall(b"220 mail.example.org ESMTP\r\n")
            peer.close()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            thread = threading.Thread(target=talk, args=(listener,))
            thread.start()
            self.admin("device", "list", status=11,
                       says=["does not speak HTTP"])
            thread.join()

    def certificate(self):
        """An authority of our own and, signed by itself, 127.0.0.1."""
        self.authority = self.folder / "ca.pem"
        key = self.folder / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
             self.authority, "-subj", "/CN=127.0.0.1", "-addext",
             "subjectAltName=IP:127.0.0.1", "-days", "2"],
            check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.authority, key)
        return tls

    def test_certificate_must_be_trusted(self):
        server = self.serve(lambda request: (200, ME), self.certificate())
        self.otter("login", self.url, env={"OTTER_TOKEN": TOKEN}, status=11,
                   says=["not trusted", "--cacert FILE"])
        self.assertEqual(server.seen, [])
        self.otter("login", self.url, "--cacert", self.authority,
                   env={"OTTER_TOKEN": TOKEN})
        self.otter("login")  # the authority is kept with the login
        self.assertEqual(len(server.seen), 2)
        self.authority.write_text("no certificate")
        self.otter("login", status=11, says=["authorities cannot be used"])
        self.authority.unlink()
        self.otter("login", self.url, "--cacert", self.authority,
                   env={"OTTER_TOKEN": TOKEN}, status=18,
                   says=["No such file"])

    def test_wrong_scheme_is_guessed(self):
        self.serve_me()
        plain = self.url
        self.url = plain.replace("http://", "https://")
        self.admin("device", "list", status=11, says=["begins with http://"])


class Files(WireCase):
    def setUp(self):
        super().setUp()
        self.image = self.folder / "lamp.bin"
        self.image.write_bytes(make_image(40000))

    def test_upload_sends_the_file_and_what_is_known_of_it(self):
        server = self.serve(lambda request: (201, {"id": 7, "name": "lamp"}))
        said = self.admin("firmware", "upload", self.image, "--version",
                          "1.0 b", "--notes", "a&b")
        self.assertIn("id            7\n", said)
        request, = server.seen
        self.assertEqual(request.path, "/api/v1/firmware?name=lamp&"
                         "version=1.0%20b&notes=a%26b&filename=lamp.bin")
        self.assertEqual(request.headers["Content-Type"],
                         "application/octet-stream")
        self.assertEqual(request.body, self.image.read_bytes())

    def test_upload_shows_progress_on_a_terminal_only(self):
        self.serve(lambda request: (201, {"id": 7}))
        words = ("firmware", "upload", self.image, "--version", "1",
                 "--server", self.url)
        env = {"OTTER_TOKEN": TOKEN}
        shown = self.typing(*words, env=env)
        self.assertRegex(shown, r"lamp\.bin +100 % of \d+ bytes\r\x1b\[K")
        self.assertNotIn("%", self.typing(*words,
                                          env={**env, "TERM": "dumb"}))
        self.otter(*words, env=env)
        self.assertEqual(self.error, "")

    def test_upload_without_a_version_sends_nothing(self):
        server = self.serve_me()
        self.admin("firmware", "upload", self.image, status=2,
                   says=["does not say its version", "--version V"])
        self.admin("firmware", "upload", self.folder / "absent.bin",
                   status=18, says=["absent.bin", "No such file"])
        with open(self.image, "r+b") as file:
            file.truncate(33 << 20)
        self.admin("firmware", "upload", self.image, "--version", "1",
                   status=18, says=["larger than any chip's flash"])
        self.assertEqual(server.seen, [])

    def test_upload_that_is_refused_before_its_end_is_told(self):
        self.image.write_bytes(make_image(4000000))

        def script(request):
            request.close_connection = True
            return problem(422, "The checksum is wrong.")
        self.serve(script)
        self.admin("firmware", "upload", self.image, "--version", "1",
                   status=16, says=["The checksum is wrong."])

    def test_release_that_fails_keeps_the_upload(self):
        def script(request):
            if request.path.startswith("/api/v1/firmware"):
                return 201, {"id": 7, "name": "lamp", "version": "1"}
            return problem(409, "There is one already.")
        server = self.serve(script)
        self.admin("release", "create", self.image, "--version", "1",
                   "--group", "attic", status=15,
                   says=["There is one already.", "--firmware 7"])
        self.assertEqual(
            server.seen[1].body,
            b'{"target": {"kind": "group", "value": "attic"}, '
            b'"firmware": 7}')

    def test_release_with_a_bad_command_line_sends_nothing(self):
        server = self.serve_me()
        file = ("release", "create", self.image, "--version", "1")
        for words, why in (
                (file, "which devices?"), ((*file, "--all", "--tag", "x"),
                                           "one target only"),
                ((*file, "--chip-size", "4X"), "--chip-size 4X"),
                ((*file, "--chip-size", "5000M"), "--chip-size 5000M"),
                ((*file, "--all", "--priority", "high"), "--priority high"),
                ((*file, "--all", "--firmware", "3"), "give a file, or"),
                (("release", "create", "--all"), "give a file, or"),
                (("release", "create", "2190", "--all"),
                 "there is no file 2190; if it is an id, give it as "
                 "--firmware 2190"),
                (("release", "create", "--firmware", "3", "--all",
                  "--name", "x"), "are uploaded")):
            with self.subTest(words=words):
                self.admin(*words, status=2, says=[why])
        self.assertEqual(server.seen, [])

    def serve_file(self, name="lamp.bin", data=None):
        whole = self.image.read_bytes()
        digest = hashlib.sha256(whole).hexdigest()

        def script(request):
            if request.path.endswith("/file"):
                return 200, whole if data is None else data
            return 200, {"id": 7, "filename": name, "sha256": digest}
        return self.serve(script)

    def download(self, *words, **options):
        return self.otter("firmware", "download", "7", *words, "--server",
                          self.url, env={"OTTER_TOKEN": TOKEN}, **options)

    def test_download_is_whole_or_not_there(self):
        self.serve_file()
        path = self.folder / "copy.bin"
        self.download("-o", path)
        self.assertEqual(path.read_bytes(), self.image.read_bytes())
        self.download("-o", path, status=18, says=["there already"])
        self.serve_file(data=self.image.read_bytes()[:-1])
        self.download("-o", path, "--force", status=17,
                      says=["SHA-256", "Nothing was kept"])
        self.assertEqual(path.read_bytes(), self.image.read_bytes())
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()),
                         ["copy.bin", "lamp.bin"])
        self.serve_file()
        self.download("-o", self.folder / "no/such/folder", status=18)

    def test_download_does_not_trust_the_name_of_the_server(self):
        for name in ("../x.bin", "/etc/x", ".bashrc", "-rf", "", "a/b", None):
            with self.subTest(name=name):
                self.serve_file(name)
                self.download(status=18, says=["--output FILE"])

    def test_output_that_cannot_be_written_is_told(self):
        self.serve(lambda request: (200, {"devices": [device()],
                                          "next": None}))
        done = subprocess.run(
            f"'{OTTER}' device list --server {self.url} >/dev/full",
            shell=True, env=self.environment({"OTTER_TOKEN": TOKEN}),
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 18, done.stderr)
        self.assertIn("No space left", done.stderr)


class Questions(WireCase):
    WORDS = (("device", "forget", MAC), ("firmware", "delete", "3"),
             ("release", "withdraw", "3"), ("token", "revoke", "3"))

    def test_what_cannot_be_undone_wants_a_yes(self):
        server = self.serve(lambda request: (200, {"id": 3}))
        env = {"OTTER_TOKEN": TOKEN, "OTTER_SERVER": self.url}
        for words in self.WORDS:
            with self.subTest(words=words):
                self.otter(*words, env=env, status=2, says=["--yes"])
                self.typing(*words, env=env, status=1,
                            answers=[("[y/N] ", "\n")])
                self.assertEqual(server.seen, [])
                self.typing(*words, env=env, answers=[("[y/N] ", "y\n")])
                self.otter(*words, "-y", env=env)
                self.assertEqual(len(server.seen), 2)
                server.seen.clear()

    def test_wrong_command_lines_are_told(self):
        for words, why in (
                (("device",), "Commands:"), (("device", "lst"), "no command"),
                (("devices",), 'Is "device" meant?'),
                (("device", "list", "x"), "x: not expected here"),
                (("device", "list", "--nope"), "--nope: no such option"),
                (("device", "list", "--limit"), "--limit: needs a value"),
                (("device", "list", "--limit", "0"), "--limit 0"),
                (("device", "list", "--timeout", "x"), "--timeout x"),
                (("device", "list", "--server", "host"), "http://"),
                (("device", "show"), "which device?"),
                (("device", "group", "attic"), "give a group"),
                (("device", "name", MAC), "give the device's MAC and a name"),
                (("firmware", "show"), "which firmware?"),
                (("release", "pause"), "which release?"),
                (("token", "create"), "Give it a name"),
                (("logout", "x"), "not expected")):
            with self.subTest(words=words):
                self.otter(*words, status=2, says=[why],
                           env={"OTTER_TOKEN": TOKEN,
                                "OTTER_SERVER": "http://127.0.0.1:1"})

    def test_text_that_is_no_utf8_is_told(self):
        server = self.serve_me()
        env = {"OTTER_TOKEN": TOKEN, "OTTER_SERVER": self.url}
        self.otter("device", "name", MAC, "\udcff", env=env, status=2,
                   says=["not UTF-8"])
        self.assertEqual(server.seen, [])

    def test_every_command_explains_itself_with_an_example(self):
        groups = {"device": "list show explain accept block pending tag group "
                            "name forget",
                  "firmware": "list show upload download delete",
                  "release": "list show create pause resume withdraw",
                  "token": "list create revoke"}
        commands = [("login",), ("logout",)]
        for group, words in groups.items():
            listed = self.otter(group, "--help")
            for word in words.split():
                self.assertIn(f"\n  {word} ", listed)
                commands.append((group, word))
        for command in commands:
            with self.subTest(command=command):
                said = self.otter(*command, "--help")
                name = " ".join(command)
                self.assertIn(f"Usage: otter {name} ", said)
                self.assertRegex(said, rf"Examples:\n(.*\n)*.*otter {name}")
                self.assertIn("\nExit codes:\n", said)
                self.assertEqual(said, self.otter("help", *command))
                self.assertLessEqual(max(map(len, said.splitlines())), 80)


class Tables(WireCase):
    def shown(self, columns):
        text = self.typing("device", "list", "--server", self.url,
                           env={"OTTER_TOKEN": TOKEN}, columns=columns)
        return text.replace("\r", "").splitlines()

    def serve_one(self, **members):
        self.serve(lambda request: (200, {"devices": [device(**members)],
                                          "next": None}))

    def test_table_fits_the_terminal(self):
        self.serve_one(name="A lamp with a very long name indeed",
                       answer={"status": 304, "reason": "word " * 40},
                       group="\u00e4\u00f6\u00fc" * 9)
        for columns in (70, 80, 100, 120, 200):
            with self.subTest(columns=columns):
                head, row = self.shown(columns)
                self.assertEqual(max(len(head), len(row)), columns)
                self.assertTrue(row.startswith(MAC))
                self.assertIn("\u2026", row)
                self.assertEqual(head.index("STATE"), row.index("accepted"))

    def test_columns_that_are_empty_are_left_out_on_a_terminal(self):
        self.serve_one(tags=["beta"])
        head, _row = self.shown(200)
        self.assertEqual(head.split(), "MAC NAME STATE VERSION TAGS LAST SEEN "
                                       "LAST ANSWER".split())

    def test_table_in_a_pipe_is_whole(self):
        self.serve_one(name="n" * 200)
        said = self.admin("device", "list")
        self.assertIn("n" * 200, said)
        self.assertEqual(said.split("\n")[0].split()[3:7],
                         ["PRODUCT", "VERSION", "GROUP", "TAGS"])

    def test_names_of_devices_cannot_command_the_terminal(self):
        self.serve_one(name="\x1b[2J\r\nx\u202e")
        self.assertIn("?[2J??x???  accepted", self.admin("device", "list"))

# SPDX-License-Identifier: Apache-2.0
"""/metrics: well-formed by a strict reader, and true."""
import os
import time
import unittest

import otter_prometheus
from test_otterd import HEADERS, Case, ask, changed


class Reader(unittest.TestCase):
    """The reader finds faults, or what it finds good means nothing."""

    def test_reader_takes_what_is_right(self):
        self.assertEqual(otter_prometheus.read(
            '# HELP a_total What.\n# TYPE a_total counter\n'
            'a_total{b="c\\"d"} 1\na_total{b="e",f=""} 2.5\n'),
            {"a_total": {(("b", 'c\\"d'),): 1, (("b", "e"), ("f", "")): 2.5}})

    def test_reader_finds_faults(self):
        good = "# HELP a_total What.\n# TYPE a_total counter\na_total 1\n"
        otter_prometheus.read(good)
        for bad in (good[:-1], good + good, good + "a_total 2\n",
                    good.replace("a_total", "a"), good + "b_total 1\n",
                    good.replace("a_total 1", "a_total -1"),
                    good.replace("a_total 1", "a_total  1"),
                    good.replace("a_total 1", 'a_total{b=c} 1'),
                    good.replace("a_total 1", 'a_total{b="c",b="d"} 1'),
                    good.replace("a_total 1\n", ""),
                    good.replace("# HELP a_total What.\n", ""),
                    good.replace("a_total", "aTotal_total"),
                    good.replace("a_total", "a_ms_total"),
                    good.replace("counter", "gauge"), good + "\n"):
            with self.subTest(bad=bad):
                with self.assertRaises((otter_prometheus.Fault, ValueError)):
                    otter_prometheus.read(bad)


class Metrics(Case):
    def read(self, port):
        answer = ask(port, [], path="/metrics")
        self.assertEqual(answer.headers["content-type"],
                         "text/plain; version=0.0.4; charset=utf-8")
        return otter_prometheus.read(answer.body.decode())

    def test_metrics_tell_what_happened(self):
        self.import_table()
        server, port = self.serve()
        began = self.read(port)
        for _ in range(3):
            ask(port, HEADERS)
        ask(port, HEADERS, method="HEAD")  # is no download
        ask(port, changed(ESP8266_version="DOOR-7-g14f53a19"))
        ask(port, changed(free_space="1"))
        ask(port, changed(STA_MAC="18:FE:00:00:00:01"))
        ask(port, changed(User_Agent="curl"))
        ask(port, HEADERS, method="DELETE")
        now = self.read(port)

        def grown(name, **labels):
            key = tuple(sorted(labels.items()))
            return now[name][key] - began[name].get(key, 0)

        self.assertEqual(grown("otterd_device_answers_total",
                               answer="update"), 4)
        self.assertEqual(grown("otterd_device_answers_total",
                               answer="current"), 1)
        self.assertEqual(grown("otterd_device_answers_total", answer="held"),
                         1)
        self.assertEqual(grown("otterd_device_answers_total",
                               answer="unknown"), 1)
        self.assertEqual(grown("otterd_device_answers_total",
                               answer="refused"), 1)
        self.assertEqual(grown("otterd_downloads_started_total"), 3)
        self.assertEqual(grown("otterd_downloads_completed_total"), 3)
        self.assertEqual(grown("otterd_download_bytes_total"),
                         3 * len(self.image))
        for code, count in (("200", 5), ("304", 2), ("403", 1), ("405", 1),
                            ("500", 1)):
            self.assertEqual(grown("otterd_http_responses_total", code=code),
                             count, code)
        self.assertEqual(now["otterd_connections"][()], 1)
        self.assertEqual(now["otterd_sightings_lost_total"][()], 0)
        self.check_process(server, now)
        self.stop(server)
        _, port = self.serve()  # counts are up to date from the start
        now = self.read(port)
        self.assertEqual(now["otterd_devices"], {
            (("state", "accepted"),): 2, (("state", "pending"),): 1,
            (("state", "blocked"),): 0})
        self.assertEqual(now["otterd_releases"][(("state", "active"),)], 2)
        self.assertEqual(now["otterd_firmware_files"][()], 1)
        self.assertGreater(now["otterd_database_size_bytes"][()], 4096)

    def check_process(self, server, now):
        with open(f"/proc/{server.pid}/statm", encoding="ascii") as f:
            pages = int(f.read().split()[1])
        self.assertAlmostEqual(now["process_resident_memory_bytes"][()]
                               / (pages * os.sysconf("SC_PAGESIZE")), 1,
                               delta=0.2)
        self.assertLessEqual(now["process_start_time_seconds"][()],
                             time.time())
        self.assertGreater(now["process_start_time_seconds"][()],
                           time.time() - 600)
        self.assertGreater(now["process_cpu_seconds_total"][()], 0)
        files = len(os.listdir(f"/proc/{server.pid}/fd"))
        self.assertAlmostEqual(now["process_open_fds"][()], files, delta=3)
        self.assertGreater(now["process_max_fds"][()], files)


if __name__ == "__main__":
    unittest.main()

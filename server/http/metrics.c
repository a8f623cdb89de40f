/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing the figures down. */
#include "server/http/metrics.h"

#include "server/http/server_internal.h"
#include "server/http/tls.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void otterd_metrics_init(struct otterd_metrics *metrics)
{
    metrics->started = time(NULL);
}

void otterd_metrics_add(struct otterd_metrics *metrics, unsigned which,
                        uint64_t n)
{
    unsigned column = otterd__lane() % OTTERD_METRIC_COLUMNS;

    atomic_fetch_add(&metrics->counts[column][which], n);
}

uint64_t otterd_metrics_sum(const struct otterd_metrics *metrics,
                            unsigned which)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < OTTERD_METRIC_COLUMNS; i++) {
        sum += atomic_load(&metrics->counts[i][which]);
    }
    return sum;
}

static void head(FILE *out, const char *name, const char *type,
                 const char *help)
{
    fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(FILE *out, const char *name, const char *type,
                const char *help, uint64_t value)
{
    head(out, name, type, help);
    fprintf(out, "%s %" PRIu64 "\n", name, value);
}

static void put_answers(FILE *out, const char *answer,
                        const struct otterd_metrics *metrics, unsigned which)
{
    fprintf(out, "otterd_device_answers_total{answer=\"%s\"} %" PRIu64 "\n",
            answer, otterd_metrics_sum(metrics, which));
}

static void put_requests(FILE *out, const struct otterd_metrics *metrics)
{
    static const char *const answers[] = {"update", "current", "held",
                                          "unknown"};

    head(out, "otterd_http_responses_total", "counter", "Answers by status.");
    for (unsigned i = 0; i < 600; i++) {
        uint64_t n = otterd_metrics_sum(metrics, OTTERD_METRIC_STATUS + i);

        if (n > 0 || i == 200) {
            fprintf(out,
                    "otterd_http_responses_total{code=\"%u\"} %" PRIu64 "\n",
                    i, n);
        }
    }
    head(out, "otterd_device_answers_total", "counter",
         "Answers to devices, by what they were told.");
    for (unsigned i = 0; i <= OTTERD_NOT_KNOWN; i++) {
        put_answers(out, answers[i], metrics, OTTERD_METRIC_ANSWER + i);
    }
    put_answers(out, "refused", metrics, OTTERD_METRIC_REFUSED);
    one(out, "otterd_downloads_started_total", "counter",
        "Downloads of firmware by devices that were begun.",
        otterd_metrics_sum(metrics, OTTERD_METRIC_DOWNLOADS));
    one(out, "otterd_downloads_completed_total", "counter",
        "Downloads whose last byte went out.",
        otterd_metrics_sum(metrics, OTTERD_METRIC_DOWNLOADS_DONE));
    one(out, "otterd_download_bytes_total", "counter",
        "Bytes of firmware in downloads that were completed.",
        otterd_metrics_sum(metrics, OTTERD_METRIC_DOWNLOAD_BYTES));
}

static void put_counts(FILE *out, const struct otterd_counts *counts)
{
    static const char *const devices[] = {NULL, "pending", "accepted",
                                          "blocked"};
    static const char *const releases[] = {"active", "paused", "withdrawn"};

    head(out, "otterd_devices", "gauge", "Devices in the registry by state.");
    for (int i = 1; i < 4; i++) {
        fprintf(out, "otterd_devices{state=\"%s\"} %" PRId64 "\n", devices[i],
                counts->devices[i]);
    }
    head(out, "otterd_releases", "gauge", "Releases by state.");
    for (int i = 0; i < 3; i++) {
        fprintf(out, "otterd_releases{state=\"%s\"} %" PRId64 "\n",
                releases[i], counts->releases[i]);
    }
    one(out, "otterd_firmware_files", "gauge", "Firmware files kept.",
        (uint64_t)counts->firmware);
    one(out, "otterd_database_size_bytes", "gauge",
        "Size of the database without its log.",
        (uint64_t)counts->database_bytes);
}

static void put_server(FILE *out, struct otterd_server *server)
{
    uint64_t cut;
    uint64_t connections = otterd_patience_count(server->patience, &cut);
    uint64_t recalled =
        otterd_metrics_sum(&server->metrics, OTTERD_METRIC_RECALLED);

    head(out, "otterd_build_info", "gauge", "Which otterd this is.");
    fprintf(out, "otterd_build_info{version=\"%s\"} 1\n", OTTER_VERSION);
    one(out, "otterd_connections", "gauge", "Connections there are.",
        connections);
    one(out, "otterd_connections_cut_total", "counter",
        "Connections cut because a request took too long to arrive.", cut);
    one(out, "otterd_sightings_lost_total", "counter",
        "Sightings of devices that were not written down.",
        otterd_sightings_lost(server->sightings) + recalled);
    one(out, "otterd_answers_recalled_total", "counter",
        "Answers to devices that were given from memory.", recalled);
    if (server->tls_daemon != NULL) {
        one(out, "otterd_tls_certificate_expiry_timestamp_seconds", "gauge",
            "When the certificate ends, in seconds since 1970.",
            (uint64_t)otterd_tls_expires());
    }
}

static uint64_t open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    uint64_t count = 0;

    while (dir != NULL && readdir(dir) != NULL) {
        count++;
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return count < 3 ? 0 : count - 3; /* ".", ".." and its own */
}

static void put_process(FILE *out, const struct otterd_metrics *metrics)
{
    FILE *file = fopen("/proc/self/statm", "r");
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    struct rlimit files = {0, 0};
    struct rusage usage;
    uint64_t pages[2] = {0, 0};

    getrusage(RUSAGE_SELF, &usage);
    head(out, "process_cpu_seconds_total", "counter",
         "CPU time used, user and system.");
    fprintf(out, "process_cpu_seconds_total %.6f\n",
            (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) /
                    1e6);
    if (file != NULL) {
        if (fscanf(file, "%" SCNu64 " %" SCNu64, &pages[0], &pages[1]) == 2) {
            one(out, "process_virtual_memory_bytes", "gauge",
                "Virtual memory.", pages[0] * page);
            one(out, "process_resident_memory_bytes", "gauge",
                "Resident memory.", pages[1] * page);
        }
        fclose(file);
    }
    one(out, "process_open_fds", "gauge", "Open file descriptors.",
        open_files());
    getrlimit(RLIMIT_NOFILE, &files);
    one(out, "process_max_fds", "gauge", "Most file descriptors.",
        (uint64_t)files.rlim_cur);
    one(out, "process_start_time_seconds", "gauge",
        "When the process began, in seconds since 1970.",
        (uint64_t)metrics->started);
}

char *otterd_metrics_text(struct otterd_server *server)
{
    struct otterd_counts counts;
    char *text = NULL;
    size_t size = 0;
    FILE *out;

    if (otterd_counter_get(server->counter, &counts) != 0) {
        return NULL;
    }
    out = open_memstream(&text, &size);
    if (out == NULL) {
        return NULL;
    }
    put_server(out, server);
    put_requests(out, &server->metrics);
    put_counts(out, &counts);
    put_process(out, &server->metrics);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

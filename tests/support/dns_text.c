/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints DNS messages for comparisons. */
#include "tests/support/dns_text.h"

#include "codec/dns.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char out[DNS_TEXT_SIZE];
static size_t used;

__attribute__((format(printf, 1, 2))) static void print(const char *format,
                                                        ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(out + used, sizeof out - used, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof out - used) {
        fprintf(stderr, "dns_text: message too long\n");
        abort();
    }
    used += (size_t)n;
}

static const char *type_name(uint16_t type)
{
    static char number[8];

    switch (type) {
    case OTTER_DNS_A:
        return "A";
    case OTTER_DNS_PTR:
        return "PTR";
    case OTTER_DNS_TXT:
        return "TXT";
    case OTTER_DNS_AAAA:
        return "AAAA";
    case OTTER_DNS_SRV:
        return "SRV";
    case OTTER_DNS_NSEC:
        return "NSEC";
    case OTTER_DNS_ANY:
        return "ANY";
    default:
        snprintf(number, sizeof number, "%u", type);
        return number;
    }
}

static void print_name(const struct otter_dns_reader *reader, uint32_t at)
{
    char text[OTTER_DNS_TEXT_SIZE];

    if (otter_dns_name_text(reader, at, text, sizeof text) < 0) {
        print(" ?");
    } else {
        print(" %s", text);
    }
}

static void print_strings(const struct otter_dns_reader *reader,
                          const struct otter_dns_record *record)
{
    const uint8_t *text;
    uint32_t len;
    uint32_t pos = 0;

    while (otter_dns_next_text(reader, record, &pos, &text, &len) == 0) {
        print(" \"%.*s\"", (int)len, (const char *)text);
    }
}

static void print_nsec(const struct otter_dns_reader *reader,
                       const struct otter_dns_record *record)
{
    const uint8_t *data = reader->msg + record->data;
    uint32_t at = 0;

    print_name(reader, record->data);
    while (at < record->data_len && data[at] != 0 && data[at] < 0xc0) {
        at += 1u + data[at];
    }
    at += at < record->data_len && data[at] >= 0xc0 ? 2 : 1;
    print(" ");
    while (at < record->data_len) {
        print("%02x", data[at++]);
    }
}

static void print_data(const struct otter_dns_reader *reader,
                       const struct otter_dns_record *record)
{
    const uint8_t *data = reader->msg + record->data;
    uint32_t target;

    switch (record->type) {
    case OTTER_DNS_A:
        if (record->data_len == 4) {
            print(" %u.%u.%u.%u", data[0], data[1], data[2], data[3]);
        }
        break;
    case OTTER_DNS_SRV:
    case OTTER_DNS_PTR:
        if (otter_dns_target(reader, record, &target) != 0) {
            print(" ?");
            break;
        }
        if (record->type == OTTER_DNS_SRV) {
            print(" %u %u %u", data[0] << 8 | data[1], data[2] << 8 | data[3],
                  otter_dns_srv_port(reader, record));
        }
        print_name(reader, target);
        break;
    case OTTER_DNS_TXT:
        print_strings(reader, record);
        break;
    case OTTER_DNS_NSEC:
        print_nsec(reader, record);
        break;
    default:
        print(" %u bytes", record->data_len);
        break;
    }
}

static void print_header(const struct otter_dns_reader *reader)
{
    print("%s%s%s id %u\n",
          (reader->flags & OTTER_DNS_RESPONSE) != 0 ? "response" : "query",
          (reader->flags & OTTER_DNS_RESPONSE) != 0 &&
                  (reader->flags & OTTER_DNS_AUTHORITATIVE) == 0
              ? " not authoritative"
              : "",
          (reader->flags & OTTER_DNS_TRUNCATED) != 0 ? " truncated" : "",
          reader->id);
}

const char *dns_text(const void *msg, uint32_t len)
{
    static const char *const sections[] = {"question", "answer", "authority",
                                           "additional"};
    struct otter_dns_reader reader;
    struct otter_dns_question question;
    struct otter_dns_record record;
    int error;

    used = 0;
    out[0] = '\0';
    if (otter_dns_open(&reader, msg, len) != 0) {
        print("malformed\n");
        return out;
    }
    print_header(&reader);
    while (otter_dns_next_question(&reader, &question) == 0) {
        print("question %s", type_name(question.type));
        print_name(&reader, question.name);
        print("%s\n", question.unicast ? " unicast" : "");
    }
    while ((error = otter_dns_next_record(&reader, &record)) == 0) {
        print("%s %s", sections[record.section], type_name(record.type));
        print_name(&reader, record.name);
        print("%s %u", record.flush ? " flush" : "", (unsigned)record.ttl);
        print_data(&reader, &record);
        print("\n");
    }
    if (error != OTTER_ERR_NO_DATA || reader.at != len) {
        print("malformed\n");
    }
    return out;
}

uint32_t dns_text_unhex(const char *hex, uint8_t *bytes, uint32_t size)
{
    uint32_t n = 0;
    unsigned value;

    while (n < size && sscanf(hex + 2 * n, "%2x", &value) == 1) {
        bytes[n++] = (uint8_t)value;
    }
    return n;
}

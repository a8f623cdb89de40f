/* SPDX-License-Identifier: Apache-2.0
 *
 * DNS messages (RFC 1035), as far as multicast DNS and service discovery use
 * them (RFC 6762, 6763): a reader that walks over a received message in place
 * and a writer that fills a buffer of the caller's.  Compression pointers are
 * followed backwards only and a limited number of times, so no message makes
 * the reader loop or leave its bytes.  Nothing is allocated or kept.
 *
 * It does not know what is asked or answered: that is the responder's
 * (device/transport/mdns.h) and the finder's (host/discover.h) matter. */
#ifndef OTTER_CODEC_DNS_H
#define OTTER_CODEC_DNS_H

#include "format/compiler.h"
#include "format/error.h"

#include <stdbool.h>
#include <stdint.h>

OTTER_BEGIN_DECLS

#define OTTER_DNS_PORT        53u
#define OTTER_MDNS_PORT       5353u
#define OTTER_DNS_HEADER_SIZE 12u
#define OTTER_DNS_LABEL_MAX   63u /* bytes in one label */
#define OTTER_DNS_HOPS_MAX    16u /* pointers followed in one name */

/* Longest name as text: 255 bytes on the wire, each worth at most four
 * characters ("\123"), and the closing NUL. */
#define OTTER_DNS_TEXT_SIZE 1024u

enum otter_dns_type {
    OTTER_DNS_A = 1,
    OTTER_DNS_CNAME = 5,
    OTTER_DNS_PTR = 12,
    OTTER_DNS_TXT = 16,
    OTTER_DNS_AAAA = 28,
    OTTER_DNS_SRV = 33,
    OTTER_DNS_NSEC = 47,
    OTTER_DNS_ANY = 255 /* in questions only */
};

#define OTTER_DNS_IN        1u   /* class: the Internet */
#define OTTER_DNS_ANY_CLASS 255u /* in questions only */

/* The flags word of the header. */
#define OTTER_DNS_RESPONSE      0x8000u
#define OTTER_DNS_OPCODE        0x7800u
#define OTTER_DNS_AUTHORITATIVE 0x0400u
#define OTTER_DNS_TRUNCATED     0x0200u
#define OTTER_DNS_RCODE         0x000fu

enum otter_dns_section {
    OTTER_DNS_QUESTION,
    OTTER_DNS_ANSWER,
    OTTER_DNS_AUTHORITY,
    OTTER_DNS_ADDITIONAL,
    OTTER_DNS_SECTIONS /* how many there are */
};

/* A name as text in up to four pieces, which are joined by dots: the piece
 * list ends at the first NULL or empty one.  In a piece "." parts labels;
 * "\." is a dot and "\\" a backslash inside of a label, "\065" the byte with
 * this decimal number.  Borrowed during the call that it is given to. */
struct otter_dns_name {
    const char *piece[4];
};

/* --- Reading ------------------------------------------------------------ */

/* A walk over a message.  The fields are valid after otter_dns_open; `msg` is
 * borrowed as long as the reader and its questions and records are used. */
struct otter_dns_reader {
    const uint8_t *msg;
    uint32_t len;
    uint16_t id;
    uint16_t flags;
    uint16_t count[OTTER_DNS_SECTIONS]; /* as the header claims */

    /* private */
    uint32_t at;
    uint16_t taken[OTTER_DNS_SECTIONS];
};

struct otter_dns_question {
    uint32_t name; /* offset of the name in the message */
    uint16_t type;
    uint16_t klass; /* without the top bit */
    bool unicast;   /* the top bit: a unicast answer is welcome */
};

struct otter_dns_record {
    enum otter_dns_section section;
    uint32_t name; /* offset of the name in the message */
    uint16_t type;
    uint16_t klass; /* without the top bit */
    bool flush;     /* the top bit: the only records of this name and type */
    uint32_t ttl;   /* seconds */
    uint32_t data;  /* offset of the record data in the message */
    uint16_t data_len;
};

/* Reads the header.  OTTER_ERR_SYNTAX: shorter than a header. */
OTTER_MUST_CHECK int otter_dns_open(struct otter_dns_reader *reader,
                                    const void *msg, uint32_t len);

/* Takes the next question.  OTTER_ERR_NO_DATA: there are no more.
 * OTTER_ERR_SYNTAX: the message is malformed or cut off here. */
OTTER_MUST_CHECK int otter_dns_next_question(
    struct otter_dns_reader *reader, struct otter_dns_question *question);

/* Takes the next record of the other sections; questions that were not taken
 * are passed over.  The record's name is well-formed; its data may be
 * anything.  Errors as above. */
OTTER_MUST_CHECK int otter_dns_next_record(struct otter_dns_reader *reader,
                                           struct otter_dns_record *record);

/* The name at offset `at` is `name`, ASCII letters in any case. */
bool otter_dns_name_is(const struct otter_dns_reader *reader, uint32_t at,
                       const struct otter_dns_name *name);

/* The names at two offsets are the same, ASCII letters in any case. */
bool otter_dns_name_same(const struct otter_dns_reader *reader, uint32_t a,
                         uint32_t b);

/* Writes the name at offset `at` as text that `otter_dns_name` takes, without
 * a final dot; bytes below 0x20 and 0x7f come out as "\ddd", others as they
 * are.  Returns the length.  OTTER_ERR_TOO_LONG: `size` is too small.
 * OTTER_ERR_SYNTAX: no well-formed name. */
OTTER_MUST_CHECK int otter_dns_name_text(const struct otter_dns_reader *reader,
                                         uint32_t at, char *out,
                                         uint32_t size);

/* The first label of the name at offset `at`, as raw bytes in the message.
 * OTTER_ERR_SYNTAX: no well-formed name, or the root. */
OTTER_MUST_CHECK int otter_dns_name_label(
    const struct otter_dns_reader *reader, uint32_t at, const uint8_t **label,
    uint32_t *len);

/* The offset of the name in the data of a PTR, CNAME or SRV record, which
 * must fill the data to its end.  OTTER_ERR_SYNTAX: it does not, or the type
 * is another. */
OTTER_MUST_CHECK int otter_dns_target(const struct otter_dns_reader *reader,
                                      const struct otter_dns_record *record,
                                      uint32_t *at);

/* The port in the data of an SRV record, 0 when the record is not one. */
uint16_t otter_dns_srv_port(const struct otter_dns_reader *reader,
                            const struct otter_dns_record *record);

/* Walks over the strings of a TXT record: `*pos` starts at 0.
 * OTTER_ERR_NO_DATA: there are no more.  OTTER_ERR_SYNTAX: cut off. */
OTTER_MUST_CHECK int otter_dns_next_text(const struct otter_dns_reader *reader,
                                         const struct otter_dns_record *record,
                                         uint32_t *pos, const uint8_t **text,
                                         uint32_t *len);

/* Compares a record's data, names in it uncompressed, with `data` as unsigned
 * bytes (RFC 6762 section 8.2): negative, 0 or positive as the record is
 * earlier, the same or later.  With `fold` ASCII capitals in names count as
 * small letters.  Malformed data compare like what can be read of them. */
int otter_dns_data_compare(const struct otter_dns_reader *reader,
                           const struct otter_dns_record *record,
                           const void *data, uint32_t len, bool fold);

/* --- Writing ------------------------------------------------------------ */

#define OTTER_DNS_KNOWN_NAMES 24u /* suffixes that pointers can go to */

/* A message under construction.  A question or record that does not fit is
 * left out as a whole and the message stays well-formed. */
struct otter_dns_writer {
    /* private */
    uint8_t *buf;
    uint32_t size;
    uint32_t len;
    uint32_t start; /* of the question or record being written */
    uint32_t data;  /* of its data */
    uint16_t count[OTTER_DNS_SECTIONS];
    uint16_t known[OTTER_DNS_KNOWN_NAMES];
    uint8_t known_count;
    uint8_t section;
    bool full; /* the one being written does not fit */
};

/* Starts a message in `buf`, borrowed until otter_dns_finish.
 * OTTER_ERR_TOO_LONG: no room for a header. */
OTTER_MUST_CHECK int otter_dns_begin(struct otter_dns_writer *writer,
                                     void *buf, uint32_t size, uint16_t id,
                                     uint16_t flags);

/* Starts the reply to the query that lies in `buf`: its id and its questions,
 * which must all have been taken by `reader`, stay where they are. */
void otter_dns_begin_reply(struct otter_dns_writer *writer, void *buf,
                           uint32_t size,
                           const struct otter_dns_reader *reader,
                           uint16_t flags);

/* Adds a question; `klass` may carry the top bit 0x8000.
 * OTTER_ERR_TOO_LONG: it does not fit or `name` is none, and it was left out.
 */
OTTER_MUST_CHECK int otter_dns_put_question(struct otter_dns_writer *writer,
                                            const struct otter_dns_name *name,
                                            uint16_t type, uint16_t klass);

/* Starts a record in a section, which may not come before the last one used.
 * Its data follow by the functions below; otter_dns_end_record ends it. */
void otter_dns_begin_record(struct otter_dns_writer *writer,
                            enum otter_dns_section section,
                            const struct otter_dns_name *name, uint16_t type,
                            uint16_t klass, uint32_t ttl);
void otter_dns_put_bytes(struct otter_dns_writer *writer, const void *data,
                         uint32_t len);
void otter_dns_put_u16(struct otter_dns_writer *writer, uint16_t value);
void otter_dns_put_name(struct otter_dns_writer *writer,
                        const struct otter_dns_name *name, bool compress);

/* OTTER_ERR_TOO_LONG: the record did not fit or its name is none, and it was
 * left out. */
OTTER_MUST_CHECK int otter_dns_end_record(struct otter_dns_writer *writer);

/* Completes the header and returns the length of the message. */
uint32_t otter_dns_finish(struct otter_dns_writer *writer);

/* Records and questions written so far. */
uint32_t otter_dns_written(const struct otter_dns_writer *writer);

/* Writes a name uncompressed.  Returns its length, at most 255.
 * OTTER_ERR_TOO_LONG: `size` is too small.  OTTER_ERR_INVALID: `name` is no
 * name: an empty or too long label, more than 255 bytes, a bad escape. */
OTTER_MUST_CHECK int otter_dns_name_wire(const struct otter_dns_name *name,
                                         void *out, uint32_t size);

OTTER_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * A table with one place for each hash, and the times at which devices moved:
 * `moves` is a clock that goes on with each of them, and a device shares the
 * time of its last move with those of the same lot. */
#include "server/http/recall.h"
#include "server/http/server_internal.h"

#include "format/error.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PLACES ((size_t)1 << 20) /* memory is taken where they are used */
#define LOTS   65536
#define OFFERS 8 /* releases that are offered at a time, mostly one */
#define LOCKS  64
#define SAYS   2048 /* bytes of a request that are looked at, else none */

struct place {
    struct otterd_recall_key key;
    uint64_t moves; /* when this was decided */
    int64_t audit;
    int64_t release; /* of an offer */
    uint16_t lot;
    uint8_t verdict;
    uint8_t dialect;
    bool used;
};

/* What all who are offered a release by a thread share. */
struct offer {
    int64_t audit;
    struct otterd_release release;
};

/* What a thread has of its own: they would wait for each other's. */
struct lane {
    pthread_mutex_t lock;
    EVP_MAC_CTX *mac;
    struct offer offers[OFFERS];
};

/* Alone in what a processor's cache takes at a time. */
struct lock {
    pthread_mutex_t mutex;
    char rest[64 - sizeof(pthread_mutex_t) % 64];
};

struct otterd_recall {
    unsigned char secret[16];
    unsigned believe_ms;
    struct place *places;
    struct lock locks[LOCKS];
    atomic_ullong moves;
    atomic_ullong lots[LOTS]; /* the last move of one of its devices */
    atomic_ullong doubts;
    atomic_llong audit; /* the last entry that was seen */
    atomic_ullong seen; /* and when, see stamp() */
    unsigned count;
    struct lane lanes[];
};

/* ---- Hashing ---- */

static struct lane *own_lane(struct otterd_recall *r)
{
    return &r->lanes[otterd__lane() % r->count];
}

struct says {
    char text[SAYS];
    size_t len; /* SAYS: too much */
};

/* With its length, so that nothing else reads the same. */
static void say(struct says *says, const char *text, size_t len)
{
    const uint16_t mark = (uint16_t)len;

    if (len + sizeof mark >= SAYS - says->len) {
        says->len = SAYS;
        return;
    }
    memcpy(says->text + says->len, &mark, sizeof mark);
    if (len > 0) { /* else there may be no text */
        memcpy(says->text + says->len + sizeof mark, text, len);
    }
    says->len += sizeof mark + len;
}

static enum MHD_Result say_header(void *user, enum MHD_ValueKind kind,
                                  const char *name, size_t name_len,
                                  const char *value, size_t value_len)
{
    (void)kind;
    say(user, name, name_len);
    say(user, value, value_len);
    return MHD_YES;
}

static bool hash(struct lane *lane, const struct says *says,
                 struct otterd_recall_key *key)
{
    size_t len = 0;
    bool done;

    pthread_mutex_lock(&lane->lock);
    done = EVP_MAC_init(lane->mac, NULL, 0, NULL) == 1 &&
           EVP_MAC_update(lane->mac, (const unsigned char *)says->text,
                          says->len) == 1 &&
           EVP_MAC_final(lane->mac, (unsigned char *)key->part, &len,
                         sizeof key->part) == 1;
    pthread_mutex_unlock(&lane->lock);
    return done && len == sizeof key->part;
}

bool otterd_recall_key(struct otterd_recall *recall,
                       struct MHD_Connection *connection, const char *path,
                       struct otterd_recall_key *key)
{
    struct says says;

    says.len = 0;
    say(&says, path, strlen(path));
    MHD_get_connection_values_n(connection, MHD_HEADER_KIND, say_header,
                                &says);
    return says.len < SAYS && hash(own_lane(recall), &says, key);
}

/* ---- Beginning and end ---- */

static EVP_MAC_CTX *make_mac(const unsigned char secret[16])
{
    EVP_MAC *siphash = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX *mac = siphash == NULL ? NULL : EVP_MAC_CTX_new(siphash);

    EVP_MAC_free(siphash);
    if (mac != NULL && EVP_MAC_init(mac, secret, 16, NULL) != 1) {
        EVP_MAC_CTX_free(mac);
        mac = NULL;
    }
    return mac;
}

/* Empty.  Each request is at another place: with large pages the processor
 * finds it sooner. */
static struct place *make_places(void)
{
    void *places =
        mmap(NULL, PLACES * sizeof(struct place), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (places == MAP_FAILED) {
        return NULL;
    }
    madvise(places, PLACES * sizeof(struct place), MADV_HUGEPAGE);
    return places;
}

int otterd_recall_start(struct otterd_recall **out, unsigned threads,
                        unsigned believe_ms)
{
    struct otterd_recall *r =
        calloc(1, sizeof *r + threads * sizeof r->lanes[0]);

    *out = r;
    if (r == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    r->believe_ms = believe_ms;
    for (unsigned i = 0; i < LOCKS; i++) {
        pthread_mutex_init(&r->locks[i].mutex, NULL);
    }
    r->places = make_places();
    if (r->places == NULL) {
        return OTTER_ERR_NO_MEMORY;
    }
    if (RAND_bytes(r->secret, sizeof r->secret) != 1) {
        return OTTER_ERR_STATE;
    }
    for (; r->count < threads; r->count++) {
        struct lane *lane = &r->lanes[r->count];

        pthread_mutex_init(&lane->lock, NULL);
        lane->mac = make_mac(r->secret);
        if (lane->mac == NULL) {
            pthread_mutex_destroy(&lane->lock);
            return OTTER_ERR_STATE;
        }
    }
    return 0;
}

void otterd_recall_stop(struct otterd_recall *r)
{
    if (r == NULL) {
        return;
    }
    for (unsigned i = 0; i < r->count; i++) {
        EVP_MAC_CTX_free(r->lanes[i].mac);
        pthread_mutex_destroy(&r->lanes[i].lock);
    }
    for (unsigned i = 0; i < LOCKS; i++) {
        pthread_mutex_destroy(&r->locks[i].mutex);
    }
    if (r->places != NULL) {
        munmap(r->places, PLACES * sizeof *r->places);
    }
    free(r);
}

/* ---- What still counts ---- */

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* A time and the doubts up to then in one word: what was seen before a doubt
 * is over with it, whoever is late to say what he saw. */
static uint64_t stamp(uint64_t doubts, uint64_t ms)
{
    return doubts << 40 | (ms & (((uint64_t)1 << 40) - 1));
}

static bool is_fresh(struct otterd_recall *r)
{
    uint64_t age =
        stamp(atomic_load(&r->doubts), now_ms()) - atomic_load(&r->seen);

    return age < r->believe_ms;
}

static size_t place_of(const struct otterd_recall_key *key)
{
    return (size_t)(key->part[0] & (PLACES - 1));
}

static bool find_offer(struct otterd_recall *r, int64_t audit, int64_t id,
                       struct otterd_release *out)
{
    struct lane *lane = own_lane(r);
    const struct offer *offer = &lane->offers[(uint64_t)id % OFFERS];
    bool found;

    pthread_mutex_lock(&lane->lock);
    found = offer->audit == audit && offer->release.id == id;
    if (found) {
        *out = offer->release;
    }
    pthread_mutex_unlock(&lane->lock);
    return found;
}

bool otterd_recall_find(struct otterd_recall *r,
                        const struct otterd_recall_key *key,
                        struct otterd_recalled *out)
{
    size_t at = place_of(key);
    struct place place;

    if (!is_fresh(r)) {
        return false;
    }
    pthread_mutex_lock(&r->locks[at % LOCKS].mutex);
    place = r->places[at];
    pthread_mutex_unlock(&r->locks[at % LOCKS].mutex);
    out->verdict = (enum otterd_verdict)place.verdict;
    out->dialect = (enum otterd_dialect)place.dialect;
    return place.used && memcmp(&place.key, key, sizeof *key) == 0 &&
           place.audit == atomic_load(&r->audit) &&
           place.moves >= atomic_load(&r->lots[place.lot]) &&
           (out->verdict != OTTERD_OFFER ||
            find_offer(r, place.audit, place.release, &out->release));
}

struct otterd_recall_moment otterd_recall_moment(struct otterd_recall *r)
{
    const struct otterd_recall_moment moment = {
        .moves = atomic_load(&r->moves),
        .doubts = atomic_load(&r->doubts),
        .ms = now_ms()};

    return moment;
}

void otterd_recall_saw(struct otterd_recall *r,
                       const struct otterd_recall_moment *moment,
                       int64_t audit)
{
    long long last = atomic_load(&r->audit);

    /* Views end in another order than they began; the log only grows. */
    while (audit > last &&
           !atomic_compare_exchange_weak(&r->audit, &last, audit)) {
    }
    if (audit >= last) {
        atomic_store(&r->seen, stamp(moment->doubts, moment->ms));
    }
}

static void keep_offer(struct otterd_recall *r, int64_t audit,
                       const struct otterd_release *release)
{
    struct lane *lane = own_lane(r);
    struct offer *offer = &lane->offers[(uint64_t)release->id % OFFERS];

    pthread_mutex_lock(&lane->lock);
    if (offer->audit != audit || offer->release.id != release->id) {
        offer->audit = audit;
        offer->release = *release;
    }
    pthread_mutex_unlock(&lane->lock);
}

void otterd_recall_keep(struct otterd_recall *r,
                        const struct otterd_recall_key *key,
                        const struct otterd_recall_moment *moment,
                        int64_t audit, uint64_t mac,
                        const struct otterd_recalled *told)
{
    size_t at = place_of(key);
    bool offer = told->verdict == OTTERD_OFFER;
    struct place place = {.key = *key,
                          .moves = moment->moves,
                          .audit = audit,
                          .release = offer ? told->release.id : 0,
                          .lot = (uint16_t)(mac % LOTS),
                          .verdict = (uint8_t)told->verdict,
                          .dialect = (uint8_t)told->dialect,
                          .used = true};

    if (offer) {
        keep_offer(r, audit, &told->release);
    }
    pthread_mutex_lock(&r->locks[at % LOCKS].mutex);
    r->places[at] = place;
    pthread_mutex_unlock(&r->locks[at % LOCKS].mutex);
}

void otterd_recall_doubt(struct otterd_recall *r)
{
    atomic_fetch_add(&r->doubts, 1);
}

void otterd_recall_moved(struct otterd_recall *r, uint64_t mac)
{
    atomic_store(&r->lots[mac % LOTS], atomic_fetch_add(&r->moves, 1) + 1);
}

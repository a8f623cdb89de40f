/* SPDX-License-Identifier: Apache-2.0
 *
 * The handlers of the routes, and what they share: reading parameters and
 * bodies, each with a clear problem when it is not as it should be, and
 * showing things as JSON. */
#ifndef OTTER_SERVER_API_HANDLERS_H
#define OTTER_SERVER_API_HANDLERS_H

#include "server/api/api.h"
#include "server/api/hub.h"
#include "server/store/devices.h"

void otterd_api_me(struct otterd_call *call);
void otterd_api_session_open(struct otterd_call *call);
void otterd_api_session_close(struct otterd_call *call);
void otterd_api_devices(struct otterd_call *call);
void otterd_api_device(struct otterd_call *call);
void otterd_api_device_change(struct otterd_call *call);
void otterd_api_device_forget(struct otterd_call *call);
void otterd_api_device_history(struct otterd_call *call);
void otterd_api_device_explain(struct otterd_call *call);
void otterd_api_firmware_list(struct otterd_call *call);
/* Fills in what the call's upload is, or answers why it cannot be taken. */
void otterd_api_firmware_look(struct otterd_call *call);
void otterd_api_firmware_add(struct otterd_call *call);
void otterd_api_firmware(struct otterd_call *call);
void otterd_api_firmware_file(struct otterd_call *call);
void otterd_api_firmware_remove(struct otterd_call *call);
void otterd_api_releases(struct otterd_call *call);
void otterd_api_release_add(struct otterd_call *call);
void otterd_api_release(struct otterd_call *call);
void otterd_api_release_change(struct otterd_call *call);
void otterd_api_release_devices(struct otterd_call *call);
void otterd_api_tokens(struct otterd_call *call);
void otterd_api_token_add(struct otterd_call *call);
void otterd_api_token_remove(struct otterd_call *call);
void otterd_api_settings(struct otterd_call *call);
void otterd_api_settings_change(struct otterd_call *call);
void otterd_api_paths(struct otterd_call *call);
void otterd_api_path_set(struct otterd_call *call);
void otterd_api_path_remove(struct otterd_call *call);
void otterd_api_audit(struct otterd_call *call);

/* ---- Reading; false when a problem has been answered ---- */

/* The id in the path. */
bool otterd_arg_id(struct otterd_call *call, const char *what, int64_t *id);
bool otterd_arg_mac(struct otterd_call *call, uint64_t *mac);

/* There are no parameters but the route's. */
bool otterd_query_known(struct otterd_call *call);

/* A parameter that is an id, from 1; `*out` is left alone when it is not
 * given. */
bool otterd_query_id(struct otterd_call *call, const char *key, int64_t *out);

/* How many things a page has. */
bool otterd_query_limit(struct otterd_call *call, int64_t *limit);

/* limit and, as an id, after. */
bool otterd_query_page(struct otterd_call *call, int64_t *limit,
                       int64_t *after);

/* limit and, as a MAC, after (-1: not given). */
bool otterd_query_mac_page(struct otterd_call *call, int64_t *limit,
                           int64_t *after);

/* A text of less than `size` bytes without control characters, or NULL;
 * `lines` allows line ends. */
bool otterd_query_text(struct otterd_call *call, const char *key, size_t size,
                       bool lines, const char **out);

/* One of the words; `*out` is left alone when the parameter is not given. */
bool otterd_query_word(struct otterd_call *call, const char *key,
                       const char *const *words, int *out);

/* The body has no other members than those, separated by blanks. */
bool otterd_body_only(struct otterd_call *call, const char *names);

/* The same for members of the body. */
bool otterd_body_text(struct otterd_call *call, const char *key, size_t size,
                      bool lines, const char **out);
bool otterd_body_word(struct otterd_call *call, const char *key,
                      const char *const *words, int *out);
bool otterd_body_number(struct otterd_call *call, const char *key,
                        int64_t least, int64_t most, int64_t *out);

/* The member must be there; use after reading it. */
bool otterd_body_needs(struct otterd_call *call, const char *key);

/* A word that devices say and hear in headers and file names: 1 to 62
 * characters of ASCII without blanks and / " \ ; */
bool otterd_is_header_word(const char *text, size_t size);

/* No control characters, DEL included; line ends where they are allowed. */
bool otterd_is_clean(const char *text, bool lines);

/* ---- Answering ---- */

/* What the store could not do. */
void otterd_answer_store(struct otterd_call *call, int err);

/* OTTER_ERR_NO_DATA as 404, "There is no WHAT ...". */
void otterd_answer_error(struct otterd_call *call, int err, const char *what);

/* Takes the answer over. */
void otterd_answer(struct otterd_call *call, unsigned status, json_t *answer);

/* A list that was asked for with one row more than the page has, and how that
 * went: cuts it and says in `next` where it goes on, by the member `key` of
 * its last row.  Takes `rows` over. */
void otterd_answer_page(struct otterd_call *call, int err, const char *name,
                        json_t *rows, int64_t limit, const char *key);

/* The page of such a list that the call asks for; `list` appends to `rows`
 * what it finds, newest first, from before the id `after`. */
void otterd_answer_list(struct otterd_call *call, const char *name,
                        int (*list)(struct otterd_store *store, int64_t after,
                                    int64_t limit, json_t *rows));

/* ---- Showing ---- */

extern const char *const otterd_words_state[];   /* from OTTERD_PENDING - 1 */
extern const char *const otterd_words_kind[];    /* enum otterd_mode */
extern const char *const otterd_words_release[]; /* their states */
extern const char *const otterd_words_target[];

json_t *otterd_show_text(const char *text);
json_t *otterd_show_time(int64_t seconds); /* null for 0 */
json_t *otterd_show_mac(uint64_t mac);
json_t *otterd_show_device(const struct otterd_device_view *view);
json_t *otterd_show_firmware(const struct otterd_firmware *firmware);
json_t *otterd_show_release(const struct otterd_release_view *view);
json_t *otterd_show_token(const struct otterd_token *token);

/* Publishes the release as it is now; `counted`: devices moved it on, nobody
 * changed it. */
void otterd_tell_release(struct otterd_hub *hub, struct otterd_store *store,
                         int64_t id, bool counted);

/* What a listener asks for by kinds, mac, release and news. */
bool otterd_query_wants(struct otterd_call *call, struct otterd_wants *out);

#endif

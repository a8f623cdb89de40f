/* SPDX-License-Identifier: Apache-2.0
 *
 * One function per ending that has more to say than its fixed text. */
#include "host/push_explain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef void explain_function(struct otter_push_explanation *e,
                              const struct otter_push_target *target);

#define SAY(field, ...) snprintf((field), sizeof(field), __VA_ARGS__)

static unsigned seconds(uint32_t ms)
{
    return (ms + 999) / 1000;
}

static void explain_updated(struct otter_push_explanation *e,
                            const struct otter_push_target *target)
{
    const struct otter_push_session *s = &target->session;
    uint64_t ms = s->finished_at_ms - s->started_at_ms;

    SAY(e->what, "updated: %u bytes in %u.%u s%s%s%s", s->job->size,
        (unsigned)(ms / 1000), (unsigned)(ms % 1000 / 100),
        !target->back_at_ms        ? ""
        : target->after.version[0] ? ", runs "
                                   : ", is back",
        target->back_at_ms ? target->after.version : "",
        strcmp(target->after.boot, "trial") == 0 ? " on trial" : "");
}

static void explain_words(struct otter_push_explanation *e,
                          const struct otter_push_target *target)
{
    const struct otter_push_session *s = &target->session;

    SAY(e->what, "%s%s%s", otter_push_ending_text(target->session.ending),
        s->text[0] ? ": " : "", s->text);
}

static void explain_internal(struct otter_push_explanation *e,
                             const struct otter_push_target *target)
{
    const struct otter_push_session *s = &target->session;

    SAY(e->what, "this computer failed: %s",
        s->text[0] ? s->text : strerror(s->os_error));
}

static bool is_espota(const struct otter_push_target *target)
{
    return target->run && target->run->espota;
}

/* The device has an address of the one kind, --bind is of the other. */
static void explain_family(struct otter_push_explanation *e,
                           const struct otter_push_target *target)
{
    char bound[OTTER_ADDRESS_TEXT_SIZE];

    otter_address_text(bound, &target->run->local);
    SAY(e->what, "this is an %s address, which %s %s cannot reach",
        target->run->local.ss_family == AF_INET6 ? "IPv4" : "IPv6",
        is_espota(target) ? "-I" : "--bind", bound);
    SAY(e->hint, "Both must be IPv4 addresses, or both IPv6 ones.");
}

static void explain_lookup(struct otter_push_explanation *e,
                           const struct otter_push_target *target)
{
    if (target->session.os_error == EAFNOSUPPORT) {
        explain_family(e, target);
        return;
    }
    SAY(e->what, "the name could not be resolved: %s", target->session.text);
    SAY(e->hint, "%s",
        strchr(target->host, '%')
            ? "Is there an interface of the name behind the %? \"ip link\" "
              "lists them."
            : "Give the device's IP address, or check that the name is right "
              "and that the device is on.");
}

static void explain_listen(struct otter_push_explanation *e,
                           const struct otter_push_target *target)
{
    SAY(e->what,
        "no TCP port could be opened here for the device to connect to: %s",
        target->session.text);
    SAY(e->hint, "%s",
        is_espota(target)
            ? "Choose another port with -P, or another address with -I."
            : "Choose other ports with --host-port FIRST-LAST, or another "
              "address with --bind.");
}

/* An unreachable address or port says more than silence does. */
static void explain_no_answer(struct otter_push_explanation *e,
                              const struct otter_push_target *target)
{
    const struct otter_push_session *s = &target->session;
    char bound[OTTER_ADDRESS_TEXT_SIZE];
    char during[24] = "";

    if (target->web) {
        SAY(e->what, "no update page answers on TCP port %u: %s",
            target->web_port,
            s->os_error ? strerror(s->os_error) : "it hangs up");
        SAY(e->hint,
            "Is the device on and in this network, does its sketch serve an "
            "update page, and is the port right (%s)?",
            target->web_port_told
                ? "the device announces it; --page-port gives another"
                : "--page-port, 80 by default");
        return;
    }
    if (target->polls) {
        SAY(during, " in %u s",
            seconds((uint32_t)(s->finished_at_ms - target->started_at_ms)));
    }
    SAY(e->what, "no answer to the invitation: %u sent to UDP port %u%s%s%s",
        target->unanswered + s->invitations, target->port, during,
        s->os_error ? ": " : "",
        s->os_error == ECONNREFUSED ? "nothing listens on that port"
        : s->os_error               ? strerror(s->os_error)
                                    : "");
    if (s->stranger[0]) {
        SAY(e->hint,
            "An answer came from %s instead: if that is the same device, "
            "use that address.",
            s->stranger);
    } else if (s->os_error && s->os_error != ECONNREFUSED &&
               s->local.ss_family) {
        otter_address_text(bound, &s->local);
        SAY(e->hint,
            "%s %s may not lead to the device: it must be the address of this "
            "computer in the device's network, or be left away.",
            is_espota(target) ? "-I" : "--bind", bound);
    } else if (otter_address_lacks_interface(&s->device)) {
        SAY(e->hint,
            "An address that begins with fe80: needs the interface that leads "
            "to it, such as %s%%eth0.",
            target->host);
    } else {
        SAY(e->hint,
            "Is the device on and in this network, does its sketch call "
            "ArduinoOTA.handle() often enough, and is the port right (8266 "
            "ESP8266, 3232 ESP32, 2040 RP2040)?");
    }
}

static void explain_password_needed(struct otter_push_explanation *e,
                                    const struct otter_push_target *target)
{
    explain_words(e, target);
    SAY(e->hint, "Give it with --password-file FILE, in the environment "
                 "variable OTTER_PASSWORD, or with --password TEXT.");
}

static void explain_password_wrong(struct otter_push_explanation *e,
                                   const struct otter_push_target *target)
{
    if (target->web) {
        SAY(e->what,
            "the update page does not take this password of the "
            "user %s",
            target->session.job->user);
        SAY(e->hint, "Is the user's name right (--user)?");
        return;
    }
    SAY(e->what, "wrong password: the device answered "
                 "\"Authentication Failed\"");
    SAY(e->hint, "Was the password of the sketch that runs there changed?");
}

static void explain_auth_silent(struct otter_push_explanation *e,
                                const struct otter_push_target *target)
{
    const struct otter_push_session *s = &target->session;

    SAY(e->what,
        "the device asked for the password and did not answer to it "
        "within %u s",
        seconds(s->job->limits.auth_ms));
    SAY(e->hint, "The sketch may be busy: it must call ArduinoOTA.handle() "
                 "often.  Try again.");
}

static void explain_refused(struct otter_push_explanation *e,
                            const struct otter_push_target *target)
{
    static const struct {
        const char *part;
        const char *hint;
    } hints[] = {
        {"ERROR[4]", "Sketch and update must fit beside each other: choose a "
                     "flash layout with a smaller file system, shrink the "
                     "sketch, or send it compressed (.gz)."},
        {"ERROR[5]", "The file is empty."},
        {"ERROR[8]", "The sketch on the device was built for a larger flash "
                     "than the chip has: correct the board's flash size."},
        {"ERROR[11]", "The device was last started in serial download mode: "
                      "press its reset button once and try again."},
        {"ERROR[15]", "Another update was running; stock devices drop it "
                      "now.  Try again."},
        {"wrong passwords, wait", "This computer sent it wrong passwords: it "
                                  "listens again after that time."},
    };

    explain_words(e, target);
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if (strstr(target->session.text, hints[i].part)) {
            SAY(e->hint, "%s", hints[i].hint);
        }
    }
}

static void explain_no_connection(struct otter_push_explanation *e,
                                  const struct otter_push_target *target)
{
    const struct otter_push_session *s = &target->session;

    SAY(e->what,
        "the device accepted but did not connect back to TCP port %u of this "
        "computer within %u s",
        s->host_port, seconds(otter_push_session_connect_ms(s)));
    if (s->stranger[0]) {
        SAY(e->hint,
            "A connection came from %s and was refused: if that is the same "
            "device, use that address.",
            s->stranger);
    } else {
        SAY(e->hint,
            "A firewall, NAT, VPN or container between the device and this "
            "computer is the usual cause: allow incoming TCP, for a fixed "
            "port with %s, for one interface with %s.  If the "
            "device serves an update page, %s--via http goes around it.",
            is_espota(target) ? "-P" : "--host-port",
            is_espota(target) ? "-I" : "--bind",
            is_espota(target) ? "otter push " : "");
    }
}

/* A sketch is only installed when it is complete; a file system is written
 * in place (protocol 1.5). */
static const char *what_remains(const struct otter_push_session *s)
{
    return s->job->command == OTTER_PUSH_COMMAND_FILE_SYSTEM
               ? "The file system is damaged now: push it again."
               : "The device keeps its old sketch.";
}

static void explain_stalled(struct otter_push_explanation *e,
                            const struct otter_push_target *target)
{
    const struct otter_push_session *s = &target->session;

    SAY(e->what, "the upload stalled at byte %u of %u: no progress for %u s",
        s->done, s->job->size, seconds(s->job->limits.idle_ms));
    SAY(e->hint,
        "%s  If this comes back, look at the device's power and at "
        "its Wi-Fi reception.",
        what_remains(s));
}

static void explain_broken(struct otter_push_explanation *e,
                           const struct otter_push_target *target)
{
    const struct otter_push_session *s = &target->session;

    SAY(e->what, "the connection ended at byte %u of %u%s%s%s%s", s->done,
        s->job->size, s->os_error ? ": " : "",
        s->os_error ? strerror(s->os_error) : "",
        s->text[0] ? ", the device said: " : "", s->text);
    SAY(e->hint, "The device restarted, lost its network, or gave up.  %s",
        what_remains(s));
}

static void explain_device_error(struct otter_push_explanation *e,
                                 const struct otter_push_target *target)
{
    SAY(e->what, "the device reported: %s", target->session.text);
    SAY(e->hint, "%s", what_remains(&target->session));
}

static void explain_unknown(struct otter_push_explanation *e,
                            const struct otter_push_target *target)
{
    const struct otter_push_session *s = &target->session;

    if (s->unknown_answer) {
        SAY(e->what,
            "unknown: all %u bytes were sent, and the answer is neither "
            "success nor an error: %s",
            s->job->size, s->text);
    } else if (s->os_error == ETIMEDOUT) {
        SAY(e->what,
            "unknown: all %u bytes arrived, but no result came "
            "within %u s",
            s->job->size, seconds(s->job->limits.result_ms));
    } else {
        SAY(e->what,
            "unknown: all %u bytes arrived, but the connection ended "
            "before the device reported a result",
            s->job->size);
    }
    SAY(e->hint, "The device may or may not run the new sketch: look which "
                 "version it reports before trying again.");
}

static void explain_current(struct otter_push_explanation *e,
                            const struct otter_push_target *target)
{
    SAY(e->what, "left alone: it runs version %s already",
        target->before.version);
}

static void explain_unfit(struct otter_push_explanation *e,
                          const struct otter_push_target *target)
{
    SAY(e->what, "does not fit: %s", target->session.text);
    SAY(e->hint, "Nothing was sent.  If the device is wrong about itself, use "
                 "--force.");
}

static void explain_not_back(struct otter_push_explanation *e,
                             const struct otter_push_target *target)
{
    SAY(e->what,
        "the device confirmed the update but was not seen again within %u s",
        seconds(target->run->back_ms));
    SAY(e->hint, "The new sketch may not start, or not join the network, or "
                 "not show itself by multicast DNS.");
}

static void explain_old_version(struct otter_push_explanation *e,
                                const struct otter_push_target *target)
{
    const char *why = target->session.web.reverted;

    SAY(e->what,
        "the device confirmed the update but runs version %s still%s%s",
        target->after.version, why[0] ? ": " : "", why);
    SAY(e->hint, "It has not restarted yet, or it went back to the old sketch "
                 "because the new one did not confirm itself.");
}

void otter_push_explain(struct otter_push_explanation *explanation,
                        const struct otter_push_target *target)
{
    static explain_function *const functions[OTTER_PUSH_END_COUNT] = {
        [OTTER_PUSH_END_UPDATED] = explain_updated,
        [OTTER_PUSH_END_INTERNAL] = explain_internal,
        [OTTER_PUSH_END_LOOKUP] = explain_lookup,
        [OTTER_PUSH_END_LISTEN] = explain_listen,
        [OTTER_PUSH_END_NO_ANSWER] = explain_no_answer,
        [OTTER_PUSH_END_PASSWORD_NEEDED] = explain_password_needed,
        [OTTER_PUSH_END_PASSWORD_WRONG] = explain_password_wrong,
        [OTTER_PUSH_END_AUTH_SILENT] = explain_auth_silent,
        [OTTER_PUSH_END_REFUSED] = explain_refused,
        [OTTER_PUSH_END_NO_CONNECTION] = explain_no_connection,
        [OTTER_PUSH_END_STALLED] = explain_stalled,
        [OTTER_PUSH_END_BROKEN] = explain_broken,
        [OTTER_PUSH_END_DEVICE_ERROR] = explain_device_error,
        [OTTER_PUSH_END_UNKNOWN] = explain_unknown,
        [OTTER_PUSH_END_UNFIT] = explain_unfit,
        [OTTER_PUSH_END_NOT_BACK] = explain_not_back,
        [OTTER_PUSH_END_OLD_VERSION] = explain_old_version,
        [OTTER_PUSH_END_CURRENT] = explain_current,
    };
    explain_function *explain = functions[target->session.ending];

    *explanation = (struct otter_push_explanation){0};
    (explain ? explain : explain_words)(explanation, target);
}

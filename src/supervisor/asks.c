#define _GNU_SOURCE /* memfd_create, F_DUPFD_CLOEXEC */
#include "supervisor/asks.h"

#include "base/clock.h"
#include "state/json.h"
#include "state/pointer.h"
#include "supervisor/snapshots.h"
#include "supervisor/state.h"
#include "supervisor/values.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ASKS_MOST     64U
#define SEND_LIMIT_MS UINT64_C(2000)
#define GET_LIMIT_MS  UINT64_C(10000) /* serialize may have much to write */
#define NAME_MOST     255

struct ask {
    struct ask *next;
    struct control_call *call;
    uint64_t number, due_ns, limit_ms;
    int fd;        /* the state's text goes there; -1: of a message, or not asked for so far */
    char *pointer; /* owned; NULL: of a message */
};

/* ---- waiting ---- */

static void free_ask(struct ask *ask)
{
    if (ask->fd >= 0) {
        (void)close(ask->fd);
    }
    free(ask->pointer);
    free(ask);
}

static void fail(struct ask *ask, const char *reason)
{
    control_fail(ask->call, CONTROL_REFUSED, reason);
    free_ask(ask);
}

static void arm(struct supervisor *sup)
{
    uint64_t due = UINT64_MAX;
    for (const struct ask *ask = sup->asks; ask != NULL; ask = ask->next) {
        due = ask->due_ns < due ? ask->due_ns : due;
    }
    if (due == UINT64_MAX) {
        supervisor_disarm(sup, TIMER_ASK);
        return;
    }
    uint64_t now = clock_ns();
    supervisor_arm(sup, TIMER_ASK, due > now ? (due - now) / NS_PER_MS + 1 : 0);
}

/* A new one, which waits behind the others; NULL: the call is answered. */
static struct ask *begin(struct supervisor *sup, uint64_t limit_ms, struct control_call *call)
{
    /* Also those that were given up: their packets wait in a host that is stopped. */
    unsigned count = sup->asks_sent;
    struct ask **last = &sup->asks;
    for (; *last != NULL; last = &(*last)->next) {
        count += (*last)->pointer != NULL && (*last)->fd < 0;
    }
    struct ask *ask = count < ASKS_MOST ? calloc(1, sizeof *ask) : NULL;
    if (ask == NULL) {
        control_fail(call, CONTROL_REFUSED,
                     count < ASKS_MOST ? "no memory for a call"
                                       : "too many calls wait for the module already: try again");
        return NULL;
    }
    *ask = (struct ask){.call = call,
                        .number = ++sup->asked,
                        .due_ns = clock_ns() + limit_ms * NS_PER_MS,
                        .limit_ms = limit_ms,
                        .fd = -1};
    *last = ask;
    return ask;
}

/* Takes the ask with this number off the list; NULL: nobody waits for it any more. */
static struct ask *take(struct supervisor *sup, uint64_t number)
{
    struct ask **at = &sup->asks;
    while (*at != NULL && (*at)->number != number) {
        at = &(*at)->next;
    }
    struct ask *ask = *at;
    if (ask != NULL) {
        *at = ask->next;
    }
    return ask;
}

/* False: `ask` has no way to the host. */
static bool ask_for_state(struct supervisor *sup, struct ask *ask)
{
    struct error err;
    ask->fd = memfd_create("hotrun-ask", MFD_CLOEXEC);
    bool ok = ask->fd >= 0 &&
              host_process_send_fd(sup->host,
                                   &(struct message){.type = MESSAGE_ASK,
                                                     .ask = {.number = ask->number,
                                                             .pointer = bytes_of(ask->pointer)}},
                                   ask->fd, &err);
    sup->asks_sent += ok;
    return ok;
}

/* One state at a time: a step would wait until all that were asked for are written, and each may be
 * large. */
void asks_go_on(struct supervisor *sup)
{
    struct ask *next = sup->asks;
    while (next != NULL && next->fd < 0) {
        next = next->next;
    }
    if (next != NULL || (sup->asks != NULL && layouts_hold_up_state(sup))) {
        return;
    }
    for (next = sup->asks; next != NULL;) {
        if (next->pointer == NULL) {
            next = next->next;
        } else if (ask_for_state(sup, next)) {
            return;
        } else {
            fail(take(sup, next->number), "no memory or no descriptor for the state: try again");
            next = sup->asks; /* whoever was told may have asked anew */
        }
    }
}

void asks_overdue(struct supervisor *sup)
{
    char place[128], reason[256];
    uint64_t now = clock_ns();
    supervisor_look(sup);
    looking_place(sup, place, sizeof place);
    for (struct ask *ask = sup->asks; ask != NULL;) {
        if (ask->due_ns > now) {
            ask = ask->next;
            continue;
        }
        (void)snprintf(reason, sizeof reason,
                       "the module did not answer within %llu s: it is in %s",
                       (unsigned long long)(ask->limit_ms / 1000), place);
        fail(take(sup, ask->number), reason);
        ask = sup->asks;
    }
    asks_go_on(sup);
    arm(sup);
}

void asks_host_gone(struct supervisor *sup)
{
    struct ask *asks = sup->asks;
    sup->asks = NULL;
    sup->asks_sent = 0;
    supervisor_disarm(sup, TIMER_ASK);
    for (struct ask *ask = asks, *next; ask != NULL; ask = next) {
        next = ask->next;
        fail(ask, "the module ended before it answered");
    }
}

void asks_finish(struct supervisor *sup)
{
    for (struct ask *ask = sup->asks, *next; ask != NULL; ask = next) {
        next = ask->next;
        free_ask(ask);
    }
    sup->asks = NULL;
    values_finish(sup);
}

/* NULL: code runs that can be asked. */
static const char *problem(const struct supervisor *sup)
{
    if (sup->state == POLICY_STOPPING || sup->ending) {
        return "hotrun is stopping";
    }
    if (sup->state == POLICY_HELD) {
        return "nothing runs that could be asked: save a fix, or `hotrun resume`";
    }
    return sup->host == NULL || sup->cold ? "no code runs at this moment: try again" : NULL;
}

/* ---- send ---- */

void asks_send(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    const cJSON *json = cJSON_GetObjectItemCaseSensitive(params, "json");
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(params, "name"));
    const char *text = cJSON_GetStringValue(json);
    struct error err;
    char reason[1200];
    const char *why = problem(sup);
    if (name == NULL || name[0] == '\0' || strlen(name) > NAME_MOST) {
        control_fail(call, CONTROL_INVALID_PARAMS, "name: expected a text of 1 to 255 bytes");
    } else if (json != NULL && text == NULL) {
        control_fail(call, CONTROL_INVALID_PARAMS, "json: expected JSON text in a string");
    } else if (text != NULL && !json_check(text, strlen(text), &err)) {
        (void)snprintf(reason, sizeof reason, "what is sent is no JSON: %s", err.text);
        control_fail(call, CONTROL_INVALID_PARAMS, reason);
    } else if (text != NULL && strlen(text) > SEND_MOST - NAME_MOST) {
        control_fail(call, CONTROL_REFUSED, "what is sent is larger than 126 KB: make it smaller");
    } else if (why != NULL) {
        control_fail(call, CONTROL_REFUSED, why);
    } else {
        struct ask *ask = begin(sup, SEND_LIMIT_MS, call);
        if (ask != NULL) {
            sup->asks_sent++;
            supervisor_send(sup, &(struct message){.type = MESSAGE_SEND,
                                                   .send = {.number = ask->number,
                                                            .name = bytes_of(name),
                                                            .text = bytes_of(text)}});
            arm(sup);
        }
    }
}

static void answer_sent(struct ask *ask, const struct bytes *text)
{
    struct text result = {0};
    struct error err;
    if (text->len > 0 && !json_check(text->data, text->len, &err)) {
        fail(ask, "the host's answer is no JSON");
        return;
    }
    if (text_puts(&result, "{\"reply\":") &&
        text_puts(&result, text->len > 0 ? text->data : "null") && text_puts(&result, "}")) {
        control_answer_text(ask->call, text_string(&result), result.len);
    } else {
        control_fail(ask->call, CONTROL_INTERNAL, "no memory for the answer");
    }
    text_finish(&result);
    free_ask(ask);
}

/* ---- state.get ---- */

/* While nothing runs: of the last good state. */
static void get_held(struct supervisor *sup, const char *pointer, struct control_call *call)
{
    struct snapshot snapshot;
    struct value_source source = {.shared = true, .limit = sup->memory.limit};
    struct error err;
    if (!snapshots_last_good(sup, &snapshot, &source.slot, &err)) {
        control_fail(call, CONTROL_REFUSED, err.text);
    } else if (snapshot.kind == SNAPSHOT_IMAGE) {
        char room[760];
        control_fail(call, CONTROL_REFUSED,
                     layouts_tell_state(sup) ? "the last good state was saved as memory alone, "
                                               "before its layout was known"
                                             : layouts_without(sup, room, sizeof room));
    } else if ((source.fd = fcntl(sup->memory.fd, F_DUPFD_CLOEXEC, 3)) < 0) {
        control_fail(call, CONTROL_INTERNAL, "no descriptor for the state: try again");
    } else {
        values_answer(sup, &source, pointer, call);
    }
}

void asks_get(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    const cJSON *given = cJSON_GetObjectItemCaseSensitive(params, "pointer");
    const char *pointer = given == NULL ? "" : cJSON_GetStringValue(given);
    if (pointer == NULL || strlen(pointer) > POINTER_MOST) {
        control_fail(call, CONTROL_INVALID_PARAMS,
                     pointer == NULL ? "pointer: expected a JSON pointer such as \"/player/x\""
                                     : "pointer: expected a JSON pointer of at most 4096 bytes");
        return;
    }
    if (!control_expect_large(call)) {
        control_fail(call, CONTROL_INVALID_PARAMS, "state.get cannot be one of a batch");
        return;
    }
    const char *why = problem(sup);
    if (sup->state == POLICY_HELD && !sup->ending) {
        get_held(sup, pointer, call);
        return;
    }
    struct ask *ask = why == NULL ? begin(sup, GET_LIMIT_MS, call) : NULL;
    if (why != NULL) {
        control_fail(call, CONTROL_REFUSED, why);
        return;
    }
    if (ask == NULL) {
        return;
    }
    ask->pointer = strdup(pointer);
    if (ask->pointer == NULL) {
        (void)take(sup, ask->number);
        fail(ask, "no memory for a call");
    }
    asks_go_on(sup);
    arm(sup);
}

static void answer_got(struct supervisor *sup, struct ask *ask, const struct message *message)
{
    struct value_source source = {.fd = ask->fd,
                                  .form = (enum reply_form)message->reply.form,
                                  .limit = supervisor_snapshot_limit(sup),
                                  .generation = sup->report.generation,
                                  .step = message->reply.step};
    ask->fd = -1;
    values_answer(sup, &source, ask->pointer, ask->call);
    free_ask(ask);
}

void asks_replied(struct supervisor *sup, const struct message *message)
{
    struct ask *ask = take(sup, message->reply.number);
    sup->asks_sent -= sup->asks_sent > 0;
    if (ask == NULL) {
        return;
    }
    asks_go_on(sup);
    if (!message->reply.ok) {
        char reason[1400];
        const char *why = ask->pointer == NULL || sup->callbacks ? "" : layouts_why(sup);
        (void)snprintf(reason, sizeof reason, why[0] != '\0' ? "%s (%s)" : "%s",
                       message->reply.text.data, why);
        fail(ask, reason);
    } else if (ask->pointer != NULL) {
        answer_got(sup, ask, message);
    } else {
        answer_sent(ask, &message->reply.text);
    }
    arm(sup);
}

#define _GNU_SOURCE /* memfd_create */
#include "supervisor/edits.h"

#include "base/columns.h"
#include "base/file.h"
#include "state/edit_list.h"
#include "state/json.h"
#include "state/pointer.h"
#include "supervisor/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WAITING_MOST         64U
#define AROUND_MOST          ((size_t)1 << 20) /* bytes of a list around the values: a request's line */
#define EDITS_TOLD           3
#define POINTER_COLUMNS_MOST 24

struct edit_request {
    struct edit_request *next;
    struct control_call *call;
    int fd;              /* the edit list */
    uint64_t generation; /* that it is to become; 0: it waits */
    char words[BUILD_EDITS];
};

/* ---- what is asked for ---- */

static bool has_only(const cJSON *object, const char *const *names, size_t count)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, object)
    {
        bool known = false;
        for (size_t i = 0; i < count; i++) {
            known = known || strcmp(item->string, names[i]) == 0;
        }
        if (!known) {
            return false;
        }
    }
    return true;
}

static const char *member(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static bool refuse(struct error *err, const char *what)
{
    return error_set(err, ERROR_USAGE, "edits: %s", what);
}

/* The value's text: what `json` says, or the file's bytes in `room`. */
static bool read_value(const struct supervisor *sup, const cJSON *item, struct text *room,
                       struct edit *edit, struct error *err)
{
    const char *json = member(item, "json");
    const char *file = member(item, "file");
    struct error why;
    if ((json == NULL) == (file == NULL)) {
        return refuse(err, "expected \"json\", JSON text in a string, with set and merge, or "
                           "\"file\" with merge");
    }
    if (file != NULL) {
        if (edit->kind != EDIT_MERGE || file[0] != '/') {
            return refuse(err, "expected \"file\" with merge, and as an absolute path");
        }
        if (!file_read(file, (size_t)sup->config->state_max_json, room, err)) {
            return false;
        }
        json = text_string(room);
    }
    edit->value = json;
    edit->value_len = file != NULL ? room->len : strlen(json);
    return json_check(json, edit->value_len, &why) ||
           error_set(err, ERROR_USAGE, "the value for \"%.200s\" is no JSON: %s", edit->pointer,
                     why.text);
}

/* Appends one element of `edits`. */
static bool add_edit(const struct supervisor *sup, const cJSON *item, struct text *list,
                     struct error *err)
{
    static const char *const words[] = {
        [EDIT_SET] = "set", [EDIT_REMOVE] = "remove", [EDIT_MERGE] = "merge"};
    static const char *const names[] = {"op", "pointer", "json", "file"};
    const char *op = member(item, "op");
    const char *pointer = member(item, "pointer");
    struct edit edit = {.pointer = pointer == NULL ? "" : pointer};
    struct text room = {0};
    for (size_t i = EDIT_SET; op != NULL && i <= EDIT_MERGE; i++) {
        edit.kind = strcmp(op, words[i]) == 0 ? (enum edit_kind)i : edit.kind;
    }
    bool bare = cJSON_GetObjectItemCaseSensitive(item, "json") == NULL &&
                cJSON_GetObjectItemCaseSensitive(item, "file") == NULL;
    if (!cJSON_IsObject(item) || !has_only(item, names, sizeof names / sizeof names[0])) {
        return refuse(err, "expected objects of \"op\", \"pointer\" and \"json\" or \"file\"");
    }
    if (edit.kind == 0) {
        return refuse(err, "expected \"op\" to be \"set\", \"remove\" or \"merge\"");
    }
    if (pointer == NULL &&
        (edit.kind != EDIT_MERGE || cJSON_GetObjectItemCaseSensitive(item, "pointer") != NULL)) {
        return refuse(err, "expected \"pointer\" to be a JSON pointer such as \"/player/x\"");
    }
    if (strlen(edit.pointer) > POINTER_MOST ||
        (edit.pointer[0] != '\0' && edit.pointer[0] != '/')) {
        return error_set(err, ERROR_USAGE,
                         "expected a JSON pointer such as \"/player/x\", found \"%.200s\"",
                         edit.pointer);
    }
    if (edit.kind == EDIT_REMOVE && !bare) {
        return refuse(err, "remove takes no value");
    }
    bool ok = edit.kind == EDIT_REMOVE || read_value(sup, item, &room, &edit, err);
    ok = ok && (edit_list_add(list, &edit) ||
                error_set(err, ERROR_LIMIT,
                          "memory is missing for the edits, or all of them together are larger "
                          "than state.max_json allows"));
    text_finish(&room);
    return ok;
}

static bool make_list(const struct supervisor *sup, const cJSON *edits, struct text *list,
                      struct error *err)
{
    const cJSON *item;
    int count = cJSON_IsArray(edits) ? cJSON_GetArraySize(edits) : 0;
    list->limit = (size_t)sup->config->state_max_json + AROUND_MOST;
    if (count < 1 || count > EDIT_LIST_MOST) {
        return refuse(err, "expected an array of 1 to 4096 edits");
    }
    cJSON_ArrayForEach(item, edits)
    {
        if (!add_edit(sup, item, list, err)) {
            return false;
        }
    }
    return true;
}

/* As build->edits has it. The edits are good ones. */
static void tell_edits(const cJSON *edits, char *words, size_t size)
{
    struct text line = {0};
    const cJSON *item;
    int told = 0, count = cJSON_GetArraySize(edits);
    cJSON_ArrayForEach(item, edits)
    {
        const char *pointer = member(item, "pointer");
        bool whole = pointer == NULL || pointer[0] == '\0';
        if (told++ == EDITS_TOLD) {
            text_printf(&line, "  %d more", count - EDITS_TOLD);
            break;
        }
        text_puts(&line, strcmp(member(item, "op"), "remove") == 0 ? "  - " : "  ~ ");
        (void)columns_put(&line, whole ? "(all)" : pointer, POINTER_COLUMNS_MOST);
    }
    (void)snprintf(words, size, "%s", text_string(&line));
    text_finish(&line);
}

static int put_into_memory(const struct text *list)
{
    int fd = memfd_create("hotrun-edit", MFD_CLOEXEC);
    if (fd >= 0 && !file_write_all(fd, list->data, list->len)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/* ---- what becomes of it ---- */

static void free_request(struct edit_request *request)
{
    (void)close(request->fd);
    free(request);
}

static struct edit_request *take_first(struct supervisor *sup)
{
    struct edit_request *first = sup->edits;
    sup->edits = first->next;
    return first;
}

static void fail_first(struct supervisor *sup, const char *reason)
{
    struct edit_request *first = take_first(sup);
    control_fail(first->call, CONTROL_REFUSED, reason);
    free_request(first);
}

static bool is_under_way(const struct supervisor *sup)
{
    return sup->edits != NULL && sup->edits->generation != 0;
}

void edits_accepted(struct supervisor *sup, const struct message_accepted *told)
{
    if (!is_under_way(sup) || sup->edits->generation != told->generation) {
        return;
    }
    struct edit_request *first = take_first(sup);
    cJSON *result = cJSON_CreateObject();
    event_add_number(result, "generation", told->generation);
    event_add_number(result, "step", told->first_step);
    if (told->adjusted.len > 0) {
        cJSON *list = cJSON_CreateArray();
        for (size_t at = 0; at < told->adjusted.len;) {
            event_add_text(list, NULL, told->adjusted.data + at);
            at += strlen(told->adjusted.data + at) + 1;
        }
        event_add_item(result, "adjusted", list);
    }
    control_answer(first->call, result);
    free_request(first);
}

void edits_refused(struct supervisor *sup, const char *reason)
{
    if (is_under_way(sup)) {
        fail_first(sup, reason);
    }
}

void edits_hand_over(struct supervisor *sup, const struct build *build)
{
    struct error err;
    if (is_under_way(sup) && sup->edits->generation == build->generation &&
        !host_process_send_fd(
            sup->host,
            &(struct message){.type = MESSAGE_EDIT, .edit = {.generation = build->generation}},
            sup->edits->fd, &err)) {
        log_line(sup->log, LOG_ERROR, "the host was not told: %s", err.text);
    }
}

/* ---- when ---- */

/* Why none can be made now, nor when what is under way is over; NULL: it can. */
static const char *problem(const struct supervisor *sup, char *room, size_t size)
{
    if (sup->ending || sup->state == POLICY_STOPPING) {
        return "hotrun is stopping";
    }
    if ((policy_decide(sup->state, POLICY_CTL_EDIT).steps & POLICY_REFUSE) != 0) {
        return "nothing runs whose state could be edited: save a fix, or `hotrun resume`, or edit "
               "a snapshot's file and `hotrun restore` it";
    }
    bool runs = sup->host != NULL && !sup->cold && sup->current != NULL;
    bool told = sup->callbacks || layouts_tell_state(sup) || sup->current == NULL ||
                sup->current->outcome == READER_UNREAD;
    return runs && !told ? layouts_without(sup, room, size) : NULL;
}

static void begin(struct supervisor *sup)
{
    struct error err;
    struct build *build = staging_copy_again(sup, sup->current, &err);
    if (build == NULL) {
        fail_first(sup, err.text);
        return;
    }
    build->edited = true;
    memcpy(build->edits, sup->edits->words, sizeof build->edits);
    sup->edits->generation = build->generation;
    sup->arrived = build;
    supervisor_dispatch(sup, POLICY_CTL_EDIT);
}

/* Its swap went without a word for it: in a death, or for something else. */
static bool is_lost(const struct supervisor *sup)
{
    return is_under_way(sup) &&
           (sup->next == NULL || sup->next->generation != sup->edits->generation);
}

void edits_go_on(struct supervisor *sup)
{
    if (is_lost(sup)) {
        char reason[760];
        (void)snprintf(reason, sizeof reason, "it was not edited: %s",
                       sup->death.reason[0] != '\0' ? sup->death.reason
                                                    : "something else took its place");
        fail_first(sup, reason);
    }
    while (sup->edits != NULL && !is_under_way(sup)) {
        char room[760];
        const char *why = problem(sup, room, sizeof room);
        bool waits = (policy_decide(sup->state, POLICY_CTL_EDIT).steps & POLICY_WAIT) != 0 ||
                     sup->replacement.by != REPLACE_NONE || sup->host == NULL || sup->cold ||
                     layouts_hold_up_state(sup);
        if (why != NULL) {
            fail_first(sup, why);
        } else if (waits) {
            return;
        } else {
            begin(sup);
        }
    }
}

void edits_command(struct supervisor *sup, const cJSON *params, struct control_call *call)
{
    struct text list = {0};
    struct error err = {0};
    unsigned count = 0;
    char room[760];
    struct edit_request **last = &sup->edits;
    for (; *last != NULL; last = &(*last)->next) {
        count++;
    }
    const cJSON *edits = cJSON_GetObjectItemCaseSensitive(params, "edits");
    if (!make_list(sup, edits, &list, &err)) {
        control_fail(call, err.code == ERROR_USAGE ? CONTROL_INVALID_PARAMS : CONTROL_REFUSED,
                     err.text);
    } else if (problem(sup, room, sizeof room) != NULL) {
        control_fail(call, CONTROL_REFUSED, problem(sup, room, sizeof room));
    } else if (count == WAITING_MOST) {
        control_fail(call, CONTROL_REFUSED, "too many edits wait already: try again");
    } else {
        struct edit_request *request = calloc(1, sizeof *request);
        int fd = request == NULL ? -1 : put_into_memory(&list);
        if (fd < 0) {
            free(request);
            control_fail(call, CONTROL_INTERNAL, "no memory for an edit");
        } else {
            *request = (struct edit_request){.call = call, .fd = fd};
            tell_edits(edits, request->words, sizeof request->words);
            *last = request;
            edits_go_on(sup);
        }
    }
    text_finish(&list);
}

void edits_finish(struct supervisor *sup)
{
    while (sup->edits != NULL) {
        free_request(take_first(sup));
    }
}

#include "link/message.h"

#include <stdio.h>
#include <string.h>

enum field_kind {
    FIELD_NUMBER, /* 8 bytes as they are: both ends are the same build on the same machine */
    FIELD_BYTES   /* 8 bytes of length, the bytes, one '\0' */
};

struct field {
    enum field_kind kind;
    size_t offset;
};

#define NUMBER(member)                                                                             \
    {                                                                                              \
        FIELD_NUMBER, offsetof(struct message, member)                                             \
    }
#define BYTES(member)                                                                              \
    {                                                                                              \
        FIELD_BYTES, offsetof(struct message, member)                                              \
    }

static const struct field setup_fields[] = {NUMBER(setup.supervisor_pid),
                                            NUMBER(setup.slot_address),
                                            NUMBER(setup.state_max_json),
                                            NUMBER(setup.state_max_size),
                                            NUMBER(setup.pin_limit),
                                            NUMBER(setup.defer_limit_ns),
                                            NUMBER(setup.max_dt_ns),
                                            NUMBER(setup.rate_kind),
                                            NUMBER(setup.rate_hz),
                                            NUMBER(setup.hold_on_loss),
                                            NUMBER(setup.statics),
                                            NUMBER(setup.reset_on_mismatch),
                                            NUMBER(setup.log_level),
                                            NUMBER(setup.color),
                                            NUMBER(setup.paused),
                                            NUMBER(setup.checkpoint_ns),
                                            NUMBER(setup.stop_timeout_ns),
                                            BYTES(setup.config),
                                            BYTES(setup.args)};
static const struct field load_fields[] = {
    NUMBER(load.how),    NUMBER(load.generation), NUMBER(load.slot),     NUMBER(load.started_ns),
    NUMBER(load.failed), NUMBER(load.restored),   NUMBER(load.step),     NUMBER(load.edited),
    NUMBER(load.layout), NUMBER(load.may_want),   BYTES(load.path),      BYTES(load.name),
    BYTES(load.module),  BYTES(load.reason),      BYTES(load.no_layout), BYTES(load.facts)};
static const struct field accepted_fields[] = {NUMBER(accepted.generation),
                                               NUMBER(accepted.how),
                                               NUMBER(accepted.state_bytes),
                                               NUMBER(accepted.state_size),
                                               NUMBER(accepted.state_version),
                                               NUMBER(accepted.callbacks),
                                               NUMBER(accepted.first_step),
                                               NUMBER(accepted.serialize_ns),
                                               NUMBER(accepted.load_ns),
                                               NUMBER(accepted.init_ns),
                                               NUMBER(accepted.deserialize_ns),
                                               NUMBER(accepted.pause_ns),
                                               NUMBER(accepted.total_ns),
                                               NUMBER(accepted.pinned),
                                               NUMBER(accepted.more_added),
                                               NUMBER(accepted.more_dropped),
                                               NUMBER(accepted.more_converted),
                                               NUMBER(accepted.more_lost),
                                               NUMBER(accepted.more_rounded),
                                               NUMBER(accepted.more_kept),
                                               BYTES(accepted.module),
                                               BYTES(accepted.added),
                                               BYTES(accepted.dropped),
                                               BYTES(accepted.converted),
                                               BYTES(accepted.lost),
                                               BYTES(accepted.rounded),
                                               BYTES(accepted.kept),
                                               BYTES(accepted.adjusted),
                                               BYTES(accepted.note)};
static const struct field rejected_fields[] = {
    NUMBER(rejected.generation), NUMBER(rejected.stage), NUMBER(rejected.by_old),
    NUMBER(rejected.wants_layout), BYTES(rejected.reason)};
static const struct field closed_fields[] = {NUMBER(closed.generation), NUMBER(closed.kept),
                                             NUMBER(closed.resident), BYTES(closed.reason)};
static const struct field tell_fields[] = {NUMBER(tell.type), NUMBER(tell.value), BYTES(tell.name),
                                           BYTES(tell.text)};
static const struct field published_fields[] = {NUMBER(published.ok),    NUMBER(published.slot),
                                                NUMBER(published.bytes), NUMBER(published.took_ns),
                                                NUMBER(published.step),  NUMBER(published.why),
                                                BYTES(published.reason)};
static const struct field checked_fields[] = {
    NUMBER(checked.resident),      NUMBER(checked.state_size), NUMBER(checked.state_align),
    NUMBER(checked.state_version), NUMBER(checked.abi_minor),  NUMBER(checked.flags),
    NUMBER(checked.load_ns),       NUMBER(checked.mapped),     BYTES(checked.module),
    BYTES(checked.callbacks),      BYTES(checked.strays),      BYTES(checked.resident_reason)};
static const struct field generation_fields[] = {NUMBER(cancel.generation)};
static const struct field snapshot_fields[] = {NUMBER(snapshot.why)};
static const struct field stop_fields[] = {NUMBER(stop.status)};
static const struct field pause_fields[] = {NUMBER(pause.on)};
static const struct field steps_fields[] = {NUMBER(steps.count)};
static const struct field send_fields[] = {NUMBER(send.number), BYTES(send.name), BYTES(send.text)};
static const struct field ask_fields[] = {NUMBER(ask.number), BYTES(ask.pointer)};
static const struct field reply_fields[] = {NUMBER(reply.number), NUMBER(reply.ok),
                                            NUMBER(reply.form), NUMBER(reply.step),
                                            BYTES(reply.text)};
static const struct field layout_fields[] = {NUMBER(layout.generation), NUMBER(layout.hash)};
static const struct field log_fields[] = {NUMBER(log.level)};
static const struct field keep_fields[] = {NUMBER(keep.dropped), BYTES(keep.name)};
static const struct field ready_fields[] = {NUMBER(ready.pid)};
static const struct field rate_fields[] = {NUMBER(rate.kind), NUMBER(rate.hz)};
static const struct field note_fields[] = {NUMBER(note.level), BYTES(note.text)};

#define ROW(fields)                                                                                \
    {                                                                                              \
        fields, sizeof fields / sizeof fields[0]                                                   \
    }

static const struct {
    const struct field *fields;
    size_t count;
} rows[MESSAGE_TYPE_COUNT] = {[MESSAGE_SETUP] = ROW(setup_fields),
                              [MESSAGE_LOAD] = ROW(load_fields),
                              [MESSAGE_CANCEL] = ROW(generation_fields),
                              [MESSAGE_CONFIRM] = ROW(generation_fields),
                              [MESSAGE_TELL] = ROW(tell_fields),
                              [MESSAGE_SNAPSHOT] = ROW(snapshot_fields),
                              [MESSAGE_STOP] = ROW(stop_fields),
                              [MESSAGE_PAUSE] = ROW(pause_fields),
                              [MESSAGE_STEPS] = ROW(steps_fields),
                              [MESSAGE_SEND] = ROW(send_fields),
                              [MESSAGE_ASK] = ROW(ask_fields),
                              [MESSAGE_EDIT] = ROW(generation_fields),
                              [MESSAGE_LAYOUT] = ROW(layout_fields),
                              [MESSAGE_LOG] = ROW(log_fields),
                              [MESSAGE_RATE] = ROW(rate_fields),
                              [MESSAGE_KEEP] = ROW(keep_fields),
                              [MESSAGE_READY] = ROW(ready_fields),
                              [MESSAGE_ACCEPTED] = ROW(accepted_fields),
                              [MESSAGE_REJECTED] = ROW(rejected_fields),
                              [MESSAGE_DEFERRED] = ROW(generation_fields),
                              [MESSAGE_CLOSED] = ROW(closed_fields),
                              [MESSAGE_PUBLISHED] = ROW(published_fields),
                              [MESSAGE_RELOAD] = {NULL, 0},
                              [MESSAGE_LEAVING] = {NULL, 0},
                              [MESSAGE_REPLY] = ROW(reply_fields),
                              [MESSAGE_NOTE] = ROW(note_fields),
                              [MESSAGE_CHECKED] = ROW(checked_fields)};

static const char *const stage_names[SWAP_STAGE_COUNT] = {[SWAP_FILE] = "file",
                                                          [SWAP_DEFER] = "defer",
                                                          [SWAP_LOAD] = "load",
                                                          [SWAP_TABLE] = "table",
                                                          [SWAP_SERIALIZE] = "serialize",
                                                          [SWAP_INIT] = "init",
                                                          [SWAP_DESERIALIZE] = "deserialize",
                                                          [SWAP_CANCEL] = "cancel",
                                                          [SWAP_MIGRATE] = "migrate",
                                                          [SWAP_EDIT] = "edit"};

static const char *const how_names[] = {[STATE_JSON] = "json",
                                        [STATE_IN_PLACE] = "in-place",
                                        [STATE_MIGRATED] = "migrated",
                                        [STATE_RESET] = "reset",
                                        [STATE_NEW] = "new"};

const char *swap_stage_name(enum swap_stage stage)
{
    return (size_t)stage < SWAP_STAGE_COUNT && stage_names[stage] != NULL ? stage_names[stage]
                                                                          : "?";
}

const char *state_how_name(enum state_how how)
{
    size_t count = sizeof how_names / sizeof how_names[0];
    return (size_t)how < count && how_names[how] != NULL ? how_names[how] : "?";
}

void message_protocol(char *text, size_t size)
{
    (void)snprintf(text, size, "%s/%zu/%d", HOTRUN_VERSION, sizeof(struct message),
                   (int)MESSAGE_TYPE_COUNT);
}

struct bytes bytes_of(const char *string)
{
    return string == NULL ? (struct bytes){"", 0} : (struct bytes){string, strlen(string)};
}

size_t message_encode(const struct message *message, void *buffer, size_t size)
{
    char *out = buffer;
    size_t used = 8;
    if (size < used || message->type < 1 || message->type >= MESSAGE_TYPE_COUNT) {
        return 0;
    }
    uint64_t type = (uint64_t)message->type;
    memcpy(out, &type, 8);
    for (size_t i = 0; i < rows[message->type].count; i++) {
        const struct field *field = &rows[message->type].fields[i];
        const char *from = (const char *)message + field->offset;
        if (size - used < 8) {
            return 0;
        }
        if (field->kind == FIELD_NUMBER) {
            memcpy(out + used, from, 8);
            used += 8;
            continue;
        }
        struct bytes bytes;
        memcpy(&bytes, from, sizeof bytes);
        uint64_t len = bytes.len;
        memcpy(out + used, &len, 8);
        used += 8;
        if (len >= size - used) {
            return 0;
        }
        if (len > 0) {
            memcpy(out + used, bytes.data, len);
        }
        out[used + len] = '\0';
        used += len + 1;
    }
    return used;
}

bool message_decode(struct message *message, const void *packet, size_t len, struct error *err)
{
    const char *in = packet;
    uint64_t type = 0;
    if (len < 8) {
        return error_set(err, ERROR_FORMAT, "a message of %zu bytes is too short", len);
    }
    memcpy(&type, in, 8);
    if (type == 0 || type >= MESSAGE_TYPE_COUNT) {
        return error_set(err, ERROR_FORMAT, "unknown message type %llu", (unsigned long long)type);
    }
    memset(message, 0, sizeof *message);
    message->type = (enum message_type)type;
    size_t at = 8;
    for (size_t i = 0; i < rows[type].count; i++) {
        const struct field *field = &rows[type].fields[i];
        char *to = (char *)message + field->offset;
        uint64_t number;
        if (len - at < 8) {
            goto cut;
        }
        memcpy(&number, in + at, 8);
        at += 8;
        if (field->kind == FIELD_NUMBER) {
            memcpy(to, &number, 8);
            continue;
        }
        if (number >= len - at || in[at + number] != '\0') {
            goto cut;
        }
        struct bytes bytes = {in + at, (size_t)number};
        memcpy(to, &bytes, sizeof bytes);
        at += (size_t)number + 1;
    }
    if (at == len) {
        return true;
    }
cut:
    return error_set(err, ERROR_FORMAT, "a message of type %llu does not fit its %zu bytes",
                     (unsigned long long)type, len);
}

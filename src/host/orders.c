#include "host/orders.h"

#include "base/clock.h"
#include "host/edits.h"
#include "host/generation.h"
#include "host/host.h"
#include "host/loop.h"
#include "host/replies.h"
#include "host/snapshot.h"
#include "host/swap.h"
#include "host/views.h"

#include <poll.h>

static void told_to_tell(struct host *host, const struct message_tell *tell)
{
    if (host->current == NULL) {
        return;
    }
    hotrun_event event = {.size = (uint32_t)sizeof event,
                          .type = (uint32_t)tell->type,
                          .name = tell->name.len > 0 ? tell->name.data : NULL,
                          .text = tell->text.len > 0 ? tell->text.data : NULL,
                          .value = tell->value};
    (void)generation_event(host->current, &event);
}

/* Of the code that runs: from here on its snapshots can be used in another process. */
static void learn_layout(struct host *host, struct layout *layout)
{
    struct generation *current = host->current;
    struct error why;
    if (current->layout != NULL) {
        return;
    }
    if (!views_take_layout(current, layout, &why)) {
        host_note(host, LOG_WARN, "%s: %s", current->name, why.text);
    } else if (!host->done && host->publish == 0 && !snapshot_has_json(current) &&
               views_has_parts(current) && views_size(current) <= host->setup.pin_limit) {
        snapshot_request(host, SNAPSHOT_START);
    }
}

static void take_layout(struct host *host, uint64_t generation, uint64_t hash, int fd)
{
    struct generation *current = host->current;
    struct error why;
    if (current != NULL && current->number == generation) {
        current->layout_comes = false;
    }
    if (hash == 0 && fd < 0) {
        return;
    }
    struct layout *layout = layouts_take(&host->layouts, hash, fd, &why);
    if (layout == NULL) {
        host_note(host, LOG_WARN, "a layout is left aside: %s", why.text);
    } else if (current != NULL && current->number == generation) {
        learn_layout(host, layout);
    } else if (current != NULL && current->layout != NULL && generation != 0) {
        layouts_plan_ahead(&host->layouts, current->layout, layout);
    }
}

static void handle(struct host *host, const struct message *message)
{
    switch (message->type) {
    case MESSAGE_LOAD:
        swap_prepare(host, &message->load);
        break;
    case MESSAGE_CANCEL:
        swap_cancel(host);
        break;
    case MESSAGE_CONFIRM:
        if (host->older == NULL) {
            host_send(host, &(struct message){.type = MESSAGE_CLOSED,
                                              .closed = {.reason = bytes_of("")}});
        }
        snapshot_before_retire(host);
        swap_retire_older(host);
        if (host->current != NULL &&
            (host->current->module->deserialize != NULL || host->current->layout != NULL)) {
            slots_prepare(&host->slots, host->current->module->state_size);
        }
        break;
    case MESSAGE_TELL:
        told_to_tell(host, &message->tell);
        break;
    case MESSAGE_SNAPSHOT:
        if (host->current != NULL) {
            snapshot_request(host, (enum snapshot_why)message->snapshot.why);
        }
        break;
    case MESSAGE_PAUSE:
        loop_pause(host, message->pause.on != 0);
        break;
    case MESSAGE_STEPS:
        loop_grant(host, message->steps.count);
        break;
    case MESSAGE_SEND:
        replies_to_send(host, message->send.number, &message->send.name, &message->send.text);
        break;
    case MESSAGE_ASK:
        replies_with_state(host, message->ask.number, message->ask.pointer.data,
                           channel_take_fd(host->channel));
        break;
    case MESSAGE_EDIT:
        edits_take(host, message->edit.generation, channel_take_fd(host->channel));
        break;
    case MESSAGE_LAYOUT:
        take_layout(host, message->layout.generation, message->layout.hash,
                    channel_take_fd(host->channel));
        break;
    case MESSAGE_LOG:
        atomic_store_explicit(&host->page->log_level, (int32_t)message->log.level,
                              memory_order_relaxed);
        break;
    case MESSAGE_RATE:
        pace_set(&host->pace, (enum pace_kind)message->rate.kind, message->rate.hz, clock_ns());
        break;
    case MESSAGE_STOP:
        if (!host->stopping && !host->done) {
            host->stopping = true;
            host->end = PAGE_END_STOP;
            host->exit_status = (int)message->stop.status;
        }
        break;
    case MESSAGE_KEEP: {
        int fd = channel_take_fd(host->channel);
        if (fd >= 0) {
            (void)descriptors_keep(&host->descriptors, message->keep.name.data, fd);
        }
        break;
    }
    default:
        host_leave(host, PAGE_END_HOST, 0, "a message that is not for a host");
    }
}

/* Who waits for an answer may be many. */
static bool runs_module(const struct message *message)
{
    return message->type == MESSAGE_ASK || message->type == MESSAGE_SEND;
}

void orders_receive(struct host *host)
{
    struct message message;
    struct error err;
    for (;;) {
        /* What is prepared is done before the next message is read: its order is the supervisor's.
         */
        switch (channel_receive(host->channel, &message, &err)) {
        case CHANNEL_GOT:
            handle(host, &message);
            if (runs_module(&message)) { /* the step that is due comes before the next one */
                atomic_store_explicit(&host->page->command, 1, memory_order_relaxed);
                return;
            }
            break;
        case CHANNEL_EMPTY:
            return;
        case CHANNEL_CLOSED: /* by a supervisor that has ended, or by user code */
            host_leave(host, PAGE_END_HOST, 0, "the channel to hotrun is closed");
        case CHANNEL_BAD:
            host_leave(host, PAGE_END_HOST, 0, err.text);
        }
    }
}

/* A short run may end before its layout was read, which takes some 20 ms for most. */
void orders_await_layout(struct host *host, uint64_t since_ns)
{
    const struct generation *current = host->current;
    uint64_t due = since_ns + host->setup.stop_timeout_ns / 2; /* fini needs time, too */
    bool needs = !snapshot_has_json(current) &&
                 (host->setup.statics || (current->module->state_size > 0 &&
                                          (current->module->flags & HOTRUN_STATE_PLAIN) == 0));
    struct pollfd readable = {.fd = channel_fd(host->channel), .events = POLLIN};
    struct message message;
    struct error err;
    while (needs && current->layout_comes) {
        enum channel_result result = channel_receive(host->channel, &message, &err);
        uint64_t now = clock_ns();
        if (result == CHANNEL_GOT && message.type == MESSAGE_LAYOUT) {
            take_layout(host, message.layout.generation, message.layout.hash,
                        channel_take_fd(host->channel));
        } else if (result == CHANNEL_CLOSED || result == CHANNEL_BAD || now >= due) {
            return;
        } else if (result == CHANNEL_EMPTY) {
            (void)poll(&readable, 1, (int)((due - now) / NS_PER_MS) + 1);
        }
    }
}

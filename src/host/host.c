#include "host/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void host_on_channel(uv_poll_t *poll, int status, int events)
{
    struct host *host = poll->data;
    (void)status;
    if ((events & UV_WRITABLE) != 0 && !channel_flush(host->channel)) {
        (void)uv_poll_start(poll, UV_READABLE, host_on_channel);
    }
    atomic_store_explicit(&host->page->command, 1, memory_order_relaxed);
}

void host_send_fd(struct host *host, const struct message *message, int fd)
{
    struct error err;
    host_send_held(host);
    if (!channel_send_fd(host->channel, message, fd, &err)) {
        /* An answer that gets lost would be waited for for ever. */
        host_leave(host, PAGE_END_HOST, 0, err.text);
    }
    if (channel_flush(host->channel)) {
        (void)uv_poll_start(&host->channel_poll, UV_READABLE | UV_WRITABLE, host_on_channel);
    }
}

void host_send(struct host *host, const struct message *message)
{
    host_send_fd(host, message, -1);
}

void host_hold(struct host *host, const struct message *message, uint64_t generation)
{
    host_send_held(host);
    size_t len = message_encode(message, host->held, sizeof host->held);
    if (len == 0 || !shared_announce(&host->shared, host->held, len)) {
        host_send(host, message);
        return;
    }
    host->held_len = len;
    atomic_store_explicit(&host->page->announced, generation, memory_order_release);
}

void host_send_held(struct host *host)
{
    struct error err;
    size_t len = host->held_len;
    host->held_len = 0;
    if (len > 0 && !channel_send_packet(host->channel, host->held, len, &err)) {
        host_leave(host, PAGE_END_HOST, 0, err.text);
    }
}

void host_note(struct host *host, enum log_level level, const char *format, ...)
{
    char line[2048];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    host_send(host, &(struct message){.type = MESSAGE_NOTE,
                                      .note = {.level = (uint64_t)level, .text = bytes_of(line)}});
}

_Noreturn void host_leave(struct host *host, enum page_end end, int status, const char *reason)
{
    (void)snprintf(host->page->reason, sizeof host->page->reason, "%s", reason);
    host->page->exit_status = status;
    atomic_store_explicit(&host->page->end, (uint32_t)end, memory_order_release);
    _exit(1);
}

/* hotrun state diff A B. */
#include "base/file.h"
#include "cli/ask.h"
#include "cli/client.h"
#include "cli/print.h"
#include "cli/state.h"
#include "cli/stored.h"
#include "codec/beside.h"
#include "state/diff.h"
#include "state/json.h"
#include "state/pointer.h"
#include "store/envelope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MOST  ((size_t)1 << 30)
#define VALUE_MOST 60 /* bytes of a value that a person is shown */

/* ---- the two states ---- */

/* The state in a snapshot's file, or plain JSON. */
static bool state_of(const struct text *bytes, const char *name, struct text *state,
                     struct error *err)
{
    struct envelope envelope = {0};
    struct error why = {0};
    bool ok = false;
    switch (envelope_read(&envelope, text_string(bytes), bytes->len, &why)) {
    case ENVELOPE_WHOLE:
    case ENVELOPE_UNCHECKED:
        ok = envelope.snapshot.kind == SNAPSHOT_JSON ||
             error_set(err, ERROR_REFUSED,
                       "%s holds the bytes of a state's memory: its module has no serialize", name);
        ok = ok && (text_append(state, envelope.state, (size_t)envelope.snapshot.len) ||
                    error_set(err, ERROR_SYSTEM, "no memory for %s", name));
        break;
    case ENVELOPE_FOREIGN:
        ok = text_append(state, bytes->data, bytes->len) ||
             error_set(err, ERROR_SYSTEM, "no memory for %s", name);
        break;
    default:
        (void)error_set(err, why.code, "%s: %s", name, why.text);
    }
    envelope_finish(&envelope);
    return ok &&
           (json_check(text_string(state), state->len, &why) ||
            error_set(err, ERROR_FORMAT, "%s is neither a snapshot nor JSON: %s", name, why.text));
}

static bool now(const struct options *options, struct text *state, struct error *err)
{
    struct text answer = {0};
    struct span span;
    bool ok = client_call_text(options->config.run_dir, "state.get", NULL, CLIENT_TIMEOUT_NS,
                               &answer, err) &&
              pointer_find(text_string(&answer), answer.len, "/value", &span, err) &&
              (text_append(state, answer.data + span.start, span.end - span.start) ||
               error_set(err, ERROR_SYSTEM, "no memory for the state"));
    text_finish(&answer);
    return ok;
}

static bool load(const struct options *options, const char *word, struct text *state,
                 struct error *err)
{
    struct text bytes = {0};
    if (strcmp(word, "now") == 0) {
        return now(options, state, err);
    }
    bool number = word[0] != '\0' && word[strspn(word, "0123456789")] == '\0';
    bool ok = (number ? stored_read(options->config.run_dir, word, FILE_MOST, &bytes, err)
                      : file_read(word, FILE_MOST, &bytes, err)) &&
              state_of(&bytes, word, state, err);
    text_finish(&bytes);
    return ok;
}

/* ---- what is printed ---- */

struct printing {
    bool json;
    unsigned long count;
    struct text line;
};

static void put_value(struct text *line, const char *value, size_t len)
{
    size_t shown = len < VALUE_MOST ? len : VALUE_MOST;
    while (shown < len && shown > 0 && ((unsigned char)value[shown] & 0xc0) == 0x80) {
        shown--;
    }
    for (size_t i = 0; i < shown; i++) {
        char c = value[i] == '\n' || value[i] == '\r' || value[i] == '\t' ? ' ' : value[i];
        (void)text_append(line, &c, 1);
    }
    (void)text_puts(line, shown < len ? "..." : "");
}

static void put_line(struct text *line, const struct difference *difference)
{
    const char *sign = difference->before == NULL ? "+" : difference->after == NULL ? "-" : "~";
    (void)text_printf(line, "%s ", sign);
    print_put_pointer(line, difference->pointer);
    (void)text_puts(line, "  ");
    if (difference->before != NULL) {
        put_value(line, difference->before, difference->before_len);
    }
    (void)text_puts(line, difference->before != NULL && difference->after != NULL ? " -> " : "");
    if (difference->after != NULL) {
        put_value(line, difference->after, difference->after_len);
    }
}

static void put_member(struct text *line, const char *name, const char *value, size_t len)
{
    if (value != NULL) {
        (void)(text_printf(line, ",\"%s\":", name) && text_append(line, value, len));
    }
}

static void put_object(struct text *line, const struct difference *difference, bool first)
{
    (void)(text_puts(line, first ? "{\"pointer\":" : ",\n {\"pointer\":") &&
           json_quote(line, difference->pointer));
    put_member(line, "before", difference->before, difference->before_len);
    put_member(line, "after", difference->after, difference->after_len);
    (void)text_puts(line, "}");
}

/* What a file tells of the values in it, beside them. */
static bool is_beside(const char *path)
{
    return *path == '/' && beside_is(path + 1, strcspn(path + 1, "/"));
}

static bool take(void *ctx, const struct difference *difference)
{
    struct printing *printing = ctx;
    if (is_beside(difference->pointer)) {
        return true;
    }
    text_clear(&printing->line);
    if (printing->json) {
        put_object(&printing->line, difference, printing->count == 0);
    } else {
        put_line(&printing->line, difference);
        (void)text_puts(&printing->line, "\n");
    }
    printing->count++;
    return !printing->line.failed &&
           fwrite(printing->line.data, 1, printing->line.len, stdout) == printing->line.len;
}

int state_diff(const struct options *options, struct error *err)
{
    struct text before = {0}, after = {0};
    struct printing printing = {.json = options->json};
    int exit_status = STATUS_FAILED;
    if (load(options, options->words[1], &before, err) &&
        load(options, options->words[2], &after, err)) {
        (void)fputs(options->json ? "[" : "", stdout);
        bool ok = diff_json(text_string(&before), before.len, text_string(&after), after.len, take,
                            &printing, err);
        (void)fputs(options->json ? "]\n" : "", stdout);
        ok = ok && (!printing.line.failed || error_set(err, ERROR_SYSTEM, "no memory for a line"));
        exit_status = !ok ? STATUS_FAILED : printing.count > 0 ? 1 : 0;
    }
    text_finish(&printing.line);
    text_finish(&before);
    text_finish(&after);
    return exit_status;
}

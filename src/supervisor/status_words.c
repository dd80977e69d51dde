#include "supervisor/status_words.h"

#include "base/clock.h"
#include "base/columns.h"
#include "supervisor/report.h"

#include <stdio.h>
#include <string.h>

#define NAME_MOST 24
#define WORD_MOST 40
#define GAP       2

enum part { /* in the order in which they stand */
    PART_WORD,
    PART_GENERATION,
    PART_RATE,
    PART_LATE,
    PART_LOADED,
    PART_STATE,
    PART_COUNT
};

/* The last that find room, first. */
static const enum part by_need[PART_COUNT] = {PART_WORD,   PART_GENERATION, PART_RATE,
                                              PART_LOADED, PART_STATE,      PART_LATE};

static void ago_words(uint64_t ns, char *text, size_t size)
{
    static const struct {
        uint64_t below_s, per_s;
        const char *unit;
    } units[] = {{60, 1, "s"}, {3600, 60, "min"}, {86400, 3600, "h"}, {UINT64_MAX, 86400, "days"}};
    uint64_t s = ns / NS_PER_S;
    size_t i = 0;
    if (s == 0) {
        (void)snprintf(text, size, "just now");
        return;
    }
    while (s >= units[i].below_s) {
        i++;
    }
    (void)snprintf(text, size, "%llu %s ago", (unsigned long long)(s / units[i].per_s),
                   units[i].unit);
}

static void took_words(uint64_t ns, char *text, size_t size)
{
    double ms = (double)ns / 1e6;
    (void)snprintf(text, size,
                   ms < 10      ? "%.2f ms"
                   : ms < 10000 ? "%.0f ms"
                                : "%.0f s",
                   ms < 10000 ? ms : ms / 1000);
}

static void make_parts(const struct status_facts *facts, char parts[PART_COUNT][80])
{
    char ago[32], took[32], size[32];
    memset(parts, 0, PART_COUNT * sizeof parts[0]);
    if (facts->generation == 0) {
        return;
    }
    (void)snprintf(parts[PART_GENERATION], sizeof parts[0], "generation %llu",
                   (unsigned long long)facts->generation);
    if (facts->rate == RATE_HZ) {
        char late[32];
        report_count(facts->late, late, sizeof late);
        (void)snprintf(parts[PART_RATE], sizeof parts[0], "%g Hz", facts->rate_hz);
        (void)snprintf(parts[PART_LATE], sizeof parts[0], "%s late", late);
    } else {
        (void)snprintf(parts[PART_RATE], sizeof parts[0], "%s",
                       facts->rate == RATE_MAX ? "max" : "once");
    }
    if (facts->loaded_ns > 0) {
        ago_words(facts->loaded_ns, ago, sizeof ago);
        took_words(facts->took_ns, took, sizeof took);
        (void)snprintf(parts[PART_LOADED], sizeof parts[0], "%s %s, %s", facts->how, ago, took);
    }
    report_size(facts->state_bytes, size, sizeof size);
    (void)snprintf(parts[PART_STATE], sizeof parts[0],
                   facts->state_bytes == 0 ? "no state" : "state %s", size);
}

/* A long name leaves room for the rest. */
static size_t name_columns(unsigned columns)
{
    return columns <= 60 ? NAME_MOST / 2 : columns / 4 < NAME_MOST ? NAME_MOST : columns / 4;
}

static void put_spaces(struct text *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text_puts(out, " ");
    }
}

void status_words(const struct status_facts *facts, unsigned columns, bool color, struct text *out)
{
    static const char *const tones[] = {
        [STATUS_PLAIN] = "", [STATUS_BUSY] = "\033[33m", [STATUS_BAD] = "\033[31m"};
    static const char hint[] = "? keys";
    char parts[PART_COUNT][80];
    bool shown[PART_COUNT] = {false};
    struct text name = {0}, word = {0};
    make_parts(facts, parts);
    size_t used = 1 + columns_put(&name, facts->name, name_columns(columns));
    size_t word_columns = columns_put(&word, facts->word, WORD_MOST);
    for (size_t i = 0; i < PART_COUNT; i++) {
        enum part part = by_need[i];
        size_t width = part == PART_WORD ? word_columns : strlen(parts[part]);
        shown[part] = width > 0 && used + GAP + width < columns;
        used += shown[part] ? GAP + width : 0;
    }
    bool hinted = facts->keys && used + GAP + sizeof hint <= columns;
    text_puts(out, color ? "\033[7;1m " : " ");
    text_puts(out, text_string(&name));
    text_puts(out, color ? "\033[22m" : "");
    for (enum part part = 0; part < PART_COUNT; part++) {
        bool toned = color && part == PART_WORD && facts->tone != STATUS_PLAIN;
        if (shown[part]) {
            put_spaces(out, GAP);
            text_puts(out, toned ? tones[facts->tone] : "");
            text_puts(out, part == PART_WORD ? text_string(&word) : parts[part]);
            text_puts(out, toned ? "\033[39m" : "");
        }
    }
    if (hinted) {
        put_spaces(out, columns - used - sizeof hint);
        text_puts(out, hint);
        used = columns - 1;
    }
    put_spaces(out, used < columns ? columns - used : 0);
    text_puts(out, color ? "\033[0m" : "");
    text_finish(&name);
    text_finish(&word);
}

/* The calculator of bison's manual as a module: its source, as `bison` makes it from mfcalc.y,
 * stands below. What `hotrun send line TEXT` brings is its input; the answer is what it prints. Its
 * globals and statics are its state. */
#include "hotrun/hotrun.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const hotrun_host *calc_host;
static FILE *calc_in, *calc_out; /* of the line under way */

#undef stdin
#undef stdout
#undef stderr
#define stdin       calc_in
#define stderr      calc_out
#define getchar()   getc(calc_in)
#define printf(...) fprintf(calc_out, __VA_ARGS__)
#define scanf(...)  fscanf(calc_in, __VA_ARGS__)
#define main        calc_main
#include "mfcalc.tab.c"
#undef main

static void answer(const hotrun_writer *reply, const char *text)
{
    char json[4096] = "\"", *to = json + 1;
    for (; *text != '\0' && to < json + sizeof json - 8; text++) {
        if (*text == '"' || *text == '\\')
            *to++ = '\\';
        *to++ = *text;
        if (*text == '\n') {
            to[-1] = '\\';
            *to++ = 'n';
        }
    }
    *to++ = '"';
    reply->write(reply, json, (size_t)(to - json));
}

/* The text of a JSON string without escapes; a line ends it. */
static void calculate(const char *json, const hotrun_writer *reply)
{
    char line[1000], *out = NULL;
    size_t len = 0;
    int wrote = snprintf(line, sizeof line, "%.*s\n", (int)(strlen(json) - 2), json + 1);
    calc_in = fmemopen(line, (size_t)wrote, "r");
    calc_out = open_memstream(&out, &len);
    (void)yyparse();
    fclose(calc_in);
    fclose(calc_out);
    calc_in = calc_out = NULL;
    answer(reply, out);
    free(out);
}

static hotrun_status init(const hotrun_host *host, void *state)
{
    (void)state;
    calc_host = host;
    init_table();
    return HOTRUN_OK;
}

static hotrun_status step(const hotrun_host *host, void *state, const hotrun_step *now)
{
    (void)host, (void)state, (void)now;
    return HOTRUN_OK;
}

static hotrun_status on_event(const hotrun_host *host, void *state, const hotrun_event *event)
{
    (void)state;
    calc_host = host;
    if (event->type == HOTRUN_EVENT_MESSAGE && strcmp(event->name, "line") == 0)
        calculate(event->text, event->reply);
    return HOTRUN_OK;
}

HOTRUN_MODULE_STATELESS(.name = "mfcalc", .init = init, .step = step, .on_event = on_event);

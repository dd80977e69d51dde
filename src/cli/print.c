#include "cli/print.h"

#include "base/clock.h"
#include "state/json.h"
#include "state/pointer.h"
#include "supervisor/report_build.h"

#include <stdio.h>
#include <string.h>

#define OUTPUT_LINES 20

bool print_json(const cJSON *object)
{
    char *text = cJSON_PrintUnformatted(object);
    if (text == NULL) {
        return false;
    }
    printf("%s\n", text);
    cJSON_free(text);
    return true;
}

static const char *text_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) ? item->valuestring : "";
}

static double number_of(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

static void print_durable(const cJSON *durable)
{
    const char *reason = text_of(durable, "reason");
    if (cJSON_GetObjectItemCaseSensitive(durable, "id") != NULL) {
        printf("  on disk    snapshot %.0f of step %.0f, %.0f s old\n", number_of(durable, "id"),
               number_of(durable, "step"), number_of(durable, "age_s"));
    }
    if (reason[0] != '\0') {
        printf("  unstored   %s\n", reason);
    }
}

static void print_kept(const cJSON *kept)
{
    const cJSON *name;
    if (cJSON_GetArraySize(kept) == 0) {
        return;
    }
    printf("  kept      ");
    cJSON_ArrayForEach(name, kept)
    {
        printf(" %s", cJSON_IsString(name) ? name->valuestring : "");
    }
    printf("\n");
}

/* As the running hotrun says it: "built  1.2 s", "build failed  exit status 1  1.2 s". */
static void print_outcome(const cJSON *build)
{
    const char *outcome = text_of(build, "outcome");
    const char *reason = text_of(build, "reason");
    char took[32];
    report_duration((uint64_t)number_of(build, "ms") * NS_PER_MS, took, sizeof took);
    if (strcmp(outcome, "ok") == 0) {
        printf("built  %s\n", took);
    } else {
        printf("build %s  %s%s%s\n", outcome, reason, reason[0] != '\0' ? "  " : "", took);
    }
}

/* The last lines of what it said, set in. */
static void print_output(const char *output)
{
    const char *at = output + strlen(output);
    for (int lines = 0; at > output; at--) {
        if (at[-1] == '\n' && at[0] != '\0' && ++lines == OUTPUT_LINES) {
            break;
        }
    }
    while (*at != '\0') {
        size_t len = strcspn(at, "\n");
        printf("             %.*s\n", (int)len, at);
        at += len + (at[len] == '\n' ? 1 : 0);
    }
}

static void print_build_status(const cJSON *build)
{
    const char *outcome = text_of(build, "outcome");
    if (build == NULL) {
        return;
    }
    const char *command = text_of(build, "command");
    size_t first_line = strcspn(command, "\n");
    double sources = number_of(build, "sources");
    printf("  build      %.*s%s  %.0f source%s (%s)\n", (int)first_line, command,
           command[first_line] != '\0' ? " ..." : "", sources, sources == 1 ? "" : "s",
           text_of(build, "watch"));
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(build, "running"))) {
        printf("  building   for %.0f s  %s\n", number_of(build, "running_ms") / 1000,
               text_of(build, "cause"));
    }
    if (strcmp(outcome, "none") != 0) {
        printf("  last       %.0f s ago: ", number_of(build, "age_s"));
        print_outcome(build);
    }
    if (strcmp(outcome, "failed") == 0) {
        print_output(text_of(build, "output"));
    }
}

static void print_layout(const cJSON *layout)
{
    const char *reason = text_of(layout, "reason");
    if (layout != NULL) {
        printf("  layout     %s%s\n", reason[0] == '\0' ? "from debug info" : "none: ", reason);
    }
}

/* "24 bytes, 4096 on the heap, 48 of variables (memory)" */
static void print_state(const cJSON *status)
{
    double bytes = number_of(status, "state_bytes");
    double heap = number_of(status, "heap_bytes"), variables = number_of(status, "variables_bytes");
    if (bytes + heap + variables <= 0) {
        printf("  state      none\n");
        return;
    }
    printf("  state      %.0f bytes", bytes);
    if (heap > 0) {
        printf(", %.0f on the heap", heap);
    }
    if (variables > 0) {
        printf(", %.0f of variables", variables);
    }
    printf(" (%s)\n", text_of(status, "state_kind"));
}

void print_status(const cJSON *status)
{
    const char *held = text_of(status, "held_reason");
    const char *rate = text_of(status, "rate");
    const char *blocked = text_of(status, "blocked");
    double tracer = number_of(status, "tracer_pid");
    const char *module = text_of(status, "module");
    printf("%s%s%s", text_of(status, "state"), module[0] != '\0' ? "  " : "", module);
    if (number_of(status, "generation") > 0) {
        printf("  generation %.0f  step %.0f", number_of(status, "generation"),
               number_of(status, "step"));
    }
    if (rate[0] != '\0') {
        printf("  %s", rate);
    } else {
        printf("  %g Hz", number_of(status, "rate"));
    }
    printf("\n");
    if (held[0] != '\0') {
        printf("  held       %s\n", held);
    }
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(status, "waiting_for_library"))) {
        printf("  waiting    the library is not there\n");
    }
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(status, "newest_refused")) &&
        number_of(status, "generation") > 0) {
        printf("  newest     not loaded: the last save was refused, or has died\n");
    }
    if (blocked[0] != '\0') {
        printf("  blocked    waits in %s\n", blocked);
    }
    if (tracer > 0) {
        printf("  traced     by pid %.0f: the limits of time stand\n", tracer);
    }
    printf("  library    %s\n", text_of(status, "library"));
    print_state(status);
    print_layout(cJSON_GetObjectItemCaseSensitive(status, "layout"));
    print_durable(cJSON_GetObjectItemCaseSensitive(status, "durable"));
    double late = number_of(status, "late_steps");
    printf("  late       %.0f step%s left out\n", late, late == 1 ? "" : "s");
    printf("  crashes    %.0f\n", number_of(status, "crashes"));
    print_build_status(cJSON_GetObjectItemCaseSensitive(status, "build"));
    print_kept(cJSON_GetObjectItemCaseSensitive(status, "kept"));
    printf("  watch      %s\n", text_of(status, "watch"));
    printf("  processes  hotrun %.0f, ", number_of(status, "pid"));
    if (number_of(status, "host_pid") > 0) {
        printf("host %.0f", number_of(status, "host_pid"));
    } else {
        printf("no host");
    }
    printf(", up %.0f s\n", number_of(status, "uptime_s"));
    printf("  run dir    %s\n", text_of(status, "run_dir"));
}

int print_reload(const cJSON *result, bool json)
{
    const char *outcome = text_of(result, "outcome");
    const char *reason = text_of(result, "reason");
    bool good = strcmp(outcome, "reloaded") == 0 || strcmp(outcome, "loaded") == 0 ||
                strcmp(outcome, "unchanged") == 0;
    if (json) {
        good = print_json(result) && good;
    } else if (strcmp(outcome, "unchanged") == 0 && reason[0] != '\0') {
        printf("%s: %s\n", outcome, reason); /* it names the generation */
    } else {
        double generation = number_of(result, "generation");
        if (generation > 0) {
            printf("%s: generation %.0f runs", outcome, generation);
        } else {
            printf("%s: nothing runs", outcome);
        }
        printf("%s%s\n", reason[0] != '\0' ? "; " : "", reason);
    }
    return good ? 0 : 126;
}

bool print_member(const struct text *json, const char *pointer, struct error *err)
{
    struct span span;
    if (!pointer_find(text_string(json), json->len, pointer, &span, err)) {
        return false;
    }
    size_t len = span.end - span.start;
    return (fwrite(json->data + span.start, 1, len, stdout) == len && putchar('\n') != EOF &&
            fflush(stdout) == 0) ||
           error_errno(err, "cannot write to stdout");
}

void print_put_pointer(struct text *line, const char *pointer)
{
    bool plain = true;
    for (const char *at = pointer; *at != '\0'; at++) {
        plain = plain && (unsigned char)*at >= 0x20 && *at != 0x7f;
    }
    if (pointer[0] == '\0') {
        (void)text_puts(line, "(all)");
    } else if (plain) {
        (void)text_puts(line, pointer);
    } else {
        (void)json_quote(line, pointer);
    }
}

void print_edited(const cJSON *result)
{
    const cJSON *adjusted = cJSON_GetObjectItemCaseSensitive(result, "adjusted");
    const cJSON *item;
    print_place(result);
    cJSON_ArrayForEach(item, adjusted)
    {
        struct text line = {0};
        print_put_pointer(&line, cJSON_IsString(item) ? item->valuestring : "");
        printf("%s\n", text_string(&line));
        text_finish(&line);
    }
}

int print_build(const cJSON *result, bool json)
{
    const char *outcome = text_of(result, "outcome");
    const char *output = text_of(result, "output");
    bool good = strcmp(outcome, "ok") == 0;
    if (json) {
        good = print_json(result) && good;
    } else {
        printf("%s", output);
        print_outcome(result);
    }
    return good ? 0 : 1;
}

void print_place(const cJSON *result)
{
    const cJSON *paused = cJSON_GetObjectItemCaseSensitive(result, "paused");
    printf("%sgeneration %.0f  step %.0f\n",
           cJSON_IsTrue(paused)    ? "paused  "
           : cJSON_IsFalse(paused) ? "running  "
                                   : "",
           number_of(result, "generation"), number_of(result, "step"));
}

void print_snapshot(const cJSON *result)
{
    printf("%s\n", text_of(result, "path"));
}

/* As a shell takes it. */
static void print_word(const char *word)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+,";
    if (word[strspn(word, plain)] == '\0') {
        printf("%s", word);
        return;
    }
    printf("'");
    for (const char *c = word; *c != '\0'; c++) {
        printf(*c == '\'' ? "'\\''" : "%c", *c);
    }
    printf("'");
}

void print_project(const struct project *project, const char *dir)
{
    printf("%s: %zu files, template %s, built with %s\n", project->module, project->files,
           project->template_name, project->build_name);
    if (dir[strspn(dir, "./")] != '\0' || strstr(dir, "..") != NULL) {
        printf("  cd %s", dir[0] == '-' ? "./" : "");
        print_word(dir);
        printf("\n");
    }
    printf("  hotrun\n");
}

bool print_event(void *ctx, const char *event)
{
    (void)ctx;
    return printf("%s\n", event) >= 0 && fflush(stdout) == 0;
}

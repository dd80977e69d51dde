#define _GNU_SOURCE /* mkdtemp, sigabbrev_np */
#include "supervisor/check.h"

#include "base/clock.h"
#include "base/path.h"
#include "module/stage.h"
#include "module/trust.h"
#include "state/slot.h"
#include "supervisor/check_build.h"
#include "supervisor/check_layout.h"
#include "supervisor/events.h"
#include "supervisor/host_process.h"
#include "supervisor/report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct check {
    uv_loop_t loop;
    uv_timer_t limit;
    uv_signal_t signals[2];
    int stopped_by; /* a signal; 0: none */
    const struct config *config;
    struct check_wanted wanted;
    struct log *log;
    struct host_process *host;
    struct orphans orphans;
    struct stage stage;
    char *folder, *copy;
    char *built;               /* of sources: the folder that they are compiled into */
    char *target;              /* that is checked */
    char *shown;               /* as it is told: sources by their first one */
    struct check_build *build; /* NULL: none runs */
    cJSON *found;              /* the report */
    bool answered, late;
};

static void refuse(struct check *check, const char *stage, const char *reason)
{
    event_add_flag(check->found, "usable", false);
    event_add_text(check->found, "stage", stage);
    event_add_text(check->found, "reason", reason);
    check->answered = true;
}

static void add_lines(cJSON *object, const char *name, const char *text)
{
    cJSON *array = cJSON_CreateArray();
    while (array != NULL && *text != '\0') {
        size_t len = strcspn(text, "\n");
        char *line = strndup(text, len);
        event_add_item(array, NULL, line == NULL ? NULL : event_text(line));
        free(line);
        text += len + (text[len] == '\n');
    }
    event_add_item(object, name, array);
}

static void add_found(struct check *check, const struct message_checked *told)
{
    cJSON *found = check->found;
    event_add_flag(found, "usable", true);
    event_add_text(found, "module", told->module.data);
    event_add_text(found, "callbacks", told->callbacks.data);
    event_add_number(found, "state_size", told->state_size);
    event_add_number(found, "state_align", told->state_align);
    event_add_number(found, "state_version", told->state_version);
    event_add_number(found, "abi_minor", told->abi_minor);
    event_add_number(found, "flags", told->flags);
    event_add_number(found, "file_bytes", check->stage.size);
    event_add_number(found, "mapped_bytes", told->mapped);
    event_add_number(found, "load_us", told->load_ns / NS_PER_US);
    event_add_flag(found, "unloads", told->resident == 0);
    if (told->resident != 0) {
        event_add_text(found, "resident_reason", told->resident_reason.data);
    } else if (check->stage.facts.thread_destructors) {
        event_add_text(found, "resident_reason",
                       "a thread that has made a thread_local object with a destructor keeps it");
    }
    add_lines(found, "warnings", told->strays.data);
    check->answered = true;
}

static void on_message(void *ctx, struct host_process *host, const struct message *message)
{
    struct check *check = ctx;
    (void)host;
    if (message->type == MESSAGE_CHECKED) {
        add_found(check, &message->checked);
    } else if (message->type == MESSAGE_REJECTED) {
        refuse(check, swap_stage_name((enum swap_stage)message->rejected.stage),
               message->rejected.reason.data);
    } else if (message->type == MESSAGE_NOTE && message->note.level != LOG_WARN) {
        log_line(check->log, LOG_DEBUG, "%s", message->note.text.data);
    }
}

static void on_death(void *ctx, struct host_process *host, const struct host_death *death)
{
    struct check *check = ctx;
    const struct page *page = host_process_shared(host)->page;
    enum phase phase = page_phase(atomic_load(&page->word));
    struct report_death told = {
        .signal = death->signal, .exit_status = death->exit_status, .reason = ""};
    char words[320];
    char reason[480];
    report_death_words(&told, words, sizeof words);
    (void)snprintf(reason, sizeof reason, "%s in %s%s", words,
                   phase == PHASE_UNLOAD ? "a destructor while it was unloaded"
                   : phase == PHASE_LOAD ? "a constructor while it was loaded"
                                         : phase_name(phase),
                   check->late ? ", after supervise.start_timeout" : "");
    if (!check->answered) {
        refuse(check, "load", reason);
    }
    host_process_destroy(host);
    check->host = NULL;
    uv_close((uv_handle_t *)&check->limit, NULL);
}

static void on_limit(uv_timer_t *timer)
{
    struct check *check = timer->data;
    check->late = true;
    host_process_kill(check->host, SIGKILL);
}

static void on_signal(uv_signal_t *handle, int signal)
{
    struct check *check = handle->data;
    check->stopped_by = signal;
    if (check->build != NULL) {
        check_build_cancel(check->build);
    }
    if (check->host != NULL) {
        host_process_kill(check->host, SIGKILL);
    }
}

/* An impatient user must not leave the copy behind. */
static void watch_signals(struct check *check)
{
    static const int numbers[2] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
        (void)uv_signal_init(&check->loop, &check->signals[i]);
        check->signals[i].data = check;
        (void)uv_signal_start(&check->signals[i], on_signal, numbers[i]);
        uv_unref((uv_handle_t *)&check->signals[i]);
    }
}

static bool make_folder(struct check *check, struct error *err)
{
    const char *tmp = getenv("TMPDIR");
    check->folder = path_join(tmp != NULL && tmp[0] == '/' ? tmp : "/tmp", "hotrun-check-XXXXXX");
    if (check->folder == NULL || mkdtemp(check->folder) == NULL) {
        free(check->folder);
        check->folder = NULL;
        return error_errno(err, "cannot make a folder for the copy");
    }
    const char *name = path_base(check->config->module_path);
    check->copy = path_join(check->folder, name);
    check->built = path_join(check->folder, "build");
    if (check->config->build_sources[0] == NULL) {
        check->target = strdup(check->config->module_path);
    } else if (check->built != NULL) {
        check->target = path_join(check->built, name);
    }
    return (check->copy != NULL && check->target != NULL) ||
           error_set(err, ERROR_SYSTEM, "no memory for a path");
}

static void remove_folders(struct check *check)
{
    DIR *dir = check->built == NULL ? NULL : opendir(check->built);
    for (const struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
        (void)rmdir(check->built);
    }
    if (check->copy != NULL) {
        (void)unlink(check->copy);
    }
    if (check->folder != NULL) {
        (void)rmdir(check->folder);
    }
}

/* False with `reason`: the sources give no library. */
static bool compile(struct check *check, struct error *reason)
{
    if (check->config->build_sources[0] == NULL) {
        return true;
    }
    check->build = check_build_start(&check->loop, check->config, check->log, &check->orphans,
                                     check->target, reason);
    bool ok = check->build != NULL && check_build_finish(check->build, reason);
    check_build_destroy(check->build);
    check->build = NULL;
    return ok;
}

static bool make_copy(struct check *check, enum stage_outcome *outcome, struct error *reason,
                      struct error *err)
{
    int dir = open(check->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        return error_errno(err, "cannot open %s", check->folder);
    }
    *outcome =
        stage_copy(check->target, dir, path_base(check->copy), NULL, NULL, &check->stage, reason);
    if (*outcome == STAGE_COPIED && !check->config->allow_writable &&
        !trust_check(check->target, &check->stage.source, reason)) {
        *outcome = STAGE_FAILED;
    }
    close(dir);
    return true;
}

static bool run_host(struct check *check, struct error *err)
{
    struct shared shared;
    struct host_callbacks callbacks = {
        .ctx = check, .orphans = &check->orphans, .message = on_message, .died = on_death};
    if (!shared_create(&shared, 4096, err)) {
        return false;
    }
    check->host = host_process_start(&check->loop, check->config, &shared, &callbacks, err);
    if (check->host == NULL) {
        return false;
    }
    if (!host_process_setup(check->host, check->config, slots_find_address(), RATE_HZ, 60, false,
                            check->config->log_level, err)) {
        host_process_destroy(check->host);
        return false;
    }
    struct message load = {
        .type = MESSAGE_LOAD,
        .load = {.how = LOAD_CHECK,
                 .generation = 1,
                 .path = bytes_of(check->copy),
                 .name = bytes_of(path_base(check->shown)),
                 .module = bytes_of(""),
                 .reason = bytes_of(""),
                 .no_layout = bytes_of(""),
                 .facts = {(const char *)&check->stage.facts, sizeof check->stage.facts}}};
    if (!host_process_send(check->host, &load, err)) {
        host_process_destroy(check->host);
        return false;
    }
    (void)uv_timer_init(&check->loop, &check->limit);
    check->limit.data = check;
    uint64_t limit_ns = check->config->start_timeout_ns;
    if (limit_ns > 0) {
        (void)uv_timer_start(&check->limit, on_limit, limit_ns / NS_PER_MS + 1, 0);
    }
    (void)uv_run(&check->loop, UV_RUN_DEFAULT);
    (void)orphans_end_last(&check->orphans);
    return true;
}

static const char *text_of(const cJSON *found, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(found, name);
    return cJSON_IsString(item) || cJSON_IsRaw(item) ? item->valuestring : "";
}

static bool is_stateless(const cJSON *found)
{
    return strcmp(text_of(found, "state_size"), "0") == 0;
}

static struct check_library library_of(struct check *check)
{
    return (struct check_library){.loop = &check->loop,
                                  .orphans = &check->orphans,
                                  .copy = check->copy,
                                  .origin = check->target,
                                  .statics = check->config->statics};
}

/* What takes state and variables to the next code. */
static void find_way(struct check *check)
{
    cJSON *found = check->found;
    struct check_library library = library_of(check);
    bool usable = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(found, "usable"));
    bool json = strstr(text_of(found, "callbacks"), "deserialize") != NULL;
    bool memory = !json && !is_stateless(found);
    if (!usable) {
        return;
    }
    bool known = (memory || library.statics) && check_layout_is_known(&library, found);
    if (json || memory) {
        event_add_text(found, "carried_by", json ? "callbacks" : known ? "layout" : "size");
    }
    if (library.statics) {
        event_add_flag(found, "statics", known);
    }
    (void)orphans_end_last(&check->orphans);
}

/* The library is not loaded for it: what it needs need not be there. */
static void read_layout(struct check *check)
{
    struct check_library library = library_of(check);
    check_layout_add(&library, check->wanted.json, check->found);
    const char *reason = text_of(check->found, "layout_reason");
    if (reason[0] != '\0') {
        refuse(check, "layout", reason);
        cJSON_DeleteItemFromObjectCaseSensitive(check->found, "layout_reason");
    } else {
        event_add_flag(check->found, "usable", true);
    }
    (void)orphans_end_last(&check->orphans);
}

static void print_state(const cJSON *found)
{
    const char *way = text_of(found, "carried_by");
    const char *why = text_of(found, "layout_reason");
    if (is_stateless(found)) {
        printf("  state      none\n");
    } else {
        printf("  state      %s bytes, alignment %s, version %s; carried over %s\n",
               text_of(found, "state_size"), text_of(found, "state_align"),
               text_of(found, "state_version"),
               strcmp(way, "callbacks") == 0 ? "as JSON"
               : strcmp(way, "layout") == 0  ? "by its layout (hotrun check --layout)"
                                             : "in place, while size and version stay the same");
    }
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(found, "statics"))) {
        printf("  variables  carried over, too (hotrun check --layout)\n");
    }
    if (why[0] != '\0') {
        printf("  layout     not known: %s\n", why);
    }
}

static void print_text(const struct check *check)
{
    const cJSON *found = check->found;
    const cJSON *warnings = cJSON_GetObjectItemCaseSensitive(found, "warnings");
    const cJSON *warning;
    char file[32];
    if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(found, "usable"))) {
        if (strcmp(text_of(found, "stage"), "layout") == 0) {
            printf("the layout of its state is not known: %s\n", text_of(found, "reason"));
            return;
        }
        printf("%s can't be used (%s): %s\n", text_of(found, "library"), text_of(found, "stage"),
               text_of(found, "reason"));
        return;
    }
    report_size(check->stage.size, file, sizeof file);
    bool unloads = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(found, "unloads"));
    const char *resident = text_of(found, "resident_reason");
    printf("%s can be used\n", text_of(found, "library"));
    printf("  module     %s, ABI 1.%s\n", text_of(found, "module"), text_of(found, "abi_minor"));
    printf("  callbacks  %s\n", text_of(found, "callbacks"));
    print_state(found);
    printf("  load       %s us, file %s\n", text_of(found, "load_us"), file);
    printf("  unload     %s%s%s\n", unloads ? "leaves memory" : "stays in memory",
           resident[0] != '\0' ? ": " : "", resident);
    cJSON_ArrayForEach(warning, warnings)
    {
        printf("  warning    %s\n", warning->valuestring);
    }
}

static bool print(const struct check *check, struct error *err)
{
    const char *layout = text_of(check->found, "layout");
    if (layout[0] != '\0') { /* alone: for a compiler, a file or a tool */
        (void)printf("%s%s", layout, check->wanted.json ? "\n" : "");
        return fflush(stdout) == 0 || error_errno(err, "cannot write the layout");
    }
    char *text = check->found != NULL ? cJSON_PrintUnformatted(check->found) : NULL;
    if (text == NULL) {
        return error_set(err, ERROR_SYSTEM, "no memory for the report");
    }
    if (check->wanted.json) {
        printf("%s\n", text);
    } else {
        print_text(check);
    }
    cJSON_free(text);
    (void)fflush(stdout);
    return true;
}

/* What a run would find is in check->found. False with `err`: hotrun itself failed. */
static bool look(struct check *check, struct error *err)
{
    struct error reason = {0};
    enum stage_outcome outcome = STAGE_MISSING;
    if (!make_folder(check, err)) {
        return false;
    }
    if (!compile(check, &reason)) {
        refuse(check, "build", reason.text);
        return true;
    }
    if (!make_copy(check, &outcome, &reason, err)) {
        return false;
    }
    if (outcome == STAGE_COPIED) {
        if (check->wanted.layout) {
            read_layout(check);
            return true;
        }
        bool ok = run_host(check, err);
        if (ok) {
            find_way(check);
        }
        return ok;
    }
    refuse(check, "file",
           outcome == STAGE_MISSING ? "it is not there"
           : outcome == STAGE_BUSY  ? "somebody is writing it at the moment"
                                    : reason.text);
    return true;
}

int check_library(const struct config *config, const struct check_wanted *wanted, struct log *log,
                  struct error *err)
{
    struct check check = {
        .config = config, .log = log, .wanted = *wanted, .found = cJSON_CreateObject()};
    bool ok = false;
    if (uv_loop_init(&check.loop) != 0) {
        error_set(err, ERROR_SYSTEM, "cannot start the event loop");
        goto out;
    }
    orphans_adopt(&check.orphans);
    watch_signals(&check);
    check.shown = path_short(config->build_sources[0] != NULL ? config->build_sources[0]
                                                              : config->module_path);
    if (check.shown == NULL) {
        error_set(err, ERROR_SYSTEM, "no memory for a path");
        goto close;
    }
    event_add_text(check.found, "library", check.shown);
    ok = look(&check, err);
    if (ok && check.stopped_by == 0) {
        ok = print(&check, err);
    }
close:
    for (int i = 0; i < 2 && check.signals[i].data != NULL; i++) {
        uv_close((uv_handle_t *)&check.signals[i], NULL);
    }
    (void)uv_run(&check.loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&check.loop);
out:
    remove_folders(&check);
    bool usable = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(check.found, "usable"));
    free(check.copy);
    free(check.built);
    free(check.target);
    free(check.folder);
    free(check.shown);
    cJSON_Delete(check.found);
    if (check.stopped_by != 0) {
        return 128 + check.stopped_by;
    }
    return !ok ? 125 : usable ? 0 : 126;
}

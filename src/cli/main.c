/* hotrun: the command, and the supervisor when it runs a module. */
#define _GNU_SOURCE /* realpath */
#include "base/log.h"
#include "base/path.h"
#include "cli/ask.h"
#include "cli/client.h"
#include "cli/completion.h"
#include "cli/hand.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/state.h"
#include "cli/stored.h"
#include "project/project.h"
#include "supervisor/check.h"
#include "supervisor/host_program.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/xattr.h>
#include <unistd.h>

#define STEPS_MOST 1000000000UL

static int run(const struct options *options, struct log *log, struct error *err)
{
    return supervisor_run(&options->config, log, err);
}

static int check(const struct options *options, struct log *log, struct error *err)
{
    struct check_wanted wanted = {.json = options->json, .layout = options->layout};
    return check_library(&options->config, &wanted, log, err);
}

static bool no_memory(struct error *err)
{
    return error_set(err, ERROR_SYSTEM, "no memory for a request");
}

static int reload(const struct options *options, struct log *log, struct error *err)
{
    cJSON *result = NULL;
    cJSON *params = cJSON_CreateObject();
    (void)log;
    bool ok = cJSON_AddBoolToObject(params, "force", options->force) != NULL || no_memory(err);
    /* For ever: the module may put it off, and the answer is its outcome. */
    ok = ok && client_call(options->config.run_dir, "reload", params, 0, &result, err);
    int exit_status = ok ? print_reload(result, options->json) : STATUS_FAILED;
    cJSON_Delete(params);
    cJSON_Delete(result);
    return exit_status;
}

/* 0: it has ended well; else 1. */
static int build(const struct options *options, struct log *log, struct error *err)
{
    cJSON *result = NULL;
    (void)log;
    bool ok = client_call(options->config.run_dir, "build", NULL, 0, &result, err);
    int exit_status = ok ? print_build(result, options->json) : STATUS_FAILED;
    cJSON_Delete(result);
    return exit_status;
}

static int status(const struct options *options, struct log *log, struct error *err)
{
    (void)log;
    return ask_print(options, "status", NULL, CLIENT_TIMEOUT_NS, print_status, err);
}

static int quit(const struct options *options, struct log *log, struct error *err)
{
    (void)log;
    return ask_print(options, "quit", NULL, CLIENT_TIMEOUT_NS, NULL, err);
}

static int make_pause(const struct options *options, struct log *log, struct error *err)
{
    (void)log;
    return ask_print(options, "pause", NULL, CLIENT_TIMEOUT_NS, print_place, err);
}

static int resume(const struct options *options, struct log *log, struct error *err)
{
    (void)log;
    return ask_print(options, "resume", NULL, CLIENT_TIMEOUT_NS, print_place, err);
}

static int step(const struct options *options, struct log *log, struct error *err)
{
    (void)log;
    char *end = NULL;
    unsigned long count = options->word_count == 0 ? 1 : strtoul(options->words[0], &end, 10);
    if (options->word_count > 0 && (*end != '\0' || end == options->words[0] || count < 1 ||
                                    count > STEPS_MOST || options->words[0][0] == '-')) {
        error_set(err, ERROR_USAGE, "step: expected a number of steps, 1 to %lu, found \"%.40s\"",
                  STEPS_MOST, options->words[0]);
        return STATUS_USAGE;
    }
    cJSON *params = cJSON_CreateObject();
    if (cJSON_AddNumberToObject(params, "count", (double)count) == NULL) {
        return ask_no_memory(params, err);
    }
    /* Steps take as long as they take. */
    return ask_print(options, "step", params, 0, print_place, err);
}

static int rollback(const struct options *options, struct log *log, struct error *err)
{
    (void)log;
    cJSON *params = cJSON_CreateObject();
    if (cJSON_AddBoolToObject(params, "keep_state", options->keep_state) == NULL) {
        return ask_no_memory(params, err);
    }
    return ask_print(options, "rollback", params, CLIENT_TIMEOUT_NS, print_place, err);
}

static int reset(const struct options *options, struct log *log, struct error *err)
{
    (void)log;
    return ask_print(options, "reset", NULL, CLIENT_TIMEOUT_NS, print_place, err);
}

/* What stands on the command line starts here; hotrun may run elsewhere. */
static int with_file(const struct options *options, const char *method,
                     void (*print)(const cJSON *), struct error *err)
{
    cJSON *params = cJSON_CreateObject();
    char *path = options->word_count == 0 ? NULL : path_absolute(options->words[0]);
    bool ok = options->word_count == 0 ||
              (path != NULL && cJSON_AddStringToObject(params, "file", path) != NULL);
    free(path);
    if (!ok) {
        return ask_no_memory(params, err);
    }
    return ask_print(options, method, params, CLIENT_TIMEOUT_NS, print, err);
}

static int snapshot(const struct options *options, struct log *log, struct error *err)
{
    (void)log;
    return with_file(options, "snapshot", print_snapshot, err);
}

/* Where nothing had run so far the library is started, and the outcome is that of a save. */
static void print_restored(const cJSON *result)
{
    if (cJSON_GetObjectItemCaseSensitive(result, "outcome") != NULL) {
        (void)print_reload(result, false);
    } else {
        print_place(result);
    }
}

static int restore(const struct options *options, struct log *log, struct error *err)
{
    (void)log;
    if (options->word_count == 0) {
        error_set(err, ERROR_USAGE, "restore: expected a snapshot file behind it");
        return STATUS_USAGE;
    }
    return with_file(options, "restore", print_restored, err);
}

static int events(const struct options *options, struct log *log, struct error *err)
{
    (void)log;
    return client_follow(options->config.run_dir, "events", CLIENT_TIMEOUT_NS, print_event, NULL,
                         err)
               ? 0
               : STATUS_FAILED;
}

static int completion(const struct options *options, struct log *log, struct error *err)
{
    (void)log;
    struct text script = {0};
    const char *shell = options->word_count == 0 ? "" : options->words[0];
    bool ok = completion_write(&script, shell, err);
    if (ok && (fputs(text_string(&script), stdout) < 0 || fflush(stdout) != 0)) {
        ok = error_errno(err, "cannot write the script");
    }
    text_finish(&script);
    return ok ? 0 : err->code == ERROR_USAGE ? STATUS_USAGE : STATUS_FAILED;
}

static int make_project(const struct options *options, struct log *log, struct error *err)
{
    struct project project;
    struct project_options wanted = {.template_name = options->template_name,
                                     .build_name = options->build_name};
    if (options->word_count == 0) {
        error_set(err, ERROR_USAGE, "new: expected a folder behind it: hotrun new DIR");
        return STATUS_USAGE;
    }
    char *found = host_program_find(err);
    char *host = found == NULL ? NULL : realpath(found, NULL);
    wanted.dir = options->words[0];
    wanted.host = host != NULL ? host : found;
    bool ok = found != NULL && project_create(&wanted, &project, err);
    if (ok) {
        print_project(&project, wanted.dir);
        if (project.missing[0] != '\0') {
            log_line(log, LOG_WARN, "what builds it is not in PATH: %s", project.missing);
        }
    }
    free(host);
    free(found);
    return ok ? 0 : err->code == ERROR_USAGE ? STATUS_USAGE : STATUS_FAILED;
}

static int help(const struct options *options, struct log *log, struct error *err)
{
    (void)log;
    (void)err;
    printf("%s", options->help);
    return 0;
}

static int version(const struct options *options, struct log *log, struct error *err)
{
    (void)options;
    (void)log;
    (void)err;
    printf("hotrun %s\n", HOTRUN_VERSION);
    return 0;
}

static int (*const commands[])(const struct options *, struct log *,
                               struct error *) = {[COMMAND_RUN] = run,
                                                  [COMMAND_CHECK] = check,
                                                  [COMMAND_STATUS] = status,
                                                  [COMMAND_RELOAD] = reload,
                                                  [COMMAND_BUILD] = build,
                                                  [COMMAND_QUIT] = quit,
                                                  [COMMAND_EVENTS] = events,
                                                  [COMMAND_PAUSE] = make_pause,
                                                  [COMMAND_RESUME] = resume,
                                                  [COMMAND_STEP] = step,
                                                  [COMMAND_RATE] = hand_rate,
                                                  [COMMAND_LOG] = hand_log,
                                                  [COMMAND_SEND] = hand_send,
                                                  [COMMAND_STATE] = state_command,
                                                  [COMMAND_HISTORY] = stored_history,
                                                  [COMMAND_REWIND] = hand_rewind,
                                                  [COMMAND_ROLLBACK] = rollback,
                                                  [COMMAND_RESET] = reset,
                                                  [COMMAND_SNAPSHOT] = snapshot,
                                                  [COMMAND_RESTORE] = restore,
                                                  [COMMAND_COMPLETION] = completion,
                                                  [COMMAND_NEW] = make_project,
                                                  [COMMAND_HELP] = help,
                                                  [COMMAND_VERSION] = version};

/* Descriptors 0 to 2 must be open: what is opened first would else become stdout. */
static void open_standard_descriptors(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR); /* inherited by the host */
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd > STDERR_FILENO) {
        close(fd);
    }
}

/* What runs with more rights than its caller must not believe the caller's environment, folders and
 * libraries. A security module that sets AT_SECURE for services is no such case: the file's
 * capabilities are. */
static bool has_borrowed_rights(void)
{
    if (getuid() != geteuid() || getgid() != getegid()) {
        return true;
    }
    bool plain = getxattr("/proc/self/exe", "security.capability", NULL, 0) < 0 &&
                 (errno == ENODATA || errno == ENOTSUP);
    return getauxval(AT_SECURE) != 0 && !plain;
}

int main(int argc, char **argv)
{
    struct options options;
    struct error err = {0};
    struct log log;
    open_standard_descriptors();
    log_init(&log, LOG_INFO, false);
    if (has_borrowed_rights()) {
        log_line(&log, LOG_ERROR,
                 "hotrun runs with its caller's rights alone: take the set-user-ID or set-group-ID "
                 "bit or the capabilities off its file");
        return STATUS_FAILED;
    }
    if (!options_parse(&options, argc, argv, &err)) {
        log_line(&log, LOG_ERROR, "%s", err.text);
        return err.code == ERROR_SYSTEM || err.code == ERROR_INTERNAL ? STATUS_FAILED
                                                                      : STATUS_USAGE;
    }
    log_init(&log, options.config.log_level, !options.config.color);
    int exit_status = commands[options.command](&options, &log, &err);
    if (err.code != ERROR_NONE) {
        log_line(&log, LOG_ERROR, "%s", err.text);
    }
    options_finish(&options);
    return exit_status;
}

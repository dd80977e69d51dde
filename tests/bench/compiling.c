/* Saves a source again and again, and times how long it takes until its new code steps, beside what
 * the compiler's own command takes on the same file when nothing else is done. Prints the ns of
 * both for each save.
 *   compiling SOURCE SHEET COUNT PAUSE_US FOLDER COMMAND...
 * The command is run in FOLDER. The line `#define SAVE` of the source gets another number each
 * time. */
#define _GNU_SOURCE
#include "sheet.h"

#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define PATIENCE_NS 10000000000U
#define MARK        "#define SAVE   "

extern char **environ;

static _Noreturn void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void sleep_us(uint64_t us)
{
    struct timespec time = {.tv_sec = (time_t)(us / 1000000U),
                            .tv_nsec = (long)(us % 1000000U * 1000U)};
    (void)nanosleep(&time, NULL);
}

static char *read_text(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        fail(path);
    }
    char *text = calloc(1, (size_t)st.st_size + 1);
    if (text == NULL || read(fd, text, (size_t)st.st_size) != st.st_size) {
        fail(path);
    }
    (void)close(fd);
    return text;
}

/* Under another name, then renamed: one event. Returns when the rename was called. */
static uint64_t save(const char *path, const char *text, uint64_t number)
{
    char fresh[4096];
    const char *mark = strstr(text, MARK);
    const char *rest = mark == NULL ? NULL : strchr(mark, '\n');
    (void)snprintf(fresh, sizeof fresh, "%s.fresh", path);
    FILE *file = fopen(fresh, "w");
    if (rest == NULL || file == NULL ||
        fprintf(file, "%.*s" MARK "%" PRIu64 "U%s", (int)(mark - text), text, number, rest) < 0 ||
        fclose(file) != 0) {
        fail(fresh);
    }
    sleep_us(20000); /* what the write woke has gone to sleep again */
    uint64_t before = sheet_clock();
    if (rename(fresh, path) != 0) {
        fail(path);
    }
    return before;
}

static uint64_t run(const char *folder, char **argv)
{
    posix_spawn_file_actions_t actions;
    pid_t pid = 0;
    int status = 0;
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_addchdir_np(&actions, folder);
    uint64_t began = sheet_clock();
    if (posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ) != 0 ||
        waitpid(pid, &status, 0) != pid || status != 0) {
        fail(argv[0]);
    }
    uint64_t took = sheet_clock() - began;
    (void)posix_spawn_file_actions_destroy(&actions);
    return took;
}

int main(int argc, char **argv)
{
    if (argc < 7) {
        (void)fprintf(stderr, "usage: compiling SOURCE SHEET COUNT PAUSE_US FOLDER COMMAND...\n");
        return 2;
    }
    struct sheet *sheet = sheet_map(argv[2]);
    char *text = read_text(argv[1]);
    uint64_t count = strtoull(argv[3], NULL, 10);
    uint64_t pause_us = strtoull(argv[4], NULL, 10);
    uint64_t number = (uint64_t)getpid() << 8;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t saved = save(argv[1], text, ++number);
        while (atomic_load_explicit(&sheet->hotrun.save, memory_order_acquire) != number) {
            sleep_us(1000);
            if (sheet_clock() - saved > PATIENCE_NS) {
                (void)fprintf(stderr, "compiling: save %" PRIu64 " did not arrive\n", number);
                return 1;
            }
        }
        uint64_t took = sheet->hotrun.first_ns - saved;
        sleep_us(pause_us);
        (void)printf("%" PRIu64 " %" PRIu64 "\n", took, run(argv[5], argv + 6));
        sleep_us(pause_us / 4);
    }
    free(text);
    return 0;
}

/* The bare limit of a reload: one program that is woken by inotify, copies the library, loads the
 * copy and calls its step. No check, no hash, no state, no second process.
 *   bare_reload FOLDER COPIES SHEET   for each libbench.so that appears in FOLDER, until killed
 *   bare_reload FILE SHEET            once, without watching and copying: the limit of a start */
#define _GNU_SOURCE
#include "sheet.h"

#include <dlfcn.h>
#include <hotrun/hotrun.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#define NAME      "libbench.so"
#define MOST_SIZE (1U << 20)

static struct sheet *sheet;
static char memory[1 << 16];

static void *kept(const struct hotrun_host *host, const char *name)
{
    (void)host, (void)name;
    return &sheet->bare;
}

static void *load_and_step(const char *path)
{
    static const hotrun_host host = {.size = sizeof host, .kept = kept};
    static const hotrun_step step = {.size = sizeof step, .flags = HOTRUN_STEP_UPDATED};
    sheet->bare.end_ns = sheet_clock();
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const hotrun_module *module = library == NULL ? NULL : dlsym(library, "hotrun_module_table");
    if (module == NULL) {
        (void)fprintf(stderr, "bare_reload: %s\n", dlerror());
        exit(1);
    }
    (void)module->step(&host, memory, &step);
    return library;
}

static void copy(int from_dir, const char *to)
{
    static char bytes[MOST_SIZE];
    int from = openat(from_dir, NAME, O_RDONLY | O_CLOEXEC);
    ssize_t len = from < 0 ? -1 : read(from, bytes, sizeof bytes);
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
    if (len <= 0 || fd < 0 || write(fd, bytes, (size_t)len) != len) {
        perror("bare_reload: copy");
        exit(1);
    }
    (void)close(fd);
    (void)close(from);
}

static void follow(const char *folder, const char *copies)
{
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int notify = inotify_init1(IN_CLOEXEC);
    if (dir < 0 || notify < 0 || inotify_add_watch(notify, folder, IN_MOVED_TO) < 0) {
        perror("bare_reload: watch");
        exit(1);
    }
    (void)printf("ready\n");
    (void)fflush(stdout);
    _Alignas(struct inotify_event) char events[4096];
    for (unsigned count = 0; read(notify, events, sizeof events) > 0; count++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%u.so", copies, count);
        copy(dir, path);
        void *library = load_and_step(path);
        (void)dlclose(library);
        (void)unlink(path);
    }
}

int main(int argc, char **argv)
{
    if (argc == 4) {
        sheet = sheet_map(argv[3]);
        follow(argv[1], argv[2]);
    } else if (argc == 3) {
        sheet = sheet_map(argv[2]);
        (void)load_and_step(argv[1]);
    }
    return 0;
}

/* Saves a library again and again, as a linker does that renames, and times the reloads. Each save
 * carries a new number, and the next comes when the last has arrived and a pause of random length
 * is over. Prints for each save its lane, the ns from the return of rename to the first step of the
 * new code, the ns from the call of rename to it, and the ns between the two codes' steps.
 *   saver LIBRARY SHEET COUNT PAUSE_US FRESH FOLDER [BARE_FOLDER]
 * FRESH is where the file is written before its rename. With BARE_FOLDER each save in FOLDER is
 * followed by one there, so that whatever disturbs the machine disturbs both. */
#define _GNU_SOURCE
#include "sheet.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PATIENCE_NS 10000000000U

struct saver {
    char *bytes;
    size_t len;
    uint64_t *number; /* in bytes */
    uint64_t saves;
    const char *fresh;
};

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

static void read_library(struct saver *saver, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        fail(path);
    }
    saver->len = (size_t)st.st_size;
    saver->bytes = malloc(saver->len);
    if (saver->bytes == NULL || read(fd, saver->bytes, saver->len) != st.st_size) {
        fail(path);
    }
    (void)close(fd);
    char *tag = memmem(saver->bytes, saver->len, "BENCH-SAVE-HERE", 16);
    if (tag == NULL) {
        (void)fprintf(stderr, "saver: %s has no place for a number\n", path);
        exit(1);
    }
    saver->number = (uint64_t *)(void *)(tag + 16);
}

static void write_fresh(struct saver *saver)
{
    int fd = open(saver->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    saver->saves++;
    memcpy(saver->number, &saver->saves, sizeof saver->saves);
    if (fd < 0 || write(fd, saver->bytes, saver->len) != (ssize_t)saver->len || close(fd) != 0) {
        fail(saver->fresh);
    }
}

static void save(struct saver *saver, const char *what, struct lane *lane, const char *folder)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/libbench.so", folder);
    write_fresh(saver);
    /* The kernel tells of a rename before it deletes the file that was there, which takes ext4 some
     * 0.3 ms: a reload could be over when rename returns. While it is open it is not deleted. */
    int replaced = open(path, O_PATH | O_CLOEXEC);
    sleep_us(1000); /* what the write woke has gone to sleep again */
    uint64_t before = sheet_clock();
    if (rename(saver->fresh, path) != 0) {
        fail(path);
    }
    uint64_t after = sheet_clock();
    while (atomic_load_explicit(&lane->save, memory_order_acquire) != saver->saves) {
        sleep_us(1000);
        if (sheet_clock() - after > PATIENCE_NS) {
            (void)fprintf(stderr, "saver: save %" PRIu64 " did not arrive in %s\n", saver->saves,
                          folder);
            exit(1);
        }
    }
    (void)close(replaced);
    (void)printf("%s %" PRId64 " %" PRId64 " %" PRIu64 "\n", what,
                 (int64_t)(lane->first_ns - after), (int64_t)(lane->first_ns - before),
                 lane->pause_ns);
}

int main(int argc, char **argv)
{
    if (argc != 7 && argc != 8) {
        (void)fprintf(stderr, "usage: saver LIBRARY SHEET COUNT PAUSE_US FRESH FOLDER [BARE]\n");
        return 2;
    }
    struct saver saver = {.fresh = argv[5]};
    struct sheet *sheet = sheet_map(argv[2]);
    uint64_t count = strtoull(argv[3], NULL, 10);
    uint64_t pause_us = strtoull(argv[4], NULL, 10);
    read_library(&saver, argv[1]);
    saver.saves = (uint64_t)getpid() << 32; /* other numbers than an earlier saver's */
    for (uint64_t i = 0; i < count; i++) {
        save(&saver, "hotrun", &sheet->hotrun, argv[6]);
        sleep_us(pause_us + (uint64_t)random() % (pause_us / 2 + 1));
        if (argc == 8) {
            save(&saver, "bare", &sheet->bare, argv[7]);
            sleep_us(pause_us / 4);
        }
    }
    return 0;
}

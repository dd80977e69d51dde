#define _GNU_SOURCE
#include "supervisor/crash_report.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FOLDER     "crashes"
#define NAMES_MOST 4096U

void crash_report_begin(struct crash_report *report, uint64_t generation, uint64_t step)
{
    struct timespec now;
    struct tm utc;
    char time[32] = "";
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (gmtime_r(&now.tv_sec, &utc) != NULL) {
        (void)strftime(time, sizeof time, "%Y%m%dT%H%M%S", &utc);
    }
    crash_report_finish(report);
    (void)snprintf(report->name, sizeof report->name, "%s.%03ldZ-generation-%llu-step-%llu", time,
                   now.tv_nsec / 1000000, (unsigned long long)generation, (unsigned long long)step);
}

bool crash_report_is_open(const struct crash_report *report)
{
    return report->body.len > 0;
}

void crash_report_finish(struct crash_report *report)
{
    text_finish(&report->body);
    report->name[0] = '\0';
}

int crash_report_folder(int run_dir_fd, struct error *err)
{
    struct stat st;
    if (mkdirat(run_dir_fd, FOLDER, 0700) != 0 && errno != EEXIST) {
        error_errno(err, "cannot create the folder %s", FOLDER);
        return -1;
    }
    int fd = openat(run_dir_fd, FOLDER, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        error_errno(err, "cannot open the folder %s", FOLDER);
    } else if (st.st_uid != geteuid() || (st.st_mode & 0022) != 0) {
        error_set(err, ERROR_REFUSED, "others may write into %s (owner %u, mode %04o)", FOLDER,
                  (unsigned)st.st_uid, (unsigned)st.st_mode & 07777);
    } else {
        return fd;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return -1;
}

static bool is_report(const char *name)
{
    size_t len = strlen(name);
    return name[0] >= '0' && name[0] <= '9' && strstr(name, "Z-generation-") != NULL && len > 4 &&
           strcmp(name + len - 4, ".txt") == 0;
}

static int compare(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* The report `name` and what lies beside it: NAME.json, and what a supervisor that was killed had
 * of it by then. */
static void remove_with_companions(int fd, char *name)
{
    char beside[NAME_MAX + 16];
    int len = (int)(strlen(name) - 4);
    (void)unlinkat(fd, name, 0);
    (void)snprintf(beside, sizeof beside, "%.*s.json", len, name);
    (void)unlinkat(fd, beside, 0);
    (void)snprintf(beside, sizeof beside, ".%.*s.json.new", len, name);
    (void)unlinkat(fd, beside, 0);
}

/* Names begin with the time: their order is that of the deaths. */
static void remove_oldest(int fd)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy < 0 ? NULL : fdopendir(copy);
    char **names = calloc(NAMES_MOST, sizeof names[0]);
    size_t count = 0;
    if (folder == NULL) {
        if (copy >= 0) {
            (void)close(copy);
        }
        free(names);
        return;
    }
    for (const struct dirent *entry;
         names != NULL && count < NAMES_MOST && (entry = readdir(folder)) != NULL;) {
        if (is_report(entry->d_name) && (names[count] = strdup(entry->d_name)) != NULL) {
            count++;
        }
    }
    (void)closedir(folder);
    if (names != NULL) {
        qsort(names, count, sizeof names[0], compare);
    }
    for (size_t i = 0; i < count; i++) {
        if (i + CRASH_REPORTS_MOST < count) {
            remove_with_companions(fd, names[i]);
        }
        free(names[i]);
    }
    free(names);
}

bool crash_report_write(const struct crash_report *report, int run_dir_fd, char *file, size_t size,
                        struct error *err)
{
    char name[sizeof report->name + 8];
    bool ok = false;
    int fd = crash_report_folder(run_dir_fd, err);
    (void)snprintf(name, sizeof name, "%s.txt", report->name);
    (void)snprintf(file, size, "%s/%s", FOLDER, name);
    if (fd >= 0) {
        ok = file_replace(fd, name, text_string(&report->body), report->body.len, err);
        remove_oldest(fd);
        (void)close(fd);
    }
    return ok;
}

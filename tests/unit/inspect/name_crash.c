/* Lets a library crash, and has the crash named by the real hotrun-inspect. For test_naming.py.
 *
 *     name-crash HOST LIB [AS]            one crash in LIB's step(), named from the file AS
 *     name-crash --warm HOST LIB          the same again and again: how long that takes
 *     name-crash --damage SEED COUNT HOST LIB COPY
 *                                         named from COPY, which is damaged in another way each
 * time
 *
 * Prints one JSON object. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "base/file.h"
#include "supervisor/cause.h"
#include "supervisor/inspector.h"

#include <dlfcn.h>
#include <elf.h>
#include <execinfo.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static uint64_t counter, stack;
static void *returns[CRASH_FRAMES_MOST];
static int return_count;
static siginfo_t cause;

static void on_crash(int signal, siginfo_t *info, void *context)
{
    const ucontext_t *there = context;
    (void)signal;
    cause = *info;
    counter = (uint64_t)there->uc_mcontext.gregs[REG_RIP];
    stack = (uint64_t)there->uc_mcontext.gregs[REG_RSP];
    return_count = backtrace(returns, CRASH_FRAMES_MOST);
    siglongjmp(back, 1);
}

static uint32_t object_of(struct crash_record *record, uint64_t pc, const char *library,
                          const char *as)
{
    Dl_info info;
    struct link_map *map = NULL;
    if (dladdr1((void *)(uintptr_t)pc, &info, (void **)&map, RTLD_DL_LINKMAP) == 0) {
        return 0;
    }
    const char *path = strcmp(map->l_name, library) == 0 ? as : map->l_name;
    for (uint32_t i = 0; i < record->object_count; i++) {
        if (strcmp(record->objects[i].path, path) == 0) {
            return i + 1;
        }
    }
    struct crash_object *object = &record->objects[record->object_count++];
    object->base = map->l_addr;
    (void)snprintf(object->path, sizeof object->path, "%s", path);
    return record->object_count;
}

static void add(struct crash_record *record, uint64_t pc, bool exact, const char *library,
                const char *as)
{
    if (record->frame_count < CRASH_FRAMES_MOST) {
        struct crash_frame *frame = &record->frames[record->frame_count++];
        *frame = (struct crash_frame){pc, object_of(record, pc, library, as), exact};
    }
}

static void make_record(struct crash_record *record, const char *library, const char *as)
{
    memset(record, 0, sizeof *record);
    record->cause = CRASH_BY_SIGNAL;
    record->signal = cause.si_signo;
    record->code = cause.si_code;
    record->has_address = 1;
    record->address = (uint64_t)(uintptr_t)cause.si_addr;
    record->writing = 1;
    record->by_main = 1;
    add(record, counter, true, library, as);
    bool found = false;
    for (int i = 0; i < return_count; i++) {
        if (found) {
            add(record, (uint64_t)(uintptr_t)returns[i], false, library, as);
        }
        found = found || (uint64_t)(uintptr_t)returns[i] == counter;
    }
}

static bool crash_in(const char *library)
{
    struct sigaction action = {.sa_sigaction = on_crash, .sa_flags = SA_SIGINFO | SA_NODEFER};
    void *handle = dlopen(library, RTLD_NOW);
    void *found = handle == NULL ? NULL : dlsym(handle, "step");
    void (*step)(void *);
    static void *nothing[4];
    memcpy(&step, &found, sizeof step);
    if (found == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return false;
    }
    void *early[1];
    (void)backtrace(early, 1); /* it loads a library the first time */
    (void)sigaction(SIGSEGV, &action, NULL);
    if (sigsetjmp(back, 1) == 0) {
        step(nothing);
    }
    return counter != 0;
}

static int64_t written(const char *path)
{
    struct stat st;
    return stat(path, &st) != 0
               ? 0
               : (int64_t)st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
}

static struct crash_record record;
static struct backtrace trace;
static uint64_t took_ns;

static bool name(struct inspector *inspector, const char *as)
{
    struct backtrace_view view = {.stage = "/nowhere", .shown = "lib"};
    uint64_t begun = clock_ns();
    inspector_ask(inspector, &record, as, written(as));
    bool came = inspector_await(inspector, &view, &trace);
    took_ns = clock_ns() - begun;
    return came;
}

/* On a busy machine an answer may come too late, or before all was found: one that comes three
 * times alike is whole. */
static bool name_wholly(struct inspector *inspector, uv_loop_t *loop, const char *as)
{
    struct text before = {0};
    unsigned alike = 0;
    for (int tries = 0; tries < 100 && alike < 3; tries++) {
        struct text lines = {0};
        (void)uv_run(loop, UV_RUN_NOWAIT);
        bool came = name(inspector, as);
        backtrace_lines(&trace, &lines);
        bool same = alike > 0 && strcmp(text_string(&lines), text_string(&before)) == 0;
        alike = !came ? 0 : same ? alike + 1 : 1;
        text_finish(&before);
        before = lines;
    }
    text_finish(&before);
    return alike == 3;
}

static void print_trace(bool came)
{
    struct text lines = {0};
    char words[128] = "";
    cJSON *all = cJSON_CreateObject();
    backtrace_lines(&trace, &lines);
    (void)cause_words(&record, &trace, words, sizeof words);
    (void)cJSON_AddBoolToObject(all, "came", came);
    (void)cJSON_AddNumberToObject(all, "us", (double)took_ns / 1e3);
    (void)cJSON_AddStringToObject(all, "lines", text_string(&lines));
    (void)cJSON_AddStringToObject(all, "cause", words);
    cJSON_AddItemToObject(all, "backtrace", backtrace_json(&trace));
    char *text = cJSON_PrintUnformatted(all);
    puts(text);
    cJSON_free(text);
    cJSON_Delete(all);
    text_finish(&lines);
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void warm(struct inspector *inspector, const char *library)
{
    enum {
        TIMES = 200
    };
    static uint64_t times[TIMES];
    (void)name(inspector, library);
    uint64_t first = took_ns;
    for (int i = 0; i < TIMES; i++) {
        if (!name(inspector, library)) {
            fprintf(stderr, "no answer\n");
        }
        times[i] = took_ns;
    }
    qsort(times, TIMES, sizeof times[0], compare);
    printf("{\"first_us\": %.1f, \"median_us\": %.1f, \"p95_us\": %.1f}\n", (double)first / 1e3,
           (double)times[TIMES / 2] / 1e3, (double)times[TIMES * 95 / 100] / 1e3);
}

static uint64_t seed;

static uint64_t random_number(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return below == 0 ? 0 : seed % below;
}

/* Bytes of the sections .debug_*, of the symbol tables, or of the section table itself. */
static void damage(char *bytes, size_t len)
{
    Elf64_Ehdr head;
    memcpy(&head, bytes, sizeof head);
    size_t at = head.e_shoff + sizeof(Elf64_Shdr) * head.e_shstrndx;
    Elf64_Shdr names, section;
    memcpy(&names, bytes + at, sizeof names);
    for (int tries = 0; tries < 200; tries++) {
        size_t index = random_number(head.e_shnum);
        memcpy(&section, bytes + head.e_shoff + index * sizeof section, sizeof section);
        const char *called = bytes + names.sh_offset + section.sh_name;
        bool debug = strncmp(called, ".debug_", 7) == 0 || strcmp(called, ".symtab") == 0 ||
                     strcmp(called, ".strtab") == 0;
        if (!debug || section.sh_size == 0 || section.sh_offset + section.sh_size > len) {
            continue;
        }
        char *start = bytes + section.sh_offset;
        size_t count = 1 + random_number(random_number(4) == 0 ? 64 : 4);
        for (size_t i = 0; i < count; i++) {
            start[random_number(section.sh_size)] = (char)random_number(256);
        }
        if (random_number(8) == 0) {
            size_t from = random_number(section.sh_size);
            memset(start + from, (int)random_number(2) * 0xff, section.sh_size - from);
        }
        return;
    }
}

static void rename_object(const char *from, const char *to)
{
    for (uint32_t i = 0; i < record.object_count; i++) {
        if (strcmp(record.objects[i].path, from) == 0) {
            (void)snprintf(record.objects[i].path, CRASH_PATH_SIZE, "%s", to);
        }
    }
}

static bool damage_all(struct inspector *inspector, uv_loop_t *loop, long count,
                       const char *library, const char *copy)
{
    struct text whole = {0};
    struct error err = {0};
    unsigned came = 0, named = 0, ended = 0;
    uint64_t longest = 0;
    if (!file_read(library, 64 << 20, &whole, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return false;
    }
    for (long i = 0; i < count; i++) {
        char *bytes = malloc(whole.len);
        size_t len = whole.len;
        memcpy(bytes, whole.data, len);
        damage(bytes, len);
        if (random_number(10) == 0) {
            len = len / 4 + random_number(len - len / 4);
        }
        /* A name of its own: what is open already would be taken for the same. */
        char fresh[CRASH_PATH_SIZE];
        (void)snprintf(fresh, sizeof fresh, "%s-%ld", copy, i);
        rename_object(copy, fresh);
        FILE *file = fopen(fresh, "w");
        bool ok = file != NULL && fwrite(bytes, 1, len, file) == len;
        ok = file != NULL && fclose(file) == 0 && ok;
        free(bytes);
        if (!ok) {
            text_finish(&whole);
            return false;
        }
        bool answered = name(inspector, fresh);
        rename_object(fresh, copy);
        (void)unlink(fresh);
        came += answered;
        ended += !answered;
        named += trace.count > 0 && trace.frames[0].function[0] != '\0';
        longest = took_ns > longest ? took_ns : longest;
        (void)uv_run(loop, UV_RUN_NOWAIT);
    }
    printf("{\"answered\": %u, \"unanswered\": %u, \"named\": %u, \"longest_ms\": %.1f}\n", came,
           ended, named, (double)longest / 1e6);
    text_finish(&whole);
    return true;
}

int main(int argc, char **argv)
{
    uv_loop_t loop;
    struct orphans orphans = {.host_count = 0};
    struct log log = {.fd = STDERR_FILENO, .level = LOG_INFO};
    bool is_warm = argc > 1 && strcmp(argv[1], "--warm") == 0;
    bool is_damage = argc > 3 && strcmp(argv[1], "--damage") == 0;
    char **rest = argv + (is_warm ? 2 : is_damage ? 4 : 1);
    if (argc - (rest - argv) < 2 || uv_loop_init(&loop) != 0 || !crash_in(rest[1])) {
        fprintf(stderr, "usage: see the source\n");
        return 2;
    }
    const char *as = rest[2] != NULL ? rest[2] : rest[1];
    make_record(&record, rest[1], as);
    struct inspector *inspector = inspector_create(&loop, &orphans, &log, rest[0]);
    bool ok = true;
    if (is_warm) {
        inspector_prepare(inspector, rest[1], written(rest[1]));
        warm(inspector, rest[1]);
    } else if (is_damage) {
        seed = strtoull(argv[2], NULL, 10) * UINT64_C(2654435761) + 88172645463325252;
        ok = damage_all(inspector, &loop, strtol(argv[3], NULL, 10), rest[1], as);
    } else {
        print_trace(name_wholly(inspector, &loop, as));
    }
    inspector_destroy(inspector);
    backtrace_finish(&trace);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 && ok ? 0 : 1;
}

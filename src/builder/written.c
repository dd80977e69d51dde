#include "builder/written.h"

#include "base/array.h"
#include "base/clock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES_MOST  (64 * 1024 * 1024) /* of a file that is read for this */
#define PIECE       65536
#define POINTS_MOST 6
#define CALM_MOST   2

static uint64_t key_of(const char *path)
{
    return hash_bytes(path, strlen(path));
}

static struct written_file *find(const struct written *written, const char *path)
{
    size_t index = (size_t)(uintptr_t)table_get(&written->by_path, key_of(path));
    struct written_file *found = index == 0 ? NULL : &written->files[index - 1];
    return found != NULL && strcmp(found->path, path) == 0 ? found : NULL;
}

static struct written_file *append(struct written *written, const char *path)
{
    char *own = strdup(path);
    if (own == NULL ||
        !array_reserve(&written->files, &written->cap, written->count + 1,
                       sizeof *written->files) ||
        !table_put(&written->by_path, key_of(path), (void *)(uintptr_t)(written->count + 1))) {
        free(own);
        return NULL;
    }
    written->files[written->count] = (struct written_file){.path = own};
    return &written->files[written->count++];
}

/* A program or library: a compiler made it, in a folder that is watched as a whole. */
static bool is_program(const char *bytes, size_t len)
{
    return (len >= 4 && memcmp(bytes, "\177ELF", 4) == 0) ||
           (len >= 8 && memcmp(bytes, "!<arch>\n", 8) == 0);
}

/* False: it cannot be read, or is too large for that. */
static bool fingerprint(const char *path, struct hash *hash, bool *program)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    struct hash_stream *stream = NULL;
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= BYTES_MOST &&
              (stream = hash_stream_create()) != NULL;
    char piece[PIECE];
    *program = false;
    for (ssize_t got = 1, first = 1; ok && got > 0; first = 0) {
        got = read(fd, piece, sizeof piece);
        ok = got >= 0;
        if (got > 0) {
            *program = *program || (first == 1 && is_program(piece, (size_t)got));
            hash_stream_add(stream, piece, (size_t)got);
        }
    }
    if (ok) {
        *hash = hash_stream_end(stream);
    }
    hash_stream_destroy(stream);
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

void written_build_began(struct written *written, enum written_asked asked, uint64_t now_ns)
{
    written->build++;
    written->began_ns = now_ns;
    written->asked = asked;
}

/* A build's own step writes about as long after its beginning each time. A person who saves during
 * build after build does not, and needs twice as many to be taken for a step. */
static bool is_alike(uint64_t a, uint64_t b)
{
    uint64_t apart = a > b ? a - b : b - a;
    uint64_t tenth = (a > b ? a : b) / 10;
    return apart <= (tenth > 100 * NS_PER_MS ? tenth : 100 * NS_PER_MS);
}

static void count_points(const struct written *written, struct written_file *file, uint64_t at_ns)
{
    struct written_count *count = &file->count;
    uint64_t after_ns = at_ns > written->began_ns ? at_ns - written->began_ns : 0;
    if (count->build == written->build) {
        return;
    }
    file->before = *count;
    bool alike = is_alike(after_ns, count->after_ns);
    if (written->asked == WRITTEN_BY_PERSON || count->build + 1 < written->build) {
        count->points = count->calm = 0;
    } else {
        count->points += alike ? 2 : 1;
    }
    if (written->asked == WRITTEN_BY_SUSPICION) {
        count->calm = alike ? count->calm + 1 : 0;
    }
    count->build = written->build;
    count->after_ns = after_ns;
}

static void take_back(const struct written *written, struct written_file *file)
{
    if (file->count.build == written->build) {
        file->count = file->before;
    }
}

void written_build_ended(struct written *written, bool whole)
{
    if (whole || written->build == 0) {
        return;
    }
    take_back(written, &written->newcomers);
    for (size_t i = 0; i < written->count; i++) {
        take_back(written, &written->files[i]);
    }
    written->build--;
}

/* Editors that save by themselves while somebody types look like a step, too; but not for long in
 * builds that begin after a pause: such an editor would have saved in that. */
static enum written_verdict weigh(const struct written *written, struct written_file *file,
                                  uint64_t at_ns)
{
    count_points(written, file, at_ns);
    file->left_out = file->count.calm >= CALM_MOST;
    return file->left_out                      ? WRITTEN_LEAVING
           : file->count.points >= POINTS_MOST ? WRITTEN_SUSPECT
                                               : WRITTEN_OTHER;
}

/* What builds bring, by a name that was never there, and take away again. */
static enum written_verdict weigh_newcomer(struct written *written, struct written_file *file,
                                           uint64_t at_ns)
{
    struct written_file *all = &written->newcomers;
    bool before = all->left_out;
    enum written_verdict verdict = before ? WRITTEN_LEFT_OUT : weigh(written, all, at_ns);
    file->left_out = all->left_out;
    return verdict == WRITTEN_LEAVING ? WRITTEN_NEW : verdict;
}

enum written_verdict written_judge(struct written *written, const char *path, bool was_there,
                                   uint64_t at_ns)
{
    struct written_file *file = find(written, path);
    if (file != NULL && !was_there) {
        file->came_in = written->build;
    }
    if (file != NULL && file->left_out) {
        return WRITTEN_LEFT_OUT;
    }
    struct hash hash = {0};
    bool program;
    bool known = fingerprint(path, &hash, &program);
    if (program) {
        return WRITTEN_LEFT_OUT;
    }
    if (file != NULL && file->known && known && hash_equal(file->hash, hash)) {
        return WRITTEN_SAME;
    }
    bool newcomer = !known ? file != NULL && file->came_in != 0 : file == NULL && !was_there;
    if (file == NULL) {
        file = append(written, path);
    }
    if (file == NULL) {
        return WRITTEN_OTHER; /* no memory: one build more */
    }
    file->came_in = was_there ? file->came_in : written->build;
    file->known = known;
    file->hash = hash;
    return newcomer ? weigh_newcomer(written, file, at_ns) : weigh(written, file, at_ns);
}

bool written_came(const struct written *written, const char *path)
{
    const struct written_file *file = find(written, path);
    return file != NULL && file->came_in == written->build;
}

void written_forget(struct written *written, const char *path)
{
    struct written_file *file = written->count == 0 ? NULL : find(written, path);
    if (file != NULL) {
        file->known = file->left_out = false;
        file->count = (struct written_count){0};
    }
}

void written_finish(struct written *written)
{
    for (size_t i = 0; i < written->count; i++) {
        free(written->files[i].path);
    }
    free(written->files);
    table_finish(&written->by_path);
    *written = (struct written){0};
}

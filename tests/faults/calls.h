/* The calls that can be made to fail, one row each: what it returns, its name, parameters,
 * arguments, what it returns when it fails, and errno then. A row for each --wrap= of meson.build.
 */
#ifndef FAULTS_CALLS_H
#define FAULTS_CALLS_H

#define FALLIBLE_CALLS(ROW)                                                                        \
    ROW(void *, malloc, (size_t size), (size), NULL, ENOMEM)                                       \
    ROW(void *, calloc, (size_t count, size_t size), (count, size), NULL, ENOMEM)                  \
    ROW(void *, realloc, (void *old, size_t size), (old, size), NULL, ENOMEM)                      \
    ROW(char *, strdup, (const char *text), (text), NULL, ENOMEM)                                  \
    ROW(char *, strndup, (const char *text, size_t len), (text, len), NULL, ENOMEM)                \
    ROW(char *, get_current_dir_name, (void), (), NULL, ENOMEM)                                    \
    ROW(void *, mmap64, (void *at, size_t size, int prot, int flags, int fd, off_t offset),        \
        (at, size, prot, flags, fd, offset), MAP_FAILED, ENOMEM)                                   \
    ROW(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1, EMFILE)          \
    ROW(int, ftruncate64, (int fd, off_t size), (fd, size), -1, ENOSPC)                            \
    ROW(int, fsync, (int fd), (fd), -1, EIO)                                                       \
    ROW(int, fdatasync, (int fd), (fd), -1, EIO)                                                   \
    ROW(int, fstat64, (int fd, struct stat *st), (fd, st), -1, EIO)                                \
    ROW(int, fchmod, (int fd, mode_t mode), (fd, mode), -1, EROFS)                                 \
    ROW(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, ENOSPC)                     \
    ROW(int, mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode), -1, ENOSPC)     \
    ROW(int, rename, (const char *from, const char *to), (from, to), -1, ENOSPC)                   \
    ROW(int, renameat, (int dir, const char *from, int to_dir, const char *to),                    \
        (dir, from, to_dir, to), -1, ENOSPC)                                                       \
    ROW(int, linkat, (int dir, const char *from, int to_dir, const char *to, int flags),           \
        (dir, from, to_dir, to, flags), -1, ENOSPC)                                                \
    ROW(ssize_t, read, (int fd, void *bytes, size_t len), (fd, bytes, len), -1, EIO)               \
    ROW(ssize_t, pread64, (int fd, void *bytes, size_t len, off_t at), (fd, bytes, len, at), -1,   \
        EIO)                                                                                       \
    ROW(ssize_t, pwrite64, (int fd, const void *bytes, size_t len, off_t at),                      \
        (fd, bytes, len, at), -1, ENOSPC)                                                          \
    ROW(DIR *, fdopendir, (int fd), (fd), NULL, ENOMEM)                                            \
    ROW(DIR *, opendir, (const char *path), (path), NULL, EMFILE)                                  \
    ROW(int, inotify_init1, (int flags), (flags), -1, EMFILE)                                      \
    ROW(int, inotify_add_watch, (int fd, const char *path, uint32_t mask), (fd, path, mask), -1,   \
        ENOSPC)                                                                                    \
    ROW(int, eventfd, (unsigned count, int flags), (count, flags), -1, EMFILE)                     \
    ROW(int, timerfd_create, (int clock, int flags), (clock, flags), -1, EMFILE)                   \
    ROW(int, pipe2, (int *ends, int flags), (ends, flags), -1, EMFILE)                             \
    ROW(int, socket, (int family, int type, int protocol), (family, type, protocol), -1, EMFILE)   \
    ROW(int, socketpair, (int family, int type, int protocol, int *ends),                          \
        (family, type, protocol, ends), -1, EMFILE)                                                \
    ROW(int, bind, (int fd, const struct sockaddr *address, socklen_t len), (fd, address, len),    \
        -1, ENOSPC)                                                                                \
    ROW(ssize_t, send, (int fd, const void *bytes, size_t len, int flags),                         \
        (fd, bytes, len, flags), -1, ENOBUFS)                                                      \
    ROW(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags), \
        -1, ENOBUFS)                                                                               \
    ROW(void *, dlopen, (const char *path, int flags), (path, flags), NULL, ENOMEM)                \
    ROW(int, uv_loop_init, (uv_loop_t * loop), (loop), UV_EMFILE, EMFILE)                          \
    ROW(int, uv_async_init, (uv_loop_t * loop, uv_async_t * async, uv_async_cb call),              \
        (loop, async, call), UV_EMFILE, EMFILE)                                                    \
    ROW(int, uv_poll_init, (uv_loop_t * loop, uv_poll_t * poll, int fd), (loop, poll, fd),         \
        UV_ENOMEM, ENOMEM)                                                                         \
    ROW(int, uv_poll_start, (uv_poll_t * poll, int events, uv_poll_cb call), (poll, events, call), \
        UV_ENOMEM, ENOMEM)                                                                         \
    ROW(int, uv_signal_start, (uv_signal_t * handle, uv_signal_cb call, int number),               \
        (handle, call, number), UV_ENOMEM, ENOMEM)                                                 \
    ROW(int, uv_pipe_open, (uv_pipe_t * pipe, uv_file file), (pipe, file), UV_ENOMEM, ENOMEM)      \
    ROW(int, uv_listen, (uv_stream_t * stream, int waiting, uv_connection_cb call),                \
        (stream, waiting, call), UV_ENOBUFS, ENOBUFS)                                              \
    ROW(int, uv_read_start, (uv_stream_t * stream, uv_alloc_cb alloc, uv_read_cb call),            \
        (stream, alloc, call), UV_ENOMEM, ENOMEM)                                                  \
    ROW(int, uv_write,                                                                             \
        (uv_write_t * request, uv_stream_t * stream, const uv_buf_t *buffers, unsigned count,      \
         uv_write_cb call),                                                                        \
        (request, stream, buffers, count, call), UV_ENOMEM, ENOMEM)                                \
    ROW(int, uv_queue_work,                                                                        \
        (uv_loop_t * loop, uv_work_t * work, uv_work_cb call, uv_after_work_cb after),             \
        (loop, work, call, after), UV_ENOMEM, ENOMEM)

#endif

/* Counts the calls by which a process changes files under one folder, and lets the nth fail or
 * be the last. Loaded with LD_PRELOAD, so that Python, Arrow, delta-rs and git all go through it.
 *
 * FAULTS_UNDER    the folder; only calls on paths under it count
 * FAULTS_CONTROL  a file that is mapped by all processes of a trial: see struct control
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OFF, COUNT, ERROR_ONCE, ERROR_FROM, KILL };

struct control {
    atomic_int mode;    /* one of the above */
    atomic_int target;  /* which call, from 1 */
    atomic_int error;   /* errno of ERROR_ONCE and ERROR_FROM */
    atomic_int count;   /* calls so far */
    char name[64];      /* of the call that was hit */
    char path[4000];    /* and what it was about */
};

static struct control *control;
static char under[PATH_MAX];
static size_t under_length;

__attribute__((constructor)) static void start(void) {
    const char *file = getenv("FAULTS_CONTROL"), *folder = getenv("FAULTS_UNDER");
    if (!file || !folder) return;
    int at = open(file, O_RDWR | O_CLOEXEC);
    if (at < 0) return;
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, at, 0);
    close(at);
    if (mapped == MAP_FAILED) return;
    snprintf(under, sizeof under, "%s", folder);
    under_length = strlen(under);
    control = mapped;
}

/* Where a path given to an *at call leads, as text; no link is followed. */
static const char *whole(int folder, const char *path, char *out) {
    if (path[0] == '/') return path;
    char link[64], base[PATH_MAX];
    ssize_t length;
    if (folder == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return path;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        length = readlink(link, base, sizeof base - 1);
        if (length < 0) return path;
        base[length] = 0;
    }
    if (strlen(base) + strlen(path) + 2 > PATH_MAX) return path;
    stpcpy(stpcpy(stpcpy(out, base), "/"), path);
    return out;
}

/* 1 if the call is to fail; errno is set. May not return. */
static int hit(const char *name, const char *path) {
    if (!control) return 0;
    int mode = atomic_load(&control->mode);
    if (mode == OFF || strncmp(path, under, under_length)) return 0;
    int now = atomic_fetch_add(&control->count, 1) + 1;
    int target = atomic_load(&control->target);
    if (mode == COUNT || now < target) return 0;
    if (now == target) {
        snprintf(control->name, sizeof control->name, "%s", name);
        snprintf(control->path, sizeof control->path, "%s", path + under_length);
        if (mode == KILL) kill(0, SIGKILL); /* the whole group: git may be at work for us */
    } else if (mode != ERROR_FROM) {
        return 0;
    }
    errno = atomic_load(&control->error);
    return 1;
}

static int hit_at(const char *name, int folder, const char *path) {
    char out[PATH_MAX];
    return control && hit(name, whole(folder, path, out));
}

static int hit_fd(const char *name, int fd) {
    char link[64], path[PATH_MAX];
    if (!control || atomic_load(&control->mode) == OFF) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return hit(name, path);
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static int writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY || flags & O_CREAT; }

#define OPEN(NAME) \
    int NAME(const char *path, int flags, ...) { \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list rest; \
            va_start(rest, flags); \
            mode = va_arg(rest, mode_t); \
            va_end(rest); \
        } \
        REAL(int, #NAME, const char *, int, ...); \
        if (writes(flags) && hit_at("open", AT_FDCWD, path)) return -1; \
        return real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(NAME) \
    int NAME(int folder, const char *path, int flags, ...) { \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list rest; \
            va_start(rest, flags); \
            mode = va_arg(rest, mode_t); \
            va_end(rest); \
        } \
        REAL(int, #NAME, int, const char *, int, ...); \
        if (writes(flags) && hit_at("open", folder, path)) return -1; \
        return real(folder, path, flags, mode); \
    }
OPENAT(openat)
OPENAT(openat64)

#define FDCALL(TYPE, NAME, SAID, PARAMS, ARGS, ...) \
    TYPE NAME PARAMS { \
        REAL(TYPE, #NAME, __VA_ARGS__); \
        if (hit_fd(SAID, fd)) return -1; \
        return real ARGS; \
    }
FDCALL(ssize_t, write, "write", (int fd, const void *data, size_t n), (fd, data, n), int, const void *, size_t)
FDCALL(ssize_t, writev, "write", (int fd, const struct iovec *v, int n), (fd, v, n), int, const struct iovec *, int)
FDCALL(ssize_t, pwrite, "write", (int fd, const void *d, size_t n, off_t o), (fd, d, n, o), int, const void *, size_t, off_t)
FDCALL(ssize_t, pwrite64, "write", (int fd, const void *d, size_t n, off64_t o), (fd, d, n, o), int, const void *, size_t, off64_t)
FDCALL(int, fsync, "fsync", (int fd), (fd), int)
FDCALL(int, fdatasync, "fsync", (int fd), (fd), int)
FDCALL(int, ftruncate, "truncate", (int fd, off_t o), (fd, o), int, off_t)
FDCALL(int, ftruncate64, "truncate", (int fd, off64_t o), (fd, o), int, off64_t)

#define PATHCALL(NAME, SAID, PARAMS, ARGS, FOLDER, PATH, ...) \
    int NAME PARAMS { \
        REAL(int, #NAME, __VA_ARGS__); \
        if (hit_at(SAID, FOLDER, PATH)) return -1; \
        return real ARGS; \
    }
PATHCALL(unlink, "unlink", (const char *p), (p), AT_FDCWD, p, const char *)
PATHCALL(unlinkat, "unlink", (int d, const char *p, int f), (d, p, f), d, p, int, const char *, int)
PATHCALL(rmdir, "rmdir", (const char *p), (p), AT_FDCWD, p, const char *)
PATHCALL(mkdir, "mkdir", (const char *p, mode_t m), (p, m), AT_FDCWD, p, const char *, mode_t)
PATHCALL(mkdirat, "mkdir", (int d, const char *p, mode_t m), (d, p, m), d, p, int, const char *, mode_t)
PATHCALL(rename, "rename", (const char *a, const char *b), (a, b), AT_FDCWD, b, const char *, const char *)
PATHCALL(renameat, "rename", (int c, const char *a, int d, const char *b), (c, a, d, b), d, b, int, const char *, int, const char *)
PATHCALL(renameat2, "rename", (int c, const char *a, int d, const char *b, unsigned f), (c, a, d, b, f), d, b, int, const char *, int, const char *, unsigned)
PATHCALL(link, "link", (const char *a, const char *b), (a, b), AT_FDCWD, b, const char *, const char *)
PATHCALL(linkat, "link", (int c, const char *a, int d, const char *b, int f), (c, a, d, b, f), d, b, int, const char *, int, const char *, int)

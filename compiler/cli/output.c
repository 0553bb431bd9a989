// SPDX-License-Identifier: MIT
#include "cli/output.h"
#include "cli/say.h"

#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRIES = 1000 };

/* One output on its way. All memory is taken before the first file is made: running out cannot leave one behind. */
struct job {
    const struct output *out;
    char *target;    // where symbolic links lead; NULL: standard output
    char *temp;      // beside the target, with room for a number
    char *backup;    // the same, for the file that was there
    size_t room;     // of temp and backup
    bool direct;     // no regular file
    bool has_temp;   // temp exists
    bool has_backup; // backup exists
    bool renamed;    // target is the new one
};

struct batch {
    struct arena *arena;
    struct job *jobs;
    size_t n;
    sigset_t stops; // signals that would end us
    bool made_dir;
    FILE *err;
};

static bool fail(const struct batch *b, const char *what, const char *path, int err)
{
    say(b->err, "machc: cannot %s %s: %s\n", what, strcmp(path, "-") ? path : "standard output", strerror(err));
    return false;
}

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};

// One that is ignored (nohup) must not stop us either, but would be pending while it is blocked.
static void find_stops(struct batch *b)
{
    sigemptyset(&b->stops);
    for (size_t i = 0; i < sizeof stop_signals / sizeof *stop_signals; i++) {
        struct sigaction now;
        if (!sigaction(stop_signals[i], NULL, &now) && now.sa_handler != SIG_IGN)
            sigaddset(&b->stops, stop_signals[i]);
    }
}

static bool interrupted(const struct batch *b)
{
    sigset_t pending;
    if (sigpending(&pending))
        return false;
    for (size_t i = 0; i < sizeof stop_signals / sizeof *stop_signals; i++) {
        if (sigismember(&pending, stop_signals[i]) && sigismember(&b->stops, stop_signals[i]))
            return true;
    }
    return false;
}

static bool is_standard_output(const struct stat *st)
{
    struct stat out;
    return !fstat(STDOUT_FILENO, &out) && out.st_dev == st->st_dev && out.st_ino == st->st_ino;
}

// The absolute path of a file that need not exist, through all symbolic links; malloc'd; or NULL.
static char *resolve(struct arena *a, const char *path)
{
    char *real = realpath(path, NULL);
    if (real || errno != ENOENT)
        return real;
    const char *name = base_name(path);
    char *dir = realpath(name > path ? arena_strndup(a, path, (size_t)(name - path)) : ".", NULL);
    if (dir && asprintf(&real, "%s/%s", dir, name) < 0)
        real = NULL;
    free(dir);
    return real;
}

// Where a file is to be written: finds out what is there, and makes room for the names beside it.
static bool job_init(struct batch *b, struct job *j, const struct output *out)
{
    struct stat st;
    const char *path = out->path;
    j->out = out;
    j->direct = !strcmp(path, "-");
    if (j->direct)
        return true;
    if (!stat(path, &st)) {
        if (S_ISDIR(st.st_mode))
            return fail(b, "write", path, EISDIR);
        // /dev/stdout that was sent to a file: that file is open already, and may be appended to.
        j->direct = !S_ISREG(st.st_mode) || is_standard_output(&st);
        if (j->direct) {
            j->target = is_standard_output(&st) ? NULL : arena_strndup(b->arena, path, strlen(path));
            return true;
        }
    }
    char *real = resolve(b->arena, path);
    if (!real)
        return fail(b, "write", path, errno);
    j->target = arena_strndup(b->arena, real, strlen(real));
    free(real);
    // The names say who made them; they do not hold the target's, which may be as long as a name can be.
    int dir = (int)(strrchr(j->target, '/') - j->target) + 1;
    j->temp = arena_printf(b->arena, "%.*s.machc-%d-%20s", dir, j->target, (int)getpid(), "");
    j->backup = arena_printf(b->arena, "%.*s.machc-%d-%20s", dir, j->target, (int)getpid(), "");
    j->room = strlen(j->temp) + 1;
    return true;
}

static int compare_targets(const void *pa, const void *pb)
{
    const char *a = *(char *const *)pa, *b = *(char *const *)pb;
    return strcmp(a, b);
}

static bool all_different(const struct batch *b)
{
    char **targets = arena_array(b->arena, b->n, sizeof *targets);
    size_t n = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (!b->jobs[i].direct)
            targets[n++] = b->jobs[i].target;
    }
    qsort(targets, n, sizeof *targets, compare_targets);
    for (size_t i = 1; i < n; i++) {
        if (!strcmp(targets[i - 1], targets[i])) {
            say(b->err, "machc: two outputs are the same file, %s\n", targets[i]);
            return false;
        }
    }
    return true;
}

static void number(char *name, size_t room, unsigned n)
{
    char *dash = strrchr(name, '-') + 1;
    snprintf(dash, room - (size_t)(dash - name), "%u", n);
}

static bool write_all(int fd, const struct pieces *data)
{
    struct iovec some[64];
    size_t done = 0; // pieces written,
    size_t part = 0; // and bytes of the next one
    while (done < data->n) {
        size_t k = 0;
        for (; k < sizeof some / sizeof *some && done + k < data->n; k++)
            some[k] = data->at[done + k];
        some[0].iov_base = (char *)some[0].iov_base + part;
        some[0].iov_len -= part;
        ssize_t n = writev(fd, some, (int)k);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        part += (size_t)n;
        while (done < data->n && part >= data->at[done].iov_len)
            part -= data->at[done++].iov_len;
    }
    return true;
}

static bool write_temp(const struct batch *b, struct job *j)
{
    int fd = -1;
    for (unsigned i = 0; fd < 0 && i < TRIES; i++) {
        number(j->temp, j->room, i);
        fd = open(j->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    if (fd < 0)
        return fail(b, "write", j->out->path, errno);
    j->has_temp = true;
    struct stat old;
    bool ok = !j->out->keep_mode || stat(j->target, &old) || !fchmod(fd, old.st_mode & 07777);
    ok = ok && write_all(fd, &j->out->data) && !fsync(fd);
    int err = errno;
    if (close(fd) && ok) {
        ok = false;
        err = errno;
    }
    return ok || fail(b, "write", j->out->path, err);
}

// Keeps the old file under another name until all is done.
static bool keep_old(const struct batch *b, struct job *j)
{
    for (unsigned i = 0; i < TRIES; i++) {
        number(j->backup, j->room, i);
        if (!link(j->target, j->backup)) {
            j->has_backup = true;
            return true;
        }
        if (errno == ENOENT)
            return true; // there is none
        if (errno == EEXIST)
            continue;
        // No hard links here (FAT): the file is away for a moment.
        if (access(j->backup, F_OK) && !rename(j->target, j->backup)) {
            j->has_backup = true;
            return true;
        }
        break;
    }
    return fail(b, "replace", j->out->path, errno);
}

static bool replace(const struct batch *b, struct job *j)
{
    if (b->n > 1 && !keep_old(b, j))
        return false;
    if (rename(j->temp, j->target))
        return fail(b, "replace", j->out->path, errno);
    j->has_temp = false;
    j->renamed = true;
    return true;
}

// A little at a time, and only when there is room for it: so a signal is seen although it is blocked.
static bool write_slowly(const struct batch *b, int fd, const char *data, size_t size)
{
    while (size) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        if (interrupted(b)) {
            errno = EINTR;
            return false;
        }
        if (poll(&p, 1, 100) <= 0)
            continue;
        ssize_t n = write(fd, data, size < PIPE_BUF ? size : PIPE_BUF);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return false;
        if (n > 0) {
            data += n;
            size -= (size_t)n;
        }
    }
    return true;
}

static bool write_direct(const struct batch *b, const struct job *j)
{
    int fd = j->target ? open(j->target, O_WRONLY | O_CLOEXEC | O_NOCTTY) : STDOUT_FILENO;
    if (fd < 0)
        return fail(b, "write", j->out->path, errno);
    bool ok = true;
    for (size_t i = 0; ok && i < j->out->data.n; i++)
        ok = write_slowly(b, fd, j->out->data.at[i].iov_base, j->out->data.at[i].iov_len);
    int err = errno;
    if (j->target && close(fd) && ok) {
        ok = false;
        err = errno;
    }
    return ok || fail(b, "write", j->out->path, err);
}

static bool run(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        if (!b->jobs[i].direct && !write_temp(b, &b->jobs[i]))
            return false;
    }
    if (interrupted(b))
        return false;
    for (size_t i = 0; i < b->n; i++) {
        if (!b->jobs[i].direct && !replace(b, &b->jobs[i]))
            return false;
    }
    for (size_t i = 0; i < b->n; i++) {
        if (b->jobs[i].direct && !write_direct(b, &b->jobs[i]))
            return false;
    }
    return true;
}

static void clean_up(const struct batch *b, bool ok)
{
    for (size_t i = b->n; i-- > 0;) {
        struct job *j = &b->jobs[i];
        if (j->has_temp)
            unlink(j->temp);
        if (ok) {
            if (j->has_backup)
                unlink(j->backup);
        } else if (j->has_backup && rename(j->backup, j->target)) {
            say(b->err, "machc: the old %s is now %s: %s\n", j->target, j->backup, strerror(errno));
        } else if (j->has_backup) {
            // Where the target was not replaced yet, both names are of one file and the rename did nothing.
            unlink(j->backup);
        } else if (j->renamed) {
            unlink(j->target);
        }
    }
}

bool outputs_write(struct arena *a, const char *dir, const struct output *outputs, size_t n, FILE *err)
{
    struct batch b = {.arena = a, .jobs = arena_array(a, n, sizeof *b.jobs), .n = n, .err = err};
    bool ok = true;
    find_stops(&b);
    if (dir && !mkdir(dir, 0777))
        b.made_dir = true;
    else if (dir && errno != EEXIST)
        ok = fail(&b, "make directory", dir, errno);
    for (size_t i = 0; ok && i < n; i++)
        ok = job_init(&b, &b.jobs[i], &outputs[i]);
    ok = ok && all_different(&b);
    if (ok) {
        sigset_t block = b.stops, before;
        sigaddset(&block, SIGPIPE);
        sigprocmask(SIG_BLOCK, &block, &before);
        ok = run(&b);
        clean_up(&b, ok);
        // A signal that came meanwhile does its work now: a broken pipe ends us as it ends any other tool.
        sigprocmask(SIG_SETMASK, &before, NULL);
    }
    if (!ok && b.made_dir)
        rmdir(dir);
    return ok;
}

// SPDX-License-Identifier: MIT
#include "base.h"

#include "host/host.h"
#include "tree/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INPUTS = 256, HOSTS = 16 };

static struct {
    jmp_buf on_oom;
    struct arena *arena;
    struct machc *c;
    uint32_t inputs;
    struct {
        const char *file;
        struct host *host;
    } hosts[HOSTS];
    uint32_t nhosts;
    int confined; // an input names the file to open
    char folder[64], file[128];
} b;

/* ---- files ---- */

// Inputs name files. Only those in tests/fuzz/files can be opened, whatever exists on the machine.
static const char *allowed(const char *path, char *room, size_t size)
{
    if (!b.confined || (b.file[0] && !strcmp(path, b.file)))
        return path;
    if (!*path || strchr(path, '/') || *path == '.')
        return NULL;
    snprintf(room, size, "tests/fuzz/files/%s", path);
    return room;
}

int __real_open(const char *path, int flags, ...);
int __real_access(const char *path, int mode);
int __real_stat(const char *path, struct stat *st);
DIR *__real_opendir(const char *path);
int __wrap_open(const char *path, int flags, ...);
int __wrap_access(const char *path, int mode);
int __wrap_stat(const char *path, struct stat *st);
DIR *__wrap_opendir(const char *path);

int __wrap_open(const char *path, int flags, ...)
{
    char room[512];
    const char *p = allowed(path, room, sizeof room);
    errno = ENOENT;
    return p ? __real_open(p, flags) : -1;
}

int __wrap_access(const char *path, int mode)
{
    char room[512];
    const char *p = allowed(path, room, sizeof room);
    errno = ENOENT;
    return p ? __real_access(p, mode) : -1;
}

int __wrap_stat(const char *path, struct stat *st)
{
    char room[512];
    const char *p = allowed(path, room, sizeof room);
    errno = ENOENT;
    return p ? __real_stat(p, st) : -1;
}

DIR *__wrap_opendir(const char *path)
{
    errno = ENOENT;
    return b.confined ? __real_opendir("tests/fuzz/files") : __real_opendir(path);
}

static ssize_t swallow(void *cookie, const char *bytes, size_t n)
{
    (void)cookie;
    (void)bytes;
    return (ssize_t)n;
}

FILE *sink(void)
{
    static FILE *f;
    if (!f)
        f = fopencookie(NULL, "w", (cookie_io_functions_t){.write = swallow});
    if (!f)
        abort();
    return f;
}

/* ---- the shared compilation ---- */

void finding(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    fputs("FINDING: ", stderr);
    vfprintf(stderr, format, ap);
    fputc('\n', stderr);
    va_end(ap);
    abort();
}

static void base_free(void)
{
    arena_free(b.arena);
    b.arena = NULL;
}

static void base_new(void)
{
    if (setjmp(b.on_oom))
        finding("no memory for the schemas");
    b.arena = arena_new(&b.on_oom, (struct hash_key){0x2545f4914f6cdd1d, 0x9fb21c651e98df25});
    if (!b.arena)
        finding("no memory for the schemas");
    struct machc *c = b.c = NEW(b.arena, struct machc);
    c->arena = b.arena;
    c->names = intern_new(b.arena);
    c->sources = sources_new(b.arena);
    c->diags = diags_new(b.arena, c->sources);
    c->schemas = schemas_load(c);
    if (!c->schemas) {
        diags_print(c->diags, stderr, &(struct diag_style){.max_errors = 0});
        finding("the schemas cannot be read");
    }
    b.nhosts = 0;
    b.inputs = 0;
}

static struct machc *base(void)
{
    static int once;
    if (!once++) {
        // Inputs can name standard input ("-"), so it must be a file.
        if (!freopen("/dev/null", "r", stdin))
            abort();
        atexit(base_free);
    }
    if (b.arena && b.inputs++ == INPUTS)
        base_free();
    if (!b.arena)
        base_new();
    return b.c;
}

static void folder_remove(void)
{
    unlink(b.file);
    rmdir(b.folder);
}

const char *base_folder(const char *name, const uint8_t *data, size_t size)
{
    if (!b.folder[0]) {
        snprintf(b.folder, sizeof b.folder, "%s", "/tmp/machc-fuzz-XXXXXX");
        if (!mkdtemp(b.folder))
            abort();
        snprintf(b.file, sizeof b.file, "%s/%s", b.folder, name);
        atexit(folder_remove);
    }
    FILE *f = fopen(b.file, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f))
        abort();
    return b.folder;
}

static struct host *read_host(struct machc *c, const char *path, const char *file)
{
    static const struct src nowhere;
    const char *why;
    int err;
    struct source *s = source_read(c->sources, path, false, &why, &err);
    struct dts_file *f = s ? dts_parse(c, s) : NULL;
    struct dt_tree *t = f && !diags_errors(c->diags) ? dts_build(c, s, f) : NULL;
    return t ? host_index(c, c->schemas, t, file, nowhere) : NULL;
}

struct host *base_host(const char *file)
{
    static const char *const folders[] = {"examples/hosts", "tests/hosts"};
    struct machc *c = base();
    b.inputs--;
    for (uint32_t i = 0; i < b.nhosts; i++)
        if (!strcmp(b.hosts[i].file, file))
            return b.hosts[i].host;
    size_t n = strlen(file);
    if (strchr(file, '/') || n < 5 || strcmp(file + n - 4, ".dts") || b.nhosts == HOSTS)
        return NULL;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const char *path = arena_printf(c->arena, "%s/%s", folders[i], file);
        if (__real_access(path, F_OK))
            continue;
        if (setjmp(b.on_oom))
            finding("no memory for %s", file);
        b.hosts[b.nhosts].file = arena_strndup(c->arena, file, strlen(file));
        struct host *h = read_host(c, path, b.hosts[b.nhosts].file);
        if (!h)
            finding("%s cannot be read", path);
        return b.hosts[b.nhosts++].host = h;
    }
    return NULL;
}

void base_run(machc_fn *work, void *opaque)
{
    struct machc *c = base();
    b.confined = 1;
    if (machc_again(c, work, opaque))
        finding("no memory");
    b.confined = 0;
}

const struct source *base_source(struct machc *c, const char *name, const uint8_t *data, size_t size)
{
    char *text = arena_alloc(c->arena, size + 2);
    if (size)
        memcpy(text, data, size);
    struct source *s = source_builtin(c->sources, name, text, (uint32_t)size);
    s->builtin = false; // treated as a file: scanned in place, and fixes are allowed
    return s;
}

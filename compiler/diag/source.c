// SPDX-License-Identifier: MIT
#include "diag/source.h"

#include "base/intern.h"
#include "base/map.h"
#include "base/vec.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_SIZE = 1 << 30, FIRST_READ = 64 * 1024 };

struct sources {
    struct arena *arena;
    struct intern *paths;
    struct map by_path; // (interned path, 0) -> source
    VEC(struct source *) all;
};

struct sources *sources_new(struct arena *a)
{
    struct sources *ss = NEW(a, struct sources);
    ss->arena = a;
    ss->paths = intern_new(a);
    return ss;
}

// Reads to the end. The file may grow or shrink meanwhile, and may be a pipe: its size is a hint only.
static char *slurp(struct arena *a, int fd, size_t hint, size_t *len, int *err)
{
    size_t room = hint + 1, n = 0; // one more, so that the end of a file of that size is seen at once
    char *text = arena_alloc(a, room + 2);
    for (;;) {
        if (n == room) {
            size_t more = room * 2 > (size_t)MAX_SIZE + 1 ? (size_t)MAX_SIZE + 1 : room * 2;
            char *larger = arena_alloc(a, more + 2);
            memcpy(larger, text, n);
            text = larger;
            room = more;
        }
        ssize_t got = read(fd, text + n, room - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            *err = errno;
            return NULL;
        }
        if (got == 0)
            break;
        n += (size_t)got;
        if (n > MAX_SIZE) {
            *err = EFBIG;
            return NULL;
        }
    }
    text[n] = text[n + 1] = 0;
    *len = n;
    return text;
}

static char *read_path(struct arena *a, const char *path, size_t *len, int *err)
{
    bool standard_input = !strcmp(path, "-");
    int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        *err = errno;
        return NULL;
    }
    struct stat st;
    char *text = NULL;
    size_t hint = FIRST_READ - 1;
    *err = 0;
    if (fstat(fd, &st) < 0)
        *err = errno;
    else if (S_ISDIR(st.st_mode))
        *err = EISDIR;
    else if (S_ISREG(st.st_mode) && st.st_size > MAX_SIZE)
        *err = EFBIG;
    else if (S_ISREG(st.st_mode) && st.st_size > 0)
        hint = (size_t)st.st_size;
    if (!*err)
        text = slurp(a, fd, hint, len, err);
    if (!standard_input)
        close(fd);
    return text;
}

static const char *reason(struct arena *a, int err)
{
    switch (err) {
    case ENOENT:
        return "there is no such file";
    case EISDIR:
        return "it is a directory";
    case EACCES:
        return "permission denied";
    case EFBIG:
        return "it is larger than 1 GiB";
    default:
        // The C locale is never left, so this is the same text everywhere.
        return arena_printf(a, "%s", strerror(err));
    }
}

static struct source *add_source(struct sources *ss, const char *name, const char *text, uint32_t len)
{
    struct source *s = NEW(ss->arena, struct source);
    vec_push(ss->arena, &ss->all, s);
    s->id = ss->all.n;
    s->name = name;
    s->text = text;
    s->len = len;
    return s;
}

struct source *source_read(struct sources *ss, const char *path, bool binary, const char **why, int *err)
{
    const char *name = intern(ss->paths, path);
    struct source *s = map_getp(&ss->by_path, name, NULL);
    if (!s) {
        size_t len = 0;
        char *text = read_path(ss->arena, path, &len, err);
        if (!text) {
            *why = reason(ss->arena, *err);
            return NULL;
        }
        s = add_source(ss, strcmp(path, "-") ? name : "<stdin>", text, (uint32_t)len);
        s->binary = memchr(text, 0, len) != NULL;
        map_putp(ss->arena, &ss->by_path, name, NULL, s);
    }
    if (s->binary && !binary) {
        const char *nul = memchr(s->text, 0, s->len);
        *why = arena_printf(ss->arena, "it is not a text: there is a NUL byte at offset %zu", (size_t)(nul - s->text));
        *err = 0;
        return NULL;
    }
    return s;
}

struct source *source_builtin(struct sources *ss, const char *name, const char *text, uint32_t len)
{
    struct source *s = add_source(ss, arena_strndup(ss->arena, name, strlen(name)), text, len);
    s->builtin = true;
    return s;
}

struct source *source_get(const struct sources *ss, uint32_t id)
{
    return id && id <= ss->all.n ? ss->all.at[id - 1] : NULL;
}

uint32_t sources_count(const struct sources *ss)
{
    return ss->all.n;
}

static void find_lines(struct sources *ss, struct source *s)
{
    const char *end = s->text + s->len;
    uint32_t n = 1;
    for (const char *p = s->text; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        n++;
    s->lines = arena_array(ss->arena, n, sizeof *s->lines);
    s->nlines = n;
    n = 1;
    for (const char *p = s->text; (p = memchr(p, '\n', (size_t)(end - p))); p++)
        s->lines[n++] = (uint32_t)(p + 1 - s->text);
}

struct line_col source_line(struct sources *ss, uint32_t file, uint32_t offset)
{
    struct source *s = source_get(ss, file);
    if (!s)
        return (struct line_col){0, 0};
    if (!s->lines)
        find_lines(ss, s);
    if (offset > s->len)
        offset = s->len;
    uint32_t low = 0, high = s->nlines; // the line is in [low, high)
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (s->lines[mid] <= offset)
            low = mid;
        else
            high = mid;
    }
    return (struct line_col){low + 1, offset - s->lines[low] + 1};
}

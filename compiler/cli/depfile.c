// SPDX-License-Identifier: MIT
#include "cli/depfile.h"

#include <stdlib.h>

struct rule {
    struct machc *c;
    VEC(char) text;
};

static void put_bytes(struct rule *r, const char *s)
{
    for (; *s; s++)
        vec_push(r->c->arena, &r->text, *s);
}

/*
 * A name as make reads it: a backslash comes before a blank or #, and before each backslash before one; a
 * $ is doubled. Ninja reads the same (ninja's manual, "Depfile": escaping as gcc does it).
 */
static void put_name(struct rule *r, const char *s)
{
    for (const char *p = s; *p; p++) {
        if (*p == ' ' || *p == '\t' || *p == '#') {
            for (const char *q = p; q > s && q[-1] == '\\' && *p != '#'; q--)
                put_bytes(r, "\\");
            put_bytes(r, "\\");
        }
        if (*p == '$')
            put_bytes(r, "$");
        vec_push(r->c->arena, &r->text, *p);
    }
}

static bool fit_to_watch(const struct source *s)
{
    return !s->builtin && s->name[0] != '<' && strncmp(s->name, "/proc/", 6) != 0 &&
           strncmp(s->name, "/sys/", 5) != 0 && strncmp(s->name, "/dev/", 5) != 0;
}

static bool has_newline(const char *name, FILE *err)
{
    if (!strchr(name, '\n'))
        return false;
    fputs("machc: a name with a newline in it is not allowed in a depfile\n", err);
    return true;
}

const char *depfile_text(struct machc *c, const struct options *o, const char *const *targets, uint32_t ntargets,
                         FILE *err)
{
    struct rule r = {.c = c};
    if (o->depend_targets.n) {
        targets = o->depend_targets.at;
        ntargets = o->depend_targets.n;
    }
    for (uint32_t i = 0; i < ntargets; i++) {
        if (has_newline(targets[i], err))
            return NULL;
        put_bytes(&r, i ? " " : "");
        put_name(&r, targets[i]);
    }
    put_bytes(&r, ":");
    for (uint32_t id = 1; id <= sources_count(c->sources); id++) {
        const struct source *s = source_get(c->sources, id);
        if (!fit_to_watch(s))
            continue;
        if (has_newline(s->name, err))
            return NULL;
        put_bytes(&r, " \\\n  ");
        put_name(&r, s->name);
    }
    put_bytes(&r, "\n");
    // A rule without commands for each, so that one that is gone does not stop make. The first is the description
    // itself.
    for (uint32_t id = 2; o->depend_phony && id <= sources_count(c->sources); id++) {
        const struct source *s = source_get(c->sources, id);
        if (!fit_to_watch(s))
            continue;
        put_bytes(&r, "\n");
        put_name(&r, s->name);
        put_bytes(&r, ":\n");
    }
    vec_push(c->arena, &r.text, 0);
    return r.text.at;
}

const char *depfile_name(struct arena *a, const struct options *o)
{
    if (o->depend_file)
        return o->depend_file;
    const char *of = o->dtb && strcmp(o->dtb, "-") != 0 ? o->dtb : o->config;
    const char *slash = strrchr(of, '/'), *dot = strrchr(of, '.');
    size_t n = dot && dot > (slash ? slash + 1 : of) ? (size_t)(dot - of) : strlen(of);
    return arena_printf(a, "%.*s.d", (int)n, of);
}

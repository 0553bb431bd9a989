// SPDX-License-Identifier: MIT
#include "cli/lists.h"
#include "cli/say.h"

#include "schema/schema.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

bool explain_message(const char *code, FILE *to, FILE *err)
{
    bool list = !strcmp(code, "list"), all = !strcmp(code, "all");
    const char *codes[MSG_COUNT];
    for (size_t m = 0; m < MSG_COUNT; m++) {
        const struct msg_info *info = &msg_infos[m];
        codes[m] = info->code;
        if (list) {
            fprintf(to, "%s %-28s %s\n", info->code, info->name, info->title);
        } else if (all || !strcasecmp(code, info->code)) {
            fprintf(to, "%s%s %s: %s\n\n%s\n", all && m ? "\n" : "", info->code, info->name, info->title, info->text);
            if (!all)
                return true;
        }
    }
    if (list || all)
        return true;
    const char *near = nearest(code, codes, MSG_COUNT);
    say(err, "machc: there is no message `%s`", code);
    if (near)
        say(err, "; did you mean `%s`?", near);
    fputs(" (`machc --explain=list` names all; a node of a guest is explained with its file, "
          "`machc FILE.mach --explain=PATH`)\n",
          err);
    return false;
}

static void put_strings(FILE *to, const char *const *all)
{
    for (size_t i = 0; all && all[i]; i++)
        fprintf(to, "%s%s", i ? ", " : "", all[i]);
}

static void put_irqchip(FILE *to, const struct irqchip_class *class)
{
    fprintf(to, "  %-20s %-20s ", class->name, class->kvm ? class->kvm : "-");
    put_strings(to, class->compatible);
    fputc('\n', to);
}

static void put_class(FILE *to, const struct dev_class *class)
{
    fprintf(to, "  %-20s %-12s ", class->name, class->emulated ? "device" : "passthrough");
    put_strings(to, class->compatible);
    fputc('\n', to);
}

static void put_platform(FILE *to, const struct platform *p)
{
    fprintf(to, "  %-20s %-8s %4u cpus  %-10s devices at 0x%" PRIx64 "-0x%" PRIx64 "\n", p->name, p->arch, p->max_cpus,
            p->irqchip_class ? p->irqchip_class : "-", p->mmio_base, p->mmio_end - 1);
}

bool list_classes(struct machc *c, FILE *to)
{
    const struct schemas *s = schemas_read(c);
    if (!s)
        return false;
    fputs("Interrupt controllers (`irqchip NAME : CLASS`): class, served by, compatible\n", to);
    for (size_t i = 0; s->irqchip_names[i]; i++)
        put_irqchip(to, schema_irqchip(s, intern(c->names, s->irqchip_names[i])));
    fputs("\nInterrupt controllers that only hosts have: compatible\n", to);
    for (size_t i = 0; s->controller_names[i]; i++) {
        const struct irqchip_class *class = map_getp(&s->controllers, intern(c->names, s->controller_names[i]), NULL);
        fprintf(to, "  %-20s ", class->name);
        if (class->property)
            fprintf(to, "those with `%s`%s", class->property, class->compatible ? ", " : "");
        put_strings(to, class->compatible);
        fputc('\n', to);
    }
    fputs("\nDevice classes: class, can stand in a `device NAME : CLASS` or is recognised in a `passthrough`, "
          "compatible\n",
          to);
    for (size_t i = 0; s->class_names[i]; i++)
        put_class(to, schema_class(s, intern(c->names, s->class_names[i])));
    fputs("\nPlatforms (`machine NAME : PLATFORM`)\n", to);
    for (size_t i = 0; s->platform_names[i]; i++)
        put_platform(to, schema_platform(s, intern(c->names, s->platform_names[i])));
    return true;
}

/* The text of an object, moved so that its closing brace is in column 4. */
static void put_object(struct machc *c, FILE *to, struct loc at)
{
    const struct source *s = source_get(c->sources, at.file);
    uint32_t line = at.end;
    while (line > at.start && s->text[line - 1] != '\n')
        line--;
    uint32_t shift = 0;
    while (line > at.start && line + shift < at.end && s->text[line + shift] == ' ')
        shift++;
    for (uint32_t i = at.start; i < at.end; i++) {
        fputc(s->text[i], to);
        if (s->text[i] != '\n')
            continue;
        fputs("    ", to);
        for (uint32_t n = 0; n < shift && i + 1 < at.end && s->text[i + 1] == ' '; n++)
            i++;
    }
}

static bool put_thing(struct machc *c, FILE *to, const char *key, bool list, struct loc at)
{
    fprintf(to, "{\n    \"%s\": %s", key, list ? "[" : "");
    put_object(c, to, at);
    fprintf(to, "%s\n}\n", list ? "]" : "");
    return true;
}

static void no_such_class(const struct schemas *s, const char *name, FILE *err)
{
    const char *const *lists[] = {s->class_names, s->irqchip_names, s->controller_names, s->platform_names};
    const char *names[1000];
    size_t n = 0;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (size_t k = 0; lists[i][k] && n < sizeof names / sizeof *names; k++)
            names[n++] = lists[i][k];
    const char *near = nearest(name, names, n);
    say(err, "machc: no class, irqchip or platform is called `%s`", name);
    if (near)
        say(err, "; did you mean `%s`?", near);
    fputs(" (`machc --list-classes` shows all)\n", err);
}

bool dump_class(struct machc *c, const char *name, FILE *to, FILE *err)
{
    const struct schemas *s = schemas_read(c);
    if (!s)
        return false;
    const char *known = intern(c->names, name);
    const struct dev_class *class = schema_class(s, known);
    const struct irqchip_class *chip = schema_irqchip(s, known), *host = map_getp(&s->controllers, known, NULL);
    const struct platform *platform = schema_platform(s, known);
    if (!chip && !host && !class)
        chip = map_getp(&s->irqchips_by_compatible, known, NULL);
    if (chip && !host && !chip->body) {
        host = chip;
        chip = NULL;
    }
    if (class)
        return put_thing(c, to, "class", false, class->at);
    if (chip)
        return put_thing(c, to, "irqchip", false, chip->at);
    if (host)
        return put_thing(c, to, "host-irqchips", true, host->at);
    if (platform)
        return put_thing(c, to, "platform", false, platform->at);
    no_such_class(s, name, err);
    return false;
}

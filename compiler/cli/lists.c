// SPDX-License-Identifier: MIT
#include "cli/lists.h"

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
    fprintf(err, "machc: there is no message `%s`", code);
    if (near)
        fprintf(err, "; did you mean `%s`?", near);
    fputs(" (`machc --explain=list` names all)\n", err);
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
    const struct schemas *s = schemas_load(c);
    if (!s)
        return false;
    fputs("Interrupt controllers (`irqchip NAME : CLASS`): class, served by, compatible\n", to);
    for (size_t i = 0; s->irqchip_names[i]; i++)
        put_irqchip(to, schema_irqchip(s, intern(c->names, s->irqchip_names[i])));
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

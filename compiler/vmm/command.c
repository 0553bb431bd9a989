// SPDX-License-Identifier: MIT
/*
 * The command line of a VMM that takes no guest.cfg (schemas/vmms). Such a VMM has a machine of its own: places, lines
 * and controllers are what it has, so that the text has to say the same. What it cannot keep is an error, never left
 * out.
 */
#include "vmm/vmm.h"

#include "plan/describe.h"

#include <inttypes.h>

struct command {
    struct planner *p;
    struct p_machine *m;
    const struct vmm *vmm;
    const struct vmm_machine *has;
    struct map *buses; // name of an emulated bus -> what the VMM calls it
};

/* ---- the words of the command line ---- */

/* "{cpus}" and what it stands for. */
struct word_value {
    const char *name, *text;
};

static const char *value_of(const struct word_value *values, const char *name, size_t n)
{
    for (const struct word_value *v = values; v->name; v++)
        if (!strncmp(v->name, name, n) && !v->name[n])
            return v->text;
    return NULL;
}

/* Adds words with the values in their places. */
static void add(const struct command *x, const char *words, const struct word_value *values)
{
    struct arena *a = x->p->c->arena;
    VEC(char) text = {0};
    for (const char *s = words; s && *s; s++) {
        const char *end = *s == '{' ? strchr(s, '}') : NULL,
                   *found = end ? value_of(values, s + 1, (size_t)(end - s) - 1) : NULL;
        if (!found) {
            vec_push(a, &text, *s);
            continue;
        }
        for (; *found; found++)
            vec_push(a, &text, *found);
        s = end;
    }
    if (!text.n)
        return;
    vec_push(a, &text, '\0');
    vec_push(a, &x->m->command, (const char *)text.at);
}

static const char *number(const struct command *x, uint64_t n)
{
    return arena_printf(x->p->c->arena, "%" PRIu64, n);
}

/* ---- what it cannot keep ---- */

static void refuse(const struct command *x, struct src at, const char *what, const char *help)
{
    struct diag *d = diag(x->p->c->diags, E1050, at, "%s cannot keep this: %s", x->vmm->title, what);
    diag_help(d, "%s, or run the machine with a VMM that takes guest.cfg", help);
}

/* ---- cpus ---- */

static void add_cpus(const struct command *x)
{
    const struct word_value values[] = {{"cpus", number(x, x->m->cpus.n)}, {0}};
    bool bound = false;
    for (uint32_t i = 0; i < x->m->cpus.n; i++)
        bound = bound || x->m->cpus.at[i].host_cpu != UINT32_MAX;
    if (bound)
        refuse(x, x->m->m->host_cpus_at, "its vcpus run on any of the host's cpus", "leave out `on`");
    add(x, x->vmm->cpus, values);
}

/* ---- memory ---- */

/* Names that are the same in a shell and in the VMM's own lists of options. */
static bool is_plain(const char *path)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:";
    return path[strspn(path, allowed)] == '\0';
}

/* NULL: it has no such memory. */
static const char *words_for(const struct vmm *vmm, uint8_t backing)
{
    switch (backing) {
    case BACK_ANONYMOUS:
        return vmm->anonymous;
    case BACK_HUGETLB:
        return vmm->hugetlb;
    case BACK_FILE:
        return vmm->from_file;
    default:
        return NULL;
    }
}

static void add_memory(const struct command *x)
{
    const struct p_memory *one = x->m->memory.n ? &x->m->memory.at[0] : NULL;
    for (uint32_t i = 1; i < x->m->memory.n; i++)
        refuse(x, x->m->memory.at[i].m->at, "its guests have one piece of memory", "describe one `memory`");
    if (!one)
        return;
    const struct m_memory *m = one->m;
    const char *words = words_for(x->vmm, m->backing);
    const struct word_value values[] = {{"mib", number(x, one->size >> 20)},
                                        {"kib", number(x, m->back_arg.value >> 10)},
                                        {"path", m->file ? m->file : ""},
                                        {0}};
    if (one->address != x->has->memory)
        refuse(x, m->address.set ? m->address.at : m->at, "its guests' memory is elsewhere",
               arena_printf(x->p->c->arena, "write `at 0x%" PRIx64 "`", x->has->memory));
    if (one->size & ((1 << 20) - 1))
        refuse(x, m->size.at, "it takes whole MiB", "write a size in MiB");
    if (!words)
        refuse(x, m->back_arg.set ? m->back_arg.at : m->at, "it knows no memory that comes from there",
               "write `from hugetlb 2M`, or leave out `from`");
    if (m->readonly || m->no_dma)
        refuse(x, m->at, "its guests and their devices write to all memory", "leave out `readonly` and `no-dma`");
    if (m->backing == BACK_FILE && (m->back_arg.value || !is_plain(m->file)))
        refuse(x, m->back_arg.set ? m->back_arg.at : m->at,
               "memory begins with the file, and the file's name is part of a list of options",
               "write a file with an ordinary name, without an offset");
    add(x, words, values);
}

/* ---- what it has itself ---- */

/* Is the interrupt at that line, as a VMM raises it? */
static bool is_at_line(const struct p_irq *q, uint32_t line)
{
    return q->number == line && q->trigger && q->trigger->level;
}

static void add_irqchips(const struct command *x)
{
    for (uint32_t i = 0; i < x->m->irqchips.n; i++) {
        const struct p_irqchip *chip = x->m->irqchips.at[i];
        const struct vmm_irqchip *known = NULL;
        for (uint32_t k = 0; k < x->has->nirqchips; k++) // a few
            if (!strcmp(x->has->irqchips[k].class, chip->class->name))
                known = &x->has->irqchips[k];
        if (!known || i) {
            refuse(x, chip->at, arena_printf(x->p->c->arena, "its guests have no such %s", chip->class->name),
                   "leave it out");
            continue;
        }
        if (chip->address[0] != known->at[0] || (chip->nregions > 1 && chip->address[1] != known->at[1]))
            refuse(x, chip->at, "its interrupt controller is elsewhere",
                   arena_printf(x->p->c->arena,
                                "write `irqchip %s : %s at 0x%" PRIx64 " { region 1 at 0x%" PRIx64 "; }`", chip->name,
                                known->class, known->at[0], known->at[1]));
        add(x, known->words, NULL);
    }
}

static const struct vmm_device *find_device(const struct command *x, const struct p_device *d)
{
    const struct vmm_device *same = NULL;
    for (uint32_t i = 0; i < x->has->ndevices; i++) { // a few
        const struct vmm_device *k = &x->has->devices[i];
        if (!d->class || strcmp(k->class, d->class->name) != 0)
            continue;
        same = same && same->at[0] == d->regions.at[0]->guest ? same : k;
    }
    return same;
}

static void add_emulated(const struct command *x, const struct p_device *d)
{
    struct arena *a = x->p->c->arena;
    const struct vmm_device *known = d->regions.n ? find_device(x, d) : NULL;
    if (!known) {
        refuse(x, d->at,
               arena_printf(a, "it has no %s, or has it as a device of its own", d->class ? d->class->name : d->name),
               "leave it out");
        return;
    }
    bool there =
        d->regions.at[0]->guest == known->at[0] && (d->regions.n < 2 || d->regions.at[1]->guest == known->at[1]);
    bool line = !d->irqs.n || is_at_line(d->irqs.at[0], known->line);
    if (!there && d->regions.at[0]->guest == known->at[0])
        refuse(x, d->at, "it has the window of this device elsewhere",
               arena_printf(a, "keep 0x%" PRIx64 " free, so that machc chooses it", known->at[1]));
    else if (!there)
        refuse(x, d->at, "it has this device elsewhere", arena_printf(a, "write `at 0x%" PRIx64 "`", known->at[0]));
    if (!line)
        refuse(x, d->irqs.at[0]->at, "it has this device at another line, or it is level-triggered there",
               arena_printf(a, "write `irq %s %" PRIu32 "`", d->irqs.at[0]->kind->name, known->line));
    if (known->bus)
        map_putp(draft_arena(x->p->c), x->buses, intern(x->p->c->names, d->name), NULL, known->bus);
    add(x, known->words, NULL);
}

/* ---- PCI functions ---- */

static void check_function(const struct command *x, const struct p_device *d)
{
    struct arena *a = x->p->c->arena;
    for (uint32_t i = 0; i < d->regions.n; i++)
        if (d->regions.at[i]->mode != REGION_MAP || d->regions.at[i]->guest != UINT64_MAX)
            refuse(x, d->regions.at[i]->at, "the guest has all BARs, and places them itself", "leave out `region`");
    for (uint32_t i = 0; i < d->irqs.n; i++) {
        const struct p_irq *q = d->irqs.at[i];
        uint32_t line = x->has->first_intx + d->slot % 4;
        if (q->drop)
            refuse(x, q->at, "the guest has all interrupts of the function", "leave out `drop`");
        else if (q->index || !x->has->first_intx)
            refuse(x, q->at, "the guest's driver sets up MSIs itself", "write `irq intx to` a line");
        else if (!is_at_line(q, line))
            refuse(x, q->at, "the line of INTx follows from the slot",
                   arena_printf(a, "write `irq intx to %s %s %" PRIu32 "` for slot %" PRIu32, q->chip->name,
                                q->kind->name, line, d->slot));
    }
    for (uint32_t i = 0; i < d->dmas.n; i++) {
        const struct p_dma *dma = d->dmas.at[i];
        if (dma->mode != DMA_ALL || dma->written || dma->stash)
            refuse(x, dma->at, "the function reaches all of the guest's memory, at the guest's addresses",
                   "write `dma all`");
    }
}

static void add_function(const struct command *x, const struct p_device *d)
{
    const char *bus = d->bus ? map_getp(x->buses, intern(x->p->c->names, d->bus), NULL) : NULL;
    if (!x->vmm->function || !bus) {
        refuse(x, d->at, "functions are on a PCI bus of its own", "put it on a `pci-host`, `on BUS slot N`");
        return;
    }
    const struct word_value values[] = {{"function", d->sysfs_name},
                                        {"bus", bus},
                                        {"hex-slot", arena_printf(x->p->c->arena, "%" PRIx32, d->slot)},
                                        {0}};
    check_function(x, d);
    add(x, x->vmm->function, values);
}

static void add_devices(const struct command *x)
{
    for (uint32_t i = 0; i < x->m->devices.n; i++)
        if (x->m->devices.at[i]->kind == DEV_EMULATED)
            add_emulated(x, x->m->devices.at[i]);
    for (uint32_t i = 0; i < x->m->devices.n; i++) {
        const struct p_device *d = x->m->devices.at[i];
        if (d->kind == DEV_PCI)
            add_function(x, d);
        else if (d->kind != DEV_EMULATED && !d->parent)
            refuse(x, d->at, "it passes PCI functions through, and no other devices of the host", "leave it out");
    }
}

/* ---- all of it ---- */

static bool has_initramfs(struct machc *c, const struct p_machine *m)
{
    const struct dt_node *chosen = dt_child(m->tree, m->tree->root, intern(c->names, "chosen"));
    return chosen && dt_prop(m->tree, chosen, intern(c->names, "linux,initrd-start"));
}

static void write_command(struct planner *p, struct p_machine *m, const struct vmm *vmm)
{
    struct map buses = {0};
    struct command x = {.p = p, .m = m, .vmm = vmm, .buses = &buses};
    for (uint32_t i = 0; i < vmm->nmachines; i++)
        if (!strcmp(vmm->machines[i].arch, m->m->platform->arch))
            x.has = &vmm->machines[i];
    if (!x.has) {
        diag_help(diag(p->c->diags, E1051, m->m->platform_at, "machc knows no machine of %s for %s", vmm->title,
                       m->m->platform->arch),
                  "run it with a VMM that takes guest.cfg, or add the machine to a file of --schema-dir");
        return;
    }
    const struct word_value values[] = {{"tree", arena_printf(p->c->arena, "%s.dtb", m->name)}, {0}};
    add(&x, x.has->words, values);
    add_irqchips(&x);
    add_cpus(&x);
    add_memory(&x);
    add_devices(&x);
    add(&x, vmm->tree, values);
    if (has_initramfs(p->c, m))
        add(&x, vmm->initramfs, values);
}

void command_of_vmm(struct planner *p)
{
    const struct vmm *vmm = schema_vmm(p->schemas, intern(p->c->names, p->c->vmm));
    for (uint32_t i = 0; vmm && i < p->plan->machines.n; i++)
        if (!p->c->vmm_machine || !strcmp(p->c->vmm_machine, p->plan->machines.at[i]->name))
            write_command(p, p->plan->machines.at[i], vmm);
}

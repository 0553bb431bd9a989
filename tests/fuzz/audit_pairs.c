// SPDX-License-Identifier: MIT
// Rules of docs/guest-cfg.md about two records: each is compared with each, which is slow, and easy to see through.
#include "audit_file.h"

#include <stdlib.h>
#include <string.h>

// What a record takes, and how it compares with others.
struct item {
    const char *in; // a file, a name; or NULL
    uint64_t where, first, last;
    uint64_t how, more; // 0: it shares with none
    uint32_t section;
};

struct list {
    const struct file *f;
    struct item *item;
    size_t n;
};

#define EACH(f, t, i) for (uint64_t i = 0; i < (f)->table[S_##t].count; i++)

static const char *text(const struct file *f, uint64_t offset)
{
    return (const char *)f->strings + offset;
}

static int same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

// All records at once fit.
static struct list list_new(const struct file *f)
{
    size_t room = 1;
    for (uint32_t t = S_machine; t < S_END; t++)
        room += 3 * f->table[t].count;
    struct list l = {f, (struct item *)calloc(room, sizeof *l.item), 0};
    if (!l.item)
        abort();
    return l;
}

static void add(struct list *l, struct item item)
{
    l->item[l->n++] = item;
}

static int clash(const struct item *a, const struct item *b)
{
    return a->first <= b->last && b->first <= a->last && a->where == b->where && same_text(a->in, b->in) &&
           !(a->how && a->how == b->how && a->more == b->more);
}

static const char *apart(struct list *l, int (*meet)(const struct item *a, const struct item *b), const char *rule)
{
    const char *bad = NULL;
    for (size_t i = 0; !bad && i < l->n; i++)
        for (size_t k = 0; !bad && k < i; k++)
            if (meet(&l->item[i], &l->item[k]))
                bad = rule;
    free(l->item);
    return bad;
}

/* ---- places ---- */

static uint64_t dropped(const struct file *f, uint64_t i)
{
    return IS(f, region, i, mode, region_mode_drop);
}

static const char *guest(const struct file *f)
{
    struct list l = list_new(f);
    uint64_t page = GET(f, machine, 0, host_page_size);
    if (!page || page & (page - 1))
        page = 1;
    EACH(f, memory, i)
    add(&l, (struct item){.first = GET(f, memory, i, address),
                          .last = GET(f, memory, i, address) + (GET(f, memory, i, size) - 1)});
    EACH(f, chip_region, i)
    add(&l, (struct item){.first = GET(f, chip_region, i, address),
                          .last = GET(f, chip_region, i, address) + (GET(f, chip_region, i, size) - 1)});
    EACH(f, region, i)
    {
        uint64_t at = GET(f, region, i, guest), host = GET(f, region, i, host), size = GET(f, region, i, size);
        if (dropped(f, i) || at == NONE64 || !size)
            continue;
        struct item x = {.first = at, .last = at + (size - 1)};
        if (IS(f, region, i, mode, region_mode_map)) {
            x.first -= x.first % page;
            x.last += page - 1 - x.last % page;
        }
        x.how = host == NONE64 ? 0 : 1 + GET(f, region, i, mode);
        x.more = at - host;
        add(&l, x);
    }
    return apart(&l, clash, "guest addresses");
}

// Offsets in it are addresses of the host.
static int is_memory_file(const struct file *f, uint64_t path)
{
    return !strcmp(text(f, path), "/dev/mem");
}

// Memory that is shared under one word may be one; others never. Registers may be one.
static int clash_on_host(const struct item *a, const struct item *b)
{
    if (a->first > b->last || b->first > a->last || (a->how && b->how))
        return 0;
    return a->how || b->how || !a->in || !b->in || strcmp(a->in, b->in) != 0;
}

static const char *host(const struct file *f)
{
    struct list l = list_new(f);
    EACH(f, memory, i)
    {
        uint64_t at = GET(f, memory, i, physical), share = GET(f, memory, i, share);
        if (IS(f, memory, i, backing, backing_file) && is_memory_file(f, GET(f, memory, i, path)))
            at = GET(f, memory, i, offset);
        else if (IS(f, memory, i, backing, backing_file) || IS(f, memory, i, backing, backing_anonymous) ||
                 IS(f, memory, i, backing, backing_hugetlb) || at == NONE64)
            continue;
        add(&l, (struct item){
                    .in = share ? text(f, share) : NULL, .first = at, .last = at + (GET(f, memory, i, size) - 1)});
    }
    EACH(f, region, i)
    {
        uint64_t at = GET(f, region, i, host), size = GET(f, region, i, size);
        if (is_memory_file(f, GET(f, region, i, file)))
            at = GET(f, region, i, offset);
        if (!dropped(f, i) && size && at != NONE64)
            add(&l, (struct item){.how = 1, .first = at, .last = at + (size - 1)});
    }
    return apart(&l, clash_on_host, "host memory");
}

// `where` is the device, `more` the word under which memory is shared.
static int clash_in_file(const struct item *a, const struct item *b)
{
    if (!same_text(a->in, b->in))
        return 0;
    int irqs = (a->section == S_irq) + (b->section == S_irq);
    if (irqs)
        return irqs == 2 || a->where != b->where;
    if (a->first > b->last || b->first > a->last)
        return 0;
    return !a->more || !b->more || strcmp((const char *)(uintptr_t)a->more, (const char *)(uintptr_t)b->more) != 0;
}

static const char *files(const struct file *f)
{
    struct list l = list_new(f);
    EACH(f, memory, i)
    {
        uint64_t at = GET(f, memory, i, offset), path = GET(f, memory, i, path), share = GET(f, memory, i, share);
        if (IS(f, memory, i, backing, backing_file) && path)
            add(&l, (struct item){.in = text(f, path),
                                  .where = NONE,
                                  .more = share ? (uintptr_t)text(f, share) : 0,
                                  .first = at,
                                  .last = at + (GET(f, memory, i, size) - 1),
                                  .section = S_memory});
    }
    EACH(f, region, i)
    {
        uint64_t at = GET(f, region, i, offset), path = GET(f, region, i, file), size = GET(f, region, i, size);
        if (path && !dropped(f, i) && size && !is_memory_file(f, path))
            add(&l, (struct item){.in = text(f, path),
                                  .where = GET(f, region, i, device),
                                  .first = at,
                                  .last = at + (size - 1),
                                  .section = S_region});
    }
    EACH(f, irq, i)
    if (GET(f, irq, i, file) && !(GET(f, irq, i, flags) & SET_irq_flags_dropped))
        add(&l, (struct item){.in = text(f, GET(f, irq, i, file)), .where = GET(f, irq, i, device), .section = S_irq});
    return apart(&l, clash_in_file, "parts of a file");
}

static const char *registers(const struct file *f)
{
    struct list l = list_new(f);
    EACH(f, write, i)
    {
        uint64_t r = GET(f, write, i, region), at = GET(f, region, r, offset) + GET(f, write, i, offset);
        add(&l, (struct item){.in = text(f, GET(f, region, r, file)),
                              .first = at,
                              .last = at,
                              .how = 1 + (GET(f, write, i, flags) & SET_write_flags_hiword),
                              .more = GET(f, region, r, flags) & SET_region_flags_big_endian});
    }
    return apart(&l, clash, "registers of shadows");
}

static const char *patches(const struct file *f)
{
    struct list l = list_new(f);
    EACH(f, patch, i)
    add(&l, (struct item){.first = GET(f, patch, i, at), .last = GET(f, patch, i, at) + 7});
    return apart(&l, clash, "patches");
}

static const char *mappings(const struct file *f)
{
    struct list l = list_new(f);
    EACH(f, dma_map, i)
    {
        uint64_t at = GET(f, dma_map, i, iova), size = GET(f, dma_map, i, granted);
        size = size ? size : GET(f, dma_map, i, size);
        add(&l, (struct item){.where = GET(f, dma_map, i, dma), .first = at, .last = at + (size - 1)});
    }
    return apart(&l, clash, "mappings of a domain");
}

/* ---- once ---- */

enum { SYSFS, SLOT, REGION, IRQ, LIODN, STREAM, ENDPOINT, NAME };

static const char *once(const struct file *f)
{
    struct list l = list_new(f), names = list_new(f);
    EACH(f, device, i)
    {
        if (GET(f, device, i, sysfs_name))
            add(&l, (struct item){.in = text(f, GET(f, device, i, sysfs_name)), .where = SYSFS});
        if (GET(f, device, i, bus))
            add(&l, (struct item){.in = text(f, GET(f, device, i, bus)),
                                  .where = SLOT,
                                  .first = GET(f, device, i, slot),
                                  .last = GET(f, device, i, slot)});
        if (GET(f, device, i, name))
            add(&names, (struct item){.in = text(f, GET(f, device, i, name)), .where = S_device});
    }
    EACH(f, memory, i)
    if (GET(f, memory, i, name))
        add(&names, (struct item){.in = text(f, GET(f, memory, i, name)), .where = S_memory});
    EACH(f, irqchip, i)
    if (GET(f, irqchip, i, name))
        add(&names, (struct item){.in = text(f, GET(f, irqchip, i, name)), .where = S_irqchip});
    EACH(f, region, i)
    {
        uint64_t index = GET(f, region, i, index), window = GET(f, region, i, flags) & SET_region_flags_window;
        add(&l, (struct item){
                    .where = REGION | GET(f, region, i, device) << 8 | window << 48, .first = index, .last = index});
    }
    EACH(f, irq, i)
    {
        uint64_t index = GET(f, irq, i, index);
        add(&l, (struct item){.where = IRQ | GET(f, irq, i, device) << 8 | GET(f, irq, i, source) << 48,
                              .first = index,
                              .last = index});
    }
    EACH(f, dma, i)
    {
        uint64_t flags = GET(f, dma, i, flags), liodn = GET(f, dma, i, liodn_index), stream = GET(f, dma, i, stream);
        if (flags & SET_dma_flags_liodn_index)
            add(&l, (struct item){.where = LIODN | GET(f, dma, i, device) << 8, .first = liodn, .last = liodn});
        if (flags & SET_dma_flags_stream)
            add(&l, (struct item){.where = STREAM | GET(f, dma, i, device) << 8, .first = stream, .last = stream});
        uint64_t endpoint = GET(f, dma, i, endpoint), iommu = GET(f, dma, i, guest_iommu);
        if (endpoint != NONE)
            add(&l, (struct item){.where = ENDPOINT | iommu << 8, .first = endpoint, .last = endpoint});
    }
    const char *bad = apart(&l, clash, "what is there once"), *named = apart(&names, clash, "names");
    return bad ? bad : named;
}

static const char *lines(const struct file *f)
{
    EACH(f, irq, i)
    {
        uint64_t flags = GET(f, irq, i, flags), bound = 0, own = !(flags & SET_irq_flags_shared);
        if (flags & SET_irq_flags_dropped)
            continue;
        EACH(f, irq, k)
        {
            uint64_t other = GET(f, irq, k, flags);
            if (k == i || other & (SET_irq_flags_dropped | SET_irq_flags_shared))
                continue;
            int line = GET(f, irq, i, chip) == GET(f, irq, k, chip) &&
                       GET(f, irq, i, number) == GET(f, irq, k, number) &&
                       same_text(text(f, GET(f, irq, i, kind)), text(f, GET(f, irq, k, kind)));
            int gsi = GET(f, irq, i, gsi) == GET(f, irq, k, gsi);
            if (own && (line || (gsi && GET(f, irq, i, gsi) != NONE)))
                return "two on a line";
            bound += line && gsi;
        }
        if (!own && !bound)
            return "a line that is shared with none";
    }
    return NULL;
}

/* ---- expectations ---- */

static int about_device(const struct file *f, uint64_t i)
{
    return IS(f, expect, i, kind, expect_kind_sysfs_name) || IS(f, expect, i, kind, expect_kind_compatible) ||
           IS(f, expect, i, kind, expect_kind_region) || IS(f, expect, i, kind, expect_kind_irq_count) ||
           IS(f, expect, i, kind, expect_kind_irq_trigger) || IS(f, expect, i, kind, expect_kind_group_member) ||
           IS(f, expect, i, kind, expect_kind_power_link);
}

// Does the machine, the device or the chip say what it expects?
static int fits(const struct file *f, uint64_t i)
{
    uint64_t d = GET(f, expect, i, device), index = GET(f, expect, i, index);
    const char *string = text(f, GET(f, expect, i, string));
    if (!IS(f, expect, i, kind, expect_kind_file) && !IS(f, expect, i, kind, expect_kind_memory_free) &&
        about_device(f, i) == (d == NONE))
        return 0;
    if (IS(f, expect, i, kind, expect_kind_page_size))
        return GET(f, expect, i, a) == GET(f, machine, 0, host_page_size);
    if (IS(f, expect, i, kind, expect_kind_host_compatible))
        return index || same_text(string, text(f, GET(f, machine, 0, host_compatible)));
    if (IS(f, expect, i, kind, expect_kind_sysfs_name))
        return same_text(string, text(f, GET(f, device, d, sysfs_name)));
    if (IS(f, expect, i, kind, expect_kind_compatible))
        return same_text(string, text(f, GET(f, device, d, compatible)));
    if (IS(f, expect, i, kind, expect_kind_kvm_device))
        return index < f->table[S_irqchip].count && same_text(string, text(f, GET(f, irqchip, index, kvm)));
    return 1;
}

// Is one expected that says so: kind, device, index?
static uint64_t count(const struct file *f, uint64_t kind, uint64_t d, uint64_t index)
{
    uint64_t n = 0;
    EACH(f, expect, i)
    n += GET(f, expect, i, kind) == kind && GET(f, expect, i, device) == d &&
         (index == NONE64 || GET(f, expect, i, index) == index);
    return n;
}

static const char *expected_regions(const struct file *f)
{
    EACH(f, region, r)
    {
        uint64_t d = GET(f, region, r, device), flags = GET(f, region, r, flags), index = GET(f, region, r, index);
        if (!(flags & SET_region_flags_shadow) &&
            (!GET(f, device, d, sysfs_name) || !GET(f, region, r, size) || flags & SET_region_flags_window))
            continue;
        if (!count(f, SET_expect_kind_region, d, index))
            return "a region that is not expected";
        EACH(f, expect, i)
        if (IS(f, expect, i, kind, expect_kind_region) && GET(f, expect, i, device) == d &&
            GET(f, expect, i, index) == index &&
            (GET(f, expect, i, a) != GET(f, region, r, host) || GET(f, expect, i, b) != GET(f, region, r, size)))
            return "a region that is expected elsewhere";
    }
    return NULL;
}

static const char *expectations(const struct file *f)
{
    struct list l = list_new(f);
    EACH(f, expect, i)
    {
        uint64_t kind = GET(f, expect, i, kind), index = GET(f, expect, i, index);
        if (!fits(f, i)) {
            free(l.item);
            return "an expectation and its record";
        }
        struct item x = {.where = kind << 32 | GET(f, expect, i, device), .first = index, .last = index, .how = 1};
        x.more = GET(f, expect, i, a);
        if (IS(f, expect, i, kind, expect_kind_host_compatible)) {
            x.more = 0; // the first one with the same string stands for it
            for (uint64_t k = 0; k < i && !x.more; k++)
                if (same_text(text(f, GET(f, expect, i, string)), text(f, GET(f, expect, k, string))))
                    x.more = k + 1;
            x.more = x.more ? x.more : i + 1;
        }
        if (IS(f, expect, i, kind, expect_kind_host_compatible) || IS(f, expect, i, kind, expect_kind_irq_count) ||
            IS(f, expect, i, kind, expect_kind_irq_trigger))
            add(&l, x);
    }
    const char *bad = apart(&l, clash, "two expectations");
    if (bad || (bad = expected_regions(f)))
        return bad;
    if (GET(f, machine, 0, host_page_size) && !count(f, SET_expect_kind_page_size, NONE, NONE64))
        return "no expectation of the page size";
    if (GET(f, machine, 0, host_compatible) && !count(f, SET_expect_kind_host_compatible, NONE, 0))
        return "no expectation of the host";
    EACH(f, device, i)
    if (GET(f, device, i, sysfs_name) &&
        (!count(f, SET_expect_kind_sysfs_name, i, NONE64) ||
         (IS(f, device, i, kind, device_kind_platform) && GET(f, device, i, compatible) &&
          !count(f, SET_expect_kind_compatible, i, NONE64))))
        return "no expectation of a device";
    return NULL;
}

const char *audit_pairs(const struct file *f)
{
    static const char *(*const rules[])(const struct file *f) = {
        guest, host, files, registers, patches, mappings, once, lines, expectations,
    };
    const char *bad = NULL;
    for (size_t i = 0; !bad && i < sizeof rules / sizeof *rules; i++)
        bad = rules[i](f);
    return bad;
}

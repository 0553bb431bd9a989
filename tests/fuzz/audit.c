// SPDX-License-Identifier: MIT
#include "audit.h"

#include "audit_file.h"

#include <string.h>

/* ---- frame ---- */

uint32_t audit_checksum(const uint8_t *p, size_t size)
{
    static uint32_t t[256]; // every thread fills it with the same values
    if (!t[1])
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t c = i;
            for (int k = 0; k < 8; k++)
                c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
            t[i] = c;
        }
    const struct audit_field *hole = &fields_header[F_header_checksum];
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = i >= hole->offset && i < hole->offset + hole->size ? 0 : p[i];
        crc = crc >> 8 ^ t[(crc ^ byte) & 0xff];
    }
    return ~crc;
}

void audit_seal(uint8_t *p, size_t size)
{
    const struct audit_field *f = &fields_header[F_header_checksum];
    if (size < SIZE_header)
        return;
    uint32_t crc = audit_checksum(p, size);
    for (uint32_t i = 0; i < f->size; i++)
        p[f->offset + i] = (uint8_t)(crc >> (8 * i));
}

static int zeros(const struct file *f, uint64_t from, uint64_t to)
{
    for (; from < to; from++)
        if (f->p[from])
            return 0;
    return 1;
}

static const char *header(const struct file *f, int sealed)
{
    static const uint8_t magic[] = {0x89, 0x4d, 0x41, 0x43, 0x48, 0x0d, 0x0a, 0x1a};
    if (f->size < SIZE_header || memcmp(f->p, magic, sizeof magic))
        return "magic";
    if (HEADER(f, major) != 1)
        return "major version";
    if (HEADER(f, total_size) != f->size)
        return "total size";
    if (!sealed && HEADER(f, checksum) != audit_checksum(f->p, f->size))
        return "checksum";
    uint64_t head = HEADER(f, header_size), table = HEADER(f, section_table), entry = HEADER(f, entry_size);
    if (head < SIZE_header || head % 8 || HEADER(f, reserved0) || HEADER(f, reserved1))
        return "header";
    if (entry < SIZE_entry || entry % 8 || table % 8 || table < head || table > f->size ||
        HEADER(f, sections) > (f->size - table) / entry)
        return "section table";
    return zeros(f, head, table) ? NULL : "bytes behind the header";
}

static const char *section(struct file *f, const uint8_t *e, uint64_t *last, uint64_t *end)
{
    uint64_t type = ENTRY(e, type), at = ENTRY(e, offset), size = ENTRY(e, size), each = ENTRY(e, record_size);
    int known = type && type < S_END;
    if (type <= *last)
        return "order of sections";
    if (ENTRY(e, flags) > (known ? 1 : 0))
        return "flags of a section";
    if (at % 8 || at < *end || at > f->size || size > f->size - at)
        return "place of a section";
    if (size != each * ENTRY(e, count))
        return "size of a section";
    if (!zeros(f, *end, at))
        return "bytes between sections";
    if (type == 1 ? each != 1 : known && (each % 4 || each < audit_sections[type - S_machine].least))
        return "record size";
    *last = type;
    *end = at + size;
    if (type == 1) {
        f->strings = f->p + at;
        f->nstrings = size;
    } else if (known) {
        f->table[type] = (struct table){f->p + at, each, ENTRY(e, count)};
    }
    return NULL;
}

static const char *frame(struct file *f, int sealed)
{
    const char *bad = header(f, sealed);
    if (bad)
        return bad;
    uint64_t table = HEADER(f, section_table), n = HEADER(f, sections), entry = HEADER(f, entry_size);
    uint64_t end = table + n * entry, last = 0;
    for (uint64_t i = 0; i < n; i++)
        if ((bad = section(f, f->p + table + i * entry, &last, &end)))
            return bad;
    if (!zeros(f, end, f->size))
        return "bytes behind the last section";
    if (!f->nstrings || f->strings[0] || f->strings[f->nstrings - 1])
        return "string table";
    return f->table[S_machine].count == 1 ? NULL : "not exactly one machine";
}

/* ---- fields and rows ---- */

static const char *field(const struct file *f, const struct audit_field *d, uint64_t v)
{
    uint64_t known = 0;
    int found = 0;
    for (uint32_t i = 0; i < d->nvalues; i++) {
        known |= d->values[i];
        found |= d->values[i] == v;
    }
    switch (d->kind) {
    case KIND_string:
        return v && (v >= f->nstrings || f->strings[v - 1]) ? "string" : NULL;
    case KIND_index:
        return v != NONE && v >= f->table[d->section].count ? "index" : NULL;
    case KIND_owner:
        return v >= f->table[d->section].count ? "owner" : NULL;
    case KIND_one:
        return found ? NULL : "enum";
    case KIND_flags:
        return v & ~known ? "flags" : NULL;
    case KIND_reserved:
        return v ? "reserved field" : NULL;
    default:
        return NULL;
    }
}

static const struct audit_field *owner_of(const struct audit_section *s, uint32_t owner)
{
    for (uint32_t i = 0; i < s->nfields; i++)
        if (s->fields[i].kind == KIND_owner && s->fields[i].section == owner)
            return &s->fields[i];
    return NULL;
}

static const char *rows(const struct file *f, const struct audit_section *s, const struct audit_field *first)
{
    const struct audit_section *t = &audit_sections[first->section - S_machine];
    const struct audit_field *owner = owner_of(t, s->type);
    uint64_t next = 0, total = f->table[t->type].count;
    for (uint64_t i = 0; i < f->table[s->type].count; i++) {
        uint64_t n = get(f, s->type, first + 1, i);
        if (get(f, s->type, first, i) != next || n > total - next)
            return "row";
        for (; n; n--, next++)
            if (owner && get(f, t->type, owner, next) != i)
                return "owner of a row";
    }
    return next == total ? NULL : "a record in no row";
}

static const char *records(const struct file *f)
{
    const char *bad;
    for (uint32_t t = S_machine; t < S_END; t++) {
        const struct audit_section *s = &audit_sections[t - S_machine];
        for (uint64_t i = 0; i < f->table[t].count; i++)
            for (uint32_t k = 0; k < s->nfields; k++)
                if ((bad = field(f, &s->fields[k], get(f, t, &s->fields[k], i))))
                    return bad;
    }
    for (uint32_t t = S_machine; t < S_END; t++) {
        const struct audit_section *s = &audit_sections[t - S_machine];
        for (uint32_t k = 0; k < s->nfields; k++)
            if (s->fields[k].kind == KIND_first && (bad = rows(f, s, &s->fields[k])))
                return bad;
    }
    return NULL;
}

/* ---- the rules of one record, in the order of the document ---- */

static int extent(uint64_t start, uint64_t size)
{
    return size && (start + size > start || start + size == 0);
}

static int inside(uint64_t start, uint64_t size, uint64_t limit)
{
    return extent(start, size) && start < limit && limit - start >= size;
}

static int memory(const struct file *f, uint64_t i)
{
    uint64_t size = GET(f, memory, i, size), physical = GET(f, memory, i, physical);
    uint64_t lowest = GET(f, memory, i, lowest), limit = GET(f, memory, i, limit);
    if (!extent(GET(f, memory, i, address), size) || !extent(GET(f, memory, i, offset), size))
        return 0;
    if (IS(f, memory, i, backing, backing_physical))
        return extent(physical, size);
    if (!IS(f, memory, i, backing, backing_contiguous) && !IS(f, memory, i, backing, backing_heap))
        return 1;
    uint64_t first = physical == NONE64 ? lowest : physical;
    return lowest <= first && (limit ? inside(lowest, size, limit) && inside(first, size, limit)
                                     : extent(lowest, size) && extent(first, size));
}

static int patch(const struct file *f, uint64_t i)
{
    uint64_t at = GET(f, patch, i, at), m = GET(f, patch, i, memory);
    return at % 4 == 0 && at >= 40 && inside(at, 8, HEADER(f, dtb_size)) && m != NONE &&
           (IS(f, memory, m, backing, backing_physical) || IS(f, memory, m, backing, backing_contiguous) ||
            IS(f, memory, m, backing, backing_heap)) &&
           GET(f, patch, i, offset) < GET(f, memory, m, size);
}

static int chip_region(const struct file *f, uint64_t i)
{
    return extent(GET(f, chip_region, i, address), GET(f, chip_region, i, size));
}

static int region(const struct file *f, uint64_t i)
{
    uint64_t d = GET(f, region, i, device);
    int raw = IS(f, device, d, kind, device_kind_raw), drop = IS(f, region, i, mode, region_mode_drop);
    if (raw ? !drop && !GET(f, region, i, file) : GET(f, region, i, file) != 0)
        return 0;
    if (IS(f, device, d, kind, device_kind_emulated) &&
        (IS(f, region, i, mode, region_mode_map) || GET(f, region, i, host) != NONE64))
        return 0;
    if (drop)
        return GET(f, region, i, guest) == NONE64;
    uint64_t size = GET(f, region, i, size), host = GET(f, region, i, host), guest = GET(f, region, i, guest);
    if (!size)
        return IS(f, device, GET(f, region, i, device), kind, device_kind_pci);
    return (host == NONE64 || extent(host, size)) && (guest == NONE64 || extent(guest, size)) &&
           extent(GET(f, region, i, offset), size);
}

static int shadow(const struct file *f, uint64_t i)
{
    uint64_t flags = GET(f, region, i, flags), size = GET(f, region, i, size);
    if (!(flags & SET_region_flags_shadow))
        return !(flags & SET_region_flags_big_endian);
    return IS(f, region, i, mode, region_mode_trap) && GET(f, region, i, file) &&
           IS(f, device, GET(f, region, i, device), kind, device_kind_raw) && !(flags & SET_region_flags_window) &&
           size % 4 == 0 && size <= 0x1000000 && GET(f, region, i, offset) % 4 == 0;
}

static int masked_register(const struct file *f, uint64_t i)
{
    uint64_t r = GET(f, write, i, region), at = GET(f, write, i, offset), mask = GET(f, write, i, mask);
    if (r == NONE || !(GET(f, region, r, flags) & SET_region_flags_shadow) || at % 4 ||
        !inside(at, 4, GET(f, region, r, size)))
        return 0;
    if (!mask || (GET(f, write, i, flags) & SET_write_flags_hiword && mask >> 16) ||
        (GET(f, write, i, flags) & (SET_write_flags_hiword | SET_write_flags_plain)) == SET_write_flags_plain)
        return 0;
    return !i || GET(f, write, i - 1, region) < r ||
           (GET(f, write, i - 1, region) == r && GET(f, write, i - 1, offset) < at);
}

// What a domain lets its device reach, and memory devices.
static int domain(const struct file *f, uint64_t i)
{
    uint64_t d = GET(f, dma_map, i, dma), m = GET(f, dma_map, i, memory), iova = GET(f, dma_map, i, iova);
    uint64_t end = GET(f, dma_map, i, granted) ? GET(f, dma_map, i, granted) : GET(f, dma_map, i, size);
    int all = IS(f, dma, d, mode, dma_mode_all);
    if ((!all && !IS(f, dma, d, mode, dma_mode_window)) || GET(f, dma, d, flags) & SET_dma_flags_no_iommu ||
        IS(f, machine, 0, iommu, iommu_none))
        return 0;
    if (GET(f, dma, d, flags) & SET_dma_flags_window) {
        uint64_t window = GET(f, dma, d, window);
        if (iova < window || !inside(iova - window, end, GET(f, dma, d, size)))
            return 0;
    }
    if (m == NONE)
        return 1;
    uint64_t flags = GET(f, memory, m, flags);
    return !(flags & SET_memory_flags_no_dma) &&
           (!(flags & SET_memory_flags_readonly) || GET(f, dma_map, i, flags) & SET_map_flags_readonly);
}

static int dma_map(const struct file *f, uint64_t i)
{
    uint64_t offset = GET(f, dma_map, i, offset), size = GET(f, dma_map, i, size);
    uint64_t m = GET(f, dma_map, i, memory), r = GET(f, dma_map, i, region);
    if (IS(f, dma_map, i, what, map_kind_memory) != (m != NONE) ||
        IS(f, dma_map, i, what, map_kind_region) != (r != NONE))
        return 0;
    if (r != NONE && GET(f, region, r, flags) & SET_region_flags_shadow)
        return 0;
    uint64_t iova = GET(f, dma_map, i, iova), granted = GET(f, dma_map, i, granted);
    if (granted && (granted < size || !extent(iova, granted)))
        return 0;
    if (!domain(f, i))
        return 0;
    return extent(iova, size) && (m == NONE || inside(offset, size, GET(f, memory, m, size))) &&
           (r == NONE || inside(offset, size, GET(f, region, r, size)));
}

static int irqchip(const struct file *f, uint64_t i)
{
    uint64_t cpus = f->table[S_cpu].count, regions = GET(f, irqchip, i, regions);
    if (!GET(f, irqchip, i, messages))
        return 1;
    return cpus && regions && GET(f, chip_region, GET(f, irqchip, i, first_region) + regions - 1, size) % cpus == 0;
}

static int irq(const struct file *f, uint64_t i)
{
    uint64_t flags = GET(f, irq, i, flags);
    int dropped = (flags & SET_irq_flags_dropped) != 0, resample = (flags & SET_irq_flags_resample) != 0;
    if (flags & SET_irq_flags_shared && (dropped || resample))
        return 0;
    uint64_t d = GET(f, irq, i, device), chip = GET(f, irq, i, chip), file = GET(f, irq, i, file);
    if (chip != NONE && GET(f, irq, i, number) >= GET(f, irqchip, chip, lines))
        return 0;
    if (IS(f, irq, i, source, irq_source_file)) {
        if (!IS(f, device, d, kind, device_kind_raw) || (!file && !dropped))
            return 0;
    } else if (file || IS(f, device, d, kind, device_kind_raw) ||
               IS(f, irq, i, source, irq_source_emulated) != IS(f, device, d, kind, device_kind_emulated)) {
        return 0;
    }
    return dropped == (GET(f, irq, i, chip) == NONE) && dropped == (GET(f, irq, i, number) == NONE) &&
           (!resample || IS(f, irq, i, trigger, trigger_level));
}

// The record of a vcpu; NONE: there is none.
static uint64_t vcpu(const struct file *f, uint64_t number)
{
    for (uint64_t i = 0; i < f->table[S_cpu].count; i++)
        if (GET(f, cpu, i, vcpu) == number)
            return i;
    return NONE;
}

static int cpu(const struct file *f, uint64_t i)
{
    return !i || GET(f, cpu, i - 1, vcpu) < GET(f, cpu, i, vcpu);
}

static int device(const struct file *f, uint64_t i)
{
    if (GET(f, device, i, vcpu) != NONE && vcpu(f, GET(f, device, i, vcpu)) == NONE)
        return 0;
    if (!GET(f, device, i, bus) != (GET(f, device, i, slot) == NONE))
        return 0;
    if (GET(f, device, i, sysfs_name) && !IS(f, device, i, kind, device_kind_platform) &&
        !IS(f, device, i, kind, device_kind_pci))
        return 0;
    return GET(f, device, i, parent) == NONE || GET(f, device, i, parent) < i;
}

static int dma(const struct file *f, uint64_t i)
{
    uint64_t iommu = GET(f, dma, i, guest_iommu), to = GET(f, dma, i, stash);
    if (IS(f, dma, i, mode, dma_mode_guest_iommu) != (iommu != NONE) ||
        (iommu != NONE && !IS(f, device, iommu, kind, device_kind_emulated)) ||
        (iommu == NONE && GET(f, dma, i, endpoint) != NONE))
        return 0;
    return (to == NONE || GET(f, stash, to, dma) == i) &&
           (!(GET(f, dma, i, flags) & SET_dma_flags_window) || extent(GET(f, dma, i, window), GET(f, dma, i, size)));
}

static int stash(const struct file *f, uint64_t i)
{
    uint64_t entry = GET(f, stash, i, st_index); // index into a table of at most 2048 entries
    if (IS(f, stash, i, kind, stash_kind_tph) ? entry != NONE && entry > 2047
                                              : entry != NONE || !IS(f, stash, i, memory_type, memory_type_volatile))
        return 0;
    uint64_t of = GET(f, stash, i, vcpu), on = of == NONE ? NONE : vcpu(f, of);
    if (of != NONE && (on == NONE || GET(f, cpu, on, host_cpu) != GET(f, stash, i, host_cpu)))
        return 0;
    return GET(f, stash, i, dma) != NONE && GET(f, dma, GET(f, stash, i, dma), stash) == i;
}

static const char *rules(const struct file *f)
{
    static const struct {
        uint32_t section;
        int (*holds)(const struct file *f, uint64_t i);
        const char *name;
    } all[] = {
        {S_cpu, cpu, "order of cpus"},
        {S_memory, memory, "extent of memory"},
        {S_irqchip, irqchip, "messages of a chip"},
        {S_chip_region, chip_region, "extent of a chip's region"},
        {S_region, region, "extent of a region"},
        {S_region, shadow, "shadow"},
        {S_write, masked_register, "register of a shadow"},
        {S_dma_map, dma_map, "target of a mapping"},
        {S_irq, irq, "irq"},
        {S_device, device, "parent of a device"},
        {S_dma, dma, "dma"},
        {S_stash, stash, "stash"},
        {S_patch, patch, "patch"},
    };
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        for (uint64_t i = 0; i < f->table[all[k].section].count; i++)
            if (!all[k].holds(f, i))
                return all[k].name;
    return NULL;
}

static const char *look(const uint8_t *bytes, size_t size, int sealed)
{
    struct file f = {.p = bytes, .size = size};
    const char *bad = frame(&f, sealed);
    if (!bad)
        bad = records(&f);
    if (!bad)
        bad = rules(&f);
    return bad ? bad : audit_pairs(&f);
}

const char *audit(const uint8_t *bytes, size_t size)
{
    return look(bytes, size, 0);
}

const char *audit_sealed(const uint8_t *bytes, size_t size)
{
    return look(bytes, size, 1);
}

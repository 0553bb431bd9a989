// SPDX-License-Identifier: MIT
// reg and ranges of copied nodes, as the guest's bus wants them.
#include "plan/work.h"

#include <inttypes.h>

uint32_t cells_of(struct planner *p, const struct dt_node *n, const char *name, uint32_t otherwise)
{
    const struct dt_prop *prop = dt_prop(p->m->tree, n, name);
    return prop && prop->len == 4 ? dt_cell(prop, 0) : otherwise;
}

void put_cells(uint8_t *to, uint64_t value, uint32_t cells)
{
    for (uint32_t i = 0; i < cells * 4; i++) {
        uint32_t shift = 8 * (cells * 4 - 1 - i);
        to[i] = shift < 64 ? (uint8_t)(value >> shift) : 0;
    }
}

static uint64_t get_cells(const struct dt_prop *prop, uint32_t at, uint32_t cells)
{
    uint64_t v = 0;
    for (uint32_t i = 0; i < cells; i++)
        v = v << 32 | dt_cell(prop, at + i);
    return v;
}

bool to_bus(struct planner *p, const struct dt_node *bus, uint64_t address, uint64_t size, struct src where, uint64_t *on_bus)
{
    *on_bus = address;
    if (!bus->parent)
        return true;
    if (!to_bus(p, bus->parent, address, size, where, &address))
        return false;
    const struct dt_prop *ranges = dt_prop(p->m->tree, bus, p->n.ranges);
    if (!ranges) {
        struct diag *d = diag(p->c->diags, E0505, where, "the guest's cpus cannot reach what is under %s: it has no `ranges`",
                              dt_path(p->c->arena, bus));
        diag_help(d, "give it an empty one (`ranges;`) with the cells of its parent");
        return false;
    }
    *on_bus = address;
    if (!ranges->len)
        return true;
    uint32_t na = cells_of(p, bus, p->n.address_cells, 2), ns = cells_of(p, bus, p->n.size_cells, 1);
    uint32_t pna = cells_of(p, bus->parent, p->n.address_cells, 2), step = na + pna + ns;
    for (uint32_t i = 0; na <= 3 && pna <= 2 && ns <= 2 && step && (i + step) * 4 <= ranges->len; i += step) {
        uint64_t child = get_cells(ranges, i + (na == 3), na == 3 ? 2 : na);
        uint64_t parent = get_cells(ranges, i + na, pna), len = get_cells(ranges, i + na + pna, ns);
        if (address >= parent && address - parent < len && len - (address - parent) >= size) {
            *on_bus = child + (address - parent);
            return true;
        }
    }
    diag(p->c->diags, E0506, where, "0x%" PRIx64 "..0x%" PRIx64 " is in no window of the `ranges` of %s", address, address + (size - 1),
         dt_path(p->c->arena, bus));
    return false;
}

static const struct m_region *said_of(const struct copied *k, const struct host_region *r)
{
    if (!k->part)
        return NULL;
    for (uint32_t i = 0; i < k->part->regions.n; i++) {
        const struct m_region *m = &k->part->regions.at[i];
        if (m->which.name ? r->name && !strcmp(m->which.name, r->name) : m->which.index == r->index)
            return m;
    }
    return NULL;
}

static void check_said(struct planner *p, const struct copied *k)
{
    const struct host_node *hn = &p->host->nodes[k->host->id];
    for (uint32_t i = 0; k->part && i < k->part->regions.n; i++) {
        const struct m_region *m = &k->part->regions.at[i];
        bool found = false;
        VEC(const char *) names = {0};
        for (uint32_t j = 0; j < hn->nregions; j++) {
            const struct host_region *r = &p->host->regions[hn->first_region + j];
            found = found || (m->which.name ? r->name && !strcmp(m->which.name, r->name) : m->which.index == r->index);
            if (r->name)
                vec_push(p->c->arena, &names, r->name);
        }
        if (found)
            continue;
        struct diag *d;
        if (m->which.name) {
            d = diag(p->c->diags, E0507, m->which.at, "%s has no region `%s`", dt_path(p->c->arena, k->host), m->which.name);
            const char *near = nearest(m->which.name, names.at, names.n);
            if (near)
                diag_help(d, "did you mean `%s`?", near);
            else
                diag_help(d, names.n ? "its reg-names begin with `%s`" : "it has no reg-names; say which by index%s", names.n ? names.at[0] : "");
        } else {
            d = diag(p->c->diags, E0508, m->which.at, "%s has no region %u", dt_path(p->c->arena, k->host), m->which.index);
            diag_help(d, "its `reg` has %u %s", hn->nregions, hn->nregions == 1 ? "entry: index 0" : "entries, from index 0");
        }
    }
}

/* True when [a, a + size) lies in a region that the same statement has already. */
static const struct p_region *covered(const struct p_device *d, uint64_t a, uint64_t size)
{
    for (; d; d = d->parent) {
        for (uint32_t i = 0; i < d->regions.n; i++) {
            const struct p_region *r = d->regions.at[i];
            if (r->host <= a && a - r->host < r->size && r->size - (a - r->host) >= size)
                return r;
        }
    }
    return NULL;
}

static struct p_region *add_region(struct planner *p, struct p_device *d, const struct p_region *r)
{
    struct p_region *n = NEW(p->c->arena, struct p_region);
    *n = *r;
    n->device = d;
    vec_push(p->c->arena, &d->regions, n);
    return n;
}

static const char *region_text(struct planner *p, const struct p_device *d, const struct p_region *r)
{
    return arena_printf(p->c->arena, "%s %u of `%s`", r->window ? "window" : "region", r->index, d->name);
}

/* The regions of a node's reg: mapped at the host's address unless said otherwise. */
void decide_regions(struct planner *p, struct copied *k, struct p_device *d)
{
    const struct host_node *hn = &p->host->nodes[k->host->id];
    bool top = k->part == &k->pass->parts.at[0];
    check_said(p, k);
    for (uint32_t i = 0; i < hn->nregions; i++) {
        const struct host_region *h = &p->host->regions[hn->first_region + i];
        const struct m_region *m = said_of(k, h);
        if (!h->translated) {
            if (m)
                diag(p->c->diags, E0509, m->at, "region %u of %s has no address that the cpus can reach", h->index, dt_path(p->c->arena, k->host));
            else if (top && h->size)
                diag_help(diag(p->c->diags, E0510, k->part->at, "region %u of %s has no address that the cpus can reach", h->index,
                               dt_path(p->c->arena, k->host)),
                          "it is on a bus behind another device: pass %s through", dt_path(p->c->arena, k->host->parent));
            continue;
        }
        if (!h->size)
            continue;
        const struct p_region *in = top ? NULL : covered(d, h->address, h->size);
        if (in && !m)
            continue; // its registers are part of a region that is assigned already
        struct p_region r = {.index = h->index, .name = h->name, .host = h->address, .size = h->size, .source = h,
                             .mode = m && m->mode != REGION_DEFAULT ? m->mode : REGION_MAP, .unsafe = m ? m->unsafe : NULL,
                             .how = m && m->address.set ? HOW_WRITTEN : HOW_DEFAULT, .at = m ? m->at : k->pass->at};
        r.guest = m && m->address.set ? m->address.value : h->address;
        if (m && m->address.set && !top && r.guest != h->address) {
            diag_help(diag(p->c->diags, E0511, m->address.at, "the address of a region further down follows from its bus: 0x%" PRIx64, h->address),
                      "move the region of the node that is passed through, or pass %s through by itself", k->host->name);
            r.guest = h->address;
        }
        if (m && (m->file || m->offset.set))
            diag(p->c->diags, E0512, m->at, "`file` and `offset` belong to raw devices; this region is the host's");
        if (m && m->size.set && m->size.value != h->size)
            diag_fact(diag(p->c->diags, E0513, m->size.at, "region %u is 0x%" PRIx64 " bytes, not 0x%" PRIx64, h->index, h->size, m->size.value),
                      "%s: the `reg` of %s says so", p->host->file, dt_path(p->c->arena, k->host));
        if (r.mode == REGION_DROP) {
            r.guest = UINT64_MAX;
        } else if (r.mode == REGION_MAP && ((r.guest ^ r.host) & (p->model->page_size - 1))) {
            diag_help(diag(p->c->diags, E0514, m ? m->address.at : r.at,
                           "region %u is at 0x%" PRIx64 " on the host; at 0x%" PRIx64 " in the guest it is at another place in its page, and cannot be mapped",
                           h->index, r.host, r.guest),
                      "write `at 0x%" PRIx64 "`, or `trap`", (r.guest & ~(p->model->page_size - 1)) | (r.host & (p->model->page_size - 1)));
        }
        struct p_region *n = add_region(p, d, &r);
        if (n->mode != REGION_DROP)
            claim(p, n->guest, n->size, region_text(p, d, n), n->at);
    }
}

/* Where the guest sees a host address: moved with the region of the statement that holds it, else at the same place. */
static uint64_t to_guest(const struct p_device *d, uint64_t host)
{
    const struct p_region *r = covered(d, host, 1);
    return r && r->guest != UINT64_MAX ? r->guest + (host - r->host) : host;
}

/* reg of the node that is passed through, for its bus in the guest; names that fell away go, too. */
void write_reg(struct planner *p, struct copied *k)
{
    const struct p_device *d = k->device;
    const struct dt_node *bus = k->guest->parent;
    uint32_t na = cells_of(p, bus, p->n.address_cells, 2), ns = cells_of(p, bus, p->n.size_cells, 1), n = 0;
    struct src where = k->pass->at;
    if (na > 2 || ns > 2 || !na) {
        diag(p->c->diags, E0515, where, "%s has #address-cells %u and #size-cells %u: not a bus for a device with registers",
             dt_path(p->c->arena, bus), na, ns);
        return;
    }
    uint32_t most = d->regions.n;
    uint8_t *data = arena_alloc(p->c->arena, (size_t)most * (na + ns) * 4 + 1);
    const char *names = "";
    uint32_t names_len = 0, first_set = 0;
    uint64_t unit = 0;
    for (uint32_t i = 0; i < most; i++) {
        struct p_region *r = d->regions.at[i];
        uint64_t on_bus;
        if (r->mode == REGION_DROP || r->window)
            continue;
        if (!to_bus(p, bus, r->guest, r->size, r->at, &on_bus))
            return;
        if ((na == 1 && on_bus + (r->size - 1) > UINT32_MAX) || (ns == 1 && r->size > UINT32_MAX)) {
            diag_help(diag(p->c->diags, E0516, r->at, "0x%" PRIx64 " + 0x%" PRIx64 " does not fit the %u address and %u size cells of %s", on_bus, r->size, na, ns,
                           dt_path(p->c->arena, bus)),
                      "give that bus 2 of each");
            return;
        }
        put_cells(data + (size_t)n * (na + ns) * 4, on_bus, na);
        put_cells(data + ((size_t)n * (na + ns) + na) * 4, r->size, ns);
        if (!first_set++)
            unit = on_bus;
        n++;
        if (r->name) {
            uint32_t len = (uint32_t)strlen(r->name) + 1;
            char *more = arena_alloc(p->c->arena, names_len + len);
            memcpy(more, names, names_len);
            memcpy(more + names_len, r->name, len);
            names = more;
            names_len += len;
        }
    }
    const struct origin *o = origin_of(p, ORIGIN_COMPUTED, where, "the guest's addresses of its regions");
    // The copy stands in the tree under its host path until its name is known; no other node can be called that.
    size_t base = strcspn(k->host->name, "@");
    const char *generic = d->class && d->class->node_name ? d->class->node_name : arena_strndup(p->c->arena, k->host->name, base);
    const char *name = k->host->name;
    if (n) {
        dt_set(p->m->tree, k->guest, p->n.reg, data, n * (na + ns) * 4, o);
        name = arena_printf(p->c->arena, "%s@%" PRIx64, generic, unit);
    } else if (dt_del(p->m->tree, k->guest, p->n.reg)) {
        name = generic;
    }
    name_copy(p, k, name);
    if (!names_len)
        dt_del(p->m->tree, k->guest, p->n.reg_names);
    else if (dt_prop(p->m->tree, k->guest, p->n.reg_names))
        dt_set(p->m->tree, k->guest, p->n.reg_names, names, names_len, o);
}

/* ---- ranges ---- */

struct window {
    uint64_t child, cpu, size;
};

/* The addresses that children of `n` really use, for an empty `ranges` that cannot stay empty. */
static void collect_windows(struct planner *p, const struct dt_node *host, struct window *w, uint32_t *nw, uint32_t most)
{
    for (const struct dt_node *c = host->child; c; c = c->next) {
        const struct host_node *hn = &p->host->nodes[c->id];
        for (uint32_t i = 0; i < hn->nregions && *nw < most; i++) {
            const struct host_region *r = &p->host->regions[hn->first_region + i];
            if (r->translated && r->size)
                w[(*nw)++] = (struct window){r->bus, r->address, r->size};
        }
        const struct dt_prop *ranges = dt_prop(p->host->tree, c, p->n.ranges);
        if (ranges && !ranges->len)
            collect_windows(p, c, w, nw, most);
    }
}

static uint32_t count_regions(struct planner *p, const struct dt_node *host)
{
    uint32_t n = 0;
    for (const struct dt_node *c = host; c; c = dt_next(c, host))
        n += p->host->nodes[c->id].nregions;
    return n;
}

static void set_ranges(struct planner *p, struct copied *k, const char *name, const uint8_t *data, uint32_t len)
{
    dt_set(p->m->tree, k->guest, name, data, len, origin_of(p, ORIGIN_COMPUTED, k->pass->at, "the windows of its bus, on the guest's bus"));
}

/*
 * The parent's side of ranges is on the host's bus; rewrite it for the guest's. Windows outside of the
 * node's own registers (PCI memory and I/O) are regions of the device as well: they must be mapped.
 */
void write_ranges(struct planner *p, struct copied *k)
{
    const struct host *h = p->host;
    const struct dt_prop *ranges = dt_prop(h->tree, k->host, p->n.ranges);
    struct dt_node *bus = k->guest->parent;
    uint32_t gna = cells_of(p, bus, p->n.address_cells, 2);
    uint32_t na = host_address_cells(h, k->host), ns = host_size_cells(h, k->host);
    uint32_t pna = k->host->parent ? host_address_cells(h, k->host->parent) : 2;
    if (!ranges || !dt_prop(p->m->tree, k->guest, p->n.ranges) || gna > 2 || !gna)
        return;
    if (!ranges->len) {
        uint32_t most = count_regions(p, k->host), nw = 0;
        struct window *w = arena_array(p->c->arena, most + 1, sizeof *w);
        collect_windows(p, k->host, w, &nw, most);
        bool same = na == gna && ns <= 2;
        for (uint32_t i = 0; i < nw && same; i++) {
            uint64_t on_bus;
            same = to_bus(p, bus, to_guest(k->device, w[i].cpu), w[i].size, k->pass->at, &on_bus) && on_bus == w[i].child;
        }
        if (same || na > 2 || ns > 2)
            return;
        uint8_t *data = arena_alloc(p->c->arena, (size_t)nw * (na + gna + ns) * 4 + 1);
        for (uint32_t i = 0; i < nw; i++) {
            uint64_t on_bus;
            uint8_t *e = data + (size_t)i * (na + gna + ns) * 4;
            if (!to_bus(p, bus, to_guest(k->device, w[i].cpu), w[i].size, k->pass->at, &on_bus))
                return;
            put_cells(e, w[i].child, na);
            put_cells(e + na * 4, on_bus, gna);
            put_cells(e + (na + gna) * 4, w[i].size, ns);
        }
        set_ranges(p, k, p->n.ranges, data, nw * (na + gna + ns) * 4);
        return;
    }
    uint32_t step = na + pna + ns, out = na + gna + ns;
    if (!step || ranges->len % (step * 4) || na > 4 || pna > 3 || ns > 2)
        return; // the host index has said so
    uint32_t n = ranges->len / (step * 4);
    uint8_t *data = arena_alloc(p->c->arena, (size_t)n * out * 4 + 1);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t parent[4] = {0};
        for (uint32_t j = 0; j < pna; j++)
            parent[j] = dt_cell(ranges, i * step + na + j);
        uint64_t size = get_cells(ranges, i * step + na + pna, ns), cpu, on_bus;
        const struct dt_node *blocked;
        if (!size || !host_translate(h, k->host->parent, parent, pna, size, &cpu, &blocked))
            continue; // nothing could use it on the host either
        uint64_t guest = to_guest(k->device, cpu);
        if (!to_bus(p, bus, guest, size, k->pass->at, &on_bus))
            return;
        if (gna == 1 && on_bus + (size - 1) > UINT32_MAX) {
            diag(p->c->diags, E0516, k->pass->at, "0x%" PRIx64 " + 0x%" PRIx64 " does not fit the address cell of %s", on_bus, size, dt_path(p->c->arena, bus));
            return;
        }
        uint8_t *e = data + (size_t)kept++ * out * 4;
        memcpy(e, ranges->data + (size_t)i * step * 4, na * 4);
        put_cells(e + na * 4, on_bus, gna);
        put_cells(e + (na + gna) * 4, size, ns);
        // What is below another bus has regions of its own; functions on PCI have no nodes, and get all of the window.
        if (na == 3 && !covered(k->device, cpu, size)) {
            struct p_region r = {.index = i, .host = cpu, .size = size, .guest = guest, .mode = REGION_MAP, .window = true, .how = HOW_DEFAULT, .at = k->pass->at};
            struct p_region *w = add_region(p, k->device, &r);
            claim(p, w->guest, w->size, region_text(p, k->device, w), w->at);
        }
    }
    set_ranges(p, k, p->n.ranges, data, kept * out * 4);
    const struct dt_prop *dma = dt_prop(p->m->tree, k->guest, p->n.dma_ranges);
    if (!dma || !dma->len || dma->len % (step * 4) || pna == gna || pna > 2)
        return;
    n = dma->len / (step * 4);
    data = arena_alloc(p->c->arena, (size_t)n * out * 4);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t *e = data + (size_t)i * out * 4;
        memcpy(e, dma->data + (size_t)i * step * 4, na * 4);
        put_cells(e + na * 4, get_cells(dma, i * step + na, pna), gna);
        put_cells(e + (na + gna) * 4, get_cells(dma, i * step + na + pna, ns), ns);
    }
    set_ranges(p, k, p->n.dma_ranges, data, n * out * 4);
}

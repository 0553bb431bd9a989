// SPDX-License-Identifier: MIT
// A guest-visible IOMMU: mappings that the guest makes and removes at run time, kept in a treap by address. VFIO's two
// interfaces differ in what they answer to an unmap of nothing or of half a mapping, so that is decided here.
#include "session/steps.h"

#include "backend/backend.h"

#include <errno.h>

struct tree {
    struct tree *left, *right;
    struct mapping map;
    uint32_t priority;
    uint32_t uses;
};

static uint64_t last_address(const struct mapping *m)
{
    return m->iova + (m->size - 1);
}

// Splits into the mappings below `iova`, *low, and the rest, *high.
static void split_tree(struct tree *t, uint64_t iova, struct tree **low, struct tree **high)
{
    while (t) {
        if (t->map.iova < iova) {
            *low = t;
            low = &t->right;
            t = t->right;
        } else {
            *high = t;
            high = &t->left;
            t = t->left;
        }
    }
    *low = *high = NULL;
}

static struct tree *join_trees(struct tree *low, struct tree *high)
{
    struct tree *root = NULL, **at = &root;
    while (low && high) {
        if (low->priority > high->priority) {
            *at = low;
            at = &low->right;
            low = low->right;
        } else {
            *at = high;
            at = &high->left;
            high = high->left;
        }
    }
    *at = low ? low : high;
    return root;
}

static void insert_mapping(struct tree **root, struct tree *t)
{
    struct tree *low, *high;
    split_tree(*root, t->map.iova, &low, &high);
    *root = join_trees(join_trees(low, t), high);
}

static void remove_mapping(struct tree **root, struct tree *t)
{
    while (*root != t)
        root = t->map.iova < (*root)->map.iova ? &(*root)->left : &(*root)->right;
    *root = join_trees(t->left, t->right);
}

// The first mapping that ends at `iova` or after it.
static struct tree *first_mapping_from(struct tree *t, uint64_t iova)
{
    struct tree *best = NULL;
    while (t) {
        if (last_address(&t->map) >= iova) {
            best = t;
            t = t->left;
        } else {
            t = t->right;
        }
    }
    return best;
}

// A function of the address alone, so that the tree does not depend on chance: the finaliser of MurmurHash3 (A.
// Appleby, public domain).
static uint32_t priority_of(uint64_t iova)
{
    uint32_t h = (uint32_t)(iova >> 12) ^ (uint32_t)(iova >> 44);
    h ^= h >> 16;
    h *= UINT32_C(0x85ebca6b);
    h ^= h >> 13;
    h *= UINT32_C(0xc2b2ae35);
    return h ^ h >> 16;
}

/* ---- map ---- */

// The context of a domain that the guest maps; NULL: it is no such domain.
static struct context *find_guest_context(const struct mach_session *s, uint32_t dma)
{
    struct mach_cfg_rec r = mach_cfg_record(s->f, MACH_CFG_S_DMA, dma);
    if (dma >= s->f->section[MACH_CFG_S_DMA].count || mach_cfg_dma_mode(r) != MACH_CFG_DMA_GUEST_IOMMU)
        return NULL;
    return s->device[mach_cfg_dma_device(r)].context;
}

static int check_range(const struct mach_session *s, const struct context *c, uint32_t dma, uint64_t iova,
                       uint64_t size)
{
    struct mach_cfg_rec r = mach_cfg_record(s->f, MACH_CFG_S_DMA, dma);
    uint64_t first = mach_cfg_dma_window(r), last = first + (mach_cfg_dma_size(r) - 1);
    if (!size || iova % c->page || size % c->page)
        return -EINVAL;
    if (size - 1 > UINT64_MAX - iova)
        return -ERANGE;
    if (mach_cfg_dma_flags(r) & MACH_CFG_DMA_HAS_WINDOW && (iova < first || iova + (size - 1) > last))
        return -ERANGE;
    for (uint32_t i = 0; i < c->ranges; i++)
        if (iova >= c->range[i].first && iova + (size - 1) <= c->range[i].last)
            return 0;
    return c->ranges ? -ERANGE : 0;
}

static int map_locked(struct mach_session *s, struct context *c, const struct mapping *m)
{
    struct tree *t = first_mapping_from(c->tree, m->iova);
    if (t && t->map.iova <= last_address(m)) {
        if (t->map.iova != m->iova || t->map.size != m->size || t->map.host != m->host || t->map.prot != m->prot ||
            t->uses == UINT32_MAX)
            return -EEXIST;
        t->uses++;
        return 0;
    }
    t = (struct tree *)s->sys.alloc(s->sys.opaque, NULL, sizeof *t);
    if (!t)
        return -ENOMEM;
    *t = (struct tree){.map = *m, .priority = priority_of(m->iova), .uses = 1};
    int r = s->backend->map(s, c, m);
    if (r) {
        s->sys.alloc(s->sys.opaque, t, 0);
        return r;
    }
    insert_mapping(&c->tree, t);
    return 0;
}

int mach_dma_map(struct mach_session *s, uint32_t dma, uint64_t iova, uint64_t size, void *host, unsigned prot)
{
    struct context *c = find_guest_context(s, dma);
    if (!c || !prot || prot & ~(unsigned)(MACH_DMA_READ | MACH_DMA_WRITE))
        return -EINVAL;
    int r = check_range(s, c, dma, iova, size);
    if (r || (uintptr_t)host % c->page)
        return r ? r : -EINVAL;
    const struct mapping m = {.iova = iova, .size = size, .host = (uint8_t *)host, .prot = prot};
    pthread_mutex_lock(&s->lock);
    r = map_locked(s, c, &m);
    pthread_mutex_unlock(&s->lock);
    return r;
}

/* ---- unmap ---- */

// Does the range cut a mapping in two?
static bool cuts_mapping(struct tree *root, uint64_t iova, uint64_t last)
{
    const struct tree *t = first_mapping_from(root, iova);
    if (t && t->map.iova < iova)
        return true;
    t = first_mapping_from(root, last);
    return t && t->map.iova <= last && last_address(&t->map) > last;
}

static int unmap_locked(struct mach_session *s, struct context *c, uint64_t iova, uint64_t last, uint64_t *bytes)
{
    if (cuts_mapping(c->tree, iova, last))
        return -EINVAL;
    for (struct tree *t; (t = first_mapping_from(c->tree, iova)) && t->map.iova <= last;) {
        uint64_t next = last_address(&t->map);
        if (t->uses > 1) {
            t->uses--;
        } else {
            int r = s->backend->unmap(s, c, &t->map);
            if (r)
                return r;
            *bytes += t->map.size;
            remove_mapping(&c->tree, t);
            s->sys.alloc(s->sys.opaque, t, 0);
        }
        if (next == last)
            break;
        iova = next + 1;
    }
    return 0;
}

int mach_dma_unmap(struct mach_session *s, uint32_t dma, uint64_t iova, uint64_t size, uint64_t *unmapped)
{
    struct context *c = find_guest_context(s, dma);
    uint64_t bytes = 0;
    if (unmapped)
        *unmapped = 0;
    if (!c || !size || size - 1 > UINT64_MAX - iova)
        return -EINVAL;
    pthread_mutex_lock(&s->lock);
    int r = unmap_locked(s, c, iova, iova + (size - 1), &bytes);
    pthread_mutex_unlock(&s->lock);
    if (unmapped)
        *unmapped = bytes;
    return r;
}

uint32_t mach_dma_ranges(const struct mach_session *s, uint32_t dma, uint64_t *first, uint64_t *last, uint32_t max)
{
    const struct context *c = find_guest_context(s, dma);
    for (uint32_t i = 0; c && i < c->ranges && i < max; i++) {
        first[i] = c->range[i].first;
        last[i] = c->range[i].last;
    }
    return c ? c->ranges : 0;
}

/* ---- the end ---- */

static int undo_guest_maps(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    struct context *c = (struct context *)thing;
    int result = 0;
    while (c->tree) {
        struct tree *t = c->tree;
        int r = s->backend->unmap(s, c, &t->map);
        result = result ? result : r;
        remove_mapping(&c->tree, t);
        s->sys.alloc(s->sys.opaque, t, 0);
    }
    return result;
}

int machrt_step_guest_maps(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->contexts; i++) {
        if (!s->context[i].guest_owned)
            continue;
        if (machrt_reserve_undo(s))
            return -1;
        machrt_push_undo(s, undo_guest_maps, &s->context[i], 0, "remove the guest's DMA mappings");
    }
    return 0;
}

// SPDX-License-Identifier: MIT
// A guest-visible IOMMU: mappings that the guest makes and removes at run time, kept in a treap by address. VFIO's two
// interfaces differ in what they answer to an unmap of nothing or of half a mapping, so that is decided here.
#include "session/steps.h"

#include "backend/backend.h"

#include <errno.h>
#include <stdlib.h>

struct tree {
    struct tree *left, *right;
    struct mapping map;
    uint32_t priority;
    uint32_t *user; // records of section DMA that have mapped it: as many as there are functions in a group, at most
    uint32_t users;
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

// The next of a row that the guest cannot foresee, so that no choice of addresses makes the tree a list: SplitMix64 (S.
// Vigna, public domain). The seed is the kernel's.
static uint32_t next_priority(struct mach_session *s)
{
    uint64_t x = s->random += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)(x >> 32);
}

/* ---- who has mapped it ---- */

// Where a domain is in the list of users; t->users: it is not.
static uint32_t find_user(const struct tree *t, uint32_t dma)
{
    uint32_t i = 0;
    while (i < t->users && t->user[i] != dma)
        i++;
    return i;
}

static bool is_user(const struct tree *t, uint32_t dma)
{
    return find_user(t, dma) < t->users;
}

static int add_user(struct mach_session *s, struct tree *t, uint32_t dma)
{
    uint32_t *user = (uint32_t *)s->sys.alloc(s->sys.opaque, t->user, (t->users + 1) * sizeof *user);
    if (!user)
        return -ENOMEM;
    t->user = user;
    t->user[t->users++] = dma;
    return 0;
}

static void free_mapping(struct mach_session *s, struct tree *t)
{
    s->sys.alloc(s->sys.opaque, t->user, 0);
    s->sys.alloc(s->sys.opaque, t, 0);
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

static int map_locked(struct mach_session *s, struct context *c, uint32_t dma, const struct mapping *m)
{
    struct tree *t = first_mapping_from(c->tree, m->iova);
    if (t && t->map.iova <= last_address(m)) {
        // Another function of the group may have mapped the same, since they share page tables. The same one may not:
        // it would unmap once, and go on to reach memory that the guest has given to somebody else.
        if (t->map.iova != m->iova || t->map.size != m->size || t->map.host != m->host || t->map.prot != m->prot ||
            is_user(t, dma))
            return -EEXIST;
        return add_user(s, t, dma);
    }
    t = (struct tree *)s->sys.alloc(s->sys.opaque, NULL, sizeof *t);
    if (!t)
        return -ENOMEM;
    *t = (struct tree){.map = *m, .priority = next_priority(s)};
    int r = add_user(s, t, dma);
    r = r ? r : s->backend->map(s, c, m);
    if (r) {
        free_mapping(s, t);
        return r;
    }
    insert_mapping(&c->tree, t);
    return 0;
}

// Guest memory that contains [host, host + size) as a whole; NULL: none does.
static const struct memory *find_memory(const struct mach_session *s, const void *host, uint64_t size)
{
    uint32_t low = 0, high = s->memories;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if ((uintptr_t)s->by_place[middle]->m.at <= (uintptr_t)host)
            low = middle + 1;
        else
            high = middle;
    }
    const struct memory *m = low ? s->by_place[low - 1] : NULL;
    uint64_t offset = m ? (uintptr_t)host - (uintptr_t)m->m.at : 0;
    return m && offset < m->m.size && size <= m->m.size - offset ? m : NULL;
}

// What the config says of memory holds for mappings of the guest's, too.
static int check_memory(const struct mach_session *s, const void *host, uint64_t size, unsigned prot)
{
    const struct memory *m = find_memory(s, host, size);
    if (!m)
        return -EFAULT;
    if (mach_cfg_memory_flags(m->rec) & MACH_CFG_MEMORY_NO_DMA || (m->m.readonly && prot & MACH_DMA_WRITE))
        return -EACCES;
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
    r = check_memory(s, host, size, prot);
    if (r)
        return r;
    const struct mapping m = {.iova = iova, .size = size, .host = (uint8_t *)host, .prot = prot};
    pthread_mutex_lock(&s->lock);
    r = map_locked(s, c, dma, &m);
    pthread_mutex_unlock(&s->lock);
    return r;
}

/* ---- unmap ---- */

// Does the range cut a mapping of the domain's in two?
static bool cuts_mapping(struct tree *root, uint32_t dma, uint64_t iova, uint64_t last)
{
    const struct tree *t = first_mapping_from(root, iova);
    if (t && t->map.iova < iova && is_user(t, dma))
        return true;
    t = first_mapping_from(root, last);
    return t && t->map.iova <= last && last_address(&t->map) > last && is_user(t, dma);
}

// A domain no longer needs a mapping: the last one takes it away.
static int drop_user(struct mach_session *s, struct context *c, struct tree *t, uint32_t dma, uint64_t *bytes)
{
    if (t->users > 1) {
        t->user[find_user(t, dma)] = t->user[t->users - 1];
        t->users--;
        return 0;
    }
    int r = s->backend->unmap(s, c, &t->map);
    if (r)
        return r;
    *bytes += t->map.size;
    remove_mapping(&c->tree, t);
    free_mapping(s, t);
    return 0;
}

static int unmap_locked(struct mach_session *s, struct context *c, uint32_t dma, uint64_t iova, uint64_t last,
                        uint64_t *bytes)
{
    if (cuts_mapping(c->tree, dma, iova, last))
        return -EINVAL;
    for (struct tree *t; (t = first_mapping_from(c->tree, iova)) && t->map.iova <= last;) {
        uint64_t next = last_address(&t->map);
        int r = is_user(t, dma) ? drop_user(s, c, t, dma, bytes) : 0;
        if (r)
            return r;
        if (next >= last)
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
    int r = unmap_locked(s, c, dma, iova, iova + (size - 1), &bytes);
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
        free_mapping(s, t);
    }
    return result;
}

static int by_place(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)(*(struct memory *const *)a)->m.at, y = (uintptr_t)(*(struct memory *const *)b)->m.at;
    return (x > y) - (x < y);
}

// What mappings at run time need: where memory is, and a seed.
static int prepare_guest_maps(struct mach_session *s)
{
    if (s->by_place)
        return 0;
    s->by_place = (struct memory **)machrt_session_alloc(s, s->memories, sizeof(struct memory *));
    if (!s->by_place)
        return -1;
    for (uint32_t i = 0; i < s->memories; i++)
        s->by_place[i] = &s->memory[i];
    if (s->memories)
        qsort(s->by_place, s->memories, sizeof *s->by_place, by_place);
    int r = machrt_check_transfer(s->sys.random(s->sys.opaque, &s->random, sizeof s->random), sizeof s->random);
    return r ? machrt_set_error(s, "map", r, "the guest's IOMMU", "the kernel gives no random number") : 0;
}

int machrt_step_guest_maps(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->contexts; i++) {
        if (!s->context[i].guest_owned)
            continue;
        if (prepare_guest_maps(s) || machrt_reserve_undo(s))
            return -1;
        machrt_push_undo(s, undo_guest_maps, &s->context[i], 0, "remove the guest's DMA mappings");
    }
    return 0;
}

// SPDX-License-Identifier: MIT
/*
 * Who has which bytes: locks of the files themselves. They belong to the open file, and so end with its last mapping,
 * also when the process is killed; there is nothing to clean up. Bits are counted, not bytes, since of a shadow's
 * registers bits have owners.
 *
 * Physical memory is locked on /dev/mem, which is the same file for all that have the host's /dev. Who may not open it,
 * as a user that was given a PCI function's registers, locks the file that it has.
 */
#include "session/claims.h"

#include "core/physical.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

static const uint64_t END = UINT64_C(1) << 58;      // of what can be locked, in bytes
static const uint64_t LINE_BIT = UINT64_C(1) << 62; // a UIO device's interrupt: beyond all of its bytes

/* What the session has, for messages. */
struct held {
    struct held *next;
    const char *who;
    struct identity is;
    uint64_t size;
};

static bool is_same_file(const struct identity *a, const struct identity *b)
{
    return a->physical == b->physical && (a->physical || (a->device == b->device && a->inode == b->inode) ||
                                          (a->special && a->special == b->special));
}

// Which other part of this session has some of the bytes; NULL: none, so it is another session.
static const char *find_holder(const struct mach_session *s, const struct identity *is, uint64_t size)
{
    for (const struct held *h = s->held; h; h = h->next)
        if (is_same_file(&h->is, is) && h->is.first < is->first + size && is->first < h->is.first + h->size)
            return h->who;
    return NULL;
}

static int report_lock(struct mach_session *s, const struct claim *c, const struct identity *is, int r)
{
    if (r != -EAGAIN && r != -EACCES)
        return machrt_set_error(s, c->step, r, c->who,
                                "%.300s: nothing can be locked in it, so another VMM could have it", c->path);
    const char *holder = find_holder(s, is, c->size ? c->size : 1);
    char place[96] = "";
    if (c->size)
        snprintf(place, sizeof place, "%s 0x%" PRIx64 "-0x%" PRIx64, is->physical ? "physical addresses" : "bytes",
                 is->first, is->first + (c->size - 1));
    return machrt_set_error(s, c->step, EBUSY, c->who, "%.300s: %s%s", c->path, c->size ? place : "its interrupt",
                            holder ? ": another part of the machine has them" : ": another session has them");
}

/* ---- locking ---- */

static int lock_bits(struct mach_session *s, int fd, bool shared, uint64_t first, uint64_t bits)
{
    return s->sys.lock(s->sys.opaque, fd, shared, first, bits);
}

// The bits that the guest may write, in runs. Records of section WRITE are sorted.
static int lock_shadow(struct mach_session *s, const struct claim *c, const struct identity *is, int fd)
{
    uint32_t region = (uint32_t)(c->shadow - s->region), n = s->f->section[MACH_CFG_S_WRITE].count;
    int r = 0;
    for (uint32_t i = machrt_first_write(s, region, 0); !r && i < n; i++) {
        struct mach_cfg_rec w = mach_cfg_record(s->f, MACH_CFG_S_WRITE, i);
        uint32_t mask = mach_cfg_write_mask(w);
        if (mach_cfg_write_region(w) != region)
            break;
        for (uint32_t bit = 0, end; !r && bit < 32; bit = end) {
            for (end = bit; end < 32 && mask >> end & 1; end++)
                ;
            if (end > bit)
                r = lock_bits(s, fd, false, (is->first + mach_cfg_write_offset(w)) * 8 + bit, end - bit);
            end += end == bit;
        }
    }
    return r;
}

static int lock_on(struct mach_session *s, const struct claim *c, const struct identity *is, uint64_t first, int fd)
{
    struct identity at = *is;
    at.first = first;
    if (c->shadow)
        return lock_shadow(s, c, &at, fd);
    return c->size ? lock_bits(s, fd, c->shared, first * 8, c->size * 8) : lock_bits(s, fd, false, LINE_BIT, 1);
}

// Opens the node that all others know the device by, and keeps it open. -1: it is `c->fd` already, or cannot be opened.
static int open_common(struct mach_session *s, const struct claim *c, const char *node)
{
    char path[PATH_SIZE];
    if (!*node || !machrt_dev_path(s, path, "%s", node) || !strcmp(path, c->path))
        return -1;
    int fd = s->sys.open(s->sys.opaque, path, c->shared ? O_RDONLY : O_RDWR);
    return fd < 0 ? -1 : fd;
}

static int lock(struct mach_session *s, const struct claim *c, const struct identity *is)
{
    // UIO's maps and resourceN lie in physical memory.
    const char *node = is->physical ? "mem" : is->device_node;
    int *common = (int *)machrt_session_alloc(s, 1, sizeof *common), r = 0;
    if (!common || machrt_reserve_undo(s))
        return -1;
    *common = open_common(s, c, node);
    if (*common >= 0) {
        machrt_push_undo(s, machrt_undo_close, common, 0, "close a locked file");
        r = lock_on(s, c, is, is->first, *common);
    }
    // /dev/mem under another name may be the same file: then it is locked already.
    if (!r && (*common < 0 || strcmp(node, is->device_node)))
        r = lock_on(s, c, is, is->physical && !strcmp(is->device_node, "mem") ? is->first : c->offset, c->fd);
    return r ? report_lock(s, c, is, r) : 0;
}

static int take(struct mach_session *s, const struct claim *c, const struct identity *is)
{
    struct held *h = (struct held *)machrt_session_alloc(s, 1, sizeof *h);
    if (!h || lock(s, c, is))
        return -1;
    *h = (struct held){s->held, c->who, *is, c->size ? c->size : 1};
    s->held = h;
    return 0;
}

/* ---- memory of the kernel's ---- */

// Registers are never in RAM; what the description takes for some may be.
static int refuse_ram(struct mach_session *s, const struct claim *c, const struct identity *is)
{
    struct ram ram;
    char name[128];
    bool reusable = false;
    uint64_t last = is->first + (c->size - 1);
    int r = machrt_find_session_ram(s, is->first, last, &ram);
    if (r)
        return machrt_set_error(s, c->step, r, c->who,
                                "%.300s: whether the kernel uses 0x%" PRIx64 "-0x%" PRIx64
                                " itself cannot be seen in %s/iomem",
                                c->path, is->first, last, s->sys.proc);
    if (!ram.some || (!machrt_find_reserved(s, is->first, last, name, sizeof name, &reusable) && !reusable))
        return 0;
    return machrt_set_error(s, c->step, EINVAL, c->who,
                            "%.300s: 0x%" PRIx64 "-0x%" PRIx64 " is memory that the kernel uses itself", c->path,
                            is->first, last);
}

/* ---- for the steps ---- */

int machrt_claim(struct mach_session *s, const struct claim *c)
{
    struct identity is;
    if (s->options.flags & MACH_DRY_RUN)
        return s->sys.lock(s->sys.opaque, c->fd, c->shared, c->offset * 8, c->size * 8);
    if (machrt_identify(s, c, &is))
        return -1;
    if (c->offset > is.end || c->size > is.end - c->offset)
        return machrt_set_error(s, c->step, EINVAL, c->who,
                                "%.300s: it has 0x%" PRIx64 " bytes, and 0x%" PRIx64 "-0x%" PRIx64 " is beyond its end",
                                c->path, is.end, c->offset, c->offset + (c->size - 1));
    if (is.first > END || c->size > END - is.first || c->offset > END || c->size > END - c->offset)
        return machrt_set_error(s, c->step, EINVAL, c->who, "%.300s: 0x%" PRIx64 " is no address that a host has",
                                c->path, is.first);
    // Of memory, session/prove_memory.c proves more.
    if (!strcmp(is.device_node, "mem") && !c->memory && refuse_ram(s, c, &is))
        return -1;
    return take(s, c, &is);
}

int machrt_claim_addresses(struct mach_session *s, const struct claim *c)
{
    struct identity is = {.physical = true, .first = c->offset, .end = END, .device_node = "mem"};
    struct held *h = (struct held *)machrt_session_alloc(s, 1, sizeof *h);
    if (!h)
        return -1;
    if (c->offset > END || c->size > END - c->offset)
        return 0; // no other name leads there
    int r = lock_bits(s, c->fd, false, c->offset * 8, c->size * 8);
    if (r)
        return report_lock(s, c, &is, r);
    *h = (struct held){s->held, c->who, is, c->size};
    s->held = h;
    return 0;
}

int machrt_claim_line(struct mach_session *s, const struct claim *c)
{
    struct identity is;
    if (s->options.flags & MACH_DRY_RUN)
        return s->sys.lock(s->sys.opaque, c->fd, 0, LINE_BIT, 1);
    if (machrt_identify_uio(s, c, &is))
        return -1;
    is.first = LINE_BIT;
    return take(s, c, &is);
}

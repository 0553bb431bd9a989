// SPDX-License-Identifier: MIT
// What every step uses: memory, errors, and the list of what has to be undone.
#include "core/session.h"

#include "base/error.h"

#include <errno.h>
#include <stdarg.h>

enum { BLOCK_SIZE = 64 * 1024 };

struct block {
    struct block *next;
    size_t used, size;
};

/* ---- errors and the log ---- */

int machrt_set_error(struct mach_session *s, const char *step, int number, const char *object, const char *hint, ...)
{
    va_list args;
    va_start(args, hint);
    s->result = machrt_fill_error_va(s->error, step, number, object, hint, args);
    va_end(args);
    // The host is not as expected, and no call has failed.
    if (!number && !strcmp(step, "expect"))
        s->result = -ENODEV;
    return -1;
}

void machrt_log(struct mach_session *s, const char *format, ...)
{
    if (!s->options.log)
        return;
    char line[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    mach_cfg_clean(line);
    s->options.log(s->options.opaque, line);
}

const char *machrt_object(struct mach_session *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(s->object, sizeof s->object, format, args);
    va_end(args);
    return s->object;
}

const char *machrt_keep_object(struct mach_session *s, const char *format, ...)
{
    va_list args;
    char *copy = (char *)machrt_session_alloc(s, 1, sizeof s->object);
    if (!copy)
        return NULL;
    va_start(args, format);
    vsnprintf(copy, sizeof s->object, format, args);
    va_end(args);
    return copy;
}

const char *machrt_device_object(struct mach_session *s, const struct device *d)
{
    return *d->sysfs ? machrt_object(s, "device %s (%s)", d->name, d->sysfs) : machrt_object(s, "device %s", d->name);
}

const char *machrt_string(const struct mach_session *s, uint32_t offset)
{
    return mach_cfg_string(s->f, offset);
}

/* ---- memory ---- */

static int report_no_memory(struct mach_session *s)
{
    return machrt_set_error(s, "memory", ENOMEM, "the session", "not enough memory for its tables");
}

void *machrt_session_alloc(struct mach_session *s, uint64_t count, size_t size)
{
    if (size && count > (SIZE_MAX - BLOCK_SIZE) / size) {
        report_no_memory(s);
        return NULL;
    }
    size_t bytes = ((size_t)count * size + 15) & ~(size_t)15;
    size_t head = (sizeof(struct block) + 15) & ~(size_t)15;
    struct block *b = s->blocks;
    if (!b || bytes > b->size - b->used) {
        size_t whole = bytes > BLOCK_SIZE / 4 ? head + bytes : BLOCK_SIZE;
        struct block *fresh = (struct block *)s->sys.alloc(s->sys.opaque, NULL, whole);
        if (!fresh) {
            report_no_memory(s);
            return NULL;
        }
        *fresh = (struct block){b, head, whole};
        // A large block goes after the one that is still being filled.
        if (b && whole != BLOCK_SIZE) {
            fresh->next = b->next;
            b->next = fresh;
        } else {
            s->blocks = fresh;
        }
        b = fresh;
    }
    void *p = (char *)b + b->used;
    b->used += bytes;
    return memset(p, 0, bytes);
}

void *machrt_session_grow(struct mach_session *s, void *list, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room)
        return list;
    uint32_t more = *room ? *room * 2 : 32;
    void *to = machrt_session_alloc(s, more, size);
    if (to && count)
        memcpy(to, list, count * size);
    *room = to ? more : *room;
    return to;
}

/* ---- undoing ---- */

int machrt_reserve_undo(struct mach_session *s)
{
    if (s->undos < s->undo_room)
        return 0;
    uint32_t room = s->undo_room ? s->undo_room * 2 : 64;
    struct undo *u = (struct undo *)s->sys.alloc(s->sys.opaque, s->undo, room * sizeof *u);
    if (!u)
        return report_no_memory(s);
    s->undo = u;
    s->undo_room = room;
    return 0;
}

void machrt_push_undo(struct mach_session *s, int (*fn)(struct mach_session *, void *, uint64_t), void *thing,
                      uint64_t arg, const char *what)
{
    s->undo[s->undos++] = (struct undo){fn, thing, arg, what};
}

int machrt_undo_close(struct mach_session *s, void *thing, uint64_t arg)
{
    (void)arg;
    int *fd = (int *)thing;
    int r = s->sys.close(s->sys.opaque, *fd);
    *fd = -1;
    return r;
}

int machrt_check_transfer(int64_t n, size_t size)
{
    if (n < 0)
        return (int)n;
    return (size_t)n == size ? 0 : -EIO;
}

int machrt_session_undo(struct mach_session *s, uint32_t undos, struct mach_error *error)
{
    int result = 0;
    s->error = error;
    while (s->undos > undos) {
        struct undo u = s->undo[--s->undos];
        int r = u.fn(s, u.object, u.arg);
        if (r >= 0)
            continue;
        machrt_log(s, "undo: %s: %s", u.what, strerror(-r));
        if (result)
            continue;
        machrt_set_error(s, "undo", r, u.what, "this could not be undone; everything else was");
        result = r;
    }
    s->error = NULL;
    return result;
}

int machrt_session_end(struct mach_session *s, struct mach_error *error)
{
    int result = machrt_session_undo(s, 0, error);
    struct mach_sys sys = s->sys;
    for (struct block *b = s->blocks, *next; b; b = next) {
        next = b->next;
        sys.alloc(sys.opaque, b, 0);
    }
    sys.alloc(sys.opaque, s->undo, 0);
    pthread_mutex_destroy(&s->lock);
    pthread_mutex_destroy(&s->registers);
    sys.alloc(sys.opaque, s, 0);
    return result;
}

/* ---- a new session ---- */

static bool usable_name(const char *name)
{
    return strlen(name) < 200 && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

static int make_devices(struct mach_session *s)
{
    for (uint32_t i = 0; i < s->devices; i++) {
        struct device *d = &s->device[i];
        d->index = i;
        d->rec = mach_cfg_record(s->f, MACH_CFG_S_DEVICE, i);
        d->name = machrt_string(s, mach_cfg_device_name(d->rec));
        d->sysfs = machrt_string(s, mach_cfg_device_sysfs_name(d->rec));
        d->fd = d->gone = -1;
        d->group = GROUP_NONE;
        uint32_t kind = mach_cfg_device_kind(d->rec);
        d->vfio = *d->sysfs && (kind == MACH_CFG_DEVICE_PLATFORM || kind == MACH_CFG_DEVICE_PCI);
        // The name becomes part of paths in sysfs.
        if (*d->sysfs && !usable_name(d->sysfs))
            return machrt_set_error(s, "expect", EINVAL, machrt_object(s, "device %s", d->name),
                                    "`%s` is not a valid device name on a bus", d->sysfs);
    }
    return 0;
}

static int make_arrays(struct mach_session *s)
{
    const struct mach_cfg_section *section = s->f->section;
    s->devices = section[MACH_CFG_S_DEVICE].count;
    s->regions = section[MACH_CFG_S_REGION].count;
    s->irqs = section[MACH_CFG_S_IRQ].count;
    s->memories = section[MACH_CFG_S_MEMORY].count;
    s->device = (struct device *)machrt_session_alloc(s, s->devices, sizeof *s->device);
    s->region = (struct region *)machrt_session_alloc(s, s->regions, sizeof *s->region);
    s->irq = (struct irq *)machrt_session_alloc(s, s->irqs, sizeof *s->irq);
    s->memory = (struct memory *)machrt_session_alloc(s, s->memories, sizeof *s->memory);
    if (!s->device || !s->region || !s->irq || !s->memory || make_devices(s))
        return -1;
    for (uint32_t i = 0; i < s->regions; i++) {
        s->region[i].rec = mach_cfg_record(s->f, MACH_CFG_S_REGION, i);
        s->region[i].device = &s->device[mach_cfg_region_device(s->region[i].rec)];
        s->region[i].fd = -1;
    }
    for (uint32_t i = 0; i < s->irqs; i++) {
        struct irq *q = &s->irq[i];
        q->rec = mach_cfg_record(s->f, MACH_CFG_S_IRQ, i);
        q->device = &s->device[mach_cfg_irq_device(q->rec)];
        q->fd = q->unmask_fd = q->link.fd = q->link.unmask_fd = -1;
    }
    for (uint32_t i = 0; i < s->memories; i++) {
        struct memory *m = &s->memory[i];
        m->rec = mach_cfg_record(s->f, MACH_CFG_S_MEMORY, i);
        m->m = (struct mach_memory){
            .index = i,
            .name = machrt_string(s, mach_cfg_memory_name(m->rec)),
            .address = mach_cfg_memory_address(m->rec),
            .size = mach_cfg_memory_size(m->rec),
            .fd = -1,
            .host = MACH_CFG_NONE64,
            .readonly = (mach_cfg_memory_flags(m->rec) & MACH_CFG_MEMORY_READONLY) != 0,
        };
    }
    return 0;
}

/* ---- structs of the caller's ---- */

static int refuse_struct(struct mach_error *error, const char *name, int r)
{
    return machrt_fill_error(error, "arguments", r, name, "%s",
                             r == -E2BIG ? "it has members that this version of libmachrt does not know"
                                         : "its `size` is not set to its sizeof");
}

// Does the table have all of its functions?
static bool is_complete(const struct mach_sys *sys)
{
    void (*function)(void);
    for (size_t at = offsetof(struct mach_sys, open); at <= offsetof(struct mach_sys, random); at += sizeof function) {
        memcpy(&function, (const char *)sys + at, sizeof function);
        if (!function)
            return false;
    }
    return true;
}

int machrt_copy_sys(struct mach_sys *to, const struct mach_sys *from)
{
    *to = *mach_sys_linux();
    int r = from ? machrt_copy_struct(to, sizeof *to, MACHRT_SIZE_UP_TO(struct mach_sys, io_uring_register), from) : 0;
    return r ? r : is_complete(to) ? 0 : -ENOSYS;
}

// Checks and copies the caller's structs. 0 or -errno.
static int copy_arguments(struct mach_options *o, struct mach_sys *sys, struct mach_ops *own,
                          const struct mach_options *options, const struct mach_ops *ops, struct mach_error *error)
{
    int r = options ? machrt_copy_struct(o, sizeof *o, MACHRT_SIZE_UP_TO(struct mach_options, opaque), options) : 0;
    if (r)
        return refuse_struct(error, "struct mach_options", r);
    r = machrt_copy_sys(sys, o->sys);
    if (r == -ENOSYS)
        return machrt_fill_error(error, "arguments", EINVAL, "struct mach_sys", "one of its functions is NULL");
    if (r)
        return refuse_struct(error, "struct mach_sys", r);
    r = ops ? machrt_copy_struct(own, sizeof *own, MACHRT_SIZE_UP_TO(struct mach_ops, disconnect), ops) : 0;
    return r ? refuse_struct(error, "struct mach_ops", r) : 0;
}

int machrt_session_new(const struct mach_config *config, const struct mach_options *options, const struct mach_ops *ops,
                       void *opaque, struct mach_session **session, struct mach_error *error)
{
    struct mach_options o = {.size = sizeof o};
    struct mach_ops own = {.size = sizeof own};
    struct mach_sys sys;
    *session = NULL;
    int r = copy_arguments(&o, &sys, &own, options, ops, error);
    if (r)
        return r;
    struct mach_session *s = (struct mach_session *)sys.alloc(sys.opaque, NULL, sizeof *s);
    if (!s) {
        struct mach_session none = {.error = error};
        report_no_memory(&none);
        return none.result;
    }
    memset(s, 0, sizeof *s);
    s->config = config;
    s->f = mach_config_file(config);
    s->sys = sys;
    s->options = o;
    s->ops = own;
    s->has_ops = ops != NULL;
    s->opaque = opaque;
    s->error = error;
    s->iommufd = -1;
    s->page = sys.page_size(sys.opaque);
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->registers, NULL);
    if (make_arrays(s)) {
        r = s->result;
        machrt_session_end(s, NULL);
        return r;
    }
    *session = s;
    return 0;
}

// SPDX-License-Identifier: MIT
// What files are, whatever they are called: device, inode, type and size; and locks of their bytes, which belong to an
// open file description and end with its last file descriptor or mapping (Linux fs/locks.c, locks_remove_file()).
#include "fake.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { DISK = 8, DEVTMPFS = 5, SYSFS = 20, UIO_MAJOR = 245, DAX_MAJOR = 250 };

static struct fake_text *text_of(struct fake *k, const char *path)
{
    for (uint32_t i = 0; i < k->texts; i++)
        if (!strcmp(k->text[i].path, path))
            return &k->text[i];
    return NULL;
}

const char *fake_resolve(struct fake *k, const char *path)
{
    const struct fake_text *t = text_of(k, path);
    return t && t->link && *t->data == '/' ? fake_resolve(k, t->data) : path;
}

void fake_node(struct fake *k, const char *path, unsigned major, unsigned minor)
{
    fake_text(k, path, "", 0);
    text_of(k, path)->special = makedev(major, minor);
}

void fake_file_size(struct fake *k, const char *path, uint64_t bytes)
{
    if (!text_of(k, path))
        fake_text(k, path, "", 0);
    text_of(k, path)->bytes = bytes;
}

void fake_deny(struct fake *k, const char *path)
{
    if (!text_of(k, path))
        fake_text(k, path, "", 0);
    text_of(k, path)->denied = true;
}

static uint64_t special_of(const char *path, const struct fake_text *t)
{
    unsigned n;
    if (t && t->special)
        return t->special;
    if (!strcmp(path, "/dev/mem"))
        return makedev(1, 1);
    if (sscanf(path, "/dev/uio%u", &n) == 1)
        return makedev(UIO_MAJOR, n);
    return !strncmp(path, "/dev/dax", 8) ? makedev(DAX_MAJOR, 0) : 0;
}

bool fake_is_uio(struct fake *k, const char *path)
{
    return major(special_of(path, text_of(k, path))) == UIO_MAJOR;
}

// A number for a path: no two are the same.
static uint64_t inode_of(struct fake *k, const char *path)
{
    for (uint32_t i = 0; i < k->texts; i++)
        if (!strcmp(k->text[i].path, path))
            return k->text[i].same ? k->text[i].same : 1000 + i;
    uint64_t h = 5381;
    for (; *path; path++)
        h = h * 33 + (uint8_t)*path;
    return h + FAKE_TEXTS + 1000;
}

void fake_same_inode(struct fake *k, const char *path, const char *as)
{
    if (!text_of(k, path))
        fake_text(k, path, "", 0);
    text_of(k, path)->same = inode_of(k, as);
    text_of(k, path)->in_sysfs = !strncmp(as, "/sys", 4);
    text_of(k, path)->bytes = text_of(k, as)->bytes;
}

void fake_identify(struct fake *k, struct fake_file *f, const char *path)
{
    const struct fake_text *t = text_of(k, path);
    uint64_t special = special_of(path, t);
    bool sysfs = !strncmp(path, "/sys", 4) || (t && t->in_sysfs);
    bool disk = strncmp(path, "/dev/", 5) || !strncmp(path, "/dev/shm/", 9);
    f->id = ++k->opened;
    f->stat = (struct mach_stat){
        .mode = (special ? S_IFCHR : S_IFREG) | 0600,
        .device = sysfs  ? SYSFS
                  : disk ? DISK
                         : DEVTMPFS,
        .inode = inode_of(k, path),
        .special = special,
        .bytes = t ? (t->bytes ? t->bytes : t->size) : 0,
    };
}

static int locked_stat(struct fake *k, int fd, struct mach_stat *to)
{
    int r = fake_step(k, "stat", true);
    *to = k->file[fd].stat;
    return r;
}

int fake_stat(void *o, int fd, struct mach_stat *to)
{
    LOCKED(fake_self(o), int, locked_stat(fake_self(o), fd, to));
}

/* ---- /sys/dev/char ---- */

// What a link of /sys/dev/char/M:N leads to; NULL: there is none.
const char *fake_char_link(struct fake *k, const char *path, char *out, size_t size)
{
    unsigned m, n;
    char rest[32] = "";
    if (sscanf(path, "/sys/dev/char/%u:%u/%31s", &m, &n, rest) < 2 || m != UIO_MAJOR || k->not_uio)
        return NULL;
    if (!*rest)
        snprintf(out, size, "../../devices/platform/x/uio/uio%u", n);
    else if (!strcmp(rest, "subsystem"))
        snprintf(out, size, "../../../../../class/uio");
    else
        return NULL;
    return out;
}

/* ---- locks ---- */

static bool is_alive(const struct fake *k, uint32_t id)
{
    for (int i = 0; i < FAKE_FILES; i++)
        if (k->file[i].open && k->file[i].id == id)
            return true;
    for (int i = 0; i < FAKE_MAPS; i++)
        if (k->map[i].at && k->map[i].id == id)
            return true;
    return false;
}

void fake_end_locks(struct fake *k)
{
    for (uint32_t i = 0; i < k->locks;)
        if (is_alive(k, k->locked[i].id))
            i++;
        else
            k->locked[i] = k->locked[--k->locks];
}

static int do_lock(struct fake *k, int fd, bool shared, uint64_t first, uint64_t size)
{
    const struct mach_stat *st = &k->file[fd].stat;
    if (!size || first > INT64_MAX || size > (uint64_t)INT64_MAX - first + 1)
        return -EINVAL;
    if (!shared && k->file[fd].reads_only)
        return -EBADF;
    for (uint32_t i = 0; i < k->locks; i++) {
        const struct fake_lock *l = &k->locked[i];
        if (l->device == st->device && l->inode == st->inode && l->id != k->file[fd].id && !(shared && l->shared) &&
            first < l->first + l->size && l->first < first + size)
            return -EAGAIN;
    }
    if (k->locks == FAKE_LOCKS)
        return -ENOLCK;
    k->locked[k->locks++] = (struct fake_lock){st->device, st->inode, first, size, k->file[fd].id, shared};
    return 0;
}

static int locked_lock(struct fake *k, int fd, bool shared, uint64_t first, uint64_t size)
{
    int r = fake_step(k, "lock", true);
    return r ? r : do_lock(k, fd, shared, first, size);
}

int fake_lock(void *o, int fd, int shared, uint64_t first, uint64_t size)
{
    LOCKED(fake_self(o), int, locked_lock(fake_self(o), fd, shared, first, size));
}

// SPDX-License-Identifier: MIT
#include "machrt.h"
#include "verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct mach_config {
    struct mach_cfg_file file;
    void *copy; // to be freed; or NULL
};

static int failed(struct mach_error *e, const char *step, int number, const char *object, const char *hint)
{
    if (!e)
        return -1;
    memset(e, 0, sizeof *e);
    e->step = step;
    e->number = number;
    snprintf(e->object, sizeof e->object, "%s", object);
    snprintf(e->hint, sizeof e->hint, "%s", hint);
    return -1;
}

static int refused(struct mach_error *e, const char *name, const struct mach_cfg_fault *fault)
{
    failed(e, "verify", 0, name, mach_cfg_error_text(fault->error));
    if (!e)
        return -1;
    e->name = mach_cfg_error_name(fault->error);
    e->offset = fault->offset;
    if (fault->section)
        snprintf(e->object, sizeof e->object, "%s: %s %u%s%s", name, fault->section->name, fault->record,
                 fault->field ? ", " : "", fault->field ? fault->field->name : "");
    return -1;
}

static int verified(const char *name, const void *bytes, size_t size, void *copy, struct mach_config **config,
                    struct mach_error *error)
{
    struct mach_cfg_fault fault;
    struct mach_config *c = malloc(sizeof *c);
    if (!c)
        return failed(error, "read", ENOMEM, name, "there is no memory for it");
    c->copy = copy;
    if (mach_cfg_frame(bytes, size, &c->file, &fault) || mach_cfg_verify(&c->file, &fault)) {
        free(c);
        return refused(error, name, &fault);
    }
    *config = c;
    return 0;
}

int mach_config_from_memory(const char *name, const void *bytes, size_t size, struct mach_config **config,
                            struct mach_error *error)
{
    *config = NULL;
    return verified(name, bytes, size, NULL, config, error);
}

// As many bytes as there are, up to `size`; -1 with errno.
static ssize_t read_all(int fd, uint8_t *p, size_t size)
{
    size_t n = 0;
    while (n < size) {
        ssize_t got = read(fd, p + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (!got)
            break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

int mach_config_open(const char *path, struct mach_config **config, struct mach_error *error)
{
    *config = NULL;
    // Not to wait for a writer, should it be a FIFO.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return failed(error, "open", errno, path, "it cannot be opened");
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return failed(error, "open", EINVAL, path, "it is not a regular file");
    }
    // Not mapped: what another process does to the file afterwards must not undo the verification, or end in SIGBUS.
    size_t size = (size_t)st.st_size;
    uint8_t *copy = malloc(size ? size : 1);
    ssize_t got = copy ? read_all(fd, copy, size) : -1;
    int number = copy ? errno : ENOMEM;
    close(fd);
    int result = got < 0 ? failed(error, "read", number, path, "it cannot be read")
                         : verified(path, copy, (size_t)got, copy, config, error);
    if (result)
        free(copy);
    return result;
}

void mach_config_close(struct mach_config *config)
{
    if (!config)
        return;
    free(config->copy);
    free(config);
}

const struct mach_cfg_file *mach_config_file(const struct mach_config *config)
{
    return &config->file;
}

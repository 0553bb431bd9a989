// SPDX-License-Identifier: MIT
#include "base/error.h"
#include "config/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct mach_config {
    struct mach_cfg_file file;
    void *copy; // of the file, to be freed; NULL: the bytes are the caller's
};

// A config that is refused: *fault says why.
static int refuse(struct mach_error *e, const char *name, const struct mach_cfg_fault *fault)
{
    char object[256];
    snprintf(object, sizeof object, "%s", name);
    if (fault->error == MACH_CFG_E_MEMORY)
        return machrt_fill_error(e, "read", ENOMEM, name, "%s", machrt_fault_text(fault->error));
    if (fault->other_section)
        snprintf(object, sizeof object, "%.160s: %s %u and %s %u", name, fault->section->name, fault->record,
                 fault->other_section->name, fault->other);
    else if (fault->section)
        snprintf(object, sizeof object, "%.160s: %s %u%s%s", name, fault->section->name, fault->record,
                 fault->field ? ", " : "", fault->field ? fault->field->name : "");
    machrt_fill_error(e, "verify", 0, object, "%s", machrt_fault_text(fault->error));
    machrt_name_error(e, machrt_fault_name(fault->error), fault->offset);
    return -EBADMSG;
}

static int verify_bytes(const char *name, const void *bytes, size_t size, void *copy, struct mach_config **config,
                        struct mach_error *error)
{
    struct mach_cfg_fault fault;
    struct mach_config *c = malloc(sizeof *c);
    if (!c)
        return machrt_fill_error(error, "read", ENOMEM, name, "not enough memory for the config");
    c->copy = copy;
    if (mach_cfg_frame(bytes, size, &c->file, &fault) || machrt_verify(&c->file, &fault)) {
        free(c);
        return refuse(error, name, &fault);
    }
    *config = c;
    return 0;
}

int mach_config_from_memory(const char *name, const void *bytes, size_t size, struct mach_config **config,
                            struct mach_error *error)
{
    *config = NULL;
    return verify_bytes(name, bytes, size, NULL, config, error);
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
    // O_NONBLOCK: an open of a FIFO must not wait for a writer.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return machrt_fill_error(error, "open", errno, path, "cannot open it");
    struct stat st;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return machrt_fill_error(error, "open", EINVAL, path, "not a regular file");
    }
    // Read, not mapped: a later change of the file by another process must not undo the verification, or end in SIGBUS.
    size_t size = (size_t)st.st_size;
    uint8_t *copy = malloc(size ? size : 1);
    ssize_t got = copy ? read_all(fd, copy, size) : -1;
    int number = copy ? errno : ENOMEM;
    close(fd);
    int result = got < 0 ? machrt_fill_error(error, "read", number, path, "cannot read it")
                         : verify_bytes(path, copy, (size_t)got, copy, config, error);
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

// SPDX-License-Identifier: MIT
// The file of a policy: who wrote it, and its bytes.
#include "policy/policy.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_BYTES = 1 << 20 };

// Only who may do all that a policy forbids can write it.
static int check_owner(const struct stat *st, const char *path, struct mach_error *error)
{
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return machrt_fill_error(error, "policy", EPERM, path,
                                 "it belongs to user %lu: a policy belongs to root, or to who runs this: chown root",
                                 (unsigned long)st->st_uid);
    if (st->st_mode & (S_IWGRP | S_IWOTH))
        return machrt_fill_error(error, "policy", EPERM, path, "others can write it: chmod go-w");
    return 0;
}

int mach_policy_open(const char *path, struct mach_policy **policy, struct mach_error *error)
{
    *policy = NULL;
    // O_NONBLOCK: an open of a FIFO must not wait for a writer.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return machrt_fill_error(error, "policy", errno, path, "cannot open it");
    struct stat st;
    int r = 0;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        r = machrt_fill_error(error, "policy", EINVAL, path, "not a regular file");
    else
        r = check_owner(&st, path, error);
    char *text = r ? NULL : (char *)malloc(MOST_BYTES + 1);
    size_t n = 0;
    if (!r && !text)
        r = machrt_fill_error(error, "policy", ENOMEM, path, "not enough memory for the policy");
    while (!r && n <= MOST_BYTES) {
        ssize_t got = read(fd, text + n, MOST_BYTES + 1 - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            r = machrt_fill_error(error, "policy", errno, path, "cannot read it");
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    close(fd);
    if (!r && n > MOST_BYTES)
        r = machrt_fill_error(error, "policy", EFBIG, path, "it is larger than 1 MiB");
    if (!r)
        r = mach_policy_from_memory(path, text, n, policy, error);
    free(text);
    return r;
}

void mach_policy_close(struct mach_policy *policy)
{
    if (!policy)
        return;
    free(policy->name);
    free(policy->text);
    free(policy->rule);
    free(policy->physical.list);
    free(policy->cpus.list);
    free(policy->caches.list);
    free(policy);
}

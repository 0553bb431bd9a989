// SPDX-License-Identifier: MIT
// .mach text is compiled to every output. `host "small.dts";` names a tree of the tests or examples by its file name.
#include "base.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The file name after the first `host "`, as far as that can be found without parsing. */
static void host_named(const uint8_t *data, size_t size, char *name, size_t room)
{
    static const char word[] = "host \"";
    const uint8_t *at = memmem(data, size, word, sizeof word - 1);
    *name = '\0';
    if (!at)
        return;
    at += sizeof word - 1;
    const uint8_t *end = memchr(at, '"', (size_t)(data + size - at));
    const uint8_t *slash = end ? memrchr(at, '/', (size_t)(end - at)) : NULL;
    at = slash ? slash + 1 : at;
    if (end && (size_t)(end - at) < room) {
        memcpy(name, at, (size_t)(end - at));
        name[end - at] = '\0';
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char name[64];
    host_named(data, size, name, sizeof name);
    struct host *host = *name ? base_host(name) : NULL;
    check_text(host, data, size);
    return 0;
}

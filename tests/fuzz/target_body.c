// SPDX-License-Identifier: MIT
// Device tree source in each of the three places where a description allows it.
#include "base.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const around[] = {
        ("host \"small.dts\"; const n = 7;\n"
         "machine m : arm64-virt { cpus 2; memory ram size 16M; passthrough &uart0 { dma none; ref * drop; edit {\n"),
        "\n}; } device con pl011; node /more {\n",
        "\n}; node &con { own: own-node { }; }; }\n",
    };
    size_t n = 2 * size + 1;
    for (size_t i = 0; i < 3; i++)
        n += strlen(around[i]);
    uint8_t *text = malloc(n);
    if (!text)
        abort();
    size_t at = 0;
    for (size_t i = 0; i < 3; i++) {
        memcpy(text + at, around[i], strlen(around[i]));
        at += strlen(around[i]);
        if (i < 2 && size)
            memcpy(text + at, data, size);
        at += i < 2 ? size : 0;
    }
    struct host *host = base_host("small.dts");
    check_text(host, text, at);
    free(text);
    return 0;
}

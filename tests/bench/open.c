// SPDX-License-Identifier: MIT
/*
 * Measures the time to open a config: open [RUNS] FILE.cfg
 *
 * Prints processor time in milliseconds (the best of the runs) for mach_config_open() as a whole and for its parts:
 * reading the file into new memory, the checksum, the rest of the frame and the records.
 */
#include "machcfg_file.h"
#include "machrt.h"

#include "../../runtime/config/verify.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { WHOLE, READ, CHECKSUM, VERIFY, PARTS };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static uint8_t *slurp(const char *path, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st))
        return NULL;
    *size = (size_t)st.st_size;
    uint8_t *p = malloc(*size + 1);
    ssize_t n = p ? read(fd, p, *size) : -1;
    close(fd);
    return n == st.st_size ? p : NULL;
}

int main(int argc, char **argv)
{
    static const char *const names[PARTS] = {"open", "read", "checksum", "verify"};
    double best[PARTS] = {1e9, 1e9, 1e9, 1e9};
    int runs = argc > 2 ? atoi(argv[1]) : 21;
    const char *path = argv[argc - 1];
    size_t size = 0;
    for (int i = 0; argc > 1 && i < runs; i++) {
        struct mach_config *config;
        struct mach_error error = MACH_ERROR_INIT;
        struct mach_cfg_file file;
        struct mach_cfg_fault fault;
        double t[PARTS + 1];
        t[WHOLE] = now();
        if (mach_config_open(path, &config, &error)) {
            fprintf(stderr, "%s: %s\n", error.object, error.hint);
            return 1;
        }
        t[READ] = now();
        mach_config_close(config);
        double closed = now();
        uint8_t *p = slurp(path, &size);
        t[CHECKSUM] = now();
        uint32_t sum = p ? mach_cfg_checksum(p, size) : 0;
        t[VERIFY] = now();
        if (!p || sum != MACH_CFG_HEADER_GET(p, checksum) || mach_cfg_frame(p, size, &file, &fault))
            return 1;
        double framed = now();
        if (machrt_verify(&file, &fault))
            return 1;
        t[PARTS] = now();
        free(p);
        double took[PARTS] = {t[READ] - t[WHOLE], t[CHECKSUM] - closed, t[VERIFY] - t[CHECKSUM], t[PARTS] - framed};
        for (int k = 0; k < PARTS; k++)
            best[k] = took[k] < best[k] ? took[k] : best[k];
    }
    if (!size)
        return 2;
    for (int k = 0; k < PARTS; k++)
        printf("%s %.3f ms\n", names[k], best[k]);
    return 0;
}

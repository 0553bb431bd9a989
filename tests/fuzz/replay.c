// SPDX-License-Identifier: MIT
// Runs a target on files, without libFuzzer: replay NAME FILE-OR-FOLDER ... A failure ends the process.
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long ran;
static const char *volatile running;

/* Prints which file it was; then the process ends as it would have. */
static void crashed(int number)
{
    const char *name = running;
    if (write(STDERR_FILENO, name, strlen(name)) < 0 || write(STDERR_FILENO, "\n", 1) < 0)
        name = NULL; // stderr is closed; nothing is left to do
    signal(number, SIG_DFL);
    raise(number);
}

static void one(const char *path)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st))
        abort();
    // Exactly as large, so that a sanitizer detects a read past the end.
    uint8_t *data = malloc(st.st_size ? (size_t)st.st_size : 1);
    if (!data || fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
        abort();
    fclose(f);
    running = path;
    LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
    free(data);
    ran++;
}

int main(int argc, char **argv)
{
    running = "";
    signal(SIGABRT, crashed);
    signal(SIGSEGV, crashed);
    for (int i = 2; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st))
            continue; // this target has no findings yet
        if (!S_ISDIR(st.st_mode)) {
            one(argv[i]);
            continue;
        }
        struct dirent **names;
        int n = scandir(argv[i], &names, NULL, alphasort);
        for (int k = 0; k < n; k++) {
            char path[4096];
            snprintf(path, sizeof path, "%s/%s", argv[i], names[k]->d_name);
            if (names[k]->d_name[0] != '.')
                one(path);
            free(names[k]);
        }
        if (n >= 0)
            free(names);
    }
    printf("fuzz %s: %lu passed, 0 failed\n", argc > 1 ? argv[1] : "", ran);
    return 0;
}

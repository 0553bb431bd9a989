// SPDX-License-Identifier: MIT
#include "dtc.h"

#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool write_all(int fd, const char *p, size_t n)
{
    for (ssize_t w; n; p += w, n -= (size_t)w)
        if ((w = write(fd, p, n)) <= 0)
            return false;
    return lseek(fd, 0, SEEK_SET) == 0;
}

static char *read_all(int fd, int status)
{
    struct stat st;
    if (fstat(fd, &st))
        return NULL;
    size_t n = (size_t)st.st_size;
    char *text = malloc(n + 64);
    if (!text || pread(fd, text, n, 0) != (ssize_t)n) {
        free(text);
        return NULL;
    }
    text[n] = '\0';
    if (status)
        snprintf(text + n, 64, "dtc: ended with status 0x%x\n", (unsigned int)status);
    return text;
}

static int run(char *const *argv, int in, int err)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status;
    if (posix_spawn_file_actions_init(&actions))
        return -1;
    posix_spawn_file_actions_adddup2(&actions, in, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", 1, 0);
    posix_spawn_file_actions_adddup2(&actions, err, 2);
    int failed = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return failed || waitpid(pid, &status, 0) != pid ? -1 : status;
}

char *dtc_check(char *const *argv, const void *fdt, size_t size)
{
    int in = memfd_create("tree", MFD_CLOEXEC), err = memfd_create("said", MFD_CLOEXEC);
    char *text = NULL;
    if (in >= 0 && err >= 0 && write_all(in, fdt, size)) {
        int status = run(argv, in, err);
        if (status != -1)
            text = read_all(err, status);
    }
    if (in >= 0)
        close(in);
    if (err >= 0)
        close(err);
    return text;
}

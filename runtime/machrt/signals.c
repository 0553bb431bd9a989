// SPDX-License-Identifier: MIT
// A signal ends a command that changes the host only when it has undone that, or is through; and then as it would have
// without us, so that whoever waits for the process sees which one it was.
#include "command.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

bool hold_signals(struct signals *to)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU};
    sigset_t held;
    sigemptyset(&held);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        struct sigaction now;
        // One that the command was started to ignore would be pending all the same.
        if (!sigaction(signals[i], NULL, &now) && now.sa_handler != SIG_IGN)
            sigaddset(&held, signals[i]);
    }
    sigprocmask(SIG_BLOCK, &held, &to->before);
    to->fd = signalfd(-1, &held, SFD_CLOEXEC);
    if (to->fd < 0)
        fprintf(stderr, "machrt: signals: %s\n", strerror(errno));
    return to->fd >= 0;
}

void release_signals(struct signals *held)
{
    if (held->fd >= 0)
        close(held->fd);
    fflush(stdout);
    sigprocmask(SIG_SETMASK, &held->before, NULL); // one that has come ends the process now
}

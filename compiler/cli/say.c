// SPDX-License-Identifier: MIT
#include "cli/say.h"

#include "diag/diag_snippet.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void say_va(FILE *to, const char *format, va_list args)
{
    char *text = NULL;
    size_t n = strlen(format);
    bool line = n && format[n - 1] == '\n';
    int len = vasprintf(&text, format, args);
    if (len < 0)
        return;
    put_clean(to, text, (size_t)len - line);
    if (line)
        fputc('\n', to);
    free(text);
}

void say(FILE *to, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_va(to, format, args);
    va_end(args);
}

// SPDX-License-Identifier: MIT
// What machrt prints of texts of others.
#include "command.h"

#include "machcfg_file.h"

void say_va(FILE *to, const char *format, va_list args)
{
    char text[4096];
    size_t n = strlen(format);
    vsnprintf(text, sizeof text, format, args);
    bool line = n && format[n - 1] == '\n';
    size_t len = strlen(text);
    if (line && len && text[len - 1] == '\n')
        text[len - 1] = '\0';
    mach_cfg_clean(text);
    fputs(text, to);
    if (line)
        putc('\n', to);
}

void say(FILE *to, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say_va(to, format, args);
    va_end(args);
}

void say_json(FILE *to, const char *s, size_t n)
{
    putc('"', to);
    for (size_t i = 0; i < n; i++) {
        unsigned char ch = (unsigned char)s[i];
        if (ch == '"' || ch == '\\')
            fprintf(to, "\\%c", ch);
        else if (ch < 0x20 || ch >= 0x7f)
            fprintf(to, "\\u00%02x", ch);
        else
            putc(ch, to);
    }
    putc('"', to);
}

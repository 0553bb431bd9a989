// SPDX-License-Identifier: MIT
#include "command.h"

#include "base/clean.h"

void print_clean_text(char *text)
{
    machrt_clean(text);
    puts(text);
}

void print_clean(const char *format, va_list args)
{
    char line[2048];
    vsnprintf(line, sizeof line, format, args);
    print_clean_text(line);
}

void print_clean_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_clean(format, args);
    va_end(args);
}

// SPDX-License-Identifier: MIT
// What the command itself has to say, besides the messages about its inputs.
#ifndef MACHC_CLI_SAY_H
#define MACHC_CLI_SAY_H

#include <stdarg.h>
#include <stdio.h>

/*
 * printf, for texts with names from the command line, from files and from directories in them: whatever could control
 * a terminal is replaced, as in messages. A line feed stays where `format` ends with one.
 */
void say(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_va(FILE *to, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#endif

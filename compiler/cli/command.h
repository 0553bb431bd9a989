// SPDX-License-Identifier: MIT
// The command machc as a function: the whole of it but the process.
#ifndef MACHC_CLI_COMMAND_H
#define MACHC_CLI_COMMAND_H

#include <stdio.h>

/* Exit statuses of the command. */
enum { STATUS_FINE = 0, STATUS_ERRORS = 1, STATUS_USAGE = 2, STATUS_FAULT = 3 };

/*
 * Does what the command line says; help and lists go to `out`, messages to `err`, outputs into files (`-` is the
 * process's standard output). Gives back all memory, so it may be called again. Returns the exit status.
 */
int machc_command(int argc, char **argv, FILE *out, FILE *err);

/* Says that memory ran out, as a message of that code. */
void say_out_of_memory(FILE *err);

#endif

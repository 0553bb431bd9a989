// SPDX-License-Identifier: MIT
/*
 * What all targets that compile something share. An input is compiled in arenas of its own, on top of schemas and host
 * trees that are made once and thrown away every few hundred inputs, with all names that gathered. Nothing of an input
 * is seen by the next one, so that a finding can be repeated from its file alone.
 */
#ifndef FUZZ_BASE_H
#define FUZZ_BASE_H

#include "machc.h"

#include <stddef.h>
#include <stdint.h>

struct host;

/* Calls `work`, which returns 0, in a compilation of its own; schemas are loaded, files are those of tests/fuzz/files.
 */
void base_run(machc_fn *work, void *opaque);

/* One of the host trees of examples/hosts and tests/hosts by its file name, "small.dts"; NULL: there is none. */
struct host *base_host(const char *file);

/* The input as a source: a copy with two NUL bytes behind it. */
const struct source *base_source(struct machc *c, const char *name, const uint8_t *data, size_t size);

/* A folder with the input as its one file. It is the same one each time. */
const char *base_folder(const char *name, const uint8_t *data, size_t size);

/* Ends the process with a message: this is a finding. */
void finding(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* What holds of messages whatever the input: places lie in their files; no fault of machc. Prints all to nowhere. */
void check_messages(struct machc *c);

/* What holds of one tree's bytes: libfdt takes them, reading and writing them gives the same bytes. */
void check_dtb(struct machc *c, const uint8_t *dtb, uint32_t size);

/* What holds of one config's bytes: reader and audit take them, both JSON views are the same. */
void check_config(struct machc *c, const uint8_t *config, uint32_t size);

/* Compiles a description, in `c`, to every output, and does all of the above with them. */
void check_source(struct machc *c, const uint8_t *data, size_t size);

/* The same in a compilation of its own. `host`: NULL, or the tree to compile against. */
void check_text(struct host *host, const uint8_t *data, size_t size);

/* A stream that swallows everything. */
FILE *sink(void);

#endif

// SPDX-License-Identifier: MIT
/*
 * Shared by all targets that compile something. Each input is compiled in its own arenas, on top of schemas and host
 * trees that are rebuilt every few hundred inputs, together with the table of names. An input does not affect the next
 * one, so that a finding can be reproduced from its file alone.
 */
#ifndef FUZZ_BASE_H
#define FUZZ_BASE_H

#include "machc.h"

#include <stddef.h>
#include <stdint.h>

struct host;
struct dt_tree;

/* Calls `work`, which returns 0, in a separate compilation with schemas loaded and the files of tests/fuzz/files. */
void base_run(machc_fn *work, void *opaque);

/* Finds a host tree of examples/hosts and tests/hosts by its file name, "small.dts". NULL: there is none. */
struct host *base_host(const char *file);

/* Copies the input into a source, which ends in two NUL bytes. */
const struct source *base_source(struct machc *c, const char *name, const uint8_t *data, size_t size);

/* A folder with the input as its only file. Each call uses the same folder. */
const char *base_folder(const char *name, const uint8_t *data, size_t size);

/* Reports a finding: prints the message and ends the process. */
void finding(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Checks messages, whatever the input: places are inside their files, no internal error. Prints them all. */
void check_messages(struct machc *c);

/* Checks the bytes of a tree: libfdt accepts them, and reading and writing yields the same bytes. */
void check_dtb(struct machc *c, const uint8_t *dtb, uint32_t size);

/* Puts an overlay, from dtb_read() or dts_build(), onto a small tree, whose bytes are then checked. */
void check_overlay(struct machc *c, struct dt_tree *overlay);

/* Checks the bytes of a config: reader and audit accept them, and both JSON views are the same. */
void check_config(struct machc *c, const uint8_t *config, uint32_t size);

/* Compiles a description, in `c`, to every output, and runs all checks above on them. */
void check_source(struct machc *c, const uint8_t *data, size_t size);

/* The same in a separate compilation. `host` is NULL or the tree to compile against. */
void check_text(struct host *host, const uint8_t *data, size_t size);

/* A stream that discards everything. */
FILE *sink(void);

#endif

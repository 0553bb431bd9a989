// SPDX-License-Identifier: MIT
/*
 * A second opinion on guest.cfg: every rule of docs/guest-cfg.md, from the tables of that document (layout.py) and not
 * from the header that compiler and reader share. Nothing here is fast or clever; it is compared with what is.
 */
#ifndef FUZZ_AUDIT_H
#define FUZZ_AUDIT_H

#include <stddef.h>
#include <stdint.h>

/* NULL when the file is as the document says; else the rule that is broken. */
const char *audit(const uint8_t *bytes, size_t size);

/* The same, with the checksum believed: for who has just written it. */
const char *audit_sealed(const uint8_t *bytes, size_t size);

/* CRC-32C of the file with the checksum's own bytes taken as 0. */
uint32_t audit_checksum(const uint8_t *bytes, size_t size);

/* Writes the right checksum; a file too short to have one is left alone. */
void audit_seal(uint8_t *bytes, size_t size);

#endif

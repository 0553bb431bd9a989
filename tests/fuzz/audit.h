// SPDX-License-Identifier: MIT
/*
 * An independent check of guest.cfg: every rule of docs/guest-cfg.md, from the tables of that document (layout.py) and
 * not from the header that compiler and reader share. It is neither fast nor clever, and is compared with code that is.
 */
#ifndef FUZZ_AUDIT_H
#define FUZZ_AUDIT_H

#include <stddef.h>
#include <stdint.h>

/* Returns NULL if the file follows the document, else the rule that it breaks. */
const char *audit(const uint8_t *bytes, size_t size);

/* The same without verifying the checksum, for callers that have just written it. */
const char *audit_sealed(const uint8_t *bytes, size_t size);

/* CRC-32C of the file, with the bytes of the checksum counted as 0. */
uint32_t audit_checksum(const uint8_t *bytes, size_t size);

/* Writes the correct checksum. Does not change a file that is too short to have one. */
void audit_seal(uint8_t *bytes, size_t size);

#endif

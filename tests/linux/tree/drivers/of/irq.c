// SPDX-License-Identifier: MIT
static const char * const of_irq_imap_abusers[] = {
	"acme,mapper",
	NULL,
};

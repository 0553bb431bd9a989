// SPDX-License-Identifier: MIT
// What the files of this folder share.
#ifndef MACHC_FACTS_INTERNAL_H
#define MACHC_FACTS_INTERNAL_H

#include "facts/facts.h"
#include "schema/load.h"

/* Sets `at` of each item to the location of its entry in the list at `key`. */
#define SET_LOCATIONS(object, key, items)                                                                              \
    do {                                                                                                               \
        const struct jval *list_ = json_member(object, key), *e_ = list_ ? list_->child : NULL;                        \
        for (uint32_t i_ = 0; e_; e_ = e_->next, i_++)                                                                 \
            (items)[i_].at = e_->loc;                                                                                  \
    } while (0)

/* Interns a text, or stores NULL for null. False after a message. */
bool facts_set_text_or_null(struct load *l, const struct jval *v, const char **to);

/* ---- power.c ---- */

extern const struct table facts_clock_table, facts_regulator_table;

/* Fills the maps of clocks and regulators. */
void facts_index_power(struct machc *c, struct facts *f);

#endif

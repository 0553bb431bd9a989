// SPDX-License-Identifier: MIT
// What Linux's driver of a node says of its references: whether it starts without them.
#include "schema/schema.h"

#include "machc.h"
#include "tree/tree.h"

#include <string.h>

const struct driver_facts *schema_driver(struct machc *c, const struct schemas *s, const struct dt_prop *compatible)
{
    const char *string;
    for (uint32_t i = 0; compatible && (string = dt_string(compatible, i)); i++) {
        const char *name = intern(c->names, string);
        schemas_demand(s, name);
        const struct driver_facts *facts = map_getp(&s->drivers, name, NULL);
        if (facts)
            return facts;
    }
    return NULL;
}

static bool has_word(const char *const *list, const char *word)
{
    for (; list && *list; list++)
        if (*list == word)
            return true;
    return false;
}

/*
 * Returns whether a list has an entry of a property. A driver that asks by name does without entries of other names;
 * one that asks for the property, for its first entry.
 */
static bool is_needed(const struct driver_need *list, const char *property, uint32_t index, const char *name)
{
    for (; list && list->property; list++)
        if (list->property == property && (list->names[0] && name ? has_word(list->names, name) : index == 0))
            return true;
    return false;
}

struct driver_says schema_driver_says(const struct driver_facts *facts, const char *property, uint32_t index,
                                      const char *name)
{
    struct driver_says says = {.facts = facts, .word = facts ? DRIVER_SILENT : DRIVER_UNKNOWN};
    for (const struct driver_facts *f = facts; f; f = f->next) {
        uint8_t word = DRIVER_SILENT;
        if (is_needed(f->needs, property, index, name))
            word = DRIVER_NEEDS;
        else if (is_needed(f->probably, property, index, name))
            word = DRIVER_PROBABLY;
        else if (has_word(f->optional, property))
            word = DRIVER_OPTIONAL;
        if (word > says.word) {
            says.word = word;
            says.facts = f;
        }
    }
    return says;
}

bool schema_takes_any_rate(const struct driver_facts *facts, const char *name)
{
    bool any = false;
    for (const struct driver_facts *f = facts; f; f = f->next)
        for (const char *const *s = f->any_rate; s && *s; s++)
            any = any || !strcmp(*s, name ? name : "");
    return any;
}

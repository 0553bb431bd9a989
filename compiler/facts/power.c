// SPDX-License-Identifier: MIT
// Clocks and regulators of a snapshot.
#include "facts/internal.h"

#define COUNT(fields) (sizeof(fields) / sizeof *(fields))

static bool set_connection(struct load *l, const struct jval *v, void *item)
{
    return facts_set_text_or_null(l, v, &((struct facts_clock_user *)item)->connection);
}

static const struct field clock_user_fields[] = {
    {.key = "device", .type = FIELD_TEXT, .offset = offsetof(struct facts_clock_user, device), .required = true},
    {.key = "connection", .type = FIELD_CUSTOM, .set = set_connection, .required = true},
};
static const struct table user_table = {"a user of a clock", clock_user_fields, COUNT(clock_user_fields),
                                        sizeof(struct facts_clock_user), NULL};

static const struct field measured_clock_fields[] = {
    {.key = "name", .type = FIELD_TEXT, .offset = offsetof(struct facts_clock, name), .required = true},
    {.key = "rate",
     .type = FIELD_U64,
     .offset = offsetof(struct facts_clock, rate),
     .max = UINT64_MAX,
     .required = true},
    {.key = "users",
     .type = FIELD_LIST,
     .offset = offsetof(struct facts_clock, users),
     .count_offset = offsetof(struct facts_clock, nusers),
     .table = &user_table,
     .required = true},
};
const struct table facts_clock_table = {"a clock", measured_clock_fields, COUNT(measured_clock_fields),
                                        sizeof(struct facts_clock), NULL};

static const struct field measured_regulator_fields[] = {
    {.key = "node", .type = FIELD_TEXT, .offset = offsetof(struct facts_regulator, node), .required = true},
    {.key = "microvolts",
     .type = FIELD_U64,
     .offset = offsetof(struct facts_regulator, microvolts),
     .max = UINT64_MAX,
     .required = true},
};
const struct table facts_regulator_table = {"a regulator", measured_regulator_fields, COUNT(measured_regulator_fields),
                                            sizeof(struct facts_regulator), NULL};

void facts_index_power(struct machc *c, struct facts *f)
{
    static const struct facts_clock unclear; // drivers ask for several clocks without a name
    for (uint32_t i = 0; i < f->nclocks; i++) {
        const struct facts_clock *k = &f->clocks[i];
        map_putp(c->arena, &f->clock, intern(c->names, k->name), NULL, k);
        for (uint32_t j = 0; j < k->nusers; j++) {
            const char *device = intern(c->names, k->users[j].device), *connection = k->users[j].connection;
            const struct facts_clock *other = map_getp(&f->clock_of, device, connection);
            map_putp(c->arena, &f->clock_of, device, connection, other && other != k ? &unclear : k);
        }
    }
    for (uint32_t i = 0; i < f->nregulators; i++)
        map_putp(c->arena, &f->regulator, intern(c->names, f->regulators[i].node), NULL, &f->regulators[i]);
}

// SPDX-License-Identifier: MIT
// Checks the stash targets of all machines.
#include "across/across.h"
#include "dma/caches.h"

void check_stashes(struct planner *p)
{
    struct map first = {0}; // id + 1 -> the first struct p_stash
    struct map whose = {0}; // id + 1 -> its struct p_machine
    const struct caches *all = p->host ? all_caches(p) : NULL;
    for (uint32_t i = 0; all && i < p->plan->machines.n; i++) {
        const struct p_machine *m = p->plan->machines.at[i];
        for (uint32_t k = 0; k < m->devices.n; k++) {
            for (uint32_t n = 0; n < m->devices.at[k]->dmas.n; n++) {
                const struct p_stash *s = m->devices.at[k]->dmas.at[n]->stash;
                uint64_t users = 0;
                if (!s || s->id == UINT32_MAX || !map_get(&all->users, s->id, 0, &users) || users >= all->cpus)
                    continue;
                const void *key = (const void *)((uintptr_t)s->id + 1);
                const struct p_machine *other = map_getp(&whose, key, NULL);
                if (!other) {
                    map_putp(draft_arena(p->c), &whose, key, NULL, m);
                    map_putp(draft_arena(p->c), &first, key, NULL, s);
                } else if (other != m) {
                    struct diag *d = diag(p->c->diags, W0603, s->at,
                                          "machine `%s` stashes into the cache with id %u as well", other->name, s->id);
                    diag_note(d, ((const struct p_stash *)map_getp(&first, key, NULL))->at, "it does so here");
                    diag_fact(d, "%s: %u of its %u cpus use that cache", p->host->file, (uint32_t)users, all->cpus);
                    diag_help(d, "let each stash into a cache of its own cpus, or into one that all cpus share");
                }
            }
        }
    }
}

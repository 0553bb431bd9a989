// SPDX-License-Identifier: MIT
// Holds what a config names against a policy, and prints the policy that a config needs.
#include "policy/policy.h"

#include "base/error.h"
#include "machcfg_file.h"

#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>

struct check {
    struct mach_session *s;
    const struct mach_policy *policy;
    int refused;
};

/* ---- devices ---- */

// What the host's sysfs says of a device. Empty: it does not say it, and no line about it matches.
struct identity {
    char node[PATH_SIZE];
    char vendor[16], id[16];
};

static void read_pci_id(struct mach_session *s, const struct device *d, const char *attribute, char *id, size_t size)
{
    char path[PATH_SIZE], line[32];
    if (machrt_device_path(s, path, d, attribute) && !machrt_read_line(s, path, line, sizeof line) &&
        !strncmp(line, "0x", 2))
        snprintf(id, size, "%.4s", line + 2);
}

static void identify(struct mach_session *s, struct device *d, struct identity *i)
{
    static const char base[] = "/devicetree/base/";
    char path[PATH_SIZE], target[PATH_SIZE];
    memset(i, 0, sizeof *i);
    if (!d->bus && machrt_find_bus(s, d))
        return;
    if (machrt_device_path(s, path, d, "of_node")) {
        int64_t n = s->sys.readlink(s->sys.opaque, path, target, sizeof target);
        const char *at = n > 0 && n < (int64_t)sizeof target - 1 ? strstr(target, base) : NULL;
        if (at)
            strcpy(i->node, at + strlen(base) - 1);
    }
    if (mach_cfg_device_kind(d->rec) == MACH_CFG_DEVICE_PCI) {
        read_pci_id(s, d, "vendor", i->vendor, sizeof i->vendor);
        read_pci_id(s, d, "device", i->id, sizeof i->id);
    }
}

static bool allows_device(const struct policy_rule *r, const struct need *n, const struct identity *i)
{
    if (n->no_iommu && !r->no_iommu)
        return false;
    switch (r->kind) {
    case RULE_DEVICE:
        return !fnmatch(r->pattern, n->device->sysfs, 0);
    case RULE_NODE:
        return *i->node && !fnmatch(r->pattern, i->node, FNM_PATHNAME);
    case RULE_PCI:
        return *i->vendor && *i->id && !fnmatch(r->pattern, i->vendor, 0) && !fnmatch(r->pci_device, i->id, 0);
    default:
        return false;
    }
}

static bool is_device_allowed(const struct check *c, const struct need *n)
{
    struct identity i;
    identify(c->s, n->device, &i);
    for (size_t k = 0; k < c->policy->rules; k++)
        if (allows_device(&c->policy->rule[k], n, &i))
            return true;
    return false;
}

/* ---- the rest ---- */

static bool is_file_allowed(const struct mach_policy *p, const struct need *n)
{
    enum rule_kind kind = n->kind == NEED_FILE ? RULE_FILE : RULE_INTERRUPT;
    for (size_t i = 0; i < p->rules; i++)
        if (p->rule[i].kind == kind && (n->readonly || !p->rule[i].readonly) &&
            !fnmatch(p->rule[i].pattern, n->path, FNM_PATHNAME))
            return true;
    return false;
}

// The ranges are sorted and do not touch, so that what is allowed lies in one of them.
static bool is_in_ranges(const struct policy_ranges *r, uint64_t first, uint64_t last)
{
    size_t i = machrt_find_span(r->list, r->n, first);
    return i < r->n && r->list[i].first <= first && last <= r->list[i].last;
}

static bool is_allowed(const struct check *c, const struct need *n)
{
    switch (n->kind) {
    case NEED_DEVICE:
        return is_device_allowed(c, n);
    case NEED_FILE:
    case NEED_INTERRUPT:
        return is_file_allowed(c->policy, n);
    case NEED_PHYSICAL:
        return is_in_ranges(&c->policy->physical, n->first, n->last);
    case NEED_CPUS:
        return is_in_ranges(&c->policy->cpus, n->first, n->last);
    case NEED_CACHES:
        return is_in_ranges(&c->policy->caches, n->first, n->last);
    case NEED_MEMORY:
        return n->last <= c->policy->memory;
    }
    return false;
}

static int check_need(void *opaque, const struct need *n)
{
    struct check *c = (struct check *)opaque;
    char line[1100];
    struct mach_finding f = {.proof = MACH_PROOF_FAILS, .expect = MACH_CFG_NONE};
    if (is_allowed(c, n))
        return 0;
    c->refused++;
    memcpy(f.object, n->who, sizeof f.object);
    if (!machrt_need_line(n, line, sizeof line))
        snprintf(f.text, sizeof f.text,
                 "%.200s does not allow it, and no policy can: it has a name with control "
                 "characters, or one that is too long",
                 c->policy->name);
    else if (n->kind == NEED_MEMORY && c->policy->has_memory)
        snprintf(f.text, sizeof f.text, "%.200s allows less: `%.100s` would be enough", c->policy->name, line);
    else
        snprintf(f.text, sizeof f.text, "%.120s has no line that allows it: `%.300s`", c->policy->name, line);
    if (c->s->options.finding)
        c->s->options.finding(c->s->options.opaque, &f);
    return 0;
}

int mach_policy_check(const struct mach_policy *policy, const struct mach_config *config,
                      const struct mach_options *options, struct mach_error *error)
{
    struct mach_session *s;
    struct mach_error why = MACH_ERROR_INIT;
    int r = machrt_session_new(config, options, NULL, NULL, &s, error ? error : &why);
    if (r)
        return r;
    struct check c = {s, policy, 0};
    r = machrt_each_need(s, check_need, &c) ? s->result : c.refused;
    machrt_session_end(s, NULL);
    return r;
}

/* ---- the policy that a config needs ---- */

struct printer {
    FILE *out;
    char last[1100];
};

// Text of a config in a comment: it must not end the line.
static void print_clean(FILE *out, const char *text)
{
    char clean[1100];
    snprintf(clean, sizeof clean, "%s", text);
    mach_cfg_clean(clean);
    fputs(clean, out);
}

static int print_need(void *opaque, const struct need *n)
{
    struct printer *p = (struct printer *)opaque;
    char line[1100];
    if (!machrt_need_line(n, line, sizeof line)) {
        fputs("# no policy can allow what has a name with control characters, or one that is too long: ", p->out);
    } else {
        if (!strcmp(line, p->last))
            return 0; // several regions of a file
        strcpy(p->last, line);
        fprintf(p->out, "%-48s # ", line);
    }
    print_clean(p->out, n->who);
    fputc('\n', p->out);
    return 0;
}

int mach_policy_print(const struct mach_config *config, const struct mach_options *options, FILE *out,
                      struct mach_error *error)
{
    struct mach_session *s;
    struct mach_error why = MACH_ERROR_INIT;
    int r = machrt_session_new(config, options, NULL, NULL, &s, error ? error : &why);
    if (r)
        return r;
    struct printer p = {.out = out};
    fputs("# What machine ", out);
    print_clean(out, machrt_string(s, mach_cfg_machine_name(mach_cfg_record(s->f, MACH_CFG_S_MACHINE, 0))));
    fputs(" names of this host. Delete what it may not have.\n", out);
    r = machrt_each_need(s, print_need, &p) ? s->result : 0;
    machrt_session_end(s, NULL);
    return r;
}

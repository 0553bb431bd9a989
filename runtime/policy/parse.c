// SPDX-License-Identifier: MIT
// Reads a policy: one word and what it allows on each line.
#include "policy/policy.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>

struct parser {
    struct mach_policy *policy;
    struct mach_error *error;
    const char *start; // of the line
    char *at;
    unsigned line;
    size_t rooms[4]; // of the lists
};

static int refuse(const struct parser *p, const char *at, const char *hint, ...) __attribute__((format(printf, 3, 4)));
static int refuse(const struct parser *p, const char *at, const char *hint, ...)
{
    char object[256];
    va_list args;
    snprintf(object, sizeof object, "%.200s:%u:%u", p->policy->name, p->line, (unsigned)(at - p->start) + 1);
    va_start(args, hint);
    machrt_fill_error_va(p->error, "policy", 0, object, hint, args);
    va_end(args);
    return -EBADMSG;
}

static int no_memory(const struct parser *p)
{
    return machrt_fill_error(p->error, "policy", ENOMEM, p->policy->name, "not enough memory for the policy");
}

/* Makes room for one more element. NULL: out of memory. */
static void *grow(void *list, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return list;
    *room = *room ? 2 * *room : 16;
    return realloc(list, *room * size);
}

static int add_rule(struct parser *p, struct policy_rule rule)
{
    struct policy_rule *list =
        (struct policy_rule *)grow(p->policy->rule, p->policy->rules, &p->rooms[0], sizeof *p->policy->rule);
    if (!list)
        return no_memory(p);
    p->policy->rule = list;
    list[p->policy->rules++] = rule;
    return 0;
}

static int add_range(struct parser *p, struct policy_ranges *r, size_t *room, uint64_t first, uint64_t last)
{
    struct span *list = (struct span *)grow(r->list, r->n, room, sizeof *r->list);
    if (!list)
        return no_memory(p);
    r->list = list;
    list[r->n++] = (struct span){first, last};
    return 0;
}

/* ---- words ---- */

static bool is_end(char c)
{
    return !c || c == '#';
}

static void skip_blanks(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t')
        p->at++;
}

// The next word, which ends at a blank without a backslash before it, and is ended with a NUL; NULL: there is none.
static char *next_word(struct parser *p)
{
    skip_blanks(p);
    char *word = p->at;
    if (is_end(*word))
        return NULL;
    while (*p->at && *p->at != ' ' && *p->at != '\t')
        p->at += *p->at == '\\' && p->at[1] ? 2 : 1;
    if (*p->at)
        *p->at++ = '\0';
    return word;
}

// The options behind an argument. `allowed`: the only one; NULL: none.
static int parse_option(struct parser *p, const char *allowed, bool *set)
{
    for (char *word; (word = next_word(p));) {
        if (!allowed)
            return refuse(p, word,
                          "nothing can follow here: begin a comment with #, and write \\ before a blank that "
                          "belongs to a name");
        if (strcmp(word, allowed) != 0)
            return refuse(p, word,
                          "only `%s` can follow here: begin a comment with #, and write \\ before a blank that belongs "
                          "to a name",
                          allowed);
        *set = true;
    }
    return 0;
}

static int parse_device(struct parser *p, char *word)
{
    struct policy_rule r = {.kind = RULE_DEVICE, .pattern = word};
    if (strchr(word, '/'))
        return refuse(p, word,
                      "a device is a name on a bus, `1af0000.ethernet` or `0000:01:00.0`: write `node PATH` "
                      "for a node of the host's tree");
    int e = parse_option(p, "no-iommu", &r.no_iommu);
    return e ? e : add_rule(p, r);
}

static int parse_node(struct parser *p, char *word)
{
    struct policy_rule r = {.kind = RULE_NODE, .pattern = word};
    if (*word != '/')
        return refuse(p, word,
                      "a node is a path in the host's tree, which begins with /: `node /soc/ethernet@1af0000`");
    int e = parse_option(p, "no-iommu", &r.no_iommu);
    return e ? e : add_rule(p, r);
}

static bool is_id(const char *s, size_t n)
{
    if (n == 1 && *s == '*')
        return true;
    return n == 4 && strspn(s, "0123456789abcdefABCDEF?") >= 4;
}

static int parse_pci(struct parser *p, char *word)
{
    char *colon = strchr(word, ':');
    struct policy_rule r = {.kind = RULE_PCI, .pattern = word};
    if (!colon || !is_id(word, (size_t)(colon - word)) || !is_id(colon + 1, strlen(colon + 1)))
        return refuse(p, word,
                      "write the vendor and the device with four hex digits each, as lspci -n shows them: "
                      "`pci 8086:15f3`, or `pci 8086:*`");
    *colon = '\0';
    r.pci_device = colon + 1;
    for (char *c = word; *c; c++)
        *c = *c >= 'A' && *c <= 'F' ? (char)(*c + ('a' - 'A')) : *c;
    for (char *c = colon + 1; *c; c++)
        *c = *c >= 'A' && *c <= 'F' ? (char)(*c + ('a' - 'A')) : *c;
    int e = parse_option(p, "no-iommu", &r.no_iommu);
    return e ? e : add_rule(p, r);
}

static int parse_path(struct parser *p, char *word, enum rule_kind kind)
{
    struct policy_rule r = {.kind = kind, .pattern = word};
    if (*word != '/')
        return refuse(p, word, "write the file's whole path, which begins with /");
    if (strstr(word, "/../") || strstr(word, "/./") || strstr(word, "//"))
        return refuse(p, word,
                      "write the path as `realpath` prints it: links, . and .. are followed before it is "
                      "compared");
    if (!strcmp(word, "/dev/mem"))
        return refuse(p, word, "this would be all of the host's memory: write `physical FIRST..LAST`");
    int e = parse_option(p, kind == RULE_FILE ? "read-only" : NULL, &r.readonly);
    return e ? e : add_rule(p, r);
}

static int parse_file(struct parser *p, char *word)
{
    return parse_path(p, word, RULE_FILE);
}

static int parse_interrupt(struct parser *p, char *word)
{
    return parse_path(p, word, RULE_INTERRUPT);
}

/* ---- numbers ---- */

// Reads a number, decimal or 0x..., and moves *at behind it.
static bool read_number(const char **at, uint64_t *n)
{
    bool hex = (*at)[0] == '0' && (*at)[1] == 'x';
    const char *digits = *at + (hex ? 2 : 0), *end = digits;
    *n = 0;
    for (;; end++) {
        unsigned d = 16;
        if (*end >= '0' && *end <= '9')
            d = (unsigned)(*end - '0');
        else if (hex && *end >= 'a' && *end <= 'f')
            d = (unsigned)(*end - 'a') + 10;
        else if (hex && *end >= 'A' && *end <= 'F')
            d = (unsigned)(*end - 'A') + 10;
        if (d == 16)
            break;
        if (*n > (UINT64_MAX - d) / (hex ? 16 : 10))
            return false;
        *n = *n * (hex ? 16 : 10) + d;
    }
    *at = end;
    return end > digits;
}

static int parse_physical(struct parser *p, char *word)
{
    const char *at = word;
    uint64_t first, last;
    if (!read_number(&at, &first) || strncmp(at, "..", 2) || (at += 2, !read_number(&at, &last)) || *at)
        return refuse(p, at, "write the first and the last address: `physical 0x60000000..0x6fffffff`");
    if (last < first)
        return refuse(p, word, "the last address is below the first one");
    int e = parse_option(p, NULL, NULL);
    return e ? e : add_range(p, &p->policy->physical, &p->rooms[1], first, last);
}

// Numbers and ranges of them, "2-3,5"; `what` says of what.
static int parse_numbers(struct parser *p, char *list, struct policy_ranges *to, size_t *room, const char *what,
                         const char *example)
{
    const char *at = list;
    for (;;) {
        uint64_t first, last;
        const char *from = at;
        if (!read_number(&at, &first) || first > UINT32_MAX - 1)
            return refuse(p, at, "write %s: `%s`", what, example);
        last = first;
        if (*at == '-') {
            at++;
            if (!read_number(&at, &last) || last > UINT32_MAX - 1)
                return refuse(p, at, "write the last number of the range: `%s`", example);
        }
        if (last < first)
            return refuse(p, from, "the last number of the range is below the first one");
        int e = add_range(p, to, room, first, last);
        if (e)
            return e;
        if (*at != ',')
            break;
        at++;
    }
    if (*at)
        return refuse(p, at, "write numbers with , between them: `%s`", example);
    return parse_option(p, NULL, NULL);
}

static int parse_cpus(struct parser *p, char *list)
{
    return parse_numbers(p, list, &p->policy->cpus, &p->rooms[2],
                         "numbers of cpus, as /sys/devices/system/cpu/online has them", "cpus 2-3,5");
}

static int parse_caches(struct parser *p, char *list)
{
    return parse_numbers(p, list, &p->policy->caches, &p->rooms[3],
                         "ids of caches, as `cache-stash-id` of the host's tree has them", "caches 32-35");
}

static int parse_memory(struct parser *p, char *word)
{
    static const char suffixes[] = "KMGT";
    const char *at = word, *suffix;
    uint64_t n;
    unsigned shift = 0;
    bool ok = read_number(&at, &n);
    if (ok && *at && (suffix = strchr(suffixes, *at))) {
        shift = 10 * (unsigned)(suffix - suffixes + 1);
        at++;
    }
    if (!ok || *at || n > UINT64_MAX >> shift)
        return refuse(p, word, "write how much memory a machine may take: `memory 512M`, with K, M, G or T");
    if (p->policy->has_memory)
        return refuse(p, word, "`memory` is there already: write one line with what a machine may take in all");
    p->policy->memory = n << shift;
    p->policy->has_memory = true;
    return parse_option(p, NULL, NULL);
}

/* ---- lines ---- */

static const struct {
    const char *word;
    int (*parse)(struct parser *p, char *argument);
    const char *argument;
} words[] = {
    {"device", parse_device, "NAME"},       {"node", parse_node, "PATH"},
    {"pci", parse_pci, "VENDOR:DEVICE"},    {"file", parse_file, "PATH"},
    {"interrupt", parse_interrupt, "PATH"}, {"physical", parse_physical, "FIRST..LAST"},
    {"cpus", parse_cpus, "2-3,5"},          {"caches", parse_caches, "32-35"},
    {"memory", parse_memory, "SIZE"},
};
enum { WORDS = sizeof words / sizeof words[0] };

static int parse_line(struct parser *p)
{
    for (const char *c = p->start; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f)
            return refuse(p, c,
                          *c == '\r' ? "remove the carriage return: lines end with a line feed alone"
                                     : "remove the control character");
    const char *word = next_word(p);
    if (!word)
        return 0;
    for (int i = 0; i < WORDS; i++) {
        if (strcmp(word, words[i].word) != 0)
            continue;
        char *argument = next_word(p);
        if (!argument)
            return refuse(p, p->at, "write what is allowed: `%s %s`", words[i].word, words[i].argument);
        return words[i].parse(p, argument);
    }
    return refuse(p, word,
                  "`%.40s` is no word of a policy: a line begins with device, node, pci, file, interrupt, physical, "
                  "cpus, caches or memory, and a comment with #",
                  word);
}

static int by_first(const void *a, const void *b)
{
    const struct span *x = (const struct span *)a, *y = (const struct span *)b;
    return (x->first > y->first) - (x->first < y->first);
}

static void join(struct policy_ranges *r)
{
    if (!r->n)
        return;
    qsort(r->list, r->n, sizeof *r->list, by_first);
    size_t n = 0;
    for (size_t i = 1; i < r->n; i++) {
        struct span *x = &r->list[n], *y = &r->list[i];
        if (x->last == UINT64_MAX || y->first <= x->last + 1)
            x->last = y->last > x->last ? y->last : x->last;
        else
            r->list[++n] = *y;
    }
    r->n = n + 1;
}

int mach_policy_from_memory(const char *name, const void *bytes, size_t size, struct mach_policy **policy,
                            struct mach_error *error)
{
    struct mach_policy *y = (struct mach_policy *)calloc(1, sizeof *y);
    *policy = NULL;
    if (y) {
        y->name = strdup(name);
        y->text = (char *)malloc(size + 1);
    }
    if (!y || !y->name || !y->text) {
        mach_policy_close(y);
        return machrt_fill_error(error, "policy", ENOMEM, name, "not enough memory for the policy");
    }
    memcpy(y->text, bytes, size);
    y->text[size] = '\0';
    struct parser p = {.policy = y, .error = error};
    int r = 0;
    for (char *line = y->text, *end = y->text + size; !r && line < end;) {
        char *feed = (char *)memchr(line, '\n', (size_t)(end - line)), *last = feed ? feed : end;
        p.start = p.at = line;
        p.line++;
        const char *nul = (const char *)memchr(line, '\0', (size_t)(last - line));
        *last = '\0';
        r = nul ? refuse(&p, nul, "remove the control character") : parse_line(&p);
        line = last + 1;
    }
    if (r) {
        mach_policy_close(y);
        return r;
    }
    join(&y->physical);
    join(&y->cpus);
    join(&y->caches);
    *policy = y;
    return 0;
}

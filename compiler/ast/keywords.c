// SPDX-License-Identifier: MIT
// How keywords are spelled, and what is allowed where: for messages only, the model checks it.
#include "ast/parse.h"

#include <string.h>

static const char *const spelling[AST_KIND_COUNT] = {
    [AST_INCLUDE] = "include",
    [AST_CONST] = "const",
    [AST_HOST] = "host",
    [AST_TEMPLATE] = "template",
    [AST_MACHINE] = "machine",
    [AST_ASSERT] = "assert",
    [AST_USE] = "use",
    [AST_FOR] = "for",
    [AST_IF] = "if",
    [AST_PAGE_SIZE] = "page-size",
    [AST_IOMMU] = "iommu",
    [AST_FACTS] = "facts",
    [AST_OVERLAY] = "overlay",
    [AST_READY] = "ready",
    [AST_HIDE] = "hide",
    [AST_KEEP] = "keep",
    [AST_MODEL] = "model",
    [AST_COMPATIBLE] = "compatible",
    [AST_BOOTARGS] = "bootargs",
    [AST_CPUS] = "cpus",
    [AST_MEMORY] = "memory",
    [AST_IRQCHIP] = "irqchip",
    [AST_DEVICE] = "device",
    [AST_PASSTHROUGH] = "passthrough",
    [AST_NODE] = "node",
    [AST_EDIT] = "edit",
    [AST_REGION] = "region",
    [AST_IRQ] = "irq",
    [AST_REF] = "ref",
    [AST_CHILD] = "child",
    [AST_DMA] = "dma",
    [AST_STASH] = "stash",
    [AST_MAP] = "map",
    [AST_AT] = "at",
    [AST_SIZE] = "size",
    [AST_FROM] = "from",
    [AST_BELOW] = "below",
    [AST_RUNS] = "runs",
    [AST_BY] = "by",
    [AST_OFFSET] = "offset",
    [AST_SHARE] = "share",
    [AST_NO_DMA] = "no-dma",
    [AST_READONLY] = "readonly",
    [AST_ON] = "on",
    [AST_SLOT] = "slot",
    [AST_AS] = "as",
    [AST_ONLY] = "only",
    [AST_WITHOUT] = "without",
    [AST_UNDER] = "under",
    [AST_VCPU] = "vcpu",
    [AST_TRAP] = "trap",
    [AST_DROP] = "drop",
    [AST_UNSAFE] = "unsafe",
    [AST_FILE] = "file",
    [AST_TO] = "to",
    [AST_FIXED] = "fixed",
    [AST_ASSIGN] = "assign",
    [AST_COPY] = "copy",
    [AST_SHADOW] = "shadow",
    [AST_WRITE] = "write",
    [AST_WINDOW] = "window",
    [AST_SUBWINDOWS] = "subwindows",
    [AST_LIODN_INDEX] = "liodn-index",
    [AST_STREAM] = "stream",
    [AST_OPERATION] = "operation",
    [AST_VOLATILE] = "volatile",
    [AST_PERSISTENT] = "persistent",
    [AST_ENTRY] = "entry",
    [AST_IF_POSSIBLE] = "if-possible",
};

const char *ast_keyword(enum ast_kind kind)
{
    return (unsigned)kind < AST_KIND_COUNT ? spelling[kind] : NULL;
}

bool is_keyword(const char *word)
{
    for (unsigned i = 0; i < AST_KIND_COUNT; i++) {
        if (!strcmp(spelling[i], word))
            return true;
    }
    return false;
}

#define LIST(...)                                                                                                      \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        __VA_ARGS__, NULL                                                                                              \
    }
#define REGION_CLAUSES  "at", "size", "map", "trap", "drop", "file", "offset", "unsafe"
#define IRQ_CLAUSES     "to", "drop", "file"
#define FATES           "drop", "fixed", "assign", "copy", "shadow", "write", "to", "keep"
#define MEMORY_CLAUSES  "at", "size", "from", "below", "runs", "by", "offset", "share", "no-dma", "readonly"
#define HOST_CLAUSES    "page-size", "iommu", "facts", "overlay", "keep", "ready", "hide"
#define DMA_CLAUSES     "window", "size", "subwindows", "liodn-index", "stream", "operation", "stash", "unsafe"
#define STASH_CLAUSES   "if-possible", "volatile", "persistent", "entry"
#define PLACE_CLAUSES   "as", "only", "without", "under", "vcpu", "on", "slot"
#define MACHINE_CLAUSES "model", "compatible", "bootargs"

// The members of each block, besides `use`, `for`, `if` and `assert`, which are allowed in all of them.
static const struct {
    const char *keyword;
    const char *const *clauses; // on the line
    const char *const *members; // besides the clauses, in the braces
} table[] = {
    {"", NULL, LIST("machine", "host", "template", "const", "include", "assert", "use", "for", "if")},
    {"host", LIST(HOST_CLAUSES), NULL},
    {"machine", LIST(MACHINE_CLAUSES),
     LIST("memory", "passthrough", "device", "cpus", "irqchip", "node", "use", "for", "if", "assert")},
    {"cpus", LIST("on"), NULL},
    {"memory", LIST(MEMORY_CLAUSES), LIST("edit")},
    {"irqchip", LIST("at"), LIST("region", "edit")},
    {"device", LIST("at", "irq", "on", "slot", "size", "under"), LIST("region", "edit")},
    {"passthrough", LIST(PLACE_CLAUSES, "dma"), LIST("region", "irq", "ref", "child", "edit", "use", "for", "if")},
    {"child", NULL, LIST("region", "irq", "ref", "edit")},
    {"region", LIST(REGION_CLAUSES), NULL},
    {"irq", LIST(IRQ_CLAUSES), NULL},
    {"ref", LIST(FATES), NULL},
    {"dma", LIST(DMA_CLAUSES), LIST("map", "use", "for", "if")},
    {"map", LIST("at", "offset", "size", "readonly", "unsafe"), NULL},
    {"stash", LIST(STASH_CLAUSES), NULL},
    // These hold what is allowed where they are used, so all of it.
    {"template", NULL,
     LIST("memory", "passthrough", "device", "cpus", "irqchip", "node", "region", "irq", "ref", "child", "dma", "edit",
          "map", "stash", "use", "for", "if", "assert", MACHINE_CLAUSES, PLACE_CLAUSES, REGION_CLAUSES, FATES,
          MEMORY_CLAUSES, DMA_CLAUSES, HOST_CLAUSES, STASH_CLAUSES, "machine", "host", "const", "include")},
};

enum { TABLE_SIZE = sizeof table / sizeof *table };

const char *const *keyword_clauses(const char *keyword)
{
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        if (!strcmp(table[i].keyword, keyword))
            return table[i].clauses;
    }
    return NULL;
}

const char *const *keyword_members(const char *keyword)
{
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        if (!strcmp(table[i].keyword, keyword))
            return table[i].members;
    }
    return NULL;
}

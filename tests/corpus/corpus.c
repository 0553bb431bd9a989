// SPDX-License-Identifier: MIT
/*
 * Tests one board: passes every node with `reg` through alone.
 *
 *     corpus [-v] [-n NODE] PLATFORM BOARD.dtb SEEN DTC [ARGUMENT ...]
 *
 * -n: only that node. -v: print the messages as well.
 *
 * Prints a line for each node: result, kind and path. The result is "ok", the codes of the messages that refuse the
 * node, or "FAIL" with the problem after the path. Kinds: i it has an interrupt, r the cpus reach its registers, d it
 * is disabled, c it has a compatible.
 *
 * SEEN is a file of 8-byte slots, a power of two of them, shared by the runs for all boards. It holds the trees that
 * dtc accepts without a message, because many boards have the same SoC.
 */
#include "dtc.h"
#include "intx.h"
#include "order/order.h"
#include "walk.h"

#include "../../runtime/config/verify.h"
#include "diag/diag_list.h"
#include "emit/emit.h"
#include "machc.h"
#include "machcfg_file.h"

#include <fcntl.h>
#include <libfdt.h>
#include <md5.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct corpus {
    const char *platform, *board;
    const char *only; // of -n, or NULL
    bool verbose;     // -v
    char *const *dtc;
    _Atomic uint64_t *seen;
    uint64_t nseen;
    const struct source *blob;
    char *host_said; // dtc's output for the board's own tree; NULL: dtc has not run yet
    uint64_t failed;
};

/* One node. */
struct trial {
    struct corpus *x;
    const struct dt_node *node;
    const char *path, *kind, *text;
};

static void result(const struct trial *t, const char *what, const char *more)
{
    printf("%s\t%s\t%s%s%s\n", what, t->kind, t->path, *more ? "\t" : "", more);
}

static void fail(const struct trial *t, const char *problem)
{
    char line[1024];
    snprintf(line, sizeof line, "%s", problem);
    line[strcspn(line, "\n")] = '\0';
    t->x->failed++;
    result(t, "FAIL", line);
}

/* ---- trees checked before ---- */

static uint64_t digest(const uint8_t *dtb, uint32_t size)
{
    uint8_t sum[MD5_DIGEST_LENGTH];
    uint64_t key;
    MD5_CTX md5;
    MD5Init(&md5);
    MD5Update(&md5, dtb, size);
    MD5Final(sum, &md5);
    memcpy(&key, sum, sizeof key);
    return key | 1; // 0 is an empty slot
}

/* The slot of the value, or the empty slot to store it in. */
static _Atomic uint64_t *slot(const struct corpus *x, uint64_t key)
{
    for (uint64_t i = key >> 8;; i++) {
        _Atomic uint64_t *s = &x->seen[i & (x->nseen - 1)];
        uint64_t is = atomic_load(s);
        if (!is || is == key)
            return s;
    }
}

static void remember(const struct corpus *x, uint64_t key)
{
    uint64_t empty = 0;
    while (!atomic_compare_exchange_strong(slot(x, key), &empty, key) && empty != key)
        empty = 0;
}

/* ---- output of dtc ---- */

/* "<stdout>: Warning (reg_format): /i2c@2180000:reg: ...": the check in `check`, the node's path in `path`. */
static bool take_apart(const char *line, char *check, size_t ncheck, char *path, size_t npath)
{
    const char *open = strchr(line, '('), *close = open ? strchr(open, ')') : NULL;
    const char *from = close ? strchr(close, '/') : NULL;
    if (!from)
        return false;
    snprintf(check, ncheck, "%.*s", (int)(close - open - 1), open + 1);
    size_t n = strcspn(from, " \n");
    while (n && from[n - 1] == ':')
        n--;
    const char *colon = memchr(from, ':', n);
    snprintf(path, npath, "%.*s", (int)(colon ? colon - from : (ptrdiff_t)n), from);
    return true;
}

/* Does dtc print the same for the node on the board? */
static bool host_has_it(struct corpus *x, const char *check, const char *path)
{
    char c[128], p[1024];
    if (!x->host_said)
        x->host_said = dtc_check(x->dtc, x->blob->text, x->blob->len);
    for (const char *line = x->host_said; line && *line; line += strcspn(line, "\n") + 1) {
        char one[2048];
        snprintf(one, sizeof one, "%.*s", (int)strcspn(line, "\n"), line);
        if (take_apart(one, c, sizeof c, p, sizeof p) && !strcmp(c, check) && !strcmp(p, path))
            return true;
    }
    return false;
}

/* The first line that dtc does not also print for the board, stored in place of `text`; or NULL. */
static const char *news(const struct trial *t, struct machc *c, const struct dt_tree *guest, char *text)
{
    char check[128], path[1024];
    for (char *line = text, *next; *line; line = next) {
        next = line + strcspn(line, "\n");
        if (*next)
            *next++ = '\0';
        if (!take_apart(line, check, sizeof check, path, sizeof path))
            return line;
        const struct dt_node *n = dt_at(guest, path);
        if (!n || !n->source || !host_has_it(t->x, check, dt_path(c->arena, n->source)))
            return line;
    }
    return NULL;
}

static bool check_with_dtc(const struct trial *t, struct machc *c, const struct dt_tree *guest, const uint8_t *dtb,
                           uint32_t size)
{
    uint64_t key = digest(dtb, size);
    if (atomic_load(slot(t->x, key)) == key)
        return true;
    char *said = dtc_check(t->x->dtc, dtb, size);
    const char *problem = !said ? "dtc cannot be run" : !*said ? NULL : news(t, c, guest, said);
    if (said && !*said)
        remember(t->x, key);
    if (problem)
        fail(t, problem);
    free(said);
    return !problem;
}

/* ---- one node ---- */

static void refused(const struct trial *t, struct machc *c)
{
    bool told[MSG_COUNT] = {false};
    char codes[256] = "";
    struct diag *const *all = diags_sorted(c->diags);
    for (uint32_t i = 0, n = 0; i < c->diags->all.n && n + 8 < sizeof codes; i++) {
        if (all[i]->severity == SEVERITY_WARNING || told[all[i]->m])
            continue;
        told[all[i]->m] = true;
        n += (uint32_t)snprintf(codes + n, sizeof codes - n, "%s%s", n ? "," : "", msg_infos[all[i]->m].code);
    }
    result(t, codes, "");
    if (t->x->verbose)
        diags_print(c->diags, stdout, &(struct diag_style){.max_errors = 0});
}

static bool check_tree(const struct trial *t, const uint8_t *dtb, uint32_t size)
{
    char problem[1024];
    int e = fdt_check_full(dtb, size);
    if (e)
        snprintf(problem, sizeof problem, "libfdt: %s", fdt_strerror(e));
    else if (walk_tree(dtb, problem, sizeof problem))
        return true;
    fail(t, problem);
    return false;
}

static bool check_config(const struct trial *t, const uint8_t *config, uint32_t size)
{
    struct mach_cfg_file file;
    struct mach_cfg_fault fault;
    if (!mach_cfg_frame(config, size, &file, &fault) && !machrt_verify(&file, &fault))
        return true;
    fail(t, machrt_fault_text(fault.error));
    return false;
}

static int compile(struct machc *c, void *opaque)
{
    const struct trial *t = opaque;
    const struct source *s = source_builtin(c->sources, "trial.mach", t->text, (uint32_t)strlen(t->text));
    struct model *m = model_build(c, &s, 1);
    const struct plan *p = m ? plan_make(c, m) : NULL;
    if (!p || diags_errors(c->diags)) {
        refused(t, c);
        return 0;
    }
    uint32_t size = 0;
    const struct p_machine *machine = p->machines.at[0];
    const uint8_t *dtb = dtb_write(c, machine->tree, false, &size);
    if (!dtb || diags_errors(c->diags)) {
        refused(t, c);
        return 0;
    }
    struct pieces config = emit_config(c, p, machine, dtb, size);
    if (check_tree(t, dtb, size) && check_config(t, pieces_join(c->arena, &config), (uint32_t)config.size) &&
        check_with_dtc(t, c, machine->tree, dtb, size))
        result(t, "ok", "");
    return 0;
}

static const char *kind_of(struct machc *c, const struct dt_node *n)
{
    const struct host *h = c->host;
    const struct host_node *hn = &h->nodes[n->id];
    bool reached = false;
    for (uint32_t i = 0; i < hn->nregions; i++)
        reached = reached || (h->regions[hn->first_region + i].translated && h->regions[hn->first_region + i].size);
    bool disabled = false;
    for (const struct dt_node *up = n; up; up = up->parent)
        disabled = disabled || host_disabled(h, up);
    return arena_printf(c->arena, "%s%s%s%s", hn->nirqs > hn->nmap_irqs ? "i" : "", reached ? "r" : "",
                        disabled ? "d" : "", dt_prop(h->tree, n, intern(c->names, "compatible")) ? "c" : "");
}

static int board(struct machc *c, void *opaque)
{
    struct corpus *x = opaque;
    static const struct src nowhere;
    const char *why;
    int err;
    x->blob = source_read(c->sources, x->board, true, &why, &err);
    if (!x->blob) {
        fprintf(stderr, "%s: %s\n", x->board, why);
        return 2;
    }
    c->schemas = schemas_load(c);
    struct dt_tree *tree = c->schemas ? dtb_read(c, x->blob, nowhere) : NULL;
    c->host = tree ? host_index(c, c->schemas, tree, "board.dtb", nowhere) : NULL;
    if (!c->host || diags_errors(c->diags)) {
        diags_print(c->diags, stderr, &(struct diag_style){.max_errors = 0});
        return 2;
    }
    const char *reg = intern(c->names, "reg");
    for (const struct dt_node *n = tree->root; n; n = dt_next(n, tree->root)) {
        if (!n->parent || !dt_prop(tree, n, reg))
            continue;
        struct trial t = {.x = x, .node = n, .path = dt_path(c->arena, n), .kind = kind_of(c, n)};
        if (x->only && strcmp(x->only, t.path))
            continue;
        // A source ends in two NUL bytes.
        t.text = arena_printf(c->arena,
                              "machine trial : %s { cpus 1; memory ram size 256M; passthrough \"%s\" { ref * drop; dma "
                              "none; %s} }\n%c%c",
                              x->platform, t.path, without_intx(c, n), 0, 0);
        if (machc_again(c, compile, &t)) {
            fail(&t, "no memory");
            return 2;
        }
    }
    return x->failed ? 1 : 0;
}

static bool map_seen(struct corpus *x, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *map = MAP_FAILED;
    if (fd >= 0 && !fstat(fd, &st) && st.st_size >= 8 && !(st.st_size & (st.st_size - 1)))
        map = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (map == MAP_FAILED)
        return false;
    x->seen = map;
    x->nseen = (uint64_t)st.st_size / sizeof *x->seen;
    return true;
}

int main(int argc, char **argv)
{
    struct corpus x = {0};
    int option;
    while ((option = getopt(argc, argv, "+vn:")) != -1) {
        if (option == 'v')
            x.verbose = true;
        else if (option == 'n')
            x.only = optarg;
        else
            return 2;
    }
    argc -= optind;
    argv += optind;
    if (argc < 4) {
        fputs("corpus [-v] [-n NODE] PLATFORM BOARD.dtb SEEN DTC [ARGUMENT ...]\n", stderr);
        return 2;
    }
    x.platform = argv[0];
    x.board = argv[1];
    x.dtc = argv + 3;
    if (!map_seen(&x, argv[2])) {
        fprintf(stderr, "%s: it is no file of slots\n", argv[2]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0); // flushed, so that after a crash the output shows how far it got
    int status = machc_run(board, &x);
    free(x.host_said);
    return status < 0 ? 2 : status;
}

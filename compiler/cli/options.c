// SPDX-License-Identifier: MIT
#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

// Long options without a letter of their own.
enum {
    OPT_HOST = 256,
    OPT_CHECK,
    OPT_SYNTAX,
    OPT_MAX_ERRORS,
    OPT_EXPLAIN,
    OPT_EMIT,
    OPT_LIST,
    OPT_DUMP,
    OPT_SCHEMAS,
    OPT_VERSION
};

static const struct option long_options[] = {
    {"host", required_argument, NULL, OPT_HOST},
    {"check", no_argument, NULL, OPT_CHECK},
    {"syntax", no_argument, NULL, OPT_SYNTAX},
    {"max-errors", required_argument, NULL, OPT_MAX_ERRORS},
    {"explain", required_argument, NULL, OPT_EXPLAIN},
    {"emit", required_argument, NULL, OPT_EMIT},
    {"list-classes", no_argument, NULL, OPT_LIST},
    {"dump-class", required_argument, NULL, OPT_DUMP},
    {"schema-dir", required_argument, NULL, OPT_SCHEMAS},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

enum { LONG_OPTIONS = sizeof long_options / sizeof *long_options - 1 };

void options_help(FILE *to)
{
    fputs("machc FILE.mach -o GUEST.dtb -c GUEST.cfg   compile the one machine of a file (`-`: standard input)\n"
          "machc FILE.mach -m NAME -o ... -c ...       compile one of several\n"
          "machc FILE.mach -O DIR                      every machine: DIR/NAME.dtb, DIR/NAME.cfg\n"
          "machc FILE.mach                             check all machines, write nothing\n"
          "\n"
          "  -o FILE             the device tree the guest boots with; `-` is standard output\n"
          "  -c FILE             the config that the runtime loads; `-` is standard output\n"
          "  -O DIR              both, for every machine\n"
          "  -m NAME             the machine that -o, -c and --emit speak of\n"
          "  --emit=dts|json|plan\n"
          "                      print the tree as source, the config as JSON, or who owns what\n"
          "  --check             all checks, no output\n"
          "  --host FILE         use this host tree instead of the one the file names\n"
          "  -I DIR              look for includes here, too\n"
          "  -D NAME=VALUE       set a const\n"
          "  -@                  keep labels as __symbols__ in the guest tree\n"
          "  -WNAME, -Wno-NAME   show or suppress a warning\n"
          "  -Werror[=NAME]      make all warnings, or one, errors\n"
          "  -w                  no warnings\n"
          "  --max-errors N      stop showing after N errors (20; 0: show all)\n"
          "  --explain=CODE      what a message means; `list` names all of them, `all` tells all\n"
          "  --list-classes      device classes, interrupt controllers and platforms\n"
          "  --dump-class NAME   what a schema file says of one of these, by its name or a compatible\n"
          "  --schema-dir DIR    more of these, from *.json\n"
          "  --version, --help\n"
          "\n"
          "Exit status: 0 fine, 1 errors in the input, 2 usage or input/output, 3 a fault of machc itself.\n",
          to);
}

static bool usage(FILE *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool usage(FILE *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("machc: ", err);
    vfprintf(err, fmt, ap);
    fputs("\nTry `machc --help`.\n", err);
    va_end(ap);
    return false;
}

// Appends "; did you mean `prefix`near?" where there is something near.
static const char *did_you_mean(struct machc *c, const char *word, const char *const *all, size_t n, const char *prefix)
{
    const char *near = nearest(word, all, n);
    return near ? arena_printf(c->arena, "; did you mean `%s%s`?", prefix, near) : "";
}

static bool unknown_option(struct machc *c, const char *arg, int letter, FILE *err)
{
    if (strncmp(arg, "--", 2))
        return usage(err, "unknown option `-%c`", letter);
    const char *names[LONG_OPTIONS];
    for (size_t i = 0; i < LONG_OPTIONS; i++)
        names[i] = long_options[i].name;
    const char *equals = strchr(arg, '=');
    size_t len = equals ? (size_t)(equals - arg) : strlen(arg);
    const char *word = arena_strndup(c->arena, arg + 2, len - 2);
    for (size_t i = 0; i < LONG_OPTIONS; i++) {
        if (!strcmp(word, names[i]))
            return usage(err, "option `--%s` takes no argument", word);
    }
    return usage(err, "unknown option `--%s`%s", word, did_you_mean(c, word, names, LONG_OPTIONS, "--"));
}

static bool read_warning(struct machc *c, struct options *o, const char *arg, FILE *err)
{
    bool no = !strncmp(arg, "no-", 3), error = !strncmp(arg, "error=", 6);
    if (!strcmp(arg, "error")) {
        o->policy.errors = true;
        return true;
    }
    const char *name = arg + (no ? 3 : error ? 6 : 0);
    const char *names[MSG_COUNT];
    size_t n = 0;
    for (size_t m = 0; m < MSG_COUNT; m++) {
        if (msg_infos[m].code[0] != 'W')
            continue;
        names[n++] = msg_infos[m].name;
        if (strcmp(name, msg_infos[m].name))
            continue;
        o->policy.off[m] = no;
        o->policy.error[m] = error;
        return true;
    }
    return usage(err, "there is no warning `%s`%s", name, did_you_mean(c, name, names, n, ""));
}

static bool read_define(struct machc *c, struct options *o, const char *arg, FILE *err)
{
    const char *p = arg;
    if (isalpha((unsigned char)*p) || *p == '_') {
        while (isalnum((unsigned char)*p) || *p == '_' || *p == '-')
            p++;
    }
    if (p == arg || *p != '=' || !p[1])
        return usage(err, "`-D %s` is not NAME=VALUE", arg);
    struct define *d = vec_add(c->arena, &o->defines);
    d->name = intern_n(c->names, arg, (size_t)(p - arg));
    d->value = p + 1;
    return true;
}

static bool read_view(struct machc *c, struct options *o, const char *arg, FILE *err)
{
    static const char *const views[] = {"dts", "json", "plan"};
    static const enum view values[] = {VIEW_DTS, VIEW_JSON, VIEW_PLAN};
    for (size_t i = 0; i < 3; i++) {
        if (!strcmp(arg, views[i])) {
            o->view = values[i];
            return true;
        }
    }
    return usage(err, "--emit knows dts, json and plan, not `%s`%s", arg, did_you_mean(c, arg, views, 3, "--emit="));
}

static bool read_max_errors(struct options *o, const char *arg, FILE *err)
{
    char *end;
    errno = 0;
    unsigned long n = strtoul(arg, &end, 10);
    if (!isdigit((unsigned char)*arg) || *end || errno || n > UINT32_MAX)
        return usage(err, "`--max-errors %s` is not a number", arg);
    o->max_errors = (uint32_t)n;
    return true;
}

static bool set_once(const char **where, const char *value, const char *option, FILE *err)
{
    if (*where)
        return usage(err, "`%s` is given twice: `%s` and `%s`", option, *where, value);
    *where = value;
    return true;
}

static bool read_option(struct machc *c, int opt, const char *arg, struct options *o, FILE *err)
{
    switch (opt) {
    case 1: // not an option
        if (o->input)
            return usage(err, "one input file at a time, not `%s` and `%s`", o->input, arg);
        o->input = arg;
        return true;
    case 'o':
        return set_once(&o->dtb, arg, "-o", err);
    case 'c':
        return set_once(&o->config, arg, "-c", err);
    case 'O':
        return set_once(&o->dir, arg, "-O", err);
    case 'm':
        return set_once(&o->machine, arg, "-m", err);
    case OPT_HOST:
        return set_once(&c->host_file, arg, "--host", err);
    case OPT_SCHEMAS:
        return set_once(&c->schema_dir, arg, "--schema-dir", err);
    case 'I':
        vec_push(c->arena, &o->include_dirs, arg);
        return true;
    case 'D':
        return read_define(c, o, arg, err);
    case '@':
        c->symbols = true;
        return true;
    case 'W':
        return read_warning(c, o, arg, err);
    case 'w':
        o->policy.none = true;
        return true;
    case OPT_MAX_ERRORS:
        return read_max_errors(o, arg, err);
    case OPT_EMIT:
        return read_view(c, o, arg, err);
    case OPT_CHECK:
        o->check = true;
        return true;
    case OPT_SYNTAX:
        o->syntax = true;
        return true;
    case OPT_EXPLAIN:
        o->action = ACTION_EXPLAIN;
        o->explain = arg;
        return true;
    case OPT_LIST:
        o->action = ACTION_LIST_CLASSES;
        return true;
    case OPT_DUMP:
        o->action = ACTION_DUMP_CLASS;
        o->dump = arg;
        return true;
    case OPT_VERSION:
        o->action = ACTION_VERSION;
        return true;
    default:
        o->action = ACTION_HELP;
        return true;
    }
}

static bool fits_together(const struct options *o, FILE *err)
{
    if (o->action != ACTION_COMPILE)
        return true;
    if (!o->input)
        return usage(err, "no input file");
    if (o->dir && (o->dtb || o->config || o->machine))
        return usage(err, "-O writes every machine: it does not go with -o, -c or -m");
    bool dtb = o->dtb && !strcmp(o->dtb, "-"), config = o->config && !strcmp(o->config, "-");
    if (dtb + config + (o->view != VIEW_NONE) > 1)
        return usage(err, "only one thing at a time can go to standard output");
    if (o->dtb && o->config && !dtb && !strcmp(o->dtb, o->config))
        return usage(err, "-o and -c name the same file, `%s`", o->dtb);
    if (o->check && (o->dtb || o->config || o->dir || o->view != VIEW_NONE))
        return usage(err, "--check writes nothing: it does not go with -o, -c, -O or --emit");
    return true;
}

bool options_read(struct machc *c, int argc, char **argv, struct options *o, FILE *err)
{
    memset(o, 0, sizeof *o);
    o->max_errors = 20;
    opterr = 0;
    optind = 0; // glibc: begin anew, also for a second command line in one process
    for (;;) {
        int at = optind ? optind : 1;
        // '-': what is not an option comes in order, whatever POSIXLY_CORRECT says; ':' tells a missing argument.
        int opt = getopt_long(argc, argv, "-:o:c:O:m:I:D:@W:wh", long_options, NULL);
        if (opt == -1)
            break;
        if (opt == '?')
            return unknown_option(c, argv[at], optopt, err);
        if (opt == ':')
            return usage(err, "option `%s` needs an argument", argv[at]);
        if (!read_option(c, opt, optarg, o, err))
            return false;
        if (o->action == ACTION_HELP || o->action == ACTION_VERSION)
            return true;
    }
    for (; optind < argc; optind++) { // behind "--"
        if (!read_option(c, 1, argv[optind], o, err))
            return false;
    }
    if (!fits_together(o, err))
        return false;
    c->include_dirs = o->include_dirs.at;
    c->ninclude_dirs = o->include_dirs.n;
    c->defines = o->defines.at;
    c->ndefines = o->defines.n;
    diags_policy(c->diags, &o->policy);
    return true;
}

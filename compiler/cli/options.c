// SPDX-License-Identifier: MIT
#include "cli/options.h"
#include "cli/say.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

enum option_id {
    OPT_OUT = 1,
    OPT_CONFIG,
    OPT_DIR,
    OPT_MACHINE,
    OPT_EMIT,
    OPT_CHECK,
    OPT_TOGETHER,
    OPT_FIX,
    OPT_SYNTAX,
    OPT_HOST,
    OPT_INCLUDE,
    OPT_DEFINE,
    OPT_SYMBOLS,
    OPT_SCHEMAS,
    OPT_JOBS,
    OPT_MEMORY,
    OPT_DEPEND,
    OPT_DIAGNOSTICS,
    OPT_WARNING,
    OPT_NO_WARNINGS,
    OPT_MAX_ERRORS,
    OPT_EXPLAIN,
    OPT_LIST,
    OPT_DUMP,
    OPT_VERSION,
    OPT_HELP
};

/*
 * The only table of options: getopt and --help use it, the man page and the completions are generated from --help or
 * tested against it. An option has a letter, a name, or both; entries with the same id are spellings of one option.
 */
static const struct spec {
    enum option_id id;
    char letter;       // 0: none
    const char *name;  // NULL: none
    const char *arg;   // as it is shown after the option, with the separator; NULL: takes none
    const char *shown; // where several are shown as one: the whole left column; "": nothing, the one before shows it
    const char *text;
    const char *group; // a heading before it; or NULL
} specs[] = {
    {OPT_OUT, 'o', NULL, " FILE", NULL, "write the guest's device tree to FILE; `-` is standard output", "Outputs"},
    {OPT_CONFIG, 'c', NULL, " FILE", NULL, "write the config for the runtime to FILE; `-` is standard output", NULL},
    {OPT_DIR, 'O', NULL, " DIR", NULL,
     "write both for every machine, DIR/NAME.dtb and DIR/NAME.cfg, and what the host needs: DIR/HOST.host.dtbo, its "
     "source, and DIR/HOST.args",
     NULL},
    {OPT_MACHINE, 'm', NULL, " NAME", NULL, "the machine for -o, -c, --emit and --explain", NULL},
    {OPT_EMIT, 0, "emit", "=dts|json|plan|map|graph|host|qemu", NULL,
     "print the device tree source, the config as JSON, the plan, a map of it (SVG), a graph for Graphviz, what the "
     "host needs for its guests, or the command line of another VMM",
     NULL},
    {OPT_CHECK, 0, "check", NULL, NULL, "check all machines of all files, write nothing", NULL},
    {OPT_TOGETHER, 0, "together", NULL, NULL,
     "all files describe one board: compare their machines with each other, and compile them as if they were one file",
     NULL},
    {OPT_FIX, 0, "fix", NULL, NULL, "apply fixes that are unambiguous to the files, then check them", NULL},
    {OPT_JOBS, 'j', NULL, " N", NULL, "check N files at a time (default: the number of processors)", NULL},
    {OPT_MEMORY, 0, "max-memory", " MIB", NULL, "use at most MIB MiB of memory for a file (default: 2048; 0: all)",
     NULL},
    {OPT_SYNTAX, 0, "syntax", NULL, NULL, "check syntax only, without host tree and schemas", NULL},

    {OPT_HOST, 0, "host", " FILE", NULL, "use this host tree instead of the one in the file", "Inputs"},
    {OPT_INCLUDE, 'I', NULL, " DIR", NULL, "search this directory for included files as well", NULL},
    {OPT_DEFINE, 'D', NULL, " NAME=VALUE", NULL, "define a const, or override its value", NULL},
    {OPT_SYMBOLS, '@', NULL, NULL, NULL, "keep labels as __symbols__ in the guest tree", NULL},
    {OPT_SCHEMAS, 0, "schema-dir", " DIR", NULL, "load more device classes and platforms from *.json in DIR", NULL},

    {OPT_DEPEND, 'M', NULL, "D", "-MD", "write a depfile for make and ninja next to the first output",
     "For make and ninja"},
    {OPT_DEPEND, 'M', NULL, "F FILE", "-MF FILE", "with -MD: write it to FILE", NULL},
    {OPT_DEPEND, 'M', NULL, "T TARGET", "-MT TARGET", "with -MD: the target of the rule, instead of the outputs", NULL},
    {OPT_DEPEND, 'M', NULL, "P", "-MP",
     "with -MD: add phony targets, so that a deleted dependency does not break the build", NULL},

    {OPT_DIAGNOSTICS, 0, "diagnostics", "=text|json|sarif|github[:FILE]", NULL,
     "the format of messages: text on standard error, others on standard output, or in FILE besides the text",
     "Messages"},
    {OPT_WARNING, 'W', NULL, "NAME", "-WNAME, -Wno-NAME", "enable or disable a warning", NULL},
    {OPT_WARNING, 'W', NULL, "error", "-Werror[=NAME]", "turn all warnings, or one, into errors", NULL},
    {OPT_NO_WARNINGS, 'w', NULL, NULL, NULL, "disable all warnings", NULL},
    {OPT_MAX_ERRORS, 0, "max-errors", " N", NULL, "show at most N errors (default for text: 20; 0: all)", NULL},

    {OPT_EXPLAIN, 0, "explain", "=CODE|PATH", NULL,
     "explain a message (`list` lists all, `all` explains all); with FILE.mach: show where each property of a guest's "
     "node comes from",
     "Information"},
    {OPT_LIST, 0, "list-classes", NULL, NULL, "list device classes, irqchip classes and platforms", NULL},
    {OPT_DUMP, 0, "dump-class", " NAME", NULL, "print the schema of one of these, by name or compatible string", NULL},
    {OPT_VERSION, 0, "version", NULL, NULL, "print the version", NULL},
    {OPT_HELP, 'h', "help", NULL, NULL, "print this help", NULL},
};

enum { SPECS = sizeof specs / sizeof *specs, LETTER = 256, COLUMN = 22, WIDTH = 100 };

// getopt's tables. A name's value is its id, a letter's its character; ids are moved out of the characters' way.
struct getopt_tables {
    struct option names[SPECS + 1];
    char letters[3 * SPECS + 3];
};

static void fill_tables(struct getopt_tables *t)
{
    char *p = t->letters;
    size_t n = 0;
    memset(t, 0, sizeof *t);
    // '-': what is not an option comes in order, whatever POSIXLY_CORRECT says; ':' tells a missing argument.
    *p++ = '-';
    *p++ = ':';
    for (size_t i = 0; i < SPECS; i++) {
        const struct spec *s = &specs[i];
        if (s->letter && !strchr(t->letters + 2, s->letter)) {
            *p++ = s->letter;
            if (s->arg)
                *p++ = ':';
        }
        if (s->name)
            t->names[n++] =
                (struct option){s->name, s->arg ? required_argument : no_argument, NULL, LETTER + (int)s->id};
    }
}

static enum option_id id_of(int opt)
{
    if (opt >= LETTER)
        return (enum option_id)(opt - LETTER);
    for (size_t i = 0; i < SPECS; i++)
        if (specs[i].letter == opt)
            return specs[i].id;
    return OPT_HELP;
}

// The text, from column COLUMN on, in lines of at most WIDTH columns.
static void put_wrapped(FILE *to, const char *text, size_t column)
{
    if (column + 2 > COLUMN) {
        fputc('\n', to);
        column = 0;
    }
    fprintf(to, "%*s", (int)(COLUMN - column), "");
    column = COLUMN;
    for (const char *word = text; *word;) {
        size_t len = strcspn(word, " ");
        if (column > COLUMN && column + 1 + len > WIDTH) {
            fprintf(to, "\n%*s", COLUMN, "");
            column = COLUMN;
        } else if (column > COLUMN) {
            fputc(' ', to);
            column++;
        }
        fwrite(word, 1, len, to);
        column += len;
        word += len + strspn(word + len, " ");
    }
    fputc('\n', to);
}

void options_help(FILE *to)
{
    fputs("machc FILE.mach -o GUEST.dtb -c GUEST.cfg   compile the one machine of a file (`-`: standard input)\n"
          "machc FILE.mach -m NAME -o ... -c ...       compile one of several\n"
          "machc FILE.mach -O DIR                      every machine: DIR/NAME.dtb, DIR/NAME.cfg\n"
          "machc --check FILE.mach...                  check all machines of all files, write nothing\n"
          "machc --check --together FILE.mach...       the same, as machines of one board\n",
          to);
    for (size_t i = 0; i < SPECS; i++) {
        const struct spec *s = &specs[i];
        char left[64];
        if (s->group)
            fprintf(to, "\n%s:\n", s->group);
        if (s->shown)
            snprintf(left, sizeof left, "  %s", s->shown);
        else if (s->letter && s->name)
            snprintf(left, sizeof left, "  -%c, --%s%s", s->letter, s->name, s->arg ? s->arg : "");
        else if (s->letter)
            snprintf(left, sizeof left, "  -%c%s", s->letter, s->arg ? s->arg : "");
        else
            snprintf(left, sizeof left, "  --%s%s", s->name, s->arg ? s->arg : "");
        fputs(left, to);
        put_wrapped(to, s->text, strlen(left));
    }
    fputs("\nExit status: 0 success, 1 errors in the input, 2 usage or I/O error, 3 internal error.\n", to);
}

static bool usage(FILE *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool usage(FILE *err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    fputs("machc: ", err);
    say_va(err, fmt, ap);
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

static bool unknown_option(struct machc *c, const struct getopt_tables *t, const char *arg, int letter, FILE *err)
{
    if (strncmp(arg, "--", 2))
        return usage(err, "unknown option `-%c`", letter);
    const char *names[SPECS];
    size_t n = 0;
    for (; t->names[n].name; n++)
        names[n] = t->names[n].name;
    const char *equals = strchr(arg, '=');
    size_t len = equals ? (size_t)(equals - arg) : strlen(arg);
    const char *word = arena_strndup(c->arena, arg + 2, len - 2);
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(word, names[i]))
            return usage(err, "option `--%s` takes no argument", word);
    }
    return usage(err, "unknown option `--%s`%s", word, did_you_mean(c, word, names, n, "--"));
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
    return usage(err, "unknown warning `%s`%s", name, did_you_mean(c, name, names, n, ""));
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
    d->name = arena_strndup(c->arena, arg, (size_t)(p - arg));
    d->value = p + 1;
    return true;
}

static bool read_view(struct machc *c, struct options *o, const char *arg, FILE *err)
{
    static const char *const views[] = {"dts", "json", "plan", "map", "graph", "host", "qemu"};
    static const enum view values[] = {VIEW_DTS, VIEW_JSON, VIEW_PLAN, VIEW_MAP, VIEW_GRAPH, VIEW_HOST, VIEW_VMM};
    enum { VIEWS = sizeof values / sizeof *values };
    for (size_t i = 0; i < VIEWS; i++) {
        if (!strcmp(arg, views[i])) {
            o->view = values[i];
            o->vmm = arg;
            return true;
        }
    }
    const char *hint = did_you_mean(c, arg, views, VIEWS, "--emit=");
    if (*hint)
        return usage(err, "--emit takes dts, json, plan, map, graph, host or a VMM's name, not `%s`%s", arg, hint);
    // The VMMs are in the schemas, which are read later: their folder may follow.
    o->view = VIEW_VMM;
    o->vmm = arg;
    return true;
}

static bool read_count(uint32_t *n, const char *option, const char *arg, FILE *err)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(arg, &end, 10);
    if (!isdigit((unsigned char)*arg) || *end || errno || value > UINT32_MAX)
        return usage(err, "`%s %s` is not a number", option, arg);
    *n = (uint32_t)value;
    return true;
}

// FORMAT or FORMAT:FILE.
static bool read_report(struct machc *c, struct options *o, const char *arg, FILE *err)
{
    const char *colon = strchr(arg, ':'), *file = colon && colon[1] ? colon + 1 : NULL;
    const char *name = arena_strndup(c->arena, arg, colon ? (size_t)(colon - arg) : strlen(arg));
    if (colon && !file)
        return usage(err, "`--diagnostics=%s` has no file name after the colon", arg);
    if (file && !strcmp(file, "-"))
        file = NULL;
    for (size_t i = 0; i < REPORT_FORMATS; i++) {
        if (strcmp(name, report_names[i]) != 0)
            continue;
        if (file && i == REPORT_TEXT)
            return usage(err, "text goes to standard error, not to a file: `--diagnostics=%s`", arg);
        vec_push(c->arena, &o->reports, ((struct report_to){(enum report_format)i, file}));
        return true;
    }
    return usage(err, "--diagnostics takes text, json, sarif or github, not `%s`%s", name,
                 did_you_mean(c, name, report_names, REPORT_FORMATS, "--diagnostics="));
}

static bool set_once(const char **where, const char *value, const char *option, FILE *err)
{
    if (*where)
        return usage(err, "`%s` is given twice: `%s` and `%s`", option, *where, value);
    *where = value;
    return true;
}

// D, P, F FILE, T TARGET: *next is the next argument, or NULL; it is NULL when it was used.
static bool read_depend(struct machc *c, struct options *o, const char *arg, const char **next, FILE *err)
{
    const char *value = arg[0] && arg[1] ? arg + 1 : *next;
    switch (arg[0]) {
    case 'D':
    case 'P':
        if (arg[1])
            break;
        *(arg[0] == 'D' ? &o->depend : &o->depend_phony) = true;
        return true;
    case 'F':
    case 'T':
        if (!value)
            return usage(err, "option `-M%c` needs an argument", arg[0]);
        if (!arg[1])
            *next = NULL;
        if (arg[0] == 'F')
            return set_once(&o->depend_file, value, "-MF", err);
        vec_push(c->arena, &o->depend_targets, value);
        return true;
    default:
        break;
    }
    return usage(err, "unknown option `-M%s`: use -MD, -MF, -MT or -MP", arg);
}

// What --explain is asked about: a message, unless a file is there whose guests have nodes.
static bool is_message(const char *word)
{
    bool code = strchr("EWFewf", word[0]) && word[0] && strspn(word + 1, "0123456789") == 4 && strlen(word) == 5;
    return code || !strcmp(word, "list") || !strcmp(word, "all");
}

static void choose_explanation(struct options *o)
{
    if (o->action != ACTION_EXPLAIN || !o->inputs.n || is_message(o->explain))
        return;
    o->action = ACTION_COMPILE;
    o->view = VIEW_EXPLAIN;
    o->explain_node = o->explain;
}

static bool read_option(struct machc *c, enum option_id id, const char *arg, struct options *o, FILE *err)
{
    switch (id) {
    case OPT_OUT:
        return set_once(&o->dtb, arg, "-o", err);
    case OPT_CONFIG:
        return set_once(&o->config, arg, "-c", err);
    case OPT_DIR:
        return set_once(&o->dir, arg, "-O", err);
    case OPT_MACHINE:
        return set_once(&o->machine, arg, "-m", err);
    case OPT_HOST:
        return set_once(&o->host_file, arg, "--host", err);
    case OPT_SCHEMAS:
        return set_once(&o->schema_dir, arg, "--schema-dir", err);
    case OPT_INCLUDE:
        vec_push(c->arena, &o->include_dirs, arg);
        return true;
    case OPT_DEFINE:
        return read_define(c, o, arg, err);
    case OPT_SYMBOLS:
        o->symbols = true;
        return true;
    case OPT_DIAGNOSTICS:
        return read_report(c, o, arg, err);
    case OPT_WARNING:
        return read_warning(c, o, arg, err);
    case OPT_NO_WARNINGS:
        o->policy.none = true;
        return true;
    case OPT_MAX_ERRORS:
        o->max_errors_given = true;
        return read_count(&o->max_errors, "--max-errors", arg, err);
    case OPT_JOBS:
        return read_count(&o->jobs, "-j", arg, err);
    case OPT_MEMORY:
        o->max_memory_given = true;
        return read_count(&o->max_memory, "--max-memory", arg, err);
    case OPT_EMIT:
        return read_view(c, o, arg, err);
    case OPT_CHECK:
        o->check = true;
        return true;
    case OPT_TOGETHER:
        o->together = true;
        return true;
    case OPT_FIX:
        o->fix = true;
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
    case OPT_DEPEND: // read_depend()
    case OPT_HELP:
        break;
    }
    o->action = ACTION_HELP;
    return true;
}

// What goes to standard output, of which there is one.
static unsigned to_stdout(const struct options *o)
{
    unsigned n = o->view != VIEW_NONE;
    n += o->dtb && !strcmp(o->dtb, "-");
    n += o->config && !strcmp(o->config, "-");
    for (uint32_t i = 0; i < o->reports.n; i++)
        n += o->reports.at[i].format != REPORT_TEXT && !o->reports.at[i].file;
    return n;
}

static bool depends_on_something(const struct options *o, FILE *err)
{
    bool file = (o->dtb && strcmp(o->dtb, "-") != 0) || (o->config && strcmp(o->config, "-") != 0);
    if (!o->depend)
        return !(o->depend_file || o->depend_targets.n || o->depend_phony) || usage(err, "-MF, -MT and -MP need -MD");
    if (o->inputs.n > 1 && !o->together)
        return usage(err, "-MD works with one file, not with several");
    if (o->syntax || o->fix)
        return usage(err, "-MD cannot be combined with --syntax or --fix");
    if (!o->depend_file && !file)
        return usage(err, "-MD without an output: name the depfile with -MF");
    if (!o->depend_targets.n && !file && !o->dir)
        return usage(err, "-MD without an output: name the target of the rule with -MT");
    return true;
}

static bool fits_together(const struct options *o, FILE *err)
{
    if (o->action != ACTION_COMPILE)
        return true;
    if (!o->inputs.n)
        return usage(err, "no input file");
    bool writes = o->dtb || o->config || o->dir || o->view != VIEW_NONE;
    if (o->together && (o->fix || o->syntax))
        return usage(err, "--together compares machines: it cannot be combined with --fix or --syntax");
    if (o->inputs.n > 1 && writes && !o->together)
        return usage(
            err, "only one file can be compiled at a time: `%s` and `%s`; if they describe one board, add --together",
            o->inputs.at[0], o->inputs.at[1]);
    if (o->dir && (o->dtb || o->config || o->machine))
        return usage(err, "-O writes every machine: it cannot be combined with -o, -c or -m");
    if (to_stdout(o) > 1)
        return usage(err, "only one output can go to standard output");
    if (o->dtb && o->config && strcmp(o->dtb, "-") != 0 && !strcmp(o->dtb, o->config))
        return usage(err, "-o and -c name the same file, `%s`", o->dtb);
    if (o->check && writes)
        return usage(err, "--check writes nothing: it cannot be combined with -o, -c, -O or --emit");
    if (!depends_on_something(o, err))
        return false;
    if (o->fix && writes)
        return usage(err, "--fix changes and checks files: it cannot be combined with -o, -c, -O or --emit");
    for (uint32_t i = 0; o->fix && i < o->inputs.n; i++)
        if (!strcmp(o->inputs.at[i], "-"))
            return usage(err, "--fix cannot change standard input");
    return true;
}

bool options_read(struct machc *c, int argc, char **argv, struct options *o, FILE *err)
{
    struct getopt_tables t;
    fill_tables(&t);
    memset(o, 0, sizeof *o);
    o->max_errors = 20;
    opterr = 0;
    optind = 0; // glibc: begin anew, also for a second command line in one process
    for (;;) {
        int at = optind ? optind : 1;
        int opt = getopt_long(argc, argv, t.letters, t.names, NULL);
        if (opt == -1)
            break;
        if (opt == '?')
            return unknown_option(c, &t, argv[at], optopt, err);
        if (opt == ':')
            return usage(err, "option `%s` needs an argument", argv[at]);
        if (opt == 1) // not an option
            vec_push(c->arena, &o->inputs, optarg);
        else if (opt == 'M') {
            const char *next = optind < argc ? argv[optind] : NULL, *had = next;
            if (!read_depend(c, o, optarg, &next, err))
                return false;
            optind += had && !next;
        } else if (!read_option(c, id_of(opt), optarg, o, err))
            return false;
        if (o->action == ACTION_HELP || o->action == ACTION_VERSION)
            return true;
    }
    for (; optind < argc; optind++) // after "--"
        vec_push(c->arena, &o->inputs, argv[optind]);
    if (!o->reports.n)
        vec_push(c->arena, &o->reports, ((struct report_to){REPORT_TEXT, NULL}));
    choose_explanation(o);
    return fits_together(o, err);
}

void options_apply(const struct options *o, struct machc *c)
{
    c->include_dirs = o->include_dirs.at;
    c->ninclude_dirs = o->include_dirs.n;
    struct define *defines = arena_array(c->arena, o->defines.n, sizeof *defines);
    for (uint32_t i = 0; i < o->defines.n; i++)
        defines[i] = (struct define){intern(c->names, o->defines.at[i].name), o->defines.at[i].value};
    c->defines = defines;
    c->ndefines = o->defines.n;
    c->host_file = o->host_file;
    c->schema_dir = o->schema_dir;
    c->symbols = o->symbols;
    size_t limit = (size_t)o->max_memory << 20;
    if (o->max_memory_given)
        c->memory.limit = limit && limit >> 20 == o->max_memory ? limit : SIZE_MAX;
    diags_policy(c->diags, &o->policy);
}

bool terminal_colour(FILE *err)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(err)) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

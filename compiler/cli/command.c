// SPDX-License-Identifier: MIT
#include "cli/command.h"

#include "cli/batch.h"
#include "cli/compile.h"
#include "cli/lists.h"
#include "cli/options.h"

struct command {
    int argc;
    char **argv;
    FILE *out, *err;
};

static int show_diagnostics(struct machc *c, const struct options *o, FILE *err)
{
    struct unit u = {.o = o, .err = err, .alone = true, .text = true, .colour = terminal_colour(err)};
    return show_messages(c, &u);
}

static int run_command(struct machc *c, void *opaque)
{
    const struct command *cmd = opaque;
    struct options *o = NEW(c->arena, struct options);
    if (!options_read(c, cmd->argc, cmd->argv, o, cmd->err))
        return STATUS_USAGE;
    options_apply(o, c);
    switch (o->action) {
    case ACTION_HELP:
        options_help(cmd->out);
        return STATUS_FINE;
    case ACTION_VERSION:
        fprintf(cmd->out, "machc %s\n", machc_version());
        return STATUS_FINE;
    case ACTION_EXPLAIN:
        return explain_message(o->explain, cmd->out, cmd->err) ? STATUS_FINE : STATUS_USAGE;
    case ACTION_LIST_CLASSES:
        list_classes(c, cmd->out);
        return show_diagnostics(c, o, cmd->err);
    case ACTION_DUMP_CLASS:
        if (!dump_class(c, o->dump, cmd->out, cmd->err) && !diags_errors(c->diags))
            return STATUS_USAGE;
        return show_diagnostics(c, o, cmd->err);
    case ACTION_COMPILE:
        break;
    }
    return batch_run(c->arena, o, cmd->out, cmd->err);
}

void say_out_of_memory(FILE *err)
{
    fprintf(err, "machc: fault of machc: %s [%s]\n", msg_infos[F0001].title, msg_infos[F0001].code);
}

int machc_command(int argc, char **argv, FILE *out, FILE *err)
{
    struct command cmd = {argc, argv, out, err};
    int status = machc_run(run_command, &cmd);
    if (status == MACHC_OUT_OF_MEMORY) {
        say_out_of_memory(err);
        status = STATUS_FAULT;
    }
    if ((fflush(out) || ferror(out)) && status == STATUS_FINE) {
        fputs("machc: cannot write standard output\n", err);
        status = STATUS_USAGE;
    }
    return status;
}

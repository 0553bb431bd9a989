// SPDX-License-Identifier: MIT
// Messages: collected by every pass, sorted and shown at the end. Passes never print and never exit.
#ifndef MACHC_DIAG_DIAG_H
#define MACHC_DIAG_DIAG_H

#include "base/arena.h"
#include "diag/source.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Stable numbers: diag/messages.def is the one registry. E... are errors, W... warnings, F... faults of machc itself.
 */
enum msg {
#define MSG(code, name, title, text) code,
#include "diag/messages.def"
#undef MSG
    MSG_COUNT
};

/* What a message means, for --explain and docs/messages.md. */
struct msg_info {
    const char *code;  // "E0311"
    const char *name;  // "shared-interrupt": the name that -W takes
    const char *title; // one line
    const char *text;  // what it means, an example, how to fix it
};
extern const struct msg_info msg_infos[MSG_COUNT];

/* A text that was written at a place and is used from others: templates, for loops, includes. */
struct via {
    struct loc loc;         // the `use`, `for` or `machine` that put it there
    const char *what;       // "template qman-portal", "for n = 3"
    const struct via *next; // the next one outwards, or NULL
};

/* Where a message is: the place in the text, and how the text came to be used there. */
struct src {
    struct loc loc;
    const struct via *via;
};

static inline struct src src_at(struct loc loc)
{
    return (struct src){loc, NULL};
}

/* The order of places: by file, as files were opened, then by offset. Negative if `a` comes first, 0 if equal. */
static inline int src_compare(struct src a, struct src b)
{
    if (a.loc.file != b.loc.file)
        return a.loc.file < b.loc.file ? -1 : 1;
    return (a.loc.start > b.loc.start) - (a.loc.start < b.loc.start);
}

struct diag;
struct diags;

/* An empty list; messages live in `a`. `sources` gives names and text when they are shown. */
struct diags *diags_new(struct arena *a, struct sources *sources);

/* What to do with warnings. All zero: show them. */
struct diag_policy {
    bool none;             // -w: no warnings at all
    bool errors;           // -Werror: every warning is an error
    bool off[MSG_COUNT];   // -Wno-NAME
    bool error[MSG_COUNT]; // -Werror=NAME
};

/* Sets the policy for the messages added from now on. It is copied. */
void diags_policy(struct diags *ds, const struct diag_policy *policy);

/*
 * Adds a message. `at` may be of file 0: a message without a place. The same message (code and text) at the
 * same place is added once; when that place is used from others, they are counted. Never NULL. The calls below add to
 * it, in the order they are to be shown.
 */
struct diag *diag(struct diags *ds, enum msg m, struct src at, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Text to the right of the caret line: "GIC SPI 54, level-high". */
void diag_label(struct diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A second place in a text of ours, shown with its file:line:column and source line. */
void diag_note(struct diag *d, struct src at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A second place that has no line: a node of a host DTB ("ls1046a.dtb: /soc/serial@21c0500 ..."). */
void diag_fact(struct diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* What to do: one sentence, with the text to write in backquotes. */
void diag_help(struct diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line of text to paste, below the help that says where. */
void diag_paste(struct diag *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * A replacement of `where` that fixes it (start == end inserts): what --fix does, and machine formats tell. All those
 * of one message belong together.
 */
void diag_fix(struct diag *d, struct loc where, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/*
 * Fixes that are attached where the text at the place is what they are about, and not where it is made from something
 * else (diag/fixit.c):
 *
 * The one place in the message's own range where the word `wrong` is becomes `right`.
 */
void diag_respell(struct diag *d, const char *wrong, const char *right);

/* The same, and the help line "did you mean `BEFOREright`?" */
void diag_did_you_mean(struct diag *d, const char *before, const char *wrong, const char *right);

/* The message's range, if it is a number, becomes `text`. */
void diag_fix_number(struct diag *d, const char *text);

/* Is a number written there, so that diag_fix() may put another one in its place? */
bool diag_is_number(const struct diag *d, struct src where);

/* Removes the word at its one place in the message's range, with the blanks before it. */
void diag_fix_away(struct diag *d, const char *word);

/* The help line "write `BEFORE0xVALUE`AFTER", and the message's range, if it is a number, becomes that value. */
void diag_help_number(struct diag *d, const char *before, uint64_t value, const char *after);

/*
 * A statement (or several) is put into the braces of the one at `statement`, which gets some if it has none, and whose
 * text there begins with `keyword`.
 */
void diag_fix_statement(struct diag *d, struct src statement, const char *keyword, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * How many there are: warnings that the policy made errors count as errors, suppressed ones not at all. An error
 * that is the same for several uses of a text counts for each.
 */
uint32_t diags_errors(const struct diags *ds);
uint32_t diags_warnings(const struct diags *ds);

/* How messages are shown. */
struct diag_style {
    bool colour;
    uint32_t max_errors; // 0: all
    bool no_counts;      // the line with the number of errors is left out
};

/* Prints all messages as text, sorted by file (in order of first use) and offset, those without a place first, then a
 * summary line. */
void diags_print(struct diags *ds, FILE *to, const struct diag_style *style);

/*
 * The candidate nearest to `word` if it is near enough (Damerau-Levenshtein distance of at most
 * max(1, length / 3), and something left in common), else NULL; NULL, too, when two are equally near, since
 * --fix would write one of them. At most 1000 are looked at; words longer than 128 bytes have no neighbours.
 */
const char *nearest(const char *word, const char *const *candidates, size_t n);

/*
 * The same, a hundred times for a list of messages, and then NULL: nobody reads more of them, and thousands of
 * candidates for each of a hundred thousand mistakes would take minutes. diags_seek() tells whether to collect any.
 */
const char *diags_nearest(struct diags *ds, const char *word, const char *const *candidates, size_t n);
bool diags_seek(const struct diags *ds);

/* The name that is nearest to that of a file that is not there, of those in its directory; or NULL. In the arena. */
const char *near_file(struct arena *a, const char *path);

#endif

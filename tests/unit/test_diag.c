// SPDX-License-Identifier: MIT
// Tests of sources, messages and their output, the registry, and nearest().
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/map.h"
#include "diag/diag.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static jmp_buf on_oom;

struct fixture {
    struct arena *arena;
    struct sources *sources;
    struct diags *diags;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    f->arena = arena_new(&on_oom, hash_key_random());
    f->sources = sources_new(f->arena);
    f->diags = diags_new(f->arena, f->sources);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    arena_free(f->arena);
    free(f);
    return 0;
}

#define TEXT(f, name, text) source_builtin((f)->sources, name, text "\0", sizeof(text) - 1)

// The place of the first `word` in a source.
static struct src at(const struct source *s, const char *word)
{
    const char *p = strstr(s->text, word);
    assert_non_null(p);
    uint32_t start = (uint32_t)(p - s->text);
    return src_at((struct loc){s->id, start, start + (uint32_t)strlen(word)});
}

static const struct src nowhere;

static char *shown_as(struct fixture *f, struct diag_style style)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    diags_print(f->diags, to, &style);
    fclose(to);
    char *copy = arena_strndup(f->arena, text, size);
    free(text);
    return copy;
}

static char *shown(struct fixture *f)
{
    return shown_as(f, (struct diag_style){.colour = false, .max_errors = 20});
}

static void temp_file(char *path, const char *text, size_t size)
{
    strcpy(path, "/tmp/machc-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    close(fd);
}

// ---- sources ----

static void a_file_is_read_once(void **state)
{
    struct fixture *f = *state;
    const char *why = NULL;
    int err = -1;
    char path[64];
    temp_file(path, "host;\n", 6);
    struct source *s = source_read(f->sources, path, false, &why, &err);
    assert_non_null(s);
    assert_int_equal(s->len, 6);
    assert_string_equal(s->text, "host;\n");
    assert_int_equal(s->text[7], 0);
    assert_ptr_equal(source_get(f->sources, s->id), s);
    unlink(path);
    assert_ptr_equal(source_read(f->sources, path, false, &why, &err), s);
    assert_int_equal(sources_count(f->sources), 1);
    assert_null(source_get(f->sources, 0));
    assert_null(source_get(f->sources, 2));
}

static void a_text_has_no_nul(void **state)
{
    struct fixture *f = *state;
    const char *why = NULL;
    int err = -1;
    char path[64];
    temp_file(path, "ab\0c", 4);
    assert_null(source_read(f->sources, path, false, &why, &err));
    assert_int_equal(err, 0);
    assert_string_equal(why, "it is not a text: there is a NUL byte at offset 2");
    struct source *s = source_read(f->sources, path, true, &why, &err);
    assert_non_null(s);
    assert_int_equal(s->len, 4);
    assert_true(s->binary);
    unlink(path);
}

static void what_cannot_be_read_says_why(void **state)
{
    struct fixture *f = *state;
    const char *why = NULL;
    int err = 0;
    assert_null(source_read(f->sources, "/nonexistent/x.mach", false, &why, &err));
    assert_int_equal(err, ENOENT);
    assert_string_equal(why, "there is no such file");
    assert_null(source_read(f->sources, "/tmp", false, &why, &err));
    assert_int_equal(err, EISDIR);
    assert_string_equal(why, "it is a directory");
    // A device has no size. Reading an endless one up to the limit would take a gigabyte, so use an empty one.
    struct source *s = source_read(f->sources, "/dev/null", false, &why, &err);
    assert_non_null(s);
    assert_int_equal(s->len, 0);
}

static void a_pipe_is_read_to_its_end(void **state)
{
    struct fixture *f = *state;
    const char *why = NULL;
    int err = 0;
    // Its size is reported as 0, and it arrives in an unknown number of pieces.
    char dir[] = "/tmp/test_diag.XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/pipe", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    pid_t writer = fork();
    if (!writer) {
        FILE *to = fopen(path, "w");
        for (int i = 0; to && i < 20000; i++)
            fprintf(to, "line %05d\n", i);
        _exit(!to || fclose(to));
    }
    struct source *s = source_read(f->sources, path, false, &why, &err);
    int status = -1;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    unlink(path);
    rmdir(dir);
    assert_non_null(s);
    assert_int_equal(s->len, 20000 * 11);
    assert_int_equal(s->len, strlen(s->text));
}

static void lines_and_columns(void **state)
{
    struct fixture *f = *state;
    struct source *s = TEXT(f, "x", "ab\n\ncd");
    struct {
        uint32_t offset, line, column;
    } want[] = {{0, 1, 1}, {1, 1, 2}, {2, 1, 3}, {3, 2, 1}, {4, 3, 1}, {6, 3, 3}, {99, 3, 3}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct line_col lc = source_line(f->sources, s->id, want[i].offset);
        assert_int_equal(lc.line, want[i].line);
        assert_int_equal(lc.column, want[i].column);
    }
    assert_int_equal(source_line(f->sources, 0, 5).line, 0);
    struct source *empty = TEXT(f, "empty", "");
    assert_int_equal(source_line(f->sources, empty->id, 0).line, 1);
}

// ---- output of messages ----

static void a_message_in_full(void **state)
{
    struct fixture *f = *state;
    struct source *s = TEXT(f, "gateway.mach", "host \"x\" {\n    keep &duart0;\n}\n    passthrough &duart1;\n");
    struct diag *d = diag(f->diags, E0001, at(s, "&duart1"), "interrupt of %s also belongs to the host", "/soc/serial");
    diag_label(d, "GIC SPI %d, level-high", 54);
    diag_note(d, at(s, "&duart0"), "kept by the host here");
    diag_fact(d, "ls1046a.dts: /soc/serial@21c0500 (duart0) uses the same line");
    diag_help(d, "give duart1 no interrupt: `passthrough &duart1 { irq 0 drop; }`");
    diag_fix(d, d ? at(s, ";\n}").loc : nowhere.loc, "x");
    assert_string_equal(shown(f),
                        "gateway.mach:4:17: error: interrupt of /soc/serial also belongs to the host [E0001]\n"
                        "    4 |     passthrough &duart1;\n"
                        "      |                 ^~~~~~~ GIC SPI 54, level-high\n"
                        "    2 |     keep &duart0;\n"
                        "      |                 x\n"
                        "   gateway.mach:2:10: kept by the host here\n"
                        "    2 |     keep &duart0;\n"
                        "      |          ~~~~~~~\n"
                        "   ls1046a.dts: /soc/serial@21c0500 (duart0) uses the same line\n"
                        "   help: give duart1 no interrupt: `passthrough &duart1 { irq 0 drop; }`\n"
                        "1 error\n");
}

static void where_a_text_was_used(void **state)
{
    struct fixture *f = *state;
    struct source *top = TEXT(f, "board.mach", "include \"lib.mach\";\nuse portal(1);\n");
    struct source *lib = TEXT(f, "lib.mach", "template portal(n) { bad; worse; }\n");
    lib->included_from = at(top, "include").loc;
    struct via outer = {at(top, "use").loc, "template portal", NULL};
    struct via inner = {at(lib, "{").loc, "for n = 3", &outer};
    diag(f->diags, E0001, (struct src){at(lib, "bad").loc, &inner}, "one");
    diag(f->diags, E0001, (struct src){at(lib, "worse").loc, NULL}, "two");
    assert_string_equal(shown(f), "lib.mach:1:22: error: one [E0001]\n"
                                  "    1 | template portal(n) { bad; worse; }\n"
                                  "      |                      ^~~\n"
                                  "   included from board.mach:1:1\n"
                                  "   in for n = 3, used at lib.mach:1:20\n"
                                  "   in template portal, used at board.mach:2:1\n"
                                  "lib.mach:1:27: error: two [E0001]\n"
                                  "    1 | template portal(n) { bad; worse; }\n"
                                  "      |                           ^~~~~\n"
                                  "2 errors\n");
}

static void columns_of_tabs_and_wide_characters(void **state)
{
    struct fixture *f = *state;
    struct source *s = TEXT(f, "x",
                            "\ta\tb \xc3\xa9\xe4\xb8\xad"
                            "e\xcc\x81 here\r\n\x1b[2Jq \xff z\n");
    diag(f->diags, E0001, at(s, "here"), "columns");
    diag(f->diags, E0001, at(s, "z"), "nothing reaches the terminal: %s", "\x1b[2J\xe2\x80\xae");
    assert_string_equal(shown(f), "x:1:15: error: columns [E0001]\n"
                                  "    1 |         a       b \xc3\xa9\xe4\xb8\xad"
                                  "e\xcc\x81 here\n"
                                  "      |                        ^~~~\n"
                                  "x:2:9: error: nothing reaches the terminal: \xef\xbf\xbd[2J\xef\xbf\xbd [E0001]\n"
                                  "    2 | \xef\xbf\xbd[2Jq \xef\xbf\xbd z\n"
                                  "      |         ^\n"
                                  "2 errors\n");
}

static void ranges_of_all_kinds(void **state)
{
    struct fixture *f = *state;
    struct source *s = TEXT(f, "x", "abc {\n  d\n}\n");
    diag(f->diags, E0001, src_at((struct loc){s->id, 4, 11}), "several lines");
    diag(f->diags, E0001, src_at((struct loc){s->id, 5, 5}), "nothing at the end of a line");
    diag(f->diags, E0001, src_at((struct loc){s->id, 12, 12}), "end of file");
    diag(f->diags, E0001, src_at((struct loc){s->id, 4000, 5000}), "far outside");
    diag(f->diags, E0001, src_at((struct loc){77, 0, 1}), "no such source");
    assert_string_equal(shown(f), "x:1:5: error: several lines [E0001]\n"
                                  "    1 | abc {\n"
                                  "      |     ^\n"
                                  "x:1:6: error: nothing at the end of a line [E0001]\n"
                                  "    1 | abc {\n"
                                  "      |      ^\n"
                                  "x:4:1: error: end of file [E0001]\n"
                                  "    4 |\n"
                                  "      | ^\n"
                                  "x:4:1: error: far outside [E0001]\n"
                                  "    4 |\n"
                                  "      | ^\n"
                                  "machc: error: no such source [E0001]\n"
                                  "5 errors\n");
}

static void long_lines_are_cut(void **state)
{
    struct fixture *f = *state;
    enum { N = 5000 };
    char *text = arena_alloc(f->arena, N * 7 + 2);
    for (int i = 0; i < N; i++)
        sprintf(text + i * 7, "w%05d ", i);
    struct source *s = source_builtin(f->sources, "x", text, N * 7);
    const char *const words[] = {"w00000", "w00020", "w00300", "w02500", "w04990", "w04999"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        diag(f->diags, E0001, at(s, words[i]), "%s", words[i]);
    char *text_shown = shown(f);
    size_t i = 0;
    for (char *line = strtok(text_shown, "\n"); line; line = strtok(NULL, "\n"), i++) {
        assert_true(strlen(line) < 180);
        // The text above the caret line is what the carets mark.
        static char above[256];
        if (i % 3 == 2)
            assert_memory_equal(above + (strchr(line, '^') - line), words[i / 3], 6);
        strncpy(above, line, sizeof above - 1);
        if (i / 3 == 5)
            break;
    }
    // The same with a word as long as the line.
    memset(text, 'x', N * 7);
    struct fixture g = {f->arena, f->sources, diags_new(f->arena, f->sources)};
    diag(g.diags, E0001, src_at((struct loc){s->id, 100, N * 7}), "all");
    assert_true(strlen(shown(&g)) < 500);
}

static void order_is_that_of_the_files(void **state)
{
    struct fixture *f = *state;
    struct source *a = TEXT(f, "a", "1 2 3\n"), *b = TEXT(f, "b", "4\n");
    diag(f->diags, E0001, at(b, "4"), "fifth");
    diag(f->diags, E0001, at(a, "3"), "fourth");
    diag(f->diags, E0001, at(a, "1"), "second");
    diag(f->diags, E0001, at(a, "1"), "third");
    diag(f->diags, E0001, nowhere, "first");
    const char *text = shown(f);
    const char *const words[] = {"machc: error: first", "second", "third", "fourth", "fifth"};
    for (size_t i = 0; i < 5; i++) {
        text = strstr(text, words[i]);
        assert_non_null(text);
    }
}

static void the_same_is_said_once(void **state)
{
    struct fixture *f = *state;
    struct source *s = TEXT(f, "a", "1 2\n");
    struct via v = {at(s, "2").loc, "template t", NULL}, same = v, other = {at(s, "1").loc, "template t", NULL};
    struct src one = {at(s, "1").loc, &v}, again = {at(s, "1").loc, &same}, third = {at(s, "1").loc, &other};
    diag_help(diag(f->diags, E0001, one, "text %d", 1), "once");
    diag_help(diag(f->diags, E0001, again, "text %d", 1), "twice");
    assert_int_equal(diags_errors(f->diags), 1);
    diag(f->diags, E0001, again, "text %d", 2);
    diag(f->diags, E0001, third, "text %d", 1);
    diag(f->diags, E0001, at(s, "1"), "text %d", 1);
    diag(f->diags, F0001, again, "text %d", 1);
    assert_int_equal(diags_errors(f->diags), 5);
    assert_null(strstr(shown(f), "twice"));
}

static void errors_have_a_limit(void **state)
{
    struct fixture *f = *state;
    struct source *s = TEXT(f, "a", "123456789\n");
    for (uint32_t i = 0; i < 9; i++)
        diag(f->diags, E0001, src_at((struct loc){s->id, i, i + 1}), "number %u", i);
    const char *text = shown_as(f, (struct diag_style){.colour = false, .max_errors = 2});
    assert_non_null(strstr(text, "number 1"));
    assert_null(strstr(text, "number 2"));
    assert_non_null(strstr(text, "7 errors more not shown; --max-errors 0 shows all\n9 errors\n"));
    text = shown_as(f, (struct diag_style){.colour = false, .max_errors = 0});
    assert_non_null(strstr(text, "number 8"));
    assert_null(strstr(text, "not shown"));
}

static void colour_only_when_asked(void **state)
{
    struct fixture *f = *state;
    diag(f->diags, E0001, at(TEXT(f, "a", "1\n"), "1"), "text");
    assert_null(strchr(shown(f), '\033'));
    assert_non_null(strchr(shown_as(f, (struct diag_style){.colour = true, .max_errors = 0}), '\033'));
}

static void nothing_to_say(void **state)
{
    assert_string_equal(shown(*state), "");
}

static void binary_sources_have_no_lines(void **state)
{
    struct fixture *f = *state;
    struct source *s = source_builtin(f->sources, "host.dtb", "a\0b\n\0c\0", 6);
    s->binary = true;
    diag(f->diags, E0001, src_at((struct loc){s->id, 3, 4}), "damaged");
    assert_string_equal(shown(f), "host.dtb: error: damaged [E0001]\n1 error\n");
}

// ---- warnings and their options ----

static enum msg some_warning(void)
{
    for (int m = 0; m < MSG_COUNT; m++) {
        if (msg_infos[m].code[0] == 'W')
            return (enum msg)m;
    }
    return MSG_COUNT;
}

static void policy_of_warnings(void **state)
{
    struct fixture *f = *state;
    enum msg w = some_warning();
    if (w == MSG_COUNT)
        skip();
    struct diag_policy policy = {0};
    struct source *s = TEXT(f, "a", "123456789\n");
    diag(f->diags, w, at(s, "1"), "shown");
    policy.off[w] = true;
    diags_policy(f->diags, &policy);
    diag_help(diag(f->diags, w, at(s, "2"), "off"), "nowhere");
    policy = (struct diag_policy){.none = true};
    diags_policy(f->diags, &policy);
    diag(f->diags, w, at(s, "3"), "off");
    diag(f->diags, E0001, at(s, "4"), "an error stays one");
    policy = (struct diag_policy){0};
    policy.error[w] = true;
    diags_policy(f->diags, &policy);
    diag(f->diags, w, at(s, "5"), "error");
    policy = (struct diag_policy){.errors = true};
    diags_policy(f->diags, &policy);
    diag(f->diags, w, at(s, "6"), "error");
    assert_int_equal(diags_warnings(f->diags), 1);
    assert_int_equal(diags_errors(f->diags), 3);
    const char *text = shown(f);
    assert_null(strstr(text, "off"));
    assert_non_null(
        strstr(text, arena_printf(f->arena, "a:1:1: warning: shown [%s -W%s]", msg_infos[w].code, msg_infos[w].name)));
    assert_non_null(strstr(
        text, arena_printf(f->arena, "a:1:5: error: error [%s -Werror=%s]", msg_infos[w].code, msg_infos[w].name)));
    assert_non_null(strstr(text, "3 errors, 1 warning\n"));
}

static void many_messages_in_one_long_line(void **state)
{
    struct fixture *f = *state;
    enum { N = 100000 };
    char *text = arena_alloc(f->arena, N * 10 + 2);
    memset(text, 'x', N * 10);
    struct source *s = source_builtin(f->sources, "x", text, N * 10);
    clock_t start = clock();
    for (uint32_t i = 0; i < N; i++) {
        struct src place = src_at((struct loc){s->id, i * 10, i * 10 + 5});
        diag(f->diags, E0001, place, "message");
        diag(f->diags, E0001, place, "message");
    }
    assert_int_equal(diags_errors(f->diags), N);
    assert_non_null(
        strstr(shown_as(f, (struct diag_style){.colour = false, .max_errors = 0}), "x:1:999991: error: message"));
    // Quadratic time would be hours; the limit leaves room for valgrind and sanitizers.
    assert_true((clock() - start) / CLOCKS_PER_SEC < 60);
}

// ---- the registry ----

static void codes_and_names_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < MSG_COUNT; i++) {
        const struct msg_info *a = &msg_infos[i];
        assert_true(strchr("EWF", a->code[0]) && strlen(a->code) == 5 && strspn(a->code + 1, "0123456789") == 4);
        for (size_t j = 0; j < i; j++) {
            if (!strcmp(a->code, msg_infos[j].code))
                fail_msg("%s is there twice", a->code);
            if (!strcmp(a->name, msg_infos[j].name))
                fail_msg("%s and %s have the same name", a->code, msg_infos[j].code);
        }
    }
}

static void texts_are_there(void **state)
{
    (void)state;
    int missing = 0;
    for (size_t i = 0; i < MSG_COUNT; i++) {
        const struct msg_info *m = &msg_infos[i];
        bool name = *m->name && strspn(m->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(m->name);
        bool title = *m->title && !strchr(m->title, '\n') && m->title[strlen(m->title) - 1] != '.';
        size_t len = strlen(m->text);
        bool text = len > 20 && m->text[len - 1] != '\n';
        if (!name || !title || !text) {
            print_error("%s: %s%s%s\n", m->code, name ? "" : "bad name ", title ? "" : "bad title ",
                        text ? "" : "bad text");
            missing++;
        }
    }
    assert_int_equal(missing, 0);
}

static void codes_are_sorted_within_their_hundred(void **state)
{
    (void)state;
    for (size_t i = 1; i < MSG_COUNT; i++) {
        const char *a = msg_infos[i - 1].code, *b = msg_infos[i].code;
        if (a[0] == b[0] && strcmp(a, b) > 0)
            fail_msg("%s stands before %s", a, b);
    }
}

// ---- nearest ----

static void nearest_finds_slips(void **state)
{
    (void)state;
    const char *const all[] = {"passthrough", "memory", "machine", "irqchip", "edit", "at", "", "edits"};
    struct {
        const char *word, *want;
    } cases[] = {
        {"pasthrough", "passthrough"},
        {"passthruogh", "passthrough"},
        {"memroy", "memory"},
        {"memory", "memory"},
        {"mahcine", "machine"},
        {"irqchips", "irqchip"},
        {"eidt", "edit"},
        {"edi", "edit"},
        {"editt", NULL}, // just as near to "edits"
        {"machin", "machine"},
        {"ta", "at"},
        {"x", NULL},
        {"xyzzy", NULL},
        {"", NULL},
        {"mxxxry", NULL},
        {"aat", "at"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *got = nearest(cases[i].word, all, sizeof all / sizeof *all);
        if (!cases[i].want)
            assert_null(got);
        else
            assert_string_equal(got ? got : "(none)", cases[i].want);
    }
    char longest[1000];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    const char *const itself[] = {longest};
    assert_null(nearest(longest, itself, 1));
    assert_null(nearest("a", NULL, 0));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_file_is_read_once),
        T(a_text_has_no_nul),
        T(what_cannot_be_read_says_why),
        T(a_pipe_is_read_to_its_end),
        T(lines_and_columns),
        T(a_message_in_full),
        T(where_a_text_was_used),
        T(columns_of_tabs_and_wide_characters),
        T(ranges_of_all_kinds),
        T(long_lines_are_cut),
        T(order_is_that_of_the_files),
        T(the_same_is_said_once),
        T(errors_have_a_limit),
        T(colour_only_when_asked),
        T(nothing_to_say),
        T(binary_sources_have_no_lines),
        T(policy_of_warnings),
        T(many_messages_in_one_long_line),
        T(codes_and_names_are_unique),
        T(texts_are_there),
        T(codes_are_sorted_within_their_hundred),
        T(nearest_finds_slips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

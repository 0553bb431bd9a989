// SPDX-License-Identifier: MIT
// Runs the whole command twice in one process: the first run must leave nothing behind. Run from the top directory of
// the project; .ci/run does so under valgrind, which detects unfreed memory.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/command.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct outcome {
    int status;
    char *out, *err;
};

static struct outcome command(char *const *args)
{
    struct outcome o = {0};
    size_t out_size, err_size;
    int argc = 0;
    while (args[argc])
        argc++;
    char **argv = calloc((size_t)argc + 1, sizeof *argv); // getopt_long reorders it
    memcpy(argv, args, (size_t)argc * sizeof *argv);
    FILE *out = open_memstream(&o.out, &out_size), *err = open_memstream(&o.err, &err_size);
    o.status = machc_command(argc, argv, out, err);
    fclose(out);
    fclose(err);
    free(argv);
    return o;
}

// Runs the command twice and returns the status, which must be the same, as must the output.
static int run_twice(char *const *args)
{
    struct outcome a = command(args), b = command(args);
    assert_int_equal(a.status, b.status);
    assert_string_equal(a.out, b.out);
    assert_string_equal(a.err, b.err);
    if (a.status > STATUS_ERRORS)
        print_error("%s", a.err);
    free(a.out);
    free(a.err);
    free(b.out);
    free(b.err);
    return a.status;
}

static void remove_all(const char *dir)
{
    char pattern[64];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/*", dir);
    if (!glob(pattern, 0, NULL, &found)) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            unlink(found.gl_pathv[i]);
        globfree(&found);
    }
    rmdir(dir);
}

// Checks every file and, if `dir` is given, writes its machines there. No exit status may exceed `status`.
static void every(const char *pattern, char *dir, int status)
{
    glob_t found;
    int failed = 0;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        static char *const forms[] = {"--diagnostics=text", "--diagnostics=json", "--diagnostics=sarif",
                                      "--diagnostics=github"};
        char *const check[] = {"machc", "--check", forms[i % 4], found.gl_pathv[i], NULL};
        char *const write[] = {"machc", found.gl_pathv[i], "-O", dir, NULL};
        int got = run_twice(dir ? write : check);
        if (got > status) {
            print_error("%s: status %d\n", found.gl_pathv[i], got);
            failed++;
        }
    }
    globfree(&found);
    assert_int_equal(failed, 0);
}

static void good_descriptions(void **state)
{
    (void)state;
    char dir[] = "/tmp/machc-test-XXXXXX";
    assert_non_null(mkdtemp(dir));
    every("examples/*.mach", dir, STATUS_FINE);
    remove_all(dir);
}

static void bad_descriptions(void **state)
{
    (void)state;
    every("tests/errors/*.mach", NULL, STATUS_ERRORS);
}

static void several_at_once(void **state)
{
    (void)state;
    char *const args[] = {"machc",
                          "--check",
                          "-j3",
                          "--diagnostics=text",
                          "--diagnostics=sarif",
                          "examples/layerscape.mach",
                          "no-such-file.mach",
                          "tests/errors/E0375-adc.mach",
                          "examples/zcu102-ethernet.mach",
                          "examples/partition.mach",
                          NULL};
    assert_int_equal(run_twice(args), STATUS_USAGE);
}

static void lists(void **state)
{
    (void)state;
    char *const classes[] = {"machc", "--list-classes", NULL}, *const codes[] = {"machc", "--explain=list", NULL};
    char *const help[] = {"machc", "--help", NULL}, *const usage[] = {"machc", "--hlep", NULL};
    assert_int_equal(run_twice(classes), STATUS_FINE);
    assert_int_equal(run_twice(codes), STATUS_FINE);
    assert_int_equal(run_twice(help), STATUS_FINE);
    struct outcome o = command(usage);
    assert_int_equal(o.status, STATUS_USAGE);
    assert_string_equal(o.err, "machc: unknown option `--hlep`; did you mean `--help`?\nTry `machc --help`.\n");
    free(o.out);
    free(o.err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_descriptions),
        cmocka_unit_test(bad_descriptions),
        cmocka_unit_test(several_at_once),
        cmocka_unit_test(lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

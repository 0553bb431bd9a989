// SPDX-License-Identifier: MIT
// The steps of a machine are taken in their order: each ends the program when the one before it was left out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dma/dma.h"
#include "refs/refs.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void take_root(struct machine_planner *p)
{
    begin_guest(p);
}

static const struct {
    enum machine_step step;
    void (*take)(struct machine_planner *p);
} steps[] = {
    {STEP_ROOT, take_root},
    {STEP_BUS_NODES, add_bus_nodes},
    {STEP_EMULATED, plan_emulated_devices},
    {STEP_PASSTHROUGHS, plan_passthroughs},
    {STEP_REFS, settle_refs},
    {STEP_IRQ_LINKS, link_copied_irqs},
    {STEP_ADDRESSES, choose_addresses},
    {STEP_NEW_NODES, write_new_nodes},
    {STEP_LINES, choose_lines},
    {STEP_IRQ_PROPS, write_interrupts},
    {STEP_MEMORY_NODES, write_memory_nodes},
    {STEP_CHOSEN, write_chosen},
    {STEP_NODES, add_other_nodes},
    {STEP_NAMES, resolve_names},
    {STEP_DRIVERS, check_drivers},
    {STEP_DMA, plan_dma},
};

/* The signal that a function dies of in a process of its own; 0: it returns. */
static int signal_of(void (*take)(struct machine_planner *p), enum machine_step last)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        struct machine_planner p = {.step = last};
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        if (!freopen("/dev/null", "w", stderr)) // what assert() prints
            _exit(1);
        signal(SIGABRT, SIG_DFL);
        take(&p);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void enter_refs(struct machine_planner *p)
{
    enter_step(p, STEP_REFS);
    if (p->step != STEP_REFS)
        abort();
}

static void test_all_steps_are_known(void **state)
{
    (void)state;
    assert_int_equal(sizeof steps / sizeof *steps, STEP_DMA);
    for (uint32_t i = 0; i < sizeof steps / sizeof *steps; i++)
        assert_int_equal(steps[i].step, i + 1);
}

static void test_a_step_after_its_predecessor(void **state)
{
    (void)state;
    assert_int_equal(signal_of(enter_refs, STEP_PASSTHROUGHS), 0);
}

static void test_a_step_too_early_or_again(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(signal_of(steps[i].take, steps[i].step), SIGABRT); // again
        if (i)
            assert_int_equal(signal_of(steps[i].take, (enum machine_step)(i - 1)),
                             SIGABRT); // the one before is missing
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_steps_are_known),
        cmocka_unit_test(test_a_step_after_its_predecessor),
        cmocka_unit_test(test_a_step_too_early_or_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

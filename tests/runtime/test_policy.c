// SPDX-License-Identifier: MIT
// Policies: what is no line of one, who may write its file, what it allows, and that what is printed is enough.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scenes.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MiB (UINT64_C(1) << 20)

/* ---- the text ---- */

static void test_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place, *say; // say NULL: it is one
    } lines[] = {
        {"", "", NULL},
        {"# nothing\n\n \t# at all", "", NULL},
        {"device eth*\ndevice 0000:01:00.0 no-iommu # the card\n", "", NULL},
        {"devices eth\n", "p:1:1", "`devices` is no word of a policy"},
        {"\n  device\n", "p:2:9", "write what is allowed: `device NAME`"},
        {"device #eth\n", "p:1:8", "write what is allowed"},
        {"device /soc/eth\n", "p:1:8", "write `node PATH`"},
        {"device eth no-iomm\n", "p:1:12", "only `no-iommu` can follow"},
        {"device eth no-iommu no-iommu eth1\n", "p:1:30", "only `no-iommu` can follow"},
        {"device a\\ b\\#c\n", "", NULL},
        {"node soc\n", "p:1:6", "begins with /"},
        {"node /soc/*\n", "", NULL},
        {"pci 8086:15f3\npci 8086:*\npci 80?6:ABCD no-iommu\n", "", NULL},
        {"pci 8086\n", "p:1:5", "four hex digits"},
        {"pci 808:15f3\n", "p:1:5", "four hex digits"},
        {"pci 8086:15g3\n", "p:1:5", "four hex digits"},
        {"file boot/blob\n", "p:1:6", "whole path"},
        {"file /dev/mem\n", "p:1:6", "`physical FIRST..LAST`"},
        {"file /dev/mem0\n", "", NULL},
        {"file /boot/../dev/mem\n", "p:1:6", "realpath"},
        {"file /boot//mem\n", "p:1:6", "realpath"},
        {"file /boot/blob read-only\n", "", NULL},
        {"file /boot/blob writable\n", "p:1:17", "only `read-only`"},
        {"interrupt /dev/uio0 read-only\n", "p:1:21", "nothing can follow"},
        {"physical 0x0..0xffffffffffffffff\n", "", NULL},
        {"physical 0..4095\n", "", NULL},
        {"physical 0x1000\n", "p:1:16", "the first and the last address"},
        {"physical 0x1000..\n", "p:1:18", "the first and the last address"},
        {"physical 0x1000..0xfff\n", "p:1:10", "below the first one"},
        {"physical 0x1000..0x1000\n", "", NULL},
        {"physical 0..0x10000000000000000\n", "p:1:13", "the first and the last address"},
        {"physical 0..10k\n", "p:1:15", "the first and the last address"},
        {"cpus 0,2-3\ncpus 7\n", "", NULL},
        {"cpus 3-2\n", "p:1:6", "below the first one"},
        {"cpus 1,\n", "p:1:8", "write numbers"},
        {"cpus 1-\n", "p:1:8", "last number"},
        {"cpus 1;2\n", "p:1:7", "with , between"},
        {"cpus 4294967295\n", "p:1:16", "write numbers"},
        {"caches 0,32-35\ncaches 48\n", "", NULL},
        {"caches 35-32\n", "p:1:8", "below the first one"},
        {"caches l2\n", "p:1:8", "write ids of caches"},
        {"caches 32-\n", "p:1:11", "`caches 32-35`"},
        {"caches\n", "p:1:7", "`caches 32-35`"},
        {"memory 1G\n", "", NULL},
        {"memory 16777216T\n", "p:1:8", "how much memory"},
        {"memory 16777215T\n", "", NULL},
        {"memory lots\n", "p:1:8", "how much memory"},
        {"memory 1G\nmemory 1G\n", "p:2:8", "there already"},
        {"memory 1G\r\n", "p:1:10", "carriage return"},
        {"memory 1G # \033[2J\n", "p:1:13", "control character"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct mach_policy *p;
        struct mach_error e = MACH_ERROR_INIT;
        int r = mach_policy_from_memory("p", lines[i].text, strlen(lines[i].text), &p, &e);
        if (r != (lines[i].say ? -EBADMSG : 0) || !p != !!r)
            fail_msg("%s: %d, %s: %s", lines[i].text, r, e.object, e.hint);
        if (r && (strcmp(e.object, lines[i].place) || !strstr(e.hint, lines[i].say) || strcmp(e.step, "policy")))
            fail_msg("%s: %s: %s", lines[i].text, e.object, e.hint);
        mach_policy_close(p);
    }
    struct mach_policy *p;
    struct mach_error e = MACH_ERROR_INIT;
    assert_int_equal(mach_policy_from_memory("p", "memory\0 1G", 10, &p, &e), -EBADMSG);
    assert_string_equal(e.object, "p:1:7");
}

static void test_owner(void **state)
{
    (void)state;
    char path[64];
    snprintf(path, sizeof path, "/tmp/test-policy-%d", (int)getpid());
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs("memory 1G\n", f);
    assert_int_equal(fclose(f), 0);
    static const struct {
        mode_t mode;
        int result;
    } modes[] = {{0600, 0}, {0644, 0}, {0664, -EPERM}, {0646, -EPERM}};
    struct mach_policy *p;
    struct mach_error e = MACH_ERROR_INIT;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(path, modes[i].mode), 0);
        assert_int_equal(mach_policy_open(path, &p, &e), modes[i].result);
        mach_policy_close(p);
        if (modes[i].result)
            assert_non_null(strstr(e.hint, "chmod go-w"));
    }
    assert_int_equal(chmod(path, 0644), 0);
    if (!geteuid()) {
        assert_int_equal(chown(path, 12345, 0), 0);
        assert_int_equal(mach_policy_open(path, &p, &e), -EPERM);
        assert_null(p);
        assert_non_null(strstr(e.hint, "user 12345"));
    }
    assert_int_equal(truncate(path, 2 << 20), 0);
    if (!geteuid())
        assert_int_equal(chown(path, 0, 0), 0);
    assert_int_equal(mach_policy_open(path, &p, &e), -EFBIG);
    assert_int_equal(remove(path), 0);
    assert_int_equal(mach_policy_open(path, &p, &e), -ENOENT);
    assert_int_equal(mach_policy_open("/tmp", &p, &e), -EINVAL);
}

/* ---- what it allows ---- */

struct told {
    int n;
    char text[8192];
};

static void tell(void *opaque, const struct mach_finding *f)
{
    struct told *t = opaque;
    size_t n = strlen(t->text);
    assert_int_equal(f->proof, MACH_PROOF_FAILS);
    assert_int_equal(f->expect, MACH_CFG_NONE);
    t->n++;
    snprintf(t->text + n, sizeof t->text - n, "%s: %s\n", f->object, f->text);
}

// How many things of a scene are not allowed by the text.
static int count(struct scene *x, const char *text, struct told *t)
{
    struct mach_policy *p;
    struct mach_error e = MACH_ERROR_INIT;
    const struct mach_options o = {.size = sizeof o, .sys = &x->k->sys, .finding = tell, .opaque = t};
    memset(t, 0, sizeof *t);
    if (mach_policy_from_memory("board.policy", text, strlen(text), &p, &e))
        fail_msg("%s: %s", e.object, e.hint);
    int r = mach_policy_check(p, x->config, &o, &e);
    mach_policy_close(p);
    if (r < 0)
        fail_msg("%s: %s", e.object, e.hint);
    assert_int_equal(r, t->n);
    return r;
}

static char *printed(struct scene *x)
{
    char *text;
    size_t size;
    struct mach_error e = MACH_ERROR_INIT;
    const struct mach_options o = {.size = sizeof o, .sys = &x->k->sys};
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    if (mach_policy_print(x->config, &o, f, &e))
        fail_msg("%s: %s", e.object, e.hint);
    fclose(f);
    return text;
}

// What is printed allows the config; without any one of its lines it does not, and that line is told.
static void test_every_scene(void **state)
{
    (void)state;
    static struct told t;
    unsigned lines = 0;
    for (const char *const *name = scene_names; *name; name++) {
        struct scene *x = scene_new(*name);
        x->config = cfg_open(x->c);
        unsigned calls = x->k->calls;
        char *text = printed(x);
        if (count(x, text, &t))
            fail_msg("%s\n%s%s", *name, text, t.text);
        for (char *line = text; *line; line = strchr(line, '\n') + 1) {
            char word[200] = "", first = *line;
            if (first == '#')
                continue;
            snprintf(word, sizeof word, "%.*s", (int)strcspn(line, "#"), line);
            for (size_t n = strlen(word); n && word[n - 1] == ' ';)
                word[--n] = '\0';
            *line = '#';
            if (!count(x, text, &t) || !strstr(t.text, word))
                fail_msg("%s, without `%s`:\n%s%s", *name, word, text, t.text);
            *line = first;
            lines++;
        }
        free(text);
        // Nothing was opened, or changed.
        for (unsigned i = calls + 1; i <= x->k->calls; i++)
            assert_true(!strcmp(x->k->trace[i], "readlink") || !strcmp(x->k->trace[i], "read_file") ||
                        !strcmp(x->k->trace[i], "alloc"));
        assert_string_equal(fake_left(x->k), "");
        scene_free(x);
    }
    assert_true(lines > (HAVE_KVM ? 60 : 40));
}

static const char *const all_but_devices =
    "memory 1G\nphysical 0x60000000..0x600fffff\nphysical 0x70000000..0x70001fff\n"
    "file /boot/blob read-only\n";

static void test_devices(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int refused;
    } rows[] = {
        {"", 1},
        {"device 1af0000.ethernet", 0},
        {"device 1af0000.etherne", 1},
        {"device 1af*", 0},
        {"device [12]af0000.ethernet", 0},
        {"device eth", 1}, // its name in the description
        {"node /soc/ethernet@1af0000", 0},
        {"node /soc/*", 0},
        {"node /*", 1},
        {"node /soc/rtc*", 1},
        {"pci *:*", 1},
        {"file /sys/bus/platform/devices/1af0000.ethernet", 1},
    };
    static struct told t;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene *x = scene_new("files");
        char text[400];
        // What the config says of its node does not count.
        CFG_SET(x->c, device, DEVICE, 0, host_path, cfg_string(x->c, "/soc/rtc@0"));
        fake_link(x->k, "/sys/bus/platform/devices/1af0000.ethernet/of_node",
                  "../../../firmware/devicetree/base/soc/ethernet@1af0000");
        x->config = cfg_open(x->c);
        snprintf(text, sizeof text, "%s%s\n", all_but_devices, rows[i].line);
        if (count(x, text, &t) != rows[i].refused)
            fail_msg("%s: %s", rows[i].line, t.text);
        scene_free(x);
    }
}

static void test_pci(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int refused;
    } rows[] = {
        {"pci 8086:15f3", 1},       {"pci 8086:*", 0},          {"pci *:15f3\npci 8086:10ed", 0},
        {"pci 8086:15F?", 1},       {"pci 8087:*", 2},          {"node /*", 2},
        {"device 0000:00:02.?", 0}, {"device 0000:00:02.0", 1}, {"device 0000\\:00:02.1", 1},
    };
    static struct told t;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene *x = scene_new("group");
        char text[400];
        fake_text(x->k, "/sys/bus/pci/devices/0000:00:02.0/vendor", "0x8086\n", 7);
        fake_text(x->k, "/sys/bus/pci/devices/0000:00:02.0/device", "0x15f3\n", 7);
        fake_text(x->k, "/sys/bus/pci/devices/0000:00:02.1/vendor", "0x8086\n", 7);
        fake_text(x->k, "/sys/bus/pci/devices/0000:00:02.1/device", "0x10ed\n", 7);
        x->config = cfg_open(x->c);
        snprintf(text, sizeof text, "memory 1G\ndevice *.ethernet\ndevice *.pl031\n%s\n", rows[i].line);
        if (count(x, text, &t) != rows[i].refused)
            fail_msg("%s: %s", rows[i].line, t.text);
        scene_free(x);
    }
}

// A device that nothing keeps from any memory has to be allowed as such.
static void test_no_iommu(void **state)
{
    (void)state;
    static struct told t;
    for (int flagged = 0; flagged < 2; flagged++) {
        struct scene *x = scene_new("group");
        if (flagged)
            CFG_SET(x->c, dma, DMA, 1, flags, MACH_CFG_DMA_NO_IOMMU);
        x->config = cfg_open(x->c);
        assert_int_equal(count(x, "memory 1G\ndevice *\n", &t), flagged);
        if (flagged)
            assert_non_null(strstr(t.text, "device rtc: board.policy has no line that allows it: `device "
                                           "9010000.pl031 no-iommu`"));
        assert_int_equal(count(x, "memory 1G\ndevice *\ndevice *.pl031 no-iommu\n", &t), 0);
        scene_free(x);
    }
}

// A file is what its name leads to.
static void test_links(void **state)
{
    (void)state;
    static const struct {
        const char *path, *link, *target, *line;
        int refused;
    } rows[] = {
        {"/boot/blob", NULL, NULL, "file /boot/blob", 0},
        {"/boot/blob", NULL, NULL, "file /boot/*", 0},
        {"/boot/blob", NULL, NULL, "file /*", 1},
        {"/boot/./a/..//blob", NULL, NULL, "file /boot/blob", 0},
        {"/boot/../../boot/blob", NULL, NULL, "file /boot/blob", 0},
        {"/boot/x", "/boot/x", "blob", "file /boot/blob", 0},
        {"/boot/x", "/boot/x", "blob", "file /boot/x", 1},
        {"/boot/x", "/boot/x", "../etc/shadow", "file /boot/*", 1},
        {"/boot/x/shadow", "/boot/x", "/etc", "file /etc/shadow", 0},
        {"/boot/x", "/boot/x", "x", "file /boot/x", -ELOOP},
        // By whatever name, /dev/mem is the host's memory.
        {"/boot/x", "/boot/x", "../dev/mem", "file /*/*", 1},
        {"/boot/x", "/boot/x", "../dev/mem", "physical 0x1000..0x100fff", 0},
        {"/boot/x", "/boot/x", "../dev/mem", "physical 0x1000..0x100ffe", 1},
        {"/boot/x", "/boot/x", "../dev/mem", "physical 0x80000..0x200000\nphysical 0x0..0x7ffff", 0},
        {"blob", "/proc/self", "77", "file /boot/blob", 0}, // in the working directory
    };
    static struct told t;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene *x = scene_new("files");
        char text[400];
        CFG_SET(x->c, memory, MEMORY, 3, path, cfg_string(x->c, rows[i].path));
        CFG_SET(x->c, memory, MEMORY, 3, flags, 0);
        if (rows[i].link)
            fake_link(x->k, rows[i].link, rows[i].target);
        fake_link(x->k, "/proc/77/cwd", "/boot");
        x->config = cfg_open(x->c);
        snprintf(text, sizeof text, "%sdevice *\n%s\n", all_but_devices, rows[i].line);
        if (rows[i].refused < 0) {
            struct mach_policy *p;
            struct mach_error e = MACH_ERROR_INIT;
            const struct mach_options o = {.size = sizeof o, .sys = &x->k->sys};
            assert_int_equal(mach_policy_from_memory("p", text, strlen(text), &p, &e), 0);
            assert_int_equal(mach_policy_check(p, x->config, &o, &e), rows[i].refused);
            assert_string_equal(e.step, "policy");
            mach_policy_close(p);
        } else if (count(x, text, &t) != rows[i].refused) {
            fail_msg("%s, %s: %s", rows[i].path, rows[i].line, t.text);
        }
        scene_free(x);
    }
}

static void test_rights(void **state)
{
    (void)state;
    static struct told t;
    struct scene *x = scene_new("files"); // its rom is read-only
    x->config = cfg_open(x->c);
    assert_int_equal(count(x, "memory 1G\nphysical 0..0x7fffffff\ndevice *\nfile /boot/blob read-only\n", &t), 0);
    assert_int_equal(count(x, "memory 1G\nphysical 0..0x7fffffff\ndevice *\nfile /boot/blob\n", &t), 0);
    assert_int_equal(count(x, "memory 1G\nphysical 0..0x7fffffff\ndevice *\ninterrupt /boot/blob\n", &t), 1);
    scene_free(x);
    x = scene_new("files");
    CFG_SET(x->c, memory, MEMORY, 3, flags, 0);
    for (uint32_t i = 0; i < x->c->count[MACH_CFG_S_DMA_MAP]; i++)
        CFG_SET(x->c, dma_map, DMA_MAP, i, flags, 0);
    x->config = cfg_open(x->c);
    assert_int_equal(count(x, "memory 1G\nphysical 0..0x7fffffff\ndevice *\nfile /boot/blob read-only\n", &t), 1);
    assert_non_null(strstr(t.text, "memory rom: board.policy has no line that allows it: `file /boot/blob`"));
    scene_free(x);
}

static void test_amounts(void **state)
{
    (void)state;
    static struct told t;
    struct scene *x = scene_new("group"); // 4 + 2 + 1 MiB
    cfg_cpus(x->c, 4);
    for (uint32_t i = 0; i < 4; i++)
        CFG_SET(x->c, cpu, CPU, i, host_cpu, i < 2 ? 2 + i : 7);
    x->config = cfg_open(x->c);
    assert_int_equal(count(x, "device *\nmemory 7M\ncpus 2-3,7\n", &t), 0);
    assert_int_equal(count(x, "device *\nmemory 7167K\ncpus 2-3,7\n", &t), 1);
    assert_non_null(strstr(t.text, "memory: board.policy allows less: `memory 7M` would be enough"));
    assert_int_equal(count(x, "device *\nmemory 1G\ncpus 2,3,4-6\n", &t), 1);
    assert_non_null(strstr(t.text, "cpus: board.policy has no line that allows it: `cpus 7`"));
    assert_int_equal(count(x, "device *\nmemory 1G\ncpus 3-9\n", &t), 1);
    assert_non_null(strstr(t.text, "`cpus 2-3`"));
    assert_int_equal(count(x, "", &t), 4 + 2 + 1); // all at once
    scene_free(x);
}

// A cache that is named by its cpu needs the cpu; one that is not is named by its id.
static void test_caches(void **state)
{
    (void)state;
    static struct told t;
    static const char *const rest = "device *\nmemory 7M\ncpus 2-3\n";
    char policy[128];
    struct scene *x = scene_new("group");
    cfg_cpus(x->c, 2);
    for (uint32_t i = 0; i < 2; i++)
        CFG_SET(x->c, cpu, CPU, i, host_cpu, 2 + i);
    for (uint32_t i = 0; i < 3; i++) {
        static const uint32_t ids[] = {35, 48, 34};
        uint32_t n = cfg_stash(x->c, i == 2 ? MACH_CFG_STASH_L2 : MACH_CFG_STASH_ID, 0, MACH_CFG_NONE);
        CFG_SET(x->c, stash, STASH, n, cache_id, ids[i]);
        CFG_SET(x->c, stash, STASH, n, host_cpu, i == 2 ? 3 : MACH_CFG_NONE);
        CFG_SET(x->c, dma, DMA, i, stash, n);
        CFG_SET(x->c, stash, STASH, n, dma, i);
        CFG_SET(x->c, dma, DMA, 3, stash, MACH_CFG_NONE);
    }
    x->config = cfg_open(x->c);
    snprintf(policy, sizeof policy, "%scaches 35,48", rest);
    assert_int_equal(count(x, policy, &t), 0);
    snprintf(policy, sizeof policy, "%scaches 34-47", rest);
    assert_int_equal(count(x, policy, &t), 1);
    assert_non_null(strstr(t.text, "stash targets: board.policy has no line that allows it: `caches 48`"));
    assert_int_equal(count(x, rest, &t), 2); // but not the one of cpu 3
    char *text = printed(x);
    assert_non_null(strstr(text, "\ncaches 35  "));
    assert_non_null(strstr(text, "\ncaches 48  "));
    assert_null(strstr(text, "34"));
    assert_int_equal(count(x, text, &t), 0);
    free(text);
    assert_int_equal(count(x, "device *\nmemory 7M\ncpus 2\ncaches 0-255", &t), 1); // which this is
    assert_non_null(strstr(t.text, "`cpus 2-3`"));
    scene_free(x);
}

// Names that would be read as more than a name.
static void test_names(void **state)
{
    (void)state;
    static struct told t;
    static const char *const names[] = {"/boot/a b#c", "/boot/a*", "/boot/[x]", "/boot/back\\slash", "/boot/\xc3\xbc"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct scene *x = scene_new("files");
        CFG_SET(x->c, memory, MEMORY, 3, path, cfg_string(x->c, names[i]));
        x->config = cfg_open(x->c);
        char *text = printed(x);
        assert_int_equal(count(x, text, &t), 0);
        scene_free(x);
        x = scene_new("files"); // a pattern would match this
        CFG_SET(x->c, memory, MEMORY, 3, path, cfg_string(x->c, i == 2 ? "/boot/x" : "/boot/ab"));
        x->config = cfg_open(x->c);
        assert_int_equal(count(x, text, &t), 1);
        scene_free(x);
        free(text);
    }
    struct scene *x = scene_new("files");
    CFG_SET(x->c, memory, MEMORY, 3, path, cfg_string(x->c, "/boot/x\nphysical 0..0xffffffffffff"));
    CFG_SET(x->c, memory, MEMORY, 3, name, cfg_string(x->c, "rom\ndevice *"));
    x->config = cfg_open(x->c);
    char *text = printed(x);
    assert_null(strstr(text, "\nphysical 0.."));
    assert_null(strstr(text, "\ndevice *"));
    assert_non_null(strstr(text, "# no policy can allow"));
    assert_int_equal(count(x, text, &t), 1);
    assert_non_null(strstr(t.text, "no policy can"));
    free(text);
    scene_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),   cmocka_unit_test(test_owner),  cmocka_unit_test(test_every_scene),
        cmocka_unit_test(test_devices), cmocka_unit_test(test_pci),    cmocka_unit_test(test_no_iommu),
        cmocka_unit_test(test_links),   cmocka_unit_test(test_rights), cmocka_unit_test(test_amounts),
        cmocka_unit_test(test_caches),  cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

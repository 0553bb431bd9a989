// SPDX-License-Identifier: MIT
/*
 * What `machrt probe` tells of clocks and regulators: which rate and which voltage the board has, as only the running
 * kernel knows. Clocks are listed in debugfs, which only root reads, as drivers/clk/clk.c, clk_summary_show() writes
 * it:
 *
 *     NAME enable-count prepare-count protect-count RATE accuracy phase duty-cycle Y|N|? [DEVICE CONNECTION]
 *     DEVICE CONNECTION                        another user of the clock above
 *
 * Kernels before 6.6 have no users in it.
 */
#include "command.h"

#include <inttypes.h>
#include <stdlib.h>

enum { LONGEST_NAME = 512, MOST_TEXT = 8 << 20, COLUMNS = 9, MOST_WORDS = COLUMNS + 2 };

/* Splits a line at its blanks, which become ends of strings. Returns how many words there are: MOST_WORDS + 1 at most.
 */
static unsigned split(char *line, char *words[MOST_WORDS + 1])
{
    unsigned n = 0;
    for (char *w = strtok_r(line, " \t", &line); w && n <= MOST_WORDS; w = strtok_r(NULL, " \t", &line))
        words[n++] = w;
    return n;
}

static bool is_number(const char *s, uint64_t *value)
{
    int end = 0;
    return *s >= '0' && *s <= '9' && sscanf(s, "%20" SCNu64 "%n", value, &end) == 1 && !s[end];
}

/* Whether the words are a clock's columns. */
static bool is_clock(char *const words[], unsigned n, uint64_t *rate)
{
    uint64_t unused;
    return (n == COLUMNS || n == MOST_WORDS) && is_number(words[1], &unused) && is_number(words[2], &unused) &&
           is_number(words[3], &unused) && is_number(words[4], rate) && is_number(words[5], &unused) &&
           strchr("YN?", *words[8]) && !words[8][1];
}

static void print_user(FILE *out, const char *device, const char *connection, const char **before)
{
    if (!strcmp(device, "deviceless"))
        return;
    fprintf(out, "%s{\"device\": ", *before);
    say_json(out, device, strlen(device));
    fputs(", \"connection\": ", out);
    if (strcmp(connection, "no_connection_id") != 0)
        say_json(out, connection, strlen(connection));
    else
        fputs("null", out);
    fputc('}', out);
    *before = ", ";
}

static void print_clocks(FILE *out, char *text)
{
    const char *next_clock = "", *next_user = "";
    bool open = false, known = false; // a clock is printed; users are of the last one printed
    fputs("  \"clocks\": [", out);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) { // the last line may be cut off
        char *words[MOST_WORDS + 1];
        uint64_t rate = 0;
        *end = '\0';
        unsigned n = split(line, words);
        known = (known && n == 2) || is_clock(words, n, &rate);
        if (!known)
            continue; // headings, a name with a blank and its users
        if (n > 2) {
            fprintf(out, "%s%s\n    {\"name\": ", open ? "]}" : "", next_clock);
            say_json(out, words[0], strlen(words[0]));
            fprintf(out, ", \"rate\": %" PRIu64 ", \"users\": [", rate);
            next_clock = ",";
            next_user = "";
            open = true;
            if (n == MOST_WORDS)
                print_user(out, words[COLUMNS], words[COLUMNS + 1], &next_user);
        } else {
            print_user(out, words[0], words[1], &next_user);
        }
    }
    fprintf(out, "%s],\n", open ? "]}\n  " : "");
}

struct regulators {
    const struct mach_sys *sys;
    FILE *out;
    const char *before;
};

static int print_regulator(void *opaque, const char *name, int is_directory)
{
    static const char base[] = "/firmware/devicetree/base/";
    struct regulators *r = (struct regulators *)opaque;
    char path[LONGEST_NAME], volts[32], node[LONGEST_NAME];
    uint64_t microvolts;
    (void)is_directory; // a class has links
    int n = snprintf(path, sizeof path, "%s/class/regulator/%s/microvolts", r->sys->sysfs, name);
    int64_t got = n < (int)sizeof path ? r->sys->read_file(r->sys->opaque, path, volts, sizeof volts - 1) : -1;
    if (got <= 0)
        return 0; // it cannot tell
    volts[got] = '\0';
    volts[strcspn(volts, "\n")] = '\0';
    snprintf(path, sizeof path, "%s/class/regulator/%s/of_node", r->sys->sysfs, name);
    int64_t length = r->sys->readlink(r->sys->opaque, path, node, sizeof node - 1);
    if (length <= 0 || !is_number(volts, &microvolts))
        return 0;
    node[length] = '\0';
    const char *at = strstr(node, base);
    if (!at)
        return 0; // no node of the tree describes it
    at += sizeof base - 2;
    fprintf(r->out, "%s\n    {\"node\": ", r->before);
    say_json(r->out, at, strlen(at));
    fprintf(r->out, ", \"microvolts\": %" PRIu64 "}", microvolts);
    r->before = ",";
    return 0;
}

void probe_power(const struct mach_sys *sys, FILE *out)
{
    char path[LONGEST_NAME], *text = (char *)malloc(MOST_TEXT + 1);
    snprintf(path, sizeof path, "%s/kernel/debug/clk/clk_summary", sys->sysfs);
    int64_t n = text ? sys->read_file(sys->opaque, path, text, MOST_TEXT) : -1;
    if (n > 0) { // a list that cannot be read is none
        text[n] = '\0';
        print_clocks(out, text);
    }
    free(text);
    struct regulators r = {sys, out, ""};
    fputs("  \"regulators\": [", out);
    snprintf(path, sizeof path, "%s/class/regulator", sys->sysfs);
    sys->list(sys->opaque, path, print_regulator, &r);
    fprintf(out, "%s],\n", *r.before ? "\n  " : "");
}

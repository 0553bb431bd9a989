// SPDX-License-Identifier: MIT
/*
 * Units, an input each, are compiled by threads, a few ahead of what is shown, each in arenas of its own; what they say
 * is kept and shown by the one thread that called, in the order of the command line. So the output is the same whatever
 * the number of threads, and memory does not grow with the number of files.
 */
#include "cli/batch.h"
#include "cli/say.h"

#include "cli/command.h"
#include "cli/compile.h"
#include "cli/fix.h"
#include "cli/output.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    AHEAD = 16,              // inputs per thread that may be done before they are shown
    MOST_JOBS = 256,         // threads
    STACK = 8 * 1024 * 1024, // bytes, whatever `ulimit -s` says: what the main thread usually has
    PROGRESS_MS = 100
};

/* The messages of one compilation, in memory. */
struct text {
    FILE *to; // NULL: not wanted
    char *at;
    size_t size;
};

struct slot {
    struct unit unit;
    struct text err;
    struct text *parts; // one per report
    FILE **streams;     // of the parts
    int status;
    bool done;
};

struct batch {
    const struct options *o;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct slot *slots; // of input i: slots[i % nslots]
    uint32_t units;     // one for each input; with --together one for all
    uint32_t nslots, next, shown;
    bool text, colour;
    FILE *direct; // one unit: what it says is not kept
};

static bool text_open(struct text *t)
{
    t->to = open_memstream(&t->at, &t->size);
    return t->to != NULL;
}

// False when something that was written did not fit into memory.
static bool text_close(struct text *t)
{
    bool ok = t->to && !ferror(t->to);
    if (t->to)
        ok = !fclose(t->to) && ok;
    t->to = NULL;
    return ok;
}

static void text_free(struct text *t)
{
    text_close(t);
    free(t->at);
    *t = (struct text){0};
}

static void slot_free(struct slot *s, const struct options *o)
{
    text_free(&s->err);
    for (uint32_t i = 0; i < o->reports.n; i++)
        text_free(&s->parts[i]);
}

static bool slot_open(const struct batch *b, struct slot *s, uint32_t unit)
{
    const struct options *o = b->o;
    s->unit = (struct unit){
        .o = o,
        .inputs = &o->inputs.at[unit],
        .ninputs = o->inputs.n / b->units,
        .parts = s->streams,
        .alone = b->units == 1,
        .text = b->text,
        .colour = b->colour,
    };
    if (!b->direct && !text_open(&s->err))
        return false;
    s->unit.err = b->direct ? b->direct : s->err.to;
    for (uint32_t i = 0; i < o->reports.n; i++) {
        s->streams[i] = NULL;
        if (o->reports.at[i].format == REPORT_TEXT)
            continue;
        if (!text_open(&s->parts[i]))
            return false;
        s->streams[i] = s->parts[i].to;
    }
    return true;
}

static void compile(const struct batch *b, struct slot *s, uint32_t unit)
{
    bool fits = slot_open(b, s, unit);
    int fixed = fits && b->o->fix ? fix_file(b->o, s->unit.inputs[0], s->unit.err) : STATUS_FINE;
    s->status = fits ? machc_run(compile_unit, &s->unit) : MACHC_OUT_OF_MEMORY;
    if (fixed != STATUS_FINE && s->status != MACHC_OUT_OF_MEMORY)
        s->status = fixed;
    fits = (b->direct || text_close(&s->err)) && fits;
    for (uint32_t i = 0; i < b->o->reports.n; i++)
        if (b->o->reports.at[i].format != REPORT_TEXT)
            fits = text_close(&s->parts[i]) && fits;
    if (s->status != MACHC_OUT_OF_MEMORY && fits)
        return;
    s->status = STATUS_FAULT;
    s->unit.sum = (struct report_sum){.files = 1, .files_failed = 1, .crashed = true};
    s->unit.sum.used[F0001] = true;
}

static void *worker(void *opaque)
{
    struct batch *b = opaque;
    pthread_mutex_lock(&b->lock);
    for (;;) {
        while (b->next < b->units && b->next >= b->shown + b->nslots)
            pthread_cond_wait(&b->changed, &b->lock);
        if (b->next >= b->units)
            break;
        uint32_t i = b->next++;
        struct slot *s = &b->slots[i % b->nslots];
        pthread_mutex_unlock(&b->lock);
        compile(b, s, i);
        pthread_mutex_lock(&b->lock);
        s->done = true;
        pthread_cond_broadcast(&b->changed);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

static uint32_t start(struct batch *b, pthread_t *threads, uint32_t jobs)
{
    pthread_attr_t attr;
    uint32_t n = 0;
    if (pthread_attr_init(&attr))
        return 0;
    pthread_attr_setstacksize(&attr, STACK);
    while (n < jobs && !pthread_create(&threads[n], &attr, worker, b))
        n++;
    pthread_attr_destroy(&attr);
    return n;
}

/* ---- what is shown ---- */

struct show {
    const struct options *o;
    uint32_t units; // of the batch
    FILE *out, *err;
    struct text *files; // of the reports that go to files: all of it
    bool *filled;       // of each report: it is not empty
    struct report_sum sum;
    int status;
    bool progress;      // a terminal
    bool line;          // a line of progress is shown
    struct timespec at; // when it was written
};

static FILE *report_stream(const struct show *w, uint32_t i)
{
    if (w->o->reports.at[i].format == REPORT_TEXT)
        return NULL;
    return w->files[i].to ? w->files[i].to : w->out;
}

static void erase_progress(struct show *w)
{
    if (w->line)
        fputs("\r\033[K", w->err);
    w->line = false;
}

static void put_progress(struct show *w, uint32_t done)
{
    struct timespec now;
    if (!w->progress || clock_gettime(CLOCK_MONOTONIC, &now))
        return;
    if (w->line && (now.tv_sec - w->at.tv_sec) * 1000 + (now.tv_nsec - w->at.tv_nsec) / 1000000 < PROGRESS_MS)
        return;
    erase_progress(w);
    fprintf(w->err, "[%u/%u]", done, w->units);
    fflush(w->err);
    w->line = true;
    w->at = now;
}

static void show_slot(struct show *w, const struct slot *s)
{
    if (s->err.size) {
        erase_progress(w);
        fwrite(s->err.at, 1, s->err.size, w->err);
    }
    if (s->status == STATUS_FAULT && !s->unit.alone)
        say(w->err, "machc: %s:\n", s->unit.inputs[0]);
    if (s->status == STATUS_FAULT)
        say_out_of_memory(w->err);
    for (uint32_t i = 0; i < w->o->reports.n; i++) {
        FILE *to = report_stream(w, i);
        if (!to || !s->parts[i].size)
            continue;
        if (w->filled[i])
            report_between(w->o->reports.at[i].format, to);
        w->filled[i] = true;
        fwrite(s->parts[i].at, 1, s->parts[i].size, to);
    }
    report_add(&w->sum, &s->unit.sum);
    if (s->status > w->status)
        w->status = s->status;
}

static void put_summary(const struct show *w)
{
    const struct report_sum *s = &w->sum;
    fprintf(w->err, "machc: %u files: %u fine", s->files, s->files - s->files_failed - s->files_warned);
    if (s->files_warned)
        fprintf(w->err, ", %u with warnings", s->files_warned);
    if (s->files_failed)
        fprintf(w->err, ", %u with errors", s->files_failed);
    if (s->errors || s->warnings) {
        fprintf(w->err, " (%u error%s", s->errors, s->errors == 1 ? "" : "s");
        fprintf(w->err, ", %u warning%s)", s->warnings, s->warnings == 1 ? "" : "s");
    }
    fputc('\n', w->err);
}

static bool is_input(const struct options *o, const char *path)
{
    struct stat out, in;
    if (stat(path, &out) || !S_ISREG(out.st_mode))
        return false;
    for (uint32_t i = 0; i < o->inputs.n; i++)
        if (!stat(o->inputs.at[i], &in) && in.st_dev == out.st_dev && in.st_ino == out.st_ino)
            return true;
    return false;
}

// Reports that go to files are written when everything is known, and whatever the status: that is what they are for.
static bool write_reports(struct arena *a, struct show *w)
{
    struct output *files = arena_array(a, w->o->reports.n, sizeof *files);
    size_t n = 0;
    for (uint32_t i = 0; i < w->o->reports.n; i++) {
        if (!w->files[i].to)
            continue;
        if (!text_close(&w->files[i])) {
            say_out_of_memory(w->err);
            return false;
        }
        if (is_input(w->o, w->o->reports.at[i].file)) {
            say(w->err, "machc: the messages cannot go to %s: that is read\n", w->o->reports.at[i].file);
            return false;
        }
        files[n++] =
            (struct output){.path = w->o->reports.at[i].file, .data = pieces_of(a, w->files[i].at, w->files[i].size)};
    }
    return outputs_write(a, NULL, files, n, w->err);
}

static int run(struct arena *a, struct batch *b, struct show *w, uint32_t jobs)
{
    const struct options *o = b->o;
    pthread_t threads[MOST_JOBS];
    uint32_t n = jobs > 1 ? start(b, threads, jobs) : 0;
    for (uint32_t i = 0; i < o->reports.n; i++)
        if (report_stream(w, i))
            report_begin(o->reports.at[i].format, report_stream(w, i));
    for (uint32_t i = 0; i < b->units; i++) {
        struct slot *s = &b->slots[i % b->nslots];
        put_progress(w, i);
        if (n) {
            pthread_mutex_lock(&b->lock);
            while (!s->done)
                pthread_cond_wait(&b->changed, &b->lock);
            pthread_mutex_unlock(&b->lock);
        } else {
            compile(b, s, i);
        }
        show_slot(w, s);
        slot_free(s, o);
        pthread_mutex_lock(&b->lock);
        s->done = false;
        b->shown++;
        pthread_cond_broadcast(&b->changed);
        pthread_mutex_unlock(&b->lock);
    }
    for (uint32_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    erase_progress(w);
    for (uint32_t i = 0; i < o->reports.n; i++)
        if (report_stream(w, i))
            report_end(o->reports.at[i].format, &w->sum, machc_version(), report_stream(w, i));
    if (b->units > 1)
        put_summary(w);
    return write_reports(a, w) || w->status > STATUS_USAGE ? w->status : STATUS_USAGE;
}

static uint32_t count_workers(const struct options *o, uint32_t units)
{
    if (o->fix || units < 2)
        return 1; // with --fix, since what one input includes may be the next one
    long cpus = o->jobs ? (long)o->jobs : sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t n = cpus > 0 ? (uint32_t)cpus : 1;
    if (n > MOST_JOBS)
        n = MOST_JOBS;
    return n > units ? units : n;
}

// Text goes to the terminal unless a document takes its place.
static bool text_wanted(const struct options *o)
{
    bool standard_output = false;
    for (uint32_t i = 0; i < o->reports.n; i++) {
        if (o->reports.at[i].format == REPORT_TEXT)
            return true;
        standard_output = standard_output || !o->reports.at[i].file;
    }
    return !standard_output;
}

int batch_run(struct arena *a, const struct options *o, FILE *out, FILE *err)
{
    uint32_t units = o->together ? 1 : o->inputs.n, jobs = count_workers(o, units), nreports = o->reports.n;
    struct batch b = {
        .o = o,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
        .units = units,
        .nslots = jobs * AHEAD < units ? jobs * AHEAD : units,
        .text = text_wanted(o),
        .colour = terminal_colour(err),
        .direct = units == 1 ? err : NULL,
    };
    struct show w = {.o = o, .units = units, .out = out, .err = err, .progress = b.colour && units > 1};
    // From here to the end nothing is taken from `a` that could jump away over the threads.
    b.slots = arena_array(a, b.nslots, sizeof *b.slots);
    for (uint32_t i = 0; i < b.nslots; i++) {
        b.slots[i].parts = arena_array(a, nreports, sizeof *b.slots[i].parts);
        b.slots[i].streams = arena_array(a, nreports, sizeof(FILE *));
    }
    w.filled = arena_array(a, nreports, sizeof *w.filled);
    w.files = arena_array(a, nreports, sizeof *w.files);
    int status = STATUS_FINE;
    for (uint32_t i = 0; i < nreports; i++)
        if (o->reports.at[i].file && !text_open(&w.files[i]))
            status = STATUS_FAULT;
    if (status == STATUS_FINE)
        status = run(a, &b, &w, jobs);
    else
        say_out_of_memory(err);
    for (uint32_t i = 0; i < nreports; i++)
        text_free(&w.files[i]);
    return status;
}

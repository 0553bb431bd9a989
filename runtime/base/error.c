// SPDX-License-Identifier: MIT
#include "base/error.h"

#include "machcfg_file.h"

#include <errno.h>
#include <string.h>

static const size_t LEAST_ERROR = MACHRT_SIZE_UP_TO(struct mach_error, hint);

// As much of *from as the caller's struct has.
static void copy_error(struct mach_error *to, struct mach_error *from)
{
    from->size = to->size;
    memcpy(to, from, to->size < sizeof *from ? to->size : sizeof *from);
}

int machrt_fill_error_va(struct mach_error *e, const char *step, int number, const char *object, const char *hint,
                         va_list args)
{
    int result = -EINVAL;
    if (number)
        result = number < 0 ? number : -number;
    if (!e || e->size < LEAST_ERROR)
        return result;
    struct mach_error whole = {.step = step, .number = number ? -result : 0};
    snprintf(whole.object, sizeof whole.object, "%s", object);
    vsnprintf(whole.hint, sizeof whole.hint, hint, args);
    mach_cfg_clean(whole.object);
    mach_cfg_clean(whole.hint);
    copy_error(e, &whole);
    return result;
}

int machrt_fill_error(struct mach_error *e, const char *step, int number, const char *object, const char *hint, ...)
{
    va_list args;
    va_start(args, hint);
    int result = machrt_fill_error_va(e, step, number, object, hint, args);
    va_end(args);
    return result;
}

void machrt_name_error(struct mach_error *e, const char *name, uint64_t offset)
{
    if (!e || e->size < LEAST_ERROR)
        return;
    e->name = name;
    e->offset = offset;
}

int machrt_copy_struct(void *to, size_t size, size_t least, const void *from)
{
    size_t theirs;
    memcpy(&theirs, from, sizeof theirs);
    if (theirs < least)
        return -EINVAL;
    for (size_t i = size; i < theirs; i++)
        if (((const unsigned char *)from)[i])
            return -E2BIG;
    memcpy(to, from, theirs < size ? theirs : size);
    return 0;
}

/* ---- as text ---- */

// Adds to a text that may be cut; *n is how long it is as a whole.
static void append(char *text, size_t size, size_t *n, const char *format, ...) __attribute__((format(printf, 4, 5)));
static void append(char *text, size_t size, size_t *n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int added = vsnprintf(*n < size ? text + *n : NULL, *n < size ? size - *n : 0, format, args);
    va_end(args);
    *n += added > 0 ? (size_t)added : 0;
}

int mach_error_text(const struct mach_error *e, char *text, size_t size)
{
    size_t n = 0;
    if (size)
        *text = '\0';
    append(text, size, &n, "%s", e->step ? e->step : "no error");
    if (*e->object)
        append(text, size, &n, ": %s", e->object);
    if (*e->hint)
        append(text, size, &n, ": %s", e->hint);
    if (e->number)
        append(text, size, &n, ": %s", strerror(e->number));
    if (e->name)
        append(text, size, &n, " [%s at 0x%llx]", e->name, (unsigned long long)e->offset);
    if (size)
        mach_cfg_clean(text);
    return (int)n;
}

void mach_error_print(const struct mach_error *e, const char *program, FILE *out)
{
    char text[sizeof e->object + sizeof e->hint + 256];
    mach_error_text(e, text, sizeof text);
    fprintf(out, "%s%s%s\n", program ? program : "", program ? ": " : "", text);
}

/* Undo the row filters of PNG, 16 rows at a time.

   Source: PNG specification, third edition, section 9. A byte needs those to the left of it and above it, so the rows are
   undone on a slant: each of the 16 is one pixel behind the row above it. Then the bytes of all 16 rows that are undone
   next depend only on finished ones, and are one vector, whatever the filter of each row is. */
#include "unfilter.h"

#include <stdlib.h>
#include <string.h>

#include "processor.h"

#if defined(__GNUC__) || defined(__clang__)
#define INLINE static inline __attribute__((always_inline))
#define SEQSAVE_LITTLE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
#else
#define INLINE static __forceinline
#define SEQSAVE_LITTLE 1
#endif

#ifndef SEQSAVE_CHECKED
#define SEQSAVE_CHECKED(filtered) /* where a test changes rows, as another thread may do */
#endif

enum {
    NONE,
    SUB,
    UP,
    AVERAGE,
    PAETH,
    MIXED,
    ROWS = 16, /* of a strip: the bytes of a vector */
    WIDEST = 8,
};

/* 16 rows. Those that a strip of fewer rows lacks are zeros, and their results go to scratch memory. */
struct strip {
    const uint8_t *from[ROWS];
    uint8_t *to[ROWS];
    const uint8_t *above; /* the finished row above them */
    uint8_t masks[PAETH + 1][ROWS]; /* for each filter 255 where the row has it */
    size_t length;
    int only; /* the filter that all rows have, or MIXED */
};

/* Copy the bytes from..from + 15 of a row to a vector's, as far as the row has them; the others are zero. */
static void peek(uint8_t *to, const uint8_t *row, size_t length, ptrdiff_t from)
{
    memset(to, 0, ROWS);
    ptrdiff_t begin = from < 0 ? -from : 0, end = (ptrdiff_t)length - from < ROWS ? (ptrdiff_t)length - from : ROWS;
    if (begin < end)
        memcpy(to + begin, row + from + begin, (size_t)(end - begin));
}

static void poke(uint8_t *row, size_t length, ptrdiff_t to, const uint8_t *from)
{
    ptrdiff_t begin = to < 0 ? -to : 0, end = (ptrdiff_t)length - to < ROWS ? (ptrdiff_t)length - to : ROWS;
    if (begin < end)
        memcpy(row + to + begin, from + begin, (size_t)(end - begin));
}

typedef void strip_undo(const struct strip *strip, size_t step);

#define BODY "unfilter_body.h"
#include "levels.h"

static strip_undo *const UNDO[SEQSAVE_LEVELS] = LEVELS(undo);

static void swap(uint8_t *row, size_t length)
{
    for (size_t i = 0; i + 1 < length; i += 2) {
        uint8_t high = row[i];
        row[i] = row[i + 1];
        row[i + 1] = high;
    }
}

/* Undo rows whose filters are None or Up, which need no slant. */
static void undo_easy(const uint8_t *from, uint8_t *to, const uint8_t *above, size_t count, size_t length)
{
    for (size_t row = 0; row < count; row++, from += length + 1, above = to, to += length) {
        if (from[0] == NONE) {
            memcpy(to, from + 1, length);
            continue;
        }
        for (size_t i = 0; i < length; i++)
            to[i] = (uint8_t)(from[1 + i] + above[i]);
    }
}

/* The filter of a row, read once: where another thread has changed it since the rows were checked, it is None. */
static uint8_t kind_of(const uint8_t *row)
{
    uint8_t kind = *(const volatile uint8_t *)row;
    return kind > PAETH ? NONE : kind;
}

static void undo_slanted(const uint8_t *from, uint8_t *to, const uint8_t *above, size_t count, size_t length,
                         size_t step, const uint8_t *zeros, uint8_t *scratch)
{
    const int first = kind_of(from);
    struct strip strip = {.above = above, .length = length, .only = first};
    for (size_t row = 0; row < ROWS; row++) {
        int kind = row < count ? kind_of(from + row * (length + 1)) : first;
        strip.from[row] = row < count ? from + row * (length + 1) + 1 : zeros;
        strip.to[row] = row < count ? to + row * length : scratch;
        strip.masks[kind][row] = 255;
        if (kind != first)
            strip.only = MIXED;
    }
    UNDO[seqsave_level()](&strip, step);
}

int seqsave_unfilter(const uint8_t *filtered, uint8_t *out, size_t height, size_t length, size_t step, int wide,
                     int *bad)
{
    for (size_t row = 0; row < height; row++)
        if (filtered[row * (length + 1)] > PAETH) {
            *bad = filtered[row * (length + 1)];
            return 1;
        }
    SEQSAVE_CHECKED(filtered);
    uint8_t *spare = calloc(2, length);
    if (spare == NULL)
        return -1;
    const uint8_t *above = spare, *zeros = spare;
    for (size_t top = 0; top < height; top += ROWS) {
        size_t count = height - top < ROWS ? height - top : ROWS;
        const uint8_t *from = filtered + top * (length + 1);
        uint8_t *to = out + top * length;
        int is_easy = 1;
        for (size_t row = 0; row < count; row++)
            is_easy &= from[row * (length + 1)] == NONE || from[row * (length + 1)] == UP;
        if (is_easy)
            undo_easy(from, to, above, count, length);
        else
            undo_slanted(from, to, above, count, length, step, zeros, spare + length);
        above = to + (count - 1) * length;
        /* The last row of a strip is needed as it is for the next one. */
        if (wide && SEQSAVE_LITTLE)
            swap(top ? to - length : to, (top ? count : count - 1) * length);
    }
    if (wide && SEQSAVE_LITTLE)
        swap(out + (height - 1) * length, length);
    free(spare);
    return 0;
}

/* Undo the row filters of PNG, 16 or 32 rows at a time.

   Source: PNG specification, third edition, section 9. A byte needs those to the left of it and above it, so the rows are
   undone on a slant: each of a strip's is one pixel behind the row above it. Then the bytes of all its rows that are undone
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
    COLUMNS = 16, /* that are undone of each row before the next ones are read */
    MOST_ROWS = 2 * COLUMNS,
    LINE = 64, /* bytes of a cache's line */
    WIDEST = 8,
};

/* As many rows as a vector has bytes. Those that a strip of fewer rows lacks are zeros, and their results go to scratch
   memory. */
struct strip {
    const uint8_t *from[MOST_ROWS];
    uint8_t *to[MOST_ROWS];
    const uint8_t *above; /* the finished row above them */
    uint8_t masks[PAETH + 1][MOST_ROWS]; /* for each filter 255 where the row has it */
    size_t length;
    const uint8_t *next_from; /* where the next strip begins, */
    uint8_t *next_to;
    size_t ahead; /* and how many bytes it has */
    int only; /* the filter that all rows have, or MIXED */
};

/* Copy the bytes from..from + 15 of a row, as far as the row has them; the others are zero. */
static void peek(uint8_t *to, const uint8_t *row, size_t length, ptrdiff_t from)
{
    const ptrdiff_t left = (ptrdiff_t)length - from;
    if (from >= 0 && left >= COLUMNS) {
        memcpy(to, row + from, COLUMNS);
        return;
    }
    memset(to, 0, COLUMNS);
    const ptrdiff_t begin = from < 0 ? -from : 0, end = left < COLUMNS ? left : COLUMNS;
    if (begin < end)
        memcpy(to + begin, row + from + begin, (size_t)(end - begin));
}

static void poke(uint8_t *row, size_t length, ptrdiff_t to, const uint8_t *from)
{
    const ptrdiff_t left = (ptrdiff_t)length - to;
    if (to >= 0 && left >= COLUMNS) {
        memcpy(row + to, from, COLUMNS);
        return;
    }
    const ptrdiff_t begin = to < 0 ? -to : 0, end = left < COLUMNS ? left : COLUMNS;
    if (begin < end)
        memcpy(row + to + begin, from + begin, (size_t)(end - begin));
}

/* Have a part of the next strip's memory brought into the caches, from so many bytes behind its begin on. The rows of a
   strip are too many for the processor to see by itself what comes next. */
INLINE void fetch(const struct strip *strip, size_t from, size_t size)
{
#if defined(__GNUC__) || defined(__clang__)
    for (size_t at = from; at < from + size && at < strip->ahead; at += LINE) {
        __builtin_prefetch(strip->next_from + at, 0, 2);
        __builtin_prefetch(strip->next_to + at, 1, 2);
    }
#else
    (void)strip, (void)from, (void)size;
#endif
}

typedef void strip_undo(const struct strip *strip, size_t step);

#define BODY "unfilter_body.h"
#include "levels.h"

static strip_undo *const UNDO[SEQSAVE_LEVELS] = LEVELS(undo);
static const size_t ROWS[SEQSAVE_LEVELS] = LEVELS(rows);

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

/* Undo `count` rows; the next ones are `behind` rows from `next` on. */
static void undo_slanted(const uint8_t *from, const uint8_t *next, uint8_t *to, const uint8_t *above, size_t count,
                         size_t behind, size_t length, size_t step, uint8_t *spare, enum seqsave_level level)
{
    const int first = kind_of(from);
    const uint8_t *zeros = spare;
    uint8_t *scratch = spare + length;
    struct strip strip = {
        .above = above,
        .length = length,
        .only = first,
        .next_from = next,
        .next_to = to + count * length,
        .ahead = (behind < MOST_ROWS ? behind : MOST_ROWS) * length,
    };
    for (size_t row = 0; row < MOST_ROWS; row++) {
        int kind = row < count ? kind_of(from + row * (length + 1)) : first;
        strip.from[row] = row < count ? from + row * (length + 1) + 1 : zeros;
        strip.to[row] = row < count ? to + row * length : scratch;
        strip.masks[kind][row] = 255;
        if (kind != first)
            strip.only = MIXED;
    }
    /* Few rows need no wide vectors. */
    UNDO[count <= COLUMNS && level == SEQSAVE_AVX2 ? SEQSAVE_SSE41 : level](&strip, step);
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
    const enum seqsave_level level = seqsave_level();
    const size_t rows = ROWS[level];
    const int is_shared = out == filtered;
    uint8_t *spare = calloc(2, length), *strip = is_shared ? malloc(rows * (length + 1)) : NULL;
    if (spare == NULL || (is_shared && strip == NULL)) {
        free(spare);
        free(strip);
        return -1;
    }
    const uint8_t *above = spare;
    for (size_t top = 0, count; top < height; top += count) {
        count = height - top < rows ? height - top : rows;
        const uint8_t *from = filtered + top * (length + 1);
        uint8_t *to = out + top * length;
        /* Finished rows go where filtered ones are, of this strip or of those before it. */
        if (is_shared)
            from = memcpy(strip, from, count * (length + 1));
        int is_easy = 1;
        for (size_t row = 0; row < count; row++)
            is_easy &= from[row * (length + 1)] == NONE || from[row * (length + 1)] == UP;
        if (is_easy)
            undo_easy(from, to, above, count, length);
        else
            undo_slanted(from, filtered + (top + count) * (length + 1), to, above, count, height - top - count, length, step,
                         spare, level);
        above = to + (count - 1) * length;
        /* The last row of a strip is needed as it is for the next one. */
        if (wide && SEQSAVE_LITTLE)
            swap(top ? to - length : to, (top ? count : count - 1) * length);
    }
    if (wide && SEQSAVE_LITTLE)
        swap(out + (height - 1) * length, length);
    free(spare);
    free(strip);
    return 0;
}

/* Undo rows whose filters change after they were checked, as by another thread, which no caller should do: those rows get
   no filter, and nothing else is written to. unfilter.c is compiled into this file, to change them at that very point. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

static void change(const uint8_t *filtered);

#define SEQSAVE_CHECKED change
#include "unfilter.c"

enum { HEIGHT = 40, LENGTH = 300, KIND = 255 };

static uint8_t filtered[HEIGHT * (LENGTH + 1)], rows[HEIGHT * LENGTH];

static void change(const uint8_t *unused)
{
    (void)unused;
    for (size_t row = 1; row < HEIGHT; row += 2)
        filtered[row * (LENGTH + 1)] = KIND;
}

static int fail(const char *why)
{
    fprintf(stderr, "driver_changed: %s\n", why);
    return 1;
}

int main(void)
{
    for (int level = 0; level <= (int)seqsave_best_level(); level++) {
        int bad = 0;
        for (size_t i = 0; i < sizeof filtered; i++)
            filtered[i] = i % (LENGTH + 1) ? (uint8_t)i : PAETH;
        if (seqsave_set_level((enum seqsave_level)level) || seqsave_unfilter(filtered, rows, HEIGHT, LENGTH, 3, 0, &bad))
            return fail("the rows were not undone");
        for (size_t row = 0; row < HEIGHT; row++)
            if (filtered[row * (LENGTH + 1)] == KIND &&
                memcmp(rows + row * LENGTH, filtered + row * (LENGTH + 1) + 1, LENGTH) != 0)
                return fail("a row whose filter changed was not taken as it is");
        if (filtered[LENGTH + 1] != KIND)
            return fail("the rows were not changed");
    }
    return 0;
}

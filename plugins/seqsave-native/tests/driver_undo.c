/* Undo random filters at every level of instructions, in memory of exactly its size, for sanitizers and valgrind, and
   compare each byte with what the specification's text gives.

   driver_undo NUMBER SEED: prints a checksum of all rows, which is the same on every processor. */
#include <string.h>

#include "driver.h"
#include "processor.h"
#include "unfilter.h"

static int predicted(int kind, int left, int up, int corner)
{
    int guess = left + up - corner;
    int from_left = abs(guess - left), from_up = abs(guess - up), from_corner = abs(guess - corner);
    switch (kind) {
    case 1:
        return left;
    case 2:
        return up;
    case 3:
        return (left + up) / 2;
    case 4:
        return from_left <= from_up && from_left <= from_corner ? left : from_up <= from_corner ? up : corner;
    default:
        return 0;
    }
}

static void plainly(const uint8_t *filtered, uint8_t *rows, size_t height, size_t length, size_t step)
{
    for (size_t row = 0; row < height; row++)
        for (size_t i = 0; i < length; i++) {
            uint8_t *here = rows + row * length + i;
            int left = i >= step ? here[-(ptrdiff_t)step] : 0;
            int up = row ? here[-(ptrdiff_t)length] : 0;
            int corner = row && i >= step ? here[-(ptrdiff_t)(length + step)] : 0;
            int kind = filtered[row * (length + 1)];
            *here = (uint8_t)(filtered[row * (length + 1) + 1 + i] + predicted(kind, left, up, corner));
        }
}

static void as_samples(uint8_t *rows, size_t size)
{
    for (size_t i = 0; i < size; i += 2) {
        uint16_t sample = (uint16_t)(rows[i] << 8 | rows[i + 1]);
        memcpy(rows + i, &sample, 2);
    }
}

/* is_shared: whether the rows are undone in the memory that they are in. */
static void check(const uint8_t *filtered, const uint8_t *wanted, size_t height, size_t length, size_t step, int wide,
                  int wanted_bad, int is_shared)
{
    for (int level = 0; level <= (int)seqsave_best_level(); level++) {
        uint8_t *rows = memory(height * (length + is_shared));
        int bad = 0;
        if (seqsave_set_level((enum seqsave_level)level))
            fail("a level cannot be set");
        if (is_shared)
            memcpy(rows, filtered, height * (length + 1));
        int failed = seqsave_unfilter(is_shared ? rows : filtered, rows, height, length, step, wide, &bad);
        if (failed < 0)
            fail("there is not enough memory");
        if (failed != (wanted_bad != 0) || bad != wanted_bad)
            fail("a filter that does not exist was not found");
        if (!failed && memcmp(rows, wanted, height * length) != 0)
            fail("the rows are not those of the specification");
        free(rows);
    }
}

int main(int count, char **arguments)
{
    static const size_t STEPS[] = {1, 2, 3, 4, 2, 4, 6, 8}; /* the last four are of 16 bits */
    long number = count > 1 ? atol(arguments[1]) : 100;
    uint64_t sum = 0;
    set_seed(count > 2 ? (uint64_t)atol(arguments[2]) : 0);
    for (long i = 0; i < number; i++) {
        uint32_t chosen = next(8), most = next(200) == 0 ? 300 : next(10) == 0 ? 60 : 12;
        size_t step = STEPS[chosen], height = 1 + next(most + 20), length = step * (1 + next(most));
        int wide = chosen > 3, only = (int)next(10), bad = 0;
        uint32_t values = next(3) ? 256 : 3; /* small differences: near values, equal distances */
        uint8_t *filtered = memory(height * (length + 1)), *wanted = memory(height * length);
        for (size_t at = 0; at < height * (length + 1); at++)
            filtered[at] = (uint8_t)(next(values) - values / 2);
        for (size_t row = 0; row < height; row++) {
            int kind = only <= 4 ? only : (int)next(5);
            if (next(2000) == 0)
                kind = 5 + (int)next(251);
            bad = bad || kind < 5 ? bad : kind;
            filtered[row * (length + 1)] = (uint8_t)kind;
        }
        plainly(filtered, wanted, height, length, step);
        if (wide)
            as_samples(wanted, height * length);
        check(filtered, wanted, height, length, step, wide, bad, 0);
        check(filtered, wanted, height, length, step, wide, bad, 1);
        if (!bad)
            sum = mixed(sum, wanted, height * length);
        free(filtered);
        free(wanted);
    }
    printf("%016llx\n", (unsigned long long)sum);
    return 0;
}

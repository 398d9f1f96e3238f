/* Encode random pictures in memory of exactly their size, for sanitizers and valgrind, with one level of instructions
   after the other, and every tenth picture with all of them.

   driver NUMBER SEED: prints a checksum of all streams, which is the same on every processor. */
#include "driver.h"
#include "encode.h"
#include "processor.h"

enum { CONTENTS = 9 };

static void paint(uint8_t *pixels, size_t size, size_t length, size_t step)
{
    uint32_t content = next(CONTENTS), amount = 1 + next(100), value = next(256);
    for (size_t i = 0; i < size; i++) {
        switch (content) {
        case 0: /* noise */
            pixels[i] = (uint8_t)next(256);
            break;
        case 1: /* one value */
            pixels[i] = (uint8_t)value;
            break;
        case 2: /* a gradient with grain */
            pixels[i] = (uint8_t)(i % length / step + i / length + next(amount));
            break;
        case 3: /* runs */
            value = next(20) ? value : next(256);
            pixels[i] = (uint8_t)value;
            break;
        case 4: /* long runs */
            value = next(700) ? value : next(256);
            pixels[i] = (uint8_t)value;
            break;
        case 7: /* grey, with few steps from pixel to pixel: pairs that repeat each other */
        case 8: /* the same with runs */
            if (i % 3 == 0)
                value += next(content == 7 ? 9 : 40) < 5 ? next(5) - 2 : 0;
            pixels[i] = (uint8_t)(value + i / length % 2 * (i % 3));
            break;
        case 5: /* rare values among common ones: codes of the most bits */
            pixels[i] = (uint8_t)(next(1000) ? next(2) : next(256));
            break;
        default: /* a walk */
            value += next(7) - 3;
            pixels[i] = (uint8_t)value;
        }
    }
}

/* Return the checksum with that of some filtered rows. */
static uint64_t filtered(const seqsave_picture *picture, int row_filter, size_t size, uint64_t sum)
{
    seqsave_picture bytes = *picture;
    size_t top = size % picture->height, bottom = top + 1 + size / 3 % (picture->height - top);
    size_t room = (bottom - top) * (picture->length + 1);
    uint8_t *out = memory(room);
    bytes.wide = 0;
    if (seqsave_filter(&bytes, top, bottom, size % 5 ? row_filter : SEQSAVE_FEWER, out))
        fail("there is not enough memory");
    sum = mixed(sum, out, room);
    free(out);
    return sum;
}

/* Return the checksum of a picture's results, the same for each level. */
static uint64_t encoded(const seqsave_picture *picture, int row_filter, size_t size, long number)
{
    uint64_t first = 0;
    int levels = (int)seqsave_best_level() + 1, is_first = 1;
    for (int level = 0; level < levels; level++) {
        if (number % 10 && number % levels != level)
            continue;
        seqsave_stream stream, sample;
        double ratios[SEQSAVE_KINDS], grey = 0;
        int has_colours = picture->step == (picture->wide ? 6 : 3), is_grey = has_colours && number / 2 % 2;
        if (seqsave_set_level((enum seqsave_level)level))
            fail("a level cannot be set");
        if (seqsave_encode(picture, row_filter, is_grey, &stream) || seqsave_sample(picture, size, size % 5 * 40, row_filter, &sample))
            fail("there is not enough memory");
        uint64_t sum = mixed(0xcbf29ce484222325u, stream.data, stream.size);
        sum = mixed(sum, sample.data, sample.size);
        sum = filtered(picture, row_filter, size, sum);
        if (size % 4 == 0 && seqsave_survey(picture, size, (unsigned)size >> 2, ratios)) /* takes longer than the rest */
            fail("there is not enough memory");
        if (size % 4 == 1 && has_colours && seqsave_survey_grey(picture, size, row_filter, &grey))
            fail("there is not enough memory");
        sum = sum * 31 + (uint64_t)(grey * 1e6);
        for (int kind = 0; kind < SEQSAVE_KINDS && size % 4 == 0; kind++)
            sum = sum * 31 + (uint64_t)(ratios[kind] * 1e6);
        free(stream.data);
        free(sample.data);
        if (!is_first && sum != first)
            fail("levels differ");
        first = sum;
        is_first = 0;
    }
    return first;
}

int main(int count, char **arguments)
{
    long number = count > 1 ? atol(arguments[1]) : 100;
    uint64_t sum = 0;
    set_seed(count > 2 ? (uint64_t)atol(arguments[2]) : 0);
    for (long i = 0; i < number; i++) {
        int wide = next(3) == 0;
        size_t step = wide ? 2 * (1 + next(4)) : 1 + next(4);
        uint32_t most = next(400) == 0 ? 400 : next(20) == 0 ? 80 : 12;
        seqsave_picture picture = {.height = 1 + next(most), .step = step, .wide = wide};
        picture.length = step * (1 + next(most));
        int row_filter = (int)next(SEQSAVE_KINDS);
        size_t size = picture.height * picture.length;
        uint8_t *pixels = memory(size);
        paint(pixels, size, picture.length, step);
        picture.pixels = pixels;
        sum = sum * 31 + encoded(&picture, row_filter, next((uint32_t)size * 2), i);
        free(pixels);
    }
    printf("%016llx\n", (unsigned long long)sum);
    return 0;
}

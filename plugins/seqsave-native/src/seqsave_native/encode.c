/* Filter the rows of a picture and compress them to a zlib stream.

   Sources: RFC 1950 and 1951, and the PNG specification, third edition, section 9. Filtered photographs hold nearly no
   repeated strings, so that searching for them is a waste: here each byte gets its Huffman code, two at a time, and
   only runs of one byte become matches, at distance 1. The codes of each block are made from an eighth of its bytes.

   Grey pixels are the exception. In frames of videos, two rows share their colour and differ in brightness only, so that
   nearly each pixel that is filtered with the row above has three equal bytes; in grey pictures that are stored as RGB
   all have. Two such pixels have only two different bytes, by which a table finds where they were last, for a match. */
#include "encode.h"

#include <stdlib.h>
#include <string.h>

#include "huffman.h"
#include "processor.h"

#if defined(__GNUC__) || defined(__clang__)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)
#else
#define UNLIKELY(condition) (condition)
#define restrict __restrict
#endif

enum {
    END = 256,
    FIRST_LENGTH = 257,
    LAST_LENGTH = 285,
    LONGEST = 258,
    MOST_BITS = 13, /* four codes, or two pairs, fit into 64 bits behind the 7 that may wait there */
    BLOCK = 1 << 17,
    PART = 1 << 10, /* bytes of a block that are counted, of SPACING */
    SPACING = 1 << 13,
    HEADER_MOST = 512,
    WINDOW = 1 << 15,
    DISTANCES = 30,
    NEVER = 1 << 16, /* positions start so far behind the last place in a new table that it is outside of the window */
    NO_UNIT = 1 << 16,
    COUNTED = 128,   /* tokens in a row that are counted */
    UNIT = 6,        /* bytes */
    NUMBERS = 512,   /* of codes: the bytes, and 256 behind them for matches: length / UNIT, and these */
    OF_FILTERS = 64, /* number of a filter, which stands alone */
    OF_DISTANCES = 96,
    TO_MATCH = 24, /* bits of a token: three numbers of 8 bits, whether it is a match, how many extra bits, and these */
    TO_COUNT = 42,
    TO_EXTRA = 48,
};

#define MATCH ((uint64_t)1 << TO_MATCH)
#define NOTHING ((uint64_t)255) /* the number of no code */
#define ONES 0x0101010101010101u

struct run {
    uint32_t code;
    uint8_t bits;
    uint16_t length; /* of the match, which may be shorter than the run */
};

struct codes {
    uint8_t lengths[SYMBOLS];
    uint32_t single[SYMBOLS]; /* code << 6 | bits */
    uint32_t pairs[128 * 128];
    struct run runs[LONGEST + 1];
};

struct bits {
    uint8_t *to;
    uint64_t held;
    unsigned count; /* bits of `held`; at most 7 between calls */
};

/* What finds and writes matches of grey units: two pixels of 8 bits, or one of 16.

   A token is three bytes, or a match: three numbers of codes, for length, distance and nothing, and the extra bits of the
   distance. So bytes and matches are written alike, without a branch that the processor would guess wrong. */
struct grey {
    uint32_t last[NO_UNIT + 1]; /* position of a unit by its two different bytes */
    uint32_t codes[NUMBERS];    /* code << 6 | bits, by number */
    uint32_t position;          /* of the next row */
    uint8_t *shades, *differs;  /* by the pixels of a row */
    uint32_t *units;
    uint64_t *end;              /* of the tokens */
    uint64_t tokens[];
};

struct loops {
    void (*filter)(const uint8_t *row, const uint8_t *above, size_t length, size_t step, int kind, uint8_t *out);
    uint64_t (*weight)(const uint8_t *data, size_t size);
    void (*swap)(const uint8_t *row, size_t length, uint8_t *out);
    uint32_t (*adler)(uint32_t adler, const uint8_t *data, size_t size);
    size_t (*count)(const uint8_t *data, size_t size, uint32_t *counts);
    void (*fill)(const uint32_t *single, uint32_t *pairs);
    void (*pack)(const uint8_t *data, size_t size, const struct codes *codes, int mostly_wide, struct bits *bits);
    size_t (*equal)(const uint8_t *data, size_t size, size_t apart);
    void (*find_grey)(const uint8_t *data, size_t rows, size_t line, int wide, struct grey *grey);
    void (*count_grey)(const struct grey *grey, size_t apart, uint32_t *counts);
    void (*pack_grey)(const struct grey *grey, struct bits *bits);
};

static inline int is_big_endian(void)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    return first == 0;
}

static inline uint64_t turned(uint64_t value)
{
    value = (value & 0x00ff00ff00ff00ff) << 8 | (value >> 8 & 0x00ff00ff00ff00ff);
    value = (value & 0x0000ffff0000ffff) << 16 | (value >> 16 & 0x0000ffff0000ffff);
    return value << 32 | value >> 32;
}

/* The first byte in memory is the lowest one. */
static inline uint64_t load(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, 8);
    return is_big_endian() ? turned(value) : value;
}

static inline void store(uint8_t *to, uint64_t value)
{
    value = is_big_endian() ? turned(value) : value;
    memcpy(to, &value, 8);
}

/* Whether one of 8 bytes is outside of -64..63, which is where its upper two bits differ. */
static inline int is_wide(uint64_t group)
{
    return ((group ^ group << 1) & (ONES << 7)) != 0;
}

/* How many bytes from `at` on equal the one before. */
static inline size_t run_length(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *from = at;
    uint64_t same = at[-1] * ONES;
    while (end - at >= 8 && load(at) == same)
        at += 8;
    while (at < end && *at == (uint8_t)same)
        at++;
    return (size_t)(at - from);
}

static const uint16_t LENGTH_BASE[LAST_LENGTH - FIRST_LENGTH + 1] = {
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
};
static const uint8_t LENGTH_EXTRA[LAST_LENGTH - FIRST_LENGTH + 1] = {
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
};
/* Lengths that have a code in any case: a run that the sample did not show is made of these. */
static const uint16_t ALWAYS[] = {262, 268, 272, 276, 280, 285};

/* The symbol of a run of 3 to 258. */
static inline int length_symbol(size_t run)
{
    int symbol = LAST_LENGTH;
    while (symbol > FIRST_LENGTH && LENGTH_BASE[symbol - FIRST_LENGTH] > run)
        symbol--;
    return symbol;
}

/* --- levels --------------------------------------------------------------------------------------------------------- */

#define BODY "encode_body.h"
#include "levels.h"

static const struct loops *const LOOPS[SEQSAVE_LEVELS] = LEVELS(&loops);

uint32_t seqsave_adler(uint32_t adler, const uint8_t *data, size_t size)
{
    return LOOPS[seqsave_level()]->adler(adler, data, size);
}

static void set_runs(struct codes *codes)
{
    for (unsigned run = 3; run <= LONGEST; run++) {
        int symbol = length_symbol(run);
        while (symbol >= FIRST_LENGTH && codes->lengths[symbol] == 0)
            symbol--;
        struct run *one = &codes->runs[run];
        if (symbol < FIRST_LENGTH) {
            *one = (struct run){0, 0, 0}; /* shorter than any that is looked up */
            continue;
        }
        unsigned base = LENGTH_BASE[symbol - FIRST_LENGTH], extra = LENGTH_EXTRA[symbol - FIRST_LENGTH];
        unsigned most = symbol == LAST_LENGTH - 1 ? 257 : base + (1u << extra) - 1;
        unsigned length = run < most ? run : most;
        uint32_t bits = codes->single[symbol] & 63;
        /* The code of the distance, of one bit, is 0. */
        *one = (struct run){codes->single[symbol] >> 6 | (length - base) << bits, (uint8_t)(bits + extra + 1),
                            (uint16_t)length};
    }
}

/* Bits of the counted symbols, with the extra bits of lengths and the distance. */
static uint64_t cost(const uint32_t *counts, const uint8_t *lengths)
{
    uint64_t bits = 0;
    for (int symbol = 0; symbol < SYMBOLS; symbol++)
        bits += (uint64_t)counts[symbol] *
                (lengths[symbol] + (symbol < FIRST_LENGTH ? 0u : LENGTH_EXTRA[symbol - FIRST_LENGTH] + 1u));
    return bits;
}

/* --- a stream ------------------------------------------------------------------------------------------------------- */

struct writer {
    const struct loops *loops;
    seqsave_stream *stream;
    size_t room;
    struct bits bits;
    struct codes *codes;
    int is_open; /* a block of these codes, which the next bytes may go on with */
    struct grey *grey; /* NULL unless grey pixels become matches */
};

static void put(struct bits *bits, uint32_t value, unsigned count)
{
    bits->held |= (uint64_t)value << bits->count;
    bits->count += count;
    store(bits->to, bits->held);
    bits->to += bits->count >> 3;
    bits->held >>= bits->count & 56;
    bits->count &= 7;
}

static int make_room(struct writer *writer, size_t more)
{
    size_t used = writer->bits.to - writer->stream->data;
    if (writer->room - used >= more)
        return 0;
    size_t room = writer->room + writer->room / 2 + more;
    uint8_t *data = realloc(writer->stream->data, room);
    if (data == NULL)
        return -1;
    writer->stream->data = data;
    writer->room = room;
    writer->bits.to = data + used;
    return 0;
}

static void end_block(struct writer *writer)
{
    if (writer->is_open)
        put(&writer->bits, writer->codes->single[END] >> 6, writer->codes->single[END] & 63);
    writer->is_open = 0;
}

/* Write the start of a block with its codes, and those of so many distances: RFC 1951, section 3.2.7. */
static void start_block(struct writer *writer, const uint8_t *distances, int number)
{
    static const uint8_t ORDER[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[SYMBOLS + DISTANCES], symbols[SYMBOLS + DISTANCES], extra[SYMBOLS + DISTANCES], own[19];
    uint32_t counts[19] = {0}, entries[19];
    struct bits *bits = &writer->bits;
    memcpy(lengths, writer->codes->lengths, SYMBOLS);
    memcpy(lengths + SYMBOLS, distances, (size_t)number);
    int used = 0, every = SYMBOLS + number;
    for (int i = 0; i < every;) {
        int run = 1, most = lengths[i] ? 7 : 138;
        while (i + run < every && lengths[i + run] == lengths[i] && run < most)
            run++;
        if (lengths[i] == 0 && run >= 3) {
            symbols[used] = run <= 10 ? 17 : 18;
            extra[used] = (uint8_t)(run <= 10 ? run - 3 : run - 11);
        } else if (run >= 4) { /* one, and the same 3 to 6 times more */
            symbols[used] = lengths[i];
            counts[symbols[used++]]++;
            symbols[used] = 16;
            extra[used] = (uint8_t)(run - 4);
        } else {
            symbols[used] = lengths[i];
            run = 1;
        }
        counts[symbols[used++]]++;
        i += run;
    }
    code_lengths(counts, 19, 7, own);
    code_values(own, 19, entries);
    int shown = 19;
    while (own[ORDER[shown - 1]] == 0)
        shown--;
    put(bits, 4, 3); /* not the last block; codes of its own */
    put(bits, SYMBOLS - 257, 5);
    put(bits, (uint32_t)number - 1, 5);
    put(bits, (uint32_t)shown - 4, 4);
    for (int i = 0; i < shown; i++)
        put(bits, own[ORDER[i]], 3);
    for (int i = 0; i < used; i++) {
        put(bits, entries[symbols[i]] >> 6, entries[symbols[i]] & 63);
        if (symbols[i] >= 16)
            put(bits, extra[i], symbols[i] == 16 ? 2 : symbols[i] == 17 ? 3 : 7);
    }
    writer->is_open = 1;
}

static void store_block(struct writer *writer, const uint8_t *data, size_t size)
{
    struct bits *bits = &writer->bits;
    end_block(writer);
    while (size) {
        unsigned part = size < 65535 ? (unsigned)size : 65535;
        put(bits, 0, 3);
        put(bits, 0, (8 - bits->count) & 7);
        put(bits, part | (~part & 0xffff) << 16, 32);
        memcpy(bits->to, data, part);
        bits->to += part;
        data += part;
        size -= part;
    }
}

/* Count a part of the bytes; every symbol that may occur gets a count. Return the sum of the counted bytes. */
static size_t sample(const struct loops *loops, const uint8_t *data, size_t size, uint32_t *counts, size_t *wide)
{
    size_t counted = 0;
    memset(counts, 0, SYMBOLS * sizeof *counts);
    *wide = 0;
    if (size <= 2 * SPACING) {
        *wide = loops->count(data, size, counts);
        return size;
    }
    for (size_t at = 0; at < size; at += SPACING) {
        size_t part = size - at < PART ? size - at : PART;
        *wide += loops->count(data + at, part, counts);
        counted += part;
    }
    return counted;
}

static void make_codes(const uint32_t *counts, uint8_t *lengths)
{
    uint32_t every[SYMBOLS];
    for (int symbol = 0; symbol < SYMBOLS; symbol++)
        every[symbol] = counts[symbol] ? 8 * counts[symbol] : symbol <= END;
    for (size_t i = 0; i < sizeof ALWAYS / sizeof *ALWAYS; i++)
        every[ALWAYS[i]] += every[ALWAYS[i]] == 0;
    code_lengths(every, SYMBOLS, MOST_BITS, lengths);
}

/* Compress at most BLOCK bytes. data[-1] is the byte before them. */
static int write_part(struct writer *writer, const uint8_t *data, size_t size)
{
    uint32_t counts[SYMBOLS];
    uint8_t lengths[SYMBOLS];
    size_t wide;
    if (make_room(writer, 2 * size + 2 * HEADER_MOST))
        return -1;
    size_t counted = sample(writer->loops, data, size, counts, &wide);
    make_codes(counts, lengths);
    uint64_t now = cost(counts, lengths);
    if (now >= 8 * (uint64_t)counted) {
        store_block(writer, data, size);
        return 0;
    }
    /* A new table costs about 100 bytes, and time. */
    uint64_t header = 800 * (uint64_t)counted / size;
    if (!writer->is_open || cost(counts, writer->codes->lengths) > now + now / 256 + header) {
        end_block(writer);
        memcpy(writer->codes->lengths, lengths, sizeof lengths);
        code_values(lengths, SYMBOLS, writer->codes->single);
        set_runs(writer->codes);
        writer->loops->fill(writer->codes->single, writer->codes->pairs);
        static const uint8_t NEXT[] = {1}; /* the distance 1 */
        start_block(writer, NEXT, 1);
    }
    writer->loops->pack(data, size, writer->codes, wide * 8 > counted / 6, &writer->bits);
    return 0;
}

/* --- grey pixels ---------------------------------------------------------------------------------------------------- */

/* Return what is to be freed, or NULL. rows: how many are given to find_grey at most. */
static struct grey *new_grey(size_t rows, size_t line, int wide)
{
    size_t pixels = (line - 1) / (wide ? 6 : 3), tokens = rows * (line / 3 + 2);
    struct grey *grey;
    size_t of_rows = tokens * sizeof *grey->tokens, of_row = (pixels + 2) * sizeof *grey->units + 3 * pixels;
    grey = malloc(sizeof *grey + of_rows + of_row);
    if (grey == NULL)
        return NULL;
    memset(grey->last, 0, sizeof grey->last);
    memset(grey->codes, 0, sizeof grey->codes);
    grey->position = NEVER;
    grey->units = (uint32_t *)(grey->tokens + tokens);
    grey->shades = (uint8_t *)(grey->units + pixels + 2); /* two of each pixel, if wide */
    grey->differs = grey->shades + 2 * pixels;
    return grey;
}

/* Make codes for all that may occur from what was counted, and return the bits that this takes with them. */
static uint64_t make_grey_codes(const uint32_t *numbers, uint8_t *lengths, uint8_t *distances)
{
    uint32_t counts[SYMBOLS] = {0}, every[SYMBOLS];
    const uint32_t *of_matches = numbers + 256, *of_distances = of_matches + OF_DISTANCES;
    uint64_t bits = 0;
    memcpy(counts, numbers, 256 * sizeof *counts);
    for (int filter = 0; filter < SEQSAVE_FILTERS; filter++)
        counts[filter] += of_matches[OF_FILTERS + filter];
    for (int symbol = 0; symbol < SYMBOLS; symbol++)
        every[symbol] = 16 * counts[symbol] + (symbol <= END);
    for (size_t length = UNIT; length <= LONGEST; length += UNIT) {
        counts[length_symbol(length)] += of_matches[length / UNIT];
        every[length_symbol(length)] += 16 * of_matches[length / UNIT] + 1;
    }
    code_lengths(every, SYMBOLS, MOST_BITS, lengths);
    for (int symbol = 0; symbol < DISTANCES; symbol++)
        every[symbol] = 16 * of_distances[symbol] + 1;
    code_lengths(every, DISTANCES, MOST_BITS, distances);
    for (int symbol = 0; symbol < DISTANCES; symbol++) /* of which cost() has one bit each */
        bits += (uint64_t)of_distances[symbol] * (distances[symbol] + (symbol < 4 ? 0u : symbol / 2u - 1) - 1);
    return bits + cost(counts, lengths);
}

static void set_numbers(struct grey *grey, const uint32_t *single, const uint8_t *distances)
{
    uint32_t *of_matches = grey->codes + 256;
    memcpy(grey->codes, single, 256 * sizeof *single);
    memcpy(of_matches + OF_FILTERS, single, SEQSAVE_FILTERS * sizeof *single);
    for (unsigned length = UNIT; length <= LONGEST; length += UNIT) {
        int symbol = length_symbol(length);
        uint32_t bits = single[symbol] & 63, more = length - LENGTH_BASE[symbol - FIRST_LENGTH];
        of_matches[length / UNIT] =
            ((single[symbol] >> 6) | more << bits) << 6 | (bits + LENGTH_EXTRA[symbol - FIRST_LENGTH]);
    }
    code_values(distances, DISTANCES, of_matches + OF_DISTANCES);
}

/* Compress rows, each after the number of its filter. */
static int write_grey(struct writer *writer, const uint8_t *data, size_t rows, size_t line, int wide)
{
    struct grey *grey = writer->grey;
    struct codes *codes = writer->codes;
    uint32_t numbers[NUMBERS] = {0};
    uint8_t lengths[SYMBOLS], distances[DISTANCES];
    if (make_room(writer, 2 * rows * line + 2 * HEADER_MOST))
        return -1;
    writer->loops->find_grey(data, rows, line, wide, grey);
    writer->loops->count_grey(grey, 4 * COUNTED, numbers);
    make_grey_codes(numbers, lengths, distances);
    end_block(writer);
    memcpy(codes->lengths, lengths, sizeof lengths);
    code_values(lengths, SYMBOLS, codes->single);
    set_numbers(grey, codes->single, distances);
    start_block(writer, distances, DISTANCES);
    writer->loops->pack_grey(grey, &writer->bits);
    return 0;
}

/* --- pictures ------------------------------------------------------------------------------------------------------- */

/* Filtered rows; `above` is the row before, in the byte order of the file. */
struct rows {
    const seqsave_picture *picture;
    const struct loops *loops;
    uint8_t *zeros;   /* a row */
    uint8_t *swapped; /* two rows, if wide */
    uint8_t *trial;   /* a row with the number of its filter */
};

static int open_rows(struct rows *rows, const seqsave_picture *picture, const struct loops *loops)
{
    rows->picture = picture;
    rows->loops = loops;
    rows->swapped = NULL;
    rows->zeros = calloc(picture->length, 1);
    rows->trial = malloc(picture->length + 1);
    if (rows->zeros == NULL || rows->trial == NULL)
        return -1;
    if (picture->wide && !is_big_endian()) {
        rows->swapped = malloc(2 * picture->length);
        if (rows->swapped == NULL)
            return -1;
    }
    return 0;
}

static void close_rows(struct rows *rows)
{
    free(rows->zeros);
    free(rows->swapped);
    free(rows->trial);
}

/* The filters in the order in which they are tried: of equals, the first one counts. */
static const int TRIED[SEQSAVE_FILTERS] = {SEQSAVE_NONE, SEQSAVE_UP, SEQSAVE_SUB, SEQSAVE_AVERAGE, SEQSAVE_PAETH};

static void filter_adaptively(struct rows *rows, const uint8_t *here, const uint8_t *above, int kind, uint8_t *out)
{
    const struct loops *loops = rows->loops;
    size_t length = rows->picture->length;
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < SEQSAVE_FILTERS; i++) {
        if (kind == SEQSAVE_FEWER && TRIED[i] == SEQSAVE_AVERAGE)
            continue;
        loops->filter(here, above, length, rows->picture->step, TRIED[i], rows->trial);
        uint64_t weight = loops->weight(rows->trial + 1, length);
        if (weight < least) {
            least = weight;
            memcpy(out, rows->trial, length + 1);
        }
    }
}

/* Filter a row; `is_next` if the call before filtered the row above. */
static void filter_row(struct rows *rows, size_t row, int is_next, int kind, uint8_t *out)
{
    const seqsave_picture *picture = rows->picture;
    size_t length = picture->length;
    const uint8_t *here = picture->pixels + row * length, *above = row ? here - length : rows->zeros;
    if (rows->swapped) {
        uint8_t *mine = rows->swapped + (row & 1) * length, *other = rows->swapped + (~row & 1) * length;
        rows->loops->swap(here, length, mine);
        if (row && !is_next)
            rows->loops->swap(above, length, other);
        here = mine;
        above = row ? other : rows->zeros;
    }
    if (kind >= SEQSAVE_ADAPTIVE) {
        filter_adaptively(rows, here, above, kind, out);
        return;
    }
    rows->loops->filter(here, above, length, picture->step, row == 0 && kind == SEQSAVE_UP ? SEQSAVE_SUB : kind, out);
}

int seqsave_filter(const seqsave_picture *picture, size_t top, size_t bottom, int row_filter, uint8_t *out)
{
    struct rows rows;
    int failed = open_rows(&rows, picture, LOOPS[seqsave_level()]);
    for (size_t row = top; !failed && row < bottom; row++, out += picture->length + 1)
        filter_row(&rows, row, row > top, row_filter, out);
    close_rows(&rows);
    return failed;
}

/* Filter a row with Up if that makes clearly more pixels grey. other: a row with the number of its filter. */
static void filter_grey_row(struct rows *rows, size_t row, int is_next, int kind, uint8_t *out, uint8_t *other)
{
    size_t length = rows->picture->length;
    filter_row(rows, row, is_next, kind, out);
    if (kind == SEQSAVE_UP || rows->picture->wide || row == 0)
        return;
    filter_row(rows, row, 1, SEQSAVE_UP, other);
    if (rows->loops->equal(other + 1, length, 1) > rows->loops->equal(out + 1, length, 1) + length / 16)
        memcpy(out, other, length + 1);
}

static int encode_rows(struct writer *writer, struct rows *rows, int kind, uint8_t *buffer, size_t batch)
{
    const seqsave_picture *picture = rows->picture;
    size_t line = picture->length + 1;
    uint8_t *filtered = buffer + 8;
    uint32_t adler = 1;
    filtered[-1] = 1; /* before the first byte, which is the number of a filter: no run may begin there */
    for (size_t top = 0; top < picture->height; top += batch) {
        size_t some = picture->height - top < batch ? picture->height - top : batch;
        size_t size = some * line;
        for (size_t row = 0; row < some; row++)
            if (writer->grey)
                filter_grey_row(rows, top + row, 1, kind, filtered + row * line, filtered + batch * line);
            else
                filter_row(rows, top + row, 1, kind, filtered + row * line);
        if (top == 0)
            filtered[-1] = (uint8_t)~filtered[0];
        adler = writer->loops->adler(adler, filtered, size);
        if (writer->grey) {
            if (write_grey(writer, filtered, some, line, picture->wide))
                return -1;
            continue;
        }
        for (size_t at = 0; at < size; at += BLOCK)
            if (write_part(writer, filtered + at, size - at < BLOCK ? size - at : BLOCK))
                return -1;
        filtered[-1] = filtered[size - 1];
    }
    end_block(writer);
    put(&writer->bits, 3, 3); /* the last block, of fixed codes, with nothing but its end, which is 7 bits of 0 */
    put(&writer->bits, 0, 7);
    put(&writer->bits, 0, (8 - writer->bits.count) & 7);
    for (int shift = 24; shift >= 0; shift -= 8)
        put(&writer->bits, adler >> shift & 255, 8);
    return 0;
}

int seqsave_encode(const seqsave_picture *picture, int row_filter, int grey, seqsave_stream *stream)
{
    size_t line = picture->length + 1, raw = line * picture->height;
    size_t batch = line < BLOCK ? BLOCK / line : 1;
    if (batch > picture->height)
        batch = picture->height;
    struct writer writer = {.loops = LOOPS[seqsave_level()], .stream = stream, .room = raw / 8 * 5 + 4096};
    struct rows rows;
    uint8_t *buffer = malloc((batch + 1) * line + 16);
    int failed = open_rows(&rows, picture, writer.loops);
    writer.codes = malloc(sizeof *writer.codes);
    if (grey) {
        writer.grey = new_grey(batch, line, picture->wide);
        failed = failed || writer.grey == NULL;
    }
    stream->data = malloc(writer.room);
    if (!failed && buffer != NULL && writer.codes != NULL && stream->data != NULL) {
        writer.bits.to = stream->data;
        put(&writer.bits, 0x0178, 16);
        failed = encode_rows(&writer, &rows, row_filter, buffer, batch);
        stream->size = (size_t)(writer.bits.to - stream->data);
    } else {
        failed = -1;
    }
    close_rows(&rows);
    free(buffer);
    free(writer.codes);
    free(writer.grey);
    if (failed) {
        free(stream->data);
        stream->data = NULL;
    }
    return failed;
}

/* --- a look at some rows -------------------------------------------------------------------------------------------- */

/* Bands of at least three rows, spread over the picture: neighbours may repeat each other. */
struct bands {
    size_t rows;
    size_t number;
    size_t size; /* of all */
};

static struct bands bands_of(const seqsave_picture *picture, size_t bytes, size_t band)
{
    size_t line = picture->length + 1, rows = band / line < 3 ? 3 : band / line;
    rows = picture->height < rows ? picture->height : rows;
    size_t number = bytes / (rows * line) < 4 ? 4 : bytes / (rows * line);
    if (number * rows > picture->height)
        number = picture->height / rows;
    return (struct bands){rows, number, number * rows * line};
}

/* `other` is a row, and tells that a row may be filtered with Up instead, for grey pixels; NULL if not. */
static void filter_band(struct rows *rows, const struct bands *bands, size_t band, int kind, uint8_t *out,
                        uint8_t *other)
{
    const seqsave_picture *picture = rows->picture;
    size_t top = (size_t)((2 * (uint64_t)band + 1) * picture->height / bands->number - bands->rows) / 2;
    for (size_t row = 0; row < bands->rows; row++, out += picture->length + 1)
        if (other)
            filter_grey_row(rows, top + row, row > 0, kind, out, other);
        else
            filter_row(rows, top + row, row > 0, kind, out);
}

/* Make the rows of a band that are filtered adaptively from those of every filter. */
static void choose_rows(const struct loops *loops, const struct bands *bands, size_t line, uint8_t *const *filtered)
{
    for (size_t at = 0; at < bands->rows * line; at += line) {
        uint64_t least = UINT64_MAX;
        const uint8_t *best = NULL;
        for (int i = 0; i < SEQSAVE_FILTERS; i++) {
            const uint8_t *row = filtered[TRIED[i]] + at;
            uint64_t weight = loops->weight(row + 1, line - 1);
            best = weight < least ? row : best;
            least = weight < least ? weight : least;
        }
        memcpy(filtered[SEQSAVE_ADAPTIVE] + at, best, line);
    }
}

int seqsave_survey(const seqsave_picture *picture, size_t bytes, unsigned kinds, double ratios[SEQSAVE_KINDS])
{
    const struct loops *loops = LOOPS[seqsave_level()];
    struct bands bands = bands_of(picture, bytes, 0);
    size_t size = bands.size / bands.number;
    uint32_t counts[SEQSAVE_KINDS][SYMBOLS];
    uint8_t lengths[SYMBOLS], *filtered[SEQSAVE_KINDS];
    struct rows rows;
    uint8_t *buffer = malloc(SEQSAVE_KINDS * (size + 16));
    int failed = open_rows(&rows, picture, loops) || buffer == NULL;
    int is_adaptive = kinds >> SEQSAVE_ADAPTIVE & 1;
    memset(counts, 0, sizeof counts);
    for (int kind = 0; !failed && kind < SEQSAVE_KINDS; kind++)
        filtered[kind] = buffer + (size_t)kind * (size + 16) + 8;
    for (size_t band = 0; !failed && band < bands.number; band++)
        for (int kind = 0; kind < SEQSAVE_KINDS; kind++) {
            if (!(kinds >> kind & 1) && !is_adaptive)
                continue;
            if (kind == SEQSAVE_ADAPTIVE)
                choose_rows(loops, &bands, picture->length + 1, filtered);
            else
                filter_band(&rows, &bands, band, kind, filtered[kind], NULL);
            filtered[kind][-1] = (uint8_t)~filtered[kind][0];
            if (kinds >> kind & 1)
                loops->count(filtered[kind], size, counts[kind]);
        }
    for (int kind = 0; kind < SEQSAVE_KINDS; kind++) {
        ratios[kind] = 1;
        if (!(kinds >> kind & 1))
            continue;
        make_codes(counts[kind], lengths);
        ratios[kind] = (double)cost(counts[kind], lengths) / 8 / (double)bands.size;
    }
    close_rows(&rows);
    free(buffer);
    return failed ? -1 : 0;
}

/* Count the pixels of three equal samples in filtered rows. */
static size_t grey_pixels(const uint8_t *data, size_t size, size_t line, size_t step)
{
    size_t sample = step / 3, number = 0;
    for (const uint8_t *row = data; row < data + size; row += line)
        for (const uint8_t *pixel = row + 1; pixel < row + line; pixel += step) {
            int differs = 0;
            for (size_t i = 0; i < 2 * sample; i++)
                differs |= pixel[i] ^ pixel[i + sample];
            number += differs == 0;
        }
    return number;
}

int seqsave_survey_grey(const seqsave_picture *picture, size_t bytes, int row_filter, double *ratio)
{
    const struct loops *loops = LOOPS[seqsave_level()];
    struct bands bands = bands_of(picture, bytes, 0);
    size_t line = picture->length + 1, band_size = bands.rows * line;
    size_t pixels = 0, size = 0, apart = bands.number < 4 ? 1 : bands.number / 4;
    uint32_t numbers[NUMBERS] = {0};
    uint8_t lengths[SYMBOLS], distances[DISTANCES];
    struct rows rows;
    struct grey *grey = NULL;
    uint8_t *data = malloc(band_size + line + 8);
    int failed = open_rows(&rows, picture, loops) || data == NULL;
    *ratio = 1;
    for (size_t band = 0; !failed && band < bands.number; band += apart, size += band_size) {
        filter_band(&rows, &bands, band, row_filter, data, data + band_size);
        pixels += grey_pixels(data, band_size, line, picture->step);
    }
    /* In photographs it is a fifth by chance, and in frames of videos at least two fifths. */
    if (!failed && pixels * picture->step >= size / 10 * 3) {
        grey = new_grey(bands.rows, line, picture->wide);
        failed = grey == NULL;
    }
    size = 0;
    /* First each second band, uncounted: in the whole picture, most units have been there before. */
    for (size_t number = 0; !failed && grey && number < bands.number; number++) {
        size_t before = (bands.number + 1) / 2, band = number < before ? 2 * number : 2 * (number - before) + 1;
        filter_band(&rows, &bands, band, row_filter, data, data + band_size);
        loops->find_grey(data, bands.rows, line, picture->wide, grey);
        if (number < before && bands.number > 1)
            continue;
        loops->count_grey(grey, COUNTED, numbers);
        size += band_size;
    }
    if (!failed && size)
        *ratio = (double)make_grey_codes(numbers, lengths, distances) / 8 / (double)size;
    close_rows(&rows);
    free(grey);
    free(data);
    return failed ? -1 : 0;
}

int seqsave_sample(const seqsave_picture *picture, size_t bytes, size_t band_bytes, int row_filter,
                   seqsave_stream *sample)
{
    struct bands bands = bands_of(picture, bytes, band_bytes);
    struct rows rows;
    int failed = open_rows(&rows, picture, LOOPS[seqsave_level()]);
    sample->data = malloc(bands.size);
    sample->size = bands.size;
    failed = failed || sample->data == NULL;
    for (size_t band = 0; !failed && band < bands.number; band++)
        filter_band(&rows, &bands, band, row_filter, sample->data + band * (bands.size / bands.number), NULL);
    close_rows(&rows);
    if (failed) {
        free(sample->data);
        sample->data = NULL;
    }
    return failed ? -1 : 0;
}

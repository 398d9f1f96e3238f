/* Filter the rows of a picture and compress them to a zlib stream.

   Sources: RFC 1950 and 1951, and the PNG specification, third edition, section 9. Filtered photographs hold nearly no
   repeated strings, so that searching for them is a waste: here each byte gets its Huffman code, two at a time, and
   only runs of one byte become matches, at distance 1. The codes of each block are made from an eighth of its bytes. */
#include "encode.h"

#include <stdlib.h>
#include <string.h>

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
    SYMBOLS = 286,
    LONGEST = 258,
    MOST_BITS = 13, /* four codes, or two pairs, fit into 64 bits behind the 7 that may wait there */
    BLOCK = 1 << 17,
    PART = 1 << 10, /* bytes of a block that are counted, of SPACING */
    SPACING = 1 << 13,
    HEADER_MOST = 512,
};

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

struct loops {
    void (*filter)(const uint8_t *row, const uint8_t *above, size_t length, size_t step, int kind, uint8_t *out);
    void (*swap)(const uint8_t *row, size_t length, uint8_t *out);
    uint32_t (*adler)(uint32_t adler, const uint8_t *data, size_t size);
    size_t (*count)(const uint8_t *data, size_t size, uint32_t *counts);
    void (*fill)(const uint32_t *single, uint32_t *pairs);
    void (*pack)(const uint8_t *data, size_t size, const struct codes *codes, int mostly_wide, struct bits *bits);
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

/* --- Huffman codes -------------------------------------------------------------------------------------------------- */

/* Sort numbers by what is above their lower 16 bits, 8 bits at a time. */
static void sort(uint64_t *leaves, int size)
{
    uint64_t others[SYMBOLS], *from = leaves, *to = others;
    uint64_t every = 0;
    for (int i = 0; i < size; i++)
        every |= leaves[i];
    for (int shift = 16; shift < 48 && every >> shift; shift += 8) {
        int starts[256] = {0};
        for (int i = 0; i < size; i++)
            starts[from[i] >> shift & 255]++;
        for (int i = 0, start = 0; i < 256; i++) {
            int number = starts[i];
            starts[i] = start;
            start += number;
        }
        for (int i = 0; i < size; i++)
            to[starts[from[i] >> shift & 255]++] = from[i];
        uint64_t *last = from;
        from = to;
        to = last;
    }
    if (from != leaves)
        memcpy(leaves, from, (size_t)size * sizeof *leaves);
}

/* Set the length of each symbol's code, 0 for a count of 0. At least two counts must be positive. */
static void code_lengths(const uint32_t *counts, int symbols, int most, uint8_t *lengths)
{
    uint64_t leaves[SYMBOLS]; /* how often it occurs, above the symbol */
    uint64_t weights[2 * SYMBOLS];
    uint16_t parents[2 * SYMBOLS];
    uint8_t depths[2 * SYMBOLS];
    int number[64] = {0};
    int used = 0;
    for (int symbol = 0; symbol < symbols; symbol++) {
        lengths[symbol] = 0;
        if (counts[symbol])
            leaves[used++] = (uint64_t)counts[symbol] << 16 | (unsigned)symbol;
    }
    sort(leaves, used);
    for (int i = 0; i < used; i++)
        weights[i] = leaves[i] >> 16;
    /* Leaves by weight, then the nodes that join the two lightest, whose weights rise as well. */
    int leaf = 0, inner = used;
    for (int made = used; made < 2 * used - 1; made++) {
        weights[made] = 0;
        for (int child = 0; child < 2; child++) {
            int lighter = leaf < used && (inner >= made || weights[leaf] <= weights[inner]) ? leaf++ : inner++;
            weights[made] += weights[lighter];
            parents[lighter] = (uint16_t)made;
        }
    }
    if (used < 2)
        return;
    depths[2 * used - 2] = 0;
    for (int node = 2 * used - 3; node >= 0; node--) {
        depths[node] = (uint8_t)(depths[parents[node]] + 1 < 63 ? depths[parents[node]] + 1 : 63);
        if (node < used)
            number[depths[node] < most ? depths[node] : most]++;
    }
    /* Codes cut to the most bits take more room than there is: the longest of the others make place for them. */
    int64_t room = (int64_t)1 << most;
    for (int bits = 1; bits <= most; bits++)
        room -= (int64_t)number[bits] << (most - bits);
    while (room < 0) {
        int bits = most - 1;
        while (number[bits] == 0)
            bits--;
        number[bits]--;
        number[bits + 1]++;
        room += (int64_t)1 << (most - bits - 1);
    }
    /* And what is left over goes to the most frequent ones that it suffices for. */
    for (int bits = 2; bits <= most && room > 0; bits++)
        while (number[bits] && room >= (int64_t)1 << (most - bits)) {
            number[bits]--;
            number[bits - 1]++;
            room -= (int64_t)1 << (most - bits);
        }
    for (int bits = most, i = 0; bits > 0; bits--)
        for (int each = number[bits]; each > 0; each--)
            lengths[leaves[i++] & 0xffff] = (uint8_t)bits;
}

static uint32_t reversed(uint32_t code, int bits)
{
    uint32_t other = 0;
    for (int bit = 0; bit < bits; bit++)
        other |= (code >> bit & 1) << (bits - 1 - bit);
    return other;
}

/* Set code << 6 | bits for each symbol, the code with its first bit lowest. */
static void code_values(const uint8_t *lengths, int symbols, uint32_t *entries)
{
    uint32_t next[17] = {0};
    int number[16] = {0};
    for (int symbol = 0; symbol < symbols; symbol++)
        number[lengths[symbol]]++;
    number[0] = 0;
    for (int bits = 1; bits < 16; bits++)
        next[bits + 1] = (next[bits] + (uint32_t)number[bits]) << 1;
    for (int symbol = 0; symbol < symbols; symbol++) {
        int bits = lengths[symbol];
        entries[symbol] = bits ? reversed(next[bits]++, bits) << 6 | (uint32_t)bits : 0;
    }
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

/* Write the start of a block with its codes: RFC 1951, section 3.2.7. */
static void start_block(struct writer *writer)
{
    static const uint8_t ORDER[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[SYMBOLS + 1], symbols[SYMBOLS + 1], extra[SYMBOLS + 1], own[19];
    uint32_t counts[19] = {0}, entries[19];
    struct bits *bits = &writer->bits;
    memcpy(lengths, writer->codes->lengths, SYMBOLS);
    lengths[SYMBOLS] = 1; /* the distance */
    int used = 0;
    for (int i = 0; i < SYMBOLS + 1;) {
        int run = 1, most = lengths[i] ? 7 : 138;
        while (i + run < SYMBOLS + 1 && lengths[i + run] == lengths[i] && run < most)
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
    put(bits, 0, 5);
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
        start_block(writer);
    }
    writer->loops->pack(data, size, writer->codes, wide * 8 > counted / 6, &writer->bits);
    return 0;
}

/* --- pictures ------------------------------------------------------------------------------------------------------- */

/* Filtered rows; `above` is the row before, in the byte order of the file. */
struct rows {
    const seqsave_picture *picture;
    const struct loops *loops;
    uint8_t *zeros;   /* a row */
    uint8_t *swapped; /* two rows, if wide */
};

static int open_rows(struct rows *rows, const seqsave_picture *picture, const struct loops *loops)
{
    rows->picture = picture;
    rows->loops = loops;
    rows->swapped = NULL;
    rows->zeros = calloc(picture->length, 1);
    if (rows->zeros == NULL)
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
    rows->loops->filter(here, above, length, picture->step, row == 0 && kind == SEQSAVE_UP ? SEQSAVE_SUB : kind, out);
}

static int encode_rows(struct writer *writer, struct rows *rows, int kind, uint8_t *buffer, size_t batch)
{
    const seqsave_picture *picture = rows->picture;
    uint8_t *filtered = buffer + 8;
    uint32_t adler = 1;
    filtered[-1] = 1; /* before the first byte, which is the number of a filter: no run may begin there */
    for (size_t top = 0; top < picture->height; top += batch) {
        size_t some = picture->height - top < batch ? picture->height - top : batch;
        size_t size = some * (picture->length + 1);
        for (size_t row = 0; row < some; row++)
            filter_row(rows, top + row, 1, kind, filtered + row * (picture->length + 1));
        if (top == 0)
            filtered[-1] = (uint8_t)~filtered[0];
        adler = writer->loops->adler(adler, filtered, size);
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

int seqsave_encode(const seqsave_picture *picture, int row_filter, seqsave_stream *stream)
{
    size_t line = picture->length + 1, raw = line * picture->height;
    size_t batch = line < BLOCK ? BLOCK / line : 1;
    if (batch > picture->height)
        batch = picture->height;
    struct writer writer = {.loops = LOOPS[seqsave_level()], .stream = stream, .room = raw / 8 * 5 + 4096};
    struct rows rows;
    uint8_t *buffer = malloc(batch * line + 16);
    int failed = open_rows(&rows, picture, writer.loops);
    writer.codes = malloc(sizeof *writer.codes);
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
    if (failed) {
        free(stream->data);
        stream->data = NULL;
    }
    return failed;
}

/* --- a look at some rows -------------------------------------------------------------------------------------------- */

/* Bands of three rows, spread over the picture: neighbours may repeat each other. */
struct bands {
    size_t rows;
    size_t number;
    size_t size; /* of all */
};

static struct bands bands_of(const seqsave_picture *picture, size_t bytes)
{
    size_t line = picture->length + 1, rows = picture->height < 3 ? picture->height : 3;
    size_t number = bytes / (rows * line) < 4 ? 4 : bytes / (rows * line);
    if (number * rows > picture->height)
        number = picture->height / rows;
    return (struct bands){rows, number, number * rows * line};
}

static void filter_band(struct rows *rows, const struct bands *bands, size_t band, int kind, uint8_t *out)
{
    const seqsave_picture *picture = rows->picture;
    size_t top = (size_t)((2 * (uint64_t)band + 1) * picture->height / bands->number - bands->rows) / 2;
    for (size_t row = 0; row < bands->rows; row++)
        filter_row(rows, top + row, row > 0, kind, out + row * (picture->length + 1));
}

int seqsave_survey(const seqsave_picture *picture, size_t bytes, unsigned kinds, double ratios[SEQSAVE_FILTERS])
{
    const struct loops *loops = LOOPS[seqsave_level()];
    struct bands bands = bands_of(picture, bytes);
    uint32_t counts[SEQSAVE_FILTERS][SYMBOLS];
    uint8_t lengths[SYMBOLS];
    struct rows rows;
    uint8_t *buffer = malloc(bands.size / bands.number + 16), *filtered = buffer + 8;
    int failed = open_rows(&rows, picture, loops) || buffer == NULL;
    memset(counts, 0, sizeof counts);
    for (size_t band = 0; !failed && band < bands.number; band++)
        for (int kind = 0; kind < SEQSAVE_FILTERS; kind++) {
            if (!(kinds >> kind & 1))
                continue;
            filter_band(&rows, &bands, band, kind, filtered);
            filtered[-1] = (uint8_t)~filtered[0];
            loops->count(filtered, bands.size / bands.number, counts[kind]);
        }
    for (int kind = 0; kind < SEQSAVE_FILTERS; kind++) {
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

int seqsave_sample(const seqsave_picture *picture, size_t bytes, int row_filter, seqsave_stream *sample)
{
    struct bands bands = bands_of(picture, bytes);
    struct rows rows;
    int failed = open_rows(&rows, picture, LOOPS[seqsave_level()]);
    sample->data = malloc(bands.size);
    sample->size = bands.size;
    failed = failed || sample->data == NULL;
    for (size_t band = 0; !failed && band < bands.number; band++)
        filter_band(&rows, &bands, band, row_filter, sample->data + band * (bands.size / bands.number));
    close_rows(&rows);
    if (failed) {
        free(sample->data);
        sample->data = NULL;
    }
    return failed ? -1 : 0;
}

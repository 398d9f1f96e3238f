/* Unpack zlib streams that have few matches, as those of filtered photographs, in two thirds of the time of decoders that
   are made for all streams, or less.

   Sources: RFC 1950 and 1951. A decoder waits for the end of each code before it can look the next one up. So here two of
   them work on a block at the same time: `near` at its place, and `far` some bytes ahead, perhaps in the middle of a code.
   What far decodes first is wrong, until it happens to meet the start of a code, which with Huffman codes takes a few of
   them. Then it begins to keep what it makes. It does not know the bytes that matches copy; so both make literals, and
   matches that are copied later. If near arrives exactly where far began, far's work is the next part of the stream; if it
   does not, far's work is dropped. Nothing has to be assumed for that: from one place in a block there is only one way to
   decode.

   What holds for any stream, and any change of it by another thread:
   - input is read by refill(), which looks for the end, and by refill_fast(), in loops that end 8 bytes before it;
   - literals and matches go to arrays that are larger than what so few bytes of input can make (see SPAN);
   - out is written to by emit() and stored() only, which compare each size with the room;
   - each step takes at least one bit, and no step starts a byte behind the end. */
#include "inflate.h"

#include <stdlib.h>
#include <string.h>

#include "encode.h"

#if defined(__GNUC__) || defined(__clang__)
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))
#define SEQSAVE_LITTLE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
#else
#define INLINE static __forceinline
#define NOINLINE static __declspec(noinline)
#define SEQSAVE_LITTLE 1
#endif

#ifndef SEQSAVE_AHEAD
#define SEQSAVE_AHEAD 2048 /* a test has less, so that short streams have two decoders too */
#endif

#ifndef SEQSAVE_ASSERT
#define SEQSAVE_ASSERT(condition) /* where a test compares what is stated above */
#endif

enum {
    MOST_LETTERS = 288, /* the bytes, END, and lengths of matches */
    ALLOWED_LETTERS = 286,
    END = 256,
    LAST_LENGTH = 285,
    MOST_DISTANCES = 32,
    ALLOWED_DISTANCES = 30,
    ORDERS = 19, /* how many codes there are for lengths of codes */
    LONGEST_CODE = 15,
    BITS = 13,     /* of codes that a table finds: refill() gives four, and seqsave writes no longer ones */
    FEW_BITS = 10, /* for blocks that are too small for a large table */
    DISTANCE_BITS = 9,
    ORDER_BITS = 7,
    LARGE = 48 * 1024, /* bytes made of a block for which a large table is worth its time */
    SMALL = 8 * 1024,  /* other decoders take less time for blocks that are smaller than this */
    FEW = 256,         /* matches, of 32768 codes */
    LEAST = 1 << 16,   /* bytes of a stream for which two decoders are worth their time */
    AHEAD = SEQSAVE_AHEAD, /* bytes from near to far, and that far decodes */
    SEARCH = 40,       /* bytes in which far looks for the start of a code */
    STEP = 13,         /* bytes that a turn of a loop takes at most: 4 * BITS + 48 bits */
    MOST_LOST = 4,     /* how often far may fail in a block */
    /* Bytes of input that a decoder takes in one turn at most: AHEAD and SEARCH, up to three steps at borders, 8 bytes
       that wait, and 16 at the end of the stream. A literal has one bit or more, a match two or more. */
    SPAN = AHEAD + SEARCH + 3 * STEP + 32,
    LITERALS = 8 * SPAN,
    MATCHES = 4 * SPAN,
};

enum state { GOING, ENDED, WRONG };

/* A Huffman code. `first` has, for the next bits of the input, a letter << 4 | the bits of its code; 0 if it is longer. */
struct code {
    uint16_t counts[LONGEST_CODE + 1], sorted[MOST_LETTERS];
    uint16_t first[1 << BITS];
    int bits;
    uint32_t mask, next, known; /* the first code of one bit more, and how many are shorter */
};

/* What the next bits of the input are, for literals: the bits of up to three codes, how many << 6, and the bytes << 8. It is
   0 where the next code is longer or no literal. */
struct block {
    uint32_t literals[1 << BITS], single[1 << BITS]; /* single: the same for one code */
    uint32_t mask;
    struct code letters, distances;
};

struct input {
    const uint8_t *at, *end;
    uint64_t held; /* the next bits: `count` of them, and behind them parts of the next byte or zeros */
    uint32_t count;
    uint32_t behind; /* bytes of those that are held which are behind the end, as zeros */
};

struct match {
    const uint8_t *literal; /* the first one behind it */
    uint16_t length, distance;
};

/* `literals` has four more bytes, since the fast loops write so many at once. */
struct decoder {
    struct input in;
    uint8_t *literal;
    struct match *match;
    uint8_t literals[LITERALS + 4];
    struct match matches[MATCHES];
};

struct inflater {
    struct decoder near, far;
    struct block block;
    struct code orders;
    const uint8_t *begin; /* of the stream */
    uint8_t *out, *to, *limit;
    size_t window;
    uint32_t adler;
    int lost;
};

static const uint16_t LENGTH_BASE[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
                                       31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t LENGTH_EXTRA[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t DISTANCE_BASE[] = {1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
                                         193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
static const uint8_t DISTANCE_EXTRA[] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
                                         6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

/* --- input ---------------------------------------------------------------------------------------------------------- */

INLINE uint64_t load(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return value;
}

/* Make 56 or more bits wait. At least 8 bytes must be left. */
INLINE void refill_fast(struct input *in)
{
    SEQSAVE_ASSERT(in->end - in->at >= 8 && in->count < 64);
    in->held |= load(in->at) << in->count;
    in->at += (63 - in->count) >> 3;
    in->count |= 56;
}

/* The same anywhere; behind the end of the stream there are zeros. Return whether bits of the stream were left. */
INLINE int refill(struct input *in)
{
    if (in->end - in->at >= 8) {
        refill_fast(in);
        return 1;
    }
    for (; in->count < 56; in->count += 8)
        if (in->at < in->end)
            in->held |= (uint64_t)*in->at++ << in->count;
        else
            in->behind++;
    return in->count > 8 * in->behind;
}

INLINE void drop(struct input *in, uint32_t count)
{
    SEQSAVE_ASSERT(count <= in->count);
    in->held >>= count;
    in->count -= count;
}

/* Return the next bits, at most 16. */
INLINE uint32_t take(struct input *in, uint32_t count)
{
    uint32_t value = (uint32_t)in->held & ((1u << count) - 1);
    drop(in, count);
    return value;
}

/* Return where the next bit is. Not for the end of a stream. */
INLINE uint64_t place(const struct input *in, const uint8_t *begin)
{
    return 8 * (uint64_t)(in->at - begin) - in->count;
}

/* Go to the next whole byte, and hold no bits. Return whether it is still one of the stream, or its end. */
static int align(struct input *in)
{
    uint32_t bytes = in->count / 8;
    if (bytes < in->behind)
        return 0;
    in->at -= bytes - in->behind;
    in->held = in->count = in->behind = 0;
    return 1;
}

/* Return a byte that is not read again, since it may have changed then. */
INLINE uint32_t once(const uint8_t *from)
{
    return *(const volatile uint8_t *)from;
}

/* --- codes ---------------------------------------------------------------------------------------------------------- */

static uint32_t reversed(uint32_t code, int bits)
{
    code = (code & 0x5555) << 1 | (code >> 1 & 0x5555);
    code = (code & 0x3333) << 2 | (code >> 2 & 0x3333);
    code = (code & 0x0f0f) << 4 | (code >> 4 & 0x0f0f);
    return ((code & 0xff) << 8 | code >> 8) >> (16 - bits);
}

/* Make the code of which each letter has so many bits. Return how many of 2^15 places are left, or -1 if there are more
   codes than places. */
static int make_code(struct code *code, const uint8_t *lengths, int letters, int bits)
{
    uint16_t next[LONGEST_CODE + 1], sum = 0;
    int left = 1 << LONGEST_CODE;
    memset(code->counts, 0, sizeof code->counts);
    for (int i = 0; i < letters; i++)
        code->counts[lengths[i]]++;
    code->counts[0] = 0;
    for (int length = 1; length <= LONGEST_CODE; length++) {
        left -= code->counts[length] << (LONGEST_CODE - length);
        next[length] = sum;
        sum = (uint16_t)(sum + code->counts[length]);
    }
    if (left < 0)
        return -1;
    for (int i = 0; i < letters; i++)
        if (lengths[i])
            code->sorted[next[lengths[i]]++] = (uint16_t)i;
    /* The table of one more bit is twice that of the shorter codes, with codes of so many bits where it has none. */
    const uint16_t *sorted = code->sorted;
    uint32_t value = 0;
    code->first[0] = 0;
    code->mask = (1u << bits) - 1;
    for (int length = 1; length <= bits; length++, value <<= 1) {
        memcpy(code->first + ((size_t)1 << (length - 1)), code->first, sizeof *code->first << (length - 1));
        for (int i = 0; i < code->counts[length]; i++)
            code->first[reversed(value++, length)] = (uint16_t)(*sorted++ << 4 | length);
    }
    code->bits = bits;
    code->next = value;
    code->known = (uint32_t)(sorted - code->sorted);
    return left;
}

/* Return the letter << 4 | its bits of a code that is not in the table, or 0 if no code starts like this. */
NOINLINE uint32_t longer(const struct code *code, uint64_t held)
{
    uint32_t value = reversed((uint32_t)held & code->mask, code->bits), first = code->next, before = code->known;
    held >>= code->bits;
    for (int length = code->bits + 1; length <= LONGEST_CODE; length++, held >>= 1) {
        value = value << 1 | (uint32_t)(held & 1);
        uint32_t count = code->counts[length];
        if (value - first < count)
            return (uint32_t)code->sorted[before + value - first] << 4 | (uint32_t)length;
        before += count;
        first = (first + count) << 1;
    }
    return 0;
}

INLINE uint32_t find(const struct code *code, uint64_t held)
{
    uint32_t found = code->first[held & code->mask];
    return found ? found : longer(code, held);
}

/* Put up to three literals into each place of the table. A place without one stays 0, and so does what is added to it. */
static void make_literals(struct block *block, uint32_t bits)
{
    uint32_t *single = block->single;
    const uint32_t mask = block->mask = block->letters.mask;
    for (uint32_t i = 0; i <= mask; i++) {
        uint32_t found = block->letters.first[i], entry = found >> 4 << 8 | 1 << 6 | (found & 15);
        single[i] = found && found >> 4 < END ? entry : 0;
    }
    for (uint32_t i = 0; i <= mask; i++) {
        uint32_t entry = single[i], used = entry & 15;
        uint32_t second = single[i >> used], fits = used + (second & 15) <= bits;
        second &= 0 - fits;
        used += second & 15;
        uint32_t third = single[i >> used];
        fits = used + (third & 15) <= bits;
        third &= 0 - fits;
        block->literals[i] = entry + (second & 127) + ((second & 0xff00) << 8) + (third & 127) + ((third & 0xff00) << 16);
    }
}

/* --- decoding ------------------------------------------------------------------------------------------------------- */

static void start(struct decoder *decoder)
{
    decoder->literal = decoder->literals;
    decoder->match = decoder->matches;
}

/* Decode one letter, with all of its match. */
NOINLINE enum state step(const struct block *block, struct decoder *decoder)
{
    struct input *in = &decoder->in;
    if (!refill(in))
        return WRONG;
    uint32_t found = find(&block->letters, in->held), letter = found >> 4;
    if (found == 0)
        return WRONG;
    drop(in, found & 15);
    if (letter < END) {
        SEQSAVE_ASSERT(decoder->literal < decoder->literals + LITERALS);
        *decoder->literal++ = (uint8_t)letter;
        return GOING;
    }
    if (letter == END)
        return ENDED;
    if (letter > LAST_LENGTH)
        return WRONG;
    letter -= END + 1;
    uint32_t length = LENGTH_BASE[letter] + take(in, LENGTH_EXTRA[letter]);
    found = find(&block->distances, in->held);
    letter = found >> 4;
    if (found == 0 || letter >= ALLOWED_DISTANCES)
        return WRONG;
    drop(in, found & 15);
    uint32_t distance = DISTANCE_BASE[letter] + take(in, DISTANCE_EXTRA[letter]);
    SEQSAVE_ASSERT(decoder->match < decoder->matches + MATCHES);
    *decoder->match++ = (struct match){decoder->literal, (uint16_t)length, (uint16_t)distance};
    return GOING;
}

/* The next up to three literals, of a decoder whose `in` and `literal` are copies that the compiler keeps in registers. */
INLINE uint32_t look(const struct block *block, uint32_t mask, struct input *in, uint8_t **literal)
{
    uint32_t entry = block->literals[in->held & mask], bytes = entry >> 8;
    memcpy(*literal, &bytes, sizeof bytes);
    *literal += entry >> 6 & 3;
    in->held >>= entry & 63;
    in->count -= entry & 63;
    return entry;
}

/* Decode until the input is at `limit`, 8 bytes or more before its end, and up to STEP bytes further. */
NOINLINE enum state alone(const struct block *block, struct decoder *decoder, const uint8_t *limit)
{
    struct input in = decoder->in;
    uint8_t *literal = decoder->literal;
    enum state state = GOING;
    const uint32_t mask = block->mask;
    while (in.at < limit && state == GOING) {
        refill_fast(&in);
        look(block, mask, &in, &literal);
        look(block, mask, &in, &literal);
        look(block, mask, &in, &literal);
        if (look(block, mask, &in, &literal))
            continue;
        decoder->in = in;
        decoder->literal = literal;
        state = step(block, decoder);
        in = decoder->in;
        literal = decoder->literal;
    }
    decoder->in = in;
    decoder->literal = literal;
    SEQSAVE_ASSERT(literal <= decoder->literals + LITERALS);
    return state;
}

/* Do the same with two decoders, until one of them is at its limit or has met something else than literals and matches.
   `states` gets what that was. */
NOINLINE void together(const struct block *block, struct decoder *near, const uint8_t *near_limit, struct decoder *far,
                       const uint8_t *far_limit, enum state states[2])
{
    struct input one = near->in, two = far->in;
    uint8_t *to_one = near->literal, *to_two = far->literal;
    const uint32_t mask = block->mask;
    states[0] = states[1] = GOING;
    while (one.at < near_limit && two.at < far_limit) {
        refill_fast(&one);
        refill_fast(&two);
        look(block, mask, &one, &to_one);
        look(block, mask, &two, &to_two);
        look(block, mask, &one, &to_one);
        look(block, mask, &two, &to_two);
        look(block, mask, &one, &to_one);
        look(block, mask, &two, &to_two);
        uint32_t last = look(block, mask, &one, &to_one);
        if (!look(block, mask, &two, &to_two)) {
            far->in = two;
            far->literal = to_two;
            states[1] = step(block, far);
            two = far->in;
            to_two = far->literal;
        }
        if (!last) {
            near->in = one;
            near->literal = to_one;
            states[0] = step(block, near);
            one = near->in;
            to_one = near->literal;
        }
        if (states[0] != GOING || states[1] != GOING)
            break;
    }
    near->in = one;
    near->literal = to_one;
    far->in = two;
    far->literal = to_two;
    SEQSAVE_ASSERT(to_one <= near->literals + LITERALS && to_two <= far->literals + LITERALS);
}

/* --- output --------------------------------------------------------------------------------------------------------- */

/* Write what a decoder made. Return -1 if it is more than there is room for, or of bytes that do not exist. */
static int emit(struct inflater *inflater, const struct decoder *decoder)
{
    uint8_t *to = inflater->to;
    const uint8_t *literal = decoder->literals;
    for (const struct match *match = decoder->matches; match < decoder->match; match++) {
        size_t count = (size_t)(match->literal - literal), room = (size_t)(inflater->limit - to), left = match->length;
        if (count > room || left > room - count)
            return -1;
        memcpy(to, literal, count);
        to += count;
        literal += count;
        if (match->distance > (size_t)(to - inflater->out) || match->distance > inflater->window)
            return -1;
        /* A match may be longer than its distance: then it is repeated. */
        const uint8_t *from = to - match->distance;
        while (left) {
            size_t some = (size_t)(to - from) < left ? (size_t)(to - from) : left;
            memcpy(to, from, some);
            to += some;
            left -= some;
        }
    }
    size_t count = (size_t)(decoder->literal - literal);
    if (count > (size_t)(inflater->limit - to))
        return -1;
    memcpy(to, literal, count);
    to += count;
    inflater->adler = seqsave_adler(inflater->adler, inflater->to, (size_t)(to - inflater->to));
    inflater->to = to;
    return 0;
}

/* Copy a block that is not compressed. */
static int stored(struct inflater *inflater)
{
    struct input *in = &inflater->near.in;
    if (!align(in) || in->end - in->at < 4)
        return -1;
    const uint32_t size = once(in->at) | once(in->at + 1) << 8, check = once(in->at + 2) | once(in->at + 3) << 8;
    in->at += 4;
    if ((size ^ check) != 0xffff || size > (size_t)(in->end - in->at) || size > (size_t)(inflater->limit - inflater->to))
        return -1;
    memcpy(inflater->to, in->at, size);
    inflater->adler = seqsave_adler(inflater->adler, inflater->to, size);
    in->at += size;
    inflater->to += size;
    return 0;
}

/* --- blocks --------------------------------------------------------------------------------------------------------- */

/* Let far begin at a border behind near, and return where it is; 0 if there is none or too little input. */
static uint64_t begin_far(struct inflater *inflater)
{
    struct decoder *near = &inflater->near, *far = &inflater->far;
    if (inflater->lost == MOST_LOST || near->in.end - near->in.at <= 2 * AHEAD + SEARCH + 8)
        return 0;
    far->in = (struct input){.at = near->in.at + AHEAD, .end = near->in.end};
    start(far);
    enum state state = alone(&inflater->block, far, far->in.at + SEARCH);
    start(far);
    if (state == GOING)
        return place(&far->in, inflater->begin);
    inflater->lost++;
    return 0;
}

/* Decode and write the next part of a block, near with far. */
static enum state part_of_two(struct inflater *inflater, uint64_t border)
{
    struct decoder *near = &inflater->near, *far = &inflater->far;
    const struct block *block = &inflater->block;
    const uint8_t *near_limit = inflater->begin + border / 8 - STEP, *far_limit = near->in.at + 2 * AHEAD;
    enum state states[2];
    together(block, near, near_limit, far, far_limit, states);
    if (states[0] == GOING)
        states[0] = alone(block, near, near_limit);
    while (states[0] == GOING && place(&near->in, inflater->begin) < border)
        states[0] = step(block, near);
    if (states[0] == WRONG || emit(inflater, near))
        return WRONG;
    if (states[0] == ENDED)
        return ENDED;
    if (place(&near->in, inflater->begin) != border) {
        inflater->lost++;
        return GOING;
    }
    if (states[1] == GOING)
        states[1] = alone(block, far, far_limit);
    near->in = far->in;
    return states[1] == WRONG || emit(inflater, far) ? WRONG : states[1];
}

/* Decode and write the next part of a block. */
static enum state part(struct inflater *inflater)
{
    struct decoder *near = &inflater->near;
    start(near);
    const uint64_t border = begin_far(inflater);
    if (border)
        return part_of_two(inflater, border);
    const uint8_t *from = near->in.at, *last = near->in.end - from > 8 ? near->in.end - 8 : from;
    enum state state = alone(&inflater->block, near, last - from > AHEAD ? from + AHEAD : last);
    while (state == GOING && near->in.at >= last)
        state = step(&inflater->block, near);
    return state == WRONG || emit(inflater, near) ? WRONG : state;
}

/* Read how many bits the codes of a block's letters and distances have. Return 0, or -1 if they are wrong. */
static int read_lengths(struct inflater *inflater, uint8_t *lengths, int *letters, int *distances)
{
    static const uint8_t PLACES[ORDERS] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    struct input *in = &inflater->near.in;
    uint8_t of_orders[ORDERS] = {0};
    refill(in);
    *letters = 257 + (int)take(in, 5);
    *distances = 1 + (int)take(in, 5);
    int orders = 4 + (int)take(in, 4), number = *letters + *distances;
    if (*letters > ALLOWED_LETTERS || *distances > ALLOWED_DISTANCES)
        return -1;
    for (int i = 0; i < orders; i++) {
        refill(in);
        of_orders[PLACES[i]] = (uint8_t)take(in, 3);
    }
    if (make_code(&inflater->orders, of_orders, ORDERS, ORDER_BITS) != 0)
        return -1;
    for (int i = 0; i < number;) {
        if (!refill(in))
            return -1;
        uint32_t found = find(&inflater->orders, in->held), order = found >> 4;
        drop(in, found & 15);
        if (found == 0 || (order == 16 && i == 0))
            return -1;
        if (order < 16) {
            lengths[i++] = (uint8_t)order;
            continue;
        }
        int again = order == 16 ? 3 + (int)take(in, 2) : order == 17 ? 3 + (int)take(in, 3) : 11 + (int)take(in, 7);
        if (again > number - i)
            return -1;
        memset(lengths + i, order == 16 ? lengths[i - 1] : 0, (size_t)again);
        i += again;
    }
    return 0;
}

/* Read the codes of a block. Return 0; 1 if other decoders are as fast with it; or -1 if they are wrong. */
static int read_codes(struct inflater *inflater, int is_fixed, int bits, int always)
{
    struct block *block = &inflater->block;
    uint8_t lengths[MOST_LETTERS + MOST_DISTANCES];
    int letters = MOST_LETTERS, distances = MOST_DISTANCES, matches = 0;
    if (is_fixed) {
        for (int i = 0; i < MOST_LETTERS; i++)
            lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
        memset(lengths + MOST_LETTERS, 5, MOST_DISTANCES);
    } else if (read_lengths(inflater, lengths, &letters, &distances))
        return -1;
    if (lengths[END] == 0)
        return -1;
    for (int i = END + 1; i < letters; i++)
        matches += lengths[i] ? 1 << LONGEST_CODE >> lengths[i] : 0;
    if (!always && matches >= FEW)
        return 1;
    if (make_code(&block->letters, lengths, letters, bits) != 0)
        return -1;
    /* One distance has a code of one bit, and none has none: in both cases codes are left. */
    int left = make_code(&block->distances, lengths + letters, distances, DISTANCE_BITS);
    if (left < 0 || (left > 0 && left != 1 << LONGEST_CODE &&
                     !(left == 1 << (LONGEST_CODE - 1) && block->distances.counts[1] == 1)))
        return -1;
    make_literals(block, (uint32_t)bits);
    return 0;
}

/* Unpack all blocks. Return 0, or 1 if that is left to others. */
static int blocks(struct inflater *inflater, int always)
{
    struct input *in = &inflater->near.in;
    const size_t size = (size_t)(inflater->limit - inflater->out);
    size_t last = size, number = 0;
    for (int is_final = 0; !is_final; number++) {
        const uint8_t *from = inflater->to;
        const size_t made = (size_t)(from - inflater->out);
        if (!always && made < number * SMALL)
            return 1;
        if (!refill(in))
            return 1;
        is_final = (int)take(in, 1);
        uint32_t kind = take(in, 2);
        if (kind == 0) {
            if (stored(inflater))
                return 1;
            continue;
        }
        if (kind == 3)
            return 1;
        /* After a third, to begin again would take longer than what is left. */
        int failed = read_codes(inflater, kind == 1, last < LARGE ? FEW_BITS : BITS, always || made > size / 3);
        if (failed)
            return 1;
        enum state state = GOING;
        for (inflater->lost = 0; state == GOING;)
            state = part(inflater);
        if (state == WRONG)
            return 1;
        last = (size_t)(inflater->to - from);
    }
    if (inflater->to != inflater->limit || !align(in) || in->end - in->at < 4)
        return 1;
    uint32_t check = (uint32_t)in->at[0] << 24 | (uint32_t)in->at[1] << 16 | (uint32_t)in->at[2] << 8 | in->at[3];
    return check != inflater->adler;
}

int seqsave_inflate(const uint8_t *in, size_t length, uint8_t *out, size_t size, int always)
{
    if (!SEQSAVE_LITTLE || length < 2 || (!always && size < LEAST))
        return 1;
    const uint32_t head = once(in), flags = once(in + 1);
    if ((head & 15) != 8 || head >> 4 > 7 || (head << 8 | flags) % 31 || flags & 32)
        return 1;
    struct inflater *inflater = malloc(sizeof *inflater);
    if (inflater == NULL)
        return -1;
    inflater->near.in = (struct input){.at = in + 2, .end = in + length};
    inflater->begin = in;
    inflater->out = inflater->to = out;
    inflater->limit = out + size;
    inflater->window = (size_t)256 << (head >> 4);
    inflater->adler = 1;
    int failed = blocks(inflater, always);
    free(inflater);
    return failed;
}

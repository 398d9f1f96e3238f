/* Unpack random, changed and shortened streams, from and to memory of exactly their size, for sanitizers and valgrind, and
   compare what is accepted, and each byte, with what a decoder makes that reads one bit at a time. inflate.c is compiled
   into this file, to check the limits that it states.

   driver_inflate NUMBER SEED: prints a checksum of all results, which is the same on every processor. */
static void fail(const char *why);
#define SEQSAVE_ASSERT(condition) \
    do                            \
        if (!(condition))         \
            fail(#condition);     \
    while (0)
#include "inflate.c"

#include "driver.h"
#include "processor.h"

enum { MOST = 1 << 20, MOST_MADE = 1 << 18 };

/* --- a decoder that is as plain as can be ---------------------------------------------------------------------------- */

struct plain {
    const uint8_t *in;
    size_t bits, at, made;
    uint8_t *out;
    int failed;
};

static unsigned bits(struct plain *plain, int count)
{
    unsigned value = 0;
    for (int i = 0; i < count; i++, plain->at++) {
        if (plain->at >= plain->bits) {
            plain->failed = 1;
            return 0;
        }
        value |= (unsigned)(plain->in[plain->at / 8] >> plain->at % 8 & 1) << i;
    }
    return value;
}

/* The letters in the order of their codes, and how many of them have codes of each length. */
struct letters {
    int count[16], ordered[288];
};

static struct letters letters_of(const uint8_t *lengths, int number)
{
    struct letters made = {0};
    int ordered = 0;
    for (int length = 1; length <= 15; length++)
        for (int i = 0; i < number; i++)
            if (lengths[i] == length) {
                made.ordered[ordered++] = i;
                made.count[length]++;
            }
    return made;
}

static int next_letter(struct plain *plain, const struct letters *letters)
{
    int code = 0, first = 0, shorter = 0;
    for (int length = 1; length <= 15; length++) {
        code = code << 1 | (int)bits(plain, 1);
        if (plain->failed)
            return -1;
        first <<= 1;
        if (code >= first && code - first < letters->count[length])
            return letters->ordered[shorter + code - first];
        first += letters->count[length];
        shorter += letters->count[length];
    }
    plain->failed = 1;
    return -1;
}

/* Return how many of 2^15 places the codes leave. */
static int left_of(const uint8_t *lengths, int number)
{
    int left = 1 << 15;
    for (int i = 0; i < number; i++)
        left -= lengths[i] ? 1 << 15 >> lengths[i] : 0;
    return left;
}

static int plain_lengths(struct plain *plain, uint8_t *lengths, int *letters, int *distances)
{
    static const int PLACES[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t orders[19] = {0}, read[400];
    *letters = 257 + (int)bits(plain, 5);
    *distances = 1 + (int)bits(plain, 5);
    int count = 4 + (int)bits(plain, 4), made = 0;
    for (int i = 0; i < count; i++)
        orders[PLACES[i]] = (uint8_t)bits(plain, 3);
    if (plain->failed || *letters > 286 || *distances > 30 || left_of(orders, 19) != 0)
        return -1;
    const struct letters code = letters_of(orders, 19);
    while (made < *letters + *distances) {
        int order = next_letter(plain, &code), again = 1, value = order;
        if (order == 16) {
            if (made == 0)
                return -1;
            again = 3 + (int)bits(plain, 2);
            value = read[made - 1];
        } else if (order > 16) {
            again = order == 17 ? 3 + (int)bits(plain, 3) : 11 + (int)bits(plain, 7);
            value = 0;
        }
        if (plain->failed || made + again > *letters + *distances)
            return -1;
        for (; again; again--)
            read[made++] = (uint8_t)value;
    }
    memcpy(lengths, read, (size_t)*letters);
    memset(lengths + *letters, 0, (size_t)(288 - *letters));
    memcpy(lengths + 288, read + *letters, (size_t)*distances);
    int left = left_of(lengths + 288, *distances), ones = 0;
    for (int i = 0; i < *distances; i++)
        ones += lengths[288 + i] == 1;
    int is_allowed = left == 0 || left == 1 << 15 || (left == 1 << 14 && ones == 1);
    return is_allowed && lengths[256] && left_of(lengths, *letters) == 0 ? 0 : -1;
}

static int plain_block(struct plain *plain, int is_fixed, size_t window)
{
    uint8_t lengths[288 + 32];
    int letters = 288, distances = 32;
    for (int i = 0; i < 288 + 32; i++)
        lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : i < 288 ? 8 : 5;
    if (!is_fixed && plain_lengths(plain, lengths, &letters, &distances))
        return -1;
    const struct letters code = letters_of(lengths, letters), distance_code = letters_of(lengths + 288, distances);
    for (;;) {
        int letter = next_letter(plain, &code);
        if (plain->failed || letter > 285 || plain->made >= MOST_MADE)
            return -1;
        if (letter == 256)
            return 0;
        if (letter < 256) {
            plain->out[plain->made++] = (uint8_t)letter;
            continue;
        }
        unsigned length = LENGTH_BASE[letter - 257] + bits(plain, LENGTH_EXTRA[letter - 257]);
        int number = next_letter(plain, &distance_code);
        if (plain->failed || number > 29)
            return -1;
        unsigned distance = DISTANCE_BASE[number] + bits(plain, DISTANCE_EXTRA[number]);
        if (plain->failed || distance > plain->made || distance > window)
            return -1;
        for (; length; length--, plain->made++)
            plain->out[plain->made] = plain->out[plain->made - distance];
    }
}

/* Return 0 if all blocks of the stream are sound, and its checksum may begin at the next whole byte. */
static int plainly(struct plain *plain)
{
    unsigned head = bits(plain, 8), flags = bits(plain, 8), is_final = 0;
    if (plain->failed || (head & 15) != 8 || head > 0x78 || (head * 256 + flags) % 31 || flags & 32)
        return -1;
    while (!is_final) {
        is_final = bits(plain, 1);
        unsigned kind = bits(plain, 2);
        if (plain->failed || kind == 3)
            return -1;
        if (kind == 0) {
            plain->at = (plain->at + 7) / 8 * 8;
            unsigned size = bits(plain, 16), check = bits(plain, 16);
            if (plain->failed || (size ^ check) != 0xffff || size > (plain->bits - plain->at) / 8 ||
                plain->made + size > MOST_MADE)
                return -1;
            memcpy(plain->out + plain->made, plain->in + plain->at / 8, size);
            plain->at += 8 * (size_t)size;
            plain->made += size;
        } else if (plain_block(plain, kind == 1, (size_t)256 << (head >> 4)))
            return -1;
    }
    plain->at = (plain->at + 7) / 8 * 8;
    return plain->bits - plain->at < 32 ? -1 : 0;
}

/* --- random streams -------------------------------------------------------------------------------------------------- */

static uint8_t stream[MOST];
static size_t written; /* bits */

static void write(unsigned value, int count)
{
    for (int i = 0; i < count; i++, written++) {
        if (written % 8 == 0)
            stream[written / 8] = 0;
        stream[written / 8] |= (uint8_t)((value >> i & 1) << written % 8);
    }
}

/* Codes of 15 bits, of which each letter uses as many as its length, from the highest one on. */
struct codes {
    uint8_t lengths[288];
    unsigned of[288];
};

static struct codes codes_of(const uint8_t *lengths, int number)
{
    struct codes made = {0};
    unsigned code = 0;
    memcpy(made.lengths, lengths, (size_t)number);
    for (int length = 1; length <= 15; length++)
        for (int i = 0; i < number; i++)
            if (lengths[i] == length) {
                made.of[i] = code;
                code += 1u << 15 >> length;
            }
    return made;
}

static void write_letter(const struct codes *codes, int letter)
{
    for (int i = 0; i < codes->lengths[letter]; i++)
        write(codes->of[letter] >> (14 - i) & 1, 1);
}

/* Give random letters, of those that have a 1, codes of random lengths that leave no place. */
static void random_code(uint8_t *lengths, int number)
{
    uint8_t places[288] = {0};
    int used = 0, made = 1;
    for (int i = 0; i < number; i++)
        used += lengths[i];
    int most = 7 + (int)next(9), is_even = next(3) > 0;
    while (1 << most < used)
        most++;
    while (made < used) {
        int which = (int)next((uint32_t)made);
        for (int i = 0; is_even && i < 3; i++) {
            int other = (int)next((uint32_t)made);
            which = places[other] < places[which] ? other : which;
        }
        if (places[which] < most) {
            places[which]++;
            places[made++] = places[which];
        }
    }
    if (used == 1)
        places[0] = 1;
    for (int i = 0; i < number; i++)
        if (lengths[i])
            lengths[i] = places[--made];
}

static void write_lengths(const uint8_t *lengths, int letters, int distances)
{
    static const int PLACES[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t orders[19], all[320];
    memcpy(all, lengths, (size_t)letters);
    memcpy(all + letters, lengths + 288, (size_t)distances);
    for (int i = 0; i < 19; i++)
        orders[i] = i < 13 ? 4 : 5;
    const struct codes codes = codes_of(orders, 19);
    write((unsigned)letters - 257, 5);
    write((unsigned)distances - 1, 5);
    write(15, 4);
    for (int i = 0; i < 19; i++)
        write(orders[PLACES[i]], 3);
    if (next(60) == 0) { /* nothing is there that could be repeated */
        write_letter(&codes, 16);
        write(next(4), 2);
    }
    for (int i = 0, again; i < letters + distances; i += again) {
        int most = all[i] ? 6 : 138;
        for (again = 1; again <= most && i + again < letters + distances && all[i + again] == all[i];)
            again++;
        again = next(20) ? again : 1;
        if (all[i] == 0 && again >= 3 && again <= most) {
            write_letter(&codes, again > 10 ? 18 : 17);
            write((unsigned)(again > 10 ? again - 11 : again - 3), again > 10 ? 7 : 3);
        } else if (again >= 4 && again <= most) {
            write_letter(&codes, all[i]);
            write_letter(&codes, 16);
            write((unsigned)again - 4, 2);
        } else {
            again = 1;
            write_letter(&codes, all[i]);
        }
    }
}

/* Return how many bytes the block makes. */
static size_t write_codes(int is_fixed, size_t made, size_t tokens, size_t window)
{
    static const uint32_t KINDS[] = {1, 3, 30, 1000000};
    uint8_t lengths[288 + 32] = {0};
    int letters = 286, distances = 30, common = (int)next(3);
    uint32_t matches = KINDS[next(4)], kinds = 1 + next(next(3) ? 256 : 4);
    if (is_fixed)
        for (int i = 0; i < 288 + 32; i++)
            lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : i < 288 ? 8 : 5;
    else {
        for (uint32_t i = 0; i < kinds; i++)
            lengths[next(256)] = 1;
        lengths[256] = 1;
        for (int i = 257; i < 286; i++)
            lengths[i] = next(4) == 0;
        for (int i = 0; i < 30; i++)
            lengths[288 + i] = next(3) == 0;
        while (letters > 257 && !lengths[letters - 1])
            letters--;
        while (distances > 1 && !lengths[288 + distances - 1])
            distances--;
        random_code(lengths, 286);
        random_code(lengths + 288, 30);
        if (next(60) == 0) /* one place too many, or some that are left */
            lengths[next(3) ? next((uint32_t)letters) : 288 + next((uint32_t)distances)] = (uint8_t)next(16);
        write_lengths(lengths, letters, distances);
    }
    const struct codes codes = codes_of(lengths, 288), distance_codes = codes_of(lengths + 288, 32);
    for (size_t token = 0; token < tokens && made < MOST_MADE - 300; token++) {
        int letter = next(matches + 1) ? (int)next(256) : 257 + (int)next(29);
        if (!lengths[letter] || (common && lengths[letter] > 2 && next(1u << (lengths[letter] - 2) % 6)))
            continue;
        if (letter < 256) {
            write_letter(&codes, letter);
            made++;
            continue;
        }
        int number = (int)next(30), is_wrong = next(1000) == 0;
        uint32_t extra = next(1u << DISTANCE_EXTRA[number]), more = next(1u << LENGTH_EXTRA[letter - 257]);
        size_t distance = DISTANCE_BASE[number] + extra;
        if (!lengths[288 + number] || (!is_wrong && (distance > made || distance > window)))
            continue;
        write_letter(&codes, letter);
        write(more, LENGTH_EXTRA[letter - 257]);
        write_letter(&distance_codes, number);
        write(extra, DISTANCE_EXTRA[number]);
        made += LENGTH_BASE[letter - 257] + more;
    }
    if (next(100))
        write_letter(&codes, 256);
    return made;
}

static void write_stream(void)
{
    unsigned head = 8 | next(8) << 4, flags = (31 - head * 256 % 31) % 31;
    size_t made = 0, blocks_left = 1 + next(3), window = (size_t)256 << (head >> 4);
    size_t most = next(12) == 0 ? 20000 : next(4) ? 300 : 2500;
    written = 0;
    write(head, 8);
    write(flags, 8);
    for (; blocks_left; blocks_left--) {
        unsigned kind = next(5) > 1 ? 2 : next(2);
        write(blocks_left == 1, 1);
        write(kind, 2);
        if (kind) {
            made = write_codes(kind == 1, made, next((uint32_t)most), window);
            continue;
        }
        unsigned size = next((uint32_t)most / 2);
        write(0, (int)(-written % 8));
        write(size, 16);
        write(size ^ (next(100) ? 0xffff : 1), 16);
        for (unsigned i = 0; i < size; i++)
            write(next(256), 8);
        made += size;
    }
    write(0, (int)(-written % 8));
    for (uint32_t i = next(4) ? 4 : 4 + next(20); i; i--)
        write(0, 8);
}

static size_t change(size_t size)
{
    uint32_t how = next(8);
    if (how < 3)
        for (uint32_t i = next(4); i < 4; i++) {
            size_t at = next(2) ? next((uint32_t)size) : next(size < 60 ? (uint32_t)size : 60);
            stream[at] ^= next(2) ? (uint8_t)(1 << next(8)) : (uint8_t)next(256);
        }
    if (how == 3)
        size = next((uint32_t)size + 1);
    if (how == 4)
        for (size_t i = 2 + next(40); i < size; i++)
            stream[i] = (uint8_t)next(256);
    return size;
}

/* --- the comparison -------------------------------------------------------------------------------------------------- */

static uint32_t plain_adler(const uint8_t *data, size_t size)
{
    uint32_t one = 1, two = 0;
    for (size_t i = 0; i < size; i++) {
        one = (one + data[i]) % 65521;
        two = (two + one) % 65521;
    }
    return two << 16 | one;
}

static int unpacked(const uint8_t *in, size_t length, const uint8_t *wanted, size_t size, int always)
{
    uint8_t *out = memory(size ? size : 1);
    int failed = seqsave_inflate(in, length, out, size, always);
    if (failed < 0)
        fail("there is not enough memory");
    if (!failed && memcmp(out, wanted, size) != 0)
        fail("the bytes are not those of the stream");
    free(out);
    return failed;
}

int main(int count, char **arguments)
{
    long number = count > 1 ? atol(arguments[1]) : 100, accepted = 0;
    uint64_t sum = 0;
    uint8_t *made = calloc(1, MOST_MADE + 300);
    if (made == NULL)
        fail("there is not enough memory");
    set_seed(count > 2 ? (uint64_t)atol(arguments[2]) : 0);
    for (long i = 0; i < number; i++) {
        write_stream();
        size_t length = change(written / 8);
        struct plain plain = {.in = stream, .bits = 8 * length, .out = made};
        int failed = plainly(&plain) != 0, is_other = next(20) == 0;
        size_t size = plain.made;
        if (!failed && next(50)) {
            uint32_t check = plain_adler(made, size);
            for (int byte = 0; byte < 4; byte++)
                stream[plain.at / 8 + (size_t)byte] = (uint8_t)(check >> (24 - 8 * byte));
        } else
            failed = 1;
        /* Streams that fail are unpacked with all kinds of sizes, to be read to the end or not. */
        if (is_other || (failed && next(3)))
            size = next(3) ? size + 1 + next(3000) : next((uint32_t)size + 1);
        uint8_t *in = memory(length ? length : 1);
        memcpy(in, stream, length);
        if (seqsave_set_level((enum seqsave_level)next(seqsave_best_level() + 1u)))
            fail("a level cannot be set");
        int is_left = unpacked(in, length, made, size, 1);
        if (is_left != (failed || size != plain.made))
            fail(is_left ? "a sound stream was not accepted" : "a damaged stream was accepted");
        if (is_left == 0) {
            sum = mixed(sum, made, size);
            accepted++;
        } else if (unpacked(in, length, made, size, 0) == 0)
            fail("a damaged stream was accepted as fast");
        free(in);
    }
    if (number >= 100 && (accepted < number / 8 || accepted > number / 8 * 7))
        fail("too few streams are sound, or too few are not");
    free(made);
    printf("%016llx %ld\n", (unsigned long long)sum, accepted);
    return 0;
}

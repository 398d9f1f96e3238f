/* Lengths and values of Huffman codes, for at most SYMBOLS symbols. */
#ifndef SEQSAVE_HUFFMAN_H
#define SEQSAVE_HUFFMAN_H

#include <stdint.h>
#include <string.h>

enum { SYMBOLS = 286 };

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

#endif

/* The inner loops of unfilter.c, compiled once for each level of instructions: NAME(x) is the name of x for this level.
   VECTOR: whether a vector is one of the processor's, of 32 bytes if WIDE and 16 otherwise, or 16 bytes in memory that the
   compiler makes the best of. It has a byte of each row of a strip. */

#if VECTOR

#if WIDE

enum { NAME(rows) = 2 * COLUMNS };

#define V __m256i
#define BYTES_OF(name) _mm256_##name
#define BITS_OF(name) _mm256_##name##_si256

INLINE V NAME(load)(const uint8_t *from)
{
    return _mm256_loadu_si256((const V *)(const void *)from);
}

/* Move each byte to the next row, and put the byte from above the first row into it. */
INLINE V NAME(down)(V vector, uint8_t above)
{
    V half = _mm256_permute2x128_si256(vector, vector, 8); /* zeros, and the first half */
    V first = _mm256_set_m128i(_mm_setzero_si128(), _mm_cvtsi32_si128(above));
    return _mm256_or_si256(_mm256_alignr_epi8(vector, half, 15), first);
}

/* Read 16 bytes of a row, and of the one that is 16 rows below: the halves of a vector are transposed by themselves. */
INLINE V NAME(gather)(const uint8_t *upper, const uint8_t *lower)
{
    const __m128i one = _mm_loadu_si128((const __m128i *)(const void *)upper);
    const __m128i two = _mm_loadu_si128((const __m128i *)(const void *)lower);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(one), two, 1);
}

INLINE void NAME(scatter)(uint8_t *upper, uint8_t *lower, V vector)
{
    _mm_storeu_si128((__m128i *)(void *)upper, _mm256_castsi256_si128(vector));
    _mm_storeu_si128((__m128i *)(void *)lower, _mm256_extracti128_si256(vector, 1));
}

#else

enum { NAME(rows) = COLUMNS };

#define V __m128i
#define BYTES_OF(name) _mm_##name
#define BITS_OF(name) _mm_##name##_si128

INLINE V NAME(load)(const uint8_t *from)
{
    return _mm_loadu_si128((const V *)(const void *)from);
}

INLINE V NAME(down)(V vector, uint8_t above)
{
    return _mm_insert_epi8(_mm_slli_si128(vector, 1), above, 0);
}

INLINE V NAME(gather)(const uint8_t *upper, const uint8_t *lower)
{
    (void)lower;
    return NAME(load)(upper);
}

INLINE void NAME(scatter)(uint8_t *upper, uint8_t *lower, V vector)
{
    (void)lower;
    _mm_storeu_si128((V *)(void *)upper, vector);
}

#endif

INLINE V NAME(add)(V one, V two)
{
    return BYTES_OF(add_epi8)(one, two);
}

INLINE V NAME(both)(V one, V two)
{
    return BITS_OF(and)(one, two);
}

INLINE V NAME(either)(V one, V two)
{
    return BITS_OF(or)(one, two);
}

INLINE V NAME(mean)(V left, V up)
{
    /* The processor's mean is rounded up. */
    V odd = BITS_OF(and)(BITS_OF(xor)(left, up), BYTES_OF(set1_epi8)(1));
    return BYTES_OF(sub_epi8)(BYTES_OF(avg_epu8)(left, up), odd);
}

INLINE V NAME(distance)(V one, V two)
{
    return BITS_OF(or)(BYTES_OF(subs_epu8)(one, two), BYTES_OF(subs_epu8)(two, one));
}

INLINE V NAME(choose)(V mask, V yes, V no)
{
    return BYTES_OF(blendv_epi8)(no, yes, mask);
}

INLINE V NAME(paeth)(V left, V up, V corner)
{
    /* In 8 bits: if the corner is between the other two, its distance is the difference of theirs; otherwise it is their
       sum, so that the corner is never chosen. */
    V from_left = NAME(distance)(up, corner), from_up = NAME(distance)(left, corner);
    V least = BYTES_OF(min_epu8)(from_left, from_up), most = BYTES_OF(max_epu8)(from_left, from_up);
    V from_corner = BYTES_OF(sub_epi8)(most, least);
    V low = BYTES_OF(min_epu8)(left, up), high = BYTES_OF(max_epu8)(left, up);
    V inside = BYTES_OF(cmpeq_epi8)(BYTES_OF(max_epu8)(low, BYTES_OF(min_epu8)(high, corner)), corner);
    V not_corner = BYTES_OF(cmpeq_epi8)(BYTES_OF(max_epu8)(from_corner, least), from_corner);
    V nearer = NAME(choose)(BYTES_OF(cmpeq_epi8)(from_left, least), left, up);
    return NAME(choose)(BITS_OF(andnot)(not_corner, inside), corner, nearer);
}

INLINE void NAME(halve)(const V from[COLUMNS], V to[COLUMNS])
{
    for (int i = 0; i < COLUMNS / 2; i++) {
        to[2 * i] = BYTES_OF(unpacklo_epi8)(from[i], from[i + COLUMNS / 2]);
        to[2 * i + 1] = BYTES_OF(unpackhi_epi8)(from[i], from[i + COLUMNS / 2]);
    }
}

/* Exchange rows and columns. */
INLINE void NAME(transpose)(V block[COLUMNS])
{
    V other[COLUMNS];
    NAME(halve)(block, other);
    NAME(halve)(other, block);
    NAME(halve)(block, other);
    NAME(halve)(other, block);
}

#undef BYTES_OF
#undef BITS_OF

#else

enum { NAME(rows) = COLUMNS };

typedef struct {
    uint8_t at[COLUMNS];
} NAME(vector);

#define V NAME(vector)
#define EACH(expression)                                                                                               \
    V made;                                                                                                            \
    for (int i = 0; i < COLUMNS; i++)                                                                                  \
        made.at[i] = (uint8_t)(expression);                                                                            \
    return made

INLINE V NAME(load)(const uint8_t *from)
{
    V made;
    memcpy(made.at, from, COLUMNS);
    return made;
}

INLINE V NAME(gather)(const uint8_t *upper, const uint8_t *lower)
{
    (void)lower;
    return NAME(load)(upper);
}

INLINE void NAME(scatter)(uint8_t *upper, uint8_t *lower, V vector)
{
    (void)lower;
    memcpy(upper, vector.at, COLUMNS);
}

INLINE V NAME(add)(V one, V two)
{
    EACH(one.at[i] + two.at[i]);
}

INLINE V NAME(both)(V one, V two)
{
    EACH(one.at[i] & two.at[i]);
}

INLINE V NAME(either)(V one, V two)
{
    EACH(one.at[i] | two.at[i]);
}

INLINE V NAME(down)(V vector, uint8_t above)
{
    V made;
    made.at[0] = above;
    memcpy(made.at + 1, vector.at, COLUMNS - 1);
    return made;
}

INLINE V NAME(mean)(V left, V up)
{
    EACH((left.at[i] & up.at[i]) + ((left.at[i] ^ up.at[i]) >> 1));
}

INLINE uint8_t NAME(predicted)(uint8_t left, uint8_t up, uint8_t corner)
{
    /* In 8 bits and without branches: if the corner is between the other two, its distance is the difference of theirs;
       otherwise it is their sum, so that the corner is never chosen. */
    uint8_t low = left < up ? left : up, high = left < up ? up : left;
    uint8_t from_left = (uint8_t)(up > corner ? up - corner : corner - up);
    uint8_t from_up = (uint8_t)(left > corner ? left - corner : corner - left);
    uint8_t least = from_left < from_up ? from_left : from_up, most = from_left < from_up ? from_up : from_left;
    uint8_t nearer = from_left <= from_up ? left : up;
    return (corner >= low) & (corner <= high) & ((uint8_t)(most - least) < least) ? corner : nearer;
}

INLINE V NAME(paeth)(V left, V up, V corner)
{
    EACH(NAME(predicted)(left.at[i], up.at[i], corner.at[i]));
}

static void NAME(transpose)(V block[COLUMNS])
{
    for (int row = 0; row < COLUMNS; row++)
        for (int column = 0; column < row; column++) {
            uint8_t kept = block[row].at[column];
            block[row].at[column] = block[column].at[row];
            block[column].at[row] = kept;
        }
}

#undef EACH
#endif

#define PLACE(places, row) (places)[row] + at - (row) * (ptrdiff_t)step

/* Undo a strip. `step` and `only`, the filter of all rows or MIXED, are constants where this is inlined. */
INLINE void NAME(slanted)(const struct strip *strip, const size_t step, const int only)
{
    const V sub = NAME(load)(strip->masks[SUB]), up = NAME(load)(strip->masks[UP]);
    const V average = NAME(load)(strip->masks[AVERAGE]), paeth = NAME(load)(strip->masks[PAETH]);
    const ptrdiff_t length = (ptrdiff_t)strip->length, lag = (NAME(rows) - 1) * (ptrdiff_t)step;
    const uint8_t nothing[NAME(rows)] = {0};
    /* The finished bytes of each row, and those above them, from `step` and twice `step` bytes before the block on. */
    V lefts[COLUMNS + WIDEST], ups[COLUMNS + 2 * WIDEST], block[COLUMNS];
    uint8_t before[COLUMNS], edges[2 * COLUMNS][COLUMNS];
    for (size_t i = 0; i < step; i++)
        lefts[i] = ups[i] = NAME(load)(nothing);
    peek(before, strip->above, strip->length, 0);
    for (size_t i = 0; i < step; i++)
        ups[step + i] = NAME(down)(NAME(load)(nothing), before[i]);
    for (ptrdiff_t at = 0; at < length + lag; at += COLUMNS) {
        const int is_inner = at >= lag && at + COLUMNS + (ptrdiff_t)step <= length;
        const uint8_t *above = strip->above + at + step;
        if (is_inner) {
            for (int row = 0; row < COLUMNS; row++)
                block[row] = NAME(gather)(PLACE(strip->from, row), PLACE(strip->from, row + COLUMNS));
        } else {
            for (int row = 0; row < NAME(rows); row++)
                peek(edges[row], strip->from[row], strip->length, at - row * (ptrdiff_t)step);
            for (int row = 0; row < COLUMNS; row++)
                block[row] = NAME(gather)(edges[row], edges[row + COLUMNS]);
            peek(before, strip->above, strip->length, at + (ptrdiff_t)step);
            above = before;
        }
        fetch(strip, (size_t)at * NAME(rows), NAME(rows) * COLUMNS);
        NAME(transpose)(block);
        for (int i = 0; i < COLUMNS; i++) {
            V left = lefts[i], over = ups[(size_t)i + step], guess = left;
            if (only == AVERAGE)
                guess = NAME(mean)(left, over);
            else if (only == PAETH || only == MIXED)
                guess = NAME(paeth)(left, over, ups[i]);
            if (only == MIXED) {
                guess = NAME(either)(NAME(both)(guess, paeth), NAME(both)(NAME(mean)(left, over), average));
                guess = NAME(either)(guess, NAME(both)(left, sub));
                guess = NAME(either)(guess, NAME(both)(over, up));
            }
            block[i] = lefts[(size_t)i + step] = NAME(add)(block[i], guess);
            ups[(size_t)i + 2 * step] = NAME(down)(block[i], above[i]);
        }
        for (size_t i = 0; i < step; i++)
            lefts[i] = lefts[i + COLUMNS];
        for (size_t i = 0; i < 2 * step; i++)
            ups[i] = ups[i + COLUMNS];
        NAME(transpose)(block);
        if (is_inner) {
            for (int row = 0; row < COLUMNS; row++)
                NAME(scatter)(PLACE(strip->to, row), PLACE(strip->to, row + COLUMNS), block[row]);
        } else {
            for (int row = 0; row < COLUMNS; row++)
                NAME(scatter)(edges[row], edges[row + COLUMNS], block[row]);
            for (int row = 0; row < NAME(rows); row++)
                poke(strip->to[row], strip->length, at - row * (ptrdiff_t)step, edges[row]);
        }
    }
}

#undef PLACE

static void NAME(undo)(const struct strip *strip, size_t step)
{
#define WITH(number)                                                                                                   \
    case number:                                                                                                       \
        if (strip->only == PAETH)                                                                                      \
            NAME(slanted)(strip, number, PAETH);                                                                       \
        else if (strip->only == AVERAGE)                                                                               \
            NAME(slanted)(strip, number, AVERAGE);                                                                     \
        else if (strip->only == SUB)                                                                                   \
            NAME(slanted)(strip, number, SUB);                                                                         \
        else                                                                                                           \
            NAME(slanted)(strip, number, MIXED);                                                                       \
        break
    switch (step) {
        WITH(1);
        WITH(2);
        WITH(3);
        WITH(4);
        WITH(6);
        WITH(8);
    }
#undef WITH
}

#undef V

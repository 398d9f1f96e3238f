/* The inner loops of unfilter.c, compiled once for each level of instructions: NAME(x) is the name of x for this level.
   VECTOR: whether a vector is one of the processor's, or 16 bytes in memory that the compiler makes the best of. */

#if VECTOR

#define V __m128i

INLINE V NAME(load)(const uint8_t *from)
{
    return _mm_loadu_si128((const V *)(const void *)from);
}

INLINE void NAME(store)(uint8_t *to, V vector)
{
    _mm_storeu_si128((V *)(void *)to, vector);
}

INLINE V NAME(add)(V one, V two)
{
    return _mm_add_epi8(one, two);
}

INLINE V NAME(both)(V one, V two)
{
    return _mm_and_si128(one, two);
}

INLINE V NAME(either)(V one, V two)
{
    return _mm_or_si128(one, two);
}

/* Move each byte to the next row, and put the byte from above the first row into it. */
INLINE V NAME(down)(V vector, uint8_t above)
{
    return _mm_insert_epi8(_mm_slli_si128(vector, 1), above, 0);
}

INLINE V NAME(mean)(V left, V up)
{
    /* The processor's mean is rounded up. */
    V odd = _mm_and_si128(_mm_xor_si128(left, up), _mm_set1_epi8(1));
    return _mm_sub_epi8(_mm_avg_epu8(left, up), odd);
}

INLINE V NAME(distance)(V one, V two)
{
    return _mm_or_si128(_mm_subs_epu8(one, two), _mm_subs_epu8(two, one));
}

INLINE V NAME(choose)(V mask, V yes, V no)
{
    return _mm_xor_si128(no, _mm_and_si128(mask, _mm_xor_si128(yes, no)));
}

INLINE V NAME(paeth)(V left, V up, V corner)
{
    /* In 8 bits: if the corner is between the other two, its distance is the difference of theirs; otherwise it is their
       sum, so that the corner is never chosen. */
    V from_left = NAME(distance)(up, corner), from_up = NAME(distance)(left, corner);
    V least = _mm_min_epu8(from_left, from_up), most = _mm_max_epu8(from_left, from_up);
    V from_corner = _mm_sub_epi8(most, least);
    V low = _mm_min_epu8(left, up), high = _mm_max_epu8(left, up);
    V inside = _mm_cmpeq_epi8(_mm_max_epu8(low, _mm_min_epu8(high, corner)), corner);
    V not_corner = _mm_cmpeq_epi8(_mm_max_epu8(from_corner, least), from_corner);
    V nearer = NAME(choose)(_mm_cmpeq_epi8(from_left, least), left, up);
    return NAME(choose)(_mm_andnot_si128(not_corner, inside), corner, nearer);
}

INLINE void NAME(halve)(const V from[ROWS], V to[ROWS])
{
    for (int i = 0; i < ROWS / 2; i++) {
        to[2 * i] = _mm_unpacklo_epi8(from[i], from[i + ROWS / 2]);
        to[2 * i + 1] = _mm_unpackhi_epi8(from[i], from[i + ROWS / 2]);
    }
}

/* Exchange rows and columns. */
INLINE void NAME(transpose)(V block[ROWS])
{
    V other[ROWS];
    NAME(halve)(block, other);
    NAME(halve)(other, block);
    NAME(halve)(block, other);
    NAME(halve)(other, block);
}

#else

typedef struct {
    uint8_t at[ROWS];
} NAME(vector);

#define V NAME(vector)
#define EACH(expression)                                                                                               \
    V made;                                                                                                            \
    for (int i = 0; i < ROWS; i++)                                                                                     \
        made.at[i] = (uint8_t)(expression);                                                                            \
    return made

INLINE V NAME(load)(const uint8_t *from)
{
    V made;
    memcpy(made.at, from, ROWS);
    return made;
}

INLINE void NAME(store)(uint8_t *to, V vector)
{
    memcpy(to, vector.at, ROWS);
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
    memcpy(made.at + 1, vector.at, ROWS - 1);
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

static void NAME(transpose)(V block[ROWS])
{
    for (int row = 0; row < ROWS; row++)
        for (int column = 0; column < row; column++) {
            uint8_t kept = block[row].at[column];
            block[row].at[column] = block[column].at[row];
            block[column].at[row] = kept;
        }
}

#undef EACH
#endif

/* Undo a strip. `step` and `only`, the filter of all rows or MIXED, are constants where this is inlined. */
INLINE void NAME(slanted)(const struct strip *strip, const size_t step, const int only)
{
    const V sub = NAME(load)(strip->masks[SUB]), up = NAME(load)(strip->masks[UP]);
    const V average = NAME(load)(strip->masks[AVERAGE]), paeth = NAME(load)(strip->masks[PAETH]);
    const ptrdiff_t length = (ptrdiff_t)strip->length, lag = (ptrdiff_t)((ROWS - 1) * step);
    const uint8_t nothing[ROWS] = {0};
    /* The finished bytes of each row, and those above them, from `step` and twice `step` bytes before the block on. */
    V lefts[ROWS + WIDEST], ups[ROWS + 2 * WIDEST], block[ROWS];
    uint8_t before[2 * ROWS], edge[ROWS];
    for (size_t i = 0; i < step; i++)
        lefts[i] = ups[i] = NAME(load)(nothing);
    peek(before, strip->above, strip->length, 0);
    for (size_t i = 0; i < step; i++)
        ups[step + i] = NAME(down)(NAME(load)(nothing), before[i]);
    for (ptrdiff_t at = 0; at < length + lag; at += ROWS) {
        const int is_inner = at >= lag && at + ROWS + (ptrdiff_t)step <= length;
        const uint8_t *above = strip->above + at + step;
        if (is_inner) {
            for (int row = 0; row < ROWS; row++)
                block[row] = NAME(load)(strip->from[row] + at - row * (ptrdiff_t)step);
        } else {
            for (int row = 0; row < ROWS; row++) {
                peek(edge, strip->from[row], strip->length, at - row * (ptrdiff_t)step);
                block[row] = NAME(load)(edge);
            }
            peek(before, strip->above, strip->length, at + (ptrdiff_t)step);
            above = before;
        }
        NAME(transpose)(block);
        for (int i = 0; i < ROWS; i++) {
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
            lefts[i] = lefts[i + ROWS];
        for (size_t i = 0; i < 2 * step; i++)
            ups[i] = ups[i + ROWS];
        NAME(transpose)(block);
        if (is_inner) {
            for (int row = 0; row < ROWS; row++)
                NAME(store)(strip->to[row] + at - row * (ptrdiff_t)step, block[row]);
        } else {
            for (int row = 0; row < ROWS; row++) {
                NAME(store)(edge, block[row]);
                poke(strip->to[row], strip->length, at - row * (ptrdiff_t)step, edge);
            }
        }
    }
}

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

/* The inner loops, compiled once for each level of instructions: NAME(x) is the name of x for this level.

   The loops over bytes are written so that compilers turn them into instructions for 16 or 32 bytes at a time. */

/* --- row filters ---------------------------------------------------------------------------------------------------- */

static inline uint8_t NAME(paeth)(uint8_t left, uint8_t up, uint8_t corner)
{
    /* In 8 bits, without branches. If the corner is between the other two, its distance is the difference of theirs;
       otherwise it is their sum, so that the corner is never chosen. */
    uint8_t low = left < up ? left : up, high = left < up ? up : left;
    uint8_t from_left = (uint8_t)((up > corner ? up : corner) - (up > corner ? corner : up));
    uint8_t from_up = (uint8_t)((left > corner ? left : corner) - (left > corner ? corner : left));
    uint8_t least = from_left < from_up ? from_left : from_up, most = from_left < from_up ? from_up : from_left;
    uint8_t from_corner = (uint8_t)(most - least);
    uint8_t inside = (uint8_t)-((corner >= low) & (corner <= high));
    uint8_t corner_wins = (uint8_t)((uint8_t)-(from_corner < least) & inside);
    uint8_t left_wins = (uint8_t)-(from_left <= from_up);
    uint8_t nearer = (uint8_t)((left & left_wins) | (up & (uint8_t)~left_wins));
    return (uint8_t)((corner & corner_wins) | (nearer & (uint8_t)~corner_wins));
}

static void NAME(filter)(const uint8_t *restrict row, const uint8_t *restrict above, size_t length, size_t step,
                         int kind, uint8_t *restrict out)
{
    size_t first = step < length ? step : length;
    out[0] = (uint8_t)kind;
    out++;
    switch (kind) {
    case SEQSAVE_SUB:
        memcpy(out, row, first);
        for (size_t i = first; i < length; i++)
            out[i] = (uint8_t)(row[i] - row[i - step]);
        break;
    case SEQSAVE_UP:
        for (size_t i = 0; i < length; i++)
            out[i] = (uint8_t)(row[i] - above[i]);
        break;
    case SEQSAVE_AVERAGE: {
        for (size_t i = 0; i < first; i++)
            out[i] = (uint8_t)(row[i] - (above[i] >> 1));
        const uint8_t *left = row;
        row += first, above += first, out += first;
        for (size_t i = 0; i < length - first; i++)
            out[i] = (uint8_t)(row[i] - ((left[i] & above[i]) + ((left[i] ^ above[i]) >> 1)));
        break;
    }
    case SEQSAVE_PAETH: {
        for (size_t i = 0; i < first; i++)
            out[i] = (uint8_t)(row[i] - above[i]);
        const uint8_t *left = row, *corner = above;
        row += first, above += first, out += first;
        for (size_t i = 0; i < length - first; i++)
            out[i] = (uint8_t)(row[i] - NAME(paeth)(left[i], above[i], corner[i]));
        break;
    }
    default:
        memcpy(out, row, length);
    }
}

static void NAME(swap)(const uint8_t *restrict row, size_t length, uint8_t *restrict out)
{
    for (size_t i = 0; i + 1 < length; i += 2) {
        uint16_t sample;
        memcpy(&sample, row + i, 2);
        sample = (uint16_t)(sample >> 8 | sample << 8);
        memcpy(out + i, &sample, 2);
    }
}

/* --- checksum ------------------------------------------------------------------------------------------------------- */

#define COLUMNS 32

static uint32_t NAME(adler)(uint32_t adler, const uint8_t *restrict data, size_t size)
{
    /* Sums of columns: a later row of bytes counts each earlier one once more. */
    uint32_t one = adler & 0xffff, two = adler >> 16;
    while (size >= COLUMNS) {
        uint32_t plain[COLUMNS] = {0}, weighted[COLUMNS] = {0};
        size_t rows = size / COLUMNS < 160 ? size / COLUMNS : 160; /* fewer than overflow 32 bits */
        for (size_t row = 0; row < rows; row++, data += COLUMNS)
            for (size_t i = 0; i < COLUMNS; i++) {
                weighted[i] += plain[i];
                plain[i] += data[i];
            }
        size -= rows * COLUMNS;
        uint64_t later = two + (uint64_t)one * rows * COLUMNS;
        for (size_t i = 0; i < COLUMNS; i++) {
            later += (uint64_t)weighted[i] * COLUMNS + (uint64_t)plain[i] * (COLUMNS - i);
            one += plain[i];
        }
        one %= 65521;
        two = (uint32_t)(later % 65521);
    }
    for (; size; size--) {
        one = (one + *data++) % 65521;
        two = (two + one) % 65521;
    }
    return two << 16 | one;
}

#undef COLUMNS

/* --- tokens --------------------------------------------------------------------------------------------------------- */

/* Count what NAME(pack) would write for these bytes. data[-1] is a byte before them. Return how many groups of 8 bytes
   have one outside of -64..63. */
static size_t NAME(count)(const uint8_t *data, size_t size, uint32_t *counts)
{
    uint32_t parts[4][256];
    const uint8_t *at = data, *end = data + size;
    size_t wide = 0;
    memset(parts, 0, sizeof parts);
    while (end - at >= 8) {
        uint64_t group = load(at);
        if (group == at[-1] * ONES) {
            size_t run = run_length(at, end);
            at += run;
            for (; run > LONGEST; run -= LONGEST)
                counts[LAST_LENGTH]++;
            counts[length_symbol(run)]++;
            continue;
        }
        wide += is_wide(group);
        for (int i = 0; i < 8; i += 4, group >>= 32) {
            parts[0][group & 255]++;
            parts[1][group >> 8 & 255]++;
            parts[2][group >> 16 & 255]++;
            parts[3][group >> 24 & 255]++;
        }
        at += 8;
    }
    while (at < end)
        parts[0][*at++]++;
    for (int i = 0; i < 256; i++)
        counts[i] += parts[0][i] + parts[1][i] + parts[2][i] + parts[3][i];
    return wide;
}

/* Fill the table of pairs: the first of a pair is in the lower 7 bits of the index. */
static void NAME(fill)(const uint32_t *restrict single, uint32_t *restrict pairs)
{
    uint32_t code[128], bits[128];
    for (int i = 0; i < 128; i++) {
        uint32_t entry = single[(uint8_t)(i < 64 ? i : i + 128)];
        code[i] = entry >> 6;
        bits[i] = entry & 63;
    }
    for (int second = 0; second < 128; second++) {
        uint32_t later = code[second], more = bits[second];
        uint32_t *row = pairs + 128 * second;
        for (int first = 0; first < 128; first++)
            row[first] = (code[first] | later << bits[first]) << 6 | (bits[first] + more);
    }
}

#define FLUSH() (store(to, held), to += count >> 3, held >>= count & 56, count &= 7)
#define TWO(a, b) ((uint64_t)((a) >> 6) | (uint64_t)((b) >> 6) << ((a)&63))

/* Write the codes of these bytes behind the bits that `bits` holds. data[-1] is a byte before them. */
static void NAME(pack)(const uint8_t *data, size_t size, const struct codes *codes, int mostly_wide, struct bits *bits)
{
    const uint8_t *at = data, *end = data + size;
    const uint32_t *pairs = codes->pairs, *single = codes->single;
    uint8_t *to = bits->to;
    uint64_t held = bits->held;
    unsigned count = bits->count;
    while (end - at >= 8) {
        uint64_t group = load(at);
        if (UNLIKELY(group == at[-1] * ONES)) {
            size_t run = run_length(at, end);
            while (run >= 8) {
                const struct run *one = &codes->runs[run < LONGEST ? run : LONGEST];
                held |= (uint64_t)one->code << count;
                count += one->bits;
                FLUSH();
                run -= one->length;
                at += one->length;
            }
            while (run--) {
                held |= (uint64_t)(single[*at] >> 6) << count;
                count += single[*at++] & 63;
                FLUSH();
            }
            continue;
        }
        at += 8;
        if (mostly_wide || is_wide(group)) {
            for (int half = 0; half < 2; half++, group >>= 32) {
                uint32_t a = single[group & 255], b = single[group >> 8 & 255];
                uint32_t c = single[group >> 16 & 255], d = single[group >> 24 & 255];
                uint64_t ab = TWO(a, b), cd = TWO(c, d);
                unsigned first = (a & 63) + (b & 63);
                held |= (ab | cd << first) << count;
                count += first + (c & 63) + (d & 63);
                FLUSH();
            }
        } else {
            uint64_t index = (group & 0x007f007f007f007f) | (group >> 1 & 0x3f803f803f803f80);
            uint32_t a = pairs[index & 0xffff], b = pairs[index >> 16 & 0xffff];
            uint32_t c = pairs[index >> 32 & 0xffff], d = pairs[index >> 48];
            uint64_t ab = TWO(a, b), cd = TWO(c, d);
            held |= ab << count;
            count += (a & 63) + (b & 63);
            FLUSH();
            held |= cd << count;
            count += (c & 63) + (d & 63);
            FLUSH();
        }
    }
    for (; at < end; at++) {
        held |= (uint64_t)(single[*at] >> 6) << count;
        count += single[*at] & 63;
        FLUSH();
    }
    bits->to = to;
    bits->held = held;
    bits->count = count;
}

#undef FLUSH
#undef TWO

static const struct loops NAME(loops) = {
    NAME(filter), NAME(swap), NAME(adler), NAME(count), NAME(fill), NAME(pack),
};

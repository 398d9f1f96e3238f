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

/* Sum the absolute values of filtered bytes. */
static uint64_t NAME(weight)(const uint8_t *restrict data, size_t size)
{
    uint64_t all = 0;
    while (size) {
        size_t part = size < 1 << 16 ? size : 1 << 16; /* which does not overflow 32 bits */
        uint32_t sum = 0;
        for (size_t i = 0; i < part; i++) {
            uint8_t minus = (uint8_t)-data[i];
            sum += data[i] < minus ? data[i] : minus;
        }
        all += sum;
        data += part;
        size -= part;
    }
    return all;
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

/* --- grey pixels ---------------------------------------------------------------------------------------------------- */

#define COLUMNS 32

/* Count the bytes that equal the one so far behind them. */
static size_t NAME(equal)(const uint8_t *restrict data, size_t size, size_t apart)
{
    size_t all = 0;
    size = size < apart ? 0 : size - apart;
    while (size >= COLUMNS) {
        uint8_t sums[COLUMNS] = {0};
        size_t rows = size / COLUMNS < 255 ? size / COLUMNS : 255;
        for (size_t row = 0; row < rows; row++, data += COLUMNS)
            for (size_t i = 0; i < COLUMNS; i++)
                sums[i] = (uint8_t)(sums[i] + (data[i] == data[i + apart]));
        for (size_t i = 0; i < COLUMNS; i++)
            all += sums[i];
        size -= rows * COLUMNS;
    }
    for (; size; size--, data++)
        all += *data == data[apart];
    return all;
}

#undef COLUMNS

/* Set the two bytes of the grey unit that begins at each pixel of a row, or NO_UNIT; and NO_UNIT behind the last one. */
static inline void NAME(find_units)(const uint8_t *restrict row, size_t pixels, int wide, uint8_t *restrict shades,
                                    uint8_t *restrict differs, uint32_t *restrict units)
{
    size_t number = wide ? pixels : pixels - 1;
    const uint8_t *first = shades, *second = shades + (wide ? pixels : 1);
    if (wide) {
        for (size_t i = 0; i < pixels; i++, row += 6) {
            shades[i] = row[0];
            shades[pixels + i] = row[1];
            differs[i] = (uint8_t)((row[0] ^ row[2]) | (row[0] ^ row[4]) | (row[1] ^ row[3]) | (row[1] ^ row[5]));
        }
    } else {
        for (size_t i = 0; i < pixels; i++) {
            shades[i] = row[3 * i];
            differs[i] = (uint8_t)((row[3 * i] ^ row[3 * i + 1]) | (row[3 * i] ^ row[3 * i + 2]));
        }
        for (size_t i = 0; i < number; i++)
            differs[i] |= differs[i + 1];
    }
    for (size_t i = 0; i < number; i++) {
        uint8_t low = (uint8_t)(first[i] ^ second[i] << 4); /* or small values would share few sets of the cache */
        uint32_t value = low | (uint32_t)second[i] << 8, is_none = differs[i] != 0;
        units[i] = is_none << 16 | (value & (is_none - 1));
    }
    units[number] = units[number + 1] = NO_UNIT;
}

/* wide: a unit is a pixel of 16 bits, a b a b a b; else it is two of 8 bits, a a a b b b. */
static inline void NAME(find_kind)(const uint8_t *data, size_t rows, size_t line, int wide, struct grey *grey)
{
    const size_t of_pixel = wide ? UNIT : UNIT / 2, of_unit = UNIT / of_pixel;
    uint64_t *token = grey->tokens;
    uint32_t *last = grey->last, start = grey->position + 1;
    const uint32_t *units = grey->units;
    for (; rows--; data += line, start += (uint32_t)line) {
        const uint8_t *row = data + 1;
        size_t pixels = (line - 1) / of_pixel, i = 0;
        *token++ = MATCH | (OF_FILTERS + *data) | NOTHING << 8 | NOTHING << 16;
        NAME(find_units)(row, pixels, wide, grey->shades, grey->differs, grey->units);
        while (i + of_unit <= pixels) {
            uint64_t bytes = load(row + of_pixel * i);
            uint32_t unit = units[i], place = start + (uint32_t)(of_pixel * i), distance = place - last[unit];
            uint32_t less_1 = distance - 1;
            /* All bits, or none if the unit was in the window: a branch would be guessed wrong as often as not. */
            uint64_t missed = 0 - (uint64_t)((unit / NO_UNIT | less_1 / WINDOW) != 0);
            size_t number = 1;
            last[unit] = place;
            if (UNLIKELY((missed | distance) <= UNIT)) { /* in the same row: the bytes repeat each other */
                while (UNIT * (number + 1) <= LONGEST && units[i + of_unit * number] == unit)
                    number++;
                last[unit] = place + (uint32_t)(UNIT * (number - 1));
            } else if (!wide) {
                last[units[i + 1]] = place + 3; /* the second pixel, and the one behind it */
            }
            /* A distance of 3 or more, less 1, as a number of double precision: its exponent and first bit are the symbol. */
            less_1 = (less_1 & (WINDOW - 1)) | (uint32_t)(missed & WINDOW);
            double real = (int32_t)less_1;
            uint64_t symbol;
            memcpy(&symbol, &real, sizeof symbol);
            symbol = (symbol >> 51) - 2046;
            uint64_t extra = symbol / 2 - 1;
            uint64_t match = MATCH | number | (OF_DISTANCES + symbol) << 8 | NOTHING << 16 | extra << TO_COUNT |
                             (less_1 & (((uint64_t)1 << extra) - 1)) << TO_EXTRA;
            token[0] = (match & ~missed) | (bytes & 0xffffff & missed);
            token[1] = bytes >> 24 & 0xffffff;
            token += 1 + (missed & 1);
            i += of_unit * number;
        }
        for (; i < pixels; i++)
            *token++ = load(row + of_pixel * i) & 0xffffff;
    }
    grey->position = start - 1;
    grey->end = token;
}

/* Turn rows of pixels of three samples into tokens. 8 bytes behind the rows must be readable. */
static void NAME(find_grey)(const uint8_t *data, size_t rows, size_t line, int wide, struct grey *grey)
{
    if (wide)
        NAME(find_kind)(data, rows, line, 1, grey);
    else
        NAME(find_kind)(data, rows, line, 0, grey);
}

/* Count numbers of codes in the tokens: COUNTED of so many. */
static void NAME(count_grey)(const struct grey *grey, size_t apart, uint32_t *counts)
{
    uint32_t parts[3][NUMBERS];
    size_t number = (size_t)(grey->end - grey->tokens);
    memset(parts, 0, sizeof parts);
    for (size_t first = 0; first < number; first += apart)
        for (size_t i = first; i < number && i < first + COUNTED; i++) {
            uint64_t one = grey->tokens[i], base = one >> (TO_MATCH - 8) & 256;
            parts[0][base | (one & 255)]++;
            parts[1][base | (one >> 8 & 255)]++;
            parts[2][base | (one >> 16 & 255)]++;
        }
    for (int i = 0; i < NUMBERS; i++)
        counts[i] += parts[0][i] + parts[1][i] + parts[2][i];
}

static void NAME(pack_grey)(const struct grey *grey, struct bits *bits)
{
    const uint32_t *codes = grey->codes;
    uint8_t *to = bits->to;
    uint64_t held = bits->held;
    unsigned count = bits->count;
    for (const uint64_t *token = grey->tokens; token < grey->end; token++) {
        uint64_t one = *token;
        const uint32_t *of = codes + (one >> (TO_MATCH - 8) & 256);
        uint32_t a = of[one & 255], b = of[one >> 8 & 255], c = of[one >> 16 & 255];
        unsigned first = (a & 63) + (b & 63), second = first + (c & 63);
        uint64_t ab = TWO(a, b);
        held |= (ab | (uint64_t)(c >> 6) << first | one >> TO_EXTRA << second) << count;
        count += second + (one >> TO_COUNT & 63);
        FLUSH();
    }
    bits->to = to;
    bits->held = held;
    bits->count = count;
}

#undef FLUSH
#undef TWO

static const struct loops NAME(loops) = {
    NAME(filter), NAME(weight), NAME(swap),      NAME(adler),      NAME(count),     NAME(fill),
    NAME(pack),   NAME(equal),  NAME(find_grey), NAME(count_grey), NAME(pack_grey),
};

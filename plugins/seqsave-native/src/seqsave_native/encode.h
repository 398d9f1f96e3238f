/* Filter the rows of a picture and compress them to a zlib stream. No Python here. */
#ifndef SEQSAVE_ENCODE_H
#define SEQSAVE_ENCODE_H

#include <stddef.h>
#include <stdint.h>

/* Rows, one after the other in memory. All sizes are checked before they come here. */
typedef struct {
    const uint8_t *pixels;
    size_t height; /* at least 1 */
    size_t length; /* bytes of a row, at least 1; all rows with the numbers of their filters have at most 2^30 bytes */
    size_t step;   /* bytes of a pixel: 1 to 4; 2, 4, 6 or 8 if wide */
    int wide;      /* samples of 16 bits in the processor's byte order */
} seqsave_picture;

/* From malloc; the caller frees `data`. */
typedef struct {
    uint8_t *data;
    size_t size;
} seqsave_stream;

/* The row filters by their numbers in PNG, and behind them one that is the best of them for each row: the one with the
   smallest sum of absolute values. */
enum {
    SEQSAVE_NONE,
    SEQSAVE_SUB,
    SEQSAVE_UP,
    SEQSAVE_AVERAGE,
    SEQSAVE_PAETH,
    SEQSAVE_FILTERS,
    SEQSAVE_ADAPTIVE = SEQSAVE_FILTERS,
    SEQSAVE_KINDS,
    SEQSAVE_FEWER = SEQSAVE_KINDS, /* as SEQSAVE_ADAPTIVE without Average; not for seqsave_encode */
};

/* Filter the rows from `top` to before `bottom`, each after the number of its filter, as the core of seqsave does. The
   samples of `picture` are bytes in the order of the file, and its step may be up to 8. Return as below. */
int seqsave_filter(const seqsave_picture *picture, size_t top, size_t bottom, int row_filter, uint8_t *out);

/* Return 0, or -1 if there is not enough memory. grey: whether pixels with equal bytes become matches; only for
   pixels of 3 bytes, whose rows may be filtered with Up instead, and of 6 if wide. */
int seqsave_encode(const seqsave_picture *picture, int row_filter, int grey, seqsave_stream *stream);

/* The size that bands of rows with about so many bytes would have, relative to these rows, by filter; 1 for filters whose
   bit is not in `kinds`. */
int seqsave_survey(const seqsave_picture *picture, size_t bytes, unsigned kinds, double ratios[SEQSAVE_KINDS]);

/* The same with grey, for one filter; 1 if few pixels are grey. */
int seqsave_survey_grey(const seqsave_picture *picture, size_t bytes, int row_filter, double *ratio);

/* The filtered bytes of bands of rows, of about so many bytes, each of three rows or about `band_bytes`, in memory from
   malloc. */
int seqsave_sample(const seqsave_picture *picture, size_t bytes, size_t band_bytes, int row_filter,
                   seqsave_stream *sample);

/* The Adler-32 (RFC 1950) of these bytes behind those of `adler`; 1 for none. */
uint32_t seqsave_adler(uint32_t adler, const uint8_t *data, size_t size);

#endif

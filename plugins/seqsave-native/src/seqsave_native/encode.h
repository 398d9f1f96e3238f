/* Filter the rows of a picture and compress them to a zlib stream. No Python here. */
#ifndef SEQSAVE_ENCODE_H
#define SEQSAVE_ENCODE_H

#include <stddef.h>
#include <stdint.h>

/* Rows in a row of memory; `wide` for samples of 16 bits in the processor's byte order. The least and most sizes are
   those that seqsave_encode accepts. */
typedef struct {
    const uint8_t *pixels;
    size_t height;
    size_t length; /* bytes of a row, 1 to 2^30 */
    size_t step;   /* bytes of a pixel: 1 to 4; 2, 4, 6 or 8 if wide */
    int wide;
} seqsave_picture;

/* From malloc; the caller frees `data`. */
typedef struct {
    uint8_t *data;
    size_t size;
} seqsave_stream;

/* Bytes of the smallest and largest filter: those of PNG without Average. */
enum { SEQSAVE_NONE = 0, SEQSAVE_SUB = 1, SEQSAVE_UP = 2, SEQSAVE_PAETH = 4 };

/* Return 0, or -1 if there is not enough memory. Sizes must have been checked. */
int seqsave_encode(const seqsave_picture *picture, int row_filter, seqsave_stream *stream);

#endif

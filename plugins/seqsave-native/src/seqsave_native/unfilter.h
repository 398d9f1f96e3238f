/* Undo the row filters of PNG. No Python here. */
#ifndef SEQSAVE_UNFILTER_H
#define SEQSAVE_UNFILTER_H

#include <stddef.h>
#include <stdint.h>

/* Undo the filters of `height` rows, each the number of its filter (0 to 4) and `length` bytes behind it. `out` takes
   the rows without these numbers; it is `filtered` itself, or does not overlap it. step: bytes of a pixel, 1, 2, 3, 4, 6
   or 8; `length` is a multiple of it. wide: samples have 16 bits, and become those of this processor's byte order.

   Return 0, -1 if there is not enough memory, or 1 for a filter that does not exist, which `*bad` then gets. */
int seqsave_unfilter(const uint8_t *filtered, uint8_t *out, size_t height, size_t length, size_t step, int wide,
                     int *bad);

#endif

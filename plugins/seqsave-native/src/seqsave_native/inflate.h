/* Unpack a zlib stream that has few matches, as that of a filtered photograph. No Python here. */
#ifndef SEQSAVE_INFLATE_H
#define SEQSAVE_INFLATE_H

#include <stddef.h>
#include <stdint.h>

/* Unpack the zlib stream (RFC 1950) of `length` bytes that `in` starts with to `out`, which takes exactly `size` bytes.

   Return 0 if it was whole and sound, and made exactly so many bytes. Return 1 for all others: what is damaged, shorter or
   longer, and, without `always`, also what other decoders unpack as fast. `out` then holds anything. Return -1 if there is
   not enough memory. Nothing else is read or written, whatever the stream is, even while another thread changes it. */
int seqsave_inflate(const uint8_t *in, size_t length, uint8_t *out, size_t size, int always);

#endif

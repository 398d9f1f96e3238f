#include "encode.h"

int seqsave_encode(const seqsave_picture *picture, int row_filter, seqsave_stream *stream)
{
    (void)picture; (void)row_filter; (void)stream;
    return -1;
}

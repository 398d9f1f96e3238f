/* What the drivers have in common: random numbers that are the same everywhere, and memory of exactly its size. */
#ifndef SEQSAVE_DRIVER_H
#define SEQSAVE_DRIVER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state;

static void set_seed(uint64_t seed)
{
    state = 0x9e3779b97f4a7c15u + seed;
}

static uint32_t next(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state * 0x2545f4914f6cdd1du) >> 32) % below;
}

static void fail(const char *why)
{
    fprintf(stderr, "driver: %s\n", why);
    exit(1);
}

static void *memory(size_t size)
{
    void *made = malloc(size);
    if (made == NULL)
        fail("there is not enough memory");
    return made;
}

static uint64_t mixed(uint64_t sum, const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ data[i]) * 0x100000001b3u;
    return sum;
}

#endif

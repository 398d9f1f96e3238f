/* Undo rows while another thread changes the number of a filter, which no caller should do: the pixels are then wrong,
   but nothing else is written to. */
#include <pthread.h>
#include <stdio.h>

#include "unfilter.h"

enum { HEIGHT = 400, LENGTH = 300, ROUNDS = 8000 };

static volatile uint8_t filtered[HEIGHT * (LENGTH + 1)];
static uint8_t rows[HEIGHT * LENGTH];
static volatile int ended;

static void *change(void *unused)
{
    volatile uint8_t *last = filtered + (HEIGHT - 1) * (LENGTH + 1);
    while (!ended) {
        *last = *last == 4 ? 255 : 4;
        for (volatile int wait = 0; wait < 3000; wait++)
            ;
    }
    return unused;
}

int main(void)
{
    pthread_t other;
    int bad;
    for (size_t row = 0; row < HEIGHT; row++)
        filtered[row * (LENGTH + 1)] = 4;
    if (pthread_create(&other, NULL, change, NULL))
        return 1;
    for (int round = 0; round < ROUNDS; round++)
        if (seqsave_unfilter((const uint8_t *)filtered, rows, HEIGHT, LENGTH, 3, 0, &bad) < 0)
            return 1;
    ended = 1;
    return pthread_join(other, NULL);
}

/* build: -static -O1 -Wall */
/*
 * Swaps the two names of each pair as fast as it can, until it is ended: `racer A1 B1 A2 B2 …`. On SIGTERM it writes how often it did so, and every pair is as it was.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t is_ended;

static void end(int signal)
{
    (void)signal;
    is_ended = 1;
}

int main(int argc, char **argv)
{
    unsigned long count = 0;
    signal(SIGTERM, end);
    puts("started");
    fflush(stdout);
    while (!is_ended || count % 2) {
        for (int pair = 1; pair + 1 < argc; pair += 2) renameat2(AT_FDCWD, argv[pair], AT_FDCWD, argv[pair + 1], RENAME_EXCHANGE);
        count++;
    }
    printf("%lu\n", count);
    return 0;
}

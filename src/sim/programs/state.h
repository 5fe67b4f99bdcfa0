/*
 * What the simulated GPUs are doing: a text file of the simulated host, read anew by each call, so that it may change while
 * programs run. A line is "GPU KEY VALUE…": the GPU's number in PCI order, a word, numbers. What no line says is idle.
 * docs/sim.md lists the keys.
 */
#ifndef BERTH_SIM_STATE_H
#define BERTH_SIM_STATE_H

#include "kernel.h"

#define STATE_FILE "/var/lib/berth-sim/nvml-state"

static char state_text[32768];

static inline void read_state(void)
{
    long length = 0, got = 0;
    long fd = kernel(SYS_OPENAT, CURRENT_FOLDER, (long)STATE_FILE, O_READ_ONLY | O_CLOSE_ON_EXEC, 0, 0);
    if (fd >= 0) {
        do {
            got = kernel(SYS_READ, fd, (long)(state_text + length), (long)sizeof state_text - 1 - length, 0, 0);
            if (got > 0) length += got;
        } while (got > 0);
        kernel(SYS_CLOSE, fd, 0, 0, 0, 0);
    }
    state_text[length] = 0;
}

static inline const char *skip_blanks(const char *at)
{
    while (*at == ' ' || *at == '\t') at++;
    return at;
}

/* Takes a decimal number. */
static inline int take_number(const char **at, uint64_t *value)
{
    const char *start = *at = skip_blanks(*at);
    for (*value = 0; **at >= '0' && **at <= '9'; (*at)++) *value = *value * 10 + (uint64_t)(**at - '0');
    return *at != start;
}

/* Takes a word if it stands there, whole. */
static inline int take_word(const char **at, const char *word)
{
    const char *from = skip_blanks(*at);
    while (*word && *from == *word) from++, word++;
    if (*word || (*from && *from != ' ' && *from != '\t' && *from != '\n')) return 0;
    *at = from;
    return 1;
}

/* The values of the `nth` line of a GPU with a key, of the text that was read last; null: there is none. */
static inline const char *find_state(unsigned int gpu, const char *key, unsigned int nth)
{
    for (const char *at = state_text; *at;) {
        uint64_t number;
        if (take_number(&at, &number) && number == gpu && take_word(&at, key) && nth-- == 0) return at;
        while (*at && *at != '\n') at++;
        if (*at) at++;
    }
    return 0;
}

/* The first number that is said of a GPU under a key. */
static inline uint64_t state_number(unsigned int gpu, const char *key, uint64_t otherwise)
{
    uint64_t value;
    read_state();
    const char *at = find_state(gpu, key, 0);
    return at && take_number(&at, &value) ? value : otherwise;
}

static inline int is_line_end(const char *at)
{
    at = skip_blanks(at);
    return !*at || *at == '\n';
}

/*
 * "GPU hang [CALL]": the call never comes back. "GPU fail CODE [CALL]": it gives this code. CALL is what follows
 * nvmlDeviceGet in its name, without a version; without it all calls are meant. Gives 0 where nothing is wrong.
 */
static inline unsigned int obey_state(unsigned int gpu, const char *call)
{
    const char *at;
    uint64_t code;
    const struct { long seconds, nanoseconds; } minute = {60, 0};
    read_state();
    for (unsigned int nth = 0; (at = find_state(gpu, "hang", nth)); nth++) {
        if (!is_line_end(at) && !take_word(&at, call)) continue;
        for (;;) kernel(SYS_NANOSLEEP, (long)&minute, 0, 0, 0, 0);
    }
    for (unsigned int nth = 0; (at = find_state(gpu, "fail", nth)); nth++) {
        if (take_number(&at, &code) && (is_line_end(at) || take_word(&at, call))) return (unsigned int)code;
    }
    return 0;
}

#endif

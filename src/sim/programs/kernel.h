/*
 * System calls and the few string functions that the programs here need. They link against no C library, so that they
 * run in any image whose loader can load them.
 */
#ifndef BERTH_SIM_KERNEL_H
#define BERTH_SIM_KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))
#define HIDDEN __attribute__((visibility("hidden")))

#if defined(__x86_64__)
enum { SYS_READ = 0, SYS_WRITE = 1, SYS_CLOSE = 3, SYS_NANOSLEEP = 35, SYS_EXIT_GROUP = 231, SYS_OPENAT = 257, SYS_STATX = 332 };
#elif defined(__aarch64__)
enum { SYS_OPENAT = 56, SYS_CLOSE = 57, SYS_READ = 63, SYS_WRITE = 64, SYS_EXIT_GROUP = 94, SYS_NANOSLEEP = 101, SYS_STATX = 291 };
#else
#error "x86-64 and aarch64 only"
#endif

enum { E_PERM = 1, E_NOENT = 2, E_NXIO = 6, E_ACCES = 13, E_NODEV = 19 };
enum { O_READ_ONLY = 0, O_READ_WRITE = 2, O_CLOSE_ON_EXEC = 02000000 };
enum { CURRENT_FOLDER = -100, KIND_MASK = 0170000, KIND_CHARACTER = 0020000 };

static long kernel(long number, long a, long b, long c, long d, long e)
{
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
#endif
}

/* The compiler may call these two by itself. */
HIDDEN void *memcpy(void *to, const void *from, size_t count)
{
    volatile char *target = to;
    const char *source = from;
    while (count--) *target++ = *source++;
    return to;
}

HIDDEN void *memset(void *to, int value, size_t count)
{
    volatile char *target = to;
    while (count--) *target++ = (char)value;
    return to;
}

static inline size_t text_length(const volatile char *text)
{
    size_t length = 0;
    while (text[length]) length++;
    return length;
}

/* Whether both are the same but for the case of ASCII letters. */
static inline int is_same_text(const volatile char *a, const volatile char *b)
{
    for (;; a++, b++) {
        char x = *a, y = *b;
        if (x >= 'A' && x <= 'Z') x += 'a' - 'A';
        if (y >= 'A' && y <= 'Z') y += 'a' - 'A';
        if (x != y) return 0;
        if (!x) return 1;
    }
}

static inline char *put_text(char *to, const volatile char *text)
{
    while (*text) *to++ = *text++;
    *to = 0;
    return to;
}

static inline char *put_number(char *to, uint64_t value)
{
    char digits[24];
    int count = 0;
    do digits[count++] = (char)('0' + value % 10); while (value /= 10);
    while (count) *to++ = digits[--count];
    *to = 0;
    return to;
}

/* Upper-case hexadecimal with leading zeros. */
static inline char *put_hex(char *to, uint32_t value, int width)
{
    for (int shift = 4 * (width - 1); shift >= 0; shift -= 4) *to++ = "0123456789ABCDEF"[value >> shift & 15];
    *to = 0;
    return to;
}

struct statx_result {
    uint32_t mask, block_size;
    uint64_t attributes;
    uint32_t link_count, uid, gid;
    uint16_t mode, spare;
    uint64_t rest[12];
    uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
    uint64_t more[14];
};

/*
 * Opens a character device and closes it again. 0: the device cgroup and the file's mode allow it, whether or not a
 * driver is behind it (without one the kernel answers ENXIO after its checks). Else the error: ENOENT when there is no
 * such node or it is another device.
 */
static inline int probe_device(const char *path, uint32_t major, uint32_t minor, long flags)
{
    struct statx_result status = {0};
    enum { STATX_TYPE = 1 };
    long failed = kernel(SYS_STATX, CURRENT_FOLDER, (long)path, 0, STATX_TYPE, (long)&status);
    if (failed < 0) return (int)-failed;
    if ((status.mode & KIND_MASK) != KIND_CHARACTER) return E_NOENT;
    if (status.rdev_major != major || status.rdev_minor != minor) return E_NOENT;
    long fd = kernel(SYS_OPENAT, CURRENT_FOLDER, (long)path, flags | O_CLOSE_ON_EXEC, 0, 0);
    if (fd == -E_NXIO || fd == -E_NODEV) return 0;
    if (fd < 0) return (int)-fd;
    kernel(SYS_CLOSE, fd, 0, 0, 0, 0);
    return 0;
}

#endif

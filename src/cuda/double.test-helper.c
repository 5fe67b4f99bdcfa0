/*
 * Stand-ins for libcuda, libcudart and libcublas. Macros make the worse ones: HANG_x and CRASH_x at a call, FAIL_x=NUMBER for what a call answers, OLD (no UUID, no primary context,
 * no names of errors), CHATTER (prints), SPOILT (memory that changes), and NO_MEMORY (none of its functions).
 */
#include <string.h>
#include <unistd.h>

#define STAND(x) do { if (HANG_##x) for (;;) pause(); if (CRASH_##x) *(volatile int *)8 = 1; if (FAIL_##x) return FAIL_##x; } while (0)
#ifndef HANG_INIT
#define HANG_INIT 0
#endif
#ifndef HANG_CONTEXT
#define HANG_CONTEXT 0
#endif
#ifndef CRASH_INIT
#define CRASH_INIT 0
#endif
#ifndef CRASH_CONTEXT
#define CRASH_CONTEXT 0
#endif
#ifndef FAIL_INIT
#define FAIL_INIT 0
#endif
#ifndef FAIL_CONTEXT
#define FAIL_CONTEXT 0
#endif
#ifndef COUNT
#define COUNT 2
#endif

#if defined(RUNTIME)
int cudaRuntimeGetVersion(int *version) { *version = 12040; return 0; }
int cudaGetDeviceCount(int *count) { *count = COUNT; return RUNTIME; }
int cudaMalloc(void **to, unsigned long bytes) { *to = (void *)0x7f0000000000; return 0; }
int cudaFree(void *memory) { return memory == (void *)0x7f0000000000 ? 0 : 1; }
#elif defined(LIBRARY)
int cublasGetProperty(int which, int *value) { *value = 12 - which; return 0; }
unsigned long cudnnGetVersion(void) { return LIBRARY; }
#else

static char memory[1 << 20];

int cuInit(unsigned flags)
{
#ifdef CHATTER
    write(1, "hello\n", 6);
#endif
    STAND(INIT);
    return (int)flags;
}

int cuDriverGetVersion(int *version) { *version = 12080; return 0; }
int cuDeviceGetCount(int *count) { *count = COUNT; return 0; }
int cuDeviceGet(int *device, int index) { *device = index + 40; return 0; }
int cuDeviceGetName(char *name, int room, int device)
{
    strncpy(name, device == 41 ? "NVIDIA X1 MIG 1g.10gb" : "NVIDIA X1", (unsigned long)room);
    return 0;
}

/* Above 4 GiB, so that a handle that loses its upper half is seen. */
int cuCtxCreate_v2(void **context, unsigned flags, int device) { *context = (void *)(0x7700000000 + device); return (int)flags; }
int cuCtxDestroy_v2(void *context) { return context != (void *)0x7700000028 && context != (void *)0x7700000029; }
int cuCtxSetCurrent(void *context) { return cuCtxDestroy_v2(context); }

#ifndef OLD
int cuDeviceGetUuid_v2(unsigned char *uuid, int device)
{
    for (int at = 0; at < 16; at++) uuid[at] = (unsigned char)(device + at);
    return 0;
}

int cuDevicePrimaryCtxRetain(void **context, int device)
{
    if (device == 41) STAND(CONTEXT);
    return cuCtxCreate_v2(context, 0, device);
}

int cuDevicePrimaryCtxRelease_v2(int device) { return device != 40 && device != 41; }
int cuGetErrorName(unsigned error, const char **name)
{
    *name = error == 777 ? "CUDA_ERROR_OF_TOMORROW" : 0;
    return error != 777;
}
#endif

#ifndef NO_MEMORY
int cuMemAlloc_v2(unsigned long long *address, unsigned long bytes) { *address = 0x7f1234567000; return bytes > sizeof memory; }
int cuMemcpyHtoD_v2(unsigned long long to, const void *from, unsigned long bytes) { memcpy(memory, from, bytes); return to != 0x7f1234567000; }
int cuMemcpyDtoH_v2(void *to, unsigned long long from, unsigned long bytes)
{
    memcpy(to, memory, bytes);
#ifdef SPOILT
    ((char *)to)[bytes - 1] ^= 1;
#endif
    return from != 0x7f1234567000;
}
int cuMemFree_v2(unsigned long long address) { return address != 0x7f1234567000; }
#endif
#endif

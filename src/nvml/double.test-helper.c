/*
 * A stand-in for libnvidia-ml: three GPUs, of which the middle one has fallen off the bus. GPU 0 has MIG devices 0 and 2; GPU 2
 * cannot be divided. Macros make the worse ones: HANG, CRASH, CHATTER, NO_DRIVER, OLD, FOREVER (a child that keeps the pipe).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct gpu { unsigned number, part; } *device;
typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; } pci_info;

/* Above 4 GiB, so that a handle that loses its upper half is seen. */
static device handle(unsigned number, unsigned part)
{
    static device handles[8];
    device *one = &handles[number * 3 + part];
    if (!*one) *one = malloc(1 << 20);
    (*one)->number = number;
    (*one)->part = part;
    return *one;
}

static int give(char *to, unsigned room, const char *text)
{
    if (strlen(text) >= room) return 7;
    strcpy(to, text);
    return 0;
}

#ifdef OLD
int nvmlInit(void)
#else
int nvmlInit_v2(void)
#endif
{
#ifdef HANG
    for (;;) pause();
#endif
#ifdef CRASH
    *(volatile int *)8 = 1;
#endif
#ifdef CHATTER
    write(1, "hello\n", 6);
#endif
#ifdef NO_DRIVER
    return 9;
#endif
#ifdef FOREVER
    if (fork() == 0) { sleep(5); _exit(0); }
    for (;;) pause();
#endif
    return 0;
}

int nvmlSystemGetDriverVersion(char *to, unsigned room) { return give(to, room, "570.133.20"); }
int nvmlDeviceGetCount(unsigned *count) { *count = 3; return 0; }

#ifndef OLD
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 12080; return 0; }
int nvmlDeviceGetBrand(device gpu, unsigned *brand) { *brand = 14; return 0; }
#endif

int nvmlDeviceGetHandleByIndex_v2(unsigned index, device *to)
{
    if (index == 1) return 15;
    *to = handle(index, 0);
    return 0;
}

int nvmlDeviceGetPciInfo_v3(device gpu, pci_info *info)
{
    memset(info, 0, sizeof *info);
    info->domain = gpu->number ? 0x10000 : 0;
    info->bus = 0x1b;
    info->device = gpu->number;
    return 0;
}

int nvmlDeviceGetUUID(device gpu, char *to, unsigned room)
{
    char text[64];
    sprintf(text, "%s-%u-%u", gpu->part ? "MIG" : "GPU", gpu->number, gpu->part);
    return give(to, room, text);
}

int nvmlDeviceGetName(device gpu, char *to, unsigned room)
{
    return give(to, room, gpu->part ? "NVIDIA X1 MIG 1g.10gb+me" : "NVIDIA X1");
}

int nvmlDeviceGetCudaComputeCapability(device gpu, int *major, int *minor)
{
    *major = gpu->number ? 12 : 9;
    *minor = gpu->number ? 1 : 0;
    return 0;
}

int nvmlDeviceGetMigMode(device gpu, unsigned *current, unsigned *pending)
{
    if (gpu->number) return 3;
    *current = 1;
    *pending = 0;
    return 0;
}

int nvmlDeviceGetMaxMigDeviceCount(device gpu, unsigned *count) { *count = 7; return 0; }

int nvmlDeviceGetMigDeviceHandleByIndex(device gpu, unsigned index, device *to)
{
    if (index != 0 && index != 2) return 6;
    *to = handle(gpu->number, index ? 2 : 1);
    return 0;
}

int nvmlDeviceGetGpuInstanceId(device mig, unsigned *id) { *id = mig->part * 4; return 0; }
int nvmlDeviceGetComputeInstanceId(device mig, unsigned *id) { *id = mig->part - 1; return 0; }

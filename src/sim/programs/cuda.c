/* build: -shared -fPIC -nostdlib -ffreestanding -fno-stack-protector -fvisibility=hidden -O2 -Wl,--hash-style=both -Wl,--build-id=none -Wl,-soname,libcuda.so.1 */
/*
 * The simulated CUDA driver library, with the real signatures (cuda.h of CUDA 12): it starts, tells its devices, makes contexts, and keeps a little memory that can be
 * written and read. A device exists when its nodes may be opened in this container; of MIG devices CUDA shows one. Where the node for memory is not there, or is another
 * device, the driver starts with the error that the real one has.
 */
#include "table.h"

typedef enum {
    CUDA_SUCCESS = 0, CUDA_ERROR_INVALID_VALUE = 1, CUDA_ERROR_OUT_OF_MEMORY = 2, CUDA_ERROR_NOT_INITIALIZED = 3,
    CUDA_ERROR_NO_DEVICE = 100, CUDA_ERROR_INVALID_DEVICE = 101, CUDA_ERROR_INVALID_CONTEXT = 201, CUDA_ERROR_UNKNOWN = 999
} CUresult;
typedef int CUdevice;
typedef struct { unsigned char bytes[16]; } CUuuid;
typedef unsigned long long CUdeviceptr;
typedef struct context { CUdevice device; int is_made; } *CUcontext;

static const volatile struct gpu_row *devices[MAX_GPUS];
static const volatile struct mig_row *mig_device;
static int device_count, is_initialized;

static void find_devices(void)
{
    device_count = 0;
    mig_device = 0;
    for (uint32_t i = 0; i < machine()->gpu_count; i++) {
        const volatile struct gpu_row *gpu = &machine()->gpus[i];
        if (gpu->mig != MIG_ON && is_gpu_visible(gpu)) devices[device_count++] = gpu;
    }
    for (uint32_t i = 0; i < machine()->mig_count && device_count == 0; i++) {
        const volatile struct mig_row *mig = &machine()->migs[i];
        const volatile struct gpu_row *gpu = &machine()->gpus[mig->gpu];
        if (!is_gpu_visible(gpu) || !is_mig_visible(mig)) continue;
        mig_device = mig;
        devices[device_count++] = gpu;
    }
}

EXPORT CUresult cuInit(unsigned int flags)
{
    if (flags) return CUDA_ERROR_INVALID_VALUE;
    if (probe_control_node()) return CUDA_ERROR_NO_DEVICE;
    find_devices();
    if (!device_count) return CUDA_ERROR_NO_DEVICE;
    if (probe_memory_node()) return CUDA_ERROR_UNKNOWN;
    is_initialized = 1;
    return CUDA_SUCCESS;
}

EXPORT CUresult cuDriverGetVersion(int *version)
{
    if (!version) return CUDA_ERROR_INVALID_VALUE;
    *version = (int)machine()->cuda;
    return CUDA_SUCCESS;
}

EXPORT CUresult cuDeviceGetCount(int *count)
{
    if (!is_initialized) return CUDA_ERROR_NOT_INITIALIZED;
    if (!count) return CUDA_ERROR_INVALID_VALUE;
    *count = device_count;
    return CUDA_SUCCESS;
}

EXPORT CUresult cuDeviceGet(CUdevice *device, int ordinal)
{
    if (!is_initialized) return CUDA_ERROR_NOT_INITIALIZED;
    if (!device) return CUDA_ERROR_INVALID_VALUE;
    if (ordinal < 0 || ordinal >= device_count) return CUDA_ERROR_INVALID_DEVICE;
    *device = ordinal;
    return CUDA_SUCCESS;
}

EXPORT CUresult cuDeviceGetName(char *name, int length, CUdevice device)
{
    char text[128];
    if (!is_initialized) return CUDA_ERROR_NOT_INITIALIZED;
    if (!name || length <= 0) return CUDA_ERROR_INVALID_VALUE;
    if (device < 0 || device >= device_count) return CUDA_ERROR_INVALID_DEVICE;
    char *end = put_text(text, devices[device]->name);
    if (mig_device) put_text(put_text(end, " MIG "), mig_device->profile);
    text[(size_t)length - 1 < sizeof text ? (size_t)length - 1 : sizeof text - 1] = 0;
    put_text(name, text);
    return CUDA_SUCCESS;
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') return digit - '0';
    if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* The bytes of a text like "GPU-1b5e5a5c-…". */
static void parse_uuid(CUuuid *uuid, const volatile char *text)
{
    int nibbles = 0;
    for (text += 4; *text && nibbles < 32; text++) {
        int value = hex_value(*text);
        if (value < 0) continue;
        if (nibbles % 2) uuid->bytes[nibbles / 2] |= (unsigned char)value;
        else uuid->bytes[nibbles / 2] = (unsigned char)(value << 4);
        nibbles++;
    }
}

static CUresult check_device(const void *to, CUdevice device)
{
    if (!is_initialized) return CUDA_ERROR_NOT_INITIALIZED;
    if (!to) return CUDA_ERROR_INVALID_VALUE;
    return device < 0 || device >= device_count ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS;
}

/* The older one tells that of the whole GPU, also for a MIG device. */
EXPORT CUresult cuDeviceGetUuid(CUuuid *uuid, CUdevice device)
{
    CUresult failed = check_device(uuid, device);
    if (!failed) parse_uuid(uuid, devices[device]->uuid);
    return failed;
}

EXPORT CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device)
{
    CUresult failed = check_device(uuid, device);
    if (!failed) parse_uuid(uuid, mig_device ? mig_device->uuid : devices[device]->uuid);
    return failed;
}

EXPORT CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device)
{
    CUresult failed = check_device(bytes, device);
    if (!failed) *bytes = mig_device ? mig_device->memory : devices[device]->memory;
    return failed;
}

static struct context contexts[MAX_GPUS];
static CUcontext current;

EXPORT CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device)
{
    CUresult failed = check_device(context, device);
    if (failed) return failed;
    contexts[device].device = device;
    contexts[device].is_made++;
    *context = &contexts[device];
    return CUDA_SUCCESS;
}

EXPORT CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device)
{
    CUresult failed = check_device(contexts, device);
    if (failed) return failed;
    if (!contexts[device].is_made) return CUDA_ERROR_INVALID_CONTEXT;
    if (!--contexts[device].is_made && current == &contexts[device]) current = 0;
    return CUDA_SUCCESS;
}

EXPORT CUresult cuCtxCreate_v2(CUcontext *context, unsigned int flags, CUdevice device)
{
    (void)flags;
    CUresult failed = cuDevicePrimaryCtxRetain(context, device);
    if (!failed) current = *context;
    return failed;
}

EXPORT CUresult cuCtxDestroy_v2(CUcontext context)
{
    return context ? cuDevicePrimaryCtxRelease_v2(context->device) : CUDA_ERROR_INVALID_CONTEXT;
}

EXPORT CUresult cuCtxSetCurrent(CUcontext context)
{
    if (!is_initialized) return CUDA_ERROR_NOT_INITIALIZED;
    current = context;
    return CUDA_SUCCESS;
}

/* One piece of memory at a time, at an address that is no memory of the process. */
enum { MEMORY_BYTES = 1 << 20 };
static const CUdeviceptr MEMORY_START = 0x7f5000000000ull;
static char memory[MEMORY_BYTES];
static size_t allocated;

EXPORT CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes)
{
    if (!current) return CUDA_ERROR_INVALID_CONTEXT;
    if (!address || !bytes) return CUDA_ERROR_INVALID_VALUE;
    if (allocated || bytes > MEMORY_BYTES) return CUDA_ERROR_OUT_OF_MEMORY;
    allocated = bytes;
    *address = MEMORY_START;
    return CUDA_SUCCESS;
}

EXPORT CUresult cuMemFree_v2(CUdeviceptr address)
{
    if (address != MEMORY_START || !allocated) return CUDA_ERROR_INVALID_VALUE;
    allocated = 0;
    return CUDA_SUCCESS;
}

static int is_allocated(CUdeviceptr address, size_t bytes)
{
    return address >= MEMORY_START && bytes <= allocated && address - MEMORY_START <= allocated - bytes;
}

EXPORT CUresult cuMemcpyHtoD_v2(CUdeviceptr to, const void *from, size_t bytes)
{
    if (!from || !is_allocated(to, bytes)) return CUDA_ERROR_INVALID_VALUE;
    memcpy(memory + (to - MEMORY_START), from, bytes);
    return CUDA_SUCCESS;
}

EXPORT CUresult cuMemcpyDtoH_v2(void *to, CUdeviceptr from, size_t bytes)
{
    if (!to || !is_allocated(from, bytes)) return CUDA_ERROR_INVALID_VALUE;
    memcpy(to, memory + (from - MEMORY_START), bytes);
    return CUDA_SUCCESS;
}

EXPORT CUresult cuGetErrorName(CUresult error, const char **name)
{
    if (!name) return CUDA_ERROR_INVALID_VALUE;
    switch (error) {
    case CUDA_SUCCESS: *name = "CUDA_SUCCESS"; break;
    case CUDA_ERROR_INVALID_VALUE: *name = "CUDA_ERROR_INVALID_VALUE"; break;
    case CUDA_ERROR_OUT_OF_MEMORY: *name = "CUDA_ERROR_OUT_OF_MEMORY"; break;
    case CUDA_ERROR_NOT_INITIALIZED: *name = "CUDA_ERROR_NOT_INITIALIZED"; break;
    case CUDA_ERROR_NO_DEVICE: *name = "CUDA_ERROR_NO_DEVICE"; break;
    case CUDA_ERROR_INVALID_DEVICE: *name = "CUDA_ERROR_INVALID_DEVICE"; break;
    case CUDA_ERROR_INVALID_CONTEXT: *name = "CUDA_ERROR_INVALID_CONTEXT"; break;
    case CUDA_ERROR_UNKNOWN: *name = "CUDA_ERROR_UNKNOWN"; break;
    default: *name = 0; return CUDA_ERROR_INVALID_VALUE;
    }
    return CUDA_SUCCESS;
}

/* build: -shared -fPIC -nostdlib -ffreestanding -fno-stack-protector -fvisibility=hidden -O2 -Wl,--hash-style=both -Wl,--build-id=none -Wl,-soname,libcuda.so.1 */
/*
 * The simulated CUDA driver library: starting it and counting devices, with the real signatures (cuda.h of CUDA 12).
 * A device exists when its nodes may be opened in this container; of MIG devices CUDA shows one.
 */
#include "table.h"

typedef enum {
    CUDA_SUCCESS = 0, CUDA_ERROR_INVALID_VALUE = 1, CUDA_ERROR_NOT_INITIALIZED = 3, CUDA_ERROR_NO_DEVICE = 100,
    CUDA_ERROR_INVALID_DEVICE = 101
} CUresult;
typedef int CUdevice;

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

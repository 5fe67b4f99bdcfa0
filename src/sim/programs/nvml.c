/* build: -shared -fPIC -nostdlib -ffreestanding -fno-stack-protector -fvisibility=hidden -O2 -Wl,--hash-style=both -Wl,--build-id=none -Wl,-soname,libnvidia-ml.so.1 */
/*
 * The simulated NVML: the first entry points that a client of the real library calls, with their real signatures
 * (nvml.h of CUDA 12). A GPU exists here when its device node may be opened in this container, in PCI order from 0.
 */
#include "table.h"
#include "state.h"

typedef enum {
    SUCCESS = 0, UNINITIALIZED = 1, INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, NO_PERMISSION = 4, NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7, DRIVER_NOT_LOADED = 9, ARGUMENT_VERSION_MISMATCH = 25, UNKNOWN = 999
} nvmlReturn_t;

typedef struct device *nvmlDevice_t;

/* One visible GPU (`mig` is null) or MIG device. `index` counts within the system or within the parent. */
struct device {
    const volatile struct gpu_row *gpu;
    const volatile struct mig_row *mig;
    struct device *parent;
    unsigned int index;
};

typedef struct {
    char busIdLegacy[16];
    unsigned int domain, bus, device, pciDeviceId, pciSubSystemId;
    char busId[32];
} nvmlPciInfo_t;

typedef struct {
    unsigned int multiprocessorCount, sharedCopyEngineCount, sharedDecoderCount, sharedEncoderCount, sharedJpegCount;
    unsigned int sharedOfaCount, gpuInstanceSliceCount, computeInstanceSliceCount;
    unsigned long long memorySizeMB;
} nvmlDeviceAttributes_t;

static struct device gpus[MAX_GPUS], migs[MAX_MIGS];
static unsigned int gpu_count, mig_count, users;

static void find_migs(struct device *parent, unsigned int row)
{
    unsigned int index = 0;
    for (unsigned int i = 0; i < machine()->mig_count; i++) {
        const volatile struct mig_row *mig = &machine()->migs[i];
        if (mig->gpu != row || !is_mig_visible(mig)) continue;
        migs[mig_count++] = (struct device){parent->gpu, mig, parent, index++};
    }
}

static void find_devices(void)
{
    gpu_count = mig_count = 0;
    for (unsigned int row = 0; row < machine()->gpu_count; row++) {
        const volatile struct gpu_row *gpu = &machine()->gpus[row];
        if (!is_gpu_visible(gpu)) continue;
        struct device *device = &gpus[gpu_count];
        *device = (struct device){gpu, 0, 0, gpu_count++};
        find_migs(device, row);
    }
}

EXPORT nvmlReturn_t nvmlInitWithFlags(unsigned int flags)
{
    (void)flags;
    int failed = probe_control_node();
    if (failed == E_PERM || failed == E_ACCES) return NO_PERMISSION;
    if (failed) return DRIVER_NOT_LOADED;
    if (users++ == 0) find_devices();
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlInit_v2(void)
{
    return nvmlInitWithFlags(0);
}

EXPORT nvmlReturn_t nvmlInit(void)
{
    return nvmlInitWithFlags(0);
}

EXPORT nvmlReturn_t nvmlShutdown(void)
{
    if (!users) return UNINITIALIZED;
    users--;
    return SUCCESS;
}

static nvmlReturn_t give_text(char *to, unsigned int room, const char *text)
{
    if (!users) return UNINITIALIZED;
    if (!to) return INVALID_ARGUMENT;
    if (text_length(text) >= room) return INSUFFICIENT_SIZE;
    put_text(to, text);
    return SUCCESS;
}

static nvmlReturn_t give_number(unsigned int *to, unsigned int value)
{
    if (!users) return UNINITIALIZED;
    if (!to) return INVALID_ARGUMENT;
    *to = value;
    return SUCCESS;
}

static nvmlReturn_t check(nvmlDevice_t device)
{
    if (!users) return UNINITIALIZED;
    unsigned int i;
    for (i = 0; i < gpu_count; i++) if (device == &gpus[i]) return SUCCESS;
    for (i = 0; i < mig_count; i++) if (device == &migs[i]) return SUCCESS;
    return INVALID_ARGUMENT;
}

/* The GPU's place among all of the machine, which is its number in the state file. */
static unsigned int row_of(nvmlDevice_t device)
{
    return (unsigned int)(device->gpu - machine()->gpus);
}

/* Like check, but a MIG device is an invalid argument: what is asked for belongs to the whole GPU. */
static nvmlReturn_t check_gpu(nvmlDevice_t device)
{
    nvmlReturn_t status = check(device);
    return status == SUCCESS && device->mig ? INVALID_ARGUMENT : status;
}

static nvmlReturn_t check_mig(nvmlDevice_t device)
{
    nvmlReturn_t status = check(device);
    return status == SUCCESS && !device->mig ? INVALID_ARGUMENT : status;
}

EXPORT nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned int length)
{
    char text[32];
    put_text(text, machine()->version);
    return give_text(version, length, text);
}

EXPORT nvmlReturn_t nvmlSystemGetNVMLVersion(char *version, unsigned int length)
{
    char text[48];
    put_text(put_text(put_number(text, machine()->cuda / 1000), "."), machine()->version);
    return give_text(version, length, text);
}

EXPORT nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version)
{
    if (!version) return INVALID_ARGUMENT;
    *version = (int)machine()->cuda;
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version)
{
    return nvmlSystemGetCudaDriverVersion(version);
}

EXPORT nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count)
{
    return give_number(count, gpu_count);
}

EXPORT nvmlReturn_t nvmlDeviceGetCount(unsigned int *count)
{
    return give_number(count, gpu_count);
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device)
{
    if (!users) return UNINITIALIZED;
    if (!device || index >= gpu_count) return INVALID_ARGUMENT;
    *device = &gpus[index];
    return (nvmlReturn_t)obey_state(row_of(*device), "Handle");
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex(unsigned int index, nvmlDevice_t *device)
{
    return nvmlDeviceGetHandleByIndex_v2(index, device);
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device)
{
    unsigned int i;
    if (!users) return UNINITIALIZED;
    if (!uuid || !device) return INVALID_ARGUMENT;
    *device = 0;
    for (i = 0; i < gpu_count; i++) if (is_same_text(uuid, gpus[i].gpu->uuid)) *device = &gpus[i];
    for (i = 0; i < mig_count; i++) if (is_same_text(uuid, migs[i].mig->uuid)) *device = &migs[i];
    return *device ? SUCCESS : NOT_FOUND;
}

/* "00000000:1B:00.0" with a domain of `width` digits. */
static void put_bus(char *to, const volatile struct gpu_row *gpu, int width)
{
    to = put_text(put_hex(to, gpu->domain, width), ":");
    to = put_text(put_hex(to, gpu->bus, 2), ":");
    put_text(put_hex(to, gpu->device, 2), ".0");
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *bus, nvmlDevice_t *device)
{
    char full[20], legacy[20];
    if (!users) return UNINITIALIZED;
    if (!bus || !device) return INVALID_ARGUMENT;
    for (unsigned int i = 0; i < gpu_count; i++) {
        put_bus(full, gpus[i].gpu, 8);
        put_bus(legacy, gpus[i].gpu, 4);
        if (!is_same_text(bus, full) && !is_same_text(bus, legacy)) continue;
        *device = &gpus[i];
        return (nvmlReturn_t)obey_state(row_of(*device), "Handle");
    }
    return NOT_FOUND;
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByPciBusId(const char *bus, nvmlDevice_t *device)
{
    return nvmlDeviceGetHandleByPciBusId_v2(bus, device);
}

EXPORT nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length)
{
    char text[128];
    nvmlReturn_t status = check(device);
    if (status) return status;
    char *end = put_text(text, device->gpu->name);
    if (device->mig) put_text(put_text(end, " MIG "), device->mig->profile);
    return give_text(name, length, text);
}

EXPORT nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned int length)
{
    char text[64];
    nvmlReturn_t status = check(device);
    if (status) return status;
    put_text(text, device->mig ? device->mig->uuid : device->gpu->uuid);
    return give_text(uuid, length, text);
}

EXPORT nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int *index)
{
    nvmlReturn_t status = check(device);
    return status ? status : give_number(index, device->index);
}

EXPORT nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned int *minor)
{
    nvmlReturn_t status = check_gpu(device);
    if (status) return status;
    return has_unit_node() ? NOT_SUPPORTED : give_number(minor, device->gpu->minor);
}

EXPORT nvmlReturn_t nvmlDeviceGetBrand(nvmlDevice_t device, unsigned int *brand)
{
    nvmlReturn_t status = check(device);
    return status ? status : give_number(brand, device->gpu->brand);
}

EXPORT nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *pci)
{
    nvmlReturn_t status = check_gpu(device);
    if (status) return status;
    if (!pci) return INVALID_ARGUMENT;
    const volatile struct gpu_row *gpu = device->gpu;
    memset(pci, 0, sizeof *pci);
    put_bus(pci->busIdLegacy, gpu, 4);
    put_bus(pci->busId, gpu, 8);
    pci->domain = gpu->domain;
    pci->bus = gpu->bus;
    pci->device = gpu->device;
    pci->pciDeviceId = gpu->pci_id;
    pci->pciSubSystemId = gpu->subsystem_id;
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetPciInfo_v2(nvmlDevice_t device, nvmlPciInfo_t *pci)
{
    return nvmlDeviceGetPciInfo_v3(device, pci);
}

EXPORT nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor)
{
    nvmlReturn_t status = check(device);
    if (status) return status;
    if (!major || !minor) return INVALID_ARGUMENT;
    *major = (int)(device->gpu->capability / 10);
    *minor = (int)(device->gpu->capability % 10);
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned int *current, unsigned int *pending)
{
    nvmlReturn_t status = check_gpu(device);
    if (status) return status;
    if (device->gpu->mig == MIG_NEVER) return NOT_SUPPORTED;
    if (!current || !pending) return INVALID_ARGUMENT;
    *current = *pending = device->gpu->mig;
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned int *count)
{
    enum { MOST = 7 };
    nvmlReturn_t status = check_gpu(device);
    return status ? status : give_number(count, device->gpu->mig == MIG_NEVER ? 0 : MOST);
}

EXPORT nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned int *is_mig)
{
    nvmlReturn_t status = check(device);
    return status ? status : give_number(is_mig, device->mig != 0);
}

EXPORT nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned int index, nvmlDevice_t *mig)
{
    nvmlReturn_t status = check_gpu(device);
    if (status) return status;
    if (!mig) return INVALID_ARGUMENT;
    if (device->gpu->mig == MIG_NEVER) return NOT_SUPPORTED;
    for (unsigned int i = 0; i < mig_count; i++) {
        if (migs[i].parent != device || migs[i].index != index) continue;
        *mig = &migs[i];
        return SUCCESS;
    }
    return NOT_FOUND;
}

EXPORT nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t mig, nvmlDevice_t *device)
{
    nvmlReturn_t status = check_mig(mig);
    if (status) return status;
    if (!device) return INVALID_ARGUMENT;
    *device = mig->parent;
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t device, unsigned int *id)
{
    nvmlReturn_t status = check_mig(device);
    return status ? status : give_number(id, device->mig->instance);
}

EXPORT nvmlReturn_t nvmlDeviceGetComputeInstanceId(nvmlDevice_t device, unsigned int *id)
{
    nvmlReturn_t status = check_mig(device);
    return status ? status : give_number(id, device->mig->compute);
}

EXPORT nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t device, nvmlDeviceAttributes_t *attributes)
{
    nvmlReturn_t status = check(device);
    if (status) return status;
    if (!attributes) return INVALID_ARGUMENT;
    if (!device->mig) return NOT_SUPPORTED;
    memset(attributes, 0, sizeof *attributes);
    attributes->multiprocessorCount = device->mig->multiprocessors;
    attributes->gpuInstanceSliceCount = device->mig->gpu_slices;
    attributes->computeInstanceSliceCount = device->mig->compute_slices;
    attributes->memorySizeMB = device->mig->memory >> 20;
    return SUCCESS;
}

#include "nvml-live.h"

EXPORT const char *nvmlErrorString(nvmlReturn_t result)
{
    switch (result) {
    case SUCCESS: return "Success";
    case UNINITIALIZED: return "Uninitialized";
    case INVALID_ARGUMENT: return "Invalid Argument";
    case NOT_SUPPORTED: return "Not Supported";
    case NO_PERMISSION: return "Insufficient Permissions";
    case NOT_FOUND: return "Not Found";
    case INSUFFICIENT_SIZE: return "Insufficient Size";
    case DRIVER_NOT_LOADED: return "Driver Not Loaded";
    default: return "Unknown Error";
    }
}

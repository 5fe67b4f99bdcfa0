/* The entry points of the simulated NVML whose answers change while a machine runs: state.h says them. Part of nvml.c. */

typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } nvmlMemory_v2_t;
typedef struct { unsigned int gpu, memory; } nvmlUtilization_t;
typedef struct {
    unsigned int pid;
    unsigned long long usedGpuMemory;
    unsigned int gpuInstanceId, computeInstanceId;
} nvmlProcessInfo_t;

enum { MIB_SHIFT = 20, NO_INSTANCE = 0xFFFFFFFF };

/* Each call begins with it: whether the device is one, and what the state file wants of the call. */
static nvmlReturn_t begin(nvmlDevice_t device, const char *call)
{
    nvmlReturn_t status = check(device);
    return status ? status : (nvmlReturn_t)obey_state(row_of(device), call);
}

static nvmlReturn_t begin_gpu(nvmlDevice_t device, const char *call)
{
    nvmlReturn_t status = check_gpu(device);
    return status ? status : (nvmlReturn_t)obey_state(row_of(device), call);
}

/* One number of the state file. */
static nvmlReturn_t give_state(nvmlDevice_t device, const char *call, unsigned int *to, const char *key, unsigned int idle)
{
    nvmlReturn_t status = begin_gpu(device, call);
    return status ? status : give_number(to, (unsigned int)state_number(row_of(device), key, idle));
}

/* A MIG device's is never said to be in use. `used` is without what is reserved. */
static nvmlMemory_v2_t memory_of(nvmlDevice_t device)
{
    nvmlMemory_v2_t memory = {0};
    memory.total = device->mig ? device->mig->memory : device->gpu->memory;
    if (!device->mig) {
        unsigned int row = row_of(device);
        memory.reserved = state_number(row, "memory-reserved-mib", 0) << MIB_SHIFT;
        memory.used = state_number(row, "memory-used-mib", device->gpu->used >> MIB_SHIFT) << MIB_SHIFT;
    }
    memory.free = memory.total - memory.used - memory.reserved;
    return memory;
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
    nvmlReturn_t status = begin(device, "MemoryInfo");
    if (status) return status;
    if (!memory) return INVALID_ARGUMENT;
    nvmlMemory_v2_t all = memory_of(device);
    *memory = (nvmlMemory_t){all.total, all.free, all.used + all.reserved};
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
    nvmlReturn_t status = begin(device, "MemoryInfoV2");
    if (status) return status;
    if (!memory) return INVALID_ARGUMENT;
    if (memory->version != (sizeof *memory | 2 << 24)) return ARGUMENT_VERSION_MISMATCH;
    unsigned int version = memory->version;
    *memory = memory_of(device);
    memory->version = version;
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *rates)
{
    nvmlReturn_t status = begin_gpu(device, "UtilizationRates");
    if (status) return status;
    if (!rates) return INVALID_ARGUMENT;
    if (device->gpu->mig == MIG_ON) return NOT_SUPPORTED;
    rates->gpu = (unsigned int)state_number(row_of(device), "gpu-percent", 0);
    rates->memory = (unsigned int)state_number(row_of(device), "memory-percent", 0);
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, unsigned int sensor, unsigned int *celsius)
{
    return sensor ? INVALID_ARGUMENT : give_state(device, "Temperature", celsius, "temperature", 30);
}

EXPORT nvmlReturn_t nvmlDeviceGetFanSpeed(nvmlDevice_t device, unsigned int *percent)
{
    read_state();
    if (!check(device) && !find_state(row_of(device), "fan-percent", 0)) return NOT_SUPPORTED;
    return give_state(device, "FanSpeed", percent, "fan-percent", 0);
}

EXPORT nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *milliwatts)
{
    return give_state(device, "PowerUsage", milliwatts, "power-mw", 60000);
}

EXPORT nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t device, unsigned int *milliwatts)
{
    return give_state(device, "EnforcedPowerLimit", milliwatts, "power-limit-mw", 400000);
}

/* 0: graphics, 1: SM, 2: memory, 3: video. */
EXPORT nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, unsigned int type, unsigned int *mhz)
{
    if (type > 3) return INVALID_ARGUMENT;
    if (type == 2) return give_state(device, "ClockInfo", mhz, "memory-clock-mhz", 1593);
    return give_state(device, "ClockInfo", mhz, "clock-mhz", 345);
}

EXPORT nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t device, unsigned int *current, unsigned int *pending)
{
    nvmlReturn_t status = give_state(device, "EccMode", current, "ecc", 1);
    return status ? status : give_number(pending, *current);
}

EXPORT nvmlReturn_t nvmlDeviceGetTotalEccErrors(
    nvmlDevice_t device, unsigned int type, unsigned int counter, unsigned long long *count)
{
    nvmlReturn_t status = begin_gpu(device, "TotalEccErrors");
    if (status) return status;
    if (!count || type > 1 || counter > 1) return INVALID_ARGUMENT;
    *count = state_number(row_of(device), type ? "ecc-uncorrected" : "ecc-corrected", 0);
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t device, unsigned int *corrected, unsigned int *uncorrected,
    unsigned int *is_pending, unsigned int *has_failed)
{
    nvmlReturn_t status = give_state(device, "RemappedRows", corrected, "rows-corrected", 0);
    if (!status) status = give_number(uncorrected, (unsigned int)state_number(row_of(device), "rows-uncorrected", 0));
    if (!status) status = give_number(is_pending, state_number(row_of(device), "rows-pending", 0) != 0);
    return status ? status : give_number(has_failed, state_number(row_of(device), "rows-failed", 0) != 0);
}

EXPORT nvmlReturn_t nvmlDeviceGetPersistenceMode(nvmlDevice_t device, unsigned int *mode)
{
    return give_state(device, "PersistenceMode", mode, "persistence", 1);
}

EXPORT nvmlReturn_t nvmlDeviceGetCurrPcieLinkGeneration(nvmlDevice_t device, unsigned int *generation)
{
    return give_state(device, "CurrPcieLinkGeneration", generation, "pcie-generation", 4);
}

EXPORT nvmlReturn_t nvmlDeviceGetMaxPcieLinkGeneration(nvmlDevice_t device, unsigned int *generation)
{
    return give_state(device, "MaxPcieLinkGeneration", generation, "pcie-generation-max", 5);
}

EXPORT nvmlReturn_t nvmlDeviceGetCurrPcieLinkWidth(nvmlDevice_t device, unsigned int *width)
{
    return give_state(device, "CurrPcieLinkWidth", width, "pcie-width", 16);
}

EXPORT nvmlReturn_t nvmlDeviceGetMaxPcieLinkWidth(nvmlDevice_t device, unsigned int *width)
{
    return give_state(device, "MaxPcieLinkWidth", width, "pcie-width-max", 16);
}

/* "GPU nvlink LINK IS_ACTIVE [REMOTE_GPU]": the machine has the links that lines name. */
static const char *find_link(nvmlDevice_t device, unsigned int link)
{
    const char *at;
    uint64_t number;
    read_state();
    for (unsigned int nth = 0; (at = find_state(row_of(device), "nvlink", nth)); nth++) {
        if (take_number(&at, &number) && number == link) return at;
    }
    return 0;
}

EXPORT nvmlReturn_t nvmlDeviceGetNvLinkState(nvmlDevice_t device, unsigned int link, unsigned int *is_active)
{
    uint64_t value;
    nvmlReturn_t status = begin_gpu(device, "NvLinkState");
    if (status) return status;
    const char *at = find_link(device, link);
    return at && take_number(&at, &value) ? give_number(is_active, value != 0) : NOT_SUPPORTED;
}

EXPORT nvmlReturn_t nvmlDeviceGetNvLinkRemotePciInfo_v2(nvmlDevice_t device, unsigned int link, nvmlPciInfo_t *pci)
{
    uint64_t value, other;
    nvmlReturn_t status = begin_gpu(device, "NvLinkRemotePciInfo");
    if (status) return status;
    const char *at = find_link(device, link);
    if (!at || !take_number(&at, &value) || !take_number(&at, &other)) return NOT_SUPPORTED;
    for (unsigned int i = 0; i < gpu_count; i++)
        if (row_of(&gpus[i]) == other) return nvmlDeviceGetPciInfo_v3(&gpus[i], pci);
    return NOT_FOUND;
}

/* "GPU process PID MIB [GPU_INSTANCE COMPUTE_INSTANCE]", "GPU graphics-process …" */
static nvmlReturn_t give_processes(
    nvmlDevice_t device, const char *call, const char *key, unsigned int *count, nvmlProcessInfo_t *infos)
{
    const char *at;
    unsigned int found = 0, room = count ? *count : 0;
    nvmlReturn_t status = begin_gpu(device, call);
    if (status) return status;
    if (!count) return INVALID_ARGUMENT;
    while ((at = find_state(row_of(device), key, found))) {
        uint64_t pid = 0, mib = 0, gi = NO_INSTANCE, ci = NO_INSTANCE;
        take_number(&at, &pid);
        take_number(&at, &mib);
        if (!is_line_end(at)) take_number(&at, &gi), take_number(&at, &ci);
        if (found < room && infos)
            infos[found] = (nvmlProcessInfo_t){(unsigned int)pid, mib << MIB_SHIFT, (unsigned int)gi, (unsigned int)ci};
        found++;
    }
    *count = found;
    return found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(
    nvmlDevice_t device, unsigned int *count, nvmlProcessInfo_t *infos)
{
    return give_processes(device, "ComputeRunningProcesses", "process", count, infos);
}

EXPORT nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v3(
    nvmlDevice_t device, unsigned int *count, nvmlProcessInfo_t *infos)
{
    return give_processes(device, "GraphicsRunningProcesses", "graphics-process", count, infos);
}

/* "GPU process-percent PID SM MEMORY" */
typedef struct {
    unsigned int pid;
    unsigned long long timeStamp;
    unsigned int smUtil, memUtil, encUtil, decUtil;
} nvmlProcessUtilizationSample_t;

EXPORT nvmlReturn_t nvmlDeviceGetProcessUtilization(
    nvmlDevice_t device, nvmlProcessUtilizationSample_t *samples, unsigned int *count, unsigned long long since)
{
    const char *at;
    unsigned int found = 0, room = count ? *count : 0;
    nvmlReturn_t status = begin_gpu(device, "ProcessUtilization");
    if (status) return status;
    if (!count) return INVALID_ARGUMENT;
    if (device->gpu->mig == MIG_ON) return NOT_SUPPORTED;
    while ((at = find_state(row_of(device), "process-percent", found))) {
        uint64_t pid = 0, sm = 0, memory = 0;
        take_number(&at, &pid);
        take_number(&at, &sm);
        take_number(&at, &memory);
        if (found < room && samples)
            samples[found] = (nvmlProcessUtilizationSample_t){
                (unsigned int)pid, since + 1, (unsigned int)sm, (unsigned int)memory, 0, 0};
        found++;
    }
    *count = found;
    if (!found) return NOT_FOUND;
    return found > room ? INSUFFICIENT_SIZE : SUCCESS;
}

static nvmlReturn_t give_video(nvmlDevice_t device, const char *call, unsigned int *percent, unsigned int *period, const char *key)
{
    nvmlReturn_t status = give_state(device, call, percent, key, 0);
    return status ? status : give_number(period, 167000);
}

EXPORT nvmlReturn_t nvmlDeviceGetEncoderUtilization(nvmlDevice_t device, unsigned int *percent, unsigned int *period)
{
    return give_video(device, "EncoderUtilization", percent, period, "encoder-percent");
}

EXPORT nvmlReturn_t nvmlDeviceGetDecoderUtilization(nvmlDevice_t device, unsigned int *percent, unsigned int *period)
{
    return give_video(device, "DecoderUtilization", percent, period, "decoder-percent");
}

/* 0: what the GPU sends, 1: what it gets; in KiB a second. */
EXPORT nvmlReturn_t nvmlDeviceGetPcieThroughput(nvmlDevice_t device, unsigned int counter, unsigned int *rate)
{
    if (counter > 1) return INVALID_ARGUMENT;
    return give_state(device, "PcieThroughput", rate, counter ? "pcie-rx-kib" : "pcie-tx-kib", 0);
}

typedef struct {
    unsigned int fieldId, scopeId;
    long long timestamp, latencyUsec;
    unsigned int valueType, nvmlReturn;
    unsigned long long value;
} nvmlFieldValue_t;

/* Of all fields only what has gone over NVLink, in KiB since the driver was loaded, where a line says it. */
EXPORT nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, nvmlFieldValue_t *values)
{
    enum { NVLINK_TX = 138, NVLINK_RX = 139, UNSIGNED_LONG_LONG = 3 };
    nvmlReturn_t status = begin_gpu(device, "FieldValues");
    if (status) return status;
    if (count < 1 || !values) return INVALID_ARGUMENT;
    for (int i = 0; i < count; i++) {
        unsigned int field = values[i].fieldId;
        const char *key = field == NVLINK_TX ? "nvlink-tx-kib" : field == NVLINK_RX ? "nvlink-rx-kib" : "";
        read_state();
        const char *at = find_state(row_of(device), key, 0);
        uint64_t kib = 0;
        values[i].nvmlReturn = at && take_number(&at, &kib) ? SUCCESS : NOT_SUPPORTED;
        values[i].valueType = UNSIGNED_LONG_LONG;
        values[i].value = kib;
    }
    return SUCCESS;
}

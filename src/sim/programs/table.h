/*
 * What the simulated driver knows about its machine: a slot of 32 KiB in each library, filled by `patchDriverTable`
 * in ../patch.ts, which writes the same layout. Numbers are little-endian; texts are NUL-padded.
 */
#ifndef BERTH_SIM_TABLE_H
#define BERTH_SIM_TABLE_H

#include "kernel.h"

enum { MAX_GPUS = 32, MAX_MIGS = 128, NVIDIA_MAJOR = 195, CONTROL_MINOR = 255 };
enum { MIG_OFF = 0, MIG_ON = 1, MIG_NEVER = 2 };

struct gpu_row {
    uint32_t minor, domain, bus, device, pci_id, subsystem_id, mig, capability;
    uint32_t brand, reserved;
    uint64_t memory, used;
    char uuid[64], name[64];
};

struct mig_row {
    uint32_t gpu, instance, compute, instance_cap, compute_cap;
    uint32_t gpu_slices, compute_slices, multiprocessors;
    uint64_t memory;
    char uuid[64], profile[32];
};

struct table {
    char marker[32], version[32];
    uint32_t cuda, caps_major, gpu_count, mig_count;
    /* On WSL and Tegra the one node that is the GPU; else empty. */
    char unit_node[32];
    uint32_t unit_major, unit_minor;
    /* Of /dev/nvidia-uvm; 0 where the machine has no such node. */
    uint32_t uvm_major, reserved;
    struct gpu_row gpus[MAX_GPUS];
    struct mig_row migs[MAX_MIGS];
};

/* Volatile: the compiler must not fold what is patched in later. */
static const volatile union {
    struct table table;
    char room[32768];
} slot = {.table = {.marker = "berth simulated driver table 3"}};

static inline const volatile struct table *machine(void)
{
    return &slot.table;
}

static inline int has_unit_node(void)
{
    return machine()->unit_node[0] != 0;
}

static inline int probe_unit_node(void)
{
    char path[32];
    put_text(path, machine()->unit_node);
    return probe_device(path, machine()->unit_major, machine()->unit_minor, O_READ_WRITE);
}

/* Without the node by which the driver is spoken to there is no driver. */
static inline int probe_control_node(void)
{
    return has_unit_node() ? probe_unit_node() : probe_device("/dev/nvidiactl", NVIDIA_MAJOR, CONTROL_MINOR, O_READ_WRITE);
}

/* CUDA manages memory through a node of its own; NVML does not. */
static inline int probe_memory_node(void)
{
    return machine()->uvm_major ? probe_device("/dev/nvidia-uvm", machine()->uvm_major, 0, O_READ_WRITE) : 0;
}

static inline int is_gpu_visible(const volatile struct gpu_row *gpu)
{
    char path[32];
    if (has_unit_node()) return probe_unit_node() == 0;
    put_number(put_text(path, "/dev/nvidia"), gpu->minor);
    return probe_device(path, NVIDIA_MAJOR, gpu->minor, O_READ_WRITE) == 0;
}

static inline int is_cap_visible(uint32_t minor)
{
    char path[48];
    put_number(put_text(path, "/dev/nvidia-caps/nvidia-cap"), minor);
    return probe_device(path, machine()->caps_major, minor, O_READ_ONLY) == 0;
}

/* A MIG device takes both nodes: that of its GPU instance and that of its compute instance. */
static inline int is_mig_visible(const volatile struct mig_row *mig)
{
    return is_cap_visible(mig->instance_cap) && is_cap_visible(mig->compute_cap);
}

#endif

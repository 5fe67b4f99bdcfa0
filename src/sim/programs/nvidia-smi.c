/* build: -nostdlib -nostartfiles -ffreestanding -fno-stack-protector -fPIE -pie -O2 -Wl,--hash-style=both -Wl,--build-id=none -Wl,-z,now -l:libnvidia-ml.so */
/*
 * The simulated nvidia-smi: needs libnvidia-ml.so.1 and nothing else, so that the container's own loader must find it.
 * Prints as the real program of the 570 drivers does, and ends with its statuses (nvidia-smi(1), "RETURN VALUE").
 */
#include "kernel.h"

enum { OK = 0, WRONG_ARGUMENT = 2, NO_PERMISSION = 4, NOT_FOUND = 6, DRIVER_NOT_LOADED = 9 };
enum { FIELD_ROOM = 96, MOST_FIELDS = 16 };

typedef void *nvmlDevice_t;
typedef struct { unsigned long long total, free, used; } nvmlMemory_t;
typedef struct {
    char busIdLegacy[16];
    unsigned int domain, bus, device, pciDeviceId, pciSubSystemId;
    char busId[32];
} nvmlPciInfo_t;

int nvmlInit_v2(void);
const char *nvmlErrorString(int);
int nvmlSystemGetDriverVersion(char *, unsigned int);
int nvmlSystemGetCudaDriverVersion_v2(int *);
int nvmlDeviceGetCount_v2(unsigned int *);
int nvmlDeviceGetHandleByIndex_v2(unsigned int, nvmlDevice_t *);
int nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t, unsigned int, nvmlDevice_t *);
int nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t, unsigned int *);
int nvmlDeviceGetMigMode(nvmlDevice_t, unsigned int *, unsigned int *);
int nvmlDeviceGetName(nvmlDevice_t, char *, unsigned int);
int nvmlDeviceGetUUID(nvmlDevice_t, char *, unsigned int);
int nvmlDeviceGetPciInfo_v3(nvmlDevice_t, nvmlPciInfo_t *);
int nvmlDeviceGetMemoryInfo(nvmlDevice_t, nvmlMemory_t *);

static char output[65536];
static char *output_end = output;

static void print(const char *text)
{
    if (output_end + text_length(text) < output + sizeof output) output_end = put_text(output_end, text);
}

/* Left-aligned, or right-aligned with a negative width; longer text is cut off. */
static void print_cell(const char *text, int width)
{
    int room = width < 0 ? -width : width;
    int length = (int)text_length(text);
    char cell[128];
    char *to = cell;
    if (length > room) length = room;
    for (int i = 0; width < 0 && i < room - length; i++) *to++ = ' ';
    for (int i = 0; i < length; i++) *to++ = text[i];
    while (to < cell + room) *to++ = ' ';
    *to = 0;
    print(cell);
}

static void print_number(unsigned int value, int width)
{
    char text[24];
    put_number(text, value);
    if (width) print_cell(text, width);
    else print(text);
}

static void finish(int status)
{
    const char *from = output;
    while (from < output_end) {
        long written = kernel(SYS_WRITE, 1, (long)from, output_end - from, 0, 0);
        if (written <= 0) break;
        from += written;
    }
    kernel(SYS_EXIT_GROUP, status, 0, 0, 0, 0);
    __builtin_unreachable();
}

static void start_library(void)
{
    int failed = nvmlInit_v2();
    if (!failed) return;
    if (failed == DRIVER_NOT_LOADED) {
        print("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. "
              "Make sure that the latest NVIDIA driver is installed and running.\n\n");
    } else {
        print("Failed to initialize NVML: ");
        print(nvmlErrorString(failed));
        print("\n");
    }
    finish(failed);
}

/* The part of a MIG device's name behind " MIG ": "3g.40gb". */
static const char *profile_of(const char *name)
{
    const char *found = name;
    for (const char *at = name; *at; at++) {
        if (at[0] == ' ' && at[1] == 'M' && at[2] == 'I' && at[3] == 'G' && at[4] == ' ') found = at + 5;
    }
    return found;
}

static void list_migs(nvmlDevice_t gpu)
{
    unsigned int most = 0;
    nvmlDevice_t mig;
    char name[FIELD_ROOM], uuid[FIELD_ROOM];
    nvmlDeviceGetMaxMigDeviceCount(gpu, &most);
    for (unsigned int i = 0; i < most; i++) {
        if (nvmlDeviceGetMigDeviceHandleByIndex(gpu, i, &mig)) continue;
        if (nvmlDeviceGetName(mig, name, sizeof name) || nvmlDeviceGetUUID(mig, uuid, sizeof uuid)) continue;
        print("  MIG ");
        print_cell(profile_of(name), 11);
        print(" Device ");
        print_number(i, -2);
        print(": (UUID: ");
        print(uuid);
        print(")\n");
    }
}

static void list_gpus(void)
{
    unsigned int count = 0;
    nvmlDevice_t gpu;
    char name[FIELD_ROOM], uuid[FIELD_ROOM];
    start_library();
    nvmlDeviceGetCount_v2(&count);
    if (!count) {
        print("No devices found.\n");
        finish(NOT_FOUND);
    }
    for (unsigned int i = 0; i < count; i++) {
        if (nvmlDeviceGetHandleByIndex_v2(i, &gpu)) continue;
        nvmlDeviceGetName(gpu, name, sizeof name);
        nvmlDeviceGetUUID(gpu, uuid, sizeof uuid);
        print("GPU ");
        print_number(i, 0);
        print(": ");
        print(name);
        print(" (UUID: ");
        print(uuid);
        print(")\n");
        list_migs(gpu);
    }
    finish(OK);
}

static void put_cuda_version(char *to)
{
    int version = 0;
    nvmlSystemGetCudaDriverVersion_v2(&version);
    put_number(put_text(put_number(to, (unsigned int)version / 1000), "."), (unsigned int)version % 1000 / 10);
}

/* `ends`: the characters at the left end, between columns and at the right end. */
static void print_rule(const char *ends, char fill)
{
    static const int widths[] = {41, 24, 22};
    char line[96];
    char *to = line;
    *to++ = ends[0];
    for (int column = 0; column < 3; column++) {
        for (int i = 0; i < widths[column]; i++) *to++ = fill;
        *to++ = column < 2 ? ends[1] : ends[2];
    }
    *to++ = '\n';
    *to = 0;
    print(line);
}

static void print_heading(void)
{
    char driver[FIELD_ROOM] = "", cuda[FIELD_ROOM] = "";
    nvmlSystemGetDriverVersion(driver, sizeof driver);
    put_cuda_version(cuda);
    print_rule("+-+", '-');
    print("| NVIDIA-SMI ");
    print_cell(driver, 23);
    print("Driver Version: ");
    print_cell(driver, 15);
    print("CUDA Version: ");
    print_cell(cuda, 9);
    print("|\n");
    print_rule("|++", '-');
    print("| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile Uncorr. ECC |\n"
          "| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  Compute M. |\n"
          "|                                         |                        |               MIG M. |\n");
    print_rule("|+|", '=');
}

static const char *mig_mode_of(nvmlDevice_t gpu)
{
    unsigned int current, pending;
    if (nvmlDeviceGetMigMode(gpu, &current, &pending)) return "N/A";
    return current ? "Enabled" : "Disabled";
}

static void print_gpu(nvmlDevice_t gpu, unsigned int index)
{
    char name[FIELD_ROOM] = "", memory[FIELD_ROOM];
    nvmlPciInfo_t pci = {0};
    nvmlMemory_t size = {0};
    nvmlDeviceGetName(gpu, name, sizeof name);
    nvmlDeviceGetPciInfo_v3(gpu, &pci);
    nvmlDeviceGetMemoryInfo(gpu, &size);
    print("| ");
    print_number(index, -3);
    print("  ");
    print_cell(name, 31);
    print("On  |   ");
    print_cell(pci.busId, 16);
    print(" Off |                    0 |\n| N/A   30C    P0             70W /  700W |");
    put_text(put_number(memory, size.used >> 20), "MiB");
    print_cell(memory, -11);
    print(" / ");
    put_text(put_number(memory, size.total >> 20), "MiB");
    print_cell(memory, -9);
    print(" |      0%      Default |\n|                                         |                        | ");
    print_cell(mig_mode_of(gpu), -20);
    print(" |\n");
    print_rule("+++", '-');
}

static void summarize(void)
{
    unsigned int count = 0;
    nvmlDevice_t gpu;
    start_library();
    nvmlDeviceGetCount_v2(&count);
    if (!count) {
        print("No devices were found\n");
        finish(NOT_FOUND);
    }
    print_heading();
    for (unsigned int i = 0; i < count; i++) {
        if (!nvmlDeviceGetHandleByIndex_v2(i, &gpu)) print_gpu(gpu, i);
    }
    finish(OK);
}

enum field { INDEX, UUID, NAME, BUS, DRIVER, MEMORY_TOTAL, MEMORY_USED, MIG_MODE, FIELDS };
static const struct { const char name[24], title[24]; } field_names[FIELDS] = {
    {"index", "index"}, {"uuid", "uuid"}, {"name", "name"}, {"pci.bus_id", "pci.bus_id"},
    {"driver_version", "driver_version"}, {"memory.total", "memory.total [MiB]"}, {"memory.used", "memory.used [MiB]"},
    {"mig.mode.current", "mig.mode.current"},
};

static void print_field(nvmlDevice_t gpu, unsigned int index, enum field field)
{
    char text[FIELD_ROOM] = "";
    nvmlPciInfo_t pci = {0};
    nvmlMemory_t size = {0};
    switch (field) {
    case INDEX: put_number(text, index); break;
    case UUID: nvmlDeviceGetUUID(gpu, text, sizeof text); break;
    case NAME: nvmlDeviceGetName(gpu, text, sizeof text); break;
    case BUS: nvmlDeviceGetPciInfo_v3(gpu, &pci); put_text(text, pci.busId); break;
    case DRIVER: nvmlSystemGetDriverVersion(text, sizeof text); break;
    case MEMORY_TOTAL: nvmlDeviceGetMemoryInfo(gpu, &size); put_text(put_number(text, size.total >> 20), " MiB"); break;
    case MEMORY_USED: nvmlDeviceGetMemoryInfo(gpu, &size); put_text(put_number(text, size.used >> 20), " MiB"); break;
    default: put_text(text, mig_mode_of(gpu)[0] == 'N' ? "[N/A]" : mig_mode_of(gpu));
    }
    print(text);
}

/* The next word of a comma-separated list; where it ended, or null when nothing is left. */
static const char *next_word(const char *list, char *word, size_t room)
{
    size_t length = 0;
    if (!*list) return 0;
    while (*list && *list != ',') {
        if (length + 1 < room) word[length++] = *list;
        list++;
    }
    word[length] = 0;
    return *list ? list + 1 : list;
}

static int read_fields(const char *list, enum field *fields)
{
    char word[FIELD_ROOM];
    int count = 0;
    while ((list = next_word(list, word, sizeof word)) && count < MOST_FIELDS) {
        int field = 0;
        const char *asked = is_same_text(word, "gpu_name") ? "name" : is_same_text(word, "gpu_uuid") ? "uuid" : word;
        while (field < FIELDS && !is_same_text(asked, field_names[field].name)) field++;
        if (field == FIELDS) {
            print("Field \"");
            print(word);
            print("\" is not a valid field to query.\n\n");
            finish(WRONG_ARGUMENT);
        }
        fields[count++] = field;
    }
    return count;
}

/* 1: csv, 2: csv without its heading. */
static int read_format(const char *format)
{
    char word[FIELD_ROOM];
    int is_csv = 0, has_heading = 1;
    while (format && (format = next_word(format, word, sizeof word))) {
        if (is_same_text(word, "csv")) is_csv = 1;
        if (is_same_text(word, "noheader")) has_heading = 0;
    }
    if (is_csv) return has_heading ? 1 : 2;
    print("\"--format=\" switch is missing \"csv\". Please run 'nvidia-smi -h' for help.\n\n");
    finish(WRONG_ARGUMENT);
    return 0;
}

static void query(const char *list, const char *format_list)
{
    enum field fields[MOST_FIELDS];
    unsigned int gpu_count = 0;
    nvmlDevice_t gpu;
    int count = read_fields(list, fields);
    int format = read_format(format_list);
    start_library();
    nvmlDeviceGetCount_v2(&gpu_count);
    if (!gpu_count) {
        print("No devices were found\n");
        finish(NOT_FOUND);
    }
    for (int i = 0; format == 1 && i < count; i++) {
        print(field_names[fields[i]].title);
        print(i + 1 < count ? ", " : "\n");
    }
    for (unsigned int row = 0; row < gpu_count; row++) {
        if (nvmlDeviceGetHandleByIndex_v2(row, &gpu)) continue;
        for (int i = 0; i < count; i++) {
            print_field(gpu, row, fields[i]);
            print(i + 1 < count ? ", " : "\n");
        }
    }
    finish(OK);
}

static void print_version(void)
{
    char driver[FIELD_ROOM] = "", cuda[FIELD_ROOM] = "";
    start_library();
    nvmlSystemGetDriverVersion(driver, sizeof driver);
    put_cuda_version(cuda);
    print("NVIDIA-SMI version  : ");
    print(driver);
    print("\nDRIVER version      : ");
    print(driver);
    print("\nCUDA Version        : ");
    print(cuda);
    print("\n");
    finish(OK);
}

static void print_help(void)
{
    print("NVIDIA System Management Interface (simulated by berth)\n\nnvidia-smi [OPTION1 [ARG1]] ...\n\n"
          "    -h,   --help                Print usage information and exit.\n"
          "          --version             Print version information and exit.\n"
          "    -L,   --list-gpus           Display a list of GPUs connected to the system.\n"
          "          --query-gpu=          index, uuid, name, pci.bus_id, driver_version, memory.total, memory.used,\n"
          "                                mig.mode.current\n"
          "          --format=             csv[,noheader]\n"
          "    No option: a summary of the GPUs connected to the system.\n");
    finish(OK);
}

/* What stands behind `option`, or null when `argument` is another one. */
static const char *value_of(const char *argument, const char *option)
{
    while (*option && *argument == *option) argument++, option++;
    return *option ? 0 : argument;
}

HIDDEN __attribute__((used, noreturn)) void run(long *stack)
{
    long count = stack[0];
    char **arguments = (char **)(stack + 1);
    const char *fields = 0, *format = 0, *value;
    for (long i = 1; i < count; i++) {
        if (is_same_text(arguments[i], "--list-gpus") || (value_of(arguments[i], "-L") && !arguments[i][2])) list_gpus();
        if (is_same_text(arguments[i], "--version")) print_version();
        if (is_same_text(arguments[i], "--help") || is_same_text(arguments[i], "-h")) print_help();
        if ((value = value_of(arguments[i], "--query-gpu="))) fields = value;
        else if ((value = value_of(arguments[i], "--format="))) format = value;
        else {
            print("Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.\n\n");
            finish(WRONG_ARGUMENT);
        }
    }
    if (fields) query(fields, format);
    summarize();
    __builtin_unreachable();
}

#if defined(__x86_64__)
__asm__(".globl _start\n.hidden _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call run\n  hlt\n");
#else
__asm__(".globl _start\n.hidden _start\n_start:\n  mov x29, #0\n  mov x0, sp\n  and sp, x0, #-16\n  bl run\n  brk #0\n");
#endif

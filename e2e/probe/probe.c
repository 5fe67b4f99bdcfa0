/* build: -static -O1 -Wall */
/*
 * What a container sees, as one JSON object on standard output: signals, limits, descriptors, umask, priorities, affinity, environment and
 * argument bytes (in hexadecimal). Each argument `open=PATH` opens a path for reading and writing; `mknod=PATH:MAJOR:MINOR` makes a
 * character node and opens it. The answers are errno names, or "ok".
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

extern char **environ;

static void print_text(const char *text, size_t length)
{
    putchar('"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\' || c < 32 || c > 126) printf("\\u%04x", c);
        else putchar(c);
    }
    putchar('"');
}

static void print_hex_list(const char *name, char **list)
{
    printf("\"%s\":[", name);
    for (int i = 0; list[i]; i++) {
        printf("%s\"", i ? "," : "");
        for (unsigned char *c = (unsigned char *)list[i]; *c; c++) printf("%02x", *c);
        putchar('"');
    }
    printf("],\n");
}

static size_t read_file(const char *path, char *to, size_t room)
{
    size_t length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    for (ssize_t got; (got = read(fd, to + length, room - length)) > 0;) length += (size_t)got;
    close(fd);
    return length;
}

static void print_file(const char *name, const char *path)
{
    static char text[65536];
    printf("\"%s\":", name);
    print_text(text, read_file(path, text, sizeof text));
    printf(",\n");
}

/* Only the lines that other processes and the kernel's counters do not change. */
static void print_status(void)
{
    static const char *const wanted[] = {"Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt",
                                         "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "Cpus_allowed", "Umask", "CoreDumping", 0};
    static char text[65536];
    size_t length = read_file("/proc/self/status", text, sizeof text - 1);
    text[length] = 0;
    printf("\"status\":{");
    const char *comma = "";
    for (char *line = strtok(text, "\n"); line; line = strtok(0, "\n")) {
        char *colon = strchr(line, ':');
        if (!colon) continue;
        for (int i = 0; wanted[i]; i++) {
            if (strlen(wanted[i]) != (size_t)(colon - line) || strncmp(line, wanted[i], (size_t)(colon - line))) continue;
            char *value = colon + 1 + strspn(colon + 1, " \t");
            printf("%s\"%s\":", comma, wanted[i]);
            print_text(value, strlen(value));
            comma = ",";
        }
    }
    printf("},\n");
}

static void print_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    const char *comma = "";
    printf("\"descriptors\":[");
    while (folder && (entry = readdir(folder))) {
        int fd = atoi(entry->d_name);
        char path[64], link[4096];
        if (entry->d_name[0] == '.' || fd == dirfd(folder)) continue;
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(path, link, sizeof link);
        printf("%s{\"fd\":%d,\"flags\":%d,\"link\":", comma, fd, fcntl(fd, F_GETFL));
        print_text(link, length < 0 ? 0 : (size_t)length);
        printf("}");
        comma = ",";
    }
    if (folder) closedir(folder);
    printf("],\n");
}

static void print_affinity(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    printf("\"affinity\":[");
    const char *comma = "";
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &set)) continue;
        printf("%s%d", comma, i);
        comma = ",";
    }
    printf("],\n");
}

static const char *try_open(const char *path)
{
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return strerrorname_np(errno);
    close(fd);
    return "ok";
}

static const char *try_node(const char *argument)
{
    char path[4096];
    unsigned int major_number, minor_number;
    if (sscanf(argument, "%4095[^:]:%u:%u", path, &major_number, &minor_number) != 3) return "EINVAL";
    if (mknod(path, S_IFCHR | 0666, makedev(major_number, minor_number)) && errno != EEXIST) return "mknod failed";
    return try_open(path);
}

static void print_tries(char **arguments)
{
    const char *comma = "";
    printf("\"tries\":{");
    for (int i = 1; arguments[i]; i++) {
        const char *answer;
        if (!strncmp(arguments[i], "open=", 5)) answer = try_open(arguments[i] + 5);
        else if (!strncmp(arguments[i], "mknod=", 6)) answer = try_node(arguments[i] + 6);
        else continue;
        printf("%s", comma);
        print_text(arguments[i], strlen(arguments[i]));
        printf(":\"%s\"", answer);
        comma = ",";
    }
    printf("},\n");
}

int main(int count, char **arguments)
{
    char folder[4096];
    (void)count;
    printf("{\n");
    print_status();
    print_file("limits", "/proc/self/limits");
    print_file("oomScoreAdj", "/proc/self/oom_score_adj");
    print_descriptors();
    print_affinity();
    print_hex_list("env", environ);
    print_hex_list("argv", arguments);
    print_tries(arguments);
    printf("\"cwd\":");
    print_text(folder, getcwd(folder, sizeof folder) ? strlen(folder) : 0);
    printf(",\n\"nice\":%d}\n", getpriority(PRIO_PROCESS, 0));
    return 0;
}

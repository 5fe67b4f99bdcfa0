/* build: -static -no-pie -fno-pie -nostdlib -ffreestanding -fno-stack-protector -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -Wl,--build-id=none */
/*
 * The launcher: what stands under every name that berth serves. A program on Bun obeys variables (BUN_OPTIONS, LD_PRELOAD)
 * and has changed limits, signals and descriptors before its first line runs. This program obeys none, being static and
 * without a C library. It records what it was given in a memory file, and starts berth with an environment that berth
 * can trust. src/linux/launch.ts reads the record and gives it all back to the low-level runtime.
 *
 * A call of the runtime that edits no container goes to the low-level runtime at once, if berth has left a note of which one
 * that is and nothing it was found by has changed: start, state, kill, delete, and the create or run of a spec that holds none
 * of the words by which a container asks for a GPU. In any doubt berth is started.
 */
typedef unsigned long u64;
typedef unsigned int u32;

#if defined(__x86_64__)
enum { READ = 0, WRITE = 1, CLOSE = 3, SIGACTION = 13, SIGPROCMASK = 14, EXECVE = 59, FCNTL = 72, CHDIR = 80, GETEUID = 107,
       FSTATFS = 138, GETDENTS64 = 217, EXIT_GROUP = 231, OPENAT = 257, READLINKAT = 267, PRLIMIT64 = 302, MEMFD_CREATE = 319, STATX = 332,
       O_NOFOLLOW = 0400000 };
static long sys(long number, long a, long b, long c, long d, long e)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return result;
}
__asm__(".globl _start\n_start: xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call launch\n");
#elif defined(__aarch64__)
enum { FCNTL = 25, FSTATFS = 44, CHDIR = 49, OPENAT = 56, CLOSE = 57, GETDENTS64 = 61, READ = 63, WRITE = 64, READLINKAT = 78, EXIT_GROUP = 94,
       SIGACTION = 134, SIGPROCMASK = 135, GETEUID = 175, EXECVE = 221, PRLIMIT64 = 261, MEMFD_CREATE = 279, STATX = 291,
       O_NOFOLLOW = 0100000 };
static long sys(long number, long a, long b, long c, long d, long e)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
}
__asm__(".globl _start\n_start: mov x29, #0\n mov x0, sp\n bl launch\n");
#else
#error "x86-64 and aarch64 only"
#endif

enum { HERE = -100, O_NONBLOCK = 04000, O_CLOEXEC = 02000000, EMPTY_PATH = 0x1000, BASIC_STATS = 0x7ff, F_DUPFD = 0, F_GETFD = 1,
       SIG_SETMASK = 2, SIGNALS = 64, RLIMIT_NOFILE = 7, E_NOENT = 2, E_ACCES = 13, E_NOTDIR = 20, KIND = 0170000, REGULAR = 0100000,
       OTHERS_WRITE = 022, O_WRONLY = 1, CGROUP = 0x27e0eb, CGROUP2 = 0x63677270 };

/* struct statx of linux/stat.h, struct kernel_sigaction. */
struct time { long seconds; u32 nanoseconds; int unused; };
struct status { u32 mask, block; u64 attributes; u32 links, uid, gid; unsigned short mode, unused; u64 inode, size, rest[2];
                struct time read, born, changed, written; u64 more[16]; };
struct action { u64 handler, flags, restorer, mask; };

/* Filled in by src/linux/launcher-slots.ts. Not static, so that the compiler does not take them for empty. */
struct slot { char marker[24], text[512]; };
struct slot executable_slot = { "BERTH-SLOT-EXECUTABLE-01", "" };
struct slot config_slot = { "BERTH-SLOT-CONFIG-FILE-1", "" };
struct slot state_slot = { "BERTH-SLOT-STATE-FOLDER1", "" };

typedef const char *const names[];
static names HOOKS = { "nvidia-container-runtime-hook", "nvidia-container-toolkit", "nvidia-cdi-hook", 0 };
/* Commands of a user, who keeps the environment. */
static names COMMANDS = { "berth", "nvidia-docker", "nvidia-ctk", 0 };
/* But for what Bun, its engine, its allocators and the dynamic loader obey. */
static names OBEYED = { "BUN_", "NODE_", "JSC_", "LD_", "GLIBC_TUNABLES", "MALLOC_", "MIMALLOC_", "BERTH_LAUNCH", 0 };
/* Global options of runc and crun. */
static names WITH_VALUE = { "log", "log-format", "log-level", "root", "criu", "cgroup-manager", 0 };
static names FLAGS = { "debug", "systemd-cgroup", 0 };
/* Options of create and run. */
static names CREATION_WITH_VALUE = { "console-socket", "pid-file", "pidfd-socket", "preserve-fds", 0 };
static names CREATION_FLAGS = { "d", "detach", "no-pivot", "no-new-keyring", "no-subreaper", "keep", 0 };
static names BUNDLE = { "b", "bundle", 0 };

static const char *program = "berth";

/* --- text --- */

static long length(const char *text) { long count = 0; while (text[count]) count++; return count; }

/* Behind `text` where it stands at `at`, else null. */
static const char *past(const char *at, const char *text)
{
    while (at && *text) if (*at++ != *text++) return 0;
    return at;
}

static int is_same(const char *a, const char *b) { a = past(a, b); return a && !*a; }

static int is_one_of(const char *text, names list)
{
    while (*list && !is_same(text, *list)) list++;
    return *list != 0;
}

static void join(char *to, const char *first, const char *second)
{
    while (*first) *to++ = *first++;
    do *to++ = *second; while (*second++);
}

static const char *base_name(const char *path)
{
    const char *name = path;
    for (; *path; path++) if (*path == '/') name = path + 1;
    return name;
}

/* Decimal, ending at `end`. */
static char *format(u64 value, char *end)
{
    *--end = 0;
    do *--end = (char)('0' + value % 10); while (value /= 10);
    return end;
}

static const char *past_number(const char *at, u64 value, const char *and)
{
    char digits[24];
    return past(past(at, format(value, digits + sizeof digits)), and);
}

/* --- output --- */

struct output { long fd, used; char bytes[4096]; };
static void fail(const char *what, const char *path, long error) __attribute__((noreturn));

static void write_all(long fd, const char *bytes, long count)
{
    while (count > 0) {
        long written = sys(WRITE, fd, (long)bytes, count, 0, 0);
        if (written <= 0 && fd == 2) return;
        if (written <= 0) fail("Cannot write the launch record", "a memory file", -written);
        bytes += written;
        count -= written;
    }
}

static void flush(struct output *to) { write_all(to->fd, to->bytes, to->used); to->used = 0; }

static void put(struct output *to, const char *bytes, long count)
{
    if (to->used + count > (long)sizeof to->bytes) flush(to);
    if (count > (long)sizeof to->bytes) { write_all(to->fd, bytes, count); return; }
    while (count--) to->bytes[to->used++] = *bytes++;
}

static void put_text(struct output *to, const char *text) { put(to, text, length(text)); }
static void put_string(struct output *to, const char *text) { put(to, text, length(text) + 1); }

static void put_number(struct output *to, const char *before, u64 value)
{
    char digits[24];
    put_text(to, before);
    put_text(to, format(value, digits + sizeof digits));
}

static void fail(const char *what, const char *path, long error)
{
    static struct output to = { 2, 0, "" };
    put_text(&to, program);
    put_text(&to, ": BERTH-L006: ");
    put_text(&to, what);
    put_text(&to, ": \"");
    put_text(&to, path);
    put_text(&to, error == E_NOENT ? "\": there is no such file" : error == E_ACCES ? "\": permission denied" : "\": it failed");
    put_number(&to, " (errno ", (u64)error);
    put_text(&to, "); remedy: install berth and its launchers again, together\n");
    flush(&to);
    for (;;) sys(EXIT_GROUP, 127, 0, 0, 0, 0);
}

/* This program's own path; "" where there is no /proc. */
static const char *own_path(void)
{
    static char path[4096];
    long count = sys(READLINKAT, HERE, (long)"/proc/self/exe", (long)path, sizeof path, 0);
    path[count < 0 || count == sizeof path ? 0 : count] = 0;
    return path;
}

/* The slot, or `../berth` beside the folder of this program. */
static const char *find_berth(void)
{
    static char path[4096 + 16];
    if (*executable_slot.text) return executable_slot.text;
    join(path, own_path(), "");
    if (!*path) fail("Cannot find berth beside this program", "/proc/self/exe", E_NOENT);
    join((char *)base_name(path), "../berth", "");
    return path;
}

/* --- passing a call on --- */

/* The one variable of this name; null: there is none. `is_doubtful` is set where there are several. */
static const char *variable(char **env, const char *name, int *is_doubtful)
{
    const char *found = 0, *value;
    for (; *env; env++) {
        if (!(value = past(past(*env, name), "="))) continue;
        if (found) *is_doubtful = 1;
        found = value;
    }
    return found;
}

/* Whether this is an option of the list; `=` and what follows do not count. */
static int is_option(const char *word, names list, const char *equals)
{
    for (; *list; list++) if (past(word, *list) == equals) return 1;
    return 0;
}

/* The end of an option's name, which begins behind one or two dashes; `name` is moved there. */
static const char *end_of_name(const char **name)
{
    *name += (*name)[1] == '-' ? 2 : 1;
    const char *end = *name;
    while (*end && *end != '=') end++;
    return end;
}

/* Where the first word stands that is no option: what the call is to do. Null in any doubt. */
static char **find_verb(char **argv)
{
    for (argv += *argv != 0; *argv; argv++) {
        const char *name = *argv;
        if (*name != '-') return argv;
        const char *end = end_of_name(&name);
        if (is_option(name, WITH_VALUE, end)) { if (!*end && !*++argv) return 0; }
        else if (!is_option(name, FLAGS, end)) return 0;
    }
    return 0;
}

/* The bundle that the words behind create or run name; "." where they name none, null in any doubt. */
static const char *find_bundle(char **words)
{
    const char *bundle = 0;
    int positions = 0;
    for (; *words; words++) {
        const char *name = *words;
        if (*name != '-') { positions++; continue; }
        const char *end = end_of_name(&name), *value = end + 1;
        int is_bundle = is_option(name, BUNDLE, end);
        if (!is_bundle && !is_option(name, CREATION_WITH_VALUE, end)) {
            if (!is_option(name, CREATION_FLAGS, end)) return 0;
            continue;
        }
        if (!*end && !(value = *++words)) return 0;
        if (is_bundle && (bundle || !*value)) return 0;
        if (is_bundle) bundle = value;
    }
    return positions == 1 ? bundle ? bundle : "." : 0;
}

/* A regular file of root's or this user's, as text; null in any doubt. `size` is the buffer's. */
static char *read_file(const char *path, char *text, u64 size, int is_others_to_write)
{
    struct status file;
    long fd = sys(OPENAT, HERE, (long)path, O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0, 0), used = 0, count = 1;
    if (fd < 0) return 0;
    long failed = sys(STATX, fd, (long)"", EMPTY_PATH, BASIC_STATS, (long)&file);
    int is_ours = !failed && (file.uid == 0 || file.uid == (u32)sys(GETEUID, 0, 0, 0, 0, 0));
    int is_safe = is_ours && (file.mode & KIND) == REGULAR && (is_others_to_write || !(file.mode & OTHERS_WRITE)) && file.size < size;
    while (is_safe && count > 0 && used < (long)size - 1) used += count = sys(READ, fd, (long)(text + used), (long)size - 1 - used, 0, 0);
    sys(CLOSE, fd, 0, 0, 0, 0);
    if (!is_safe || count != 0 || used != (long)file.size) return 0;
    text[used] = 0;
    return length(text) == used ? text : 0;
}

/* Whether one of `signs`, words with a blank between them, stands in the text. */
static int has_sign(const char *text, const char *signs)
{
    for (; *text; text++) {
        for (const char *sign = signs; *sign;) {
            const char *at = text;
            while (*sign && *sign != ' ' && *at == *sign) at++, sign++;
            if (!*sign || *sign == ' ') return 1;
            while (*sign && *sign != ' ') sign++;
            while (*sign == ' ') sign++;
        }
    }
    return 0;
}

/* Whether the spec of a create or run holds no sign of a request, so that berth would leave it as it is. */
static int asks_nothing(char **words, const char *signs)
{
    static char path[4096 + 16], spec[1 << 20];
    const char *bundle = find_bundle(words);
    if (!bundle || !*signs || *signs == '*' || length(bundle) > 4096) return 0;
    join(path, bundle, "/config.json");
    if (!read_file(path, spec, sizeof spec, 1)) return 0;
    long end = length(spec);
    while (end && (spec[end - 1] == '\n' || spec[end - 1] == ' ')) end--;
    return spec[0] == '{' && spec[end - 1] == '}' && !has_sign(spec, signs);
}

/* Behind the identity of the configuration file as it is now: `-` where there is none. */
static const char *past_identity(const char *at, const char *path)
{
    struct status file;
    long failed = sys(STATX, HERE, (long)path, 0, BASIC_STATS, (long)&file);
    if (failed == -E_NOENT || failed == -E_NOTDIR) return past(at, "-\n");
    if (failed) return 0;
    at = past_number(at, file.inode, " ");
    at = past_number(at, (u64)file.written.seconds, " ");
    at = past_number(at, file.written.nanoseconds, " ");
    return past_number(at, file.size, "\n");
}

/* berth's note in the state folder, if only root or this user can have written it; null in any doubt. */
static char *read_note(void)
{
    static char path[sizeof state_slot.text + 16], note[16384];
    join(path, *state_slot.text ? state_slot.text : "/run/berth", "/low-level");
    return read_file(path, note, sizeof note, 0);
}

/* Whether only root or this user can have changed a program since berth looked at it. */
static int is_safe_to_start(const char *path)
{
    struct status file;
    if (sys(STATX, HERE, (long)path, 0, BASIC_STATS, (long)&file)) return 0;
    int is_ours = file.uid == 0 || file.uid == (u32)sys(GETEUID, 0, 0, 0, 0, 0);
    return is_ours && (file.mode & KIND) == REGULAR && !(file.mode & 02) && (!(file.mode & 020) || !file.gid);
}

/* The end of a line, which becomes the end of a text; null where the line does not end. */
static char *cut_line(char *line)
{
    while (line && *line && *line != '\n') line++;
    if (!line || !*line) return 0;
    *line = 0;
    return line + 1;
}

/*
 * Becomes the low-level runtime; returns where berth has to be asked. The note: `2`, the identities of berth and of the
 * configuration, PATH, low-level runtime, and the signs without one of which a spec asks for nothing (`*`: berth wants to see every one).
 */
static void pass_on(char **argv, char **verb, char **env)
{
    int is_doubtful = 0;
    const char *search = variable(env, "PATH", &is_doubtful);
    const char *config = config_slot.text;
    if (!*config) {
        if (variable(env, "NVIDIA_CTK_CONFIG_FILE_PATH", &is_doubtful) || variable(env, "XDG_CONFIG_HOME", &is_doubtful)) return;
        config = "/etc/nvidia-container-runtime/config.toml";
    }
    const char *at = is_doubtful ? 0 : read_note();
    at = past_identity(past_identity(past(at, "2\n"), find_berth()), config);
    char *runtime = (char *)past(past(at, search ? search : ""), "\n");
    char *signs = cut_line(runtime), *end = cut_line(signs);
    if (!end || *end || *runtime != '/' || !is_safe_to_start(runtime)) return;
    int is_creation = is_same(*verb, "create") || is_same(*verb, "run");
    if (is_creation && !asks_nothing(verb + 1, signs)) return;
    char *name = argv[0];
    argv[0] = runtime;
    sys(EXECVE, (long)runtime, (long)argv, (long)env, 0, 0);
    argv[0] = name;
}

/* --- the record --- */

static void put_signals(struct output *to)
{
    u64 ignored = 0, blocked = 0, none = 0;
    struct action action;
    for (int signal = 1; signal <= SIGNALS; signal++) {
        action.handler = 0;
        sys(SIGACTION, signal, 0, (long)&action, sizeof none, 0);
        if (action.handler == 1) ignored |= 1UL << (signal - 1);
    }
    sys(SIGPROCMASK, SIG_SETMASK, (long)&none, (long)&blocked, sizeof none, 0);
    put_number(to, "\nignored ", ignored);
    put_number(to, "\nblocked ", blocked);
}

/* From /proc, or one by one where it is not there. */
static void put_descriptors(struct output *to)
{
    static unsigned char entries[4096];
    long count, folder = sys(OPENAT, HERE, (long)"/proc/self/fd", O_CLOEXEC, 0, 0);
    put_text(to, "\ndescriptors");
    for (long fd = 0; folder < 0 && fd < 1024; fd++)
        if (fd != to->fd && sys(FCNTL, fd, F_GETFD, 0, 0, 0) >= 0) put_number(to, " ", (u64)fd);
    if (folder < 0) return;
    while ((count = sys(GETDENTS64, folder, (long)entries, sizeof entries, 0, 0)) > 0) {
        /* struct linux_dirent64: inode and offset (16 bytes), length (2), kind (1), name */
        for (unsigned char *entry = entries; entry < entries + count; entry += entry[16] | entry[17] << 8) {
            long fd = 0;
            for (unsigned char *digit = entry + 19; *digit; digit++) fd = *digit == '.' ? -1 : fd * 10 + *digit - '0';
            if (fd >= 0 && fd != folder && fd != to->fd) put_number(to, " ", (u64)fd);
        }
    }
    sys(CLOSE, folder, 0, 0, 0, 0);
}

/*
 * A memory file: lines of numbers, an empty line, then strings that end with a NUL: the program's name, the slots of
 * configuration and state, the arguments, the environment. Its number is no standard descriptor's, were they closed.
 */
static long write_record(char **argv, char **env)
{
    static struct output to;
    u64 limit[2] = { 0, 0 }, count = 0;
    long low = sys(MEMFD_CREATE, (long)"berth-launch", 0, 0, 0, 0);
    to.fd = low < 0 ? low : sys(FCNTL, low, F_DUPFD, 3, 0, 0);
    if (to.fd < 0) fail("Cannot make the launch record", "a memory file", -to.fd);
    sys(CLOSE, low, 0, 0, 0, 0);
    sys(PRLIMIT64, 0, RLIMIT_NOFILE, 0, (long)limit, 0);
    while (argv[count]) count++;
    put_text(&to, "berth-launch 1");
    put_number(&to, "\nnofile ", limit[0]);
    put_number(&to, " ", limit[1]);
    put_signals(&to);
    put_descriptors(&to);
    put_number(&to, "\narguments ", count);
    put_text(&to, "\n\n");
    put_string(&to, program);
    put_string(&to, config_slot.text);
    put_string(&to, state_slot.text);
    for (; *argv; argv++) put_string(&to, *argv);
    for (; *env; env++) put_string(&to, *env);
    flush(&to);
    return to.fd;
}

/* --- starting berth --- */

/* nvidia-ctk is a hook, too, in CDI files of its older versions: some without an environment, which is then the image's. */
static int is_hook(char **argv)
{
    if (is_one_of(program, HOOKS)) return 1;
    for (argv += *argv != 0; *argv && **argv == '-';) argv++;
    return is_same(program, "nvidia-ctk") && *argv && is_same(*argv, "hook");
}

/*
 * The low-level runtime starts such a hook among the container's own processes, where it has to do with the container's memory: with little of it, reading berth from
 * the disk alone takes seconds. Root can leave; where it cannot (a user namespace, a cgroup namespace as the kernel's boundary), the hook runs where it is.
 */
static void leave_memory_limit(void)
{
    static const char *const tops[] = { "/sys/fs/cgroup/memory/cgroup.procs", "/sys/fs/cgroup/cgroup.procs", 0 };
    if (sys(GETEUID, 0, 0, 0, 0, 0)) return;
    for (const char *const *top = tops; *top; top++) {
        u64 status[16] = { 0 };
        long fd = sys(OPENAT, HERE, (long)*top, O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0, 0);
        if (fd < 0) continue;
        long failed = sys(FSTATFS, fd, (long)status, 0, 0, 0);
        if (!failed && (status[0] == CGROUP || status[0] == CGROUP2)) sys(WRITE, fd, (long)"0", 1, 0, 0);
        sys(CLOSE, fd, 0, 0, 0, 0);
    }
}

static int is_obeyed(const char *entry)
{
    for (const char *const *prefix = OBEYED; *prefix; prefix++) if (past(entry, *prefix)) return 1;
    return 0;
}

__attribute__((used, noreturn)) void launch(long *stack)
{
    char **argv = (char **)(stack + 1), **env = argv + stack[0] + 1, *nothing[] = { 0 };
    program = base_name(*argv ? *argv : "");
    if (!*program) program = base_name(own_path());
    char **verb = past(program, "nvidia-container-runtime") && !is_one_of(program, HOOKS) ? find_verb(argv) : 0;
    if (verb) pass_on(argv, verb, env);

    int is_cleared = is_hook(argv);
    long count = 0;
    while (env[count]) count++;
    char number[24], assignment[40], *given[count + 2], **next = given;
    long record = write_record(argv, is_cleared ? nothing : env);
    join(assignment, "BERTH_LAUNCH=", format((u64)record, number + sizeof number));
    *next++ = assignment;
    for (; !is_cleared && is_one_of(program, COMMANDS) && *env; env++) if (!is_obeyed(*env)) *next++ = *env;
    *next = 0;

    if (is_cleared) sys(CHDIR, (long)"/", 0, 0, 0, 0);
    if (is_cleared && (is_same(program, "nvidia-cdi-hook") || is_same(program, "nvidia-ctk"))) leave_memory_limit();
    const char *berth = find_berth();
    char *unnamed[] = { (char *)program, 0 };
    long failed = sys(EXECVE, (long)berth, (long)(*argv ? argv : unnamed), (long)given, 0, 0);
    fail("Cannot start berth", berth, -failed);
}

/* build: -static -nostdlib -ffreestanding -fno-builtin -fno-stack-protector -fno-asynchronous-unwind-tables -Wl,--build-id=none */
/*
 * The launcher stands before berth under every name that root starts. A program on Bun obeys variables (BUN_OPTIONS, LD_PRELOAD), and
 * has changed limits, signals and descriptors before its first line runs. So this program, static and without a libc, first
 * records what it was given (limit, signals, open descriptors, raw environment) in a memory file, and starts berth with an environment
 * that holds nothing but that file's number. berth gives all of it back when it starts the low-level runtime.
 *
 * A runtime call that edits no container (start, state, kill, delete, ...) goes to the low-level runtime at once, if berth has
 * left a record of which one that is and the record still fits. In any doubt berth is started, which knows.
 */
#include <stddef.h>

typedef unsigned long u64;
typedef unsigned int u32;

#if defined(__x86_64__)
enum { READ = 0, WRITE = 1, CLOSE = 3, SIGACTION = 13, SIGPROCMASK = 14, EXECVE = 59, EXIT = 60, FCNTL = 72, CHDIR = 80,
       GETDENTS64 = 217, OPENAT = 257, READLINKAT = 267, PRLIMIT64 = 302, MEMFD_CREATE = 319, STATX = 332 };
static long sys(long n, long a, long b, long c, long d, long e) {
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	__asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
	return result;
}
__asm__(".globl _start\n_start: xor %ebp,%ebp\n mov %rsp,%rdi\n and $-16,%rsp\n call launch\n");
#elif defined(__aarch64__)
enum { FCNTL = 25, CHDIR = 49, OPENAT = 56, CLOSE = 57, GETDENTS64 = 61, READ = 63, WRITE = 64, READLINKAT = 78, EXIT = 93,
       SIGACTION = 134, SIGPROCMASK = 135, EXECVE = 221, PRLIMIT64 = 261, MEMFD_CREATE = 279, STATX = 291 };
static long sys(long n, long a, long b, long c, long d, long e) {
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}
__asm__(".globl _start\n_start: mov x29,#0\n mov x0,sp\n bl launch\n");
#endif

enum { AT_CWD = -100, RLIMIT_NOFILE = 7, SIG_SETMASK = 2, SIGNALS = 64,
       F_GETFD = 1, TEXT = 4096, ENVIRONMENT = 8192, SLOT = 512 };

/* Filled in by whoever installs the launcher: src/linux/launcher-slots.ts finds the markers. */
struct slot { char marker[24]; char text[SLOT]; };
#define SLOT_OF(name) __attribute__((used, section(".data"))) static volatile struct slot name
SLOT_OF(executable_slot) = { "BERTH-SLOT-EXECUTABLE-01", "" };
SLOT_OF(config_slot) = { "BERTH-SLOT-CONFIG-FILE-1", "" };
SLOT_OF(state_slot) = { "BERTH-SLOT-STATE-FOLDER1", "" };

/* The compiler may turn a loop into a call of these. */
void *memset(void *to, int byte, size_t count) { char *at = to; while (count--) *at++ = (char)byte; return to; }
void *memcpy(void *to, const void *from, size_t count) { char *at = to; const char *source = from; while (count--) *at++ = *source++; return to; }

static size_t length(const char *text) { size_t count = 0; while (text[count]) count++; return count; }
static int starts(const char *text, const char *with) { while (*with) if (*text++ != *with++) return 0; return 1; }
static int same(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }
static const char *base_name(const char *path) { const char *name = path; for (; *path; path++) if (*path == '/') name = path + 1; return name; }

static void fail(const char *what) {
	const char *parts[] = { "berth: BERTH-L003: The launcher ", what, "; remedy: install berth and its launchers together again\n" };
	for (int i = 0; i < 3; i++) sys(WRITE, 2, (long)parts[i], (long)length(parts[i]), 0, 0);
	for (;;) sys(EXIT, 127, 0, 0, 0, 0);
}

/* Text that is put together; `full` once something did not fit. */
struct text { char bytes[TEXT]; size_t used; int full; };

static void add(struct text *to, const char *text) {
	size_t count = length(text);
	if (to->used + count + 1 > TEXT) { to->full = 1; return; }
	memcpy(to->bytes + to->used, text, count);
	to->used += count;
	to->bytes[to->used] = 0;
}

static void add_number(struct text *to, u64 value, const char *end) {
	char digits[24];
	int at = 23;
	digits[at] = 0;
	do digits[--at] = (char)('0' + value % 10); while (value /= 10);
	add(to, digits + at);
	add(to, end);
}

static const char *read_slot(volatile struct slot *slot) { return (const char *)slot->text; }

static const char *variable(char **env, const char *name) {
	size_t count = length(name);
	const char *found = 0;
	for (; *env; env++) if (starts(*env, name) && (*env)[count] == '=') found = *env + count + 1;
	return found;
}

/* --- passing a call on --- */

/* The global options of runc, crun and youki that take a value of their own. */
static int takes_value(const char *option) {
	static const char *const names[] = { "log", "log-format", "log-level", "root", "criu", "rootless", "cgroup-manager", "l", "r", 0 };
	while (*option == '-') option++;
	for (const char *const *name = names; *name; name++) if (same(option, *name)) return 1;
	return 0;
}

/* Only the first word that is no option decides what a call does. */
static int may_pass_on(int argc, char **argv) {
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		if (word[0] != '-') return !same(word, "create") && !same(word, "run");
		while (*word == '-') word++;
		if (!*word || same(word, "v") || same(word, "version")) return 0;
		if (takes_value(word)) i++;
	}
	return 0;
}

/* The configuration file as it stood when berth looked the low-level runtime up; layout of struct statx: linux/stat.h. */
static void add_identity(struct text *to, const char *path) {
	struct { u32 head[8]; u64 inode, size, more[2]; struct { long seconds; u32 nanoseconds; int unused; } times[4]; u64 rest[16]; } status;
	if (sys(STATX, AT_CWD, (long)path, 0, 0x7ff, (long)&status) != 0) { add(to, "-\n"); return; }
	add_number(to, status.inode, " ");
	add_number(to, (u64)status.times[3].seconds, " ");
	add_number(to, status.times[3].nanoseconds, " ");
	add_number(to, status.size, "\n");
}

static void pass_on(char **argv, char **env) {
	static struct text wanted, path, record;
	const char *config = read_slot(&config_slot);
	const char *search = variable(env, "PATH");
	if (!*config) {
		if (variable(env, "NVIDIA_CTK_CONFIG_FILE_PATH") || variable(env, "XDG_CONFIG_HOME")) return;
		config = "/etc/nvidia-container-runtime/config.toml";
	}
	add(&wanted, "1\n");
	add_identity(&wanted, config);
	add(&wanted, search ? search : "");
	add(&wanted, "\n");
	add(&path, *read_slot(&state_slot) ? read_slot(&state_slot) : "/run/berth");
	add(&path, "/low-level");
	if (wanted.full || path.full) return;
	long fd = sys(OPENAT, AT_CWD, (long)path.bytes, 02000000, 0, 0);
	if (fd < 0) return;
	long count = sys(READ, fd, (long)record.bytes, TEXT - 1, 0, 0);
	sys(CLOSE, fd, 0, 0, 0, 0);
	if (count <= (long)wanted.used || record.bytes[count - 1] != '\n') return;
	record.bytes[count - 1] = 0;
	if (!starts(record.bytes, wanted.bytes)) return;
	char *runtime = record.bytes + wanted.used;
	char *name = argv[0];
	argv[0] = runtime;
	if (*runtime == '/') sys(EXECVE, (long)runtime, (long)argv, (long)env, 0, 0);
	argv[0] = name;
}

/* --- the record --- */

static void add_signals(struct text *to) {
	struct { void (*handler)(int); u64 flags; void *restorer; u64 mask; } action;
	u64 ignored = 0, blocked = 0, none = 0;
	for (int signal = 1; signal <= SIGNALS; signal++)
		if (sys(SIGACTION, signal, 0, (long)&action, 8, 0) == 0 && action.handler == (void (*)(int))1) ignored |= 1UL << (signal - 1);
	sys(SIGPROCMASK, SIG_SETMASK, (long)&none, (long)&blocked, 8, 0);
	add(to, "ignored ");
	add_number(to, ignored, "\nblocked ");
	add_number(to, blocked, "\n");
}

static void add_limit(struct text *to) {
	u64 limit[2] = { 0, 0 };
	sys(PRLIMIT64, 0, RLIMIT_NOFILE, 0, (long)limit, 0);
	add(to, "nofile ");
	add_number(to, limit[0], " ");
	add_number(to, limit[1], "\n");
}

/* Every open descriptor above the three standard ones, from /proc, or one by one where there is no /proc. */
static void add_descriptors(struct text *to) {
	static char entries[TEXT];
	long count, folder = sys(OPENAT, AT_CWD, (long)"/proc/self/fd", 02000000, 0, 0);
	add(to, "descriptors");
	if (folder < 0) {
		for (u64 fd = 3; fd < 1024; fd++) if (sys(FCNTL, (long)fd, F_GETFD, 0, 0, 0) >= 0) { add(to, " "); add_number(to, fd, ""); }
	} else while ((count = sys(GETDENTS64, folder, (long)entries, TEXT, 0, 0)) > 0) {
		/* struct linux_dirent64: inode and offset (16 bytes), length (2), type (1), name */
		for (long at = 0; at < count; at += *(unsigned short *)(entries + at + 16)) {
			u64 fd = 0;
			const char *name = entries + at + 19;
			if (*name < '0' || *name > '9') continue;
			while (*name) fd = fd * 10 + (u64)(*name++ - '0');
			if (fd > 2 && fd != (u64)folder) { add(to, " "); add_number(to, fd, ""); }
		}
	}
	if (folder >= 0) sys(CLOSE, folder, 0, 0, 0, 0);
	add(to, "\n");
}

static void write_all(long fd, const char *bytes, size_t count) {
	while (count) {
		long written = sys(WRITE, fd, (long)bytes, (long)count, 0, 0);
		if (written <= 0) fail("cannot write its record");
		bytes += written;
		count -= (size_t)written;
	}
}

/* A memory file: lines, an empty line, then the environment as it was, each entry ended by a NUL byte. */
static u64 write_record(char **env) {
	static struct text lines;
	add_limit(&lines);
	add_signals(&lines);
	add_descriptors(&lines);
	add(&lines, "config ");
	add(&lines, read_slot(&config_slot));
	add(&lines, "\nstate ");
	add(&lines, read_slot(&state_slot));
	add(&lines, "\n\n");
	if (lines.full) fail("was given more open descriptors than it can record");
	long fd = sys(MEMFD_CREATE, (long)"berth-launch", 0, 0, 0, 0);
	if (fd < 0) fail("cannot make a memory file");
	write_all(fd, lines.bytes, lines.used);
	for (; *env; env++) write_all(fd, *env, length(*env) + 1);
	return (u64)fd;
}

/* --- starting berth --- */

/* What the runtime, or the dynamic loader of it, would obey. */
static int is_obeyed(const char *entry) {
	static const char *const prefixes[] = { "BUN_", "NODE_", "JSC_", "LD_", "GLIBC_TUNABLES=", "MALLOC_", "MIMALLOC_", "BERTH_LAUNCH=", 0 };
	for (const char *const *prefix = prefixes; *prefix; prefix++) if (starts(entry, *prefix)) return 1;
	return 0;
}

static int is_runtime(const char *name) { return starts(name, "nvidia-container-runtime") && !same(name, "nvidia-container-runtime-hook"); }
static int is_hook(const char *name) {
	return same(name, "nvidia-container-runtime-hook") || same(name, "nvidia-container-toolkit") || same(name, "nvidia-cdi-hook");
}

static char **make_environment(char **env, int is_kept, u64 record) {
	static char *made[ENVIRONMENT];
	static struct text variable;
	int count = 0;
	add(&variable, "BERTH_LAUNCH=");
	add_number(&variable, record, "");
	made[count++] = variable.bytes;
	for (; is_kept && *env; env++) {
		if (is_obeyed(*env)) continue;
		if (count == ENVIRONMENT - 1) fail("was given too many variables");
		made[count++] = *env;
	}
	return made;
}

/* The slot, or `../berth` beside the folder of this program. */
static const char *find_executable(void) {
	static struct text path;
	static char self[TEXT];
	if (*read_slot(&executable_slot)) return read_slot(&executable_slot);
	long count = sys(READLINKAT, AT_CWD, (long)"/proc/self/exe", (long)self, TEXT - 1, 0);
	if (count <= 0) fail("cannot find itself in /proc/self/exe");
	self[count] = 0;
	*(char *)base_name(self) = 0;
	add(&path, self);
	add(&path, "../berth");
	if (path.full) fail("is installed under too long a path");
	return path.bytes;
}

__attribute__((used, noreturn)) void launch(long *stack) {
	int argc = (int)stack[0];
	char **argv = (char **)(stack + 1), **env = argv + argc + 1;
	const char *name = argc > 0 ? base_name(argv[0]) : "berth";
	if (is_runtime(name) && may_pass_on(argc, argv)) pass_on(argv, env);
	int is_kept = !is_runtime(name) && !is_hook(name);
	const char *executable = find_executable();
	char **environment = make_environment(env, is_kept, write_record(env));
	if (is_hook(name)) sys(CHDIR, (long)"/", 0, 0, 0, 0);
	sys(EXECVE, (long)executable, (long)argv, (long)environment, 0, 0);
	fail("cannot start berth");
	__builtin_unreachable();
}

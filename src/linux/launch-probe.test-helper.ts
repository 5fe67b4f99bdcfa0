import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildNative } from "../../scripts/native.ts";
import { runProgram } from "../base/index.ts";
import { type LauncherSlots, patchLauncher } from "./launcher-slots.ts";

/** Where there is none, the tests of the launcher are skipped. */
export const hasCompiler = Bun.which("gcc") !== null && existsSync("/proc/self/fd");

/** Starts a program from a state that is set step by step: limits, signals, descriptors, raw arguments and environment. */
const STAGE_C = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char **read_strings(const char *path) {
  int fd = open(path, O_RDONLY);
  off_t size = lseek(fd, 0, SEEK_END);
  char *bytes = malloc(size + 1);
  char **strings = calloc(size + 2, sizeof(char *));
  if (fd < 0 || pread(fd, bytes, size, 0) != size) exit(90);
  close(fd);
  int count = 0;
  for (char *at = bytes; at < bytes + size; at += strlen(at) + 1) strings[count++] = at;
  return strings;
}

/* stage PROGRAM ARGUMENTS-FILE ENVIRONMENT-FILE STEP... */
int main(int argc, char **argv) {
  char **arguments = read_strings(argv[2]), **environment = read_strings(argv[3]);
  unsigned long long mask = 0;
  for (int i = 4; i < argc; i++) {
    char *value = strchr(argv[i], '=') + 1;
    int number = atoi(value);
    if (argv[i][0] == 'i') signal(number, SIG_IGN);
    if (argv[i][0] == 'b') mask |= 1ULL << (number - 1);
    if (argv[i][0] == 'n') {
      struct rlimit limit = { number, atoi(strchr(value, ':') + 1) };
      if (setrlimit(RLIMIT_NOFILE, &limit)) exit(91);
    }
    if (argv[i][0] == 'c') close(number);
    if (argv[i][0] == 'u') umask(strtol(value, 0, 8));
    if (argv[i][0] == 'o') {
      char name[20];
      sprintf(name, "fd%d", number);
      int fd = memfd_create(name, 0);
      if (fd != number && (dup2(fd, number) != number || close(fd))) exit(92);
    }
  }
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, 8);
  execve(argv[1], arguments, environment);
  return 93;
}
`;

/** Writes what a program can see of how it was started, but for what differs at each start, into the file argv[1]. */
const PROBE_C = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static void print_bytes(FILE *to, const char *what, const char *text) {
  fprintf(to, "%s ", what);
  for (; *text; text++) fprintf(to, *text > 32 && *text < 127 && *text != 92 ? "%c" : "\\\\%02x", (unsigned char)*text);
  fprintf(to, "\\n");
}

static void print_file(FILE *to, const char *path, const char *const *left_out) {
  char line[4096];
  FILE *from = fopen(path, "r");
  while (from && fgets(line, sizeof line, from)) {
    int is_kept = 1;
    for (const char *const *prefix = left_out; prefix && *prefix; prefix++) is_kept &= strncmp(line, *prefix, strlen(*prefix)) != 0;
    if (is_kept) fprintf(to, "%s: %s", path, line);
  }
  if (from) fclose(from);
}

int main(int argc, char **argv) {
  static const char *const changing[] = { "Pid:", "Tgid:", "NStgid:", "NSpid:", "Vm", "Rss", "FDSize:", "SigQ:", "voluntary_", "nonvoluntary_", "HugetlbPages", 0 };
  char link[4096], path[64];
  FILE *to = fopen(argv[1], "we");
  for (int i = 0; i < argc; i++) print_bytes(to, "argument", argv[i]);
  for (char **entry = environ; *entry; entry++) print_bytes(to, "variable", *entry);
  for (int fd = 0; fd < 5000; fd++) {
    if (fd == fileno(to) || fcntl(fd, F_GETFD) < 0) continue;
    sprintf(path, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(path, link, sizeof link - 1);
    link[length < 0 ? 0 : length] = 0;
    if (!strncmp(link, "pipe:", 5) || !strncmp(link, "socket:", 7)) *strchr(link, ':') = 0;
    fprintf(to, "descriptor %d %s flags %o position %ld\\n", fd, link, fcntl(fd, F_GETFL), (long)lseek(fd, 0, SEEK_CUR));
  }
  print_file(to, "/proc/self/status", changing);
  print_file(to, "/proc/self/limits", 0);
  print_file(to, "/proc/self/cgroup", 0);
  print_file(to, "/proc/self/oom_score_adj", 0);
  print_file(to, "/proc/self/timerslack_ns", 0);
  print_file(to, "/proc/self/personality", 0);
  fprintf(to, "folder %s\\nnice %d\\nsession %d group %d\\n", getcwd(link, sizeof link), nice(0), getsid(0), getpgrp());
  mode_t mask = umask(0);
  fprintf(to, "umask %o\\n", mask);
  return fclose(to);
}
`;

/** Prints which program it is, and how it was started; what stands for berth and the low-level runtime. */
const TELL_C = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv) {
  char text[65536];
  text[readlink("/proc/self/exe", text, sizeof text - 1)] = 0;
  printf("program %s\\n", basename(text));
  for (int i = 0; i < argc; i++) printf("argument %s\\n", argv[i]);
  for (char **entry = environ; *entry; entry++) printf("variable %s\\n", *entry);
  printf("folder %s\\n", getcwd(text, sizeof text));
  char *record = getenv("BERTH_LAUNCH");
  ssize_t size = record ? pread(atoi(record), text, sizeof text, 0) : 0;
  for (ssize_t i = 0; i < size; i++) printf(i == 0 ? "record %c" : text[i] ? "%c" : "|", text[i]);
  return 0;
}
`;

/** Leaves a mark where it is loaded. */
const PRELOAD_C = `
#include <fcntl.h>
__attribute__((constructor)) static void mark(void) { open(MARK, O_CREAT | O_WRONLY, 0600); }
`;

export interface Tools {
  readonly stage: string;
  readonly probe: string;
  readonly tell: string;
  /** A library for LD_PRELOAD that makes the file `${folder}/mark-preload`. */
  readonly preload: string;
}

/** Compiles the tools into a folder, static, so that they obey no variable themselves. */
export function buildTools(folder: string): Tools {
  const [stage, probe, tell] = [join(folder, "stage"), join(folder, "probe"), join(folder, "tell")];
  const tools = { stage, probe, tell, preload: join(folder, "preload.so") };
  compile(TELL_C, tools.tell, ["-static"]);
  compile(STAGE_C, tools.stage, ["-static"]);
  compile(PROBE_C, tools.probe, ["-static"]);
  compile(PRELOAD_C, tools.preload, ["-shared", "-fPIC", `-DMARK="${join(folder, "mark-preload")}"`]);
  return tools;
}

function compile(source: string, output: string, flags: readonly string[]): void {
  const { exitCode, stderr } = runProgram(["gcc", "-xc", "-O1", "-w", "-o", output, "-", ...flags], { stdin: source });
  if (exitCode !== 0) throw new Error(`${output}: ${Buffer.from(stderr).toString()}`);
}

/** Writes a launcher of this name with its slots filled into a new folder below `folder`; gives back its path. */
export function makeLauncher(folder: string, name: string, slots: LauncherSlots): string {
  const target = process.arch === "arm64" ? "arm64" : "x64";
  const native = join(import.meta.dir, "../../build/native", target);
  buildNative({ target, outDir: native });
  const path = join(mkdtempSync(join(folder, "bin-")), name);
  writeFileSync(path, patchLauncher(readFileSync(join(native, "launcher")), slots), { mode: 0o755 });
  return path;
}

export interface Start {
  /** What is executed, and the state that it is executed in: "nofile=64:4096", "ignore=13", "block=15", "open=4", "close=0", "umask=027". */
  readonly program: string;
  readonly steps?: readonly string[];
  readonly argv: readonly Uint8Array[];
  readonly env?: readonly Uint8Array[];
  readonly cwd?: string;
}

/** Starts a program exactly so. */
export function startStaged(stage: string, folder: string, start: Start) {
  mkdirSync(folder, { recursive: true });
  const files = [join(folder, "argv"), join(folder, "env")] as const;
  writeFileSync(files[0], joinStrings(start.argv));
  writeFileSync(files[1], joinStrings(start.env ?? []));
  const options = { timeoutMs: 20_000, ...(start.cwd === undefined ? {} : { cwd: start.cwd }) };
  return runProgram([stage, start.program, ...files, ...(start.steps ?? [])], options);
}

/** The lines that the probe wrote. */
export function readReport(path: string): readonly string[] {
  return readFileSync(path, "latin1").split("\n");
}

/** Text as Latin-1, so that "\xff" is that byte. */
export function rawBytes(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

function joinStrings(strings: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(strings.flatMap((text) => [text, Buffer.of(0)]));
}

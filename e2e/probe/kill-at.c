/*
 * kill-at CALL N PROGRAM [ARGUMENT…]: runs a program and kills it, with SIGKILL, before the Nth such system call of any of its
 * threads. Unlike strace, which stops at every call to send a signal at one, it stops at calls of that name alone.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALL(name) {#name, SYS_##name}
static const struct { const char *name; long number; } CALLS[] = {
#ifdef SYS_rename
    CALL(rename), CALL(mkdir), CALL(symlink), CALL(unlink), CALL(rmdir),
#endif
#ifdef SYS_renameat
    CALL(renameat),
#endif
    CALL(renameat2), CALL(mkdirat), CALL(symlinkat), CALL(unlinkat), CALL(fchown), CALL(fchownat), CALL(fchmod),
    CALL(write), CALL(fsync), CALL(setns), CALL(umount2), CALL(open_tree), CALL(move_mount), CALL(mount_setattr),
    CALL(fsopen), CALL(fsconfig), CALL(fsmount),
};
static const size_t CALL_COUNT = sizeof CALLS / sizeof *CALLS;

static void start(long number, char **argv)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof code / sizeof *code, code};
    raise(SIGSTOP);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter)) _exit(126);
    execvp(argv[0], argv);
    _exit(127);
}

/* How often each thread has come to the call; each counts by itself, as strace does. */
static struct { pid_t thread; long count; } seen[4096];

static long comeAgain(pid_t thread)
{
    size_t at = 0;
    while (seen[at].thread && seen[at].thread != thread) if (++at == sizeof seen / sizeof *seen) exit(125);
    seen[at].thread = thread;
    return ++seen[at].count;
}

int main(int argc, char **argv)
{
    size_t at = 0;
    while (argc > 3 && at < CALL_COUNT && strcmp(CALLS[at].name, argv[1])) at++;
    if (argc < 4 || at == CALL_COUNT) return fprintf(stderr, "kill-at: no such call\n"), 125;
    pid_t child = fork();
    if (child == 0) start(CALLS[at].number, argv + 3);
    long options = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    int status, result = 125;
    if (waitpid(child, &status, WUNTRACED) != child || ptrace(PTRACE_SEIZE, child, 0, options)) return kill(child, SIGKILL), 125;
    kill(child, SIGCONT);
    for (pid_t thread; (thread = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR;) {
        if (thread == child && WIFEXITED(status)) result = WEXITSTATUS(status);
        if (thread == child && WIFSIGNALED(status)) result = 128 + WTERMSIG(status);
        if (thread < 0 || !WIFSTOPPED(status)) continue;
        int event = status >> 16, number = WSTOPSIG(status);
        if (event == PTRACE_EVENT_SECCOMP && comeAgain(thread) == atol(argv[2])) kill(thread, SIGKILL);
        else if (event == PTRACE_EVENT_STOP && number != SIGTRAP && number != SIGCONT) ptrace(PTRACE_LISTEN, thread, 0, 0);
        else ptrace(PTRACE_CONT, thread, 0, event ? 0 : number);
    }
    return result;
}

/* build: -O1 -nostdlib -nostartfiles -ffreestanding -fno-stack-protector -fPIE -pie -Wl,-z,now */
/* A program that is linked against libcuda.so.1 and nothing else: it starts only where the container's loader finds that library. */
int cuInit(unsigned int);
int cuDeviceGetCount(int *);

#if defined(__x86_64__)
enum { WRITE = 1, EXIT = 231 };
static long sys(long number, long a, long b, long c)
{
    __asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return number;
}
__asm__(".globl _start\n_start: xor %ebp, %ebp\n and $-16, %rsp\n call count_devices\n");
#else
enum { WRITE = 64, EXIT = 94 };
static long sys(long number, long a, long b, long c)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}
__asm__(".globl _start\n_start: bl count_devices\n");
#endif

/* "8 CUDA devices", and 0 devices where cuInit says that there is none. */
__attribute__((used)) void count_devices(void)
{
    int count = 0;
    char text[] = "00 CUDA devices\n";
    if (cuInit(0) == 0) cuDeviceGetCount(&count);
    text[0] = (char)('0' + count / 10);
    text[1] = (char)('0' + count % 10);
    int from = count < 10;
    sys(WRITE, 1, (long)(text + from), (long)sizeof text - 1 - from);
    sys(EXIT, 0, 0, 0);
}

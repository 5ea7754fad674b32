/* A bare Cortex-M or RISC-V under qemu: files and exit of the machine that runs the emulator (Arm, "Semihosting for
 * AArch32 and AArch64", 2.0; RISC-V, "Semihosting", 0.3, takes it over), and a counter of instructions. */
#include "host.h"

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT_EXTENDED = 0x20 };
enum { MODE_RB = 1, MODE_WB = 5, APPLICATION_EXIT = 0x20026 };

extern unsigned char bss_end[];
static uint32_t input, output;

#ifdef __arm__
static uint32_t call(uint32_t operation, const uint32_t *arguments) {
    register uint32_t r0 __asm__("r0") = operation;
    register const uint32_t *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

/* The system timer of every Cortex-M counts down 24 bits, here at the clock of the processor. */
#define SYSTICK ((volatile uint32_t *)0xE000E010u)
enum { CONTROL, RELOAD, VALUE };

static void start_clock(void) {
    SYSTICK[RELOAD] = 0xFFFFFFu;
    SYSTICK[VALUE] = 0;
    SYSTICK[CONTROL] = 5; /* on, clocked by the processor, without interrupts */
}

uint32_t host_clock(void) { return SYSTICK[VALUE]; }

uint32_t host_ticks_since(uint32_t start) { return (start - SYSTICK[VALUE]) & 0xFFFFFFu; }

void host_loop(void) {
    uint32_t left = 1000000u;
    __asm__ volatile("1: subs %0, #1\n bne 1b" : "+l"(left) : : "cc");
}
#else
static uint32_t call(uint32_t operation, const uint32_t *arguments) {
    register uint32_t a0 __asm__("a0") = operation;
    register const uint32_t *a1 __asm__("a1") = arguments;
    __asm__ volatile(
        ".option push\n .option norvc\n .balign 16\n slli x0, x0, 0x1f\n ebreak\n srai x0, x0, 7\n .option pop"
        : "+r"(a0)
        : "r"(a1)
        : "memory");
    return a0;
}

static void start_clock(void) {}

uint32_t host_clock(void) {
    uint32_t count;
    __asm__ volatile(".option push\n .option arch, +zicsr\n csrr %0, minstret\n .option pop" : "=r"(count));
    return count;
}

uint32_t host_ticks_since(uint32_t start) { return host_clock() - start; }

void host_loop(void) {
    uint32_t left = 1000000u;
    __asm__ volatile("1: addi %0, %0, -1\n bnez %0, 1b" : "+r"(left));
}
#endif

static uint32_t open(const char *path, uint32_t length, uint32_t mode) {
    const uint32_t arguments[3] = {(uint32_t)path, mode, length};
    const uint32_t file = call(SYS_OPEN, arguments);
    if (file == UINT32_MAX) host_exit(2);
    return file;
}

void host_begin(void) {
    input = open("x.bin", 5, MODE_RB);
    output = open("out.bin", 7, MODE_WB);
    start_clock();
}

/* Both calls answer with the number of bytes that are left to do. */
void host_read(void *to, uint32_t bytes) {
    const uint32_t arguments[3] = {input, (uint32_t)to, bytes};
    if (call(SYS_READ, arguments) != 0) host_exit(3);
}

void host_write(const void *from, uint32_t bytes) {
    const uint32_t arguments[3] = {output, (uint32_t)from, bytes};
    if (call(SYS_WRITE, arguments) != 0) host_exit(4);
}

void host_exit(int status) {
    const uint32_t file[1] = {output}, arguments[2] = {APPLICATION_EXIT, (uint32_t)status};
    call(SYS_CLOSE, file);
    for (;;) call(SYS_EXIT_EXTENDED, arguments);
}

unsigned char *host_stack_end(void) { return bss_end; }

/* A bare Xtensa under qemu: files and exit of the machine that runs the emulator, by the calls of Tensilica's simulator
 * (Linux, arch/xtensa/platforms/iss/include/platform/simcall.h), and the processor's counter. */
#include "host.h"

enum { SYS_EXIT = 1, SYS_READ = 3, SYS_WRITE = 4, SYS_OPEN = 5, SYS_CLOSE = 6 };
enum { READ_ONLY = 0, WRITE_NEW = 01 | 0100 | 01000, EVERYBODY = 0666 }; /* as Linux has them */

static uint32_t input, output;

static uint32_t call(uint32_t operation, uint32_t first, uint32_t second, uint32_t third) {
    register uint32_t a2 __asm__("a2") = operation;
    register uint32_t a3 __asm__("a3") = first;
    register uint32_t a4 __asm__("a4") = second;
    register uint32_t a5 __asm__("a5") = third;
    __asm__ volatile("simcall" : "+r"(a2), "+r"(a3) : "r"(a4), "r"(a5) : "memory");
    return a2;
}

static uint32_t open(const char *path, uint32_t flags) {
    const uint32_t file = call(SYS_OPEN, (uint32_t)path, flags, EVERYBODY);
    if (file == UINT32_MAX) host_exit(2);
    return file;
}

void host_begin(void) {
    input = open("x.bin", READ_ONLY);
    output = open("out.bin", WRITE_NEW);
}

void host_read(void *to, uint32_t bytes) {
    if (call(SYS_READ, input, (uint32_t)to, bytes) != bytes) host_exit(3);
}

void host_write(const void *from, uint32_t bytes) {
    if (call(SYS_WRITE, output, (uint32_t)from, bytes) != bytes) host_exit(4);
}

void host_exit(int status) {
    call(SYS_CLOSE, output, 0, 0);
    for (;;) call(SYS_EXIT, (uint32_t)status, 0, 0);
}

uint32_t host_clock(void) {
    uint32_t count;
    __asm__ volatile("rsr.ccount %0" : "=r"(count));
    return count;
}

uint32_t host_ticks_since(uint32_t start) { return host_clock() - start; }

void host_loop(void) {
    uint32_t left = 1000000u;
    __asm__ volatile("1: addi %0, %0, -1\n bnez %0, 1b" : "+r"(left));
}

unsigned char *host_stack_end(void) {
    extern unsigned char bss_end[];
    return bss_end;
}

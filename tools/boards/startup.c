/* What runs before main on a bare Cortex-M, Xtensa or RISC-V: the entry, and memory as C wants it. */
#include <stdint.h>

#include "host.h"

extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];
int main(void);

__attribute__((used)) static void reset(void) {
    uint32_t *to;
    const uint32_t *from = data_load;
    for (to = data_start; to < data_end;) *to++ = *from++;
    for (to = bss_start; to < bss_end;) *to++ = 0;
    host_exit(main());
}

#ifdef __arm__
static void fault(void) { host_exit(5); }

/* Stack pointer, reset, NMI and HardFault; no interrupt is ever enabled. */
__attribute__((section(".start"), used)) static const struct {
    uint32_t *stack;
    void (*handlers[3])(void);
} vectors = {stack_top, {reset, fault, fault}};
#elif defined(__xtensa__)
__asm__(
    ".section .start, \"ax\"\n .global _start\n _start: j 1f\n .align 4\n .literal_position\n"
    "1: movi sp, stack_top\n j reset\n .text");
#else
__attribute__((aligned(4), used)) static void fault(void) { host_exit(5); }

__attribute__((naked, section(".start"), used)) void _start(void) {
    __asm__ volatile(
        ".option push\n .option arch, +zicsr\n la t0, fault\n csrw mtvec, t0\n .option pop\n la sp, stack_top\n j %0"
        :
        : "i"(reset));
}
#endif

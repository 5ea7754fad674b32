/* What the harness needs of a board: input and output, a clock, and where the stack may grow to. One host_*.c each. */
#ifndef HOST_H
#define HOST_H

#include <stdint.h>

void host_begin(void);
void host_read(void *to, uint32_t bytes);          /* the next of x.bin: all of them, or the program ends */
void host_write(const void *from, uint32_t bytes); /* to out.bin, in order */
void host_exit(int status);

/* Counts up what the board counts, instructions or cycles, in units of its own; 0 where it counts nothing. */
uint32_t host_clock(void);
uint32_t host_ticks_since(uint32_t start);
void host_loop(void); /* takes two million of what is counted */

unsigned char *host_stack_end(void); /* the lowest address that the stack may use */

static inline __attribute__((always_inline)) unsigned char *stack_pointer(void) {
    unsigned char *sp;
#if defined(__AVR__)
    __asm__ volatile("in %A0, __SP_L__\n in %B0, __SP_H__" : "=r"(sp));
#elif defined(__riscv)
    __asm__ volatile("mv %0, sp" : "=r"(sp));
#elif defined(__mips__)
    __asm__ volatile("move %0, $sp" : "=r"(sp));
#else
    __asm__ volatile("mov %0, sp" : "=r"(sp));
#endif
    return sp;
}

#endif

/* A program of Linux, for processors that qemu emulates one process at a time: nothing is counted. */
#include <stdio.h>
#include <stdlib.h>

#include "host.h"

#define STACK 65536 /* bytes, more than any model takes */

static FILE *input, *output;

void host_begin(void) {
    input = fopen("x.bin", "rb");
    output = fopen("out.bin", "wb");
    if (!input || !output) host_exit(2);
}

void host_read(void *to, uint32_t bytes) {
    if (fread(to, 1, bytes, input) != bytes) host_exit(3);
}

void host_write(const void *from, uint32_t bytes) {
    if (fwrite(from, 1, bytes, output) != bytes) host_exit(4);
}

void host_exit(int status) { exit(status == 0 && fclose(output) != 0 ? 4 : status); }

uint32_t host_clock(void) { return 0; }

uint32_t host_ticks_since(uint32_t start) { return start; }

void host_loop(void) {}

unsigned char *host_stack_end(void) { return (unsigned char *)__builtin_frame_address(0) - STACK; }

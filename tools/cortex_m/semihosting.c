#include "semihosting.h"

enum { SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_EXIT_EXTENDED = 0x20 };
enum { MODE_RB = 1, MODE_WB = 5, APPLICATION_EXIT = 0x20026 };

static int32_t call(uint32_t operation, const uint32_t *arguments) {
    register uint32_t r0 __asm__("r0") = operation;
    register const uint32_t *r1 __asm__("r1") = arguments;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

int host_open(const char *path, int writing) {
    uint32_t length = 0, arguments[3];
    int32_t file;
    while (path[length]) ++length;
    arguments[0] = (uint32_t)path;
    arguments[1] = writing ? MODE_WB : MODE_RB;
    arguments[2] = length;
    file = call(SYS_OPEN, arguments);
    if (file < 0) host_exit(2);
    return file;
}

void host_close(int file) {
    const uint32_t arguments[1] = {(uint32_t)file};
    call(SYS_CLOSE, arguments);
}

/* Both calls answer with the number of bytes that are left to do. */
void host_read(int file, void *to, uint32_t bytes) {
    const uint32_t arguments[3] = {(uint32_t)file, (uint32_t)to, bytes};
    if (call(SYS_READ, arguments) != 0) host_exit(3);
}

void host_write(int file, const void *from, uint32_t bytes) {
    const uint32_t arguments[3] = {(uint32_t)file, (uint32_t)from, bytes};
    if (call(SYS_WRITE, arguments) != 0) host_exit(4);
}

void host_exit(int status) {
    const uint32_t arguments[2] = {APPLICATION_EXIT, (uint32_t)status};
    for (;;) call(SYS_EXIT_EXTENDED, arguments);
}

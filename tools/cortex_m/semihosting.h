/* Files and exit of the machine that runs the emulator (Arm, "Semihosting for AArch32 and AArch64", 2.0). */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

int host_open(const char *path, int writing); /* a handle; the program ends where there is no such file */
void host_close(int file);
void host_read(int file, void *to, uint32_t bytes); /* all of them, or the program ends */
void host_write(int file, const void *from, uint32_t bytes);
void host_exit(int status);

#endif

/* An ATmega under simavr, which has no files: x.bin lies in flash, and bytes go to the serial port as lines of hex. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/pgmspace.h>
#include <avr/sleep.h>
#include <stdint.h>

#include "host.h"

__asm__(".section .progmem.data.x, \"a\", @progbits\n x_bin: .incbin \"" X_BIN "\"\n x_bin_end:\n .text");
extern const uint8_t x_bin[], x_bin_end[];
extern unsigned char __heap_start[];
static const uint8_t *next_byte = x_bin;

static void put(char c) {
    while (!(UCSR0A & _BV(UDRE0))) continue;
    UDR0 = (uint8_t)c;
}

static void put_byte(uint8_t byte) {
    put("0123456789abcdef"[byte >> 4]);
    put("0123456789abcdef"[byte & 15]);
}

/* Timer 1 has 16 bits and counts every 1024th cycle. */
void host_begin(void) {
    UCSR0B = _BV(TXEN0);
    TCCR1B = _BV(CS12) | _BV(CS10);
}

uint32_t host_clock(void) { return TCNT1; }

uint32_t host_ticks_since(uint32_t start) { return (TCNT1 - start) & 0xFFFFu; }

void host_loop(void) {
    uint8_t round;
    for (round = 0; round < 8; ++round) {
        uint16_t left = 62500u;
        __asm__ volatile("1: sbiw %0, 1\n brne 1b" : "+w"(left)); /* two cycles each */
    }
}

void host_read(void *to, uint32_t bytes) {
    uint8_t *byte = to;
    for (; bytes > 0; --bytes) {
        if (next_byte == x_bin_end) host_exit(3);
        *byte++ = pgm_read_byte(next_byte++);
    }
}

void host_write(const void *from, uint32_t bytes) {
    const uint8_t *byte = from;
    uint8_t count = 0;
    for (; bytes > 0; --bytes) {
        if (count == 0) put(':');
        put_byte(*byte++);
        if (++count == 32 || bytes == 1) {
            put('\n');
            count = 0;
        }
    }
}

/* simavr ends where the processor sleeps and nothing can wake it. */
void host_exit(int status) {
    put('=');
    put_byte((uint8_t)status);
    put('\n');
    while (!(UCSR0A & _BV(TXC0))) continue;
    cli();
    sleep_enable();
    for (;;) sleep_cpu();
}

unsigned char *host_stack_end(void) { return __heap_start; }

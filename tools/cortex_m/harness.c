/* Runs an exported library over the sequences of x.bin; writes logits.bin and figures.bin.
 *
 * HEADER is the library's header, MODEL and UPPER the name in its identifiers and macros. SEQUENCES, STEPS and CHUNK
 * (which divides STEPS) say how x.bin is read; with ALL_STEPS every step has logits, else the last one. */
#include HEADER
#include "semihosting.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define INPUT_SIZE JOIN(UPPER, _INPUT_SIZE)
#define OUTPUT_SIZE JOIN(UPPER, _OUTPUT_SIZE)
#define model_init JOIN(MODEL, _init)
#define model_run JOIN(MODEL, _run)
#define model_logits JOIN(MODEL, _logits)

/* The system timer of every Cortex-M counts down 24 bits, here at the clock of the processor. */
#define SYSTICK ((volatile uint32_t *)0xE000E010u)
enum { CONTROL, RELOAD, VALUE };

#define LOOPS 1000000u
#define PAINT 0xA5A5A5A5u
extern uint32_t bss_end[];

static JOIN(MODEL, _state) state;
static JOIN(MODEL, _input) x[CHUNK * INPUT_SIZE];
static JOIN(MODEL, _logit) logits[CHUNK * OUTPUT_SIZE];

/* Sums over the whole run; `device.py` reads this struct. */
static struct {
    uint32_t loop_ticks; /* of 2 LOOPS instructions: what a tick is */
    uint32_t run_ticks;  /* of name_run over all sequences */
    uint32_t logits_ticks; /* of one more name_logits at the end of each */
    uint32_t stack_bytes;  /* the deepest that name_init, name_run and name_logits went */
    uint32_t state_bytes;
} figures;

static uint32_t ticks_since(uint32_t start) { return (start - SYSTICK[VALUE]) & 0xFFFFFFu; }

static uint32_t count_loop(void) {
    uint32_t left = LOOPS, start = SYSTICK[VALUE];
    __asm__ volatile("1: subs %0, #1\n bne 1b" : "+l"(left) : : "cc");
    return ticks_since(start);
}

static inline __attribute__((always_inline)) uint32_t *stack_pointer(void) {
    uint32_t *sp;
    __asm__ volatile("mov %0, sp" : "=r"(sp));
    return sp;
}

int main(void) {
    const int input = host_open("x.bin", 0), output = host_open("logits.bin", 1);
    int file;
    uint32_t i, t, start;
    uint32_t *const sp = stack_pointer();
    volatile uint32_t *word;

    SYSTICK[RELOAD] = 0xFFFFFFu;
    SYSTICK[VALUE] = 0;
    SYSTICK[CONTROL] = 5; /* on, clocked by the processor, without interrupts */
    figures.loop_ticks = count_loop();
    figures.state_bytes = sizeof state;

    for (i = 0; i < SEQUENCES; ++i) {
        model_init(&state);
        for (t = 0; t < STEPS; t += CHUNK) {
            host_read(input, x, sizeof x);
            if (i + t == 0) {
                for (word = bss_end; word < sp; ++word) *word = PAINT;
                model_init(&state);
            }
            start = SYSTICK[VALUE];
            model_run(&state, x, CHUNK, ALL_STEPS ? logits : 0);
            figures.run_ticks += ticks_since(start);
            if (ALL_STEPS) host_write(output, logits, sizeof logits);
            start = SYSTICK[VALUE];
            if (t + CHUNK == STEPS) {
                model_logits(&state, logits);
                figures.logits_ticks += ticks_since(start);
            }
            if (i + t == 0) {
                model_logits(&state, logits);
                for (word = bss_end; *word == PAINT;) ++word;
                figures.stack_bytes = (uint32_t)(sp - word) * sizeof *word;
            }
        }
        if (!ALL_STEPS) host_write(output, logits, OUTPUT_SIZE * sizeof logits[0]);
    }
    host_close(output);
    file = host_open("figures.bin", 1);
    host_write(file, &figures, sizeof figures);
    host_close(file);
    return 0;
}

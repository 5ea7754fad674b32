/* Runs an exported library over the sequences of x.bin; writes their logits, and at the end the figures.
 *
 * HEADER is the library's header, MODEL and UPPER the name in its identifiers and macros. SEQUENCES, STEPS and CHUNK
 * (which divides STEPS) say how x.bin is read, with RAW as values of sensors; with ALL_STEPS every step has logits,
 * else the last one. */
#include HEADER
#include "host.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define INPUT_SIZE JOIN(UPPER, _INPUT_SIZE)
#define OUTPUT_SIZE JOIN(UPPER, _OUTPUT_SIZE)
#define model_init JOIN(MODEL, _init)
#define model_run JOIN(MODEL, _run)
#define model_logits JOIN(MODEL, _logits)

#define PAINT 0xA5u

static JOIN(MODEL, _state) state;
static JOIN(MODEL, _input) x[CHUNK * INPUT_SIZE];
static JOIN(MODEL, _logit) logits[CHUNK * OUTPUT_SIZE];

#if RAW
static void read_chunk(void) {
    static JOIN(MODEL, _raw) raw[CHUNK * INPUT_SIZE];
    unsigned t;
    host_read(raw, sizeof raw);
    for (t = 0; t < CHUNK; ++t) JOIN(MODEL, _prepare)(raw + t * INPUT_SIZE, x + t * INPUT_SIZE);
}
#else
static void read_chunk(void) { host_read(x, sizeof x); }
#endif

/* Sums over the whole run; `device.py` reads this struct. */
static struct {
    uint32_t loop_ticks;   /* of host_loop: what a tick is */
    uint32_t run_ticks;    /* of name_run over all sequences */
    uint32_t logits_ticks; /* of one more name_logits at the end of each */
    uint32_t stack_bytes;  /* the deepest that name_init, name_run and name_logits went */
    uint32_t state_bytes;
} figures;

/* How deep the stack grows below this function: what is painted and then written on. */
static uint32_t stack_bytes(void) {
    unsigned char *const sp = stack_pointer(), *const lowest = host_stack_end();
    volatile unsigned char *byte;
    for (byte = lowest; byte < sp; ++byte) *byte = PAINT;
    model_init(&state);
    model_run(&state, x, CHUNK, ALL_STEPS ? logits : 0);
    model_logits(&state, logits);
    if (*lowest != PAINT) host_exit(6); /* it met the variables */
    for (byte = lowest; *byte == PAINT;) ++byte;
    return (uint32_t)(sp - byte);
}

int main(void) {
    uint32_t i, t, start;

    host_begin();
    start = host_clock();
    host_loop();
    figures.loop_ticks = host_ticks_since(start);
    figures.state_bytes = sizeof state;

    for (i = 0; i < SEQUENCES; ++i) {
        for (t = 0; t < STEPS; t += CHUNK) {
            read_chunk();
            if (i + t == 0) figures.stack_bytes = stack_bytes();
            if (t == 0) model_init(&state);
            start = host_clock();
            model_run(&state, x, CHUNK, ALL_STEPS ? logits : 0);
            figures.run_ticks += host_ticks_since(start);
            if (ALL_STEPS) host_write(logits, sizeof logits);
        }
        start = host_clock();
        model_logits(&state, logits);
        figures.logits_ticks += host_ticks_since(start);
        if (!ALL_STEPS) host_write(logits, OUTPUT_SIZE * sizeof logits[0]);
    }
    host_write(&figures, sizeof figures);
    host_exit(0);
    return 0;
}

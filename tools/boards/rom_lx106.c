/* What an ESP8266 has in ROM, and gcc for it therefore not in its library: arithmetic of 64 bits and of float32, which
 * arrives in the registers of integers. Results round to nearest even, as IEEE 754 says. */
#include <stdint.h>

uint32_t __udivsi3(uint32_t a, uint32_t b);
uint32_t __umodsi3(uint32_t a, uint32_t b);
int32_t __divsi3(int32_t a, int32_t b);
uint64_t __muldi3(uint64_t a, uint64_t b);
uint64_t __umulsidi3(uint32_t a, uint32_t b);
uint64_t __udivdi3(uint64_t a, uint64_t b);
int64_t __divdi3(int64_t a, int64_t b);
uint64_t __udivmoddi4(uint64_t a, uint64_t b, uint64_t *rest); /* of gcc's library */
uint32_t __addsf3(uint32_t a, uint32_t b);
uint32_t __subsf3(uint32_t a, uint32_t b);
uint32_t __mulsf3(uint32_t a, uint32_t b);
uint32_t __floatsisf(int32_t a);
uint32_t __floatunsisf(uint32_t a);

uint32_t __udivsi3(uint32_t a, uint32_t b) {
    uint32_t quotient = 0, rest = 0;
    int bit;
    for (bit = 31; bit >= 0; --bit) {
        const uint32_t carry = rest >> 31;
        rest = rest << 1 | (a >> bit & 1u);
        if (carry || rest >= b) {
            rest -= b;
            quotient |= UINT32_C(1) << bit;
        }
    }
    return quotient;
}

uint32_t __umodsi3(uint32_t a, uint32_t b) { return a - __udivsi3(a, b) * b; }

int32_t __divsi3(int32_t a, int32_t b) {
    const uint32_t q = __udivsi3(a < 0 ? -(uint32_t)a : (uint32_t)a, b < 0 ? -(uint32_t)b : (uint32_t)b);
    return (int32_t)((a < 0) != (b < 0) ? -q : q);
}

/* All 64 bits of a product, from those of its halves. */
uint64_t __umulsidi3(uint32_t a, uint32_t b) {
    const uint32_t a0 = a & 0xFFFFu, a1 = a >> 16, b0 = b & 0xFFFFu, b1 = b >> 16;
    const uint32_t middle = a1 * b0 + (a0 * b0 >> 16), cross = a0 * b1 + (middle & 0xFFFFu);
    return (uint64_t)(a1 * b1 + (middle >> 16) + (cross >> 16)) << 32 | cross << 16 | (a0 * b0 & 0xFFFFu);
}

uint64_t __muldi3(uint64_t a, uint64_t b) {
    const uint32_t a0 = (uint32_t)a, a1 = (uint32_t)(a >> 32), b0 = (uint32_t)b, b1 = (uint32_t)(b >> 32);
    return __umulsidi3(a0, b0) + ((uint64_t)(a0 * b1 + a1 * b0) << 32);
}

uint64_t __udivdi3(uint64_t a, uint64_t b) { return __udivmoddi4(a, b, 0); }

int64_t __divdi3(int64_t a, int64_t b) {
    const uint64_t q = __udivdi3(a < 0 ? -(uint64_t)a : (uint64_t)a, b < 0 ? -(uint64_t)b : (uint64_t)b);
    return (int64_t)((a < 0) != (b < 0) ? -q : q);
}

#define SIGN UINT32_C(0x80000000)
#define INFINITE UINT32_C(0x7F800000)
#define NOT_A_NUMBER UINT32_C(0x7FC00000)
#define HIDDEN_BIT UINT32_C(0x00800000)

static int is_finite(uint32_t x) { return (x & INFINITE) != INFINITE; }
static int is_nan(uint32_t x) { return (x & ~SIGN) > INFINITE; }

/* A finite number is mantissa(x) 2^(exponent(x) - 150). */
static int exponent(uint32_t x) { return (x & INFINITE) == 0 ? 1 : (int)((x & INFINITE) >> 23); }
static uint32_t mantissa(uint32_t x) { return (x & (HIDDEN_BIT - 1)) | ((x & INFINITE) == 0 ? 0 : HIDDEN_BIT); }

/* The float32 of m 2^(e - 150), rounded. */
static uint32_t rounded(uint32_t sign, int e, uint64_t m) {
    int shift = 0;
    if (m == 0) return sign;
    while (m < HIDDEN_BIT && e > 1) m <<= 1, --e;
    while (m >> shift >= 2 * HIDDEN_BIT || e + shift < 1) ++shift;
    if (shift > 60) return sign;
    if (shift > 0) {
        const uint64_t half = (uint64_t)1 << (shift - 1), rest = m & (2 * half - 1);
        m >>= shift;
        m += rest > half || (rest == half && (m & 1u));
    }
    if (m == 2 * HIDDEN_BIT) m >>= 1, ++shift;
    if (e + shift >= 255) return sign | INFINITE;
    return sign | (m < HIDDEN_BIT ? (uint32_t)m : (uint32_t)(e + shift) << 23 | ((uint32_t)m & (HIDDEN_BIT - 1)));
}

uint32_t __addsf3(uint32_t a, uint32_t b) {
    const int apart = exponent(a) - exponent(b);
    uint64_t large, small;
    if (is_nan(a) || is_nan(b)) return NOT_A_NUMBER;
    if (!is_finite(a)) return is_finite(b) || a == b ? a : NOT_A_NUMBER;
    if (!is_finite(b)) return b;
    if ((a & ~SIGN) < (b & ~SIGN)) return __addsf3(b, a);
    large = (uint64_t)mantissa(a) << 36;
    small = (uint64_t)mantissa(b) << 36;
    if (apart > 36) small = small >> (apart < 60 ? apart : 60) | (small != 0); /* what is cut off decides at a half */
    else small >>= apart;
    if ((a ^ b) & SIGN) {
        if (large == small) return 0;
        large -= small;
    } else {
        large += small;
    }
    if (large == 0) return a; /* -0 and -0, or +0 and +0 */
    return rounded(a & SIGN, exponent(a) - 36, large);
}

uint32_t __subsf3(uint32_t a, uint32_t b) { return __addsf3(a, b ^ SIGN); }

uint32_t __mulsf3(uint32_t a, uint32_t b) {
    const uint32_t sign = (a ^ b) & SIGN;
    if (is_nan(a) || is_nan(b)) return NOT_A_NUMBER;
    if (!is_finite(a) || !is_finite(b)) return (a & ~SIGN) && (b & ~SIGN) ? sign | INFINITE : NOT_A_NUMBER;
    return rounded(sign, exponent(a) + exponent(b) - 150, __umulsidi3(mantissa(a), mantissa(b)));
}

uint32_t __floatunsisf(uint32_t a) { return rounded(0, 150, a); }

uint32_t __floatsisf(int32_t a) { return rounded(a < 0 ? SIGN : 0, 150, a < 0 ? -(uint32_t)a : (uint32_t)a); }

/* How it works. A checksum is the remainder of the data, read as a polynomial over two elements,
divided by the CRC's polynomial. Bits are kept reflected, as the processors' instructions have them:
the highest power is the lowest bit.

- tables: eight tables of 256 entries take eight bytes at once ("slicing by 8").
- three ways (CRC-32C only): one instruction takes eight bytes, but its result comes three cycles
  later. So three checksums of neighbouring stretches are made at the same time, and joined:
  appending n zero bytes to what a checksum is of multiplies it by x^(8n), a constant.
- folding (x86-64): registers are multiplied without carries by the constants that move them ahead,
  and added to the data there. What is left at the end is reduced by one of the ways above.

All constants are powers of x, worked out at the start. */

#include "crc.h"

#include <string.h>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define HAS_X86 1
#include <immintrin.h>
#elif defined(__aarch64__) && (defined(__GNUC__) || defined(__clang__))
#define HAS_ARM 1
#include <arm_acle.h>
#if defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#endif

typedef struct crc crc;
typedef uint32_t (*extend_function)(const crc *self, uint32_t value, const unsigned char *data,
                                    size_t nbytes);

struct crc {
    uint32_t polynomial; /* reflected; its x^32 is left out */
    uint32_t table[8][256];
    uint32_t long_power[2], short_power[2];
    uint64_t fold_by_256[2], fold_by_64[2], fold_by_16[2], fold_lanes[8];
    extend_function shorter; /* the way for what is too short to be folded */
    struct {
        const char *name;
        extend_function extend;
    } ways[4];
    int way_count;
};

static crc crcs[2] = {[CRC32C] = {.polynomial = 0x82f63b78u}, [CRC32] = {.polynomial = 0xedb88320u}};

/* a times b, modulo the polynomial. */
static uint32_t multiply(uint32_t polynomial, uint32_t a, uint32_t b)
{
    uint32_t product = 0;
    int i;

    for (i = 0; i < 32; i++) {
        product ^= b & (0u - (a >> 31));
        a <<= 1;
        b = (b >> 1) ^ (polynomial & (0u - (b & 1)));
    }
    return product;
}

/* x^exponent, modulo the polynomial. */
static uint32_t power(uint32_t polynomial, unsigned exponent)
{
    uint32_t result = 0x80000000u, square = 0x40000000u;

    for (; exponent != 0; exponent >>= 1) {
        if (exponent & 1)
            result = multiply(polynomial, square, result);
        square = multiply(polynomial, square, square);
    }
    return result;
}

static void make_tables(crc *self)
{
    uint32_t value;
    int byte, bit, i;

    for (byte = 0; byte < 256; byte++) {
        value = (uint32_t)byte;
        for (bit = 0; bit < 8; bit++)
            value = (value >> 1) ^ (self->polynomial & (0u - (value & 1)));
        self->table[0][byte] = value;
    }
    for (i = 1; i < 8; i++)
        for (byte = 0; byte < 256; byte++)
            self->table[i][byte] =
                (self->table[i - 1][byte] >> 8) ^ self->table[0][self->table[i - 1][byte] & 0xff];
}

static uint32_t extend_by_tables(const crc *self, uint32_t value, const unsigned char *data,
                                 size_t nbytes)
{
    const uint32_t(*table)[256] = self->table;

    for (; nbytes >= 8; nbytes -= 8, data += 8) {
        value ^= data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
                 (uint32_t)data[3] << 24;
        value = table[7][value & 0xff] ^ table[6][value >> 8 & 0xff] ^
                table[5][value >> 16 & 0xff] ^ table[4][value >> 24] ^ table[3][data[4]] ^
                table[2][data[5]] ^ table[1][data[6]] ^ table[0][data[7]];
    }
    for (; nbytes > 0; nbytes--)
        value = (value >> 8) ^ table[0][(value ^ *data++) & 0xff];
    return value;
}

static void add_way(crc *self, const char *name, extend_function extend)
{
    self->ways[self->way_count].name = name;
    self->ways[self->way_count++].extend = extend;
}

/* ------------------------------------------------------------------------------ three ways */

#if defined(HAS_X86) || defined(HAS_ARM)

enum { LONG_NBYTES = 4096, SHORT_NBYTES = 256 };

/* What moves a checksum ahead by one and by two stretches; `less` is how many powers of x the
multiplication brings by itself. */
static void make_powers(crc *self, unsigned less)
{
    self->long_power[0] = power(self->polynomial, 8 * LONG_NBYTES - less);
    self->long_power[1] = power(self->polynomial, 16 * LONG_NBYTES - less);
    self->short_power[0] = power(self->polynomial, 8 * SHORT_NBYTES - less);
    self->short_power[1] = power(self->polynomial, 16 * SHORT_NBYTES - less);
}

static inline uint64_t load64(const unsigned char *data)
{
    uint64_t word;

    memcpy(&word, data, 8);
    return word;
}

#define THREE_STRETCHES(STEP64, SHIFT, NBYTES, POWER)                                              \
    while (nbytes >= 3 * (NBYTES)) {                                                               \
        uint64_t first = value, second = 0, third = 0;                                             \
        size_t i;                                                                                  \
        for (i = 0; i < (NBYTES); i += 8) {                                                        \
            first = STEP64(first, load64(data + i));                                               \
            second = STEP64(second, load64(data + (NBYTES) + i));                                  \
            third = STEP64(third, load64(data + 2 * (NBYTES) + i));                                \
        }                                                                                          \
        value = SHIFT((uint32_t)first, (POWER)[1]) ^ SHIFT((uint32_t)second, (POWER)[0]) ^         \
                (uint32_t)third;                                                                   \
        data += 3 * (NBYTES);                                                                      \
        nbytes -= 3 * (NBYTES);                                                                    \
    }

#define THREE_WAYS(STEP64, STEP8, SHIFT)                                                           \
    THREE_STRETCHES(STEP64, SHIFT, LONG_NBYTES, self->long_power)                                  \
    THREE_STRETCHES(STEP64, SHIFT, SHORT_NBYTES, self->short_power)                                \
    for (; nbytes >= 8; nbytes -= 8, data += 8)                                                    \
        value = (uint32_t)STEP64(value, load64(data));                                             \
    for (; nbytes > 0; nbytes--)                                                                   \
        value = STEP8(value, *data++);                                                             \
    return value;

#endif

#ifdef HAS_X86

#define SSE __attribute__((target("sse4.2,pclmul")))
#define AVX512 __attribute__((target("sse4.2,pclmul,avx512f,avx512vl,vpclmulqdq")))

/* The product of reflected bits is one power too low, and the instruction multiplies by x^32: the
33 that make_powers leaves out. */
SSE static inline uint32_t shift_by_clmul(uint32_t value, uint32_t factor)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128((int)value),
                                           _mm_cvtsi32_si128((int)factor), 0);

    return (uint32_t)_mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

SSE static uint32_t extend_three_ways(const crc *self, uint32_t value, const unsigned char *data,
                                      size_t nbytes)
{
    THREE_WAYS(_mm_crc32_u64, _mm_crc32_u8, shift_by_clmul)
}

/* For a distance of D bits: x^(D + 32) and x^(D - 32), which meet the lower and the upper half. */
static void make_fold(const crc *self, uint64_t *factors, unsigned nbytes)
{
    factors[0] = (uint64_t)power(self->polynomial, 8 * nbytes + 32) << 1;
    factors[1] = (uint64_t)power(self->polynomial, 8 * nbytes - 32) << 1;
}

static void make_folds(crc *self)
{
    make_fold(self, self->fold_by_256, 256);
    make_fold(self, self->fold_by_64, 64);
    make_fold(self, self->fold_by_16, 16);
    /* Three of four lanes are moved onto the last. */
    make_fold(self, self->fold_lanes, 48);
    make_fold(self, self->fold_lanes + 2, 32);
    make_fold(self, self->fold_lanes + 4, 16);
}

SSE static inline __m128i load16(const void *data)
{
    return _mm_loadu_si128((const __m128i *)data);
}

SSE static inline __m128i fold16(__m128i ahead, __m128i factors, __m128i data)
{
    return _mm_xor_si128(data, _mm_xor_si128(_mm_clmulepi64_si128(ahead, factors, 0x00),
                                             _mm_clmulepi64_si128(ahead, factors, 0x11)));
}

/* What is left of folding is like data itself, of 16 bytes. */
SSE static uint32_t reduce(const crc *self, __m128i left, const unsigned char *data, size_t nbytes)
{
    unsigned char block[16];

    _mm_storeu_si128((__m128i *)block, left);
    return self->shorter(self, self->shorter(self, 0, block, 16), data, nbytes);
}

SSE static uint32_t extend_by_folding_16(const crc *self, uint32_t value,
                                         const unsigned char *data, size_t nbytes)
{
    __m128i a, b, c, d, factors = load16(self->fold_by_64);

    if (nbytes < 128)
        return self->shorter(self, value, data, nbytes);
    a = _mm_xor_si128(load16(data), _mm_cvtsi32_si128((int)value));
    b = load16(data + 16);
    c = load16(data + 32);
    d = load16(data + 48);
    for (data += 64, nbytes -= 64; nbytes >= 64; data += 64, nbytes -= 64) {
        a = fold16(a, factors, load16(data));
        b = fold16(b, factors, load16(data + 16));
        c = fold16(c, factors, load16(data + 32));
        d = fold16(d, factors, load16(data + 48));
    }
    factors = load16(self->fold_by_16);
    d = fold16(fold16(fold16(a, factors, b), factors, c), factors, d);
    for (; nbytes >= 16; data += 16, nbytes -= 16)
        d = fold16(d, factors, load16(data));
    return reduce(self, d, data, nbytes);
}

AVX512 static inline __m512i fold64(__m512i ahead, __m512i factors, __m512i data)
{
    return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(ahead, factors, 0x00),
                                     _mm512_clmulepi64_epi128(ahead, factors, 0x11), data, 0x96);
}

AVX512 static uint32_t extend_by_folding_64(const crc *self, uint32_t value,
                                            const unsigned char *data, size_t nbytes)
{
    __m512i a, b, c, d, factors = _mm512_broadcast_i32x4(load16(self->fold_by_256));

    if (nbytes < 512)
        return self->shorter(self, value, data, nbytes);
    a = _mm512_xor_si512(_mm512_loadu_si512(data),
                         _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)value)));
    b = _mm512_loadu_si512(data + 64);
    c = _mm512_loadu_si512(data + 128);
    d = _mm512_loadu_si512(data + 192);
    for (data += 256, nbytes -= 256; nbytes >= 256; data += 256, nbytes -= 256) {
        a = fold64(a, factors, _mm512_loadu_si512(data));
        b = fold64(b, factors, _mm512_loadu_si512(data + 64));
        c = fold64(c, factors, _mm512_loadu_si512(data + 128));
        d = fold64(d, factors, _mm512_loadu_si512(data + 192));
    }
    factors = _mm512_broadcast_i32x4(load16(self->fold_by_64));
    d = fold64(fold64(fold64(a, factors, b), factors, c), factors, d);
    for (; nbytes >= 64; data += 64, nbytes -= 64)
        d = fold64(d, factors, _mm512_loadu_si512(data));
    a = fold64(d, _mm512_loadu_si512(self->fold_lanes), _mm512_setzero_si512());
    return reduce(self,
                  _mm_xor_si128(_mm_xor_si128(_mm512_extracti32x4_epi32(a, 0),
                                              _mm512_extracti32x4_epi32(a, 1)),
                                _mm_xor_si128(_mm512_extracti32x4_epi32(a, 2),
                                              _mm512_extracti32x4_epi32(d, 3))),
                  data, nbytes);
}

static void add_ways_of_processor(void)
{
    crc *crc32c = &crcs[CRC32C], *crc32 = &crcs[CRC32];

    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("pclmul"))
        return;
    make_powers(crc32c, 33);
    make_folds(crc32c);
    make_folds(crc32);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("vpclmulqdq")) {
        add_way(crc32c, "vpclmulqdq", extend_by_folding_64);
        add_way(crc32, "vpclmulqdq", extend_by_folding_64);
    }
    crc32c->shorter = extend_three_ways;
    add_way(crc32c, "sse4.2", extend_three_ways);
    add_way(crc32, "pclmul", extend_by_folding_16);
}

#elif defined(HAS_ARM)

#define CRC __attribute__((target("+crc")))

CRC static inline uint64_t step64(uint64_t value, uint64_t word)
{
    return __crc32cd((uint32_t)value, word);
}

static inline uint32_t shift_by_multiplying(uint32_t value, uint32_t factor)
{
    return multiply(crcs[CRC32C].polynomial, factor, value);
}

CRC static uint32_t extend_three_ways(const crc *self, uint32_t value, const unsigned char *data,
                                      size_t nbytes)
{
    THREE_WAYS(step64, __crc32cb, shift_by_multiplying)
}

static int has_crc_instructions(void)
{
#if defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#elif defined(__APPLE__)
    return 1;
#else
    return 0;
#endif
}

static void add_ways_of_processor(void)
{
    if (!has_crc_instructions())
        return;
    make_powers(&crcs[CRC32C], 0);
    add_way(&crcs[CRC32C], "armv8-crc", extend_three_ways);
}

#else

static void add_ways_of_processor(void) {}

#endif

/* ---------------------------------------------------------------------------------- public */

void crc_initialize(void)
{
    int which;

    if (crcs[0].way_count > 0)
        return;
    for (which = 0; which < 2; which++) {
        make_tables(&crcs[which]);
        crcs[which].shorter = extend_by_tables;
    }
    add_ways_of_processor();
    for (which = 0; which < 2; which++)
        add_way(&crcs[which], "tables", extend_by_tables);
}

const char *crc_way(int which, int number) { return crcs[which].ways[number].name; }

uint32_t crc_extend_by(int which, int number, uint32_t value, const void *data, size_t nbytes)
{
    return ~crcs[which].ways[number].extend(&crcs[which], ~value, data, nbytes);
}

uint32_t crc_extend(int which, uint32_t value, const void *data, size_t nbytes)
{
    return crc_extend_by(which, 0, value, data, nbytes);
}

uint32_t adler32_extend(uint32_t value, const void *data, size_t nbytes)
{
    /* So many bytes can be added before a sum of 32 bits overflows; a multiple of the inner 32. */
    enum { MODULUS = 65521, UNREDUCED_NBYTES = 5536, INNER_NBYTES = 32 };
    const unsigned char *next = data;
    uint32_t sum = value & 0xffff, sum_of_sums = value >> 16, bytes, weighted;
    size_t part, i;

    while (nbytes > 0) {
        part = nbytes < UNREDUCED_NBYTES ? nbytes : UNREDUCED_NBYTES;
        nbytes -= part;
        for (; part >= INNER_NBYTES; part -= INNER_NBYTES, next += INNER_NBYTES) {
            bytes = weighted = 0;
            for (i = 0; i < INNER_NBYTES; i++) {
                bytes += next[i];
                weighted += (uint32_t)(INNER_NBYTES - i) * next[i];
            }
            sum_of_sums += INNER_NBYTES * sum + weighted;
            sum += bytes;
        }
        for (; part > 0; part--) {
            sum += *next++;
            sum_of_sums += sum;
        }
        sum %= MODULUS;
        sum_of_sums %= MODULUS;
    }
    return sum_of_sums << 16 | sum;
}

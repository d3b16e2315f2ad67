/* How it works. 64 bits of the stream are held in a word, of which the next symbol's table entry
says everything: how many bits it takes, what it is, and how many extra bits follow. Codes longer
than the main table's index lead to a second table. Far from both ends of the memory, a loop without
checks decodes symbols; near them, a loop that checks each of them. What was decoded is the window,
so nothing else is written than `dst`.

Nothing in a stream is trusted: a code that is over-subscribed or incomplete (but for one code of one
bit, as zlib has it), a symbol that does not exist and an offset before the start are refused. */

#include "inflater.h"

#include <string.h>

/* An entry:
   bits 0-7    bits to take: of the code and of the extra bits
   bits 8-11   bits of the code alone (in a link to a second table: the bits of its index)
   bits 16-30  the literal; the base of a length or an offset; where the second table starts
   and: */
#define LITERAL 0x80000000u
#define SPECIAL 0x8000u /* one of those below, or, alone, no symbol at all */
#define LINK 0x4000u
#define END 0x2000u

enum {
    MAX_CODE_BITS = 15,
    MAX_OFFSET_BITS = 15 + 13,
    LITLEN_MASK = (1 << LITLEN_BITS) - 1,
    OFFSET_MASK = (1 << OFFSET_BITS) - 1,
    /* What one turn of the fast loop reads and writes at most. */
    FAST_SRC_NBYTES = 24,
    FAST_DST_NBYTES = 2 + 258 + 31
};

static const uint16_t length_base[31] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,
                                         17, 19, 23, 27, 31, 35, 43, 51, 59,  67,  83,
                                         99, 115, 131, 163, 195, 227, 258, 0, 0};
static const uint8_t length_extra[31] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2,
                                         3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0, 0, 0};
static const uint16_t offset_base[32] = {
    1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129, 193,
    257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577, 0, 0};
static const uint8_t offset_extra[32] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6, 6,
                                         7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 0, 0};
static const uint8_t precode_order[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                          11, 4,  12, 3, 13, 2, 14, 1, 15};

static uint32_t litlen_symbol(unsigned symbol)
{
    if (symbol < 256)
        return LITERAL | symbol << 16;
    if (symbol == 256)
        return SPECIAL | END;
    if (length_base[symbol - 257] == 0)
        return SPECIAL;
    return (uint32_t)length_base[symbol - 257] << 16 | length_extra[symbol - 257];
}

static uint32_t offset_symbol(unsigned symbol)
{
    if (offset_base[symbol] == 0)
        return SPECIAL;
    return (uint32_t)offset_base[symbol] << 16 | offset_extra[symbol];
}

static uint32_t plain_symbol(unsigned symbol) { return symbol << 16; }

static unsigned reversed(unsigned code, int bits)
{
    unsigned result = 0;

    for (; bits > 0; bits--, code >>= 1)
        result = result << 1 | (code & 1);
    return result;
}

/* Make the table of a canonical code with these lengths; false when they make no code. */
static int make_table(uint32_t *table, int table_bits, const uint8_t *lengths, unsigned count,
                      uint32_t (*entry_of)(unsigned symbol), int may_be_incomplete)
{
    unsigned counts[MAX_CODE_BITS + 1] = {0}, next[MAX_CODE_BITS + 2], symbol, code, index;
    unsigned end = 1u << table_bits;
    int longest = 0, bits, rest_bits;
    int32_t left = 1;
    uint32_t entry;

    for (symbol = 0; symbol < count; symbol++)
        counts[lengths[symbol]]++;
    counts[0] = 0;
    next[1] = 0;
    for (bits = 1; bits <= MAX_CODE_BITS; bits++) {
        left = (left << 1) - (int32_t)counts[bits];
        if (left < 0)
            return 0;
        if (counts[bits] != 0)
            longest = bits;
        next[bits + 1] = (next[bits] + counts[bits]) << 1;
    }
    if (left > 0 && !(may_be_incomplete && longest <= 1))
        return 0;
    for (index = 0; index < 1u << table_bits; index++)
        table[index] = SPECIAL;
    rest_bits = longest - table_bits;
    for (symbol = 0; symbol < count; symbol++) {
        bits = lengths[symbol];
        if (bits == 0)
            continue;
        code = reversed(next[bits]++, bits);
        entry = entry_of(symbol);
        entry += (uint32_t)bits << 8 | (uint32_t)bits;
        if (bits <= table_bits) {
            for (index = code; index < 1u << table_bits; index += 1u << bits)
                table[index] = entry;
            continue;
        }
        index = code & ((1u << table_bits) - 1);
        if (!(table[index] & LINK)) {
            table[index] = SPECIAL | LINK | end << 16 | (uint32_t)rest_bits << 8 |
                           (uint32_t)table_bits;
            end += 1u << rest_bits;
        }
        /* In the second table only what is left of the code is taken. */
        entry -= (uint32_t)table_bits << 8 | (uint32_t)table_bits;
        for (code >>= table_bits; code < 1u << rest_bits; code += 1u << (bits - table_bits))
            table[(table[index] >> 16) + code] = entry;
    }
    return 1;
}

/* ------------------------------------------------------------------------------------ bits */

typedef struct {
    const uint8_t *next, *end;
    uint64_t word;
    unsigned count; /* of valid bits in it */
    unsigned beyond; /* zero bytes that stand for those behind the end */
} bit_reader;

static inline uint64_t load64(const uint8_t *src)
{
    uint64_t word;

    memcpy(&word, src, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Have at least 56 bits. At the end of the source zeros follow; that they were used is found out
afterwards. */
static inline void refill(bit_reader *bits)
{
    if (bits->end - bits->next >= 8) {
        bits->word |= load64(bits->next) << bits->count;
        bits->next += (63 - bits->count) >> 3;
        bits->count |= 56;
        return;
    }
    while (bits->count < 56) {
        if (bits->next < bits->end)
            bits->word |= (uint64_t)*bits->next++ << bits->count;
        else
            bits->beyond++;
        bits->count += 8;
    }
}

static inline unsigned take(bit_reader *bits, unsigned count)
{
    unsigned value = (unsigned)(bits->word & ((1ull << count) - 1));

    bits->word >>= count;
    bits->count -= count;
    return value;
}

/* Bytes that were not there have been used. */
static inline int is_overrun(const bit_reader *bits)
{
    return bits->beyond > bits->count >> 3;
}

/* Drop the rest of a byte and give back the bytes that were read ahead. */
static int align(bit_reader *bits)
{
    unsigned ahead = bits->count >> 3;

    if (is_overrun(bits))
        return 0;
    bits->next -= ahead - bits->beyond;
    bits->word = 0;
    bits->count = 0;
    bits->beyond = 0;
    return 1;
}

/* ---------------------------------------------------------------------------------- blocks */

static int fixed_tables(inflater *self)
{
    uint8_t lengths[288];

    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    make_table(self->litlen, LITLEN_BITS, lengths, 288, litlen_symbol, 0);
    memset(lengths, 5, 32);
    make_table(self->offset, OFFSET_BITS, lengths, 32, offset_symbol, 0);
    return 1;
}

static int dynamic_tables(inflater *self, bit_reader *bits)
{
    uint8_t lengths[286 + 30 + 138] = {0}, precode_lengths[19] = {0};
    uint32_t precode[1 << PRECODE_BITS], entry;
    unsigned litlen_count, offset_count, precode_count, count, i, repeat;
    uint8_t value;

    refill(bits);
    litlen_count = take(bits, 5) + 257;
    offset_count = take(bits, 5) + 1;
    precode_count = take(bits, 4) + 4;
    if (litlen_count > 286 || offset_count > 30)
        return 0;
    for (i = 0; i < precode_count; i++) {
        refill(bits);
        precode_lengths[precode_order[i]] = (uint8_t)take(bits, 3);
    }
    if (!make_table(precode, PRECODE_BITS, precode_lengths, 19, plain_symbol, 0))
        return 0;
    count = litlen_count + offset_count;
    for (i = 0; i < count;) {
        refill(bits);
        entry = precode[bits->word & ((1 << PRECODE_BITS) - 1)];
        if (entry & SPECIAL)
            return 0;
        take(bits, entry & 0xff);
        entry >>= 16;
        if (entry < 16) {
            lengths[i++] = (uint8_t)entry;
            continue;
        }
        value = 0;
        if (entry == 16) {
            if (i == 0)
                return 0;
            value = lengths[i - 1];
            repeat = 3 + take(bits, 2);
        } else {
            repeat = entry == 17 ? 3 + take(bits, 3) : 11 + take(bits, 7);
        }
        if (repeat > count - i)
            return 0;
        memset(lengths + i, value, repeat);
        i += repeat;
    }
    return make_table(self->litlen, LITLEN_BITS, lengths, litlen_count, litlen_symbol, 1) &&
           make_table(self->offset, OFFSET_BITS, lengths + litlen_count, offset_count,
                      offset_symbol, 1);
}

/* Follow a link to a second table, if it is one; what the link takes is taken. */
static inline uint32_t follow(const uint32_t *table, uint32_t entry, bit_reader *bits)
{
    if (!(entry & LINK))
        return entry;
    take(bits, entry & 0xff);
    return table[(entry >> 16) + (bits->word & ((1u << (entry >> 8 & 0xf)) - 1))];
}

/* The base of a length or an offset plus its extra bits; code and extra bits are taken. */
static inline unsigned value_of(uint32_t entry, bit_reader *bits)
{
    uint64_t word = bits->word;
    unsigned both_bits = entry & 0xff;

    bits->word >>= both_bits;
    bits->count -= both_bits;
    return (entry >> 16) + (unsigned)((word & ((1ull << both_bits) - 1)) >> (entry >> 8 & 0xf));
}

static inline void copy8(uint8_t *out, const uint8_t *from)
{
    uint64_t word;

    memcpy(&word, from, 8);
    memcpy(out, &word, 8);
}

/* Copy a match; up to 31 bytes behind it are written over. Most are short: what is copied without
a look at the length costs less than a branch that is guessed wrong. */
static inline void copy_match(uint8_t *out, unsigned offset, unsigned length)
{
    const uint8_t *from = out - offset;
    uint8_t *end = out + length;

    if (offset >= 8) {
        copy8(out, from);
        copy8(out + 8, from + 8);
        copy8(out + 16, from + 16);
        for (out += 24, from += 24; out < end; out += 8, from += 8)
            copy8(out, from);
    } else if (offset == 1) {
        memset(out, *from, length);
    } else {
        /* Of eight bytes the first `offset` are right, and the others are written again. */
        copy8(out, from);
        copy8(out + offset, from + offset);
        for (out += 2 * offset, from += 2 * offset; out < end; out += offset, from += offset)
            copy8(out, from);
    }
}

static ptrdiff_t coded_block(const inflater *self, bit_reader *bits, uint8_t *dst, uint8_t *out,
                             uint8_t *end)
{
    uint8_t *fast_end = end - dst > FAST_DST_NBYTES ? end - FAST_DST_NBYTES : dst;
    const uint8_t *fast_src_end =
        bits->end - bits->next > FAST_SRC_NBYTES ? bits->end - FAST_SRC_NBYTES : bits->next;
    bit_reader reader = *bits;
    unsigned length, offset, i;
    uint32_t entry;

    refill(&reader);
    entry = self->litlen[reader.word & LITLEN_MASK];
    while (out < fast_end && reader.next < fast_src_end) {
        /* At least 56 bits are there and the entry of the next symbol. Two literals and a length
        take 50 at most. */
        if (entry & LITERAL) {
            take(&reader, entry & 0xff);
            *out++ = (uint8_t)(entry >> 16);
            entry = self->litlen[reader.word & LITLEN_MASK];
            if (entry & LITERAL) {
                take(&reader, entry & 0xff);
                *out++ = (uint8_t)(entry >> 16);
                entry = self->litlen[reader.word & LITLEN_MASK];
                if (entry & LITERAL) {
                    take(&reader, entry & 0xff);
                    *out++ = (uint8_t)(entry >> 16);
                    entry = self->litlen[reader.word & LITLEN_MASK];
                    refill(&reader);
                    continue;
                }
            }
        }
        if (entry & SPECIAL) {
            entry = follow(self->litlen, entry, &reader);
            if (entry & LITERAL) {
                take(&reader, entry & 0xff);
                *out++ = (uint8_t)(entry >> 16);
                refill(&reader);
                entry = self->litlen[reader.word & LITLEN_MASK];
                continue;
            }
            if (entry & SPECIAL) {
                if (!(entry & END))
                    return INFLATE_DAMAGED;
                take(&reader, entry & 0xff);
                goto done;
            }
        }
        length = value_of(entry, &reader);
        if (reader.count < MAX_OFFSET_BITS + LITLEN_BITS)
            refill(&reader);
        entry = self->offset[reader.word & OFFSET_MASK];
        if (entry & SPECIAL) {
            entry = follow(self->offset, entry, &reader);
            if (entry & SPECIAL)
                return INFLATE_DAMAGED;
        }
        offset = value_of(entry, &reader);
        if (offset > (size_t)(out - dst))
            return INFLATE_DAMAGED;
        /* The next entry is looked up before the copy, and both go on at the same time. */
        entry = self->litlen[reader.word & LITLEN_MASK];
        refill(&reader);
        copy_match(out, offset, length);
        out += length;
    }
    for (;;) {
        refill(&reader);
        entry = follow(self->litlen, self->litlen[reader.word & LITLEN_MASK], &reader);
        if (entry & LITERAL) {
            take(&reader, entry & 0xff);
            if (is_overrun(&reader))
                return INFLATE_DAMAGED;
            if (out == end)
                return INFLATE_FULL;
            *out++ = (uint8_t)(entry >> 16);
            continue;
        }
        if (entry & SPECIAL) {
            if (!(entry & END))
                return INFLATE_DAMAGED;
            take(&reader, entry & 0xff);
            break;
        }
        length = value_of(entry, &reader);
        refill(&reader);
        entry = follow(self->offset, self->offset[reader.word & OFFSET_MASK], &reader);
        if (entry & SPECIAL)
            return INFLATE_DAMAGED;
        offset = value_of(entry, &reader);
        if (offset > (size_t)(out - dst) || is_overrun(&reader))
            return INFLATE_DAMAGED;
        if (length > (size_t)(end - out))
            return INFLATE_FULL;
        for (i = 0; i < length; i++)
            out[i] = out[(ptrdiff_t)i - (ptrdiff_t)offset];
        out += length;
    }
done:
    if (is_overrun(&reader))
        return INFLATE_DAMAGED;
    *bits = reader;
    return out - dst;
}

static ptrdiff_t stored_block(bit_reader *bits, uint8_t *dst, uint8_t *out, uint8_t *end)
{
    size_t nbytes;

    if (!align(bits) || bits->end - bits->next < 4)
        return INFLATE_DAMAGED;
    nbytes = bits->next[0] | (size_t)bits->next[1] << 8;
    if (nbytes != (0xffff ^ (bits->next[2] | (size_t)bits->next[3] << 8)))
        return INFLATE_DAMAGED;
    bits->next += 4;
    if (nbytes > (size_t)(bits->end - bits->next))
        return INFLATE_DAMAGED;
    if (nbytes > (size_t)(end - out))
        return INFLATE_FULL;
    memcpy(out, bits->next, nbytes);
    bits->next += nbytes;
    return out + nbytes - dst;
}

ptrdiff_t inflate_stream(inflater *self, const uint8_t *src, size_t src_nbytes, uint8_t *dst,
                         size_t capacity, size_t *used)
{
    bit_reader bits = {src, src + src_nbytes, 0, 0, 0};
    ptrdiff_t nbytes = 0;
    unsigned is_last, type;

    do {
        refill(&bits);
        is_last = take(&bits, 1);
        type = take(&bits, 2);
        if (is_overrun(&bits) || type == 3)
            return INFLATE_DAMAGED;
        if (type == 0) {
            nbytes = stored_block(&bits, dst, dst + nbytes, dst + capacity);
        } else {
            if (!(type == 1 ? fixed_tables(self) : dynamic_tables(self, &bits)))
                return INFLATE_DAMAGED;
            nbytes = coded_block(self, &bits, dst, dst + nbytes, dst + capacity);
        }
        if (nbytes < 0)
            return nbytes;
    } while (!is_last);
    if (!align(&bits))
        return INFLATE_DAMAGED;
    *used = (size_t)(bits.next - src);
    return nbytes;
}

/* How it works. The data becomes tokens, each a byte or a match (a length and how far back the same
bytes are). Earlier places are found by the hash of the next four bytes, with chains of those that
share it, or of the next three, of which only the last is known. Up to level 4 a match is taken when
it is found; from 5 on not before the next byte has been tried too. A block of tokens is written by
the code that takes the fewest bits: one made for it, the fixed one, or no code at all.

The output depends on the data and the level only. */

#include "deflater.h"

#include <string.h>

enum {
    MIN_MATCH = 3,
    MAX_MATCH = 258,
    FAR_FOR_3 = 4096, /* three bytes from farther away take more bits than they save */
    LITLEN_COUNT = 286,
    OFFSET_COUNT = 30,
    PRECODE_COUNT = 19,
    END_OF_BLOCK = 256,
    MAX_STORED = 65535,
    MAX_BITS = 15
};

#define MATCH 0x80000000u

/* How many candidates are tried, which length is good enough, and whether the next byte is tried. */
static const struct {
    int tries, enough, is_lazy;
} levels[10] = {
    {0, 0, 0},    {2, 16, 0},   {4, 32, 0},    {8, 48, 0},    {16, 64, 0},
    {12, 64, 1},  {24, 96, 1},  {64, 128, 1},  {200, 258, 1}, {600, 258, 1},
};

static const uint8_t precode_order[PRECODE_COUNT] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                     11, 4,  12, 3, 13, 2, 14, 1, 15};

size_t deflate_stream_bound(size_t nbytes)
{
    /* Each block is stored at worst, in pieces with a header of up to six bytes; and eight bytes
    are written at a time. */
    return nbytes + 6 * (nbytes / MAX_STORED + nbytes / DEFLATE_TOKENS + 2) + 16;
}

/* ------------------------------------------------------------------------------------ bits */

typedef struct {
    uint8_t *next;
    uint64_t word;
    unsigned count;
} bit_writer;

/* Up to 56 bits between two flushes. */
static inline void put(bit_writer *bits, uint64_t value, unsigned count)
{
    bits->word |= value << bits->count;
    bits->count += count;
}

static inline void flush(bit_writer *bits)
{
    uint64_t word = bits->word;

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    memcpy(bits->next, &word, 8);
    bits->next += bits->count >> 3;
    bits->word >>= bits->count & ~7u;
    bits->count &= 7;
}

static void pad_to_byte(bit_writer *bits)
{
    bits->count = (bits->count + 7) & ~7u;
    flush(bits);
}

/* ----------------------------------------------------------------------------------- codes */

static inline unsigned highest_bit(unsigned value) { return 31 - (unsigned)__builtin_clz(value); }

/* Lengths and offsets fall into ranges; a symbol names the range, extra bits the place in it. */
static inline unsigned length_symbol(unsigned length, unsigned *extra_bits)
{
    unsigned above = length - MIN_MATCH, highest;

    *extra_bits = 0;
    if (length == MAX_MATCH)
        return 285;
    if (above < 8)
        return 257 + above;
    highest = highest_bit(above);
    *extra_bits = highest - 2;
    return 257 + 4 * (highest - 1) + (above >> (highest - 2) & 3);
}

static inline unsigned offset_symbol(unsigned offset, unsigned *extra_bits)
{
    unsigned above = offset - 1, highest;

    *extra_bits = 0;
    if (above < 2)
        return above;
    highest = highest_bit(above);
    *extra_bits = highest - 1;
    return 2 * highest + (above >> (highest - 1) & 1);
}

/* Sort symbols by how often they occur, the rarest first; those that do not are left out. */
static unsigned sort_symbols(const uint32_t *counts, unsigned count, uint16_t *sorted)
{
    uint32_t keys[LITLEN_COUNT + 2], key;
    unsigned used = 0, gap, i, j;

    /* A symbol and its count in one number: a block has fewer than 2^17 symbols. */
    for (i = 0; i < count; i++)
        if (counts[i] != 0)
            keys[used++] = counts[i] << 9 | i;
    for (gap = used / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
        for (i = gap; i < used; i++) {
            key = keys[i];
            for (j = i; j >= gap && keys[j - gap] > key; j -= gap)
                keys[j] = keys[j - gap];
            keys[j] = key;
        }
    for (i = 0; i < used; i++)
        sorted[i] = keys[i] & 511;
    return used;
}

/* Choose the lengths of a code with which symbols that occur so often take the fewest bits. */
static void choose_lengths(uint32_t *counts, unsigned count, int max_bits, uint8_t *lengths)
{
    uint16_t sorted[LITLEN_COUNT + 2], parent[2 * LITLEN_COUNT + 4];
    uint32_t weight[2 * LITLEN_COUNT + 4];
    unsigned per_length[64] = {0}, used, leaf, inner, made, i, depth[2 * LITLEN_COUNT + 4], pick;
    uint32_t total = 0;
    int bits, child;

    /* At least two codes, for the decoders that want a complete one. */
    for (i = 0, used = 0; i < count; i++)
        used += counts[i] != 0;
    for (i = 0; used < 2; i++)
        if (counts[i] == 0) {
            counts[i] = 1;
            used++;
        }
    used = sort_symbols(counts, count, sorted);
    for (i = 0; i < used; i++)
        weight[i] = counts[sorted[i]];
    /* Join the two lightest of the leaves and the inner nodes, which both come in order. */
    leaf = 0;
    inner = used;
    for (made = used; made < 2 * used - 1; made++) {
        weight[made] = 0;
        for (child = 0; child < 2; child++) {
            if (leaf < used && (inner == made || weight[leaf] <= weight[inner]))
                pick = leaf++;
            else
                pick = inner++;
            weight[made] += weight[pick];
            parent[pick] = (uint16_t)made;
        }
    }
    depth[2 * used - 2] = 0;
    for (i = 2 * used - 2; i-- > 0;) {
        depth[i] = depth[parent[i]] + 1;
        if (i < used)
            per_length[depth[i] < (unsigned)max_bits ? depth[i] : (unsigned)max_bits]++;
    }
    /* Where some were longer than allowed, the code is over-subscribed: make others longer. */
    for (bits = 1; bits <= max_bits; bits++)
        total += per_length[bits] << (max_bits - bits);
    for (; total > 1u << max_bits; total--) {
        per_length[max_bits]--;
        for (bits = max_bits - 1; per_length[bits] == 0; bits--)
            ;
        per_length[bits]--;
        per_length[bits + 1] += 2;
    }
    memset(lengths, 0, count);
    for (i = 0, bits = max_bits; bits > 0; bits--)
        for (; per_length[bits] > 0; per_length[bits]--)
            lengths[sorted[i++]] = (uint8_t)bits;
}

/* The canonical code of these lengths, with its bits in the order in which they are written. */
static void assign_codes(const uint8_t *lengths, unsigned count, uint16_t *codes)
{
    unsigned per_length[MAX_BITS + 1] = {0}, next[MAX_BITS + 2] = {0}, symbol, code, bit;

    for (symbol = 0; symbol < count; symbol++)
        per_length[lengths[symbol]]++;
    per_length[0] = 0;
    for (bit = 1; bit <= MAX_BITS; bit++)
        next[bit + 1] = (next[bit] + per_length[bit]) << 1;
    for (symbol = 0; symbol < count; symbol++) {
        code = next[lengths[symbol]]++;
        codes[symbol] = 0;
        for (bit = 0; bit < lengths[symbol]; bit++, code >>= 1)
            codes[symbol] = (uint16_t)(codes[symbol] << 1 | (code & 1));
    }
}

/* ---------------------------------------------------------------------------------- blocks */

typedef struct {
    uint32_t litlen_counts[288], offset_counts[32];
    uint8_t litlen_lengths[288], offset_lengths[32];
    uint16_t litlen_codes[288], offset_codes[32];
} block_code;

static void count_symbols(const uint32_t *tokens, unsigned count, block_code *code,
                          uint64_t *extra_bits)
{
    unsigned i, bits;

    memset(code, 0, sizeof *code);
    *extra_bits = 0;
    for (i = 0; i < count; i++) {
        if (!(tokens[i] & MATCH)) {
            code->litlen_counts[tokens[i]]++;
            continue;
        }
        code->litlen_counts[length_symbol((tokens[i] >> 16 & 0xff) + MIN_MATCH, &bits)]++;
        *extra_bits += bits;
        code->offset_counts[offset_symbol((tokens[i] & 0x7fff) + 1, &bits)]++;
        *extra_bits += bits;
    }
    code->litlen_counts[END_OF_BLOCK]++;
}

static uint64_t bits_with(const block_code *code, const uint8_t *litlen_lengths,
                          const uint8_t *offset_lengths)
{
    uint64_t bits = 0;
    unsigned i;

    for (i = 0; i < LITLEN_COUNT; i++)
        bits += (uint64_t)code->litlen_counts[i] * litlen_lengths[i];
    for (i = 0; i < OFFSET_COUNT; i++)
        bits += (uint64_t)code->offset_counts[i] * offset_lengths[i];
    return bits;
}

/* The lengths of both codes, run-length encoded and with a code of their own. */
typedef struct {
    unsigned litlen_count, offset_count, precode_count, item_count;
    uint8_t items[LITLEN_COUNT + OFFSET_COUNT], extra[LITLEN_COUNT + OFFSET_COUNT];
    uint8_t precode_lengths[PRECODE_COUNT];
    uint16_t precode_codes[PRECODE_COUNT];
    uint64_t bits;
} block_header;

static const uint8_t precode_extra_bits[PRECODE_COUNT] = {[16] = 2, [17] = 3, [18] = 7};

static void add_item(block_header *header, uint32_t *counts, unsigned item, unsigned extra)
{
    header->items[header->item_count] = (uint8_t)item;
    header->extra[header->item_count++] = (uint8_t)extra;
    counts[item]++;
}

static void make_header(const block_code *code, block_header *header)
{
    uint8_t lengths[LITLEN_COUNT + OFFSET_COUNT];
    uint32_t counts[PRECODE_COUNT] = {0};
    unsigned total, start, run, part, i;

    for (header->litlen_count = LITLEN_COUNT; header->litlen_count > 257; header->litlen_count--)
        if (code->litlen_lengths[header->litlen_count - 1] != 0)
            break;
    for (header->offset_count = OFFSET_COUNT; header->offset_count > 1; header->offset_count--)
        if (code->offset_lengths[header->offset_count - 1] != 0)
            break;
    memcpy(lengths, code->litlen_lengths, header->litlen_count);
    memcpy(lengths + header->litlen_count, code->offset_lengths, header->offset_count);
    total = header->litlen_count + header->offset_count;
    header->item_count = 0;
    for (start = 0; start < total; start += run) {
        for (run = 1; start + run < total && lengths[start + run] == lengths[start]; run++)
            ;
        part = run;
        if (lengths[start] == 0) {
            for (; part >= 11; part -= i) {
                i = part < 138 ? part : 138;
                add_item(header, counts, 18, i - 11);
            }
            if (part >= 3) {
                add_item(header, counts, 17, part - 3);
                part = 0;
            }
        } else if (part >= 4) {
            add_item(header, counts, lengths[start], 0);
            for (part--; part >= 3; part -= i) {
                i = part < 6 ? part : 6;
                add_item(header, counts, 16, i - 3);
            }
        }
        for (; part > 0; part--)
            add_item(header, counts, lengths[start], 0);
    }
    choose_lengths(counts, PRECODE_COUNT, 7, header->precode_lengths);
    assign_codes(header->precode_lengths, PRECODE_COUNT, header->precode_codes);
    for (header->precode_count = PRECODE_COUNT; header->precode_count > 4; header->precode_count--)
        if (header->precode_lengths[precode_order[header->precode_count - 1]] != 0)
            break;
    header->bits = 14 + 3 * header->precode_count;
    for (i = 0; i < header->item_count; i++)
        header->bits += header->precode_lengths[header->items[i]] +
                        precode_extra_bits[header->items[i]];
}

static void write_header(bit_writer *bits, const block_header *header)
{
    unsigned i, item;

    put(bits, header->litlen_count - 257, 5);
    put(bits, header->offset_count - 1, 5);
    put(bits, header->precode_count - 4, 4);
    for (i = 0; i < header->precode_count; i++) {
        flush(bits);
        put(bits, header->precode_lengths[precode_order[i]], 3);
    }
    for (i = 0; i < header->item_count; i++) {
        flush(bits);
        item = header->items[i];
        put(bits, header->precode_codes[item], header->precode_lengths[item]);
        put(bits, header->extra[i], precode_extra_bits[item]);
    }
    flush(bits);
}

static void write_tokens(bit_writer *bits, const uint32_t *tokens, unsigned count,
                         const block_code *code)
{
    /* The code of each length together with its extra bits. */
    uint32_t length_values[MAX_MATCH + 1];
    uint8_t length_bits[MAX_MATCH + 1];
    unsigned i, length, above, symbol, extra_bits;
    bit_writer writer = *bits;

    for (length = MIN_MATCH; length <= MAX_MATCH; length++) {
        symbol = length_symbol(length, &extra_bits);
        above = (length - MIN_MATCH) & ((1u << extra_bits) - 1);
        length_values[length] =
            code->litlen_codes[symbol] | above << code->litlen_lengths[symbol];
        length_bits[length] = (uint8_t)(code->litlen_lengths[symbol] + extra_bits);
    }
    for (i = 0; i < count; i++) {
        if (!(tokens[i] & MATCH)) {
            put(&writer, code->litlen_codes[tokens[i]], code->litlen_lengths[tokens[i]]);
        } else {
            length = (tokens[i] >> 16 & 0xff) + MIN_MATCH;
            put(&writer, length_values[length], length_bits[length]);
            above = tokens[i] & 0x7fff;
            symbol = offset_symbol(above + 1, &extra_bits);
            put(&writer, code->offset_codes[symbol], code->offset_lengths[symbol]);
            put(&writer, above & ((1u << extra_bits) - 1), extra_bits);
        }
        flush(&writer);
    }
    put(&writer, code->litlen_codes[END_OF_BLOCK], code->litlen_lengths[END_OF_BLOCK]);
    flush(&writer);
    *bits = writer;
}

static void write_stored(bit_writer *bits, const uint8_t *src, size_t nbytes, int is_last)
{
    size_t part;

    do {
        part = nbytes < MAX_STORED ? nbytes : MAX_STORED;
        put(bits, (uint64_t)(is_last && part == nbytes), 3);
        pad_to_byte(bits);
        put(bits, part | (part ^ MAX_STORED) << 16, 32);
        flush(bits);
        memcpy(bits->next, src, part);
        bits->next += part;
        src += part;
        nbytes -= part;
    } while (nbytes > 0);
}

static void write_block(bit_writer *bits, const uint32_t *tokens, unsigned count,
                        const uint8_t *src, size_t nbytes, int is_last)
{
    block_code code;
    block_header header;
    uint8_t fixed_litlen[288], fixed_offset[32];
    uint64_t extra_bits, made_bits, fixed_bits, stored_bits;

    count_symbols(tokens, count, &code, &extra_bits);
    memset(fixed_litlen, 8, 144);
    memset(fixed_litlen + 144, 9, 112);
    memset(fixed_litlen + 256, 7, 24);
    memset(fixed_litlen + 280, 8, 8);
    memset(fixed_offset, 5, 32);
    fixed_bits = bits_with(&code, fixed_litlen, fixed_offset) + extra_bits;
    stored_bits = 8 * nbytes + 48 * (nbytes / MAX_STORED + 1);
    choose_lengths(code.litlen_counts, LITLEN_COUNT, MAX_BITS, code.litlen_lengths);
    choose_lengths(code.offset_counts, OFFSET_COUNT, MAX_BITS, code.offset_lengths);
    make_header(&code, &header);
    made_bits = bits_with(&code, code.litlen_lengths, code.offset_lengths) + extra_bits +
                header.bits;
    if (stored_bits <= made_bits && stored_bits <= fixed_bits) {
        write_stored(bits, src, nbytes, is_last);
        return;
    }
    put(bits, (uint64_t)is_last, 1);
    if (fixed_bits <= made_bits) {
        put(bits, 1, 2);
        memcpy(code.litlen_lengths, fixed_litlen, sizeof fixed_litlen);
        memcpy(code.offset_lengths, fixed_offset, sizeof fixed_offset);
        flush(bits);
    } else {
        put(bits, 2, 2);
        write_header(bits, &header);
    }
    assign_codes(code.litlen_lengths, 288, code.litlen_codes);
    assign_codes(code.offset_lengths, 32, code.offset_codes);
    write_tokens(bits, tokens, count, &code);
}

/* --------------------------------------------------------------------------------- matches */

static inline uint32_t load32(const uint8_t *src)
{
    uint32_t word;

    memcpy(&word, src, 4);
    return word;
}

static inline uint64_t load64(const uint8_t *src)
{
    uint64_t word;

    memcpy(&word, src, 8);
    return word;
}

static inline uint32_t hash4(uint32_t word)
{
    return word * 0x9e3779b1u >> (32 - DEFLATE_HASH4_BITS);
}

static inline uint32_t hash3(const uint8_t *src)
{
    uint32_t word = src[0] | (uint32_t)src[1] << 8 | (uint32_t)src[2] << 16;

    return word * 0x9e3779b1u >> (32 - DEFLATE_HASH3_BITS);
}

/* How many bytes are the same, from `length` on, `limit` at most. */
static inline unsigned extend_match(const uint8_t *a, const uint8_t *b, unsigned length,
                                    unsigned limit)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; length + 8 <= limit; length += 8) {
        uint64_t difference = load64(a + length) ^ load64(b + length);

        if (difference != 0)
            return length + ((unsigned)__builtin_ctzll(difference) >> 3);
    }
#endif
    while (length < limit && a[length] == b[length])
        length++;
    return length;
}

/* Note where the bytes at a position are; at least four have to be there. */
static inline void insert(deflater *self, const uint8_t *src, int32_t at)
{
    int32_t *head = &self->head4[hash4(load32(src + at))];

    self->head3[hash3(src + at)] = at;
    self->previous[at & (DEFLATE_WINDOW - 1)] = *head;
    *head = at;
}

/* Find a match at a position that is longer than `longest`; its length, or 0. The position is noted
as well. At least four bytes have to be there. */
static inline unsigned find(deflater *self, const uint8_t *src, int32_t at, unsigned limit,
                            unsigned longest, int tries, unsigned enough, unsigned *offset)
{
    int32_t oldest = at > DEFLATE_WINDOW ? at - DEFLATE_WINDOW : 0, candidate;
    uint32_t word = load32(src + at);
    int32_t *head = &self->head4[hash4(word)], *head_of_3 = &self->head3[hash3(src + at)];
    unsigned found = 0, length;

    candidate = *head_of_3;
    *head_of_3 = at;
    if (longest < MIN_MATCH && candidate >= oldest && at - candidate <= FAR_FOR_3 &&
        src[candidate] == src[at] && src[candidate + 1] == src[at + 1] &&
        src[candidate + 2] == src[at + 2]) {
        found = longest = MIN_MATCH;
        *offset = (unsigned)(at - candidate);
    }
    candidate = *head;
    self->previous[at & (DEFLATE_WINDOW - 1)] = candidate;
    *head = at;
    for (; candidate >= oldest && tries > 0; tries--) {
        /* Only one that is as good in its first bytes and at the end of the best can be better. */
        if (load32(src + candidate) == word && src[candidate + longest] == src[at + longest]) {
            length = extend_match(src + candidate, src + at, 4, limit);
            if (length > longest) {
                found = longest = length;
                *offset = (unsigned)(at - candidate);
                if (length >= enough || length == limit)
                    break;
            }
        }
        candidate = self->previous[candidate & (DEFLATE_WINDOW - 1)];
    }
    return found;
}

static size_t compress(deflater *self, int level, const uint8_t *src, int32_t nbytes, uint8_t *dst)
{
    bit_writer bits = {dst, 0, 0};
    const int tries = levels[level].tries, is_lazy = levels[level].is_lazy;
    const unsigned enough = (unsigned)levels[level].enough;
    int32_t at = 0, block_start = 0, end;
    unsigned count = 0, length = 0, offset = 0, next_length, next_offset = 0, limit;

    memset(self->head3, 0xff, sizeof self->head3);
    memset(self->head4, 0xff, sizeof self->head4);
    while (at < nbytes) {
        if (count >= DEFLATE_TOKENS - 1) {
            write_block(&bits, self->tokens, count, src + block_start,
                        (size_t)(at - block_start), 0);
            block_start = at;
            count = 0;
        }
        limit = nbytes - at < MAX_MATCH ? (unsigned)(nbytes - at) : MAX_MATCH;
        /* The last four bytes are too few to look for; `length` may come from the turn before. */
        if (length == 0 && limit > 4)
            length = find(self, src, at, limit, 0, tries, enough, &offset);
        if (length == 0) {
            self->tokens[count++] = src[at++];
            continue;
        }
        if (is_lazy && length < enough && length < limit && limit > 5) {
            next_length = find(self, src, at + 1, limit - 1 < MAX_MATCH ? limit - 1 : MAX_MATCH,
                               length - 1, tries >> 1, enough, &next_offset);
            /* Is the next one worth a byte on its own? Nearer ones take fewer bits. */
            if (next_length != 0 &&
                4 * (int)next_length - (int)highest_bit(next_offset) >
                    4 * (int)length - (int)highest_bit(offset) + 2) {
                self->tokens[count++] = src[at++];
                length = next_length;
                offset = next_offset;
                continue;
            }
            at++;
            end = at + (int32_t)length - 1;
        } else {
            end = at + (int32_t)length;
        }
        self->tokens[count++] = MATCH | (length - MIN_MATCH) << 16 | (offset - 1);
        at++;
        for (; at < end; at++)
            if (at + 4 <= nbytes)
                insert(self, src, at);
        length = 0;
    }
    write_block(&bits, self->tokens, count, src + block_start, (size_t)(nbytes - block_start), 1);
    pad_to_byte(&bits);
    return (size_t)(bits.next - dst);
}

size_t deflate_stream(deflater *self, int level, const uint8_t *src, size_t nbytes, uint8_t *dst)
{
    bit_writer bits = {dst, 0, 0};

    if (level > 0)
        return compress(self, level, src, (int32_t)nbytes, dst);
    write_stored(&bits, src, nbytes, 1);
    return (size_t)(bits.next - dst);
}

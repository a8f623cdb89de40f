/* SPDX-License-Identifier: Apache-2.0
 *
 * The library calls of the chip's ROM: memory blocks and the integer
 * arithmetic that Debian's libgcc for this core leaves to the ROM.  Block
 * copies go by words where both sides are aligned, as on the chip, whose
 * instruction bus faults on anything narrower.  No division operator may
 * appear here: it would call what this file defines. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *text);
uint64_t __umulsidi3(uint32_t a, uint32_t b);
uint64_t __muldi3(uint64_t a, uint64_t b);
uint32_t __udivsi3(uint32_t n, uint32_t d);
uint32_t __umodsi3(uint32_t n, uint32_t d);
int32_t __divsi3(int32_t n, int32_t d);
uint64_t __udivdi3(uint64_t n, uint64_t d);
uint64_t __umoddi3(uint64_t n, uint64_t d);
int64_t __divdi3(int64_t n, int64_t d);

void *memcpy(void *to, const void *from, size_t len)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if ((((uintptr_t)t | (uintptr_t)f) & 3u) == 0) {
        for (; len >= 4; len -= 4, t += 4, f += 4) {
            *(uint32_t *)(void *)t = *(const uint32_t *)(const void *)f;
        }
    }
    while (len-- > 0) {
        *t++ = *f++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t len)
{
    uint8_t *t = to;
    const uint8_t *f = from;

    if (t <= f || t >= f + len) {
        return memcpy(to, from, len);
    }
    while (len-- > 0) {
        t[len] = f[len];
    }
    return to;
}

void *memset(void *to, int value, size_t len)
{
    uint8_t *t = to;
    uint32_t word = (uint8_t)value * 0x01010101u;

    if (((uintptr_t)t & 3u) == 0) {
        for (; len >= 4; len -= 4, t += 4) {
            *(uint32_t *)(void *)t = word;
        }
    }
    while (len-- > 0) {
        *t++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
    const uint8_t *p = a;
    const uint8_t *q = b;

    for (; len > 0; len--, p++, q++) {
        if (*p != *q) {
            return *p - *q;
        }
    }
    return 0;
}

size_t strlen(const char *text)
{
    const char *end = text;

    while (*end != '\0') {
        end++;
    }
    return (size_t)(end - text);
}

/* The core multiplies 32 by 32 bits to the low 32 only. */
uint64_t __umulsidi3(uint32_t a, uint32_t b)
{
    uint32_t a0 = a & 0xffffu, a1 = a >> 16;
    uint32_t b0 = b & 0xffffu, b1 = b >> 16;
    uint32_t low = a0 * b0;
    uint32_t mid1 = a1 * b0 + (low >> 16); /* cannot overflow */
    uint32_t mid2 = a0 * b1 + (mid1 & 0xffffu);
    uint32_t high = a1 * b1 + (mid1 >> 16) + (mid2 >> 16);

    return (uint64_t)high << 32 | (mid2 << 16 | (low & 0xffffu));
}

uint64_t __muldi3(uint64_t a, uint64_t b)
{
    uint64_t product = __umulsidi3((uint32_t)a, (uint32_t)b);
    uint32_t high = (uint32_t)(product >> 32);

    high += (uint32_t)a * (uint32_t)(b >> 32);
    high += (uint32_t)(a >> 32) * (uint32_t)b;
    return (uint64_t)high << 32 | (uint32_t)product;
}

static uint32_t divide(uint32_t n, uint32_t d, uint32_t *rest)
{
    uint32_t quotient = 0;
    int shift = 0;

    if (d == 0) {
        __builtin_trap();
    }
    while (shift < 31 && (d << shift) >> shift == d && d << shift < n) {
        shift++;
    }
    for (; shift >= 0; shift--) {
        uint32_t part = d << shift;

        if (part >> shift == d && n >= part) {
            n -= part;
            quotient |= 1u << shift;
        }
    }
    *rest = n;
    return quotient;
}

uint32_t __udivsi3(uint32_t n, uint32_t d)
{
    uint32_t rest;

    return divide(n, d, &rest);
}

uint32_t __umodsi3(uint32_t n, uint32_t d)
{
    uint32_t rest;

    (void)divide(n, d, &rest);
    return rest;
}

int32_t __divsi3(int32_t n, int32_t d)
{
    uint32_t rest;
    uint32_t quotient = divide(n < 0 ? 0u - (uint32_t)n : (uint32_t)n,
                               d < 0 ? 0u - (uint32_t)d : (uint32_t)d, &rest);

    return (int32_t)((n < 0) == (d < 0) ? quotient : 0u - quotient);
}

static uint64_t divide_long(uint64_t n, uint64_t d, uint64_t *rest)
{
    uint64_t quotient = 0;
    int shift = 0;

    if (d == 0) {
        __builtin_trap();
    }
    while (shift < 63 && (d << shift) >> shift == d && d << shift < n) {
        shift++;
    }
    for (; shift >= 0; shift--) {
        uint64_t part = d << shift;

        if (part >> shift == d && n >= part) {
            n -= part;
            quotient |= (uint64_t)1 << shift;
        }
    }
    *rest = n;
    return quotient;
}

uint64_t __udivdi3(uint64_t n, uint64_t d)
{
    uint64_t rest;

    return divide_long(n, d, &rest);
}

uint64_t __umoddi3(uint64_t n, uint64_t d)
{
    uint64_t rest;

    (void)divide_long(n, d, &rest);
    return rest;
}

int64_t __divdi3(int64_t n, int64_t d)
{
    uint64_t rest;
    uint64_t quotient =
        divide_long(n < 0 ? 0u - (uint64_t)n : (uint64_t)n,
                    d < 0 ? 0u - (uint64_t)d : (uint64_t)d, &rest);

    return (int64_t)((n < 0) == (d < 0) ? quotient : 0u - quotient);
}

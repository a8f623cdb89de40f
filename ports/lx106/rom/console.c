/* SPDX-License-Identifier: Apache-2.0
 *
 * The ROM's console calls, on the machine's UART. */
#include "ports/lx106/rom/rom.h"

#include "ports/lx106/machine.h"

#include <stdarg.h>

void otter__rom_putc(int c)
{
    while ((OTTER_LX106_UART_STATUS & OTTER_LX106_UART_EMPTY) == 0) {
    }
    OTTER_LX106_UART_DATA = (uint32_t)c & 0xffu;
}

static void put_text(const char *text)
{
    while (*text != '\0') {
        otter__rom_putc(*text++);
    }
}

static void put_number(uint32_t value, uint32_t base, uint32_t width, char pad)
{
    char digits[12];
    uint32_t n = 0;

    do {
        uint32_t digit = value % base;

        digits[n++] = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
        value /= base;
    } while (value > 0);
    while (width > n) {
        otter__rom_putc(pad);
        width--;
    }
    while (n > 0) {
        otter__rom_putc(digits[--n]);
    }
}

static void put_signed(int32_t value)
{
    uint32_t magnitude = (uint32_t)value;

    if (value < 0) {
        otter__rom_putc('-');
        magnitude = 0u - magnitude;
    }
    put_number(magnitude, 10, 0, ' ');
}

static void put_argument(char conversion, va_list *arguments, uint32_t width,
                         char pad)
{
    switch (conversion) {
    case 's':
        put_text(va_arg(*arguments, const char *));
        break;
    case 'c':
        otter__rom_putc(va_arg(*arguments, int));
        break;
    case 'd':
        put_signed(va_arg(*arguments, int));
        break;
    case 'u':
        put_number(va_arg(*arguments, unsigned), 10, width, pad);
        break;
    case 'x':
        put_number(va_arg(*arguments, unsigned), 16, width, pad);
        break;
    default:
        otter__rom_putc(conversion);
    }
}

void otter__rom_printf(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    for (; *format != '\0'; format++) {
        uint32_t width = 0;
        char pad = ' ';

        if (*format != '%') {
            otter__rom_putc(*format);
            continue;
        }
        format++;
        if (*format == '0') {
            pad = '0';
        }
        while (*format >= '0' && *format <= '9') {
            width = width * 10 + (uint32_t)(*format++ - '0');
        }
        if (*format == 'l') {
            format++;
        }
        if (*format == '\0') {
            break;
        }
        put_argument(*format, &arguments, width, pad);
    }
    va_end(arguments);
}

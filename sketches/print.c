/* SPDX-License-Identifier: Apache-2.0
 *
 * Printing by otter_board_putc, nothing kept. */
#include "sketches/print.h"

#include "hal/board.h"

void otter_sketch_print(const char *text)
{
    while (*text != '\0') {
        otter_board_putc(*text++);
    }
}

void otter_sketch_print_field(const char *text, uint32_t size)
{
    for (uint32_t i = 0; i < size && text[i] != '\0'; i++) {
        otter_board_putc(text[i]);
    }
}

void otter_sketch_print_number(uint32_t number)
{
    char digits[10];
    uint32_t count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (count > 0) {
        otter_board_putc(digits[--count]);
    }
}

void otter_sketch_print_ip(const uint8_t ip[4])
{
    for (int i = 0; i < 4; i++) {
        otter_sketch_print_number(ip[i]);
        if (i < 3) {
            otter_board_putc('.');
        }
    }
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * Text on the serial console, as much of it as sketches need.  Freestanding:
 * there is no printf on the chip's side of the HAL. */
#ifndef OTTER_SKETCHES_PRINT_H
#define OTTER_SKETCHES_PRINT_H

#include <stdint.h>

void otter_sketch_print(const char *text);

/* At most `size` characters, up to the first NUL. */
void otter_sketch_print_field(const char *text, uint32_t size);

/* Decimal. */
void otter_sketch_print_number(uint32_t number);

/* Four bytes as 192.168.1.5. */
void otter_sketch_print_ip(const uint8_t ip[4]);

#endif

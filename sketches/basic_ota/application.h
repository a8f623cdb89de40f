/* SPDX-License-Identifier: Apache-2.0
 *
 * The application's own work, whatever the device is for.  It knows nothing of
 * updates and goes on during them. */
#ifndef OTTER_SKETCHES_BASIC_OTA_APPLICATION_H
#define OTTER_SKETCHES_BASIC_OTA_APPLICATION_H

/* Once, after the banner and before the network. */
void otter_sketch_application_begin(void);

/* In each loop. */
void otter_sketch_application_poll(void);

#endif

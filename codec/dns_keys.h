/* SPDX-License-Identifier: Apache-2.0
 *
 * Service types and TXT keys under which a device that takes updates shows
 * itself (protocol 1.14), shared by the device and by those who look for it.
 * The first group is the ESP8266 core's; Arduino's tools read it.  The second
 * is Otter's own; every key is optional. */
#ifndef OTTER_CODEC_DNS_KEYS_H
#define OTTER_CODEC_DNS_KEYS_H

#define OTTER_DNS_ARDUINO "_arduino._tcp" /* port: the push protocol's UDP */
#define OTTER_DNS_HTTP    "_http._tcp"    /* port: the web updater's TCP */
#define OTTER_DNS_META    "_services._dns-sd._udp.local"

#define OTTER_DNS_KEY_TCP_CHECK   "tcp_check"   /* "no": nothing on TCP */
#define OTTER_DNS_KEY_SSH_UPLOAD  "ssh_upload"  /* "no" */
#define OTTER_DNS_KEY_BOARD       "board"       /* id in boards.txt */
#define OTTER_DNS_KEY_AUTH_UPLOAD "auth_upload" /* "yes": has a password */

#define OTTER_DNS_KEY_VERSION    "version"    /* of the running sketch */
#define OTTER_DNS_KEY_TARGET     "target"     /* board kind, descriptor.h */
#define OTTER_DNS_KEY_CHIP       "chip"       /* "esp8266" */
#define OTTER_DNS_KEY_FREE_SPACE "free_space" /* bytes for a new sketch */
#define OTTER_DNS_KEY_FLASH_SIZE "flash_size" /* bytes of flash */
#define OTTER_DNS_KEY_BOOT       "boot"       /* one of these: */

/* How the running program came to run.  CONFIRMED also says that nothing else
 * is known of it; REVERTED: an update did not come to stay. */
#define OTTER_DNS_BOOT_STOCK     "stock" /* another boot loader than Otter's */
#define OTTER_DNS_BOOT_TRIAL     "trial"
#define OTTER_DNS_BOOT_REVERTED  "reverted"
#define OTTER_DNS_BOOT_CONFIRMED "confirmed"

#endif

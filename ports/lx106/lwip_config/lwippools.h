/* SPDX-License-Identifier: Apache-2.0
 *
 * Pools that stand in for a heap: each holds one frame that is being sent,
 * with its headers.  lwIP includes this file more than once. */
LWIP_MALLOC_MEMPOOL_START
LWIP_MALLOC_MEMPOOL(12, 192)
LWIP_MALLOC_MEMPOOL(4, 640)
LWIP_MALLOC_MEMPOOL(4, 1600)
LWIP_MALLOC_MEMPOOL_END

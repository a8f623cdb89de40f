/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzes the responder: the input is a series of packets, each behind two
 * bytes that say its length, and one that says how it arrives.  Whatever
 * comes, every packet that the responder sends is well-formed. */
#include "codec/dns.h"
#include "device/transport/mdns.h"
#include "tests/support/fake_net.h"
#include "tests/support/sim_board.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How a packet arrives. */
#define LEGACY  0x01u /* from another port */
#define DIRECT  0x02u /* to the board's own address */
#define FOREIGN 0x04u /* from another subnet */
#define LATER   0x08u /* a second passes before it */

static void expect(int condition)
{
    if (!condition) {
        abort();
    }
}

static void check_sent(void)
{
    struct fake_datagram sent;

    while (fake_net_take(&sent)) {
        struct otter_dns_reader reader;
        struct otter_dns_record record;
        int result;

        expect(sent.len <= OTTER_MDNS_PACKET);
        expect(otter_dns_open(&reader, sent.data, sent.len) == 0);
        do {
            result = otter_dns_next_record(&reader, &record);
        } while (result == 0);
        expect(result == OTTER_ERR_NO_DATA);
        expect(reader.at == sent.len);
    }
}

static void poll_for(struct otter_mdns *mdns, uint32_t ms, uint32_t step)
{
    for (uint32_t i = 0; i < ms; i += step) {
        otter_mdns_poll(mdns);
        check_sent();
        otter_sim_board.now_ms += step;
    }
}

static void deliver(struct otter_mdns *mdns, uint8_t how, const uint8_t *data,
                    uint32_t len)
{
    struct otter_addr from =
        fake_addr((how & FOREIGN) != 0 ? "10.0.0.9" : "192.168.1.9",
                  (how & LEGACY) != 0 ? 40000 : OTTER_MDNS_PORT);
    struct otter_addr to = fake_addr(
        (how & DIRECT) != 0 ? "192.168.1.77" : "224.0.0.251", OTTER_MDNS_PORT);

    if ((how & LATER) != 0) {
        poll_for(mdns, 1000, 250);
    }
    fake_net_send_to(&from, &to, 1, data, len);
    otter_mdns_poll(mdns);
    check_sent();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct otter_mdns_config config = {.host_name = "lamp"};
    static struct otter_mdns mdns;

    otter_sim_board.now_ms = 0;
    otter_sim_board.random_state = 1;
    fake_net_reset();
    expect(otter_mdns_init(&mdns, &config) == 0);
    expect(otter_mdns_add_arduino(&mdns, 8266, NULL, true) == 0);
    expect(otter_mdns_add_service(&mdns, "_http._tcp", 80) == 1);
    /* An even length: already announced; an odd one: while it probes. */
    poll_for(&mdns, size % 2 == 0 ? 9000 : 500, 250);
    while (size >= 3) {
        uint32_t len = (uint32_t)(data[0] << 8 | data[1]);
        uint8_t how = data[2];

        data += 3;
        size -= 3;
        len = len < size ? len : (uint32_t)size;
        len = len < FAKE_DATAGRAM_MAX ? len : FAKE_DATAGRAM_MAX;
        deliver(&mdns, how, data, len);
        data += len;
        size -= len;
    }
    poll_for(&mdns, 2000, 100);
    otter_mdns_close(&mdns);
    check_sent();
    expect(fake_net_open() == 0);
    fake_net_reset();
    return 0;
}

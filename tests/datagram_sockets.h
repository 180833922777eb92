/* SPDX-License-Identifier: MIT */
/* Datagram sockets on 127.0.0.1 for tests. */
#ifndef EDDY_TESTS_DATAGRAM_SOCKETS_H
#define EDDY_TESTS_DATAGRAM_SOCKETS_H

#include "support/test.h"

TEST_HELPER eddy_datagram *open_socket(struct eddy_address *address)
{
    eddy_datagram *made = NULL;
    EXPECT_INT(eddy_datagram_open("127.0.0.1", 0, NULL, &made), 0);
    if (address)
        EXPECT_INT(eddy_datagram_local(made, address), 0);
    return made;
}

TEST_HELPER eddy_datagram *connected_to(const struct eddy_address *address)
{
    eddy_datagram *made = NULL;
    EXPECT_INT(eddy_datagram_connect("127.0.0.1", eddy_address_port(address), NULL, &made), 0);
    return made;
}

#endif

// SPDX-License-Identifier: Apache-2.0
// git's pkt-line format, and the answer to a protocol v2 fetch written in it
// (gitprotocol-v2(5)).
#pragma once

#include "base/base.h"

enum pkt_kind { PKT_DATA, PKT_FLUSH, PKT_DELIMITER, PKT_RESPONSE_END };

struct pkt {
    enum pkt_kind kind;
    const uint8_t *bytes; // in the cursor's memory
    size_t len;
};

// The next packet. ERR_MALFORMED.
NODISCARD enum err pkt_take(struct cursor *cursor, struct pkt *out);
// Appends a packet of text.
NODISCARD enum err pkt_append(struct buffer *buffer, const char *text);

// Leaves only the pack of a fetch answer in `body`, where it was. ERR_UNSUPPORTED when the server
// did not understand the request (no protocol v2, no filter), ERR_BAD_ANSWER otherwise.
NODISCARD enum err git_fetch_take_pack(struct buffer *body, struct why *why);

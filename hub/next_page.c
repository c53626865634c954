// SPDX-License-Identifier: Apache-2.0
// See next_page.h. Only a page that leads to itself is found to be a loop here; whoever
// fetches page after page bounds their number.
#include "hub/next_page.h"

#include "hub/hub_state.h"

#include <string.h>

// The address of a page if it lies on the endpoint; NULL otherwise. malloc'd.
static char *page_on_endpoint(const struct hub *hub, const char *page)
{
    char *url = NULL;
    struct url_host host;
    if (url_resolve(hub->endpoint, page, &url) != ERR_NONE) {
        return NULL;
    }
    if (url_host_of(url, &host) != ERR_NONE ||
        !url_host_equal(&host, &hub->endpoint_host)) {
        free(url);
        return NULL;
    }
    return url;
}

static enum err refuse_elsewhere(struct why *why)
{
    return why_set(why, ERR_BAD_ANSWER, "the listing goes on at another host; refused");
}

enum err next_page_take(const struct call *call, struct why *why, char **out_next)
{
    const char *link = call->request.answer.next_link;
    if (link == NULL && call->request.answer.has_bad_link) {
        return why_set(why, ERR_BAD_ANSWER,
                       "the answer's Link header, which says where the listing goes on, "
                       "can't be read");
    }
    if (link == NULL) {
        *out_next = NULL;
        return ERR_NONE;
    }
    char *next = page_on_endpoint(call->hub, link);
    if (next == NULL) {
        return refuse_elsewhere(why);
    }
    if (strcmp(next, call->request.url) == 0) {
        free(next);
        return why_set(why, ERR_BAD_ANSWER, "the listing's pages form a loop");
    }
    *out_next = next;
    return ERR_NONE;
}

enum err next_page_append(const struct hub *hub, const char *page, struct why *why,
                          struct buffer *url)
{
    AUTO_FREE char *checked = page_on_endpoint(hub, page);
    return checked != NULL ? buffer_append_text(url, checked) : refuse_elsewhere(why);
}

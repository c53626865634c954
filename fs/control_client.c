// SPDX-License-Identifier: Apache-2.0
// A blocking client: one connection, one request. Output goes straight from the socket to the
// reader's functions; nothing but the current line is kept.
#include "fs/control_client.h"

#include "fs/control_path.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>

enum err control_client_connect(uid_t uid, const char *mount_point, struct why *why,
                                struct control_client *out)
{
    *out = (struct control_client){.fd = -1, .in = buffer_init(2 * CONTROL_LINE_MAX)};
    struct sockaddr_un address;
    enum err err = control_address(uid, mount_point, why, &address);
    if (err) {
        return err;
    }
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return why_set(why, err_from_errno(errno), "no socket: %s", strerror(errno));
    }
    bool is_connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (!is_connected && (errno == ENOENT || errno == ECONNREFUSED) &&
        control_address_before_login(uid, mount_point, &address) == ERR_NONE) {
        is_connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    }
    if (!is_connected) {
        if (errno == EACCES || errno == EPERM) {
            return why_set(why, ERR_ACCESS, "%s was mounted by another user",
                           mount_point);
        }
        return why_set(
            why, ERR_NOT_FOUND,
            "the daemon of %s does not answer; if it was killed, 'hugfs umount %s' "
            "cleans up",
            mount_point, mount_point);
    }
    out->fd = steal_fd(&fd);
    return ERR_NONE;
}

void control_client_release(struct control_client *client)
{
    if (client->fd >= 0) {
        close(client->fd);
    }
    buffer_release(&client->in);
    client->fd = -1;
}

static enum err send_request(struct control_client *client,
                             const struct control_request *request, struct why *why)
{
    AUTO(buffer) struct buffer line = buffer_init(CONTROL_LINE_MAX);
    enum err err = control_request_format(request, &line);
    if (err) {
        return why_set(why, err, "the request is too long");
    }
    size_t sent = 0;
    while (sent < line.len) {
        ssize_t n = send(client->fd, line.bytes + sent, line.len - sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR) {
            return why_set(why, ERR_SYSTEM, "the mount does not take requests: %s",
                           strerror(errno));
        }
        sent += n > 0 ? (size_t)n : 0;
    }
    return ERR_NONE;
}

// Drops the lines that have been taken and reads more.
static enum err read_more(struct control_client *client, struct why *why)
{
    struct buffer *in = &client->in;
    if (client->taken > 0) {
        memmove(in->bytes, in->bytes + client->taken, in->len - client->taken);
        in->len -= client->taken;
        client->taken = 0;
    }
    uint8_t *space;
    enum err err = buffer_reserve(in, 4096, &space);
    if (err) {
        return why_set(why, ERR_MALFORMED, "the mount's answer makes no sense");
    }
    ssize_t n = recv(client->fd, space, 4096, 0);
    if (n < 0 && errno == EINTR) {
        return why_set(why, ERR_INTERRUPTED, "interrupted");
    }
    if (n <= 0) {
        return why_set(why, ERR_SYSTEM, "the mount has ended before it answered");
    }
    in->len += (size_t)n;
    return ERR_NONE;
}

// The next whole line, without its end; it lives until the next call.
static enum err next_line(struct control_client *client, struct why *why,
                          const char **out_line, size_t *out_len)
{
    for (;;) {
        const char *start = buffer_text(&client->in) + client->taken;
        const char *end = memchr(start, '\n', client->in.len - client->taken);
        if (end != NULL) {
            *out_line = start;
            *out_len = (size_t)(end - start);
            client->taken += *out_len + 1;
            return ERR_NONE;
        }
        enum err err = read_more(client, why);
        if (err) {
            return err;
        }
    }
}

enum err control_client_ask(struct control_client *client,
                            const struct control_request *request,
                            const struct control_reader *reader, struct why *why,
                            int *out_status)
{
    enum err err = send_request(client, request, why);
    while (err == ERR_NONE) {
        const char *line;
        size_t len;
        struct control_answer answer;
        err = next_line(client, why, &line, &len);
        if (err == ERR_NONE && control_answer_parse(line, len, &answer) != ERR_NONE) {
            err = why_set(why, ERR_MALFORMED,
                          "the mount's answer makes no sense: it may be of "
                          "another version of hugfs");
        }
        if (err) {
            break;
        }
        if (answer.kind == CONTROL_END) {
            why_set(why, ERR_NONE, "%.*s", (int)answer.text_len, answer.text);
            *out_status = answer.status;
            return ERR_NONE;
        }
        if (answer.kind == CONTROL_OUTPUT && reader->on_output != NULL) {
            reader->on_output(reader->ctx, answer.text, answer.text_len);
        } else if (answer.kind == CONTROL_PROGRESS && reader->on_progress != NULL) {
            reader->on_progress(reader->ctx, &answer.progress);
        }
    }
    return err;
}

int control_client_pidfd(const struct control_client *client)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(client->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        peer.pid <= 0) {
        return -1;
    }
    return (int)syscall(SYS_pidfd_open, peer.pid, 0);
}

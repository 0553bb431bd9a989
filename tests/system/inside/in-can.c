// SPDX-License-Identifier: MIT
// One end of a CAN bus: `in-can INTERFACE ask` in a guest, `in-can INTERFACE answer` on its host. The guest sends a
// frame, and gets one back whose bytes are greater by one.
#include <linux/can.h>
#include <linux/can/netlink.h>
#include <linux/can/raw.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { QUESTION = 0x123, ANSWER = 0x124, BITRATE = 500000, SECONDS = 110 };

static bool test(bool good, const char *name)
{
    printf("%s - %s can: %s\n", good ? "ok" : "not ok", getenv("POINT"), name);
    return good;
}

// A request of rtnetlink for one interface.
struct request {
    struct nlmsghdr head;
    struct ifinfomsg link;
    uint8_t attributes[128];
};

static struct rtattr *add_attribute(struct request *r, unsigned short type, const void *data, size_t size)
{
    struct rtattr *a = (struct rtattr *)((uint8_t *)r + NLMSG_ALIGN(r->head.nlmsg_len));
    *a = (struct rtattr){.rta_type = type, .rta_len = (unsigned short)RTA_LENGTH(size)};
    if (size)
        memcpy(RTA_DATA(a), data, size);
    r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(a->rta_len);
    return a;
}

// The attributes since `a` are inside of it.
static void end_nested(const struct request *r, struct rtattr *a)
{
    a->rta_len = (unsigned short)((const uint8_t *)r + r->head.nlmsg_len - (const uint8_t *)a);
}

static int ask_kernel(int netlink, struct request *r)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
    } answer = {.error.error = -1};
    r->head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    if (send(netlink, r, r->head.nlmsg_len, 0) < 0 || recv(netlink, &answer, sizeof answer, MSG_TRUNC) < 0)
        return -1;
    return answer.error.error;
}

// Sets the bit rate, then the interface's state: the driver wants this order.
static bool bring_up(int index)
{
    const struct can_bittiming timing = {.bitrate = BITRATE};
    struct request rate = {.head = {.nlmsg_type = RTM_NEWLINK, .nlmsg_len = NLMSG_LENGTH(sizeof rate.link)},
                           .link.ifi_index = index},
                   up = rate;
    struct rtattr *info = add_attribute(&rate, IFLA_LINKINFO, NULL, 0);
    add_attribute(&rate, IFLA_INFO_KIND, "can", 3);
    struct rtattr *data = add_attribute(&rate, IFLA_INFO_DATA, NULL, 0);
    add_attribute(&rate, IFLA_CAN_BITTIMING, &timing, sizeof timing);
    end_nested(&rate, data);
    end_nested(&rate, info);
    up.link.ifi_flags = up.link.ifi_change = IFF_UP;
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    bool good = netlink >= 0 && !ask_kernel(netlink, &rate) && !ask_kernel(netlink, &up);
    close(netlink);
    return good;
}

static int open_bus(int index)
{
    struct sockaddr_can at = {.can_family = AF_CAN, .can_ifindex = index};
    int fd = socket(PF_CAN, SOCK_RAW | SOCK_CLOEXEC, CAN_RAW);
    return fd >= 0 && !bind(fd, (const struct sockaddr *)&at, sizeof at) ? fd : -1;
}

// The next frame with that id; false: none comes.
static bool wait_frame(int fd, canid_t id, struct can_frame *frame)
{
    struct pollfd p = {fd, POLLIN, 0};
    while (poll(&p, 1, SECONDS * 1000) == 1)
        if (read(fd, frame, sizeof *frame) == sizeof *frame && frame->can_id == id)
            return true;
    return false;
}

static bool send_frame(int fd, struct can_frame frame)
{
    return write(fd, &frame, sizeof frame) == sizeof frame;
}

static bool ask(int fd, struct can_frame question)
{
    struct can_frame got = {0}, want = question;
    for (int i = 0; i < want.can_dlc; i++)
        want.data[i]++;
    return test(send_frame(fd, question), "it sends a frame") &&
           test(wait_frame(fd, ANSWER, &got), "the host answers") &&
           test(got.can_dlc == want.can_dlc && !memcmp(got.data, want.data, want.can_dlc),
                "with each byte greater by one");
}

static bool answer(int fd, struct can_frame expected)
{
    struct can_frame got = {0};
    if (!test(wait_frame(fd, QUESTION, &got), "a frame has come from the guest") ||
        !test(got.can_dlc == expected.can_dlc && !memcmp(got.data, expected.data, got.can_dlc),
              "the one that it sends"))
        return false;
    got.can_id = ANSWER;
    for (int i = 0; i < got.can_dlc; i++)
        got.data[i]++;
    return test(send_frame(fd, got), "the answer is on its way");
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    const struct can_frame question = {
        .can_id = QUESTION, .can_dlc = 8, .data = {0x6d, 0x61, 0x63, 0x68, 0, 1, 0x7f, 0xff}};
    int index = (int)if_nametoindex(argv[1]);
    bool up = test(index && bring_up(index), "the interface is up");
    int fd = up ? open_bus(index) : -1;
    if (!test(fd >= 0, "it is open"))
        return 1;
    return (strcmp(argv[2], "ask") ? answer(fd, question) : ask(fd, question)) ? 0 : 1;
}

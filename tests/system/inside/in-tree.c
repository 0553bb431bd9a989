// SPDX-License-Identifier: MIT
// The only program of a guest whose tree QEMU boots: sends files of the kernel over the console, for desk.py, and
// resets. It is C, because Debian has no busybox for all of these architectures.
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <termios.h>
#include <unistd.h>

enum { MOST = 1 << 20, LINE = 57, READ_ALL = 3 }; // READ_ALL: syslog(2)

static unsigned char data[MOST];

static void send(const char *name, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    printf("#<< %s\n", name);
    for (size_t i = 0; i < size; i += 3) {
        unsigned long three = (unsigned long)data[i] << 16;
        three |= i + 1 < size ? (unsigned long)data[i + 1] << 8 : 0;
        three |= i + 2 < size ? data[i + 2] : 0;
        putchar(digits[three >> 18]);
        putchar(digits[three >> 12 & 63]);
        putchar(i + 1 < size ? digits[three >> 6 & 63] : '=');
        putchar(i + 2 < size ? digits[three & 63] : '=');
        if (i % LINE == LINE - 3)
            putchar('\n');
    }
    printf("\n#>> %s\n", name);
}

static void send_file(const char *name, const char *path)
{
    size_t size = 0;
    int fd = open(path, O_RDONLY);
    ssize_t n;
    while (fd >= 0 && size < MOST && (n = read(fd, data + size, MOST - size)) > 0)
        size += (size_t)n;
    if (fd >= 0)
        close(fd);
    send(name, size);
}

/* Asks for a line, and says whether it has come in. */
static void read_line(void)
{
    char line[64] = "";
    puts("#? typed");
    fflush(stdout);
    struct pollfd in = {.fd = 0, .events = POLLIN};
    ssize_t n = poll(&in, 1, 20000) == 1 ? read(0, line, sizeof line - 1) : 0;
    bool right = n > 0 && !strcmp(line, "typed\n");
    printf("%s - 16 tree: the console's input arrives\n", right ? "ok" : "not ok");
    if (!right)
        printf("#   read: %zd: %s\n", n, line);
}

int main(void)
{
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    puts("ok - 16 tree: the guest is in user space");
    read_line();
    send_file("fdt", "/sys/firmware/fdt");
    send_file("cpuinfo", "/proc/cpuinfo");
    int n = klogctl(READ_ALL, (char *)data, MOST);
    send("dmesg", n > 0 ? (size_t)n : 0);
    send_file("interrupts", "/proc/interrupts");
    puts("1..2");
    fflush(stdout);
    tcdrain(1); // the kernel would drop what the UART has not sent yet
    sleep(1);
    reboot(RB_AUTOBOOT); // QEMU ends: -no-reboot
    return 1;
}

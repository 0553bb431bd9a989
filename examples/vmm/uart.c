// SPDX-License-Identifier: MIT
// A 16550A, as far as a console needs one: without a modem, and with a transmitter that is always empty.
#include "machvm.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

// Registers and bits: PC16550D data sheet, table II.
enum { RBR_THR = 0, IER = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };
enum { IER_RX = 1, IER_TX = 2, IIR_NONE = 1, IIR_TX = 2, IIR_RX = 4, IIR_FIFOS = 0xc0 };
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, LCR_DLAB = 0x80, MCR_LOOP = 0x10, LSR_RX = 1, LSR_TX_EMPTY = 0x60 };
enum { MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8 };
enum { ROOM = 256, LINE = 256 };

struct uart {
    struct vmm *vmm;
    uint32_t gsi; // MACH_CFG_NONE: the guest polls it
    pthread_mutex_t lock;
    uint8_t ier, lcr, mcr, scr, fcr, dll, dlm;
    bool sent, high; // a transmit interrupt is pending; the level of the line
    uint8_t in[ROOM];
    unsigned first, count;
    char line[LINE];
    size_t used;
};

struct uart *uart_new(struct vmm *v, uint32_t irq)
{
    struct uart *u = calloc(1, sizeof *u);
    if (!u)
        return NULL;
    u->vmm = v;
    u->gsi = irq == MACH_CFG_NONE ? irq : mach_cfg_irq_gsi(mach_cfg_record(v->f, MACH_CFG_S_IRQ, irq));
    pthread_mutex_init(&u->lock, NULL);
    return u;
}

void uart_free(struct uart *u)
{
    if (u)
        pthread_mutex_destroy(&u->lock);
    free(u);
}

static uint8_t reason(const struct uart *u)
{
    if (u->ier & IER_RX && u->count)
        return IIR_RX;
    return u->ier & IER_TX && u->sent ? IIR_TX : IIR_NONE;
}

static void update(struct uart *u)
{
    bool high = reason(u) != IIR_NONE;
    if (high == u->high)
        return;
    u->high = high;
    if (u->gsi != MACH_CFG_NONE)
        arch_irq_line(u->vmm, u->gsi, high);
}

// Looks for the line that reports the guest's progress.
static void look_for_mark(struct uart *u, char c)
{
    struct vmm *v = u->vmm;
    if (c != '\n') {
        u->line[u->used] = c;
        u->used += u->used + 1 < LINE;
        return;
    }
    u->line[u->used] = '\0';
    u->used = 0;
    if (!v->mark || !strstr(u->line, v->mark))
        return;
    fprintf(stderr, "machvm: \"%s\" after %.3f s, of which libmachrt took %.3f s\n", v->mark, now() - v->start,
            v->in_library);
    v->mark = NULL;
}

static void send(struct uart *u, uint8_t byte)
{
    while (write(STDOUT_FILENO, &byte, 1) < 0 && errno == EINTR)
        ;
    look_for_mark(u, (char)byte);
    u->sent = true;
}

static uint8_t receive(struct uart *u)
{
    if (!u->count)
        return 0;
    uint8_t byte = u->in[u->first];
    u->first = (u->first + 1) % ROOM;
    u->count--;
    return byte;
}

static uint8_t identify(struct uart *u)
{
    uint8_t why = reason(u);
    if (why == IIR_TX)
        u->sent = false; // reading it acknowledges it
    return why | (u->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

// In loopback the outputs are the inputs: drivers detect a UART that way.
static uint8_t modem(const struct uart *u)
{
    if (!(u->mcr & MCR_LOOP))
        return MSR_CTS | MSR_DSR | MSR_DCD;
    return (uint8_t)((u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
                     (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0));
}

static uint8_t read_register(struct uart *u, uint64_t offset)
{
    bool divisor = u->lcr & LCR_DLAB;
    switch (offset) {
    case RBR_THR:
        return divisor ? u->dll : receive(u);
    case IER:
        return divisor ? u->dlm : u->ier;
    case IIR_FCR:
        return identify(u);
    case LCR:
        return u->lcr;
    case MCR:
        return u->mcr;
    case LSR:
        return LSR_TX_EMPTY | (u->count ? LSR_RX : 0);
    case MSR:
        return modem(u);
    default:
        return u->scr;
    }
}

static void write_register(struct uart *u, uint64_t offset, uint8_t value)
{
    bool divisor = u->lcr & LCR_DLAB;
    switch (offset) {
    case RBR_THR:
        if (divisor)
            u->dll = value;
        else
            send(u, value);
        break;
    case IER:
        if (divisor) {
            u->dlm = value;
            break;
        }
        // Enabling it raises a transmit interrupt at once.
        u->sent = u->sent || (value & IER_TX && !(u->ier & IER_TX));
        u->ier = value & 0xf;
        break;
    case IIR_FCR:
        u->fcr = value;
        if (value & FCR_CLEAR_RX)
            u->count = 0;
        break;
    case LCR:
        u->lcr = value;
        break;
    case MCR:
        u->mcr = value & 0x1f;
        break;
    case SCR:
        u->scr = value;
        break;
    default:
        break;
    }
}

void uart_access(void *opaque, uint64_t offset, uint8_t *data, uint32_t size, bool write)
{
    struct uart *u = opaque;
    pthread_mutex_lock(&u->lock);
    if (write) {
        write_register(u, offset, data[0]);
    } else {
        memset(data, 0, size);
        data[0] = read_register(u, offset);
    }
    update(u);
    pthread_mutex_unlock(&u->lock);
}

bool uart_type(struct uart *u, uint8_t byte)
{
    pthread_mutex_lock(&u->lock);
    bool room = u->count < ROOM;
    if (room) {
        u->in[(u->first + u->count++) % ROOM] = byte;
        update(u);
    }
    pthread_mutex_unlock(&u->lock);
    return room;
}

/*
 * The peer that XdpPS is measured against: libxdp, used as xdpsock (bpf-examples) uses it. Batches of 64, need-wakeup,
 * no work per packet beyond what the task is, no clock on the packet path. Copy mode is asked for: no veth has another.
 *
 *   xsk_peer rxdrop|txonly|l2fwd|ping|pong|open IFNAME [option...]
 *     -t seconds   how long to measure (1.5)          -g   generic XDP, not native
 *     -w seconds   how long to run before that (0)    -q   queue (0)
 *     -r rate      txonly: frames a second (as fast as possible)
 *     -b           wait for packets without sleeping, as a pong always does
 *     -s bytes     length of a frame without FCS (60)
 *     -n count     open: how often (1)
 *
 * It prints "ready" once the socket is open, and one line of key=value at the end:
 *   packets seconds user system   of the measured time; a sent frame counts when the kernel has completed it
 *   total                         packets from beginning to end
 *   span                          seconds from the first packet received to the last
 *   p50 p99                       ping: microseconds
 *   first_open open close         open: milliseconds, of the first and the medians
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <xdp/libxdp.h>
#include <xdp/xsk.h>

enum { BATCH = 64, FRAMES = 8192, FRAME_SIZE = 2048, RING = 2048 };

struct port {
    void *area;
    struct xsk_umem *umem;
    struct xsk_socket *xsk;
    struct xsk_ring_prod fill, tx;
    struct xsk_ring_cons completion, rx;
    uint64_t free[FRAMES];
    unsigned free_count;
    unsigned outstanding;
};

struct reading {
    double at, user, system;
    uint64_t packets;
};

static const char *ifname;
static int queue, length = 60, generic, spins, rate, repeats = 1;
static double seconds = 1.5, warm_up;

static volatile uint64_t packets;
static volatile sig_atomic_t stop;
static struct reading from, to;
static double first_seen, last_seen;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static struct reading read_meters(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (struct reading){
        .at = now(),
        .user = u.ru_utime.tv_sec + u.ru_utime.tv_usec / 1e6,
        .system = u.ru_stime.tv_sec + u.ru_stime.tv_usec / 1e6,
        .packets = packets,
    };
}

/* A timer and not a clock in the loops: first the warm-up ends, then the measurement. */
static void on_timer(int number)
{
    (void)number;
    if (from.at == 0) {
        from = read_meters();
    } else if (!stop) {
        to = read_meters();
        stop = 1;
    }
}

static void on_stop(int number)
{
    (void)number;
    if (!stop)
        to = read_meters();
    stop = 1;
}

static struct timeval timeval_of(double value)
{
    return (struct timeval){ .tv_sec = (time_t)value, .tv_usec = (suseconds_t)((value - (time_t)value) * 1e6) };
}

static void start_timer(void)
{
    struct itimerval timer = { .it_value = timeval_of(warm_up > 0 ? warm_up : seconds), .it_interval = timeval_of(seconds) };

    if (warm_up <= 0)
        from = read_meters();
    signal(SIGALRM, on_timer);
    signal(SIGINT, on_stop);
    signal(SIGTERM, on_stop);
    setitimer(ITIMER_REAL, &timer, NULL);
}

static void fail(const char *what, int error)
{
    fprintf(stderr, "xsk_peer: %s on %s queue %d: %s\n", what, ifname, queue, strerror(error < 0 ? -error : error));
    exit(1);
}

static void open_port(struct port *p)
{
    const struct xsk_umem_config memory = { .fill_size = RING, .comp_size = RING, .frame_size = FRAME_SIZE };
    const struct xsk_socket_config config = {
        .rx_size = RING,
        .tx_size = RING,
        .xdp_flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE,
        .bind_flags = XDP_COPY | XDP_USE_NEED_WAKEUP,
    };
    const uint64_t size = (uint64_t)FRAMES * FRAME_SIZE;
    double patience = now() + 1;
    uint32_t at;
    int error;

    memset(p, 0, sizeof *p);
    p->area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (p->area == MAP_FAILED)
        fail("mmap", errno);
    error = xsk_umem__create(&p->umem, p->area, size, &p->fill, &p->completion, &memory);
    if (error)
        fail("xsk_umem__create", error);
    if (xsk_ring_prod__reserve(&p->fill, RING, &at) != RING)
        fail("filling the FILL ring", ENOSPC);
    for (unsigned i = 0; i < RING; i++)
        *xsk_ring_prod__fill_addr(&p->fill, at + i) = (uint64_t)i * FRAME_SIZE;
    xsk_ring_prod__submit(&p->fill, RING);
    for (unsigned i = RING; i < FRAMES; i++)
        p->free[p->free_count++] = (uint64_t)i * FRAME_SIZE;
    /* The kernel frees a queue a moment after its last socket was closed. */
    do
        error = xsk_socket__create(&p->xsk, ifname, queue, p->umem, &p->rx, &p->tx, &config);
    while (error == -EBUSY && now() < patience && !usleep(5000));
    if (error)
        fail("xsk_socket__create", error);
}

static void close_port(struct port *p)
{
    xsk_socket__delete(p->xsk);
    xsk_umem__delete(p->umem);
    munmap(p->area, (size_t)FRAMES * FRAME_SIZE);
}

static void wake_tx(struct port *p)
{
    if (!xsk_ring_prod__needs_wakeup(&p->tx))
        return;
    if (sendto(xsk_socket__fd(p->xsk), NULL, 0, MSG_DONTWAIT, NULL, 0) < 0 &&
        errno != EAGAIN && errno != EBUSY && errno != ENOBUFS && errno != EINTR)
        fail("sendto", errno);
}

static void wake_fill(struct port *p)
{
    if (xsk_ring_prod__needs_wakeup(&p->fill))
        recvfrom(xsk_socket__fd(p->xsk), NULL, 0, MSG_DONTWAIT, NULL, NULL);
}

/* Takes back what has been sent. */
static void reap(struct port *p)
{
    uint32_t at;
    unsigned n = xsk_ring_cons__peek(&p->completion, RING, &at);

    if (!n)
        return;
    for (unsigned i = 0; i < n; i++)
        p->free[p->free_count++] = *xsk_ring_cons__comp_addr(&p->completion, at + i);
    xsk_ring_cons__release(&p->completion, n);
    p->outstanding -= n;
    packets += n;
}

static void drain(struct port *p)
{
    double until = now() + 1;

    while (p->outstanding && now() < until) {
        wake_tx(p);
        reap(p);
    }
}

static void refill(struct port *p, const uint64_t *frames, unsigned n)
{
    uint32_t at;

    while (xsk_ring_prod__reserve(&p->fill, n, &at) != n)
        wake_fill(p);
    for (unsigned i = 0; i < n; i++)
        *xsk_ring_prod__fill_addr(&p->fill, at + i) = frames[i];
    xsk_ring_prod__submit(&p->fill, n);
}

static void wait_for_packets(struct port *p)
{
    struct pollfd f = { .fd = xsk_socket__fd(p->xsk), .events = POLLIN };

    poll(&f, 1, 100);
}

static void rxdrop(struct port *p)
{
    uint64_t frames[BATCH];
    uint64_t seen = 0;
    uint32_t at;

    while (!stop) {
        unsigned n = xsk_ring_cons__peek(&p->rx, BATCH, &at);

        if (!n) {
            if (packets != seen) {
                last_seen = now();
                seen = packets;
            }
            wake_fill(p);
            if (!spins)
                wait_for_packets(p);
            continue;
        }
        if (!first_seen)
            first_seen = now();
        for (unsigned i = 0; i < n; i++)
            frames[i] = xsk_umem__extract_addr(xsk_ring_cons__rx_desc(&p->rx, at + i)->addr);
        xsk_ring_cons__release(&p->rx, n);
        refill(p, frames, n);
        packets += n;
    }
    if (packets != seen)
        last_seen = now();
}

static void write_header(struct port *p, uint64_t frame)
{
    static const uint8_t header[14] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };

    memcpy(xsk_umem__get_data(p->area, frame), header, sizeof header);
}

/* How many frames are due at the given rate; at most two batches of them, so that a pause is not made up for in a burst. */
static unsigned due(double started, uint64_t *sent)
{
    uint64_t should = (uint64_t)((now() - started) * rate);

    if (should > *sent + 2 * BATCH)
        *sent = should - 2 * BATCH;
    return should > *sent ? (unsigned)(should - *sent) : 0;
}

static void txonly(struct port *p)
{
    double started = now();
    uint64_t sent = 0;

    for (unsigned i = 0; i < p->free_count; i++)
        write_header(p, p->free[i]);
    while (!stop) {
        uint32_t at;
        unsigned n = p->free_count < BATCH ? p->free_count : BATCH;

        if (rate) {
            unsigned limit = due(started, &sent);
            n = n < limit ? n : limit;
        }
        if (n && xsk_ring_prod__reserve(&p->tx, n, &at) == n) {
            for (unsigned i = 0; i < n; i++)
                *xsk_ring_prod__tx_desc(&p->tx, at + i) = (struct xdp_desc){ .addr = p->free[--p->free_count], .len = length };
            xsk_ring_prod__submit(&p->tx, n);
            p->outstanding += n;
            sent += n;
        }
        if (p->outstanding)
            wake_tx(p);
        reap(p);
    }
    drain(p);
}

static void swap_addresses(uint8_t *frame)
{
    uint8_t address[6];

    memcpy(address, frame, 6);
    memcpy(frame, frame + 6, 6);
    memcpy(frame + 6, address, 6);
}

/* Out again where it came in: the received frame itself goes onto the TX ring. */
static void l2fwd(struct port *p)
{
    while (!stop) {
        uint32_t at, to;
        unsigned n, room;

        reap(p);
        room = xsk_prod_nb_free(&p->fill, BATCH);
        room = room < BATCH ? room : BATCH;
        room = room < p->free_count ? room : p->free_count;
        if (room) {
            p->free_count -= room;
            refill(p, p->free + p->free_count, room);
        }
        n = xsk_ring_cons__peek(&p->rx, BATCH, &at);
        if (!n) {
            if (p->outstanding)
                wake_tx(p);
            wake_fill(p);
            if (!spins && !p->outstanding)
                wait_for_packets(p);
            continue;
        }
        while (xsk_ring_prod__reserve(&p->tx, n, &to) != n) {
            wake_tx(p);
            reap(p);
        }
        for (unsigned i = 0; i < n; i++) {
            const struct xdp_desc *in = xsk_ring_cons__rx_desc(&p->rx, at + i);

            swap_addresses(xsk_umem__get_data(p->area, in->addr));
            *xsk_ring_prod__tx_desc(&p->tx, to + i) = *in;
        }
        xsk_ring_prod__submit(&p->tx, n);
        xsk_ring_cons__release(&p->rx, n);
        p->outstanding += n;
        wake_tx(p);
    }
    drain(p);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* One frame at a time: sent, waited for without sleeping, timed. One that is not back within 100 ms is lost. */
static void ping(struct port *p)
{
    enum { CAPACITY = 1 << 21 };
    double *times = malloc(CAPACITY * sizeof *times);
    unsigned n = 0;

    if (!times)
        fail("malloc", ENOMEM);
    memset(times, 0, CAPACITY * sizeof *times);
    while (!stop && n < CAPACITY) {
        uint64_t frame;
        uint32_t at;
        double start = now(), end = start;
        unsigned back;

        frame = p->free[--p->free_count];
        write_header(p, frame);
        if (xsk_ring_prod__reserve(&p->tx, 1, &at) != 1)
            fail("the TX ring", ENOSPC);
        *xsk_ring_prod__tx_desc(&p->tx, at) = (struct xdp_desc){ .addr = frame, .len = length };
        xsk_ring_prod__submit(&p->tx, 1);
        p->outstanding++;
        wake_tx(p);
        while (!(back = xsk_ring_cons__peek(&p->rx, 1, &at)) && end < start + 0.1 && !stop)
            end = now();
        end = now();
        if (back) {
            if (from.at)
                times[n++] = end - start;
            frame = xsk_umem__extract_addr(xsk_ring_cons__rx_desc(&p->rx, at)->addr);
            xsk_ring_cons__release(&p->rx, 1);
            refill(p, &frame, 1);
        }
        reap(p);
    }
    if (!stop)
        on_stop(0);
    qsort(times, n, sizeof *times, compare);
    if (n)
        printf("p50=%.3f p99=%.3f ", times[n / 2] * 1e6, times[(size_t)n * 99 / 100] * 1e6);
    free(times);
}

/* Between two there is a pause, until the kernel has freed the queue. */
static void open_and_close(struct port *p)
{
    double *opening = calloc(repeats, sizeof *opening), *closing = calloc(repeats, sizeof *closing);
    double first;

    if (!opening || !closing)
        fail("calloc", ENOMEM);
    for (int i = 0; i < repeats; i++) {
        double start = now();

        open_port(p);
        opening[i] = now() - start;
        start = now();
        close_port(p);
        closing[i] = now() - start;
        usleep(100000);
    }
    first = opening[0];
    qsort(opening, repeats, sizeof *opening, compare);
    qsort(closing, repeats, sizeof *closing, compare);
    printf("first_open=%.2f open=%.2f close=%.2f\n", first * 1e3, opening[repeats / 2] * 1e3, closing[repeats / 2] * 1e3);
    free(opening);
    free(closing);
}

static int no_print(enum libbpf_print_level level, const char *format, va_list arguments)
{
    (void)level, (void)format, (void)arguments;
    return 0;
}

static int no_libxdp_print(enum libxdp_print_level level, const char *format, va_list arguments)
{
    (void)level, (void)format, (void)arguments;
    return 0;
}

static int usage(void)
{
    fputs("usage: xsk_peer rxdrop|txonly|l2fwd|ping|pong|open IFNAME [-t seconds] [-w seconds] [-g] [-b] [-q queue] [-r rate] [-s bytes] [-n count]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static struct port p;
    const char *mode;
    int option;

    if (argc < 3)
        return usage();
    mode = argv[1];
    ifname = argv[2];
    optind = 3;
    while ((option = getopt(argc, argv, "t:w:gbq:r:s:n:")) != -1)
        switch (option) {
        case 't': seconds = atof(optarg); break;
        case 'w': warm_up = atof(optarg); break;
        case 'g': generic = 1; break;
        case 'b': spins = 1; break;
        case 'q': queue = atoi(optarg); break;
        case 'r': rate = atoi(optarg); break;
        case 's': length = atoi(optarg); break;
        case 'n': repeats = atoi(optarg); break;
        default: return usage();
        }
    if (seconds <= 0 || length < 14 || length > FRAME_SIZE || repeats < 1 || rate < 0)
        return usage();

    /* libxdp's dispatcher calls the program through one more, for every packet; without it the peer is as fast as it can be. */
    setenv("LIBXDP_SKIP_DISPATCHER", "1", 0);
    libbpf_set_print(no_print);
    libxdp_set_print(no_libxdp_print);

    if (!strcmp(mode, "open")) {
        open_and_close(&p);
        return 0;
    }
    open_port(&p);
    puts("ready");
    fflush(stdout);
    start_timer();
    if (!strcmp(mode, "rxdrop"))
        rxdrop(&p);
    else if (!strcmp(mode, "txonly"))
        txonly(&p);
    else if (!strcmp(mode, "l2fwd"))
        l2fwd(&p);
    else if (!strcmp(mode, "pong"))
        spins = 1, l2fwd(&p);
    else if (!strcmp(mode, "ping"))
        ping(&p);
    else
        return usage();
    printf("packets=%llu seconds=%.4f user=%.4f system=%.4f total=%llu span=%.4f\n",
           (unsigned long long)(to.packets - from.packets), to.at - from.at, to.user - from.user, to.system - from.system,
           (unsigned long long)packets, last_seen - first_seen);
    close_port(&p);
    return 0;
}

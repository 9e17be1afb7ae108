/*
 * A source that is faster than a sender over veth: frames made inside the kernel (BPF_PROG_TEST_RUN with
 * BPF_F_TEST_XDP_LIVE_FRAMES, Linux 5.18) by a program that redirects each into one end of a cable, so that they arrive
 * at the other. That end takes them only with NAPI on: native XDP on it, or GRO (ethtool -K IFNAME gro on) where its
 * program is a generic one. What does not fit is lost without a word: count what arrives.
 *
 *   live_frames IFNAME [-t seconds] [-s bytes] [-d]
 *     -d   count and drop, by a native XDP program, what comes back to IFNAME
 *
 * It prints "ready" when it begins, and one line of key=value at the end: seconds user system, and with -d returned.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>

/* One call for the whole time: each sets up and takes down a page pool, which takes 15 ms, and a signal ends it. */
enum { BATCH = 64, REPEAT = 1 << 30 };

#define MOVE(to, value) { .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = to, .imm = value }
#define CALL(helper) { .code = BPF_JMP | BPF_CALL, .imm = helper }
#define EXIT() { .code = BPF_JMP | BPF_EXIT }

static volatile sig_atomic_t stop;

static void on_stop(int number)
{
    (void)number;
    stop = 1;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "live_frames: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int load(const char *name, const struct bpf_insn *program, size_t count)
{
    int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, name, "Dual MIT/GPL", program, count, NULL);

    if (fd < 0)
        fail("bpf(BPF_PROG_LOAD)");
    return fd;
}

/* return bpf_redirect(interface, 0) */
static int load_redirect(int interface)
{
    const struct bpf_insn program[] = {
        MOVE(BPF_REG_1, interface),
        MOVE(BPF_REG_2, 0),
        CALL(BPF_FUNC_redirect),
        EXIT(),
    };

    return load("live_frames", program, sizeof program / sizeof *program);
}

/* counter[0]++; return XDP_DROP. The map has one counter a CPU. */
static int load_drop(int map)
{
    const struct bpf_insn program[] = {
        { .code = BPF_ST | BPF_MEM | BPF_W, .dst_reg = BPF_REG_10, .off = -4 },
        { .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map },
        { 0 },
        { .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_2, .src_reg = BPF_REG_10 },
        { .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_2, .imm = -4 },
        CALL(BPF_FUNC_map_lookup_elem),
        { .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = BPF_REG_0, .off = 3 },
        { .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_0 },
        { .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = BPF_REG_1, .imm = 1 },
        { .code = BPF_STX | BPF_MEM | BPF_DW, .dst_reg = BPF_REG_0, .src_reg = BPF_REG_1 },
        MOVE(BPF_REG_0, XDP_DROP),
        EXIT(),
    };

    return load("count_and_drop", program, sizeof program / sizeof *program);
}

static uint64_t read_counter(int map)
{
    /* Room for every CPU that could be there; the kernel writes 8 bytes for each possible one. */
    static uint64_t counts[4096];
    uint32_t key = 0;
    uint64_t sum = 0;

    if (bpf_map_lookup_elem(map, &key, counts))
        fail("bpf(BPF_MAP_LOOKUP_ELEM)");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        sum += counts[i];
    return sum;
}

int main(int argc, char **argv)
{
    uint8_t frame[1514] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 };
    double seconds = 1.5, started, ended;
    int length = 60, drop = 0, counter = -1, program, interface, option;
    struct rusage used;

    if (argc < 2)
        goto usage;
    optind = 2;
    while ((option = getopt(argc, argv, "t:s:d")) != -1)
        switch (option) {
        case 't': seconds = atof(optarg); break;
        case 's': length = atoi(optarg); break;
        case 'd': drop = 1; break;
        default: goto usage;
        }
    if (seconds <= 0 || length < 14 || length > (int)sizeof frame)
        goto usage;
    interface = if_nametoindex(argv[1]);
    if (!interface)
        fail(argv[1]);
    signal(SIGALRM, on_stop);
    signal(SIGINT, on_stop);
    signal(SIGTERM, on_stop);

    if (drop) {
        counter = bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "returned", 4, 8, 1, NULL);
        if (counter < 0)
            fail("bpf(BPF_MAP_CREATE)");
        /* A link: the program goes when this process does. */
        if (bpf_link_create(load_drop(counter), interface, BPF_XDP, &(struct bpf_link_create_opts){
                .sz = sizeof(struct bpf_link_create_opts), .flags = XDP_FLAGS_DRV_MODE }) < 0)
            fail("bpf(BPF_LINK_CREATE)");
    }
    program = load_redirect(interface);
    puts("ready");
    fflush(stdout);
    setitimer(ITIMER_REAL, &(struct itimerval){ .it_value = {
        .tv_sec = (time_t)seconds, .tv_usec = (suseconds_t)((seconds - (time_t)seconds) * 1e6) } }, NULL);
    started = now();
    while (!stop) {
        struct bpf_test_run_opts options = {
            .sz = sizeof options,
            .data_in = frame,
            .data_size_in = length,
            .repeat = REPEAT,
            .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
            .batch_size = BATCH,
        };

        if (bpf_prog_test_run_opts(program, &options) && errno != EINTR)
            fail("bpf(BPF_PROG_TEST_RUN), which needs Linux 5.18 for live frames");
    }
    ended = now();
    getrusage(RUSAGE_SELF, &used);
    printf("seconds=%.4f user=%.4f system=%.4f", ended - started,
           used.ru_utime.tv_sec + used.ru_utime.tv_usec / 1e6, used.ru_stime.tv_sec + used.ru_stime.tv_usec / 1e6);
    if (drop) {
        usleep(20000);
        printf(" returned=%llu", (unsigned long long)read_counter(counter));
    }
    puts("");
    return 0;

usage:
    fputs("usage: live_frames IFNAME [-t seconds] [-s bytes] [-d]\n", stderr);
    return 2;
}

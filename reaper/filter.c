/* reaper filter: which devices may be opened by what is in a cgroup. A second line: it holds where root inside may make any
 * node that it likes. */
#include <linux/bpf.h>

#include "boot.h"
#include "modes.h"
#include "process.h"
#include "text.h"

enum { MAX_DEVICES = 64, DEVICE_WORDS = 3, FIXED_WORDS = 2, ANY = -1 };
/* Instructions: those before and after all devices, and of each. */
enum { HEAD = 8, PER_DEVICE = 5, TAIL = 2 };

struct device {
    int type, major, minor;
};

/* What every subhost has in its /dev; the last one is every terminal of a devpts. */
static const struct device own[] = {
    {BPF_DEVCG_DEV_CHAR, 1, 3}, {BPF_DEVCG_DEV_CHAR, 1, 5}, {BPF_DEVCG_DEV_CHAR, 1, 7}, {BPF_DEVCG_DEV_CHAR, 1, 8},
    {BPF_DEVCG_DEV_CHAR, 1, 9}, {BPF_DEVCG_DEV_CHAR, 5, 0}, {BPF_DEVCG_DEV_CHAR, 5, 2}, {BPF_DEVCG_DEV_CHAR, 136, ANY},
};
enum { OWN = sizeof own / sizeof *own };

struct program {
    struct bpf_insn code[HEAD + PER_DEVICE * (OWN + MAX_DEVICES) + TAIL];
    unsigned length;
};

static void add(struct program *program, unsigned code, unsigned to, unsigned from, int offset, int value) {
    program->code[program->length++] =
        (struct bpf_insn){.code = (uint8_t)code, .dst_reg = to & 15, .src_reg = from & 15, .off = (int16_t)offset, .imm = value};
}

static void answer(struct program *program, int allowed) {
    add(program, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, allowed);
    add(program, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* struct bpf_cgroup_dev_ctx: type in the lower half of the first word, access in the upper one; major; minor. */
static void begin(struct program *program) {
    add(program, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, 0, 0);
    add(program, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_3, BPF_REG_1, 4, 0);
    add(program, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1, 8, 0);
    /* To make a node is nothing yet, and unpacking an archive may take it. */
    add(program, BPF_JMP | BPF_JSET | BPF_K, BPF_REG_2, 0, 2, (BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE) << 16);
    answer(program, 1);
    add(program, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
}

/* Each is skipped by the first thing that differs. */
static void allow(struct program *program, struct device device) {
    bool any = device.minor == ANY;
    add(program, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, any ? 3 : 4, device.type);
    add(program, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, any ? 2 : 3, device.major);
    if (!any) add(program, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, 2, device.minor);
    answer(program, 1);
}

static bool parse_device(struct device *device, char **word) {
    int64_t major, minor;
    bool block = same(word[0], "b");
    if (!(block || same(word[0], "c")) || !parse_number(word[1], &major) || !parse_number(word[2], &minor)) return false;
    if (major > INT32_MAX || minor > INT32_MAX) return false;
    *device = (struct device){block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR, (int)major, (int)minor};
    return true;
}

static long load(const struct program *program) {
    union bpf_attr attributes = {
        .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
        .insn_cnt = program->length,
        .insns = (uint64_t)(uintptr_t)program->code,
        .license = (uint64_t)(uintptr_t) "Dual BSD/GPL",
    };
    return sys_bpf(BPF_PROG_LOAD, &attributes, sizeof attributes);
}

/* Without a flag a program takes the place of the one before it. */
static long attach(int cgroup, int program) {
    union bpf_attr attributes = {
        .target_fd = (uint32_t)cgroup, .attach_bpf_fd = (uint32_t)program, .attach_type = BPF_CGROUP_DEVICE,
    };
    return sys_bpf(BPF_PROG_ATTACH, &attributes, sizeof attributes);
}

/* WORD: KEY CGROUP, then of each device c|b MAJOR MINOR. It stays with the cgroup, and goes with it. */
int filter(int count, char **word) {
    static struct program program;
    struct device device;
    int devices = (count - FIXED_WORDS) / DEVICE_WORDS;
    if (count < FIXED_WORDS || (count - FIXED_WORDS) % DEVICE_WORDS || devices > MAX_DEVICES) return USAGE;
    report_to(1);
    begin(&program);
    for (int i = 0; i < OWN; i++) allow(&program, own[i]);
    for (int i = 0; i < devices; i++) {
        if (!parse_device(&device, word + FIXED_WORDS + DEVICE_WORDS * i)) return USAGE;
        allow(&program, device);
    }
    answer(&program, 0);
    int cgroup = (int)must(word[0], "cgroup", sys_openat(AT_FDCWD, word[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), word[1]);
    int loaded = (int)must(word[0], "filter", load(&program), "");
    must(word[0], "filter", attach(cgroup, loaded), word[1]);
    write_word(1, word[0], "ok");
    return DONE;
}

/* A driver for tests: libnvidia-ml.so.1 with one 8 GiB device whose memory is taken by real processes.
 *
 * $NVML_MOCK/taken   lines "PID BYTES": a line counts while its process lives, so memory comes back as on a real GPU
 * $NVML_MOCK/error   when present: the code every memory call returns (15 = GPU is lost)
 * $NVML_MOCK/no_v2   when present: the second version of the memory struct answers ARGUMENT_VERSION_MISMATCH
 * $NVML_MOCK/no_gpu  when present: no device
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int nvmlReturn_t;
typedef struct { unsigned long long total, free, used; } memory_v1;
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } memory_v2;
static const unsigned long long TOTAL = 8ULL << 30, RESERVED = 300ULL << 20;
static int device;

static FILE *open_file(const char *name) {
    char path[4096];
    const char *folder = getenv("NVML_MOCK");
    if (!folder) return NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return fopen(path, "r");
}

static int present(const char *name) {
    FILE *file = open_file(name);
    if (file) fclose(file);
    return file != NULL;
}

static nvmlReturn_t error(void) {
    int code = 0;
    FILE *file = open_file("error");
    if (!file) return 0;
    if (fscanf(file, "%d", &code) != 1) code = 999;
    fclose(file);
    return code;
}

static unsigned long long taken(void) {
    unsigned long long sum = 0, bytes;
    int pid;
    FILE *file = open_file("taken");
    if (!file) return 0;
    while (fscanf(file, "%d %llu", &pid, &bytes) == 2)
        if (kill(pid, 0) == 0) sum += bytes;
    fclose(file);
    return sum;
}

nvmlReturn_t nvmlInitWithFlags(unsigned int flags) { (void)flags; return 0; }
nvmlReturn_t nvmlInit_v2(void) { return 0; }
nvmlReturn_t nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(nvmlReturn_t code) { return code == 15 ? "GPU is lost" : "mock error"; }
nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count) { *count = present("no_gpu") ? 0 : 1; return 0; }
nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) {
    if (index > 0 || present("no_gpu")) return 2;
    *handle = &device;
    return 0;
}
nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, void **handle) {
    if (strcmp(uuid, "GPU-mock") != 0) return 6;
    *handle = &device;
    return 0;
}
nvmlReturn_t nvmlDeviceGetName(void *handle, char *name, unsigned int length) {
    (void)handle;
    snprintf(name, length, "Mock GPU 8GB");
    return 0;
}
nvmlReturn_t nvmlDeviceGetMemoryInfo(void *handle, memory_v1 *memory) {
    (void)handle;
    memory->total = TOTAL;
    memory->free = TOTAL - RESERVED - taken();
    memory->used = RESERVED + taken(); /* the phantom of version 1: the reserve counts as used */
    return error();
}
nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(void *handle, memory_v2 *memory) {
    (void)handle;
    if (present("no_v2")) return 25;
    if (memory->version != 0x02000028) return 25;
    memory->total = TOTAL;
    memory->reserved = RESERVED;
    memory->free = TOTAL - RESERVED - taken();
    memory->used = taken();
    return error();
}

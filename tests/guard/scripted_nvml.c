/* An NVML that plays a script: libnvidia-ml.so.1 for tests and demonstrations, loaded by the unmodified pynvml.
 *
 *   gcc -shared -fPIC -Wl,-soname,libnvidia-ml.so.1 -o DIR/libnvidia-ml.so.1 scripted_nvml.c
 *   LD_LIBRARY_PATH=DIR NVML_SCRIPT=FILE python ...          (the loader reads LD_LIBRARY_PATH when a process starts)
 *
 * -DOMIT_MEMORY_V2 and -DOMIT_PROCESSES leave those functions out, as an old driver does: pynvml then says FunctionNotFound.
 *
 * The script is read again whenever its size or time of change differs, so a test may add lines while it plays. One directive
 * a line; # starts a comment; times are milliseconds, sizes bytes; TO may be `inf`.
 *
 *   clock PATH                         time zero and owner come from PATH: "NANOSECONDS_OF_CLOCK_MONOTONIC PID". Before PATH
 *                                      exists it is time -1. Without this line zero is the first NVML call of the process.
 *   device UUID TOTAL RESERVED NAME    the next index; the lines below belong to it
 *   instance UUID TOTAL RESERVED NAME  a MIG instance: found by its UUID alone, not counted
 *   mig                                this device is cut into instances: its own memory answers NO_PERMISSION (4)
 *   linear                             points are joined by lines; otherwise each counts until the next
 *   at T BYTES                         memory of the clock's owner, gone when that process is; without an owner it stays
 *   other T BYTES                      memory of a neighbour
 *   takers PATH                        lines "PID BYTES" of PATH: real processes; a line counts while its process lives
 *   process PID BYTES|NA FROM TO       an entry of the process list; adds no memory
 *   listed bytes|na|none|shifted       how owner and takers appear in the process list: with their bytes, with N/A (2^64-1,
 *                                      WSL2 and WDDM), not at all, or under other pids (a container that sees the host's)
 *   error FUNCTION CODE FROM TO        FUNCTION: init count handle name uuid mig memory memory_v2 processes or *; above the
 *                                      first device it holds for every device. memory means both versions of the struct.
 *
 * Codes: 3 not supported, 4 no permission, 6 not found, 9 driver not loaded, 10 timeout, 13 function not found, 15 GPU is
 * lost, 18 library and kernel module differ, 25 argument version mismatch, 999 unknown.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define DEVICES 16
#define ERRORS 64
#define ENTRIES 64
#define PATH 1024
#define NOT_AVAILABLE 0xFFFFFFFFFFFFFFFFULL
#define HOST_PIDS 1000000

typedef int nvmlReturn_t;
typedef unsigned long long u64;
typedef struct { u64 total, free, used; } memory_v1;
typedef struct { unsigned int version; u64 total, reserved, free, used; } memory_v2;
typedef struct { unsigned int pid; u64 used; unsigned int gpu_instance, compute_instance; } process_v3;
typedef struct { double at; u64 bytes; } point;
typedef struct { point *points; int count; } series;
typedef struct { char function[24]; int code; double from, to; } failure;
typedef struct { unsigned int pid; u64 bytes; double from, to; } entry;
typedef struct {
    char uuid[96], name[96], takers[PATH], listed[16];
    u64 total, reserved;
    int instance, mig, linear, errors, entries;
    series own, others;
    failure error[ERRORS];
    entry process[ENTRIES];
} gpu;

static gpu gpus[DEVICES], everywhere;
static int gpu_count, owner;
static char clock_path[PATH];
static struct stat last;
static double first_call_ms = -1;

static double monotonic_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static int alive(int pid) { return pid > 0 && kill(pid, 0) == 0; }

static void add_point(series *to, double at, u64 bytes) {
    to->points = realloc(to->points, (to->count + 1) * sizeof(point));
    to->points[to->count++] = (point){at, bytes};
}

static void clear(void) {
    for (int index = 0; index < DEVICES; index++) {
        free(gpus[index].own.points);
        free(gpus[index].others.points);
    }
    memset(gpus, 0, sizeof gpus);
    memset(&everywhere, 0, sizeof everywhere);
    gpu_count = owner = 0;
    clock_path[0] = 0;
}

static double limit(const char *word) { return strcmp(word, "inf") ? atof(word) : INFINITY; }

static void read_line(char *line) {
    char word[24] = "", a[PATH] = "", b[32] = "", c[32] = "", d[32] = "", name[96] = "";
    gpu *to = gpu_count ? &gpus[gpu_count - 1] : &everywhere;
    line[strcspn(line, "#\n")] = 0;
    if (sscanf(line, "%23s %1023s %31s %31s %31s", word, a, b, c, d) < 1) return;
    if (!strcmp(word, "clock")) strcpy(clock_path, a);
    else if ((!strcmp(word, "device") || !strcmp(word, "instance")) && gpu_count < DEVICES) {
        to = &gpus[gpu_count++];
        to->instance = word[0] == 'i';
        snprintf(to->uuid, sizeof to->uuid, "%.95s", a);
        strcpy(to->listed, "bytes");
        to->total = strtoull(b, NULL, 10);
        to->reserved = strtoull(c, NULL, 10);
        if (sscanf(line, "%*s %*s %*s %*s %95[^\n]", name) == 1) strcpy(to->name, name);
    }
    else if (!strcmp(word, "mig")) to->mig = 1;
    else if (!strcmp(word, "linear")) to->linear = 1;
    else if (!strcmp(word, "at")) add_point(&to->own, atof(a), strtoull(b, NULL, 10));
    else if (!strcmp(word, "other")) add_point(&to->others, atof(a), strtoull(b, NULL, 10));
    else if (!strcmp(word, "takers")) strcpy(to->takers, a);
    else if (!strcmp(word, "listed")) snprintf(to->listed, sizeof to->listed, "%.15s", a);
    else if (!strcmp(word, "process") && to->entries < ENTRIES)
        to->process[to->entries++] =
            (entry){atoi(a), strcmp(b, "NA") ? strtoull(b, NULL, 10) : NOT_AVAILABLE, limit(c), limit(d)};
    else if (!strcmp(word, "error") && to->errors < ERRORS) {
        failure *error = &to->error[to->errors++];
        snprintf(error->function, sizeof error->function, "%.23s", a);
        error->code = atoi(b);
        error->from = limit(c);
        error->to = limit(d);
    }
}

static void read_script(void) {
    struct stat now;
    const char *path = getenv("NVML_SCRIPT");
    char line[2 * PATH];
    FILE *file;
    if (!path || stat(path, &now)) return;
    if (now.st_size == last.st_size && now.st_ino == last.st_ino && now.st_mtim.tv_sec == last.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == last.st_mtim.tv_nsec) return;
    if (!(file = fopen(path, "r"))) return;
    last = now;
    clear();
    while (fgets(line, sizeof line, file)) read_line(line);
    fclose(file);
}

/* Milliseconds since time zero; sets the owner. */
static double now_ms(void) {
    double now = monotonic_ms(), zero_ns;
    FILE *file;
    if (first_call_ms < 0) first_call_ms = now;
    if (!clock_path[0]) return now - first_call_ms;
    if (!(file = fopen(clock_path, "r"))) return -1;
    int read = fscanf(file, "%lf %d", &zero_ns, &owner);
    fclose(file);
    return read >= 1 ? now - zero_ns / 1e6 : -1;
}

static u64 value(const series *of, double now, int linear) {
    int index = 0;
    while (index < of->count && of->points[index].at <= now) index++;
    if (index == 0) return 0;
    point before = of->points[index - 1];
    if (!linear || index == of->count) return before.bytes;
    point after = of->points[index];
    return before.bytes + ((double)after.bytes - before.bytes) * (now - before.at) / (after.at - before.at);
}

static u64 owned(const gpu *device, double now) {
    return owner && !alive(owner) ? 0 : value(&device->own, now, device->linear);
}

/* Sum of what living takers hold; where `found` is given, each is added to it. */
static u64 taken(const gpu *device, entry *found, int *count) {
    u64 sum = 0, bytes;
    int pid;
    FILE *file = device->takers[0] ? fopen(device->takers, "r") : NULL;
    while (file && fscanf(file, "%d %llu", &pid, &bytes) == 2) {
        int same = 0;
        if (!alive(pid)) continue;
        sum += bytes;
        while (found && same < *count && found[same].pid != (unsigned)pid) same++;
        if (found && same < ENTRIES) {
            if (same == *count) found[(*count)++] = (entry){pid, 0, 0, 0};
            found[same].bytes += bytes;
        }
    }
    if (file) fclose(file);
    return sum;
}

static u64 used(const gpu *device, double now) {
    u64 sum = owned(device, now) + value(&device->others, now, device->linear) + taken(device, NULL, NULL);
    u64 most = device->total - device->reserved;
    return sum < most ? sum : most;
}

static int failing(const gpu *device, const char *function, double now) {
    for (int index = 0; index < device->errors; index++) {
        const failure *error = &device->error[index];
        int covers = !strcmp(error->function, "*") || !strcmp(error->function, function) ||
                     (!strcmp(error->function, "memory") && !strcmp(function, "memory_v2"));
        if (covers && now >= error->from && now < error->to) return error->code;
    }
    return 0;
}

/* Start of every call: the script as it is now, and the error that it asks for. */
static int begin(gpu *device, const char *function, double *now) {
    int code;
    read_script();
    *now = now_ms();
    if ((code = failing(&everywhere, function, *now)) || !device) return code;
    return failing(device, function, *now);
}

static nvmlReturn_t start(void) { double now; return begin(NULL, "init", &now); }
nvmlReturn_t nvmlInitWithFlags(unsigned int flags) { (void)flags; return start(); }
nvmlReturn_t nvmlInit_v2(void) { return start(); }
nvmlReturn_t nvmlInit(void) { return start(); }
nvmlReturn_t nvmlShutdown(void) { return 0; }

const char *nvmlErrorString(nvmlReturn_t code) {
    switch (code) {
    case 3: return "Not Supported";
    case 4: return "Insufficient Permissions";
    case 6: return "Not Found";
    case 9: return "Driver Not Loaded";
    case 10: return "Timeout";
    case 13: return "Function Not Found";
    case 15: return "GPU is lost";
    case 18: return "Driver/library version mismatch";
    case 25: return "Argument version mismatch";
    default: return "Unknown Error";
    }
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *text, unsigned int length) {
    snprintf(text, length, "0.scripted");
    return 0;
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count) {
    double now;
    int code = begin(NULL, "count", &now);
    *count = 0;
    for (int index = 0; index < gpu_count; index++) *count += !gpus[index].instance;
    return code;
}

/* Handles outlive a change of the script: they are places in the table. */
nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **handle) {
    double now;
    int code = begin(NULL, "handle", &now);
    if (code) return code;
    for (int place = 0; place < gpu_count; place++)
        if (!gpus[place].instance && index-- == 0) {
            *handle = &gpus[place];
            return 0;
        }
    return 2;
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, void **handle) {
    double now;
    int code = begin(NULL, "handle", &now);
    if (code) return code;
    for (int place = 0; place < gpu_count; place++)
        if (!strcmp(gpus[place].uuid, uuid)) {
            *handle = &gpus[place];
            return 0;
        }
    return 6;
}

nvmlReturn_t nvmlDeviceGetName(void *handle, char *text, unsigned int length) {
    double now;
    int code = begin(handle, "name", &now);
    snprintf(text, length, "%s", ((gpu *)handle)->name);
    return code;
}

nvmlReturn_t nvmlDeviceGetUUID(void *handle, char *text, unsigned int length) {
    double now;
    int code = begin(handle, "uuid", &now);
    snprintf(text, length, "%s", ((gpu *)handle)->uuid);
    return code;
}

nvmlReturn_t nvmlDeviceGetMigMode(void *handle, unsigned int *current, unsigned int *pending) {
    double now;
    int code = begin(handle, "mig", &now);
    *current = *pending = ((gpu *)handle)->mig;
    return code;
}

static nvmlReturn_t memory(gpu *device, const char *function, u64 *taken_bytes) {
    double now;
    int code = begin(device, function, &now);
    *taken_bytes = used(device, now);
    return code ? code : device->mig ? 4 : 0;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo(void *handle, memory_v1 *answer) {
    gpu *device = handle;
    u64 bytes;
    int code = memory(device, "memory", &bytes);
    answer->total = device->total;
    answer->free = device->total - device->reserved - bytes;
    answer->used = device->reserved + bytes; /* the phantom of version 1: the reserve counts as used */
    return code;
}

#ifndef OMIT_MEMORY_V2
nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(void *handle, memory_v2 *answer) {
    gpu *device = handle;
    u64 bytes;
    int code = memory(device, "memory_v2", &bytes);
    if (answer->version != 0x02000028) return 25;
    answer->total = device->total;
    answer->reserved = device->reserved;
    answer->free = device->total - device->reserved - bytes;
    answer->used = bytes;
    return code;
}
#endif

#ifndef OMIT_PROCESSES
static int list(gpu *device, double now, entry *found) {
    int count = 0, hidden = !strcmp(device->listed, "none");
    if (!hidden) {
        taken(device, found, &count);
        if (owner && alive(owner) && device->own.count && count < ENTRIES)
            found[count++] = (entry){owner, owned(device, now), 0, 0};
    }
    for (int index = 0; index < count; index++) {
        if (!strcmp(device->listed, "na")) found[index].bytes = NOT_AVAILABLE;
        if (!strcmp(device->listed, "shifted")) found[index].pid += HOST_PIDS;
    }
    for (int index = 0; index < device->entries && count < ENTRIES; index++)
        if (now >= device->process[index].from && now < device->process[index].to) found[count++] = device->process[index];
    return count;
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned int *count, process_v3 *answer) {
    double now;
    entry found[ENTRIES];
    int code = begin(handle, "processes", &now);
    if (code) return code;
    unsigned int room = *count;
    *count = list(handle, now, found);
    if (*count > room) return 7; /* the caller asks again with room for that many */
    for (unsigned int index = 0; index < *count; index++)
        answer[index] = (process_v3){found[index].pid, found[index].bytes, 0xFFFFFFFF, 0xFFFFFFFF};
    return 0;
}
#endif

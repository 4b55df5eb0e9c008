/* Loaded before libc: sources that give no more bytes a second than a recorder on its port does.
 *
 * THROTTLE_UNDER             the folder of the sources; a source is a folder card-N in it, N below 64
 * THROTTLE_BYTES_PER_SECOND  of each source, for all threads of a process together
 *
 * Every read of a source ends no earlier than its bytes would have come over the wire. A source that is not read gains
 * nothing but BURST bytes, which is what a device and the kernel would read ahead.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ({ static typeof(&name) next; if (!next) next = dlsym(RTLD_NEXT, #name); next; })
#define LONGEST 4096
#define SOURCES 64
#define BURST (1L << 20)

static const char *under;
static size_t under_length;
static double bytes_per_second;
static struct { pthread_mutex_t lock; double free_at; } sources[SOURCES];

__attribute__((constructor)) static void learn(void) {
    const char *rate = getenv("THROTTLE_BYTES_PER_SECOND");
    for (int i = 0; i < SOURCES; i++) pthread_mutex_init(&sources[i].lock, NULL);
    bytes_per_second = rate ? atof(rate) : 0;
    if (bytes_per_second <= 0) return;
    under = getenv("THROTTLE_UNDER");
    under_length = under ? strlen(under) : 0;
}

/* The number of the source that a file is on; -1 for none. */
static int source_of(int fd) {
    char link[64], path[LONGEST], end;
    int source;
    if (!under) return -1;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return -1;
    path[length] = 0;
    if (strncmp(path, under, under_length)) return -1;
    if (sscanf(path + under_length, "/card-%d%c", &source, &end) != 2 || end != '/') return -1;
    return source >= 0 && source < SOURCES ? source : -1;
}

/* Wait until the bytes that were read would have come. */
static ssize_t paced(int source, ssize_t count) {
    if (source < 0 || count <= 0) return count;
    int error = errno;
    struct timespec now, until;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double earliest = now.tv_sec + now.tv_nsec / 1e9 - BURST / bytes_per_second;
    pthread_mutex_lock(&sources[source].lock);
    if (sources[source].free_at < earliest) sources[source].free_at = earliest;
    double moment = sources[source].free_at += count / bytes_per_second;
    pthread_mutex_unlock(&sources[source].lock);
    until.tv_sec = (time_t)moment;
    until.tv_nsec = (long)((moment - until.tv_sec) * 1e9);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) continue;
    errno = error;
    return count;
}

ssize_t read(int fd, void *data, size_t length) {
    return paced(source_of(fd), NEXT(read)(fd, data, length));
}
ssize_t pread64(int fd, void *data, size_t length, off64_t offset) {
    return paced(source_of(fd), NEXT(pread64)(fd, data, length, offset));
}
/* The name behind os.preadv of CPython on Linux. */
ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags) {
    return paced(source_of(fd), NEXT(preadv64v2)(fd, parts, count, offset, flags));
}
/* cp asks for as much as there is; a piece at a time, or nothing would be written before all has come. */
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *there, size_t length, unsigned flags) {
    int source = source_of(from);
    if (source >= 0 && length > BURST) length = BURST;
    return paced(source, NEXT(copy_file_range)(from, at, to, there, length, flags));
}

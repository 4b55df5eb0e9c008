/* Loaded before libc in a test's process: a medium that answers the n-th reading of a byte as it should not.
 *
 * UNSTABLE_PATH    the end of the path of the file meant
 * UNSTABLE_AT      the byte meant (default: 0); a read counts when it brings this byte, probes that do not are let be
 * UNSTABLE_NTH     the first reading of this byte that is struck (default: 1); those behind it are struck too
 * UNSTABLE_TIMES   how many are struck before all goes well again (default: all)
 * UNSTABLE_ACTION  other   the byte comes turned over, and no error is said (default)
 *                  fail    EIO
 *                  pull    UNSTABLE_CARD is renamed to UNSTABLE_CARD.pulled, then EIO
 *                  hang    UNSTABLE_HELD is made, then the read waits until UNSTABLE_GATE is there, UNSTABLE_SECONDS at
 *                          most (default: 60), and goes on as if nothing had been
 *
 * A process that was forked from one with this library calls learn_faults() for those of its own environment.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define NEXT(name) ({ static typeof(&name) next; if (!next) next = dlsym(RTLD_NEXT, #name); next; })
#define LONGEST 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *path_end, *action;
static long at, nth, times, seen;

static long number(const char *name, long otherwise) {
    const char *words = getenv(name);
    return words ? atol(words) : otherwise;
}

__attribute__((constructor)) void learn_faults(void) {
    seen = 0;
    path_end = getenv("UNSTABLE_PATH");
    at = number("UNSTABLE_AT", 0);
    nth = number("UNSTABLE_NTH", 1);
    times = number("UNSTABLE_TIMES", 1L << 60);
    action = getenv("UNSTABLE_ACTION") ? getenv("UNSTABLE_ACTION") : "other";
}

static int is_meant(int fd) {
    char link[64], path[LONGEST];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path), end = path_end ? (ssize_t)strlen(path_end) : LONGEST;
    return length >= end && !memcmp(path + length - end, path_end, end);
}

static void wait_at_the_gate(void) {
    const char *held = getenv("UNSTABLE_HELD"), *gate = getenv("UNSTABLE_GATE");
    int fd = open(held, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) abort();
    close(fd);
    for (int i = 0; i < 100 * number("UNSTABLE_SECONDS", 60) && access(gate, F_OK); i++) usleep(10000);
}

/* Where a read that brought `length` bytes from `offset` holds the byte to turn over; -1 for none. Null length: fail. */
static ssize_t struck(int fd, off64_t offset, ssize_t *length) {
    if (*length <= 0 || offset > at || offset + *length <= at || !is_meant(fd)) return -1;
    pthread_mutex_lock(&lock);
    long count = ++seen;
    pthread_mutex_unlock(&lock);
    if (count < nth || count - nth >= times) return -1;
    if (!strcmp(action, "other")) return at - offset;
    if (!strcmp(action, "hang")) {
        wait_at_the_gate();
        return -1;
    }
    if (!strcmp(action, "pull")) {
        char pulled[LONGEST];
        snprintf(pulled, sizeof pulled, "%s.pulled", getenv("UNSTABLE_CARD"));
        if (rename(getenv("UNSTABLE_CARD"), pulled)) abort();
    }
    *length = -1;
    errno = EIO;
    return -1;
}

ssize_t pread64(int fd, void *data, size_t length, off64_t offset) {
    ssize_t count = NEXT(pread64)(fd, data, length, offset), place = struck(fd, offset, &count);
    if (place >= 0) ((char *)data)[place] ^= 1;
    return count;
}

/* The name behind os.preadv of CPython on Linux. */
ssize_t preadv64v2(int fd, const struct iovec *parts, int number_of, off64_t offset, int flags) {
    ssize_t count = NEXT(preadv64v2)(fd, parts, number_of, offset, flags), place = struck(fd, offset, &count);
    for (int i = 0; place >= 0 && i < number_of; place -= parts[i++].iov_len)
        if ((size_t)place < parts[i].iov_len) {
            ((char *)parts[i].iov_base)[place] ^= 1;
            break;
        }
    return count;
}

/* Loaded before libc in a test's child process: makes reads of chosen files fail, or spoils what a sync has written.
 *
 * FAULT_PATH   part of the path of the files meant
 * FAULT_READ   FROM-TO: reads that touch these bytes fail with EIO (end not included)
 * FAULT_SPOIL  OFFSET: after fsync, the byte there is turned over, as a failing disk would
 * FAULT_TIMES  how often reads fail before they succeed (default: always)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_meant(int fd) {
    char link[64], path[4096];
    const char *wanted = getenv("FAULT_PATH");
    if (!wanted) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, wanted) != NULL;
}

static int fails(int fd, off_t offset, size_t length) {
    static long times = -1;
    const char *range = getenv("FAULT_READ");
    if (!range || !is_meant(fd)) return 0;
    long from, to;
    if (sscanf(range, "%ld-%ld", &from, &to) != 2 || offset >= to || (long)(offset + length) <= from) return 0;
    if (times < 0) times = getenv("FAULT_TIMES") ? atol(getenv("FAULT_TIMES")) : 1L << 60;
    if (times == 0) return 0;
    times--;
    errno = EIO;
    return 1;
}

static size_t total(const struct iovec *parts, int count) {
    size_t length = 0;
    for (int i = 0; i < count; i++) length += parts[i].iov_len;
    return length;
}

/* The name behind os.preadv of CPython on Linux. */
ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags) {
    ssize_t (*next)(int, const struct iovec *, int, off64_t, int) = dlsym(RTLD_NEXT, "preadv64v2");
    return fails(fd, offset, total(parts, count)) ? -1 : next(fd, parts, count, offset, flags);
}

int fsync(int fd) {
    int (*next)(int) = dlsym(RTLD_NEXT, "fsync");
    int result = next(fd);
    const char *spoil = getenv("FAULT_SPOIL");
    if (result == 0 && spoil && is_meant(fd)) {
        char link[64], byte;
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        int other = open(link, O_RDWR);
        if (other >= 0) {
            if (pread(other, &byte, 1, atol(spoil)) == 1) {
                byte ^= 1;
                if (pwrite(other, &byte, 1, atol(spoil)) == 1) next(other);
            }
            close(other);
        }
    }
    return result;
}

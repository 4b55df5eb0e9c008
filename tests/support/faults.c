/* Loaded before libc in a test's child process: lets a chosen call on a chosen file fail, as a bad medium, a full disk,
 * a pulled card or a killed process would; and writes down what the program asks of the disk, in order.
 *
 * FAULT_CALL    the kind of call: create open read write fsync syncfs writeback reserve truncate rename link unlink mkdir
 *               chmod. What they stand for is seen below; of rename and link the new name counts.
 * FAULT_PATH    part of the path of the files meant, with * and ?; a folder's path ends with "/". Where this does too,
 *               it is the end of the path.
 * FAULT_AFTER   "KIND PATH", as above: strikes only behind such a call that succeeded (default: from the beginning)
 * FAULT_READ    FROM-TO: of reads only those that touch these bytes (end not included)
 * FAULT_NTH     the first of the calls meant that is struck (default: 1)
 * FAULT_TIMES   how many are struck before all goes well again (default: all)
 * FAULT_ACTION  fail     the call fails, nothing is done (default)
 *               short    the first time only half is written, and said so; from the second on as `fail`
 *               kill     the process kills itself instead
 *               torn     half is written, then it kills itself
 *               pull     FAULT_CARD is renamed to FAULT_CARD.pulled, then as `fail`
 *               grow, rewrite, shrink    the file meant is changed, then the call is done
 *               spoil    the call is done, then the byte at FAULT_SPOIL is turned over, as a failing disk would
 * FAULT_ERRNO   a number (default: EIO)
 * FAULT_LOG     a line is added to this file for each call that was struck
 * FAULT_TRACE   a line for each call that changes something below FAULT_UNDER: kind, errno or 0, inode, bytes in
 *               the file then, path
 * FAULT_HURRY   waits of 4 to 5 seconds, as for room on the disk, take a fiftieth of a second
 *
 * A process that was forked from one with this library calls learn_faults() for those of its own environment.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ({ static typeof(&name) next; if (!next) next = dlsym(RTLD_NEXT, #name); next; })
#define LONGEST 4096
#define ALWAYS (1L << 60)

enum action { NONE, FAIL, SHORT, KILL, TORN, PULL, GROW, REWRITE, SHRINK, SPOIL };
static const char *const ACTIONS[] = {"", "fail", "short", "kill", "torn", "pull", "grow", "rewrite", "shrink", "spoil"};

static struct {
    const char *call, *path, *after, *card, *log, *trace, *under;
    enum action action;
    int error, is_hurried;
    long from, to, nth, times, spoil;
} fault;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int is_after;
static long seen, struck;

static long number(const char *name, long otherwise) {
    const char *words = getenv(name);
    return words ? atol(words) : otherwise;
}

__attribute__((constructor)) void learn_faults(void) {
    is_after = 0;
    seen = struck = 0;
    fault.from = 0;
    const char *range = getenv("FAULT_READ"), *action = getenv("FAULT_ACTION");
    fault.spoil = number("FAULT_SPOIL", -1);
    fault.call = getenv("FAULT_CALL");
    if (!fault.call) fault.call = range ? "read" : fault.spoil >= 0 ? "fsync" : NULL;
    fault.path = getenv("FAULT_PATH");
    fault.after = getenv("FAULT_AFTER");
    fault.card = getenv("FAULT_CARD");
    fault.log = getenv("FAULT_LOG");
    fault.trace = getenv("FAULT_TRACE");
    fault.under = getenv("FAULT_UNDER");
    fault.is_hurried = getenv("FAULT_HURRY") != NULL;
    fault.error = number("FAULT_ERRNO", EIO);
    fault.nth = number("FAULT_NTH", 1);
    fault.times = number("FAULT_TIMES", ALWAYS);
    fault.action = fault.spoil >= 0 ? SPOIL : FAIL;
    for (enum action one = FAIL; action && one <= SPOIL; one++)
        if (!strcmp(action, ACTIONS[one])) fault.action = one;
    fault.to = ALWAYS;
    if (range && sscanf(range, "%ld-%ld", &fault.from, &fault.to) != 2) abort();
}

static void add_line(const char *file, const char *line) {
    int fd = NEXT(open64)(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || NEXT(write)(fd, line, strlen(line)) < 0) abort();
    close(fd);
}

static int fits(const char *path, const char *pattern) {
    char whole[LONGEST];
    size_t length = strlen(pattern);
    snprintf(whole, sizeof whole, "*%s%s", pattern, length && pattern[length - 1] == '/' ? "" : "*");
    return fnmatch(whole, path, 0) == 0;
}

static char *path_of(int fd, char *path) {
    char link[64];
    struct stat status;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, LONGEST - 2);
    path[length < 0 ? 0 : length] = 0;
    if (length > 0 && fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) strcat(path, "/");
    return path;
}

static char *path_at(int folder, const char *name, char *path) {
    if (name[0] == '/')
        snprintf(path, LONGEST, "%s", name);
    else if (folder == AT_FDCWD && getcwd(path, LONGEST / 2))
        snprintf(path + strlen(path), LONGEST / 2, "/%s", name);
    else
        snprintf(path_of(folder, path) + strlen(path), LONGEST / 2, "%s", name);
    return path;
}

static void change(const char *path, enum action how) {
    int fd = NEXT(open64)(path, O_RDWR | O_CLOEXEC);
    struct stat status;
    if (fd < 0 || fstat(fd, &status) != 0) abort();
    if (how == SHRINK ? NEXT(ftruncate64)(fd, status.st_size / 2) != 0
                      : NEXT(pwrite64)(fd, "changed", 7, how == GROW ? status.st_size : 0) != 7)
        abort();
    close(fd);
}

/* What is to happen to a call. Where it is FAIL, errno is set; where the process is to die at once, it does. */
static enum action judge(const char *kind, const char *path, off_t offset, size_t length) {
    if (!fault.call || strcmp(kind, fault.call) || (fault.after && !is_after)) return NONE;
    if (fault.path && !fits(path, fault.path)) return NONE;
    if (offset >= fault.to || offset + (off_t)length <= fault.from) return NONE;
    pthread_mutex_lock(&lock);
    enum action what = ++seen >= fault.nth && struck < fault.times ? fault.action : NONE;
    if (what != NONE) struck++;
    int is_first = struck == 1;
    pthread_mutex_unlock(&lock);
    if (what == NONE) return NONE;
    if (fault.log) {
        char line[LONGEST + 64];
        snprintf(line, sizeof line, "%s %s %s\n", ACTIONS[what], kind, path);
        add_line(fault.log, line);
    }
    if (what == KILL) kill(getpid(), SIGKILL);
    if (what == PULL && is_first) {
        char pulled[LONGEST];
        snprintf(pulled, sizeof pulled, "%s.pulled", fault.card);
        if (NEXT(rename)(fault.card, pulled) != 0) abort();
    }
    if (what == GROW || what == REWRITE || what == SHRINK) change(path, what);
    if (what == PULL || (what == SHORT && !is_first)) what = FAIL;
    errno = fault.error;
    return what;
}

static void remember(const char *kind, int error, struct stat status, const char *path) {
    if (fault.after && !is_after && !error) {
        size_t length = strlen(kind);
        is_after = !strncmp(fault.after, kind, length) && fault.after[length] == ' ' &&
                   fits(path, fault.after + length + 1);
    }
    if (!fault.trace || strncmp(path, fault.under, strlen(fault.under))) return;
    char line[2 * LONGEST + 64];
    snprintf(line, sizeof line, "%s\t%d\t%lu\t%ld\t%s\n", kind, error, status.st_ino, (long)status.st_size, path);
    add_line(fault.trace, line);
}

static struct stat status_of(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 ? status : (struct stat){0};
}

static struct stat status_at(const char *path) {
    struct stat status;
    return lstat(path, &status) == 0 ? status : (struct stat){0};
}

/* The body of a call on a descriptor, or on a path, that says 0 or -1. `act` is what is really done. */
#define ON_DESCRIPTOR(kind, fd, act) \
    char path[LONGEST]; \
    enum action what = judge(kind, path_of(fd, path), 0, 1); \
    int result = what == FAIL ? -1 : (act), error = errno; \
    remember(kind, result == 0 ? 0 : error, status_of(fd), path); \
    errno = error; \
    return result;
#define ON_PATH(kind, folder, name, act) \
    char path[LONGEST]; \
    struct stat before = status_at(path_at(folder, name, path)); \
    enum action what = judge(kind, path, 0, 1); \
    int result = what == FAIL ? -1 : (act), error = errno; \
    remember(kind, result == 0 ? 0 : error, before.st_ino ? before : status_at(path), path); \
    errno = error; \
    return result;

static int synced(int fd, int (*next)(int)) {
    ON_DESCRIPTOR("fsync", fd, ({
        int done = next(fd);
        char byte;
        int other = what == SPOIL && done == 0 ? NEXT(open64)(path, O_RDWR | O_CLOEXEC) : -1;
        if (other >= 0) {
            if (pread(other, &byte, 1, fault.spoil) == 1) {
                byte ^= 1;
                if (NEXT(pwrite64)(other, &byte, 1, fault.spoil) == 1) next(other);
            }
            close(other);
        }
        done;
    }))
}

int fsync(int fd) { return synced(fd, NEXT(fsync)); }
int fdatasync(int fd) { return synced(fd, NEXT(fdatasync)); }
int syncfs(int fd) { ON_DESCRIPTOR("syncfs", fd, NEXT(syncfs)(fd)) }
int ftruncate64(int fd, off64_t length) { ON_DESCRIPTOR("truncate", fd, NEXT(ftruncate64)(fd, length)) }
int fchmod(int fd, mode_t mode) { ON_DESCRIPTOR("chmod", fd, NEXT(fchmod)(fd, mode)) }
int sync_file_range(int fd, off64_t offset, off64_t count, unsigned flags) {
    ON_DESCRIPTOR("writeback", fd, NEXT(sync_file_range)(fd, offset, count, flags))
}
int posix_fallocate64(int fd, off64_t offset, off64_t length) {
    char path[LONGEST];
    if (judge("reserve", path_of(fd, path), 0, 1) == FAIL) return errno;
    return NEXT(posix_fallocate64)(fd, offset, length);
}

int chmod(const char *name, mode_t mode) { ON_PATH("chmod", AT_FDCWD, name, NEXT(chmod)(name, mode)) }
int mkdir(const char *name, mode_t mode) { ON_PATH("mkdir", AT_FDCWD, name, NEXT(mkdir)(name, mode)) }
int unlink(const char *name) { ON_PATH("unlink", AT_FDCWD, name, NEXT(unlink)(name)) }
int rename(const char *old, const char *name) { ON_PATH("rename", AT_FDCWD, name, NEXT(rename)(old, name)) }
int renameat2(int of, const char *old, int folder, const char *name, unsigned flags) {
    ON_PATH("rename", folder, name, NEXT(renameat2)(of, old, folder, name, flags))
}
int linkat(int of, const char *old, int folder, const char *name, int flags) {
    ON_PATH("link", folder, name, NEXT(linkat)(of, old, folder, name, flags))
}
int link(const char *old, const char *name) { return linkat(AT_FDCWD, old, AT_FDCWD, name, 0); }

static ssize_t written(int fd, const void *data, size_t length, off64_t offset, int is_placed) {
    char path[LONGEST];
    enum action what = judge("write", path_of(fd, path), offset, length);
    if (what == FAIL) {
        remember("write", errno, status_of(fd), path);
        errno = fault.error;
        return -1;
    }
    if (what == SHORT || what == TORN) length /= 2;
    ssize_t done = is_placed ? NEXT(pwrite64)(fd, data, length, offset) : NEXT(write)(fd, data, length);
    int error = errno;
    if (what == TORN) kill(getpid(), SIGKILL);
    remember("write", done < 0 ? error : 0, status_of(fd), path);
    errno = error;
    return done;
}

ssize_t write(int fd, const void *data, size_t length) { return written(fd, data, length, 0, 0); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    return written(fd, data, length, offset, 1);
}

ssize_t read(int fd, void *data, size_t length) {
    char path[LONGEST];
    off_t offset = lseek(fd, 0, SEEK_CUR);
    return judge("read", path_of(fd, path), offset < 0 ? 0 : offset, length) == FAIL ? -1 : NEXT(read)(fd, data, length);
}
ssize_t pread64(int fd, void *data, size_t length, off64_t offset) {
    char path[LONGEST];
    return judge("read", path_of(fd, path), offset, length) == FAIL ? -1 : NEXT(pread64)(fd, data, length, offset);
}
/* The name behind os.preadv of CPython on Linux. */
ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off64_t offset, int flags) {
    char path[LONGEST];
    size_t length = 0;
    for (int i = 0; i < count; i++) length += parts[i].iov_len;
    if (judge("read", path_of(fd, path), offset, length) == FAIL) return -1;
    return NEXT(preadv64v2)(fd, parts, count, offset, flags);
}

static int opened(int folder, const char *name, int flags, mode_t mode) {
    char path[LONGEST];
    const char *kind = flags & O_CREAT ? "create" : "open";
    if (judge(kind, path_at(folder, name, path), 0, 1) == FAIL) return -1;
    int is_new = flags & O_CREAT && status_at(path).st_ino == 0;
    int fd = NEXT(openat64)(folder, name, flags, mode), error = errno;
    if (is_new) remember(kind, fd < 0 ? error : 0, status_at(path), path);
    errno = error;
    return fd;
}
#define MODE(last) ({ va_list rest; va_start(rest, last); mode_t mode = last & O_CREAT ? va_arg(rest, mode_t) : 0; va_end(rest); mode; })

int open(const char *name, int flags, ...) { return opened(AT_FDCWD, name, flags, MODE(flags)); }
int open64(const char *name, int flags, ...) { return opened(AT_FDCWD, name, flags, MODE(flags)); }
int openat(int folder, const char *name, int flags, ...) { return opened(folder, name, flags, MODE(flags)); }
int openat64(int folder, const char *name, int flags, ...) { return opened(folder, name, flags, MODE(flags)); }

/* openat2(2), which opens what lies on a card, has no name in libc. */
long syscall(long call, ...) {
    long one[6];
    va_list rest;
    va_start(rest, call);
    for (int i = 0; i < 6; i++) one[i] = va_arg(rest, long);
    va_end(rest);
    char path[LONGEST];
    if (call == SYS_openat2 && judge("open", path_at(one[0], (const char *)one[1], path), 0, 1) == FAIL) return -1;
    return NEXT(syscall)(call, one[0], one[1], one[2], one[3], one[4], one[5]);
}

/* The wait of CPython for a lock with a time limit, and so of every sleep of the program. */
int sem_clockwait(sem_t *semaphore, clockid_t clock, const struct timespec *until) {
    struct timespec now, soon;
    clock_gettime(clock, &now);
    soon = now;
    soon.tv_nsec += 20000000;
    if (soon.tv_nsec >= 1000000000) soon.tv_sec++, soon.tv_nsec -= 1000000000;
    double seconds = until->tv_sec - now.tv_sec + (until->tv_nsec - now.tv_nsec) / 1e9;
    int is_long = fault.is_hurried && seconds > 4 && seconds <= 5;
    return NEXT(sem_clockwait)(semaphore, clock, is_long ? &soon : until);
}

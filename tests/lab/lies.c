/* Loaded before libc in a test's child process: the syncs that LIES names succeed without doing anything. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* LIES: any of fsync fdatasync syncfs sync_file_range, and directory for the fsync of directories. */
static int lies(const char *name) {
    const char *named = getenv("LIES");
    return named && strstr(named, name) != NULL;
}

int fsync(int fd) {
    struct stat status;
    if (lies(fstat(fd, &status) == 0 && S_ISDIR(status.st_mode) ? "directory" : "fsync")) return 0;
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd) {
    return lies("fdatasync") ? 0 : ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

int syncfs(int fd) {
    return lies("syncfs") ? 0 : ((int (*)(int))dlsym(RTLD_NEXT, "syncfs"))(fd);
}

int sync_file_range(int fd, off64_t offset, off64_t length, unsigned int flags) {
    int (*next)(int, off64_t, off64_t, unsigned int) = dlsym(RTLD_NEXT, "sync_file_range");
    return lies("sync_file_range") ? 0 : next(fd, offset, length, flags);
}

// SPDX-License-Identifier: MIT
// Reads the files that the guest boots with; libmachrt knows where they go.
#include "machvm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
    void *at;
    size_t size;
};

// Maps a file, privately: what is written to it stays here. 0 or -1.
static int map_file(const char *path, struct file *f)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st)) {
        int e = errno;
        if (fd >= 0)
            close(fd);
        return complain(e, "%s", path);
    }
    f->size = (size_t)st.st_size;
    f->at = f->size ? mmap(NULL, f->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    int e = f->size ? errno : EINVAL;
    close(fd);
    if (f->at != MAP_FAILED)
        return 0;
    f->at = NULL;
    return complain(e, "%s", path);
}

static void unmap_file(const struct file *f)
{
    if (f->at)
        munmap(f->at, f->size);
}

int load(struct vmm *v)
{
    struct mach_error e = MACH_ERROR_INIT;
    struct file kernel = {0}, tree = {0}, initramfs = {0};
    struct mach_load l = {.size = sizeof l};
    int r =
        map_file(v->kernel, &kernel) || map_file(v->dtb, &tree) || (v->initramfs && map_file(v->initramfs, &initramfs));
    l.kernel = kernel.at;
    l.kernel_size = kernel.size;
    l.initramfs = initramfs.at;
    l.initramfs_size = initramfs.size;
    if (!r && (mach_session_dtb(v->session, tree.at, tree.size, &e) ||
               mach_session_load(v->session, &l, tree.at, tree.size, &e))) {
        mach_error_print(&e, "machvm", stderr);
        r = -1;
    }
    v->entry = l.entry;
    v->dtb_address = l.dtb;
    unmap_file(&kernel);
    unmap_file(&tree);
    unmap_file(&initramfs);
    return r ? -1 : 0;
}

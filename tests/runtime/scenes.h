// SPDX-License-Identifier: MIT
// Hosts with the configs that fit them.
#ifndef TEST_SCENES_H
#define TEST_SCENES_H

#include "cfg.h"
#include "fake.h"

#include "uapi/kvm.h"

enum { MiB = 1 << 20 };

struct scene {
    const char *name;
    struct fake *k;
    struct cfg *c;
    struct mach_config *config;
    struct mach_options options;
    struct mach_ops ops; // the VMM's own
    bool use_ops, use_kvm;
    struct mach_kvm kvm;
    struct mach_error error;
    uint8_t after_error[64]; // the library does not write here, even if its struct has grown
    struct mach_session *session;
    char log[8192];
    uint32_t placed, trapped, connected, emulated, chips; // what the VMM has been asked for, less what was undone
    char before[1024];
    int given; // memfd of the VMM's own memory
    void *given_at;
};

/* Every scene once: S(name). Where the architecture has no KVM, those with it are not in scene_names. */
// clang-format off
#define SCENES_WITH_KVM(S) S(kvm) S(kvm_cdev) S(x86) S(mpic) S(aia) S(fsl_mc_kvm) S(pool) S(reserved)
#define SCENES_WITHOUT_KVM(S)                                                                                          \
    S(group) S(iommufd) S(raw) S(raw_vmm) S(noiommu) S(pamu) S(spapr) S(spapr_ddw) S(guest_iommu) S(foreign) S(files)   \
    S(fsl_mc) S(fsl_mc_late) S(pool_bus) S(pool_udmabuf) S(pool_given) S(heap) S(shadow) S(shadow_vmm)
// clang-format on
#ifdef MACHRT_HAVE_KVM
enum { HAVE_KVM = 1 };
#else
enum { HAVE_KVM = 0 };
#endif

struct scene *scene_new(const char *name);
void scene_free(struct scene *x);
/* 0 or -1. */
int scene_start(struct scene *x);
int scene_stop(struct scene *x);
/* Starts it; ends it, with everything as it was, and frees it; or sees that it does not start, with this step and a
 * part of the hint, and frees it. They fail the test otherwise. */
void scene_must_start(struct scene *x);
void scene_must_end(struct scene *x);
void scene_must_fail(struct scene *x, const char *step, const char *hint);
/* Fails the test unless all is as it was. */
void scene_clean(struct scene *x);

extern const char *const scene_names[];

#endif

// SPDX-License-Identifier: MIT
/*
 * <linux/kvm.h>, where this architecture has KVM: 32-bit Arm has had none since Linux 5.7, and its headers have no
 * <asm/kvm.h>, which <linux/kvm.h> includes.
 */
#ifndef MACHRT_UAPI_KVM_H
#define MACHRT_UAPI_KVM_H

#if defined(__has_include) && !defined(MACHRT_NO_KVM)
#if __has_include(<asm/kvm.h>)
#define MACHRT_HAVE_KVM 1
#include <linux/kvm.h>
#endif
#endif

#endif

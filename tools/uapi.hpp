// SPDX-License-Identifier: BSD-2-Clause
#pragma once

#include <linux/if_tun.h>

// Constants that the headers of the oldest supported system (Debian 12, linux-libc-dev 6.1) lack.

#ifndef TUN_F_USO4
/// TUNSETOFFLOAD: takes UDP segmentation over IPv4. Linux 6.2, include/uapi/linux/if_tun.h.
#define TUN_F_USO4 0x20
#endif

#ifndef TUN_F_USO6
/// TUNSETOFFLOAD: takes UDP segmentation over IPv6. Linux 6.2; only together with TUN_F_USO4.
#define TUN_F_USO6 0x40
#endif

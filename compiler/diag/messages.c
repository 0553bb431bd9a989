// SPDX-License-Identifier: MIT
#include "diag/diag.h"

const struct msg_info msg_infos[MSG_COUNT] = {
#define MSG(code, name, title, text) [code] = {#code, name, title, text},
#include "diag/messages.def"
#undef MSG
};

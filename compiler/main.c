// SPDX-License-Identifier: MIT
#include "cli/command.h"

int main(int argc, char **argv)
{
    return machc_command(argc, argv, stdout, stderr);
}

" SPDX-License-Identifier: MIT
autocmd BufRead,BufNewFile *.mach setfiletype mach

" SPDX-License-Identifier: MIT
" Vim syntax of .mach files. Made by `make docs`: change grammar/mach.l instead.
if exists("b:current_syntax")
    finish
endif
syn iskeyword @,48-57,_,-
syn case match

syn keyword machControl assert const else for if in include template use
syn keyword machStatement as assign at below bootargs by child compatible copy cpus device dma drop edit entry facts file fixed from hide hiword host if-possible iommu irq irqchip keep liodn-index machine map mask memory model no-dma node offset on only operation overlay page-size passthrough persistent readonly ready ref region runs shadow share size slot stash stream subwindows to trap under unsafe vcpu volatile window without write
syn keyword machWord contained anonymous contiguous guest-iommu heap hugetlb id live msi-bank of pci physical platform pool raw reserved
syn match machAfter "\v<(host|passthrough|dma|map|from|stash)>\s+[a-z-]+" contains=machStatement,machWord
syn match machNumber "\v<(0[xX]\x+|\d+)([KMGT]|[kMG]?Hz)?>"
syn match machLabel "&\h[[:alnum:]_-]*"
syn match machLabel "&{[^}]*}"
syn match machPath "\v(^|[[:space:]])\zs(/[[:alnum:],._+#?@-]+)+"
syn match machDirective "\v/(delete-property|delete-node|bits|incbin|omit-if-no-ref|include|dts-v1|memreserve)/"
syn match machExpr "{[^}]*}" contained
syn match machEscape "\\." contained
syn region machString start=+"+ skip=+\\.+ end=+"+ oneline contains=machExpr,machEscape
syn region machComment start="/\*" end="\*/" contains=machTodo
syn match machComment "//.*$" contains=machTodo
syn keyword machTodo contained TODO FIXME XXX

hi def link machControl PreProc
hi def link machStatement Statement
hi def link machWord Type
hi def link machNumber Number
hi def link machLabel Identifier
hi def link machPath Constant
hi def link machDirective PreProc
hi def link machExpr Special
hi def link machEscape Special
hi def link machString String
hi def link machComment Comment
hi def link machTodo Todo

let b:current_syntax = "mach"

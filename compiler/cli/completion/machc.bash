# SPDX-License-Identifier: MIT
# Completion of machc for bash. Made by `make docs`: change compiler/cli/options.c instead.
_machc()
{
    local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    # Bash takes --option=word apart at the `=`.
    if [[ $cur == "=" ]]; then
        cur=
    elif [[ $option == "=" ]]; then
        option=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $option in
    -o|-c|--host|-MF)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    -O|-I|--schema-dir)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        return
        ;;
    --emit)
        mapfile -t COMPREPLY < <(compgen -W "dts json plan map graph host qemu" -- "$cur")
        return
        ;;
    --diagnostics)
        mapfile -t COMPREPLY < <(compgen -W "text json sarif github" -- "$cur")
        return
        ;;
    --explain)
        mapfile -t COMPREPLY < <(compgen -W "list all $(machc --explain=list 2>/dev/null | cut -d" " -f1)" -- "$cur")
        return
        ;;
    --dump-class)
        mapfile -t COMPREPLY < <(compgen -W "$(machc --list-classes 2>/dev/null | sed -n "s/^  \([^ ]*\).*/\1/p")" -- "$cur")
        return
        ;;
    -m|-j|-D|-MT|--max-errors)
        :
        return
        ;;
    -Werror)
        mapfile -t COMPREPLY < <(compgen -W "$(machc --explain=list 2>/dev/null | sed -n 's/^W[0-9]* \([^ ]*\).*/\1/p')" -- "$cur")
        return
        ;;
    esac
    case $cur in
    -Wno-*)
        mapfile -t COMPREPLY < <(compgen -W "$(machc --explain=list 2>/dev/null | sed -n 's/^W[0-9]* \([^ ]*\).*/-Wno-\1/p')" -- "$cur")
        ;;
    -W*)
        mapfile -t COMPREPLY < <(compgen -W "-Werror -Wno- $(machc --explain=list 2>/dev/null | sed -n 's/^W[0-9]* \([^ ]*\).*/-W\1/p')" -- "$cur")
        ;;
    -*)
        mapfile -t COMPREPLY < <(compgen -W "-o -c -O -m --emit= --check --together --fix -j --max-memory --syntax --host -I -D -@ --schema-dir -MD -MF -MT -MP --diagnostics= -Werror -w --max-errors --explain= --list-classes --dump-class --version -h --help" -- "$cur")
        [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
        ;;
    *)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -X '!*.mach' -- "$cur"; compgen -d -- "$cur")
        ;;
    esac
}
complete -F _machc machc

# SPDX-License-Identifier: MIT
# Completion of machrt for bash. Made by `make docs`: change runtime/machrt/main.c instead.
_machrt()
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
    --backend)
        mapfile -t COMPREPLY < <(compgen -W "auto iommufd group spapr noiommu pamu" -- "$cur")
        return
        ;;
    --policy)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    --state)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
        ;;
    machrt)
        mapfile -t COMPREPLY < <(compgen -W "show check plan bind unbind run policy probe --help" -- "$cur")
        return
        ;;
    esac
    case $cur in
    -*)
        mapfile -t COMPREPLY < <(compgen -W "--json --all --backend= --host --kvm --open --policy= --stop --state= --seconds= --verbose --version --help" -- "$cur")
        [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
        ;;
    *)
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -X '!*.cfg' -- "$cur"; compgen -d -- "$cur")
        ;;
    esac
}
complete -F _machrt machrt

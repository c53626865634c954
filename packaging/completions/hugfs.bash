# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion of hugfs(1) for bash. The lists are compared with hugfs --help by
# tests/lint/doc_parity.py.

_hugfs_verbs="mount umount status info log revisions diff commit discard recover prefetch pin unpin refresh offline online trace cache"
_hugfs_mount_options="ro rw rev= subdir= poll= commit= quiet= max_delay= pr branch= state_dir= \
cache_dir= cache_size= prefetch= endpoint= token_file= ca_file= \
offline timeout= max_rate= max_conns= insecure_http allow_other uid= gid= umask= nonempty log= debug="

# The flags of a verb; without a verb those of a plain mount.
_hugfs_flags() {
    case $1 in
    mount) echo "-f -d -o -s -n -v -r -h --help" ;;
    status) echo "--json --metrics -h --help" ;;
    info | log | revisions | diff | trace) echo "--json -h --help" ;;
    cache) echo "--json -o -h --help" ;;
    commit) echo "-m -h --help" ;;
    recover) echo "-o --list --to --reset -h --help" ;;
    umount | discard | prefetch | pin | unpin | refresh | offline | online) echo "-h --help" ;;
    *) echo "-f -d -o -s -n -v -r -h --help -V --version" ;;
    esac
}

# Completes the last of a list of mount options: names, or files where a value is one.
_hugfs_mount_option() {
    local before=${1%"${1##*,}"} last=${1##*,} name
    case $last in
    cache_dir=* | state_dir=* | token_file=* | ca_file=* | log=*)
        name=${last%%=*}
        mapfile -t COMPREPLY < <(compgen -P "$before$name=" -f -- "${last#*=}")
        ;;
    commit=*)
        mapfile -t COMPREPLY < <(compgen -P "${before}commit=" -W "auto manual close" -- "${last#*=}")
        ;;
    prefetch=*)
        mapfile -t COMPREPLY < <(compgen -P "${before}prefetch=" -W "auto off whole" -- "${last#*=}")
        ;;
    *=*) ;;
    *)
        mapfile -t COMPREPLY < <(compgen -P "$before" -W "$_hugfs_mount_options" -- "$last")
        ;;
    esac
    compopt -o nospace 2>/dev/null
}

# Folders that are hugfs mounts.
_hugfs_mounts() {
    awk '$3 == "fuse.hugfs" { print $2 }' /proc/mounts
}

_hugfs() {
    local current=${COMP_WORDS[COMP_CWORD]} verb="" typed=${COMP_LINE:0:COMP_POINT} i
    [ "$COMP_CWORD" -gt 1 ] && verb=${COMP_WORDS[1]}
    COMPREPLY=()
    if [[ $typed =~ \ -o\ +([^ ]*)$ ]]; then
        # Readline breaks words at "=", so the list is taken from the line; what stands before
        # the last "=" is not replaced and must not be repeated.
        local list=${BASH_REMATCH[1]}
        _hugfs_mount_option "$list"
        if [[ $list == *=* && $COMP_WORDBREAKS == *=* ]]; then
            for i in "${!COMPREPLY[@]}"; do
                COMPREPLY[i]=${COMPREPLY[i]#"${list%=*}="}
            done
        fi
    elif [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_hugfs_flags "$verb")" -- "$current")
    elif [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$_hugfs_verbs" -- "$current")
    elif [ "$verb" = cache ] && [ "$COMP_CWORD" -eq 2 ]; then
        mapfile -t COMPREPLY < <(compgen -W "status verify trim clear" -- "$current")
    elif [[ $verb =~ ^(umount|commit|offline|online|trace)$ ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_hugfs_mounts)" -- "$current")
        [ ${#COMPREPLY[@]} -gt 0 ] || mapfile -t COMPREPLY < <(compgen -d -- "$current")
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        compopt -o filenames 2>/dev/null
    fi
}

complete -F _hugfs hugfs

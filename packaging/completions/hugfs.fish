# SPDX-License-Identifier: Apache-2.0
# Completion of hugfs(1) for fish. The lists are compared with hugfs --help by
# tests/lint/doc_parity.py.

set -l verbs mount umount status info log revisions diff commit discard recover prefetch pin unpin refresh offline online trace cache
set -l mount_options ro rw rev= subdir= poll= commit= quiet= max_delay= pr branch= state_dir= cache_dir= cache_size= prefetch= endpoint= token_file= ca_file= offline timeout= max_rate= max_conns= insecure_http allow_other uid= gid= umask= nonempty log= debug=

function __hugfs_mounts
    awk '$3 == "fuse.hugfs" { print $2 }' /proc/mounts
end

# The options already given, and each that may follow.
function __hugfs_mount_options
    set -l before (string replace -r '[^,]*$' '' -- (commandline -ct))
    printf "$before%s\n" $argv
end

set -l first "not __fish_seen_subcommand_from $verbs"
set -l mounting "$first; or __fish_seen_subcommand_from mount"

complete -c hugfs -n "$first" -a mount -d 'show a repository as a folder'
complete -c hugfs -n "$first" -a umount -d 'unmount, and wait until the daemon has ended'
complete -c hugfs -n "$first" -a status -d 'mounts, transfers and cache use'
complete -c hugfs -n "$first" -a info -d 'what is known about one file'
complete -c hugfs -n "$first" -a log -d 'the commits behind what is shown'
complete -c hugfs -n "$first" -a revisions -d 'branches, tags and pull requests'
complete -c hugfs -n "$first" -a diff -d 'what is not committed yet, or differs between revisions'
complete -c hugfs -n "$first" -a commit -d 'commit what was saved, now'
complete -c hugfs -n "$first" -a discard -d 'give up changes that are not committed'
complete -c hugfs -n "$first" -a recover -d 'commit the unsent work of mounts that are gone'
complete -c hugfs -n "$first" -a prefetch -d 'fetch files or folders now'
complete -c hugfs -n "$first" -a pin -d 'fetch, and keep when the cache runs full'
complete -c hugfs -n "$first" -a unpin -d 'undo pin; nothing is deleted'
complete -c hugfs -n "$first" -a refresh -d 'ask the Hub for news of the branch now'
complete -c hugfs -n "$first" -a offline -d 'use only what is on this machine'
complete -c hugfs -n "$first" -a online -d 'undo offline'
complete -c hugfs -n "$first" -a trace -d 'print a line per request as it happens'
complete -c hugfs -n "$first" -a cache -d 'look after the cache'

complete -c hugfs -s h -l help -d 'help'
complete -c hugfs -n "$first" -s V -l version -d 'versions'
complete -c hugfs -n "$mounting" -s f -d 'stay in the foreground'
complete -c hugfs -n "$mounting" -s d -d 'print every kernel request'
complete -c hugfs -n "$mounting" -s s -d 'without effect'
complete -c hugfs -n "$mounting" -s n -d 'without effect'
complete -c hugfs -n "$mounting" -s v -d 'without effect'
complete -c hugfs -n "$mounting" -s r -d 'as -o ro'
complete -c hugfs -n "$mounting" -s o -x -a "(__hugfs_mount_options $mount_options)" -d 'mount options'
complete -c hugfs -n "__fish_seen_subcommand_from cache recover" -s o -x -a "(__hugfs_mount_options $mount_options)" -d 'mount options'
complete -c hugfs -n "__fish_seen_subcommand_from status info log revisions diff trace cache" -l json -d 'for programs'
complete -c hugfs -n "__fish_seen_subcommand_from status" -l metrics -d 'Prometheus text'
complete -c hugfs -n "__fish_seen_subcommand_from commit" -s m -x -d 'what the commit says'
complete -c hugfs -n "__fish_seen_subcommand_from recover" -l list -d 'only list'
complete -c hugfs -n "__fish_seen_subcommand_from recover" -l to -d 'copy to a folder' -r
complete -c hugfs -n "__fish_seen_subcommand_from recover" -l reset -d 'move damaged records aside'
complete -c hugfs -n "__fish_seen_subcommand_from cache" -x -a 'status verify trim clear'
complete -c hugfs -n "__fish_seen_subcommand_from umount commit offline online trace" -x -a '(__hugfs_mounts)'

# Completion of pando for fish: commands, options and their values are those that the installed pando tells of (pando help --words).
function __pando_commands
    pando help --words 2>/dev/null
end
function __pando_options
    set -l words (commandline -opc)
    for line in (pando help --words $words[2] 2>/dev/null)
        set -l part (string split \t -- $line)
        printf '%s\t%s\n' $part[1] $part[3]
    end
end
function __pando_values
    set -l words (commandline -opc)
    for line in (pando help --words $words[2] 2>/dev/null)
        set -l part (string split \t -- $line)
        if test "$part[1]" = "$words[-1]"; and string match -q -- '*|*' "$part[2]"
            string split '|' -- $part[2]
        end
    end
end
complete -c pando -n __fish_use_subcommand -f -a '(__pando_commands)'
complete -c pando -n '__fish_seen_subcommand_from help' -f -a '(__pando_commands)'
complete -c pando -n 'not __fish_use_subcommand; and string match -q -- "-*" (commandline -ct)' -f -a '(__pando_options)'
complete -c pando -n 'not __fish_use_subcommand; and not string match -q -- "-*" (commandline -ct)' -a '(__pando_values)'

# Completion of pando for fish: commands and options are those that the installed pando tells of.
function __pando_commands
    pando --help 2>/dev/null | string match -rg '^  ([a-z]+)  +(.*)' | paste - - 2>/dev/null
end
function __pando_options
    set -l words (commandline -opc)
    pando help $words[2] 2>/dev/null | grep -oE -- '(^|[ ,])--[a-z][a-z0-9-]*' | tr -d ' ,' | sort -u
end
complete -c pando -n __fish_use_subcommand -f -a '(__pando_commands)'
complete -c pando -n 'not __fish_use_subcommand; and string match -q -- "-*" (commandline -ct)' -f -a '(__pando_options)'

# Completion of pando for bash: commands, options and their values are those that the installed pando tells of (pando help --words).
_pando() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} i value
    local IFS=$'\n'
    if [ "$COMP_CWORD" = 1 ] || { [ "$COMP_CWORD" = 2 ] && [ "$command" = help ]; }; then
        mapfile -t COMPREPLY < <(compgen -W "$(pando help --words 2>/dev/null | cut -f 1)" -- "$word")
        return
    fi
    for ((i = 2; i < COMP_CWORD; i++)); do
        [ "${COMP_WORDS[i]}" != -- ] || { _command_offset $((i + 1)); return; }
    done
    value=$(pando help --words "$command" 2>/dev/null | awk -F '\t' -v option="$before" '$1 == option {print $2}')
    case $value in
    *'|'*) mapfile -t COMPREPLY < <(compgen -W "${value//|/$'\n'}" -- "$word") ;;
    FILE | FOLDER) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    ?*) COMPREPLY=() ;;
    *)
        if [ "${word:0:1}" = - ]; then
            mapfile -t COMPREPLY < <(compgen -W "$(pando help --words "$command" 2>/dev/null | cut -f 1)" -- "$word")
        else
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
        fi
        ;;
    esac
}
complete -o filenames -F _pando pando

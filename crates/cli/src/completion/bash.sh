# Completion of crossdock for bash 3.2 and later. The program itself knows what may follow.
_crossdock() {
    local line
    COMPREPLY=()
    # It gets the line as it was typed, and the part of it that readline is going to replace:
    # that begins behind a colon or another character of COMP_WORDBREAKS.
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(_CROSSDOCK_COMPLETE=bash command crossdock -- \
        "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null)
    # What goes on after this gets no space.
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/:=,\\] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _crossdock crossdock 2>/dev/null || complete -F _crossdock crossdock

#compdef crossdock
# Completion of crossdock for zsh. The program itself knows what may follow.
_crossdock() {
    local value help current=$PREFIX
    local -a ended ended_shown open open_shown
    # Within quotes the word is as it stands there.
    [[ -z ${compstate[quote]} ]] && current=${(Q)PREFIX}
    while IFS=$'\t' read -r value help; do
        # What goes on after this gets no space.
        if [[ $value == *[/:=,\\] ]]; then
            open+=("$value")
            open_shown+=("$value${help:+  -- $help}")
        else
            ended+=("$value")
            ended_shown+=("$value${help:+  -- $help}")
        fi
    done < <(_CROSSDOCK_COMPLETE=zsh command crossdock -- \
        "${(@Q)words[1,CURRENT-1]}" "$current" 2>/dev/null)
    # They replace the word whole: its case may be another.
    (( $#ended )) && compadd -U -V crossdock -d ended_shown -- "${ended[@]}"
    (( $#open )) && compadd -U -V crossdock -S '' -d open_shown -- "${open[@]}"
    (( $#ended || $#open ))
}
if [[ ${funcstack[1]} == _crossdock ]]; then
    _crossdock "$@"
else
    compdef _crossdock crossdock
fi

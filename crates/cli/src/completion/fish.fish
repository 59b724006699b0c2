# Completion of crossdock for fish 3.1 and later. The program itself knows what may follow.
function __crossdock_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor)
    _CROSSDOCK_COMPLETE=fish command crossdock -- $words "$current" 2>/dev/null
end
complete --command crossdock --keep-order --no-files --arguments '(__crossdock_complete)'

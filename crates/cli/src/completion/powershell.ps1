# Completion of crossdock for PowerShell 5.1 and later. The program itself knows what may follow.
Register-ArgumentCompleter -Native -CommandName 'crossdock', 'crossdock.exe' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # Words go in a variable: old versions lose empty arguments and quotes on the way.
    $current = ''
    $words = @()
    foreach ($element in $commandAst.CommandElements) {
        if ($element.Extent.StartOffset -ge $cursorPosition) { break }
        $text = $element.Extent.Text
        if ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) {
            $text = $element.Value
        }
        if ($element.Extent.EndOffset -ge $cursorPosition) {
            $current = $text
            # The cursor may stand in the middle of the word.
            if ($element.Extent.EndOffset -gt $cursorPosition) {
                $current = $wordToComplete.Trim("'", '"')
            }
            break
        }
        $words += $text
    }
    $program = Get-Command crossdock -CommandType Application -ErrorAction SilentlyContinue |
        Select-Object -First 1
    if ($null -eq $program) { return }
    $encoding = [Console]::OutputEncoding
    try {
        [Console]::OutputEncoding = [System.Text.UTF8Encoding]::new($false)
        $env:_CROSSDOCK_COMPLETE = 'powershell'
        $env:_CROSSDOCK_WORDS = ($words + $current) -join "`n"
        $lines = @(& $program.Source 2>$null)
    } catch {
        return
    } finally {
        Remove-Item 'Env:\_CROSSDOCK_COMPLETE', 'Env:\_CROSSDOCK_WORDS' -ErrorAction SilentlyContinue
        [Console]::OutputEncoding = $encoding
    }
    foreach ($line in $lines) {
        $value, $help = $line -split "`t", 2
        if (-not $help) { $help = $value }
        $text = $value
        if ($value -match '[\s''"`$(){};,&|<>@#]') {
            $text = "'" + $value.Replace("'", "''") + "'"
        }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $help)
    }
}

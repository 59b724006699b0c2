<#
.SYNOPSIS
    Checks crossdock on this Windows machine, and says what works here.

.DESCRIPTION
    Everything happens in one folder below TEMP, which is removed at the end (-Keep leaves it). Nothing is
    installed, no setting is changed, nothing asks for elevation, and no network is used unless -Base names an
    image. Each check prints one line: ok, FAILED, or skipped with the reason. The exit code is 1 if one failed.

    Please send the whole output, of a failure and of a success alike: crossdock is developed without a Windows
    machine (docs/windows.md says what was tried how).

.PARAMETER Crossdock
    The program. By default crossdock.exe beside this script, else the one in the PATH.

.PARAMETER Base
    A Windows image to build upon and run, such as mcr.microsoft.com/windows/nanoserver:ltsc2022. It is pulled.

.PARAMETER Keep
    Leave the folder.

.EXAMPLE
    powershell -ExecutionPolicy Bypass -File check-windows.ps1
#>
param(
    [string] $Crossdock = '',
    [string] $Base = '',
    [switch] $Keep
)
Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

# What a build of the context below gives on Linux. A test of crossdock holds these lines to it.
$Expected = @{
    linux   = 'sha256:633e8e106b226a843af7e65dfbeea97ddf26d83599db3b9ff787adaf2f2be259'
    windows = 'sha256:c48242d6c09b74fa3f003e9e6eb4d68f547964148e00f01ffc0fb1111b18ab19'
    index   = 'sha256:d6389352455858517d512c7caec0af3136971358386f37ff38eea9f7072e0304'
}
$Platforms = @{
    linux   = 'linux/amd64'
    windows = 'windows(10.0.20348)/amd64'
    index   = 'linux/amd64,windows(10.0.20348)/amd64'
}
$Dockerfile = @'
# escape=`
FROM --platform=linux/amd64 scratch AS posix
COPY --chmod=4755 program /usr/bin/
COPY --chmod=750 --chown=33:44 tree/ /srv/
FROM --platform=windows(10.0.20348)/amd64 scratch AS win32
COPY --chmod=755 tree/ C:\tree\
FROM scratch AS linux
COPY --from=posix / /
COPY --from=win32 C:\tree\ /from-windows/
FROM scratch AS windows
COPY --from=posix / C:\from-linux\
COPY --chmod=755 program C:\app\program.exe
COPY <<here C:\app\readme.txt
text
here
FROM ${TARGETOS}
LABEL org.example.check=1
'@
# Files of the context, with their text.
$Files = [ordered] @{
    'program'               = "#!/bin/sh`necho hello`n"
    'tree/plain.txt'        = "plain`n"
    'tree/deep/er/file'     = "deep`n"
    'tree/Mixed Case.TXT'   = "case`n"
    'tree/empty'            = ''
}
# All files are newer than this, which becomes their time in the images.
$Epoch = 1709210096
$Time = [datetime]::new(2024, 2, 29, 12, 34, 56, [DateTimeKind]::Utc)

$script:Ok = 0
$script:Failed = 0
$script:Skipped = 0

function Write-Result([string] $Result, [string] $Name, [string] $Reason) {
    $line = '{0,-8} {1}' -f $Result, $Name
    if ($Reason) { $line += ': ' + $Reason }
    Write-Output $line
}

# A check is a block that throws if it fails, and may call Skip.
$SkipMark = 'skip: '
function Skip([string] $Reason) { throw ($SkipMark + $Reason) }
function Assert([bool] $Is, [string] $Otherwise) { if (-not $Is) { throw $Otherwise } }

function Check([string] $Name, [scriptblock] $Block) {
    try {
        $null = & $Block
        $script:Ok++
        Write-Result 'ok' $Name ''
    } catch {
        $reason = $_.Exception.Message
        if ($reason.StartsWith($SkipMark)) {
            $script:Skipped++
            Write-Result 'skipped' $Name $reason.Substring($SkipMark.Length)
        } else {
            $script:Failed++
            Write-Result 'FAILED' $Name $reason
        }
    }
}

# Runs a program; gives its standard output as lines. Fails if the exit code is not $Code.
function Run([string] $Called, [string[]] $Arguments, [int] $Code = 0) {
    $errors = Join-Path $Place 'stderr.txt'
    $before = $ErrorActionPreference
    $ErrorActionPreference = 'Continue'
    try {
        $lines = & $Called @Arguments 2> $errors
        $found = $LASTEXITCODE
    } finally {
        $ErrorActionPreference = $before
    }
    $script:Told = [string] (Get-Content -Raw $errors)
    if ($found -ne $Code) {
        throw ('{0} {1}: exit code {2}: {3}' -f $Called, ($Arguments -join ' '), $found, $script:Told)
    }
    return $lines
}
function Invoke-Crossdock([string[]] $Arguments, [int] $Code = 0) { Run $Program $Arguments $Code }

function New-Context([string] $Folder) {
    foreach ($name in $Files.Keys) {
        $path = Join-Path $Folder $name
        $null = New-Item -ItemType Directory -Force (Split-Path $path)
        # Neither a byte order mark nor carriage returns.
        [IO.File]::WriteAllText($path, $Files[$name])
    }
    [IO.File]::WriteAllText((Join-Path $Folder 'Dockerfile'), $Dockerfile.Replace("`r`n", "`n") + "`n")
}

if (-not $Crossdock) {
    $beside = Join-Path $PSScriptRoot 'crossdock.exe'
    $Crossdock = if (Test-Path $beside) { $beside } else { 'crossdock' }
}
$Program = (Get-Command $Crossdock -CommandType Application | Select-Object -First 1).Source
$Place = Join-Path ([IO.Path]::GetTempPath()) ('crossdock-check-' + [guid]::NewGuid().ToString('N').Substring(0, 8))
$null = New-Item -ItemType Directory $Place
# Children see these; the user's own variables come back with the end of this process.
$env:CROSSDOCK_ROOT = Join-Path $Place 'store'
$env:CROSSDOCK_PROGRESS = 'plain'
$env:SOURCE_DATE_EPOCH = "$Epoch"
$context = Join-Path $Place 'context'
$identity = [Security.Principal.WindowsIdentity]::GetCurrent()
$isElevated = ([Security.Principal.WindowsPrincipal] $identity).IsInRole('Administrators')
$elevated = if ($isElevated) { 'elevated (an ordinary user is what should be checked)' } else { 'not elevated' }
Write-Output ('{0}, PowerShell {1}, {2}' -f [Environment]::OSVersion.VersionString, $PSVersionTable.PSVersion, $elevated)

try {
    New-Context $context

    Check 'the program starts' {
        $version = Invoke-Crossdock @('--version')
        Assert ($version -like 'crossdock *') "it answers $version"
    }

    foreach ($kind in 'linux', 'windows', 'index') {
        Check "the $kind image has the digest that Linux gives it" {
            $found = Invoke-Crossdock @('build', '-q', '--platform', $Platforms[$kind], '-t', "check:$kind", $context)
            Assert ($found -eq $Expected[$kind]) "it is $found, and not $($Expected[$kind])"
        }
    }

    Check 'the digest is the same without results of earlier builds, in a store with a long path' {
        $long = Join-Path $Place ((('long-' * 18) + '\') * 3 + 'store')
        $arguments = @('--root', $long, 'build', '-q', '--no-cache', '--platform', $Platforms.index, $context)
        $found = Invoke-Crossdock $arguments
        Assert ($found -eq $Expected.index) "it is $found"
    }

    Check 'paths as Windows has them' {
        $forms = $context, $context.Replace('\', '/'), "\\?\$context", ($context.Substring(0, 1).ToLower() + $context.Substring(1))
        foreach ($form in $forms) {
            $found = Invoke-Crossdock @('build', '-q', '--platform', $Platforms.linux, $form)
            Assert ($found -eq $Expected.linux) "${form}: the digest is $found"
        }
    }

    Check 'twenty builds while a virus scanner looks on' {
        $status = Get-Command Get-MpComputerStatus -ErrorAction SilentlyContinue
        $isOn = $status -and (Get-MpComputerStatus -ErrorAction SilentlyContinue).RealTimeProtectionEnabled
        foreach ($number in 1..20) {
            $null = Invoke-Crossdock @('build', '-q', '--no-cache', '--platform', $Platforms.index, '-t', 'scanned', $context)
            $null = Invoke-Crossdock @('prune', '--all')
        }
        if (-not $isOn) { Skip 'all were good, but Defender is off, or its state cannot be read' }
    }

    Check 'an open file of the context is read, a locked one is named' {
        $file = Join-Path $context 'tree\plain.txt'
        $open = [IO.File]::Open($file, 'Open', 'Read', 'ReadWrite')
        try { $found = Invoke-Crossdock @('build', '-q', '--no-cache', '--platform', $Platforms.linux, $context) } finally { $open.Close() }
        Assert ($found -eq $Expected.linux) "the digest is $found"
        $open = [IO.File]::Open($file, 'Open', 'Read', 'None')
        try { $null = Invoke-Crossdock @('build', '-q', '--no-cache', '--platform', $Platforms.linux, $context) 1 }
        catch { Assert ($script:Told -match 'plain\.txt') $_.Exception.Message }
        finally { $open.Close() }
        Assert ($script:Told -match 'plain\.txt') "it does not name the file: $script:Told"
    }

    Check 'files of a Linux image come out and go back' {
        $out = Join-Path $Place 'linux-files'
        $null = Invoke-Crossdock @('cp', '-q', 'check:linux:/.', $out)
        $text = [IO.File]::ReadAllText((Join-Path $out 'usr\bin\program'))
        Assert ($text -eq $Files['program']) 'the content of usr\bin\program is another'
        $time = (Get-Item (Join-Path $out 'usr\bin\program')).LastWriteTimeUtc
        Assert ($time -eq $Time) "its time is $time"
        $null = Invoke-Crossdock @('load', '--os', 'linux', '--arch', 'amd64', '-q', '-t', 'back:linux', $out)
        $differences = Invoke-Crossdock @('diff', 'check:linux:/', 'back:linux:/')
        Assert (($differences -join '') -eq 'No differences') ($differences -join '; ')
    }

    Check 'files of a Windows image come out and go back' {
        $out = Join-Path $Place 'windows-files'
        $null = Invoke-Crossdock @('cp', '-q', '--platform', 'windows/amd64', 'check:windows:C:\.', $out)
        $null = Invoke-Crossdock @('load', '--os', 'windows', '--os-version', '10.0.20348', '--arch', 'amd64', '-q', '-t', 'back:windows', $out)
        $differences = Invoke-Crossdock @('diff', 'check:windows:/', 'back:windows:/')
        Assert (($differences -join '') -eq 'No differences') ($differences -join '; ')
    }

    Check 'hidden files, and streams of the context' {
        $marked = Join-Path $Place 'marked'
        $null = New-Item -ItemType Directory $marked
        [IO.File]::WriteAllText((Join-Path $marked 'Dockerfile'), "FROM scratch`nCOPY file /`n")
        $file = Join-Path $marked 'file'
        [IO.File]::WriteAllText($file, 'text')
        Set-Content -LiteralPath $file -Stream mark -Value 'stream'
        [IO.File]::SetAttributes($file, 'Hidden')
        $null = Invoke-Crossdock @('build', '--platform', $Platforms.windows, '-t', 'marked', $marked)
        Assert ($script:Told -match 'mark') "the stream is not reported: $script:Told"
        $out = Join-Path $Place 'marked-out'
        $null = Invoke-Crossdock @('cp', '-q', '--platform', 'windows/amd64', 'marked:C:\file', $out)
        $found = [IO.File]::GetAttributes($out)
        [IO.File]::SetAttributes($out, 'Normal')
        [IO.File]::SetAttributes($file, 'Normal')
        Assert (($found -band 2) -eq 2) "the attributes are $found"
    }

    Check 'a junction is a link, and not descended' {
        $linked = Join-Path $Place 'linked'
        $null = New-Item -ItemType Directory (Join-Path $linked 'd')
        [IO.File]::WriteAllText((Join-Path $linked 'Dockerfile'), "FROM scratch`nCOPY d /d/`n")
        $null = New-Item -ItemType Junction -Path (Join-Path $linked 'd\junction') -Target $context
        $null = Invoke-Crossdock @('build', '-q', '--platform', $Platforms.linux, '-t', 'linked', $linked)
        $found = Invoke-Crossdock @('ls', '-R', 'linked', '/d')
        Assert (($found -join ' ') -match 'junction') "there is no link: $found"
        Assert (($found -join ' ') -notmatch 'plain') 'what is behind the junction was copied'
        $out = Join-Path $Place 'linked-out'
        $null = Invoke-Crossdock @('cp', '-q', 'linked:/d', $out)
        $item = Get-Item -Force (Join-Path $out 'junction')
        Assert ([bool] ($item.Attributes -band [IO.FileAttributes]::ReparsePoint)) 'the link came out as something else'
        if ($item.LinkType -ne 'SymbolicLink') { Skip 'it came out as a link of WSL: this user may not make symbolic links' }
    }

    Check 'docker loads the image' {
        if (-not (Get-Command docker -ErrorAction SilentlyContinue)) { Skip 'there is no docker' }
        $engine = try { Run 'docker' @('version', '--format', '{{.Server.Os}}') } catch { Skip 'its engine does not run' }
        $archive = Join-Path $Place 'image.tar'
        $name = "crossdock-check:$engine"
        $null = Invoke-Crossdock @('build', '-q', '--platform', $Platforms["$engine"], '-t', $name, '-o', "type=docker,dest=$archive", $context)
        $null = Run 'docker' @('load', '-i', $archive)
        $null = Run 'docker' @('image', 'inspect', $name)
        $null = Run 'docker' @('image', 'rm', $name)
    }

    Check 'a Windows container runs what was copied into its image' {
        if (-not $Base) { Skip 'no -Base was named' }
        if (-not (Get-Command docker -ErrorAction SilentlyContinue)) { Skip 'there is no docker' }
        $upon = Join-Path $Place 'upon'
        $null = New-Item -ItemType Directory $upon
        [IO.File]::WriteAllText((Join-Path $upon 'hello.cmd'), "@echo hello from crossdock`r`n")
        $lines = '# escape=`', "FROM $Base", 'COPY hello.cmd C:\app\', 'CMD ["cmd", "/c", "C:\\app\\hello.cmd"]'
        [IO.File]::WriteAllText((Join-Path $upon 'Dockerfile'), ($lines -join "`n") + "`n")
        $archive = Join-Path $Place 'upon.tar'
        $name = 'crossdock-check:upon'
        $null = Invoke-Crossdock @('build', '-q', '--platform', 'windows/amd64', '-t', $name, '-o', "type=docker,dest=$archive", $upon)
        $null = Run 'docker' @('load', '-i', $archive)
        try { $said = Run 'docker' @('run', '--rm', $name) } finally { $null = Run 'docker' @('image', 'rm', '-f', $name) }
        Assert (($said -join '') -match 'hello from crossdock') "it says $said"
    }

    Check 'containerd imports the image' {
        if (-not (Get-Command ctr -ErrorAction SilentlyContinue)) { Skip 'there is no ctr' }
        if (-not $isElevated) { Skip 'containerd answers administrators alone' }
        $archive = Join-Path $Place 'ctr.tar'
        $name = 'example.com/crossdock-check:ctr'
        $null = Invoke-Crossdock @('build', '-q', '--platform', $Platforms.windows, '-t', $name, '-o', "type=oci,dest=$archive", $context)
        $null = Run 'ctr' @('image', 'import', '--all-platforms', $archive)
        $null = Run 'ctr' @('image', 'rm', $name)
    }
} finally {
    if ($Keep) {
        Write-Output "left: $Place"
    } else {
        # By .NET's own call for long paths, and without following the junction.
        & cmd.exe /c rd /s /q "\\?\$Place"
    }
}
Write-Output ('{0} ok, {1} failed, {2} skipped' -f $script:Ok, $script:Failed, $script:Skipped)
exit [int] ($script:Failed -gt 0)

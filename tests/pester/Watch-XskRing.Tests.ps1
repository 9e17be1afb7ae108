BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
    $screenNote = Get-SkipNote -Program tmux
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.WatchXskRingCommand'
}

Describe 'Watch-XskRing without a socket' -Tag Unit {
    It 'has the parameter -<Name>' -ForEach @(
        @{ Name = 'Socket'; Type = 'XskSocket[]'; Position = '0'; ByValue = $true; Mandatory = $false; Sets = 'Socket' }
        @{ Name = 'InterfaceName'; Type = 'String[]'; Position = '0'; ByValue = $false; Mandatory = $true; Sets = 'InterfaceName' }
        @{ Name = 'IntervalSeconds'; Type = 'Double'; Position = ''; ByValue = $false; Mandatory = $false; Sets = '__AllParameterSets' }
        @{ Name = 'Count'; Type = 'Int32'; Position = ''; ByValue = $false; Mandatory = $false; Sets = '__AllParameterSets' }
        @{ Name = 'DurationSeconds'; Type = 'Double'; Position = ''; ByValue = $false; Mandatory = $false; Sets = '__AllParameterSets' }
    ) {
        $fact = Get-ParameterFact Watch-XskRing $Name
        foreach ($key in 'Type', 'Position', 'ByValue', 'Mandatory') { $fact.$key | Should -Be $_[$key] }
        (Get-Command Watch-XskRing).Parameters[$Name].ParameterSets.Keys | Should -Be $Sets
    }

    It 'returns at once and nothing for <What>' -ForEach @(
        @{ What = '$null'; Script = { Watch-XskRing $null } }
        @{ What = 'an empty pipeline'; Script = { @() | Watch-XskRing } }
        @{ What = 'a pattern that no socket has'; Script = { Watch-XskRing 'none*' } }
    ) {
        & $Script | Should -BeNullOrEmpty
    }

    It 'says that there is no socket: <What>' -ForEach @(
        @{ What = 'at all'; Script = { Watch-XskRing -ErrorAction Stop }; Words = '*open one with New-XskSocket*' }
        @{ What = 'of that name'; Script = { Watch-XskRing eth77 -ErrorAction Stop }; Words = '*New-XskSocket eth77 opens one*' }
    ) {
        $Script | Should -Throw -ErrorId "SocketNotFound,$command" -ExpectedMessage $Words
    }

    It 'refuses -<Name> <Value>' -ForEach @(
        @{ Name = 'IntervalSeconds'; Value = 0 }, @{ Name = 'Count'; Value = 0 }, @{ Name = 'DurationSeconds'; Value = 0 }
    ) {
        $arguments = @{ $Name = $Value }
        { Watch-XskRing @arguments } | Should -Throw -ErrorId "ParameterArgumentValidationError,$command"
    }
}

Describe "Watch-XskRing without a terminal$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $sender = New-XskSocket $cable.Left -NoProgram
        $frame = New-TestFrame -Length 100
    }

    BeforeEach {
        $receiver = New-XskSocket $cable.Right
        $pipeline = $null
    }

    AfterEach {
        Close-Pipeline $pipeline
        $receiver | Remove-XskSocket
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'writes a line for each socket and interval' {
        $lines = Watch-XskRing -IntervalSeconds 0.05 -Count 2
        $lines | Should -HaveCount 4
        $lines -match "^\d\d:\d\d:\d\d $($cable.Left):0: RX 0 pps 0 bit/s, TX 0 pps 0 bit/s; dropped: " | Should -HaveCount 2
        $lines[0, 2] -join "`n" | Should -Match "$($cable.Left):0"
        $lines -match "\e" | Should -BeNullOrEmpty
    }

    It 'has no escape sequence of an interface''s name in its lines and errors' {
        $name = "x`ec$PID"
        $other = New-TestCable
        $null = Invoke-Native ip link set $other.Left down
        $null = Invoke-Native ip link set $other.Left name $name up
        try {
            $socket = New-XskSocket $name -NoProgram
            $pipeline = Start-Pipeline { param($socket) Watch-XskRing $socket -IntervalSeconds 0.05 } $socket
            Wait-Until { $pipeline.Output.Count } | Should -BeTrue
            $socket | Remove-XskSocket
            $failure = Wait-Pipeline $pipeline
            $failure.FullyQualifiedErrorId | Should -Be "SocketClosed,$command"
            foreach ($text in $pipeline.Output[0], $failure.Exception.Message) { $text | Should -Match "x\?c$PID" }
            { Watch-XskRing $name -ErrorAction Stop } | Should -Throw -ExpectedMessage "*x[?]c$PID*"
        }
        finally {
            ip link delete $name
        }
    }

    It 'shows what the interface sent, what was lost and why, and disturbs nobody' {
        $receiver | Remove-XskSocket
        $receiver = New-XskSocket $cable.Right -RxRingSize 32
        $pipeline = Start-Pipeline { param($sockets) $sockets | Watch-XskRing -IntervalSeconds 0.2 } (, @($sender, $receiver))
        Wait-Until { $pipeline.Output.Count -ge 2 } | Should -BeTrue
        $before = (Get-Link $cable.Left).stats64.tx.packets
        Send-XskFrame $sender -Data $frame -Repeat 100 -PacketsPerSecond 5000
        (Get-Link $cable.Left).stats64.tx.packets - $before | Should -Be 100
        Wait-Until { $pipeline.Output[-1] -match 'RX ring full 68' } | Should -BeTrue
        Stop-Pipeline $pipeline
        $pipeline.Output[-1] | Should -Match "^\S+ $($cable.Right):0: .*dropped: RX ring full 68, FILL empty 0, no fit 0, driver TX 0, invalid 0; rings: RX 32/32, FILL \d+/2048, TX 0/2048, COMPLETION 0/2048$"
        $sent = @($pipeline.Output -match "$($cable.Left):0: ")
        $sent[0] | Should -Match 'TX 0 pps 0 bit/s'
        # In one interval or two, packets of 100 bytes; both rates have three digits.
        $scale = @{ '' = 1; k = 1e3; M = 1e6 }
        $rates = $sent | ForEach-Object { if ($_ -match 'TX (?<packets>[\d.]+) (?<thousands>k?)pps (?<bits>[\d.]+) (?<prefix>[kM]?)bit/s') { [pscustomobject]@{ Packets = [double]$Matches.packets * $scale[$Matches.thousands]; Bits = [double]$Matches.bits * $scale[$Matches.prefix] } } }
        $highest = $rates | Sort-Object -Property Packets -Bottom 1
        $highest.Packets | Should -BeGreaterThan 0
        [math]::Abs($highest.Bits / $highest.Packets - 800) | Should -BeLessThan 20 -Because ($sent -join "`n")
        # What had its place is still there.
        @(Receive-XskPacket $receiver -Count 32 -TimeoutSeconds 0.5).Count | Should -Be 32
    }

    It 'does not take part in the receiving: another runspace receives all' {
        $pipeline = Start-Pipeline { param($socket) Receive-XskPacket $socket -Count 300 -TimeoutSeconds 5 } $receiver
        Send-XskFrame $sender -Data $frame -Repeat 300 -PacketsPerSecond 1000
        $line = Watch-XskRing $cable.Right -IntervalSeconds 0.05 -Count 1
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $pipeline.Output | Should -HaveCount 300
        $line | Should -Match 'RX ring full 0'
    }

    It 'ends after -DurationSeconds, in the middle of an interval' {
        Watch-XskRing $receiver -IntervalSeconds 3600 -DurationSeconds 0.1 | Should -BeNullOrEmpty
    }

    It 'stops in the middle of an interval' {
        $pipeline = Start-Pipeline { param($socket) Watch-XskRing $socket -IntervalSeconds 60 } $receiver
        Wait-Until { $pipeline.Shell.InvocationStateInfo.State -eq 'Running' } | Should -BeTrue
        Start-Sleep -Milliseconds 200
        $pipeline.Async.IsCompleted | Should -BeFalse
        Stop-Pipeline $pipeline
        $receiver.State | Should -Be 'Open'
    }

    It 'completes the interfaces of open sockets' {
        $line = 'Watch-XskRing -InterfaceName xp'
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be $cable.Left, $cable.Right
    }

    It 'goes on with the other sockets when one is closed, and ends with the last' {
        $pipeline = Start-Pipeline { param($sockets) $sockets | Watch-XskRing -IntervalSeconds 0.05 } (, @($sender, $receiver))
        Wait-Until { $pipeline.Output.Count -ge 2 } | Should -BeTrue
        $receiver | Remove-XskSocket
        $seen = $pipeline.Output.Count
        Wait-Until { $pipeline.Output.Count -ge $seen + 3 } | Should -BeTrue
        $pipeline.Output[-1] | Should -Match $cable.Left
        $sender | Remove-XskSocket
        (Wait-Pipeline $pipeline).FullyQualifiedErrorId | Should -Be "SocketClosed,$command"
        $pipeline.Shell.Streams.Error | Should -HaveCount 2
    }
}

Describe "The screen of Watch-XskRing$screenNote" -Tag Netns -Skip:($screenNote -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $sender = New-XskSocket $cable.Left -NoProgram
        $frame = New-TestFrame -Length 100
        $server = "xdpps-$PID"
        $script = "$TestDrive/screen.ps1"
        @"
Set-PSReadLineOption -HistorySaveStyle SaveNothing -PredictionSource None
Import-Module '$(Get-ModuleManifest)'
function prompt { 'PS> ' }
`$s = New-XskSocket $($cable.Right)
Clear-Host
'above'
"@ | Set-Content -LiteralPath $script

        function Invoke-Tmux { Invoke-Native tmux -L $server @args }
        function Get-Screen { (@(Invoke-Tmux capture-pane -p -t watch) -join "`n").TrimEnd() }
        # Alternate buffer, cursor shown, and all of the terminal's settings.
        function Get-TerminalState {
            $facts = (Invoke-Tmux display-message -p -t watch '#{alternate_on} #{cursor_flag} #{pane_tty}') -split ' '
            "$($facts[0..1]) $(Invoke-Native stty -F $facts[2] -g)"
        }
        function Resize-Screen {
            param([int] $Columns, [int] $Rows)
            $null = Invoke-Tmux resize-window -t watch -x $Columns -y $Rows
        }

        # Types a command, waits for its screen, and returns what was there before: text, state of the terminal.
        function Start-Watch {
            param([string] $Line)
            $above = "above $([guid]::NewGuid().ToString('n').Substring(0, 8))"
            $null = Invoke-Tmux send-keys -t watch "Clear-Host; '$above'" Enter
            Wait-Until { (Get-Screen) -eq "$above`nPS>" } -Seconds 15 | Should -BeTrue -Because (Get-Screen)
            # The prompt is there before the terminal is set for reading it, by steps: PSReadLine takes Ctrl-C as a key last.
            $terminal = Invoke-Tmux display-message -p -t watch '#{pane_tty}'
            Wait-Until { "$(Invoke-Native stty -F $terminal -a)" -match '-isig -icanon' } -Seconds 15 | Should -BeTrue
            $state = Get-TerminalState
            $null = Invoke-Tmux send-keys -t watch $Line Enter
            Wait-Until { (Get-TerminalState).StartsWith('1 0') -and (Get-Screen) -match 'q: quit' } -Seconds 15 | Should -BeTrue -Because (Get-Screen)
            [pscustomobject]@{ Text = "$above`nPS> $Line"; State = $state }
        }

        function Assert-Restored {
            param($Before, [string] $Also = '', [switch] $Resized)
            Wait-Until { (Get-TerminalState).StartsWith('0 1') -and (Get-Screen).EndsWith('PS>') } -Seconds 15 | Should -BeTrue -Because (Get-Screen)
            # What was wrapped in a small window has an empty line after it, at times, where tmux unwraps it.
            Get-Screen | Should -Match "^$([regex]::Escape($Before.Text))\n$($Resized ? '\n?' : '')$Also`PS>$"
            Wait-Until { (Get-TerminalState) -eq $Before.State } | Should -BeTrue
        }

        # Something is there when pwsh has ended.
        $null = Invoke-Tmux -f /dev/null new-session -d -s watch -x 80 -y 24 sh -c "trap : INT TERM; '$(Get-PwshPath)' -NoProfile -NoLogo -NoExit -File '$script'; echo ended; exec sleep 100"
        Wait-Until { (Get-Screen) -eq "above`nPS>" } -Seconds 30 | Should -BeTrue -Because (Get-Screen)
    }

    AfterEach {
        # One that failed has left the screen as it was.
        if (-not (Get-TerminalState).StartsWith('0')) { $null = Invoke-Tmux send-keys -t watch C-c }
        Resize-Screen 80 24
    }

    AfterAll {
        tmux -L $server kill-server 2>$null
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'shows rates, drops and rings in <Columns> x <Rows>, and follows the size of the window' -ForEach @(
        @{ Columns = 80; Rows = 24; Ring = ' RX +\S+ +5 % +100/2048 .* FILL +\S+ +95 %' }
        @{ Columns = 120; Rows = 30; Ring = ' Lost +0 pps .* TX +\S+ +0 % +0/2048' }
        @{ Columns = 40; Rows = 10; Ring = ' R5% F95% T0% C0% +lost 0' }
        @{ Columns = 20; Rows = 3; Ring = 'q: quit' }
    ) {
        $before = Start-Watch 'Watch-XskRing $s -IntervalSeconds 0.1'
        if ($Columns -eq 80) { Send-XskFrame $sender -Data $frame -Repeat 100 }
        Resize-Screen $Columns $Rows
        Wait-Until { $screen = Get-Screen; $screen -match $Ring -and $screen -match "\n$($cable.Right):0" -and $screen.Split("`n").Count -le $Rows } | Should -BeTrue -Because (Get-Screen)
        (Get-Screen).Split("`n").Length | Should -BeLessOrEqual $Rows
        (Get-Screen).Split("`n").ForEach({ $_.Length }) | ForEach-Object { $_ | Should -BeLessOrEqual $Columns }
        Resize-Screen 80 24
        $null = Invoke-Tmux send-keys -t watch q
        Assert-Restored $before -Resized
    }

    It 'draws a sparkline of what is sent' {
        $null = Invoke-Tmux send-keys -t watch 'Remove-XskSocket $s; $s = New-XskSocket ' $cable.Right ' -RxRingSize 32' Enter
        $before = Start-Watch 'Watch-XskRing -IntervalSeconds 0.2'
        # An interval without packets, for what follows to stand out from.
        Wait-Until { (Get-Screen) -match ' Lost +0 pps' } | Should -BeTrue
        Send-XskFrame $sender -Data $frame -Repeat 200 -PacketsPerSecond 2000
        Wait-Until { (Get-Screen) -match ' Lost .*▁.*█.* max \d' -and (Get-Screen) -match 'RX ring full 168' } | Should -BeTrue -Because (Get-Screen)
        $null = Invoke-Tmux send-keys -t watch Q
        Assert-Restored $before
    }

    It 'leaves the terminal as it was: <What>' -ForEach @(
        @{ What = 'Ctrl-C'; Line = 'Watch-XskRing $s'; Key = 'C-c'; Also = '' }
        @{ What = 'the end of -Count'; Line = 'Watch-XskRing $s -IntervalSeconds 0.5 -Count 2'; Key = $null; Also = '' }
        @{ What = 'the end of -DurationSeconds'; Line = 'Watch-XskRing $s -DurationSeconds 1'; Key = $null; Also = '' }
        @{ What = 'a socket closed under it'; Line = '$j = Start-ThreadJob { sleep 1; ($using:s).Close() }; Watch-XskRing $s'; Key = $null; Also = '(?s)Watch-XskRing: .*closed.*\n' }
    ) {
        $before = Start-Watch $Line
        if ($Key) { $null = Invoke-Tmux send-keys -t watch $Key }
        Assert-Restored $before $Also
    }

    It 'is without colours with NO_COLOR, and has them otherwise' {
        $null = Invoke-Tmux send-keys -t watch '$s = New-XskSocket ' $cable.Right Enter
        $before = Start-Watch 'Watch-XskRing'
        $plain = Invoke-Tmux capture-pane -p -e -t watch
        $null = Invoke-Tmux send-keys -t watch q
        Assert-Restored $before
        $null = Invoke-Tmux send-keys -t watch '$env:NO_COLOR = $null; $PSStyle.OutputRendering = "Host"' Enter
        $before = Start-Watch 'Watch-XskRing'
        $colored = Invoke-Tmux capture-pane -p -e -t watch
        $null = Invoke-Tmux send-keys -t watch q
        Assert-Restored $before
        $null = Invoke-Tmux send-keys -t watch '$PSStyle.OutputRendering = "PlainText"' Enter
        $before = Start-Watch 'Watch-XskRing'
        $byStyle = Invoke-Tmux capture-pane -p -e -t watch
        $null = Invoke-Tmux send-keys -t watch q
        Assert-Restored $before
        $plain, $byStyle | ForEach-Object { $_ -match '\e\[' | Should -BeNullOrEmpty }
        $colored -match '\e\[' | Should -Not -BeNullOrEmpty
    }

    It 'leaves the terminal as it was when the process is ended' {
        $before = Start-Watch 'Watch-XskRing'
        $shell = Invoke-Tmux display-message -p -t watch '#{pane_pid}'
        /bin/kill -TERM (Get-Content -LiteralPath "/proc/$shell/task/$shell/children").Trim()
        Wait-Until { (Get-Screen).EndsWith('ended') } -Seconds 15 | Should -BeTrue -Because (Get-Screen)
        (Get-TerminalState).Substring(0, 3) | Should -Be '0 1'
        Get-Screen | Should -Match "^$([regex]::Escape($before.Text))\n"
    }
}

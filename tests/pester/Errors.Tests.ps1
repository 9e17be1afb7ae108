# docs/errors.md against the source, and the remedies: each message's own advice is taken, and what failed then works.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program ethtool, bpftool, prlimit
    $tables = @{ Row = 'ErrorId'; Cells = 8 }, @{ Row = 'System call'; Cells = 5 }
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
}

Describe 'The catalogue of errors' -Tag Unit {
    BeforeAll {
        $root = "$PSScriptRoot/../.."
        $page = Get-Content -LiteralPath "$root/docs/errors.md"
        $source = Get-ChildItem -LiteralPath "$root/src/XdpPS" -Recurse -Filter *.cs | Get-Content -Raw | Out-String
        $core = @([Enum]::GetNames([XdpPS.XskErrorId]))
        $categoryOf = [XdpPS.Commands.NewXskSocketCommand].Assembly.GetType('XdpPS.Errors.XskErrorRecord').GetMethod('CategoryOf', [Reflection.BindingFlags]'NonPublic, Static')
        # What the cmdlets make themselves: Create("Id", ErrorCategory.X, or AddError("Id", which is InvalidData.
        $own = @{}
        foreach ($match in [regex]::Matches($source, '\bCreate\(\s*"(?<id>[A-Z]\w+)",\s*ErrorCategory\.(?<category>\w+)')) { $own[$match.Groups['id'].Value] = $match.Groups['category'].Value }
        foreach ($match in [regex]::Matches($source, '\bAddError\(\s*"(?<id>[A-Z]\w+)"')) { $own[$match.Groups['id'].Value] = 'InvalidData' }

        # The rows under the heads that begin with this, as arrays of cells.
        function Get-Row {
            param([string] $Head)
            $inTable = $false
            foreach ($line in $page) {
                if ($line -notmatch '^\|') { $inTable = $false; continue }
                $cells = @($line.Trim().Trim('|') -split '(?<!\\)\|' | ForEach-Object { $_.Trim() })
                if ($cells[0] -eq $Head) { $inTable = $true }
                elseif ($inTable -and $cells[0] -notmatch '^-+$') { , $cells }
            }
        }

        # The lines of a test, by its name: Class.Method of xunit, or 'file: title' of Pester.
        $texts = @{}
        function Get-TestText {
            param([string] $Name)
            if (-not $texts.ContainsKey($Name)) { $texts[$Name] = Find-TestText $Name }
            return $texts[$Name]
        }

        function Find-TestText {
            param([string] $Name)
            if ($Name -match '^(?<class>\w+)\.(?<method>\w+)$') {
                foreach ($file in Get-ChildItem -LiteralPath "$root/tests/XdpPS.Core.Tests" -Filter "$($Matches.class -replace 'Tests$')*.cs") {
                    $text = Get-Content -LiteralPath $file -Raw
                    $found = [regex]::Match($text, "(?s)(?:^|\n\n)(?:(?!\n\n).)*?\n    public [^\n]*\b$($Matches.method)\(.*?(?=\n\n    [\[/p]|\z)")
                    if ($found.Success) { return $found.Value }
                }
            }
            elseif ($Name -match '^(?<file>[\w.-]+): (?<title>.+)$') {
                $path = "$root/tests/pester/$($Matches.file).Tests.ps1"
                if (-not (Test-Path -LiteralPath $path)) { return }
                $text = Get-Content -LiteralPath $path -Raw
                $title = [regex]::Escape($Matches.title)
                $found = [regex]::Match($text, "(?s)\n *It (?<quote>['`"])$title\k<quote> .*?(?=\n *It ['`"]|\z)")
                if ($found.Success) { return $found.Value }
            }
        }

        # A row's tests, by name.
        function Get-TestName {
            param([string] $Cell)
            [regex]::Matches($Cell, '`([^`]+)`') | ForEach-Object { $_.Groups[1].Value }
        }

        $rows = @(Get-Row 'ErrorId')
        $calls = @(Get-Row 'System call')
    }

    It 'has one row for each id that there is, and no other' {
        $own.Count | Should -BeGreaterThan 8
        @($rows | ForEach-Object { $_[0].Trim('`') } | Sort-Object) | Should -Be @($core + $own.Keys | Sort-Object -Unique)
    }

    It 'fills every cell of a row: <Row>' -ForEach $tables {
        $found = @(Get-Row $Row)
        $found.Count | Should -BeGreaterThan 20
        foreach ($row in $found) {
            $row | Should -HaveCount $Cells -Because $row[0]
            $row | Should -Not -Contain '' -Because $row[0]
        }
    }

    It 'has the category that PowerShell is given' {
        foreach ($row in $rows) {
            $id = $row[0].Trim('`')
            $category = $own[$id] ?? "$($categoryOf.Invoke($null, @([XdpPS.XskErrorId]$id)))"
            ($row[5] -split '\W')[0] | Should -Be $category -Because "that is the category of $id"
        }
    }

    It 'says of each whether it ends the command' {
        foreach ($row in $rows) { ($row[6] -split ',')[0] | Should -BeIn 'yes', 'no', 'opening' -Because $row[0] }
    }

    It 'names tests that there are, and that are about this id' {
        foreach ($row in $rows + $calls) {
            $id = ($row.Count -eq 8 ? $row[0] : $row[2]).Trim('`')
            $id | Should -BeIn ($core + $own.Keys)
            $names = @(Get-TestName $row[-1])
            $names | Should -Not -BeNullOrEmpty -Because "$id needs a test"
            foreach ($name in $names) {
                $text = Get-TestText $name
                if (-not $text) { throw "There is no test '$name', which the row of $id names." }
                if ($text -cnotmatch "\b$id\b") { throw "The row of $id names '$name', which is not about it." }
            }
        }
    }

    It 'names tests for what not every kernel can show' {
        $conditions = @(Get-Row 'Condition')
        $conditions.Count | Should -BeGreaterThan 2
        foreach ($row in $conditions) { Get-TestName $row[-1] | ForEach-Object { Get-TestText $_ | Should -Not -BeNullOrEmpty -Because $_ } }
    }

    It 'names the errno that the tests provoke' {
        foreach ($row in $calls) {
            $text = @(Get-TestName $row[-1] | ForEach-Object { Get-TestText $_ }) -join "`n"
            foreach ($errno in [regex]::Matches($row[1], 'E[A-Z0-9]+').Value) { $text | Should -MatchExactly "\b$errno\b" -Because "$($row[0]) $($row[2])" }
        }
    }
}

Describe "The remedy of a message$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        # Runs the first of the commands that the message quotes which begins with this.
        function Invoke-Proposed {
            param([string] $Message, [string] $Begin)
            $command = [regex]::Match($Message, "'($([regex]::Escape($Begin))[^']*)'").Groups[1].Value
            $command | Should -Not -BeNullOrEmpty -Because "of '$Message'"
            Invoke-Native sh -c $command
        }

        # Parameters as the message writes them: -FrameSize 2048.
        function Get-Proposed {
            param([string] $Message, [string] $Name)
            $found = [regex]::Match($Message, "-$Name (\w+)")
            $found.Success | Should -BeTrue -Because "of '$Message'"
            @{ $Name = $found.Groups[1].Value }
        }

        # A frame that arrives at an interface, in the file that tcpdump listening there, or on 'any', writes.
        function Save-Arriving {
            param([string] $Name)
            $capture = Start-Capture $Name
            Send-XskFrame (New-XskSocket $right -NoProgram) -Data (New-TestFrame)
            $null = Wait-Until { @(Read-Pcap $capture.Path).Count -gt 0 }
            Get-XskSocket $right | Remove-XskSocket
            Stop-Program $capture.Process -Signal INT
            Move-Item -LiteralPath $capture.Path -Destination "$folder/arrived.pcap" -Force
        }

        # The error of a script, and whether it ended the command.
        function Invoke-Failing {
            param([scriptblock] $Script)
            $ErrorActionPreference = 'SilentlyContinue'
            $WarningPreference = 'SilentlyContinue'
            $Error.Clear()
            try {
                $null = & $Script
                if ($Error.Count -eq 0) { throw 'This was to fail, and did not.' }
                [pscustomobject]@{ Id = ($Error[0].FullyQualifiedErrorId -split ',')[0]; Message = $Error[0].Exception.Message; Ends = $false }
            }
            catch {
                [pscustomobject]@{ Id = ($_.FullyQualifiedErrorId -split ',')[0]; Message = $_.Exception.Message; Ends = $true }
            }
        }
    }

    BeforeEach {
        $cable = New-TestCable -Queues 2
        $left, $right = $cable.Left, $cable.Right
        $folder = [IO.Directory]::CreateTempSubdirectory('xdpps-errors-').FullName
        $WarningPreference = 'SilentlyContinue'
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
        Remove-Item -LiteralPath $folder -Recurse -Force
    }

    It 'works: <Id>, <What>' -ForEach @(
        @{ Id = 'InterfaceNotFound'; What = 'one of those that are named'; Fail = { New-XskSocket 'nosuch0' }
            Then = { param($m) $m | Should -Match "it has .*\b$left\b"; New-XskSocket $left } }
        @{ Id = 'QueueOutOfRange'; What = 'a queue of the range'; Fail = { New-XskSocket $left -QueueId 9 }
            Then = { param($m) $m | Should -Match '\(?0-1\)?'; New-XskSocket $left -QueueId 1 } }
        @{ Id = 'QueueOutOfRange'; What = 'more queues, by ethtool'; Fail = { ethtool -L $left rx 1 tx 1; New-XskSocket $left -QueueId 1 }
            Then = { param($m) (Invoke-Proposed $m 'ethtool -l') -join "`n" | Should -Match 'RX:\s+2'; ethtool -L $left rx 2 tx 2; New-XskSocket $left -QueueId 1 } }
        @{ Id = 'QueueBusy'; What = 'the own socket closed'; Fail = { $null = New-XskSocket $left; New-XskSocket $left }
            Then = { param($m) $m | Should -Match 'Remove-XskSocket'; Get-XskSocket | Remove-XskSocket; New-XskSocket $left } }
        @{ Id = 'FrameSizeInvalid'; What = 'the size that is proposed'; Fail = { New-XskSocket $left -FrameSize 3000 }
            Then = { param($m) $given = Get-Proposed $m FrameSize; (New-XskSocket $left @given).FrameSize | Should -Be 2048; New-XskSocket $left -QueueId 1 -FrameSize 3000 -Unaligned } }
        @{ Id = 'FrameCountInvalid'; What = 'the count that is proposed'; Fail = { New-XskSocket $left -FrameCount 1 }
            Then = { param($m) $given = Get-Proposed $m FrameCount; New-XskSocket $left @given } }
        @{ Id = 'HeadroomInvalid'; What = 'the most that is allowed'; Fail = { New-XskSocket $left -Headroom 5000 }
            Then = { param($m)
                # The kernel may allow less than its oldest rule.
                $most = [regex]::Match($m, 'from 0 to (\d+)').Groups[1].Value
                $again = Invoke-Failing { New-XskSocket $left -Headroom $most }
                if ($again.Id -eq 'HeadroomInvalid') { $most = [regex]::Match($again.Message, 'here (\d+)').Groups[1].Value; $again.Message | Should -Match 'EINVAL' }
                New-XskSocket $left -Headroom $most } }
        @{ Id = 'RingSizeInvalid'; What = 'the size that is proposed'; Fail = { New-XskSocket $left -RxRingSize 1000 }
            Then = { param($m) $given = Get-Proposed $m RxRingSize; New-XskSocket $left @given } }
        @{ Id = 'TxBudgetInvalid'; What = 'the budget that is proposed, or none'; Fail = { New-XskSocket $left -TxRingSize 64 -TxBudget 8 }
            Then = { param($m)
                $given = Get-Proposed $m TxBudget
                if ([Environment]::OSVersion.Version -ge '6.17') { New-XskSocket $left -TxRingSize 64 @given }
                $m | Should -Match 'or leave it out'
                New-XskSocket $left -QueueId 1 -TxRingSize 64 } }
        @{ Id = 'UmemTooLarge'; What = 'fewer frames'; Fail = { New-XskSocket $left -FrameCount 1000000000 }
            Then = { param($m) $m | Should -Match 'smaller -FrameCount'; New-XskSocket $left -FrameCount 1000 } }
        @{ Id = 'UmemNotShareable'; What = 'without -BindMode'; Fail = { $first = New-XskSocket $left -BindMode Copy; New-XskSocket $left -QueueId 1 -ShareUmemWith $first -BindMode ZeroCopy }
            Then = { param($m) $m | Should -Match 'leave out -BindMode'; New-XskSocket $left -QueueId 1 -ShareUmemWith (Get-XskSocket)[0] } }
        @{ Id = 'CpuNotAllowed'; What = 'one of those that are named'; Ends = $true; Fail = { Receive-XskPacket (New-XskSocket $left) -TimeoutSeconds 0 -Cpu 8191 }
            Then = { param($m) Receive-XskPacket (Get-XskSocket) -TimeoutSeconds 0 -Cpu ([regex]::Match($m, 'only on (\d+)').Groups[1].Value) } }
        @{ Id = 'ZeroCopyNotSupported'; What = 'the mode that is proposed'; Fail = { New-XskSocket $left -BindMode ZeroCopy }
            Then = { param($m) $m | Should -Match 'EOPNOTSUPP'; $given = Get-Proposed $m BindMode; (New-XskSocket $left @given).BindMode | Should -Be 'Copy' } }
        @{ Id = 'NativeModeNotSupported'; What = 'another mode, or the cause removed'; Fail = { ethtool -L $left rx 1; New-XskSocket $left -AttachMode Native }
            Then = { param($m)
                $m | Should -Match 'fewer receive queues than its peer.*ENOSPC'
                $given = Get-Proposed $m AttachMode
                (New-XskSocket $left @given).AttachMode | Should -Be 'Generic'
                Get-XskSocket | Remove-XskSocket
                ethtool -L $left rx 2
                (New-XskSocket $left -AttachMode Native).AttachMode | Should -Be 'Native' } }
        @{ Id = 'ProgramAttached'; What = 'the program taken off'; Fail = { $script:object = New-XdpObjectFile; ip link set dev $left xdpdrv object $object section xdp; New-XskSocket $left }
            Then = { param($m) Remove-Item -LiteralPath $object; $null = Invoke-Proposed $m 'ip link set'; New-XskSocket $left } }
        @{ Id = 'ProgramAttached'; What = 'replaced by -Force'; Fail = { $script:object = New-XdpObjectFile; ip link set dev $left xdpgeneric object $object section xdp; New-XskSocket $left }
            Then = { param($m) Remove-Item -LiteralPath $object; $m | Should -Match '-Force'; New-XskSocket $left -Force } }
        @{ Id = 'ProgramDetached'; What = 'another socket'; Ends = $true; Fail = { $socket = New-XskSocket $left; bpftool link detach id (Get-XdpLinkId $left); Receive-XskPacket $socket -TimeoutSeconds 5 }
            Then = { param($m) $m | Should -Match 'remove this socket and open a new one'; Get-XskSocket | Remove-XskSocket; Receive-XskPacket (New-XskSocket $left) -TimeoutSeconds 0 } }
        @{ Id = 'FilterConflict'; What = 'the same filter'; Fail = { $null = New-XskSocket $left -Port 53; New-XskSocket $left -QueueId 1 -Port 54 }
            Then = { param($m) $m | Should -Match 'same filter'; New-XskSocket $left -QueueId 1 -Port 53 } }
        @{ Id = 'FilterTooLarge'; What = 'net in place of hosts'; Fail = { New-XskSocket $left -Filter ((0..999 | ForEach-Object { "host 10.0.$([math]::Floor($_ / 250)).$($_ % 250)" }) -join ' or ') }; Ends = $true
            Then = { param($m) $m | Should -Match 'use net in place of many hosts'; New-XskSocket $left -Filter 'net 10.0.0.0/22' } }
        @{ Id = 'FilterTooLarge'; What = 'a shorter expression'; Fail = { New-XskSocket $left -Port (1..1000 | ForEach-Object { 2 * $_ }) }
            Then = { param($m) $m | Should -Match 'use a shorter expression'; New-XskSocket $left -Filter 'portrange 2-2000' } }
        @{ Id = 'FilterSyntax'; What = 'fields that can be together'; Ends = $true; Fail = { New-XskSocket $left -EtherType ARP -Port 53 }
            Then = { param($m) $m | Should -Match 'ports are in TCP, UDP'; New-XskSocket $left -IPProtocol UDP -Port 53 } }
        @{ Id = 'ParametersContradict'; What = 'one of the two'; Ends = $true; Fail = { New-XskSocket $left -AllQueues -QueueId 1 }
            Then = { param($m) New-XskSocket $left -AllQueues } }
        @{ Id = 'InterfaceInUse'; What = '-KeepKernelTraffic'; Fail = { ip address add 192.0.2.1/24 dev $left; ip route add default via 192.0.2.2 dev $left; New-XskSocket $left }
            Then = { param($m) $m | Should -Match '-KeepKernelTraffic'; New-XskSocket $left -KeepKernelTraffic } }
        @{ Id = 'InterfaceInUse'; What = 'the filter that is proposed'; Fail = { ip address add 192.0.2.1/24 dev $left; ip route add default via 192.0.2.2 dev $left; New-XskSocket $left }
            Then = { param($m) New-XskSocket $left -Filter ([regex]::Match($m, "'(not [^']+)'").Groups[1].Value) } }
        @{ Id = 'InterfaceDown'; What = 'the interface set up'; Ends = $true; Fail = { $socket = New-XskSocket $left; ip link set $left down; Send-XskFrame $socket -Data (New-TestFrame) }
            Then = { param($m) $m | Should -Match 'ENETDOWN'; $null = Invoke-Proposed $m 'ip link set'; (Send-XskFrame (Get-XskSocket) -Data (New-TestFrame) -PassThru).Completed | Should -BeGreaterOrEqual 1 } }
        @{ Id = 'InterfaceGone'; What = 'the interface back, and another socket'; Ends = $true; Fail = { $socket = New-XskSocket $left; ip link delete $left; Send-XskFrame $socket -Data (New-TestFrame) }
            Then = { param($m)
                Get-XskSocket | Remove-XskSocket
                ip link add $left type veth peer name $right
                $left, $right | ForEach-Object { ip link set $_ up }
                Send-XskFrame (New-XskSocket $left) -Data (New-TestFrame) } }
        @{ Id = 'SocketClosed'; What = 'another socket'; Ends = $true; Fail = { $socket = New-XskSocket $left; $socket | Remove-XskSocket; Receive-XskPacket $socket -TimeoutSeconds 0 }
            Then = { param($m) $m | Should -Match 'New-XskSocket'; Receive-XskPacket (New-XskSocket $left) -TimeoutSeconds 0 } }
        @{ Id = 'DirectionDisabled'; What = 'without -TxRingSize 0'; Ends = $true; Fail = { Send-XskFrame (New-XskSocket $left -TxRingSize 0) -Data (New-TestFrame) }
            Then = { param($m) $m | Should -Match 'without -TxRingSize 0'; Get-XskSocket | Remove-XskSocket; Send-XskFrame (New-XskSocket $left) -Data (New-TestFrame) } }
        @{ Id = 'FrameTooShort'; What = 'a whole header'; Fail = { Send-XskFrame (New-XskSocket $left) -Data (New-TestFrame -Length 13) }
            Then = { param($m) Send-XskFrame (Get-XskSocket) -Data (New-TestFrame -Length ([regex]::Match($m, 'alone has (\d+)').Groups[1].Value)) } }
        @{ Id = 'FrameTooLong'; What = 'a larger MTU'; Fail = { Send-XskFrame (New-XskSocket $left) -Data (New-TestFrame -Length 1600) }
            Then = { param($m) $null = Invoke-Proposed $m 'ip link set'; Send-XskFrame (Get-XskSocket) -Data (New-TestFrame -Length 1600) } }
        @{ Id = 'FrameTooLong'; What = 'larger frames'; Fail = { ip link set $left mtu 3000; Send-XskFrame (New-XskSocket $left) -Data (New-TestFrame -Length 2500) }
            Then = { param($m) $given = Get-Proposed $m FrameSize; Get-XskSocket | Remove-XskSocket; Send-XskFrame (New-XskSocket $left @given) -Data (New-TestFrame -Length 2500) } }
        @{ Id = 'SocketNotFound'; What = 'opened'; Fail = { Get-XskSocket $left }
            Then = { param($m) $m | Should -Match "New-XskSocket $left opens one"; $null = New-XskSocket $left; Get-XskSocket $left } }
        @{ Id = 'MacAddressInvalid'; What = 'one of six bytes'; Ends = $true; Fail = { Invoke-XskForward (New-XskSocket $left) (New-XskSocket $right) -RewriteSource ([Net.NetworkInformation.PhysicalAddress]::Parse('0200000000')) -DurationSeconds 0.01 }
            Then = { param($m) $one = [regex]::Match($m, 'such as ([0-9a-f:]+)').Groups[1].Value; Invoke-XskForward (Get-XskSocket $left) (Get-XskSocket $right) -RewriteSource $one -DurationSeconds 0.01 } }
        @{ Id = 'NamespaceNotFound'; What = 'a path'; Fail = { New-XskSocket $left -NetworkNamespace nosuch }
            Then = { param($m) $m | Should -Match '/proc/PID/ns/net'; New-XskSocket $left -NetworkNamespace "/proc/$PID/ns/net" } }
        @{ Id = 'MapNotUsable'; What = 'a map that bpftool lists'; Fail = { $script:pins = "$folder/bpf"; Set-Content "$folder/map" x; New-XskSocket $left -XskMapPath "$folder/map" }
            Then = { param($m)
                $null = New-Item -ItemType Directory $pins
                $null = Invoke-Native mount -t bpf bpf $pins
                try {
                    $null = Invoke-Native bpftool map create "$pins/xsks" type xskmap key 4 value 4 entries 4 name xsks
                    $listed = (Invoke-Proposed $m 'bpftool -f map show') -join "`n"
                    $path = [regex]::Match($listed, "xskmap +name xsks [^\n]*\n(?:\t[^\n]*\n)*?\t[^\n]*pinned ($([regex]::Escape($folder))\S+)").Groups[1].Value
                    New-XskSocket $left -XskMapPath $path
                }
                finally {
                    Get-XskSocket | Remove-XskSocket
                    umount $pins
                } } }
        @{ Id = 'MapNotFound'; What = 'without -XskMapPath'; Fail = { New-XskSocket $left -XskMapPath "$folder/none" }
            Then = { param($m) $m | Should -Match 'bpftool map pin.*ENOENT'; New-XskSocket $left } }
        @{ Id = 'FrameHexInvalid'; What = 'two digits a byte'; Fail = { '0g' * 20 | Send-XskFrame (New-XskSocket $left) }
            Then = { param($m) '02' * 20 | Send-XskFrame (Get-XskSocket) } }
        @{ Id = 'FrameInputInvalid'; What = 'an object with Data'; Fail = { [pscustomobject]@{ Bytes = 1 } | Send-XskFrame (New-XskSocket $left) }
            Then = { param($m) [pscustomobject]@{ Data = New-TestFrame } | Send-XskFrame (Get-XskSocket) } }
        @{ Id = 'FrameBytesUnrolled'; What = 'the comma'; Ends = $true; Fail = { [byte[]](New-TestFrame) | Send-XskFrame (New-XskSocket $left) }
            Then = { param($m) $m | Should -Match 'write ,\$bytes'; , (New-TestFrame) | Send-XskFrame (Get-XskSocket) } }
        @{ Id = 'PacketTruncated'; What = '-Force'; Fail = { [pscustomobject]@{ Data = New-TestFrame; Truncated = $true } | Send-XskFrame (New-XskSocket $left) }
            Then = { param($m) $m | Should -Match '-Force'; [pscustomobject]@{ Data = New-TestFrame; Truncated = $true } | Send-XskFrame (Get-XskSocket) -Force } }
        @{ Id = 'TimestampMissing'; What = 'without -Timing'; Fail = { , (New-TestFrame) | Send-XskFrame (New-XskSocket $left) -Timing Original }
            Then = { param($m) $m | Should -Match 'leave -Timing Original out'; , (New-TestFrame) | Send-XskFrame (Get-XskSocket) } }
        @{ Id = 'FilterMissing'; What = 'one of those that are named'; Ends = $true; Fail = { Test-XskFilter -InputObject 'ff' }
            Then = { param($m) $m | Should -Match '-Port'; Test-XskFilter -Port 53 -InputObject ('02' * 20) } }
        @{ Id = 'FrameFieldInvalid'; What = 'the field that is missing'; Ends = $true; Fail = { New-XskFrame -Udp -SourcePort 9 -SourceAddress 192.0.2.1 -DestinationAddress 2001:db8::1 -DestinationPort 9 -DestinationMac 02:00:00:00:00:02 }
            Then = { param($m) $m | Should -Match 'two IPv4'; New-XskFrame -Udp -SourcePort 9 -SourceMac 02:00:00:00:00:01 -SourceAddress 192.0.2.1 -DestinationAddress 192.0.2.2 -DestinationPort 9 -DestinationMac 02:00:00:00:00:02 } }
        @{ Id = 'FrameNotEditable'; What = '-Force'; Fail = { , (New-TestFrame) | Edit-XskFrame -DestinationPort 9 }
            Then = { param($m) , (New-TestFrame) | Edit-XskFrame -DestinationPort 9 -Force } }
        @{ Id = 'CaptureNotFound'; What = 'where it is'; Fail = { Import-XskCapture "$folder/none.pcap" }
            Then = { param($m) Write-Pcap "$folder/none.pcap" @(, (New-TestFrame)); Import-XskCapture "$folder/none.pcap" } }
        @{ Id = 'CaptureExists'; What = 'without -NoClobber'; Ends = $true; Fail = { Set-Content "$folder/a.pcapng" x; '02' * 20 | Export-XskCapture "$folder/a.pcapng" -NoClobber }
            Then = { param($m) $m | Should -Match 'leave out -NoClobber'; '02' * 20 | Export-XskCapture "$folder/a.pcapng" } }
        @{ Id = 'CaptureNotWritable'; What = '-Force'; Ends = $true; Fail = { Set-Content "$folder/a.pcapng" x; chmod 444 "$folder/a.pcapng"; '02' * 20 | Export-XskCapture "$folder/a.pcapng" }
            Then = { param($m) $m | Should -Match 'use -Force'; '02' * 20 | Export-XskCapture "$folder/a.pcapng" -Force } }
        @{ Id = 'CaptureNotWritable'; What = 'the folder made'; Ends = $true; Fail = { '02' * 20 | Export-XskCapture "$folder/new/a.pcapng" }
            Then = { param($m) $m | Should -Match 'New-Item -ItemType Directory.*ENOENT'; $null = New-Item -ItemType Directory "$folder/new"; '02' * 20 | Export-XskCapture "$folder/new/a.pcapng" } }
        @{ Id = 'CaptureNotAppendable'; What = 'the format that is proposed'; Ends = $true; Fail = { '02' * 20 | Export-XskCapture "$folder/a.pcap" -Format Pcap; '02' * 20 | Export-XskCapture "$folder/a.pcap" -Append -Format Pcapng }
            Then = { param($m) $given = Get-Proposed $m Format; '02' * 20 | Export-XskCapture "$folder/a.pcap" -Append @given } }
        @{ Id = 'CaptureUnreadable'; What = 'a capture'; Fail = { Set-Content "$folder/a.pcap" 'no capture'; Import-XskCapture "$folder/a.pcap" }
            Then = { param($m) Write-Pcap "$folder/a.pcap" @(, (New-TestFrame)); Import-XskCapture "$folder/a.pcap" } }
        @{ Id = 'CaptureNotEthernet'; What = 'captured on an Ethernet interface'; Fail = { Save-Arriving any; Import-XskCapture "$folder/arrived.pcap" }
            Then = { param($m) $m | Should -Match "capture on an Ethernet interface, not on 'any'"; Save-Arriving $left; @(Import-XskCapture "$folder/arrived.pcap").Count | Should -Be 1 } }
        @{ Id = 'CaptureDamaged'; What = 'what was whole is there'; Fail = { Write-Pcap "$folder/a.pcap" @((New-TestFrame), (New-TestFrame)); truncate -s -5 "$folder/a.pcap"; Import-XskCapture "$folder/a.pcap" }
            Then = { param($m) $m | Should -Match 'stands'; @(Import-XskCapture "$folder/a.pcap" -ErrorAction SilentlyContinue) | Should -HaveCount 1 } }
    ) {
        $failure = Invoke-Failing $Fail
        $failure.Id | Should -Be $Id -Because $failure.Message
        $failure.Message | Should -Not -Match "`n"
        $failure.Ends | Should -Be ($_['Ends'] -eq $true) -Because 'docs/errors.md says whether it ends the command'
        $ErrorActionPreference = 'Stop'
        & $Then $failure.Message
    }

    It 'works: HugePagesMissing, the reserve of pages' -Skip:(-not (Test-Path '/sys/kernel/mm/hugepages/hugepages-2048kB')) {
        $turn = Enter-HugePages
        $before = Get-Content -LiteralPath /proc/sys/vm/nr_hugepages
        try {
            $failure = Invoke-Failing { New-XskSocket $left -HugePage -FrameCount 2048 }
            if ($failure.Message -eq 'This was to fail, and did not.') { Set-ItResult -Skipped -Because 'so many huge pages are free already' }
            $failure.Id | Should -Be 'HugePagesMissing' -Because $failure.Message
            $null = Invoke-Proposed $failure.Message 'sysctl'
            (New-XskSocket $left -HugePage -FrameCount 2048 -ErrorAction Stop).State | Should -Be 'Open'
        }
        finally {
            Get-XskSocket | Remove-XskSocket
            $null = Invoke-Native sysctl -q -w "vm.nr_hugepages=$before"
            $turn.Dispose()
        }
    }

    It 'works: QueueBusy, the process that is named ended' {
        $other = Start-Pwsh "`$null = New-XskSocket $left -NoProgram"
        try {
            $failure = Invoke-Failing { New-XskSocket $left -NoProgram }
            $failure.Id | Should -Be 'QueueBusy'
            $failure.Message | Should -Match "end that process or have it close the socket.*EBUSY"
            $failure.Message | Should -Match "\b$($other.Id)\b"
        }
        finally {
            Stop-Program $other
        }

        (New-XskSocket $left -NoProgram -ErrorAction Stop).State | Should -Be 'Open'
    }

    It 'works: CaptureWriteFailed, room made and the file continued' {
        $script = @"
            `$frames = foreach (`$i in 1..300) { , ([byte[]]::new(1000)) }
            try { `$frames | Export-XskCapture $folder/a.pcapng } catch { "`$((`$_.FullyQualifiedErrorId -split ',')[0]) `$(`$_.Exception.Message)" }
            `$whole = @(Import-XskCapture $folder/a.pcapng).Count
            mount -o remount,size=4m $folder
            `$frames | Export-XskCapture $folder/a.pcapng -Append
            @(Import-XskCapture $folder/a.pcapng).Count - `$whole
"@
        $lines = @(Invoke-Pwsh $script -Prefix 'unshare', '--mount', 'sh', '-c', 'mount -t tmpfs -o size=200k tmpfs "$0" && exec "$@"', $folder)
        $lines[0] | Should -Match '^CaptureWriteFailed .*free some space.*ENOSPC'
        $lines[1] | Should -Be '300' -Because "$lines"
    }

    It 'works: OutOfDescriptors and OutOfMemory, the limit raised or less asked for' {
        # Another process, whose limits are lowered from here, opens a socket of as many frames as each line says.
        $child = Start-Pwsh @"
            New-XskSocket $left -WarningAction SilentlyContinue | Remove-XskSocket
            New-XskSocket nosuch0 -ErrorAction SilentlyContinue
            'READY'
            while (`$line = [Console]::In.ReadLine()) {
                `$failures = `$null
                `$socket = New-XskSocket $left -FrameCount ([int]`$line) -ErrorAction SilentlyContinue -ErrorVariable failures -WarningAction SilentlyContinue
                if (`$socket) { `$socket | Remove-XskSocket; [Console]::Out.WriteLine('opened') }
                else { [Console]::Out.WriteLine("`$((`$failures[0].FullyQualifiedErrorId -split ',')[0]) `$(`$failures[0].Exception.Message)") }
            }
"@
        function Open-Socket {
            param([int] $Frames)
            $child.StandardInput.WriteLine("$Frames")
            $line = $child.StandardOutput.ReadLineAsync()
            if (-not $line.Wait(10000)) { throw 'The process did not answer.' }
            return $line.Result
        }

        try {
            Open-Socket 64 | Should -Be 'opened'
            $used = @(Get-ChildItem -LiteralPath "/proc/$($child.Id)/fd").Name
            $free = @(0..1023 | Where-Object { "$_" -notin $used })
            # Whichever descriptor is the one too many: that of the interface's question, the socket's, the map's, the program's.
            foreach ($room in 1..4) {
                $null = Invoke-Native prlimit --pid $child.Id "--nofile=$($free[$room]):"
                $message = Open-Socket 64
                $message | Should -Match '^(OutOfDescriptors|InterfaceQueryFailed) .*EMFILE' -Because "there was room for $room"
                if ($message -match '^OutOfDescriptors') { $message | Should -Match "'prlimit --pid $($child.Id) --nofile=$($free[$room] * 2):'" }
            }

            $message | Should -Match '^OutOfDescriptors .*BPF_PROG_LOAD'
            $null = Invoke-Proposed $message 'prlimit'
            Open-Socket 64 | Should -Be 'opened'

            $size = [long][regex]::Match((Get-Content -LiteralPath "/proc/$($child.Id)/status" -Raw), 'VmSize:\s+(\d+)').Groups[1].Value * 1024
            $null = Invoke-Native prlimit --pid $child.Id "--as=$($size + 64MB):"
            $message = Open-Socket 65536
            $message | Should -Match '^OutOfMemory .*use fewer or smaller frames.*mmap\(UMEM.*ENOMEM'
            Open-Socket 64 | Should -Be 'opened'
        }
        finally {
            Stop-Program $child -Signal KILL
        }
    }
}

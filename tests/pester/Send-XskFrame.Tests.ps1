BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program tcpdump
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $command = 'XdpPS.Commands.SendXskFrameCommand'
}

Describe 'Send-XskFrame without a privilege' -Tag Unit {
    It 'has the parameter -<Name>' -ForEach @(
        @{ Name = 'Socket'; Type = 'XskSocket'; Aliases = ''; Position = '0'; ByValue = $false; Mandatory = $true }
        @{ Name = 'Packet'; Type = 'PSObject'; Aliases = 'InputObject'; Position = '1'; ByValue = $true; Mandatory = $true }
        @{ Name = 'Data'; Type = 'Byte[]'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $true }
        @{ Name = 'Repeat'; Type = 'Int64'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'DurationSeconds'; Type = 'Double'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'Timing'; Type = 'XskSendTiming'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'PacketsPerSecond'; Type = 'Double'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'BitsPerSecond'; Type = 'Double'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'SpeedFactor'; Type = 'Double'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'CompletionTimeoutSeconds'; Type = 'Double'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'Cpu'; Type = 'Int32'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'PassThru'; Type = 'SwitchParameter'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
        @{ Name = 'Force'; Type = 'SwitchParameter'; Aliases = ''; Position = ''; ByValue = $false; Mandatory = $false }
    ) {
        $fact = Get-ParameterFact Send-XskFrame $Name
        foreach ($key in 'Type', 'Aliases', 'Position', 'ByValue', 'Mandatory') { $fact.$key | Should -Be $_[$key] -Because "that is its $key" }
    }

    It 'wants a socket, not its name' {
        { Send-XskFrame 'eth1' -Data (New-TestFrame) } | Should -Throw -ErrorId "CannotConvertArgumentNoMessage,$command"
    }
}

Describe "What Send-XskFrame takes for a frame$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $socket = New-XskSocket $cable.Left -NoProgram
        $one = New-TestFrame -Length 60 -Seed 1
        $two = New-TestFrame -Length 61 -Seed 2
        $three = New-TestFrame -Length 62 -Seed 3
        $whole = @{ 1 = ConvertTo-Hex $one; 2 = ConvertTo-Hex $two; 3 = ConvertTo-Hex $three }
        function New-Packet { param([byte[]] $Bytes, [int] $Length = $Bytes.Length) [XdpPS.XskPacket]::new($Bytes) | ForEach-Object { $_.GetType().GetProperty('Length').SetValue($_, $Length); $_ } }
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'sends <What>' -ForEach @(
        @{ What = 'a packet'; Sent = 1; Script = { New-Packet $one | Send-XskFrame $socket } }
        @{ What = 'packets'; Sent = 1, 2; Script = { (New-Packet $one), (New-Packet $two) | Send-XskFrame $socket } }
        @{ What = 'an array of packets as one record'; Sent = 1, 2; Script = { , [XdpPS.XskPacket[]]@((New-Packet $one), (New-Packet $two)) | Send-XskFrame $socket } }
        @{ What = 'an array of packets as an argument'; Sent = 2, 1; Script = { Send-XskFrame $socket ([XdpPS.XskPacket[]]@((New-Packet $two), (New-Packet $one))) } }
        @{ What = 'bytes kept together by a comma'; Sent = 1; Script = { , $one | Send-XskFrame $socket } }
        @{ What = 'arrays of bytes'; Sent = 1, 2, 3; Script = { $one, $two, $three | Send-XskFrame $socket } }
        @{ What = 'bytes as an argument'; Sent = 1; Script = { Send-XskFrame $socket $one } }
        @{ What = 'bytes by -Data'; Sent = 1; Script = { Send-XskFrame $socket -Data $one } }
        @{ What = 'bytes by -InputObject'; Sent = 1; Script = { Send-XskFrame -Socket $socket -InputObject $one } }
        @{ What = 'hexadecimal text'; Sent = 1; Script = { $whole[1] | Send-XskFrame $socket } }
        @{ What = 'hexadecimal text by -Data'; Sent = 1; Script = { Send-XskFrame $socket -Data $whole[1] } }
        @{ What = 'upper-case text with a prefix'; Sent = 1; Script = { '0x' + $whole[1].ToUpperInvariant() | Send-XskFrame $socket } }
        @{ What = 'text with separators'; Sent = 1, 2, 3; Script = { (($one | ForEach-Object ToString x2) -join ':'), (($two | ForEach-Object ToString x2) -join '-'), (($three | ForEach-Object ToString x2) -join ' ') | Send-XskFrame $socket } }
        @{ What = 'text with line breaks'; Sent = 1; Script = { $whole[1].Insert(33, "`n").Insert(81, "`r`n  ") | Send-XskFrame $socket } }
        @{ What = 'a list of bytes as one frame'; Sent = 1; Script = { Send-XskFrame $socket ([Collections.Generic.List[byte]]$one) } }
        @{ What = 'an array of small integers as one frame'; Sent = 2; Script = { Send-XskFrame $socket ([int[]]$two) } }
        @{ What = 'an array of objects that are bytes as one frame'; Sent = 2; Script = { Send-XskFrame $socket ([object[]]$two) } }
        @{ What = 'a list of frames of several kinds'; Sent = 1, 2, 3, 1; Script = { , @((New-Packet $one), $whole[2], $three, @{ Data = $one }) | Send-XskFrame $socket } }
        @{ What = 'a dictionary with Data'; Sent = 1; Script = { @{ Data = $one } | Send-XskFrame $socket } }
        @{ What = 'an ordered dictionary with text as Data'; Sent = 2; Script = { [ordered]@{ Comment = 'x'; Data = $whole[2] } | Send-XskFrame $socket } }
        @{ What = 'an object with Data'; Sent = 3; Script = { [pscustomobject]@{ Name = 'x'; Data = $three } | Send-XskFrame $socket } }
        @{ What = 'an object whose Data is a list of integers'; Sent = 3; Script = { [pscustomobject]@{ Data = [int[]]$three } | Send-XskFrame $socket } }
        @{ What = 'an object whose Data was added to it'; Sent = 1; Script = { 1..1 | Select-Object -Property @{ Name = 'Data'; Expression = { $one } } | Send-XskFrame $socket } }
        @{ What = 'a packet that came back from Clixml'; Sent = 1; Script = { [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize((New-Packet $one))) | Send-XskFrame $socket } }
        @{ What = 'an object from Select-Object that came back from JSON'; Sent = 2; Script = { New-Packet $two | Select-Object Number, Data | ConvertTo-Json | ConvertFrom-Json | Send-XskFrame $socket } }
        @{ What = 'the first bytes of a packet with -Force'; Sent = 1; Script = { New-Packet $one -Length 100 | Send-XskFrame $socket -Force } }
        @{ What = 'nothing for an empty pipeline'; Sent = @(); Script = { @() | Send-XskFrame $socket } }
    ) {
        $capture = Start-Capture $cable.Right
        try {
            & $Script -ErrorVariable failures
        }
        finally {
            $seen = @(Stop-Capture $capture -Count @($Sent).Count)
        }
        $seen | Should -Be @($Sent | ForEach-Object { $whole[$_] })
    }

    It 'reports <What> as <Id>, and sends the frames before and after it' -ForEach @(
        @{ What = 'an empty frame'; Id = 'FrameTooShort'; Category = 'InvalidData'; Bad = { , [byte[]]@() } ; Message = '0 bytes.*14' }
        @{ What = 'a frame of 13 bytes'; Id = 'FrameTooShort'; Category = 'InvalidData'; Bad = { , (New-TestFrame -Length 13) }; Message = '13 bytes.*14.*without FCS' }
        @{ What = 'a frame of MTU + 15 bytes'; Id = 'FrameTooLong'; Category = 'InvalidData'; Bad = { , (New-TestFrame -Length 1515) }; Message = '1515 bytes.*MTU of 1500 allows 1514.*ip link set' }
        @{ What = 'a tagged frame of MTU + 19 bytes'; Id = 'FrameTooLong'; Category = 'InvalidData'; Bad = { , (New-TestFrame -Length 1519 -Type '8100000588b5') }; Message = '1518' }
        @{ What = 'a frame longer than the chunk'; Id = 'FrameTooLong'; Category = 'InvalidData'; Bad = { , (New-TestFrame -Length 9000) }; Message = '9000 bytes' }
        @{ What = 'text that is no hexadecimal'; Id = 'FrameHexInvalid'; Category = 'InvalidData'; Bad = { 'hello' }; Message = "'hello'.*two digits a byte" }
        @{ What = 'text with half a byte'; Id = 'FrameHexInvalid'; Category = 'InvalidData'; Bad = { $whole[1] + 'a' }; Message = 'two digits a byte' }
        @{ What = 'text with single digits between separators'; Id = 'FrameHexInvalid'; Category = 'InvalidData'; Bad = { (1..28 | ForEach-Object { $_ % 10 }) -join ':' }; Message = 'two digits a byte' }
        @{ What = 'empty text'; Id = 'FrameHexInvalid'; Category = 'InvalidData'; Bad = { '' }; Message = 'two digits a byte' }
        @{ What = 'an object without Data'; Id = 'FrameInputInvalid'; Category = 'InvalidData'; Bad = { [pscustomobject]@{ Name = 'x' } }; Message = 'Data' }
        @{ What = 'a dictionary without Data'; Id = 'FrameInputInvalid'; Category = 'InvalidData'; Bad = { @{ Name = 'x' } }; Message = 'Data' }
        @{ What = 'an object whose Data is null'; Id = 'FrameInputInvalid'; Category = 'InvalidData'; Bad = { [pscustomobject]@{ Data = $null } }; Message = 'Data' }
        @{ What = 'an object whose Data has a number over 255'; Id = 'FrameInputInvalid'; Category = 'InvalidData'; Bad = { [pscustomobject]@{ Data = 1, 2, 256 } }; Message = 'Data' }
        @{ What = 'a date'; Id = 'FrameInputInvalid'; Category = 'InvalidData'; Bad = { Get-Date }; Message = 'Data' }
        @{ What = 'a truncated packet'; Id = 'PacketTruncated'; Category = 'InvalidData'; Bad = { New-Packet $one -Length 100 }; Message = '60 bytes.*-SnapLength.*-Force' }
        @{ What = 'a truncated packet that came back from Clixml'; Id = 'PacketTruncated'; Category = 'InvalidData'; Bad = { [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize((New-Packet $one -Length 100))) }; Message = '-Force' }
        @{ What = 'an object that says it is truncated'; Id = 'PacketTruncated'; Category = 'InvalidData'; Bad = { [pscustomobject]@{ Data = $one; Truncated = $true } }; Message = '-Force' }
    ) {
        $capture = Start-Capture $cable.Right
        try {
            $frames = @(, $two) + @(& $Bad | ForEach-Object { , $_ }) + @(, $three)
            if ($What -eq 'an empty frame') { $frames = @($two, [byte[]]@(), $three) }
            $frames | Send-XskFrame $socket -ErrorAction SilentlyContinue -ErrorVariable failures
        }
        finally {
            $seen = Stop-Capture $capture -Count 2
        }
        $failures | Should -HaveCount 1
        $failures[0].FullyQualifiedErrorId | Should -Be "$Id,$command"
        $failures[0].CategoryInfo.Category | Should -Be $Category
        $failures[0].Exception.Message | Should -Match $Message
        $failures[0].Exception.Message | Should -Match '; .+\.$' -Because 'it has a remedy'
        $failures[0].Exception.Message | Should -Not -Match "`n"
        ($null -eq $failures[0].TargetObject) | Should -BeFalse -Because 'the frame is the target'
        $seen | Should -Be $whole[2], $whole[3]
    }

    It 'ends at bytes that the pipeline hands over one by one, and sends nothing' {
        $before = Get-ReceivedCount $cable.Right
        $caught = { $one | Send-XskFrame $socket } | Should -Throw -ErrorId "FrameBytesUnrolled,$command" -PassThru
        $caught.CategoryInfo.Category | Should -Be 'InvalidArgument'
        $caught.Exception.Message | Should -Match ([regex]::Escape(',$bytes | Send-XskFrame'))
        $caught.TargetObject | Should -Be $one[0]
        # Terminating: one error for the lot, which -ErrorAction SilentlyContinue does not hide.
        { $one | Send-XskFrame $socket -ErrorAction SilentlyContinue } | Should -Throw
        Get-ReceivedCount $cable.Right | Should -Be $before
    }

    It 'sends the shortest and the longest frame: <Length> bytes' -ForEach @(
        @{ Length = 14; Type = '88b5' }
        @{ Length = 1514; Type = '88b5' }
        @{ Length = 1518; Type = '8100000588b5' }
    ) {
        $capture = Start-Capture $cable.Right -Filter 'ether', 'src', '02:00:00:00:00:01'
        $frame = New-TestFrame -Length $Length -Type $Type
        Send-XskFrame $socket -Data $frame
        Stop-Capture $capture -Count 1 | Should -Be (ConvertTo-Hex $frame)
    }

    It 'allows four more bytes for a second tag, and counts what the driver makes of it' {
        $result = Send-XskFrame $socket -Data (New-TestFrame -Length 1522 -Type '88a80005810000060800') -PassThru -ErrorAction Stop -WarningAction SilentlyContinue
        # veth itself takes no more than one tag.
        $result.Frames, $result.DriverDropped | Should -Be 1, 1
    }

    It 'learns of an MTU that was raised after the socket was opened' {
        $frame = New-TestFrame -Length 1600
        { Send-XskFrame $socket -Data $frame -ErrorAction Stop } | Should -Throw -ErrorId "FrameTooLong,$command"
        try {
            foreach ($end in $cable.Left, $cable.Right) { $null = Invoke-Native ip link set $end mtu 1600 }
            $before = Get-ReceivedCount $cable.Right
            Send-XskFrame $socket -Data $frame -ErrorAction Stop
            Get-ReceivedCount $cable.Right | Should -Be ($before + 1)
        }
        finally {
            foreach ($end in $cable.Left, $cable.Right) { $null = Invoke-Native ip link set $end mtu 1500 }
        }
    }

    It 'cannot send a frame that is longer than the chunk whatever the MTU' {
        $large = New-TestCable -Mtu 3000
        try {
            $small = New-XskSocket $large.Left -NoProgram -WarningAction SilentlyContinue
            $before = Get-ReceivedCount $large.Right
            Send-XskFrame $small -Data (New-TestFrame -Length 2048) -ErrorAction Stop
            { Send-XskFrame $small -Data (New-TestFrame -Length 2049) -ErrorAction Stop } |
                Should -Throw -ErrorId "FrameTooLong,$command" -ExpectedMessage '*frames of 2048 bytes*-FrameSize 4096*'
            Get-ReceivedCount $large.Right | Should -Be ($before + 1)
        }
        finally {
            Get-XskSocket $large.Left | Remove-XskSocket
            Remove-TestCable $large
        }
    }
}

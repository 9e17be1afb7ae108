BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $PSStyle.OutputRendering = 'PlainText'
}

Describe 'Start-XskReflector and Stop-XskReflector without a privilege' -Tag Unit {
    It '<Command> has the parameter -<Name>' -ForEach @(
        @{ Command = 'Start-XskReflector'; Name = 'Socket'; Type = 'XskSocket[]'; Position = '0'; Mandatory = $true; ByValue = $true }
        @{ Command = 'Start-XskReflector'; Name = 'InterfaceName'; Type = 'String'; Position = '0'; Mandatory = $true; ByValue = $false }
        @{ Command = 'Start-XskReflector'; Name = 'QueueId'; Type = 'Int32'; Position = ''; Mandatory = $false; ByValue = $false }
        @{ Command = 'Start-XskReflector'; Name = 'NetworkNamespace'; Type = 'String'; Position = ''; Mandatory = $false; ByValue = $false }
        @{ Command = 'Start-XskReflector'; Name = 'Protocol'; Type = 'XskPathProtocol'; Position = ''; Mandatory = $false; ByValue = $false }
        @{ Command = 'Start-XskReflector'; Name = 'Port'; Type = 'Int32'; Position = ''; Mandatory = $false; ByValue = $false }
        @{ Command = 'Start-XskReflector'; Name = 'Cpu'; Type = 'Int32'; Position = ''; Mandatory = $false; ByValue = $false }
        @{ Command = 'Stop-XskReflector'; Name = 'Reflector'; Type = 'XskReflector[]'; Position = '0'; Mandatory = $true; ByValue = $true }
    ) {
        $fact = Get-ParameterFact $Command $Name
        foreach ($key in 'Type', 'Position', 'Mandatory', 'ByValue') { $fact.$key | Should -Be $_[$key] -Because "that is its $key" }
    }

    It 'stops nothing without a word' {
        $null | Stop-XskReflector | Should -BeNullOrEmpty
    }
}

Describe "A reflector$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $near = New-XskSocket $cable.Left
        $quick = @{ FrameSize = 64; PacketsPerSecond = 1000; DurationSeconds = 0.2; DrainSeconds = 0.3 }
    }

    AfterEach {
        Get-XskSocket $cable.Right -ErrorAction Ignore | Remove-XskSocket
        (Get-AttachedProgram $cable.Right).Id | Should -Be 0
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'on an interface takes the frames of measurements only, counts them, and leaves nothing behind' {
        $reflector = Start-XskReflector $cable.Right
        $reflector | Should -BeOfType XdpPS.XskReflector
        $reflector.State, $reflector.InterfaceName, $reflector.QueueId | Should -Be 'Running', $cable.Right, 0
        [XdpPS.Formatting.XskFormat]::Mac($reflector.MacAddress) | Should -Be $cable.RightMac
        $result = Measure-XskPath $near -DestinationMac $reflector.MacAddress @quick
        $result.RoundTrip | Should -BeTrue
        $result.Sent | Should -BeGreaterThan 0
        $result.Received, $result.Lost, $result.Duplicates, $result.Foreign | Should -Be $result.Sent, 0, 0, 0
        $reflector.Reflected | Should -Be $result.Sent
        (Get-XskSocket $cable.Right).Filter | Should -Be 'ether proto 0x88b5'
        $stopped = $reflector | Stop-XskReflector
        $stopped | Should -BeOfType XdpPS.XskReflectorResult
        $stopped.Reflected, $stopped.Bytes, $stopped.Foreign, $stopped.Dropped | Should -Be $result.Sent, ($result.Sent * 60), 0, 0
        $reflector.State | Should -Be 'Stopped'
        # Again it says the same.
        "$(Stop-XskReflector $reflector)" | Should -Be "$stopped"
        Get-XskSocket $cable.Right -ErrorAction Ignore | Should -BeNullOrEmpty
    }

    It 'stays with whoever wanted no more than one' {
        $reflector = Start-XskReflector $cable.Right | Select-Object -First 1
        (Measure-XskPath $near -DestinationMac $reflector.MacAddress @quick).Lost | Should -Be 0
        (Stop-XskReflector $reflector).Failure | Should -BeNullOrEmpty
    }

    It 'reflects UDP to a port' {
        $reflector = Start-XskReflector $cable.Right -Protocol Udp -Port 5000
        $result = Measure-XskPath $near -DestinationMac $reflector.MacAddress -Protocol Udp -Port 5000 @quick
        $result.Received | Should -Be $result.Sent
        (Stop-XskReflector $reflector).Reflected | Should -Be $result.Sent
    }

    It 'on sockets gives them back, and refuses another receiver until then' {
        $far = New-XskSocket $cable.Right
        $reflector = $far | Start-XskReflector
        { Receive-XskPacket $far -TimeoutSeconds 1 } | Should -Throw -ErrorId 'SocketBusy,*'
        { Start-XskReflector $far -ErrorAction Stop } | Should -Throw -ErrorId 'SocketBusy,XdpPS.Commands.StartXskReflectorCommand'
        Send-XskFrame $near -Data (New-TestFrame)
        Wait-Until { $reflector.Foreign -eq 1 } | Should -BeTrue
        (Stop-XskReflector $reflector).Foreign | Should -Be 1
        Send-XskFrame $near -Data (New-TestFrame)
        (Receive-XskPacket $far -Count 1 -TimeoutSeconds 5).Length | Should -Be 64
        $near.CountFrames().IsConserved, $far.CountFrames().IsConserved | Should -Be $true, $true
    }

    It 'opens nothing with -WhatIf, and goes on with Stop-XskReflector -WhatIf' {
        Start-XskReflector $cable.Right -WhatIf | Should -BeNullOrEmpty
        $reflector = Start-XskReflector $cable.Right
        Stop-XskReflector $reflector -WhatIf | Should -BeNullOrEmpty
        $reflector.State | Should -Be 'Running'
        $null = Stop-XskReflector $reflector
    }

    It 'is refused on <What> with <Id>' -ForEach @(
        @{ What = 'an interface that is not there'; Id = 'InterfaceNotFound'; Script = { Start-XskReflector nosuch0 -ErrorAction Stop } }
        @{ What = 'a socket that only sends'; Id = 'DirectionDisabled'; Script = { New-XskSocket $cable.Right -RxRingSize 0 | Start-XskReflector -ErrorAction Stop } }
        @{ What = 'a port without UDP'; Id = 'ParametersContradict'; Script = { Start-XskReflector $cable.Right -Port 7 } }
        @{ What = 'a CPU that is not there'; Id = 'CpuNotAllowed'; Script = { Start-XskReflector $cable.Right -Cpu 8000 -ErrorAction Stop } }
    ) {
        $Script | Should -Throw -ErrorId "$Id,XdpPS.Commands.StartXskReflectorCommand"
    }

    It 'says why it ended where its interface has gone' {
        $other = New-TestCable
        $reflector = Start-XskReflector $other.Right
        Remove-TestCable $other
        Wait-Until { $reflector.State -eq 'Failed' } | Should -BeTrue
        (Stop-XskReflector $reflector).Failure | Should -Match $other.Right
    }

    It 'ends with the runspace that started it' {
        $pipeline = Start-Pipeline { param($name) Start-XskReflector $name } $cable.Right
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        $reflector = $pipeline.Output[0]
        $reflector.State | Should -Be 'Running'
        Close-Pipeline $pipeline
        Wait-Until { $reflector.State -eq 'Stopped' } | Should -BeTrue
        Wait-Until { (Get-AttachedProgram $cable.Right).Id -eq 0 } | Should -BeTrue
    }

    It 'ends with the module' {
        $pipeline = Start-Pipeline { param($name) Start-XskReflector $name; Remove-Module XdpPS } $cable.Right
        Wait-Pipeline $pipeline | Should -BeNullOrEmpty
        Wait-Until { $pipeline.Output[0].State -ne 'Running' } | Should -BeTrue
        (Get-AttachedProgram $cable.Right).Id | Should -Be 0
        Close-Pipeline $pipeline
    }

    It 'fits a terminal of <_> columns, as does what it has done' -ForEach 80, 120 {
        $reflector = Start-XskReflector $cable.Right
        foreach ($object in $reflector, (Stop-XskReflector $reflector)) {
            $lines = @($object | Out-String -Width $_) -split "`n" | Where-Object { $_.Trim() }
            $lines | Should -HaveCount 3
            ($lines | Measure-Object -Property Length -Maximum).Maximum | Should -BeLessOrEqual $_
            $lines[2] | Should -Match "^$($cable.Right) "
        }
    }
}

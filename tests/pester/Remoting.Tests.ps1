# What the module returns, as it arrives over SSH: PowerShell leaves such objects as bags of properties there
# ('Deserialized.XdpPS.…'), also in a session that has the module.
BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
    Import-BuiltModule
    # Every type that a cmdlet says it returns.
    $types = (Get-Command -Module XdpPS).OutputType.Name | Where-Object { $_ -like 'XdpPS.*' -and $_ -notlike '*[[]]' } | Sort-Object -Unique
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
}

Describe "What arrived from a remote session$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable
        $left = New-XskSocket $cable.Left
        $right = New-XskSocket $cable.Right -ShareUmemWith $left
        $frame = New-XskFrame -Arp -SourceAddress 192.0.2.1 -DestinationAddress 192.0.2.2 -InterfaceName $cable.Left
        $sent = $frame | Send-XskFrame $left -PassThru
        $live = @{
            'XdpPS.XskSocket'         = $left
            'XdpPS.XskSendResult'     = $sent
            'XdpPS.XskPacket'         = Receive-XskPacket $right -Count 1 -TimeoutSeconds 5
            'XdpPS.XskRingStats'      = $right | Get-XskRingStats
            'XdpPS.XdpInterface'      = Get-XdpInterface $cable.Left
            'XdpPS.XdpProgramInfo'    = Get-XdpProgram $cable.Left
            'XdpPS.XskFrameTemplate'  = New-XskFrame -EtherType 0x88b5 -InterfaceName $cable.Left -DestinationMac 02:00:00:00:00:01-02:00:00:00:00:05
            'XdpPS.XskFilterResult'   = $frame | Test-XskFilter arp
            'XdpPS.XskFilterProgram'  = Test-XskFilter arp -ShowProgram
            'XdpPS.XskForwardResult'  = Invoke-XskForward $left $right -DurationSeconds 0.05 -WarningAction SilentlyContinue -ErrorAction SilentlyContinue
            'XdpPS.XdpInterfaceCheck' = Test-XdpInterface $cable.Left -Name AfXdp
        }
        $quick = @{ Transmit = $left; Receive = $right; FrameSize = 64; DrainSeconds = 0.05; ProgressAction = 'SilentlyContinue' }
        $live['XdpPS.XskPathMeasurement'] = Measure-XskPath @quick -PacketsPerSecond 500 -DurationSeconds 0.05
        $live['XdpPS.XskThroughputResult'] = Measure-XskPath @quick -Rfc2544 -TrialSeconds 0.02 -Resolution 1 -LossTolerance 1
        $reflector = Start-XskReflector -Socket $right
        $live['XdpPS.XskReflectorResult'] = Stop-XskReflector $reflector
        $live['XdpPS.XskReflector'] = $reflector

        # A session without our types reads what was written by one with them.
        $stranger = [runspacefactory]::CreateRunspace([initialsessionstate]::CreateDefault2())
        $stranger.Open()
        $arrived = @{}
        foreach ($name in $live.Keys) {
            $shell = [powershell]::Create($stranger)
            $null = $shell.AddScript('param($text) [Management.Automation.PSSerializer]::Deserialize($text)')
            $null = $shell.AddArgument([Management.Automation.PSSerializer]::Serialize($live[$name]))
            $arrived[$name] = $shell.Invoke()[0]
            $shell.Dispose()
        }
    }

    AfterAll {
        ${stranger}?.Dispose()
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'is a bag of properties that prints like the original: <_>' -ForEach $types {
        $live.Keys | Should -Contain $_ -Because 'a type that a cmdlet returns needs a sample here'
        $arrived[$_].PSTypeNames | Should -Contain "Deserialized.$_"
        foreach ($format in 'Format-Table', 'Format-List') {
            $arrived[$_] | & $format | Out-String -Width 170 | Should -Be ($live[$_] | & $format | Out-String -Width 170)
        }

        "$($arrived[$_])" | Should -Be "$($live[$_])"
    }

    It 'becomes our type again with a cast, with every property as it was: <_>' -ForEach ($types | Where-Object { $_ -notin 'XdpPS.XskSocket', 'XdpPS.XskFrameTemplate', 'XdpPS.XskReflector' }) {
        $type = $live[$_].GetType()
        $copy = [Management.Automation.LanguagePrimitives]::ConvertTo($arrived[$_], $type)
        $copy | Should -BeOfType $type
        $copy | Select-Object -Property * | Out-String -Width 1000 | Should -Be ($live[$_] | Select-Object -Property * | Out-String -Width 1000)
    }

    It 'is sorted, grouped and added up by its properties' {
        $stats = @('near', 'far' | ForEach-Object { $arrived['XdpPS.XskRingStats'] | Select-Object -Property *, @{ Name = 'PSComputerName'; Expression = [scriptblock]::Create("'$_'") } })
        ($stats | Measure-Object RxPackets -Sum).Sum | Should -Be 2
        ($stats | Group-Object PSComputerName, InterfaceName | Sort-Object Name).Name | Should -Be "far, $($cable.Right)", "near, $($cable.Right)"
        ($arrived['XdpPS.XdpInterface'], $live['XdpPS.XdpInterface'] | Sort-Object Mtu).Mtu | Should -Be 1500, 1500
        $arrived['XdpPS.XskPacket'].Time | Should -BeOfType datetime
        [XdpPS.XdpMode]$arrived['XdpPS.XdpInterface'].XdpMode | Should -Be 'Native'
    }

    It 'is a packet that can be sent' {
        $arrived['XdpPS.XskPacket'] | Send-XskFrame $left
        (Receive-XskPacket $right -Count 1 -TimeoutSeconds 5 -WarningAction SilentlyContinue).Arp.TargetProtocolAddress | Should -Be '192.0.2.2'
    }
}

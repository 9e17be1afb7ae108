BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
}

Describe 'Remove-XskSocket without a socket' -Tag Unit {
    It 'has the parameter -Socket' {
        $fact = Get-ParameterFact Remove-XskSocket Socket
        $fact.Type | Should -Be 'XskSocket[]'
        $fact.Position | Should -Be '0'
        $fact.ByValue, $fact.Mandatory | Should -Be $true, $true
    }

    It 'has nothing to do for <What>' -ForEach @(
        @{ What = '$null'; Script = { Remove-XskSocket $null } }
        @{ What = '$null in the pipeline'; Script = { $null | Remove-XskSocket } }
        @{ What = 'an empty array'; Script = { Remove-XskSocket @() } }
        @{ What = 'a session without sockets'; Script = { Get-XskSocket | Remove-XskSocket } }
        @{ What = 'a failed open'; Script = { $s = New-XskSocket nosuch0 -ErrorAction SilentlyContinue; Remove-XskSocket $s } }
    ) {
        & $Script | Should -BeNullOrEmpty
    }
}

Describe "Remove-XskSocket$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable -Queues 2
    }

    BeforeEach {
        $first, $second = New-XskSocket $cable.Left -QueueId 0, 1
    }

    AfterEach {
        Get-XskSocket | Remove-XskSocket
    }

    AfterAll {
        Remove-TestCable $cable
    }

    It 'closes a socket and returns nothing' {
        Remove-XskSocket $first | Should -BeNullOrEmpty
        $first.State, $first.IsOpen | Should -Be 'Closed', $false
        $second.State | Should -Be 'Open'
    }

    It 'removes the program with the last socket of the interface, not before' {
        $program = (Get-AttachedProgram $cable.Left).Id
        $program | Should -BeGreaterThan 0
        Remove-XskSocket $second
        (Get-AttachedProgram $cable.Left).Id | Should -Be $program
        Remove-XskSocket -Socket $first
        (Get-AttachedProgram $cable.Left).Id | Should -Be 0
    }

    It 'gives the packets back to the kernel' {
        $null = Invoke-Native ip address replace 192.0.2.1/24 dev $cable.Left
        $reader = New-XskSocket $cable.Right -QueueId 0, 1 -NoProgram
        # An ARP request for the address of the interface: only the kernel would answer.
        $request = [Convert]::FromHexString('ffffffffffff' + '020000000001' + '0806' + '0001080006040001' + '020000000001' + 'c0000202' + '000000000000' + 'c0000201')
        $sent = (Get-Link $cable.Left).stats64.tx.packets
        Send-XskFrame $reader[0] -Data $request
        Start-Sleep -Milliseconds 200
        (Get-Link $cable.Left).stats64.tx.packets | Should -Be $sent -Because 'the sockets have the request'
        $first, $second | Remove-XskSocket
        Send-XskFrame $reader[0] -Data $request
        Wait-Until { (Get-Link $cable.Left).stats64.tx.packets -gt $sent } | Should -BeTrue
        $null = Invoke-Native ip address flush dev $cable.Left
    }

    It 'closes sockets from the pipeline and from an array' {
        $first, $second | Remove-XskSocket
        $first.State, $second.State | Should -Be 'Closed', 'Closed'
        $again = New-XskSocket $cable.Left -QueueId 0, 1
        Remove-XskSocket $again
        Get-XskSocket | Should -BeNullOrEmpty
    }

    It 'says nothing the second time' {
        Remove-XskSocket $first
        Remove-XskSocket $first -ErrorVariable failures
        $failures | Should -BeNullOrEmpty
    }

    It 'closes nothing with -WhatIf' {
        $first, $second | Remove-XskSocket -WhatIf
        $first.State, $second.State | Should -Be 'Open', 'Open'
        (Get-AttachedProgram $cable.Left).Id | Should -BeGreaterThan 0
    }

    It 'closes what -Confirm is answered with yes for' {
        $script = "`$s = New-XskSocket $($cable.Right) -QueueId 0, 1; `$s | Remove-XskSocket -Confirm; 'open ' + (Get-XskSocket).QueueId"
        Invoke-Pwsh $script -InputLine 'n', 'y' | Where-Object { $_ -match '^open' } | Should -Be 'open 0'
    }

    It 'frees the queue at once although a native program that was started meanwhile runs on' {
        $child = Start-Program -Program sleep -Arguments '60'
        try {
            $first, $second | Remove-XskSocket
            (Get-AttachedProgram $cable.Left).Id | Should -Be 0
            $again = New-XskSocket $cable.Left -QueueId 0, 1 -ErrorAction Stop
            $again.State | Should -Be 'Open', 'Open'
            $child.HasExited | Should -BeFalse
            @(Get-ChildItem -LiteralPath "/proc/$($child.Id)/fd" | Where-Object { $_.LinkTarget -match 'bpf|socket' }) | Should -BeNullOrEmpty
        }
        finally {
            Stop-Program $child
        }
    }

    It 'leaves no descriptor and no mapping behind' {
        $first, $second | Remove-XskSocket
        $before = Get-Residue
        foreach ($i in 1..10) { New-XskSocket $cable.Left -QueueId 0, 1 | Remove-XskSocket }
        Get-Residue | Should -Be $before
    }

    It 'closes a socket whose interface is gone' {
        $short = New-TestCable
        $orphan = New-XskSocket $short.Left
        Remove-TestCable $short
        Remove-XskSocket $orphan -ErrorAction Stop
        $orphan.State | Should -Be 'Closed'
    }
}

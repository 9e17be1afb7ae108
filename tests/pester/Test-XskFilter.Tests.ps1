BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
    $witness = (Get-Command -Name tcpdump -CommandType Application -ErrorAction Ignore) ? '' : ' [skipped: needs tcpdump]'
    $unprivileged = Get-SkipNote -Program setpriv
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
    $PSStyle.OutputRendering = 'PlainText'
    $command = 'XdpPS.Commands.TestXskFilterCommand'
    $captures = (Resolve-Path -LiteralPath "$PSScriptRoot/../captures").Path
    $folder = (New-Item -ItemType Directory -Path (Join-Path ([IO.Path]::GetTempPath()) "xdpps-filter-$PID")).FullName

    $arp = 'ffffffffffff 020000000001 0806 0001 0800 06 04 0001' + '00' * 20
    $udp = '020000000002 020000000001 0800 45000020 00000000 40110000 0a000001 0a000002 c000 0035 000c0000 01020304'

    function ConvertFrom-Hex {
        param([string] $Text)
        return , [Convert]::FromHexString($Text.Replace(' ', ''))
    }
}

AfterAll {
    Remove-Item -LiteralPath $folder -Recurse -Force
}

Describe "Test-XskFilter and tcpdump on recorded captures$witness" -Tag Unit -Skip:($witness -ne '') {
    BeforeAll {
        $files = foreach ($file in Get-ChildItem -Path "$captures/*.pcap") { @{ Path = $file.FullName; Count = @(Read-Pcap $file.FullName).Count } }
        $asRoot = (id -u) -eq '0' ? @('-Z', 'root') : @()
    }

    It 'match the same packets: <_>' -ForEach @(
        'udp port 53', 'tcp', 'arp', 'icmp', 'icmp6', 'igmp', 'not ip', 'host 10.0.0.1', 'ip6 host 2001:db8::1', 'src net 10.0.0.0/24 and udp',
        'vlan', 'vlan 100 and ip', 'vlan 10 and vlan 100', 'mpls', 'pppoes 7', 'sctp', 'stp', 'ether broadcast or ether multicast', 'len > 1000', 'less 60',
        'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0', 'ip[6:2] & 0x3fff != 0', 'ether[80] = 0', 'udp[8:4] & 0x80008000 = 0', 'ip6 protochain 17', 'not tcp port 80',
        'udp port 67 or udp port 546', 'ether proto 0x88cc', 'len - 14 = ip[2:2]', 'ip proto 47'
    ) {
        $found = 0
        foreach ($file in $files) {
            $null = Invoke-Native tcpdump @asRoot -r $file.Path -w "$folder/matching" $_
            $expected = @(Read-Pcap "$folder/matching")
            $results = @(Test-XskFilter $_ -Path $file.Path)
            $results.Count | Should -Be $file.Count
            $matching = $results.Where({ $_.Match })
            # As one text: comparing arrays one by one takes long.
            $matching.ForEach({ [Convert]::ToHexString($_.Packet.Data).ToLowerInvariant() }) -join "`n" | Should -Be ($expected -join "`n") -Because "that is what tcpdump takes from $($file.Path)"
            $found += $matching.Count
        }
        $found | Should -BeGreaterThan 0
    }

    It 'read the same times and lengths' {
        $first = (Test-XskFilter 'ip' -Path "$captures/cut-offloads-on.pcap")[9].Packet
        $seconds, $length = (Invoke-Native tcpdump -tt -nn -e -r "$captures/cut-offloads-on.pcap" -c 10 | Where-Object { $_ -match '^\d+\.' })[-1] -replace '^(\S+).*? length (\d+):.*', '$1 $2' -split ' '
        $first.Timestamp | Should -Be ([long]($seconds.Replace('.', '') + '000'))
        $first.Length | Should -Be ([int]$length)
        $first.Number, $first.Data.Length, $first.Truncated | Should -Be 10, 80, $true
    }

    It 'list the same classic instructions: <_>' -ForEach 'udp port 53', 'vlan and not arp', 'ether[14] - ether[15] > 7' {
        $program = Test-XskFilter -Filter $_ -ShowProgram
        $program.ClassicInstructions | Should -Be (Invoke-Native tcpdump -y EN10MB -d $_)
    }
}

Describe 'Test-XskFilter' -Tag Unit {
    It 'takes <Form>' -ForEach @(
        @{ Form = 'a packet'; Make = { [XdpPS.XskPacket]::new((ConvertFrom-Hex $udp)) } }
        @{ Form = 'an array of packets'; Make = { , [XdpPS.XskPacket[]]@([XdpPS.XskPacket]::new((ConvertFrom-Hex $udp))) } }
        @{ Form = 'bytes with the comma'; Make = { , (ConvertFrom-Hex $udp) } }
        @{ Form = 'hexadecimal text'; Make = { $udp } }
        @{ Form = 'a hashtable with Data'; Make = { @{ Data = $udp } } }
        @{ Form = 'an object with Data'; Make = { [pscustomobject]@{ Data = ConvertFrom-Hex $udp } } }
    ) {
        $result = & $Make | Test-XskFilter 'udp port 53'
        $result.Match, $result.Number, $result.Length, $result.Source, $result.Destination, $result.Protocol, $result.Path |
            Should -Be $true, 1, 46, '10.0.0.1', '10.0.0.2', 'DNS', ''
        $result | Should -BeOfType XdpPS.XskFilterResult
        $result.Packet | Should -BeOfType XdpPS.XskPacket
        ConvertTo-Hex $result.Packet.Data | Should -Be $udp.Replace(' ', '')
        (Test-XskFilter 'udp port 54' -InputObject (& $Make)).Match | Should -BeFalse
    }

    It 'hands on the very packet that was given, and says what it found' {
        $packet = [XdpPS.XskPacket]::new((ConvertFrom-Hex $udp))
        $result = $packet | Test-XskFilter arp
        [object]::ReferenceEquals($result.Packet, $packet) | Should -BeTrue
        "$result" | Should -Be 'no match: 10.0.0.1 > 10.0.0.2 DNS 46 bytes'
    }

    It 'numbers what it tests' {
        ($arp, $udp, $arp | Test-XskFilter arp).ForEach({ "$($_.Number) $($_.Match)" }) | Should -Be '1 True', '2 False', '3 True'
    }

    It 'knows the length on the wire of a packet that was truncated, and matches nothing beyond the cut' {
        $cut = @{ Data = $udp; Length = 1000 }
        ($cut | Test-XskFilter 'len = 1000').Match | Should -BeTrue
        ($cut | Test-XskFilter 'ether[46] = 0 or len = 1000').Match | Should -BeFalse
    }

    It 'takes the typed parameters, and their inverse' {
        ($arp, $udp | Test-XskFilter -Port 53).Match | Should -Be $false, $true
        ($arp, $udp | Test-XskFilter -Port 53 -NotMatch).Match | Should -Be $true, $false
        ($arp, $udp | Test-XskFilter -EtherType 0x0806).Match | Should -Be $true, $false
    }

    It 'ends with the words of libpcap for a mistake in the expression' {
        { $udp | Test-XskFilter 'udp prot 53' } | Should -Throw -ErrorId "FilterSyntax,$command" -ExpectedMessage "'udp prot 53'*syntax error*"
    }

    It 'ends without a filter' {
        { $udp | Test-XskFilter } | Should -Throw -ErrorId "FilterMissing,$command"
    }

    It 'ends without a packet, and does not ask for one, but is content with an empty pipeline' {
        { Test-XskFilter udp } | Should -Throw -ErrorId "FilterInputMissing,$command" -ExpectedMessage '*-Path*-ShowProgram*'
        ($udp | Test-XskFilter udp).Match | Should -Be $true
        Test-XskFilter udp -ShowProgram | Should -Not -BeNullOrEmpty
        @() | Test-XskFilter udp -ErrorAction Stop | Should -BeNullOrEmpty
        { Test-XskFilter udp -InputObject $null } | Should -Throw -ErrorId "ParameterArgumentValidationError,$command"
    }

    It 'ends where the pipeline took bytes apart' {
        { ConvertFrom-Hex $udp | ForEach-Object { $_ } | Test-XskFilter udp } | Should -Throw -ErrorId "FrameBytesUnrolled,$command"
    }

    It 'reports what is no packet, and tests the rest' {
        $results = @('no frame', $udp | Test-XskFilter udp -ErrorAction SilentlyContinue -ErrorVariable failures)
        $failures.FullyQualifiedErrorId | Should -Be "FrameHexInvalid,$command"
        $results.Match | Should -Be $true
    }

    It 'emits each result as its packet comes, and stops at once' {
        $pipeline = Start-Pipeline { param($Frame) & { while ($true) { $Frame; Start-Sleep -Milliseconds 20 } } | Test-XskFilter udp } $udp
        try {
            Wait-Until { $pipeline.Output.Count -ge 3 } | Should -BeTrue
            Stop-Pipeline $pipeline
        }
        finally {
            Close-Pipeline $pipeline
        }
    }

    It 'comes back from Clixml with its packet' {
        $result = $udp | Test-XskFilter udp
        $result, (Test-XskFilter -Port 53 -ShowProgram) | Export-Clixml -LiteralPath "$folder/results.xml"
        $copy, $program = Import-Clixml -LiteralPath "$folder/results.xml"
        $copy | Should -BeOfType XdpPS.XskFilterResult
        "$copy" | Should -Be "$result"
        ConvertTo-Hex $copy.Packet.Data | Should -Be (ConvertTo-Hex $result.Packet.Data)
        $program | Should -BeOfType XdpPS.XskFilterProgram
        $program.Instructions[0] | Should -Be '   0: (bf) r6 = r1'
    }
}

Describe 'Test-XskFilter and files' -Tag Unit {
    BeforeAll {
        $file = "$folder/two.pcap"
        Write-Pcap -Path $file -Frame (ConvertFrom-Hex $udp), (ConvertFrom-Hex $arp)
    }

    It 'finds files relative to the session''s location, by wildcards and by name' {
        Copy-Item -LiteralPath $file -Destination "$folder/[odd].pcap"
        Push-Location -LiteralPath $folder
        try {
            @(Test-XskFilter udp -Path two.pcap, ./two.pcap).ForEach({ "$($_.Path) $($_.Number) $($_.Match)" }) |
                Should -Be "$file 1 True", "$file 2 False", "$file 1 True", "$file 2 False"
            @(Test-XskFilter udp -Path t*.pcap).Count | Should -Be 2
            @(Test-XskFilter udp -LiteralPath '[odd].pcap').Path | Should -Be "$folder/[odd].pcap", "$folder/[odd].pcap"
            @(Test-XskFilter udp -Path 'none*.pcap').Count | Should -Be 0
        }
        finally {
            Pop-Location
        }
    }

    It 'takes files from the pipeline' {
        @(Get-Item -LiteralPath $file | Test-XskFilter udp).ForEach({ "$($_.Path) $($_.Number) $($_.Match)" }) | Should -Be "$file 1 True", "$file 2 False"
    }

    It 'finds no file in <_>' -ForEach 'Env:PATH', 'nosuch:/one.pcap', 'Env:P*' {
        Test-XskFilter udp -Path $_ -ErrorAction SilentlyContinue -ErrorVariable failures | Should -BeNullOrEmpty
        $failures[-1].FullyQualifiedErrorId | Should -Be "CaptureNotFound,$command"
        $failures[-1].Exception.Message | Should -Match ([regex]::Escape("'$_'"))
    }

    It 'reads pcapng' {
        # Section header, interface description (Ethernet), enhanced packet: blocks of type, length, body, length.
        $frame = ConvertFrom-Hex $udp
        $bytes = ConvertFrom-Hex ('0a0d0d0a 1c000000 4d3c2b1a 01000000 ffffffffffffffff 1c000000' + '01000000 14000000 01000000 00000000 14000000')
        $size = 32 + ($frame.Length + 3 -band -4)
        $packet = foreach ($word in 6, $size, 0, 0, 5, $frame.Length, $frame.Length) { [BitConverter]::GetBytes([uint32]$word) }
        $padding = [byte[]]::new(-$frame.Length -band 3)
        [IO.File]::WriteAllBytes("$folder/one.pcapng", [byte[]]($bytes + $packet + $frame + $padding + [BitConverter]::GetBytes([uint32]$size)))
        $result = Test-XskFilter udp -Path "$folder/one.pcapng"
        $result.Match, $result.Packet.Timestamp, $result.Protocol | Should -Be $true, 5000, 'DNS'
    }

    It 'says which file does not exist, and reads the others' {
        $results = @(Test-XskFilter udp -Path "$folder/none.pcap", $file -ErrorAction SilentlyContinue -ErrorVariable failures)
        $failures.FullyQualifiedErrorId | Should -Be "CaptureNotFound,$command"
        $failures.CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $failures.TargetObject | Should -Be "$folder/none.pcap"
        $results.Count | Should -Be 2
    }

    It 'emits the packets before the damage, and then where it is' {
        $bytes = [IO.File]::ReadAllBytes($file)
        [IO.File]::WriteAllBytes("$folder/damaged.pcap", $bytes[0..($bytes.Length - 5)])
        $results = @(Test-XskFilter udp -Path "$folder/damaged.pcap", $file -ErrorAction SilentlyContinue -ErrorVariable failures)
        $results.ForEach({ Split-Path -Path $_.Path -Leaf }) | Should -Be 'damaged.pcap', 'two.pcap', 'two.pcap'
        $failures.FullyQualifiedErrorId | Should -Be "CaptureDamaged,$command"
        $failures.CategoryInfo.Category | Should -Be 'InvalidData'
        $failures.Exception.Message | Should -Match 'damaged at byte \d+: the file ends after'
    }

    It 'refuses a file that <Reason>' -ForEach @(
        @{ Reason = 'is no capture'; Id = 'CaptureUnreadable'; Words = 'unknown file format'; Bytes = [byte[]](1..100) }
        @{ Reason = 'is empty'; Id = 'CaptureUnreadable'; Words = 'truncated'; Bytes = [byte[]]@() }
        @{ Reason = 'has no Ethernet frames'; Id = 'CaptureNotEthernet'; Words = 'link type RAW'; Bytes = [Convert]::FromHexString('d4c3b2a10200040000000000000000000000040065000000') }
    ) {
        [IO.File]::WriteAllBytes("$folder/other", $Bytes)
        Test-XskFilter udp -Path "$folder/other" -ErrorAction SilentlyContinue -ErrorVariable failures | Should -BeNullOrEmpty
        $failures.FullyQualifiedErrorId | Should -Be "$Id,$command"
        $failures.Exception.Message | Should -Match $Words
        $failures.Exception.Message | Should -Match ([regex]::Escape("$folder/other"))
    }

    It 'stops reading where the pipeline ends' {
        (Test-XskFilter udp -Path $file, "$folder/none.pcap" | Select-Object -First 1).Number | Should -Be 1
    }
}

Describe 'The views of Test-XskFilter' -Tag Unit {
    It 'have one line a result and all columns at <_>' -ForEach 80, 120 {
        $lines = @(($udp, $arp | Test-XskFilter udp | Out-String -Width $_) -split '\r?\n' | ForEach-Object TrimEnd | Where-Object { $_ })
        $lines | Should -HaveCount 4
        foreach ($line in $lines) { $line.Length | Should -BeLessOrEqual $_ }
        $lines[0] -split '\s+' | Should -Be 'Match', 'No.', 'Source', 'Destination', 'Protocol', 'Length', 'Info'
        $lines[2] | Should -Match '^True\s+1\s+10\.0\.0\.1\s+10\.0\.0\.2\s+DNS\s+46\s+\S'
        $lines[3] | Should -Match '^False\s+2\s'
    }

    It 'list both programs, an instruction a line, at <_>' -ForEach 80, 120 {
        $program = Test-XskFilter 'udp port 53' -ShowProgram
        $lines = ($program | Out-String -Width $_) -split '\r?\n'
        foreach ($line in $program.ClassicInstructions + $program.Instructions) { $lines | Should -Contain $line }
        ($lines | Where-Object { $_ })[0] | Should -Be 'Filter:   udp port 53'
        foreach ($line in $lines) { $line.Length | Should -BeLessOrEqual $_ }
    }

    It 'name the parts of a filter that is joined or inverted' {
        $lines = (Test-XskFilter 'udp port 53' -NotMatch -ShowProgram).ClassicInstructions
        $lines[0] | Should -Be '; udp port 53'
        $lines[1] | Should -BeLike '(000) *'
    }
}

Describe "Test-XskFilter with a kernel$note" -Tag Netns -Skip:($note -ne '') {
    It 'says that the verifier accepts a program, and how far it went' {
        $program = Test-XskFilter 'udp port 53' -ShowProgram
        $program.Verified | Should -BeTrue
        $program.VerifierSteps | Should -BeGreaterThan $program.ClassicInstructions.Count
        "$program" | Should -Match "^udp port 53: \d+ instructions, accepted by this kernel's verifier"
    }

    It 'leaves no program and no map behind' {
        Test-XskFilter 'udp port 53' -ShowProgram | Should -Not -BeNullOrEmpty
        @(Get-ChildItem -LiteralPath '/proc/self/fd' -ErrorAction Ignore | Where-Object { $_.LinkTarget -match 'bpf' }).Count | Should -Be 0
    }

    It 'chooses packets to send' {
        $cable = New-TestCable
        try {
            $sender = New-XskSocket $cable.Left
            $capture = Start-Capture $cable.Right
            $arp, $udp, $arp | Test-XskFilter 'udp port 53' | Where-Object Match | ForEach-Object Packet | Send-XskFrame $sender
            Stop-Capture $capture -Count 1 | Should -Be $udp.Replace(' ', '')
        }
        finally {
            Get-XskSocket | Remove-XskSocket
            Remove-TestCable $cable
        }
    }
}

Describe "Test-XskFilter without a privilege$unprivileged" -Tag Netns -Skip:($unprivileged -ne '') {
    BeforeAll {
        # The user must be able to read the module and the capture, wherever they are.
        $module = Get-Module -Name XdpPS
        $copy = Join-Path ([IO.Path]::GetTempPath()) "xdpps-unprivileged-$PID"
        $null = New-Item -ItemType Directory -Path "$copy/XdpPS", "$copy/home" -Force
        Copy-Item -LiteralPath $module.ModuleBase -Destination "$copy/XdpPS" -Recurse
        Copy-Item -LiteralPath "$captures/lan.pcap" -Destination $copy
        $null = Invoke-Native chmod -R a+rX $copy
        $null = Invoke-Native chown 65534:65534 "$copy/home"

        function Invoke-Unprivileged {
            param([string] $Script)
            $userHome = $env:HOME
            try {
                $env:HOME = "$copy/home"
                $whole = "`$PSStyle.OutputRendering = 'PlainText'; Import-Module '$copy/XdpPS/$($module.Version)/XdpPS.psd1' -ErrorAction Stop; $Script"
                setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all (Get-PwshPath) -NoProfile -NonInteractive -Command $whole 2>&1 | ForEach-Object { "$_" }
            }
            finally {
                $env:HOME = $userHome
            }
        }
    }

    AfterAll {
        Remove-Item -LiteralPath $copy -Recurse -Force
    }

    It 'tests packets and lists programs, of which the kernel is not asked' {
        $expected = @(Test-XskFilter 'udp port 53' -Path "$captures/lan.pcap" | Where-Object Match).Count
        $expected | Should -BeGreaterThan 0
        $lines = Invoke-Unprivileged "(Get-Content /proc/self/status | Where-Object { `$_ -like 'CapEff*' }) -replace '\D'; @(Test-XskFilter 'udp port 53' -Path $copy/lan.pcap | Where-Object Match).Count; `$p = Test-XskFilter -Port 53 -ShowProgram; `$null -eq `$p.Verified; `$p.Instructions[-1]; `$p.VerifierMessage"
        $lines[0] | Should -Match '^0+$'
        $lines[1..3] | Should -Be "$expected", 'True', (Test-XskFilter -Port 53 -ShowProgram).Instructions[-1]
        $lines[4] | Should -Match '^not verified: .*CAP_NET_ADMIN and CAP_BPF are missing'
    }
}

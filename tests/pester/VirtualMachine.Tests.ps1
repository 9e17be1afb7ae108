# The scripts of tests/vm, without a virtual machine: what they take from the archive, and what they leave when they are ended.
BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $signs = Get-SkipNote -Program gpg, gpgv, curl, xz, dpkg-deb
    $boots = Get-SkipNote -Program ip, timeout
    $runs = Get-SkipNote -Program gpg, gpgv, curl, xz, dpkg-deb, qemu-system-x86_64, busybox, modprobe, cpio, flock, ip, ethtool, tcpreplay, tcpdump
    if (-not $runs) {
        $null = unshare --net ip tuntap add xdpps-probe mode tap 2>&1
        $runs = (uname -m) -ne 'x86_64' ? ' [skipped: needs x86-64]' : $LASTEXITCODE -ne 0 ? ' [skipped: no tap can be made here, or not by this user]' : ''
    }
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    $scripts = (Resolve-Path -LiteralPath "$PSScriptRoot/../vm").Path
}

Describe "What is booted$signs" -Tag Unit -Skip:($signs -ne '') {
    BeforeAll {
        # An archive of one package, signed with a key of our own.
        $archive = "$TestDrive/archive"
        $suite = "$archive/dists/testing-backports"
        $lists = "$suite/main/binary-amd64"
        $null = New-Item -ItemType Directory -Path "$lists/by-hash/SHA256", "$archive/pool", "$TestDrive/made/DEBIAN"
        $gpg = '--homedir', [IO.Directory]::CreateTempSubdirectory('xdpps-gpg-').FullName, '--batch', '--quiet', '--pinentry-mode', 'loopback', '--passphrase', ''
        $null = Invoke-Native gpg @gpg --quick-gen-key archive@example.test ed25519 sign never
        $null = Invoke-Native gpg @gpg --output "$TestDrive/keyring.gpg" --export
        Set-Content -LiteralPath "$TestDrive/made/DEBIAN/control" -Value "Package: made`nVersion: 1`nArchitecture: all`nMaintainer: nobody <nobody@example.test>`nDescription: made"
        Set-Content -LiteralPath "$TestDrive/made/content" -Value 'whole'
        $null = Invoke-Native dpkg-deb --build "$TestDrive/made" "$archive/pool/made.deb"
        $where = "Filename: pool/made.deb`nSHA256: $((Get-FileHash -LiteralPath "$archive/pool/made.deb").Hash.ToLowerInvariant())`n"
        Set-Content -LiteralPath "$TestDrive/list" -Value "Package: made`n${where}`nPackage: linux-image-6.1.0-1-amd64`n$where"
        $null = Invoke-Native sh -c 'xz --stdout "$0" > "$1"' "$TestDrive/list" "$TestDrive/list.xz"
        $sum = (Get-FileHash -LiteralPath "$TestDrive/list.xz").Hash.ToLowerInvariant()
        Copy-Item -LiteralPath "$TestDrive/list.xz" -Destination "$lists/by-hash/SHA256/$sum"
        # The suite of a cell.
        $null = New-Item -ItemType SymbolicLink -Path "$archive/dists/bookworm" -Target $suite

        function Set-Release {
            param([string] $Codename = 'testing-backports')
            Set-Content -LiteralPath "$TestDrive/Release" -Value "Codename: $Codename`nMD5Sum:`n 0 1 main/binary-amd64/Packages.xz`nSHA256:`n $sum 1 main/binary-amd64/Packages.xz"
            $null = Invoke-Native gpg @gpg --yes --output "$suite/InRelease" --clear-sign "$TestDrive/Release"
        }

        # Brings the list and unpacks the package; what it says where it fails.
        function Get-Package {
            $folder = (New-Item -ItemType Directory -Path "$TestDrive/$([guid]::NewGuid().ToString('N'))").FullName
            $script = 'set -euo pipefail; fail() { echo "refused: $*"; exit 1; }; . "$0"; bring_list testing-backports "$1/list" || fail unreachable; unpack "$1/list" made "$1"; cat "$1/content"'
            & env "XDPPS_VM_MIRROR=file://$archive" "XDPPS_VM_KEYRING=$TestDrive/keyring.gpg" bash -c $script "$scripts/archive.sh" $folder 2>&1 | ForEach-Object { "$_" }
        }
    }

    AfterAll {
        $null = Invoke-Native gpgconf --homedir $gpg[1] --kill gpg-agent
        Remove-Item -LiteralPath $gpg[1] -Recurse -Force
    }

    BeforeEach { Set-Release }

    It 'is unpacked where list and package are those that the archive has signed' {
        Get-Package | Should -Be 'whole'
    }

    It 'is what was signed, or is refused, where <What>' -ForEach @(
        @{ What = 'the release is not signed'; Spoil = { Copy-Item -LiteralPath "$TestDrive/Release" -Destination "$suite/InRelease" }; Expected = '^refused: .*no good signature' }
        @{ What = 'the release was changed'; Spoil = { (Get-Content -LiteralPath "$suite/InRelease" -Raw) -replace 'MD5Sum', 'MD6Sum' | Set-Content -LiteralPath "$suite/InRelease" }; Expected = '^refused: .*no good signature' }
        @{ What = 'a sum stands beside what is signed'; Spoil = {
                $evil = "SHA256:`n $('0' * 64) 1 main/binary-amd64/Packages.xz`n"
                Set-Content -LiteralPath "$suite/InRelease" -Value ($evil + (Get-Content -LiteralPath "$suite/InRelease" -Raw))
                Copy-Item -LiteralPath "$TestDrive/Release" -Destination "$lists/by-hash/SHA256/$('0' * 64)" }; Expected = '^whole$' }
        @{ What = 'it is the release of another suite'; Spoil = { Set-Release stable }; Expected = '^refused: .*another suite' }
        @{ What = 'the list is another'; Spoil = { Copy-Item -LiteralPath "$lists/by-hash/SHA256/$sum" -Destination "$TestDrive/kept"; Add-Content -LiteralPath "$lists/by-hash/SHA256/$sum" -Value 'x' }; Expected = '^refused: .*not the one that is signed'; Mend = { Copy-Item -LiteralPath "$TestDrive/kept" -Destination "$lists/by-hash/SHA256/$sum" } }
        @{ What = 'the package is another'; Spoil = { Copy-Item -LiteralPath "$archive/pool/made.deb" -Destination "$TestDrive/kept"; Add-Content -LiteralPath "$archive/pool/made.deb" -Value 'x' }; Expected = '^refused: .*not the one in the list'; Mend = { Copy-Item -LiteralPath "$TestDrive/kept" -Destination "$archive/pool/made.deb" } }
    ) {
        try {
            & $Spoil
            $said = @(Get-Package)
            $said[-1] | Should -Match $Expected -Because "$said"
        }
        finally { if ($_['Mend']) { & $Mend } }
    }

    It "makes a cell <Came>, where <What>$runs" -Skip:($runs -ne '') -ForEach @(
        @{ Came = 'fail'; What = 'the release is not signed'; Mirror = 'archive'; Expected = 'no good signature'; Spoil = { Copy-Item -LiteralPath "$TestDrive/Release" -Destination "$suite/InRelease" } }
        @{ Came = 'fail'; What = 'the package is another'; Mirror = 'archive'; Expected = 'not the one in the list'; Spoil = { Add-Content -LiteralPath "$archive/pool/made.deb" -Value 'x' } }
        @{ Came = 'skip'; What = 'the package cannot be had'; Mirror = 'archive'; Expected = 'linux-image-6.1.0-1-amd64 could not be had'; Spoil = { Remove-Item -LiteralPath "$archive/pool/made.deb" } }
        @{ Came = 'skip'; What = 'the archive cannot be reached'; Mirror = 'nowhere'; Expected = 'could not be had from file:'; Spoil = { } }
    ) {
        Set-Release bookworm
        Copy-Item -LiteralPath "$archive/pool/made.deb" -Destination "$TestDrive/kept"
        try {
            & $Spoil
            $said = @(& env "XDPPS_VM_MIRROR=file://$TestDrive/$Mirror" "XDPPS_VM_KEYRING=$TestDrive/keyring.gpg" (Get-PwshPath) -NoProfile -NonInteractive -File "$scripts/Invoke-VmTest.ps1" -Cell bookworm-veth -Cache "$TestDrive/$([guid]::NewGuid().ToString('N'))")
            $status = $LASTEXITCODE
        }
        finally { Copy-Item -LiteralPath "$TestDrive/kept" -Destination "$archive/pool/made.deb" -Force }
        $word, $counts, $ends = $Came -eq 'fail' ? 'FAILED:', '0 passed, 1 failed, 0 skipped', 1 : 'Skipped', '0 passed, 0 failed, 1 skipped', 0
        $said[-2] | Should -Match "^$word the virtual machine's cell bookworm-veth: .*$Expected" -Because "$said"
        $said[-1], $status | Should -Be $counts, $ends
    }
}

Describe "A virtual machine that is ended$boots" -Tag Netns -Skip:($boots -ne '') {
    It 'goes with its script, and so does its network' {
        $out = (New-Item -ItemType Directory -Path "$TestDrive/out").FullName
        Set-Content -LiteralPath "$out/qemu" -Value "#!/bin/sh`necho `$`$ > $out/pid.part; mv $out/pid.part $out/pid; exec sleep 300"
        $null = Invoke-Native chmod +x "$out/qemu"
        $cell = Start-Program -Program env -Arguments "XDPPS_VM_QEMU=$out/qemu", "$scripts/run-cell.sh", "$TestDrive/kernel", 'none', $out
        try {
            Wait-Until { Test-Path -LiteralPath "$out/pid" } -Seconds 20 | Should -BeTrue
            $machine = (Get-Content -LiteralPath "$out/pid").Trim()
            Test-Path -LiteralPath "/proc/$machine" | Should -BeTrue
            @(ip netns list) -match "^xdpps-vm-$($cell.Id)\b" | Should -HaveCount 1
            $null = Invoke-Native /bin/kill -TERM $cell.Id
            $cell.WaitForExit(20000) | Should -BeTrue
            Test-Path -LiteralPath "/proc/$machine" | Should -BeFalse
            @(ip netns list) -match "^xdpps-vm-$($cell.Id)\b" | Should -BeNullOrEmpty
        }
        finally {
            Stop-Program $cell
            if ((Test-Path -LiteralPath "$out/pid") -and (Test-Path -LiteralPath "/proc/$((Get-Content -LiteralPath "$out/pid").Trim())")) { /bin/kill -KILL (Get-Content -LiteralPath "$out/pid").Trim() }
        }
    }
}

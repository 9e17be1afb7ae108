BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote -Program bpftool, tcpdump
    $alone = Get-SkipNote -Program unshare
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
}

# The long runs are made by hand: docs/fuzzing.md. These show that they run, and that they look.
Describe "A short soak$note" -Tag Netns -Skip:($note -ne '') {
    It 'accounts for every frame and leaves nothing behind' {
        # A minute in CI (.ci/run); a developer who runs all the tests again and again has less to wait for.
        $minutes = $env:XDPPS_SOAK_MINUTES ?? 0.2
        $lines = & (Get-PwshPath) -NoProfile -NonInteractive -File "$PSScriptRoot/../soak/Invoke-Soak.ps1" -Minutes $minutes -Seed $PID -ModulePath $env:XDPPS_TEST_MODULE_PATH
        $LASTEXITCODE | Should -Be 0 -Because ($lines -join "`n")
        $text = $lines -join "`n"
        $text | Should -Match '(?m)^Unaccounted +: 0$'
        [long]($text -replace '(?s).*\nSent +: (\d+).*', '$1') | Should -BeGreaterThan 1000
        $lines | Where-Object { $_.Length -gt 80 } | Should -BeNullOrEmpty
        Write-Host ($lines -match '^(Minutes|Seed|Epochs|Sent|Received|Rx|Link|Opened|Refused)' -replace ' +: ', ' ' -join ', ')
    }
}

Describe "Random arguments$alone" -Tag Netns -Skip:($alone -ne '') {
    It 'are answered by a result or by an error that is documented' {
        $lines = & (Get-PwshPath) -NoProfile -NonInteractive -File "$PSScriptRoot/../fuzz/Invoke-CmdletFuzz.ps1" -Cases 250 -ModulePath $env:XDPPS_TEST_MODULE_PATH
        $LASTEXITCODE | Should -Be 0 -Because ($lines -join "`n")
        $lines -join "`n" | Should -Match '(?m)^Found +: 0$'
        foreach ($outcome in 'result', 'error', 'binding') { $lines -join "`n" | Should -Match "(?m)^Outcomes .*$outcome \d" }
    }
}

# What the files about Test-XdpInterface share.

# One check, which has a remedy where it is not content.
function Get-Check {
    param([string] $Interface, [string] $Name)
    $check = Test-XdpInterface $Interface -Name $Name
    @($check) | Should -HaveCount 1
    $check.Interface, $check.Name | Should -Be $Interface, $Name
    if ($check.Status -eq 'Pass') { $check.Remedy | Should -BeNullOrEmpty }
    return $check
}

# Does what a check advises: a command, or the one in quotes.
function Invoke-Remedy {
    param($Check)
    $command = $Check.Remedy -match "'([^']+)'" ? $Matches[1] : $Check.Remedy
    if ($command -match '^New-XskSocket ') { Invoke-Expression "$command -WarningAction SilentlyContinue" }
    else { $null = Invoke-Native sh -c $command }
}

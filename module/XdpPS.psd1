@{
    RootModule             = 'XdpPS.dll'
    ModuleVersion          = '0.1.0'
    GUID                   = '5f0c2d1e-8a64-4a0b-9a3e-6f5d3c1b7e92'
    Author                 = 'XdpPS contributors'
    CompanyName            = 'XdpPS contributors'
    Copyright              = '(c) XdpPS contributors. MIT licence.'
    Description            = 'AF_XDP sockets (kernel-bypass packet I/O) for network engineers on Linux: open a socket on an interface, see its packets as objects, send frames, read the rings.'
    PowerShellVersion      = '7.6'
    CompatiblePSEditions   = @('Core')
    # Loaded before the type file, which names types of both.
    RequiredAssemblies     = @('XdpPS.Core.dll', 'XdpPS.dll')
    FormatsToProcess       = @('XdpPS.Format.ps1xml')
    TypesToProcess         = @('XdpPS.Types.ps1xml')
    CmdletsToExport        = @(
        'Edit-XskFrame'
        'Export-XskCapture'
        'Export-XskReport'
        'Get-XdpInterface'
        'Get-XdpProgram'
        'Get-XskRingStats'
        'Get-XskSocket'
        'Import-XskCapture'
        'Invoke-XskForward'
        'Measure-XskPath'
        'New-XskFrame'
        'New-XskSocket'
        'Receive-XskPacket'
        'Remove-XskSocket'
        'Send-XskFrame'
        'Start-XskReflector'
        'Stop-XskReflector'
        'Test-XdpInterface'
        'Test-XskFilter'
        'Watch-XskRing'
    )
    FunctionsToExport      = @()
    AliasesToExport        = @()
    VariablesToExport      = @()
    FileList               = @(
        'LICENSE'
        'XdpPS.Core.dll'
        'XdpPS.Core.pdb'
        'XdpPS.Format.ps1xml'
        'XdpPS.Types.ps1xml'
        'XdpPS.dll'
        'XdpPS.pdb'
        'XdpPS.psd1'
        'en-US/XdpPS.dll-Help.xml'
        'en-US/about_XdpFilters.help.txt'
        'en-US/about_XdpPS.help.txt'
        'en-US/about_XdpPerformance.help.txt'
        'en-US/about_XdpPrivileges.help.txt'
        'en-US/about_XdpRings.help.txt'
        'en-US/about_XdpTroubleshooting.help.txt'
    )
    # The project has no address yet that ProjectUri, LicenseUri, IconUri or HelpInfoUri could name.
    PrivateData            = @{
        PSData = @{
            Tags                     = @('PSEdition_Core', 'Linux', 'AF_XDP', 'XDP', 'eBPF', 'Network', 'NIC', 'Packet', 'Capture', 'pcap', 'Benchmark', 'RFC2544')
            RequireLicenseAcceptance = $false
            # The build puts this version's part of CHANGELOG.md here.
            ReleaseNotes             = 'CHANGELOG.md'
        }
    }
}

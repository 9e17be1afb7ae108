BeforeDiscovery {
    Import-Module "$PSScriptRoot/Support.psm1" -Force
    $note = Get-SkipNote
}

BeforeAll {
    Import-Module "$PSScriptRoot/Support.psm1"
    Import-BuiltModule
}

Describe 'Get-XskSocket without a socket' -Tag Unit {
    It 'has the parameter -InterfaceName, which takes wildcards' {
        $fact = Get-ParameterFact Get-XskSocket InterfaceName
        $fact.Type | Should -Be 'String[]'
        $fact.Aliases | Should -Be 'ifAlias,ifName,Interface,InterfaceAlias,Name'
        $fact.Position | Should -Be '0'
        $fact.ByValue, $fact.ByProperty, $fact.Mandatory | Should -Be $true, $true, $false
        (Get-Command Get-XskSocket).Parameters['InterfaceName'].Attributes.TypeId.Name | Should -Contain 'SupportsWildcardsAttribute'
    }

    It 'returns nothing for <_>' -ForEach '*', 'x?', '[ab]*' {
        Get-XskSocket $_ -ErrorVariable failures | Should -BeNullOrEmpty
        $failures | Should -BeNullOrEmpty
    }

    It 'returns nothing without a parameter' {
        Get-XskSocket | Should -BeNullOrEmpty
    }

    It 'reports a name that no socket has' {
        Get-XskSocket nosuch0 -ErrorAction SilentlyContinue -ErrorVariable failures
        $failures.FullyQualifiedErrorId | Should -Be 'SocketNotFound,XdpPS.Commands.GetXskSocketCommand'
        $failures.CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $failures.TargetObject | Should -Be 'nosuch0'
        $failures.Exception.Message | Should -Match "'nosuch0'.*New-XskSocket nosuch0"
    }
}

Describe "Get-XskSocket$note" -Tag Netns -Skip:($note -ne '') {
    BeforeAll {
        $cable = New-TestCable -Queues 2
        $sockets = $cable.Left, $cable.Right | New-XskSocket -QueueId 0, 1
        $left = $sockets[0..1]
        $right = $sockets[2..3]
    }

    AfterAll {
        Get-XskSocket | Remove-XskSocket
        Remove-TestCable $cable
    }

    It 'returns all open sockets in the order in which they were opened' {
        Get-XskSocket | Should -Be $sockets
    }

    It 'returns the sockets of an interface' {
        Get-XskSocket $cable.Right | Should -Be $right
        Get-XskSocket -InterfaceName $cable.Left | Should -Be $left
    }

    It 'returns the sockets that a wildcard matches' {
        Get-XskSocket ($cable.Left -replace 'l(\d+)$', '?$1') | Should -Be $sockets
        Get-XskSocket ($cable.Right -replace '^xp', '*') | Should -Be $right
    }

    It 'takes names, and objects with the property <_>, from the pipeline' -ForEach 'InterfaceName', 'Interface', 'ifAlias', 'InterfaceAlias', 'ifName', 'Name' {
        $cable.Right, $cable.Left | Get-XskSocket | Should -Be ($right + $left)
        [pscustomobject]@{ $_ = $cable.Left } | Get-XskSocket | Should -Be $left
    }

    It 'tells upper from lower case, as Linux does' {
        Get-XskSocket $cable.Left.ToUpperInvariant() -ErrorAction SilentlyContinue -ErrorVariable failures | Should -BeNullOrEmpty
        $failures.Exception.Message | Should -Match "open are $($cable.Left), $($cable.Right)"
    }

    It 'goes on with the next name after one that was not found' {
        Get-XskSocket nosuch0, $cable.Left -ErrorAction SilentlyContinue | Should -Be $left
    }

    It 'does not return what is closed' {
        $left[1], $right[0] | Remove-XskSocket
        Get-XskSocket | Should -Be $left[0], $right[1]
    }

    It 'finds a socket that lost its variable, for Remove-XskSocket' {
        Remove-Variable -Name sockets, left, right -Scope Script -ErrorAction Ignore
        Get-XskSocket $cable.Right | Remove-XskSocket
        (Get-AttachedProgram $cable.Right).Id | Should -Be 0
        (Get-XskSocket).InterfaceName | Should -Be $cable.Left
    }
}

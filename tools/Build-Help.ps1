#Requires -Version 7.6

<#
.SYNOPSIS
    Makes the help of a built module from its markdown: en-US/XdpPS.dll-Help.xml and en-US/about_*.help.txt.
.DESCRIPTION
    Fails, with everything it found, where the pages and the cmdlets differ or a page still has a placeholder.
#>
[CmdletBinding()]
param(
    # Folder of the built module.
    [Parameter(Mandatory)] [string] $Module,
    # Folder of the markdown.
    [Parameter(Mandatory)] [string] $Docs,
    # Manifest of PlatyPS.
    [Parameter(Mandatory)] [string] $PlatyPS
)

Set-StrictMode -Version 3.0
$ErrorActionPreference = 'Stop'

# What is wrong with the pages, one string each.
function Find-Fault {
    param($Pages, $Cmdlets)
    $placeholders = Select-String -Path (Join-Path $Docs '*.md') -Pattern '\{\{ *(Fill|Insert|Add)'
    foreach ($line in $placeholders) { "$($line.Filename):$($line.LineNumber) has a placeholder: $($line.Line.Trim())" }

    $common = [Management.Automation.Cmdlet]::CommonParameters + [Management.Automation.Cmdlet]::OptionalCommonParameters
    foreach ($cmdlet in $Cmdlets) {
        $page = $Pages | Where-Object Title -EQ $cmdlet.Name
        if (-not $page) {
            "$($cmdlet.Name) has no page"
            continue
        }

        $documented = @($page.Parameters.Name)
        foreach ($parameter in $cmdlet.Parameters.Keys) {
            if ($parameter -notin $common -and $parameter -notin $documented) { "$($page.Title).md does not describe -$parameter" }
        }

        foreach ($parameter in $page.Parameters) {
            if (-not $cmdlet.Parameters.ContainsKey($parameter.Name)) { "$($page.Title).md describes -$($parameter.Name), which the cmdlet has not" }
            elseif (-not "$($parameter.Description)".Trim()) { "$($page.Title).md says nothing about -$($parameter.Name)" }
        }
    }

    foreach ($page in $Pages) {
        if ($page.Title -notin $Cmdlets.Name) { "$($page.Title).md is the page of no cmdlet" }
    }
}

# Markdown's inline marks, as plain text has them: none.
function ConvertFrom-InlineMarkdown {
    param([string] $Text)
    $Text -replace '\[([^\]]+)\]\((https?:[^)]+)\)', '$1 ($2)' -replace '\[([^\]]+)\]\([^)]+\)', '$1' -replace '\*\*([^*]+)\*\*', '$1' -replace '`([^`]+)`', '$1'
}

# A paragraph or a list item as lines of at most 80 columns, each with the indent.
function Format-Paragraph {
    param([string] $Text, [string] $First, [string] $Rest)
    $line = $First
    $empty = $true
    foreach ($word in -split $Text) {
        if (-not $empty -and $line.Length + 1 + $word.Length -gt 80) {
            $line
            $line = $Rest
            $empty = $true
        }

        $line += $empty ? $word : " $word"
        $empty = $false
    }

    if (-not $empty) { $line }
}

# An about topic as Get-Help shows it: headings in capitals, text indented by four, code by eight.
function ConvertTo-AboutTopic {
    param([string[]] $Markdown)
    $paragraph = ''
    $first = $rest = ' ' * 4
    $code = $false
    foreach ($line in @($Markdown) + '') {
        $ends = $code -or $line -match '^\s*$|^#|^```|^\||^\s*([-*]|\d+\.) '
        if ($ends -and $paragraph) {
            Format-Paragraph $paragraph $first $rest
            $paragraph = ''
        }

        if ($line -match '^```') { $code = -not $code }
        elseif ($code) { "        $line".TrimEnd() }
        elseif ($line -match '^# +(?<Title>.+)') { 'TOPIC', "    $($Matches.Title)" }
        elseif ($line -match '^## +(?<Title>.+)') { (ConvertFrom-InlineMarkdown $Matches.Title).ToUpperInvariant() }
        elseif ($line -match '^#+ +(?<Title>.+)') { '  ' + (ConvertFrom-InlineMarkdown $Matches.Title) }
        elseif ($line -match '^\|') { '    ' + (ConvertFrom-InlineMarkdown $line) }
        elseif ($line -match '^\s*$') { '' }
        elseif ($line -match '^(?<Indent>\s*)(?<Mark>[-*]|\d+\.) +(?<Text>.*)') {
            $first = '    ' + $Matches.Indent + $Matches.Mark + ' '
            $rest = ' ' * $first.Length
            $paragraph = ConvertFrom-InlineMarkdown $Matches.Text
        }
        else {
            if (-not $paragraph) { $first = $rest = ' ' * 4 }
            $paragraph = "$paragraph $(ConvertFrom-InlineMarkdown $line)".Trim()
        }
    }
}

# Get-Help takes a topic's synopsis from its fifth line, under TOPIC, the name, an empty line and SHORT DESCRIPTION.
function Save-AboutTopic {
    param([IO.FileInfo] $Source, [string] $Destination)
    $body = (Get-Content -LiteralPath $Source.FullName -Raw) -replace '(?s)\A---\r?\n.*?\n---\r?\n'
    $text = (ConvertTo-AboutTopic ($body.Trim() -split '\r?\n')) -join "`n" -replace '\n{3,}', "`n`n" -creplace '(?m)^([A-Z][^a-z\n]*)\n\n', "`$1`n"
    Set-Content -LiteralPath (Join-Path $Destination "$($Source.BaseName).help.txt") -Value $text.TrimEnd()
}

# A command as one types it: the prompt before the first line, and before a line inside a block or a continued one.
function Add-Prompt {
    param([string] $Code)
    $depth = 0
    $lines = foreach ($line in $Code -split '\r?\n') {
        $prompt = $depth -gt 0 -or $line -match '^[\s})]|^(catch|finally|else)\b' ? '>> ' : 'PS> '
        $depth += ($line -replace '[^{(]').Length - ($line -replace '[^})]').Length
        "$prompt$line"
    }

    $lines -join "`n"
}

# PlatyPS leaves the fences around code, and puts U+0080 between the blocks of an example, which a terminal shows as
# rubbish. Get-Help drops empty paragraphs and trims the others: all of an example becomes one paragraph, so that
# the first line of a table stays in its place.
function ConvertTo-PlainExample {
    param([string] $Maml)
    $plain = $Maml -replace '(?s)<maml:para>```(\w*)\r?\n(.*?)\r?\n```</maml:para>', {
        $language, $text = $_.Groups[1].Value, $_.Groups[2].Value
        "<maml:para>$($language -eq 'powershell' ? (Add-Prompt $text) : $text)</maml:para>"
    }
    $plain -replace '</maml:para>\s*<maml:para>(\x80|&#x80;)</maml:para>\s*<maml:para>', "`n`n"
}

$Module = (Resolve-Path -LiteralPath $Module).ProviderPath
Import-Module -Name $PlatyPS
$cmdlets = @((Import-Module -Name (Join-Path $Module 'XdpPS.psd1') -PassThru).ExportedCmdlets.Values)
$pages = @(Get-Item -Path (Join-Path $Docs '*-*.md') | Import-MarkdownCommandHelp)
$faults = @(Find-Fault $pages $cmdlets)
if ($faults) {
    $faults | ForEach-Object { Write-Host "docs: $_" }
    Write-Host "The help was not built: $($faults.Count) faults in $Docs."
    exit 1
}

$help = Join-Path $Module 'en-US'
$scratch = [IO.Directory]::CreateTempSubdirectory('xdpps-help-').FullName
try {
    $null = New-Item -ItemType Directory -Path $help -Force
    # PlatyPS puts the file into a folder named after the module.
    $maml = $pages | Export-MamlCommandHelp -OutputFolder $scratch -Force
    Set-Content -LiteralPath (Join-Path $help 'XdpPS.dll-Help.xml') -Value (ConvertTo-PlainExample (Get-Content -LiteralPath $maml.FullName -Raw)) -NoNewline
    Get-Item -Path (Join-Path $Docs 'about_*.md') | ForEach-Object { Save-AboutTopic $_ $help }
}
finally {
    Remove-Item -LiteralPath $scratch -Recurse -Force -ErrorAction Ignore
}

# Modules from the PowerShell Gallery that the build needs: what is brought where it is missing, and the oldest that does.
@{
    'Pester'                       = @{ Version = '5.9.0'; Minimum = '5.7.0' }
    'Microsoft.PowerShell.PlatyPS' = @{ Version = '1.0.3'; Minimum = '1.0.0' }
}

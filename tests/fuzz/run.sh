#!/usr/bin/env bash
# tests/fuzz/run.sh TARGET MINUTES [FOLDER]
# Fuzzes one part for so many minutes of CPU time: dissection, editing, capture, continuing, programs, damaged-programs,
# expressions, guided by coverage, or cmdlets, where it is only counted. FOLDER (output/fuzz) gets the corpus as it is at
# the end, an input that failed, and the coverage; tests/fuzz/Show-Coverage.ps1 shows the last. XDPPS_FUZZ_SEED chooses
# other mutations.
# Build first: dotnet build tests/XdpPS.Core.Tests, and for cmdlets also build.ps1
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$1
minutes=$2
folder=$(mkdir -p "${3:-output/fuzz}" && cd "${3:-output/fuzz}" && pwd)
case $target in
  dissection) test=DissectionFuzzTests.Dissection ;;
  editing) test=DissectionFuzzTests.Editing ;;
  capture) test=CaptureFuzzTests.Reading ;;
  continuing) test=CaptureFuzzTests.Continuing ;;
  programs) test=FilterFuzzTests.Programs ;;
  damaged-programs) test=FilterFuzzTests.Damaged_programs ;;
  expressions) test=FilterFuzzTests.Expressions ;;
  cmdlets) test=CmdletFuzzTests.Cmdlets ;;
  *) sed -n '2,7s/^# //p' "$0"; exit 2 ;;
esac

# Coverlet writes into the assemblies: each run has its own. It leaves those alone whose sources are not where the PDB says,
# and there the paths are mapped: hence ExcludeAssembliesWithoutSources.
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
cp -r tests/XdpPS.Core.Tests/bin/Debug/net10.0/. "$copy"
if [ "$target" = cmdlets ]; then
  # The assembly without native code, since counters could not be put into that.
  cp src/XdpPS/bin/Release/net10.0/XdpPS.{dll,pdb} "$copy"
  mkdir -p "$copy/module"
  cp -r output/XdpPS "$copy/module"
  export XDPPS_FUZZ_SCRIPT=$PWD/tests/fuzz/Invoke-CmdletFuzz.ps1
fi
# On a machine that has no time for this, the parts of the test platform are long in finding each other.
export VSTEST_CONNECTION_TIMEOUT=${VSTEST_CONNECTION_TIMEOUT:-600}
version=$(sed -n 's/.*"coverlet.collector" Version="\([^"]*\)".*/\1/p' Directory.Packages.props)
packages=$(dotnet nuget locals global-packages --list | sed 's/^global-packages: //')
status=0
export XDPPS_FUZZ_KEEP=$folder XDPPS_FUZZ_SECONDS=$((minutes * 60))
dotnet test "$copy/XdpPS.Core.Tests.dll" --filter "FullyQualifiedName~$test" --results-directory "$copy/results" \
  --test-adapter-path "$packages/coverlet.collector/$version/build/netstandard2.0" --collect "XPlat Code Coverage" --logger 'console;verbosity=detailed' \
  -- DataCollectionRunSettings.DataCollectors.DataCollector.Configuration.Include='[XdpPS.Core]*,[XdpPS]*' \
  DataCollectionRunSettings.DataCollectors.DataCollector.Configuration.ExcludeAssembliesWithoutSources=None | grep -E 'fuzz |Failed|Error|error|Exception|Hex|input ' || status=${PIPESTATUS[0]}
mv "$copy"/results/*/coverage.cobertura.xml "$folder/$target.cobertura.xml"
# Of what was found: not that the coverage was written.
exit "$status"

#!/usr/bin/env bash
# tests/vm/guest-tests.sh ROOT RUN...
# Runs in the virtual machine: tests of the project in ROOT, with what came of them in /out. A RUN is one of
#   card:MODE           NetworkCard.Tests.ps1 bound with MODE, into /out/card-MODE.json
#   card:MODE:optional  the same where the driver may be unable to
#   traffic:MODE[:optional]  the same in short, guest-traffic.ps1, without Pester, which takes a minute to start under emulation
#   plan:FILTER         the kernel's test plan between the two cards, into /out/plan.trx
#   xunit:FILTER        tests of XdpPS.Core.Tests over veth, into /out/xunit.trx
#   pester:FILES        files of the Pester suite over veth, into /out/pester.json
set -uo pipefail

root=$1
shift
cd "$root" || exit 1
configuration=${XDPPS_VM_CONFIGURATION:-Release}

# A virtual machine under emulation starts .NET twice as fast without two conveniences of its compiler.
export DOTNET_EnableWriteXorExecute=0 DOTNET_TieredPGO=0
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 POWERSHELL_TELEMETRY_OPTOUT=1 POWERSHELL_UPDATECHECK=Off NO_COLOR=1
# The machine is there for tests alone: its clock may be stepped.
export XDPPS_VM=1

ask() {
  local asked
  asked=$(($(find /out -name 'answer.*' | wc -l) + 1))
  echo "$*" > /out/request.tmp
  mv /out/request.tmp "/out/ask.$asked"
  for _ in $(seq 1000); do
    if [ -e "/out/answer.$asked" ]; then return; fi
    sleep 0.05
  done
  echo "The host did not answer '$*'."
}

# suite NAME FILTER: 'dotnet test' would look at the projects first.
suite() {
  dotnet vstest "tests/XdpPS.Core.Tests/bin/$configuration/net10.0/XdpPS.Core.Tests.dll" --nologo "--TestCaseFilter:$2" \
    --ResultsDirectory:/out "--logger:trx;LogFileName=$1.trx" '--logger:console;verbosity=normal'
}

# pester FILES SUMMARY [ARGUMENT...]
pester() {
  # A namespace of its own would have no cards; the machine itself is one.
  XDPPS_TEST_OUTER_NAMESPACE=host pwsh -NoProfile -NonInteractive -File tests/pester/Invoke-Tests.ps1 -ModulePath output \
    ${XDPPS_VM_PESTER:+-PesterPath "$XDPPS_VM_PESTER"} -Path "$1" -SummaryPath "/out/$2.json" -Output Detailed
}

uname -v > /out/kernel
if [ -e /sys/class/net/eth0/device/driver ]; then basename "$(readlink /sys/class/net/eth0/device/driver)" > /out/driver; fi
carried=""
# Without IPv6 the kernel sends nothing of its own through the cards.
for file in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 > "$file"; done
for run in "$@"; do
  echo "== $run ($(cut -d ' ' -f 1 /proc/uptime) s after the boot)"
  what=${run#*:}
  case $run in
    card:*)
      case $what in *:optional) export XDPPS_VM_MAY_REFUSE=1 ;; *) unset XDPPS_VM_MAY_REFUSE ;; esac
      export XDPPS_VM_BIND=${what%:optional}
      pester ../vm/NetworkCard "card-$XDPPS_VM_BIND"
      ;;
    traffic:*)
      # All modes at once.
      if [ -n "$carried" ]; then continue; fi
      carried=yes
      pwsh -NoProfile -NonInteractive -File tests/vm/guest-traffic.ps1 -Root "$root" -Bind "$(printf '%s\n' "$@" | sed -n 's/^traffic:\([A-Za-z]*\).*/\1/p' | paste -sd ,)"
      ;;
    plan:*)
      # What one card sends, the other is to receive.
      ask join
      for card in eth0 eth1; do
        ethtool -L "$card" combined 1 2>/dev/null
        ip link set "$card" promisc on up
      done
      XDPPS_PLAN_CARDS=eth0,eth1 suite plan "$what"
      ask part
      ;;
    xunit:*) suite xunit "$what" ;;
    pester:*) pester "$what" pester ;;
  esac
done
echo "== done ($(cut -d ' ' -f 1 /proc/uptime) s after the boot)"

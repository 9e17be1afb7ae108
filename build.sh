#!/usr/bin/env bash
# The front door: ./build.sh build|test|vmtest|demo|docs|package|bench|clean
# Sets the machine up and hands over to build.ps1; without PowerShell it does what can be done without.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
configuration=Release
pwsh_missing=""
# What tests/vm needs besides; where it is not there, that is skipped.
virtual_machine=(qemu-system-x86_64 busybox modprobe cpio curl gpgv flock xz dpkg-deb)

export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 POWERSHELL_TELEMETRY_OPTOUT=1 POWERSHELL_UPDATECHECK=Off

say() { printf '%s\n' "$*"; }

fail() {
  printf 'build.sh: %s\n' "$*" >&2
  exit 1
}

usage() {
  say "Usage: ./build.sh build|test|vmtest|demo|docs|package|bench|clean"
  say "  demo   two interfaces joined by a cable, a few frames, what arrived (root)"
  say "  test   the xunit and Pester suites (root)"
  say "  vmtest the tests on other kernels and network cards, in virtual machines (root)"
  say "  build  the module, in output/XdpPS/<version>"
  say "  bench  measures against C and the usual tools, into docs/benchmarks.md (root, gcc, libxdp-dev)"
  say "  docs   the module's help, from docs/en-US"
  say "  package  output/XdpPS.<version>.nupkg, for any architecture"
  say "  clean  removes what the others made"
}

# become_root TASK: goes on as root, through sudo where it is there.
become_root() {
  if [ "$(id -u)" -eq 0 ]; then return; fi
  if ! command -v sudo >/dev/null; then
    fail "$1 makes network namespaces and loads XDP programs, which needs root; there is no sudo here, so run './build.sh $1' as root."
  fi
  exec sudo env "PATH=$PATH" ${XDPPS_SOAK_MINUTES:+"XDPPS_SOAK_MINUTES=$XDPPS_SOAK_MINUTES"} "$root/build.sh" "$1"
}

# give_back: what root made in somebody else's folder belongs to them.
give_back() {
  if [ "$(id -u)" -ne 0 ] || [ "$(stat -c %u "$root")" -eq 0 ]; then return; fi
  find "$root" -path "$root/.git" -prune -o -user 0 -exec chown -h --reference="$root" {} + || true
}

check_dotnet() {
  command -v dotnet >/dev/null || fail "the .NET 10 SDK is missing: install dotnet-sdk-10.0 with your package manager, or see https://dot.net/download"
  local newest
  newest=$(dotnet --list-sdks | sed 's/\..*//' | sort -n | tail -n 1)
  [ "${newest:-0}" -ge 10 ] || fail "the .NET 10 SDK is missing (the newest here is ${newest:-none}): install dotnet-sdk-10.0, or see https://dot.net/download"
  # A tool of dotnet's looks for its runtime there; dotnet itself knows.
  export DOTNET_ROOT="${DOTNET_ROOT:-$(dirname "$(readlink -f "$(command -v dotnet)")")}"
}

# package_of MANAGER COMMAND: the package that has a command.
package_of() {
  case $1:$2 in
    apt-get:ip) echo iproute2 ;;
    dnf:ip) echo iproute ;;
    apt-get:ping) echo iputils-ping ;;
    dnf:ping) echo iputils ;;
    apt-get:setcap) echo libcap2-bin ;;
    dnf:setcap) echo libcap ;;
    apt-get:pgrep) echo procps ;;
    dnf:pgrep) echo procps-ng ;;
    apt-get:qemu-system-x86_64) echo qemu-system-x86 ;;
    dnf:qemu-system-x86_64) echo qemu-system-x86-core ;;
    apt-get:busybox) echo busybox-static ;;
    *:modprobe) echo kmod ;;
    apt-get:xz) echo xz-utils ;;
    dnf:dpkg-deb) echo dpkg ;;
    *:sshd) echo openssh-server ;;
    *:trafgen) echo netsniff-ng ;;
    *:taskset | *:flock) echo util-linux ;;
    dnf:gpgv) echo gnupg2 ;;
    *) echo "$2" ;;
  esac
}

# install_commands COMMAND...: installs the packages of those that are missing. What cannot be installed is said, and
# the work goes on: whatever needs it says so too.
install_commands() {
  local manager=apt-get command
  local packages=() refused=()
  if ! command -v apt-get >/dev/null && command -v dnf >/dev/null; then manager=dnf; fi
  for command in "$@"; do
    command -v "$command" >/dev/null || packages+=("$(package_of "$manager" "$command")")
  done
  [ ${#packages[@]} -gt 0 ] || return 0

  if command -v "$manager" >/dev/null; then
    say "Installing ${packages[*]} ..."
    if [ "$manager" = apt-get ]; then apt-get update -qq >/dev/null 2>&1 || true; fi
    local package
    for package in "${packages[@]}"; do
      DEBIAN_FRONTEND=noninteractive "$manager" install -y -q "$package" </dev/null >/dev/null 2>&1 || refused+=("$package")
    done
  else
    refused=("${packages[@]}")
    manager="your package manager:"
  fi
  [ ${#refused[@]} -eq 0 ] || say "Not installed: ${refused[*]}. Try: $manager install ${refused[*]}"
}

# install_headers: those of libxdp, which the benchmark's C programs are built with. Where they cannot be had, the build says so.
install_headers() {
  local manager package
  [ ! -e /usr/include/xdp/xsk.h ] || return 0
  for manager in apt-get:libxdp-dev dnf:libxdp-devel; do
    package=${manager#*:}
    if ! command -v "${manager%:*}" >/dev/null; then continue; fi
    say "Installing $package ..."
    DEBIAN_FRONTEND=noninteractive "${manager%:*}" install -y -q "$package" </dev/null >/dev/null 2>&1 || true
    return 0
  done
}

# new_enough TEXT: "PowerShell 7.6.1" is, being on .NET 10.
new_enough() {
  [[ $1 =~ ^PowerShell\ ([0-9]+)\.([0-9]+) ]] || return 1
  ((BASH_REMATCH[1] > 7 || (BASH_REMATCH[1] == 7 && BASH_REMATCH[2] >= 6)))
}

# find_pwsh: puts a PowerShell that can load the module on PATH: the one there, else the pinned dotnet tool.
# Where there is none, pwsh_missing says why.
find_pwsh() {
  local found="not on PATH"
  if command -v pwsh >/dev/null; then
    if new_enough "$(pwsh --version 2>/dev/null)"; then return; fi
    found="older than 7.6 on PATH"
  fi

  local log="$root/output/dotnet-tool.log" pinned packages dll
  pinned=$(sed -n 's/.*"version": "\([0-9.]*\)".*/\1/p' "$root/.config/dotnet-tools.json")
  mkdir -p "$root/output"
  if ! timeout 300 dotnet tool restore >"$log" 2>&1; then
    pwsh_missing="pwsh is $found, and the dotnet tool PowerShell $pinned could not be restored: $(tail -n 1 "$log")"
    return
  fi
  packages=$(dotnet nuget locals global-packages --list | sed 's/^global-packages: //')
  dll=$(find "$packages/powershell/$pinned" -name pwsh.dll -path '*/any/unix/*' 2>/dev/null | head -n 1 || true)
  if [ -z "$dll" ]; then
    pwsh_missing="pwsh is $found, and the dotnet tool PowerShell $pinned has no pwsh.dll where it was looked for"
    return
  fi
  # 'dotnet tool run' works below this folder only, and the tests start pwsh elsewhere.
  mkdir -p "$root/output/bin"
  printf '#!/bin/sh\nexec dotnet "%s" "$@"\n' "$dll" > "$root/output/bin/pwsh"
  chmod +x "$root/output/bin/pwsh"
  export PATH="$root/output/bin:$PATH"
}

module_version() {
  sed -n "s/^ *ModuleVersion *= *'\([^']*\)'.*/\1/p" "$root/module/XdpPS.psd1"
}

# compile PATH: a project or the solution.
compile() {
  dotnet msbuild "$1" -restore -nologo -verbosity:quiet -tl:off "-p:Configuration=$configuration" "-p:Version=$(module_version)"
}

build_without_pwsh() {
  compile XdpPS.sln
  fail "compiled, but the module folder in output/ was not made, nor its help, because PowerShell is not there: $pwsh_missing"
}

test_without_pwsh() {
  local passed failed skipped
  compile XdpPS.sln
  tools/run-xunit.sh "$configuration" output/TestResults tests/XdpPS.Core.Tests
  read -r passed failed skipped < output/TestResults/XdpPS.Core.Tests.counts
  say ""
  say "The cmdlets' tests (Pester) were not run, because PowerShell is not there: $pwsh_missing"
  say "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
}

demo_without_pwsh() {
  compile samples/XdpPS.Demo
  say "The cmdlets are not shown, only the library below them, because PowerShell is not there: $pwsh_missing"
  say ""
  tools/with-cable.sh dotnet "samples/XdpPS.Demo/bin/$configuration/net10.0/XdpPS.Demo.dll" left right
}

vmtest_without_pwsh() {
  fail "nothing was tested, because PowerShell is not there: $pwsh_missing"
}

docs_without_pwsh() {
  fail "the help was not built, because PowerShell is not there: $pwsh_missing"
}

bench_without_pwsh() {
  fail "nothing was measured, because PowerShell is not there: $pwsh_missing"
}

package_without_pwsh() {
  fail "the package was not made, because PowerShell is not there: $pwsh_missing"
}

clean() {
  rm -rf output
  find src tests samples bench -type d \( -name bin -o -name obj -o -name TestResults \) -prune -exec rm -rf {} +
}

main() {
  local task=${1:-}
  cd "$root"
  # Debian keeps ip and ethtool where a user's PATH does not lead.
  export PATH="$PATH:/usr/sbin:/sbin"
  # A file or a CI log gets no colours.
  if [ ! -t 1 ]; then export NO_COLOR=1; fi

  case $task in
    clean) clean; return ;;
    build | docs | package) ;;
    demo) become_root demo; install_commands ip ethtool ;;
    test)
      become_root test
      install_commands ip ethtool tcpdump tcpreplay bpftool ping trafgen setcap pgrep tmux chromium "${virtual_machine[@]}"
      # The fleet's test starts an sshd of its own. Where systemd runs, the package would leave one running on the machine.
      if [ ! -d /run/systemd/system ]; then install_commands sshd; fi
      ;;
    vmtest) become_root vmtest; install_commands ip ethtool tcpdump tcpreplay bpftool ping trafgen setcap pgrep "${virtual_machine[@]}" ;;
    bench) become_root bench; install_commands ip ethtool tcpdump tcpreplay trafgen gcc taskset; install_headers ;;
    *) usage; exit 2 ;;
  esac

  trap give_back EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  check_dotnet
  if [ "$task" = demo ] && ! command -v ip >/dev/null; then fail "the demo needs ip, of iproute2"; fi
  find_pwsh
  if [ -n "$pwsh_missing" ]; then
    "${task}_without_pwsh"
  else
    pwsh -NoProfile -NonInteractive -File build.ps1 -Task "$task" -Configuration "$configuration"
  fi
}

main "$@"

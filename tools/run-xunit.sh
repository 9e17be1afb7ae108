#!/usr/bin/env bash
# tools/run-xunit.sh CONFIGURATION RESULTS PROJECT
# Runs a built xunit project, names every skipped test with its reason, prints what tests have to report, and writes
# "passed failed skipped" to RESULTS/NAME.counts. A run that ended without a result, or that skipped everything, counts as one failure more.
set -euo pipefail

configuration=$1
results=$2
project=$3
name=$(basename "$project")
trx="$results/$name.trx"

# print_skipped: one line a skipped test, from the trx's results and the message in each.
print_skipped() {
  awk '
    /<UnitTestResult .*outcome="NotExecuted"/ {
      test = $0; sub(/.* testName="/, "", test); sub(/" .*/, "", test)
      reason = "no reason given"; open = 1
    }
    open && /<Message>/ { reason = $0; sub(/.*<Message>/, "", reason); sub(/<\/Message>.*/, "", reason) }
    open && (/<\/UnitTestResult>/ || /<UnitTestResult .*\/>/) { print "Skipped " test ": " reason; open = 0 }
  ' "$trx" | unescape
}

# print_reports: what tests wrote to their output, from the trx, each line after its test's name.
print_reports() {
  awk '
    /<UnitTestResult / { test = $0; sub(/.* testName="([A-Za-z0-9_]*\.)*/, "", test); sub(/[(" ].*/, "", test) }
    /<UnitTestResult .*\/>/ || /<\/UnitTestResult>/ { test = "" }
    test != "" && /<StdOut>/ { open = 1; sub(/.*<StdOut>/, "") }
    open { line = $0; sub(/<\/StdOut>.*/, "", line); if (line != "") print test ": " line }
    /<\/StdOut>/ { open = 0 }
  ' "$trx" | unescape
}

unescape() {
  sed -e 's/&quot;/"/g' -e "s/&apos;/'/g" -e 's/&#xD;//g' -e 's/&lt;/</g' -e 's/&gt;/>/g' -e 's/&amp;/\&/g'
}

# counter NAME: an attribute of the trx's Counters element.
counter() {
  sed -n "s/.*<Counters.* $1=\"\([0-9]*\)\".*/\1/p" "$trx"
}

mkdir -p "$results"
rm -f "$trx" "$results/$name.counts"
exit_code=0
dotnet test "$project" --configuration "$configuration" --no-build --nologo --results-directory "$results" \
  --logger "trx;LogFileName=$name.trx" --logger 'console;verbosity=minimal' \
  --blame-hang-timeout 10m --blame-hang-dump-type none || exit_code=$?

passed=0 failed=0 skipped=0
if [ -f "$trx" ]; then
  print_skipped
  print_reports
  passed=$(counter passed)
  skipped=$(($(counter total) - $(counter executed)))
  failed=$(($(counter executed) - passed))
fi
if [ "$exit_code" -ne 0 ] && [ "$failed" -eq 0 ]; then
  echo "FAILED: $name did not run to its end (dotnet test exited with $exit_code)."
  failed=1
elif [ $((passed + failed)) -eq 0 ]; then
  echo "FAILED: $name ran no test."
  failed=1
fi
echo "$passed $failed $skipped" > "$results/$name.counts"

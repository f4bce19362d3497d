#!/usr/bin/env bash
# The static probes are in the file, each with its argument.
# Usage: probes.sh LIBRARY
# SPDX-License-Identifier: MIT
set -eu
notes=$(readelf -n "$1")
for name in cycle_begin pause_begin pause_end cycle_end; do
    grep -A3 "Provider: gcx" <<<"$notes" | grep -A2 "Name: $name\$" | grep -q "Arguments: ." ||
        { echo "no probe $name in $1"; exit 1; }
done

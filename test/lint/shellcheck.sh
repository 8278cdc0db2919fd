#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Arguments: SHELLCHECK ROOT. No shell script of the tree has a finding.
set -euo pipefail

cd "$2"
mapfile -t files < <({
  find .ci bench src test tools -type f -name '*.sh'
  find .ci bench src test tools -type f -exec grep -lE -m 1 '^#!.*[ /](ba)?sh$' {} +
} | sort -u)
((${#files[@]})) || { echo "no script found below $2" && exit 1; }
"$1" --external-sources "${files[@]}"
echo "${#files[@]} files"

#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# docs_test.sh DOXYGEN ROOT OUTPUT COMPONENT...: makes the reference pages of the components' public
# headers in OUTPUT; an undocumented declaration is an error. Shown first to catch one of each kind.
set -euo pipefail

doxygen=$1 root=$2 output=$3
shift 3

# Prints enumerators, concepts and empty types without a comment, which doxygen itself lets pass.
list_undocumented() {
  awk '
    function judge(kind) {
      if (!said) print type_name ": " kind " " name " is not documented"
    }
    /<compounddef / {
      type = /kind="concept"/ || (/kind="(struct|class|union)"/ && /prot="public"/)
      wants = 1
      said = 0
    }
    wants && /<(compound)?name>/ { name = $0; gsub(/^ *<[a-z]*>|<.*$/, "", name); wants = 0 }
    /<sectiondef / { members = 1 }
    /<\/sectiondef>/ { members = 0; said = 0 }
    /<enumvalue / { wants = 1; said = 0; value = 1 }
    /<para>/ && (value || !members) { said = 1 }
    /<\/enumvalue>/ { judge("enumerator"); value = 0 }
    /<compoundname>/ { type_name = name }
    /<\/compounddef>/ && type { name = type_name; judge("type") }' "$1"/*.xml
}

# make_pages OUTPUT INPUT...: fails, and says why, if something in the inputs is not documented.
make_pages() {
  local pages=$1 missing
  shift
  rm -rf "$pages"
  mkdir -p "$pages"
  {
    cat "$root/test/lint/Doxyfile"
    printf 'OUTPUT_DIRECTORY = "%s"\nSTRIP_FROM_PATH = "%s"\n' "$pages" "$root"
    printf 'INPUT += "%s"\n' "$@"
  } | "$doxygen" - || return 1
  missing=$(list_undocumented "$pages/xml")
  [[ -z $missing ]] || {
    printf '%s\n' "$missing" >&2
    return 1
  }
}

# must_catch DECLARATION TEXT: the declaration, in a documented namespace, is refused with TEXT.
must_catch() {
  local small=$output/small said
  rm -rf "$small"
  mkdir -p "$small"
  printf '/// \\namespace small\n/// Documented.\nnamespace small {\n%s\n}\n' "$1" >"$small/small.hpp"
  if said=$(make_pages "$small/pages" "$small" 2>&1); then
    printf 'let pass: %s\n' "$1"
    exit 1
  fi
  [[ $said == *"$2"* ]] || {
    printf 'refused for another reason: %s\n%s\n' "$1" "$said"
    exit 1
  }
}

must_catch 'void free_function();' 'free_function'
must_catch 'struct Bare { void call(); };' 'Bare'
must_catch 'struct Empty {};' 'type small::Empty'
must_catch 'inline constexpr int kConstant = 1;' 'kConstant'
must_catch $'/// Documented.\nstruct Some { int field; };' 'field'
must_catch $'/// Documented.\nclass Some { public: Some(Some&& other); };' 'Some'
must_catch $'/// Documented.\nenum class Some { first };' 'enumerator first'
must_catch 'template <class T> concept Thing = true;' 'type small::Thing'

inputs=("$root/test/lint/namespaces.dox")
for component; do
  inputs+=("$root/src/$component/include")
done
make_pages "$output/pages" "${inputs[@]}"
headers=$(find "${inputs[@]:1}" -name '*.hpp' | wc -l)
((headers)) || { echo "no public header found for $*" && exit 1; }
echo "$headers headers of $*: $output/pages/html/index.html"

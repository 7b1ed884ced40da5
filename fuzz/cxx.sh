#!/bin/sh
# clang for the fuzz build: openh264 gets the sanitizer and coverage, libFuzzer itself must not.
case "$PWD$*" in
  *openh264*) exec clang++ -fsanitize=address,fuzzer-no-link "$@" ;;
  *) exec clang++ "$@" ;;
esac

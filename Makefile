# SPDX-License-Identifier: Apache-2.0
#
# The commands people type.  Each installs what it needs (scripts/setup) and
# builds out of tree, in build/.  `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help demo up test build install debug bench size powercut fuzz format
.PHONY: race clean

SECONDS ?= 30
# Most system tests wait for a device or a timer: several fit on a core.
JOBS ?= $(shell expr 3 \* $$(nproc))
CUTS ?= 300000
SEED ?= 1
PREFIX ?= /usr/local
# Where nginx, Avahi and ip lie; su leaves these folders out.
export PATH := $(PATH):/usr/sbin:/sbin

help: ## list the targets
	@echo "Otter, over-the-air updates for ESP8266-class devices"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | \
	    awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

demo: ## update virtual devices end to end and watch it
	@scripts/setup demo
	@$(MAKE) -s programs
	@scripts/demo

up: ## an update server, its console and devices, until Ctrl-C
	@scripts/setup demo
	@$(MAKE) -s programs
	@scripts/up

test: ## everything a change must pass
	@scripts/setup test
	@scripts/browser
	@$(MAKE) -s programs debug
	@ctest --test-dir build/debug -j$(JOBS) --output-on-failure --no-tests=error

build: ## the programs, into build/bin
	@scripts/setup build
	@$(MAKE) -s programs

install: ## programs and otterd's unit, below PREFIX (/usr/local)
	@scripts/setup build
	@$(MAKE) -s programs
	@cmake build/release -DCMAKE_INSTALL_PREFIX=$(PREFIX) >/dev/null
	@cmake --build build/release >/dev/null
	@cmake --install build/release

bench: ## figures measured side by side, never asserted
	@scripts/setup build
	@$(MAKE) -s programs
	@scripts/bench

size: ## bytes and stack on the chip
	@scripts/setup build lx106
	@scripts/size

powercut: ## cut the power CUTS times (SEED repeats a run)
	@scripts/setup test
	@scripts/powercut --cuts $(CUTS) --seed $(SEED)

race: ## the server's threads, watched
	@scripts/setup test
	@scripts/race

fuzz: ## each parser for SECONDS seconds
	@scripts/setup fuzz
	@scripts/fuzz $(SECONDS)

format: ## put the sources into the house style
	@scripts/setup check
	@scripts/check-format --fix

clean: ## remove build/
	rm -rf build

# Not for people: the two builds that the targets above use.
.PHONY: programs
programs:
	@scripts/build release

debug:
	@scripts/build debug

# One target a verb. `make book` and `make test` are all a newcomer needs.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin
HTML := _build/html
SPELLING := tools/spelling

.PHONY: help book serve slides pdf zip test oldest newest lint notebooks drawings heights results bench clean
.DEFAULT_GOAL := help

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "%-12s%s\n", $$1, $$2}' Makefile

book: .venv/.installed _build/extra/vendor/katex/LICENSE _build/letters.css _build/extra/vendor/onnxruntime/LICENSE _build/extra/vendor/onnx_proto/LICENSE _build/extra/networks _build/extra/networks/training _build/.library  ## install everything, execute the notebooks, build the book
	$(BIN)/python -m tools.notebooks check
	PYTHONPATH="$(CURDIR)/_build/site" OMP_NUM_THREADS=1 $(BIN)/python -m tools.execute
	$(BIN)/jupyter-book build . --all -W -n --keep-going
	@echo
	@echo "The book is in $(HTML). Open $(HTML)/index.html, or run: make serve"

serve:  ## show the built book on 127.0.0.1
	@test -f $(HTML)/index.html || { echo "There is no book yet; run: make book"; exit 1; }
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(HTML) $(PORT)

slides:  ## make slides for a lecture from the built book
	@test -f $(HTML)/index.html || { echo "There is no book yet; run: make book"; exit 1; }
	$(BIN)/python -m tools.slides

pdf:  ## print the built book: one PDF, made with a Chromium
	$(BIN)/python -m tools.pdf

zip:  ## pack the built book, the notebooks and the library: one archive that needs no server
	$(BIN)/python -m tools.archive

test: book  ## build the book and run all tests
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

# The library by itself, in an environment of its own. torch 2.11 fakes no GPU on a machine without a driver, and its
# exporter writes other bytes than the one that wrote the recorded files.
LIBRARY_TESTS := $(addprefix tests/,common cost data doctor export gates networks training weights)
oldest: PYTHON := python3.12
oldest: SET := 'torch==2.11.*' 'torchvision==0.26.*'
oldest: LEFT_OUT := --ignore tests/training/test_cuda_without_a_gpu.py \
  --deselect tests/export/test_training_step.py::test_the_same_network_gives_the_same_file
newest: PYTHON := python3.13
newest: SET := --upgrade --upgrade-strategy eager
oldest:  ## run the library's tests with the oldest torch that it supports
newest:  ## run them with the newest of everything
oldest newest:
	$(PYTHON) -m venv .venv-$@
	.venv-$@/bin/python -m pip install --quiet $(SET) --editable '.[dev]'
	.venv-$@/bin/python -m pytest -n auto --dist loadfile $(LIBRARY_TESTS) $(LEFT_OUT)

lint: .venv/.installed $(SPELLING)/node_modules/.package-lock.json  ## style, types, floors, spelling, notebooks in step
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tools.notebooks check
	$(BIN)/node $(SPELLING)/node_modules/cspell/bin.mjs lint --config $(SPELLING)/cspell.json --no-progress

notebooks: .venv/.installed  ## make the .ipynb from the .md
	$(BIN)/python -m tools.notebooks write

drawings: .venv/.installed  ## make the drawings of book/ anew
	$(BIN)/python -m tools.drawings

heights: .venv/.installed  ## measure anew how high each figure is
	$(BIN)/python -m tools.heights

# Without the photographs: these need your own copy, by --data. book/results.md has the commands.
results: .venv/.installed  ## run what is not on record yet, and rewrite the results page and the chapters' tables
	$(BIN)/python -m senet_lib.book.experiments run context-world
	$(BIN)/python -m senet_lib.book.experiments run context-world-reduction --seeds 8
	for name in bottleneck placement squeeze gate depth attention specimens questions; do $(BIN)/python -m senet_lib.book.experiments run context-world-$$name || exit 1; done
	for gap in 1 4 8 12 16 20; do $(BIN)/python -m senet_lib.book.experiments run distance-$$gap || exit 1; done
	for gap in 8 12; do $(BIN)/python -m senet_lib.book.experiments run distance-$$gap-patient --seeds 3 || exit 1; done
	$(BIN)/python -m senet_lib.book.experiments run pair-world
	$(BIN)/python -m senet_lib.book.experiments run digits --seeds 20
	for name in specimens questions; do $(BIN)/python -m senet_lib.book.experiments run digits-$$name || exit 1; done
	for name in context-world digits; do $(BIN)/python -m senet_lib.book.experiments run $$name-gates --seeds 8 || exit 1; done
	$(BIN)/python -m senet_lib.book.experiments.class_gates_record
	$(BIN)/python -m senet_lib.book.experiments.find_the_fault_record
	$(BIN)/python -m senet_lib.book.experiments report
	$(BIN)/python -m tools.notebooks write

bench: .venv/.installed  ## time figures, pages, blocks, networks and input pipelines
	$(BIN)/python -m benchmarks.figures
	$(BIN)/python -m benchmarks.pages
	$(BIN)/python -m benchmarks.se_block
	$(BIN)/python -m benchmarks.networks
	MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=4294967296 $(BIN)/python -m benchmarks.input_pipeline

clean:  ## remove what was built, keep the environment
	rm -rf _build

.venv/.installed: requirements.txt requirements-book.txt requirements-dev.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than 3.11; name a newer one, for example: make book PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[book,dev]'
	@touch $@

# No package needs its install scripts, and they would look for a node on the PATH.
node_modules/.package-lock.json: package.json package-lock.json .venv/.installed
	$(BIN)/npm ci --silent --ignore-scripts
	@touch $@

$(SPELLING)/node_modules/.package-lock.json: $(SPELLING)/package.json $(SPELLING)/package-lock.json .venv/.installed
	cd $(SPELLING) && ../../$(BIN)/npm ci --silent --ignore-scripts
	@touch $@

# Only what the pages load. The licence comes last, so that an interrupted copy does not look finished.
_build/extra/vendor/katex/LICENSE: node_modules/.package-lock.json
	@rm -rf $(@D) && mkdir -p $(@D)/fonts
	cp node_modules/katex/dist/katex.min.css $(@D)
	cp node_modules/katex/dist/fonts/*.woff2 $(@D)/fonts
	cp node_modules/katex/LICENSE $@

# The letters of the pages, of all weights that they use, upright: browsers slant them well.
_build/letters.css: node_modules/.package-lock.json tools/letters.py $(shell find book notebooks senet_lib/book -name "*.md" -o -name "*.bib" -o -name "*.js" -o -name "*.py")
	@mkdir -p _build/extra/vendor/inter
	cp node_modules/@fontsource-variable/inter/LICENSE _build/extra/vendor/inter
	$(BIN)/python -m tools.letters $@

# What runs networks in the page on one thread, and what trains them by WebGPU where there is a GPU. The package for the browser has no licence with it; the one
# for Python, of the same version, has.
_build/extra/vendor/onnxruntime/LICENSE: node_modules/.package-lock.json senet_lib/book/figures/parts/training_webgpu.js
	@rm -rf $(@D) && mkdir -p $(@D)
	cp $(foreach kind,wasm jspi,node_modules/onnxruntime-web/dist/ort.$(kind).bundle.min.mjs) $(@D)
	cp $(addprefix node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded,.wasm .jspi.wasm) $(@D)
	cp senet_lib/book/figures/parts/training_webgpu.js $(@D)/training_webgpu.mjs
	cp .venv/lib/python3*/site-packages/onnxruntime/ThirdPartyNotices.txt $(@D)
	cp .venv/lib/python3*/site-packages/onnxruntime/LICENSE $@

# What reads and writes ONNX files in the page: Long.js, protobuf.js, and what its pbjs makes of ONNX's own description.
ONNX_PROTO := long/umd/index.js protobufjs/dist/minimal/protobuf.min.js
_build/extra/vendor/onnx_proto/LICENSE: node_modules/.package-lock.json
	@rm -rf $(@D) && mkdir -p $(@D)
	$(BIN)/node node_modules/protobufjs-cli/bin/pbjs --target static-module --wrap closure --root onnx --keep-case --no-create \
	  --no-verify --no-delimited --no-convert --no-comments --no-typeurl --out $(@D)/long.js .venv/lib/python3*/site-packages/onnx/onnx-ml.proto
	$(BIN)/node node_modules/terser/bin/terser $(addprefix node_modules/,$(ONNX_PROTO)) $(@D)/long.js --compress --mangle --comments false --output $(@D)/onnx_proto.js
	@rm $(@D)/long.js
	cat node_modules/protobufjs/LICENSE node_modules/long/LICENSE .venv/lib/python3*/site-packages/onnx-*.dist-info/licenses/LICENSE > $@

# The trained networks, for the figures that run them in the page; and one of others, with its licence.
_build/extra/networks: $(wildcard results/networks/*.onnx) $(wildcard results/borrowed_networks/*)
	@rm -rf $@ && mkdir -p $@
	$(if $^,cp $^ $@)

# The contestants of the laboratory; with them, and with what runs them, as scripts for a page from a folder.
_build/extra/networks/training: $(wildcard results/training_steps/*) _build/extra/networks tools/as_scripts.py _build/extra/vendor/onnxruntime/LICENSE _build/extra/vendor/onnx_proto/LICENSE
	@rm -rf $@ && mkdir -p $@
	$(if $(filter results/training_steps/%,$^),cp $(filter results/training_steps/%,$^) $@)
	$(BIN)/python -m tools.as_scripts
	@touch $@

# The library's wheel, and the library as pip installs it, for the notebooks. The wheel is built from a source archive, so
# that nothing of an earlier build gets into it. The cache of executed notebooks knows their text, not the library's, nor
# the records: forget it when these change.
_build/.library: $(shell find senet_lib -name "*.py" -o -name "*.pyi" -o -name "*.js" -o -name "*.css" -o -name "*.json" -o -name "*.safetensors" -o -name "*.svg" -o -name "*.png" -o -name "*.ttf") $(wildcard results/*.json) .venv/.installed
	@rm -rf _build/.jupyter_cache _build/site _build/senet_lib-*
	SOURCE_DATE_EPOCH=315532800 $(BIN)/python -m build --quiet --no-isolation --outdir _build
	$(BIN)/python -m pip install --quiet --no-deps --target _build/site _build/senet_lib-*.whl
	@touch $@

# The commands of the book. CONTRIBUTING.md gives each one for people without make.

PYTHON ?= python3
ENV := .venv
PY := $(ENV)/bin/python
# Python compiles a module when it is first imported: most of them never are.
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-compile

# One fixed environment for everything that runs notebooks: seeds, threads, no network.
export PYTHONHASHSEED := 0
export OMP_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export HF_HUB_OFFLINE := 1
export LESSONS_LIB_OFFLINE := 1
export TQDM_DISABLE := 1
# glibc keeps memory that was freed: PyTorch's large arrays would ask the system for it each time.
export MALLOC_MMAP_MAX_ := 0
export MALLOC_TRIM_THRESHOLD_ := 17179869184

# What PyTorch and NumPy of requirements.txt are built for.
CHECK_PYTHON = @$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14) and \
	'expected Python 3.11 to 3.14, got ' + sys.version.split()[0])"

.PHONY: help book test serve weave notebooks model style lock clean \
	teaching references quick pdf zip wheel publish links visit colab oldest newest questions slides

help:
	@echo "make book       build both editions; prints where to open them"
	@echo "make test       check everything: library, notebooks, house rules, pages in a browser"
	@echo "make serve      build, then serve the book on this machine"
	@echo "make weave      write the library's code into the notebooks' build cells"
	@echo "make notebooks  run all notebooks in place and store their outputs"
	@echo "make model      train the book's own models again and store them in the package"
	@echo "make style      format and lint"
	@echo "make lock       renew requirements.txt from pyproject.toml"
	@echo "make teaching   renew the tables of the page on teaching; make references those of works"
	@echo "make quick      check the library alone: no notebooks, no pages"
	@echo "make pdf        print each edition; make zip packs the site for reading offline"
	@echo "make wheel      build the library's wheel; make publish the notebooks for Colab"
	@echo "make slides     make the slides of every chapter, in both languages, for reading offline"
	@echo "make questions  export the question bank in every format and both languages"
	@echo "make links      renew the list of links to other sites; make visit requests each"
	@echo "make colab      run the published notebooks with Colab's packages"
	@echo "make oldest     test the library with the oldest packages allowed; make newest the newest"
	@echo "make clean      remove what was built, the environment included"

$(ENV)/ready: requirements.txt pyproject.toml
	$(CHECK_PYTHON)
	@echo "Setting up the environment in $(ENV): some minutes the first time"
	@$(PYTHON) -m venv $(ENV)
	@$(PIP) --requirement requirements.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

book: $(ENV)/ready
	@$(PY) -m tools.site

serve: book
	@$(PY) -m tools.site --serve

test: $(ENV)/ready
	@$(PY) -m tools.browser --ensure
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder --durations 15 \
		--doctest-modules --nbval --nbval-current-env tests lessons_lib book/en book/es

weave: $(ENV)/ready
	@$(PY) -m tools.weave

# Optional real texts may be fetched here; what the notebooks compute stays offline.
notebooks: $(ENV)/ready weave
	@$(PY) -m tools.notebooks

# Some minutes; CONTRIBUTING.md tells when.
model: $(ENV)/ready
	OMP_NUM_THREADS=2 MKL_NUM_THREADS=2 TQDM_DISABLE= $(PY) -m tools.story_models
	OMP_NUM_THREADS=2 MKL_NUM_THREADS=2 TQDM_DISABLE= $(PY) -m tools.chat_model
	OMP_NUM_THREADS=2 MKL_NUM_THREADS=2 TQDM_DISABLE= $(PY) -m tools.chat_adapter
	OMP_NUM_THREADS=2 MKL_NUM_THREADS=2 TQDM_DISABLE= $(PY) -m tools.clip_model
	OMP_NUM_THREADS=2 MKL_NUM_THREADS=2 TQDM_DISABLE= $(PY) -m tools.dit_model
	$(PY) -m tools.painted
	$(PY) -m tools.traces

style: $(ENV)/ready
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

lock: $(ENV)/ready
	$(PY) -m tools.lock

teaching: $(ENV)/ready
	@$(PY) -m tools.teaching
	@$(PY) -m tools.lessons

references: $(ENV)/ready
	@$(PY) -m tools.references

quick: $(ENV)/ready
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder --durations 15 \
		--doctest-modules -m "not site" tests lessons_lib

pdf: book
	@$(PY) -m tools.browser --ensure
	@$(PY) -m tools.pdf

zip: book
	@$(PY) -m tools.release zip

slides: $(ENV)/ready
	@$(PY) -m tools.slides

wheel: $(ENV)/ready
	@$(PY) -m tools.wheel

publish: $(ENV)/ready
	@$(PY) -m tools.publish

questions: $(ENV)/ready
	@$(PY) -m lessons_lib.classroom.questions export --format all --language all --seeds 5 \
		--out _build/questions

links: book
	@$(PY) -m tools.links

# Without the environment: nothing but Python is needed.
visit:
	$(CHECK_PYTHON)
	@$(PYTHON) -m tools.links --visit

colab: $(ENV)/ready
	@$(PY) -m tools.colab_check

# Some gigabytes and half an hour each, in environments of their own.
oldest newest:
	$(CHECK_PYTHON)
	@$(PYTHON) -m tools.bounds $@

clean:
	rm -rf $(ENV) _build build dist *.egg-info

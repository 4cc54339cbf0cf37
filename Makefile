# The same words as `python3 dev.py …`, for fingers used to make. ARGS passes the rest: make test ARGS="--long"
PYTHON ?= python3
.DEFAULT_GOAL := run
.PHONY: run test check bench shots i18n migration
run test check bench shots i18n migration:
	@$(PYTHON) dev.py $@ $(ARGS)

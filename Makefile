.DEFAULT_GOAL := help
MODULES := proto libs services

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n",$$1,$$2}' $(MAKEFILE_LIST)

build: ## build everything
	@go build work

test: ## set up what is needed and run every test
	@go vet work && go test work

.PHONY: help build test

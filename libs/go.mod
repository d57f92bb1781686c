module github.com/chancery-dev/chancery/libs

go 1.26.0

require (
	github.com/google/go-cmp v0.7.0
	google.golang.org/protobuf v1.36.12
)

replace github.com/chancery-dev/chancery/proto => ../proto

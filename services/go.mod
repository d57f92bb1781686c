module github.com/chancery-dev/chancery/services

go 1.26.0

require (
	github.com/chancery-dev/chancery/libs v0.0.0
	github.com/chancery-dev/chancery/proto v0.0.0
)

replace (
	github.com/chancery-dev/chancery/libs => ../libs
	github.com/chancery-dev/chancery/proto => ../proto
)

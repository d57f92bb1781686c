// Command write prints the list of every event.
package main

import (
	"fmt"
	"os"

	"github.com/chancery-dev/chancery/services/audit/internal/eventdoc"
)

func main() {
	if _, err := fmt.Print(eventdoc.Markdown()); err != nil {
		os.Exit(1)
	}
}

package eventdoc

import (
	"os"
	"testing"
)

func TestTheDocumentIsThatOfTheContract(t *testing.T) {
	written, err := os.ReadFile("../../../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(written) != Markdown() {
		t.Fatal("docs/events.md is stale: run scripts/events")
	}
}

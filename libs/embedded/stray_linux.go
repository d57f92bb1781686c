package embedded

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// runs tells whether pid is a server of this folder, and not another program that got its number.
func (h home) runs(pid int) bool {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	line, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	if err != nil {
		return false
	}
	return strings.Contains(string(line), h.data())
}

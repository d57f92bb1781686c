//go:build unix && !linux

package embedded

import (
	"os/exec"
	"strconv"
	"strings"
)

// runs tells whether pid is a server of this folder, and not another program that got its number.
func (h home) runs(pid int) bool {
	line, err := exec.Command("ps", "-ww", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(string(line), h.data())
}

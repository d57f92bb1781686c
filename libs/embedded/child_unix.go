//go:build unix && !linux

package embedded

import (
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// startChild starts a process out of reach of the terminal's signals; a shell that waits for the end of a pipe only we
// hold interrupts it when we end.
func startChild(command *exec.Cmd) (*child, error) {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Setpgid = true
	if err := command.Start(); err != nil {
		return nil, err
	}
	watch := exec.Command("/bin/sh", "-c", "read -r _; kill -INT "+strconv.Itoa(command.Process.Pid))
	watch.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: command.SysProcAttr.Credential}
	var hold io.WriteCloser
	hold, err := watch.StdinPipe()
	if err == nil {
		err = watch.Start()
	}
	if err != nil {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait()
		return nil, err
	}
	c := &child{command: command, done: make(chan struct{})}
	go func() {
		c.err = command.Wait()
		_ = watch.Process.Kill()
		_ = watch.Wait()
		hold.Close()
		close(c.done)
	}()
	return c, nil
}

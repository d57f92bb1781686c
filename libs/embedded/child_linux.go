package embedded

import (
	"os/exec"
	"runtime"
	"syscall"
)

// startChild starts a process out of reach of the terminal's signals, interrupted by the kernel when we end.
func startChild(command *exec.Cmd) (*child, error) {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Setpgid = true
	command.SysProcAttr.Pdeathsig = syscall.SIGINT
	c := &child{command: command, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel ties the child to the thread that started it, not to the process: the thread must live as long.
		runtime.LockOSThread()
		err := command.Start()
		started <- err
		if err != nil {
			return
		}
		c.err = command.Wait()
		close(c.done)
	}()
	return c, <-started
}

package embedded

import (
	"context"
	"os/exec"
	"syscall"
)

// Process is a process that ends at the latest with the one that started it, and that the terminal's signals do not reach.
type Process struct{ child *child }

// StartProcess starts a command as a Process.
func StartProcess(command *exec.Cmd) (*Process, error) {
	c, err := startChild(command)
	if err != nil {
		return nil, err
	}
	return &Process{c}, nil
}

// PID is the process's id.
func (p *Process) PID() int { return p.child.command.Process.Pid }

// Done is closed when the process has ended; Err then says how.
func (p *Process) Done() <-chan struct{} { return p.child.done }

// Err is how an ended process ended: nil if with exit code 0.
func (p *Process) Err() error { return p.child.err }

// Stop asks the process to end and kills it when ctx ends before it has.
func (p *Process) Stop(ctx context.Context) error {
	p.child.signal(syscall.SIGTERM)
	select {
	case <-p.child.done:
	case <-ctx.Done():
		p.child.signal(syscall.SIGKILL)
		<-p.child.done
	}
	return p.child.err
}

package embedded

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// natsLog passes the server's words on and remembers those after which it stores nothing any more: the server itself
// only logs them, answers no publish to that stream and calls itself healthy.
type natsLog struct {
	to    *slog.Logger
	fatal chan string

	mu      sync.Mutex
	stopped string
}

func newNATSLog(to *slog.Logger) *natsLog {
	if to == nil {
		to = slog.New(slog.DiscardHandler)
	}
	return &natsLog{to: to, fatal: make(chan string, 1)}
}

func (l *natsLog) whyStopped() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped
}

func (l *natsLog) grave(text string) {
	l.to.Error("nats: " + text)
	l.mu.Lock()
	defer l.mu.Unlock()
	known := strings.ToLower(text)
	if l.stopped == "" && (strings.Contains(known, "critical write error") || strings.Contains(known, "will be disabled")) {
		l.stopped = text
	}
}

func (l *natsLog) Noticef(format string, v ...any) { l.to.Debug("nats: " + fmt.Sprintf(format, v...)) }
func (l *natsLog) Warnf(format string, v ...any)   { l.to.Warn("nats: " + fmt.Sprintf(format, v...)) }
func (l *natsLog) Debugf(string, ...any)           {}
func (l *natsLog) Tracef(string, ...any)           {}
func (l *natsLog) Errorf(format string, v ...any)  { l.grave(fmt.Sprintf(format, v...)) }

func (l *natsLog) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.grave(text)
	select {
	case l.fatal <- text:
	default:
	}
}

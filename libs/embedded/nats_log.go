package embedded

import (
	"fmt"
	"log/slog"
	"sync"
)

// natsLog passes the server's words on and remembers those that say why it cannot go on.
type natsLog struct {
	to    *slog.Logger
	fatal chan string

	mu    sync.Mutex
	grave string
}

func newNATSLog(to *slog.Logger) *natsLog {
	if to == nil {
		to = slog.New(slog.DiscardHandler)
	}
	return &natsLog{to: to, fatal: make(chan string, 1)}
}

func (l *natsLog) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.grave
}

func (l *natsLog) remember(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.grave = text
}

func (l *natsLog) Noticef(format string, v ...any) { l.to.Debug("nats: " + fmt.Sprintf(format, v...)) }
func (l *natsLog) Warnf(format string, v ...any)   { l.to.Warn("nats: " + fmt.Sprintf(format, v...)) }
func (l *natsLog) Debugf(string, ...any)           {}
func (l *natsLog) Tracef(string, ...any)           {}

func (l *natsLog) Errorf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.remember(text)
	l.to.Error("nats: " + text)
}

func (l *natsLog) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	l.remember(text)
	l.to.Error("nats: " + text)
	select {
	case l.fatal <- text:
	default:
	}
}

package gateway

import "context"

// Flush writes down what was counted so far, instead of within a minute.
func (l *Library) Flush(ctx context.Context) {
	l.book.WriteDenials(ctx, true)
	l.book.WriteUsage(ctx)
}

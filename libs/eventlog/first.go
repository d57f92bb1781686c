package eventlog

import "context"

// ActivityFirst is the oldest position ACTIVITY still keeps, one beyond the last when it keeps none.
func (l *Log) ActivityFirst(ctx context.Context) (uint64, error) {
	ctx, cancel := l.bound(ctx)
	defer cancel()
	return retried(ctx, l.server.patience, func(ctx context.Context) (uint64, error) {
		s, err := l.server.js.Stream(ctx, streamActivity)
		if err != nil {
			return 0, err
		}
		state := s.CachedInfo().State
		if state.Msgs == 0 {
			return state.LastSeq + 1, nil
		}
		return state.FirstSeq, nil
	})
}

// ActivityTail is the newest position of ACTIVITY.
func (l *Log) ActivityTail(ctx context.Context) (uint64, error) {
	return l.lastSequence(ctx, streamActivity)
}

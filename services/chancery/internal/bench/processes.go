package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/chancery-dev/chancery/services/chancery/internal/suite"
)

// tick is what /proc counts CPU time in: USER_HZ, 100 on every Linux.
const tick = 10 * time.Millisecond

// spentBy sums the user and system time so far of the suite's processes of these names and of their children: Postgres does
// its work in one process a connection.
func spentBy(s *suite.Suite, names ...string) (time.Duration, error) {
	parents, times, err := processes()
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, p := range s.Processes() {
		for _, name := range names {
			if p.Name != name {
				continue
			}
			for pid, used := range times {
				if pid == p.PID || parents[pid] == p.PID {
					sum += used
				}
			}
		}
	}
	return sum, nil
}

// processes reads every process's parent and CPU time.
func processes() (parents map[int]int, times map[int]time.Duration, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, nil, fmt.Errorf("CPU of other processes is read on Linux alone: %w", err)
	}
	parents, times = map[int]int{}, map[int]time.Duration{}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it has ended
		}
		// The second field is a name in brackets, which may hold anything; state, parent and so on follow.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) < 13 {
			continue
		}
		parents[pid], _ = strconv.Atoi(fields[1])
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		times[pid] = time.Duration(user+system) * tick
	}
	return parents, times, nil
}

// spent runs f and says what CPU the named processes used meanwhile.
func spent(s *suite.Suite, f func() (sample, error), names ...string) (sample, error) {
	before, err := spentBy(s, names...)
	if err != nil {
		return sample{}, err
	}
	out, err := f()
	if err != nil {
		return out, err
	}
	after, err := spentBy(s, names...)
	out.cpu = after - before
	return out, err
}
